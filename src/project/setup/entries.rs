//! One file at a time: the user's is edited through the gate or created, azup's own is rewritten
//! unless it was changed. Each is noted in the record.

use std::path::{Path, PathBuf};

use jsonc_edit::{Edit, Refusal};
use anyhow::Result;

use super::{Refused, Setup, by_hand};
use crate::change::Change;
use crate::files::{self, Content};
use crate::project::record::{Entry, fingerprint};
use crate::project::{ProjectFile, Status, devcontainer, paths, slashed, vscode};

struct OnDisk {
    /// With links resolved.
    real: PathBuf,
    bytes: Option<Vec<u8>>,
}

impl Setup<'_> {
    /// A file of the user's, if it exists.
    pub(super) fn read_there(&mut self, path: &Path) -> Result<Option<(PathBuf, Vec<u8>)>> {
        let folder = &self.project.folder;
        if !files::exists(&folder.join(path)) {
            return Ok(None);
        }
        match paths::real(folder, path) {
            Ok(real) => {
                let bytes = files::read(&real)?;
                Ok(Some((real, bytes)))
            }
            Err(blocked) => {
                self.blocked(blocked);
                Ok(None)
            }
        }
    }

    /// A file of the user's exists with `bytes`, and gains `edits`.
    pub(super) fn edit(&mut self, path: &Path, real: &Path, bytes: &[u8], edits: &[Edit]) {
        let name = slashed(path);
        let made = jsonc_edit::parse(bytes).and_then(|_| {
            let edited = jsonc_edit::add(bytes, edits)?;
            let noted = self.record.entry(&name);
            let entry = (edited.bytes != bytes)
                .then(|| Entry::edited(&name, noted, bytes, &edited.bytes, &edited.additions))
                .transpose()?;
            Ok((edited, entry))
        });
        match made {
            Ok((_, None)) => self.files.push((path.to_owned(), Status::Kept)),
            Ok((edited, Some(entry))) => {
                self.record.set(entry);
                self.files.push((path.to_owned(), Status::Edited));
                self.theirs.push(Change::Write {
                    path: real.to_owned(),
                    expect: Some(bytes.to_owned()),
                    content: Content::File {
                        bytes: edited.bytes,
                        mode: 0o644,
                    },
                });
            }
            Err(Refusal(why)) => self.refuse(path, why, Some(by_hand::lines(path, edits))),
        }
    }

    /// A file that becomes the user's: created if it is missing, else left alone.
    pub(super) fn create(&mut self, file: &ProjectFile) {
        let folder = &self.project.folder;
        let real = match paths::real(folder, &file.path) {
            Ok(real) => real,
            Err(blocked) => {
                self.blocked(blocked);
                return;
            }
        };
        if files::exists(&real) {
            self.files.push((file.path.clone(), Status::Kept));
            return;
        }
        if paths::own(folder, &file.path).is_err() {
            let why = "it would be made behind a link, from where it could not be removed";
            self.refuse(&file.path, why.to_owned(), None);
            return;
        }
        self.record
            .set(Entry::created(&slashed(&file.path), &file.bytes));
        self.files.push((file.path.clone(), Status::Created));
        self.theirs
            .push(Change::create(real, file.bytes.clone(), file.mode));
    }

    /// Makes a file in azup's own folders contain exactly this.
    pub(super) fn own_file(&mut self, file: &ProjectFile) -> Result<()> {
        let Some(there) = self.own_there(&file.path)? else {
            return Ok(());
        };
        let name = slashed(&file.path);
        let same = there
            .bytes
            .as_ref()
            .is_some_and(|bytes| is_same(file, bytes));
        if let Some(bytes) = &there.bytes
            && !same
            && !self.record.wrote_own(&name, bytes)
        {
            self.refused.push(Refused {
                path: file.path.clone(),
                why: "it belongs to azup, but contains something other than azup wrote".to_owned(),
                snippet: None,
                in_the_way: true,
            });
            return Ok(());
        }
        self.record
            .set_own(&name, there.bytes.as_deref(), &file.bytes);
        self.write_own(file, there);
        Ok(())
    }

    /// The binary is not committed, so each machine writes its own.
    pub(super) fn own_binary(&mut self, file: &ProjectFile) -> Result<()> {
        if let Some(there) = self.own_there(&file.path)? {
            self.write_own(file, there);
        }
        Ok(())
    }

    /// Removes an azup file that is no longer needed, unless it was changed.
    pub(super) fn no_own_file(&mut self, path: &Path) -> Result<()> {
        let name = slashed(path);
        if let Some(OnDisk {
            real,
            bytes: Some(bytes),
        }) = self.own_there(path)?
            && self.record.wrote_own(&name, &bytes)
        {
            self.files.push((path.to_owned(), Status::Deleted));
            self.own.push(Change::Delete {
                path: real,
                expect: bytes,
            });
        }
        Ok(())
    }

    /// What a `launch.json`, which is new or there, has Node.js programs started with.
    pub(super) fn node_script(&mut self, merge: &vscode::Merge, there: Option<&Vec<u8>>) -> Result<()> {
        let script = devcontainer::node();
        let new = merge.files.iter().find(|file| file.path == Path::new(vscode::LAUNCH_PATH));
        let launch = new.map(|file| &file.bytes).or(there);
        if launch.is_some_and(|launch| vscode::is_preloaded(launch))
            || merge.launch.iter().any(vscode::is_preloading)
        {
            self.own_file(&script)
        } else {
            self.no_own_file(&script.path)
        }
    }

    fn own_there(&mut self, path: &Path) -> Result<Option<OnDisk>> {
        match paths::own(&self.project.folder, path) {
            Ok(real) => Ok(Some(OnDisk {
                bytes: files::read_if_there(&real)?,
                real,
            })),
            Err(blocked) => {
                self.blocked(blocked);
                Ok(None)
            }
        }
    }

    fn write_own(&mut self, file: &ProjectFile, there: OnDisk) {
        let status = match &there.bytes {
            None => Status::Created,
            Some(bytes) if is_same(file, bytes) => Status::Kept,
            Some(_) => Status::Updated,
        };
        self.files.push((file.path.clone(), status));
        if status != Status::Kept {
            self.own.push(Change::Write {
                path: there.real,
                expect: there.bytes,
                content: Content::File {
                    bytes: file.bytes.clone(),
                    mode: file.mode,
                },
            });
        }
    }
}

/// Whether there is nothing to write. If git only changed a text's line endings, rewriting it would
/// show up as a change; a script must have azup's own, or no shell runs it.
fn is_same(file: &ProjectFile, there: &[u8]) -> bool {
    file.bytes == there || (file.mode == 0o644 && fingerprint(&file.bytes) == fingerprint(there))
}
