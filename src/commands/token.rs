//! `azup token`

use anyhow::Result;

use crate::failure::Exit;
use crate::machine::Machine;
use crate::output::Output;

pub(super) fn run(_token: &crate::cli::Token, _machine: &Machine, _output: Output) -> Result<Exit> {
    Ok(Exit::Done)
}
