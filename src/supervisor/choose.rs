//! Which Azurite `azup run` works with: this project's if it is running, else one that it starts
//! itself, on the usual ports or, if those are taken, on free ones. `--in-memory` and `--location`
//! always mean an Azurite of its own.

use std::net::TcpListener;
use std::path::Path;
use std::time::Duration;

use anyhow::Result;

use super::instance_lock::{self, InstanceLock};
use super::listed;
use super::running::Running;
use crate::azurite::probe::{self, Seen};
use crate::azurite::{ADDRESS, Data, Ports};
use crate::certificates::{self, SetLocation};
use crate::client::Client;
use crate::failure::Failure;
use crate::interrupt::Interrupt;
use crate::machine::Machine;
use crate::options::{ConnectionOptions, Global, RunOptions};
use crate::os::LockFile;
use crate::workspace::marked_project;

/// How often to recheck another azup's claim.
const POLL: Duration = Duration::from_millis(20);

/// How many times to look for free ports before giving up.
const TRIES: usize = 50;

/// How long a program on the usual ports may take to say that it is Azurite: whatever takes
/// connections and says nothing is passed over.
const LOOKING: Duration = Duration::from_secs(1);

/// What was chosen.
#[derive(Debug)]
pub struct Choice {
    pub ports: Ports,
    /// The azup-run Azurite that is already there.
    pub running: Option<Running>,
    /// Whether only an Azurite with exactly these data will do.
    pub own: bool,
    /// Whether the ports were chosen only because they were free.
    drawn: bool,
    /// Keep another `azup run` from choosing the same ports until Azurite is ready.
    claims: Vec<LockFile>,
}

impl Choice {
    /// Azurite is ready: its own locks take over from the claims.
    pub fn settled(&mut self) {
        self.claims.clear();
    }

    /// Whether the ports have since been taken by an azup that does not see this user's claims:
    /// another user's, or this user's with a different home.
    pub fn was_taken(&self) -> bool {
        self.drawn && !self.ports.are_free()
    }
}

/// Chooses, and waits while another azup starts an Azurite for the same data.
pub fn for_run(
    told: &ConnectionOptions,
    options: &RunOptions,
    global: &Global,
    machine: &Machine,
    interrupt: &Interrupt,
) -> Result<Choice> {
    let data = Data::new(options.location.as_deref(), options.in_memory, machine)?;
    let own = options.in_memory || options.location.is_some();
    let names_ports = [told.blob_port, told.queue_port, told.table_port];
    let names_ports = names_ports.iter().any(Option::is_some);
    let choice = |ports, running, claims| Choice {
        ports,
        running,
        own,
        drawn: false,
        claims,
    };
    let mut claims = Vec::new();
    if let Some(running) = fitting(told, own, &data, names_ports, machine)? {
        return Ok(choice(running.ports, Some(running), claims));
    }
    // A dry run starts nothing, so there is nothing to wait for.
    if global.dry_run {
        return Ok(choice(Ports::named(told, Ports::USUAL), None, claims));
    }
    if let Data::Folder(folder) = &data {
        claims.push(claim_folder(folder, machine, interrupt)?);
        if let Some(running) = fitting(told, own, &data, names_ports, machine)? {
            return Ok(choice(running.ports, Some(running), Vec::new()));
        }
    }
    if names_ports || (!own && answers(global, machine)?) {
        let ports = Ports::named(told, Ports::USUAL);
        ports.check(None)?;
        return Ok(choice(ports, None, claims));
    }
    let (ports, claim) = free(machine)?;
    claims.push(claim);
    Ok(Choice { drawn: true, ..choice(ports, None, claims) })
}

