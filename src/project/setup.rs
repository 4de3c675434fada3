//! The changes after which a project has everything azup wants it to have: compared with what is
//! there, file by file, and recorded.

mod by_hand;
mod entries;
mod finish;
mod profiles;
mod surroundings;
mod workspaces;

use std::path::{Path, PathBuf};

use jsonc_edit::{Edit, Refusal};
use anyhow::Result;
use serde_json::{Map, Value, json};

use super::binary::Binary;
use super::compose::{self, Overlay};
use super::configuration::{self, Configuration, Kind};
use super::language::Container;
use super::record::{Made, Record};
use super::{OWN_FOLDER, Plan, Project, ProjectFile, Status, convert, devcontainer};
use super::{paths, slashed, vscode};
use crate::certificates::{FILES, GITIGNORE, IGNORE_ALL, PROJECT_FOLDER};
use crate::change::Change;
use crate::files;
use crate::machine::Machine;
use crate::options::Credential;

/// The service in a new project's own compose file.
const NEW_SERVICE: &str = "devcontainer";

/// What the user wants from `azup init`.
#[allow(
    clippy::struct_excessive_bools,
    reason = "each is a flag of the command line"
)]
#[derive(Clone, Debug)]
pub struct Request {
    /// The folder of the certificate set to copy; without one, the project's own is kept, or copied
    /// from the machine set.
    pub certs: Option<PathBuf>,
    /// The dev container configuration, relative to the project's folder; `None`: there is
    /// none yet.
    pub configuration: Option<PathBuf>,
    /// The image of a new dev container, if the user names one.
    pub image: Option<String>,
    /// Turn an image- or Dockerfile-based dev container into one made by compose.
    pub compose: bool,
    /// Add the Feature that brings Node.js if Azurite runs inside the dev container.
    pub node_feature: bool,
    /// Replace tasks that use a script for what azup does.
    pub replace_scripts: bool,
    /// Add the launch profile of .NET projects.
    pub launch_profile: bool,
    /// What gives code in the dev container its access tokens.
    pub credential: Credential,
    /// The azup for the dev container, read once.
    pub binary: Binary,
}

/// A file that azup leaves alone, and that keeps it from doing anything.
struct Refused {
    path: PathBuf,
    why: String,
    /// Lines that a person can add by hand.
    snippet: Option<String>,
    /// Whether moving it aside helps: it is in the place of one of azup's own files.
    in_the_way: bool,
}

/// A plan under construction.
struct Setup<'a> {
    project: &'a Project,
    record: Record,
    files: Vec<(PathBuf, Status)>,
    /// Changes to azup's own files.
    own: Vec<Change>,
    /// Changes to the user's files.
    theirs: Vec<Change>,
    notes: Vec<String>,
    refused: Vec<Refused>,
    compose: Vec<PathBuf>,
}

impl Project {
    /// Compares what the project should have with what is there.
    ///
    /// # Errors
    /// With exit code 4 if a file cannot be edited safely or one of azup's own was changed;
    /// otherwise if something cannot be read, or a certificate set fails a check.
    pub fn plan(&self, machine: &Machine, request: &Request) -> Result<Plan> {
        let noted = Record::load(&self.folder)?;
        let (record, noted) = match noted {
            Some((record, bytes)) => (self.complete(record, machine)?, Some(bytes)),
            None => (self.complete(self.first_record(), machine)?, None),
        };
        let mut setup = Setup {
            project: self,
            record,
            files: Vec::new(),
            own: Vec::new(),
            theirs: Vec::new(),
            notes: Vec::new(),
            refused: Vec::new(),
            compose: Vec::new(),
        };
        let sans = setup.dev_container(request)?;
        setup.own_file(&ProjectFile::text(
            Path::new(PROJECT_FOLDER).join(GITIGNORE),
            IGNORE_ALL,
        ))?;
        setup.editor(request)?;
        setup.workspaces(request)?;
        setup.launch_profiles(request)?;
        setup.finish(machine, request, &sans, noted)
    }

    /// If the record was lost, adds what is exactly as azup writes it, to be removed again later.
    fn complete(&self, record: Record, machine: &Machine) -> Result<Record> {
        let found = self.recognised(machine)?;
        let unknown = found.filter(|found| found.is_unknown_to(&record));
        Ok(match unknown {
            Some(found) => found.completing(record),
            None => record,
        })
    }

    fn first_record(&self) -> Record {
        let certificates = self.folder.join(PROJECT_FOLDER);
        let mut record = Record::default();
        let folders = self.abandoned_folders();
        record.folders = folders.iter().map(|folder| slashed(folder)).collect();
        record.had_certificates = FILES
            .iter()
            .any(|name| files::exists(&certificates.join(name)));
        record
    }
}

