//! `azup restart`: what `azup down && azup up -d` does.

use anyhow::Result;

use super::{down, up};
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
    let stopped = down::run(&Down::of_project(), global, machine, output)?;
    for line in stopped.text.lines() {
        output.progress(line);
    }
    up::run(&restart.up, global, machine, output)
}
