//! What `azup init` did to a project, so that `azup remove` can undo it, even in a colleague's
//! clone: hence a committed file in azup's own folder.
//!
//! It is written before anything else. After a crash in between, it may name changes that were not
//! made, which removal skips, but it never misses one that was made.

mod known;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use jsonc_edit::Addition;
use anyhow::Result;
use ring::digest::{SHA256, digest};
use serde::{Deserialize, Serialize};

use super::OWN_FOLDER;
use crate::failure::{Exit, Failure, command_line, quoted, shown};
use crate::files;
pub(super) use known::{is_container_file, is_made_folder, is_workspace};
use known::{is_configuration, is_known, is_linked, is_of_users, is_own};

pub const FILE: &str = "edits.json";

/// The version of the file format, for later versions of azup.
const VERSION: u32 = 1;

/// The whole record. Every path in it is relative to the project's folder, with `/`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Record {
    version: u32,
    /// The dev container configurations that were set up, and what they were made from.
    pub configurations: BTreeMap<String, Made>,
    /// The user's files, in the order in which they were first changed.
    pub files: Vec<Entry>,
    /// The files in azup's own folders, each with the fingerprints of what azup wrote: the latest,
    /// and the one before, which a crash may have left in place.
    pub own: BTreeMap<String, Vec<String>>,
    /// The folders that were made, outermost first.
    pub folders: Vec<String>,
    /// Whether the project had certificates before: if so, they stay.
    pub had_certificates: bool,
}

/// What a dev container was made from when it was set up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Made {
    /// Compose files: Azurite is in the overlay.
    Compose,
    /// An image or a Dockerfile: Azurite runs inside.
    Single,
}

/// What was done to one file of the user's.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Entry {
    pub path: String,
    /// The fingerprint of the file without azup's additions; `None`: it did not exist.
    pub before: Option<String>,
    /// The fingerprint of what azup wrote.
    pub written: String,
    /// What was added to it.
    pub additions: Vec<Addition>,
}

impl Default for Record {
    fn default() -> Self {
        Self {
            version: VERSION,
            configurations: BTreeMap::new(),
            files: Vec::new(),
            own: BTreeMap::new(),
            folders: Vec::new(),
            had_certificates: false,
        }
    }
}

impl Record {
    /// Reads the record of the project in `folder`, with the bytes that it was read from; `None` if
    /// there is none.
    pub fn load(folder: &Path) -> Result<Option<(Self, Vec<u8>)>> {
        let path = folder.join(Self::path());
        let Some(bytes) = files::read_if_there(&path)? else {
            return Ok(None);
        };
        let version = serde_json::from_slice::<serde_json::Value>(&bytes)
            .ok()
            .and_then(|value| value["version"].as_u64());
        match (version, serde_json::from_slice::<Self>(&bytes)) {
            (Some(version), _) if version != u64::from(VERSION) => Err(Failure::new(format!(
                "{} was written by another version of azup (format {version}, this one reads {VERSION})",
                shown(&path)
            ))
            .hint("azup --version")
            .exit(Exit::Refused)
            .into()),
            (_, Ok(record)) => match record.stranger(folder) {
                None => Ok(Some((record, bytes))),
                Some(name) => Err(foreign(folder, name)),
            },
            _ => Err(Failure::new(format!(
                "{} is not the record that azup wrote",
                shown(&path)
            ))
            .hint(command_line([
                "git".as_ref(),
                "-C".as_ref(),
                folder.as_os_str(),
                "checkout".as_ref(),
                "--".as_ref(),
                Self::path().as_os_str(),
            ]))
            .exit(Exit::Refused)
            .into()),
        }
    }

    /// Where the record is, relative to the project's folder.
    pub fn path() -> PathBuf {
        Path::new(OWN_FOLDER).join(FILE)
    }

    pub fn bytes(&self) -> Result<Vec<u8>> {
        let mut bytes = serde_json::to_vec_pretty(self)?;
        bytes.push(b'\n');
        Ok(bytes)
    }

    /// The entry of a file.
    pub fn entry(&self, path: &str) -> Option<&Entry> {
        self.files.iter().find(|entry| entry.path == path)
    }

    /// Replaces the entry for the same file, or adds one.
    pub fn set(&mut self, entry: Entry) {
        match self.files.iter_mut().find(|one| one.path == entry.path) {
            Some(one) => *one = entry,
            None => self.files.push(entry),
        }
    }

    /// Records that azup is about to write `wanted` over `there` in a file of its own.
    pub fn set_own(&mut self, path: &str, there: Option<&[u8]>, wanted: &[u8]) {
        let (there, wanted) = (there.map(fingerprint), fingerprint(wanted));
        let known = self.own.entry(path.to_owned()).or_default();
        if known.last() != Some(&wanted) {
            known.retain(|one| Some(one) == there.as_ref() && *one != wanted);
            known.push(wanted);
        }
    }

    /// Whether an azup file still contains what azup wrote.
    pub fn wrote_own(&self, path: &str, there: &[u8]) -> bool {
        let there = fingerprint(there);
        self.own
            .get(path)
            .is_some_and(|known| known.contains(&there))
    }

