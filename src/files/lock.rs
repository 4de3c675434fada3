//! Only one azup at a time makes changes.

use std::io;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::Result;

use super::make_folder;
use crate::failure::{Failure, reason, shown};
use crate::os::LockFile;

/// Keeps out every other azup of this user until it is dropped, or the process ends in any way.
#[derive(Debug)]
pub struct Lock {
    // Dropping it releases the lock.
    _file: LockFile,
}

impl Lock {
    /// Waits up to `limit` for the lock on `path`, creating the file and its folder (mode 0700) if
    /// they are missing. `Ok(None)`: another process still holds it.
    pub fn acquire(path: &Path, limit: Duration) -> Result<Option<Self>> {
        let failed = |error: io::Error| {
            Failure::new(format!("cannot lock {}: {}", shown(path), reason(&error)))
        };
        if let Some(folder) = path.parent() {
            make_folder(folder, 0o700)?;
        }
        let file = LockFile::open(path).map_err(failed)?;
        let until = Instant::now() + limit;
        while !file.try_alone().map_err(failed)? {
            if Instant::now() >= until {
                return Ok(None);
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        Ok(Some(Self { _file: file }))
    }
}
