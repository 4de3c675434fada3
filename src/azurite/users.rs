//! Who uses an Azurite that `azup run` started: it is stopped when the last of them has
//! ended, in whatever way.
//!
//! Every `azup run` holds a shared lock for as long as it lives. The azup in the background
//! tries to have the lock alone; once it does, nobody is left, and nobody can come in
//! until Azurite has stopped.

use std::fs;
use std::io::ErrorKind;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::Result;

use super::Ports;
use super::answer::Running;
use super::interrupt::Interrupt;
use super::{reach, slot};
use crate::failure::Failure;
use crate::files;
use crate::machine::Machine;
use crate::os::LockFile;

/// How often a held lock is tried again.
const POLL: Duration = Duration::from_millis(20);

/// How long an Azurite that is stopping may take.
const STOPPING: Duration = Duration::from_secs(20);

/// How often in a row somebody else has to be seen, since one who leaves is for a moment.
const OTHERS: u32 = 5;

/// The file beside the lock that is there once somebody wants Azurite to stay.
const KEEP: &str = "keep";

/// Those who use the Azurite on one blob port.
#[derive(Debug)]
pub struct Users {
    path: PathBuf,
    lock: LockFile,
}

/// Who is left.
#[derive(Debug)]
pub(super) enum Left {
    /// Somebody needs it.
    Needed,
    /// Nobody does, and nobody comes in for as long as the one who asked lives.
    Nobody,
    /// Nobody does, but it is to stay.
    Keep,
}

impl Users {
    /// The file of the lock, without the lock.
    pub(super) fn of(ports: Ports, machine: &Machine) -> Result<Self> {
        let (path, lock) = slot::lock_file(&format!("{}.users", ports.blob), machine)?;
        Ok(Self { path, lock })
    }

    /// Becomes one of them. One that is stopping is waited for.
    pub fn join(ports: Ports, machine: &Machine, interrupt: &Interrupt) -> Result<Self> {
        let this = Self::of(ports, machine)?;
        let until = Instant::now() + STOPPING;
        loop {
            interrupt.check()?;
            match this.lock.try_shared() {
                Ok(true) => return Ok(this),
                Ok(false) if Instant::now() < until => {
                    std::thread::sleep(POLL);
                }
                Ok(false) => {
                    return Err(
                        Failure::new("another azup is still stopping Azurite")
                            .hint("azup down")
                            .into(),
                    );
                }
                Err(error) => return Err(slot::not_locked(&this.path, &error).into()),
            }
        }
    }

    /// Lets Azurite stay when all have left, as `azup up -d` does with one that runs.
    pub fn keep(&self) -> Result<()> {
        files::open_to_append(&self.kept()).map(drop)
    }

    /// What was to stay has ended nevertheless.
    pub(super) fn forget(&self) -> Result<()> {
        match fs::remove_file(self.kept()) {
            Err(error) if error.kind() != ErrorKind::NotFound => {
                Err(slot::not_locked(&self.path, &error).into())
            }
            _ => Ok(()),
        }
    }

    fn kept(&self) -> PathBuf {
        self.path.with_extension(KEEP)
    }

    /// Who is left.
    pub(super) fn left(&self) -> Result<Left> {
        match self.lock.try_alone() {
            Ok(true) => {}
            Ok(false) => return Ok(Left::Needed),
            Err(error) => return Err(slot::not_locked(&self.path, &error).into()),
        }
        if files::exists(&self.kept()) {
            self.forget()?;
            self.lock
                .release()
                .map_err(|error| slot::not_locked(&self.path, &error))?;
            return Ok(Left::Keep);
        }
        Ok(Left::Nobody)
    }

    /// Leaves them. Where nobody else is left, waits until Azurite has stopped.
    pub fn leave(self, running: &Running, machine: &Machine) -> Result<()> {
        let unlock = || {
            let done = self.lock.release();
            done.map_err(|error| slot::not_locked(&self.path, &error))
        };
        unlock()?;
        let until = Instant::now() + STOPPING;
        let mut others = 0;
        while Instant::now() < until && reach::is_there(running, machine)? {
            match self.lock.try_shared() {
                // It is stopping.
                Ok(false) => {}
                Err(error) => return Err(slot::not_locked(&self.path, &error).into()),
                Ok(true) => {
                    unlock()?;
                    match self.lock.try_alone() {
                        // Nobody else: it will notice in a moment.
                        Ok(true) => {
                            others = 0;
                            unlock()?;
                        }
                        // There is somebody else, perhaps one who is leaving, too.
                        _ if others >= OTHERS => return Ok(()),
                        _ => others += 1,
                    }
                }
            }
            std::thread::sleep(POLL);
        }
        Ok(())
    }
}
