//! What .NET reads in addition to the environment, and which of it silently overrides azup:
//! `launchSettings.json` under `dotnet run` and `watch`, `.runsettings` under `dotnet test`. Only
//! files are read; `dotnet` itself, which needs a second for any answer, is never started.

mod command;
pub mod kestrel;
pub mod launch;
mod runsettings;

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use crate::environment::Variable;
use crate::failure::{Failure, command_line, shown};
use crate::files;
use crate::machine::Machine;
use command::{Dotnet, Verb};

/// A variable that a .NET file sets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Set {
    pub name: String,
    pub value: String,
    /// Its line in the file.
    pub line: usize,
}

/// The variables that one file sets for a command, and the same command without them.
struct Origin {
    file: PathBuf,
    set: Vec<Set>,
    without: Vec<OsString>,
}

/// The variables that `command` sets through its own files to other values than `ours`: they are
/// applied later, and win.
pub fn overriding(command: &[OsString], ours: &[Variable], machine: &Machine) -> Vec<Failure> {
    let Some(dotnet) = Dotnet::of(command, machine) else {
        return Vec::new();
    };
    let origins = [launch_settings(&dotnet), run_settings(&dotnet)];
    let told = origins.into_iter().flatten().filter_map(|origin| told(&origin, ours, machine));
    told.collect()
}

fn told(origin: &Origin, ours: &[Variable], machine: &Machine) -> Option<Failure> {
    let differs = |set: &&Set| {
        let mut same = ours.iter().filter(|one| one.name == set.name);
        same.any(|one| one.value.as_deref() != Some(set.value.as_ref()))
    };
    let wins: Vec<&Set> = origin.set.iter().filter(differs).collect();
    let (first, more) = wins.split_first()?;
    let file = origin.file.strip_prefix(machine.cwd()).unwrap_or(&origin.file);
    let mut what = format!("{}:{} sets {} and overrides azup", shown(file), first.line, first.name);
    let more: Vec<String> = more.iter().map(|set| format!("{} in line {}", set.name, set.line)).collect();
    if !more.is_empty() {
        what += &format!(", as it does with {}", more.join(", "));
    }
    let words = ["azup", "run", "--"].map(OsString::from);
    Some(Failure::new(what).hint(command_line(words.iter().chain(&origin.without))))
}

/// The profile of the project that is to run.
fn launch_settings(dotnet: &Dotnet) -> Option<Origin> {
    let named = match &dotnet.profile {
        command::Profile::None => return None,
        command::Profile::First => None,
        command::Profile::Named(name) => Some(name.as_str()),
    };
    if dotnet.verb == Verb::Test && !uses_new_runner(&dotnet.folder) {
        return None;
    }
    let file = dotnet.launch_settings()?;
    let bytes = files::read_if_there(&file).ok()??;
    let profile = launch::profiles(&bytes).into_iter().find(|profile| match named {
        Some(name) => profile.name == name,
        None => profile.is_run,
    })?;
    Some(Origin { file, set: profile.variables, without: dotnet.without_profile() })
}

/// The settings of a test run: named on the command line, or by the project.
fn run_settings(dotnet: &Dotnet) -> Option<Origin> {
    if dotnet.verb != Verb::Test {
        return None;
    }
    let file = match &dotnet.settings {
        Some(file) => file.clone(),
        None => runsettings::named_by_project(&dotnet.folder)?,
    };
    let bytes = files::read_if_there(&file).ok()??;
    let set = runsettings::variables(&String::from_utf8_lossy(&bytes));
    Some(Origin { file, set, without: dotnet.without_settings() })
}

/// Whether `dotnet test` starts the test program as `dotnet run` does, with its profile.
fn uses_new_runner(folder: &Path) -> bool {
    let file = folder.ancestors().map(|folder| folder.join("global.json")).find(|file| file.is_file());
    let bytes = file.and_then(|file| files::read_if_there(&file).ok()?);
    let global = bytes.and_then(|bytes| jsonc_edit::parse(&bytes).ok());
    global.is_some_and(|global| global["test"]["runner"] == "Microsoft.Testing.Platform")
}
