//! The only seam to the outside: environment, home, clock and processes.
//! Everything else gets a [`Machine`] passed in, so that a test owns HOME, PATH and
//! time by starting `azup` with another environment.

mod listener;
mod programs;

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::io::{Read, Write as _};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use time::OffsetDateTime;

use crate::failure::{Failure, command_line, reason};
use crate::files;
use crate::sudo::SudoUser;

pub use listener::{is_another_users, listener};

/// What `install.sh` of the dev container Feature leaves while the image is built.
const DEV_CONTAINER_MARK: &str = "/usr/local/share/azup/dev-container";

/// How often a running program is asked whether it has ended.
const POLL: Duration = Duration::from_millis(2);

/// The years in which a certificate can be made: its dates are counted from 1970 by those
/// who read them, and end with the year 9999 (RFC 5280, 4.1.2.5).
const YEARS: std::ops::RangeInclusive<i32> = 1970..=9997;

/// What the process was started with.
#[derive(Clone, Debug)]
pub struct Machine {
    env: BTreeMap<OsString, OsString>,
    cwd: PathBuf,
    home: Option<PathBuf>,
    data: Option<PathBuf>,
    config: Option<PathBuf>,
    now: OffsetDateTime,
    sudo: Option<SudoUser>,
}

/// A clock that goes on, for a process that lives for days: the machine's, as far off as
/// `AZUP_NOW` was when azup started.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    ahead: time::Duration,
}

