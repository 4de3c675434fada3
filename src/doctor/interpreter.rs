//! Which Python may be run. The one in a project's `.venv` runs whatever is there: its program, its
//! packages, and code in `.pth` files before any of them. If the user made that environment, it is
//! exactly what to check, and a Python from elsewhere reads its contents; if the repository brought
//! it, it is not the user's.

use std::io::Read as _;
use std::path::{Path, PathBuf};

use memchr::memmem;

use super::Context;
use crate::failure::shown;
use crate::files;
use crate::git;
use crate::machine::Machine;
use crate::os::{self, MetadataExt as _, OsStrExt as _};
use crate::trust::python;

/// Files of an environment that name the folder in which it was created: venv's, virtualenv's and
/// uv's, then conda's and pixi's, and scripts in their first line.
const MADE_WHERE: [&str; 5] = [
    "bin/activate",
    "conda-meta/history",
    "conda-meta/pixi_env_prefix",
    "bin/pip",
    "bin/pydoc3",
];

/// How a Python's clients are checked.
#[derive(Debug)]
pub(super) enum Python {
    /// By running it.
    Run(PathBuf),
    /// Its environment is in the project, where others may be able to write: `by` reads what it
    /// would read.
    Read {
        root: PathBuf,
        program: PathBuf,
        by: PathBuf,
    },
}

/// The Python that the user works with: the project's, else the one on PATH; `None` if there is
/// none.
pub(super) fn interpreter(context: &Context) -> Result<Option<Python>, String> {
    let machine = &context.machine;
    let of_project = python::of_project(machine).into_iter();
    let mut of_project = of_project.filter(|root| root.join("bin/python").is_file());
    if let Some(root) = of_project.next() {
        let program = root.join("bin/python");
        check(&root, &program, machine)?;
        return asked(root, program, machine).map(Some);
    }
    let Some(program) = machine.find("python3") else {
        return Ok(None);
    };
    if machine.is_in_project(&program)
        && let Some(root) = program.parent().and_then(Path::parent)
    {
        check(root, &program, machine)?;
        return asked(root.to_owned(), program, machine).map(Some);
    }
    Ok(Some(Python::Run(program)))
}

/// How to check the environment at `root`.
fn asked(root: PathBuf, program: PathBuf, machine: &Machine) -> Result<Python, String> {
    let real = root.canonicalize().unwrap_or_else(|_| root.clone());
    if !machine.is_near(&root) && !machine.is_near(&real) {
        return Ok(Python::Run(program));
    }
    let by = elsewhere(&root, machine).ok_or_else(|| {
        let root = shown(&root);
        format!("{root} is in the project, and there is no Python elsewhere to read it")
    })?;
    Ok(Python::Read { root, program, by })
}

/// A Python that has nothing to do with the project: the one on PATH, else the one that the
/// environment was made from, if it is root's or in the folder of a version manager. Anyone may
/// have written the file that names it, and any program can have that name.
fn elsewhere(root: &Path, machine: &Machine) -> Option<PathBuf> {
    let real = |path: &Path| path.canonicalize().unwrap_or_else(|_| path.to_owned());
    let is_far = |path: &PathBuf| !machine.is_near(path) && !machine.is_near(&real(path));
    let on_path = machine.find_all("python3").find(is_far);
    on_path.or_else(|| {
        let home = python::pyvenv::of(root).home?;
        let names = ["python3", "python"].map(|name| home.join(name)).into_iter();
        let managers = [machine.data_home().ok()?.join("uv/python"), machine.home().ok()?.join(".pyenv")];
        let is_known = |path: &PathBuf| {
            let path = real(path);
            let is_roots = path.metadata().is_ok_and(|about| about.uid() == 0 && about.mode() & 0o022 == 0);
            is_roots || managers.iter().any(|manager| path.starts_with(real(manager)))
        };
        names.filter(is_far).find(|path| path.is_file() && !is_script(path) && is_known(path))
    })
}

/// Makes sure that the user made the environment at `root`, whose Python is `program`.
fn check(root: &Path, program: &Path, machine: &Machine) -> Result<(), String> {
    let refuse = |path: &Path, why: &str| Err(format!("{} {why}: it is not run", shown(path)));
    let real = program
        .canonicalize()
        .map_err(|_| format!("{} leads nowhere", shown(program)))?;
    for path in [root, program, &real] {
        match git::tracks(path) {
            Ok(false) => {}
            Ok(true) => return refuse(path, "is tracked by git, so the repository brought it"),
            Err(why) => {
                let what = format!("may be tracked by git ({why})");
                return refuse(path, &what);
            }
        }
    }
    let us = os::user();
    for path in [root, &real] {
        let owner = path.metadata().map(|about| about.uid());
        if !owner.is_ok_and(|owner| owner == us || owner == 0) {
            return refuse(path, "belongs to another user");
        }
    }
    let real_root = root.canonicalize().unwrap_or_else(|_| root.to_owned());
    // The user named an environment elsewhere, or poetry or a similar tool made it.
    if !machine.is_near(root) && !machine.is_near(&real_root) {
        return Ok(());
    }
    if is_script(&real) && (machine.is_near(&real) || real.starts_with(&real_root)) {
        return refuse(program, "is a script");
    }
    // An unpacked archive was made elsewhere; its program may be any link.
    if ![root, &real_root].iter().any(|root| was_made_in(root)) {
        let why = "does not say that it was made in this folder";
        return refuse(root, why);
    }
    Ok(())
}

fn is_script(program: &Path) -> bool {
    let mut start = [0; 2];
    let read = std::fs::File::open(program).and_then(|mut file| file.read_exact(&mut start));
    read.is_err() || &start == b"#!"
}

/// Whether the environment says that it was created in this very folder.
fn was_made_in(root: &Path) -> bool {
    MADE_WHERE.iter().any(|name| {
        let bytes = files::read_if_there(&root.join(name)).ok().flatten();
        bytes.is_some_and(|bytes| memmem::find(&bytes, root.as_os_str().as_bytes()).is_some())
    })
}
