//! `azup up --until-eof`: the Azurite of one test run. It belongs to the program that started it
//! and ends with it, shares nothing with any other, and prints everything a program needs in one
//! document.

use anyhow::Result;
use serde_json::{Value, json};

use crate::azurite::{self, Account, AzuriteOptions, Ready};
use crate::certificates;
use crate::commands::env;
use crate::environment::{Environment, Java};
use crate::failure::{Exit, Failure};
use crate::identity;
use crate::interrupt::Interrupt;
use crate::machine::Machine;
use crate::options::{Credential, Forward, Global};
use crate::output::Output;
use crate::supervisor::{self, Running, RunningAzurite};

/// How it ends.
const END: &str = "the end of standard input stops it";

/// How often another process's port may be hit before giving up.
const TRIES: u16 = 20;

pub(super) fn run(
    wish: &AzuriteOptions,
    java: bool,
    global: &Global,
    machine: &Machine,
    output: Output,
) -> Result<Exit> {
    if global.dry_run {
        let (wish, _claim) = supervisor::with_ports(wish, 0, machine)?;
        output.give(&azurite::preview(&wish, global, machine)?)?;
        return Ok(Exit::Done);
    }
    let interrupt = Interrupt::until_eof()?;
    certificates::require_accepted(machine, global)?;
    let (mut place, mut tries) = (0, 0);
    let (ready, served, _claim) = loop {
        let (found, claim) = supervisor::with_ports(wish, place, machine)?;
        let ready = azurite::prepare(found, global, machine, output, &interrupt)?;
        match supervisor::serve(&ready, machine, output, &interrupt) {
            Ok(served) => break (ready, served, claim),
            // Another process was faster with a port that azup chose.
            Err(_) if tries < TRIES && was_taken(wish, &ready) => {
                (place, tries) = (claim.place + 1, tries + 1);
            }
            Err(error) => return Err(error),
        }
    };
    if let Some(failure) = served.running.identity.failure() {
        return Err(failure.into());
    }
    let mut answer = served.running.answer(None, machine, END, None)?;
    if output.is_json() {
        answer.document = document(answer.document, &ready, &served, java, machine, output)?;
    }
    interrupt.check()?;
    let output = output.give_and_go_on(&answer);
    Ok(match served.until_stopped(&ready, machine, output, &interrupt) {
        Ok(()) => Exit::Done,
        Err(error) => output.failure(&error),
    })
}

/// Tests get only local tokens: what they run must not get any of the user's own.
pub(super) fn require_local(forward: Forward) -> Result<()> {
    if forward == Forward::None {
        return Ok(());
    }
    let names = forward.name();
    let what = format!("azup up --until-eof forwards no tokens of {names}: tests get local ones");
    Err(Failure::new(what).hint("azup up --until-eof").exit(Exit::Usage).into())
}

fn was_taken(wish: &AzuriteOptions, ready: &Ready) -> bool {
    wish.ports != ready.wish.ports && !ready.wish.ports.are_free()
}

/// The document with what a fixture needs besides the addresses.
fn document(
    mut document: Value,
    ready: &Ready,
    served: &RunningAzurite,
    java: bool,
    machine: &Machine,
    output: Output,
) -> Result<Value> {
    let running: &Running = &served.running;
    let account = Account::default();
    let endpoint = running.identity.endpoint.clone();
    let plan = || {
        let (header, kept) = identity::header(machine)?;
        let wish = crate::environment::EnvironmentOptions {
            ports: running.ports,
            account: account.clone(),
            host_style: false,
            kestrel: false,
            ca: ready.set.ca.clone(),
            // Without an endpoint of its own, no variable may lead to another one.
            credential: if endpoint.is_some() { Credential::Local } else { Credential::Az },
            endpoint: endpoint.clone().unwrap_or_default(),
            header,
            drawn: None,
            java: Java::of(java, None, machine),
        };
        let mut environment = Environment::plan(&wish, machine)?;
        environment.changes = [kept, environment.changes].concat();
        Ok(environment)
    };
    let environment = env::prepared(plan, false, machine, output)?;
    output.warn_all(&environment.warnings);
    document["account"] = json!(account.name());
    document["key"] = json!(account.key());
    document["connection_string"] = json!(account.connection_string(running.ports, false));
    document["ca"] = json!(ready.set.folder.join("ca.pem"));
    document["log"] = json!(supervisor::log(running, machine)?);
    document["environment"] = Value::Object(env::variables(&environment));
    Ok(document)
}
