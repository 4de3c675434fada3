//! A user's compose files, read the way compose merges them. They are never written.

use std::path::{Path, PathBuf};

use anyhow::Result;
use serde_json::{Map, Value};
use serde_yaml::Value as Yaml;

use super::depth;
use super::service::{Field, Namespace, Service};
use super::text::expand;
use crate::failure::{Exit, Failure, edited, quoted, shown};
use crate::files;
use crate::project::OWN_FOLDER;

/// How deep `include` and `extends` may nest before they count as a cycle.
const DEEPEST: usize = 16;

/// The services of a project, merged over all its files.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Services {
    /// The named files, except azup's own overlay. Every relative path in them is relative to the
    /// folder of the first.
    pub files: Vec<PathBuf>,
    /// Each with its name, in the order of the files.
    pub services: Vec<(String, Service)>,
    /// The names of the top-level volumes.
    pub volumes: Vec<String>,
    /// `include` and `extends` that were not followed: URLs, and paths that contain variables.
    pub unread: Vec<String>,
}

impl Services {
    pub fn get(&self, name: &str) -> Option<&Service> {
        let mut all = self.services.iter();
        all.find(|(at, _)| at == name).map(|(_, service)| service)
    }

    /// The folder of the first file.
    pub fn folder(&self) -> &Path {
        self.files
            .first()
            .and_then(|file| file.parent())
            .unwrap_or(Path::new("."))
    }

    /// The network that a service is in, following every `network_mode: service:x`: the engine only
    /// joins a container's own network, never one that this container has joined.
    pub fn namespace(&self, name: &str) -> Result<Namespace, String> {
        let mut at = name.to_owned();
        for _ in 0..=self.services.len() {
            let service = self.get(&at).ok_or(format!("there is no service {at}"))?;
            match service.network_mode() {
                Some("host") => return Ok(Namespace::Host),
                Some("none") => return Ok(Namespace::None),
                Some(mode) => {
                    if let Some(container) = mode.strip_prefix("container:") {
                        return Ok(Namespace::Container(container.to_owned()));
                    }
                    match mode.strip_prefix("service:") {
                        Some(next) => next.clone_into(&mut at),
                        None => return Ok(Namespace::Service(at)),
                    }
                }
                None => return Ok(Namespace::Service(at)),
            }
        }
        Err(format!(
            "the network_mode of {name} leads back to where it began"
        ))
    }

    /// The services that name this one in `depends_on`, `links` or `volumes_from`, or are in its
    /// network.
    pub fn dependents(&self, name: &str) -> Vec<&str> {
        let joined = format!("service:{name}");
        self.services
            .iter()
            .filter(|(_, service)| {
                service.depends_on().iter().any(|at| at == name)
                    || service.network_mode() == Some(&joined)
            })
            .map(|(at, _)| at.as_str())
            .collect()
    }
}

/// Reads the compose files of a dev container in the order of `dockerComposeFile`, skipping azup's
/// own overlay.
pub fn read(files: &[PathBuf]) -> Result<Services> {
    let texts: Result<Vec<_>> = files
        .iter()
        .filter(|path| !is_overlay(path))
        .map(|path| Ok((path.clone(), bytes_of(path)?)))
        .collect();
    parse(&texts?)
}

/// Like [`read`], from bytes: for a compose file that is not written yet.
pub fn parse(files: &[(PathBuf, Vec<u8>)]) -> Result<Services> {
    let mut services = Services::default();
    for (path, bytes) in files.iter().filter(|(path, _)| !is_overlay(path)) {
        services.files.push(path.clone());
        let document = Document::parse(path, bytes)?;
        document.add_to(&mut services, 0)?;
    }
    Ok(services)
}

fn is_overlay(path: &Path) -> bool {
    path.ends_with(Path::new(OWN_FOLDER).join("docker-compose.yml"))
}

fn bytes_of(path: &Path) -> Result<Vec<u8>> {
    files::read_if_there(path)?.ok_or_else(|| {
        Failure::new(format!(
            "cannot read {}: there is no such file",
            shown(path)
        ))
        .hint(edited([path]))
        .exit(Exit::Refused)
        .into()
    })
}

