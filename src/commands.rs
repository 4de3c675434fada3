//! One file per command, each with the same steps: observe, plan, show, apply, report.

mod completions;
mod doctor;
mod down;
mod env;
mod identity;
mod init;
mod logs;
mod man;
mod project_files;
mod remove;
mod renew;
mod reset;
mod restart;
mod run;
mod status;
mod token;
mod trust;
mod untrust;
mod up;
mod upgrade;
mod version;

use anyhow::Result;

use crate::cli::Command;
use crate::failure::Exit;
use crate::machine::Machine;
use crate::options::Global;
use crate::output::Output;

/// Runs the command and prints its answer.
pub fn run(
    command: &Command,
    global: &Global,
    machine: &Machine,
    output: Output,
) -> Result<Exit> {
    if let Some(user) = machine.sudo_user() {
        output.warning(&format!(
            "started with sudo, azup works in the home of {user}; run it without sudo: azup asks \
             for administrator's rights only where it needs them"
        ));
    }
    upgrade::run(command, global, machine, output)?;
    let answer = match command {
        Command::Init(init) => init::run(init, global, machine, output)?,
        Command::Remove(remove) => remove::run(remove, global, machine, output)?,
        Command::Up(up) => return up::run(up, global, machine, output),
        Command::Restart(restart) => return restart::run(restart, global, machine, output),
        Command::Down(down) => down::run(down, global, machine, output)?,
        Command::Status(_) => status::run(global, machine)?,
        Command::Reset(options) => reset::run(options, global, machine, output)?,
        Command::Logs(logs) => return logs::run(logs, global, machine, output),
        Command::Trust(trust) => trust::run(trust, global, machine, output)?,
        Command::Untrust(untrust) => untrust::run(untrust, global, machine, output)?,
        Command::Renew(renew) => renew::run(renew, global, machine, output)?,
        Command::Identity(options) => {
            return identity::run(options, global.dry_run, machine, output);
        }
        Command::Run(run) => return run::run(run, global, machine, output),
        Command::Env(env) => return env::run(env, global, machine, output),
        Command::Doctor(doctor) => doctor::run(doctor, global, machine, output)?,
        Command::Token(token) => return token::run(token, machine, output),
        Command::Completions(completions) => completions::run(completions)?,
        Command::Man(man) => man::run(man, global, machine)?,
        Command::Version => version::run(machine)?,
        // Handled where the command line is parsed.
        Command::Help(_) => return Ok(Exit::Done),
    };
    output.give(&answer)?;
    Ok(answer.exit)
}
