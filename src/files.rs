//! Files that are either as they were or as intended, whatever happens in between.
//!
//! `tempfile::persist` leaves mode 0600 and the wrong owner, `atomic-write-file` mode
//! 0777 behind a symlink (both measured), and neither notices that somebody else wrote
//! in the meantime. Here the new file is written beside the old one, *exchanged* with it
//! in one step, and what came out is compared with what was expected: if pip or an
//! editor was faster, their file goes back.

mod attributes;
mod folders;
mod place;

use std::ffi::{OsStr, OsString};
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use anyhow::Result;
use rustix::fs::{CWD, RenameFlags, Stat};

use crate::failure::{Failure, command_line, reason, shown};

use place::Place;

pub use folders::{discard_folder, make_folder, move_folder, remove_empty_folders, try_to_write};

/// Larger than any bundle, database or configuration file that azup edits (bytes). What
/// is larger is not one of them, and reading it would only fill the memory.
pub const LARGEST: u64 = 64 << 20;

/// A leftover of a crash is removed once it is older than this (seconds); a younger one
/// may belong to an azup that is still at work.
const LEFTOVER_AGE: i64 = 600;

/// Makes a write beyond the size that files may have (`ulimit -f`) an error like a full
/// disk, which is reported and taken back; else a signal ends the process half-way. It is
/// caught and not ignored, since what is ignored is so for every program that azup starts.
pub fn outlive_size_limit() {
    let signal = signal_hook::consts::SIGXFSZ;
    // Without it, everything else still works.
    let _ = signal_hook::flag::register(signal, std::sync::Arc::default());
}

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
    match place::open_to_read(path)? {
        Ok(file) => checked_content(file, path).map(Some),
        Err(error) if absent(&error) => Ok(None),
        Err(error) => Err(failed_to_read(path, &error).into()),
    }
}

fn failed_to_read(path: &Path, error: &io::Error) -> Failure {
    Failure::new(format!("cannot read {}: {}", shown(path), reason(error)))
}

/// The last `length` bytes of a regular file, or all of a shorter one.
///
/// # Errors
/// As [`read`].
pub fn read_end(path: &Path, length: u64) -> Result<Vec<u8>> {
    let mut file = match place::open_to_read(path)? {
        Ok(file) => file,
        Err(error) if absent(&error) => {
            return Err(Failure::new(format!("{} does not exist", shown(path))).into());
        }
        Err(error) => return Err(failed_to_read(path, &error).into()),
    };
    let all = checked_length(&file, path)?;
    let length = length.min(all);
    file.seek(SeekFrom::Start(all - length))
        .map_err(|error| failed_to_read(path, &error))?;
    rest(file, length, path)
}

/// All of a regular file of a size that makes sense.
fn checked_content(file: File, path: &Path) -> Result<Vec<u8>> {
    let length = checked_length(&file, path)?;
    rest(file, length, path)
}

/// The length of a regular file (bytes), where it makes sense.
fn checked_length(file: &File, path: &Path) -> Result<u64> {
    let about = file
        .metadata()
        .map_err(|error| failed_to_read(path, &error))?;
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
    Ok(about.len())
}

fn rest(mut file: File, length: u64, path: &Path) -> Result<Vec<u8>> {
    let mut bytes = Vec::with_capacity(usize::try_from(length).unwrap_or(0) + 1);
    file.read_to_end(&mut bytes)
        .map_err(|error| failed_to_read(path, &error))?;
    Ok(bytes)
}

/// For whoever opens a file of azup's own: a FIFO that somebody has put there is an error,
/// or reads as empty, instead of waiting for its other end for ever.
#[must_use]
pub fn never_waiting() -> OpenOptions {
    let mut options = OpenOptions::new();
    options
        .mode(0o600)
        .custom_flags(rustix::fs::OFlags::NONBLOCK.bits().cast_signed());
    options
}

/// Opens a file that is only ever added to, for its owner alone, making it where it is
/// missing: a log, which several writers may share.
///
/// # Errors
/// Where it cannot be written.
pub fn open_to_append(path: &Path) -> Result<File> {
    never_waiting()
        .create(true)
        .append(true)
        .open(path)
        .map_err(|error| cannot("write", path, &error).into())
}