/// One compose file.
struct Document {
    path: PathBuf,
    root: serde_yaml::Mapping,
}

impl Document {
    fn parse(path: &Path, bytes: &[u8]) -> Result<Self> {
        let refuse = |why: &str| {
            Failure::new(format!("cannot read {}: {why}", shown(path)))
                .hint(edited([path]))
                .exit(Exit::Refused)
        };
        let text = std::str::from_utf8(bytes).map_err(|_| refuse("it is not UTF-8"))?;
        // The parser takes some files with a byte order mark for two documents.
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        depth::check(text).map_err(|why| refuse(&why))?;
        let root: Yaml = serde_yaml::from_str(text).map_err(|error| refuse(&error.to_string()))?;
        let root = without_merge_keys(root).map_err(|why| refuse(&why))?;
        let root = match root {
            Yaml::Null => serde_yaml::Mapping::new(),
            Yaml::Mapping(root) => root,
            _ => return Err(refuse("it is not a compose file: its top level is not a mapping").into()),
        };
        for key in ["services", "volumes"] {
            if !matches!(
                root.get(key),
                None | Some(Yaml::Null | Yaml::Mapping(_) | Yaml::Tagged(_))
            ) {
                return Err(refuse(&format!("`{key}` is not a mapping")).into());
            }
        }
        let this = Self {
            path: path.to_owned(),
            root,
        };
        // As in compose's schema. With any other name (a mapping, a tagged string), azup's own file
        // could not refer to that service.
        let valid = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
        for (name, _) in this.services() {
            if name.is_empty() || !name.chars().all(valid) {
                return Err(refuse(&format!("{} is not a service name", quoted(&name))).into());
            }
        }
        Ok(this)
    }

    fn services(&self) -> impl Iterator<Item = (String, &Yaml)> {
        let services = self.root.get("services").and_then(Yaml::as_mapping);
        services
            .into_iter()
            .flatten()
            .map(|(name, value)| (word(name), value))
    }

    fn add_to(&self, services: &mut Services, depth: usize) -> Result<()> {
        for path in self.included(services) {
            if depth == DEEPEST {
                return Err(self.circle("include").into());
            }
            Self::parse(&path, &bytes_of(&path)?)?.add_to(services, depth + 1)?;
        }
        for (name, value) in self.services() {
            let known = services.services.iter().position(|(at, _)| *at == name);
            if let Yaml::Tagged(tagged) = value {
                if let Some(known) = known {
                    services.services.remove(known);
                }
                if tagged.tag == "!reset" {
                    continue;
                }
            }
            let fields = self.fields(value, services, depth)?;
            let known = services.services.iter().position(|(at, _)| *at == name);
            let at = known.unwrap_or_else(|| {
                services.services.push((name, Service::default()));
                services.services.len() - 1
            });
            services.services[at].1.merge(&fields);
        }
        let volumes = self.root.get("volumes").and_then(Yaml::as_mapping);
        for name in volumes.into_iter().flat_map(|volumes| volumes.keys()) {
            let name = word(name);
            if !services.volumes.contains(&name) {
                services.volumes.push(name);
            }
        }
        Ok(())
    }

    /// The files of `include`, in order.
    fn included(&self, services: &mut Services) -> Vec<PathBuf> {
        let mut found = Vec::new();
        let entries = self.root.get("include").and_then(Yaml::as_sequence);
        for entry in entries.into_iter().flatten() {
            let path = entry.get("path").unwrap_or(entry);
            match path {
                Yaml::String(path) => found.extend(self.beside(path, services)),
                Yaml::Sequence(paths) => found.extend(
                    paths
                        .iter()
                        .filter_map(Yaml::as_str)
                        .filter_map(|path| self.beside(path, services)),
                ),
                _ => {}
            }
        }
        found
    }

    /// Resolves a path as this file means it.
    fn beside(&self, path: &str, services: &mut Services) -> Option<PathBuf> {
        let address = path.contains("://") || path.starts_with("git@") || path.starts_with("oci:");
        let Some(local) = expand(path).filter(|_| !address) else {
            services.unread.push(path.to_owned());
            return None;
        };
        Some(self.path.parent().unwrap_or(Path::new(".")).join(local))
    }

