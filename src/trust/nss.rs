//! NSS databases: where Chromium and Firefox keep the CAs that they trust beside their own.
//!
//! Whether a CA is there is read from `cert9.db` itself, so that nothing is started when
//! there is nothing to do. Only NSS can write, because it signs trust: through certutil, or
//! through the browser's own library. Neither is believed; the database is read again.

mod cert8;
pub mod cert9;
mod libraries;
mod library;
mod others;
pub(crate) mod profiles;
mod sqlite;
mod writer;

use std::cell::Cell;
use std::path::{Path, PathBuf};

use anyhow::Result;

use super::{Found, Goal, Removal, Row, Status, Store, UNSEEN, again};
use crate::certificates::TrustAnchor;
use crate::change::Change;
use crate::cli::Kind;
use crate::failure::{Failure, command_line, shown};
use crate::files;
use crate::machine::Machine;
pub(crate) use library::Nss;
use writer::{Format, Named, Writers};

/// Trusted to issue server certificates, and nothing else: no mail, no code (measured:
/// the least with which Chromium and Firefox accept the leaf).
const TRUST: &str = "C,,";

/// What NSS says when another program locks the database: the same as when it is damaged.
const BUSY: [&str; 2] = ["SEC_ERROR_BAD_DATABASE", "SEC_ERROR_PKCS11_GENERAL_ERROR"];

/// One database, named by its folder.
#[derive(Debug)]
pub struct Database {
    folder: PathBuf,
    format: Format,
    file: PathBuf,
    /// Whether the certificate was there, if untrusted, before azup changed anything.
    was_there: Cell<Option<bool>>,
    /// Whether certutil deletes a certificate whose trust it does not know.
    leaves_trust: Cell<bool>,
}

/// Every database of the user, of Chromium, Firefox and their descendants.
#[must_use]
pub fn find(machine: &Machine) -> Vec<Found> {
    let places = profiles::find(machine);
    let outdated = places.outdated.iter().map(|folder| {
        if Format::Dbm.is_supported(machine) {
            return Found::Store(Box::new(Database::at(folder.clone(), Format::Dbm)) as _);
        }
        let why = "a cert8.db of before 2018, which this machine's certutil cannot change and \
                   no browser of today reads";
        Found::Row(Row::skipped(Kind::Nss, folder, why.to_owned()))
    });
    let found: Vec<Found> = places
        .databases
        .iter()
        .map(|folder| Found::Store(Box::new(Database::at(folder.clone(), Format::Sql)) as _))
        .chain(outdated)
        .collect();
    if found.is_empty()
        && let Ok(data) = machine.data_home()
    {
        let why = "no NSS database, and no Chromium that would read one";
        let place = data.join("pki/nssdb");
        return vec![Found::Row(Row::absent(
            Kind::Nss,
            &place,
            why.to_owned(),
            None,
        ))];
    }
    found
}

impl Database {
    /// The database of a record.
    #[must_use]
    pub fn recorded(folder: PathBuf) -> Self {
        let format = if folder.join(Format::Dbm.file()).exists()
            && !folder.join(Format::Sql.file()).exists()
        {
            Format::Dbm
        } else {
            Format::Sql
        };
        Self::at(folder, format)
    }

    fn at(folder: PathBuf, format: Format) -> Self {
        Self {
            file: folder.join(format.file()),
            format,
            folder,
            was_there: Cell::new(None),
            leaves_trust: Cell::new(false),
        }
    }

    fn entry(&self, ca: &TrustAnchor) -> Result<Option<cert9::Entry>> {
        if self.format == Format::Dbm {
            let mut all = self.entries()?.into_iter();
            return Ok(all.find(|entry| entry.der == ca.der));
        }
        let Some(bytes) = self.read()? else {
            return Ok(None);
        };
        cert9::find(&bytes, &ca.der).map_err(|why| self.not_read(&why))
    }

    fn entries(&self) -> Result<Vec<cert9::Entry>> {
        let Some(bytes) = self.read()? else {
            return Ok(Vec::new());
        };
        match self.format {
            Format::Sql => cert9::entries(&bytes).map_err(|why| self.not_read(&why)),
            Format::Dbm => {
                cert8::entries(&bytes).ok_or_else(|| self.not_read(&"it is no cert8.db"))
            }
        }
    }

    fn read(&self) -> Result<Option<Vec<u8>>> {
        if others::is_half_written(&self.file) {
            return Err(Failure::new(format!(
                "{} is half written: a program is changing it, or was killed while it did; \
                 starting the browser once mends that",
                shown(&self.file)
            ))
            .into());
        }
        files::read_if_there(&self.file)
    }

    fn not_read(&self, why: &dyn std::fmt::Display) -> anyhow::Error {
        Failure::new(format!("cannot read {}: {why}", shown(&self.file)))
            .hint("close the browser, then run azup trust again")
            .into()
    }

