//! Folders: created with their mode, moved into place as a whole, and removed.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use anyhow::Result;

use super::{hex, judged, random};
use crate::failure::{Failure, reason, shown};
use crate::os;

/// The folders in `folder`, by name, including links to folders; none if it cannot be read.
pub fn folders_in(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(folder) else {
        return Vec::new();
    };
    let mut found: Vec<PathBuf> = entries
        .flatten()
        .filter(|entry| entry.file_type().is_ok_and(|kind| !kind.is_file()))
        .map(|entry| entry.path())
        .collect();
    found.sort();
    found
}

/// Creates a folder with `mode`, and its missing parents with the same. Returns the new folders,
/// outermost first.
pub fn make_folder(path: &Path, mode: u32) -> Result<Vec<PathBuf>> {
    let mut missing: Vec<&Path> = path
        .ancestors()
        .filter(|folder| !folder.as_os_str().is_empty())
        .take_while(|folder| !folder.is_dir())
        .collect();
    missing.reverse();
    let mut created = Vec::new();
    for folder in missing {
        match os::folder(mode).create(folder) {
            Ok(()) => {
                judged::made(folder);
                created.push(folder.to_owned());
            }
            // Another azup was faster.
            Err(_) if folder.is_dir() => {}
            Err(error) => {
                return Err(Failure::new(format!(
                    "cannot make the folder {}: {}",
                    shown(folder),
                    reason(&error)
                ))
                .into());
            }
        }
    }
    Ok(created)
}

/// Removes folders that are empty, innermost (last) first; others stay.
pub fn remove_empty_folders(made: &[PathBuf]) {
    for folder in made.iter().rev() {
        let _ = fs::remove_dir(folder);
    }
}

/// Moves a complete folder into place, in one step.
pub fn move_folder(from: &Path, to: &Path) -> Result<()> {
    fs::rename(from, to).map_err(|error| {
        Failure::new(format!(
            "cannot rename {} to {}: {}",
            shown(from),
            shown(to),
            reason(&error)
        ))
        .into()
    })
}

/// Removes a folder of azup's own with everything in it, as far as possible.
pub fn discard_folder(path: &Path) {
    let _ = fs::remove_dir_all(path);
}

/// Creates a file in `folder` and deletes it: permissions alone do not show whether that is
/// possible (a read-only or full file system).
pub fn try_to_write(folder: &Path) -> io::Result<()> {
    let trial = folder.join(format!(".azup-{}", hex(&random::<8>())));
    fs::File::create_new(&trial).and_then(|_| fs::remove_file(&trial))
}
