//! The only seam to the outside: environment, home, clock and processes.
//! Everything else gets a [`Machine`] passed in, so that a test owns HOME, PATH and
//! time by starting `azup` with another environment.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::io::{Read, Write as _};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use time::OffsetDateTime;

use crate::failure::{Failure, command_line, reason};

/// Folders that hold administrators' programs but are missing from many users' PATH
/// (Debian, SUSE).
const ADMIN_FOLDERS: [&str; 3] = ["/usr/local/sbin", "/usr/sbin", "/sbin"];

/// How often a running program is asked whether it has ended.
const POLL: Duration = Duration::from_millis(2);

/// What the process was started with.
#[derive(Clone, Debug)]
pub struct Machine {
    env: BTreeMap<OsString, OsString>,
    cwd: PathBuf,
    home: Option<PathBuf>,
    data: Option<PathBuf>,
    config: Option<PathBuf>,
    now: OffsetDateTime,
}

/// What a program left behind.
#[derive(Debug)]
pub struct Finished {
    /// How it ended.
    pub status: ExitStatus,
    /// All it wrote to standard output.
    pub stdout: Vec<u8>,
    /// All it wrote to standard error.
    pub stderr: Vec<u8>,
}

impl Finished {
    /// The last line of standard error that is not blank: where command line programs
    /// put the reason.
    #[must_use]
    pub fn last_words(&self) -> String {
        let text = String::from_utf8_lossy(&self.stderr);
        text.lines()
            .map(str::trim)
            .rfind(|line| !line.is_empty())
            .unwrap_or("it gave no reason")
            .to_owned()
    }
}

impl Machine {
    /// Takes in the environment of this process.
    ///
    /// `AZUP_NOW` (seconds since 1970) sets the clock, for tests that live through a
    /// certificate's whole life.
    ///
    /// # Errors
    /// Where the current folder has been deleted, or `AZUP_NOW` is no time.
    pub fn here() -> Result<Self> {
        let env: BTreeMap<OsString, OsString> = std::env::vars_os().collect();
        let cwd = std::env::current_dir().map_err(|error| {
            Failure::new(format!("the current folder is gone: {}", reason(&error))).hint("cd")
        })?;
        let now = match env.get(OsStr::new("AZUP_NOW")) {
            None => OffsetDateTime::now_utc(),
            Some(value) => value
                .to_str()
                .and_then(|text| text.parse().ok())
                .and_then(|seconds| OffsetDateTime::from_unix_timestamp(seconds).ok())
                .ok_or_else(|| Failure::new("AZUP_NOW is not a number of seconds since 1970"))?,
        };
        Ok(Self {
            env,
            cwd,
            home: dirs::home_dir(),
            data: dirs::data_dir(),
            config: dirs::config_dir(),
            now,
        })
    }

    /// The same machine, seen from another folder.
    #[must_use]
    pub fn at(&self, folder: &Path) -> Self {
        Self {
            cwd: self.absolute(folder),
            ..self.clone()
        }
    }

    /// An environment variable; an empty one counts as unset.
    #[must_use]
    pub fn var(&self, name: &str) -> Option<&OsStr> {
        self.env
            .get(OsStr::new(name))
            .map(OsString::as_os_str)
            .filter(|value| !value.is_empty())
    }

    /// The current folder.
    #[must_use]
    pub fn cwd(&self) -> &Path {
        &self.cwd
    }

    /// `path` as seen from the current folder.
    #[must_use]
    pub fn absolute(&self, path: &Path) -> PathBuf {
        self.cwd.join(path)
    }

    /// The clock at the start of the command, to the second.
    #[must_use]
    pub fn now(&self) -> OffsetDateTime {
        self.now
    }

    /// The user's home folder.
    ///
    /// # Errors
    /// Where the user has none.
    pub fn home(&self) -> Result<&Path> {
        self.home.as_deref().ok_or_else(|| {
            Failure::new("no home folder: HOME is not set and the user database names none")
                .hint("export HOME=/path/to/home")
                .into()
        })
    }

