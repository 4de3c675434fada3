//! `azup up -d`: the same azup once more, which stays behind while this one tells that
//! Azurite is ready and ends.

use std::ffi::OsString;
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Child, Stdio};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use rustix::process::{Signal, kill_process};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use serde_json::Value;

use super::answer::Running;
use super::client::Client;
use super::interrupt::Interrupt;
use super::prepare::Ready;
use super::slot::{self, Occupant, Slot};
use super::{Data, Wish, probe, process};
use crate::certificates::{CertificateSet, Place};
use crate::cli::Global;
use crate::failure::{Exit, Failure, command_line, reason, shown};
use crate::identity;
use crate::machine::Machine;
use crate::output::Output;

/// How long the one in the background may take until it is ready or gives up. It waits
/// at most 15 s for a lock and 60 s for Azurite itself.
const LIMIT: Duration = Duration::from_secs(120);

/// How often signals are looked for.
const POLL: Duration = Duration::from_millis(50);

/// The Azurite that already runs on these data, where that is what is asked for: with
/// `wait` (as for `-d`), on the same ports, and checked anew. `None`: nobody has them.
///
/// # Errors
/// Where the data are in use otherwise, or what runs there is not what it should be.
pub fn already_running(
    wish: &Wish,
    wait: bool,
    machine: &Machine,
    output: Output,
    interrupt: &Interrupt,
) -> Result<Option<Running>> {
    let slot = Slot::of(&wish.data, wish.ports, machine)?;
    let until = Instant::now() + LIMIT;
    let mut told = false;
    loop {
        interrupt.check()?;
        let holder = match slot.occupant()? {
            Occupant::Nobody => return Ok(None),
            Occupant::Held(holder) => holder,
        };
        let alive = holder.as_ref().is_some_and(slot::Holder::is_alive);
        let late = Instant::now() >= until;
        match slot.running() {
            Some(running) if wait && running.ports == wish.ports => {
                verify(&running, output)?;
                return Ok(Some(running));
            }
            Some(_) => return Err(slot::in_use(&wish.data, holder.as_ref()).into()),
            None if late || (alive && !wait) => {
                return Err(slot::in_use(&wish.data, holder.as_ref()).into());
            }
            // It is starting or ending; both take seconds.
            None => {}
        }
        if !told {
            output.progress("waiting for another azup that is starting or stopping Azurite here");
            told = true;
        }
        std::thread::sleep(POLL);
    }
}

/// The same proof as at its start, with the CA that it was started with.
fn verify(running: &Running, output: Output) -> Result<()> {
    output.progress(&format!("already running (pid {})", running.pid));
    let der = CertificateDer::from_pem_slice(running.certificate.ca_pem.as_bytes())
        .context("the record of the running Azurite is damaged")?;
    let client = Client::trusting(&der)?;
    probe::check(&client, running.ports)?;
    let token = identity::storage_token(time::OffsetDateTime::now_utc());
    probe::round_trip(&client, running.ports.blob, &token)
}

/// Azurite reads its certificate once (measured), so one that was renewed since is not
/// the one that it serves. The old one goes on working for as long as its CA is trusted.
///
/// # Errors
/// Where the user has no home folder.
pub fn warn_of_renewal(
    running: &Running,
    global: &Global,
    machine: &Machine,
    output: Output,
) -> Result<()> {
    let place = Place::find(machine, global)?;
    // A set that is missing or broken is the next start's problem.
    let set = CertificateSet::load(place.folder(), machine.now())
        .ok()
        .flatten();
    if set.is_some_and(|set| set.ca.sha256() != running.certificate.ca_sha256) {
        output.warning(&format!(
            "it serves the certificate of before the renewal, signed by {}",
            running.certificate.ca
        ));
        output.hint("azup down && azup up -d");
    }
    Ok(())
}

/// Starts the azup that stays behind, and waits until its Azurite is ready.
///
/// # Errors
/// Its own failure where it gives up.
pub fn start(ready: &Ready, machine: &Machine, interrupt: &Interrupt) -> Result<Running> {
    let wish = &ready.wish;
    let slot = Slot::of(&wish.data, wish.ports, machine)?;
    let log = slot.log();
    let mut child = machine
        .command(machine.azup()?)
        .args(arguments(wish, &ready.set.folder))
        .stdin(Stdio::null())
        // Read until it has answered, once.
        .stdout(Stdio::piped())
        .stderr(process::open_log(&log)?)
        .process_group(0)
        .spawn()
        .map_err(|error| Failure::new(format!("cannot start azup itself: {}", reason(&error))))?;
    let answer = wait_for_answer(&mut child, &log, interrupt);
    if answer.is_err() {
        // It may still be waiting for Azurite.
        if let Some(pid) = slot::process(child.id()) {
            let _ = kill_process(pid, Signal::TERM);
        }
        child.wait()?;
    }
    let answer = answer?;
    if let Some(error) = answer.get("error") {
        return Err(repeated(error).into());
    }
    slot.running().ok_or_else(|| silent(&log).into())
}

/// The command line of the one that stays behind.
fn arguments(wish: &Wish, certs: &Path) -> Vec<OsString> {
    let mut arguments: Vec<OsString> = ["up", "--detached-child", "--json"]
        .map(OsString::from)
        .to_vec();
    for (service, port) in wish.ports.services() {
        arguments.push(format!("--{}-port={port}", service.name()).into());
    }
    let joined = |option: &str, path: &Path| {
        let mut word = OsString::from(option);
        word.push(path);
        word
    };
    match &wish.data {
        Data::Folder(folder) => arguments.push(joined("--location=", folder)),
        Data::Memory => arguments.push("--in-memory".into()),
    }
    arguments.push(joined("--certs=", certs));
    arguments
}

/// The one document that it prints.
fn wait_for_answer(child: &mut Child, log: &Path, interrupt: &Interrupt) -> Result<Value> {
    let stdout = child.stdout.take().context("azup's standard output")?;
    let (sender, receiver) = mpsc::channel();
    std::thread::spawn(move || {
        let first = serde_json::Deserializer::from_reader(stdout)
            .into_iter()
            .next();
        // Nobody listens any more after an interruption.
        let _ = sender.send(first);
    });
    let until = Instant::now() + LIMIT;
    loop {
        interrupt.check()?;
        match receiver.recv_timeout(POLL) {
            Ok(Some(Ok(document))) => return Ok(document),
            Err(RecvTimeoutError::Timeout) if Instant::now() < until => {}
            Ok(_) | Err(_) => return Err(silent(log).into()),
        }
    }
}

fn silent(log: &Path) -> Failure {
    Failure::new(format!(
        "azup ended in the background without a word; what it had to say is in {}",
        shown(log)
    ))
    .hint(command_line(["cat".as_ref(), log.as_os_str()]))
}

/// The failure of the one in the background as this one's own.
fn repeated(error: &Value) -> Failure {
    let failure = Failure::new(error["message"].as_str().unwrap_or("unknown"));
    let failure = match error["hint"].as_str() {
        Some(hint) => failure.hint(hint),
        None => failure,
    };
    match error["exit"].as_u64() {
        Some(130) => failure.exit(Exit::Interrupted),
        _ => failure,
    }
}
