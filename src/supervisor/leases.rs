//! Who uses an Azurite that `azup run` started: it is stopped when the last user has ended, however
//! it ended.
//!
//! Every `azup run` holds a shared lock for as long as it lives. The azup in the background tries
//! to get the lock exclusively; once it does, no user is left, and none can join until Azurite has
//! stopped.

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

/// How often to retry a held lock.
const POLL: Duration = Duration::from_millis(20);

/// How long a stopping Azurite may take.
const STOPPING: Duration = Duration::from_secs(20);

/// How many times in a row another user must be seen: one that is leaving is seen only briefly.
const OTHERS: u32 = 5;

/// The extension of the file beside the lock that exists once Azurite should stay.
const KEEP: &str = "keep";

/// The users of the Azurite on one blob port.
#[derive(Debug)]
pub struct Leases {
    path: PathBuf,
    lock: LockFile,
}

/// Whether users are left.
#[derive(Debug)]
pub enum Remaining {
    /// There is at least one.
    Needed,
    /// None, and none can join for as long as the caller lives.
    Nobody,
    /// None, but Azurite should stay.
    Keep,
}

impl Leases {
    /// The file of the lock, without the lock.
    pub fn of(ports: Ports, machine: &Machine) -> Result<Self> {
        let (path, lock) = instance_lock::lock_file(&format!("{}.users", ports.blob), machine)?;
        Ok(Self { path, lock })
    }

    /// Joins the users. Waits for an Azurite that is stopping.
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

    /// Lets Azurite stay when all users have left, as `azup up -d` does with one that is running.
    pub fn keep(&self) -> Result<()> {
        files::open_to_append(&self.kept()).map(drop)
    }

    /// Forgets that Azurite was to stay: it has ended nevertheless.
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

    /// Whether users are left.
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

    /// Leaves. If this was the last user, waits until Azurite has stopped.
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
                        // No other user: the background azup will notice in a moment.
                        Ok(true) => {
                            others = 0;
                            unlock()?;
                        }
                        // There is another user, perhaps also leaving.
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
