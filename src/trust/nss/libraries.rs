//! Where `libnss3` is: the operating system's, and those that browsers bring along.

use std::path::{Path, PathBuf};

use crate::machine::Machine;

/// Whether this azup could load a library at all: one that is linked statically cannot.
pub(super) const CAN_LOAD: bool = !cfg!(target_feature = "crt-static");

/// Every `libnss3` in the usual places, the operating system's before those of browsers,
/// which are newer. Only absolute paths, never the search path of the dynamic linker.
pub(super) fn find(machine: &Machine) -> Vec<PathBuf> {
    let system = [
        format!("/usr/lib/{}-linux-gnu", std::env::consts::ARCH),
        "/usr/lib64".to_owned(),
        "/usr/lib".to_owned(),
    ];
    let browsers = [
        "/usr/lib/firefox-esr",
        "/usr/lib/firefox",
        "/usr/lib64/firefox",
        "/usr/lib/librewolf",
        "/usr/lib/chromium",
        "/opt/firefox",
        "/snap/firefox/current/usr/lib/firefox",
        // Not run: these tests know no macOS.
        "/Applications/Firefox.app/Contents/MacOS",
    ];
    let started = ["firefox", "firefox-esr", "librewolf"]
        .iter()
        .filter_map(|name| machine.find(name)?.canonicalize().ok())
        .filter_map(|program| Some(program.parent()?.to_owned()));
    let mut found: Vec<PathBuf> = Vec::new();
    for folder in system
        .iter()
        .map(PathBuf::from)
        .chain(browsers.iter().map(PathBuf::from))
        .chain(started)
    {
        let file = folder.join(file_name("nss3"));
        if file.is_file() && !found.contains(&file) {
            found.push(file);
        }
    }
    found
}

/// Whether `nss` has this other library of NSS's where it would look for it.
pub(super) fn is_beside(nss: &Path, other: &str) -> bool {
    let name = file_name(other);
    let below = Path::new("nss").join(&name);
    nss.with_file_name(&name).is_file() || nss.with_file_name(below).is_file()
}

/// The name of a library's file.
pub(super) fn file_name(library: &str) -> String {
    use std::env::consts::{DLL_PREFIX, DLL_SUFFIX};
    format!("{DLL_PREFIX}{library}{DLL_SUFFIX}")
}
