//! What puts Azurite into other people's tests: the pytest plugin, the npm package, and the recipes
//! of `docs/testing`.

use std::path::{Path, PathBuf};

use crate::sandbox::azup;
use crate::up::site::Site;

mod npm;
mod python;
mod recipes;

/// A machine with Azurite, and with this azup for tools that look for it by name.
fn site() -> Site {
    let mut site = Site::new();
    site.sandbox.set("AZUP", azup());
    site
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Copies the files of a subfolder of `kit` into the project.
fn copy(folder: &str, site: &Site) {
    for entry in std::fs::read_dir(root().join("tests/cli/up/kit").join(folder)).unwrap() {
        let path = entry.unwrap().path();
        if path.is_file() {
            let name: PathBuf = path.file_name().unwrap().into();
            site.sandbox.write(name, std::fs::read(&path).unwrap());
        }
    }
}
