//! The dev container configurations of a project: where they are, which one is meant, of what kind
//! it is, and what to add to it.

mod edits;

use std::path::{Component, Path, PathBuf};

use jsonc_edit::Refusal;
use anyhow::Result;
use serde_json::Value;

use super::OWN_FOLDER;
use super::observe::folders_in;
use super::paths;
use crate::failure::{Exit, Failure, command_line, shown};
use crate::files;

pub(super) use edits::{NODE_FEATURE, is_azurites, is_overlay, is_own_feature, said_of};
pub use edits::{compose_edits, embedded_edits, has_node_feature, names_own_folder, with_overlay};

/// Where a new project's configuration is.
pub const NEW: &str = ".devcontainer/devcontainer.json";

/// An existing configuration.
#[derive(Clone, Debug)]
pub struct Configuration {
    /// Where, relative to the project's folder.
    pub path: PathBuf,
    /// The file behind links.
    pub real: PathBuf,
    pub bytes: Vec<u8>,
    /// Its parsed contents.
    pub value: Value,
}

/// What a dev container is made from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Compose files, relative to the configuration's folder, and the service.
    Compose {
        /// `dockerComposeFile`.
        files: Vec<String>,
        /// `service`.
        service: String,
    },
    /// An image, or a Dockerfile.
    Single,
}

/// The configurations in `folder`, relative to it, in the order in which tools look for
/// them (containers.dev, "devcontainer.json").
pub fn find(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut found = vec![PathBuf::from(NEW), PathBuf::from(".devcontainer.json")];
    for name in folders_in(&folder.join(".devcontainer"))? {
        let below = Path::new(".devcontainer").join(name);
        if below != Path::new(OWN_FOLDER) {
            found.push(below.join("devcontainer.json"));
        }
    }
    found.retain(|path| files::exists(&folder.join(path)));
    Ok(found)
}

/// The configurations in `folder`, relative to it, that name azup's own folder: they are already
/// set up, even if the record is lost.
pub fn set_up(folder: &Path) -> Result<Vec<String>> {
    let mut known = Vec::new();
    for path in find(folder)? {
        if let Ok(configuration) = Configuration::read(folder, &path)?
            && names_own_folder(&configuration.value, &path)
        {
            known.push(super::slashed(&path));
        }
    }
    Ok(known)
}

/// The configuration that is meant: the named one, else the only one, else the only one that was
/// set up before, else the one whose number `ask` returns. `None`: there is none.
pub fn choose(
    folder: &Path,
    named: Option<&Path>,
    before: &[&str],
    ask: impl FnOnce(&[PathBuf]) -> Option<usize>,
) -> Result<Option<PathBuf>> {
    let found = find(folder)?;
    let list = || {
        let all: Vec<String> = found.iter().map(|path| shown(path)).collect();
        all.join(", ")
    };
    if let Some(named) = named {
        let wanted = |path: &&PathBuf| {
            let (path, named) = (folder.join(path), plain(named));
            path == named || path.parent() == Some(&*named)
        };
        return match found.iter().find(wanted) {
            Some(path) => Ok(Some(path.clone())),
            None if found.is_empty() => Err(usage(format!(
                "{} has no dev container configuration, so {} is not one",
                shown(folder),
                shown(named)
            ))
            .into()),
            None => Err(usage(format!(
                "{} is not one of the dev container configurations in {}: {}",
                shown(named),
                shown(folder),
                list()
            ))
            .into()),
        };
    }
    let known: Vec<&PathBuf> = found
        .iter()
        .filter(|path| before.iter().any(|known| Path::new(known) == *path))
        .collect();
    match (&*found, &*known) {
        ([], _) => Ok(None),
        ([only], _) => Ok(Some(only.clone())),
        (_, [only]) => Ok(Some((*only).clone())),
        _ => match ask(&found).and_then(|number| found.get(number)) {
            Some(path) => Ok(Some(path.clone())),
            None => Err(usage(format!(
                "{} has several dev container configurations: {}",
                shown(folder),
                list()
            ))
            .hint(command_line([
                "azup".as_ref(),
                "init".as_ref(),
                "--config".as_ref(),
                folder.join(&found[0]).as_os_str(),
                folder.as_os_str(),
            ]))
            .into()),
        },
    }
}

fn usage(what: String) -> Failure {
    Failure::new(what).exit(Exit::Usage)
}

/// A path without `.` and `..`, as the dev container tools resolve it.
pub(in crate::project) fn plain(path: &Path) -> PathBuf {
    let mut plain = PathBuf::new();
    for part in path.components() {
        match part {
            Component::CurDir => {}
            Component::ParentDir if plain.file_name().is_some() => {
                plain.pop();
            }
            part => plain.push(part),
        }
    }
    plain
}

impl Configuration {
    /// Reads the configuration at `path`, relative to the folder `project`.
    pub fn read(project: &Path, path: &Path) -> Result<Result<Self, Refusal>> {
        let real = match paths::real(project, path) {
            Ok(real) => real,
            Err(blocked) => return Ok(Err(blocked.of(path))),
        };
        let bytes = files::read(&real)?;
        Ok(jsonc_edit::parse(&bytes).and_then(|value| {
            if path.to_str().is_none() {
                return Err(Refusal("its name is not UTF-8".to_owned()));
            }
            if !value.is_object() {
                return Err(Refusal("it is not a JSON object".to_owned()));
            }
            Ok(Self {
                path: path.to_owned(),
                real,
                bytes,
                value,
            })
        }))
    }

    /// What the dev container is made from.
    pub fn kind(&self) -> Result<Kind, Refusal> {
        kind(&self.value)
    }

    /// The compose files, absolute, in their order.
    pub fn compose_files(&self, project: &Path, files: &[String]) -> Vec<PathBuf> {
        let folder = project.join(self.path.parent().unwrap_or(Path::new("")));
        files
            .iter()
            .map(|file| {
                let file = file.replace("${localWorkspaceFolder}", &project.to_string_lossy());
                plain(&folder.join(file))
            })
            .collect()
    }
}

/// As [`Configuration::kind`], of a value.
pub(super) fn kind(value: &Value) -> Result<Kind, Refusal> {
    let text = |value: &Value| value.as_str().map(str::to_owned);
    let files = match value.get("dockerComposeFile") {
        None => return Ok(Kind::Single),
        Some(Value::Array(files)) => files.iter().map(text).collect(),
        Some(file) => text(file).map(|file| vec![file]),
    };
    match (files, value["service"].as_str()) {
        (Some(files), Some(service)) if !files.is_empty() => Ok(Kind::Compose {
            files,
            service: service.to_owned(),
        }),
        (Some(files), None) if !files.is_empty() => Err(Refusal(
            "it has dockerComposeFile, but no service".to_owned(),
        )),
        _ => Err(Refusal("its dockerComposeFile names no file".to_owned())),
    }
}
