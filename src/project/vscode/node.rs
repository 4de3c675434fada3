//! What F5 starts in a Node.js project. Its debugger reads no file of variables by itself, and
//! stops where one that it is told to read is not there. So the program is started with a script
//! of azup's own folder, which every clone has: `docs/adr/0012-variables-for-f5.md`.

use std::path::Path;

use memchr::memmem;
use serde_json::Value;

use crate::files;
use crate::options::Language;
use crate::project::Project;

/// As launch.json names the script.
const PRELOADED: &[u8] = b".devcontainer/azurite/node.cjs";

/// Programs as people call them, where neither `start` nor `main` says one.
const USUAL: [&str; 4] = ["index", "app", "server", "main"];

const ENDINGS: [&str; 3] = ["js", "mjs", "cjs"];

/// Whether a configuration of this `launch.json` starts its program with the script.
pub(in crate::project) fn is_preloaded(launch: &[u8]) -> bool {
    memmem::find(launch, PRELOADED).is_some()
}

/// The program of a project that Node.js leads: what `npm start` runs, else `main`, else the
/// one by a usual name. Not where a bundler or a framework starts it, or the Functions host.
pub(super) fn program(project: &Project) -> Option<String> {
    let leading = project.seen.leading()?;
    if leading.language != Language::Node || project.functions.is_some() {
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
