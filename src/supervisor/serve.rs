//! Azurite from its start until it is told to stop.

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use time::OffsetDateTime;

use super::credential::Credential;
use super::instance_lock::{InstanceLock, Taken};
use super::leases::{Leases, Remaining};
use super::running::{Certificate, Running};
use super::{background, ports};
use crate::azurite::accounts::Account;
use crate::azurite::cors;
use crate::azurite::prepare::Ready;
use crate::azurite::process::{Azurite, End, Tail};
use crate::azurite::{Data, VERSION, data, probe};
use crate::certificates::CertificateSet;
use crate::client::Client;
use crate::failure::Failure;
use crate::identity;
use crate::interrupt::Interrupt;
use crate::machine::Machine;
use crate::output::Output;
use crate::workspace::marked_project;

/// How often to check for signals and for Azurite's end.
const POLL: Duration = Duration::from_millis(50);

/// A restarted Azurite that ends sooner than this is not restarted again: it would only end once
/// more.
const LASTS: Duration = Duration::from_secs(60);

/// An Azurite that is up and has passed the round trip.
#[derive(Debug)]
pub struct RunningAzurite {
    pub running: Running,
    credential: Credential,
    // In this order: the locks are released after Azurite has ended.
    azurite: Azurite,
    since: Instant,
    taken: Taken,
    /// The users for which it runs, if it ends with the last of them.
    users: Option<Leases>,
}

/// Takes the data folder, starts Azurite there, and proves that it works.
pub fn serve(
    ready: &Ready,
    machine: &Machine,
    output: Output,
    interrupt: &Interrupt,
) -> Result<RunningAzurite> {
    let wish = &ready.wish;
    let taken = InstanceLock::of(&wish.data, wish.ports, machine)?.take(&wish.data, wish.until_eof, machine)?;
    let (azurite, tls) = start(ready, &ready.set.ca.der, &taken, None, machine, interrupt)?;
    let (credential, identity) = Credential::start(wish, machine, output);
    let running = Running {
        ports: wish.ports,
        identity,
        pid: std::process::id(),
        azurite_pid: azurite.pid(),
        azurite: VERSION.to_owned(),
        node: ready.node.version.clone(),
        location: wish.data.told(),
        database: data::database(&wish.data, machine),
        project: marked_project(machine),
        accounts: names(&ready.accounts),
        passed_on: background::words(&wish.passed_on),
        https_only: wish.https_only,
        while_used: wish.while_used,
        until_eof: wish.until_eof,
        certificate: Certificate::of(&ready.set),
        tls: tls.to_owned(),
        started: OffsetDateTime::now_utc().unix_timestamp(),
        died: None,
    };
    let users = if wish.while_used {
        let users = Leases::of(wish.ports, machine)?;
        users.forget()?;
        Some(users)
    } else {
        None
    };
    taken.announce(&running)?;
    Ok(RunningAzurite {
        running,
        credential,
        azurite,
        since: Instant::now(),
        taken,
        users,
    })
}

/// An Azurite that has been proved with this CA alone, and the TLS version that it speaks; `before`
/// is why the last one ended.
fn start(
    ready: &Ready,
    ca: &[u8],
    taken: &Taken,
    before: Option<&str>,
    machine: &Machine,
    interrupt: &Interrupt,
) -> Result<(Azurite, &'static str)> {
    let wish = &ready.wish;
    ports::require_free(wish.ports, machine)?;
    interrupt.check()?;
    let client = Client::trusting(ca)?;
    let mut azurite = Azurite::start(machine, ready, taken.lock(), taken.instance().log(), before)?;
    let tls = match probe::wait_until_ready(&client, &mut azurite, wish, interrupt) {
        Ok(tls) => tls,
        Err(error) => {
            if azurite.lost_a_port() {
                ports::require_free(wish.ports, machine)?;
            }
            return Err(error);
        }
    };
    let ticket = identity::storage_token(OffsetDateTime::now_utc());
    probe::round_trip(&client, wish.ports.blob, &ticket)?;
    cors::allow(&client, wish.ports, &wish.cors)?;
    interrupt.check()?;
    Ok((azurite, tls))
}

impl RunningAzurite {
    /// The header of clients that get tokens of the user's own login: to be printed once, for the
    /// user who started this, and never to be written down.
    pub fn drawn(&self) -> Option<&str> {
        self.credential.drawn.as_deref()
    }

    /// Lets Azurite work until Ctrl-C or SIGTERM, or until no user is left, then stops it and
    /// waits.
    pub fn until_stopped(
        mut self,
        ready: &Ready,
        machine: &Machine,
        output: Output,
        interrupt: &Interrupt,
    ) -> Result<()> {
        let mut tail = Tail::of(self.taken.instance().log());
        while !interrupt.asked() {
            if output.is_verbose() {
                tail.more().iter().for_each(|line| output.detail(line));
            }
            if let Some(status) = self.azurite.ended()? {
                let death = self.azurite.death(status, &ready.wish.data);
                self.start_again(death, ready, machine, output, interrupt)?;
            }
            self.credential.keep();
            let known = &self.running.identity.forwarded;
            if let Some(all) = self.credential.handed_on_since(known) {
                self.running.identity.forwarded = all;
                self.taken.announce(&self.running)?;
            }
            match self.users.as_ref().map(Leases::left).transpose()? {
                Some(Remaining::Nobody) => break,
                Some(Remaining::Keep) => self.users = None,
                Some(Remaining::Needed) | None => {}
            }
            std::thread::sleep(POLL);
        }
        output.progress("stopping Azurite");
        self.stop()?;
        output.progress("stopped");
        Ok(())
    }

    /// Replaces an Azurite that ended by itself.
    fn start_again(
        &mut self,
        death: Failure,
        ready: &Ready,
        machine: &Machine,
        output: Output,
        interrupt: &Interrupt,
    ) -> Result<()> {
        // A test whose stored data are lost must fail, not go on with nothing.
        let is_fixture = ready.wish.until_eof;
        if is_fixture || self.running.died.is_some() && self.since.elapsed() < LASTS {
            return Err(death.into());
        }
        let lost = match &ready.wish.data {
            Data::Folder(_) => "what it stored in its last seconds may be lost",
            Data::Memory => "what it had in memory is lost",
        };
        let reason = format!("{death} ({lost})");
        output.warning(&format!("{reason}; restarting it"));
        // The set may have been renewed since it was prepared.
        let set = CertificateSet::load_unchecked(&ready.set.folder, machine.now());
        let set = set.ok().flatten();
        let ca = &set.as_ref().unwrap_or(&ready.set).ca.der;
        let (azurite, _) = start(ready, ca, &self.taken, Some(&reason), machine, interrupt)
            .context("Azurite could not be restarted")?;
        self.running.azurite_pid = azurite.pid();
        self.running.died = Some(reason);
        (self.azurite, self.since) = (azurite, Instant::now());
        self.taken.announce(&self.running)
    }

    fn stop(&mut self) -> Result<()> {
        let started = Instant::now();
        if self.azurite.stop()? == End::Killed {
            return Err(Failure::new(format!(
                "Azurite did not end within {} seconds and was killed; the latest data may be lost",
                started.elapsed().as_secs()
            ))
            .hint("azup up")
            .into());
        }
        Ok(())
    }
}

fn names(accounts: &[Account]) -> Vec<String> {
    let names = accounts.iter().map(Account::name);
    names.map(str::to_owned).collect()
}
