//! Windows: the store `Root` of the current user, which Edge, Chrome, .NET, Python and Go read. It
//! needs no administrator; Windows asks the user on the screen before it adds or deletes a root.
//! Git for Windows brings a bundle of its own, for its git and its curl.

use std::path::{Path, PathBuf};

use anyhow::Result;

use super::super::bundle::Bundle;
use super::super::{Candidate, RemovalFilter, Status, Store};
use crate::certificates::TrustAnchor;
use crate::change::Change;
use crate::failure::{Failure, reason};
use crate::machine::Machine;
use crate::options::Kind;
use crate::os::roots;

/// The user's own store of root certificates.
#[derive(Debug)]
struct CurrentUserRoot;

/// Where Git for Windows is installed, for all users or for one: variables, and folders below them.
const GIT: [(&str, &str); 3] = [
    ("PROGRAMFILES", "Git"),
    ("LOCALAPPDATA", r"Programs\Git"),
    ("USERPROFILE", r"scoop\apps\git\current"),
];

/// Its bundle: for the two architectures, and in older versions.
const BUNDLES: [&str; 3] = [
    r"mingw64\etc\ssl\certs\ca-bundle.crt",
    r"clangarm64\etc\ssl\certs\ca-bundle.crt",
    r"mingw64\ssl\certs\ca-bundle.crt",
];

/// The store, which every user has, and Git's bundles.
pub(super) fn find(machine: &Machine) -> Vec<Candidate> {
    let own: Candidate = Candidate::Store(Box::new(CurrentUserRoot));
    let folders = GIT.into_iter().filter_map(|(name, below)| Some(Path::new(machine.var(name)?).join(below)));
    let bundles = folders.flat_map(|folder| BUNDLES.map(|bundle| folder.join(bundle)));
    let there = bundles.filter(|bundle: &PathBuf| bundle.is_file());
    let git = there.map(|path| Candidate::Store(Box::new(Bundle::of_program(super::KIND, path)) as _));
    std::iter::once(own).chain(git).collect()
}

fn all() -> Result<Vec<Vec<u8>>> {
    let read = roots::list();
    read.map_err(|error| {
        let what = format!("cannot read CurrentUser\\Root: {}", reason(&error));
        Failure::new(what).into()
    })
}

impl Store for CurrentUserRoot {
    fn kind(&self) -> Kind {
        super::KIND
    }

    fn path(&self) -> &Path {
        Path::new(r"CurrentUser\Root")
    }

    fn status(&self, ca: &TrustAnchor, _machine: &Machine) -> Result<Status> {
        Ok(Status::from(all()?.contains(&ca.der)))
    }

    fn add(&self, ca: &TrustAnchor, _machine: &Machine) -> Result<Vec<Change>> {
        if all()?.contains(&ca.der) {
            return Ok(Vec::new());
        }
        let der = ca.der.clone();
        Ok(vec![Change::Root { der, trusted: true }])
    }

    fn remove(&self, removal: &RemovalFilter, _machine: &Machine) -> Result<Vec<Change>> {
        let goes = all()?.into_iter().filter(|der| removal.names(der));
        Ok(goes
            .map(|der| Change::Root {
                der,
                trusted: false,
            })
            .collect())
    }
}
