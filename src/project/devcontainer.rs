//! `devcontainer.json` and the local Feature that installs azup in the container.
//!
//! A Feature and no Dockerfile: it is installed as root while the image is built, its
//! hooks run before the user's own, and the user's file gains one line. Its whole folder
//! becomes a layer of the image, so no key may ever be in it.

use std::path::Path;

use anyhow::{Context as _, Result};
use serde_json::{Value, json};

use super::configuration::NEW;
use super::{Installer, OWN_FOLDER, Project, ProjectFile, json_text};

const CONFIGURATION: &str = include_str!("../../templates/devcontainer.json");
const FEATURE: &str = include_str!("../../templates/feature/devcontainer-feature.json");
const INSTALL: &str = include_str!("../../templates/feature/install.sh");
const START: &str = include_str!("../../templates/feature/start.sh");
const ENTRYPOINT: &str = include_str!("../../templates/feature/entrypoint.sh");

/// Where Azurite's data are in a dev container that Azurite runs in itself.
const DATA: &str = "/var/lib/azurite";

/// The Feature's own files, but for the binary and its `.gitignore`. `embedded`: Azurite runs inside the dev
/// container, its data on a volume.
///
/// # Errors
/// None as long as the templates are what the tests say they are.
pub fn feature_files(embedded: bool) -> Result<Vec<ProjectFile>> {
    let own = Path::new(OWN_FOLDER);
    let install = if embedded {
        INSTALL.replacen("\ndata=\n", &format!("\ndata={DATA}\n"), 1)
    } else {
        INSTALL.to_owned()
    };
    Ok(vec![
        // No shell of a container runs a script that git gave CRLF (`core.autocrlf`).
        ProjectFile::text(own.join(".gitattributes"), "*.sh text eol=lf\n"),
        ProjectFile::text(own.join("devcontainer-feature.json"), feature(embedded)?),
        ProjectFile::script(own.join("install.sh"), install),
        ProjectFile::script(own.join("start.sh"), START),
        ProjectFile::script(own.join("entrypoint.sh"), ENTRYPOINT),
    ])
}

/// The configuration of a new project.
///
/// # Errors
/// None as long as the template is what the tests say it is.
pub fn new_configuration(project: &Project) -> Result<ProjectFile> {
    Ok(ProjectFile::text(NEW, configuration(project)?))
}

fn configuration(project: &Project) -> Result<String> {
    let mut value: Value = serde_json::from_str(CONFIGURATION)?;
    value["name"] = json!(project.name);
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

/// What the image of a new project has not got, although the project is installed by it.
fn missing_program(installer: Installer) -> Option<&'static str> {
    match installer {
        Installer::Uv => Some("uv"),
        Installer::Poetry => Some("poetry"),
        Installer::Pip | Installer::Npm => None,
    }
}

fn feature(embedded: bool) -> Result<String> {
    let mut value: Value = serde_json::from_str(FEATURE)?;
    value["version"] = json!(env!("CARGO_PKG_VERSION"));
    if embedded {
        value["mounts"] = json!([{
            "source": "azurite-data-${devcontainerId}",
            "target": DATA,
            "type": "volume"
        }]);
        for event in ["onCreateCommand", "postStartCommand"] {
            let hook = value[event].as_str().context("the template has hooks")?;
            value[event] = json!(format!("{hook} {DATA}"));
        }
    }
    json_text(&value)
}
