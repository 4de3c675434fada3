//! What azup installs in its own folder is complete or not there at all: one azup at a time builds
//! it beside its destination and then renames it. What a killed azup left behind is removed.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::Result;

use crate::failure::Failure;
use crate::files::{self, Lock, hex, random};
use crate::interrupt::Interrupt;

/// How long another azup may take to install the same on a slow line.
const LIMIT: Duration = Duration::from_secs(15 * 60);

/// Waits for another azup that is installing `what` in `folder`.
pub(super) fn lock(folder: &Path, what: &str, interrupt: &Interrupt) -> Result<Lock> {
    let path = beside(folder, ".lock");
    let until = Instant::now() + LIMIT;
    loop {
        interrupt.check()?;
        if let Some(lock) = Lock::acquire(&path, Duration::from_millis(100))? {
            return Ok(lock);
        }
        if Instant::now() >= until {
            let what = format!("another azup has been installing {what} for a quarter of an hour");
            return Err(Failure::new(what).hint("pgrep -a azup").into());
        }
    }
}

/// The path of `folder` with a suffix.
pub(super) fn beside(folder: &Path, end: impl AsRef<OsStr>) -> PathBuf {
    let mut name = folder.as_os_str().to_owned();
    name.push(end);
    name.into()
}

/// A folder that is removed unless it was renamed into place.
pub(super) struct Partial {
    pub(super) folder: PathBuf,
}

impl Partial {
    /// Called under the lock: no existing partial folder is in use.
    pub(super) fn new(destination: &Path) -> Result<Self> {
        remove_others(destination);
        let folder = beside(destination, format!(".{}.partial", hex(&random::<4>())));
        files::make_folder(&folder, 0o755)?;
        Ok(Self { folder })
    }
}

impl Drop for Partial {
    fn drop(&mut self) {
        files::discard_folder(&self.folder);
    }
}

/// Removes what a killed azup left.
fn remove_others(destination: &Path) {
    let (Some(parent), Some(name)) = (destination.parent(), destination.file_name()) else {
        return;
    };
    let Ok(entries) = fs::read_dir(parent) else {
        return;
    };
    let start = format!("{}.", name.to_string_lossy());
    for entry in entries.flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        if name.starts_with(&start) && name.ends_with(".partial") {
            files::discard_folder(&entry.path());
        }
    }
}
