//! Changes an NSS database with certutil: NSS signs trust, so only a program that uses NSS can
//! write it.
//!
//! certutil names a certificate by nickname, finds it by subject, and deletes one of several, so it
//! is used only when it cannot hit the wrong one. An old certutil leaves newer trust objects
//! behind.

use std::ffi::OsString;
use std::path::Path;

use anyhow::Result;
use nss_cert_db::Certificate;

use super::TRUST;
use crate::certificates::TrustAnchor;
use crate::change::{Change, Input};
use crate::failure::{Failure, shown};
use crate::machine::Machine;

/// Fails if certutil is not installed, naming the package that has it.
pub(super) fn require_certutil(machine: &Machine) -> Result<()> {
    if machine.find("certutil").is_some() {
        return Ok(());
    }
    let what = "certutil is not installed, and nothing else can change the database";
    Err(Failure::new(what).hint(install(machine)).into())
}

/// Creates an empty database without a password.
pub(super) fn create(folder: &Path) -> Change {
    run(certutil("-N", folder, &["--empty-password"]), None)
}

/// Adds a certificate that is not there, and trusts it.
pub(super) fn add(folder: &Path, ca: &TrustAnchor, nickname: &str) -> Change {
    let argv = certutil("-A", folder, &["-n", nickname, "-t", TRUST]);
    run(argv, Some(ca.as_input()))
}

/// Trusts a certificate that is there.
pub(super) fn trust(folder: &Path, named: &Named<'_>) -> Result<Change> {
    named.require_unambiguous(folder)?;
    let words = ["-n", &named.certificate.nickname, "-t", TRUST];
    Ok(run(certutil("-M", folder, &words), None))
}

/// Deletes a certificate with its trust.
pub(super) fn delete(folder: &Path, named: &Named<'_>) -> Result<Change> {
    named.require_unambiguous(folder)?;
    let words = ["-n", &named.certificate.nickname];
    Ok(run(certutil("-D", folder, &words), None))
}

/// A certificate of a database, and whether its nickname is ambiguous.
pub(super) struct Named<'a> {
    certificate: &'a Certificate,
    is_ambiguous: bool,
}

impl<'a> Named<'a> {
    /// `certificate` among `others`, which must not be mistaken for it.
    pub(super) fn among(
        certificate: &'a Certificate,
        others: impl IntoIterator<Item = &'a Certificate>,
    ) -> Self {
        let subject = |one: &Certificate| TrustAnchor::from_der(&one.der).map(|ca| ca.subject);
        let name = &certificate.nickname;
        // NSS takes the part before a colon as a token name, and `?` replaces what was not UTF-8.
        let is_no_name = name.is_empty() || name.contains([':', '?']);
        let own = subject(certificate);
        let is_ambiguous = is_no_name
            || others.into_iter().any(|other| {
                other.der != certificate.der && (other.nickname == *name || subject(other) == own)
            });
        Self {
            certificate,
            is_ambiguous,
        }
    }

    fn require_unambiguous(&self, folder: &Path) -> Result<()> {
        if !self.is_ambiguous {
            return Ok(());
        }
        Err(Failure::new(format!(
            "certutil cannot tell the certificate \"{}\" in {} from another one; the browser's \
             certificate manager can",
            self.certificate.nickname,
            shown(folder)
        ))
        .into())
    }
}

fn run(argv: Vec<OsString>, input: Option<Input>) -> Change {
    Change::Run {
        argv,
        input,
        undo: None,
        admin: false,
    }
}

/// `certutil VERB -d sql:FOLDER WORDS`
pub(super) fn certutil(verb: &str, folder: &Path, words: &[&str]) -> Vec<OsString> {
    let mut database = OsString::from("sql:");
    database.push(folder);
    let mut argv: Vec<OsString> = vec!["certutil".into(), verb.into(), "-d".into(), database];
    argv.extend(words.iter().map(OsString::from));
    argv
}

/// Opens a database for writing without changing it; fails if it cannot be read after that.
pub(super) fn reopen(folder: &Path) -> Change {
    let script = r#"certutil -D -d "$1" -n "nobody's" 2>/dev/null; certutil -L -d "$1" >/dev/null"#;
    let mut argv: Vec<OsString> = ["sh", "-c", script, "sh"].map(OsString::from).to_vec();
    argv.extend(certutil("", folder, &[]).pop());
    Change::run(argv, None)
}

/// The command that installs certutil.
fn install(machine: &Machine) -> &'static str {
    let known = [
        ("apt-get", "sudo apt-get install libnss3-tools"),
        ("dnf", "sudo dnf install nss-tools"),
        ("zypper", "sudo zypper install mozilla-nss-tools"),
        ("pacman", "sudo pacman -S nss"),
        ("apk", "sudo apk add nss-tools"),
        ("brew", "brew install nss"),
    ];
    known
        .iter()
        .find(|(manager, _)| machine.find(manager).is_some())
        .map_or(known[0].1, |(_, command)| command)
}
