//! `azup token`

use anyhow::Result;

use crate::failure::Exit;
use crate::identity;
use crate::machine::Machine;
use crate::output::Output;

pub(super) fn run(token: &crate::cli::Token, machine: &Machine, output: Output) -> Result<Exit> {
    let token = identity::token(token.resource(), token.audiences(), machine.now())?;
    output.value(&format!("{}\n", token.text))?;
    output.document(&token.document())?;
    Ok(Exit::Done)
}
