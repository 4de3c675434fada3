//! `devcontainer.json` and the local Feature that installs azup in the container.
//!
//! A Feature and no Dockerfile: it is installed as root while the image is built, its
//! hooks run before the user's own, and the user's file gains one line. Its whole folder
//! becomes a layer of the image, so no key may ever be in it.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use serde_json::{Value, json};

use super::observe::folders_in;
use super::{Installer, OWN_FOLDER, Project, ProjectFile, json_text};
use crate::failure::{Failure, reason, shown};
use crate::files;

const CONFIGURATION: &str = include_str!("../../templates/devcontainer.json");
const FEATURE: &str = include_str!("../../templates/feature/devcontainer-feature.json");
const INSTALL: &str = include_str!("../../templates/feature/install.sh");
const START: &str = include_str!("../../templates/feature/start.sh");

/// Where a new project's configuration is.
const CONFIGURATION_FILE: &str = ".devcontainer/devcontainer.json";

/// The configuration and the Feature of a new project.
///
/// # Errors
/// Where the running azup cannot be read, to be copied for the container.
pub fn files(project: &Project) -> Result<Vec<ProjectFile>> {
    let own = Path::new(OWN_FOLDER);
    let mut files = vec![
        ProjectFile::text(CONFIGURATION_FILE, configuration(project)?),
        ProjectFile::text(own.join(".gitignore"), "azup-linux-*\n"),
        ProjectFile::text(own.join("devcontainer-feature.json"), feature()?),
        ProjectFile::script(own.join("install.sh"), INSTALL),
        ProjectFile::script(own.join("start.sh"), START),
    ];
    files.extend(binary(own)?);
    Ok(files)
}

/// Dev container configurations that azup did not write: `.devcontainer.json` and
/// `.devcontainer/<name>/devcontainer.json`, relative to `folder`. They are the places
/// where tools look, beside the one that azup writes (containers.dev, "devcontainer.json").
///
/// # Errors
/// Where a folder cannot be read.
pub fn other_configurations(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut found = vec![PathBuf::from(".devcontainer.json")];
    for name in folders_in(&folder.join(".devcontainer"))? {
        found.push(
            Path::new(".devcontainer")
                .join(name)
                .join("devcontainer.json"),
        );
    }
    found.retain(|path| files::exists(&folder.join(path)));
    Ok(found)
}

fn configuration(project: &Project) -> Result<String> {
    let mut value: Value = serde_json::from_str(CONFIGURATION)?;
    value["name"] = json!(name(project));
    if project.functions.is_some() {
        value["customizations"]["vscode"]["extensions"]
            .as_array_mut()
            .context("the template lists extensions")?
            .push(json!("ms-azuretools.vscode-azurefunctions"));
    }
    if let Some(program) = project.installer.and_then(missing_program) {
        value["postCreateCommand"] = json!(format!(
            "command -v {program} || pipx install {program} || echo '{program} is missing: install it before you debug'"
        ));
    }
    json_text(&value)
}

/// A clone in a folder of another name keeps the name that is committed.
fn name(project: &Project) -> String {
    let existing = std::fs::read(project.folder.join(CONFIGURATION_FILE)).ok();
    existing
        .and_then(|bytes| serde_json::from_slice::<Value>(&bytes).ok())
        .and_then(|value| value["name"].as_str().map(str::to_owned))
        .unwrap_or_else(|| project.name.clone())
}

/// What the image of a new project has not got, although the project is installed by it.
fn missing_program(installer: Installer) -> Option<&'static str> {
    match installer {
        Installer::Uv => Some("uv"),
        Installer::Poetry => Some("poetry"),
        Installer::Pip | Installer::Npm => None,
    }
}

fn feature() -> Result<String> {
    let mut value: Value = serde_json::from_str(FEATURE)?;
    value["version"] = json!(env!("CARGO_PKG_VERSION"));
    json_text(&value)
}

/// The running azup for the container, where this machine's programs run in one.
fn binary(own: &Path) -> Result<Option<ProjectFile>> {
    if !cfg!(target_os = "linux") {
        return Ok(None);
    }
    let failed = |error: &std::io::Error| {
        Failure::new(format!(
            "cannot copy azup for the dev container: {}",
            reason(error)
        ))
    };
    let running = std::env::current_exe().map_err(|error| failed(&error))?;
    let bytes = std::fs::read(&running).map_err(|error| {
        Failure::new(format!(
            "cannot copy {} for the dev container: {}",
            shown(&running),
            reason(&error)
        ))
    })?;
    Ok(Some(ProjectFile {
        path: own.join(format!("azup-linux-{}", architecture())),
        bytes,
        mode: 0o755,
        replaceable: true,
    }))
}

/// This machine's architecture as container images name it (`GOARCH`); `install.sh`
/// derives the same from `uname -m`.
fn architecture() -> &'static str {
    match std::env::consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        other => other,
    }
}
