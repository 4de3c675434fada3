//! What a killed azup leaves in a project: partly written files under hidden names, which nothing
//! reads, and folders that it had made before its record could say so.

use std::path::{Path, PathBuf};

use super::{OWN_FOLDER, Project};
use crate::certificates::PROJECT_FOLDER;
use crate::files;

impl Project {
    /// The partly written files in `folder`, relative to the project's folder.
    pub(super) fn leftovers_in(&self, folder: &Path) -> Vec<PathBuf> {
        let names = names_in(&self.folder.join(folder)).into_iter();
        let paths = names.map(|name| folder.join(name));
        let is_file = |path: &PathBuf| {
            let about = self.folder.join(path).symlink_metadata();
            about.is_ok_and(|about| about.is_file())
        };
        paths
            .filter(|path| files::is_leftover(path) && is_file(path))
            .collect()
    }

    /// The partly written versions of a file, relative to the project's folder.
    pub(super) fn leftovers_of(&self, file: &Path) -> Vec<PathBuf> {
        let folder = file.parent().unwrap_or(Path::new(""));
        let mut found = self.leftovers_in(folder);
        found.retain(|path| files::is_leftover_of(path, file));
        found
    }

    /// If there is no record: azup's own folders that contain nothing but partly written files, and
    /// the folder around them if it contains nothing else. Outermost first, relative to the
    /// project's folder.
    pub(super) fn abandoned_folders(&self) -> Vec<PathBuf> {
        let mut found: Vec<PathBuf> = [OWN_FOLDER, PROJECT_FOLDER]
            .map(PathBuf::from)
            .into_iter()
            .filter(|folder| {
                let at = self.folder.join(folder);
                let nothing = || names_in(&at).len() == self.leftovers_in(folder).len();
                at.is_dir() && !at.is_symlink() && nothing()
            })
            .collect();
        let around = found.first().and_then(|own| own.parent());
        let around = around.map(Path::to_owned).filter(|around| {
            let at = self.folder.join(around);
            let ours = |name: PathBuf| found.contains(&around.join(name));
            !at.is_symlink() && names_in(&at).into_iter().all(ours)
        });
        if let Some(around) = around {
            found.insert(0, around);
        }
        found
    }
}

/// Empty if the folder cannot be read.
fn names_in(folder: &Path) -> Vec<PathBuf> {
    let entries = folder.read_dir().into_iter().flatten().flatten();
    let mut names: Vec<PathBuf> = entries.map(|entry| entry.file_name().into()).collect();
    names.sort();
    names
}
