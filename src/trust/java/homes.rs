//! Where JDKs and JREs are, and which keystores each of them has.

use std::path::{Path, PathBuf};

use super::Keystore;
use crate::machine::Machine;

/// Folders of JDKs, beside those in the user's home.
pub(super) const FOLDERS: [&str; 6] = [
    "/usr/lib/jvm",
    "/usr/lib64/jvm",
    // The SDKMAN of dev container images.
    "/usr/local/sdkman/candidates/java",
    // Temurin's images.
    "/opt/java",
    "/Library/Java/JavaVirtualMachines",
    "/System/Library/Java/JavaVirtualMachines",
];

/// The folders that the installers for Windows offer, below the folder for programs.
const ON_WINDOWS: [&str; 6] =
    ["Java", "Eclipse Adoptium", "Microsoft", "Amazon Corretto", "Zulu", "BellSoft"];

/// The JDK program that changes keystores.
const KEYTOOL: [&str; 2] = if cfg!(windows) {
    ["bin/keytool.exe", "jre/bin/keytool.exe"]
} else {
    ["bin/keytool", "jre/bin/keytool"]
};

/// Where a keystore may be in a JDK: since Java 9, and up to Java 8. Java reads `jssecacerts`
/// *instead of* `cacerts` if it exists; the CA goes into both, so that it stays trusted when that
/// file appears or disappears.
const PLACES: [&str; 4] = [
    "lib/security/jssecacerts",
    "lib/security/cacerts",
    "jre/lib/security/jssecacerts",
    "jre/lib/security/cacerts",
];

/// Every folder that may be a JDK, in order: that of the `java` on PATH, and those that package and
/// version managers installed.
pub(super) fn homes(machine: &Machine) -> Vec<PathBuf> {
    let mut folders: Vec<PathBuf> = FOLDERS.map(PathBuf::from).into();
    let from_variable = |name: &str, below: &str| {
        let folder = machine.var(name).map(Path::new);
        folder.map(|folder| machine.absolute(folder).join(below))
    };
    folders.extend(from_variable("SDKMAN_DIR", "candidates/java"));
    folders.extend(from_variable("ASDF_DATA_DIR", "installs/java"));
    folders.extend(from_variable("MISE_DATA_DIR", "installs/java"));
    if let Ok(home) = machine.home() {
        let below = [
            ".sdkman/candidates/java",
            ".asdf/installs/java",
            // IntelliJ's and Gradle's own.
            ".jdks",
            ".gradle/jdks",
            "Library/Java/JavaVirtualMachines",
        ];
        folders.extend(below.map(|folder| home.join(folder)));
    }
    if let Ok(data) = machine.data_home() {
        folders.push(data.join("mise/installs/java"));
    }
    if cfg!(windows) && let Some(programs) = machine.var("PROGRAMFILES") {
        folders.extend(ON_WINDOWS.map(|maker| Path::new(programs).join(maker)));
    }
    let mut homes: Vec<PathBuf> = machine
        .find("java")
        .and_then(|java| java.canonicalize().ok())
        .and_then(|java| Some(java.parent()?.parent()?.to_owned()))
        .into_iter()
        .collect();
    for folder in folders {
        let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
        let mut children: Vec<PathBuf> = entries.map(|entry| entry.path()).collect();
        children.sort();
        homes.extend(children);
    }
    homes
}

/// The keystores of a JDK, except those whose real paths are in `seen`.
pub(super) fn keystores(home: &Path, machine: &Machine, seen: &mut Vec<PathBuf>) -> Vec<Keystore> {
    let mut keystores = Vec::new();
    // macOS keeps a JDK inside a bundle.
    for home in [home.to_owned(), home.join("Contents/Home")] {
        for place in PLACES {
            let Ok(path) = home.join(place).canonicalize() else {
                continue;
            };
            if !path.is_file() || seen.contains(&path) {
                continue;
            }
            seen.push(path.clone());
            let keytool = KEYTOOL
                .map(|program| home.join(program))
                .into_iter()
                .find(|program| program.is_file() && !machine.is_in_project(program));
            keystores.push(Keystore { path, keytool });
        }
    }
    keystores
}
