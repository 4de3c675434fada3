//! What can change an NSS database: certutil, or azup itself with the browser's own
//! `libnss3`. NSS signs trust, so that nothing less can.
//!
//! certutil goes first, since it is the operating system's. But it names a certificate by
//! nickname, finds it by subject, and deletes one of several; and an old one leaves newer
//! trust rows behind. Then the library does it, which names a certificate by its bytes.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use anyhow::Result;

use super::cert9::Entry;
use super::{TRUST, libraries};
use crate::certificates::{TrustAnchor, encode};
use crate::change::{Change, Input};
use crate::cli::{NSS_HELPER, NssAction};
use crate::failure::{Failure, shown};
use crate::machine::Machine;

/// The kinds of databases.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Format {
    /// `cert9.db`.
    Sql,
    /// `cert8.db`, the kind of before 2018.
    Dbm,
}

impl Format {
    /// The file with the certificates.
    pub(super) fn file(self) -> &'static str {
        match self {
            Self::Sql => "cert9.db",
            Self::Dbm => "cert8.db",
        }
    }

    /// Whether it can be written here. For `dbm:` NSS needs a library that distributions
    /// ceased to ship at different times.
    pub(super) fn is_supported(self, machine: &Machine) -> bool {
        self == Self::Sql
            || machine.find("certutil").is_some()
                && libraries::find(machine)
                    .iter()
                    .any(|nss| libraries::is_beside(nss, "nssdbm3"))
    }
}

/// The writers that are there.
#[derive(Debug)]
pub(super) struct Writers {
    certutil: bool,
    format: Format,
    /// azup itself, where it finds a library.
    helper: Option<PathBuf>,
}

impl Writers {
    /// Looks for those of a kind of database, without starting any.
    ///
    /// # Errors
    /// Where there is none, with the package that has certutil.
    pub(super) fn find(format: Format, machine: &Machine) -> Result<Self> {
        let certutil = machine.find("certutil").is_some();
        let loadable = libraries::CAN_LOAD && !libraries::find(machine).is_empty();
        let helper = if loadable && format == Format::Sql {
            Some(machine.azup()?)
        } else {
            None
        };
        if certutil || helper.is_some() {
            return Ok(Self {
                certutil,
                format,
                helper,
            });
        }
        let why = if libraries::CAN_LOAD {
            "and there is no libnss3 with which azup could do without"
        } else {
            "and this azup is linked statically, so that it cannot load libnss3 instead"
        };
        let what = format!("certutil is not installed, {why}");
        Err(Failure::new(what).hint(install(machine)).into())
    }

    /// Makes an empty database without a password.
    pub(super) fn create(&self, folder: &Path) -> Change {
        match &self.helper {
            Some(azup) if !self.certutil => {
                Change::run(helper(azup, NssAction::Create, folder, &[]), None)
            }
            _ => Change::run(
                certutil("-N", self.format, folder, &["--empty-password"]),
                None,
            ),
        }
    }

    /// Adds a certificate that is not there, and trusts it.
    pub(super) fn add(&self, folder: &Path, ca: &TrustAnchor, nickname: &str) -> Change {
        let argv = match &self.helper {
            Some(azup) if !self.certutil => {
                helper(azup, NssAction::Add, folder, &["--nickname", nickname])
            }
            _ => certutil("-A", self.format, folder, &["-n", nickname, "-t", TRUST]),
        };
        run(argv, Some(ca.as_input()))
    }

    /// Trusts a certificate that is there.
    ///
    /// # Errors
    /// Where only certutil is there, and could mean another certificate.
    pub(super) fn trust(
        &self,
        folder: &Path,
        ca: &TrustAnchor,
        named: &Named<'_>,
    ) -> Result<Change> {
        if let Some(azup) = self.helper_for(named) {
            // Newer trust rows mean nothing to an older library, such as the system's that
            // Chromium reads with: they are written only where there are some.
            let is_newer = named.entry.standard_rows > 0;
            let words: &[&str] = if is_newer { &["--newest"] } else { &[] };
            return Ok(run(
                helper(azup, NssAction::Add, folder, words),
                Some(ca.as_input()),
            ));
        }
        named.require_unambiguous(folder)?;
        let words = ["-n", &named.entry.nickname, "-t", TRUST];
        Ok(run(certutil("-M", self.format, folder, &words), None))
    }

