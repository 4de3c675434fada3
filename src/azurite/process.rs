//! Azurite as a process: started so that it always ends with azup, and stopped so that it saves its
//! data.

use std::fs::File;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};

use super::accounts;
use super::command::{FOREIGN, WORDS, write_serve};
use super::data::{self, Data};
use super::prepare::Ready;
use crate::failure::{Failure, command_line, reason, shown};
use crate::files;
use crate::machine::Machine;
use crate::os::{self, LockFile};

/// How long Azurite may take to finish requests and save its data. It needs 0.1 to 2 s (measured).
const STOPPING: Duration = Duration::from_secs(10);

/// The same for a test run's Azurite in memory, which has nothing to save.
const AT_ONCE: Duration = Duration::from_secs(1);

/// How often to check whether it has ended.
const POLL: Duration = Duration::from_millis(20);

/// How much of the end of the log is searched for a reason (bytes).
const LAST_WORDS: u64 = 16 << 10;

/// A running Azurite. Dropping it stops it.
#[derive(Debug)]
pub struct Azurite {
    child: Child,
    // Closing it ends Azurite.
    stdin: Option<ChildStdin>,
    log: PathBuf,
    /// How long it may take to end, and whether killing it after that loses nothing.
    stopping: Duration,
    keeps_nothing: bool,
}

/// How a running Azurite ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// By itself, after it had saved its data.
    Clean,
    /// It had to be killed: the last seconds may be lost.
    Killed,
}

impl Azurite {
    /// Starts it; it inherits `lock`. Its output goes to `log`, which is truncated unless it holds
    /// the reason why a previous Azurite ended (`before`).
    pub fn start(
        machine: &Machine,
        ready: &Ready,
        lock: &LockFile,
        log: PathBuf,
        before: Option<&str>,
    ) -> Result<Self> {
        write_serve(machine)?;
        let argv = ready.command(machine)?;
        let mut file = open_log(&log)?;
        match before {
            Some(reason) => writeln!(file, "\nazup: {reason}; restarted")?,
            None => file.set_len(0)?,
        }
        let mut command = machine.command(&argv[0]);
        command
            .args(&argv[1..])
            .current_dir(machine.own_folder()?)
            .stdin(Stdio::piped())
            .stdout(file.try_clone()?)
            .stderr(file);
        // Ctrl-C in a terminal reaches only azup, which then stops Azurite.
        os::in_own_group(&mut command);
        for name in FOREIGN {
            command.env_remove(name);
        }
        if data::database(&ready.wish.data, machine).is_none() {
            data::without_database(&mut command);
        }
        command.env(
            WORDS,
            if ready.wish.https_only {
                "end-with-stdin https-only"
            } else {
                "end-with-stdin"
            },
        );
        // Half of its start is compiling (measured); Node.js has this cache since 22.1.
        command.env("NODE_COMPILE_CACHE", &ready.compiled);
        if !ready.accounts.is_empty() {
            command.env("AZURITE_ACCOUNTS", accounts::variable(&ready.accounts));
        }
        let started: Result<Child> = lock.lend(|| {
            command.spawn().map_err(|error| {
                Failure::new(format!(
                    "cannot start {}: {}",
                    shown(argv[0].as_ref()),
                    reason(&error)
                ))
                .into()
            })
        })?;
        let mut child = started?;
        let stdin = child.stdin.take();
        let keeps_nothing = ready.wish.until_eof && ready.wish.data == Data::Memory;
        Ok(Self {
            child,
            stdin,
            log,
            stopping: if keeps_nothing { AT_ONCE } else { STOPPING },
            keeps_nothing,
        })
    }

    /// The pid of Azurite.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// How it ended, if it has.
    pub fn ended(&mut self) -> Result<Option<ExitStatus>> {
        self.child.try_wait().context("waiting for Azurite")
    }

    /// The failure for an Azurite that ended by itself.
    pub fn death(&self, status: ExitStatus, data: &Data) -> Failure {
        if let Some(signal) = os::ended_by_signal(status) {
            return Failure::new(format!("Azurite was killed by signal {signal}")).hint("azup up");
        }
        death(&last_words(&self.log), status, data, &self.log)
    }

    /// Whether it ended because another process had taken a port meanwhile.
    pub fn lost_a_port(&self) -> bool {
        last_words(&self.log).contains("EADDRINUSE")
    }

    /// Asks it to end and waits until it has.
    pub fn stop(&mut self) -> Result<End> {
        self.stdin = None;
        let until = Instant::now() + self.stopping;
        while Instant::now() < until {
            if self.ended()?.is_some() {
                return Ok(End::Clean);
            }
            std::thread::sleep(POLL);
        }
        self.child.kill()?;
        self.child.wait()?;
        Ok(if self.keeps_nothing { End::Clean } else { End::Killed })
    }
}

