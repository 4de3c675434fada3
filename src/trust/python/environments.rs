//! Where Python environments are, found by listing folders only: the active one, the project's, and
//! every place where a tool is known to keep its environments.

use std::collections::HashSet;
use std::ffi::OsStr;
use std::path::{Component, Path, PathBuf};

use jsonc_parser::{ParseOptions, parse_to_serde_value};
use serde_json::Value;

use super::{pyvenv, tools};
use crate::files::{self, folders_in};
use crate::machine::Machine;
use crate::os::OsStrExt as _;
use crate::workspace::Workspace;

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum SearchRoot {
    /// This folder may be one.
    Root(PathBuf),
    /// Every folder in here may be one.
    Each(PathBuf),
    /// This folder may be one, and so may every folder in its `envs`.
    Nested(PathBuf),
}

/// The variables that name the active environment.
const ACTIVE: [&str; 2] = ["VIRTUAL_ENV", "CONDA_PREFIX"];

/// The variables that name an active environment, each with that folder.
pub(super) fn active(machine: &Machine) -> Vec<(&'static str, PathBuf)> {
    ACTIVE
        .into_iter()
        .filter_map(|name| Some((name, machine.absolute(Path::new(machine.var(name)?)))))
        .collect()
}

/// The project's environments: in its folders, in the folder set for uv, and in poetry's and
/// pipenv's folders under the names that these tools use. If its folders have none, those of the
/// nearest folder above that has any.
pub(super) fn of_project(machine: &Machine) -> Vec<PathBuf> {
    let folders = Workspace::of(machine);
    let mut found: Vec<PathBuf> = Vec::new();
    found.extend(named_for_uv(machine));
    for folder in &folders.project {
        found.extend(in_folder(folder, machine));
        if folder.join("pyproject.toml").exists() {
            found.extend(tools::by_poetry(folder, machine));
            found.extend(tools::by_hatch(folder, machine));
            found.extend(tools::by_pdm(folder, machine));
        }
        found.extend(by_editor(folder));
        if folder.join("Pipfile").exists() {
            found.extend(tools::by_pipenv(folder, machine));
        }
    }
    if found.is_empty() {
        found = in_folders(&folders.above, machine);
    }
    found
}

/// The interpreter that VS Code's settings in the project name. One outside the project is not
/// followed, since only the project vouches for it.
fn by_editor(folder: &Path) -> Option<PathBuf> {
    let bytes = files::read_if_there(&folder.join(".vscode/settings.json")).ok()??;
    let text = String::from_utf8_lossy(&bytes);
    let settings = parse_to_serde_value::<Value>(&text, &ParseOptions::default()).ok()?;
    let named = settings.get("python.defaultInterpreterPath")?.as_str()?;
    let folders = ["${workspaceFolder}", "${workspaceRoot}", "."];
    let relative = folders
        .iter()
        .find_map(|prefix| named.strip_prefix(prefix)?.strip_prefix('/'))
        .unwrap_or(named);
    let program = Path::new(relative);
    let is_inside = |part| matches!(part, Component::Normal(_));
    if !program.components().all(is_inside) {
        return None;
    }
    // The environment itself, or its bin/python.
    let mut roots = program.ancestors().take(3).map(|root| folder.join(root));
    roots.find(|root| is_environment(root))
}

/// Folders of packages that belong to no environment: what Azure Functions deploy.
pub(super) fn package_folders(machine: &Machine) -> Vec<PathBuf> {
    let folders = Workspace::of(machine).project.into_iter();
    folders
        .map(|folder| folder.join(".python_packages/lib/site-packages"))
        .filter(|folder| folder.is_dir())
        .collect()
}

/// The environments of the first of `folders` that has any.
pub(super) fn in_folders(folders: &[PathBuf], machine: &Machine) -> Vec<PathBuf> {
    let mut found = folders.iter().map(|folder| in_folder(folder, machine));
    found.find(|found| !found.is_empty()).unwrap_or_default()
}

/// The environment that the user has set as the project's for uv.
pub(super) fn named_for_uv(machine: &Machine) -> Option<PathBuf> {
    let named = machine.var("UV_PROJECT_ENVIRONMENT")?;
    // Relative to the folder that has pyproject.toml, which is one of these.
    let folders = Workspace::of(machine).project.into_iter();
    let mut roots = folders.map(|folder| folder.join(named));
    roots.find(|root| is_environment(root))
}

