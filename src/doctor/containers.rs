//! The dev container: whether its files are those of this azup, and which engine runs it.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use anyhow::Result;

use super::{Check, Context, Finding, Run};
use crate::failure::{Failure, command_line, shown};
use crate::machine::Machine;
use crate::project::binary::{self, Binary};
use crate::project::configuration::{self, Configuration};
use crate::project::record::Record;
use crate::project::{OWN_FOLDER, Project, Request, Status, devcontainer};

pub(super) const CHECKS: &[Check] = &[
    Check {
        id: "devcontainer-files",
        title: "the dev container's files are those of this azup",
        explained_by: &[],
        starts_program: false,
        run: Run::Check(drifted),
    },
    Check {
        id: "container-engine",
        title: "a container engine answers",
        explained_by: &[],
        starts_program: true,
        run: Run::Check(engine),
    },
    Check {
        id: "container-compose",
        title: "compose is there",
        explained_by: &[],
        starts_program: true,
        run: Run::Check(compose),
    },
];

/// The project's folder: the nearest one that has a dev container.
fn project(machine: &Machine) -> Option<&Path> {
    let mut folders = machine.cwd().ancestors();
    folders.find(|folder| folder.join(".devcontainer").is_dir())
}

/// The files in azup's own folder that differ from what this azup would write. The program in it is
/// not compared: it may be for another architecture.
fn drift(machine: &Machine, folder: &Path, record: &Record) -> Result<Vec<PathBuf>> {
    let project = Project::observe(machine, folder)?;
    let mut drifted = Vec::new();
    for configuration in record.configurations.keys() {
        let request = Request {
            certs: None,
            configuration: Some(configuration.into()),
            image: None,
            compose: false,
            node_feature: false,
            replace_scripts: false,
            launch_profile: false,
            credential: devcontainer::credential(folder),
            binary: Binary::without_program(folder),
        };
        let files = project.plan(machine, &request)?.files;
        drifted.extend(
            files
                .into_iter()
                .filter(|(path, status)| path.starts_with(OWN_FOLDER) && *status != Status::Kept)
                .map(|(path, _)| path),
        );
    }
    drifted.sort();
    drifted.dedup();
    Ok(drifted)
}

/// A configuration that names azup's own folder although that does not exist, as in a clone of a
/// repository that ignores it.
fn dangling(folder: &Path) -> Result<Option<PathBuf>> {
    if folder.join(OWN_FOLDER).is_dir() {
        return Ok(None);
    }
    for path in configuration::find(folder)? {
        if let Ok(known) = Configuration::read(folder, &path)?
            && configuration::names_own_folder(&known.value, &path)
        {
            return Ok(Some(path));
        }
    }
    Ok(None)
}

/// Whether the container's azup exists, which git does not keep.
fn has_program(folder: &Path) -> Result<bool> {
    let mut files = std::fs::read_dir(folder.join(OWN_FOLDER))?.flatten();
    Ok(files.any(|file| file.file_name().to_string_lossy().starts_with(binary::PREFIX)))
}

