//! `azup up -d`: Azurite in the background, or the one that is already running there.

use std::ffi::OsString;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use time::OffsetDateTime;

use super::instance_lock::{self, InstanceLock, LockState};
use super::running::Running;
use crate::azurite::cors;
use crate::azurite::prepare::Ready;
use crate::azurite::{ACCOUNT, AzuriteOptions, Data, probe};
use crate::background;
use crate::certificates::{self, SetLocation};
use crate::client::Client;
use crate::failure::{Exit, Failure, command_line};
use crate::identity;
use crate::interrupt::Interrupt;
use crate::machine::Machine;
use crate::options::{Global, Named};
use crate::output::Output;

/// How long the background azup may take to become ready or give up. It waits at most 15 s for a
/// lock and 60 s for Azurite itself.
const LIMIT: Duration = Duration::from_secs(120);

/// How often to check for signals.
const POLL: Duration = Duration::from_millis(50);

/// The Azurite that already runs on these data, if the caller accepts it: with `wait` (as for
/// `-d`), on the same ports, and checked again. `None` if the data are free.
pub fn already_running(
    wish: &AzuriteOptions,
    wait: bool,
    machine: &Machine,
    output: Output,
    interrupt: &Interrupt,
) -> Result<Option<Running>> {
    let instance = InstanceLock::of(&wish.data, wish.ports, machine)?;
    let until = Instant::now() + LIMIT;
    let mut told = false;
    loop {
        interrupt.check()?;
        let owner = match instance.lock_state()? {
            LockState::Nobody => return Ok(None),
            LockState::Held(owner) => owner,
        };
        let alive = owner.as_ref().is_some_and(instance_lock::LockOwner::is_alive);
        let late = Instant::now() >= until;
        match instance.running() {
            Some(mut running) if wait && running.ports == wish.ports => {
                if !told {
                    output.progress(&format!("already running (pid {})", running.pid));
                }
                let client = verify(&mut running)?;
                cors::allow(&client, running.ports, &wish.cors)?;
                require_passed_on(&running, wish)?;
                require_accounts(&running, &wish.accounts)?;
                require_tokens(&running, wish)?;
                return Ok(Some(running));
            }
            Some(_) => return Err(instance_lock::in_use(&wish.data, owner.as_ref()).into()),
            None if late || (alive && !wait) => {
                return Err(instance_lock::in_use(&wish.data, owner.as_ref()).into());
            }
            // It is starting or stopping; both take seconds.
            None => {}
        }
        if !told {
            output.progress("waiting for another azup that is starting or stopping Azurite here");
            told = true;
        }
        std::thread::sleep(POLL);
    }
}

/// Makes sure that a running Azurite has these accounts.
pub fn require_accounts(running: &Running, accounts: &[Named]) -> Result<()> {
    let missing = accounts
        .iter()
        .map(|account| account.name.as_str())
        .find(|name| *name != ACCOUNT && !running.accounts.iter().any(|other| other == name));
    match missing {
        None => Ok(()),
        Some(name) => Err(Failure::new(format!(
            "the running Azurite (pid {}) has no account {name}",
            running.pid
        ))
        .hint(format!("azup down && azup up -d --account {name}"))
        .into()),
    }
}

/// Makes sure that a running Azurite's endpoint gives the requested tokens. What the endpoint gives
/// was fixed at its start and printed only then, so it cannot be changed here.
fn require_tokens(running: &Running, wish: &AzuriteOptions) -> Result<()> {
    let missing = wish
        .audiences
        .iter()
        .find(|audience| !running.identity.audiences.contains(audience));
    let (what, option) = if let Some(audience) = missing {
        let what = format!("gives no local tokens for {audience}");
        (what, format!("--audience {audience}"))
    } else if let Some(login) = &wish.forward {
        let names = login.names();
        let what = "shows its forwarding header only once".to_owned();
        (what, format!("--forward {names}"))
    } else if let Some(port) = elsewhere(running, wish) {
        let what = format!("does not answer for tokens on port {port}");
        (what, format!("--identity-port {port}"))
    } else {
        return Ok(());
    };
    Err(Failure::new(format!("the running Azurite (pid {}) {what}", running.pid))
        .hint(format!("azup down && azup up -d {option}"))
        .into())
}

/// A port for tokens that somebody has named, where the running Azurite's endpoint has another one. Those that
/// follow from nothing, or from the port of blobs, are nobody's wish.
fn elsewhere(running: &Running, wish: &AzuriteOptions) -> Option<u16> {
    let usual = [identity::PORT, wish.ports.blob.saturating_add(3)];
    let port = wish.identity.filter(|port| !usual.contains(port))?;
    let there = running.identity.endpoint.as_ref()?;
    (*there != identity::url(identity::loopback(port))).then_some(port)
}

