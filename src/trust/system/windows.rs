//! Windows: the store `Root` of the current user, which Edge, Chrome, .NET, Python and Go read. It
//! needs no administrator; Windows asks the user on the screen before it adds or deletes a root.

use std::path::Path;

use anyhow::Result;

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

/// Every user has one.
pub(super) fn find(_machine: &Machine) -> Candidate {
    Candidate::Store(Box::new(CurrentUserRoot))
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