    /// A service's fields, on top of those of the service that it extends.
    fn fields(&self, value: &Yaml, services: &mut Services, depth: usize) -> Result<Vec<Field>> {
        let mut value = value;
        while let Yaml::Tagged(tagged) = value {
            value = &tagged.value;
        }
        let Yaml::Mapping(mapping) = value else {
            return Ok(Vec::new());
        };
        let mut fields = Vec::new();
        if let Some(extends) = mapping.get("extends") {
            if depth == DEEPEST {
                return Err(self.circle("extends").into());
            }
            let base = extends.get("service").unwrap_or(extends).as_str();
            let other = match extends.get("file").and_then(Yaml::as_str) {
                None => None,
                Some(file) => match self.beside(file, services) {
                    Some(path) => Some(Self::parse(&path, &bytes_of(&path)?)?),
                    None => return Ok(own_fields(mapping)),
                },
            };
            let file = other.as_ref().unwrap_or(self);
            let base = file
                .services()
                .find(|(name, _)| Some(name.as_str()) == base);
            if let Some((_, base)) = base {
                fields = file.fields(base, services, depth + 1)?;
            }
        }
        fields.extend(own_fields(mapping));
        Ok(fields)
    }

    fn circle(&self, key: &str) -> Failure {
        Failure::new(format!(
            "cannot read {}: its `{key}` leads back to where it began",
            shown(&self.path)
        ))
        .exit(Exit::Refused)
    }
}

fn own_fields(mapping: &serde_yaml::Mapping) -> Vec<Field> {
    mapping
        .iter()
        .map(|(key, value)| Field {
            key: word(key),
            replaces: matches!(value, Yaml::Tagged(tagged)
                if tagged.tag == "!override" || tagged.tag == "!reset"),
            value: match value {
                Yaml::Tagged(tagged) if tagged.tag == "!reset" => Value::Null,
                value => plain(value),
            },
        })
        .filter(|field| field.key != "extends")
        .collect()
}

/// Replaces `<<` by what it refers to, from the inside outwards, since what is merged may itself
/// contain `<<`. A mapping's own keys take precedence.
fn without_merge_keys(value: Yaml) -> Result<Yaml, String> {
    Ok(match value {
        Yaml::Sequence(items) => {
            let items: Result<_, _> = items.into_iter().map(without_merge_keys).collect();
            Yaml::Sequence(items?)
        }
        Yaml::Tagged(mut tagged) => {
            tagged.value = without_merge_keys(tagged.value)?;
            Yaml::Tagged(tagged)
        }
        Yaml::Mapping(mapping) => {
            let mut own = serde_yaml::Mapping::new();
            let mut merged = Vec::new();
            for (key, value) in mapping {
                let value = without_merge_keys(value)?;
                // Not compared with a string, which a tagged key equals too.
                if !matches!(&key, Yaml::String(text) if text == "<<") {
                    own.insert(key, value);
                } else if let Yaml::Sequence(values) = value {
                    merged.extend(values);
                } else {
                    merged.push(value);
                }
            }
            for value in merged {
                let Yaml::Mapping(value) = value else {
                    return Err("`<<` names something that is not a mapping".to_owned());
                };
                for (key, value) in value {
                    own.entry(key).or_insert(value);
                }
            }
            Yaml::Mapping(own)
        }
        other => other,
    })
}

/// Without tags, and with a string for every key.
fn plain(value: &Yaml) -> Value {
    match value {
        Yaml::Null => Value::Null,
        Yaml::Bool(value) => Value::Bool(*value),
        Yaml::Number(number) => serde_json::to_value(number).unwrap_or_default(),
        Yaml::String(text) => Value::String(text.clone()),
        Yaml::Sequence(items) => items.iter().map(plain).collect(),
        Yaml::Mapping(mapping) => mapping
            .iter()
            .map(|(key, value)| (word(key), plain(value)))
            .collect::<Map<_, _>>()
            .into(),
        Yaml::Tagged(tagged) => plain(&tagged.value),
    }
}

/// A key or a scalar as a string.
fn word(value: &Yaml) -> String {
    match plain(value) {
        Value::String(text) => text,
        Value::Null => String::new(),
        other => other.to_string(),
    }
}