impl Clock {
    /// The time now. Not by a monotonic clock, which stands still while a laptop sleeps.
    pub fn now(self) -> OffsetDateTime {
        OffsetDateTime::now_utc() + self.ahead
    }
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
    /// put the reason. keytool puts it on standard output, and warnings beside it.
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
    /// Takes in the environment of this process. Started with sudo, it becomes the user
    /// who typed that ([`SudoUser`]).
    ///
    /// `AZUP_NOW` (seconds since 1970) sets the clock, for tests that live through a
    /// certificate's whole life.
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
        check_clock(now)?;
        let this = Self {
            env,
            home: dirs::home_dir().map(|home| cwd.join(home)),
            cwd,
            data: dirs::data_dir(),
            config: dirs::config_dir(),
            now,
            sudo: None,
        };
        match SudoUser::of(this.env.get(OsStr::new("SUDO_UID"))) {
            Some(user) => {
                user.act()?;
                Ok(this.of(user))
            }
            None => Ok(this),
        }
    }

    /// The machine as it is for the user who typed `sudo`. A home that is not root's was
    /// chosen on purpose and stays.
    fn of(mut self, user: SudoUser) -> Self {
        let before = self.home.take().unwrap_or_else(|| user.root_home.clone());
        let home = if before == user.root_home {
            user.home.clone()
        } else {
            before.clone()
        };
        let moved = |path: Option<PathBuf>| {
            path.map(|path| match path.strip_prefix(&before) {
                Ok(tail) => home.join(tail),
                Err(_) => path,
            })
        };
        self.data = moved(self.data).or_else(|| Some(home.join(".local/share")));
        self.config = moved(self.config).or_else(|| Some(home.join(".config")));
        self.env.insert("HOME".into(), home.clone().into());
        for name in ["USER", "LOGNAME"] {
            self.env.insert(name.into(), user.name.clone().into());
        }
        self.home = Some(home);
        self.sudo = Some(user);
        self
    }

    /// The user who typed `sudo azup`, where that is how it was started.
    pub fn sudo_user(&self) -> Option<&str> {
        self.sudo.as_ref().map(|user| user.name.as_str())
    }

    /// Does `work`, which changes `path`: started with sudo, as root where only root can
    /// change anything on the way there, and as the user everywhere else.
    pub fn changing<T>(&self, path: &Path, work: impl FnOnce() -> Result<T>) -> Result<T> {
        match &self.sudo {
            Some(user) if user.leaves_to_root(path) => user.as_root(work),
            _ => work(),
        }
    }

    /// Like [`Machine::run`]; started with sudo, the program runs as root, in root's home.
    pub fn run_as_administrator(
        &self,
        argv: &[OsString],
        input: Option<&[u8]>,
        limit: Duration,
    ) -> Result<Finished> {
        let Some(user) = &self.sudo else {
            return self.run(argv, input, limit);
        };
        let mut root = self.clone();
        root.env
            .insert("HOME".into(), user.root_home.clone().into());
        for name in ["USER", "LOGNAME"] {
            root.env.insert(name.into(), "root".into());
        }
        user.as_root(|| root.run(argv, input, limit))
    }

    /// A machine with this home and exactly these variables.
    #[cfg(test)]
    pub(crate) fn for_test(home: &Path, env: &[(&str, &OsStr)]) -> Self {
        Self {
            env: env
                .iter()
                .map(|(name, value)| (name.into(), value.into()))
                .collect(),
            cwd: home.to_owned(),
            home: Some(home.to_owned()),
            data: Some(home.join(".local/share")),
            config: Some(home.join(".config")),
            now: OffsetDateTime::now_utc(),
            sudo: None,
        }
    }

    /// The same machine, seen from another folder.
    pub fn at(&self, folder: &Path) -> Self {
        Self {
            cwd: self.absolute(folder),
            ..self.clone()
        }
    }

    /// The same machine with other variables: each as `to` makes it, or without it.
    pub fn with_variables(&self, to: impl Fn(&OsStr, &OsStr) -> Option<OsString>) -> Self {
        let env = self.env.iter();
        let env = env.filter_map(|(name, value)| Some((name.clone(), to(name, value)?)));
        Self {
            env: env.collect(),
            ..self.clone()
        }
    }

    /// An environment variable; an empty one counts as unset.
    pub fn var(&self, name: &str) -> Option<&OsStr> {
        self.env
            .get(OsStr::new(name))
            .map(OsString::as_os_str)
            .filter(|value| !value.is_empty())
    }

    /// The current folder.
    pub fn cwd(&self) -> &Path {
        &self.cwd
    }

    /// `path` as seen from the current folder.
    pub fn absolute(&self, path: &Path) -> PathBuf {
        self.cwd.join(path)
    }

    /// The clock at the start of the command, to the second.
    pub fn now(&self) -> OffsetDateTime {
        self.now
    }

    /// The same clock for what goes on after the start. Exact to a second.
    pub fn clock(&self) -> Clock {
        let ahead = if self.var("AZUP_NOW").is_some() {
            self.now - OffsetDateTime::now_utc()
        } else {
            time::Duration::ZERO
        };
        Clock { ahead }
    }

    /// The user's home folder.
    pub fn home(&self) -> Result<&Path> {
        self.home.as_deref().ok_or_else(|| {
            Failure::new("no home folder: HOME is not set and the user database names none")
                .hint("export HOME=/path/to/home")
                .into()
        })
    }

    /// The user's data folder (`$XDG_DATA_HOME`, else `~/.local/share`).
    pub fn data_home(&self) -> Result<&Path> {
        self.home()?;
        self.data.as_deref().context("no data folder")
    }

    /// The user's configuration folder (`$XDG_CONFIG_HOME`, else `~/.config`).
    pub fn config_home(&self) -> Result<&Path> {
        self.home()?;
        self.config.as_deref().context("no configuration folder")
    }

    /// azup's own folder: certificates, Azurite, locks, records.
    pub fn own_folder(&self) -> Result<PathBuf> {
        let folder = self.data_home()?.join("azup");
        files::check_own_folder(&folder, &self.home()?.join(".local/share"))?;
        Ok(folder)
    }

    /// The program that is running: where azup itself lies.
    pub fn azup(&self) -> Result<PathBuf> {
        std::env::current_exe().map_err(|error| {
            Failure::new(format!("cannot find azup itself: {}", reason(&error))).into()
        })
    }

    /// Whether this process may write anywhere, if need be by [`Machine::changing`].
    pub fn is_root(&self) -> bool {
        self.sudo.is_some() || rustix::process::geteuid().is_root()
    }

    /// Whether this is a dev container that azup's Feature was built into: it left a mark
    /// outside of the workspace, as root. A file of the workspace could come with a
    /// repository and would be believed on the host, too.
    pub fn is_dev_container(&self) -> bool {
        use std::os::unix::fs::MetadataExt as _;
        let is_roots = |path: &Path| {
            path.symlink_metadata().is_ok_and(|about| {
                !about.is_symlink() && about.uid() == 0 && about.mode() & 0o022 == 0
            })
        };
        let mark = Path::new(DEV_CONTAINER_MARK);
        is_roots(mark) && mark.parent().is_some_and(is_roots)
    }

    /// Runs a program to its end without a terminal: it reads `input` or nothing and, where
    /// `setsid` is there, it has no controlling terminal on which it could ask for a
    /// password.
    pub fn run(
        &self,
        argv: &[OsString],
        input: Option<&[u8]>,
        limit: Duration,
    ) -> Result<Finished> {
        let Some(program) = argv.first() else {
            anyhow::bail!("an empty command");
        };
        // A root shell that `su` made has no /usr/sbin on its PATH (Debian).
        let found = program.to_str().and_then(|name| self.find(name));
        let program = found.as_deref().map_or(&**program, Path::as_os_str);
        // sudo knows by the terminal that the password was typed there a moment ago, and
        // `-n` keeps it from asking.
        let setsid = self.find("setsid").filter(|_| argv[0] != "sudo");
        let mut command = if let Some(setsid) = setsid {
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
            .map_err(|error| not_started(argv, &error))?;
        let stdin = child.stdin.take();
        let stdout = child.stdout.take();
        let stderr = child.stderr.take();
        let until = Instant::now() + limit;
        std::thread::scope(|scope| {
            let thread = || std::thread::Builder::new();
            let talk = || {
                if let (Some(mut stdin), Some(input)) = (stdin, input) {
                    // A program that ends before it has read all says so by its exit status.
                    thread().spawn_scoped(scope, move || stdin.write_all(input))?;
                }
                let stdout = thread().spawn_scoped(scope, || drain(stdout))?;
                let stderr = thread().spawn_scoped(scope, || drain(stderr))?;
                Ok((stdout, stderr))
            };
            let (stdout, stderr) = match talk() {
                Ok(both) => both,
                Err(error) => {
                    kill_group(child.id());
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
                    // The whole group: a grandchild that holds the pipes would keep us waiting.
                    kill_group(child.id());
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

/// Does `work` in a thread of its own.
pub fn thread<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<std::thread::JoinHandle<T>> {
    let started = std::thread::Builder::new().spawn(work);
    started.map_err(|error| no_thread(&error).into())
}

/// What is said of a thread that could not be started.
pub fn no_thread(error: &std::io::Error) -> Failure {
    Failure::new(format!("cannot start a thread: {}", reason(error))).hint("ulimit -a")
}

/// Ends a program and all that it started in its process group.
pub fn kill_group(leader: u32) {
    let leader = i32::try_from(leader).ok();
    if let Some(group) = leader.and_then(rustix::process::Pid::from_raw) {
        let _ = rustix::process::kill_process_group(group, rustix::process::Signal::KILL);
    }
}

/// What is said of a program that could not be started.
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

/// Refuses a clock by which no certificate is ever valid.
fn check_clock(now: OffsetDateTime) -> Result<()> {
    if YEARS.contains(&now.year()) {
        return Ok(());
    }
    Err(Failure::new(format!(
        "the clock says {}: certificates are for the years {} to {}",
        now.date(),
        YEARS.start(),
        YEARS.end()
    ))
    .hint("date")
    .into())
}
