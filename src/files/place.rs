//! A name in a folder that is held open. Wherever the path leads a moment later (the folder was
//! renamed, or replaced by a link), all steps of one change happen in the folder in which they
//! began.

use std::ffi::{OsStr, OsString};
use std::fs::{File, OpenOptions};
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;

use anyhow::Result;
use rustix::fs::{AtFlags, CWD, Dir, Mode, OFlags, RenameFlags};

pub(super) use rustix::fs::Stat;

use super::folder::{Folder, number};
use super::{Identity, absent, checked_content, failed_to_read, judged};
use crate::failure::{Failure, shown};
use crate::os;

/// Where a file is, or will be.
pub(super) struct OpenPath<'p> {
    pub(super) path: &'p Path,
    pub(super) name: &'p OsStr,
    folder: Folder,
}

/// One file, whatever its name is now. While it is held open, no other file gets its inode number:
/// a file system reuses the number of a deleted file.
#[derive(Default)]
pub(super) struct Pinned {
    number: Option<Identity>,
    _file: Option<OwnedFd>,
}

impl Pinned {
    /// A file that is open.
    pub(super) fn of(file: impl Into<OwnedFd>) -> Self {
        let file = file.into();
        Self {
            number: rustix::fs::fstat(&file).ok().map(|about| number(&about)),
            _file: Some(file),
        }
    }

    /// Whether the other one is the same file.
    pub(super) fn is(&self, other: &Self) -> bool {
        self.number.is_some() && self.number == other.number
    }
}

impl<'p> OpenPath<'p> {
    /// Opens the folder of `path`.
    pub(super) fn open(path: &'p Path) -> io::Result<Self> {
        let parent = path.parent().filter(|each| !each.as_os_str().is_empty());
        let parent = parent.unwrap_or(Path::new("."));
        let open = |flags| {
            let flags = flags | OFlags::DIRECTORY | OFlags::CLOEXEC;
            rustix::fs::openat(CWD, parent, flags, Mode::empty())
        };
        let folder = match open(OFlags::RDONLY) {
            // A folder that may be written but not listed.
            #[cfg(target_os = "linux")]
            Err(rustix::io::Errno::ACCESS) => open(OFlags::PATH),
            other => other,
        }?;
        judged::require(parent, &folder)?;
        let name = path.file_name().ok_or(io::ErrorKind::InvalidInput)?;
        Ok(Self { path, name, folder })
    }

    /// Opens the file of this name for inspection, through a link.
    pub(super) fn open_file(&self, name: &OsStr) -> io::Result<File> {
        self.open_with(name, OFlags::empty())
    }

    fn open_with(&self, name: &OsStr, more: OFlags) -> io::Result<File> {
        let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::CLOEXEC | more;
        Ok(rustix::fs::openat(&self.folder, name, flags, Mode::empty())?.into())
    }

    /// The contents of the file of this name, through a link; `None` if it does not exist.
    pub(super) fn read(&self, name: &OsStr) -> Result<Option<Vec<u8>>> {
        let opened = match self.open_with(name, OFlags::NOFOLLOW) {
            Err(error) if error.raw_os_error() == Some(rustix::io::Errno::LOOP.raw_os_error()) => {
                self.refuse_planted(name)?;
                self.open_file(name)
            }
            other => other,
        };
        match opened {
            Ok(file) => checked_content(file, self.path).map(Some),
            Err(error) if absent(&error) => Ok(None),
            Err(error) => Err(failed_to_read(self.path, &error).into()),
        }
    }

    /// In a folder in which every user may create files (`/tmp`), another user's link leads
    /// wherever that user wants. Linux itself refuses to follow it by the same rule
    /// (`fs.protected_symlinks`), but not everywhere.
    fn refuse_planted(&self, name: &OsStr) -> Result<()> {
        const SHARED: u32 = 0o1002;
        let (Ok(link), Ok(folder)) = (self.stat(name), rustix::fs::fstat(&self.folder)) else {
            return Ok(());
        };
        let ours = os::user();
        if mode(&folder) & SHARED == SHARED && link.st_uid != ours && link.st_uid != folder.st_uid {
            return Err(Failure::new(format!(
                "{} is a link of another user in a folder that everybody can write to",
                shown(self.path)
            ))
            .into());
        }
        Ok(())
    }

    /// The file of this name: a link itself, not its target.
    pub(super) fn pin(&self, name: &OsStr) -> Pinned {
        #[cfg(target_os = "linux")]
        let flags = OFlags::PATH;
        #[cfg(not(target_os = "linux"))]
        let flags = OFlags::RDONLY | OFlags::NONBLOCK;
        let flags = flags | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        match rustix::fs::openat(&self.folder, name, flags, Mode::empty()) {
            Ok(file) => Pinned::of(file),
            Err(_) => Pinned {
                number: self.stat(name).ok().map(|about| number(&about)),
                _file: None,
            },
        }
    }

    /// Of the name itself, if it is a link.
    pub(super) fn stat(&self, name: &OsStr) -> io::Result<Stat> {
        Ok(rustix::fs::statat(
            &self.folder,
            name,
            AtFlags::SYMLINK_NOFOLLOW,
        )?)
    }

    /// Of the name's target.
    pub(super) fn stat_through(&self, name: &OsStr) -> io::Result<Stat> {
        Ok(rustix::fs::statat(&self.folder, name, AtFlags::empty())?)
    }

