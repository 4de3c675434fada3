//! A lock that ends with the process that holds it, however it ends: a file that no other process
//! can open. Not `LockFileEx`: child processes do not inherit such a lock, and Azurite has to hold
//! its own for as long as it writes.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::windows::fs::OpenOptionsExt as _;
use std::os::windows::io::AsHandle as _;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::api;

/// `FILE_SHARE_READ`: others may also read.
const SHARED: u32 = 1;

/// `ERROR_SHARING_VIOLATION`
const TAKEN: i32 = 32;

/// A file that exists to be locked, and has no contents. Dropping it releases the lock.
#[derive(Debug)]
pub struct LockFile {
    path: PathBuf,
    held: Mutex<Option<File>>,
}

impl LockFile {
    /// Creates it if it is missing; without the lock.
    pub fn open(path: &Path) -> io::Result<Self> {
        match OpenOptions::new().write(true).create_new(true).open(path) {
            Err(error) if !path.exists() => return Err(error),
            _ => {}
        }
        Self::open_existing(path)
    }

    /// Opens an existing one, without the lock.
    pub fn open_existing(path: &Path) -> io::Result<Self> {
        path.metadata()?;
        Ok(Self {
            path: path.to_owned(),
            held: Mutex::default(),
        })
    }

    /// Takes the lock exclusively if it is free; returns whether it did.
    pub fn try_alone(&self) -> io::Result<bool> {
        self.take(OpenOptions::new().write(true).share_mode(0))
    }

    /// Takes the lock together with other shared holders; returns whether it did.
    pub fn try_shared(&self) -> io::Result<bool> {
        self.take(OpenOptions::new().read(true).share_mode(SHARED))
    }

    fn take(&self, options: &OpenOptions) -> io::Result<bool> {
        let mut held = self.held();
        *held = None;
        match options.open(&self.path) {
            Ok(file) => *held = Some(file),
            Err(error) if error.raw_os_error() == Some(TAKEN) => {}
            Err(error) => return Err(error),
        }
        Ok(held.is_some())
    }

    /// Gives the lock back.
    #[allow(clippy::unnecessary_wraps, reason = "elsewhere it may fail")]
    pub fn release(&self) -> io::Result<()> {
        *self.held() = None;
        Ok(())
    }

    /// Windows does not tell which process has a file open.
    pub fn holder(_path: &Path) -> Option<u32> {
        None
    }

    /// Starts a program that inherits the lock, for as long as it lives.
    pub fn lend<T>(&self, spawn: impl FnOnce() -> T) -> io::Result<T> {
        let held = self.held();
        let Some(file) = held.as_ref() else {
            return Ok(spawn());
        };
        api::inherit(file.as_handle(), true)?;
        let done = spawn();
        api::inherit(file.as_handle(), false)?;
        Ok(done)
    }

    fn held(&self) -> MutexGuard<'_, Option<File>> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
