//! The two files where one of them, or both, are not there: from the templates, made to
//! fit what the project is and what the other file says.

use std::path::Path;

use anyhow::{Context as _, Result};
use serde_json::{Value, json};

use super::launch::debugged;
use super::tasks::Tasks;
use super::{FUNCTIONS_TASK, INSTALL_TASK, TRUST_TASK, install};
use crate::project::{Installer, Project};

const TASKS: &str = include_str!("../../../templates/tasks.json");
const LAUNCH: &str = include_str!("../../../templates/launch.json");

/// Our task, without `dependsOn`.
pub(super) fn trust() -> Result<Value> {
    let value: Value = serde_json::from_str(TASKS)?;
    let tasks = value["tasks"]
        .as_array()
        .context("the template lists tasks")?;
    let found = tasks.iter().find(|task| task["label"] == TRUST_TASK);
    let mut trust = found.context("the template has our task")?.clone();
    trust
        .as_object_mut()
        .map(|task| task.shift_remove("dependsOn"));
    Ok(trust)
}

/// A new `tasks.json`. Where `launch` starts the Functions host by the name that VS Code's
/// extension has for it, the task gets that name.
pub(super) fn tasks(project: &Project, launch: Option<&Value>) -> Result<Value> {
    let mut value: Value = serde_json::from_str(TASKS)?;
    let tasks = value["tasks"]
        .as_array_mut()
        .context("the template lists tasks")?;
    for task in tasks.iter_mut() {
        let label = task["label"].as_str().unwrap_or_default().to_owned();
        match (label.as_str(), project.installer, &project.functions) {
            (INSTALL_TASK, Some(installer), _) => task["command"] = json!(command(installer)),
            (TRUST_TASK, None, _) => {
                task.as_object_mut()
                    .map(|task| task.shift_remove("dependsOn"));
            }
            (FUNCTIONS_TASK, _, Some(folder)) => {
                if folder != Path::new("") {
                    // No shell reads this, so a space in the name needs no quotes.
                    let folder = folder.to_string_lossy();
                    task["options"]["cwd"] = json!(format!("${{workspaceFolder}}/{folder}"));
                }
                if let Some(label) = launch.and_then(host_label) {
                    task["label"] = json!(label);
                }
            }
            _ => {}
        }
    }
    tasks.retain(|task| match task["label"].as_str() {
        Some(INSTALL_TASK) => project.installer.is_some(),
        Some(TRUST_TASK) => true,
        _ => project.functions.is_some(),
    });
    Ok(value)
}

/// How a `launch.json` calls the task of the Functions host.
fn host_label(launch: &Value) -> Option<&str> {
    debugged(launch).into_iter().find_map(|entry| {
        let label = entry.value["preLaunchTask"].as_str()?;
        ["func: host start", "func: start", FUNCTIONS_TASK]
            .contains(&label)
            .then_some(label)
    })
}

/// A new `launch.json`, beside these tasks.
pub(super) fn launch(tasks: &Value) -> Result<Value> {
    let host = python_host(&Tasks::read(tasks));
    let mut value: Value = serde_json::from_str(LAUNCH)?;
    let configurations = value["configurations"]
        .as_array_mut()
        .context("the template lists configurations")?;
    configurations.retain(|one| one["preLaunchTask"] != FUNCTIONS_TASK || host.is_some());
    for one in configurations {
        if one["preLaunchTask"] == FUNCTIONS_TASK {
            one["preLaunchTask"] = json!(host);
        }
    }
    Ok(value)
}

/// The one task that runs a Functions host for Python: the template attaches to no other.
fn python_host(tasks: &Tasks) -> Option<String> {
    let mut hosts = (0..tasks.count).filter(|&index| {
        let task = tasks.get(index);
        let matcher = task["problemMatcher"].to_string();
        install::is_functions_host(task)
            && task["isBackground"] == true
            && (matcher.contains("python") || task["options"].to_string().contains("PYTHON"))
    });
    match (hosts.next(), hosts.next()) {
        (Some(host), None) => Some(tasks.name(host)),
        _ => None,
    }
}

/// The shell command that installs what the project asks for, and changes nothing where
/// that is there.
fn command(installer: Installer) -> &'static str {
    match installer {
        Installer::Uv => "uv sync",
        Installer::Poetry => "poetry install --no-interaction",
        Installer::Pip => {
            "test -d .venv || python3 -m venv .venv && .venv/bin/python -m pip install -r requirements.txt"
        }
        Installer::Npm => "npm install",
    }
}
