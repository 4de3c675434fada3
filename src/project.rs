//! The files of a project: what its dev container, compose and VS Code files must contain.
//!
//! [`Project::observe`] looks at what kind of project it is, [`configuration`] at what its dev
//! container is made from, [`devcontainer`], [`compose`] and [`vscode`] say what belongs in each
//! file, and [`Project::plan`] compares that with what is there.
//! [`Project::undo`] is the way back, by the [`record`] of what was done. Nothing here writes:
//! everything is returned as changes, to be applied together or not at all.
//!
//! The contents of azup's own folder are azup's, as long as they are unchanged. Every other file is
//! the user's from the moment it exists: edited only through [`jsonc_edit`], and only to add what
//! is missing.

mod aspire;
pub mod binary;
pub mod compose;
pub mod configuration;
pub mod convert;
pub mod devcontainer;
mod dockerfile;
pub mod dotenv;
pub mod notices;
mod functions;
pub mod language;
mod launch_profile;
mod leftovers;
pub mod located;
mod observe;
mod paths;
mod recognise;
pub mod record;
mod setup;
mod undo;
mod variables;
pub mod vscode;

use std::path::{Path, PathBuf};

use anyhow::Result;

use crate::certificates::{GITIGNORE, PROJECT_FOLDER};
use crate::change::Change;
use crate::failure::{Failure, command_line, reason, shown};
use crate::machine::Machine;
use crate::os;

pub use notices::Notice;
pub use functions::connections;
pub use observe::Project;
pub use setup::Request;
pub use undo::Keep;

/// The folder that azup owns and that is committed: overlay, Feature and record.
pub const OWN_FOLDER: &str = ".devcontainer/azurite";

/// A file that a project should have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProjectFile {
    /// Where, relative to the project's folder.
    pub path: PathBuf,
    pub bytes: Vec<u8>,
    /// Permission bits of a new file.
    pub mode: u32,
}

impl ProjectFile {
    /// A text file that every user may read.
    pub fn text(path: impl Into<PathBuf>, text: impl Into<String>) -> Self {
        Self {
            path: path.into(),
            bytes: text.into().into_bytes(),
            mode: 0o644,
        }
    }

    /// A script that every user may run.
    pub fn script(path: impl Into<PathBuf>, text: impl Into<String>) -> Self {
        Self {
            mode: 0o755,
            ..Self::text(path, text)
        }
    }
}

/// What happens to a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// It was not there.
    Created,
    /// It exists already, and lacks nothing.
    Kept,
    /// A file of azup's own with other bytes.
    Updated,
    /// A file of the user's that gains or loses lines.
    Edited,
    Deleted,
}

impl Status {
    /// The word for people and for JSON.
    pub fn word(self) -> &'static str {
        match self {
            Self::Created => "created",
            Self::Kept => "kept",
            Self::Updated => "updated",
            Self::Edited => "edited",
            Self::Deleted => "deleted",
        }
    }
}

/// The changes after which a project has all its files, or none of azup's.
#[derive(Debug, Default)]
pub struct Plan {
    /// Every file, relative to the project's folder, and what happens to it.
    pub files: Vec<(PathBuf, Status)>,
    /// The changes, in order.
    pub changes: Vec<Change>,
    /// What the user should know: whole sentences.
    pub notes: Vec<String>,
    /// Private keys that git tracks, relative to the project's folder.
    pub exposed: Vec<PathBuf>,
    /// The compose files that the dev container is made from, relative to the project's folder.
    pub compose: Vec<PathBuf>,
    /// The folder of the machine set, if that is to be made as well.
    pub issued: Option<PathBuf>,
}

impl Plan {
    pub fn of(&self, status: Status) -> impl Iterator<Item = &Path> {
        self.files
            .iter()
            .filter(move |(_, one)| *one == status)
            .map(|(path, _)| path.as_path())
    }
}

impl Project {
    /// What the user should know before this plan is carried out, each with its place.
    pub fn found(&self, machine: &Machine, plan: &Plan) -> Vec<Notice> {
        let committed = |path: &&PathBuf| {
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            let is_key = path.parent() == Some(Path::new(PROJECT_FOLDER)) && *name != *GITIGNORE;
            !is_key && !name.starts_with(binary::PREFIX)
        };
        let files = plan.files.iter().filter(|(_, status)| *status != Status::Deleted);
        let files: Vec<PathBuf> = files.map(|(path, _)| path).filter(committed).cloned().collect();
        let mut found = notices::ignored(&self.folder, machine, &files);
        found.extend(notices::look(&self.folder, &plan.compose));
        found
    }

    /// Fails at once if nothing can be written; problems deeper down show when the plan is applied,
    /// and are rolled back.
    fn require_writable(&self) -> Result<()> {
        os::may_write_in(&self.folder).map_err(|error| {
            Failure::new(format!(
                "cannot write in {}: {}",
                shown(&self.folder),
                reason(&error)
            ))
            .hint(command_line([
                "ls".as_ref(),
                "-ld".as_ref(),
                self.folder.as_os_str(),
            ]))
            .into()
        })
    }

    /// A command on this project, for a hint.
    fn command(&self, verb: &str, here: &Path) -> String {
        if self.folder == here {
            format!("azup {verb}")
        } else {
            command_line(["azup".as_ref(), verb.as_ref(), self.folder.as_os_str()])
        }
    }
}

/// A path as in the record and in JSON.
fn slashed(path: &Path) -> String {
    let name = path.to_string_lossy();
    // The same on every system: a colleague may use another one.
    if cfg!(windows) { name.replace('\\', "/") } else { name.into_owned() }
}

/// A JSON file as azup writes it: two spaces, in the order of the template.
fn json_text(value: &serde_json::Value) -> Result<String> {
    Ok(serde_json::to_string_pretty(value)? + "\n")
}
