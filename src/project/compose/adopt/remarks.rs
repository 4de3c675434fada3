//! What the user has to know about their own Azurite.

use super::Work;
use crate::project::compose::reach::Reach;
use crate::project::compose::text::expand;

impl Work<'_> {
    pub(super) fn remarks(&mut self, reach: &Reach) {
        if reach.host != "127.0.0.1" {
            self.notes.push(format!(
                "it keeps its network: inside the dev container its URLs begin with https://{}",
                reach.host
            ));
        }
        let remapped = self.service.ports().into_iter().find_map(|port| {
            let (target, published) = (port.target?, port.published?);
            (target != published).then_some((target.0, published.0))
        });
        if let Some((target, published)) = remapped {
            self.notes.push(format!(
                "its port {target} is {published} on the host: URLs there differ"
            ));
        }
        if let Some(accounts) = self.service.environment("AZURITE_ACCOUNTS") {
            let name = accounts.as_deref().and_then(expand);
            let name = name.as_deref().and_then(|text| text.split(':').next());
            match name {
                Some("devstoreaccount1") => {}
                Some(name) => self.notes.push(format!(
                    "AZURITE_ACCOUNTS replaces devstoreaccount1: URLs end with /{name}"
                )),
                None => self.notes.push(
                    "AZURITE_ACCOUNTS replaces devstoreaccount1: URLs end with that name"
                        .to_owned(),
                ),
            }
        }
        if let Some(user) = self.service.field("user").map(ToString::to_string) {
            let user = user.trim_matches('"').to_owned();
            if !["root", "0", "0:0"].contains(&user.as_str()) {
                self.notes.push(format!(
                    "it runs as the user {user}, who has to be able to read key.pem"
                ));
            }
        }
    }
}
