//! The editor: whether its task would find azup. A task searches the PATH of its own terminal, in
//! which the user's environment is not activated.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use anyhow::Result;
use memchr::memmem;

use super::{Check, Context, Finding, Run};
use crate::failure::{command_line, quoted, shown};
use crate::files;
use crate::git;
use crate::machine::Machine;
use crate::os::{self, MetadataExt as _};
use crate::project::vscode::{TRUST_TASK, has_trust_task};
use crate::workspace::Workspace;

pub(super) const CHECKS: &[Check] = &[Check {
    id: "editor-task",
    title: "the task of VS Code finds azup",
    explained_by: &[],
    starts_program: false,
    run: Run::Check(task),
}];

/// Where the task looks in addition to PATH: in the user's home, and where Homebrew has its
/// programs.
const OF_USER: [&str; 2] = [".local/bin", ".cargo/bin"];
const HOMEBREW: &str = "/opt/homebrew/bin";

const PROGRAM: &str = if cfg!(windows) { "azup.exe" } else { "azup" };

fn task(context: &Context) -> Result<Finding> {
    let machine = &context.machine;
    let Some(folder) = project(machine) else {
        return Ok(Finding::skip("no project here has the task"));
    };
    if let Some(found) = found(machine, &folder) {
        return Ok(Finding::ok(shown(&found)));
    }
    let this = machine.azup()?;
    let bin = machine.home()?.join(OF_USER[0]);
    let what = format!(
        "\"{TRUST_TASK}\" does nothing: {} is in none of the folders in which it looks",
        shown(&this)
    );
    let (this, bin) = (this.as_os_str(), bin.as_os_str());
    if cfg!(windows) {
        let make = command_line(["New-Item", "-ItemType", "Directory", "-Force"]);
        let copy = command_line([OsStr::new("Copy-Item"), this, bin]);
        return Ok(Finding::warn(what).fix(format!("{make} {}; {copy}", quoted(bin))));
    }
    let make = command_line(["mkdir".as_ref(), "-p".as_ref(), bin]);
    let link = command_line(["ln".as_ref(), "-sf".as_ref(), this, bin]);
    Ok(Finding::warn(what).fix(format!("{make} && {link}")))
}

/// The nearest folder of the project whose tasks include azup's.
fn project(machine: &Machine) -> Option<PathBuf> {
    let mut folders = Workspace::of(machine).project.into_iter();
    folders.find(|folder| has_trust_task(folder))
}

/// The azup that the task would run, in its search order.
fn found(machine: &Machine, folder: &Path) -> Option<PathBuf> {
    let on_path = machine.find("azup").filter(|found| !is_of_environment(found));
    let home = machine.home().ok();
    let of_user = home.into_iter().flat_map(|home| OF_USER.map(|below| home.join(below)));
    let mut others = of_user.chain([HOMEBREW.into()]).map(|folder| folder.join(PROGRAM));
    on_path
        .or_else(|| others.find(|path| path.is_file()))
        .or_else(|| of_package(folder))
}

/// Whether a program is on PATH only while its environment is active in this shell.
fn is_of_environment(program: &Path) -> bool {
    let folder = program.parent().and_then(Path::parent);
    folder.is_some_and(|folder| {
        folder.join("pyvenv.cfg").is_file() || folder.join("conda-meta").is_dir()
    })
}

/// The one in the project's environment, if the package azurite-up installed it and no repository
/// brought it.
fn of_package(folder: &Path) -> Option<PathBuf> {
    if cfg!(windows) {
        let is_there = folder.join(r".venv\Lib\site-packages\azurite_up\__main__.py").is_file();
        let program = folder.join(r".venv\Scripts\azup.exe");
        let is_ours = is_there && program.is_file() && !git::tracks(&program).unwrap_or(true);
        return is_ours.then_some(program);
    }
    let program = folder.join(".venv/bin/azup");
    // The task's own test: `[ -O … ]`.
    let us = os::user();
    let is_ours = |about: std::fs::Metadata| about.is_file() && about.uid() == us;
    if !program.metadata().is_ok_and(is_ours) || git::tracks(&program).unwrap_or(true) {
        return None;
    }
    let entries = |folder: &Path| {
        let entries = folder.read_dir().into_iter().flatten().flatten();
        entries.map(|entry| entry.path()).collect::<Vec<PathBuf>>()
    };
    let packages = entries(&folder.join(".venv/lib"))
        .into_iter()
        .flat_map(|python| entries(&python.join("site-packages")));
    let mut records = packages.filter_map(|package| {
        let name = package.file_name()?.to_str()?;
        (name.starts_with("azurite_up-") && name.ends_with(".dist-info"))
            .then(|| files::read_if_there(&package.join("RECORD")).ok().flatten())?
    });
    records
        .any(|record| memmem::find(&record, b"bin/azup,").is_some())
        .then_some(program)
}
