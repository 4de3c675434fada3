//! Undoes `azup init` according to the record: every user file loses what azup added, and nothing
//! of azup's own is left. If azup's part cannot be told from the user's own work, it is named, and
//! nothing is done at all.

mod extended;
mod own;
mod refusal;

use std::path::{Path, PathBuf};

use jsonc_edit::Refusal;
use anyhow::Result;

use super::paths::Blocked;
use super::recognise::{Recognised, Unremovable};
use super::record::{Entry, Record};
use super::{OWN_FOLDER, Plan, Project, Status, dotenv, paths};
use crate::certificates::{CertificateSet, GITIGNORE, PROJECT_FOLDER};
use crate::change::Change;
use crate::failure::shown;
use crate::files::{self, Content};
use crate::machine::Machine;
use crate::trust;

/// What to keep.
#[derive(Clone, Debug, Default)]
pub struct Keep {
    /// The project's certificates.
    pub certificates: bool,
    /// These files, absolute.
    pub files: Vec<PathBuf>,
}

struct Undo<'a> {
    project: &'a Project,
    keep: &'a Keep,
    plan: Plan,
    refused: Vec<(PathBuf, String)>,
    /// What is in the place of folders, so that their contents cannot be determined.
    in_the_way: Vec<Blocked>,
    /// What a person would have to remove from a refused file.
    lines: Vec<(PathBuf, String)>,
    /// Whether there is a record of what azup did.
    is_recorded: bool,
}

impl Project {
    /// The changes after which nothing of `azup init` is left. The record is deleted last: after a
    /// crash in between, the next run does the rest.
    ///
    /// # Errors
    /// With exit code 4 if the user changed something so that azup's part cannot be told
    /// apart, or if there is no record; otherwise if something cannot be read.
    pub fn undo(&self, machine: &Machine, keep: &Keep) -> Result<Plan> {
        let mut undo = Undo::of(self, keep);
        let (record, bytes) = match (Record::load(&self.folder)?, self.recognised(machine)) {
            (Some((record, bytes)), recognised) => {
                let known = recognised.ok().flatten().filter(|all| all.is_unknown_to(&record));
                let record = known.map_or(record.clone(), |all| all.completing(record));
                (record, Some(bytes))
            }
            (None, Ok(Some(recognised))) => {
                undo.without_record(&recognised);
                (recognised.record, None)
            }
            (None, Ok(None)) => return self.undo_folders_alone(keep),
            (None, Err(error)) => return Err(error),
        };
        let extended = self.extended(&record)?;
        for entry in &record.files {
            undo.entry(entry, extended.contains(&entry.path))?;
            undo.leftovers(self.leftovers_of(Path::new(&entry.path)))?;
        }
        for folder in [OWN_FOLDER, PROJECT_FOLDER] {
            undo.leftovers(self.leftovers_in(Path::new(folder)))?;
        }
        undo.own(&record)?;
        if !keep.certificates && !record.had_certificates {
            undo.certificates()?;
        }
        undo.strangers(&record)?;
        undo.variables()?;
        undo.trusted(machine);
        if let Err(blocked) = paths::own(&self.folder, &Record::path()) {
            undo.blocked(&Record::path(), blocked);
        }
        undo.finish(&record, bytes)
    }

    /// A crash may have left azup's own folders without a record.
    fn undo_folders_alone(&self, keep: &Keep) -> Result<Plan> {
        let mut undo = Undo::of(self, keep);
        let folders = self.abandoned_folders();
        for folder in &folders {
            undo.leftovers(self.leftovers_in(folder))?;
        }
        let folders: Vec<&Path> = folders.iter().rev().map(PathBuf::as_path).collect();
        undo.remove_folders(&folders);
        Ok(undo.plan)
    }

}

impl<'a> Undo<'a> {
    fn of(project: &'a Project, keep: &'a Keep) -> Self {
        Self {
            project,
            keep,
            plan: Plan::default(),
            refused: Vec::new(),
            in_the_way: Vec::new(),
            lines: Vec::new(),
            is_recorded: true,
        }
    }

    /// Removes what is exactly as azup writes it, even without a record.
    fn without_record(&mut self, recognised: &Recognised) {
        self.is_recorded = false;
        let keeps = |path: &Path| self.keep.files.contains(&self.project.folder.join(path));
        for Unremovable { path, why, lines } in &recognised.stuck {
            if keeps(path) {
                continue;
            }
            self.refused.push((path.clone(), why.clone()));
            self.lines.push((path.clone(), lines.clone()));
        }
        self.plan.notes.push(format!(
            "{} is missing, which records what azup did here: only what is exactly as azup writes \
             it is removed",
            shown(&Record::path())
        ));
        self.plan.notes.extend(recognised.notes.iter().cloned());
    }
}

