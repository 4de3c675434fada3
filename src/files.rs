//! Files that are either as they were or as intended, whatever happens in between.
//!
//! `tempfile::persist` leaves mode 0600 and the wrong owner, `atomic-write-file` mode
//! 0777 behind a symlink (both measured), and neither notices that somebody else wrote
//! in the meantime. Here the new file is written beside the old one, *exchanged* with it
//! in one step, and what came out is compared with what was expected: if pip or an
//! editor was faster, their file goes back.

mod folders;

use std::ffi::OsString;
use std::fs::{self, File, Metadata, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use anyhow::Result;
use rustix::fs::{CWD, RenameFlags, renameat_with};

use crate::failure::{Failure, command_line, reason, shown};

pub use folders::{discard_folder, make_folder, move_folder, remove_empty_folders, try_to_write};

/// Larger than any bundle, database or configuration file that azup edits (bytes). What
/// is larger is not one of them, and reading it would only fill the memory.
pub const LARGEST: u64 = 64 << 20;

/// A leftover of a crash is removed once it is older than this (seconds); a younger one
/// may belong to an azup that is still at work.
const LEFTOVER_AGE: i64 = 600;

/// What a file holds, or is to hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Content {
    /// Bytes, with the permission bits for a file that does not exist yet. An existing
    /// file keeps its own mode and owner.
    File {
        /// All bytes of the file.
        bytes: Vec<u8>,
        /// Permission bits of a new file, such as `0o644`.
        mode: u32,
    },
    /// A symbolic link to this target.
    Link(PathBuf),
}

/// Somebody else changed the file after it was read. Reading it again and planning anew
/// is the way on.
#[derive(Debug)]
pub struct Conflict(pub PathBuf);

impl std::fmt::Display for Conflict {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "{} was changed by another program meanwhile",
            shown(&self.0)
        )
    }
}

impl std::error::Error for Conflict {}

/// Reads a regular file through links.
///
/// # Errors
/// In words, where it is missing, not readable, no regular file (a FIFO would block for
/// ever) or larger than [`LARGEST`].
pub fn read(path: &Path) -> Result<Vec<u8>> {
    match read_if_there(path)? {
        Some(bytes) => Ok(bytes),
        None => Err(Failure::new(format!("{} does not exist", shown(path))).into()),
    }
}

/// Like [`read`], with `None` for a file that does not exist.
///
/// # Errors
/// As [`read`].
pub fn read_if_there(path: &Path) -> Result<Option<Vec<u8>>> {
    let failed =
        |error: &io::Error| Failure::new(format!("cannot read {}: {}", shown(path), reason(error)));
    // O_NONBLOCK: opening a FIFO must return, so that it can be refused.
    let flags = rustix::fs::OFlags::NONBLOCK.bits().cast_signed();
    let mut file = match OpenOptions::new().read(true).custom_flags(flags).open(path) {
        Ok(file) => file,
        Err(error) if absent(&error) => return Ok(None),
        Err(error) => return Err(failed(&error).into()),
    };
    let about = file.metadata().map_err(|error| failed(&error))?;
    if about.is_dir() {
        return Err(Failure::new(format!("{} is a folder, not a file", shown(path))).into());
    }
    if !about.is_file() {
        return Err(Failure::new(format!("{} is no regular file", shown(path))).into());
    }
    if about.len() > LARGEST {
        return Err(Failure::new(format!(
            "{} is too large ({} MB) to be what it should be",
            shown(path),
            about.len() >> 20
        ))
        .into());
    }
    let mut bytes = Vec::with_capacity(usize::try_from(about.len()).unwrap_or(0) + 1);
    file.read_to_end(&mut bytes)
        .map_err(|error| failed(&error))?;
    Ok(Some(bytes))
}

/// Opens a file that is only ever added to, for its owner alone, making it where it is
/// missing: a log, which several writers may share.
///
/// # Errors
/// Where it cannot be written.
pub fn open_to_append(path: &Path) -> Result<File> {
    OpenOptions::new()
        .create(true)
        .append(true)
        .mode(0o600)
        .open(path)
        .map_err(|error| cannot("write", path, &error).into())
}

