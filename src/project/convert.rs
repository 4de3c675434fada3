//! `azup init --compose`: turns a dev container that is made from an image or a Dockerfile into one
//! made by compose. What compose mode does not accept (`runArgs`, `workspaceMount`, `appPort`) goes
//! into a compose file instead, and defaults that differ there are written out; anything that
//! cannot be expressed is refused.

mod arguments;
mod variables;

use std::path::{Path, PathBuf};

use jsonc_edit::{Edit, Refusal};
use serde_json::{Map, Value, json};

use super::compose::text::{literal, quoted, scalar};
use variables::{Paths, resolve};

/// The service that is the dev container.
const SERVICE: &str = "devcontainer";

/// The result of turning a configuration into one for compose.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Conversion {
    /// Where the compose file goes, relative to the project's folder.
    pub path: PathBuf,
    /// Its contents: the dev container as its only service. Azurite is in the overlay.
    pub compose: String,
    /// The name of that service.
    pub service: String,
    /// The changes to devcontainer.json. `dockerComposeFile` is set to this one file.
    pub edits: Vec<Edit>,
}

/// Converts a configuration. `file` is devcontainer.json relative to the project's
/// folder; `workspace` is the folder that is mounted by default, absolute: see
/// [`workspace`].
pub fn convert(
    configuration: &Value,
    file: &Path,
    project: &Path,
    workspace: &Path,
) -> Result<Conversion, Refusal> {
    let refuse = |why: &str| Err(Refusal(why.to_owned()));
    let Some(members) = configuration.as_object() else {
        return refuse("it is not an object");
    };
    if members.contains_key("dockerComposeFile") {
        return refuse("it uses compose already");
    }
    let own_folder = file.parent().unwrap_or(Path::new(""));
    // Beside devcontainer.json, and never in the project's folder, where a plain
    // `docker compose up` would find it.
    let folder = if own_folder.as_os_str().is_empty() {
        Path::new(".devcontainer")
    } else {
        own_folder
    };
    let path = folder.join("docker-compose.yml");
    let place = Paths {
        project,
        folder: project.join(folder),
    };
    let mut service = Compose::default();
    image_or_build(members, &project.join(own_folder), &place, &mut service)?;
    if members.get("overrideCommand") != Some(&Value::Bool(false)) {
        service.set("command", "sleep infinity");
    }
    let workspace_folder = mount(members, &place, workspace, &mut service)?;
    if let Some(ports) = members.get("appPort") {
        for port in list(ports) {
            service.push("ports", app_port(port)?);
        }
    }
    if let Some(words) = members.get("runArgs") {
        let Some(words) = words.as_array() else {
            return refuse("runArgs is not a list");
        };
        let words: Option<Vec<&str>> = words.iter().map(Value::as_str).collect();
        let words =
            words.ok_or_else(|| Refusal("runArgs contains something other than text".into()))?;
        arguments::add(&words, &place, &mut service)?;
    }
    let mut edits: Vec<Edit> = [
        "image",
        "build",
        "dockerFile",
        "context",
        "runArgs",
        "appPort",
        "workspaceMount",
    ]
    .into_iter()
    .filter(|key| members.contains_key(*key))
    .map(|key| Edit::Drop {
        at: Vec::new(),
        key: key.to_owned(),
    })
    .collect();
    let file_name = if own_folder.as_os_str().is_empty() {
        ".devcontainer/docker-compose.yml"
    } else {
        "docker-compose.yml"
    };
    let mut wanted = vec![
        ("dockerComposeFile", json!(file_name)),
        ("service", json!(SERVICE)),
    ];
    if !members.contains_key("workspaceFolder") {
        wanted.push(("workspaceFolder", json!(workspace_folder)));
    }
    edits.extend(wanted.into_iter().map(|(key, value)| Edit::Member {
        at: Vec::new(),
        key: key.to_owned(),
        value,
    }));
    if members.get("shutdownAction") == Some(&json!("stopContainer")) {
        edits.push(Edit::Replace {
            at: vec![jsonc_edit::Step::Key("shutdownAction".to_owned())],
            from: json!("stopContainer"),
            to: json!("stopCompose"),
        });
    }
    Ok(Conversion {
        path,
        compose: service.text(),
        service: SERVICE.to_owned(),
        edits,
    })
}

