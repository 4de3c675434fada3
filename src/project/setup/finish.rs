//! The whole plan: refused as a whole, or in an order in which a crash between any two writes does
//! no damage: the record, azup's own files, certificates, then the user's files.

use std::path::{Path, PathBuf};

use anyhow::Result;

use super::{Refused, Request, Setup, by_hand};
use crate::certificates::{self, CertificatePlan, FILES, GITIGNORE, IssuedList, PROJECT_FOLDER, SetLocation};
use crate::change::Change;
use crate::failure::{Exit, Failure, command_line, in_editor, shown};
use crate::files::Content;
use crate::git;
use crate::machine::Machine;
use crate::project::paths::Blocked;
use crate::project::record::{Record, fingerprint, is_made_folder};
use crate::project::{Plan, Status, slashed};

impl Setup<'_> {
    pub(super) fn refuse(&mut self, path: &Path, why: String, snippet: Option<String>) {
        self.refused.push(Refused {
            path: path.to_owned(),
            why,
            snippet: snippet.or_else(|| Some(by_hand::lines(path, &[]))),
            in_the_way: false,
        });
    }

    /// Something else is in the place of a folder or a file: it is named once, however many files
    /// it blocks.
    pub(super) fn blocked(&mut self, blocked: Blocked) {
        self.refused.push(Refused {
            path: blocked.at,
            why: blocked.why,
            snippet: None,
            in_the_way: true,
        });
    }

    pub(super) fn finish(
        mut self,
        machine: &Machine,
        request: &Request,
        sans: &[String],
        noted: Option<Vec<u8>>,
    ) -> Result<Plan> {
        // One reason for each file is enough.
        let mut named: Vec<PathBuf> = Vec::new();
        self.refused.retain(|refused| {
            let first = !named.contains(&refused.path);
            named.push(refused.path.clone());
            first
        });
        if !self.refused.is_empty() {
            return Err(self.refusal(machine).into());
        }
        let obtained = self.certificates(machine, request, sans)?;
        let issued = obtained
            .issued
            .then(|| certificates::machine_folder(machine))
            .transpose()?;
        let changes = self.changes(obtained.changes, noted)?;
        if !changes.is_empty() {
            self.project.require_writable()?;
        }
        let certificates = FILES.map(|name| Path::new(PROJECT_FOLDER).join(name));
        for path in certificates {
            let at = self.project.folder.join(&path);
            let status = changes.iter().find_map(|change| match change {
                Change::Write {
                    path, expect: None, ..
                } if *path == at => Some(Status::Created),
                Change::Write { path, .. } if *path == at => Some(Status::Updated),
                _ => None,
            });
            self.files.push((path, status.unwrap_or(Status::Kept)));
        }
        Ok(Plan {
            files: self.files,
            changes,
            notes: self.notes,
            issued,
            compose: self.compose,
            exposed: git::tracked_keys(&self.project.folder),
        })
    }

    fn certificates(
        &mut self,
        machine: &Machine,
        request: &Request,
        sans: &[String],
    ) -> Result<CertificatePlan> {
        let folder = self.project.folder.join(PROJECT_FOLDER);
        let mut obtained = match &request.certs {
            None => certificates::obtain(machine, &SetLocation::Project(folder), sans)?,
            Some(named) => {
                let named = SetLocation::Named(machine.absolute(named));
                let mut obtained = certificates::obtain(machine, &named, sans)?;
                // The user named it: from now on it also counts in a project.
                let listed = IssuedList::load(machine)?;
                let vouched = listed.with_vouched(obtained.set.ca.sha256(), machine)?;
                obtained.changes.extend(vouched);
                obtained.changes.extend(certificates::ignored(&folder)?);
                obtained.changes.extend(obtained.set.write(&folder, 0o755)?);
                obtained.issued = false;
                obtained
            }
        };
        // It is already among azup's own files, under another path behind a link.
        let ignore = self.project.folder.join(PROJECT_FOLDER).join(GITIGNORE);
        obtained
            .changes
            .retain(|change| !matches!(change, Change::Write { path, .. } if *path == ignore));
        let names = &obtained.set.names.dns;
        for san in sans.iter().filter(|san| !names.contains(san)) {
            self.notes.push(format!(
                "the certificate is not valid for {san}, by which this project reaches Azurite: \
                 azup renew --san {san}"
            ));
        }
        Ok(obtained)
    }

    /// All changes in their order, with the folders that they need.
    fn changes(
        &mut self,
        certificates: Vec<Change>,
        noted: Option<Vec<u8>>,
    ) -> Result<Vec<Change>> {
        let mut later: Vec<Change> = Vec::new();
        later.append(&mut self.own);
        later.extend(certificates);
        later.append(&mut self.theirs);
        let record = self.project.folder.join(Record::path());
        let folders = self.missing_folders(later.iter().chain([&Change::create(&record, [], 0)]));
        for folder in &folders {
            let name = slashed(folder.strip_prefix(&self.project.folder).unwrap_or(folder));
            // Behind a link it already has another name.
            if is_made_folder(&name) && !self.record.folders.contains(&name) {
                self.record.folders.push(name);
            }
        }
        let bytes = self.record.bytes()?;
        let same = noted.as_ref().map(|noted| fingerprint(noted)) == Some(fingerprint(&bytes));
        let mut first = Vec::new();
        let status = match &noted {
            _ if same => Status::Kept,
            None => Status::Created,
            Some(_) => Status::Updated,
        };
        self.files.push((Record::path(), status));
        if status != Status::Kept {
            first.push(Change::Write {
                path: record,
                expect: noted,
                content: Content::File { bytes, mode: 0o644 },
            });
        }
        first.append(&mut later);
        Ok(with_folders(first, folders))
    }

    /// The folders in the project that do not exist, outermost first.
    fn missing_folders<'c>(&self, changes: impl Iterator<Item = &'c Change>) -> Vec<PathBuf> {
        let mut missing: Vec<PathBuf> = changes
            .filter_map(|change| match change {
                Change::Write { path, .. } => path.parent(),
                Change::Directory { path, .. } => Some(path.as_path()),
                _ => None,
            })
            .flat_map(Path::ancestors)
            .filter(|folder| folder.starts_with(&self.project.folder) && !folder.is_dir())
            .map(Path::to_owned)
            .collect();
        missing.sort();
        missing.dedup();
        missing
    }

    fn refusal(&self, machine: &Machine) -> Failure {
        let project = self.project;
        let reasons: Vec<String> = self
            .refused
            .iter()
            .map(|refused| format!("{}: {}", shown(&refused.path), refused.why))
            .collect();
        let failure = Failure::new(format!(
            "cannot set up {} without changing what azup leaves alone: {}",
            shown(&project.folder),
            reasons.join("; ")
        ))
        .exit(Exit::Refused);
        let snippets: Vec<String> = self
            .refused
            .iter()
            .filter_map(|refused| {
                let snippet = refused.snippet.as_deref()?.trim_end();
                let path = shown(&refused.path);
                (!snippet.is_empty())
                    .then(|| format!("to be added to {path} by hand:\n{snippet}\n"))
            })
            .collect();
        let failure = if snippets.is_empty() {
            failure
        } else {
            failure.snippet(snippets.join("\n"))
        };
        let mut commands: Vec<String> = self
            .refused
            .iter()
            .filter(|refused| refused.in_the_way)
            .map(|refused| aside(&project.folder.join(&refused.path)))
            .collect();
        commands.dedup();
        if commands.is_empty() {
            // Running it alone would fail again.
            let refused = self.refused.iter().map(|refused| project.folder.join(&refused.path));
            commands.push(in_editor(refused));
        }
        commands.push(project.command("init", machine.cwd()));
        failure.hint(commands.join(" && "))
    }
}

/// Creates each folder once, right before the first change that needs it.
fn with_folders(changes: Vec<Change>, mut folders: Vec<PathBuf>) -> Vec<Change> {
    let mut all = Vec::new();
    for change in changes {
        if let Change::Write { path, .. } = &change {
            let (needed, rest) = folders
                .into_iter()
                .partition(|folder| path.starts_with(folder));
            folders = rest;
            all.extend(
                needed
                    .into_iter()
                    .map(|path: PathBuf| Change::Directory { path, mode: 0o755 }),
            );
        }
        // Folders outside the project are created by the change that they came with.
        let made = matches!(&change, Change::Directory { path, .. }
            if path.is_dir() || all.contains(&change));
        if !made {
            all.push(change);
        }
    }
    all
}

/// The command that moves a file aside.
fn aside(from: &Path) -> String {
    let mut to = from.as_os_str().to_owned();
    to.push(".before");
    command_line(["mv".as_ref(), "-n".as_ref(), from.as_os_str(), &to])
}
