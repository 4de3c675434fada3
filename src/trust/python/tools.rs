//! poetry, pipenv, hatch and pdm, which keep every project's environment in one folder, under a
//! name that identifies the project; and uv's environments for scripts.

use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE;

use crate::files::{self, folders_in};
use crate::machine::Machine;
use crate::os::OsStrExt as _;

/// The first eight characters of the SHA-256 of a path, which poetry, pipenv and hatch put into the
/// names of their environments.
fn hash(path: &Path) -> String {
    let digest = ring::digest::digest(&ring::digest::SHA256, path.as_os_str().as_bytes());
    URL_SAFE.encode(&digest.as_ref()[..6])
}

/// Poetry names an environment `<name>-<hash of the project's real path>-py<X.Y>`. The hash alone
/// identifies the project, even after a rename in pyproject.toml.
pub(super) fn by_poetry(project: &Path, machine: &Machine) -> Vec<PathBuf> {
    let (Some(all), Ok(real)) = (poetry(machine), project.canonicalize()) else {
        return Vec::new();
    };
    let middle = format!("-{}-py", hash(&real));
    folders_in(&all)
        .into_iter()
        .filter(|child| {
            let name = child.file_name().unwrap_or_default().to_string_lossy();
            name.contains(&middle)
        })
        .collect()
}

/// Pipenv names an environment `<folder>-<hash of the Pipfile's path>`, with a suffix if
/// `PIPENV_PYTHON` is set, or as `PIPENV_CUSTOM_VENV_NAME` says.
pub(super) fn by_pipenv(project: &Path, machine: &Machine) -> Vec<PathBuf> {
    let Some(all) = pipenv(machine) else {
        return Vec::new();
    };
    if let Some(name) = machine.var("PIPENV_CUSTOM_VENV_NAME") {
        return vec![all.join(name)];
    }
    // The path as given; pipenv resolved links until 2023.
    let pipfile = project.join("Pipfile");
    let ends: Vec<String> = [Some(pipfile.clone()), pipfile.canonicalize().ok()]
        .into_iter()
        .flatten()
        .map(|pipfile| format!("-{}", hash(&pipfile)))
        .collect();
    folders_in(&all)
        .into_iter()
        .filter(|child| {
            let name = child.file_name().unwrap_or_default().to_string_lossy();
            ends.iter()
                .any(|end| name.ends_with(end) || name.contains(&format!("{end}-")))
        })
        .collect()
}

/// Hatch has `<name>/<hash of the project's path>/<environment>`. The hash alone identifies the
/// project.
pub(super) fn by_hatch(project: &Path, machine: &Machine) -> Vec<PathBuf> {
    let Ok(real) = project.canonicalize() else {
        return Vec::new();
    };
    let hash = hash(&real);
    let projects = hatch(machine).into_iter();
    let ours = projects.filter(|folder| folder.file_name().is_some_and(|name| *name == *hash));
    ours.flat_map(|folder| folders_in(&folder)).collect()
}

/// The folders in which hatch keeps a project's environments.
pub(super) fn hatch(machine: &Machine) -> Vec<PathBuf> {
    let data = match machine.var("HATCH_DATA_DIR") {
        Some(folder) => Some(machine.absolute(Path::new(folder))),
        None => machine.data_home().ok().map(|data| data.join("hatch")),
    };
    let names = data.map(|data| folders_in(&data.join("env/virtual"))).unwrap_or_default();
    names.iter().flat_map(|name| folders_in(name)).collect()
}

/// pdm writes the interpreter that it uses into a file of the project. One in pdm's own folder is
/// the user's; any other outside the project is ignored, since only the project vouches for it.
pub(super) fn by_pdm(project: &Path, machine: &Machine) -> Option<PathBuf> {
    let bytes = files::read_if_there(&project.join(".pdm-python")).ok()??;
    let program = PathBuf::from(std::str::from_utf8(&bytes).ok()?.trim());
    let root = program.parent()?.parent()?;
    let known = pdm(machine)?;
    // `..` would pass as one of its folders, but leads elsewhere.
    let is_named = root.file_name().is_some();
    (is_named && root.parent() == Some(&known)).then(|| root.to_owned())
}

/// The folder in which pdm keeps environments outside their projects.
pub(super) fn pdm(machine: &Machine) -> Option<PathBuf> {
    Some(machine.data_home().ok()?.join("pdm/venvs"))
}

/// The folder of the environments that uv makes for scripts.
pub(super) fn uv_scripts(machine: &Machine) -> Option<PathBuf> {
    let cache = match machine.var("UV_CACHE_DIR") {
        Some(folder) => machine.absolute(Path::new(folder)),
        None => cache_home(machine)?.join("uv"),
    };
    Some(cache.join("environments-v2"))
}

/// The folder of poetry's environments.
pub(super) fn poetry(machine: &Machine) -> Option<PathBuf> {
    if let Some(folder) = machine.var("POETRY_VIRTUALENVS_PATH") {
        return Some(machine.absolute(Path::new(folder)));
    }
    let cache = match machine.var("POETRY_CACHE_DIR") {
        Some(folder) => machine.absolute(Path::new(folder)),
        None => cache_home(machine)?.join("pypoetry"),
    };
    Some(cache.join("virtualenvs"))
}

fn cache_home(machine: &Machine) -> Option<PathBuf> {
    let usual = if cfg!(target_os = "macos") {
        "Library/Caches"
    } else {
        ".cache"
    };
    match machine.var("XDG_CACHE_HOME").map(Path::new) {
        Some(folder) if folder.is_absolute() => Some(folder.to_owned()),
        _ => Some(machine.home().ok()?.join(usual)),
    }
}

/// The folder of pipenv's environments.
pub(super) fn pipenv(machine: &Machine) -> Option<PathBuf> {
    match machine.var("WORKON_HOME") {
        Some(folder) => Some(machine.absolute(Path::new(folder))),
        None => Some(machine.data_home().ok()?.join("virtualenvs")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The name that poetry 2.5.1 gave to the environment of this path.
    #[test]
    fn the_hash_is_poetrys() {
        assert_eq!(hash(Path::new("/srv/app")), "2uZo5AhP");
    }

    #[test]
    fn pdms_file_leads_to_a_folder_of_pdms_and_no_further() {
        let folder = tempfile::tempdir().expect("a folder");
        let machine = Machine::for_test(folder.path(), &[]);
        let all = pdm(&machine).expect("its folder");
        for (named, leads) in [("app-x-3.12", true), ("..", false), ("x/..", false), ("../x", false)] {
            let program = all.join(named).join("bin/python");
            let text = format!("{}\n", program.display());
            std::fs::write(folder.path().join(".pdm-python"), text).expect("a file");
            assert_eq!(by_pdm(folder.path(), &machine).is_some(), leads, "{named}");
        }
    }
}
