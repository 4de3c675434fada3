//! The command as a process. Ctrl-C in a console reaches it directly, since it is in azup's group;
//! azup waits for its end, and ends the same way.

use std::process::Command;

use anyhow::Result;

use super::program;
use crate::failure::Exit;
use crate::interrupt::Interrupt;

/// Ctrl-C and the like, taken over by azup.
#[derive(Debug)]
pub(super) struct Signals {
    /// Whether it has come, for as long as there is no command that it reaches.
    pub(super) interrupt: Interrupt,
}

impl Signals {
    pub(super) fn take() -> Result<Self> {
        let interrupt = Interrupt::listen(false)?;
        Ok(Self { interrupt })
    }
}

/// Runs the command to its end and returns its exit code.
pub(super) fn run(mut command: Command, taken: &Signals) -> Result<Exit> {
    taken.interrupt.check()?;
    let program = command.get_program().to_owned();
    let mut child = command
        .spawn()
        .map_err(|error| program::not_started(&program, &error))?;
    let code = child.wait()?.code();
    Ok(Exit::Program(
        code.and_then(|code| u8::try_from(code).ok()).unwrap_or(255),
    ))
}
