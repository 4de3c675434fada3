//! What an overlay comes to: its text, and what follows from it for the other files.

use serde_json::{Value, json};

/// Where Azurite listens by itself: blob, queue, table.
pub(super) const DEFAULT_PORTS: [u16; 3] = [10000, 10001, 10002];

/// What azup's compose file says, and what follows from it for the other files.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Overlay {
    /// All of `.devcontainer/azurite/docker-compose.yml`.
    pub text: String,
    /// The service that is Azurite: for `runServices` and messages.
    pub service: String,
    /// The host of Azurite's URLs inside the dev container: `127.0.0.1`, else the service.
    pub host: String,
    /// The ports of blob, queue and table there; `None` for one that does not run.
    pub ports: [Option<u16>; 3],
    /// Names that the certificate needs beside those it always has.
    pub sans: Vec<String>,
    /// The ports that compose publishes on the host already, under the same number:
    /// forwarding them as well would clash.
    pub published: Vec<u16>,
    /// Where the Azurite is the user's.
    pub adopted: Option<Adopted>,
}

impl Overlay {
    /// The elements for `forwardPorts` in devcontainer.json: numbers, or `"host:port"`
    /// where Azurite is reached by a name. As text they are the keys of `portsAttributes`.
    /// Each comes with what it carries: `blob`, `queue` or `table`.
    pub fn forward_ports(&self) -> Vec<(&'static str, Value)> {
        ["blob", "queue", "table"]
            .into_iter()
            .zip(self.ports)
            .filter_map(|(what, port)| Some((what, port?)))
            .filter(|(_, port)| !self.published.contains(port))
            .map(|(what, port)| {
                let element = if self.host == "127.0.0.1" {
                    json!(port)
                } else {
                    json!(format!("{}:{port}", self.host))
                };
                (what, element)
            })
            .collect()
    }
}

/// An Azurite of the user's that the overlay completes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Adopted {
    /// The name of its service.
    pub service: String,
    /// What the overlay supplies, each in a few words for the report ("the flag
    /// --oauth basic"). Empty where nothing was missing.
    pub added: Vec<String>,
    /// What the user has to know, each a sentence: a certificate of their own, another
    /// URL, another account. Empty in most projects.
    pub notes: Vec<String>,
    /// The host of its URLs inside the dev container: `127.0.0.1`, else its service.
    pub url_host: String,
    /// Names that the certificate needs beside those it always has.
    pub sans: Vec<String>,
    /// What `runServices` in devcontainer.json has to list so that it starts: only where
    /// a profile keeps it from starting, and none is listed so far.
    pub run_services: Option<Vec<String>>,
}
