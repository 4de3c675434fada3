//! `azup up`

use anyhow::Result;

use crate::cli::Global;
use crate::failure::Exit;
use crate::machine::Machine;
use crate::output::Output;

pub(super) fn run(
    _up: &crate::cli::Up,
    _global: &Global,
    _machine: &Machine,
    _output: Output,
) -> Result<Exit> {
    Ok(Exit::Done)
}
