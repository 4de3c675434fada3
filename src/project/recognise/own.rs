//! The files of azup's own folders: which of them are as azup writes them, under any options.

use std::path::Path;

use anyhow::Result;
use memchr::memmem;
use serde_json::Value;

use crate::certificates::{GITIGNORE, IGNORE_ALL, PROJECT_FOLDER};
use crate::files;
use crate::project::record::{Record, fingerprint};
use crate::project::{OWN_FOLDER, binary, devcontainer, paths, slashed};

/// The file that describes what installs azup in the container.
const DESCRIPTION: &str = "devcontainer-feature.json";

/// Whether the folder of that name contains a Feature of the project's own.
pub(super) fn is_somebody_elses(project: &Path) -> bool {
    let there = files::read_if_there(&project.join(OWN_FOLDER).join(DESCRIPTION));
    there.is_ok_and(|there| there.is_some_and(|bytes| memmem::find(&bytes, b"azup").is_none()))
}

/// Records those that are azup's.
pub(super) fn recognise(project: &Path, overlays: &[String], record: &mut Record) -> Result<()> {
    for folder in [OWN_FOLDER, PROJECT_FOLDER].map(Path::new) {
        if !paths::is_own_folder(project, folder) {
            continue;
        }
        for entry in project.join(folder).read_dir()?.flatten() {
            let path = folder.join(entry.file_name());
            if !entry.file_type().is_ok_and(|kind| kind.is_file()) {
                continue;
            }
            // A program has megabytes, and is recognised by its name.
            let name = entry.file_name().to_string_lossy().into_owned();
            if name.starts_with(binary::PREFIX) {
                continue;
            }
            let Ok(Some(bytes)) = files::read_if_there(&project.join(&path)) else {
                continue;
            };
            let ours = if folder == Path::new(PROJECT_FOLDER) {
                name == GITIGNORE && is(&bytes, IGNORE_ALL)
            } else {
                is_own(&name, &bytes, overlays)
            };
            if ours {
                record.set_own(&slashed(&path), None, &bytes);
            }
        }
    }
    Ok(())
}

fn is(bytes: &[u8], text: &str) -> bool {
    fingerprint(bytes) == fingerprint(text.as_bytes())
}

fn is_own(name: &str, bytes: &[u8], overlays: &[String]) -> bool {
    match name {
        GITIGNORE => binary::IGNORING.iter().any(|text| is(bytes, text)),
        "docker-compose.yml" => overlays.iter().any(|text| is(bytes, text)),
        DESCRIPTION => is_description(bytes),
        _ => {
            let Ok(own) = devcontainer::files_of_any() else {
                return false;
            };
            let mut own = own.iter().filter(|file| file.path.ends_with(name));
            own.any(|file| without_settings(&file.bytes) == without_settings(bytes))
        }
    }
}

/// The lines of a script except those in which `init` puts its options.
fn without_settings(script: &[u8]) -> Vec<String> {
    let text = String::from_utf8_lossy(script).into_owned();
    let set = |line: &&str| !["data=", "tokens="].iter().any(|name| line.starts_with(name));
    text.lines().filter(set).map(str::to_owned).collect()
}

/// Ignores what depends on the project and on options.
fn is_description(bytes: &[u8]) -> bool {
    let parts = |bytes: &[u8]| {
        let value: Value = serde_json::from_slice(bytes).unwrap_or_default();
        ["id", "name", "description"].map(|key| value[key].clone())
    };
    let Ok(own) = devcontainer::files_of_any() else {
        return false;
    };
    let mut own = own.iter().filter(|file| file.path.ends_with(DESCRIPTION));
    let known = [
        "id", "version", "name", "description", "containerEnv", "entrypoint", "mounts",
        "onCreateCommand", "postStartCommand",
    ];
    let value: Value = serde_json::from_slice(bytes).unwrap_or_default();
    let no_more = value.as_object().is_some_and(|all| all.keys().all(|key| known.contains(&&**key)));
    no_more && own.any(|file| parts(&file.bytes) == parts(bytes))
}