/// Whether the folder is a virtual environment, or a conda or pixi environment, which has no
/// `pyvenv.cfg`.
fn is_environment(folder: &Path) -> bool {
    folder.join(pyvenv::NAME).is_file() || folder.join("conda-meta").is_dir()
}

/// The folder itself, and its children that are environments: the usual names first, then by name;
/// for `.tox` and `.nox`, their children.
fn in_folder(folder: &Path, machine: &Machine) -> Vec<PathBuf> {
    let mut found = Vec::new();
    if is_environment(folder) {
        found.push(folder.to_owned());
    }
    let usual = [".venv", "venv"].map(|name| folder.join(name));
    found.extend(usual.iter().filter(|child| is_environment(child)).cloned());
    // Home and the folders above it hold other projects' environments too.
    if folder != machine.cwd() && machine.home().is_ok_and(|home| home.starts_with(folder)) {
        return found;
    }
    for child in folders_in(folder) {
        let name = child.file_name().unwrap_or_default();
        if name == ".tox" || name == ".nox" {
            found.extend(
                folders_in(&child)
                    .into_iter()
                    .filter(|each| is_environment(each)),
            );
        } else if name == ".pixi" {
            found.extend(
                folders_in(&child.join("envs"))
                    .into_iter()
                    .filter(|each| is_environment(each)),
            );
        } else if !usual.contains(&child) && is_environment(&child) {
            found.push(child);
        }
    }
    found
}

/// The Python that PATH leads to, which runs if no environment is active, as in a dev container.
/// Its environment is derived from the program's real path. A distribution's own is excluded: it
/// reads the system's store.
pub(super) fn on_path(machine: &Machine) -> Option<PathBuf> {
    // A link inside the project may lead anywhere.
    let project = Workspace::of(machine);
    let program = std::env::split_paths(machine.var("PATH")?)
        .filter(|folder| folder.is_absolute() && !project.holds(folder))
        .map(|folder| folder.join(if cfg!(windows) { "python.exe" } else { "python3" }))
        .find(|program| program.is_file())?;
    // A stub that opens the Microsoft Store instead of a Python cannot be resolved, and is skipped.
    let program = program.canonicalize().ok()?;
    let folder = program.parent()?;
    let is_root = cfg!(windows) && !folder.ends_with("Scripts");
    let root = if is_root { folder } else { folder.parent()? };
    let of_distribution = ["/", "/usr"].iter().any(|system| root == Path::new(system));
    (!of_distribution).then(|| root.to_owned())
}

/// Where `pip install --user` installs to.
pub(super) fn user_site(machine: &Machine) -> Vec<SearchRoot> {
    let mut places = Vec::new();
    if let Some(folder) = machine.var("PYTHONUSERBASE") {
        places.push(SearchRoot::Root(machine.absolute(Path::new(folder))));
    }
    if let Ok(home) = machine.home() {
        places.push(SearchRoot::Root(home.join(".local")));
        if let (true, Ok(data)) = (cfg!(windows), machine.config_home()) {
            // Each PythonXY in there.
            places.push(SearchRoot::Each(data.join("Python")));
        }
        if cfg!(target_os = "macos") {
            places.push(SearchRoot::Each(home.join("Library/Python")));
        }
    }
    places
}

