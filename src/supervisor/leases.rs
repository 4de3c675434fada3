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

use super::running::Running;
use super::{connect, instance_lock};
use crate::azurite::Ports;
use crate::failure::Failure;
use crate::files;
use crate::interrupt::Interrupt;
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
pub struct Leases {
    path: PathBuf,
    lock: LockFile,
}

/// Who is left.
#[derive(Debug)]
pub enum Remaining {
    /// Somebody needs it.
    Needed,
    /// Nobody does, and nobody comes in for as long as the one who asked lives.
    Nobody,
    /// Nobody does, but it is to stay.
    Keep,
}

impl Leases {
    /// The file of the lock, without the lock.
    pub fn of(ports: Ports, machine: &Machine) -> Result<Self> {
        let (path, lock) = instance_lock::lock_file(&format!("{}.users", ports.blob), machine)?;
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
                Err(error) => return Err(instance_lock::not_locked(&this.path, &error).into()),
            }
        }
    }

    /// Lets Azurite stay when all have left, as `azup up -d` does with one that runs.
    pub fn keep(&self) -> Result<()> {
        files::open_to_append(&self.kept()).map(drop)
    }

    /// What was to stay has ended nevertheless.
    pub fn forget(&self) -> Result<()> {
        match fs::remove_file(self.kept()) {
            Err(error) if error.kind() != ErrorKind::NotFound => {
                Err(instance_lock::not_locked(&self.path, &error).into())
            }
            _ => Ok(()),
        }
    }

    fn kept(&self) -> PathBuf {
        self.path.with_extension(KEEP)
    }

    /// Who is left.
    pub fn left(&self) -> Result<Remaining> {
        match self.lock.try_alone() {
            Ok(true) => {}
            Ok(false) => return Ok(Remaining::Needed),
            Err(error) => return Err(instance_lock::not_locked(&self.path, &error).into()),
        }
        if files::exists(&self.kept()) {
            self.forget()?;
            self.lock
                .release()
                .map_err(|error| instance_lock::not_locked(&self.path, &error))?;
            return Ok(Remaining::Keep);
        }
        Ok(Remaining::Nobody)
    }

    /// Leaves them. Where nobody else is left, waits until Azurite has stopped.
    pub fn leave(self, running: &Running, machine: &Machine) -> Result<()> {
        let unlock = || {
            let done = self.lock.release();
            done.map_err(|error| instance_lock::not_locked(&self.path, &error))
        };
        unlock()?;
        let until = Instant::now() + STOPPING;
        let mut others = 0;
        while Instant::now() < until && connect::is_there(running, machine)? {
            match self.lock.try_shared() {
                // It is stopping.
                Ok(false) => {}
                Err(error) => return Err(instance_lock::not_locked(&self.path, &error).into()),
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
