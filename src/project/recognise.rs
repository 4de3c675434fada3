//! What in a project is exactly as azup writes it, determined without the record: that may be lost,
//! ignored by git or deleted, or a file that azup made may contain more by now. Anything that a
//! person could have written as well is reported, never counted as azup's.

mod configuration;
mod editor;
mod own;

use std::path::{Path, PathBuf};

use jsonc_edit::{Addition, Refusal};
use anyhow::Result;
use memchr::memmem;
use serde_json::Value;

use super::configuration::{Configuration, find};
use super::record::{self, Entry, Record, fingerprint};
use super::{Project, launch_profile, paths, slashed, vscode};
use crate::certificates::{CertificateSet, FILES, PROJECT_FOLDER};
use crate::files;
use crate::machine::Machine;

/// azup's parts of one file.
#[derive(Debug, Default)]
pub(super) struct Parts {
    /// As if azup had just added them.
    pub(super) additions: Vec<Addition>,
    /// What may be azup's, and stays.
    pub(super) notes: Vec<String>,
}

/// A file that contains something of azup's which cannot be removed.
pub(super) struct Unremovable {
    pub(super) path: PathBuf,
    pub(super) why: String,
    /// What a person has to remove.
    pub(super) lines: String,
}

/// Everything of azup's in a project.
#[derive(Default)]
pub(super) struct Recognised {
    /// As `azup init` would have written it.
    pub(super) record: Record,
    pub(super) notes: Vec<String>,
    pub(super) stuck: Vec<Unremovable>,
    /// Whether a dev container configuration names azup's own folder.
    pub(super) is_named: bool,
}

impl Recognised {
    fn is_empty(&self) -> bool {
        self.record.files.is_empty() && self.record.own.is_empty() && self.stuck.is_empty()
    }

    /// Whether a configuration names an own folder of azup's that the record does not know.
    pub(super) fn is_unknown_to(&self, record: &Record) -> bool {
        let mut found = self.record.files.iter();
        self.is_named
            && found.any(|entry| {
                record::is_container_file(&entry.path) && record.entry(&entry.path).is_none()
            })
    }

    /// `record`, begun when all of this existed already, with all of it added.
    pub(super) fn completing(self, mut record: Record) -> Record {
        for entry in self.record.files {
            if record.entry(&entry.path).is_none() {
                record.set(entry);
            }
        }
        let folders = self.record.folders.into_iter();
        let unknown: Vec<String> = folders.filter(|one| !record.folders.contains(one)).collect();
        record.folders.extend(unknown);
        record.had_certificates &= self.record.had_certificates;
        record
    }

    /// Records azup's parts of a user's file.
    fn found(&mut self, path: &Path, bytes: &[u8], parts: Result<Parts, Refusal>) {
        let parts = match parts {
            Ok(parts) => parts,
            Err(Refusal(why)) => {
                let lines = String::new();
                self.stuck.push(Unremovable { path: path.to_owned(), why, lines });
                return;
            }
        };
        self.notes.extend(parts.notes);
        if parts.additions.is_empty() {
            return;
        }
        match jsonc_edit::remove(bytes, &parts.additions) {
            Ok(without) => self.record.set(Entry {
                path: slashed(path),
                before: Some(fingerprint(&without)),
                written: fingerprint(bytes),
                additions: parts.additions,
            }),
            Err(Refusal(why)) => self.stuck.push(Unremovable {
                path: path.to_owned(),
                why,
                lines: jsonc_edit::to_take_out(&parts.additions),
            }),
        }
    }

    /// A file that cannot be parsed but mentions something of azup's.
    fn unreadable(&mut self, project: &Path, path: &Path, why: String, words: &[&str]) {
        let real = paths::real(project, path).ok();
        let bytes = real.and_then(|real| files::read_if_there(&real).ok().flatten());
        let text = bytes.unwrap_or_default();
        let is_there = |word: &&&str| memmem::find(&text, word.as_bytes()).is_some();
        let named: Vec<&str> = words.iter().filter(is_there).copied().collect();
        if !named.is_empty() {
            self.stuck.push(Unremovable {
                path: path.to_owned(),
                why,
                lines: format!("what names {}\n", named.join(" and ")),
            });
        }
    }

    /// azup made all of it, and nothing has changed it since.
    fn made(&mut self, path: &Path, bytes: &[u8]) {
        self.record.set(Entry::created(&slashed(path), bytes));
        if let Some(folder) = path.parent().map(slashed)
            && !self.record.folders.contains(&folder)
        {
            self.record.folders.push(folder);
        }
    }
}

impl Project {
    /// Everything of azup's here; `None` if there is nothing.
    pub(super) fn recognised(&self, machine: &Machine) -> Result<Option<Recognised>> {
        let mut all = Recognised::default();
        if own::is_somebody_elses(&self.folder) {
            return Ok(None);
        }
        let mut overlays = Vec::new();
        for path in find(&self.folder)? {
            let configuration = match Configuration::read(&self.folder, &path)? {
                Ok(configuration) => configuration,
                Err(Refusal(why)) => {
                    let words = ["/azurite\"", "azurite/docker-compose.yml"];
                    all.unreadable(&self.folder, &path, why, &words);
                    continue;
                }
            };
            let looked = configuration::Inspected::at(self, &configuration);
            all.is_named |= looked.names_own_folder();
            overlays.extend(looked.overlay.as_ref().map(|overlay| overlay.text.clone()));
            match looked.made_by(self)? {
                Some(compose) => {
                    all.made(&compose.path, &compose.bytes);
                    all.made(&path, &configuration.bytes);
                }
                None => all.found(&path, &configuration.bytes, Ok(looked.parts())),
            }
        }
        own::recognise(&self.folder, &overlays, &mut all.record)?;
        self.recognise_editor(&mut all)?;
        self.recognise_profiles(&mut all)?;
        if all.is_empty() {
            return Ok(None);
        }
        all.record.had_certificates = self.has_foreign_certificates(machine);
        Ok(Some(all))
    }

