//! Windows. Functions without an equivalent here say so.

mod access;
mod api;
mod lock;
mod process;
pub mod roots;

use std::ffi::{OsStr, OsString};
use std::fs::{DirBuilder, File, Metadata, OpenOptions};
use std::io;
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::os::windows::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

pub use std::net::TcpStream as Socket;

pub use super::powershell::hint;
pub use access::create_private;
pub use api::{free_space, move_new, number, replace_file};
pub use lock::LockFile;
pub use process::{
    ParentProcess, asked_to_end, asked_to_end_by_starter, ended_by_signal, has_number, in_own_group, is_alive, is_another_users, kill_group, lead, leave_no_core, listener,
    spawn_in_background, start_time, stop,
};

/// Also opens folders.
pub const FOLDERS_TOO: u32 = 0x0200_0000;

/// Opens a link itself.
pub const LINK_ITSELF: u32 = 0x0020_0000;

/// Deletes the file when it is closed.
const FOR_NOW: u32 = 0x0400_0000;

/// Another program has the file open in a conflicting way: an editor, or a virus scanner, which is
/// gone a moment later.
pub const IN_USE: [i32; 2] = [32, 5];

/// A system string as bytes. Invalid UTF-16 stays what it is.
pub trait OsStrExt {
    fn as_bytes(&self) -> &[u8];
    /// The string of these bytes; invalid ones name no existing file.
    fn from_bytes(bytes: &[u8]) -> &Self;
}

impl OsStrExt for OsStr {
    fn as_bytes(&self) -> &[u8] {
        self.as_encoded_bytes()
    }

    fn from_bytes(bytes: &[u8]) -> &Self {
        Self::new(std::str::from_utf8(bytes).unwrap_or("\u{fffd}"))
    }
}

/// The same for an owned string.
pub trait OsStringExt {
    /// The string of these bytes.
    fn from_vec(bytes: Vec<u8>) -> Self;
}

impl OsStringExt for OsString {
    fn from_vec(bytes: Vec<u8>) -> Self {
        String::from_utf8_lossy(&bytes).into_owned().into()
    }
}

