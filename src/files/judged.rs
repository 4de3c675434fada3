//! Folders that azup writes to only while they are below a certain other folder. A process that may
//! write to the folder above (a container, in a project that it mounts) can replace one with a link
//! at any moment, even after it was checked.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use super::folder::{Folder, identity_of, open_folder, real_path};
use super::{Identity, absent};

/// For each path: the real name of the folder that it must be below, and the identity that it had
/// when it was found.
static JUDGED: Mutex<BTreeMap<PathBuf, (PathBuf, Option<Identity>)>> = Mutex::new(BTreeMap::new());

/// Whether `folder` is, with all links resolved, below `top`, or does not exist yet. From now on,
/// changes through its path fail in any other folder.
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

/// A folder that azup itself has just created has a new identity, and is checked again.
pub(super) fn made(folder: &Path) {
    let mut judged = JUDGED.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some((_, known)) = judged.get_mut(folder) {
        *known = None;
    }
}

/// Fails if `opened`, which `path` led to, is not the folder that was found there.
pub(super) fn require(path: &Path, opened: &Folder) -> io::Result<()> {
    let mut judged = JUDGED.lock().unwrap_or_else(PoisonError::into_inner);
    let Some((top, known)) = judged.get_mut(path) else {
        return Ok(());
    };
    let exchanged = || io::Error::other("its folder was replaced in the meantime");
    match known {
        Some(known) if *known == identity_of(opened)? => {}
        // Some file systems (FUSE's) may give a folder a new number, and it may have been created
        // again. Only Linux can tell from the open folder itself where it is.
        Some(_) if !cfg!(target_os = "linux") => return Err(exchanged()),
        _ => *known = Some(within(opened, path, top).map_err(|_| exchanged())?),
    }
    Ok(())
}

/// The identity of the folder, if it is below `top`: determined from the open folder itself, not
/// from its path, which may lead elsewhere by now.
fn within(opened: &Folder, path: &Path, top: &Path) -> io::Result<Identity> {
    if real_path(opened, path)?.starts_with(top) {
        identity_of(opened)
    } else {
        Err(io::ErrorKind::PermissionDenied.into())
    }
}
