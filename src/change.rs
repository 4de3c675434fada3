//! The one place that changes the machine. Stores and project files say *what* should happen to a
//! file, as [`Change`]s that include what they expect to find; dry run, diff, apply and rollback
//! are the same for all of them.

mod preview;
mod undo;

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::{Context as _, Result};

use crate::failure::{Failure, command_line, reason, shown};
use crate::files::{self, Conflict, Content, Lock};
use crate::machine::Machine;
use crate::os;
pub use preview::for_administrator;
use undo::{Before, Undo};

/// How long a program may take to add a certificate to a store. Debian's `update-ca-certificates`
/// with the Java hook needs three seconds (measured).
const PROGRAM_LIMIT: Duration = Duration::from_secs(60);

/// How long to wait for another azup that is changing something.
const LOCK_LIMIT: Duration = Duration::from_secs(30);

/// One change to the machine: what, never why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// Create a folder, with its missing parents; an existing one is left as it is.
    Directory {
        path: PathBuf,
        /// Permission bits of the new folders, such as `0o755`.
        mode: u32,
    },
    /// Remove a folder if it is empty by then; otherwise it stays.
    RemoveFolder {
        path: PathBuf,
    },
    /// Set a file to `content`, provided that it still holds `expect`.
    Write {
        /// A link there is replaced, not followed.
        path: PathBuf,
        /// What is there now; `None`: nothing.
        expect: Option<Vec<u8>>,
        content: Content,
    },
    /// Delete a file, provided that it still holds `expect`.
    Delete {
        path: PathBuf,
        /// What is there now.
        expect: Vec<u8>,
    },
    /// Changes nothing: makes sure that a file still holds `bytes` before programs write to it, and
    /// restores them if one of those fails half-way.
    Snapshot {
        path: PathBuf,
        /// What is there now.
        bytes: Vec<u8>,
    },
    /// Run a program to change what only it can change.
    Run {
        /// The program and its arguments.
        argv: Vec<OsString>,
        /// What it reads from standard input.
        input: Option<Input>,
        /// The command that undoes it, if there is one.
        undo: Option<Vec<OsString>>,
        /// Whether it needs an administrator: other users run it with `sudo -n`.
        admin: bool,
    },
    /// Make Windows trust a root for this user, or stop trusting it.
    #[cfg(windows)]
    Root {
        der: Vec<u8>,
        /// Whether it should be trusted.
        trusted: bool,
    },
}

/// What a program reads from standard input.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Input {
    bytes: Vec<u8>,
    file: Option<PathBuf>,
}

impl Input {
    /// These bytes; `file` has the same contents, for a command line that a person pastes.
    pub fn new(bytes: Vec<u8>, file: Option<PathBuf>) -> Self {
        Self { bytes, file }
    }
}

impl Change {
    /// A file that does not exist yet.
    pub fn create(path: impl Into<PathBuf>, bytes: impl Into<Vec<u8>>, mode: u32) -> Self {
        Self::Write {
            path: path.into(),
            expect: None,
            content: Content::File {
                bytes: bytes.into(),
                mode,
            },
        }
    }

    /// Reduces a file to `left`, or deletes it if that is empty.
    pub fn reduce(path: PathBuf, expect: Vec<u8>, left: Vec<u8>, mode: u32) -> Self {
        if left.is_empty() {
            return Self::Delete { path, expect };
        }
        Self::Write {
            path,
            expect: Some(expect),
            content: Content::File { bytes: left, mode },
        }
    }

    /// A program run as the user.
    pub fn run(argv: Vec<OsString>, undo: Option<Vec<OsString>>) -> Self {
        Self::Run {
            argv,
            input: None,
            undo,
            admin: false,
        }
    }

    /// Whether it replaces an existing file.
    pub fn replaces(&self) -> bool {
        matches!(
            self,
            Self::Write {
                expect: Some(_),
                ..
            }
        )
    }

    fn apply(&self, machine: &Machine) -> Result<Undo<'_>> {
        match self {
            #[cfg(windows)]
            Self::Root { .. } => self.make(machine),
            Self::Run { .. } | Self::Snapshot { .. } => self.make(machine),
            Self::Directory { path, .. }
            | Self::RemoveFolder { path }
            | Self::Write { path, .. }
            | Self::Delete { path, .. } => machine.changing(path, || self.make(machine)),
        }
    }

    fn make(&self, machine: &Machine) -> Result<Undo<'_>> {
        match self {
            #[cfg(windows)]
            Self::Root { der, trusted } => {
                set_root(der, *trusted)?;
                let trusted = !trusted;
                Ok(Undo::Root { der, trusted })
            }
            Self::Directory { path, mode } => {
                Ok(Undo::RemoveFolders(files::make_folder(path, *mode)?))
            }
            Self::RemoveFolder { path } => Ok(remove_folder(path)),
            Self::Write {
                path,
                expect,
                content,
            } => {
                let before = match (expect, std::fs::read_link(path)) {
                    (Some(_), Ok(target)) => Some(Before::Link(target)),
                    (Some(bytes), Err(_)) => Some(Before::Bytes(bytes)),
                    (None, _) => None,
                };
                let after = match content {
                    Content::File { bytes, .. } => bytes,
                    Content::Link(_) => expect.as_deref().unwrap_or_default(),
                };
                files::replace(path, expect.as_deref(), content)?;
                Ok(match before {
                    Some(before) => Undo::Restore {
                        path,
                        after,
                        before,
                    },
                    None => Undo::Delete { path, after },
                })
            }
            Self::Delete { path, expect } => {
                let mode = mode_of(path).unwrap_or(0o644);
                files::delete(path, expect)?;
                Ok(Undo::Create {
                    path,
                    before: expect,
                    mode,
                })
            }
            Self::Snapshot { path, bytes } => {
                if files::read_if_there(path)?.as_ref() != Some(bytes) {
                    return Err(Conflict(path.clone()).into());
                }
                Ok(Undo::PutBack {
                    path,
                    before: bytes,
                })
            }
            Self::Run {
                argv,
                input,
                undo,
                admin,
            } => {
                let argv = if *admin {
                    elevated(argv, machine)
                } else {
                    argv.clone()
                };
                if *admin && !machine.is_root() && machine.find("sudo").is_none() {
                    return Err(Failure::new(
                        "only an administrator can do this, and sudo is not installed",
                    )
                    .into());
                }
                let input = input.as_ref().map(|input| input.bytes.as_slice());
                let done = if *admin {
                    machine.run_as_administrator(&argv, input, PROGRAM_LIMIT)?
                } else {
                    machine.run(&argv, input, PROGRAM_LIMIT)?
                };
                if !done.status.success() {
                    return Err(Failure::new(format!(
                        "{} failed: {}",
                        command_line(&argv),
                        done.last_words()
                    ))
                    .into());
                }
                Ok(match undo {
                    Some(undo) => Undo::Run {
                        argv: undo.clone(),
                        admin: *admin,
                    },
                    None => Undo::Nothing,
                })
            }
        }
    }
}

