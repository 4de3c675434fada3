//! A folder that is held open: it stays the same folder, wherever its path leads.

use std::io;
use std::path::{Path, PathBuf};

use rustix::fd::OwnedFd;
use rustix::fs::{CWD, Mode, OFlags, Stat};

use super::Identity;

/// A folder that is held open.
pub(super) type Folder = OwnedFd;

/// Opens a folder for inspection.
pub(super) fn open_folder(path: &Path) -> io::Result<Folder> {
    let flags = OFlags::DIRECTORY | OFlags::CLOEXEC | OFlags::RDONLY;
    Ok(rustix::fs::openat(CWD, path, flags, Mode::empty())?)
}

/// Where an open folder really is: from the folder itself, not from its path, which may lead
/// elsewhere by now.
pub(super) fn real_path(opened: &Folder, path: &Path) -> io::Result<PathBuf> {
    #[cfg(target_os = "linux")]
    {
        use std::os::fd::AsRawFd as _;
        let by_itself = std::fs::read_link(format!("/proc/self/fd/{}", opened.as_raw_fd()));
        // If there is no /proc.
        by_itself.or_else(|_| path.canonicalize())
    }
    #[cfg(not(target_os = "linux"))]
    {
        let _ = opened;
        path.canonicalize()
    }
}

/// What distinguishes an open folder from every other one.
pub(super) fn identity_of(folder: &Folder) -> io::Result<Identity> {
    Ok(number(&rustix::fs::fstat(folder)?))
}

/// What distinguishes a file from every other one.
pub(super) fn number(about: &Stat) -> Identity {
    // The numbers have another width on macOS.
    #[allow(
        clippy::unnecessary_cast,
        clippy::useless_conversion,
        clippy::cast_sign_loss
    )]
    (about.st_dev as u64, about.st_ino.into())
}