/// Every place where tools are known to keep environments.
pub(super) fn everywhere(machine: &Machine) -> Vec<SearchRoot> {
    let named = |variable: &str, below: &str| {
        let folder = machine.var(variable)?;
        Some(SearchRoot::Each(machine.absolute(Path::new(folder)).join(below)))
    };
    let home = |below: &str| Some(SearchRoot::Each(machine.home().ok()?.join(below)));
    let data = |below: &str| Some(SearchRoot::Each(machine.data_home().ok()?.join(below)));
    let nested = |place| match place {
        SearchRoot::Each(folder) => SearchRoot::Nested(folder),
        place => place,
    };
    let mut places: Vec<SearchRoot> = [
        tools::poetry(machine).map(SearchRoot::Each),
        tools::pipenv(machine).map(SearchRoot::Each),
        data("virtualenvs"),
        home(".virtualenvs"),
        named("UV_TOOL_DIR", "").or_else(|| data("uv/tools")),
        named("UV_PYTHON_INSTALL_DIR", "").or_else(|| data("uv/python")),
        named("PIPX_HOME", "venvs"),
        data("pipx/venvs"),
        home(".local/pipx/venvs"),
        named("MISE_DATA_DIR", "installs/python").or_else(|| data("mise/installs/python")),
        // With pyenv-virtualenv's environments.
        named("PYENV_ROOT", "versions")
            .or_else(|| home(".pyenv/versions"))
            .map(nested),
        named("ASDF_DATA_DIR", "installs/python").or_else(|| home(".asdf/installs/python")),
    ]
    .into_iter()
    .flatten()
    .collect();
    places.extend(tools::hatch(machine).into_iter().map(SearchRoot::Each));
    places.extend(tools::pdm(machine).map(SearchRoot::Each));
    places.extend(tools::uv_scripts(machine).map(SearchRoot::Each));
    places.extend(conda(machine));
    places.extend(azure_cli());
    places.extend(on_windows(machine));
    places.extend(["/usr/local", "/usr"].map(|root| SearchRoot::Root(root.into())));
    let mut once = HashSet::new();
    places.retain(|place| once.insert(place.clone()));
    places
}

/// conda's environments: its own list of all that were ever created, and the folders that its
/// installers offer, each a base environment with others in `envs`.
fn conda(machine: &Machine) -> Vec<SearchRoot> {
    let mut places = Vec::new();
    let mut roots: Vec<PathBuf> = vec!["/opt/conda".into()];
    if let Some(program) = machine.var("CONDA_EXE").map(Path::new) {
        // <root>/bin/conda
        roots.extend(program.ancestors().nth(2).map(Path::to_owned));
    }
    if let Some(root) = machine.var("MAMBA_ROOT_PREFIX") {
        roots.push(root.into());
    }
    if let Ok(home) = machine.home() {
        let names = [
            "miniconda3",
            "anaconda3",
            "miniforge3",
            "mambaforge",
            "micromamba",
        ];
        roots.extend(names.map(|name| home.join(name)));
        places.push(SearchRoot::Each(home.join(".conda/envs")));
        let list = files::read_if_there(&home.join(".conda/environments.txt"));
        let list = list.ok().flatten().unwrap_or_default();
        places.extend(
            list.split(|byte| matches!(byte, b'\n' | b'\r'))
                .map(|line| Path::new(OsStr::from_bytes(line.trim_ascii())))
                .filter(|path| path.is_absolute())
                .map(|path| SearchRoot::Root(path.to_owned())),
        );
    }
    for root in roots.into_iter().filter(|root| root.is_absolute()) {
        places.push(SearchRoot::Each(root.join("envs")));
        places.push(SearchRoot::Root(root));
    }
    places
}

/// Where Python's own installer puts it on Windows, for one user and for all, and where Azure CLI
/// keeps its own.
fn on_windows(machine: &Machine) -> Vec<SearchRoot> {
    if !cfg!(windows) {
        return Vec::new();
    }
    let folder = |variable: &str| machine.var(variable).map(PathBuf::from);
    let programs = folder("PROGRAMFILES");
    let mut places = Vec::new();
    places.extend(folder("LOCALAPPDATA").map(|data| SearchRoot::Each(data.join(r"Programs\Python"))));
    for folder in programs.iter().flat_map(|programs| folders_in(programs)) {
        let name = folder.file_name().unwrap_or_default().to_string_lossy();
        if name.starts_with("Python3") {
            places.push(SearchRoot::Root(folder));
        }
    }
    let azure = r"Microsoft SDKs\Azure\CLI2";
    places.extend(programs.map(|programs| SearchRoot::Root(programs.join(azure))));
    places
}

/// The Python that Azure CLI brings along: Debian's package, RPM's, Homebrew's.
fn azure_cli() -> Vec<SearchRoot> {
    let mut places: Vec<SearchRoot> = ["/opt/az", "/usr/lib64/az"]
        .map(|root| SearchRoot::Root(root.into()))
        .into();
    for homebrew in ["/opt/homebrew", "/usr/local", "/home/linuxbrew/.linuxbrew"] {
        let versions = folders_in(&Path::new(homebrew).join("Cellar/azure-cli"));
        places.extend(
            versions
                .into_iter()
                .map(|version| SearchRoot::Root(version.join("libexec"))),
        );
    }
    places
}
