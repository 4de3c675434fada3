//! Folders in which something is only written while they are below another one. Somebody who
//! may write to the folder above (a container, in a project that it mounts) can put a link in
//! the place of one at any moment, also after it was looked at.

use std::collections::BTreeMap;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use rustix::fs::{CWD, Mode, OFlags};

use super::place::number;
use super::{Identity, absent};

/// Each by its path: below which folder it has to be, and which one it was when it was found.
static JUDGED: Mutex<BTreeMap<PathBuf, (PathBuf, Option<Identity>)>> = Mutex::new(BTreeMap::new());

/// Whether `folder` is, through every link, below `top`, or not there yet. From now on changes
/// by its path fail in any other folder.
pub fn is_and_stays_within(folder: &Path, top: &Path) -> bool {
    let flags = OFlags::DIRECTORY | OFlags::CLOEXEC | OFlags::RDONLY;
    let opened = rustix::fs::openat(CWD, folder, flags, Mode::empty()).map_err(io::Error::from);
    let found = match opened {
        Ok(opened) => match within(&opened, folder, top) {
            Ok(identity) => Some(identity),
            Err(_) => return false,
        },
        Err(error) if absent(&error) => None,
        Err(_) => return false,
    };
    let mut judged = JUDGED.lock().unwrap_or_else(PoisonError::into_inner);
    judged.insert(folder.to_owned(), (top.to_owned(), found));
    true
}

/// Fails where `opened`, to which `path` has led, is not the folder that was found there.
pub(super) fn require(path: &Path, opened: &OwnedFd) -> io::Result<()> {
    let mut judged = JUDGED.lock().unwrap_or_else(PoisonError::into_inner);
    let Some((top, known)) = judged.get_mut(path) else {
        return Ok(());
    };
    let exchanged = || io::Error::other("its folder was replaced in the meantime");
    match known {
        Some(known) if *known == identity(opened)? => {}
        Some(_) => return Err(exchanged()),
        None => *known = Some(within(opened, path, top).map_err(|_| exchanged())?),
    }
    Ok(())
}

/// What tells the folder from every other one, if it is below `top`: by the open folder itself,
/// not by its path, which may lead elsewhere by now.
fn within(opened: &OwnedFd, path: &Path, top: &Path) -> io::Result<Identity> {
    #[cfg(target_os = "linux")]
    let real = {
        use std::os::fd::AsRawFd as _;
        let _ = path;
        std::fs::read_link(format!("/proc/self/fd/{}", opened.as_raw_fd()))
    };
    #[cfg(not(target_os = "linux"))]
    let real = path.canonicalize();
    if real?.starts_with(top.canonicalize()?) {
        identity(opened)
    } else {
        Err(io::ErrorKind::PermissionDenied.into())
    }
}

fn identity(folder: impl AsFd) -> io::Result<Identity> {
    Ok(number(&rustix::fs::fstat(folder)?))
}
