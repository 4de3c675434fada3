//! macOS: the user's login keychain, through `security`. No other program can read or write it, so
//! this is the one store whose status, too, comes from running a program. A certificate in a
//! keychain is not necessarily trusted (a macOS update clears the trust), so both are checked.
//!
//! Never run on a Mac: the options are from security(1) and tested with a recording stand-in.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Result;

use super::super::{Candidate, RemovalFilter, Status, Store, StoreReport};
use super::{by_file, sha1, sha1_of};
use crate::certificates::{BEGIN, END, TrustAnchor, decode};
use crate::change::Change;
use crate::failure::Failure;
use crate::files;
use crate::machine::{Finished, Machine};
use crate::options::Kind;

/// The system's own: a program of the same name on PATH is not used.
const SECURITY: &str = "/usr/bin/security";

/// How long a query may take.
const LIMIT: Duration = Duration::from_secs(10);

/// What the names of all of azup's CAs begin with.
const OURS: &str = "azup local CA";

#[derive(Debug)]
pub(super) struct Keychain {
    security: PathBuf,
    path: PathBuf,
}

/// The login keychain, or a row that says there is none (a user who never logged in at a screen).
pub(super) fn find(machine: &Machine) -> Candidate {
    let keychain = match machine.home() {
        Ok(home) => home.join("Library/Keychains/login.keychain-db"),
        Err(error) => {
            let path = Path::new("login.keychain-db");
            return Candidate::StoreReport(StoreReport::absent(super::KIND, path, error.to_string(), None));
        }
    };
    if !keychain.is_file() {
        let why = "this user has no login keychain".to_owned();
        return Candidate::StoreReport(StoreReport::absent(super::KIND, &keychain, why, None));
    }
    Candidate::Store(Box::new(Keychain {
        security: SECURITY.into(),
        path: keychain,
    }))
}

impl Keychain {
    fn argv<const N: usize>(&self, words: [&str; N]) -> Vec<OsString> {
        let mut argv: Vec<OsString> = vec![self.security.clone().into()];
        argv.extend(words.map(OsString::from));
        argv
    }

    /// The arguments followed by this keychain.
    fn about<const N: usize>(&self, words: [&str; N]) -> Vec<OsString> {
        let mut argv = self.argv(words);
        argv.push(self.path.clone().into());
        argv
    }

    /// The certificates in the keychain whose common name begins with `name` or contains it: `-c`
    /// matches a substring. `security` also fails if there is none.
    fn certificates(&self, name: &str, machine: &Machine) -> Result<Vec<Vec<u8>>> {
        let argv = self.about(["find-certificate", "-a", "-c", name, "-p"]);
        let done = machine.run(&argv, None, LIMIT)?;
        let locked = "interaction is not allowed";
        if !done.status.success() && done.last_words().contains(locked) {
            return Err(refused(&done).into());
        }
        let text = String::from_utf8_lossy(&done.stdout);
        Ok(text
            .split(BEGIN)
            .skip(1)
            .filter_map(|part| decode(part.split(END).next()?.as_bytes()))
            .collect())
    }

    /// Whether the user's trust settings mention this CA. Their list shows only names; those of
    /// azup's CAs are unique.
    fn has_trust_settings(&self, label: &str, machine: &Machine) -> Result<bool> {
        let done = machine.run(&self.argv(["dump-trust-settings"]), None, LIMIT)?;
        Ok(String::from_utf8_lossy(&done.stdout).contains(label))
    }

    /// Whether the keychain holds the CA, and the settings trust it. Verifying a CA against itself
    /// always succeeds, so its leaf is verified.
    fn trusts(&self, ca: &TrustAnchor, machine: &Machine) -> Result<bool> {
        if !self.certificates(&ca.label, machine)?.contains(&ca.der) {
            return Ok(false);
        }
        let leaf = ca.file.as_ref().map(|file| file.with_file_name("cert.pem"));
        let Some(leaf) = leaf.filter(|leaf| is_issued_by(leaf, ca)) else {
            return self.has_trust_settings(&ca.label, machine);
        };
        let mut argv = self.argv(["verify-cert", "-p", "ssl", "-s", "127.0.0.1", "-c"]);
        argv.push(leaf.into());
        Ok(machine.run(&argv, None, LIMIT)?.status.success())
    }
}

/// During a renewal, the files beside the CA's may still belong to the previous CA.
fn is_issued_by(leaf: &Path, ca: &TrustAnchor) -> bool {
    let leaf = files::read_if_there(leaf).ok().flatten();
    leaf.and_then(|bytes| {
        let text = String::from_utf8(bytes).ok()?;
        let body = text.trim().strip_prefix(BEGIN)?.strip_suffix(END)?;
        TrustAnchor::from_der(&decode(body.as_bytes())?)
    })
    .is_some_and(|leaf| leaf.issuer == ca.subject)
}

fn refused(done: &Finished) -> Failure {
    Failure::new(format!(
        "the login keychain is locked: {}",
        done.last_words()
    ))
    .hint("security unlock-keychain login.keychain-db")
}

impl Store for Keychain {
    fn kind(&self) -> Kind {
        super::KIND
    }

    fn path(&self) -> &Path {
        &self.path
    }

    fn status(&self, ca: &TrustAnchor, machine: &Machine) -> Result<Status> {
        Ok(Status::from(self.trusts(ca, machine)?))
    }

    /// macOS asks the user for a password on the screen.
    fn add(&self, ca: &TrustAnchor, machine: &Machine) -> Result<Vec<Change>> {
        if self.trusts(ca, machine)? {
            return Ok(Vec::new());
        }
        by_file(ca, machine, |file| {
            let policies = ["-p", "ssl", "-p", "basic"];
            let mut argv = self.argv(["add-trusted-cert", "-r", "trustRoot"]);
            argv.extend(policies.iter().chain(&["-k"]).map(OsString::from));
            argv.extend([self.path.clone().into(), file.into()]);
            let undo = self.about(["delete-certificate", "-t", "-Z", &sha1(ca)]);
            Change::run(argv, Some(undo))
        })
    }

    fn remove(&self, removal: &RemovalFilter, machine: &Machine) -> Result<Vec<Change>> {
        let mut found = self.certificates(OURS, machine)?;
        if let Some(ca) = &removal.ca {
            found.extend(self.certificates(&ca.label, machine)?);
        }
        found.sort();
        found.dedup();
        let mut changes = Vec::new();
        for der in found.iter().filter(|der| removal.names(der)) {
            let label = TrustAnchor::from_der(der).map_or_else(String::new, |ca| ca.label);
            let sha1 = sha1_of(der);
            // With -t it fails if there are no settings to remove.
            let argv = if self.has_trust_settings(&label, machine)? {
                self.about(["delete-certificate", "-t", "-Z", &sha1])
            } else {
                self.about(["delete-certificate", "-Z", &sha1])
            };
            changes.push(Change::run(argv, None));
        }
        Ok(changes)
    }
}

#[cfg(test)]
#[allow(
    clippy::unwrap_used,
    reason = "a test that cannot go on should say where"
)]
mod tests;