/// Whether a file is there that this user may not read.
#[must_use]
pub fn is_closed_to_us(path: &Path) -> bool {
    File::open(path).is_err_and(|error| error.kind() == io::ErrorKind::PermissionDenied)
        && exists(path)
}

/// A missing file, also where a parent is missing or is itself a file.
fn absent(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory
    )
}

/// Whether anything, also a dangling link, has this name.
#[must_use]
pub fn exists(path: &Path) -> bool {
    path.symlink_metadata().is_ok()
}

/// Whether this user may make and replace files in `folder`.
#[must_use]
pub fn is_writable(folder: &Path) -> bool {
    use rustix::fs::{Access, AtFlags, accessat};
    accessat(
        CWD,
        folder,
        Access::WRITE_OK | Access::EXEC_OK,
        AtFlags::EACCESS,
    )
    .is_ok()
}

/// Sets `path` to `content`, provided that it still holds `expected` (`None`: that
/// nothing is there). A link at `path` is replaced, not followed: its target may be a
/// cache that many environments share.
///
/// # Errors
/// [`Conflict`] where `path` holds something else by now; a [`Failure`] where the folder
/// cannot be written. In both cases `path` is untouched.
pub fn replace(path: &Path, expected: Option<&[u8]>, content: &Content) -> Result<()> {
    let failed = |error: &io::Error| cannot("write", path, error);
    remove_leftovers(path);
    let temporary = Temporary::write(path, content).map_err(|error| failed(&error))?;
    match expected {
        None => {
            let moved = renameat_with(CWD, &temporary.path, CWD, path, RenameFlags::NOREPLACE)
                .map_err(io::Error::from);
            match moved {
                Ok(()) => temporary.keep(),
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                    return Err(Conflict(path.to_owned()).into());
                }
                Err(error) if not_supported(&error) => {
                    // A hard link never replaces either; the temporary name goes on drop.
                    fs::hard_link(&temporary.path, path).map_err(|error| failed(&error))?;
                }
                Err(error) => return Err(failed(&error).into()),
            }
        }
        Some(expected) => exchange(path, expected, &temporary, &failed)?,
    }
    sync_folder(path);
    Ok(())
}

/// Puts `temporary` in the place of `path` and takes out what is there, in one step.
fn exchange(
    path: &Path,
    expected: &[u8],
    temporary: &Temporary,
    failed: &impl Fn(&io::Error) -> Failure,
) -> Result<()> {
    let holds = |at: &Path| read_if_there(at).ok().flatten();
    if holds(path).as_deref() != Some(expected) {
        return Err(Conflict(path.to_owned()).into());
    }
    let swap = || renameat_with(CWD, &temporary.path, CWD, path, RenameFlags::EXCHANGE);
    match swap().map_err(io::Error::from) {
        Ok(()) => {}
        Err(error) if absent(&error) => return Err(Conflict(path.to_owned()).into()),
        Err(error) if not_supported(&error) => {
            // NFS and old kernels: a window of microseconds stays between the comparison
            // above and this rename.
            fs::rename(&temporary.path, path).map_err(|error| failed(&error))?;
            temporary.keep();
            return Ok(());
        }
        Err(error) => return Err(failed(&error).into()),
    }
    // Compared as a file beside `path`, so a relative link still leads to its target.
    if holds(&temporary.path).as_deref() == Some(expected) {
        return Ok(());
    }
    // What came out is newer than what was planned for: it belongs back. If somebody
    // replaced the file once more meanwhile, the swap brings that out; go on until what
    // comes out is ours.
    for _ in 0..100 {
        swap().map_err(|error| failed(&error.into()))?;
        if temporary.is_ours() {
            break;
        }
    }
    Err(Conflict(path.to_owned()).into())
}