    /// The user's data folder (`$XDG_DATA_HOME`, else `~/.local/share`).
    ///
    /// # Errors
    /// Where the user has no home folder.
    pub fn data_home(&self) -> Result<&Path> {
        self.home()?;
        self.data.as_deref().context("no data folder")
    }

    /// The user's configuration folder (`$XDG_CONFIG_HOME`, else `~/.config`).
    ///
    /// # Errors
    /// Where the user has no home folder.
    pub fn config_home(&self) -> Result<&Path> {
        self.home()?;
        self.config.as_deref().context("no configuration folder")
    }

    /// azup's own folder: certificates, Azurite, locks, records.
    ///
    /// # Errors
    /// Where the user has no home folder.
    pub fn own_folder(&self) -> Result<PathBuf> {
        Ok(self.data_home()?.join("azup"))
    }

    /// The program that is running: where azup itself lies.
    ///
    /// # Errors
    /// Where the operating system does not tell.
    pub fn azup(&self) -> Result<PathBuf> {
        std::env::current_exe().map_err(|error| {
            Failure::new(format!("cannot find azup itself: {}", reason(&error))).into()
        })
    }

    /// Whether this process may write anywhere.
    #[must_use]
    pub fn is_root(&self) -> bool {
        rustix::process::geteuid().is_root()
    }

    /// Finds a program on PATH, then in the folders for administrators.
    #[must_use]
    pub fn find(&self, program: &str) -> Option<PathBuf> {
        let mut folders: Vec<PathBuf> = self
            .var("PATH")
            .map(|path| std::env::split_paths(path).collect())
            .unwrap_or_default();
        folders.extend(ADMIN_FOLDERS.map(PathBuf::from));
        let path = std::env::join_paths(folders).ok()?;
        which::which_in(program, Some(path), &self.cwd).ok()
    }

    /// A command with exactly this machine's environment and folder.
    pub fn command(&self, program: impl AsRef<OsStr>) -> Command {
        let mut command = Command::new(program);
        command.env_clear().envs(&self.env).current_dir(&self.cwd);
        command
    }

    /// Runs a program to its end without a terminal: it reads `input` or nothing and, where
    /// `setsid` is there, it has no controlling terminal on which it could ask for a
    /// password.
    ///
    /// # Errors
    /// Where it cannot be started, or is still running after `limit` (it is then killed).
    /// A program that ends with a failure is no error here.
    pub fn run(
        &self,
        argv: &[OsString],
        input: Option<&[u8]>,
        limit: Duration,
    ) -> Result<Finished> {
        let Some(program) = argv.first() else {
            anyhow::bail!("an empty command");
        };
        let mut command = if let Some(setsid) = self.find("setsid") {
            // setsid makes the program the leader of a new group of the same number.
            let mut command = self.command(setsid);
            command.arg(program);
            command
        } else {
            let mut command = self.command(program);
            command.process_group(0);
            command
        };
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
            .map_err(|error| {
                Failure::new(format!(
                    "cannot start {}: {}",
                    command_line(argv),
                    reason(&error)
                ))
            })?;
        let stdin = child.stdin.take();
        let stdout = child.stdout.take();
        let stderr = child.stderr.take();
        let until = Instant::now() + limit;
        std::thread::scope(|scope| {
            if let (Some(mut stdin), Some(input)) = (stdin, input) {
                // A program that ends before it has read all says so by its exit status.
                scope.spawn(move || stdin.write_all(input));
            }
            let stdout = scope.spawn(|| drain(stdout));
            let stderr = scope.spawn(|| drain(stderr));
            let status = loop {
                if let Some(status) = child.try_wait()? {
                    break status;
                }
                if Instant::now() >= until {
                    // The whole group: a grandchild that holds the pipes would keep us waiting.
                    if let Ok(id) = i32::try_from(child.id())
                        && let Some(group) = rustix::process::Pid::from_raw(id)
                    {
                        let _ = rustix::process::kill_process_group(
                            group,
                            rustix::process::Signal::KILL,
                        );
                    }
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

fn drain(from: Option<impl Read>) -> Vec<u8> {
    let mut all = Vec::new();
    if let Some(mut from) = from {
        // What was read before a broken pipe is still worth showing.
        let _ = from.read_to_end(&mut all);
    }
    all
}