    fn recognise_editor(&self, all: &mut Recognised) -> Result<()> {
        let [tasks, launch] = [vscode::TASKS_PATH, vscode::LAUNCH_PATH].map(|path| {
            let path = Path::new(path);
            let real = paths::real(&self.folder, path).ok()?;
            let bytes = files::read_if_there(&real).ok()??;
            match jsonc_edit::parse(&bytes) {
                Ok(value) => Some((bytes, value)),
                Err(Refusal(why)) => {
                    if all.is_named {
                        all.unreadable(&self.folder, path, why, &["\"azup: trust\""]);
                    }
                    None
                }
            }
        });
        let value = |there: &Option<(Vec<u8>, Value)>| there.as_ref().map(|(_, value)| value.clone());
        let (tasks_value, launch_value) = (value(&tasks), value(&launch));
        // "azup: trust" alone may be a person's own: azup's own task or folder must be there, too.
        let known = tasks_value.as_ref().is_some_and(vscode::has_our_task);
        if !known && !all.is_named && all.record.own.is_empty() {
            return Ok(());
        }
        let fresh = vscode::fresh(self, tasks_value.as_ref(), launch_value.as_ref())?;
        for (path, there) in [(vscode::TASKS_PATH, tasks), (vscode::LAUNCH_PATH, launch)] {
            let Some((bytes, value)) = there else {
                continue;
            };
            let path = Path::new(path);
            if fresh.iter().any(|file| file.path == path && fingerprint(&file.bytes) == fingerprint(&bytes)) {
                all.made(path, &bytes);
            } else {
                all.found(path, &bytes, editor::parts(path, &value, &[]));
            }
        }
        let entries = self.folder.read_dir().into_iter().flatten().flatten();
        for entry in entries {
            let path = PathBuf::from(entry.file_name());
            if record::is_workspace(&path.to_string_lossy())
                && let Ok(real) = paths::real(&self.folder, &path)
                && let Ok(Some(bytes)) = files::read_if_there(&real)
                && let Ok(value) = jsonc_edit::parse(&bytes)
            {
                all.found(&path, &bytes, editor::workspace_parts(&value));
            }
        }
        Ok(())
    }

    /// Launch profiles as azup writes them, in a project that names azup's own folder.
    fn recognise_profiles(&self, all: &mut Recognised) -> Result<()> {
        if !all.is_named && all.record.own.is_empty() {
            return Ok(());
        }
        for project in launch_profile::runnable(&self.folder) {
            let Ok(real) = paths::real(&self.folder, &project.path) else {
                continue;
            };
            let Ok(Some(bytes)) = files::read_if_there(&real) else {
                continue;
            };
            if fingerprint(&project.new_file()?.bytes) == fingerprint(&bytes) {
                all.made(&project.path, &bytes);
            } else if let Ok(value) = jsonc_edit::parse(&bytes)
                && let Some(addition) = self.launch_addition(&project.path, &value)
            {
                let additions = vec![addition];
                all.found(&project.path, &bytes, Ok(Parts { additions, notes: Vec::new() }));
            }
        }
        Ok(())
    }

    /// Whether there are certificates that azup did not make.
    fn has_foreign_certificates(&self, machine: &Machine) -> bool {
        let folder = self.folder.join(PROJECT_FOLDER);
        let there = FILES.iter().any(|name| files::exists(&folder.join(name)));
        let set = CertificateSet::load_unchecked(&folder, machine.now());
        there && !set.is_ok_and(|set| set.is_some_and(|set| set.ca.is_ours()))
    }

    /// azup's parts of a file that it made and a person changed: everything that is exactly as azup
    /// writes it.
    pub(super) fn own_parts(&self, path: &Path, bytes: &[u8]) -> Result<Result<Parts, Refusal>> {
        let value = match jsonc_edit::parse(bytes) {
            Ok(value) => value,
            Err(refusal) => return Ok(Err(refusal)),
        };
        if launch_profile::is_settings(path) {
            let additions = self.launch_addition(path, &value).into_iter().collect();
            return Ok(Ok(Parts { additions, notes: Vec::new() }));
        }
        if path == Path::new(vscode::TASKS_PATH) || path == Path::new(vscode::LAUNCH_PATH) {
            let fresh = vscode::fresh(self, None, None)?;
            let read = |file: &super::ProjectFile| jsonc_edit::parse(&file.bytes).ok();
            let fresh: Vec<Value> = fresh.iter().filter_map(read).collect();
            return Ok(editor::parts(path, &value, &fresh));
        }
        let configuration = Configuration {
            path: path.to_owned(),
            real: self.folder.join(path),
            bytes: bytes.to_owned(),
            value,
        };
        Ok(Ok(configuration::Inspected::at(self, &configuration).all_parts()))
    }
}

/// Whether a file contains nothing but boilerplate.
pub(super) fn is_shell(bytes: &[u8]) -> bool {
    let text = String::from_utf8_lossy(bytes);
    let says_nothing = |(key, value): (&String, &Value)| match value {
        Value::Array(all) => all.is_empty(),
        Value::Object(all) => all.is_empty(),
        Value::String(text) => key == "version" && ["2.0.0", "0.2.0"].contains(&&**text),
        _ => false,
    };
    !text.contains("//")
        && !text.contains("/*")
        && jsonc_edit::parse(bytes)
            .is_ok_and(|value| value.as_object().is_some_and(|all| all.iter().all(says_nothing)))
}
