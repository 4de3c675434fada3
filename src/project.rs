//! The files of a project: what its dev container, compose and VS Code files have to be.
//!
//! [`Project::observe`] looks at what kind of project it is, the modules below say what
//! belongs in each file, and [`Project::plan`] compares that with what is there. Nothing
//! here writes: all is returned as changes, to be applied together or not at all.

pub mod compose;
pub mod devcontainer;
mod observe;
pub mod vscode;

use std::path::{Path, PathBuf};

use anyhow::Result;
use rustix::fs::Access;

use crate::certificates::{self, FILES, PROJECT_FOLDER, Place};
use crate::change::Change;
use crate::failure::{Exit, Failure, command_line, reason, shown};
use crate::files::{self, Content};
use crate::machine::Machine;

pub use observe::{Installer, Project};

/// The folder that azup owns and that is committed: overlay and Feature.
pub const OWN_FOLDER: &str = ".devcontainer/azurite";

/// A file that a project is to have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProjectFile {
    /// Where, relative to the project's folder.
    pub path: PathBuf,
    /// All its bytes.
    pub bytes: Vec<u8>,
    /// Permission bits of a new file.
    pub mode: u32,
    /// Whether one with other bytes may be replaced: only what is no text and is made
    /// from nothing of the user's.
    pub replaceable: bool,
}

impl ProjectFile {
    /// A text that everybody may read.
    pub fn text(path: impl Into<PathBuf>, text: impl Into<String>) -> Self {
        Self {
            path: path.into(),
            bytes: text.into().into_bytes(),
            mode: 0o644,
            replaceable: false,
        }
    }

    /// A script that everybody may run.
    pub fn script(path: impl Into<PathBuf>, text: impl Into<String>) -> Self {
        Self {
            mode: 0o755,
            ..Self::text(path, text)
        }
    }
}

/// What becomes of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// It was not there.
    Created,
    /// It is there already, byte for byte.
    Kept,
    /// It was there with other bytes.
    Updated,
}

impl Status {
    /// The word for people and for JSON.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Created => "created",
            Self::Kept => "kept",
            Self::Updated => "updated",
        }
    }
}

/// What has to be done so that a project has all its files.
#[derive(Debug)]
pub struct Plan {
    /// Every file, relative to the project's folder, and what becomes of it.
    pub files: Vec<(PathBuf, Status)>,
    /// The changes, in order.
    pub changes: Vec<Change>,
    /// The folder of the machine's certificate set, where that is to be made as well.
    pub issued: Option<PathBuf>,
}

impl Project {
    /// Every file that azup writes for a new project, certificates apart.
    ///
    /// # Errors
    /// Where the running azup cannot read itself.
    pub fn files(&self) -> Result<Vec<ProjectFile>> {
        let mut files = devcontainer::files(self)?;
        files.extend(compose::files());
        files.push(ProjectFile::text(
            Path::new(PROJECT_FOLDER).join(".gitignore"),
            "*\n!.gitignore\n",
        ));
        files.extend(vscode::files(self)?);
        Ok(files)
    }

    /// Compares what the project is to have with what is there. `named` is the folder of
    /// the certificate set to copy; without one the project's own is kept, or made from
    /// the machine's.
    ///
    /// # Errors
    /// With [`Exit::Refused`] where other dev container, compose or VS Code files are
    /// there; else where something cannot be read, or a certificate set fails a check.
    pub fn plan(&self, machine: &Machine, named: Option<&Path>) -> Result<Plan> {
        let wanted = self.files()?;
        self.refuse_others(&wanted, machine)?;
        let mut changes: Vec<Change> = Vec::new();
        for file in &wanted {
            let path = self.folder.join(&file.path);
            let Some(expect) = different(&path, &file.bytes)? else {
                continue;
            };
            if let Some(folder) = path.parent().filter(|folder| !folder.is_dir()) {
                changes.push(Change::Directory {
                    path: folder.to_owned(),
                    mode: 0o755,
                });
            }
            changes.push(Change::Write {
                path,
                expect,
                content: Content::File {
                    bytes: file.bytes.clone(),
                    mode: file.mode,
                },
            });
        }
        let folder = self.folder.join(PROJECT_FOLDER);
        let issued = if let Some(named) = named {
            let named = Place::Named(machine.absolute(named));
            let obtained = certificates::obtain(machine, &named, &[])?;
            changes.extend(obtained.changes);
            changes.extend(obtained.set.write(&folder, 0o755)?);
            None
        } else {
            let obtained = certificates::obtain(machine, &Place::Project(folder), &[])?;
            changes.extend(obtained.changes);
            obtained
                .issued
                .then(|| certificates::machine_folder(machine))
        };
        if !changes.is_empty() {
            self.require_writable()?;
        }
        let certificates = FILES.map(|name| Path::new(PROJECT_FOLDER).join(name));
        let files = wanted
            .into_iter()
            .map(|file| file.path)
            .chain(certificates)
            .map(|path| {
                let status = status(&self.folder.join(&path), &changes);
                (path, status)
            })
            .collect();
        Ok(Plan {
            files,
            changes: without_repeated_folders(changes),
            issued: issued.transpose()?,
        })
    }

