//! What `azup up` prints when Azurite is ready.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Result;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use time::OffsetDateTime;

use super::snippet::{self, Code};
use super::Identity;
use crate::azurite::{Ports, url};
use crate::certificates::{CertificateSet, moment};
use crate::failure::{Exit, command_line};
use crate::machine::Machine;
use crate::output::{Answer, good};
use crate::workspace::marked_project;

/// An Azurite that became ready. Kept in azup's `run` folder for as long as Azurite runs.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Running {
    /// Where it listens.
    pub ports: Ports,
    /// The azup that runs it.
    pub pid: u32,
    /// Azurite's own process.
    pub azurite_pid: u32,
    /// Where SDKs ask for access tokens.
    #[serde(default)]
    pub identity: Identity,
    pub azurite: String,
    pub node: String,
    /// The data folder; `None` in memory.
    pub location: Option<String>,
    /// The database for blob metadata, if there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub database: Option<String>,
    /// The project in which it was started; `None` outside projects.
    #[serde(default)]
    pub project: Option<PathBuf>,
    /// The accounts beside Azurite's own.
    #[serde(default)]
    pub accounts: Vec<String>,
    /// The Azurite options that it was started with.
    #[serde(default)]
    pub passed_on: Vec<String>,
    /// Whether it refuses plain HTTP.
    #[serde(default)]
    pub https_only: bool,
    /// Whether it ends when no `azup run` needs it any more.
    #[serde(default)]
    pub while_used: bool,
    /// Whether it ends with the program that started it, such as a test run.
    #[serde(default)]
    pub until_eof: bool,
    /// The certificate that it serves.
    pub certificate: Certificate,
    /// The version of TLS, such as `TLS 1.3`.
    pub tls: String,
    /// When it was ready (seconds since 1970).
    pub started: i64,
    /// Why the previous Azurite ended, if this one replaced it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub died: Option<String>,
}

/// The certificate that an Azurite serves. A renewed one replaces it while Azurite runs.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Certificate {
    /// The folder of the set. Empty in records of an older azup, whose Azurite did not reload
    /// either.
    #[serde(default)]
    folder: PathBuf,
    /// The CA's name.
    pub ca: String,
    /// SHA-256 of the CA's DER, in hexadecimal digits.
    pub ca_sha256: String,
    /// The CA in PEM.
    pub ca_pem: String,
    /// The last moment at which the leaf is valid (RFC 3339).
    pub not_after: String,
}

impl Certificate {
    pub fn of(set: &CertificateSet) -> Self {
        Self {
            folder: set.folder.clone(),
            ca: set.ca.label.clone(),
            ca_sha256: set.ca.sha256(),
            ca_pem: set.ca.pem.clone(),
            not_after: moment(set.not_after),
        }
    }

    /// Rereads the set from its folder; unchanged in the middle of a renewal.
    pub fn refresh(&mut self, now: OffsetDateTime) {
        if let Ok(Some(set)) = CertificateSet::load_unchecked(&self.folder, now) {
            *self = Self::of(&set);
        }
    }

    /// The last day on which the leaf is valid, such as `2027-12-23`.
    fn last_day(&self) -> &str {
        self.not_after.split('T').next().unwrap_or_default()
    }
}

impl Running {
    /// The command that stops this Azurite, and no other if there is an option for that.
    pub fn down(&self, machine: &Machine) -> String {
        match &self.location {
            _ if self.project == marked_project(machine) => "azup down".to_owned(),
            Some(folder) => command_line(["azup", "down", "--location", folder]),
            None => "azup down --all".to_owned(),
        }
    }

    /// Whether any program may use it: neither an `azup run`'s Azurite, which may end at any time,
    /// nor a test run's.
    pub fn is_shared(&self) -> bool {
        !self.while_used && !self.until_eof
    }

