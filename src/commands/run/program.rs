//! Whether a command can be run at all, with the exit codes that shells have for it.

use std::ffi::OsStr;
use std::io::{Error, ErrorKind};
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;

use anyhow::Result;

use crate::failure::{Exit, Failure, quoted, reason};
use crate::machine::Machine;

/// The shells' exit code for a command that is not there.
const NOT_FOUND: Exit = Exit::Program(127);

/// The shells' exit code for a command that cannot be run.
const NOT_RUNNABLE: Exit = Exit::Program(126);

/// Makes sure that `program` is there, by its path or on PATH, and can be run.
pub(super) fn require(program: &OsStr, machine: &Machine) -> Result<()> {
    if program.as_bytes().contains(&b'/') {
        return match state(&machine.absolute(Path::new(program))) {
            State::Runnable => Ok(()),
            State::Missing => Err(missing(program, "no such file").into()),
            State::Other(why) => Err(unusable(program, &why).into()),
        };
    }
    let path = machine.var("PATH").unwrap_or_default();
    let mut found = None;
    for folder in std::env::split_paths(path) {
        match state(&machine.absolute(&folder).join(program)) {
            State::Runnable => return Ok(()),
            State::Missing => {}
            State::Other(why) => found = found.or(Some(why)),
        }
    }
    Err(match found {
        Some(why) => unusable(program, &why).into(),
        None => missing(program, "not on PATH").into(),
    })
}

/// The failure of a start that the operating system refused.
pub(super) fn not_started(program: &OsStr, error: &Error) -> Failure {
    match error.kind() {
        ErrorKind::NotFound => missing(program, "it, or its interpreter, is not there"),
        _ => unusable(program, &reason(error)),
    }
}

enum State {
    Runnable,
    Missing,
    Other(String),
}

fn state(path: &Path) -> State {
    let Ok(about) = path.metadata() else {
        return State::Missing;
    };
    if about.is_dir() {
        return State::Other("it is a folder".to_owned());
    }
    match rustix::fs::access(path, rustix::fs::Access::EXEC_OK) {
        Ok(()) => State::Runnable,
        Err(error) => State::Other(reason(&error.into())),
    }
}

fn missing(program: &OsStr, why: &str) -> Failure {
    Failure::new(format!("cannot run {}: {why}", quoted(program))).exit(NOT_FOUND)
}

fn unusable(program: &OsStr, why: &str) -> Failure {
    Failure::new(format!("cannot run {}: {why}", quoted(program))).exit(NOT_RUNNABLE)
}
