//! What kind of project a folder holds, read from the files that are there.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use anyhow::Result;

use super::language::{Seen, Tree};
use crate::options::Language;
use crate::failure::{Failure, command_line, reason, shown};
use crate::machine::Machine;

/// A project as it was found.
#[derive(Clone, Debug)]
pub struct Project {
    /// Its folder, absolute.
    pub folder: PathBuf,
    /// The name of the folder, for people.
    pub name: String,
    pub seen: Seen,
    /// The folder of `host.json` (Azure Functions), relative to the project's: empty, or
    /// one below it.
    pub functions: Option<PathBuf>,
}

impl Project {
    /// Looks at the folder `dir`, as it was named on the command line.
    pub fn observe(machine: &Machine, dir: &Path) -> Result<Self> {
        // Without `.` components, which would show up in every message.
        let folder: PathBuf = machine.absolute(dir).components().collect();
        let about = folder.metadata().map_err(|error| {
            let failure = Failure::new(format!(
                "cannot set up {}: {}",
                shown(&folder),
                reason(&error)
            ));
            match error.kind() {
                std::io::ErrorKind::NotFound => failure.hint(command_line([
                    "mkdir".as_ref(),
                    "-p".as_ref(),
                    folder.as_os_str(),
                ])),
                _ => failure,
            }
        })?;
        if !about.is_dir() {
            return Err(Failure::new(format!(
                "cannot set up {}: it is a file, not a folder",
                shown(&folder)
            ))
            .hint(command_line([
                "azup".as_ref(),
                "init".as_ref(),
                folder.parent().unwrap_or(Path::new(".")).as_os_str(),
            ]))
            .into());
        }
        let name = folder.canonicalize().unwrap_or_else(|_| folder.clone());
        let name = name.file_name().unwrap_or(OsStr::new("workspace"));
        Ok(Self {
            name: name.to_string_lossy().into_owned(),
            seen: Seen::look(&folder),
            functions: find_functions(&folder)?,
            folder,
        })
    }
}

impl Project {
    /// The same if the user says which language leads.
    pub fn led_by(mut self, language: Option<Language>) -> Self {
        self.seen = self.seen.led_by(language, &self.folder);
        self
    }
}

/// The folder of `host.json`: the project's own, else the first directly below it, else the
/// shallowest.
fn find_functions(folder: &Path) -> Result<Option<PathBuf>> {
    let here = |folder: &Path| folder.join("host.json").is_file();
    if here(folder) {
        return Ok(Some(PathBuf::new()));
    }
    let below = folders_in(folder)?.into_iter().find(|name| here(&folder.join(name)));
    Ok(below.or_else(|| {
        let tree = Tree::read(folder);
        Some(tree.first(|name| name == "host.json")?.parent()?.to_owned())
    }))
}

/// The names of the folders in `folder`, in order; none if it does not exist.
pub(super) fn folders_in(folder: &Path) -> Result<Vec<PathBuf>> {
    let failed = |error: &std::io::Error| {
        Failure::new(format!("cannot read {}: {}", shown(folder), reason(error)))
    };
    let entries = match folder.read_dir() {
        Ok(entries) => entries,
        Err(error)
            if matches!(
                error.kind(),
                std::io::ErrorKind::NotFound | std::io::ErrorKind::NotADirectory
            ) =>
        {
            return Ok(Vec::new());
        }
        Err(error) => return Err(failed(&error).into()),
    };
    let mut names = Vec::new();
    for entry in entries {
        let entry = entry.map_err(|error| failed(&error))?;
        if entry.path().is_dir() {
            names.push(PathBuf::from(entry.file_name()));
        }
    }
    names.sort();
    Ok(names)
}
