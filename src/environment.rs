//! The variables with which unchanged code finds Azurite, trusts it and gets its tokens:
//! exactly what is needed on this machine, and no more. What the user has set already is
//! merged, never replaced.
//!
//! ```text
//! Azurite's ports, account ─▶ endpoints ┐
//! CA, the user's bundles ───▶ trust ────┼─▶ Environment ─▶ formats (azup env)
//! JDK ──────────────────────▶ java ─────┤        └───────▶ a process (azup run)
//! proxies ──────────────────▶ proxy ────┘
//! ```

mod formats;
mod java;
mod merged;
mod proxy;
mod trust;

use std::ffi::{OsStr, OsString};
use std::process::Command;

use anyhow::Result;

use crate::azurite::{Account, Ports};
use crate::certificates::TrustAnchor;
use crate::change::Change;
use crate::cli::Credential;
use crate::failure::Failure;
use crate::machine::Machine;

pub use formats::{functions, functions_warnings, written};

/// The one credential of `DefaultAzureCredential` that asks azup's endpoint.
const MANAGED_IDENTITY: &str = "ManagedIdentityCredential";

/// The variables of the local credential, which the article's way must not have.
const IDENTITY: [&str; 2] = ["IDENTITY_ENDPOINT", "IDENTITY_HEADER"];

/// What the variables are to say.
#[derive(Clone, Debug)]
pub struct Wish {
    /// Where Azurite is.
    pub ports: Ports,
    /// The account to use.
    pub account: Account,
    /// The CA to trust.
    pub ca: TrustAnchor,
    /// Who gives the tokens.
    pub credential: Credential,
    /// `IDENTITY_ENDPOINT`.
    pub endpoint: String,
    /// `IDENTITY_HEADER`.
    pub header: String,
    /// Whether every other credential is switched off (`AZURE_TOKEN_CREDENTIALS`).
    pub only_managed_identity: bool,
    /// Whether Java is to get a trust store.
    pub java: bool,
}

/// One variable: set to a value, or (`None`) taken away.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Variable {
    /// Its name.
    pub name: &'static str,
    /// Its value.
    pub value: Option<OsString>,
}

/// All variables, and the files that they name.
#[derive(Debug, Default)]
pub struct Environment {
    /// In the order in which they are shown.
    pub variables: Vec<Variable>,
    /// The files that have to be written first.
    pub changes: Vec<Change>,
    /// What the user should know, with the command that mends it.
    pub warnings: Vec<Failure>,
}

impl Environment {
    /// What has to be set for `wish`, given what is set already.
    pub fn plan(wish: &Wish, machine: &Machine) -> Result<Self> {
        let mut this = Self::default();
        for (service, port) in wish.ports.services() {
            let name = match service.name() {
                "blob" => "AZURE_STORAGE_BLOB_ENDPOINT",
                "queue" => "AZURE_STORAGE_QUEUE_ENDPOINT",
                _ => "AZURE_STORAGE_TABLE_ENDPOINT",
            };
            this.set(name, wish.account.url(port));
        }
        let connection = wish.account.connection_string(wish.ports);
        this.set("AZURE_STORAGE_CONNECTION_STRING", connection);
        match wish.credential {
            Credential::Local => {
                this.set(IDENTITY[0], &wish.endpoint);
                this.set(IDENTITY[1], &wish.header);
                if wish.only_managed_identity {
                    this.set("AZURE_TOKEN_CREDENTIALS", MANAGED_IDENTITY);
                }
            }
            Credential::Az => this.leave_to_az(wish, machine),
        }
        this.variables.extend(proxy::variables(machine));
        trust::plan(&wish.ca, machine, &mut this)?;
        if wish.java {
            java::plan(&wish.ca, machine, &mut this)?;
        }
        Ok(this)
    }

    /// Takes away what an `azup env` of before, or a dev container, has set. Other
    /// identities, such as App Service's own, stay.
    fn leave_to_az(&mut self, wish: &Wish, machine: &Machine) {
        if machine.var(IDENTITY[1]) != Some(OsStr::new(&wish.header)) {
            return;
        }
        for name in IDENTITY {
            self.variables.push(Variable { name, value: None });
        }
        let name = "AZURE_TOKEN_CREDENTIALS";
        if machine.var(name) == Some(OsStr::new(MANAGED_IDENTITY)) {
            self.variables.push(Variable { name, value: None });
        }
    }

    fn set(&mut self, name: &'static str, value: impl Into<OsString>) {
        let value = Some(value.into());
        self.variables.push(Variable { name, value });
    }

    /// Gives a process these variables.
    pub fn give_to(&self, command: &mut Command) {
        for Variable { name, value } in &self.variables {
            match value {
                Some(value) => command.env(name, value),
                None => command.env_remove(name),
            };
        }
    }
}