fn drifted(context: &Context) -> Result<Finding> {
    if let Some(folder) = project(&context.machine)
        && let Some(path) = dangling(folder)?
    {
        let what = format!(
            "{} names {OWN_FOLDER}, which is not here: the container cannot be built",
            shown(&path)
        );
        let init = command_line(&[OsString::from("azup"), "init".into(), folder.into()]);
        return Ok(Finding::fail(what).fix(init));
    }
    let Some(folder) = project(&context.machine).filter(|folder| folder.join(OWN_FOLDER).is_dir())
    else {
        return Ok(Finding::skip("azup init has not been run here"));
    };
    let init = command_line(&[OsString::from("azup"), "init".into(), folder.into()]);
    // A person changed what is azup's: the container may well work with it.
    let changed = |error: &anyhow::Error| {
        let fix = Failure::hint_of(error).map_or(init.clone(), str::to_owned);
        Finding::warn(format!("{error:#}")).fix(fix)
    };
    let record = match Record::load(folder) {
        Ok(Some((record, _))) => record,
        Ok(None) => {
            let what = format!("{} is missing", shown(&Record::path()));
            return Ok(Finding::fail(what).fix(init));
        }
        Err(error) => return Ok(changed(&error)),
    };
    // If the container is up, it has the program.
    if !context.machine.is_dev_container() && !has_program(folder)? {
        let what = format!("{OWN_FOLDER} lacks the azup for the container, which git does not keep");
        return Ok(Finding::fail(what).fix(init));
    }
    let drifted = match drift(&context.machine, folder, &record) {
        Ok(drifted) => drifted,
        Err(error) => return Ok(changed(&error)),
    };
    if drifted.is_empty() {
        return Ok(Finding::ok(OWN_FOLDER));
    }
    let names: Vec<String> = drifted
        .iter()
        .map(|path| path.display().to_string())
        .collect();
    let what = format!("not what this azup would write: {}", names.join(", "));
    Ok(Finding::warn(what).fix(init))
}

/// Why no engine is needed; `None` if one is.
fn unneeded(machine: &Machine) -> Option<Finding> {
    if project(machine).is_none() {
        return Some(Finding::skip("there is no dev container here"));
    }
    let inside = ["REMOTE_CONTAINERS", "CODESPACES"];
    // Set by VS Code; dev containers that other tools start have the engine's own mark.
    let marked = ["/.dockerenv", "/run/.containerenv"].map(Path::new);
    let marked = marked.iter().any(|mark| mark.exists());
    let engines = ["docker", "podman", "docker-compose"];
    let without = engines.iter().all(|name| machine.find(name).is_none());
    if inside.iter().any(|name| machine.var(name).is_some()) || (marked && without) {
        return Some(Finding::skip("this is inside a container"));
    }
    None
}

fn engine(context: &Context) -> Result<Finding> {
    let machine = &context.machine;
    if let Some(finding) = unneeded(machine) {
        return Ok(finding);
    }
    let found = ["docker", "podman"]
        .into_iter()
        .find(|name| machine.find(name).is_some());
    let Some(engine) = found else {
        let what = "neither docker nor podman is installed; azup up needs none";
        return Ok(Finding::warn(what).fix(context.up()));
    };
    let words = [engine, "info", "--format", "{{.ServerVersion}}"].map(OsString::from);
    let start = format!("start the engine of {engine}; azup up needs none");
    let done = match context.program(&words, None) {
        Ok(done) => done,
        Err(error) => return Ok(Finding::warn(format!("{error:#}")).by_hand(&start)),
    };
    let version = String::from_utf8_lossy(&done.stdout).trim().to_owned();
    if done.status.success() && !version.is_empty() {
        return Ok(Finding::ok(format!("{engine} {version}")));
    }
    let what = format!("{engine} does not reach its engine: {}", done.last_words());
    Ok(Finding::warn(what).by_hand(&start))
}

fn compose(context: &Context) -> Result<Finding> {
    let machine = &context.machine;
    if let Some(finding) = unneeded(machine) {
        return Ok(finding);
    }
    for words in [
        &["docker", "compose", "version", "--short"][..],
        &["docker-compose", "version", "--short"],
        &["podman", "compose", "version", "--short"],
    ] {
        if machine.find(words[0]).is_none() {
            continue;
        }
        let argv: Vec<OsString> = words.iter().map(OsString::from).collect();
        if let Ok(done) = context.program(&argv, None)
            && done.status.success()
        {
            let version = String::from_utf8_lossy(&done.stdout).trim().to_owned();
            return Ok(Finding::ok(format!("compose {version}")));
        }
    }
    let what = "neither docker compose nor docker-compose is there; azup up needs neither";
    Ok(Finding::warn(what).fix(context.up()))
}
