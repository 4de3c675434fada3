//! A name in a folder that is held open: meanwhile no process can rename or replace the folder, so
//! all steps of one change happen in the folder in which they began.

use std::ffi::{OsStr, OsString};
use std::fs::{self, File, Metadata, OpenOptions};
use std::io;
use std::os::windows::fs::{OpenOptionsExt as _, symlink_file};
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Result;

use super::folder::{Folder, open_folder};
use super::temporary::temporary_name;
use super::{Identity, absent, checked_content, failed_to_read, judged};
use crate::os::{self, FOLDERS_TOO, IN_USE, LINK_ITSELF, MetadataExt as _};

/// How often to retry a file that another program has open, with a pause between two attempts.
const ATTEMPTS: u32 = 50;
const PAUSE: Duration = Duration::from_millis(20);

/// Where a file is, or will be.
pub(super) struct OpenPath<'p> {
    pub(super) path: &'p Path,
    pub(super) name: &'p OsStr,
    folder: PathBuf,
    _held: Folder,
}

/// What is known about a file.
pub(super) struct Stat {
    about: Metadata,
    closed: bool,
}

/// One file, whatever its name is now. Its number is not given to another file.
#[derive(Default)]
pub(super) struct Pinned {
    number: Option<Identity>,
}

impl Pinned {
    /// An open file. It is closed, since an open file cannot replace another.
    #[allow(clippy::needless_pass_by_value)]
    pub(super) fn of(file: File) -> Self {
        Self {
            number: os::number(&file).ok(),
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
        let held = open_folder(parent)?;
        judged::require(parent, &held)?;
        let name = path.file_name().ok_or(io::ErrorKind::InvalidInput)?;
        Ok(Self {
            path,
            name,
            folder: parent.to_owned(),
            _held: held,
        })
    }

    fn at(&self, name: &OsStr) -> PathBuf {
        self.folder.join(name)
    }

    /// Opens the file of this name for inspection, through a link.
    pub(super) fn open_file(&self, name: &OsStr) -> io::Result<File> {
        open(&self.at(name), 0)
    }

    /// The contents of the file of this name, through a link; `None` if it does not exist.
    pub(super) fn read(&self, name: &OsStr) -> Result<Option<Vec<u8>>> {
        match patiently(|| self.open_file(name)) {
            Ok(file) => checked_content(file, self.path).map(Some),
            Err(error) if absent(&error) => Ok(None),
            Err(error) => Err(failed_to_read(self.path, &error).into()),
        }
    }

    /// The file of this name: a link itself, not its target.
    pub(super) fn pin(&self, name: &OsStr) -> Pinned {
        open(&self.at(name), LINK_ITSELF).map_or_else(|_| Pinned::default(), Pinned::of)
    }

    /// Of the name itself, if it is a link.
    pub(super) fn stat(&self, name: &OsStr) -> io::Result<Stat> {
        let about = self.at(name).symlink_metadata()?;
        Ok(Stat {
            about,
            closed: false,
        })
    }

    /// Of the name's target, and who can read that.
    pub(super) fn stat_through(&self, name: &OsStr) -> io::Result<Stat> {
        let path = self.at(name);
        let about = path.metadata()?;
        let closed = about.is_file() && os::readers(&path).is_ok_and(|readers| readers.is_none());
        Ok(Stat { about, closed })
    }

    /// Creates a new file; if only this user may read it, it is closed to others from the first
    /// byte.
    pub(super) fn create(&self, name: &OsStr, permissions: u32) -> io::Result<File> {
        let path = self.at(name);
        if permissions & 0o077 == 0 {
            return os::create_private(&path);
        }
        OpenOptions::new().write(true).create_new(true).open(path)
    }

    /// Creates a new link.
    pub(super) fn link(&self, target: &Path, name: &OsStr) -> io::Result<()> {
        symlink_file(target, self.at(name))
    }

    /// Renames, replacing any existing file of that name.
    pub(super) fn rename(&self, from: &OsStr, to: &OsStr) -> io::Result<()> {
        patiently(|| fs::rename(self.at(from), self.at(to)))
    }

    /// Exchanges two files: `one` replaces `other`, with the latter's access list, and the old file
    /// is named `one` afterwards. At no moment is `other` missing.
    pub(super) fn exchange(&self, one: &OsStr, other: &OsStr) -> io::Result<()> {
        let aside = self.at(&temporary_name(self.path));
        patiently(|| os::replace_file(&self.at(other), &self.at(one), &aside))?;
        patiently(|| os::move_new(&aside, &self.at(one)))
    }

    /// Renames to a name that is free.
    pub(super) fn rename_new(&self, from: &OsStr, to: &OsStr) -> io::Result<()> {
        patiently(|| os::move_new(&self.at(from), &self.at(to)))
    }

    /// Removes a name.
    pub(super) fn remove(&self, name: &OsStr) -> io::Result<()> {
        patiently(|| fs::remove_file(self.at(name)))
    }

    /// All names that begin with `prefix`.
    pub(super) fn names(&self, prefix: &OsStr) -> Vec<OsString> {
        let entries = self.folder.read_dir().into_iter().flatten().flatten();
        let names = entries.map(|entry| entry.file_name());
        let prefix = prefix.as_encoded_bytes();
        names
            .filter(|name| name.as_encoded_bytes().starts_with(prefix))
            .collect()
    }

    /// Windows makes renames durable by itself.
    pub(super) fn sync(&self) {}
}

/// Opens whatever is there, even a folder, so that its kind can be reported.
fn open(path: &Path, more: u32) -> io::Result<File> {
    OpenOptions::new()
        .read(true)
        .custom_flags(FOLDERS_TOO | more)
        .open(path)
}

/// Retries while another program has the file open in a conflicting way: an editor, or a virus
/// scanner.
fn patiently<T>(mut attempt: impl FnMut() -> io::Result<T>) -> io::Result<T> {
    for _ in 1..ATTEMPTS {
        match attempt() {
            Err(error)
                if error
                    .raw_os_error()
                    .is_some_and(|code| IN_USE.contains(&code)) =>
            {
                std::thread::sleep(PAUSE);
            }
            done => return done,
        }
    }
    attempt()
}

/// The file system cannot exchange.
pub(super) fn not_supported(error: &io::Error) -> bool {
    use io::ErrorKind::{InvalidInput, Unsupported};
    matches!(error.kind(), Unsupported | InvalidInput)
}

/// Type and permission bits, as far as a file has them on Windows.
pub(super) fn mode(about: &Stat) -> u32 {
    if about.closed {
        0o100_600
    } else {
        about.about.mode()
    }
}

/// When a file was last written (seconds since 1970).
pub(super) fn changed(about: &Stat) -> i64 {
    about.about.mtime()
}

/// Opens a file for reading.
#[allow(clippy::unnecessary_wraps, reason = "elsewhere it may fail")]
pub(super) fn open_to_read(path: &Path) -> Result<io::Result<File>> {
    Ok(patiently(|| open(path, 0)))
}
