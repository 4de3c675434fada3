//! NSS databases: where Chromium and Firefox keep the CAs that they trust in addition to their own.
//!
//! Whether a CA is there is read from `cert9.db` itself, so no program is started when there is
//! nothing to do. Only NSS can write, because it signs trust: certutil does it, and the database is
//! read again to verify the result.

mod others;
pub(crate) mod profiles;
mod writer;

use std::cell::Cell;
use std::path::{Path, PathBuf};

use anyhow::Result;
use nss_cert_db::Certificate;

use super::definition::Definition;
use super::{Candidate, Operation, RemovalFilter, Status, Store, StoreReport, UNSEEN, again};
use crate::certificates::TrustAnchor;
use crate::change::Change;
use crate::failure::{Failure, command_line, shown};
use crate::files;
use crate::machine::Machine;
use crate::options::Kind;
use writer::Named;

/// Trusted to issue server certificates and nothing else: no mail, no code signing (measured: the
/// least with which Chromium and Firefox accept the leaf).
const TRUST: &str = "C,,";

/// What NSS reports when another program locks the database: the same as when it is damaged.
const BUSY: [&str; 2] = ["SEC_ERROR_BAD_DATABASE", "SEC_ERROR_PKCS11_GENERAL_ERROR"];

pub const KIND: Kind = Kind::new("nss");

pub(super) static STORE: Definition = Definition {
    kind: KIND,
    asked_by: &[KIND],
    of_project: false,
    check: "store-nss",
    title: "Chromium's and Firefox's databases have the CA",
    read_by_program: false,
    find: |search| find(search.machine),
    reopen: Some(|folder| Box::new(Database::at(folder))),
};

/// One database, named by its folder.
#[derive(Debug)]
pub struct Database {
    folder: PathBuf,
    /// Its `cert9.db`.
    file: PathBuf,
    /// Whether the certificate was there, if untrusted, before azup changed anything.
    was_there: Cell<Option<bool>>,
    /// Whether certutil, when it deletes a certificate, leaves a trust object that it does not
    /// know.
    leaves_trust: Cell<bool>,
}

/// Every database of the user: Chromium's, Firefox's and their descendants'.
pub fn find(machine: &Machine) -> Vec<Candidate> {
    let places = profiles::find(machine);
    let outdated = places.outdated.iter().map(|folder| {
        let why = "it has only a cert8.db, a format from before 2018 that no current browser \
                   reads";
        Candidate::StoreReport(StoreReport::skipped(KIND, folder, why.to_owned()))
    });
    let found: Vec<Candidate> = places
        .databases
        .iter()
        .map(|folder| Candidate::Store(Box::new(Database::at(folder.clone())) as _))
        .chain(outdated)
        .collect();
    if found.is_empty()
        && let Ok(data) = machine.data_home()
    {
        let why = "no NSS database, and no Chromium that would read one";
        let place = data.join("pki/nssdb");
        return vec![Candidate::StoreReport(StoreReport::absent(
            KIND,
            &place,
            why.to_owned(),
            None,
        ))];
    }
    found
}

impl Database {
    /// The database in this folder, which need not exist yet.
    pub fn at(folder: PathBuf) -> Self {
        Self {
            file: folder.join("cert9.db"),
            folder,
            was_there: Cell::new(None),
            leaves_trust: Cell::new(false),
        }
    }

    fn certificate(&self, ca: &TrustAnchor) -> Result<Option<Certificate>> {
        let Some(bytes) = self.read()? else {
            return Ok(None);
        };
        nss_cert_db::find_certificate(&bytes, &ca.der).map_err(|why| self.not_read(why))
    }

    fn certificates(&self) -> Result<Vec<Certificate>> {
        let Some(bytes) = self.read()? else {
            return Ok(Vec::new());
        };
        nss_cert_db::certificates(&bytes).map_err(|why| self.not_read(why))
    }

    fn read(&self) -> Result<Option<Vec<u8>>> {
        if others::is_half_written(&self.file) {
            return Err(Failure::new(format!(
                "{} is half written: a program is changing it, or was killed while doing so; \
                 starting the browser once fixes that",
                shown(&self.file)
            ))
            .into());
        }
        files::read_if_there(&self.file)
    }

    fn not_read(&self, why: nss_cert_db::Error) -> anyhow::Error {
        Failure::new(format!("cannot read {}: {why}", shown(&self.file)))
            .hint("close the browser, then run azup trust again")
            .into()
    }

    /// Without the primary password NSS would add the certificate but not its trust, so nothing is
    /// started. In a terminal certutil asks for the password.
    fn require_no_password(&self, ca: &TrustAnchor) -> Result<()> {
        let keys = files::read_if_there(&self.folder.join("key4.db"))?.unwrap_or_default();
        if !nss_cert_db::has_primary_password(&keys).unwrap_or(false) {
            return Ok(());
        }
        let words = ["-n", &ca.label, "-t", TRUST, "-i"];
        let mut argv = writer::certutil("-A", &self.folder, &words);
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
        KIND
    }

