//! The result for an overlay: its text, and the consequences for the other files.

use serde_json::{Value, json};

/// Where Azurite listens by default: blob, queue, table.
pub(super) const DEFAULT_PORTS: [u16; 3] = [10000, 10001, 10002];

/// azup's compose file, and its consequences for the other files.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Overlay {
    /// The contents of `.devcontainer/azurite/docker-compose.yml`.
    pub text: String,
    /// The service that is Azurite: for `runServices` and messages.
    pub service: String,
    /// The host of Azurite's URLs inside the dev container: `127.0.0.1`, else the service.
    pub host: String,
    /// The ports of blob, queue and table there; `None` for a service that does not run.
    pub ports: [Option<u16>; 3],
    /// The additional names that the certificate needs.
    pub sans: Vec<String>,
    /// The ports that compose already publishes on the host under the same number: forwarding them
    /// as well would clash.
    pub published: Vec<u16>,
    /// If the Azurite is the user's.
    pub adopted: Option<Adopted>,
}

impl Overlay {
    /// The elements for `forwardPorts` in devcontainer.json: numbers, or `"host:port"` if Azurite
    /// is reached by a name. As strings they are the keys of `portsAttributes`. Each comes with its
    /// service: `blob`, `queue` or `table`.
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

/// The user's Azurite, which the overlay completes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Adopted {
    /// The name of its service.
    pub service: String,
    /// What the overlay supplies, each in a few words for the report ("the flag --oauth basic").
    /// Empty if nothing was missing.
    pub added: Vec<String>,
    /// What the user has to know, each a sentence: a certificate of their own, another
    /// URL, another account. Empty in most projects.
    pub notes: Vec<String>,
    /// The host of its URLs inside the dev container: `127.0.0.1`, else its service.
    pub url_host: String,
    /// The additional names that the certificate needs.
    pub sans: Vec<String>,
    /// What `runServices` in devcontainer.json must list so that it starts: only if a profile keeps
    /// it from starting, and none is listed yet.
    pub run_services: Option<Vec<String>>,
}
