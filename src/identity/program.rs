//! Runs one program to its end or to its time limit. A process that it leaves behind (az reports
//! its usage from one) keeps no caller waiting.

use std::ffi::OsString;
use std::io::Read;
use std::path::Path;
use std::process::{Child, ExitStatus, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use crate::failure::reason;
use crate::machine::{self, Machine};
use crate::os;

/// How often to check whether it has ended.
const POLL: Duration = Duration::from_millis(5);

/// How long reading its output may take after its end.
const REST: Duration = Duration::from_secs(1);

/// How much of each output is read at most (bytes).
const MOST: u64 = 1 << 20;

/// How it ended.
#[derive(Debug)]
pub(super) struct End {
    pub(super) status: ExitStatus,
    pub(super) stdout: Vec<u8>,
    pub(super) stderr: Vec<u8>,
}

/// Runs a program without input and, if `setsid` is available, without a terminal.
pub(super) fn run(
    program: &Path,
    words: &[OsString],
    machine: &Machine,
    limit: Duration,
    stop: &AtomicBool,
) -> Result<End, String> {
    let mut child = machine
        .in_own_group(program, true)
        .args(words)
        // az gives some times only in local time.
        .env("TZ", "UTC")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(|error| format!("it cannot be started: {}", reason(&error)))?;
    os::lead(&child);
    let outputs = child.stdout.take().map(drain).zip(child.stderr.take().map(drain));
    let done = wait(&mut child, limit, stop);
    // Including what it left behind in its process group.
    os::kill_group(child.id());
    if done.is_err() {
        let _ = child.kill();
        let _ = child.wait();
    }
    let status = done?;
    let (stdout, stderr) = outputs.ok_or("it has no output")?;
    let rest = |output: Receiver<Vec<u8>>| output.recv_timeout(REST).unwrap_or_default();
    Ok(End {
        status,
        stdout: rest(stdout),
        stderr: rest(stderr),
    })
}

fn wait(child: &mut Child, limit: Duration, stop: &AtomicBool) -> Result<ExitStatus, String> {
    let until = Instant::now() + limit;
    loop {
        match child.try_wait() {
            Ok(Some(status)) => return Ok(status),
            Ok(None) => {}
            Err(error) => return Err(reason(&error)),
        }
        if stop.load(Ordering::Relaxed) {
            return Err("azup has ended".to_owned());
        }
        if Instant::now() >= until {
            let seconds = limit.as_millis().div_ceil(1_000);
            return Err(format!("it did not answer within {seconds} seconds"));
        }
        std::thread::sleep(POLL);
    }
}

/// Reads in a separate thread. Output beyond the limit is read and discarded, so that the program
/// can end.
fn drain(mut from: impl Read + Send + 'static) -> Receiver<Vec<u8>> {
    let (sender, receiver) = channel();
    let _ = machine::thread(move || {
        let mut all = Vec::new();
        // What was read before a broken pipe is still useful.
        let _ = from.by_ref().take(MOST).read_to_end(&mut all);
        if all.len() as u64 == MOST {
            let _ = std::io::copy(&mut from, &mut std::io::sink());
        }
        // If the time is up, the receiver is gone.
        let _ = sender.send(all);
    });
    receiver
}
