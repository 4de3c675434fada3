//! `.code-workspace` files in the project's folder: their tasks and configurations are edited like
//! `.vscode`, by the same rules and through the same gate.

use std::path::Path;

use jsonc_edit::{Edit, Refusal, Step};
use anyhow::Result;
use serde_json::json;

use super::{Request, Setup};
use crate::failure::shown;
use crate::files;
use crate::project::record::is_workspace;
use crate::project::{paths, vscode};

impl Setup<'_> {
    pub(super) fn workspaces(&mut self, request: &Request) -> Result<()> {
        let entries = self.project.folder.read_dir().into_iter().flatten().flatten();
        let mut names: Vec<String> = entries
            .filter_map(|entry| entry.file_name().into_string().ok())
            .filter(|name| is_workspace(name))
            .collect();
        names.sort();
        for name in names {
            self.workspace(request, Path::new(&name))?;
        }
        Ok(())
    }

    fn workspace(&mut self, request: &Request, path: &Path) -> Result<()> {
        // Behind a link, or not a file: nothing that azup would have to edit.
        let Ok(real) = paths::real(&self.project.folder, path) else {
            return Ok(());
        };
        let Some(bytes) = files::read_if_there(&real)? else {
            return Ok(());
        };
        let value = match jsonc_edit::parse(&bytes) {
            Ok(value) => value,
            Err(Refusal(why)) => {
                let path = shown(path);
                self.notes.push(format!("{path}: left alone: {why}"));
                return Ok(());
            }
        };
        let Some(launch) = value.get("launch").filter(|launch| launch.is_object()) else {
            return Ok(());
        };
        let none = json!({});
        let tasks = value.get("tasks").unwrap_or(&none);
        // In a workspace of several folders `workspaceFolder` is not sure to be this one.
        let merge = vscode::edits(self.project, Some(tasks), Some(launch), request.replace_scripts, false)?;
        let mut edits = Vec::new();
        for (section, all) in [("tasks", merge.tasks), ("launch", merge.launch)] {
            edits.extend(all.into_iter().map(|edit| inside(section, edit)));
        }
        if !edits.is_empty() || self.record.entry(&super::slashed(path)).is_some() {
            self.edit(path, &real, &bytes, &edits);
        }
        let placed = |text: String| {
            let text = text.replacen(vscode::TASKS_PATH, &shown(path), 1);
            text.replacen(vscode::LAUNCH_PATH, &shown(path), 1)
        };
        self.notes.extend(merge.notes.into_iter().map(placed));
        Ok(())
    }
}

/// The same edit in a section of the document.
fn inside(section: &str, edit: Edit) -> Edit {
    let below = |at: Vec<Step>| [vec![Step::Key(section.to_owned())], at].concat();
    match edit {
        Edit::Member { at, key, value } => Edit::Member { at: below(at), key, value },
        Edit::Item { at, value } => Edit::Item { at: below(at), value },
        Edit::Replace { at, from, to } => Edit::Replace { at: below(at), from, to },
        Edit::Drop { at, key } => Edit::Drop { at: below(at), key },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_edit_moves_into_its_section() {
        let edit = Edit::Item {
            at: vec![Step::Key("tasks".to_owned())],
            value: json!(null),
        };
        let Edit::Item { at, .. } = inside("tasks", edit) else {
            unreachable!("an item stays one");
        };
        assert_eq!(at.len(), 2);
    }
}
