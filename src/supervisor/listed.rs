//! Every Azurite that azup runs for this user, whichever command started it.

use std::path::PathBuf;
use std::time::{Duration, UNIX_EPOCH};

use anyhow::Result;

use super::instance_lock::InstanceLock;
use super::running::Running;
use crate::machine::Machine;

/// How long before it is ready an Azurite may have written to its log.
const STARTING: Duration = Duration::from_secs(120);

pub fn running(machine: &Machine) -> Vec<Running> {
    let instances = InstanceLock::all(machine).unwrap_or_default();
    instances.iter().filter_map(InstanceLock::running).collect()
}

#[derive(Debug)]
pub struct Listed {
    pub running: Running,
    /// Only an Azurite in the background has a log.
    pub log: Option<PathBuf>,
}

/// Every Azurite that azup runs, the one on the usual ports first.
pub fn listed(machine: &Machine) -> Result<Vec<Listed>> {
    let instances = InstanceLock::all(machine)?.into_iter();
    let mut all: Vec<Listed> = instances
        .filter_map(|instance| {
            let running = instance.running()?;
            let log = instance.log();
            // A log that an earlier Azurite left behind is not this one's.
            let written = log.metadata().and_then(|about| about.modified()).ok();
            let begun = UNIX_EPOCH + Duration::from_secs(u64::try_from(running.started).ok()?);
            let log = written.filter(|at| *at + STARTING >= begun).map(|_| log);
            Some(Listed { running, log })
        })
        .collect();
    all.sort_by_key(|one| (one.running.ports.blob, one.running.pid));
    Ok(all)
}

/// Where the log of a running Azurite is.
pub fn log(running: &Running, machine: &Machine) -> Result<PathBuf> {
    Ok(InstanceLock::of_running(running, machine)?.log())
}