impl Undo<'_> {
    /// azup's part of `.env`, and the rule that makes git ignore it.
    fn variables(&mut self) -> Result<()> {
        for change in dotenv::unwanted(&self.project.folder)? {
            let (path, status) = match &change {
                Change::Delete { path, .. } => (path, Status::Deleted),
                Change::Write { path, .. } => (path, Status::Edited),
                _ => continue,
            };
            if let Ok(path) = path.strip_prefix(&self.project.folder) {
                self.plan.files.push((path.to_owned(), status));
            }
            self.plan.changes.push(change);
        }
        for name in [dotenv::NAME, GITIGNORE] {
            self.leftovers(self.project.leftovers_of(Path::new(name)))?;
        }
        Ok(())
    }

    /// A file of the user's.
    fn entry(&mut self, entry: &Entry, is_extended: bool) -> Result<()> {
        let path = Path::new(&entry.path);
        if self.keep.files.contains(&self.project.folder.join(path)) {
            self.plan.files.push((path.to_owned(), Status::Kept));
            self.tell_of_kept(path);
            return Ok(());
        }
        let looked_up = paths::real(&self.project.folder, path).map(|real| {
            let bytes = files::read_if_there(&real)?;
            anyhow::Ok((real, bytes))
        });
        let (real, now) = match looked_up {
            Ok(found) => match found? {
                (at, Some(bytes)) => (at, bytes),
                // Never made, or already gone.
                (_, None) => return Ok(()),
            },
            Err(blocked) => {
                self.blocked(path, blocked);
                return Ok(());
            }
        };
        let behind_link = real != self.project.folder.join(path);
        let undone = if is_extended {
            self.without_parts(entry, &now)?
        } else {
            entry.undone(&now)
        };
        match undone {
            Ok(None) if behind_link => {
                let why = "it is behind a link, where azup deletes nothing".to_owned();
                self.refused.push((path.to_owned(), why));
            }
            Ok(None) => {
                self.plan.files.push((path.to_owned(), Status::Deleted));
                self.plan.changes.push(Change::Delete {
                    path: real,
                    expect: now,
                });
            }
            Ok(Some(bytes)) if bytes == now => {
                self.plan.files.push((path.to_owned(), Status::Kept));
            }
            Ok(Some(bytes)) => {
                self.plan.files.push((path.to_owned(), Status::Edited));
                self.plan.changes.push(Change::Write {
                    path: real,
                    expect: Some(now),
                    content: Content::File { bytes, mode: 0o644 },
                });
            }
            Err(Refusal(why)) => {
                self.refused.push((path.to_owned(), why));
                let lines = jsonc_edit::to_take_out(&entry.additions);
                self.lines.push((path.to_owned(), lines));
            }
        }
        Ok(())
    }

    /// Something else is in the place of a folder or a file: named once, by itself.
    fn blocked(&mut self, path: &Path, blocked: Blocked) {
        if blocked.at == path {
            self.refused.push((blocked.at, blocked.why));
        } else if self.in_the_way.iter().all(|one| one.at != blocked.at) {
            self.in_the_way.push(blocked);
        }
    }

    /// The certificates are removed but stay trusted: says so, since another command ends that.
    fn trusted(&mut self, machine: &Machine) {
        let folder = self.project.folder.join(PROJECT_FOLDER);
        let set = CertificateSet::load_unchecked(&folder, machine.now())
            .ok()
            .flatten();
        let record = trust::record::Record::load(machine).ok();
        if let (Some(set), Some(record)) = (set, record)
            && record
                .entries()
                .iter()
                .any(|entry| entry.sha256 == set.ca.sha256())
        {
            self.plan.notes.push(
                "its CA stays trusted on this machine; azup untrust takes it out of every store"
                    .to_owned(),
            );
        }
    }

    fn finish(mut self, record: &Record, bytes: Option<Vec<u8>>) -> Result<Plan> {
        if !self.refused.is_empty() || !self.in_the_way.is_empty() {
            return Err(self.refusal());
        }
        let path = Record::path();
        let real = self.project.folder.join(&path);
        // Innermost first; azup's own even if git created them.
        let mut folders: Vec<&Path> = record.folders.iter().map(Path::new).collect();
        folders.extend([OWN_FOLDER, PROJECT_FOLDER].map(Path::new));
        folders.sort();
        folders.dedup();
        folders.reverse();
        // Without the record they cannot be found again, so all others are removed before it.
        let (around, others): (Vec<&Path>, Vec<&Path>) = folders
            .into_iter()
            .partition(|folder| path.starts_with(folder));
        self.remove_folders(&others);
        if let Some(bytes) = bytes {
            self.delete(&path, real, bytes);
        }
        self.remove_folders(&around);
        self.project.require_writable()?;
        Ok(self.plan)
    }

    fn remove_folders(&mut self, folders: &[&Path]) {
        let inside = |folder: &&&Path| paths::own(&self.project.folder, &folder.join("x")).is_ok();
        let folders = folders
            .iter()
            .filter(inside)
            .map(|folder| self.project.folder.join(folder));
        let there = folders.filter(|folder| folder.is_dir() && !folder.is_symlink());
        self.plan
            .changes
            .extend(there.map(|path| Change::RemoveFolder { path }));
    }

}