impl Setup<'_> {
    /// The dev container's files. Returns the additional names that the certificate needs.
    fn dev_container(&mut self, request: &Request) -> Result<Vec<String>> {
        let Some(path) = &request.configuration else {
            return self.new_dev_container(request);
        };
        let configuration = match Configuration::read(&self.project.folder, path)? {
            Ok(configuration) => configuration,
            Err(Refusal(why)) => {
                self.refuse(path, why, None);
                return Ok(Vec::new());
            }
        };
        let kind = match configuration.kind() {
            Ok(kind) => kind,
            Err(Refusal(why)) => {
                self.refuse(path, why, None);
                return Ok(Vec::new());
            }
        };
        let known = Some(&configuration);
        let (edits, overlay, variables) = match kind {
            Kind::Compose { files, service } => {
                let files = configuration.compose_files(&self.project.folder, &files);
                let folder = &self.project.folder;
                let with_lines =
                    |error| by_hand::with_compose(error, &configuration, &files, &service, folder);
                let services = compose::read(&files).map_err(with_lines)?;
                let below = services.files.iter().map(|file| file.strip_prefix(folder).unwrap_or(file));
                self.compose = below.map(Path::to_owned).collect();
                let overlay =
                    compose::overlay(&services, &service, folder).map_err(with_lines)?;
                let variables =
                    self.variables_with_compose(request, known, &services, &service, &overlay);
                (Vec::new(), Some(overlay), variables)
            }
            Kind::Single if request.compose => match self.converted(&configuration)? {
                Some((edits, overlay)) => {
                    let variables = self.variables_embedded(request, &configuration);
                    (edits, Some(overlay), variables)
                }
                None => return Ok(Vec::new()),
            },
            Kind::Single => {
                let variables = self.variables_embedded(request, &configuration);
                (Vec::new(), None, variables)
            }
        };
        self.own_folder(request, overlay.as_ref(), &variables)?;
        self.note_configuration(path, overlay.is_some());
        let mut edits = match overlay {
            Some(_) => configuration::with_overlay(edits, path),
            None => edits,
        };
        // A conversion's changes come first, so that the rest is computed from them.
        let value = match jsonc_edit::add(&configuration.bytes, &edits) {
            Ok(edited) if !edits.is_empty() => {
                jsonc_edit::parse(&edited.bytes).unwrap_or_else(|_| configuration.value.clone())
            }
            _ => configuration.value.clone(),
        };
        let (more, sans) = if let Some(overlay) = &overlay {
            self.tell(overlay);
            let edits = configuration::compose_edits(&value, path, overlay);
            (edits, overlay.sans.clone())
        } else {
            let node = self.needs_node(request, &configuration);
            (
                configuration::embedded_edits(&value, path, node),
                Vec::new(),
            )
        };
        edits.extend(more);
        self.edit(path, &configuration.real, &configuration.bytes, &edits);
        Ok(sans)
    }

    /// Gives a project without a dev container one made by compose.
    fn new_dev_container(&mut self, request: &Request) -> Result<Vec<String>> {
        let seen = &self.project.seen;
        let image = request.image.as_deref();
        let container = Container::of(seen, self.project.functions.is_some(), image);
        let configuration = devcontainer::new_configuration(self.project, &container)?;
        let app = compose::new_file(&container);
        let there = self.project.folder.join(&app.path);
        let bytes = match paths::real(&self.project.folder, &app.path) {
            Ok(real) => files::read_if_there(&real)?,
            Err(_) => None,
        };
        if bytes.is_none() {
            self.notes.push(seen.sentence(&container.image));
        }
        let bytes = bytes.unwrap_or_else(|| app.bytes.clone());
        let services = compose::parse(&[(there, bytes)])?;
        let overlay = compose::overlay(&services, NEW_SERVICE, &self.project.folder)?;
        // Before the configuration that names it: after a crash, that would be left alone.
        self.create(&app);
        self.create(&configuration);
        let app = NEW_SERVICE;
        let variables = self.variables_with_compose(request, None, &services, app, &overlay);
        self.own_folder(request, Some(&overlay), &variables)?;
        self.note_configuration(&configuration.path, true);
        Ok(Vec::new())
    }

    /// The edits that turn a dev container into one made by compose, with its new compose file.
    fn converted(&mut self, configuration: &Configuration) -> Result<Option<(Vec<Edit>, Overlay)>> {
        let folder = &self.project.folder;
        let workspace = convert::workspace(folder);
        let converted = convert::convert(
            &configuration.value,
            &configuration.path,
            folder,
            &workspace,
        );
        let conversion = match converted {
            Ok(conversion) => conversion,
            Err(Refusal(why)) => {
                let why = format!("it cannot be converted to compose: {why}");
                self.refuse(&configuration.path, why, None);
                return Ok(None);
            }
        };
        let file = ProjectFile::text(&conversion.path, conversion.compose);
        let path = folder.join(&file.path);
        if files::exists(&path) {
            self.refused.push(Refused {
                path: file.path,
                why: "it is where the dev container's new compose file belongs".to_owned(),
                snippet: None,
                in_the_way: true,
            });
            return Ok(None);
        }
        let services = compose::parse(&[(path, file.bytes.clone())])?;
        let overlay = compose::overlay(&services, &conversion.service, folder)?;
        self.create(&file);
        Ok(Some((conversion.edits, overlay)))
    }

    /// azup's own folder: the Feature and, with compose, the overlay.
    fn own_folder(
        &mut self,
        request: &Request,
        overlay: Option<&Overlay>,
        variables: &Map<String, Value>,
    ) -> Result<()> {
        self.own_file(&request.binary.ignoring)?;
        let data = overlay.is_none().then_some(devcontainer::DATA);
        for file in devcontainer::feature_files(data, request.credential, variables)? {
            self.own_file(&file)?;
        }
        let entrypoint = devcontainer::entrypoint();
        match request.credential {
            Credential::Local => self.own_file(&entrypoint)?,
            Credential::Az => self.no_own_file(&entrypoint.path)?,
        }
        for program in &request.binary.programs {
            self.own_binary(program)?;
        }
        let path = Path::new(OWN_FOLDER).join("docker-compose.yml");
        let serve = devcontainer::serve();
        if let Some(overlay) = overlay {
            self.own_file(&serve)?;
            self.own_file(&ProjectFile::text(path, &*overlay.text))
        } else {
            self.no_own_file(&serve.path)?;
            self.no_own_file(&path)
        }
    }

    /// The configurations of a project share azup's own folder, so they must be of one kind and,
    /// with compose, need the same overlay.
    fn note_configuration(&mut self, path: &Path, with_compose: bool) {
        let (name, folder) = (slashed(path), &self.project.folder);
        let made = if with_compose {
            Made::Compose
        } else {
            Made::Single
        };
        let known = &mut self.record.configurations;
        known.retain(|known, _| *known == name || files::exists(&folder.join(known)));
        known.insert(name.clone(), made);
        let overlay = Path::new(OWN_FOLDER).join("docker-compose.yml");
        let changes = |(path, status): &(PathBuf, Status)| {
            *path == overlay && *status != Status::Kept && *status != Status::Created
        };
        let other = known.iter().find(|(known, kind)| {
            **known != name && (**kind != made || self.files.iter().any(changes))
        });
        if let Some((other, _)) = other {
            let why = format!("{other} is already set up, and azup's own folder cannot serve both");
            self.refuse(path, why, None);
        }
    }

    fn tell(&mut self, overlay: &Overlay) {
        let Some(adopted) = &overlay.adopted else {
            return;
        };
        let service = &adopted.service;
        self.notes.push(if adopted.added.is_empty() {
            format!("the project's own Azurite, service {service}, is used as it is")
        } else {
            let added = adopted.added.join(", ");
            format!(
                "the project's own Azurite, service {service}, gets from azup's overlay: {added}"
            )
        });
        self.notes.extend(adopted.notes.iter().cloned());
    }

    /// tasks.json and launch.json.
    fn editor(&mut self, request: &Request) -> Result<()> {
        let mut there = Vec::new();
        for path in [vscode::TASKS_PATH, vscode::LAUNCH_PATH] {
            there.push(self.read_editor(Path::new(path))?);
        }
        let value = |at: usize| there[at].as_ref().map(|(_, _, value)| value);
        let merge = vscode::edits(self.project, value(0), value(1), request.replace_scripts, true)?;
        for file in &merge.files {
            self.create(file);
        }
        self.node_script(&merge, there[1].as_ref().map(|(_, bytes, _)| bytes))?;
        let edits = [
            (vscode::TASKS_PATH, &merge.tasks),
            (vscode::LAUNCH_PATH, &merge.launch),
        ];
        for ((path, edits), there) in edits.into_iter().zip(&there) {
            if let Some((real, bytes, _)) = there {
                self.edit(Path::new(path), real, bytes, edits);
            }
        }
        self.notes.extend(merge.notes);
        self.notes.extend(merge.proposals);
        Ok(())
    }

    /// One of the two, if it exists. If it cannot be parsed it counts as an empty object, so that
    /// the lines to paste can be named.
    fn read_editor(
        &mut self,
        path: &Path,
    ) -> Result<Option<(PathBuf, Vec<u8>, serde_json::Value)>> {
        Ok(self.read_there(path)?.map(|(real, bytes)| {
            let value = jsonc_edit::parse(&bytes).unwrap_or_else(|_| json!({}));
            (real, bytes, value)
        }))
    }
}