    /// Creates a new file.
    pub(super) fn create(&self, name: &OsStr, permissions: u32) -> io::Result<File> {
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::CLOEXEC;
        // Only the owner's, whatever comes later. The bits have another width on macOS.
        #[allow(clippy::useless_conversion)]
        let bits = (permissions & 0o700).try_into().unwrap_or(0o600);
        let mode = Mode::from_raw_mode(bits);
        Ok(rustix::fs::openat(&self.folder, name, flags, mode)?.into())
    }

    /// Creates a new link.
    pub(super) fn link(&self, target: &Path, name: &OsStr) -> io::Result<()> {
        Ok(rustix::fs::symlinkat(target, &self.folder, name)?)
    }

    /// Gives a file a second name, never replacing an existing one.
    pub(super) fn hard_link(&self, from: &OsStr, to: &OsStr) -> io::Result<()> {
        let flags = AtFlags::empty();
        Ok(rustix::fs::linkat(
            &self.folder,
            from,
            &self.folder,
            to,
            flags,
        )?)
    }

    /// Renames, replacing any existing file of that name.
    pub(super) fn rename(&self, from: &OsStr, to: &OsStr) -> io::Result<()> {
        Ok(rustix::fs::renameat(&self.folder, from, &self.folder, to)?)
    }

    /// Exchanges two files, in one step.
    pub(super) fn exchange(&self, one: &OsStr, other: &OsStr) -> io::Result<()> {
        self.rename_with(one, other, RenameFlags::EXCHANGE)
    }

    /// Renames without replacing, or exchanges.
    fn rename_with(&self, from: &OsStr, to: &OsStr, how: RenameFlags) -> io::Result<()> {
        Ok(rustix::fs::renameat_with(
            &self.folder,
            from,
            &self.folder,
            to,
            how,
        )?)
    }

    /// Renames to a name that is free, in the best way that the file system offers: with its own
    /// refusal to replace a file; through a second name and removal of the first; or, with neither
    /// (exFAT, `VirtualBox` shared folders), after a check. In the last case, a file that another
    /// program creates within those microseconds is lost. There is never half a file, as there
    /// would be if it were written under its final name.
    pub(super) fn rename_new(&self, from: &OsStr, to: &OsStr) -> io::Result<()> {
        match self.rename_with(from, to, RenameFlags::NOREPLACE) {
            Err(error) if not_supported(&error) => {}
            done => return done,
        }
        match self.hard_link(from, to) {
            Err(error) if has_no_links(&error) => {}
            Err(error) => return Err(error),
            Ok(()) => {
                // A leftover second name does no harm, and is cleaned up later.
                let _ = self.remove(from);
                return Ok(());
            }
        }
        match self.stat(to) {
            Ok(_) => Err(io::ErrorKind::AlreadyExists.into()),
            Err(error) if absent(&error) => self.rename(from, to),
            Err(error) => Err(error),
        }
    }

    /// Removes a name.
    pub(super) fn remove(&self, name: &OsStr) -> io::Result<()> {
        Ok(rustix::fs::unlinkat(&self.folder, name, AtFlags::empty())?)
    }

    /// All names that begin with `prefix`.
    pub(super) fn names(&self, prefix: &OsStr) -> Vec<OsString> {
        let Ok(entries) = Dir::read_from(&self.folder) else {
            return Vec::new();
        };
        let names = entries.flatten().map(|entry| entry.file_name().to_owned());
        names
            .map(|name| OsStr::from_bytes(name.to_bytes()).to_owned())
            .filter(|name| name.as_bytes().starts_with(prefix.as_bytes()))
            .collect()
    }

    /// Makes a rename survive a power failure. Some file systems refuse; the rename is then as
    /// durable as they make it.
    pub(super) fn sync(&self) {
        let _ = rustix::fs::fsync(&self.folder);
    }
}

/// The file system cannot exchange or cannot refuse to replace (NFS, exFAT, old kernels).
pub(super) fn not_supported(error: &io::Error) -> bool {
    use io::ErrorKind::{InvalidInput, Unsupported};
    matches!(error.kind(), Unsupported | InvalidInput)
}

/// The file system has no hard links: Linux answers EPERM for these.
fn has_no_links(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::PermissionDenied || not_supported(error)
}

/// Type and permission bits in the same width everywhere.
pub(super) fn mode(about: &Stat) -> u32 {
    #[allow(clippy::useless_conversion)]
    about.st_mode.into()
}

/// When the name, the bytes or the rights of a file last changed (seconds since 1970).
pub(super) fn changed(about: &Stat) -> i64 {
    about.st_ctime
}

/// Opens a file for reading, without following a link that another user has planted.
pub(super) fn open_to_read(path: &Path) -> Result<io::Result<File>> {
    let open = |more: OFlags| {
        use std::os::unix::fs::OpenOptionsExt as _;
        // O_NONBLOCK: opening a FIFO must return, so that it can be refused.
        let flags = (OFlags::NONBLOCK | more).bits().cast_signed();
        OpenOptions::new().read(true).custom_flags(flags).open(path)
    };
    match open(OFlags::NOFOLLOW) {
        Err(error) if error.raw_os_error() == Some(rustix::io::Errno::LOOP.raw_os_error()) => {
            if let Ok(place) = OpenPath::open(path) {
                place.refuse_planted(place.name)?;
            }
            Ok(open(OFlags::empty()))
        }
        other => Ok(other),
    }
}
