//! The relevant parts of the dev container apart from azup's files: which variables it sets itself,
//! how it reaches Azurite, and whether it brings Node.js.

use std::path::Path;

use serde_json::{Map, Value};

use super::{Request, Setup};
use crate::failure::shown;
use crate::project::compose::{Overlay, Service, Services};
use crate::project::configuration::{self, Configuration};
use crate::project::dockerfile::Base;
use crate::project::variables::{self, Reached, Taken};

impl Setup<'_> {
    /// The variables of the Feature for a dev container made from `services`, in which `app` is the
    /// container itself.
    pub(super) fn variables_with_compose(
        &mut self,
        request: &Request,
        configuration: Option<&Configuration>,
        services: &Services,
        app: &str,
        overlay: &Overlay,
    ) -> Map<String, Value> {
        let account = services
            .get(&overlay.service)
            .and_then(Service::account)
            .unwrap_or(Reached::default().account);
        let reached = Reached {
            host: overlay.host.clone(),
            ports: overlay.ports,
            account,
        };
        let mut taken = Vec::new();
        if let Some(service) = services.get(app) {
            let names = service.variables().into_iter();
            taken.extend(names.map(|name| Taken {
                name,
                place: format!("the service {app}"),
            }));
            if let Some(file) = service.dockerfile() {
                let path = services.folder().join(file);
                taken.extend(self.set_by(&path, &Base::read(&path, None, &Value::Null)));
            }
        }
        taken.extend(configuration.into_iter().flat_map(set_by_configuration));
        self.variables(request, &reached, &taken)
    }

    /// The same for a dev container made from an image or a Dockerfile.
    pub(super) fn variables_embedded(
        &mut self,
        request: &Request,
        configuration: &Configuration,
    ) -> Map<String, Value> {
        let base = self.base(configuration);
        let file = &configuration.value["build"]["dockerfile"];
        let file = file.as_str().unwrap_or("Dockerfile");
        let path = self.folder_of(configuration).join(file);
        let mut taken = self.set_by(&path, &base);
        taken.extend(set_by_configuration(configuration));
        self.variables(request, &Reached::default(), &taken)
    }

    /// Whether to add the Feature that brings Node.js, with a note on why.
    pub(super) fn needs_node(&mut self, request: &Request, configuration: &Configuration) -> bool {
        let base = self.base(configuration);
        if configuration::has_node_feature(&configuration.value) || base.has_node() {
            return false;
        }
        let path = shown(&configuration.path);
        if base.is_alpine() {
            self.notes.push(format!(
                "{path}: Azurite needs Node.js, and the Feature that brings it does not know Alpine: \
                 add RUN apk add --no-cache nodejs npm to its Dockerfile"
            ));
            return false;
        }
        if request.node_feature {
            self.notes.push(format!(
                "{path}: gets Node.js, which Azurite runs on, because its image may not have it \
                 (--no-node-feature leaves it out)"
            ));
        }
        request.node_feature
    }

    fn base(&self, configuration: &Configuration) -> Base {
        Base::of_configuration(&configuration.value, &self.folder_of(configuration))
    }

    fn folder_of(&self, configuration: &Configuration) -> std::path::PathBuf {
        let folder = configuration.path.parent().unwrap_or(Path::new(""));
        self.project.folder.join(folder)
    }

    fn set_by(&self, path: &Path, base: &Base) -> Vec<Taken> {
        let path = configuration::plain(path);
        let place = shown(path.strip_prefix(&self.project.folder).unwrap_or(&path));
        let names = base.variables.iter().cloned();
        let taken = names.map(|name| Taken {
            name,
            place: place.clone(),
        });
        taken.collect()
    }

    fn variables(
        &mut self,
        request: &Request,
        reached: &Reached,
        taken: &[Taken],
    ) -> Map<String, Value> {
        let functions = self.project.functions.is_some();
        let (all, notes) = variables::of(reached, request.credential, functions, taken);
        self.notes.extend(notes);
        all
    }
}

/// The variables that a configuration sets for the container, or for what runs in it.
fn set_by_configuration(configuration: &Configuration) -> Vec<Taken> {
    let names = ["containerEnv", "remoteEnv"].map(|key| configuration.value[key].as_object());
    let names = names.into_iter().flatten().flat_map(Map::keys);
    let taken = names.map(|name| Taken {
        name: name.clone(),
        place: shown(&configuration.path),
    });
    taken.collect()
}
