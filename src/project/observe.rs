//! What kind of project a folder holds, read from the files that are there.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use anyhow::Result;

use crate::failure::{Failure, command_line, reason, shown};
use crate::files;
use crate::machine::Machine;

/// A project as it was found.
#[derive(Clone, Debug)]
pub struct Project {
    /// Its folder, absolute.
    pub folder: PathBuf,
    /// The name of the folder, for people.
    pub name: String,
    /// How its dependencies are installed, where it says so.
    pub installer: Option<Installer>,
    /// The folder of `host.json` (Azure Functions), relative to the project's: empty, or
    /// one folder below it.
    pub functions: Option<PathBuf>,
}

/// The program that installs a project's dependencies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Installer {
    /// `uv.lock`, or `[tool.uv]` in `pyproject.toml`.
    Uv,
    /// `poetry.lock`, or `[tool.poetry]` in `pyproject.toml`.
    Poetry,
    /// `requirements.txt`.
    Pip,
    /// `package.json`.
    Npm,
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
            installer: Installer::find(&folder)?,
            functions: find_functions(&folder)?,
            folder,
        })
    }
}

impl Installer {
    /// The first of the programs that the files in `folder` speak of.
    fn find(folder: &Path) -> Result<Option<Self>> {
        let there = |name: &str| folder.join(name).is_file();
        let pyproject = files::read_if_there(&folder.join("pyproject.toml"))?.unwrap_or_default();
        let pyproject = String::from_utf8_lossy(&pyproject);
        // `[tool.uv]`, `[tool.uv.sources]`, `[[tool.uv.index]]`
        let table = |name: &str| {
            pyproject.lines().any(|line| {
                let rest = line.trim().trim_start_matches('[').strip_prefix(name);
                line.trim().starts_with('[')
                    && rest.is_some_and(|rest| rest.starts_with([']', '.']))
            })
        };
        Ok(if there("uv.lock") || table("tool.uv") {
            Some(Self::Uv)
        } else if there("poetry.lock") || table("tool.poetry") {
            Some(Self::Poetry)
        } else if there("requirements.txt") {
            Some(Self::Pip)
        } else if there("package.json") {
            Some(Self::Npm)
        } else {
            None
        })
    }
}

/// The folder of `host.json`: the project's own, else the first one below it.
fn find_functions(folder: &Path) -> Result<Option<PathBuf>> {
    let here = |folder: &Path| folder.join("host.json").is_file();
    if here(folder) {
        return Ok(Some(PathBuf::new()));
    }
    Ok(folders_in(folder)?
        .into_iter()
        .find(|name| here(&folder.join(name))))
}

/// The names of the folders in `folder`, in order; none where it is not there.
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
