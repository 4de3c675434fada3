//! `azup up`

mod fixture;

use anyhow::Result;

use crate::azurite::{self, AzuriteOptions};
use crate::certificates;
use crate::environment;
use crate::failure::Exit;
use crate::identity::Login;
use crate::interrupt::Interrupt;
use crate::machine::Machine;
use crate::options::{Forward, Global};
use crate::output::Output;
use crate::project::language::Seen;
use crate::supervisor::{self, Code, Leases, Running};

/// How each mode ends.
const CTRL_C: &str = "Ctrl-C stops it";
const DOWN: &str = "azup down stops it";

/// The language of the project's code.
fn code(machine: &Machine) -> Option<Code> {
    let folder = machine.project()?;
    let leading = Seen::look(&folder).leading().map(|part| Code::Of(part.language));
    leading.or_else(|| folder.join("Cargo.toml").is_file().then_some(Code::Rust))
}

pub(super) fn run(
    up: &crate::cli::Up,
    global: &Global,
    machine: &Machine,
    output: Output,
) -> Result<Exit> {
    let options = up.options();
    let forward = options.tokens.forward.unwrap_or(Forward::None);
    if up.until_eof {
        fixture::require_local(forward)?;
    }
    let forward = Login::find(Some(forward), &environment::before(machine))?;
    let wish = AzuriteOptions::new(&options, forward, machine)?;
    if up.until_eof {
        return fixture::run(&wish, up.java, global, machine, output);
    }
    if global.dry_run {
        output.give(&azurite::preview(&wish, global, machine)?)?;
        return Ok(Exit::Done);
    }
    certificates::require_accepted(machine, global)?;
    if !up.detached_child {
        super::trust::renew_if_due(&options.sans, global, machine, output)?;
    }
    let interrupt = Interrupt::listen(up.detached_child)?;
    // While azup is one of its users, an Azurite of `azup run` does not end.
    let users = if up.detach {
        Some(Leases::join(wish.ports, machine, &interrupt)?)
    } else {
        None
    };
    let keep = |running: &Running| match &users {
        Some(users) if running.while_used => users.keep(),
        _ => Ok(()),
    };
    if !up.detached_child
        && let Some(running) =
            supervisor::already_running(&wish, up.detach, machine, output, &interrupt)?
    {
        keep(&running)?;
        supervisor::warn_of_other_certificate(&running, global, machine, output)?;
        running.identity.warn(wish.identity.is_some(), output);
        output.give(&running.answer(code(machine), machine, DOWN, None)?)?;
        return Ok(Exit::Done);
    }
    let ready = azurite::prepare(wish, global, machine, output, &interrupt)?;
    if up.detach {
        let started = supervisor::start_in_background(&ready, machine, &interrupt);
        let (running, drawn) = started.or_else(|error| {
            // Another azup may have started the same a moment earlier.
            supervisor::already_running(&ready.wish, true, machine, output, &interrupt)
                .ok()
                .flatten()
                .map(|running| (running, None))
                .ok_or(error)
        })?;
        keep(&running)?;
        running.identity.warn(ready.wish.identity.is_some(), output);
        output.give(&running.answer(code(machine), machine, DOWN, drawn.as_deref())?)?;
        return Ok(Exit::Done);
    }
    let served = supervisor::serve(&ready, machine, output, &interrupt)?;
    if !up.detached_child {
        // The foreground azup reports it.
        served.running.identity.warn(false, output);
    }
    let answer = served.running.answer(code(machine), machine, CTRL_C, served.drawn())?;
    let output = output.give_and_go_on(&answer);
    Ok(
        match served.until_stopped(&ready, machine, output, &interrupt) {
            Ok(()) => Exit::Done,
            Err(error) => output.failure(&error),
        },
    )
}
