//! `azup run`: one command with the variables of `azup env`, and with Azurite. Standard input,
//! output and error belong to the command; azup only prints what it must.

#[cfg_attr(windows, path = "run/child_windows.rs")]
mod child;
mod program;

use anyhow::Result;
use serde_json::json;

use crate::azurite::{self, AzuriteOptions};
use crate::certificates::{self, SetLocation, TrustAnchor};
use crate::cli::Run;
use crate::dotnet;
use crate::environment::{self, Environment};
use crate::failure::{Exit, Failure, command_line};
use crate::identity::{self, Forward, HandedOn, Login, Service};
use crate::machine::Machine;
use crate::options::{Credential, Forward as Who, Global, TokenOptions};
use crate::output::Output;
use crate::supervisor::{self, Leases};

use super::env;
use child::Signals;

/// How often to choose ports again if another process takes them before Azurite does.
const ATTEMPTS: u32 = 5;

pub(super) fn run(run: &Run, global: &Global, machine: &Machine, output: Output) -> Result<Exit> {
    if global.json && !global.dry_run {
        let what = "azup run takes no --json: standard output belongs to the command";
        let hint = format!("azup run -- {}", command_line(&run.command));
        return Err(Failure::new(what).hint(hint).exit(Exit::Usage).into());
    }
    // A mistake in its name is found before seconds have passed.
    let (program, rest) = run.command.split_first().expect("clap requires a command");
    program::require(program, rest, machine)?;
    output.warn_all(program::passed_over(program, rest, machine).as_slice());
    let tokens = run.tokens();
    require_heeded(run, &tokens)?;
    let login = Login::find(tokens.forward, &environment::before(machine))?;
    let signals = Signals::take()?;
    if !global.dry_run {
        certificates::require_accepted(machine, global)?;
        super::trust::renew_if_due(&[], global, machine, output)?;
    }
    let interrupt = &signals.interrupt;
    let (told, options) = (run.connection(), run.options());
    let mut attempt = 1;
    let (users, reached, ports) = loop {
        let mut chosen = supervisor::for_run(&told, &options, global, machine, interrupt)?;
        let ports = chosen.ports;
        let wish = AzuriteOptions::for_run(&options, ports, machine)?;
        if global.dry_run {
            return preview(run, &wish, chosen.running.is_some(), global, machine, output);
        }
        let users = Leases::join(ports, machine, interrupt)?;
        let running = chosen.running.take();
        match supervisor::connect_or_start(wish, running, chosen.own, global, machine, output, interrupt) {
            Ok(reached) => {
                chosen.settled();
                break (users, reached, ports);
            }
            Err(_) if attempt < ATTEMPTS && chosen.was_taken() => attempt += 1,
            Err(error) => return Err(error),
        }
    };
    if let Some(running) = reached
        .running
        .as_ref()
        .filter(|running| !running.while_used)
    {
        supervisor::warn_of_other_certificate(running, global, machine, output)?;
    }
    let done = with_azurite(run, login, ports, &reached, machine, output, &signals);
    if let Some(running) = reached.running.filter(|running| running.while_used) {
        users.leave(&running, machine)?;
    }
    done
}

/// `--credential az` sets nothing by which the command would ask azup for a token.
fn require_heeded(run: &Run, tokens: &TokenOptions) -> Result<()> {
    let option = if !tokens.audiences.is_empty() {
        "--audience"
    } else if matches!(tokens.forward, Some(Who::Az | Who::Azd)) {
        "--forward"
    } else {
        return Ok(());
    };
    if run.connection().credential == Credential::Local {
        return Ok(());
    }
    let what = format!("{option} has no effect with --credential az, by which the command asks az itself");
    let hint = format!("azup run --credential az -- {}", command_line(&run.command));
    Err(Failure::new(what).hint(hint).exit(Exit::Usage).into())
}

/// Runs the command beside an endpoint of its own, so that no other azup's end takes the
/// tokens away from it. The header is drawn for it alone: its children may ask for tokens of the
/// user's own login, and nobody else. The lasting one is taken beside it, for `azup env` in there.
fn with_azurite(
    run: &Run,
    login: Option<Login>,
    ports: azurite::Ports,
    reached: &supervisor::Reached,
    machine: &Machine,
    output: Output,
    signals: &Signals,
) -> Result<Exit> {
    let header = identity::ensure_header(machine)?;
    let drawn = identity::draw();
    let service = Service {
        audiences: run.tokens().audiences,
        forward: login.map(|login| Forward {
            header: drawn.clone(),
            login,
            output,
            handed_on: HandedOn::default(),
        }),
        ..Service::local(&header, machine.clock())
    };
    let drawn = service.forward.is_some().then_some(drawn);
    let listen = identity::loopback(0);
    let endpoint = identity::serve(listen, &service)
        .map_err(|error| Failure::new(format!("cannot serve tokens: {error}")))?;
    let url = identity::url(endpoint.address());
    let plan = || {
        let ca = reached.ca.clone();
        let told = run.connection();
        let (mut wish, _) =
            env::wish(&told, Some(&run.command[0]), ports, ca, url.clone(), machine)?;
        wish.drawn.clone_from(&drawn);
        Environment::plan(&wish, machine)
    };
    let environment = env::prepared(plan, false, machine, output)?;
    output.warn_all(&environment.warnings);
    warn_of_overriding(run, &environment, &reached.ca, machine, output);
    let mut command = machine.users_command(program::started(&run.command[0], machine));
    command.args(&run.command[1..]);
    environment.give_to(&mut command);
    command.envs(program::tox(&run.command, machine));
    child::run(command, signals)
}

/// Names what the command itself sets that wins over azup's variables.
fn warn_of_overriding(run: &Run, environment: &Environment, ca: &TrustAnchor, machine: &Machine, output: Output) {
    output.warn_all(&dotnet::overriding(&run.command, &environment.variables, machine));
    output.warn_all(environment::overriding_store(&run.command, ca, machine).as_slice());
}

fn preview(
    run: &Run,
    wish: &AzuriteOptions,
    is_running: bool,
    global: &Global,
    machine: &Machine,
    output: Output,
) -> Result<Exit> {
    let set = certificates::obtain(machine, &SetLocation::find(machine, global)?, &[])?.set;
    let endpoint = identity::url(identity::loopback(identity::PORT));
    let (told, _) = env::wish(&run.connection(), Some(&run.command[0]), wish.ports, set.ca, endpoint, machine)?;
    let environment = Environment::plan(&told, machine)?;
    warn_of_overriding(run, &environment, &told.ca, machine, output);
    let mut text = String::new();
    if !is_running {
        text += &azurite::preview(wish, global, machine)?.text;
    }
    for file in env::written(&environment.changes) {
        text += &format!("write {file}\n");
    }
    let line = command_line(&run.command);
    text += &format!("$ {line}\n");
    output.answer(&text)?;
    output.document(&json!({ "dry_run": true, "starts_azurite": !is_running, "command": line }))?;
    Ok(Exit::Done)
}
