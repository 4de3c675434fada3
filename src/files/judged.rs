//! Folders in which something is only written while they are below another one. Somebody who
//! may write to the folder above (a container, in a project that it mounts) can put a link in
//! the place of one at any moment, also after it was looked at.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use super::folder::{Folder, identity_of, open_folder, real_path};
use super::{Identity, absent};

/// Each by its path: below which folder it has to be, by that one's real name, and which one it was
/// when it was found.
static JUDGED: Mutex<BTreeMap<PathBuf, (PathBuf, Option<Identity>)>> = Mutex::new(BTreeMap::new());

/// Whether `folder` is, through every link, below `top`, or not there yet. From now on changes
/// by its path fail in any other folder.
pub fn is_and_stays_within(folder: &Path, top: &Path) -> bool {
    let Ok(top) = top.canonicalize() else {
        return false;
    };
    let found = match open_folder(folder) {
        Ok(opened) => match within(&opened, folder, &top) {
            Ok(identity) => Some(identity),
            Err(_) => return false,
        },
        Err(error) if absent(&error) => None,
        Err(_) => return false,
    };
    let mut judged = JUDGED.lock().unwrap_or_else(PoisonError::into_inner);
    judged.insert(folder.to_owned(), (top, found));
    true
}

/// A folder that azup itself has just made is another one than before, and judged again.
pub(super) fn made(folder: &Path) {
    let mut judged = JUDGED.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some((_, known)) = judged.get_mut(folder) {
        *known = None;
    }
}

/// Fails where `opened`, to which `path` has led, is not the folder that was found there.
pub(super) fn require(path: &Path, opened: &Folder) -> io::Result<()> {
    let mut judged = JUDGED.lock().unwrap_or_else(PoisonError::into_inner);
    let Some((top, known)) = judged.get_mut(path) else {
        return Ok(());
    };
    let exchanged = || io::Error::other("its folder was replaced in the meantime");
    match known {
        Some(known) if *known == identity_of(opened)? => {}
        // Some file systems (FUSE's) number a folder anew, and it may have been made again. Only
        // Linux tells by the open folder itself where it is.
        Some(_) if !cfg!(target_os = "linux") => return Err(exchanged()),
        _ => *known = Some(within(opened, path, top).map_err(|_| exchanged())?),
    }
    Ok(())
}

/// What tells the folder from every other one, if it is below `top`: by the open folder itself,
/// not by its path, which may lead elsewhere by now.
fn within(opened: &Folder, path: &Path, top: &Path) -> io::Result<Identity> {
    if real_path(opened, path)?.starts_with(top) {
        identity_of(opened)
    } else {
        Err(io::ErrorKind::PermissionDenied.into())
    }
}
