//! What was written where, so that `azup untrust` finds it when the project, its environment or the
//! certificates are gone or elsewhere.
//!
//! An entry is written before its store is changed: a crash in between leaves one entry too many,
//! never one too few. On removal, every store is searched again in addition to the record.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use anyhow::Result;
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use super::{RemovalFilter, Store};
use crate::certificates::{LIFETIME_DAYS, TrustAnchor, moment};
use crate::change::{self, Change};
use crate::failure::{Failure, command_line, shown};
use crate::files::{self, Content};
use crate::machine::Machine;
use crate::options::Kind;
use crate::os::{OsStrExt as _, OsStringExt as _};

const FILE: &str = "stores.json";

/// How long an azup CA is valid.
const LIFETIME_SECONDS: i64 = LIFETIME_DAYS * 24 * 60 * 60;

/// The version of the file format, for later versions of azup.
const VERSION: u32 = 1;

/// One CA in one store.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// The kind of store, as in `--stores`.
    pub kind: String,
    /// Where the store is; bytes that are not UTF-8 as `%HH`, after `bytes:`.
    path: String,
    /// SHA-256 of the CA's DER, in hexadecimal digits.
    pub sha256: String,
    /// When azup was about to write it (RFC 3339).
    pub time: String,
    /// When the CA expires (seconds since 1970); missing in older records.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    not_after: Option<i64>,
}

impl Entry {
    fn new(store: &dyn Store, ca: &TrustAnchor, machine: &Machine) -> Self {
        Self {
            kind: store.kind().name().to_owned(),
            path: text_of(store.path()),
            sha256: ca.sha256(),
            time: moment(machine.now()),
            not_after: Some(ca.not_after.unix_timestamp()),
        }
    }

    pub fn path(&self) -> PathBuf {
        path_of(&self.path)
    }

    /// Whether `removal` covers this CA.
    fn goes(&self, removal: &RemovalFilter) -> bool {
        removal.ours
            || removal.recorded.contains(self)
            || removal
                .ca
                .as_ref()
                .is_some_and(|ca| ca.sha256() == self.sha256)
            || removal.expired_by.is_some_and(|now| self.has_expired(now))
    }

    /// True also for a CA that a wrong clock dated into the future.
    fn has_expired(&self, now: OffsetDateTime) -> bool {
        let now = now.unix_timestamp();
        self.not_after
            .is_some_and(|end| end < now || end - LIFETIME_SECONDS > now)
    }

    /// Whether it belongs to a store of this kind.
    pub(super) fn is_named(&self, kind: Kind) -> bool {
        self.kind == kind.name()
    }

    pub(super) fn is_of(&self, kind: Kind, path: &Path) -> bool {
        self.is_named(kind) && self.path() == path
    }
}

/// The whole record.
#[derive(Debug, Serialize, Deserialize)]
pub struct Record {
    version: u32,
    stores: Vec<Entry>,
    /// The bytes that it was read from.
    #[serde(skip)]
    read: Option<Vec<u8>>,
}

impl Record {
    /// Reads the record; empty if there is none.
    pub fn load(machine: &Machine) -> Result<Self> {
        let path = file(machine)?;
        let Some(bytes) = files::read_if_there(&path)? else {
            return Ok(Self {
                version: VERSION,
                stores: Vec::new(),
                read: None,
            });
        };
        let record: Option<Self> = serde_json::from_slice(&bytes).ok();
        match record {
            Some(record) if record.version == VERSION => Ok(Self {
                read: Some(bytes),
                ..record
            }),
            _ => Err(Failure::new(format!(
                "{} is not the record that azup wrote",
                shown(&path)
            ))
            .hint(command_line(["rm".as_ref(), path.as_os_str()]))
            .into()),
        }
    }

    /// All entries, oldest first.
    pub fn entries(&self) -> &[Entry] {
        &self.stores
    }

    /// Records that `ca` is about to be added to `stores`.
    pub fn add(stores: &[&dyn Store], ca: &TrustAnchor, machine: &Machine) -> Result<()> {
        Self::update(machine, |entries| {
            for store in stores {
                let entry = Entry::new(*store, ca, machine);
                let known = entries.iter().any(|known| {
                    known.is_of(store.kind(), store.path()) && known.sha256 == entry.sha256
                });
                if !known {
                    entries.push(entry);
                }
            }
        })
    }

    /// Whether, according to the record, a CA in a store that still exists has expired.
    pub fn holds_expired(machine: &Machine) -> bool {
        let now = machine.now();
        // The code that writes the record reports one that cannot be read.
        Self::load(machine).is_ok_and(|record| {
            let mut entries = record.stores.iter();
            entries.any(|entry| entry.has_expired(now) && files::exists(&entry.path()))
        })
    }

    /// Forgets what `removal` has removed from these stores, and every entry whose store no longer
    /// exists.
    pub fn forget(stores: &[(Kind, PathBuf)], removal: &RemovalFilter, machine: &Machine) -> Result<()> {
        Self::update(machine, |entries| {
            entries.retain(|entry| {
                let done = stores.iter().any(|(kind, path)| entry.is_of(*kind, path));
                !(done && entry.goes(removal)) && files::exists(&entry.path())
            });
        })
    }

    /// Forgets every CA that has expired.
    pub fn forget_expired(machine: &Machine) -> Result<()> {
        let now = machine.now();
        Self::update(machine, |entries| {
            entries.retain(|entry| !entry.has_expired(now));
        })
    }

    fn update(machine: &Machine, edit: impl FnOnce(&mut Vec<Entry>)) -> Result<()> {
        let mut record = Self::load(machine)?;
        let before = record.stores.clone();
        edit(&mut record.stores);
        if record.stores == before {
            return Ok(());
        }
        let mut bytes = serde_json::to_vec_pretty(&record)?;
        bytes.push(b'\n');
        let changes = [
            Change::Directory {
                path: machine.own_folder()?,
                mode: 0o700,
            },
            Change::Write {
                path: file(machine)?,
                expect: record.read,
                content: Content::File { bytes, mode: 0o600 },
            },
        ];
        change::apply(&changes, machine)
    }
}

fn file(machine: &Machine) -> Result<PathBuf> {
    Ok(machine.own_folder()?.join(FILE))
}

fn text_of(path: &Path) -> String {
    match path.to_str() {
        Some(text) if !text.starts_with("bytes:") => text.to_owned(),
        _ => {
            let bytes = path.as_os_str().as_bytes();
            let digits: Vec<String> = bytes.iter().map(|byte| format!("%{byte:02X}")).collect();
            format!("bytes:{}", digits.concat())
        }
    }
}

fn path_of(text: &str) -> PathBuf {
    match text.strip_prefix("bytes:") {
        None => text.into(),
        Some(digits) => {
            let bytes = digits
                .split('%')
                .skip(1)
                .map(|digits| u8::from_str_radix(digits, 16).unwrap_or(b'?'))
                .collect();
            OsString::from_vec(bytes).into()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_path_comes_back() {
        for bytes in [&b"/plain/path"[..], b"/bad\xff\n", b"bytes:odd", b"/100%"] {
            let path = PathBuf::from(OsString::from_vec(bytes.to_vec()));
            assert_eq!(path_of(&text_of(&path)), path);
        }
    }
}