    /// The answer of `azup up`. `end` says how it is stopped; `drawn` is the header of clients that
    /// get tokens of the user's own login.
    pub fn answer(
        &self,
        code: Option<Code>,
        machine: &Machine,
        end: &str,
        drawn: Option<&str>,
    ) -> Result<Answer> {
        let mut text = String::new();
        for (service, port) in self.ports.services() {
            // Writing to a String never fails.
            let _ = writeln!(text, "{:<6} {}", service.name(), url(port));
        }
        if let Some(endpoint) = &self.identity.endpoint {
            let _ = writeln!(text, "identity {endpoint}");
        }
        for audience in &self.identity.audiences {
            let _ = writeln!(text, "local tokens also for {audience}");
        }
        if let (Identity { endpoint: Some(endpoint), forward: Some(names), .. }, Some(drawn)) =
            (&self.identity, drawn)
        {
            let _ = writeln!(text, "{}", forwarding(names, drawn, endpoint));
        }
        for account in &self.accounts {
            let _ = writeln!(text, "account {account}: azup env --account {account}");
        }
        let _ = write!(
            text,
            "\n{}: certificate signed by {}, valid until {}; {}; Azurite {} on Node.js {}; \
             round trip ok\n\n{}\n{end}\n",
            good("verified"),
            self.certificate.ca,
            self.certificate.last_day(),
            self.tls,
            self.azurite,
            self.node,
            snippet::of(
                code,
                self.ports.blob,
                self.identity.endpoint.is_some(),
                &program(machine)?
            ),
        );
        Ok(Answer {
            brief: None,
            text,
            document: self.document(drawn),
            exit: Exit::Done,
        })
    }

    fn document(&self, drawn: Option<&str>) -> Value {
        let mut document = json!({
            "blob": url(self.ports.blob),
            "queue": url(self.ports.queue),
            "table": url(self.ports.table),
            "identity": self.identity.endpoint.as_ref().map(|endpoint| json!({ "endpoint": endpoint })),
            "pid": self.pid,
            "azurite": self.azurite,
            "node": self.node,
            "location": self.location,
            "certificate": {
                "ca": self.certificate.ca,
                "ca_sha256": self.certificate.ca_sha256,
                "not_after": self.certificate.not_after
            },
            // Azurite is never reported as ready without it.
            "round_trip": true
        });
        if let (Some(names), Some(drawn)) = (&self.identity.forward, drawn) {
            document["identity"]["forward"] = json!({ "program": names, "header": drawn });
        }
        if !self.identity.audiences.is_empty() {
            document["identity"]["audiences"] = self.identity.audiences.clone().into();
        }
        if !self.accounts.is_empty() {
            document["accounts"] = self.accounts.clone().into();
        }
        document
    }
}

/// What the user who starts Azurite sees once: the header that gets tokens of the user's own login.
/// `endpoint` is where clients ask.
pub fn forwarding(names: &str, drawn: &str, endpoint: &str) -> String {
    let port = endpoint.rsplit(':').next().and_then(|rest| rest.split('/').next());
    let port = port.unwrap_or_default();
    format!(
        "tokens of other services from {names}, for one shell (shown once, not stored):\n\
         eval \"$(azup env --identity-port {port})\" && export IDENTITY_HEADER={drawn} AZURE_MSI_SECRET={drawn}"
    )
}

/// How another program starts this azup: by name where PATH leads to this very file, or to the
/// launcher of npm's package, unless npm has put that on PATH for one command.
fn program(machine: &Machine) -> Result<String> {
    let here = machine.azup()?;
    let launcher = machine.var("AZUP_LAUNCHER").map(PathBuf::from);
    let same = |found: &Path| {
        let found_at = fs::canonicalize(found).ok();
        let is = |file: &Path| found_at.is_some() && found_at == fs::canonicalize(file).ok();
        let lasts = !found.parent().is_some_and(|bin| bin.ends_with("node_modules/.bin"));
        is(&here) || lasts && launcher.as_deref().is_some_and(is)
    };
    if machine.find("azup").is_some_and(|found| same(&found)) {
        return Ok("azup".to_owned());
    }
    Ok(here.to_string_lossy().into_owned())
}
