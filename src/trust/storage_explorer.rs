//! Azure Storage Explorer: a folder in which each file is a CA that it trusts. It reads the folder
//! when it starts.
//!
//! The folder is created only if Storage Explorer has been used, as its own folder shows.

use std::path::{Path, PathBuf};

use anyhow::Result;

use super::definition::Definition;
use super::{Candidate, RemovalFilter, Status, Store, StoreReport, bundle};
use crate::certificates::TrustAnchor;
use crate::change::Change;
use crate::files::{self, Content};
use crate::machine::Machine;
use crate::options::Kind;

/// Where the snap keeps what is otherwise in the user's configuration folder.
const SNAP: &str = "snap/storage-explorer/current/.config";

/// How the name of azup's file begins; the certificate's SHA-256 tells two CAs apart.
const NAME: &str = "azup-local-ca-";

pub const KIND: Kind = Kind::new("storage-explorer");

pub(super) static STORE: Definition = Definition {
    kind: KIND,
    asked_by: &[KIND],
    of_project: false,
    check: "store-storage-explorer",
    title: "Storage Explorer has the CA",
    read_by_program: false,
    find: |search| find(search.machine),
    reopen: Some(|path| Box::new(Folder { path })),
};

/// One folder of CAs.
#[derive(Debug)]
pub struct Folder {
    path: PathBuf,
}

/// The folder of each Storage Explorer that was used here, or a row that says there is none. The
/// configuration folder is the operating system's, such as `~/Library/Application Support` on
/// macOS.
fn find(machine: &Machine) -> Vec<Candidate> {
    let (Ok(home), Ok(config)) = (machine.home(), machine.config_home()) else {
        return Vec::new();
    };
    let owns = [config.to_owned(), home.join(SNAP)].map(|folder| folder.join("StorageExplorer"));
    let mut found: Vec<Candidate> = owns
        .iter()
        .filter(|own| own.is_dir())
        .map(|own| {
            let path = own.join("certs");
            Candidate::Store(Box::new(Folder { path }) as _)
        })
        .collect();
    if found.is_empty() {
        found.push(Candidate::StoreReport(StoreReport::absent(
            KIND,
            &owns[0],
            "Azure Storage Explorer has not been used here".to_owned(),
            None,
        )));
    }
    found
}

impl Folder {
    /// Every readable file in it; none if the folder does not exist yet.
    fn files(&self) -> Vec<(PathBuf, Vec<u8>)> {
        let entries = std::fs::read_dir(&self.path).into_iter().flatten();
        let mut files: Vec<_> = entries
            .flatten()
            .filter_map(|entry| {
                let path = entry.path();
                let bytes = files::read_if_there(&path).ok()??;
                Some((path, bytes))
            })
            .collect();
        files.sort();
        files
    }
}

impl Store for Folder {
    fn kind(&self) -> Kind {
        KIND
    }

    fn path(&self) -> &Path {
        &self.path
    }

    fn status(&self, ca: &TrustAnchor, _machine: &Machine) -> Result<Status> {
        let trusted = self
            .files()
            .iter()
            .filter(|(path, _)| !files::is_leftover(path))
            .any(|(_, bytes)| *bytes == ca.der || bundle::contains(bytes, ca));
        Ok(Status::from(trusted))
    }

    fn add(&self, ca: &TrustAnchor, machine: &Machine) -> Result<Vec<Change>> {
        if self.status(ca, machine)? == Status::Trusted {
            return Ok(Vec::new());
        }
        let path = self.path.join(format!("{NAME}{}.pem", &ca.sha256()[..8]));
        let expect = files::read_if_there(&path)?;
        Ok(vec![
            Change::Directory {
                path: self.path.clone(),
                mode: 0o755,
            },
            Change::Write {
                path,
                expect,
                content: Content::File {
                    bytes: ca.pem.clone().into_bytes(),
                    mode: 0o644,
                },
            },
        ])
    }

    /// Removes only whole files: one that also holds other certificates is the user's own.
    fn remove(&self, removal: &RemovalFilter, _machine: &Machine) -> Result<Vec<Change>> {
        let ours = |bytes: &[u8]| {
            let ca = TrustAnchor::alone_in(bytes).or_else(|| TrustAnchor::from_der(bytes));
            ca.is_some_and(|ca| removal.names(&ca.der))
        };
        let files = self.files().into_iter();
        Ok(files
            .filter(|(_, bytes)| ours(bytes))
            .map(|(path, expect)| Change::Delete { path, expect })
            .collect())
    }

    fn note(&self, _machine: &Machine) -> Option<String> {
        Some("restart Storage Explorer, which reads it when it starts".to_owned())
    }
}
