//! azup's parts of a `devcontainer.json`.

use jsonc_edit::{Addition, Step};
use anyhow::Result;
use serde_json::{Value, json};

use super::Parts;
use crate::failure::shown;
use crate::files;
use crate::project::compose::{self, Overlay, Services};
use crate::project::configuration::{self, Configuration, Kind, NODE_FEATURE};
use crate::project::language::Container;
use crate::project::record::fingerprint;
use crate::project::{Project, ProjectFile, devcontainer};

/// The services on Azurite's ports.
const CARRIED: [&str; 3] = ["blob", "queue", "table"];

/// A configuration, and the parts of it that may be azup's.
pub(super) struct Inspected<'c> {
    configuration: &'c Configuration,
    /// The key of azup's Feature, as written.
    feature: Option<&'c str>,
    /// The element of `dockerComposeFile`.
    file: Option<&'c Value>,
    /// The keys of `portsAttributes` with exactly azup's attributes.
    attributes: Vec<(&'c str, &'c Value)>,
    /// Elements of `forwardPorts` that azup may have added.
    ports: Vec<&'c Value>,
    services: Option<Services>,
    /// What azup would add to its compose files.
    pub(super) overlay: Option<Overlay>,
}

impl<'c> Inspected<'c> {
    pub(super) fn at(project: &Project, configuration: &'c Configuration) -> Self {
        let (value, path) = (&configuration.value, &configuration.path);
        let list = |key: &str| value[key].as_array().map_or(&[][..], Vec::as_slice);
        let map = |key: &str| value[key].as_object().into_iter().flatten();
        let attributes: Vec<(&str, &Value)> = map("portsAttributes")
            .filter(|(_, said)| CARRIED.iter().any(|what| **said == configuration::said_of(what)))
            .map(|(key, said)| (key.as_str(), said))
            .collect();
        let own = |port: &&Value| {
            let text = port.as_str().map_or_else(|| port.to_string(), str::to_owned);
            attributes.iter().any(|(key, _)| *key == text)
        };
        let (services, overlay) = read(project, configuration).unzip();
        Self {
            configuration,
            feature: map("features")
                .map(|(key, _)| key.as_str())
                .find(|key| configuration::is_own_feature(key, path)),
            file: list("dockerComposeFile")
                .iter()
                .find(|file| configuration::is_overlay(file, path)),
            ports: list("forwardPorts").iter().filter(own).collect(),
            attributes,
            services,
            overlay,
        }
    }

    pub(super) fn names_own_folder(&self) -> bool {
        self.feature.is_some() || self.file.is_some()
    }

    /// The compose file that azup made with this configuration, if neither was changed.
    pub(super) fn made_by(&self, project: &Project) -> Result<Option<ProjectFile>> {
        let path = project.folder.join(".devcontainer/docker-compose.yml");
        let Ok(Some(there)) = files::read_if_there(&path) else {
            return Ok(None);
        };
        let compose: Value = serde_yaml::from_slice(&there).unwrap_or_default();
        let image = compose["services"]["devcontainer"]["image"].as_str();
        let functions = project.functions.is_some();
        for image in [None, image] {
            let container = Container::of(&project.seen, functions, image);
            let compose = compose::new_file(&container);
            let configuration = devcontainer::new_configuration(project, &container)?;
            let same = |one: &[u8], other: &[u8]| fingerprint(one) == fingerprint(other);
            if same(&compose.bytes, &there)
                && configuration.path == self.configuration.path
                && same(&configuration.bytes, &self.configuration.bytes)
            {
                return Ok(Some(ProjectFile {
                    bytes: there,
                    ..compose
                }));
            }
        }
        Ok(None)
    }

    /// Its parts, if there is no record of what was there before.
    pub(super) fn parts(&self) -> Parts {
        if !self.names_own_folder() {
            return Parts::default();
        }
        // If adding it again gives the same bytes, azup added it: if `features` has nothing else,
        // the rest is where azup puts it.
        for node in [true, false] {
            let all = self.additions(node, true);
            if self.is_alone(node) && self.would_come_back(&all, node) {
                return Parts {
                    additions: all,
                    notes: self.kept_protocol().into_iter().collect(),
                };
            }
        }
        let mut notes: Vec<String> = self.kept_protocol().into_iter().collect();
        if !self.ports.is_empty() {
            let ports: Vec<String> = self.ports.iter().map(ToString::to_string).collect();
            notes.push(format!(
                "{}: forwardPorts {} stay, since nothing says who added them",
                shown(&self.configuration.path),
                ports.join(", ")
            ));
        }
        if self.features().any(|key| key == NODE_FEATURE) {
            notes.push(format!(
                "{}: {NODE_FEATURE} stays, since nothing says who added it",
                shown(&self.configuration.path)
            ));
        }
        Parts {
            additions: self.additions(false, false),
            notes,
        }
    }

