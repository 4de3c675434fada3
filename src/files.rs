//! Files that are either as they were or as intended, whatever happens in between.
//!
//! `tempfile::persist` leaves mode 0600 and the wrong owner, `atomic-write-file` mode 0777 behind a
//! symlink (both measured), and neither notices that another program wrote in the meantime. Here
//! the new file is written beside the old one and *exchanged* with it in one step, and what came
//! out is compared with what was expected: if pip or an editor was faster, their file goes back.

#[cfg_attr(windows, path = "files/windows/attributes.rs")]
mod attributes;
mod folders;
#[cfg_attr(windows, path = "files/windows/folder.rs")]
mod folder;
mod judged;
mod lock;
#[cfg_attr(windows, path = "files/windows/place.rs")]
mod place;
mod replace;
mod temporary;

use std::fs::{File, OpenOptions};
use std::io::{self, Read as _, Seek as _, SeekFrom};
use std::path::{Path, PathBuf};

use anyhow::Result;

use crate::failure::{Failure, reason, shown};
use crate::os::{self, MetadataExt as _};

pub use folders::{discard_folder, folders_in, make_folder, move_folder, remove_empty_folders, try_to_write};
pub use judged::is_and_stays_within;
pub use lock::Lock;
use replace::cannot;
pub use replace::{delete, replace};
pub use temporary::{is_leftover, is_leftover_of};

/// How many links that lead nowhere yet are followed, one after the other.
const LINKS: usize = 8;

/// Where a path leads by every link on its way, also by one to what is not there yet.
pub fn followed(path: &Path) -> PathBuf {
    let mut path = path.to_owned();
    for _ in 0..LINKS {
        // The nearest part of it that exists, or is a link to what does not.
        let step = path.ancestors().find_map(|above| {
            let rest = path.strip_prefix(above).ok()?;
            if let Ok(real) = above.canonicalize() {
                return Some((real.join(rest), true));
            }
            let target = above.read_link().ok()?;
            Some((above.parent()?.join(target).join(rest), false))
        });
        let Some((to, exists)) = step else {
            break;
        };
        path = to;
        if exists {
            break;
        }
    }
    path
}

/// Larger than any bundle, database or configuration file that azup edits (bytes). What
/// is larger is not one of them, and reading it would only fill the memory.
pub const LARGEST: u64 = 64 << 20;

/// What a file contains, or will contain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Content {
    /// Bytes, with the permission bits for a file that does not exist yet. An existing
    /// file keeps its own mode and owner.
    File {
        bytes: Vec<u8>,
        /// Permission bits of a new file, such as `0o644`.
        mode: u32,
    },
    /// A symbolic link to this target.
    Link(PathBuf),
}

/// Another program changed the file after it was read. The caller should read it again and make a
/// new plan.
#[derive(Debug)]
pub struct Conflict(pub PathBuf);

impl std::fmt::Display for Conflict {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "{} was changed by another program in the meantime",
            shown(&self.0)
        )
    }
}

impl std::error::Error for Conflict {}

/// Reads a regular file through links.
pub fn read(path: &Path) -> Result<Vec<u8>> {
    match read_if_there(path)? {
        Some(bytes) => Ok(bytes),
        None => Err(Failure::new(format!("{} does not exist", shown(path))).into()),
    }
}

/// Like [`read`], with `None` for a file that does not exist.
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

/// The contents of a regular file of plausible size.
fn checked_content(file: File, path: &Path) -> Result<Vec<u8>> {
    let length = checked_length(&file, path)?;
    rest(file, length, path)
}

