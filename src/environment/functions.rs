//! Azure Functions: the settings with which the host and its worker use this Azurite, as a complete
//! `local.settings.json` to paste. The connection string is the one setting that every trigger,
//! Core Tools and VS Code's extension accept (measured); code in the worker gets separate endpoints
//! and tokens.

use std::path::{Path, PathBuf};

use jsonc_parser::{ParseOptions, parse_to_serde_value};
use serde_json::{Map, Value, json};

use super::Environment;
use crate::failure::Failure;
use crate::files;
use crate::machine::Machine;
use crate::workspace::Workspace;

/// The settings file of a Functions project.
const SETTINGS: &str = "local.settings.json";

/// The host's own connection string.
const STORAGE: &str = "AzureWebJobsStorage";

/// The language whose worker runs the functions.
const RUNTIME: &str = "FUNCTIONS_WORKER_RUNTIME";

/// Settings that do not belong here: `AzureWebJobsStorage` replaces the first four, and the last
/// two lead to the cloud.
const GONE: [&str; 6] = [
    "AzureWebJobsStorage__blobServiceUri",
    "AzureWebJobsStorage__queueServiceUri",
    "AzureWebJobsStorage__tableServiceUri",
    "AzureWebJobsStorage__serviceUri",
    "AzureWebJobsStorage__accountName",
    "AzureWebJobsStorage__credential",
];

/// The whole file. `connections`: the names that the project's bindings use in addition to the
/// host's own.
pub fn settings(environment: &Environment, connections: &[String], machine: &Machine) -> Value {
    let mut values = Map::new();
    if let Some(runtime) = present(machine, RUNTIME).or_else(|| seen(machine).map(str::to_owned)) {
        values.insert(RUNTIME.to_owned(), runtime.into());
    }
    let wanted = |name: &str| {
        name == STORAGE
            || name.starts_with("AZURE_STORAGE_") && name.ends_with("_ENDPOINT")
            || name.starts_with("IDENTITY_")
    };
    for each in environment.variables.iter().filter(|each| wanted(each.name)) {
        if let Some(value) = &each.value {
            values.insert(each.name.to_owned(), value.to_string_lossy().into());
        }
    }
    if let Some(storage) = values.get(STORAGE).cloned() {
        values.extend(connections.iter().map(|name| (name.clone(), storage.clone())));
    }
    json!({ "IsEncrypted": false, "Values": values })
}

/// What must be removed from this folder's file, since these settings do not replace it, and which
/// connections to another account they replace.
pub fn warnings(connections: &[String], machine: &Machine) -> Vec<Failure> {
    let values = match read(machine) {
        Ok(values) => values,
        Err(why) => return vec![why],
    };
    let gone = GONE.into_iter().filter(|name| values.get(name).is_some()).map(|name| {
        Failure::new(format!("{name} in {SETTINGS} conflicts with these: delete it"))
    });
    let replaced = connections.iter().filter(|name| {
        let text = values[name.as_str()].as_str().unwrap_or_default().to_ascii_lowercase();
        text.contains("accountname=") && !text.contains("devstoreaccount1") || text.contains("sharedaccesssignature")
    });
    let replaced = replaced.map(|name| {
        Failure::new(format!("{name} in {SETTINGS} points to another account; with these, it points to Azurite"))
    });
    gone.chain(replaced).collect()
}

/// The `Values` of the project's own file; `Null` if it has none.
fn read(machine: &Machine) -> Result<Value, Failure> {
    let path = machine.absolute(SETTINGS.as_ref());
    let Ok(Some(bytes)) = files::read_if_there(&path) else {
        return Ok(Value::Null);
    };
    let text = String::from_utf8_lossy(&bytes);
    parse_to_serde_value::<Option<Value>>(&text, &ParseOptions::default())
        .map(|settings| settings.unwrap_or_default()["Values"].take())
        .map_err(|_| Failure::new(format!("{SETTINGS} is not JSON, so it was not checked")))
}

/// A setting that the project's own file has.
fn present(machine: &Machine, name: &str) -> Option<String> {
    Some(read(machine).ok()?.get(name)?.as_str()?.to_owned())
}

/// The folder of the Functions project, recognised by its `host.json`; else the current one.
pub fn folder(machine: &Machine) -> PathBuf {
    let folders = Workspace::of(machine).project;
    let host = folders.into_iter().find(|folder| folder.join("host.json").is_file());
    host.unwrap_or_else(|| machine.cwd().to_owned())
}

/// The runtime, judging by the files of the Functions project beside `host.json`.
fn seen(machine: &Machine) -> Option<&'static str> {
    let folder = folder(machine);
    let has = |name: &str| folder.join(name).is_file();
    if let Some(project) = dotnet_project(&folder) {
        // The in-process model names its SDK; the isolated worker has a separate package.
        let in_process = project.contains("Microsoft.NET.Sdk.Functions");
        return Some(if in_process { "dotnet" } else { "dotnet-isolated" });
    }
    [
        ("package.json", "node"),
        ("pom.xml", "java"),
        ("build.gradle", "java"),
        ("build.gradle.kts", "java"),
        ("profile.ps1", "powershell"),
        ("requirements.psd1", "powershell"),
        ("function_app.py", "python"),
        ("requirements.txt", "python"),
        ("pyproject.toml", "python"),
    ]
    .into_iter()
    .find_map(|(name, runtime)| has(name).then_some(runtime))
}

/// The text of a .NET project file in the folder.
fn dotnet_project(folder: &Path) -> Option<String> {
    let entries = std::fs::read_dir(folder).ok()?.flatten();
    let project = entries.map(|entry| entry.path()).find(|path| {
        let extension = path.extension().and_then(|name| name.to_str());
        matches!(extension, Some("csproj" | "fsproj" | "vbproj"))
    })?;
    let bytes = files::read_if_there(&project).ok()??;
    Some(String::from_utf8_lossy(&bytes).into_owned())
}
