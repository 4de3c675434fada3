//! The variables with which unchanged code finds Azurite, trusts it and gets its tokens: only what
//! is needed on this machine. What the user has already set is merged, never replaced.
//!
//! ```text
//! Azurite's ports, account ─▶ endpoints ┐
//! CA, the user's bundles ───▶ trust ────┼─▶ Environment ─▶ formats (azup env)
//! JDK ──────────────────────▶ java ─────┤        └───────▶ a process (azup run)
//! proxies ──────────────────▶ proxy ────┘
//! ```

mod before;
mod directory;
mod formats;
pub mod functions;
mod java;
mod merged;
mod proxy;
mod trust;

use std::ffi::{OsStr, OsString};
use std::net::ToSocketAddrs as _;
use std::process::Command;

use anyhow::Result;

use crate::azurite::{Account, Ports, Service};
use crate::certificates::TrustAnchor;
use crate::change::Change;
use crate::dotnet::kestrel;
use crate::failure::Failure;
use crate::identity::is_drawn;
use crate::machine::Machine;
use crate::options::Credential;

pub use before::before;
pub use formats::{dotenv_line, written};
pub use java::{Java, overriding as overriding_store};

/// Every Azure SDK finds azup's endpoint through this.
const ENDPOINT: &str = "IDENTITY_ENDPOINT";
const HEADER: &str = "IDENTITY_HEADER";

const THUMBPRINT: &str = "IDENTITY_SERVER_THUMBPRINT";

/// What delta-rs and `OpenDAL` read instead, each its own (measured). No Azure SDK reads them.
const ENDPOINT_OF_OTHERS: [&str; 2] = ["AZURE_MSI_ENDPOINT", "AZURE_IMDS_ENDPOINT"];
const HEADER_OF_OTHERS: &str = "AZURE_MSI_SECRET";

/// What the variables should say.
#[derive(Clone, Debug)]
pub struct EnvironmentOptions {
    /// Where Azurite is.
    pub ports: Ports,
    /// The account to use.
    pub account: Account,
    /// URLs with the account in the host name.
    pub host_style: bool,
    /// The CA to trust.
    pub ca: TrustAnchor,
    /// Where tokens come from.
    pub credential: Credential,
    /// `IDENTITY_ENDPOINT`.
    pub endpoint: String,
    /// The header of this machine.
    pub header: String,
    /// `IDENTITY_HEADER`, if it is one for this process alone.
    pub drawn: Option<String>,
    /// Which Java programs get a trust store.
    pub java: Java,
    /// Whether ASP.NET serves its own HTTPS with the same certificate.
    pub kestrel: bool,
}

/// One variable: set to a value, or (`None`) removed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Variable {
    pub name: &'static str,
    pub value: Option<OsString>,
}

/// All variables, and the files that they name.
#[derive(Debug, Default)]
pub struct Environment {
    /// In the order in which they are shown.
    pub variables: Vec<Variable>,
    /// The files that must be written first.
    pub changes: Vec<Change>,
    /// What the user should know, with the command that fixes it.
    pub warnings: Vec<Failure>,
}

impl Environment {
    /// What must be set for `wish`, given what is already set.
    pub fn plan(wish: &EnvironmentOptions, machine: &Machine) -> Result<Self> {
        let mut this = Self::default();
        let tokens = (wish.credential == Credential::Local)
            .then(|| {
                let header = wish.drawn.as_ref().unwrap_or(&wish.header);
                (wish.endpoint.clone(), header.clone())
            });
        for (name, value) in services(&wish.account, wish.ports, wish.host_style, tokens.as_ref()) {
            this.set(name, value);
        }
        this.warnings.extend(unresolved(wish));
        match wish.credential {
            Credential::Local => {
                // With it beside the two above, SDKs use Service Fabric's dialect instead.
                if machine.var(THUMBPRINT).is_some() {
                    this.unset([THUMBPRINT]);
                }
                this.warnings.extend(other_identity(machine));
            }
            Credential::Az => this.leave_to_az(wish, machine),
        }
        this.variables.extend(proxy::variables(machine));
        trust::plan(&wish.ca, machine, &mut this)?;
        java::plan(wish.java, &wish.ca, machine, &mut this)?;
        if wish.kestrel {
            match kestrel::variables(&wish.ca, machine) {
                Ok(all) => all.into_iter().for_each(|(name, path)| this.set(name, path)),
                Err(why) => this.warnings.push(why),
            }
        }
        this.warnings.extend(leading_away(machine));
        Ok(this)
    }

    /// Removes what an earlier `azup env`, or a dev container, has set. Other identities, such as
    /// App Service's own, stay.
    fn leave_to_az(&mut self, wish: &EnvironmentOptions, machine: &Machine) {
        let is_ours = |name| {
            let value = machine.var(name);
            value.is_some_and(|value| value == OsStr::new(&wish.header) || is_drawn(value))
        };
        if is_ours(HEADER) {
            self.unset([ENDPOINT, HEADER]);
        }
        if is_ours(HEADER_OF_OTHERS) {
            self.unset(ENDPOINT_OF_OTHERS.into_iter().chain([HEADER_OF_OTHERS]));
        }
    }

