//! One azup at a time changes something.

use std::fs::{self, File};
use std::io;
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

    /// The process that holds the lock on `path`, where the system says so. The file itself holds
    /// nothing: what is locked cannot be read on Windows, and a command that changes nothing else
    /// does not change it either.
    #[cfg(target_os = "linux")]
    pub fn holder(path: &Path) -> Option<u32> {
        use crate::os::MetadataExt as _;
        let about = path.metadata().ok()?;
        let device = (rustix::fs::major(about.dev()), rustix::fs::minor(about.dev()));
        let file = format!("{:02x}:{:02x}:{}", device.0, device.1, about.ino());
        // "1: FLOCK  ADVISORY  WRITE 4711 fe:00:1234 0 EOF"; who waits has an arrow (proc(5)).
        let locks = fs::read_to_string("/proc/locks").ok()?;
        let mut holders = locks.lines().filter_map(|line| {
            let mut words = line.split_whitespace().skip(1);
            (words.next() == Some("FLOCK")).then_some(())?;
            let (holder, locked) = (words.nth(2)?, words.next()?);
            (locked == file).then(|| holder.parse().ok())?
        });
        holders.next()
    }

    /// The same.
    #[cfg(not(target_os = "linux"))]
    pub fn holder(_path: &Path) -> Option<u32> {
        None
    }
}
