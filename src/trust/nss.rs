//! NSS databases: where Chromium keeps the CAs that it trusts beside its own.
//!
//! Whether a CA is there is read from `cert9.db` itself, so that nothing is started when
//! there is nothing to do. Only `certutil` can write, because NSS signs trust; it is not
//! believed but checked by reading again.

use std::cell::Cell;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

use anyhow::Result;

use super::cert9;
use super::{Found, Removal, Row, Status, Store};
use crate::certificates::TrustAnchor;
use crate::change::Change;
use crate::cli::Kind;
use crate::failure::{Failure, command_line, shown};
use crate::files;
use crate::machine::Machine;

/// Browsers that read the user's NSS database. Where none of them is installed, a
/// database that does not exist yet is not made.
const BROWSERS: [&str; 7] = [
    "chromium",
    "chromium-browser",
    "google-chrome",
    "google-chrome-stable",
    "microsoft-edge",
    "microsoft-edge-stable",
    "brave-browser",
];

/// Trusted to issue server certificates, and nothing else: no mail, no code (measured:
/// the least with which Chromium and Firefox accept the leaf).
const TRUST: &str = "C,,";

/// One database, named by its folder.
#[derive(Debug)]
pub struct Database {
    folder: PathBuf,
    file: PathBuf,
    /// Whether the certificate was there, if untrusted, before azup changed anything.
    was_there: Cell<bool>,
}

/// Chromium's databases. It reads `~/.pki/nssdb` if that folder exists, else the one in
/// the data folder; both are kept up where both exist, and the first is never made,
/// since that would hide the other from Chromium (measured).
#[must_use]
pub fn find(machine: &Machine) -> Vec<Found> {
    let (Ok(home), Ok(data)) = (machine.home(), machine.data_home()) else {
        return Vec::new();
    };
    let xdg = data.join("pki/nssdb");
    let mut folders = vec![home.join(".pki/nssdb"), xdg.clone()];
    folders.retain(|folder| folder.is_dir());
    if folders.is_empty() {
        if !BROWSERS.iter().any(|name| machine.find(name).is_some()) {
            let why = "no NSS database, and no Chromium that would read one";
            return vec![Found::Row(Row::absent(
                Kind::Nss,
                &xdg,
                why.to_owned(),
                None,
            ))];
        }
        folders.push(xdg);
    }
    folders
        .into_iter()
        .map(|folder| Found::Store(Box::new(Database::at(folder)) as _))
        .collect()
}

impl Database {
    /// The database in a folder.
    #[must_use]
    pub fn at(folder: PathBuf) -> Self {
        Self {
            file: folder.join("cert9.db"),
            folder,
            was_there: Cell::new(false),
        }
    }

    fn entry(&self, ca: &TrustAnchor) -> Result<Option<cert9::Entry>> {
        let Some(bytes) = files::read_if_there(&self.file)? else {
            return Ok(None);
        };
        cert9::find(&bytes, &ca.der).map_err(|why| self.not_read(&why))
    }

    fn not_read(&self, why: &cert9::NotRead) -> anyhow::Error {
        Failure::new(format!("cannot read {}: {why}", shown(&self.file)))
            .hint("close the browser, then run azup trust again")
            .into()
    }

    /// Without the primary password certutil adds the certificate but not its trust, so
    /// it is not even started. In a terminal it asks for the password.
    fn require_no_password(&self, ca: &TrustAnchor) -> Result<()> {
        let keys = files::read_if_there(&self.folder.join("key4.db"))?.unwrap_or_default();
        if !cert9::has_primary_password(&keys).unwrap_or(false) {
            return Ok(());
        }
        let mut argv = self.certutil("-A", &["-n", &ca.label, "-t", TRUST, "-i"]);
        argv.push(ca.file.clone().unwrap_or_else(|| "ca.pem".into()).into());
        Err(
            Failure::new("the database has a primary password, which azup does not ask for")
                .hint(command_line(argv))
                .into(),
        )
    }

    /// `certutil VERB -d sql:FOLDER ARGUMENTS`
    fn certutil(&self, verb: &str, arguments: &[&str]) -> Vec<OsString> {
        let mut database = OsString::from("sql:");
        database.push(&self.folder);
        let mut argv: Vec<OsString> = vec!["certutil".into(), verb.into(), "-d".into(), database];
        argv.extend(arguments.iter().map(OsString::from));
        argv
    }
}

impl Store for Database {
    fn kind(&self) -> Kind {
        Kind::Nss
    }

    fn path(&self) -> &Path {
        &self.folder
    }

    fn status(&self, ca: &TrustAnchor, _machine: &Machine) -> Result<Status> {
        Ok(match self.entry(ca)? {
            Some(entry) if entry.server_ca => Status::Trusted,
            _ => Status::Missing,
        })
    }

    fn add(&self, ca: &TrustAnchor, machine: &Machine) -> Result<Vec<Change>> {
        let entry = self.entry(ca)?;
        self.was_there.set(entry.is_some());
        if entry.as_ref().is_some_and(|entry| entry.server_ca) {
            return Ok(Vec::new());
        }
        require_certutil(machine)?;
        self.require_no_password(ca)?;
        let mut changes = Vec::new();
        if !self.file.exists() {
            changes.push(Change::Directory {
                path: self.folder.clone(),
                mode: 0o700,
            });
            changes.push(Change::run(
                self.certutil("-N", &["--empty-password"]),
                None,
            ));
        }
        changes.push(match entry {
            Some(entry) => {
                let argv = self.certutil("-M", &["-n", &entry.nickname, "-t", TRUST]);
                Change::run(argv, None)
            }
            None => Change::Run {
                argv: self.certutil("-A", &["-n", &ca.label, "-t", TRUST]),
                input: Some(ca.as_input()),
                undo: Some(self.certutil("-D", &["-n", &ca.label])),
                admin: false,
            },
        });
        Ok(changes)
    }

    fn remove(&self, removal: &Removal, machine: &Machine) -> Result<Vec<Change>> {
        let Some(bytes) = files::read_if_there(&self.file)? else {
            return Ok(Vec::new());
        };
        let entries = cert9::entries(&bytes).map_err(|why| self.not_read(&why))?;
        let changes: Vec<Change> = entries
            .iter()
            .filter(|entry| removal.names(&entry.der))
            .map(|entry| Change::run(self.certutil("-D", &["-n", &entry.nickname]), None))
            .collect();
        if !changes.is_empty() {
            require_certutil(machine)?;
        }
        Ok(changes)
    }

    /// A database with a primary password refuses the trust but keeps the certificate;
    /// deleting that needs no password (measured).
    fn clean_up(&self, ca: &TrustAnchor, _machine: &Machine) -> Vec<Change> {
        match self.entry(ca) {
            Ok(Some(entry)) if !entry.server_ca && !self.was_there.get() => {
                let argv = self.certutil("-D", &["-n", &entry.nickname]);
                vec![Change::run(argv, None)]
            }
            _ => Vec::new(),
        }
    }
}

fn require_certutil(machine: &Machine) -> Result<()> {
    if machine.find("certutil").is_some() {
        return Ok(());
    }
    Err(
        Failure::new("certutil is not installed, and only it can write to an NSS database")
            .hint("sudo apt-get install libnss3-tools")
            .into(),
    )
}
