//! Programs that are run to their end, and threads.

use std::ffi::{OsStr, OsString};
use std::io::{Read, Write as _};
use std::path::Path;
use std::process::{Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use anyhow::Result;

use super::Machine;
use crate::failure::{Failure, command_line, reason};
use crate::os;

/// How often to check whether a running program has ended.
const POLL: Duration = Duration::from_millis(2);

/// The result of a program.
#[derive(Debug)]
pub struct Finished {
    /// How it ended.
    pub status: ExitStatus,
    /// All its standard output.
    pub stdout: Vec<u8>,
    /// All its standard error.
    pub stderr: Vec<u8>,
}

impl Finished {
    /// The last line of standard error that is not blank, where command line programs put the
    /// reason. keytool puts it on standard output, along with warnings.
    pub fn last_words(&self) -> String {
        let last = |bytes: &[u8], wanted: fn(&str) -> bool| {
            let text = String::from_utf8_lossy(bytes);
            let lines = text.lines().map(str::trim);
            lines.rev().find(|line| wanted(line)).map(str::to_owned)
        };
        last(&self.stdout, |line| line.starts_with("keytool error: "))
            .or_else(|| last(&self.stderr, |line| !line.is_empty()))
            .unwrap_or_else(|| "it gave no reason".to_owned())
    }
}

impl Machine {
    /// A program in a process group of its own, for [`os::kill_group`], and without a controlling
    /// terminal if `detached` and `setsid` is available.
    pub fn in_own_group(&self, program: impl AsRef<OsStr>, detached: bool) -> Command {
        if let Some(setsid) = self.find("setsid").filter(|_| detached) {
            // setsid makes the program the leader of a new group with its own pid.
            let mut command = self.command(setsid);
            command.arg(program);
            command
        } else {
            let mut command = self.command(program);
            os::in_own_group(&mut command);
            command
        }
    }

    /// Runs a program to its end without a terminal: it reads `input` or nothing and, if `setsid`
    /// is available, it has no controlling terminal on which it could ask for a password.
    pub fn run(
        &self,
        argv: &[OsString],
        input: Option<&[u8]>,
        limit: Duration,
    ) -> Result<Finished> {
        let Some(program) = argv.first() else {
            anyhow::bail!("an empty command");
        };
        // On Debian, a root shell started with `su` has no /usr/sbin on its PATH.
        let found = program.to_str().and_then(|name| self.find(name));
        let program = found.as_deref().map_or(&**program, Path::as_os_str);
        // sudo recognises by the terminal that the password was typed a moment ago, and `-n` keeps
        // it from asking.
        let mut command = self.in_own_group(program, argv[0] != "sudo");
        let mut child = command
            .args(&argv[1..])
            .stdin(if input.is_some() {
                Stdio::piped()
            } else {
                Stdio::null()
            })
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(|error| not_started(argv, &error))?;
        os::lead(&child);
        let stdin = child.stdin.take();
        let stdout = child.stdout.take();
        let stderr = child.stderr.take();
        let until = Instant::now() + limit;
        std::thread::scope(|scope| {
            let thread = || std::thread::Builder::new();
            let talk = || {
                if let (Some(mut stdin), Some(input)) = (stdin, input) {
                    // If a program ends before it has read everything, its exit status says so.
                    thread().spawn_scoped(scope, move || stdin.write_all(input))?;
                }
                let stdout = thread().spawn_scoped(scope, || drain(stdout))?;
                let stderr = thread().spawn_scoped(scope, || drain(stderr))?;
                Ok((stdout, stderr))
            };
            let (stdout, stderr) = match talk() {
                Ok(both) => both,
                Err(error) => {
                    os::kill_group(child.id());
                    child.kill()?;
                    child.wait()?;
                    return Err(no_thread(&error).into());
                }
            };
            let status = loop {
                if let Some(status) = child.try_wait()? {
                    break status;
                }
                if Instant::now() >= until {
                    // The whole group: a grandchild that holds the pipes would keep azup waiting.
                    os::kill_group(child.id());
                    child.kill()?;
                    child.wait()?;
                    return Err(Failure::new(format!(
                        "{} did not end within {} seconds",
                        command_line(argv),
                        limit.as_secs()
                    ))
                    .into());
                }
                std::thread::sleep(POLL);
            };
            Ok(Finished {
                status,
                stdout: stdout.join().unwrap_or_default(),
                stderr: stderr.join().unwrap_or_default(),
            })
        })
    }
}

/// Does `work` in a separate thread.
pub fn thread<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<std::thread::JoinHandle<T>> {
    let started = std::thread::Builder::new().spawn(work);
    started.map_err(|error| no_thread(&error).into())
}

/// The failure for a thread that could not be started.
pub fn no_thread(error: &std::io::Error) -> Failure {
    Failure::new(format!("cannot start a thread: {}", reason(error))).hint("ulimit -a")
}

/// The failure for a program that could not be started.
pub fn not_started(argv: &[OsString], error: &std::io::Error) -> Failure {
    let (line, why) = (command_line(argv), reason(error));
    Failure::new(format!("cannot start {line}: {why}"))
}

fn drain(from: Option<impl Read>) -> Vec<u8> {
    let mut all = Vec::new();
    if let Some(mut from) = from {
        // What was read before a broken pipe is still worth showing.
        let _ = from.read_to_end(&mut all);
    }
    all
}
