//! Azurite on this machine, without Docker: installed, its process started over HTTPS with OAuth,
//! and proved to work. Only `supervisor` knows which process runs it, and until when.
//!
//! ```text
//! AzuriteOptions ─▶ prepare ────────────────────▶ process ───────────▶ probe
//!                   certificates, Node.js, install  start, log, stop   TLS, round trip
//! ```
//!
//! Azurite itself silently serves an expired certificate, plain HTTP if the key is missing, and the
//! same data from two processes at once (measured). So all of these are checked here before it
//! starts.

pub mod accounts;
pub mod command;
pub mod cors;
pub mod data;
pub mod install;
pub mod look;
pub mod node;
mod partial;
pub mod planted;
pub mod prepare;
pub mod probe;
pub mod process;

use std::ffi::OsString;

use anyhow::Result;
use serde::{Deserialize, Serialize};

use crate::failure::{Exit, Failure};
use crate::identity::Login;
use crate::machine::Machine;
use crate::options::{ConnectionOptions, Named, RunOptions, UpOptions};

pub use accounts::{Account, known as known_account};
pub use command::SERVE;
pub use cors::allows;
pub use data::{Data, named_database, usual as usual_data};
pub use install::RECORD as BROUGHT_ALONG;
pub use look::{Ask, Listener, Seen, ask, get_plain, installed, look};
pub use node::{Consent, Node};
pub use prepare::{Ready, prepare, preview};

/// The one version of Azurite that azup runs. On Node.js 20 npm would silently choose an older one
/// (measured), so it is always named.
pub const VERSION: &str = "3.37.0";

/// The account that every Azurite has.
pub const ACCOUNT: &str = "devstoreaccount1";

/// The only address that Azurite listens on.
pub const ADDRESS: std::net::Ipv4Addr = std::net::Ipv4Addr::LOCALHOST;

/// What the command line asks for.
#[derive(Clone, Debug)]
pub struct AzuriteOptions {
    /// Where the three services listen.
    pub ports: Ports,
    /// The port on which SDKs request access tokens; `None`: no endpoint.
    pub identity: Option<u16>,
    /// The audiences of local tokens, in addition to Azure Storage.
    pub audiences: Vec<String>,
    /// The login that is asked for other tokens.
    pub forward: Option<Login>,
    pub data: Data,
    /// Additional names for a new certificate.
    pub sans: Vec<String>,
    /// Accounts in addition to Azurite's own.
    pub accounts: Vec<Named>,
    /// Whether plain HTTP is refused.
    pub https_only: bool,
    /// The origins whose web pages may call it.
    pub cors: Vec<String>,
    /// Options of Azurite's own.
    pub passed_on: Vec<OsString>,
    /// Whether it ends when no `azup run` needs it any more.
    pub while_used: bool,
    /// Whether it ends with the program that started it, and serves no other.
    pub until_eof: bool,
    /// Whether a Node.js may be downloaded if there is none.
    pub download: Consent,
}

impl AzuriteOptions {
    /// Parses the command line; `forward` is the login that it names for tokens.
    ///
    /// # Errors
    /// If two ports are the same or one is 0 (exit code 2), or if the user has no home folder and
    /// names no folder for the data.
    pub fn new(up: &UpOptions, forward: Option<Login>, machine: &Machine) -> Result<Self> {
        let ports = Ports {
            blob: up.blob_port,
            queue: up.queue_port,
            table: up.table_port,
        };
        let identity = up.identity_port;
        // A fixture's ports are checked once they are known.
        if !up.until_eof {
            ports.check(identity)?;
        }
        Ok(Self {
            ports,
            identity,
            audiences: up.tokens.audiences.clone(),
            forward,
            data: Data::new(up.location.as_deref(), up.in_memory, machine)?,
            sans: up.sans.clone(),
            accounts: up.accounts.clone(),
            https_only: up.https_only,
            cors: cors::checked(&up.cors)?,
            passed_on: passed_on(&up.azurite)?,
            while_used: up.while_used,
            until_eof: up.until_eof,
            download: match (up.yes, up.until_eof) {
                (true, _) => Consent::Given,
                (false, true) => Consent::Withheld,
                (false, false) => Consent::Asked,
            },
        })
    }

    /// What `azup run` starts if nothing answers. It serves tokens itself.
    pub fn for_run(run: &RunOptions, ports: Ports, machine: &Machine) -> Result<Self> {
        Ok(Self {
            ports,
            identity: None,
            audiences: Vec::new(),
            forward: None,
            data: Data::new(run.location.as_deref(), run.in_memory, machine)?,
            sans: Vec::new(),
            accounts: run.account.iter().cloned().collect(),
            https_only: false,
            cors: Vec::new(),
            passed_on: Vec::new(),
            while_used: true,
            until_eof: false,
            download: Consent::Withheld,
        })
    }
}

