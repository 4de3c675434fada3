//! Which folders are the project's. Environments and `.env` are looked for in these, and never in a
//! folder that is merely above them: home and `/tmp` hold other people's projects.

pub mod marks;

use std::path::{Path, PathBuf};

use crate::machine::Machine;
use marks::{is_mark, is_shared};
use crate::os::{self, MetadataExt as _};

/// Files and folders in the top folder of a project, besides `.git`.
const MARKS: [&str; 8] = [
    "pyproject.toml",
    "Pipfile",
    "setup.py",
    "requirements.txt",
    "tox.ini",
    "noxfile.py",
    ".devcontainer",
    ".vscode",
];

/// The folders from the current one up.
#[derive(Debug, PartialEq, Eq)]
pub struct Workspace {
    /// The project's, the current folder first: up to the repository's top, or to the first folder
    /// with the mark of a project, or only the current one.
    pub project: Vec<PathBuf>,
    /// Those above the project that are not shared by all users.
    pub above: Vec<PathBuf>,
}

impl Workspace {
    /// The folders as seen from `machine`'s current one. A home folder is only a project if it is
    /// the current folder, even if it is a repository; `/tmp` and the like never are.
    pub fn of(machine: &Machine) -> Self {
        let all: Vec<&Path> = machine.cwd().ancestors().collect();
        let home = machine.home().ok();
        let is_above_home = |folder: &&Path| home.is_some_and(|home| home.starts_with(folder));
        // What another user has put above the project says nothing about it.
        let first = all.first().and_then(|folder| owner(folder));
        let is_foreign = |folder: &&Path| owner(folder) != first && is_another_users(folder);
        let ends = |folder: &&Path| is_above_home(folder) || is_foreign(folder);
        let own = all.iter().position(ends).unwrap_or(all.len());
        let own = &all[..own.max(1)];
        let repository = own.iter().position(|folder| is_mark(&folder.join(".git")));
        let top = repository.or_else(|| {
            own.iter()
                .position(|folder| MARKS.iter().any(|mark| is_mark(&folder.join(mark))))
        });
        let (project, above) = all.split_at(top.unwrap_or(0) + 1);
        let above: Vec<&Path> = above
            .iter()
            .copied()
            .filter(|each| !is_shared(each))
            .collect();
        let owned = |folders: &[&Path]| folders.iter().map(|folder| (*folder).to_owned()).collect();
        Self {
            project: owned(project),
            above: owned(&above),
        }
    }

    /// The project's top folder, with links resolved.
    pub fn top(&self) -> Option<PathBuf> {
        self.project.last()?.canonicalize().ok()
    }

    /// Whether a path is one of the project's, as written or with links resolved.
    pub fn brought(&self, path: &Path) -> bool {
        let real = || Some(path.canonicalize().ok()?.starts_with(self.top()?));
        self.holds(path) || real() == Some(true)
    }

    /// Whether a path as written is one of the project's, wherever links lead from there.
    pub fn holds(&self, path: &Path) -> bool {
        self.project.last().is_some_and(|top| path.starts_with(top))
    }
}

fn owner(folder: &Path) -> Option<u32> {
    folder.metadata().ok().map(|about| about.uid())
}

fn is_another_users(folder: &Path) -> bool {
    let ours = [os::user(), 0];
    owner(folder).is_some_and(|owner| !ours.contains(&owner))
}

/// The top folder of the user's current project.
pub fn project_folder(machine: &Machine) -> PathBuf {
    let top = Workspace::of(machine).project.pop();
    top.unwrap_or_else(|| machine.cwd().to_owned())
}

/// The top folder of the user's current project, with links resolved; `None` if nothing marks the
/// folder as a project.
pub fn marked_project(machine: &Machine) -> Option<PathBuf> {
    let top = Workspace::of(machine).top()?;
    let mut marks = MARKS.iter().chain(&[".git"]);
    marks.any(|mark| is_mark(&top.join(mark))).then_some(top)
}