/// The length of a regular file (bytes), if it is plausible.
fn checked_length(file: &File, path: &Path) -> Result<u64> {
    let about = file
        .metadata()
        .map_err(|error| failed_to_read(path, &error))?;
    if about.is_dir() {
        return Err(Failure::new(format!("{} is a folder, not a file", shown(path))).into());
    }
    if !about.is_file() {
        return Err(Failure::new(format!("{} is not a regular file", shown(path))).into());
    }
    if about.len() > LARGEST {
        return Err(Failure::new(format!(
            "{} is too large ({} MB) for what it should contain",
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

/// For opening azup's own files: if another process has put a FIFO there, opening fails or reads as
/// empty, instead of waiting for the other end forever.
pub fn never_waiting() -> OpenOptions {
    os::for_owner()
}

/// Opens a file that is only ever appended to, readable by its owner only, creating it if it is
/// missing: a log, which several writers may share.
pub fn open_to_append(path: &Path) -> Result<File> {
    never_waiting()
        .create(true)
        .append(true)
        .open(path)
        .map_err(|error| cannot("write", path, &error).into())
}

/// Whether there is a file that this user may not read.
pub fn is_closed_to_us(path: &Path) -> bool {
    never_waiting()
        .read(true)
        .open(path)
        .is_err_and(|error| error.kind() == io::ErrorKind::PermissionDenied)
        && exists(path)
}

/// Whether the file is missing, including when a parent is missing or is itself a file.
fn absent(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory
    )
}

/// Whether anything, even a dangling link, has this name.
pub fn exists(path: &Path) -> bool {
    path.symlink_metadata().is_ok()
}

/// What distinguishes a folder from every other one, whatever its name.
pub type Identity = (u64, u64);

/// The identity of what is at `path`, through links; `None` if there is nothing.
pub fn identity(path: &Path) -> Option<Identity> {
    let path = if path.as_os_str().is_empty() {
        Path::new(".")
    } else {
        path
    };
    os::identity(path)
}

/// Whether this user may create and replace files in `folder`.
pub fn is_writable(folder: &Path) -> bool {
    os::is_writable(folder)
}

/// Whether the file system of `path` keeps permission bits for each file. If not (FAT, NTFS, shared
/// folders of virtual machines, WSL's drives), a mount option gives all files the same bits, which
/// do not show who can access the disk.
#[cfg(target_os = "linux")]
pub fn keeps_permissions(path: &Path) -> bool {
    // statfs(2), linux/magic.h, and each file system's own header.
    const WITHOUT: [u64; 10] = [
        0x4d44,      // FAT
        0x2011_bab0, // exFAT
        0x5346_544e, // NTFS, the old driver
        0x7366_746e, // NTFS3
        0x0102_1997, // 9p: WSL's drives, virtual machines
        0x786f_4256, // VirtualBox's shared folders
        0x6573_5546, // FUSE: ntfs-3g, exfat-fuse, sshfs, Docker Desktop's mounts
        0xfe53_4d42, // SMB2
        0xff53_4d42, // CIFS
        0x517b,      // SMB
    ];
    rustix::fs::statfs(path).is_ok_and(|about| {
        let kind = u64::try_from(about.f_type).unwrap_or_default() & 0xffff_ffff;
        !WITHOUT.contains(&kind)
    })
}

/// File system numbers mean nothing on other systems, whose usual one keeps permission bits.
#[cfg(not(target_os = "linux"))]
pub fn keeps_permissions(_path: &Path) -> bool {
    true
}

/// Refuses an own folder that another user may have put there: in a folder where every user may
/// create files (`XDG_DATA_HOME=/tmp`), unless it really is this user's and closed to others;
/// elsewhere, if it belongs to another user. Its owner could have a CA of their own trusted.
/// `usual` is its default location.
pub fn check_own_folder(path: &Path, usual: &Path) -> Result<()> {
    let user = os::user();
    let Ok(about) = path.symlink_metadata() else {
        return Ok(());
    };
    let why = if path.parent().is_some_and(others_may_write) {
        let closed = about.is_dir() && about.uid() == user && about.mode() & 0o022 == 0;
        (!closed).then_some("is in a folder that everybody can write to, and does not belong to this user alone")
    } else {
        // Under sudo, root acts for the user.
        let owner = path.metadata().map_or(about.uid(), |about| about.uid());
        let known = user == 0 || [user, 0].contains(&owner);
        (!known).then_some("belongs to another user")
    };
    let Some(why) = why else { return Ok(()) };
    Err(Failure::new(format!("{} {why}", shown(path)))
        .hint(elsewhere(usual, path))
        .into())
}

fn others_may_write(folder: &Path) -> bool {
    folder
        .metadata()
        .is_ok_and(|about| about.mode() & 0o002 != 0)
}

/// The command after which azup's folder is in one that only this user can write: the usual one,
/// the session's or, if their file system has no permissions, a new one.
fn elsewhere(usual: &Path, refused: &Path) -> String {
    let user = os::user();
    let is_fit = |folder: &&Path| {
        let there = folder.ancestors().find(|each| each.is_dir());
        there.is_some_and(|there| {
            let owned = there.metadata().is_ok_and(|about| about.uid() == user);
            owned && is_writable(there) && !others_may_write(there)
        })
    };
    let session = PathBuf::from(format!("/run/user/{user}"));
    let new = PathBuf::from(format!("/var/tmp/azup-{user}"));
    let there = |folder: &&Path| {
        refused.parent() != Some(folder) && (*folder == usual || folder.is_dir())
    };
    let known = [usual, &session, &new]
        .into_iter()
        .filter(there)
        .find(is_fit);
    match known {
        Some(folder) => format!("export XDG_DATA_HOME={}", shown(folder)),
        None if exists(&new) => {
            "export XDG_DATA_HOME=\"$(mktemp -d /var/tmp/azup-XXXXXX)\"".to_owned()
        }
        None => {
            let new = shown(&new);
            format!("mkdir -m 700 {new} && export XDG_DATA_HOME={new}")
        }
    }
}

/// Random bytes.
///
/// # Panics
/// If the operating system has no random numbers, in which case no certificate could be made
/// either.
pub fn random<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    ring::rand::SecureRandom::fill(&ring::rand::SystemRandom::new(), &mut bytes)
        .expect("the operating system gives random numbers");
    bytes
}

/// Bytes as lower-case hexadecimal digits.
pub fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes
        .iter()
        .fold(String::with_capacity(2 * bytes.len()), |mut text, byte| {
            let _ = write!(text, "{byte:02x}");
            text
        })
}

#[cfg(test)]
mod tests;
