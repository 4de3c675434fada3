//! One azup at a time changes something.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::Path;

use anyhow::Result;

use super::{make_folder, never_waiting};
use crate::failure::{Failure, reason, shown};

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
    pub fn acquire(path: &Path, limit: std::time::Duration) -> Result<Option<Self>> {
        let failed = |error: &io::Error| {
            Failure::new(format!("cannot lock {}: {}", shown(path), reason(error)))
        };
        if let Some(folder) = path.parent() {
            make_folder(folder, 0o700)?;
        }
        let mut file = never_waiting()
            .create(true)
            .truncate(false)
            .write(true)
            .open(path)
            .map_err(|error| failed(&error))?;
        let until = std::time::Instant::now() + limit;
        loop {
            match file.try_lock() {
                Ok(()) => {
                    // For who waits for it. It is held whether this can be written or not.
                    let _ = file.set_len(0).and_then(|()| write!(file, "{}", std::process::id()));
                    return Ok(Some(Self { _file: file }));
                }
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

    /// The process that holds the lock on `path`, as far as it has said so.
    pub fn holder(path: &Path) -> Option<u32> {
        let text = super::read_if_there(path).ok()??;
        std::str::from_utf8(&text).ok()?.parse().ok()
    }
}