    /// The first path that azup would never have recorded. A record is data from a repository: its
    /// author may want any file of the project changed or deleted.
    fn stranger(&self, project: &Path) -> Option<&str> {
        let files = self.files.iter().map(|entry| entry.path.as_str());
        let strange = |known: fn(&[&str]) -> bool| move |path: &&str| !is_known(path, known);
        files
            .into_iter()
            .find(strange(is_of_users))
            .or_else(|| self.own_names().find(strange(is_own)))
            .or_else(|| {
                let mut all = self.configurations.keys().map(String::as_str);
                all.find(strange(is_configuration))
            })
            .or_else(|| {
                let folders = self.folders.iter().map(String::as_str);
                let mut strange = folders.filter(|path| !is_made_folder(path));
                strange.find(|path| !is_linked(project, path))
            })
    }

    fn own_names(&self) -> impl Iterator<Item = &str> {
        self.own.keys().map(String::as_str)
    }
}

/// A record that names something azup never changes is refused as a whole.
fn foreign(folder: &Path, name: &str) -> anyhow::Error {
    Failure::new(format!(
        "{} is not the record that azup wrote: it names {}, which azup never changes",
        shown(&folder.join(Record::path())),
        quoted(name)
    ))
    .hint(command_line([
        "git".as_ref(),
        "-C".as_ref(),
        folder.as_os_str(),
        "log".as_ref(),
        "-p".as_ref(),
        "--".as_ref(),
        Record::path().as_os_str(),
    ]))
    .exit(Exit::Refused)
    .into()
}

impl Entry {
    /// A file that azup makes.
    pub fn created(path: &str, bytes: &[u8]) -> Self {
        Self {
            path: path.to_owned(),
            before: None,
            written: fingerprint(bytes),
            additions: Vec::new(),
        }
    }

    /// The entry for `additions` that turn `there` into `after`, given the previous entry, if any.
    pub fn edited(
        path: &str,
        noted: Option<&Self>,
        there: &[u8],
        after: &[u8],
        additions: &[Addition],
    ) -> Result<Self, jsonc_edit::Refusal> {
        let fresh = Self {
            path: path.to_owned(),
            before: Some(fingerprint(there)),
            written: fingerprint(after),
            additions: additions.to_vec(),
        };
        let print = fingerprint(there);
        match noted {
            // A crash came before the recorded edit.
            Some(noted) if noted.before.as_ref() == Some(&print) => Ok(fresh),
            None => Ok(fresh),
            // A file that azup made and nothing has changed since is azup's as a whole.
            Some(noted) if noted.before.is_none() && noted.written == print => {
                Ok(Self::created(path, after))
            }
            Some(noted) => {
                let mut all = noted.additions.clone();
                all.extend(
                    additions
                        .iter()
                        .filter(|addition| !noted.additions.contains(addition))
                        .cloned(),
                );
                let without = jsonc_edit::remove(there, &noted.additions)?;
                if jsonc_edit::remove(after, &all)? != without {
                    return Err(jsonc_edit::Refusal(
                        "what azup added before and what it would add now could not be taken out together"
                            .to_owned(),
                    ));
                }
                Ok(Self {
                    path: path.to_owned(),
                    before: noted.before.as_ref().map(|_| fingerprint(&without)),
                    written: match noted.before {
                        Some(_) => fingerprint(after),
                        None => noted.written.clone(),
                    },
                    additions: all,
                })
            }
        }
    }

    /// The file without azup's part: `None` if it is to be deleted.
    pub fn undone(&self, now: &[u8]) -> Result<Option<Vec<u8>>, jsonc_edit::Refusal> {
        let print = fingerprint(now);
        if self.before.as_ref() == Some(&print) {
            return Ok(Some(now.to_vec()));
        }
        if self.before.is_none() && self.written == print {
            return Ok(None);
        }
        let without = jsonc_edit::remove(now, &self.additions)?;
        match &self.before {
            None if self.written == fingerprint(&without) => Ok(None),
            None => Err(jsonc_edit::Refusal(
                "azup made it, and it has been changed since".to_owned(),
            )),
            Some(before) if self.written == print && *before != fingerprint(&without) => Err(
                jsonc_edit::Refusal("what azup added cannot be taken out as it was put in".to_owned()),
            ),
            Some(_) => Ok(Some(without)),
        }
    }
}

/// SHA-256 of a text, independent of the line endings that git gave it (`core.autocrlf`).
pub fn fingerprint(bytes: &[u8]) -> String {
    let mut plain = Vec::with_capacity(bytes.len());
    let mut rest = bytes.iter().peekable();
    while let Some(byte) = rest.next() {
        if *byte != b'\r' || rest.peek() != Some(&&b'\n') {
            plain.push(*byte);
        }
    }
    files::hex(digest(&SHA256, &plain).as_ref())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fingerprint_is_the_same_for_both_line_ends() {
        assert_eq!(fingerprint(b"a\r\nb\n"), fingerprint(b"a\nb\r\n"));
        assert_ne!(fingerprint(b"a\rb\n"), fingerprint(b"ab\n"));
        assert_ne!(fingerprint(b"a\n"), fingerprint(b"a"));
    }

    #[test]
    fn own_files_are_known_by_the_last_two_forms() {
        let mut record = Record::default();
        record.set_own("x", None, b"one");
        record.set_own("x", Some(b"one"), b"two");
        assert!(record.wrote_own("x", b"one") && record.wrote_own("x", b"two"));
        let once = record.clone();
        record.set_own("x", Some(b"two"), b"two");
        assert_eq!(record, once, "nothing new, nothing noted");
        // Killed before `two` was written, then another azup: what is there stays known.
        record.set_own("x", Some(b"one"), b"three");
        assert!(record.wrote_own("x", b"one") && record.wrote_own("x", b"three"));
        assert!(!record.wrote_own("x", b"two"));
    }
}