/// The folder that the dev container tools mount by default: the root of the git repository around
/// `project`, else `project` itself.
pub fn workspace(project: &Path) -> PathBuf {
    let root = project.ancestors().find(|at| at.join(".git").exists());
    root.unwrap_or(project).to_owned()
}

/// The service as it is built up: strings are compose's, so a dollar sign starts a variable.
#[derive(Default)]
struct Compose {
    members: Map<String, Value>,
}

impl Compose {
    fn set(&mut self, key: &str, value: impl Into<Value>) {
        self.members.insert(key.to_owned(), value.into());
    }

    fn push(&mut self, key: &str, value: impl Into<Value>) {
        let list = self.members.entry(key).or_insert_with(|| json!([]));
        if let Value::Array(items) = list {
            items.push(value.into());
        }
    }

    /// The file. Every value is quoted unless it is plainly a string.
    fn text(&self) -> String {
        let mut text = "# The dev container. Written by `azup init --compose` from devcontainer.json; from then\n\
             # on it is yours to change. Azurite is in a file of its own.\n"
            .to_owned();
        text.push_str(&format!("services:\n  {SERVICE}:\n"));
        write(&mut text, &self.members, 4);
        text
    }
}

fn write(text: &mut String, members: &Map<String, Value>, indent: usize) {
    for (key, value) in members {
        let margin = " ".repeat(indent);
        text.push_str(&format!("{margin}{}:", scalar(key)));
        match value {
            Value::Object(members) => {
                text.push('\n');
                write(text, members, indent + 2);
            }
            Value::Array(items) => {
                text.push('\n');
                for item in items {
                    if let Value::Object(members) = item {
                        let mut inner = String::new();
                        write(&mut inner, members, indent + 4);
                        text.push_str(&format!("{margin}  - {}", inner.trim_start()));
                    } else {
                        text.push_str(&format!("{margin}  - {}\n", one(item)));
                    }
                }
            }
            other => text.push_str(&format!(" {}\n", one(other))),
        }
    }
}

fn one(value: &Value) -> String {
    match value {
        Value::String(text) if text == "sleep infinity" => text.clone(),
        // An image with a tag reads better unquoted, and is not a mapping without a space.
        Value::String(text)
            if text.starts_with(|c: char| c.is_ascii_alphabetic())
                && text.contains(['/', '@'])
                && text
                    .chars()
                    .all(|c| c.is_ascii_alphanumeric() || "/.:@_-".contains(c)) =>
        {
            text.clone()
        }
        Value::String(text) if text == ".." || text == "." => text.clone(),
        Value::String(text) => {
            let bare = scalar(text);
            if bare.starts_with('"') {
                quoted(text)
            } else {
                bare
            }
        }
        other => other.to_string(),
    }
}