/// The azup-run Azurite for `azup run` to use: the one on the usual ports if there are several,
/// else the youngest.
fn fitting(
    told: &ConnectionOptions,
    own: bool,
    data: &Data,
    names_ports: bool,
    machine: &Machine,
) -> Result<Option<Running>> {
    let all = listed::running(machine);
    let on_named = |running: &&Running| Ports::named(told, running.ports) == running.ports;
    if names_ports && let Some(running) = all.iter().find(on_named) {
        // A caller that names the ports means the Azurite there, whoever owns it.
        if !own || same(running, data) {
            return Ok(Some(running.clone()));
        }
        let where_to = running.location.as_deref().unwrap_or("memory");
        return Err(Failure::new(format!(
            "the Azurite on port {} keeps its data in {where_to}",
            running.ports.blob
        ))
        .hint(running.down(machine))
        .into());
    }
    let project = marked_project(machine);
    let found = all
        .into_iter()
        .filter(|running| Ports::named(told, running.ports) == running.ports)
        .filter(|running| match data {
            Data::Memory => false,
            Data::Folder(_) if own => same(running, data),
            Data::Folder(_) => {
                let is_ours = running.project == project;
                same(running, data) || (is_ours && running.is_shared())
            }
        })
        .max_by_key(|running| (running.ports == Ports::USUAL, running.started));
    Ok(found)
}

fn same(running: &Running, data: &Data) -> bool {
    match (&running.location, data) {
        (None, Data::Memory) => true,
        (Some(theirs), Data::Folder(folder)) => {
            let real = folder.canonicalize();
            Path::new(theirs) == real.as_deref().unwrap_or(folder)
        }
        _ => false,
    }
}

/// Whether an Azurite that azup did not start answers on the usual ports and is trusted: a dev
/// container's or another user's.
fn answers(global: &Global, machine: &Machine) -> Result<bool> {
    let all = listed::running(machine);
    if all.iter().any(|running| running.ports.overlap(Ports::USUAL)) {
        return Ok(false);
    }
    let place = SetLocation::find(machine, global)?;
    let client = || {
        let set = certificates::obtain(machine, &place, &[])?.set;
        Ok(Client::trusting(&set.ca.der)?.within(LOOKING))
    };
    Ok(matches!(
        probe::look(Ports::USUAL, client),
        Ok(Seen::Azurite | Seen::Partly(_))
    ))
}

/// The usual ports if they are free, else three others.
fn free(machine: &Machine) -> Result<(Ports, LockFile)> {
    if Ports::USUAL.are_free()
        && let Some(claim) = instance_lock::claim(Ports::USUAL.blob, machine)?
    {
        return Ok((Ports::USUAL, claim));
    }
    for _ in 0..TRIES {
        let bind = || TcpListener::bind((ADDRESS, 0));
        // All three are held at once, so that they differ.
        let (Ok(blob), Ok(queue), Ok(table)) = (bind(), bind(), bind()) else {
            continue;
        };
        let port = |listener: &TcpListener| Ok::<u16, std::io::Error>(listener.local_addr()?.port());
        let ports = Ports {
            blob: port(&blob)?,
            queue: port(&queue)?,
            table: port(&table)?,
        };
        if let Some(claim) = instance_lock::claim(ports.blob, machine)? {
            return Ok((ports, claim));
        }
    }
    let what = format!("cannot find three free ports on {ADDRESS} for Azurite");
    Err(Failure::new(what).hint("azup status").into())
}

/// Waits while another `azup run` starts Azurite in this folder.
fn claim_folder(folder: &Path, machine: &Machine, interrupt: &Interrupt) -> Result<LockFile> {
    let instance = InstanceLock::of(&Data::Folder(folder.to_owned()), Ports::USUAL, machine)?;
    let (path, lock) = instance_lock::lock_file(&format!("{}.claim", instance.name()), machine)?;
    loop {
        interrupt.check()?;
        match lock.try_alone() {
            Ok(true) => return Ok(lock),
            Ok(false) => std::thread::sleep(POLL),
            Err(error) => return Err(instance_lock::not_locked(&path, &error).into()),
        }
    }
}
