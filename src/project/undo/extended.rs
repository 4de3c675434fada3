//! Files that azup made and a person then extended: they lose azup's parts and stay.

use std::path::Path;

use jsonc_edit::Refusal;
use anyhow::Result;

use super::Undo;
use crate::failure::shown;
use crate::files;
use crate::project::record::{self, Entry, Record};
use crate::project::{Project, paths, recognise};

impl Project {
    /// The files that azup made and a person changed. A dev container that azup made stays as a
    /// whole or not at all: its configuration names its compose file.
    pub(super) fn extended(&self, record: &Record) -> Result<Vec<String>> {
        let mut extended = Vec::new();
        let made = record.files.iter().filter(|entry| entry.before.is_none());
        for entry in made.clone() {
            let real = paths::real(&self.folder, Path::new(&entry.path));
            let now = real.ok().map(|real| files::read_if_there(&real)).transpose()?;
            if let Some(now) = now.flatten()
                && !matches!(entry.undone(&now), Ok(None))
            {
                extended.push(entry.path.clone());
            }
        }
        let is_container = |path: &str| record::is_container_file(path);
        if extended.iter().any(|path| is_container(path)) {
            let others = made.filter(|entry| is_container(&entry.path));
            extended.extend(others.map(|entry| entry.path.clone()));
        }
        Ok(extended)
    }
}

impl Undo<'_> {
    /// A file that azup made and a person extended, without azup's parts; `None` if nothing is left
    /// in it.
    pub(super) fn without_parts(
        &mut self,
        entry: &Entry,
        now: &[u8],
    ) -> Result<Result<Option<Vec<u8>>, Refusal>> {
        let path = Path::new(&entry.path);
        if path.extension().is_some_and(|kind| kind == "yml") {
            self.plan.notes.push(format!(
                "{} stays: azup made it, and the dev container uses what is in it",
                shown(path)
            ));
            return Ok(Ok(Some(now.to_owned())));
        }
        let now = match jsonc_edit::remove(now, &entry.additions) {
            Ok(now) => now,
            Err(refusal) => return Ok(Err(refusal)),
        };
        let parts = match self.project.own_parts(path, &now)? {
            Ok(parts) => parts,
            Err(refusal) => return Ok(Err(refusal)),
        };
        let without = jsonc_edit::remove(&now, &parts.additions);
        if without.is_err() {
            let lines = jsonc_edit::to_take_out(&parts.additions);
            self.lines.push((path.to_owned(), lines));
        }
        Ok(without.map(|left| (!recognise::is_shell(&left)).then_some(left)))
    }

    /// Warns that a file that is kept still names what is removed.
    pub(super) fn tell_of_kept(&mut self, path: &Path) {
        let there = files::read_if_there(&self.project.folder.join(path));
        let text = there.ok().flatten().unwrap_or_default();
        let text = String::from_utf8_lossy(&text).into_owned();
        let own = |line: &str| line.contains("\"azup: trust\"") || line.contains("azurite\"") && line.contains('/') || line.contains("azurite/docker-compose.yml");
        let numbered = (1..).zip(text.lines());
        let lines: Vec<String> = numbered
            .filter(|(_, line)| own(line))
            .map(|(number, _)| number.to_string())
            .collect();
        if !lines.is_empty() {
            self.plan.notes.push(format!(
                "{} is kept, but refers to something that azup removes, in line {}: remove that by hand",
                shown(path),
                lines.join(", ")
            ));
        }
    }
}
