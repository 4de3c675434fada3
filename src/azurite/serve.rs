//! Azurite from its start until somebody wants it to end.

use std::time::{Duration, Instant};

use anyhow::Result;
use time::OffsetDateTime;

use super::answer::{Certificate, Running};
use super::client::Client;
use super::interrupt::Interrupt;
use super::prepare::Ready;
use super::process::{Azurite, End, Tail};
use super::slot::{self, Slot, Taken};
use super::{Data, VERSION, ports, probe};
use crate::certificates::moment;
use crate::failure::Failure;
use crate::identity;
use crate::machine::Machine;
use crate::output::Output;

/// How often signals and Azurite's end are looked for.
const POLL: Duration = Duration::from_millis(50);

/// An Azurite that is up and proved.
#[derive(Debug)]
pub struct Served {
    /// What there is to tell about it.
    pub running: Running,
    data: Data,
    // In this order: the lock is given back after Azurite has ended.
    azurite: Azurite,
    taken: Taken,
}

/// Takes the data folder, starts Azurite there, and proves that it works.
///
/// # Errors
/// Where the data or a port is in use, or Azurite does not become what it should be. It
/// is stopped again then.
pub fn serve(ready: &Ready, machine: &Machine, interrupt: &Interrupt) -> Result<Served> {
    let wish = &ready.wish;
    let taken = Slot::of(&wish.data, wish.ports, machine)?.take(&wish.data)?;
    ports::require_free(wish.ports, machine)?;
    interrupt.check()?;
    let client = Client::trusting(&ready.set.ca.der)?;
    let mut azurite = Azurite::start(machine, &ready.command(), &taken)?;
    let tls = probe::wait_until_ready(
        &client,
        &mut azurite,
        wish.ports,
        &wish.data,
        machine,
        interrupt,
    )?;
    let ticket = identity::storage_token(OffsetDateTime::now_utc());
    probe::round_trip(&client, wish.ports.blob, &ticket)?;
    interrupt.check()?;
    let running = Running {
        ports: wish.ports,
        pid: std::process::id(),
        azurite_pid: azurite.pid(),
        azurite: VERSION.to_owned(),
        node: ready.node.version.clone(),
        location: slot::location(&wish.data),
        certificate: Certificate {
            ca: ready.set.ca.label.clone(),
            ca_sha256: ready.set.ca.sha256(),
            ca_pem: ready.set.ca.pem.clone(),
            not_after: moment(ready.set.not_after),
        },
        tls: tls.to_owned(),
        started: OffsetDateTime::now_utc().unix_timestamp(),
    };
    taken.announce(&running)?;
    Ok(Served {
        running,
        data: wish.data.clone(),
        azurite,
        taken,
    })
}

impl Served {
    /// Lets Azurite work until Ctrl-C or SIGTERM, then stops it and waits.
    ///
    /// # Errors
    /// Where Azurite ends by itself.
    pub fn until_stopped(mut self, output: Output, interrupt: &Interrupt) -> Result<()> {
        let mut tail = Tail::of(&self.taken);
        while !interrupt.asked() {
            if output.is_verbose() {
                tail.more().iter().for_each(|line| output.detail(line));
            }
            if let Some(status) = self.azurite.ended()? {
                return Err(self.azurite.death(status, &self.data).into());
            }
            std::thread::sleep(POLL);
        }
        output.progress("stopping Azurite");
        let started = Instant::now();
        if self.azurite.stop()? == End::Killed {
            return Err(Failure::new(format!(
                "Azurite did not end within {} seconds and was killed; what was stored last may be lost",
                started.elapsed().as_secs()
            ))
            .hint("azup up")
            .into());
        }
        output.progress("stopped");
        Ok(())
    }
}
