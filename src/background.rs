//! `-d`: starts azup once more to stay behind, while this one reports that it is ready and ends.

use std::ffi::OsString;
use std::path::Path;
use std::process::{Child, Stdio};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use serde_json::Value;

use crate::failure::{Exit, Failure, command_line, reason, shown};
use crate::files;
use crate::interrupt::Interrupt;
use crate::machine::{self, Machine};
use crate::os;

/// How often to check for signals.
const POLL: Duration = Duration::from_millis(50);

/// Starts azup in the background with `arguments`, which include `--json`, and returns the one
/// document that it prints when it is ready, within `limit` at most. Its other output is appended
/// to `log`.
pub fn leave(
    arguments: &[OsString],
    log: &Path,
    limit: Duration,
    machine: &Machine,
    interrupt: &Interrupt,
) -> Result<Value> {
    if let Some(folder) = log.parent() {
        files::make_folder(folder, 0o700)?;
    }
    let mut command = machine.users_command(machine.azup()?);
    command
        .args(arguments)
        .stdin(Stdio::null())
        // Read until it has answered, once.
        .stdout(Stdio::piped())
        .stderr(files::open_to_append(log)?);
    let mut child = os::spawn_in_background(&mut command)
        .map_err(|error| Failure::new(format!("cannot start azup itself: {}", reason(&error))))?;
    let answer = wait_for_answer(&mut child, log, limit, interrupt);
    if answer.is_err() {
        // It may still be waiting for something.
        os::stop(child.id());
        child.wait()?;
    }
    let answer = answer?;
    match answer.get("error") {
        Some(error) => Err(repeated(error).into()),
        None => Ok(answer),
    }
}

/// The one document that it prints.
fn wait_for_answer(
    child: &mut Child,
    log: &Path,
    limit: Duration,
    interrupt: &Interrupt,
) -> Result<Value> {
    let stdout = child.stdout.take().context("azup's standard output")?;
    let (sender, receiver) = mpsc::channel();
    machine::thread(move || {
        let first = serde_json::Deserializer::from_reader(stdout)
            .into_iter()
            .next();
        // After an interruption the receiver is gone.
        let _ = sender.send(first);
    })?;
    let until = Instant::now() + limit;
    loop {
        interrupt.check()?;
        match receiver.recv_timeout(POLL) {
            Ok(Some(Ok(document))) => return Ok(document),
            Err(RecvTimeoutError::Timeout) if Instant::now() < until => {}
            Ok(_) | Err(_) => return Err(silent(log).into()),
        }
    }
}

/// The failure for an azup that ended without an answer.
pub fn silent(log: &Path) -> Failure {
    Failure::new(format!(
        "azup exited in the background without an answer; its output is in {}",
        shown(log)
    ))
    .hint(command_line(["cat".as_ref(), log.as_os_str()]))
}

/// The background azup's failure as this one's own.
fn repeated(error: &Value) -> Failure {
    let failure = Failure::new(error["message"].as_str().unwrap_or("unknown"));
    let failure = match error["hint"].as_str() {
        Some(hint) => failure.hint(hint),
        None => failure,
    };
    match error["exit"].as_u64() {
        Some(130) => failure.exit(Exit::Interrupted),
        Some(4) => failure.exit(Exit::Refused),
        _ => failure,
    }
}