/// Makes sure that a running Azurite has the options of its own that are asked for.
fn require_passed_on(running: &Running, wish: &AzuriteOptions) -> Result<()> {
    if wish.https_only && !running.https_only {
        let what = format!("the running Azurite (pid {}) also serves plain HTTP", running.pid);
        return Err(Failure::new(what).hint("azup down && azup up -d --https-only").into());
    }
    let wanted = words(&wish.passed_on);
    if wanted.is_empty() || wanted == running.passed_on {
        return Ok(());
    }
    let line = command_line(&wish.passed_on);
    Err(Failure::new(format!(
        "the running Azurite (pid {}) was started without {line}",
        running.pid
    ))
    .hint(format!("azup down && azup up -d -- {line}"))
    .into())
}

/// The options as its record spells them.
pub fn words(options: &[OsString]) -> Vec<String> {
    let text = |word: &OsString| word.to_string_lossy().into_owned();
    options.iter().map(text).collect()
}

/// The same proof as at its start, with the CA that it serves now.
pub fn verify(running: &mut Running) -> Result<Client> {
    let ports = running.ports;
    let client = probe::check(ports, || {
        running.certificate.refresh(OffsetDateTime::now_utc());
        let der = CertificateDer::from_pem_slice(running.certificate.ca_pem.as_bytes())
            .context("the record of the running Azurite is damaged")?;
        Client::trusting(&der)
    })?;
    let token = identity::storage_token(OffsetDateTime::now_utc());
    probe::round_trip(&client, ports.blob, &token)?;
    Ok(client)
}

/// Warns if a running Azurite serves a certificate set other than the requested one: another
/// project's.
pub fn warn_of_other_certificate(
    running: &Running,
    global: &Global,
    machine: &Machine,
    output: Output,
) -> Result<()> {
    let place = SetLocation::find(machine, global)?;
    let set = match certificates::accepted(machine, &place, machine.now()) {
        Err(error) if Failure::exit_of(&error) == Exit::Refused => return Err(error),
        // A missing or broken set is the next start's problem.
        set => set.ok().flatten(),
    };
    if set.is_some_and(|set| set.ca.sha256() != running.certificate.ca_sha256) {
        output.warning(&format!(
            "it serves another certificate, signed by {}",
            running.certificate.ca
        ));
        output.hint("azup down && azup up -d");
    }
    Ok(())
}

/// Starts the azup that stays behind and waits until its Azurite is ready. Also returns the
/// forwarding header if there is one: it arrives through a pipe and is stored nowhere.
pub fn start(
    ready: &Ready,
    machine: &Machine,
    interrupt: &Interrupt,
) -> Result<(Running, Option<String>)> {
    let wish = &ready.wish;
    let instance = InstanceLock::of(&wish.data, wish.ports, machine)?;
    let log = instance.log();
    let arguments = arguments(wish, &ready.set.folder);
    let answer = background::leave(&arguments, &log, LIMIT, machine, interrupt)?;
    let drawn = answer["identity"]["forward"]["header"].as_str();
    instance.running()
        .map(|running| (running, drawn.map(str::to_owned)))
        .ok_or_else(|| background::silent(&log).into())
}

/// The command line of the azup that stays behind.
fn arguments(wish: &AzuriteOptions, certs: &Path) -> Vec<OsString> {
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
    for account in &wish.accounts {
        // Without the key, which has been stored already: any user can read a command line.
        arguments.push(format!("--account={}", account.name).into());
    }
    for audience in &wish.audiences {
        arguments.push(format!("--audience={audience}").into());
    }
    if let Some(login) = &wish.forward {
        arguments.push(format!("--forward={}", login.names()).into());
    }
    if wish.https_only {
        arguments.push("--https-only".into());
    }
    if wish.while_used {
        arguments.push("--while-used".into());
    }
    arguments.push(match wish.identity {
        Some(port) => format!("--identity-port={port}").into(),
        None => "--no-identity".into(),
    });
    match &wish.data {
        Data::Folder(folder) => arguments.push(joined("--location=", folder)),
        Data::Memory => arguments.push("--in-memory".into()),
    }
    arguments.push(joined("--certs=", certs));
    for origin in &wish.cors {
        arguments.push(format!("--cors={origin}").into());
    }
    if !wish.passed_on.is_empty() {
        arguments.push("--".into());
        arguments.extend(wish.passed_on.iter().cloned());
    }
    arguments
}
