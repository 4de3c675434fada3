//! A lock that ends with the process that holds it, however it ends.

use std::fs::{File, TryLockError};
use std::io;
use std::path::Path;

use rustix::io::FdFlags;

use crate::files;

/// A file that exists to be locked, and has no contents: on Windows no other process can read a
/// locked file. Dropping it releases the lock.
#[derive(Debug)]
pub struct LockFile {
    file: File,
}

impl LockFile {
    /// Opens it, creating it if it is missing; without the lock.
    pub fn open(path: &Path) -> io::Result<Self> {
        let mut options = files::never_waiting();
        let options = options.create(true).truncate(false).read(true).write(true);
        Ok(Self {
            file: options.open(path)?,
        })
    }

    /// Opens an existing one, without the lock.
    pub fn open_existing(path: &Path) -> io::Result<Self> {
        let file = files::never_waiting().read(true).open(path)?;
        Ok(Self { file })
    }

    /// Takes the lock exclusively if it is free; returns whether it did.
    pub fn try_alone(&self) -> io::Result<bool> {
        taken(self.file.try_lock())
    }

    /// Takes the lock together with other shared holders; returns whether it did.
    pub fn try_shared(&self) -> io::Result<bool> {
        taken(self.file.try_lock_shared())
    }

    pub fn release(&self) -> io::Result<()> {
        self.file.unlock()
    }

    /// The process that holds the lock on `path`, if the system tells: Linux does (proc(5)).
    #[cfg(target_os = "linux")]
    pub fn holder(path: &Path) -> Option<u32> {
        use std::os::unix::fs::MetadataExt as _;
        let about = path.metadata().ok()?;
        let (major, minor) = (rustix::fs::major(about.dev()), rustix::fs::minor(about.dev()));
        let file = format!("{major:02x}:{minor:02x}:{}", about.ino());
        // "1: FLOCK  ADVISORY  WRITE 4711 fe:00:1234 0 EOF"; a waiting process has an arrow.
        let locks = std::fs::read_to_string("/proc/locks").ok()?;
        let mut holders = locks.lines().filter_map(|line| {
            let mut words = line.split_whitespace().skip(1);
            (words.next() == Some("FLOCK")).then_some(())?;
            let (holder, locked) = (words.nth(2)?, words.next()?);
            (locked == file).then(|| holder.parse().ok())?
        });
        holders.next()
    }

    #[cfg(not(target_os = "linux"))]
    pub fn holder(_path: &Path) -> Option<u32> {
        None
    }

    /// Starts a program that inherits the lock, for as long as it lives.
    pub fn lend<T>(&self, spawn: impl FnOnce() -> T) -> io::Result<T> {
        rustix::io::fcntl_setfd(&self.file, FdFlags::empty())?;
        let done = spawn();
        rustix::io::fcntl_setfd(&self.file, FdFlags::CLOEXEC)?;
        Ok(done)
    }
}

fn taken(done: Result<(), TryLockError>) -> io::Result<bool> {
    match done {
        Ok(()) => Ok(true),
        Err(TryLockError::WouldBlock) => Ok(false),
        Err(TryLockError::Error(error)) => Err(error),
    }
}
