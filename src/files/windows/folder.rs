//! A folder that is held open: it stays the same folder, wherever its path leads.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::windows::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use super::Identity;
use crate::os::{self, FOLDERS_TOO};

/// Other processes may read and write, but not rename: `FILE_SHARE_READ` and `FILE_SHARE_WRITE`.
const STAYS: u32 = 3;

/// A folder that is held open.
pub(super) type Folder = File;

/// Opens a folder for inspection.
pub(super) fn open_folder(path: &Path) -> io::Result<Folder> {
    let mut options = OpenOptions::new();
    options
        .read(true)
        .share_mode(STAYS)
        .custom_flags(FOLDERS_TOO);
    let folder = options.open(path)?;
    if folder.metadata()?.is_dir() {
        Ok(folder)
    } else {
        Err(io::ErrorKind::NotADirectory.into())
    }
}

/// Where an open folder really is: it cannot be renamed meanwhile.
pub(super) fn real_path(_opened: &Folder, path: &Path) -> io::Result<PathBuf> {
    path.canonicalize()
}

/// What distinguishes an open folder from every other one.
pub(super) fn identity_of(folder: &Folder) -> io::Result<Identity> {
    os::number(folder)
}