/// Why a file could not be changed, with the command that shows more of it.
fn cannot(verb: &str, path: &Path, error: &io::Error) -> Failure {
    let folder = path.parent().unwrap_or(path).as_os_str();
    let look: &[&str] = match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => &["df", "-h"],
        io::ErrorKind::ReadOnlyFilesystem => &["findmnt", "--target"],
        _ => &["ls", "-ld"],
    };
    let words = look.iter().map(std::ffi::OsStr::new).chain([folder]);
    Failure::new(format!("cannot {verb} {}: {}", shown(path), reason(error)))
        .hint(command_line(words))
}

/// Deletes `path`, provided that it still holds `expected`.
///
/// # Errors
/// As [`replace`].
pub fn delete(path: &Path, expected: &[u8]) -> Result<()> {
    let failed = |error: &io::Error| cannot("delete", path, error);
    let aside = temporary_name(path);
    if read_if_there(path).ok().flatten().as_deref() != Some(expected) {
        return Err(Conflict(path.to_owned()).into());
    }
    fs::rename(path, &aside).map_err(|error| failed(&error))?;
    if read_if_there(&aside).ok().flatten().as_deref() == Some(expected) {
        fs::remove_file(&aside).map_err(|error| failed(&error))?;
        sync_folder(path);
        return Ok(());
    }
    if renameat_with(CWD, &aside, CWD, path, RenameFlags::NOREPLACE).is_err() {
        let _ = fs::hard_link(&aside, path);
    }
    Err(Conflict(path.to_owned()).into())
}

/// The file system cannot exchange or cannot refuse to replace (NFS, old kernels).
fn not_supported(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::Unsupported | io::ErrorKind::InvalidInput
    )
}

/// A new file beside its destination, deleted again unless it was moved away.
struct Temporary {
    path: PathBuf,
    inode: Option<(u64, u64)>,
    keep: std::cell::Cell<bool>,
}

impl Temporary {
    fn write(destination: &Path, content: &Content) -> io::Result<Self> {
        let this = Self {
            path: temporary_name(destination),
            inode: None,
            keep: std::cell::Cell::new(false),
        };
        match content {
            Content::Link(target) => {
                std::os::unix::fs::symlink(target, &this.path)?;
                let about = this.path.symlink_metadata()?;
                Ok(this.numbered(&about))
            }
            Content::File { bytes, mode } => {
                // Through a link: a shared bundle's own mode is the one to keep.
                let existing = destination.metadata().ok().filter(Metadata::is_file);
                let mode = existing
                    .as_ref()
                    .map_or(*mode, |about| about.mode() & 0o7777);
                // A secret is never readable by others, not even before its mode is set.
                let mut file = OpenOptions::new()
                    .write(true)
                    .create_new(true)
                    .mode(mode & 0o700)
                    .open(&this.path)?;
                file.write_all(bytes)?;
                if let Some(existing) = &existing {
                    keep_owner(&file, existing);
                }
                if file.metadata()?.mode() & 0o7777 != mode {
                    file.set_permissions(fs::Permissions::from_mode(mode))?;
                }
                file.sync_all()?;
                let about = file.metadata()?;
                Ok(this.numbered(&about))
            }
        }
    }

    fn numbered(mut self, about: &Metadata) -> Self {
        self.inode = Some((about.dev(), about.ino()));
        self
    }

    /// Whether the temporary name holds the file that was written there.
    fn is_ours(&self) -> bool {
        let now = self.path.symlink_metadata().ok();
        now.map(|about| (about.dev(), about.ino())) == self.inode
    }

    fn keep(&self) {
        self.keep.set(true);
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        if !self.keep.get() {
            let _ = fs::remove_file(&self.path);
        }
    }
}

/// Run with sudo, the file stays its user's. Without, the group may be another one that
/// the user is a member of; where that is refused the user's own group must do.
fn keep_owner(file: &File, existing: &Metadata) {
    let Ok(now) = file.metadata() else { return };
    if (now.uid(), now.gid()) != (existing.uid(), existing.gid())
        && std::os::unix::fs::fchown(file, Some(existing.uid()), Some(existing.gid())).is_err()
    {
        let _ = std::os::unix::fs::fchown(file, None, Some(existing.gid()));
    }
}

