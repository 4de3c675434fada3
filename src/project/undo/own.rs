//! The contents of azup's own two folders: removed if they are azup's, otherwise reported.

use std::path::{Path, PathBuf};

use anyhow::Result;

use super::Undo;
use crate::certificates::{FILES, PROJECT_FOLDER};
use crate::change::Change;
use crate::failure::{Failure, reason, shown};
use crate::files;
use crate::project::record::Record;
use crate::project::{OWN_FOLDER, Status, binary, paths};

impl Undo<'_> {
    /// Removes what a killed azup was writing, however recent it is.
    pub(super) fn leftovers(&mut self, paths: Vec<PathBuf>) -> Result<()> {
        for path in paths {
            // Behind a link there is nothing that azup would have to refuse.
            if paths::own(&self.project.folder, &path).is_ok()
                && let Some((real, now)) = self.there(&path)?
            {
                self.delete(&path, real, now);
            }
        }
        Ok(())
    }

    /// Removes what is recorded as azup's own and still is, including binaries.
    pub(super) fn own(&mut self, record: &Record) -> Result<()> {
        let certificates = Path::new(PROJECT_FOLDER);
        let stay = self.keep.certificates || record.had_certificates;
        for name in record.own.keys() {
            let path = Path::new(name);
            if stay && path.starts_with(certificates) {
                continue;
            }
            let Some((real, now)) = self.there(path)? else {
                continue;
            };
            if record.wrote_own(name, &now) {
                self.delete(path, real, now);
            } else {
                let why = "it contains something other than azup wrote".to_owned();
                self.refused.push((path.to_owned(), why));
            }
        }
        for path in self.names_in(OWN_FOLDER)? {
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            if name.starts_with(binary::PREFIX)
                && let Some((real, now)) = self.there(&path)?
            {
                self.delete(&path, real, now);
            }
        }
        Ok(())
    }

    /// The leaf first: without it, an `init` after a crash treats the set as one that was never
    /// finished, and finishes it.
    pub(super) fn certificates(&mut self) -> Result<()> {
        for name in FILES.into_iter().rev() {
            let path = Path::new(PROJECT_FOLDER).join(name);
            if let Some((real, now)) = self.there(&path)? {
                self.delete(&path, real, now);
            }
        }
        Ok(())
    }

    /// A file of azup's own, if it exists; links are the user's.
    fn there(&mut self, path: &Path) -> Result<Option<(PathBuf, Vec<u8>)>> {
        let at = self.project.folder.join(path);
        if self.keep.files.contains(&at) {
            return Ok(None);
        }
        if at.is_symlink() {
            return Ok(None);
        }
        match paths::own(&self.project.folder, path) {
            Ok(_) if !files::exists(&at) => Ok(None),
            Ok(real) => Ok(Some((real, files::read(&at)?))),
            Err(blocked) => {
                self.blocked(path, blocked);
                Ok(None)
            }
        }
    }

    pub(super) fn delete(&mut self, path: &Path, real: PathBuf, expect: Vec<u8>) {
        self.plan.files.push((path.to_owned(), Status::Deleted));
        self.plan
            .changes
            .push(Change::Delete { path: real, expect });
    }

    /// What others put into azup's own folders is not azup's to delete.
    pub(super) fn strangers(&mut self, record: &Record) -> Result<()> {
        for folder in [OWN_FOLDER, PROJECT_FOLDER] {
            let ours = |path: &Path| {
                self.plan.of(Status::Deleted).any(|one| one == path)
                    || path == Record::path()
                    || self.keep.files.contains(&self.project.folder.join(path))
                    || self.refused.iter().any(|(one, _)| one == path)
            };
            let stays = self.keep.certificates || record.had_certificates;
            if folder == PROJECT_FOLDER && stays {
                continue;
            }
            let why = if self.is_recorded {
                "azup did not write it"
            } else {
                "nothing says that azup wrote it"
            };
            let strange: Vec<PathBuf> = self
                .names_in(folder)?
                .into_iter()
                .filter(|path| !ours(path))
                .collect();
            self.refused.extend(
                strange
                    .into_iter()
                    .map(|path| (path, why.to_owned())),
            );
        }
        Ok(())
    }

    fn names_in(&self, folder: &str) -> Result<Vec<PathBuf>> {
        let at = self.project.folder.join(folder);
        if !paths::is_own_folder(&self.project.folder, Path::new(folder)) {
            return Ok(Vec::new());
        }
        let failed = |error: &std::io::Error| {
            Failure::new(format!("cannot read {}: {}", shown(&at), reason(error)))
        };
        let entries = at.read_dir().map_err(|error| failed(&error))?;
        let mut names = Vec::new();
        for entry in entries {
            let entry = entry.map_err(|error| failed(&error))?;
            names.push(Path::new(folder).join(entry.file_name()));
        }
        names.sort();
        Ok(names)
    }
}
