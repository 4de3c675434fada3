//! Emptying a data folder: what Azurite keeps there and nothing else, while no process uses it.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Result;

use super::instance_lock::{self, InstanceLock, LockState};
use crate::azurite::planted;
use crate::azurite::{Data, Ports};
use crate::failure::{Failure, reason, shown};
use crate::machine::Machine;

/// How the names of Azurite's databases (including those being written) and of its folders begin
/// (measured, version 3.37.0).
const DATABASE: &str = "__azurite_db_";
const FOLDERS: [&str; 2] = ["__blobstorage__", "__queuestorage__"];

#[derive(Debug)]
pub struct Reset {
    /// The data folder.
    pub folder: PathBuf,
    /// The files and folders of Azurite's that are there.
    pub found: Vec<PathBuf>,
}

impl Reset {
    /// Looks at the named folder, else at this project's.
    pub fn observe(location: Option<&Path>, machine: &Machine) -> Result<Self> {
        let Data::Folder(folder) = Data::new(location, false, machine)? else {
            return Err(Failure::new("data in memory is gone when Azurite stops").into());
        };
        planted::refuse_link(&folder, machine)?;
        let data = Data::Folder(folder.clone());
        let instance = InstanceLock::of(&data, Ports::USUAL, machine)?;
        if let LockState::Held(owner) = instance.lock_state()? {
            return Err(instance_lock::in_use(&data, owner.as_ref()).into());
        }
        let found = found(&folder)?;
        Ok(Self { folder, found })
    }
}

/// Empties the folder, unless an Azurite has begun to use it since.
pub fn reset(planned: &Reset, machine: &Machine) -> Result<()> {
    let data = Data::Folder(planned.folder.clone());
    let _taken = InstanceLock::of(&data, Ports::USUAL, machine)?.take(&data, false, machine)?;
    for path in found(&planned.folder)? {
        // A link is removed; its target stays.
        let is_folder = path.symlink_metadata().is_ok_and(|about| about.is_dir());
        let done = if is_folder { fs::remove_dir_all(&path) } else { fs::remove_file(&path) };
        done.map_err(|error| {
            Failure::new(format!("cannot delete {}: {}", shown(&path), reason(&error)))
        })?;
    }
    Ok(())
}

fn found(folder: &Path) -> Result<Vec<PathBuf>> {
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => {
            let what = format!("cannot read {}: {}", shown(folder), reason(&error));
            return Err(Failure::new(what).into());
        }
    };
    let is_azurites = |path: &PathBuf| {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        name.starts_with(DATABASE) || FOLDERS.contains(&name.as_ref())
    };
    let all = entries.flatten().map(|entry| entry.path());
    let mut found: Vec<PathBuf> = all.filter(is_azurites).collect();
    found.sort();
    Ok(found)
}
