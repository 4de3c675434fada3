//! Linux and macOS. What stands here is what has to be answered otherwise on Windows; a module
//! that is Unix's alone calls the system itself.

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

/// The number of the user as whom this process works.
pub fn user() -> u32 {
    rustix::process::geteuid().as_raw()
}

/// The number of that user's group.
pub fn group() -> u32 {
    rustix::process::getegid().as_raw()
}

/// A folder that is there on every machine, and in which only an administrator can put anything.
pub fn neutral() -> &'static str {
    "/"
}

/// The variables of this process.
pub fn variables() -> impl Iterator<Item = (std::ffi::OsString, std::ffi::OsString)> {
    std::env::vars_os()
}

/// Where this user's programs keep their data.
pub fn data_home() -> Option<PathBuf> {
    dirs::data_dir()
}

/// How a file is opened that is for its owner alone. One that is not a file does not make it wait.
pub fn for_owner() -> OpenOptions {
    use std::os::unix::fs::OpenOptionsExt as _;
    let mut options = OpenOptions::new();
    options
        .mode(0o600)
        .custom_flags(rustix::fs::OFlags::NONBLOCK.bits().cast_signed());
    options
}

/// How a folder is made with this mode.
pub fn folder(mode: u32) -> DirBuilder {
    use std::os::unix::fs::DirBuilderExt as _;
    let mut builder = DirBuilder::new();
    builder.mode(mode);
    builder
}

/// Makes a write beyond the size that files may have (`ulimit -f`) an error like a full
/// disk, which is reported and taken back; else a signal ends the process half-way. It is
/// caught and not ignored, since what is ignored is so for every program that azup starts.
pub fn outlive_size_limit() {
    let signal = signal_hook::consts::SIGXFSZ;
    // Without it, everything else still works.
    let _ = signal_hook::flag::register(signal, std::sync::Arc::default());
}

/// Whether this process may write to what is there, by who really started it.
pub fn may_write(path: &Path) -> io::Result<()> {
    Ok(access(path, Access::WRITE_OK)?)
}

/// The same for making files in a folder.
pub fn may_write_in(folder: &Path) -> io::Result<()> {
    Ok(access(folder, Access::WRITE_OK | Access::EXEC_OK)?)
}

/// The same for running a program.
pub fn may_run(path: &Path) -> io::Result<()> {
    Ok(access(path, Access::EXEC_OK)?)
}

/// Whether files can be made in a folder, by the user as whom this process works.
pub fn is_writable(folder: &Path) -> bool {
    let may = Access::WRITE_OK | Access::EXEC_OK;
    accessat(CWD, folder, may, AtFlags::EACCESS).is_ok()
}

/// What tells a folder or file from every other one, through links.
pub fn identity(path: &Path) -> Option<(u64, u64)> {
    path.metadata().ok().map(|about| (about.dev(), about.ino()))
}

/// How much room is left for this user on the file system of `path` (bytes).
pub fn free_space(path: &Path) -> Option<u64> {
    let about = rustix::fs::statvfs(path).ok()?;
    Some(about.f_bavail.saturating_mul(about.f_frsize))
}

/// Who else can read a file, in words; `None`: nobody but its owner.
pub fn readers(path: &Path) -> io::Result<Option<String>> {
    let mode = path.metadata()?.mode();
    Ok((mode & 0o077 != 0).then(|| format!("mode {:04o}", mode & 0o7777)))
}

/// The words of the command after which nobody but its owner can read a file.
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

/// The process that has a lock on these bytes of a file, as `fcntl` has them; 0: one
/// without a number here, such as in another container.
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