/// The common beginning of all temporary names for `path`.
fn temporary_prefix(path: &Path) -> OsString {
    let mut name = OsString::from(".");
    name.push(path.file_name().unwrap_or_default());
    name.push(".azup-");
    name
}

fn temporary_name(path: &Path) -> PathBuf {
    let mut name = temporary_prefix(path);
    name.push(hex(&random::<8>()));
    path.with_file_name(name)
}

/// Random bytes.
///
/// # Panics
/// Where the operating system has no random numbers, in which case no certificate could
/// be made either.
#[must_use]
pub fn random<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    ring::rand::SecureRandom::fill(&ring::rand::SystemRandom::new(), &mut bytes)
        .expect("the operating system gives random numbers");
    bytes
}

/// Bytes as lower-case hexadecimal digits.
#[must_use]
pub fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes
        .iter()
        .fold(String::with_capacity(2 * bytes.len()), |mut text, byte| {
            let _ = write!(text, "{byte:02x}");
            text
        })
}

/// Removes what a killed azup left beside `path`. Judged by the time of the last change
/// of the name, since a file that was exchanged keeps its old time of writing.
fn remove_leftovers(path: &Path) {
    let Some(folder) = path.parent() else { return };
    let Ok(entries) = fs::read_dir(folder) else {
        return;
    };
    let prefix = temporary_prefix(path);
    let now = OffsetNow::seconds();
    for entry in entries.flatten() {
        use std::os::unix::ffi::OsStrExt as _;
        if entry.file_name().as_bytes().starts_with(prefix.as_bytes())
            && let Ok(about) = entry.metadata()
            && now - about.ctime() > LEFTOVER_AGE
        {
            let _ = fs::remove_file(entry.path());
        }
    }
}

/// The file system's clock, not the injected one: it is compared with file times.
struct OffsetNow;

impl OffsetNow {
    fn seconds() -> i64 {
        time::OffsetDateTime::now_utc().unix_timestamp()
    }
}

/// Makes a rename outlive a power failure. Some file systems refuse it; the rename is
/// then as durable as they make it.
fn sync_folder(path: &Path) {
    let folder = path
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty());
    if let Ok(folder) = File::open(folder.unwrap_or(Path::new("."))) {
        let _ = folder.sync_all();
    }
}

/// Holds off every other azup of this user until it is dropped, or the process ends in
/// whatever way.
#[derive(Debug)]
pub struct Lock {
    // Closing the file gives the lock back.
    _file: File,
}

impl Lock {
    /// Waits up to `limit` for the lock on `path`, making the file and its folder
    /// (mode 0700) where they are missing. `Ok(None)`: somebody else still holds it.
    ///
    /// # Errors
    /// Where the file cannot be made or locked.
    pub fn acquire(path: &Path, limit: std::time::Duration) -> Result<Option<Self>> {
        let failed = |error: &io::Error| {
            Failure::new(format!("cannot lock {}: {}", shown(path), reason(error)))
        };
        if let Some(folder) = path.parent() {
            make_folder(folder, 0o700)?;
        }
        let file = OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .mode(0o600)
            .open(path)
            .map_err(|error| failed(&error))?;
        let until = std::time::Instant::now() + limit;
        loop {
            match file.try_lock() {
                Ok(()) => return Ok(Some(Self { _file: file })),
                Err(fs::TryLockError::WouldBlock) if std::time::Instant::now() >= until => {
                    return Ok(None);
                }
                Err(fs::TryLockError::WouldBlock) => {
                    std::thread::sleep(std::time::Duration::from_millis(5));
                }
                Err(fs::TryLockError::Error(error)) => return Err(failed(&error).into()),
            }
        }
    }
}

#[cfg(test)]
mod tests;