/// A path as people write it: without the `\\?\` prefix of paths that Windows has resolved.
pub fn plain(path: &[u8]) -> &[u8] {
    let bare = path.strip_prefix(br"\\?\".as_slice()).filter(|bare| bare.get(1) == Some(&b':'));
    bare.unwrap_or(path)
}

/// What Unix knows about a file and Windows does not: it is assumed to be this user's, in their own
/// folder, with the usual mode. Who can really access it is determined by [`readers`] and by
/// trying.
pub trait MetadataExt {
    /// This user.
    fn uid(&self) -> u32;
    /// This user's group.
    fn gid(&self) -> u32;
    /// Type and permission bits.
    fn mode(&self) -> u32;
    /// When it was written (seconds since 1970).
    fn mtime(&self) -> i64;
    /// The rest of that time (nanoseconds).
    fn mtime_nsec(&self) -> i64;
}

impl MetadataExt for Metadata {
    fn uid(&self) -> u32 {
        user()
    }

    fn gid(&self) -> u32 {
        group()
    }

    fn mode(&self) -> u32 {
        match self.file_type() {
            kind if kind.is_dir() => 0o040_755,
            kind if kind.is_symlink() => 0o120_777,
            _ => 0o100_644,
        }
    }

    fn mtime(&self) -> i64 {
        written(self).unix_timestamp()
    }

    fn mtime_nsec(&self) -> i64 {
        written(self).nanosecond().into()
    }
}

fn written(about: &Metadata) -> time::OffsetDateTime {
    about
        .modified()
        .map_or(time::OffsetDateTime::UNIX_EPOCH, Into::into)
}

/// A number for this user, who is never root: Windows itself asks for an administrator's rights.
pub fn user() -> u32 {
    1
}

/// A number for this user's group.
pub fn group() -> u32 {
    1
}

/// A folder that exists on every machine, and in which only an administrator can put anything.
pub fn neutral() -> PathBuf {
    let root = std::env::var_os("SystemRoot").map(PathBuf::from);
    root.filter(|root| root.is_absolute())
        .unwrap_or_else(|| r"C:\Windows".into())
}

/// The variables of this process. To Windows, `Path` and `PATH` are the same, so here each has one
/// name.
pub fn variables() -> impl Iterator<Item = (OsString, OsString)> {
    std::env::vars_os().map(|(name, value)| (name.to_ascii_uppercase(), value))
}

/// Where this user's programs keep their data: the folder that does not roam between machines.
pub fn data_home() -> Option<PathBuf> {
    dirs::data_local_dir()
}

/// Options for opening a file of azup's own. It is in the user's own folder, which is closed to
/// others.
pub fn for_owner() -> OpenOptions {
    OpenOptions::new()
}

/// Builder for a folder; it inherits the access list of the one around it.
pub fn folder(_mode: u32) -> DirBuilder {
    DirBuilder::new()
}

/// Windows has no such limit.
pub fn outlive_size_limit() {}

/// Whether this process may write to an existing file, by trying.
pub fn may_write(path: &Path) -> io::Result<()> {
    if path.is_dir() {
        return may_write_in(path);
    }
    OpenOptions::new().write(true).open(path).map(drop)
}

/// The same for creating files in a folder.
pub fn may_write_in(folder: &Path) -> io::Result<()> {
    let trial = folder.join(format!(
        ".azup-{}",
        crate::files::hex(&crate::files::random::<8>())
    ));
    let mut options = OpenOptions::new();
    options.write(true).create_new(true).custom_flags(FOR_NOW);
    options.open(trial).map(drop)
}

/// Whether a file is a program, by its name.
pub fn may_run(path: &Path) -> io::Result<()> {
    let known = std::env::var("PATHEXT").unwrap_or_else(|_| ".COM;.EXE;.BAT;.CMD".to_owned());
    let end = path.extension().unwrap_or_default().to_string_lossy();
    let is = |one: &str| {
        one.strip_prefix('.')
            .is_some_and(|one| one.eq_ignore_ascii_case(&end))
    };
    if known.split(';').any(is) {
        return Ok(());
    }
    Err(io::Error::other("it has not the name of a program"))
}

/// Whether files can be created in a folder.
pub fn is_writable(folder: &Path) -> bool {
    may_write_in(folder).is_ok()
}

/// What distinguishes a folder or file from every other one, through links.
pub fn identity(path: &Path) -> Option<(u64, u64)> {
    let mut options = OpenOptions::new();
    options.access_mode(0).custom_flags(FOLDERS_TOO);
    number(&options.open(path).ok()?).ok()
}

/// Who else can read a file, in words; `None`: only its owner, administrators and Windows itself.
pub fn readers(path: &Path) -> io::Result<Option<String>> {
    let others: Vec<String> = access::readers(path)?
        .into_iter()
        .map(|sid| match sid.as_str() {
            "S-1-1-0" => "Everyone".to_owned(),
            "S-1-5-11" => "every user who has logged in".to_owned(),
            "S-1-5-32-545" => "the group Users".to_owned(),
            _ => sid,
        })
        .collect();
    Ok((!others.is_empty()).then(|| others.join(", ")))
}

/// The command after which only its owner can read a file.
pub fn closing(path: &Path) -> Vec<&OsStr> {
    let words = ["icacls", "/inheritance:r", "/grant:r", "*S-1-3-4:F"].map(OsStr::new);
    vec![words[0], path.as_os_str(), words[1], words[2], words[3]]
}

/// How many connections a process may have.
pub fn most_files() -> u64 {
    u64::MAX
}

/// Two ends of a connection within this process. Windows has no other pair that can be polled
/// together with connections; if another program connects first, its connection is closed.
pub fn pair() -> io::Result<(Socket, Socket)> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    let one = TcpStream::connect(listener.local_addr()?)?;
    loop {
        let (other, from) = listener.accept()?;
        if from == one.local_addr()? {
            return Ok((one, other));
        }
    }
}

/// Which process has locked bytes of a file; Windows does not tell.
pub fn lock_holder(_file: &File, _start: u64, _length: u64) -> Option<u32> {
    None
}
