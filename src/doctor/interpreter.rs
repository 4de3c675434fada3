//! Which Python may be asked. The one in a project's `.venv` runs whatever lies there: its
//! program, its packages, and code in `.pth` files before any of them. Where the user has made
//! that environment it is the very thing to check; where the repository brought it, it is
//! somebody else's program.

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

/// Files of an environment that name the folder in which it was made: venv's, virtualenv's
/// and uv's, then conda's and pixi's, and scripts by their first line.
const MADE_WHERE: [&str; 5] = [
    "bin/activate",
    "conda-meta/history",
    "conda-meta/pixi_env_prefix",
    "bin/pip",
    "bin/pydoc3",
];

/// The Python that the user works with: the project's, else that of PATH; `None` where there
/// is none.
pub(super) fn interpreter(context: &Context) -> Result<Option<PathBuf>, String> {
    let machine = &context.machine;
    let of_project = python::of_project(machine).into_iter();
    let mut of_project = of_project.filter(|root| root.join("bin/python").is_file());
    if let Some(root) = of_project.next() {
        let program = root.join("bin/python");
        check(&root, &program, machine)?;
        return Ok(Some(program));
    }
    let found = machine.find("python3");
    if let Some(program) = found
        .as_deref()
        .filter(|found| machine.is_in_project(found))
        && let Some(root) = program.parent().and_then(Path::parent)
    {
        check(root, program, machine)?;
    }
    Ok(found)
}

/// Makes sure that the user made the environment at `root`, of which `program` is the Python.
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
    // What is elsewhere was named by the user, or made by poetry and the like.
    if !machine.is_near(root) && !machine.is_near(&real_root) {
        return Ok(());
    }
    if is_script(&real) && (machine.is_near(&real) || real.starts_with(&real_root)) {
        return refuse(program, "is a script");
    }
    // What was unpacked with an archive was made elsewhere; its program may be any link.
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

/// Whether the environment says that this very folder is where it was made.
fn was_made_in(root: &Path) -> bool {
    MADE_WHERE.iter().any(|name| {
        let bytes = files::read_if_there(&root.join(name)).ok().flatten();
        bytes.is_some_and(|bytes| memmem::find(&bytes, root.as_os_str().as_bytes()).is_some())
    })
}
