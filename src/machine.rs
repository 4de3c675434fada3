//! The only seam to the outside: environment, home, clock and processes. Everything else is passed
//! a [`Machine`], so that a test controls HOME, PATH and time by starting `azup` with another
//! environment.

#[cfg(unix)]
mod listener;
mod process;
mod programs;

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Context as _, Result};
use time::OffsetDateTime;

use crate::failure::{Exit, Failure, reason, shown};
use crate::files;
use crate::git;
use crate::os;
use crate::sudo::SudoUser;

#[cfg(windows)]
pub use crate::os::{is_another_users, listener};
#[cfg(unix)]
pub use listener::{is_another_users, listener};
pub use process::{Finished, no_thread, not_started, thread};

/// The file that the dev container Feature's `install.sh` leaves while the image is built.
const DEV_CONTAINER_MARK: &str = "/usr/local/share/azup/dev-container";

/// The years in which a certificate can be made: parsers count its dates from 1970, and the last
/// year is 9999 (RFC 5280, 4.1.2.5).
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

/// A running clock, for a process that lives for days: the machine's, offset by as much as
/// `AZUP_NOW` was when azup started.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    ahead: time::Duration,
}

impl Clock {
    /// The time now. Not from a monotonic clock, which stands still while a laptop sleeps.
    pub fn now(self) -> OffsetDateTime {
        OffsetDateTime::now_utc() + self.ahead
    }
}

impl Machine {
    /// The environment of this process. Under sudo, that of the user who ran sudo ([`SudoUser`]).
    ///
    /// `AZUP_NOW` (seconds since 1970) sets the clock, for tests that cover a certificate's whole
    /// life.
    pub fn here() -> Result<Self> {
        let env: BTreeMap<OsString, OsString> = os::variables().collect();
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
            data: os::data_home(),
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

    /// The machine as seen by the user who ran `sudo`. A home that is not root's was chosen on
    /// purpose and stays.
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

    /// The user who ran `sudo azup`, if it was started that way.
    pub fn sudo_user(&self) -> Option<&str> {
        self.sudo.as_ref().map(|user| user.name.as_str())
    }

    /// Does `work`, which changes `path`: under sudo, as root if only root can make a change on
    /// that path, and as the user otherwise.
    pub fn changing<T>(&self, path: &Path, work: impl FnOnce() -> Result<T>) -> Result<T> {
        match &self.sudo {
            Some(user) if user.leaves_to_root(path) => user.as_root(work),
            _ => work(),
        }
    }

    /// Like [`Machine::run`], but under sudo the program runs as root, in root's home.
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

    /// The same machine with another current folder.
    pub fn at(&self, folder: &Path) -> Self {
        Self {
            cwd: self.absolute(folder),
            ..self.clone()
        }
    }

    /// The same machine with each variable as `to` returns it, or without it.
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

    /// The names of all variables that are not empty and can be displayed.
    pub fn variables(&self) -> impl Iterator<Item = &str> {
        let set = self.env.iter().filter(|(_, value)| !value.is_empty());
        set.filter_map(|(name, _)| name.to_str())
    }

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

    /// The same clock, but running. Exact to a second.
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
        self.refuse_brought(&folder)?;
        Ok(folder)
    }

    /// Refuses an own folder that a repository brought along, through variables in a file that some
    /// tool reads: it determines which CAs this machine trusts.
    fn refuse_brought(&self, folder: &Path) -> Result<()> {
        static FINE: Mutex<BTreeSet<PathBuf>> = Mutex::new(BTreeSet::new());
        let mut fine = FINE.lock().unwrap_or_else(PoisonError::into_inner);
        if fine.contains(folder) {
            return Ok(());
        }
        if files::exists(folder) {
            let why = match git::tracks(folder) {
                Ok(true) => "git tracks what is in it".to_owned(),
                Err(unclear) => unclear.to_string(),
                Ok(false) if git::is_in_repository(folder) || self.is_outside(folder) => String::new(),
                Ok(false) => "it is in the project".to_owned(),
            };
            if !why.is_empty() {
                let what = "is not used for what azup keeps of this machine";
                let variable = if self.var("XDG_DATA_HOME").is_some() { "XDG_DATA_HOME" } else { "HOME" };
                return Err(Failure::new(format!("{} {what}: {why}", shown(folder)))
                    .hint(format!("unset {variable}"))
                    .exit(Exit::Refused)
                    .into());
            }
        }
        fine.insert(folder.to_owned());
        Ok(())
    }

    /// The running program: where azup itself is.
    pub fn azup(&self) -> Result<PathBuf> {
        std::env::current_exe().map_err(|error| {
            Failure::new(format!("cannot find azup itself: {}", reason(&error))).into()
        })
    }

    /// Whether this process may write anywhere, if need be through [`Machine::changing`].
    pub fn is_root(&self) -> bool {
        self.sudo.is_some() || os::user() == 0
    }

    /// Whether this is a dev container that azup's Feature was built into: it left a mark outside
    /// the workspace, as root. A file in the workspace could come with a repository and would be
    /// trusted on the host, too.
    pub fn is_dev_container(&self) -> bool {
        use crate::os::MetadataExt as _;
        let is_roots = |path: &Path| {
            path.symlink_metadata().is_ok_and(|about| {
                !about.is_symlink() && about.uid() == 0 && about.mode() & 0o022 == 0
            })
        };
        let mark = Path::new(DEV_CONTAINER_MARK);
        is_roots(mark) && mark.parent().is_some_and(is_roots)
    }
}

/// Refuses a clock at which no certificate is ever valid.
fn check_clock(now: OffsetDateTime) -> Result<()> {
    if YEARS.contains(&now.year()) {
        return Ok(());
    }
    Err(Failure::new(format!(
        "the clock says {}: azup makes certificates only in the years {} to {}",
        now.date(),
        YEARS.start(),
        YEARS.end()
    ))
    .hint("date")
    .into())
}