    /// What azup may have added to the user's attributes of a port.
    fn kept_protocol(&self) -> Option<String> {
        let attributes = self.configuration.value["portsAttributes"].as_object()?;
        let mut attributes = attributes.iter();
        let (key, _) = attributes.find(|(key, said)| {
            let is_own = self.attributes.iter().any(|(own, _)| own == key);
            key.starts_with("1000") && said["protocol"] == "https" && !is_own
        })?;
        Some(format!(
            "{}: portsAttributes {key} keeps \"protocol\": \"https\", since nothing says who added it",
            shown(&self.configuration.path)
        ))
    }

    /// Its parts, if azup made the file.
    pub(super) fn all_parts(&self) -> Parts {
        Parts {
            additions: self.additions(false, true),
            notes: Vec::new(),
        }
    }

    fn features(&self) -> impl Iterator<Item = &'c str> {
        let all = self.configuration.value["features"].as_object();
        all.into_iter().flatten().map(|(key, _)| key.as_str())
    }

    /// Whether there is no other Feature, except, with `node`, the one that follows azup's.
    fn is_alone(&self, node: bool) -> bool {
        let mut wanted: Vec<&str> = self.feature.into_iter().collect();
        if node {
            wanted.push(NODE_FEATURE);
        }
        self.features().eq(wanted)
    }

    fn additions(&self, node: bool, all: bool) -> Vec<Addition> {
        let at = |name: &str| vec![Step::Key(name.to_owned())];
        let item = |name: &str, value: &Value, made| Addition::Item {
            at: at(name),
            value: value.clone(),
            made,
            wraps: false,
            inside: None,
        };
        let member = |name: &str, key: &str, value: Value, made| Addition::Member {
            at: at(name),
            key: key.to_owned(),
            value,
            made,
            inside: None,
        };
        let made = usize::from(all);
        let mut additions = Vec::new();
        additions.extend(self.file.map(|file| item("dockerComposeFile", file, 0)));
        if let Some(service) = self.new_service() {
            additions.push(item("runServices", &json!(service), 0));
        }
        additions.extend(self.feature.map(|key| member("features", key, json!({}), made)));
        if node {
            additions.push(member("features", NODE_FEATURE, json!({}), made));
        }
        if all {
            additions.extend(self.ports.iter().map(|port| item("forwardPorts", port, 1)));
        }
        let attributes = self.attributes.iter();
        additions.extend(
            attributes.map(|(key, said)| member("portsAttributes", key, (*said).clone(), 1)),
        );
        additions
    }

    /// The service in `runServices` that only azup's overlay has.
    fn new_service(&self) -> Option<&str> {
        let name = self.overlay.as_ref()?.service.as_str();
        let known = self.services.as_ref()?.get(name).is_some();
        (!known && self.configuration.value["runServices"].as_array().is_some_and(|all| all.contains(&json!(name)))).then_some(name)
    }

    fn would_come_back(&self, additions: &[Addition], node: bool) -> bool {
        let (now, path) = (&self.configuration.bytes, &self.configuration.path);
        let again = || {
            let without = jsonc_edit::remove(now, additions).ok()?;
            let value = jsonc_edit::parse(&without).ok()?;
            let edits = match &self.overlay {
                Some(overlay) => configuration::compose_edits(&value, path, overlay),
                None => configuration::embedded_edits(&value, path, node),
            };
            Some(jsonc_edit::add(&without, &edits).ok()?.bytes)
        };
        again().as_ref() == Some(now)
    }
}

/// The services of a configuration, and azup's among them; `None` if they cannot be read.
fn read(project: &Project, configuration: &Configuration) -> Option<(Services, Overlay)> {
    let Ok(Kind::Compose { files, service }) = configuration.kind() else {
        return None;
    };
    let files = configuration.compose_files(&project.folder, &files);
    let services = compose::read(&files).ok()?;
    let overlay = compose::overlay(&services, &service, &project.folder).ok()?;
    Some((services, overlay))
}
