//! Azurite for `azup run`: the one that already answers, whoever started it, else one that runs for
//! as long as it is in use.

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;

use super::instance_lock::{InstanceLock, LockState};
use super::running::Running;
use super::{background, listed, ports};
use crate::azurite::probe::{self, Seen};
use crate::azurite::{AzuriteOptions, Ports, data, prepare};
use crate::certificates::{self, SetLocation, TrustAnchor};
use crate::client::Client;
use crate::failure::shown;
use crate::interrupt::Interrupt;
use crate::machine::Machine;
use crate::options::{ConnectionOptions, Global};
use crate::output::Output;
use crate::workspace::marked_project;

/// How long an Azurite that azup did not start may take from its first port to its last.
const STARTING: Duration = Duration::from_secs(10);

/// How often to try it.
const POLL: Duration = Duration::from_millis(100);

/// An Azurite that answers, checked with its CA alone.
#[derive(Debug)]
pub struct Reached {
    /// Its CA.
    pub ca: TrustAnchor,
    /// What is known about it, if azup runs it.
    pub running: Option<Running>,
}

/// The azup-run Azurite on the named ports, and its ports; if none runs, the ports on which one
/// would. This project's comes before any other; of several, the one on the usual ports, else the
/// youngest.
pub fn find_running(told: &ConnectionOptions, machine: &Machine) -> Result<(Ports, Option<Running>)> {
    let project = marked_project(machine);
    let usual = data::usual(machine)?.to_string_lossy().into_owned();
    let running = listed::running(machine)
        .into_iter()
        .filter(|running| Ports::named(told, running.ports) == running.ports)
        // The Azurite of an `azup run` with data of its own, or of a test run, is private to it.
        .filter(|running| {
            let named = told.blob_port.is_some();
            named || running.is_shared() || running.location.as_deref() == Some(&*usual)
        })
        .max_by_key(|running| {
            let is_ours = running.project == project;
            (is_ours, running.ports == Ports::USUAL, running.started)
        });
    let ports = running.as_ref().map_or(Ports::named(told, Ports::USUAL), |found| found.ports);
    ports.check(None)?;
    Ok((ports, running))
}

/// Warns if an Azurite belongs to another project, whose data it would use.
pub fn warn_of_other_project(running: &Running, machine: &Machine, output: Output) {
    let Some(theirs) = &running.project else {
        return;
    };
    if marked_project(machine).is_none_or(|project| project == *theirs) {
        return;
    }
    output.warning(&format!(
        "the Azurite on port {} belongs to {}, and so does its data",
        running.ports.blob,
        shown(theirs)
    ));
    output.hint(&format!("azup up -d --port {}", ports::others(running.ports.blob)));
}

/// The CA of a running Azurite if it differs from `now`: that of another project's certificates.
pub fn ca_of(
    running: Option<&Running>,
    now: TrustAnchor,
    place: &SetLocation,
    machine: &Machine,
) -> Result<TrustAnchor> {
    match running {
        Some(running) if running.certificate.ca_sha256 != now.sha256() => {
            let ca = CertificateDer::from_pem_slice(running.certificate.ca_pem.as_bytes())
                .ok()
                .and_then(|der| TrustAnchor::from_der(&der))
                .context("the record of the running Azurite is damaged")?;
            certificates::check_running(machine, place, &ca)?;
            Ok(ca)
        }
        _ => Ok(now),
    }
}

/// Finds the Azurite that `wish` describes, or starts it. `own` excludes any that azup does not
/// run. The caller has already joined the [`super::Leases`].
pub fn connect_or_start(
    wish: AzuriteOptions,
    running: Option<Running>,
    own: bool,
    global: &Global,
    machine: &Machine,
    output: Output,
    interrupt: &Interrupt,
) -> Result<Reached> {
    let place = SetLocation::find(machine, global)?;
    let set = certificates::obtain(machine, &place, &[])?.set;
    if let Some(mut running) =
        running.filter(|running| is_there(running, machine).unwrap_or(false))
    {
        background::verify(&mut running)?;
        background::require_accounts(&running, &wish.accounts)?;
        return reached(running, set.ca, &place, machine);
    }
    let quiet = output.silent();
    if let Some(running) = background::already_running(&wish, true, machine, quiet, interrupt)? {
        return reached(running, set.ca, &place, machine);
    }
    let mut ca = set.ca.clone();
    let client = || {
        ca = certificates::obtain(machine, &place, &[])?.set.ca;
        Client::trusting(&ca.der)
    };
    if !own && answers(client, wish.ports, interrupt)? {
        return Ok(Reached { ca, running: None });
    }
    output.progress("starting Azurite");
    let ready = prepare(wish, global, machine, output, interrupt)?;
    let started = background::start(&ready, machine, interrupt).map(|(running, _)| running);
    let running = started.or_else(|error| {
        // Another azup may have started the same a moment earlier.
        background::already_running(&ready.wish, true, machine, quiet, interrupt)
            .ok()
            .flatten()
            .ok_or(error)
    })?;
    reached(running, ready.set.ca, &place, machine)
}

fn reached(
    running: Running,
    now: TrustAnchor,
    place: &SetLocation,
    machine: &Machine,
) -> Result<Reached> {
    Ok(Reached {
        ca: ca_of(Some(&running), now, place, machine)?,
        running: Some(running),
    })
}

/// Whether an Azurite with this CA answers that azup does not run: a container's, or another
/// user's. Waits for one that is about to answer.
fn answers(
    mut client: impl FnMut() -> Result<Client>,
    ports: Ports,
    interrupt: &Interrupt,
) -> Result<bool> {
    let until = Instant::now() + STARTING;
    loop {
        interrupt.check()?;
        match probe::look(ports, &mut client)? {
            Seen::Azurite => return Ok(true),
            Seen::Nobody => return Ok(false),
            Seen::Partly(_) if Instant::now() < until => {}
            Seen::Partly(failure) => return Err(failure.into()),
        }
        std::thread::sleep(POLL);
    }
}

/// Whether the recorded Azurite is still running or stopping.
pub fn is_there(running: &Running, machine: &Machine) -> Result<bool> {
    let instance = InstanceLock::of_running(running, machine)?;
    Ok(matches!(instance.lock_state()?, LockState::Held(_)))
}
