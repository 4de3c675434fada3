//! One Azurite per data folder: who holds the folder, and how its Azurite is found again.
//!
//! Azurite has no lock of its own: a second one on the same folder starts without complaint and
//! ruins the data (measured). The lock lies in azup's own folder, never in the user's. Azurite
//! inherits it from azup, so it is held for as long as either of them lives, even after azup was
//! killed.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::Result;
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use super::running::Running;
use crate::azurite::{Data, Ports};
use crate::certificates::sha256;
use crate::failure::{Failure, command_line, reason, shown};
use crate::files::{self, Content};
use crate::machine::Machine;
use crate::os::{self, LockFile};
use crate::workspace::marked_project;

/// How often to retry a held lock.
const POLL: Duration = Duration::from_millis(20);

/// How long an Azurite whose azup was killed may take to end.
const ENDING: Duration = Duration::from_secs(15);

/// The files of one data folder (or of one Azurite in memory), all in azup's own `run`.
#[derive(Clone, Debug)]
pub struct InstanceLock {
    lock: PathBuf,
}

/// Who took an instance, written beside its lock: on Windows no process can read a locked file.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct LockOwner {
    pub pid: u32,
    /// When that process started (clock ticks since boot), to tell it from a later process with the
    /// same pid. Linux only.
    pub start_time: Option<u64>,
    /// The data folder; `None` in memory.
    pub location: Option<String>,
    /// The project in which it was started; `None` outside projects.
    #[serde(default)]
    pub project: Option<PathBuf>,
    /// Whether it belongs to the program that started it, such as a test run.
    #[serde(default)]
    pub until_eof: bool,
}

#[derive(Debug)]
pub enum LockState {
    Nobody,
    /// It is held; the owner is not always known.
    Held(Option<LockOwner>),
}

impl InstanceLock {
    /// The instance of an existing data folder, or of an Azurite in memory: one per blob port.
    pub fn of(data: &Data, ports: Ports, machine: &Machine) -> Result<Self> {
        let name = match data {
            Data::Memory => sha256(format!("memory:{}", ports.blob).as_bytes()),
            Data::Folder(folder) => {
                use crate::os::OsStrExt as _;
                // A folder that does not exist yet has no owner.
                let real = fs::canonicalize(folder).unwrap_or_else(|_| folder.clone());
                sha256(real.as_os_str().as_bytes())
            }
        };
        let folder = run_folder(machine)?;
        Ok(Self {
            lock: folder.join(format!("{}.lock", &name[..16])),
        })
    }

    /// The instance of a running Azurite.
    pub fn of_running(running: &Running, machine: &Machine) -> Result<Self> {
        let data = match &running.location {
            Some(folder) => Data::Folder(folder.into()),
            None => Data::Memory,
        };
        Self::of(&data, running.ports, machine)
    }

    /// Every instance that was ever taken.
    pub fn all(machine: &Machine) -> Result<Vec<Self>> {
        let Ok(entries) = fs::read_dir(run_folder(machine)?) else {
            return Ok(Vec::new());
        };
        let mut instances: Vec<PathBuf> = entries
            .flatten()
            .map(|entry| entry.path())
            .filter(|path| path.extension().is_some_and(|end| end == "lock"))
            .collect();
        instances.sort();
        Ok(instances.into_iter().map(|lock| Self { lock }).collect())
    }

    /// What all of its files are named after.
    pub fn name(&self) -> String {
        let name = self.lock.file_stem().unwrap_or_default();
        name.to_string_lossy().into_owned()
    }

    /// The output of Azurite and of an azup in the background.
    pub fn log(&self) -> PathBuf {
        self.lock.with_extension("log")
    }

    fn held_by(&self) -> PathBuf {
        self.lock.with_extension("holder")
    }

    fn state(&self) -> PathBuf {
        self.lock.with_extension("json")
    }