/// The Azurite options, without those that azup sets itself and checks afterwards.
fn passed_on(options: &[OsString]) -> Result<Vec<OsString>> {
    const OURS: [(&str, &str); 14] = [
        ("-l", "--location"),
        ("--location", "--location"),
        ("--inMemoryPersistence", "--in-memory"),
        ("--blobHost", "--port"),
        ("--queueHost", "--port"),
        ("--tableHost", "--port"),
        ("--blobPort", "--blob-port"),
        ("--queuePort", "--queue-port"),
        ("--tablePort", "--table-port"),
        ("--cert", "--certs"),
        ("--key", "--certs"),
        ("--pwd", "--certs"),
        ("--oauth", ""),
        ("--disableProductStyleUrl", ""),
    ];
    for option in options {
        let text = option.to_string_lossy();
        let name = text.split('=').next().unwrap_or_default();
        if let Some((_, ours)) = OURS.iter().find(|(theirs, _)| *theirs == name) {
            let what = format!("{name} cannot be passed on to Azurite: azup sets it itself");
            let hint = if ours.is_empty() {
                "azup help up".to_owned()
            } else {
                format!("azup help up | grep -A 1 -e {ours}")
            };
            return Err(Failure::new(what).hint(hint).exit(Exit::Usage).into());
        }
    }
    Ok(options.to_vec())
}

/// The ports of the three services on 127.0.0.1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ports {
    pub blob: u16,
    pub queue: u16,
    pub table: u16,
}

impl Ports {
    /// The default ports.
    pub const USUAL: Self = Self {
        blob: 10000,
        queue: 10001,
        table: 10002,
    };

    /// The named ports, and the rest from `others`.
    pub fn named(told: &ConnectionOptions, others: Self) -> Self {
        Self {
            blob: told.blob_port.unwrap_or(others.blob),
            queue: told.queue_port.unwrap_or(others.queue),
            table: told.table_port.unwrap_or(others.table),
        }
    }

    /// Whether they have a port in common.
    pub fn overlap(self, other: Self) -> bool {
        let theirs = other.services().map(|(_, port)| port);
        self.services().iter().any(|(_, port)| theirs.contains(port))
    }

    /// Whether no process listens on any of them.
    pub fn are_free(self) -> bool {
        let services = self.services();
        services.iter().all(|(_, port)| std::net::TcpListener::bind((ADDRESS, *port)).is_ok())
    }

    /// Each service with its port.
    pub fn services(self) -> [(Service, u16); 3] {
        [
            (Service::Blob, self.blob),
            (Service::Queue, self.queue),
            (Service::Table, self.table),
        ]
    }

    pub fn check(self, identity: Option<u16>) -> Result<()> {
        let usage = |what: String| {
            Failure::new(what)
                .exit(Exit::Usage)
                .hint("azup up --port 10000")
        };
        let services = self
            .services()
            .map(|(service, port)| (service.name(), port));
        let all: Vec<(&str, u16)> = services
            .into_iter()
            .chain(identity.map(|port| ("identity", port)))
            .collect();
        for (at, (name, port)) in all.iter().enumerate() {
            if *port == 0 {
                return Err(usage(format!(
                    "--{name}-port 0 is not possible: the URLs need a known port"
                ))
                .into());
            }
            if let Some((other, _)) = all[..at].iter().find(|(_, taken)| taken == port) {
                return Err(usage(format!(
                    "--{other}-port and --{name}-port are both {port}: each service needs its own"
                ))
                .into());
            }
        }
        Ok(())
    }
}

/// One of Azurite's services.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Service {
    Blob,
    Queue,
    Table,
}

impl Service {
    /// The word in options and URLs.
    pub fn name(self) -> &'static str {
        match self {
            Self::Blob => "blob",
            Self::Queue => "queue",
            Self::Table => "table",
        }
    }

    /// What precedes the version in Azurite's `Server` header (measured).
    pub fn server(self) -> &'static str {
        match self {
            Self::Blob => "Azurite-Blob/",
            Self::Queue => "Azurite-Queue/",
            Self::Table => "Azurite-Table/",
        }
    }
}

/// The URL of the account on `port`. It uses the address, not `localhost`, which the SDKs for
/// tables take for Cosmos (measured).
pub fn url(port: u16) -> String {
    format!("https://{ADDRESS}:{port}/{ACCOUNT}")
}