    /// Deletes a certificate with its trust.
    ///
    /// # Errors
    /// As [`Writers::trust`].
    pub(super) fn delete(&self, folder: &Path, named: &Named<'_>) -> Result<Change> {
        if let Some(azup) = self.helper_for(named) {
            let input = Input::new(encode(&named.entry.der).into_bytes(), None);
            return Ok(run(
                helper(azup, NssAction::Delete, folder, &["--newest"]),
                Some(input),
            ));
        }
        named.require_unambiguous(folder)?;
        Ok(run(
            certutil("-D", self.format, folder, &["-n", &named.entry.nickname]),
            None,
        ))
    }

    /// Whether [`Writers::delete`] leaves this certificate's trust behind, with no more
    /// certificate to it.
    pub(super) fn leave_trust_of(&self, entry: &Entry) -> bool {
        self.helper.is_none() && entry.standard_rows > 0
    }

    fn helper_for(&self, named: &Named<'_>) -> Option<&Path> {
        let better = !self.certutil || named.is_ambiguous || named.entry.standard_rows > 0;
        self.helper.as_deref().filter(|_| better)
    }
}

/// A certificate of a database, and whether its nickname says which.
pub(super) struct Named<'a> {
    entry: &'a Entry,
    is_ambiguous: bool,
}

impl<'a> Named<'a> {
    /// `entry` among `others`: those that must not be mistaken for it.
    pub(super) fn among(entry: &'a Entry, others: impl IntoIterator<Item = &'a Entry>) -> Self {
        let subject = |entry: &Entry| TrustAnchor::from_der(&entry.der).map(|ca| ca.subject);
        let name = &entry.nickname;
        // A colon would end the name of a token, and what was not UTF-8 is now a `?`.
        let is_no_name = name.is_empty() || name.contains([':', '?']);
        let own = subject(entry);
        let is_ambiguous = is_no_name
            || others.into_iter().any(|other| {
                other.der != entry.der && (other.nickname == *name || subject(other) == own)
            });
        Self {
            entry,
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
            self.entry.nickname,
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

/// `certutil VERB -d FORMAT:FOLDER WORDS`
pub(super) fn certutil(verb: &str, format: Format, folder: &Path, words: &[&str]) -> Vec<OsString> {
    let mut database = OsString::from(match format {
        Format::Sql => "sql:",
        Format::Dbm => "dbm:",
    });
    database.push(folder);
    let mut argv: Vec<OsString> = vec!["certutil".into(), verb.into(), "-d".into(), database];
    argv.extend(words.iter().map(OsString::from));
    argv
}

/// Opens a database to write and changes nothing; fails where it cannot be read after that.
pub(super) fn reopen(folder: &Path) -> Change {
    let script = r#"certutil -D -d "$1" -n "nobody's" 2>/dev/null; certutil -L -d "$1" >/dev/null"#;
    let mut argv: Vec<OsString> = ["sh", "-c", script, "sh"].map(OsString::from).to_vec();
    argv.extend(certutil("", Format::Sql, folder, &[]).pop());
    Change::run(argv, None)
}

/// `azup nss-helper ACTION WORDS FOLDER`
fn helper(azup: &Path, action: NssAction, folder: &Path, words: &[&str]) -> Vec<OsString> {
    let mut argv: Vec<OsString> = vec![azup.into(), NSS_HELPER.into(), action.name().into()];
    argv.extend(words.iter().map(OsString::from));
    argv.extend(["--".into(), folder.into()]);
    argv
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