/// Adds a root to this user's store, or removes it.
#[cfg(windows)]
fn set_root(der: &[u8], trusted: bool) -> Result<()> {
    let done = if trusted { os::roots::add(der) } else { os::roots::delete(der) };
    done.map_err(|error| {
        let what = format!("cannot change CurrentUser\\Root: {}", reason(&error));
        Failure::new(what).into()
    })
}

/// Removes a folder that is empty.
fn remove_folder(path: &Path) -> Undo<'static> {
    let mode = mode_of(path);
    files::remove_empty_folders(&[path.to_owned()]);
    match mode {
        Some(mode) if !files::exists(path) => Undo::MakeFolder {
            path: path.to_owned(),
            mode,
        },
        _ => Undo::Nothing,
    }
}

/// `sudo -n`: it either works without a password or fails at once; azup never waits at an invisible
/// prompt.
fn elevated(argv: &[OsString], machine: &Machine) -> Vec<OsString> {
    let mut all: Vec<OsString> = Vec::new();
    if !machine.is_root() {
        all.extend(["sudo".into(), "-n".into()]);
    }
    all.extend(argv.iter().cloned());
    all
}

/// Applies all of `changes` or none: if one fails, those before it are undone.
pub fn apply(changes: &[Change], machine: &Machine) -> Result<()> {
    let mut done: Vec<Undo<'_>> = Vec::new();
    for change in changes {
        match change.apply(machine) {
            Ok(undo) => done.push(undo),
            Err(error) => {
                for undo in done.into_iter().rev() {
                    // The first failure is the one to report; a file that cannot be restored is at
                    // least complete.
                    let _ = undo.apply(machine);
                }
                return Err(error);
            }
        }
    }
    Ok(())
}

/// Whether planning again may help: another program changed a file between reading and writing.
pub fn is_conflict(error: &anyhow::Error) -> bool {
    error.downcast_ref::<Conflict>().is_some()
}

/// Keeps every other azup of this user from changing anything until it is dropped. Taken only if
/// there is something to change.
pub fn exclusively(machine: &Machine) -> Result<Alone> {
    let path = machine.own_folder()?.join("lock");
    let lock = Lock::acquire(&path, LOCK_LIMIT)
        .context("azup needs a folder of its own for locks and records")?
        .ok_or_else(|| held(os::LockFile::holder(&path)))?;
    ALONE.store(true, Ordering::Relaxed);
    Ok(Alone { _lock: lock })
}

fn held(by: Option<u32>) -> Failure {
    let who = by.map(|pid| format!(", process {pid},")).unwrap_or_default();
    let seconds = LOCK_LIMIT.as_secs();
    let why = format!("another azup{who} has been changing this machine for {seconds} seconds");
    Failure::new(why).hint(by.map_or("pgrep -a azup".to_owned(), |pid| format!("kill {pid}")))
}

/// Whether this azup is the one that is changing the machine.
static ALONE: AtomicBool = AtomicBool::new(false);

/// While it lives, no other azup of this user changes anything.
#[derive(Debug)]
pub struct Alone {
    _lock: Lock,
}

impl Drop for Alone {
    fn drop(&mut self) {
        ALONE.store(false, Ordering::Relaxed);
    }
}

/// Waits until no other azup of this user is changing anything. Creates no file, and does not wait
/// for itself.
pub fn wait_for_others(machine: &Machine) -> Result<()> {
    if !ALONE.load(Ordering::Relaxed) && machine.own_folder()?.join("lock").exists() {
        exclusively(machine)?;
    }
    Ok(())
}

/// The permission bits of what is there.
fn mode_of(path: &Path) -> Option<u32> {
    use crate::os::MetadataExt as _;
    Some(path.metadata().ok()?.mode() & 0o7777)
}

/// Whether only the owner may access a file of this mode.
fn is_secret(mode: u32) -> bool {
    (mode & 0o077) == 0
}

/// Makes sure that a file which must stay private is (mode 0600 or stricter).
pub fn require_private(path: &Path) -> Result<()> {
    let readers = os::readers(path).map_err(|error| {
        Failure::new(format!("cannot read {}: {}", shown(path), reason(&error)))
    })?;
    let Some(readers) = readers else {
        return Ok(());
    };
    Err(Failure::new(format!("{} can be read by other users ({readers})", shown(path)))
        .hint(command_line(os::closing(path)))
        .into())
}
