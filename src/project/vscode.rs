//! VS Code's `tasks.json` and `launch.json`: before each debugging session dependencies
//! are installed, then the CA is put back that an update of certifi has taken out, then
//! the Functions host starts where there is one.

use std::path::Path;

use anyhow::{Context as _, Result};
use serde_json::{Value, json};

use super::{Installer, Project, ProjectFile, json_text};

const TASKS: &str = include_str!("../../templates/tasks.json");
const LAUNCH: &str = include_str!("../../templates/launch.json");

/// The task that installs dependencies.
const INSTALL_TASK: &str = "install dependencies";
/// The task that puts the CA where it is missing.
const TRUST_TASK: &str = "azup: trust";
/// The task that runs the Azure Functions host.
const FUNCTIONS_TASK: &str = "func host start";

/// Both files of a new project.
///
/// # Errors
/// None as long as the templates are what the tests say they are.
pub fn files(project: &Project) -> Result<Vec<ProjectFile>> {
    Ok(vec![
        ProjectFile::text(".vscode/tasks.json", tasks(project)?),
        ProjectFile::text(".vscode/launch.json", launch(project)?),
    ])
}

fn tasks(project: &Project) -> Result<String> {
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
            (FUNCTIONS_TASK, _, Some(folder)) if folder != Path::new("") => {
                // No shell reads this, so a space in the name needs no quotes.
                let folder = folder.to_string_lossy();
                task["options"]["cwd"] = json!(format!("${{workspaceFolder}}/{folder}"));
            }
            _ => {}
        }
    }
    tasks.retain(|task| match task["label"].as_str() {
        Some(INSTALL_TASK) => project.installer.is_some(),
        Some(FUNCTIONS_TASK) => project.functions.is_some(),
        _ => true,
    });
    json_text(&value)
}

fn launch(project: &Project) -> Result<String> {
    let mut value: Value = serde_json::from_str(LAUNCH)?;
    value["configurations"]
        .as_array_mut()
        .context("the template lists configurations")?
        .retain(|one| one["preLaunchTask"] != FUNCTIONS_TASK || project.functions.is_some());
    json_text(&value)
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
