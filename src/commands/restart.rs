//! `azup restart`: the same as `azup down && azup up -d`.

use anyhow::Result;

use super::{down, up};
use crate::certificates;
use crate::cli::{Down, Restart};
use crate::failure::Exit;
use crate::machine::Machine;
use crate::options::Global;
use crate::output::Output;

pub(super) fn run(
    restart: &Restart,
    global: &Global,
    machine: &Machine,
    output: Output,
) -> Result<Exit> {
    // An Azurite that would refuse to start again is not stopped.
    certificates::require_accepted(machine, global)?;
    let stopped = down::run(&Down::of_project(), global, machine, output)?;
    for line in stopped.text.lines() {
        output.progress(line);
    }
    up::run(&restart.up, global, machine, output)
}
