//! Stopping what `azup up` runs, without ever sending a signal to a stranger.

use std::path::Path;
use std::time::Duration;

use anyhow::Result;
use serde::Serialize;

use super::slot::{Holder, Occupant, Slot};
use super::{Data, Ports};
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
    /// Every one that azup runs for this user.
    All,
    /// Those that were started in this project; outside of projects every one. Not those of test
    /// runs.
    Project,
    /// The one with its data in this folder.
    At(&'a Path),
}

/// What [`stop`] would stop.
pub fn would_stop(which: Which<'_>, machine: &Machine) -> Result<Vec<Stopped>> {
    let mut found = Vec::new();
    for slot in meant(which, machine)? {
        if let Occupant::Held(Some(holder)) = slot.occupant()? {
            found.push(stopped(holder));
        }
    }
    Ok(found)
}

/// Stops them, and waits until they have ended.
pub fn stop(which: Which<'_>, machine: &Machine) -> Result<Vec<Stopped>> {
    let mut all = Vec::new();
    let mut failure = None;
    for slot in meant(which, machine)? {
        match stop_one(&slot) {
            Ok(stopped) => all.extend(stopped),
            Err(error) => failure = failure.or(Some(error)),
        }
    }
    failure.map_or(Ok(all), Err)
}

fn meant(which: Which<'_>, machine: &Machine) -> Result<Vec<Slot>> {
    let mut slots = match which {
        Which::At(folder) => return Ok(vec![at(folder, machine)?]),
        Which::All | Which::Project => Slot::all(machine)?,
    };
    if matches!(which, Which::Project) {
        let project = marked_project(machine);
        // One that has ended is tidied up, whosever it was. That of a test run ends with it.
        slots.retain(|slot| match slot.occupant() {
            Ok(Occupant::Held(Some(holder))) => {
                !holder.until_eof && (project.is_none() || holder.project == project)
            }
            _ => true,
        });
    }
    Ok(slots)
}

fn at(folder: &Path, machine: &Machine) -> Result<Slot> {
    // Ports matter in memory only.
    let ports = Ports {
        blob: 0,
        queue: 0,
        table: 0,
    };
    Slot::of(&Data::Folder(machine.absolute(folder)), ports, machine)
}

fn stop_one(slot: &Slot) -> Result<Option<Stopped>> {
    let Occupant::Held(holder) = slot.occupant()? else {
        slot.tidy();
        return Ok(None);
    };
    // A held lock and the start time together: this is that azup and no other process.
    // Where it is dead, its Azurite is ending by itself.
    if let Some(holder) = &holder
        && holder.is_alive()
    {
        os::stop(holder.pid);
    }
    if !slot.wait_until_free(LIMIT)? {
        let who = holder.map_or_else(String::new, |holder| format!(" (pid {})", holder.pid));
        return Err(Failure::new(format!(
            "azup{who} did not end within {} seconds",
            LIMIT.as_secs()
        ))
        .hint("azup down --all")
        .into());
    }
    slot.tidy();
    Ok(holder.map(stopped))
}

fn stopped(holder: Holder) -> Stopped {
    Stopped {
        pid: holder.pid,
        location: holder.location,
    }
}
