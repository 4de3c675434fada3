//! Whether a command can be run at all, with the shells' exit codes if not.

use std::ffi::{OsStr, OsString};
use std::io::{Error, ErrorKind};
use std::path::{Path, PathBuf};

use anyhow::Result;

use crate::failure::{Exit, Failure, command_line, quoted, reason};
use crate::machine::Machine;
use crate::os::{self, OsStrExt as _};
use crate::workspace::Workspace;

/// The shells' exit code for a command that does not exist.
const NOT_FOUND: Exit = Exit::Program(127);

/// The shells' exit code for a command that cannot be run.
const NOT_RUNNABLE: Exit = Exit::Program(126);

/// Where an environment has its programs.
const PROGRAMS: &str = if cfg!(windows) { "Scripts" } else { "bin" };

/// Where projects keep their Python environments.
const ENVIRONMENTS: [&str; 3] = [".venv", "venv", ".conda"];

/// Makes sure that `program` exists, by its path or on PATH, and can be run.
pub(super) fn require(program: &OsStr, rest: &[OsString], machine: &Machine) -> Result<()> {
    if is_path(program) {
        return match state(&machine.absolute(Path::new(program)), machine) {
            State::Runnable => Ok(()),
            State::Missing => Err(missing(program, "no such file").into()),
            State::Other(why) => Err(unusable(program, &why).into()),
        };
    }
    let path = machine.var("PATH").unwrap_or_default();
    let mut found = None;
    for folder in std::env::split_paths(path) {
        match state(&machine.absolute(&folder).join(program), machine) {
            State::Runnable => return Ok(()),
            State::Missing => {}
            State::Other(why) => found = found.or(Some(why)),
        }
    }
    if let Some(why) = found {
        return Err(unusable(program, &why).into());
    }
    let failure = missing(program, "not on PATH");
    Err(match in_environment(program, machine) {
        Some(path) => failure.hint(with(&path, rest)),
        None => failure,
    }
    .into())
}

/// What is started: on Windows the file itself, since `npm` does not resolve to `npm.cmd` there.
pub(super) fn started(program: &OsStr, machine: &Machine) -> OsString {
    if !cfg!(windows) {
        return program.to_owned();
    }
    let path = machine.var("PATH").filter(|_| !is_path(program)).unwrap_or_default();
    let here = is_path(program).then(PathBuf::new);
    let folders = here.into_iter().chain(std::env::split_paths(path));
    let mut files = folders.map(|folder| file(&machine.absolute(&folder).join(program), machine));
    files.find(|path| path.is_file()).map_or_else(|| program.to_owned(), PathBuf::into_os_string)
}

/// A possible surprise: the project has an environment with this program, but it is not active, so
/// another program runs.
pub(super) fn passed_over(program: &OsStr, rest: &[OsString], machine: &Machine) -> Option<Failure> {
    let active = ["VIRTUAL_ENV", "CONDA_PREFIX"].iter().any(|name| machine.var(name).is_some());
    if active || is_path(program) {
        return None;
    }
    let path = in_environment(program, machine)?;
    let what = format!(
        "{} is not the one in the project's environment, which is not active",
        quoted(program)
    );
    Some(Failure::new(what).hint(with(&path, rest)))
}

/// tox hands on no variable of azup's but those of the CA, unless its settings say so: this adds
/// to them for whatever it runs, beside what the user has set.
pub(super) fn tox(command: &[OsString], machine: &Machine) -> Option<(&'static str, OsString)> {
    const OVERRIDE: &str = "TOX_OVERRIDE";
    const HANDED_ON: &str = "testenv.pass_env+=AZURE_*,IDENTITY_*";
    let is_tox = |word: &OsString| Path::new(word).file_stem() == Some(OsStr::new("tox"));
    command.iter().any(is_tox).then(|| {
        let mut all = machine.var(OVERRIDE).unwrap_or_default().to_owned();
        if !all.is_empty() {
            all.push(";");
        }
        all.push(HANDED_ON);
        (OVERRIDE, all)
    })
}

/// A Python environment's own folder for programs, in the project; relative to here.
fn in_environment(program: &OsStr, machine: &Machine) -> Option<PathBuf> {
    let folders = Workspace::of(machine).project;
    let mut paths = folders.iter().flat_map(|folder| {
        ENVIRONMENTS.map(|name| folder.join(name).join(PROGRAMS).join(program))
    });
    let path = paths.find(|path| matches!(state(path, machine), State::Runnable))?;
    Some(path.strip_prefix(machine.cwd()).map_or(path.clone(), Path::to_owned))
}

fn with(program: &Path, rest: &[OsString]) -> String {
    let words = ["azup", "run", "--"].map(OsStr::new).into_iter();
    command_line(words.chain([program.as_os_str()]).chain(rest.iter().map(OsString::as_os_str)))
}

/// The failure if the operating system refused to start it.
pub(super) fn not_started(program: &OsStr, error: &Error) -> Failure {
    match error.kind() {
        ErrorKind::NotFound => missing(program, "it or its interpreter does not exist"),
        _ => unusable(program, &reason(error)),
    }
}

enum State {
    Runnable,
    Missing,
    Other(String),
}

/// Whether a program is given by its path, so that PATH is not searched.
fn is_path(program: &OsStr) -> bool {
    let bytes = program.as_bytes();
    bytes.contains(&b'/') || (cfg!(windows) && bytes.contains(&b'\\'))
}

/// The program's file: on Windows it may be given without its extension (`python`, `npm`).
fn file(path: &Path, machine: &Machine) -> PathBuf {
    let Some(ends) = machine.var("PATHEXT").filter(|_| cfg!(windows)) else {
        return path.to_owned();
    };
    let with = |end: &str| {
        let mut name = path.as_os_str().to_owned();
        name.push(end);
        PathBuf::from(name)
    };
    let ends = ends.to_string_lossy().into_owned();
    let mut all = ends.split(';').map(with);
    all.find(|path| path.is_file()).unwrap_or_else(|| path.to_owned())
}

fn state(path: &Path, machine: &Machine) -> State {
    let path = &file(path, machine);
    let Ok(about) = path.metadata() else {
        return State::Missing;
    };
    if about.is_dir() {
        return State::Other("it is a folder".to_owned());
    }
    match os::may_run(path) {
        Ok(()) => State::Runnable,
        Err(error) => State::Other(reason(&error)),
    }
}

fn missing(program: &OsStr, why: &str) -> Failure {
    Failure::new(format!("cannot run {}: {why}", quoted(program))).exit(NOT_FOUND)
}

fn unusable(program: &OsStr, why: &str) -> Failure {
    Failure::new(format!("cannot run {}: {why}", quoted(program))).exit(NOT_RUNNABLE)
}