impl Drop for Azurite {
    fn drop(&mut self) {
        let _ = self.stop();
    }
}

/// The failure for `words`, the end of Azurite's log.
fn death(words: &str, status: ExitStatus, data: &Data, log: &Path) -> Failure {
    let denied = words.contains("EACCES") || words.contains("EROFS");
    let full = words.contains("ENOSPC");
    if let Data::Folder(folder) = data
        && (denied || full)
    {
        let look = if full { ["df", "-h"] } else { ["ls", "-la"] };
        let hint = look.iter().map(AsRef::as_ref).chain([folder.as_os_str()]);
        return Failure::new(format!(
            "Azurite cannot write its data in {}: {words}",
            shown(folder)
        ))
        .hint(command_line(hint));
    }
    Failure::new(format!("Azurite exited unexpectedly ({status}): {words}"))
        .hint(command_line(["cat".as_ref(), log.as_os_str()]))
}

/// Opens a log so that several writers can append to it.
pub fn open_log(path: &Path) -> Result<File> {
    if let Some(folder) = path.parent() {
        files::make_folder(folder, 0o700)?;
    }
    files::open_to_append(path)
}

/// Follows a log as it is written.
#[derive(Debug)]
pub struct Tail {
    path: PathBuf,
    seen: u64,
}

impl Tail {
    /// From the beginning of the log.
    pub fn of(log: PathBuf) -> Self {
        Self { path: log, seen: 0 }
    }

    /// The complete lines that were added since the last call.
    pub fn more(&mut self) -> Vec<String> {
        let bytes = read_from(&self.path, self.seen).unwrap_or_default();
        let whole = memchr::memrchr(b'\n', &bytes).map_or(0, |end| end + 1);
        self.seen += whole as u64;
        String::from_utf8_lossy(&bytes[..whole])
            .lines()
            .map(str::to_owned)
            .collect()
    }
}

fn read_from(path: &Path, start: u64) -> std::io::Result<Vec<u8>> {
    use std::io::{Read as _, Seek as _, SeekFrom};
    let mut file = File::open(path)?;
    file.seek(SeekFrom::Start(start))?;
    let mut bytes = Vec::new();
    file.take(1 << 20).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// The end of the log.
fn last_text(log: &Path) -> String {
    let length = log.metadata().map_or(0, |about| about.len());
    let bytes = read_from(log, length.saturating_sub(LAST_WORDS)).unwrap_or_default();
    String::from_utf8_lossy(&bytes).into_owned()
}

/// The line with the reason: the last one that mentions an error, since Node.js ends its own
/// reports with a stack and its version; else the last line.
fn last_words(log: &Path) -> String {
    let text = last_text(log);
    let lines = || text.lines().map(str::trim).filter(|line| !line.is_empty());
    let line = lines()
        .rfind(|line| line.contains("rror:"))
        .or_else(|| lines().next_back())
        .unwrap_or("it gave no reason");
    line.strip_prefix("Exit due to unhandled error: ")
        .unwrap_or(line)
        .to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::process::ExitStatusExt as _;

    /// Both messages are Azurite's own.
    #[test]
    fn the_reason_of_an_end_is_found_in_the_log() {
        let folder = tempfile::tempdir().expect("a folder");
        let log = folder.path().join("log");
        let data = Data::Folder("/data".into());
        let failure = |text: &str| {
            std::fs::write(&log, text).expect("written");
            let status = ExitStatus::from_raw(1 << 8);
            death(&last_words(&log), status, &data, &log).to_string()
        };
        assert_eq!(
            failure(
                "Azurite Blob service is starting\nExit due to unhandled error: \
                 EACCES: permission denied, open '/data/__azurite_db_blob__.json~'\n"
            ),
            "Azurite cannot write its data in /data: \
             EACCES: permission denied, open '/data/__azurite_db_blob__.json~'"
        );
        assert_eq!(
            failure("TypeError: x is not a function\n    at main (a.js:1:2)\n\nNode.js v20.20.2\n"),
            "Azurite exited unexpectedly (exit status: 1): TypeError: x is not a function"
        );
        assert_eq!(
            failure(""),
            "Azurite exited unexpectedly (exit status: 1): it gave no reason"
        );
    }

    #[test]
    fn a_tail_gives_whole_lines_once() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("log");
        let mut tail = Tail {
            path: path.clone(),
            seen: 0,
        };
        assert!(tail.more().is_empty());
        std::fs::write(&path, "one\ntw").expect("written");
        assert_eq!(tail.more(), ["one"]);
        std::fs::write(&path, "one\ntwo\n").expect("written");
        assert_eq!(tail.more(), ["two"]);
        assert!(tail.more().is_empty());
    }
}
