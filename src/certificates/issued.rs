//! The list of the CAs that azup issued on this machine, and of those that the user has vouched for
//! with `azup trust --ca`.
//!
//! A certificate set in a project is data that another party may have written: the author of the
//! repository, a process in the dev container, another user. Nothing in such a set can prove where
//! it comes from, so azup remembers what it made. The list holds SHA-256 fingerprints, is readable
//! by its owner only, and starts out empty: seeding it with an older version's sets would bless
//! anything planted by then.

use std::collections::BTreeSet;
use std::path::PathBuf;

use anyhow::Result;
use serde::{Deserialize, Serialize};

use super::{CertificateSet, TrustAnchor};
use crate::change::Change;
use crate::failure::{Failure, command_line, shown};
use crate::files::{self, Content};
use crate::machine::Machine;

const FILE: &str = "issued.json";

/// The version of the file format, for later versions of azup.
const VERSION: u32 = 1;

/// SHA-256 of the DER of each CA, and of each leaf that azup issued, in lower-case hexadecimal digits.
#[derive(Debug, Serialize, Deserialize)]
pub struct IssuedList {
    version: u32,
    issued: BTreeSet<String>,
    #[serde(default)]
    leaves: BTreeSet<String>,
    #[serde(default)]
    vouched: BTreeSet<String>,
    /// The bytes that it was read from.
    #[serde(skip)]
    read: Option<Vec<u8>>,
}

impl IssuedList {
    /// Reads the list; empty if there is none.
    pub fn load(machine: &Machine) -> Result<Self> {
        let path = file(machine)?;
        let Some(bytes) = files::read_if_there(&path)? else {
            return Ok(Self {
                version: VERSION,
                issued: BTreeSet::new(),
                leaves: BTreeSet::new(),
                vouched: BTreeSet::new(),
                read: None,
            });
        };
        match serde_json::from_slice::<Self>(&bytes) {
            Ok(list) if list.version == VERSION => Ok(Self {
                read: Some(bytes),
                ..list
            }),
            _ => Err(Failure::new(format!(
                "{} is not the list of certificates that azup wrote",
                shown(&path)
            ))
            .hint(command_line(["rm".as_ref(), path.as_os_str()]))
            .into()),
        }
    }

    /// Whether a list has been written on this machine: 0.1.0 kept none.
    pub fn exists(machine: &Machine) -> Result<bool> {
        Ok(files::exists(&file(machine)?))
    }

    /// Whether azup issued this CA here.
    pub fn issued(&self, sha256: &str) -> bool {
        self.issued.contains(sha256)
    }

    /// Whether azup issued this leaf here: enough to know who made a set whose CA is damaged.
    pub fn issued_leaf(&self, sha256: &str) -> bool {
        self.leaves.contains(sha256)
    }

    /// Whether there was a list already.
    pub fn was_there(&self) -> bool {
        self.read.is_some()
    }

    /// Whether the user has explicitly vouched for this CA.
    pub fn vouched(&self, sha256: &str) -> bool {
        self.vouched.contains(sha256)
    }

    /// The changes that add a set that is about to be written to the list.
    pub fn with_issued(mut self, set: &CertificateSet, machine: &Machine) -> Result<Vec<Change>> {
        let new = self.issued.insert(set.ca.sha256());
        let leaf = TrustAnchor::any(&set.cert, &set.cert_file())?;
        self.leaves.insert(leaf.sha256());
        self.changes(new, machine)
    }

    /// The changes that add a CA that the user vouches for to the list.
    pub fn with_vouched(mut self, sha256: String, machine: &Machine) -> Result<Vec<Change>> {
        let new = self.vouched.insert(sha256);
        self.changes(new, machine)
    }

    fn changes(self, new: bool, machine: &Machine) -> Result<Vec<Change>> {
        if !new && self.read.is_some() {
            return Ok(Vec::new());
        }
        let mut bytes = serde_json::to_vec_pretty(&self)?;
        bytes.push(b'\n');
        Ok(vec![
            Change::Directory {
                path: machine.own_folder()?,
                mode: 0o700,
            },
            Change::Write {
                path: file(machine)?,
                expect: self.read,
                content: Content::File { bytes, mode: 0o600 },
            },
        ])
    }
}

fn file(machine: &Machine) -> Result<PathBuf> {
    Ok(machine.own_folder()?.join(FILE))
}