/// Whether a file is there that this user may not read.
#[must_use]
pub fn is_closed_to_us(path: &Path) -> bool {
    never_waiting()
        .read(true)
        .open(path)
        .is_err_and(|error| error.kind() == io::ErrorKind::PermissionDenied)
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

/// What tells a folder from every other one, whatever it is called.
pub type Identity = (u64, u64);

/// The identity of what is at `path`, through links; `None` where nothing is.
#[must_use]
pub fn identity(path: &Path) -> Option<Identity> {
    let path = if path.as_os_str().is_empty() {
        Path::new(".")
    } else {
        path
    };
    path.metadata().ok().map(|about| (about.dev(), about.ino()))
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

/// Refuses a folder of azup's own that somebody else may have put there: one in a folder
/// in which everybody may make files (`XDG_DATA_HOME=/tmp`), unless it is really this
/// user's and closed to others. Whoever owns it could have a CA of their own trusted.
///
/// # Errors
/// Where it is a link, another user's, or others may write to it.
pub fn check_own_folder(path: &Path) -> Result<()> {
    const OTHERS_WRITE: u32 = 0o002;
    let parent = path.parent().and_then(|folder| folder.metadata().ok());
    if parent.is_none_or(|about| about.mode() & OTHERS_WRITE == 0) {
        return Ok(());
    }
    let Ok(about) = path.symlink_metadata() else {
        return Ok(());
    };
    let ours = about.uid() == rustix::process::geteuid().as_raw();
    if about.is_dir() && ours && about.mode() & 0o022 == 0 {
        return Ok(());
    }
    Err(Failure::new(format!(
        "{} is in a folder that everybody may write to, and is not this user's alone",
        shown(path)
    ))
    .hint("export XDG_DATA_HOME=~/.local/share")
    .into())
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
    let place = Place::open(path).map_err(|error| failed(&error))?;
    // Before a byte is written: the folder may be another one than when this was planned.
    if let Some(expected) = expected
        && place.read(place.name).ok().flatten().as_deref() != Some(expected)
    {
        return Err(Conflict(path.to_owned()).into());
    }
    remove_leftovers(&place);
    let temporary = Temporary::write(&place, content).map_err(|error| failed(&error))?;
    match expected {
        None => {
            let new = &temporary.name;
            match place.rename_with(new, place.name, RenameFlags::NOREPLACE) {
                Ok(()) => temporary.keep(),
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                    return Err(Conflict(path.to_owned()).into());
                }
                Err(error) if not_supported(&error) => {
                    // A hard link never replaces either; the temporary name goes on drop.
                    place
                        .hard_link(new, place.name)
                        .map_err(|error| failed(&error))?;
                }
                Err(error) => return Err(failed(&error).into()),
            }
        }
        Some(expected) => exchange(&place, expected, &temporary, &failed)?,
    }
    place.sync();
    Ok(())
}

/// Puts `temporary` in its place and takes out what is there, in one step.
fn exchange(
    place: &Place<'_>,
    expected: &[u8],
    temporary: &Temporary<'_>,
    failed: &impl Fn(&io::Error) -> Failure,
) -> Result<()> {
    let conflict = || Conflict(place.path.to_owned());
    let new = &temporary.name;
    let holds = |name: &OsStr| place.read(name).ok().flatten();
    let swap = || place.rename_with(new, place.name, RenameFlags::EXCHANGE);
    match swap() {
        Ok(()) => {}
        Err(error) if absent(&error) => return Err(conflict().into()),
        Err(error) if not_supported(&error) => {
            // NFS and old kernels: a window of microseconds stays between this comparison
            // and the rename.
            if holds(place.name).as_deref() != Some(expected) {
                return Err(conflict().into());
            }
            place
                .rename(new, place.name)
                .map_err(|error| failed(&error))?;
            temporary.keep();
            return Ok(());
        }
        Err(error) => return Err(failed(&error).into()),
    }
    // Compared as a file beside it, so a relative link still leads to its target.
    if holds(new).as_deref() == Some(expected) {
        return Ok(());
    }
    // What came out is newer than what was planned for: it belongs back. If somebody
    // replaced the file once more meanwhile, the swap brings that out; go on until what
    // comes out is ours.
    for _ in 0..100 {
        swap().map_err(|error| failed(&error))?;
        if temporary.is_ours() {
            break;
        }
    }
    Err(conflict().into())
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
    let conflict = || Conflict(path.to_owned());
    let place = match Place::open(path) {
        Ok(place) => place,
        Err(error) if absent(&error) => return Err(conflict().into()),
        Err(error) => return Err(failed(&error).into()),
    };
    let holds = |name: &OsStr| place.read(name).ok().flatten();
    let aside = temporary_name(path);
    if holds(place.name).as_deref() != Some(expected) {
        return Err(conflict().into());
    }
    place
        .rename(place.name, &aside)
        .map_err(|error| failed(&error))?;
    if holds(&aside).as_deref() == Some(expected) {
        place.remove(&aside).map_err(|error| failed(&error))?;
        place.sync();
        return Ok(());
    }
    if place
        .rename_with(&aside, place.name, RenameFlags::NOREPLACE)
        .is_err()
    {
        let _ = place.hard_link(&aside, place.name);
    }
    Err(conflict().into())
}

/// The file system cannot exchange or cannot refuse to replace (NFS, old kernels).
fn not_supported(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::Unsupported | io::ErrorKind::InvalidInput
    )
}

/// A new file beside its destination, deleted again unless it was moved away.
struct Temporary<'p> {
    place: &'p Place<'p>,
    name: OsString,
    inode: Option<(u64, u64)>,
    keep: std::cell::Cell<bool>,
}

