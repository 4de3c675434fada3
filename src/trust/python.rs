//! Finds the bundles of Python environments without running Python, which alone costs
//! thirty times what the rest of `azup trust` does (measured).

use std::path::{Path, PathBuf};

use super::bundle::Bundle;
use super::{Found, Row};
use crate::cli::Kind;
use crate::failure::{command_line, shown};
use crate::machine::Machine;

/// The file that makes a folder a virtual environment (PEP 405).
const MARK: &str = "pyvenv.cfg";

/// The active environment and the nearest one from the current folder up, each with its
/// certifi; or one row that says why there is none.
#[must_use]
pub fn find(machine: &Machine) -> Vec<Found> {
    let mut environments: Vec<PathBuf> = Vec::new();
    let mut found = Vec::new();
    for variable in ["VIRTUAL_ENV", "CONDA_PREFIX"] {
        let Some(path) = machine.var(variable) else {
            continue;
        };
        let path = machine.absolute(Path::new(path));
        if path.join("lib").is_dir() {
            environments.push(path);
        } else {
            found.push(Found::Row(Row::absent(
                Kind::Certifi,
                &path,
                format!(
                    "{variable} names {}, which is no Python environment",
                    shown(&path)
                ),
                Some("deactivate".to_owned()),
            )));
        }
    }
    if let Some(nearest) = nearest(machine.cwd())
        && !environments.contains(&nearest)
    {
        environments.push(nearest);
    }
    if environments.is_empty() && found.is_empty() {
        found.push(Found::Row(Row::absent(
            Kind::Certifi,
            machine.cwd(),
            format!(
                "not in a virtual environment: VIRTUAL_ENV is not set, and no folder from {} up has one",
                shown(machine.cwd())
            ),
            Some("python3 -m venv .venv && . .venv/bin/activate && pip install certifi".to_owned()),
        )));
    }
    found.extend(
        environments
            .iter()
            .flat_map(|environment| bundles(environment)),
    );
    found
}

/// The first environment from `folder` up: the folder itself, its `.venv` or `venv`, or
/// any other child that is one.
fn nearest(folder: &Path) -> Option<PathBuf> {
    folder.ancestors().find_map(|folder| {
        if folder.join(MARK).is_file() {
            return Some(folder.to_owned());
        }
        let usual = [".venv", "venv"].map(|name| folder.join(name));
        if let Some(usual) = usual.into_iter().find(|child| child.join(MARK).is_file()) {
            return Some(usual);
        }
        let mut others: Vec<PathBuf> = std::fs::read_dir(folder)
            .ok()?
            .flatten()
            .filter(|entry| entry.file_type().is_ok_and(|kind| !kind.is_file()))
            .map(|entry| entry.path())
            .filter(|child| child.join(MARK).is_file())
            .collect();
        others.sort();
        others.into_iter().next()
    })
}

/// certifi's bundle in every `lib/pythonX.Y/site-packages` of the environment.
fn bundles(environment: &Path) -> Vec<Found> {
    let python = environment.join("bin/python");
    let pip = |arguments: &[&str]| {
        let mut words = vec![
            python.as_os_str(),
            "-m".as_ref(),
            "pip".as_ref(),
            "install".as_ref(),
        ];
        words.extend(arguments.iter().map(std::ffi::OsStr::new));
        command_line(words)
    };
    let mut found = Vec::new();
    for packages in site_packages(environment) {
        let certifi = packages.join("certifi");
        if !certifi.is_dir() {
            continue;
        }
        let bundle = certifi.join("cacert.pem");
        let mend = pip(&["--force-reinstall", "certifi"]);
        if bundle.symlink_metadata().is_ok() {
            found.push(Found::Store(Box::new(Bundle::certifi(bundle, mend))));
        } else {
            found.push(Found::Row(Row::failed(
                Kind::Certifi,
                &bundle,
                format!(
                    "{} is missing, although certifi is installed",
                    shown(&bundle)
                ),
                Some(mend),
            )));
        }
    }
    if found.is_empty() {
        found.push(Found::Row(Row::absent(
            Kind::Certifi,
            environment,
            format!("certifi is not installed in {}", shown(environment)),
            Some(pip(&["certifi"])),
        )));
    }
    found
}

/// `lib/python3.*/site-packages`, in order.
fn site_packages(environment: &Path) -> Vec<PathBuf> {
    let Ok(entries) = std::fs::read_dir(environment.join("lib")) else {
        return Vec::new();
    };
    let mut folders: Vec<PathBuf> = entries
        .flatten()
        .filter(|entry| entry.file_name().to_string_lossy().starts_with("python"))
        .map(|entry| entry.path().join("site-packages"))
        .filter(|folder| folder.is_dir())
        .collect();
    folders.sort();
    folders
}
