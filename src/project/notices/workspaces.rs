//! VS Code's `.code-workspace` files: with their own roots, or with tasks and configurations that
//! azup's files do not reach.

use std::path::Path;

use serde_json::Value;

use super::Notice;
use crate::project::configuration::plain;

pub(super) fn look(path: &Path, text: &str) -> Vec<Notice> {
    let Ok(value) = jsonc_edit::parse(text.as_bytes()) else {
        return Vec::new();
    };
    let line_of = |key: &str| {
        let key = format!("\"{key}\"");
        let mut lines = (1..).zip(text.lines());
        lines.find(|(_, line)| line.contains(&key)).map_or(1, |(number, _)| number)
    };
    let folder = path.parent().unwrap_or(Path::new(""));
    let folders = value["folders"].as_array().map_or(&[][..], Vec::as_slice);
    let roots: Vec<&str> = folders.iter().filter_map(|root| root["path"].as_str()).collect();
    let reads_ours = |root: &&str| plain(&folder.join(root)) == Path::new("");
    let mut found = Vec::new();
    if !roots.is_empty() && !roots.iter().any(reads_ours) {
        let names: Vec<String> = roots.iter().take(5).map(crate::failure::quoted).collect();
        found.push(Notice::at(path, line_of("folders"), format!(
            "this workspace opens {}, so it reads no .vscode of the project's own folder: a \
             configuration there needs \"preLaunchTask\": \"azup: trust\" and the task from \
             .vscode/tasks.json in the .vscode of its own folder",
            names.join(", ")
        )));
    } else if roots.len() > 1 {
        found.push(Notice::at(path, line_of("folders"), format!(
            "this workspace has {} roots: only the configurations of the project's own folder start \
             \"azup: trust\"",
            roots.len()
        )));
    }
    // Those in the project's own folder are edited.
    let is_below = folder != Path::new("");
    let has = |section: &str, list: &str| {
        let all = value[section][list].as_array();
        is_below && all.is_some_and(|all: &Vec<Value>| !all.is_empty())
    };
    if has("launch", "configurations") {
        found.push(Notice::at(
            path,
            line_of("launch"),
            "azup leaves this workspace alone: add \"preLaunchTask\": \"azup: trust\" to its \
             configurations that debug Python, and the task of .vscode/tasks.json to its tasks",
        ));
    }
    found
}
