//! Who uses an Azurite that `azup run` started: it is stopped when the last of them has
//! ended, in whatever way.
//!
//! Every `azup run` holds a shared lock for as long as it lives. The azup in the background
//! tries to have the lock alone; once it does, nobody is left, and nobody can come in
//! until Azurite has stopped.

use std::fs::{File, TryLockError};
use std::io::{Read as _, Seek as _, Write as _};
use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::Result;

use super::Ports;
use super::answer::Running;
use super::interrupt::Interrupt;
use super::{reach, slot};
use crate::failure::Failure;
use crate::machine::Machine;

/// How often a held lock is tried again.
const POLL: Duration = Duration::from_millis(20);

/// How long an Azurite that is stopping may take.
const STOPPING: Duration = Duration::from_secs(20);

/// How often in a row somebody else has to be seen, since one who leaves is for a moment.
const OTHERS: u32 = 5;

/// What stands in the file once somebody wants Azurite to stay.
const KEEP: &[u8] = b"keep";

/// Those who use the Azurite on one blob port.
#[derive(Debug)]
pub struct Users {
    path: PathBuf,
    file: File,
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
        let (path, file) = slot::lock_file(&format!("{}.users", ports.blob), machine)?;
        Ok(Self { path, file })
    }

    /// Becomes one of them. One that is stopping is waited for.
    pub fn join(ports: Ports, machine: &Machine, interrupt: &Interrupt) -> Result<Self> {
        let this = Self::of(ports, machine)?;
        let until = Instant::now() + STOPPING;
        loop {
            interrupt.check()?;
            match this.file.try_lock_shared() {
                Ok(()) => return Ok(this),
                Err(TryLockError::WouldBlock) if Instant::now() < until => {
                    std::thread::sleep(POLL);
                }
                Err(TryLockError::WouldBlock) => {
                    return Err(
                        Failure::new("another azup is still stopping Azurite")
                            .hint("azup down")
                            .into(),
                    );
                }
                Err(TryLockError::Error(error)) => return Err(slot::not_locked(&this.path, &error).into()),
            }
        }
    }

    /// Lets Azurite stay when all have left, as `azup up -d` does with one that runs.
    pub fn keep(&self) -> Result<()> {
        let mut file = &self.file;
        file.rewind()
            .and_then(|()| file.write_all(KEEP))
            .map_err(|error| slot::not_locked(&self.path, &error).into())
    }

    /// What was to stay has ended nevertheless.
    pub(super) fn forget(&self) -> Result<()> {
        let done = self.file.set_len(0);
        done.map_err(|error| slot::not_locked(&self.path, &error).into())
    }

    /// Who is left.
    pub(super) fn left(&self) -> Result<Left> {
        match self.file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Ok(Left::Needed),
            Err(TryLockError::Error(error)) => return Err(slot::not_locked(&self.path, &error).into()),
        }
        let mut file = &self.file;
        let mut text = Vec::new();
        file.rewind()
            .and_then(|()| file.read_to_end(&mut text))
            .map_err(|error| slot::not_locked(&self.path, &error))?;
        if text == KEEP {
            self.forget()?;
            self.file
                .unlock()
                .map_err(|error| slot::not_locked(&self.path, &error))?;
            return Ok(Left::Keep);
        }
        Ok(Left::Nobody)
    }

    /// Leaves them. Where nobody else is left, waits until Azurite has stopped.
    pub fn leave(self, running: &Running, machine: &Machine) -> Result<()> {
        let unlock = || {
            let done = self.file.unlock();
            done.map_err(|error| slot::not_locked(&self.path, &error))
        };
        unlock()?;
        let until = Instant::now() + STOPPING;
        let mut others = 0;
        while Instant::now() < until && reach::is_there(running, machine)? {
            match self.file.try_lock_shared() {
                // It is stopping.
                Err(TryLockError::WouldBlock) => {}
                Err(TryLockError::Error(error)) => return Err(slot::not_locked(&self.path, &error).into()),
                Ok(()) => {
                    unlock()?;
                    match self.file.try_lock() {
                        // Nobody else: it will notice in a moment.
                        Ok(()) => {
                            others = 0;
                            unlock()?;
                        }
                        // There is somebody else, perhaps one who is leaving, too.
                        Err(_) if others >= OTHERS => return Ok(()),
                        Err(_) => others += 1,
                    }
                }
            }
            std::thread::sleep(POLL);
        }
        Ok(())
    }
}