    /// Without the primary password NSS adds the certificate but not its trust, so nothing
    /// is even started. In a terminal certutil asks for the password.
    fn require_no_password(&self, ca: &TrustAnchor) -> Result<()> {
        let keys = files::read_if_there(&self.folder.join("key4.db"))?.unwrap_or_default();
        if !cert9::has_primary_password(&keys).unwrap_or(false) {
            return Ok(());
        }
        let words = ["-n", &ca.label, "-t", TRUST, "-i"];
        let mut argv = writer::certutil("-A", self.format, &self.folder, &words);
        argv.push(ca.file.clone().unwrap_or_else(|| "ca.pem".into()).into());
        Err(
            Failure::new("the database has a primary password, which azup does not ask for")
                .hint(command_line(argv))
                .into(),
        )
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
        if self.was_there.get().is_none() {
            self.was_there.set(Some(entry.is_some()));
        }
        if entry.as_ref().is_some_and(|entry| entry.server_ca) {
            return Ok(Vec::new());
        }
        let writers = Writers::find(self.format, machine)?;
        self.require_no_password(ca)?;
        let mut changes = Vec::new();
        if !self.file.exists() {
            changes.push(Change::Directory {
                path: self.folder.clone(),
                mode: 0o700,
            });
            changes.push(writers.create(&self.folder));
        }
        let all = self.entries()?;
        changes.push(match entry {
            Some(entry) => writers.trust(&self.folder, ca, &Named::among(&entry, &all))?,
            None => writers.add(&self.folder, ca, &free_nickname(ca, &all)),
        });
        Ok(changes)
    }

    fn remove(&self, removal: &Removal, machine: &Machine) -> Result<Vec<Change>> {
        let all = self.entries()?;
        let (ours, foreign): (Vec<_>, Vec<_>) =
            all.iter().partition(|entry| removal.names(&entry.der));
        if ours.is_empty() {
            return Ok(Vec::new());
        }
        let writers = Writers::find(self.format, machine)?;
        ours.into_iter()
            .map(|entry| {
                let named = Named::among(entry, foreign.iter().copied());
                if writers.leave_trust_of(entry) {
                    self.leaves_trust.set(true);
                }
                writers.delete(&self.folder, &named)
            })
            .collect()
    }

    /// A database with a primary password refuses the trust but keeps the certificate;
    /// deleting that needs no password (measured).
    fn clean_up(&self, ca: &TrustAnchor, machine: &Machine) -> Vec<Change> {
        let half_done = || -> Result<Option<Change>> {
            let all = self.entries()?;
            let half = all
                .iter()
                .find(|entry| entry.der == ca.der && !entry.server_ca);
            match half {
                Some(entry) if self.was_there.get() == Some(false) => {
                    let named = Named::among(entry, &all);
                    Writers::find(self.format, machine)?
                        .delete(&self.folder, &named)
                        .map(Some)
                }
                _ => Ok(None),
            }
        };
        // The failure that led here is the one to report.
        half_done().ok().flatten().into_iter().collect()
    }

    /// `SQLite` takes back what a killed program has begun as soon as anybody opens the
    /// database to write. certutil does so to delete a certificate, also one that is not
    /// there; to list, it opens it for reading and fails (measured).
    fn repair(&self, machine: &Machine) -> Vec<Change> {
        let killed = self.format == Format::Sql
            && others::is_half_written(&self.file)
            && others::locked_by(&self.folder).is_none()
            && machine.find("certutil").is_some();
        killed
            .then(|| writer::reopen(&self.folder))
            .into_iter()
            .collect()
    }

    fn is_busy(&self, error: &anyhow::Error) -> bool {
        let said = format!("{error:#}");
        BUSY.iter().any(|code| said.contains(code)) || others::locked_by(&self.folder).is_some()
    }

    fn explain(&self, error: anyhow::Error, goal: &Goal<'_>) -> anyhow::Error {
        if let Some(who) = others::locked_by(&self.folder) {
            let verb = match goal {
                Goal::Add(_) => "trust",
                Goal::Remove(_) => "untrust",
            };
            let what = format!("the database is locked by {who}; close the browser");
            return Failure::new(what).hint(again(verb, Kind::Nss)).into();
        }
        if error.to_string() == UNSEEN
            && let Goal::Add(ca) = goal
            && let Ok(Some(entry)) = self.entry(ca)
            && entry.standard_rows > 0
        {
            let what = "the browser itself distrusts this CA, which an older certutil cannot \
                        change; its certificate manager can";
            return Failure::new(what).into();
        }
        error
    }

    /// Chromium reads its database when it starts, Firefox keeps what it has seen.
    fn note(&self, machine: &Machine) -> Option<String> {
        let restart = others::is_browser_running(&self.folder, machine)
            .then_some("restart the browser to see it");
        // It vouches for nothing, since it names its certificate by a hash.
        let orphan = self
            .leaves_trust
            .get()
            .then_some("an orphaned trust row stays, which certutil does not know; harmless");
        let notes: Vec<&str> = restart.into_iter().chain(orphan).collect();
        (!notes.is_empty()).then(|| notes.join("; "))
    }
}

/// The CA's name, or a longer one where another certificate has that already: NSS refuses
/// a second certificate of the same nickname.
fn free_nickname(ca: &TrustAnchor, all: &[cert9::Entry]) -> String {
    if all.iter().all(|entry| entry.nickname != ca.label) {
        return ca.label.clone();
    }
    format!("{} ({})", ca.label, &ca.sha256()[..8])
}