    /// Says so at once where nothing can be written; what lies deeper shows when it is
    /// applied, and is taken back.
    fn require_writable(&self) -> Result<()> {
        let may = Access::WRITE_OK | Access::EXEC_OK;
        rustix::fs::access(&self.folder, may).map_err(|error| {
            Failure::new(format!(
                "cannot write in {}: {}",
                shown(&self.folder),
                reason(&error.into())
            ))
            .hint(command_line([
                "ls".as_ref(),
                "-ld".as_ref(),
                self.folder.as_os_str(),
            ]))
            .into()
        })
    }

    /// Refuses where a file is in the way that somebody else wrote.
    fn refuse_others(&self, wanted: &[ProjectFile], machine: &Machine) -> Result<()> {
        let mut others = devcontainer::other_configurations(&self.folder)?;
        for file in wanted {
            // A link, also one among the parents, may lead out of the project.
            let link_or_file = file
                .path
                .ancestors()
                .skip(1)
                .filter(|parent| !parent.as_os_str().is_empty())
                .find(|parent| {
                    let about = self.folder.join(parent).symlink_metadata();
                    about.is_ok_and(|about| !about.is_dir())
                });
            if let Some(parent) = link_or_file {
                others.push(parent.to_owned());
                continue;
            }
            let path = self.folder.join(&file.path);
            let Ok(about) = path.symlink_metadata() else {
                continue;
            };
            if !about.is_file() || (!file.replaceable && different(&path, &file.bytes)?.is_some()) {
                others.push(file.path.clone());
            }
        }
        others.sort();
        others.dedup();
        if others.is_empty() {
            return Ok(());
        }
        let names: Vec<String> = others.iter().map(|path| shown(path)).collect();
        let mut aside: Vec<String> = others
            .iter()
            .map(|path| {
                let from = self.folder.join(path);
                let mut to = from.clone().into_os_string();
                to.push(".before");
                command_line([
                    "mv".as_ref(),
                    "-n".as_ref(),
                    from.as_os_str(),
                    to.as_os_str(),
                ])
            })
            .collect();
        aside.push(if self.folder == machine.cwd() {
            "azup init".to_owned()
        } else {
            command_line(["azup".as_ref(), "init".as_ref(), self.folder.as_os_str()])
        });
        Err(Failure::new(format!(
            "cannot set up {} without changing files that are there: {}",
            shown(&self.folder),
            names.join(", ")
        ))
        .hint(aside.join(" && "))
        .exit(Exit::Refused)
        .into())
    }
}

/// What has to be replaced so that `path` holds `bytes`: `None` where it does already,
/// `Some(None)` where nothing is there.
#[allow(
    clippy::option_option,
    reason = "whether to write, and what is expected there, are two questions"
)]
fn different(path: &Path, bytes: &[u8]) -> Result<Option<Option<Vec<u8>>>> {
    let there = match std::fs::symlink_metadata(path) {
        // As large as what it is compared with: azup built without optimisation is larger
        // than any file that azup reads otherwise.
        Ok(about) if about.is_file() && about.len() == bytes.len() as u64 => {
            std::fs::read(path).ok()
        }
        _ => files::read_if_there(path)?,
    };
    Ok(if there.as_deref() == Some(bytes) {
        None
    } else {
        Some(there)
    })
}

fn status(path: &Path, changes: &[Change]) -> Status {
    let of_this = changes.iter().find_map(|change| match change {
        Change::Write {
            path: at, expect, ..
        } if at == path => Some(expect.is_some()),
        _ => None,
    });
    match of_this {
        None => Status::Kept,
        Some(false) => Status::Created,
        Some(true) => Status::Updated,
    }
}

/// A folder is made once, by the first change that needs it.
fn without_repeated_folders(changes: Vec<Change>) -> Vec<Change> {
    let mut made: Vec<PathBuf> = Vec::new();
    let mut kept = Vec::new();
    for change in changes {
        if let Change::Directory { path, .. } = &change {
            if path.is_dir() || made.contains(path) {
                continue;
            }
            made.push(path.clone());
        }
        kept.push(change);
    }
    kept
}

/// A JSON file as azup writes it: two spaces, in the order of the template.
///
/// # Errors
/// None for a value that came from JSON.
fn json_text(value: &serde_json::Value) -> Result<String> {
    Ok(serde_json::to_string_pretty(value)? + "\n")
}
