//! What F5 starts in a Node.js project. The debugger does not read a file of variables by itself,
//! and fails if it is told to read one that does not exist. So the program is started with a script
//! from azup's own folder, which every clone has: `docs/adr/0012-variables-for-f5.md`.

use std::path::Path;

use jsonc_edit::{Edit, Step};
use memchr::memmem;
use serde_json::{Value, json};

use super::launch::{self, LISTS};
use crate::files;
use crate::options::Language;
use crate::project::Project;

/// The script as launch.json names it.
const PRELOADED: &[u8] = b".devcontainer/azurite/node.cjs";

/// What Node.js is told: one word, so that it can stand among the user's.
pub(super) const ARGUMENT: &str = "--require=${workspaceFolder}/.devcontainer/azurite/node.cjs";

/// The member of a configuration with what Node.js is told.
pub(super) const ARGUMENTS: &str = "runtimeArgs";

/// Arguments would be npm's, a shell's or another runtime's.
const BY_ANOTHER: &str = "it does not start node itself, so it gets no variables on this machine: \
    azup run -- npm start does";

/// Programs as people call them, where neither `start` nor `main` says one.
const USUAL: [&str; 4] = ["index", "app", "server", "main"];

const ENDINGS: [&str; 3] = ["js", "mjs", "cjs"];

/// Whether a configuration of this `launch.json` starts its program with the script.
pub(in crate::project) fn is_preloaded(launch: &[u8]) -> bool {
    memmem::find(launch, PRELOADED).is_some()
}

/// Whether an edit of a `launch.json` has a program started with the script.
pub(in crate::project) fn is_preloading(edit: &Edit) -> bool {
    matches!(edit, Edit::Item { value, .. } if *value == ARGUMENT)
}

/// Whether Node.js leads a project, and the Functions host does not start its programs.
pub(super) fn leads(project: &Project) -> bool {
    let leading = project.seen.leading();
    leading.is_some_and(|leading| leading.language == Language::Node) && project.functions.is_none()
}

/// What has the programs of a `launch.json` started with the script, and the names of those
/// that are started in another way, with why theirs is left alone.
pub(super) fn preload(document: &Value) -> (Vec<Edit>, Vec<(&str, &'static str)>) {
    let (mut edits, mut alone) = (Vec::new(), Vec::new());
    for entry in launch::entries(document, LISTS[0]) {
        let there = entry.values(ARGUMENTS);
        if !entry.is_node() || there.iter().any(|(_, list)| is_preloaded(list.to_string().as_bytes())) {
            continue;
        }
        if !entry.is_node_program() {
            alone.push((entry.name, BY_ANOTHER));
            continue;
        }
        let Some(at) = &entry.place else {
            alone.push((entry.name, "others have its name"));
            continue;
        };
        let mut ways: Vec<Vec<Step>> = there.into_iter().map(|(way, _)| way).collect();
        if !ways.iter().any(|way| way.len() == 1) {
            ways.push(vec![Step::Key(ARGUMENTS.to_owned())]);
        }
        edits.extend(ways.into_iter().map(|way| Edit::Item {
            at: [at.as_slice(), &way].concat(),
            value: json!(ARGUMENT),
        }));
    }
    (edits, alone)
}

/// The program of a project that Node.js leads: what `npm start` runs, else `main`, else the
/// one by a usual name. Not where a bundler or a framework starts it, or the Functions host.
pub(super) fn program(project: &Project) -> Option<String> {
    if !leads(project) {
        return None;
    }
    let manifest = files::read_if_there(&project.folder.join("package.json"))
        .ok()
        .flatten();
    let manifest: Value = serde_json::from_slice(&manifest.unwrap_or_default()).unwrap_or_default();
    let start = manifest["scripts"]["start"].as_str();
    let there = |name: &str| {
        let name = name.strip_prefix("./").unwrap_or(name);
        let is_program = Path::new(name)
            .extension()
            .is_some_and(|own| ENDINGS.iter().any(|one| own == *one));
        let is_below = Path::new(name)
            .components()
            .all(|part| matches!(part, std::path::Component::Normal(_)));
        (is_program && is_below && project.folder.join(name).is_file()).then(|| name.to_owned())
    };
    if let Some(start) = start {
        let words: Vec<&str> = start.split_whitespace().collect();
        return match words.as_slice() {
            ["node", program] => there(program),
            _ => None,
        };
    }
    if let Some(main) = manifest["main"].as_str() {
        return there(main);
    }
    let mut usual = USUAL
        .iter()
        .flat_map(|name| ENDINGS.iter().map(move |ending| format!("{name}.{ending}")))
        .filter_map(|name| there(&name));
    let first = usual.next();
    first.filter(|_| usual.next().is_none())
}
