//! The launch profile "azurite" in `Properties/launchSettings.json`, only on request: with it,
//! `dotnet run`, C# Dev Kit, Visual Studio and Rider find Azurite without `azup run`. It is added
//! after the existing profiles, so that F5 does the same as before. The file is committed, so it
//! contains neither a path nor a secret: the header is the one that dev containers have.

use std::path::{Path, PathBuf};

use anyhow::Result;
use serde_json::{Map, Value, json};

use jsonc_edit::{Addition, Edit, Step};
use super::language::{Tree, is};
use super::{Project, ProjectFile, json_text};
use crate::azurite::{Account, Ports};
use crate::dotnet::launch;
use crate::environment;
use crate::identity;

const NAME: &str = "azurite";

/// What a program needs that gets nothing from a container or a shell.
const VARIABLES: [&str; 5] = [
    "AZURE_STORAGE_BLOB_ENDPOINT",
    "AZURE_STORAGE_QUEUE_ENDPOINT",
    "AZURE_STORAGE_TABLE_ENDPOINT",
    "IDENTITY_ENDPOINT",
    "IDENTITY_HEADER",
];

/// A project that can be started.
pub(super) struct Runnable {
    name: String,
    /// Its `launchSettings.json`, relative to the folder.
    pub(super) path: PathBuf,
    is_web: bool,
}

/// Every project that a profile can start: not a library, not tests, not Functions, which have
/// their own host, and not an `AppHost`, which starts others.
pub(super) fn runnable(folder: &Path) -> Vec<Runnable> {
    let tree = Tree::read(folder);
    let projects = tree.all(|name| ["csproj", "fsproj", "vbproj"].iter().any(|kind| is(name, kind)));
    let found = projects.filter_map(|project| {
        let text = tree.text(project);
        let has = |word: &str| text.contains(word);
        let is_web = has("Microsoft.NET.Sdk.Web\"");
        let starts = is_web || has("Microsoft.NET.Sdk.Worker\"") || has("<OutputType>Exe") || has("<OutputType>WinExe");
        let other = ["Microsoft.NET.Test.Sdk", "AzureFunctionsVersion", "Aspire.AppHost.Sdk", "IsAspireHost"];
        let path = project.parent()?.join(launch::PATH);
        (starts && !other.iter().any(|word| has(word))).then(|| Runnable {
            name: project.file_stem().unwrap_or_default().to_string_lossy().into_owned(),
            path,
            is_web,
        })
    });
    found.collect()
}

/// Whether a path, relative to a project's folder, is such a file.
pub(super) fn is_settings(path: &Path) -> bool {
    path.ends_with(launch::PATH)
}

impl Runnable {
    /// The addition to an existing file.
    pub(super) fn edit(&self, there: &Value) -> Edit {
        Edit::Member {
            at: vec![Step::Key("profiles".to_owned())],
            key: NAME.to_owned(),
            value: self.profile(there),
        }
    }

    /// The file if there is none. `dotnet run` takes its first profile by default.
    pub(super) fn new_file(&self) -> Result<ProjectFile> {
        let plain = json!({"commandName": "Project"});
        let mut profiles = Map::new();
        profiles.insert(self.name.clone(), plain);
        profiles.insert(NAME.to_owned(), self.profile(&Value::Null));
        Ok(ProjectFile::text(&self.path, json_text(&json!({ "profiles": profiles }))?))
    }

    /// Opens what the first profile opens.
    fn profile(&self, there: &Value) -> Value {
        let profiles = there["profiles"].as_object().into_iter().flatten();
        let mut others = profiles.filter(|(name, _)| *name != NAME).map(|(_, profile)| profile);
        let first = others.find(|profile| profile["commandName"] == "Project");
        let mut profile = json!({"commandName": "Project"});
        for name in ["launchBrowser", "launchUrl", "applicationUrl", "dotnetRunMessages"] {
            if let Some(value) = first.and_then(|first| first.get(name)) {
                profile[name] = value.clone();
            }
        }
        let kind = if self.is_web { "ASPNETCORE_ENVIRONMENT" } else { "DOTNET_ENVIRONMENT" };
        let mut variables = Map::new();
        variables.insert(kind.to_owned(), json!("Development"));
        let tokens = (identity::url(identity::loopback(identity::PORT)), identity::FIXED.to_owned());
        let account = Account::default();
        for (name, value) in environment::services(&account, Ports::USUAL, false, Some(&tokens)) {
            if VARIABLES.contains(&name) {
                variables.insert(name.to_owned(), json!(value));
            }
        }
        profile["environmentVariables"] = Value::Object(variables);
        profile
    }
}

impl Project {
    /// azup's part of such a file, if it is exactly as azup writes it.
    pub(super) fn launch_addition(&self, path: &Path, value: &Value) -> Option<Addition> {
        let runnable = runnable(&self.folder).into_iter().find(|one| one.path == path)?;
        let profile = runnable.profile(value);
        (value["profiles"][NAME] == profile).then(|| Addition::Member {
            at: vec![Step::Key("profiles".to_owned())],
            key: NAME.to_owned(),
            value: profile,
            made: 0,
            inside: None,
        })
    }
}