    /// Whether it is taken, and by whom.
    pub fn lock_state(&self) -> Result<LockState> {
        let lock = match LockFile::open_existing(&self.lock) {
            Ok(lock) => lock,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                return Ok(LockState::Nobody);
            }
            Err(error) => return Err(self.failed(&error).into()),
        };
        // Shared: readers do not get in each other's way.
        match lock.try_shared() {
            Ok(true) => Ok(LockState::Nobody),
            Ok(false) => Ok(LockState::Held(self.owner())),
            Err(error) => Err(self.failed(&error).into()),
        }
    }

    fn owner(&self) -> Option<LockOwner> {
        let bytes = files::read_if_there(&self.held_by()).ok()??;
        serde_json::from_slice(&bytes).ok()
    }

    /// What was recorded about the Azurite that is ready here; `None` if there is none.
    pub fn running(&self) -> Option<Running> {
        let Ok(LockState::Held(Some(owner))) = self.lock_state() else {
            return None;
        };
        let bytes = files::read_if_there(&self.state()).ok()??;
        let mut running: Running = serde_json::from_slice(&bytes).ok()?;
        running.certificate.refresh(OffsetDateTime::now_utc());
        (running.pid == owner.pid && owner.is_alive()).then_some(running)
    }

    /// Takes the instance for this process. Waits for an Azurite whose azup was killed: it ends by
    /// itself.
    pub fn take(self, data: &Data, until_eof: bool, machine: &Machine) -> Result<Taken> {
        if let Some(folder) = self.lock.parent() {
            files::make_folder(folder, 0o700)?;
        }
        let lock = LockFile::open(&self.lock).map_err(|error| self.failed(&error))?;
        let until = Instant::now() + ENDING;
        loop {
            match lock.try_alone() {
                Ok(true) => break,
                Ok(false) => {
                    let owner = self.owner();
                    let alive = owner.as_ref().is_some_and(LockOwner::is_alive);
                    if alive || Instant::now() >= until {
                        return Err(in_use(data, owner.as_ref()).into());
                    }
                    std::thread::sleep(POLL);
                }
                Err(error) => return Err(self.failed(&error).into()),
            }
        }
        let owner = LockOwner {
            pid: std::process::id(),
            start_time: os::start_time(std::process::id()),
            location: data.told(),
            project: marked_project(machine),
            until_eof,
        };
        put(&self.held_by(), serde_json::to_vec(&owner)?)?;
        // A killed azup could not remove it.
        let _ = fs::remove_file(self.state());
        Ok(Taken { instance: self, lock })
    }

    /// Waits up to `limit` until the instance is free, and returns whether it is.
    pub fn wait_until_free(&self, limit: Duration) -> Result<bool> {
        let until = Instant::now() + limit;
        while let LockState::Held(_) = self.lock_state()? {
            if Instant::now() >= until {
                return Ok(false);
            }
            std::thread::sleep(POLL);
        }
        Ok(true)
    }

    /// Removes what a killed azup left behind, unless the instance has been taken since.
    pub fn tidy(&self) {
        if let Ok(lock) = LockFile::open_existing(&self.lock)
            && lock.try_alone().is_ok_and(|alone| alone)
        {
            let _ = fs::remove_file(self.held_by());
            let _ = fs::remove_file(self.state());
        }
    }

    fn failed(&self, error: &std::io::Error) -> Failure {
        not_locked(&self.lock, error)
    }
}

/// An instance that this process holds until it drops it, and Azurite until it ends.
#[derive(Debug)]
pub struct Taken {
    instance: InstanceLock,
    lock: LockFile,
}

impl Taken {
    pub fn instance(&self) -> &InstanceLock {
        &self.instance
    }

    /// The lock, for Azurite to inherit.
    pub fn lock(&self) -> &LockFile {
        &self.lock
    }

    /// Records that Azurite is ready.
    pub fn announce(&self, running: &Running) -> Result<()> {
        put(&self.instance.state(), serde_json::to_vec_pretty(running)?)
    }
}

impl Drop for Taken {
    fn drop(&mut self) {
        let _ = fs::remove_file(self.instance.state());
        let _ = fs::remove_file(self.instance.held_by());
    }
}

/// Writes one of an instance's files, readable by this user only.
fn put(path: &Path, bytes: Vec<u8>) -> Result<()> {
    let before = files::read_if_there(path)?;
    files::replace(path, before.as_deref(), &Content::File { bytes, mode: 0o600 })
}

impl LockOwner {
    /// Whether that same process is still alive.
    pub fn is_alive(&self) -> bool {
        os::is_alive(self.pid, self.start_time)
    }
}

/// The failure for data that another azup holds.
pub fn in_use(data: &Data, owner: Option<&LockOwner>) -> Failure {
    let what = match data {
        Data::Folder(folder) => format!("the data in {} is in use", shown(folder)),
        Data::Memory => "an Azurite in memory already runs on this port".to_owned(),
    };
    let who = match owner {
        Some(owner) => format!(" by the azup with pid {}", owner.pid),
        None => String::new(),
    };
    let hint = match data {
        Data::Folder(folder) => command_line([
            "azup".as_ref(),
            "down".as_ref(),
            "--location".as_ref(),
            folder.as_os_str(),
        ]),
        Data::Memory => "azup down --all".to_owned(),
    };
    Failure::new(format!("{what}{who}")).hint(hint)
}

/// A lock file in azup's `run` folder, created if it is missing; not yet locked.
pub fn lock_file(name: &str, machine: &Machine) -> Result<(PathBuf, LockFile)> {
    let folder = run_folder(machine)?;
    files::make_folder(&folder, 0o700)?;
    let path = folder.join(name);
    match LockFile::open(&path) {
        Ok(lock) => Ok((path, lock)),
        Err(error) => Err(not_locked(&path, &error).into()),
    }
}

/// Keeps every other azup of this user from the ports that begin with this one, for as long as the
/// claim is held; `None` if another azup has them.
pub fn claim(port: u16, machine: &Machine) -> Result<Option<LockFile>> {
    let (path, lock) = lock_file(&format!("{port}.claim"), machine)?;
    match lock.try_alone() {
        Ok(true) => Ok(Some(lock)),
        Ok(false) => Ok(None),
        Err(error) => Err(not_locked(&path, &error).into()),
    }
}

pub fn not_locked(path: &Path, error: &std::io::Error) -> Failure {
    Failure::new(format!("cannot lock {}: {}", shown(path), reason(error)))
}

pub fn run_folder(machine: &Machine) -> Result<PathBuf> {
    Ok(machine.own_folder()?.join("run"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_is_told_from_a_later_one_of_the_same_number() {
        let me = LockOwner {
            pid: std::process::id(),
            start_time: os::start_time(std::process::id()),
            location: None,
            project: None,
            until_eof: false,
        };
        assert!(me.start_time.is_some());
        assert!(me.is_alive());
        let other = LockOwner {
            start_time: Some(1),
            ..me
        };
        assert!(!other.is_alive());
    }
}
