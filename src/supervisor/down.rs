//! Stopping what `azup up` runs, without ever signalling an unrelated process.

use std::path::Path;
use std::time::Duration;

use anyhow::Result;
use serde::Serialize;

use super::instance_lock::{InstanceLock, LockOwner, LockState};
use crate::azurite::{Data, Ports};
use crate::failure::Failure;
use crate::machine::Machine;
use crate::os;
use crate::workspace::marked_project;

/// How long azup and its Azurite may take to end: azup itself gives Azurite 10 s.
const LIMIT: Duration = Duration::from_secs(15);

/// An Azurite that was stopped.
#[derive(Clone, Debug, Serialize)]
pub struct Stopped {
    /// The azup that ran it.
    pub pid: u32,
    /// Its data folder; none in memory.
    pub location: Option<String>,
}

/// Which Azurites are meant.
#[derive(Clone, Copy, Debug)]
pub enum Which<'a> {
    /// Every Azurite that azup runs for this user.
    All,
    /// Those that were started in this project; outside projects, every one. Not those of test
    /// runs.
    Project,
    /// The one with its data in this folder.
    At(&'a Path),
}

pub fn would_stop(which: Which<'_>, machine: &Machine) -> Result<Vec<Stopped>> {
    let mut found = Vec::new();
    for instance in meant(which, machine)? {
        if let LockState::Held(Some(owner)) = instance.lock_state()? {
            found.push(stopped(owner));
        }
    }
    Ok(found)
}

/// Stops them, and waits until they have ended.
pub fn stop(which: Which<'_>, machine: &Machine) -> Result<Vec<Stopped>> {
    let mut all = Vec::new();
    let mut failure = None;
    for instance in meant(which, machine)? {
        match stop_one(&instance) {
            Ok(stopped) => all.extend(stopped),
            Err(error) => failure = failure.or(Some(error)),
        }
    }
    failure.map_or(Ok(all), Err)
}

fn meant(which: Which<'_>, machine: &Machine) -> Result<Vec<InstanceLock>> {
    let mut instances = match which {
        Which::At(folder) => return Ok(vec![at(folder, machine)?]),
        Which::All | Which::Project => InstanceLock::all(machine)?,
    };
    if matches!(which, Which::Project) {
        let project = marked_project(machine);
        // One that has ended is tidied up, whichever project it belonged to. A test run's ends with
        // the run.
        instances.retain(|instance| match instance.lock_state() {
            Ok(LockState::Held(Some(owner))) => {
                !owner.until_eof && (project.is_none() || owner.project == project)
            }
            _ => true,
        });
    }
    Ok(instances)
}

fn at(folder: &Path, machine: &Machine) -> Result<InstanceLock> {
    // Ports matter only for an Azurite in memory.
    let ports = Ports {
        blob: 0,
        queue: 0,
        table: 0,
    };
    InstanceLock::of(&Data::Folder(machine.absolute(folder)), ports, machine)
}

fn stop_one(instance: &InstanceLock) -> Result<Option<Stopped>> {
    let LockState::Held(owner) = instance.lock_state()? else {
        instance.tidy();
        return Ok(None);
    };
    // A held lock and the start time together identify this azup and no other process. If azup is
    // dead, its Azurite is already ending.
    if let Some(owner) = &owner
        && owner.is_alive()
    {
        os::stop(owner.pid);
    }
    if !instance.wait_until_free(LIMIT)? {
        let who = owner.map_or_else(String::new, |owner| format!(" (pid {})", owner.pid));
        return Err(Failure::new(format!(
            "azup{who} did not end within {} seconds",
            LIMIT.as_secs()
        ))
        .hint("azup down --all")
        .into());
    }
    instance.tidy();
    Ok(owner.map(stopped))
}

fn stopped(owner: LockOwner) -> Stopped {
    Stopped {
        pid: owner.pid,
        location: owner.location,
    }
}
