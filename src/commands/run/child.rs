//! The command as a process: it gets every signal that azup gets, once, and azup ends the same way
//! as the command.

use std::os::unix::process::ExitStatusExt as _;
use std::process::{Command, ExitStatus};

use anyhow::Result;
use rustix::process::{Pid, Signal, kill_process};
use signal_hook::consts::{SIGCHLD, SIGHUP, SIGINT, SIGQUIT, SIGTERM};
use signal_hook::iterator::SignalsInfo;
use signal_hook::iterator::exfiltrator::WithOrigin;
use signal_hook::low_level::siginfo::Cause;

use super::program;
use crate::failure::Exit;
use crate::interrupt::Interrupt;
use crate::os;

/// The signals that are passed on, with their names for the system call.
const FORWARDED: [(i32, Signal); 4] = [
    (SIGINT, Signal::INT),
    (SIGTERM, Signal::TERM),
    (SIGHUP, Signal::HUP),
    (SIGQUIT, Signal::QUIT),
];

/// The signals that are passed on, taken over by azup.
#[derive(Debug)]
pub(super) struct Signals {
    numbers: Vec<i32>,
    /// Whether one has come, for as long as there is no command to pass it on to.
    pub(super) interrupt: Interrupt,
}

impl Signals {
    /// Takes over all but those that azup was started to ignore, which its child then also ignores:
    /// a command under nohup continues when the terminal is gone.
    pub(super) fn take() -> Result<Self> {
        let numbers = os::not_ignored(&FORWARDED.map(|(number, _)| number));
        let interrupt = Interrupt::by(&numbers)?;
        Ok(Self { numbers, interrupt })
    }
}

/// Runs the command to its end and returns its exit code: 128 plus the signal's number if a signal
/// ended it, as in shells.
pub(super) fn run(mut command: Command, taken: &Signals) -> Result<Exit> {
    let mut numbers = taken.numbers.clone();
    numbers.push(SIGCHLD);
    let mut signals = SignalsInfo::<WithOrigin>::new(&numbers)?;
    taken.interrupt.check()?;
    let program = command.get_program().to_owned();
    let mut child = command
        .spawn()
        .map_err(|error| program::not_started(&program, &error))?;
    let pid = i32::try_from(child.id()).ok().and_then(Pid::from_raw);
    loop {
        // Also checked before the first signal: the command may have ended by then.
        if let Some(status) = child.try_wait()? {
            return Ok(Exit::Program(code(status)));
        }
        for origin in signals.wait() {
            // Ctrl-C in a terminal reaches all foreground processes by itself.
            let by_terminal = origin.cause == Cause::Kernel;
            let signal = FORWARDED
                .iter()
                .find(|(number, _)| *number == origin.signal);
            if let (Some((_, signal)), Some(pid), false) = (signal, pid, by_terminal) {
                // It has not been waited for, so the pid is still its own.
                let _ = kill_process(pid, *signal);
            }
        }
    }
}

fn code(status: ExitStatus) -> u8 {
    let code = status.code().or(status.signal().map(|signal| 128 + signal));
    code.and_then(|code| u8::try_from(code).ok()).unwrap_or(255)
}