    fn unset(&mut self, names: impl IntoIterator<Item = &'static str>) {
        let gone = names.into_iter().map(|name| Variable { name, value: None });
        self.variables.extend(gone);
    }

    fn set(&mut self, name: &'static str, value: impl Into<OsString>) {
        let value = Some(value.into());
        self.variables.push(Variable { name, value });
    }

    /// Sets these variables for a process.
    pub fn give_to(&self, command: &mut Command) {
        for Variable { name, value } in &self.variables {
            match value {
                Some(value) => command.env(name, value),
                None => command.env_remove(name),
            };
        }
    }
}

/// Names below localhost are this machine by RFC 6761, but not every resolver agrees: Debian's own
/// asks a name server (measured).
fn unresolved(wish: &EnvironmentOptions) -> Option<Failure> {
    if !wish.host_style {
        return None;
    }
    let hosts = wish.ports.services().map(|(service, _)| wish.account.host(service));
    let missing: Vec<&str> = hosts
        .iter()
        .filter(|host| (host.as_str(), 1).to_socket_addrs().is_err())
        .map(String::as_str)
        .collect();
    let what = format!("{} does not resolve to this machine", missing.first()?);
    let line = format!("127.0.0.1 {}", missing.join(" "));
    Some(Failure::new(what).hint(format!("echo '{line}' | sudo tee -a /etc/hosts")))
}

/// Where Azurite is, and where `tokens` come from (`IDENTITY_ENDPOINT`, `IDENTITY_HEADER`):
/// independent of what else is set on this machine.
pub fn services(
    account: &Account,
    ports: Ports,
    host_style: bool,
    tokens: Option<&(String, String)>,
) -> Vec<(&'static str, String)> {
    let mut all = Vec::new();
    for (service, port) in ports.services() {
        let name = match service.name() {
            "blob" => "AZURE_STORAGE_BLOB_ENDPOINT",
            "queue" => "AZURE_STORAGE_QUEUE_ENDPOINT",
            _ => "AZURE_STORAGE_TABLE_ENDPOINT",
        };
        all.push((name, account.url(service, port, host_style)));
    }
    let blob = account.url(Service::Blob, ports.blob, host_style);
    let connection = account.connection_string(ports, host_style);
    all.extend([
        // obstore, polars and `OpenDAL`. Without AZURE_STORAGE_ACCOUNT: with that, gocloud and tusd
        // build the cloud's host name and leave this machine (measured).
        ("AZURE_STORAGE_ENDPOINT", blob.clone()),
        ("AZURE_STORAGE_ACCOUNT_NAME", account.name().to_owned()),
        // rclone takes the account from this name and would otherwise build the cloud's host name.
        ("RCLONE_AZUREBLOB_ENDPOINT", blob.clone()),
        ("AZURE_STORAGE_CONNECTION_STRING", connection.clone()),
        // Functions: Core Tools and VS Code's extension prefer it to local.settings.json.
        ("AzureWebJobsStorage", connection),
    ]);
    if let Some((endpoint, header)) = tokens {
        all.extend([(ENDPOINT, endpoint.clone()), (HEADER, header.clone())]);
        all.extend(ENDPOINT_OF_OTHERS.map(|name| (name, endpoint.clone())));
        all.push((HEADER_OF_OTHERS, header.clone()));
    }
    all
}

/// The suffix of a setting that names an account without a URL: the cloud's host name is built from
/// it. Functions, `DurableTask` and `WebJobs` read it.
pub const ACCOUNT_NAME: &str = "__accountname";

/// The same for programs in Go: tusd, and gocloud if it is given no connection string (measured).
const ACCOUNT_IN_GO: &str = "AZURE_STORAGE_ACCOUNT";

/// What the user has set that leads to the cloud, whatever azup sets beside it.
pub fn leading_away(machine: &Machine) -> Option<Failure> {
    let is_account = |name: &&str| {
        *name == ACCOUNT_IN_GO || name.to_ascii_lowercase().ends_with(ACCOUNT_NAME)
    };
    let names: Vec<&str> = machine.variables().filter(is_account).collect();
    let what = format!(
        "{} is set: programs that read it send requests to ACCOUNT.blob.core.windows.net, not to \
         Azurite",
        names.first()?
    );
    Some(Failure::new(what).hint(format!("unset {}", names.join(" "))))
}

/// What `DefaultAzureCredential` prefers to azup's endpoint: a complete service principal, or a
/// workload identity. It is left alone, since it is the user's.
fn other_identity(machine: &Machine) -> Option<Failure> {
    let is_set = |name: &&str| machine.var(name).is_some_and(|value| !value.is_empty());
    if !["AZURE_CLIENT_ID", "AZURE_TENANT_ID"].iter().all(is_set) {
        return None;
    }
    let secrets = [
        "AZURE_CLIENT_SECRET",
        "AZURE_CLIENT_CERTIFICATE_PATH",
        "AZURE_FEDERATED_TOKEN_FILE",
    ];
    let names: Vec<&str> = secrets.into_iter().filter(is_set).collect();
    let (first, names) = (names.first()?, names.join(" "));
    let what = format!(
        "{first} is set, so DefaultAzureCredential signs in with it, and never asks azup for a token"
    );
    Some(Failure::new(what).hint(format!("unset {names}")))
}
