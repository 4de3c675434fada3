//! The two files if one or both do not exist: built from the templates to fit the project and the
//! other file.

use std::path::Path;

use anyhow::{Context as _, Result};
use serde_json::{Value, json};

use super::launch::debugged;
use super::tasks::Tasks;
use crate::options::Language;
use crate::project::language::Installer;
use super::{FUNCTIONS_TASK, INSTALL_TASK, TRUST_TASK, install, node};
use crate::project::Project;
use crate::project::language::{install as install_line, install_on_windows};

const TASKS: &str = include_str!("../../../templates/tasks.json");
const CURRENT_FILE: &str = "Python: Current File";

/// The type of the debugger for Node.js, which is part of the editor.
const NODE: &str = "node";
/// The type of the debugger for Python.
const PYTHON: &str = "debugpy";

const LAUNCH: &str = include_str!("../../../templates/launch.json");

/// azup's task, without `dependsOn`.
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

/// A new `tasks.json`. If `launch` starts the Functions host by the name that VS Code's extension
/// uses, the task gets that name.
pub(super) fn tasks(project: &Project, launch: Option<&Value>) -> Result<Value> {
    let mut value: Value = serde_json::from_str(TASKS)?;
    let tasks = value["tasks"]
        .as_array_mut()
        .context("the template lists tasks")?;
    for task in tasks.iter_mut() {
        let label = task["label"].as_str().unwrap_or_default().to_owned();
        match (label.as_str(), install_line(&project.seen), host(project)) {
            (INSTALL_TASK, Some(line), _) => {
                task["command"] = json!(line);
                if let Some(line) = install_on_windows(&project.seen) {
                    task["windows"] = json!({"command": line, "options": on_windows(&trust()?)});
                }
            }
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
        Some(INSTALL_TASK) => install_line(&project.seen).is_some(),
        Some(TRUST_TASK) => true,
        _ => host(project).is_some(),
    });
    Ok(value)
}

/// The name of the Functions host's task in a `launch.json`.
fn host_label(launch: &Value) -> Option<&str> {
    debugged(launch, false).into_iter().find_map(|entry| {
        let label = entry.value["preLaunchTask"].as_str()?;
        ["func: host start", "func: start", FUNCTIONS_TASK]
            .contains(&label)
            .then_some(label)
    })
}

/// The folder of a Functions host that runs Python.
fn host(project: &Project) -> Option<&Path> {
    let leading = project.seen.leading()?.language;
    project.functions.as_deref().filter(|_| leading == Language::Python)
}

/// The options in a task's Windows block: cmd.exe, which every Windows has, whatever the editor's
/// shell is.
fn on_windows(trust: &Value) -> Value {
    trust["windows"]["options"].clone()
}

/// Whether a project without a `launch.json` gets one: if F5 has something to start.
pub(super) fn has_launch(project: &Project) -> bool {
    project.seen.has_python() || node::program(project).is_some()
}

/// A new `launch.json`, to go with these tasks. What F5 starts comes first: Node.js if it leads,
/// else the host, else the project's one program, else the file in the editor.
pub(super) fn launch(project: &Project, tasks: &Value) -> Result<Value> {
    let host = python_host(&Tasks::read(tasks));
    let node = node::program(project);
    let environment = environment(project, tasks);
    let mut value: Value = serde_json::from_str(LAUNCH)?;
    let configurations = value["configurations"]
        .as_array_mut()
        .context("the template lists configurations")?;
    configurations.retain(|one| {
        if one["type"] == NODE {
            return node.is_some();
        }
        project.seen.has_python() && (one["preLaunchTask"] != FUNCTIONS_TASK || host.is_some())
    });
    if let Some(program) = &node {
        configurations[0]["name"] = json!(format!("Node.js: {program}"));
        configurations[0]["program"] = json!(format!("${{workspaceFolder}}/{program}"));
    }
    if host.is_none()
        && node.is_none()
        && let Some(program) = program(project)
    {
        let current = configurations.iter().find(|one| one["name"] == CURRENT_FILE);
        let mut own = current.context("the template has it")?.clone();
        own["name"] = json!(format!("Python: {program}"));
        own["program"] = json!(format!("${{workspaceFolder}}/{program}"));
        configurations.insert(0, own);
    }
    for one in configurations {
        if one["preLaunchTask"] == FUNCTIONS_TASK {
            one["preLaunchTask"] = json!(host);
        }
        if let Some(folder) = &environment
            && one["type"] == PYTHON
            && one["request"] == "launch"
        {
            one["python"] = json!(format!("{folder}/bin/python"));
            one["windows"] = json!({"python": format!("{folder}/Scripts/python.exe")});
        }
    }
    Ok(value)
}

/// The environment that the task before the session creates if none works. An editor chooses before
/// that, and would take the system's Python.
fn environment(project: &Project, tasks: &Value) -> Option<String> {
    let makes = matches!(project.seen.installer?, Installer::Pip | Installer::PipProject | Installer::Uv);
    let all = tasks["tasks"].as_array()?;
    let line = install_line(&project.seen)?;
    let is_ours = all.iter().any(|task| task["label"] == INSTALL_TASK && task["command"] == *line);
    (makes && is_ours).then(|| {
        let parts = project.seen.folder.components().map(|part| part.as_os_str().to_string_lossy());
        let all: Vec<_> = ["${workspaceFolder}".into()].into_iter().chain(parts).chain([".venv".into()]).collect();
        all.join("/")
    })
}

/// The program of a project, if it has one with a usual name.
fn program(project: &Project) -> Option<&'static str> {
    let mut there = ["app.py", "main.py"]
        .into_iter()
        .filter(|name| project.folder.join(name).is_file());
    let first = there.next();
    first.filter(|_| there.next().is_none())
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
