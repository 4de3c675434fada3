//! Linux and macOS. This file has what differs on Windows; a module that is only for Unix makes its
//! own system calls.

mod lock;
mod process;
mod signals;

use std::fs::{DirBuilder, File, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};

use rustix::fs::{Access, AtFlags, CWD, access, accessat};

pub use std::os::unix::ffi::{OsStrExt, OsStringExt};
pub use std::os::unix::fs::MetadataExt;
pub use std::os::unix::net::UnixStream as Socket;

pub use lock::LockFile;
pub use process::{
    ParentProcess, ended_by_signal, has_number, in_own_group, is_alive, kill_group, lead,
    leave_no_core, spawn_in_background, start_time, stop,
};
pub use signals::{asked_to_end, asked_to_end_by_starter, heed, not_ignored};

/// The user id of this process.
pub fn user() -> u32 {
    rustix::process::geteuid().as_raw()
}

/// The group id of this process.
pub fn group() -> u32 {
    rustix::process::getegid().as_raw()
}

/// A folder that exists on every machine, and in which only an administrator can put anything.
pub fn neutral() -> &'static str {
    "/"
}

pub fn variables() -> impl Iterator<Item = (std::ffi::OsString, std::ffi::OsString)> {
    std::env::vars_os()
}

/// Where this user's programs keep their data.
pub fn data_home() -> Option<PathBuf> {
    dirs::data_dir()
}

/// Options for opening a file that only its owner may access. Opening a FIFO does not block.
pub fn for_owner() -> OpenOptions {
    use std::os::unix::fs::OpenOptionsExt as _;
    let mut options = OpenOptions::new();
    options
        .mode(0o600)
        .custom_flags(rustix::fs::OFlags::NONBLOCK.bits().cast_signed());
    options
}

/// Builder for a folder with this mode.
pub fn folder(mode: u32) -> DirBuilder {
    use std::os::unix::fs::DirBuilderExt as _;
    let mut builder = DirBuilder::new();
    builder.mode(mode);
    builder
}

/// Makes a write beyond the file size limit (`ulimit -f`) an error like a full disk, which is
/// reported and rolled back; otherwise a signal would end the process half-way. The signal is
/// caught, not ignored, since every program that azup starts would inherit that.
pub fn outlive_size_limit() {
    let signal = signal_hook::consts::SIGXFSZ;
    // Without it, everything else still works.
    let _ = signal_hook::flag::register(signal, std::sync::Arc::default());
}

/// Whether this process may write to an existing file, by its real user id.
pub fn may_write(path: &Path) -> io::Result<()> {
    Ok(access(path, Access::WRITE_OK)?)
}

/// The same for creating files in a folder.
pub fn may_write_in(folder: &Path) -> io::Result<()> {
    Ok(access(folder, Access::WRITE_OK | Access::EXEC_OK)?)
}

/// The same for running a program.
pub fn may_run(path: &Path) -> io::Result<()> {
    Ok(access(path, Access::EXEC_OK)?)
}

/// Whether files can be created in a folder, by the effective user id.
pub fn is_writable(folder: &Path) -> bool {
    let may = Access::WRITE_OK | Access::EXEC_OK;
    accessat(CWD, folder, may, AtFlags::EACCESS).is_ok()
}

/// What distinguishes a folder or file from every other one, through links.
pub fn identity(path: &Path) -> Option<(u64, u64)> {
    path.metadata().ok().map(|about| (about.dev(), about.ino()))
}

/// How much space this user has left on the file system of `path` (bytes).
pub fn free_space(path: &Path) -> Option<u64> {
    let about = rustix::fs::statvfs(path).ok()?;
    Some(about.f_bavail.saturating_mul(about.f_frsize))
}

/// Who else can read a file, in words; `None`: only its owner.
pub fn readers(path: &Path) -> io::Result<Option<String>> {
    let mode = path.metadata()?.mode();
    Ok((mode & 0o077 != 0).then(|| format!("mode {:04o}", mode & 0o7777)))
}

/// The command after which only its owner can read a file.
pub fn closing(path: &Path) -> Vec<&std::ffi::OsStr> {
    vec!["chmod".as_ref(), "600".as_ref(), path.as_os_str()]
}

/// A path as people write it.
pub fn plain(path: &[u8]) -> &[u8] {
    path
}

/// A hint for this system's shell.
#[allow(clippy::unnecessary_wraps)]
pub fn hint(text: String) -> Option<String> {
    Some(text)
}

/// How many files and connections this process may have open.
pub fn most_files() -> u64 {
    let limit = rustix::process::getrlimit(rustix::process::Resource::Nofile);
    limit.current.unwrap_or(u64::MAX)
}

/// Two ends of a connection within this process.
pub fn pair() -> io::Result<(Socket, Socket)> {
    Socket::pair()
}

/// The process that has an `fcntl` lock on these bytes of a file; 0 for a process without a pid
/// here, such as one in another container.
pub fn lock_holder(file: &File, start: u64, length: u64) -> Option<u32> {
    use rustix::process::{Flock, FlockOffsetType, FlockType, fcntl_getlk};
    let wanted = Flock {
        start,
        length,
        pid: None,
        typ: FlockType::WriteLock,
        offset_type: FlockOffsetType::Set,
    };
    let lock = fcntl_getlk(file, &wanted).ok()??;
    Some(lock.pid.map_or(0, |pid| pid.as_raw_nonzero().get().cast_unsigned()))
}