fn image_or_build(
    members: &Map<String, Value>,
    own_folder: &Path,
    place: &Paths<'_>,
    service: &mut Compose,
) -> Result<(), Refusal> {
    let build = members.get("build").cloned().unwrap_or_else(|| json!({}));
    let Some(build) = build.as_object() else {
        return Err(Refusal("build is not an object".to_owned()));
    };
    let either = |new: &str, old: &str| build.get(new).or_else(|| members.get(old)).cloned();
    let dockerfile = either("dockerfile", "dockerFile");
    let Some(dockerfile) = dockerfile else {
        let image = members.get("image").and_then(Value::as_str);
        let image = image.ok_or_else(|| Refusal("it names neither image nor Dockerfile".into()))?;
        service.set("image", resolve("image", image, place)?);
        return Ok(());
    };
    let known = ["dockerfile", "context", "args", "target", "cacheFrom"];
    if let Some(key) = build.keys().find(|key| !known.contains(&key.as_str())) {
        return Err(Refusal(format!(
            "build.{key} has no counterpart in a compose file"
        )));
    }
    let text = |key: &str, value: &Value| match value.as_str() {
        Some(text) => Ok(text.to_owned()),
        None => Err(Refusal(format!("{key} is not text"))),
    };
    let dockerfile = text("build.dockerfile", &dockerfile)?;
    let context = match either("context", "context") {
        Some(context) => text("build.context", &context)?,
        None => ".".to_owned(),
    };
    let mut made = Map::new();
    // Both are relative to devcontainer.json; compose takes the file relative to the context.
    let context_at = own_folder.join(&context);
    let context = place.relative(&context_at);
    let file = super::compose::relative(&context_at, &own_folder.join(&dockerfile));
    made.insert("context".into(), literal(&context).into());
    made.insert("dockerfile".into(), literal(&file.to_string_lossy()).into());
    if let Some(target) = build.get("target") {
        let target = text("build.target", target)?;
        made.insert(
            "target".into(),
            resolve("build.target", &target, place)?.into(),
        );
    }
    if let Some(args) = build.get("args").and_then(Value::as_object) {
        let mut named = Map::new();
        for (name, value) in args {
            let value = text("build.args", value)?;
            named.insert(name.clone(), resolve("build.args", &value, place)?.into());
        }
        made.insert("args".into(), named.into());
    }
    if let Some(from) = build.get("cacheFrom") {
        let from: Result<Vec<Value>, Refusal> = list(from)
            .iter()
            .map(|from| {
                Ok(resolve("build.cacheFrom", &text("build.cacheFrom", from)?, place)?.into())
            })
            .collect();
        made.insert("cache_from".into(), from?.into());
    }
    service.set("build", made);
    Ok(())
}

/// The mount of the workspace; returns the folder in the container.
fn mount(
    members: &Map<String, Value>,
    place: &Paths<'_>,
    workspace: &Path,
    service: &mut Compose,
) -> Result<String, Refusal> {
    let named = members.get("workspaceMount").and_then(Value::as_str);
    if let Some(named) = named {
        if members.get("workspaceFolder").is_none() {
            return Err(Refusal("workspaceMount without workspaceFolder".to_owned()));
        }
        if !named.is_empty() {
            service.push("volumes", arguments::mount("workspaceMount", named, place)?);
        }
        return Ok(String::new());
    }
    let name = workspace.file_name().unwrap_or_default().to_string_lossy();
    let root = format!("/workspaces/{name}");
    let inside = place
        .project
        .strip_prefix(workspace)
        .unwrap_or(Path::new(""));
    service.push(
        "volumes",
        json!({
            "type": "bind",
            "source": literal(&place.relative(workspace)),
            "target": literal(&root),
        }),
    );
    let folder: PathBuf = Path::new(&root).join(inside).components().collect();
    Ok(folder.to_string_lossy().into_owned())
}

fn list(value: &Value) -> Vec<&Value> {
    match value {
        Value::Array(items) => items.iter().collect(),
        other => vec![other],
    }
}

/// `appPort` is published on the host's loopback address; an entry with an address keeps it.
fn app_port(port: &Value) -> Result<String, Refusal> {
    let text = match port {
        Value::Number(port) => format!("{port}:{port}"),
        Value::String(text) if text.contains(':') => text.clone(),
        Value::String(text) => format!("{text}:{text}"),
        _ => return Err(Refusal("appPort is not a port".to_owned())),
    };
    let known = |c: char| c.is_ascii_alphanumeric() || ".:-/[]".contains(c);
    if !text.chars().all(known) {
        return Err(Refusal(format!(
            "appPort {text} cannot be expressed in a compose file"
        )));
    }
    Ok(match text.matches(':').count() {
        1 => format!("127.0.0.1:{text}"),
        _ => text,
    })
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test says where it fails")]
mod tests;
