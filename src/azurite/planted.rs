//! A data folder that came with a repository. Azurite trusts its own files: it serves any file that
//! one of them names as the content of a blob, wherever that file is, and writes through a link
//! (both measured). So in a project, these must name files in the folder itself.

use std::fs;
use std::path::{Component, Path};

use anyhow::Result;
use serde_json::Value;

use crate::failure::{Exit, Failure, quoted, shown};
use crate::files;
use crate::machine::Machine;

/// Azurite's lists of the files that hold blobs and messages, and the folders of those files.
const LISTS: [&str; 2] = [
    "__azurite_db_blob_extent__.json",
    "__azurite_db_queue_extent__.json",
];
const FOLDERS: [&str; 3] = ["", "__blobstorage__", "__queuestorage__"];

/// Refuses such a folder if it leads outside itself. `folder` is its real path.
pub fn refuse(folder: &Path, machine: &Machine) -> Result<()> {
    if !machine.is_in_project(folder) {
        return Ok(());
    }
    let why = links(folder).or_else(|| LISTS.iter().find_map(|name| foreign(&folder.join(name))));
    let Some(why) = why else { return Ok(()) };
    let what = format!(
        "Azurite is not started with the data in {}: {why}",
        shown(folder)
    );
    let hint = "azup up --location ~/azurite-data";
    Err(Failure::new(what).hint(hint).exit(Exit::Refused).into())
}

/// Refuses a folder in the project that is a link out of it: the project's author may have meant
/// other data of the user's.
pub fn refuse_link(folder: &Path, machine: &Machine) -> Result<()> {
    let Ok(real) = folder.canonicalize() else {
        return Ok(());
    };
    let climbs = folder.components().any(|part| part == Component::ParentDir);
    if climbs || !machine.is_in_project(folder) || machine.is_in_project(&real) {
        return Ok(());
    }
    let what = format!(
        "{} leads out of the project, to {}",
        shown(folder),
        shown(&real)
    );
    Err(Failure::new(what)
        .hint(format!("ls -ld {}", shown(folder)))
        .exit(Exit::Refused)
        .into())
}

fn links(folder: &Path) -> Option<String> {
    let folders = FOLDERS.iter().map(|name| folder.join(name));
    let entries = folders
        .filter_map(|folder| fs::read_dir(folder).ok())
        .flatten()
        .flatten();
    let mut links = entries.filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_symlink()));
    links
        .next()
        .map(|link| format!("{} is a link", shown(&link.path())))
}

/// Why Azurite cannot have written a list.
fn foreign(list: &Path) -> Option<String> {
    let bytes = match files::read_if_there(list) {
        Ok(bytes) => bytes?,
        Err(error) => return Some(format!("{error:#}")),
    };
    // Azurite's initial state.
    if bytes.is_empty() {
        return None;
    }
    // JavaScript accepts more as JSON, and as a list, than is parsed here.
    let Some(names) = names(&bytes) else {
        return Some(format!("{} is not as Azurite writes it", shown(list)));
    };
    let plain = |name: &String| {
        name.bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
    };
    let strange = names.into_iter().find(|name| !plain(name))?;
    Some(format!(
        "{} names the file {}",
        shown(list),
        quoted(strange)
    ))
}

/// The files that a list names, if it is one.
fn names(list: &[u8]) -> Option<Vec<String>> {
    let list: Value = serde_json::from_slice(list).ok()?;
    let mut names = Vec::new();
    for collection in list["collections"].as_array()? {
        for entry in collection["data"].as_array()? {
            let fields = [&entry["id"], &entry["path"]]
                .into_iter()
                .filter(|name| !name.is_null());
            for name in fields {
                names.push(name.as_str()?.to_owned());
            }
        }
    }
    Some(names)
}