impl<'p> Temporary<'p> {
    fn write(place: &'p Place<'p>, content: &Content) -> io::Result<Self> {
        let mut this = Self {
            place,
            name: temporary_name(place.path),
            inode: None,
            keep: std::cell::Cell::new(false),
        };
        match content {
            Content::Link(target) => place.link(target, &this.name)?,
            Content::File { bytes, mode } => {
                // Through a link: a shared bundle's own mode is the one to keep.
                let existing = place.stat_through(place.name).ok();
                let existing = existing.filter(|about| place::mode(about) & 0o170_000 == 0o100_000);
                let mode = existing
                    .as_ref()
                    .map_or(*mode, |about| place::mode(about) & 0o7777);
                // A secret is never readable by others, not even before its mode is set.
                let mut file = place.create(&this.name, mode & 0o700)?;
                file.write_all(bytes)?;
                if let Some(existing) = &existing {
                    keep_owner(&file, existing);
                    if let Ok(old) = place.open_file(place.name) {
                        attributes::keep(&old, &file);
                    }
                }
                // Last, since the other two change it.
                if file.metadata()?.mode() & 0o7777 != mode {
                    file.set_permissions(fs::Permissions::from_mode(mode))?;
                }
                file.sync_all()?;
            }
        }
        this.inode = this.number();
        Ok(this)
    }

    /// What file the temporary name is of.
    fn number(&self) -> Option<(u64, u64)> {
        let about = self.place.stat(&self.name).ok()?;
        // The numbers have another width on macOS.
        #[allow(
            clippy::unnecessary_cast,
            clippy::useless_conversion,
            clippy::cast_sign_loss
        )]
        Some((about.st_dev as u64, about.st_ino.into()))
    }

    /// Whether the temporary name holds the file that was written there.
    fn is_ours(&self) -> bool {
        self.number() == self.inode
    }

    fn keep(&self) {
        self.keep.set(true);
    }
}

impl Drop for Temporary<'_> {
    fn drop(&mut self) {
        if !self.keep.get() {
            let _ = self.place.remove(&self.name);
        }
    }
}

/// Run with sudo, the file stays its user's. Without, the group may be another one that
/// the user is a member of; where that is refused the user's own group must do.
fn keep_owner(file: &File, existing: &Stat) {
    use std::os::unix::fs::fchown;
    let Ok(now) = file.metadata() else { return };
    let (user, group) = (existing.st_uid, existing.st_gid);
    if (now.uid(), now.gid()) != (user, group) && fchown(file, Some(user), Some(group)).is_err() {
        let _ = fchown(file, None, Some(group));
    }
}

/// The common beginning of all temporary names for `path`.
fn temporary_prefix(path: &Path) -> OsString {
    let mut name = OsString::from(".");
    name.push(path.file_name().unwrap_or_default());
    name.push(".azup-");
    name
}

/// Whether `path` has a name that a killed azup leaves behind: no program looks there.
#[must_use]
pub fn is_leftover(path: &Path) -> bool {
    written_for(name_of(path)).is_some()
}

/// Whether `path` was to become `file`, which is in the same folder.
#[must_use]
pub fn is_leftover_of(path: &Path, file: &Path) -> bool {
    written_for(name_of(path)) == Some(name_of(file))
}

fn name_of(path: &Path) -> &[u8] {
    use std::os::unix::ffi::OsStrExt as _;
    path.file_name().unwrap_or_default().as_bytes()
}

/// The name for which [`temporary_name`] made this one, also at several removes: what is
/// left of deleting a leftover.
fn written_for(name: &[u8]) -> Option<&[u8]> {
    let (rest, random) = name
        .strip_prefix(b".")?
        .split_at_checked(name.len().checked_sub(1 + 2 * RANDOM)?)?;
    let rest = rest.strip_suffix(b".azup-")?;
    let is_random = random.iter().all(u8::is_ascii_hexdigit);
    (is_random && !rest.is_empty()).then(|| written_for(rest).unwrap_or(rest))
}

/// How many random bytes tell temporary names apart.
const RANDOM: usize = 8;

fn temporary_name(path: &Path) -> OsString {
    let mut name = temporary_prefix(path);
    name.push(hex(&random::<RANDOM>()));
    name
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

/// Removes what a killed azup left beside a file. Judged by the time of the last change
/// of the name, since a file that was exchanged keeps its old time of writing.
fn remove_leftovers(place: &Place<'_>) {
    let now = OffsetNow::seconds();
    for name in place.names(&temporary_prefix(place.path)) {
        if let Ok(about) = place.stat(&name)
            && now.saturating_sub(about.st_ctime) > LEFTOVER_AGE
        {
            let _ = place.remove(&name);
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
        let file = never_waiting()
            .create(true)
            .truncate(false)
            .write(true)
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
