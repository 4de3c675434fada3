//! `devcontainer.json` and the local Feature that installs azup in the container.
//!
//! A Feature, not a Dockerfile: it is installed as root while the image is built, its hooks run
//! before the user's own, and the user's file gains only one line. Its whole folder becomes a layer
//! of the image, so no key may ever be in it.

use std::path::Path;

use anyhow::{Context as _, Result};
use serde_json::{Map, Value, json};

use super::configuration::NEW;
use super::language::Container;
use super::{OWN_FOLDER, Project, ProjectFile, json_text};
use crate::files;
use crate::options::Credential;

const CONFIGURATION: &str = include_str!("../../templates/devcontainer.json");
const FEATURE: &str = include_str!("../../templates/feature/devcontainer-feature.json");
const INSTALL: &str = include_str!("../../templates/feature/install.sh");
const START: &str = include_str!("../../templates/feature/start.sh");
const ENTRYPOINT: &str = include_str!("../../templates/feature/entrypoint.sh");
const NODE: &str = include_str!("../../templates/feature/node.cjs");
const README: &str = include_str!("../../templates/feature/README.md");

/// Where Azurite's data are in a dev container that runs Azurite itself.
pub const DATA: &str = "/var/lib/azurite";

/// The name of the Feature's description.
const DESCRIPTION: &str = "devcontainer-feature.json";

/// The member of the Feature's description that starts azup's endpoint for tokens.
const STARTS_ENDPOINT: &str = "entrypoint";

/// The Feature's own files, except the binary, its `.gitignore` and the [`entrypoint`]. `data`:
/// Azurite runs inside the dev container, with its data on a volume in this folder. `variables`:
/// the environment for every process in the container.
pub fn feature_files(
    data: Option<&str>,
    credential: Credential,
    variables: &Map<String, Value>,
) -> Result<Vec<ProjectFile>> {
    let own = Path::new(OWN_FOLDER);
    let set = |script: &str, name: &str, value: &str| {
        let line = format!("\n{name}={value}\n");
        script.replacen(&format!("\n{name}=\n"), &line, 1)
    };
    let start = match credential {
        Credential::Local => set(START, "tokens", "yes"),
        Credential::Az => START.to_owned(),
    };
    Ok(vec![
        // A container's shell does not run a script that git gave CRLF (`core.autocrlf`).
        ProjectFile::text(own.join(".gitattributes"), "*.sh text eol=lf\n"),
        ProjectFile::text(own.join(DESCRIPTION), feature(data, credential, variables)?),
        ProjectFile::script(
            own.join("install.sh"),
            set(INSTALL, "data", data.unwrap_or_default()),
        ),
        ProjectFile::script(own.join("start.sh"), start),
        // For people who review the change that adds this folder.
        ProjectFile::text(own.join("README.md"), README),
    ])
}

/// The script that starts the endpoint for tokens with the container.
pub fn entrypoint() -> ProjectFile {
    ProjectFile::script(Path::new(OWN_FOLDER).join("entrypoint.sh"), ENTRYPOINT)
}

/// Every file of azup's own folder that hardly depends on the project, for comparison.
pub(super) fn files_of_any() -> Result<Vec<ProjectFile>> {
    let mut all = feature_files(None, Credential::Local, &Map::new())?;
    all.extend([entrypoint(), serve(), node()]);
    Ok(all)
}

/// The script that the Azurite beside the dev container runs, mounted by the overlay.
pub fn serve() -> ProjectFile {
    ProjectFile::text(Path::new(OWN_FOLDER).join("serve.cjs"), crate::azurite::SERVE)
}

/// The script that is loaded into a Node.js program that F5 starts on the user's machine.
pub fn node() -> ProjectFile {
    ProjectFile::text(Path::new(OWN_FOLDER).join("node.cjs"), NODE)
}

/// What gives code in the dev container its access tokens as the project is set up now; azup's
/// endpoint if it is not set up yet.
pub fn credential(folder: &Path) -> Credential {
    let there = files::read_if_there(&folder.join(OWN_FOLDER).join(DESCRIPTION));
    let there = there.ok().flatten().unwrap_or_default();
    let feature: Value = serde_json::from_slice(&there).unwrap_or_default();
    if feature.is_object() && feature.get(STARTS_ENDPOINT).is_none() {
        Credential::Az
    } else {
        Credential::Local
    }
}

/// The configuration of a new project.
pub fn new_configuration(project: &Project, container: &Container) -> Result<ProjectFile> {
    let mut value: Value = serde_json::from_str(CONFIGURATION)?;
    value["name"] = json!(project.name);
    let features = value["features"].as_object_mut();
    let features = features.context("the template has features")?;
    features.extend(container.features.clone());
    let fields = value.as_object_mut().context("the template is an object")?;
    if container.extensions.is_empty() {
        fields.shift_remove("customizations");
    } else {
        fields["customizations"]["vscode"]["extensions"] = json!(container.extensions);
    }
    if let Some(ready) = &container.ready {
        value["postCreateCommand"] = json!(ready);
    }
    Ok(ProjectFile::text(NEW, json_text(&value)?))
}

fn feature(
    data: Option<&str>,
    credential: Credential,
    variables: &Map<String, Value>,
) -> Result<String> {
    let mut value: Value = serde_json::from_str(FEATURE)?;
    value["version"] = json!(env!("CARGO_PKG_VERSION"));
    value["containerEnv"] = json!(variables);
    if credential == Credential::Az {
        let fields = value.as_object_mut().context("the template is an object")?;
        fields.shift_remove(STARTS_ENDPOINT);
    }
    if let Some(data) = data {
        value["mounts"] = json!([{
            "source": "azurite-data-${devcontainerId}",
            "target": data,
            "type": "volume"
        }]);
        for event in ["onCreateCommand", "postStartCommand"] {
            let hook = value[event].as_str().context("the template has hooks")?;
            value[event] = json!(format!("{hook} {data}"));
        }
    }
    json_text(&value)
}
