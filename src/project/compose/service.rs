//! One service of a user's compose files.

use serde_json::{Map, Value};

use super::text::expand;

/// One field of a service as one file has it.
pub(super) struct Field {
    pub(super) key: String,
    pub(super) value: Value,
    /// `!override` or `!reset`: nothing from the previous files is kept.
    pub(super) replaces: bool,
}

/// What the files say about a service, merged.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Service {
    fields: Map<String, Value>,
}

/// The network that a service is in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Namespace {
    /// That of this service: its own name if it has not joined another's.
    Service(String),
    /// The host's.
    Host,
    /// That of a container that compose did not make.
    Container(String),
    /// None at all.
    None,
}

/// A port of a container.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Port {
    /// First and last port in the container; `None` if it depends on a variable.
    pub target: Option<(u16, u16)>,
    /// First and last port on the host; `None` if the engine or a variable decides.
    pub published: Option<(u16, u16)>,
}

/// A mount.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Volume {
    /// A path, the name of a volume, or `None` for one without a name.
    pub source: Option<String>,
    pub target: String,
}

impl Service {
    /// Merges the fields of one file: lists grow, mappings merge, everything else is replaced
    /// (compose-spec, "13-merge").
    pub(super) fn merge(&mut self, fields: &[Field]) {
        for Field {
            key,
            value,
            replaces,
        } in fields
        {
            let old = self.fields.remove(key).filter(|_| !replaces);
            let new = match old {
                Some(old) if !matches!(key.as_str(), "command" | "entrypoint") => {
                    merged(key, old, value.clone())
                }
                _ => value.clone(),
            };
            self.fields.insert(key.clone(), new);
        }
    }

    /// A field as written; `None` if it is missing or null.
    pub fn field(&self, key: &str) -> Option<&Value> {
        self.fields.get(key).filter(|value| !value.is_null())
    }

    /// All of it.
    pub fn whole(&self) -> Value {
        Value::Object(self.fields.clone())
    }

    /// Whether it has a field with contents: an empty list has none.
    pub fn has(&self, key: &str) -> bool {
        match self.field(key) {
            Some(Value::Array(items)) => !items.is_empty(),
            Some(Value::Object(members)) => !members.is_empty(),
            value => value.is_some(),
        }
    }

    fn text(&self, key: &str) -> Option<&str> {
        self.field(key)?.as_str()
    }

    /// `image`, variables included.
    pub fn image(&self) -> Option<&str> {
        self.text("image")
    }

    /// The folder and the file of a build, if they are local: relative to the first compose file.
    pub fn dockerfile(&self) -> Option<String> {
        let build = self.field("build")?;
        let context = build.get("context").unwrap_or(build).as_str();
        let context = expand(context.unwrap_or("."))?;
        let file = build.get("dockerfile").and_then(Value::as_str);
        Some(format!(
            "{context}/{}",
            expand(file.unwrap_or("Dockerfile"))?
        ))
    }

    /// `network_mode`.
    pub fn network_mode(&self) -> Option<&str> {
        self.text("network_mode")
    }

    /// The networks that compose puts it in: `default` if none is named.
    pub fn networks(&self) -> Vec<String> {
        if self.network_mode().is_some() {
            return Vec::new();
        }
        match self.field("networks") {
            Some(networks) if self.has("networks") => names(networks),
            _ => vec!["default".to_owned()],
        }
    }

    /// The services that must start first.
    pub fn depends_on(&self) -> Vec<String> {
        let mut found = self.field("depends_on").map(names).unwrap_or_default();
        for key in ["links", "volumes_from"] {
            let others = self.field(key).map(names).unwrap_or_default();
            let others = others
                .iter()
                .filter(|other| !other.starts_with("container:"));
            found.extend(others.map(|other| other.split(':').next().unwrap_or(other).to_owned()));
        }
        found
    }

    /// `profiles`: it starts only if one of them is requested.
    pub fn profiles(&self) -> Vec<String> {
        self.field("profiles").map(names).unwrap_or_default()
    }

    /// A variable of `environment`, in either form. `Some(None)`: its value comes from outside.
    #[allow(clippy::option_option, reason = "absent and passed on are two things")]
    pub fn environment(&self, name: &str) -> Option<Option<String>> {
        match self.field("environment")? {
            Value::Object(members) => members.get(name).map(|value| match value {
                Value::Null => None,
                Value::String(text) => Some(text.clone()),
                other => Some(other.to_string()),
            }),
            Value::Array(items) => items
                .iter()
                .rev()
                .filter_map(Value::as_str)
                .find_map(|item| match item.split_once('=') {
                    Some((key, value)) => (key == name).then(|| Some(value.to_owned())),
                    None => (item == name).then_some(None),
                }),
            _ => None,
        }
    }

    /// The account at the end of its URLs if it is an Azurite with the user's own accounts: the
    /// first, or `Some(None)` if that cannot be read.
    #[allow(clippy::option_option, reason = "no accounts and unreadable ones are two things")]
    pub fn account(&self) -> Option<Option<String>> {
        let accounts = self.environment("AZURITE_ACCOUNTS")?;
        let first = accounts.as_deref().and_then(expand);
        Some(first.and_then(|text| Some(text.split_once(':')?.0.to_owned())))
    }