    fn path(&self) -> &Path {
        &self.folder
    }

    fn status(&self, ca: &TrustAnchor, _machine: &Machine) -> Result<Status> {
        Ok(match self.certificate(ca)? {
            Some(found) if found.is_server_ca => Status::Trusted,
            _ => Status::Missing,
        })
    }

    fn add(&self, ca: &TrustAnchor, machine: &Machine) -> Result<Vec<Change>> {
        let found = self.certificate(ca)?;
        if self.was_there.get().is_none() {
            self.was_there.set(Some(found.is_some()));
        }
        if found.as_ref().is_some_and(|found| found.is_server_ca) {
            return Ok(Vec::new());
        }
        writer::require_certutil(machine)?;
        self.require_no_password(ca)?;
        let mut changes = Vec::new();
        if !self.file.exists() {
            changes.push(Change::Directory {
                path: self.folder.clone(),
                mode: 0o700,
            });
            changes.push(writer::create(&self.folder));
        }
        let all = self.certificates()?;
        changes.push(match found {
            Some(found) => writer::trust(&self.folder, &Named::among(&found, &all))?,
            None => writer::add(&self.folder, ca, &free_nickname(ca, &all)),
        });
        Ok(changes)
    }

    fn remove(&self, removal: &RemovalFilter, machine: &Machine) -> Result<Vec<Change>> {
        let all = self.certificates()?;
        let (ours, foreign): (Vec<_>, Vec<_>) =
            all.iter().partition(|found| removal.names(&found.der));
        if ours.is_empty() {
            return Ok(Vec::new());
        }
        writer::require_certutil(machine)?;
        ours.into_iter()
            .map(|found| {
                if found.standard_trust_objects > 0 {
                    self.leaves_trust.set(true);
                }
                let named = Named::among(found, foreign.iter().copied());
                writer::delete(&self.folder, &named)
            })
            .collect()
    }

    /// A database with a primary password refuses the trust but keeps the certificate; deleting
    /// that needs no password (measured).
    fn clean_up(&self, ca: &TrustAnchor, machine: &Machine) -> Vec<Change> {
        let half_done = || -> Result<Option<Change>> {
            let all = self.certificates()?;
            let half = all
                .iter()
                .find(|found| found.der == ca.der && !found.is_server_ca);
            match half {
                Some(found) if self.was_there.get() == Some(false) => {
                    writer::require_certutil(machine)?;
                    writer::delete(&self.folder, &Named::among(found, &all)).map(Some)
                }
                _ => Ok(None),
            }
        };
        // The failure that led here is the one to report.
        half_done().ok().flatten().into_iter().collect()
    }

    /// `SQLite` rolls back what a killed program had begun as soon as a program opens the database
    /// for writing. certutil does so to delete a certificate, even one that is not there; to list,
    /// it opens it read-only and fails (measured).
    fn repair(&self, machine: &Machine) -> Vec<Change> {
        let killed = others::is_half_written(&self.file)
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

    fn explain(&self, error: anyhow::Error, goal: &Operation<'_>) -> anyhow::Error {
        if let Some(who) = others::locked_by(&self.folder) {
            let verb = match goal {
                Operation::Add(_) => "trust",
                Operation::Remove(_) => "untrust",
            };
            let what = format!("the database is locked by {who}; close the browser");
            return Failure::new(what).hint(again(verb, KIND)).into();
        }
        if error.to_string() == UNSEEN
            && let Operation::Add(ca) = goal
            && let Ok(Some(found)) = self.certificate(ca)
            && found.standard_trust_objects > 0
        {
            let what = "the browser itself distrusts this CA, which an older certutil cannot \
                        change; its certificate manager can";
            return Failure::new(what).into();
        }
        error
    }

    /// Chromium reads its database when it starts; Firefox caches what it has read.
    fn note(&self, machine: &Machine) -> Option<String> {
        let restart = others::is_browser_running(&self.folder, machine)
            .then_some("restart the browser to see it");
        // The orphan grants no trust: it names its certificate by a hash.
        let orphan = self
            .leaves_trust
            .get()
            .then_some("an orphaned trust row stays, which certutil does not know; harmless");
        let notes: Vec<&str> = restart.into_iter().chain(orphan).collect();
        (!notes.is_empty()).then(|| notes.join("; "))
    }
}

/// The CA's name, or a longer one if another certificate has that name: NSS refuses a second
/// certificate with the same nickname.
fn free_nickname(ca: &TrustAnchor, all: &[Certificate]) -> String {
    if all.iter().all(|other| other.nickname != ca.label) {
        return ca.label.clone();
    }
    format!("{} ({})", ca.label, &ca.sha256()[..8])
}