    /// The names of all its variables.
    pub fn variables(&self) -> Vec<String> {
        let all = self.field("environment").map(names).unwrap_or_default();
        let name = |one: &String| one.split('=').next().unwrap_or(one).to_owned();
        all.iter().map(name).collect()
    }

    /// The ports that it publishes.
    pub fn ports(&self) -> Vec<Port> {
        let items = self.field("ports").and_then(Value::as_array);
        items.into_iter().flatten().map(port).collect()
    }

    /// Its mounts. If two have the same target, the later one counts.
    pub fn volumes(&self) -> Vec<Volume> {
        let mut found: Vec<Volume> = Vec::new();
        let items = self.field("volumes").and_then(Value::as_array);
        for volume in items.into_iter().flatten().filter_map(volume) {
            found.retain(|other| other.target != volume.target);
            found.push(volume);
        }
        found
    }
}

fn merged(key: &str, old: Value, new: Value) -> Value {
    match (old, new) {
        (old, Value::Null) => old,
        (Value::Object(mut old), Value::Object(new)) => {
            for (name, value) in new {
                let before = old.remove(&name).unwrap_or_default();
                // `test: [CMD, …]` and a list of `args` are replaced, not extended.
                let value = if before.is_object() && value.is_object() {
                    merged(&name, before, value)
                } else {
                    value
                };
                old.insert(name, value);
            }
            Value::Object(old)
        }
        (Value::Array(mut old), Value::Array(new)) => {
            old.extend(new);
            Value::Array(old)
        }
        // `build: .` is `build: {context: .}`.
        (Value::Object(mut old), Value::String(context)) if key == "build" => {
            old.insert("context".to_owned(), context.into());
            Value::Object(old)
        }
        (Value::String(context), Value::Object(mut new)) if key == "build" => {
            new.entry("context").or_insert(context.into());
            Value::Object(new)
        }
        // One file has a list and the other a mapping: names and `A=b` on both sides.
        (Value::Object(old), Value::Array(new)) => old.into_iter().chain(listed(new)).collect(),
        (Value::Array(old), Value::Object(new)) => listed(old).into_iter().chain(new).collect(),
        (_, new) => new,
    }
}

fn listed(items: Vec<Value>) -> Vec<(String, Value)> {
    items
        .into_iter()
        .filter_map(|item| {
            let item = item.as_str()?;
            Some(match item.split_once('=') {
                Some((name, value)) => (name.to_owned(), value.into()),
                None => (item.to_owned(), Value::Null),
            })
        })
        .collect()
}

/// The elements of a list, the keys of a mapping, or a single string.
fn names(value: &Value) -> Vec<String> {
    match value {
        Value::Array(items) => items
            .iter()
            .filter_map(|item| item.as_str().map(str::to_owned))
            .collect(),
        Value::Object(members) => members.keys().cloned().collect(),
        Value::String(text) => vec![text.clone()],
        _ => Vec::new(),
    }
}

fn port(value: &Value) -> Port {
    let text = |value: &Value| match value {
        Value::String(text) => expand(text),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    };
    if value.is_object() {
        return Port {
            target: text(&value["target"]).as_deref().and_then(range),
            published: text(&value["published"]).as_deref().and_then(range),
        };
    }
    let Some(text) = text(value) else {
        return Port {
            target: None,
            published: None,
        };
    };
    let text = text.split('/').next().unwrap_or_default();
    let mut parts = text.rsplit(':');
    Port {
        target: parts.next().and_then(range),
        published: parts.next().and_then(range),
    }
}

/// `10000` or `10000-10002`.
fn range(text: &str) -> Option<(u16, u16)> {
    let (first, last) = text.split_once('-').unwrap_or((text, text));
    Some((first.trim().parse().ok()?, last.trim().parse().ok()?))
}

fn volume(value: &Value) -> Option<Volume> {
    if let Some(target) = value.get("target").and_then(Value::as_str) {
        return Some(Volume {
            source: value["source"].as_str().map(str::to_owned),
            target: trimmed(&expand(target).unwrap_or_else(|| target.to_owned())),
        });
    }
    let text = value.as_str()?;
    let text = expand(text).unwrap_or_else(|| text.to_owned());
    let parts: Vec<&str> = text.split(':').collect();
    Some(match parts[..] {
        [target] => Volume {
            source: None,
            target: trimmed(target),
        },
        // A drive letter.
        [drive, path, target, ..]
            if drive.len() == 1 && path.starts_with(['\\', '/']) && target.starts_with('/') =>
        {
            Volume {
                source: Some(format!("{drive}:{path}")),
                target: trimmed(target),
            }
        }
        [source, target, ..] => Volume {
            source: Some(source.to_owned()),
            target: trimmed(target),
        },
        [] => return None,
    })
}

fn trimmed(target: &str) -> String {
    let short = target.trim_end_matches('/');
    if short.is_empty() { "/" } else { short }.to_owned()
}
