//! Where NSS databases are, found by looking at folders and at Firefox's `profiles.ini`.
//!
//! Profiles are not found by `*.default*`, as other tools do: they may have any name and be
//! anywhere. Browsers from snap and flatpak keep theirs in separate home folders.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use crate::files;
use crate::machine::Machine;

/// Browsers that read the user's NSS database. If none is installed, no missing database is
/// created.
const BROWSERS: [&str; 11] = [
    "chromium",
    "chromium-browser",
    "google-chrome",
    "google-chrome-stable",
    "microsoft-edge",
    "microsoft-edge-stable",
    "brave-browser",
    "brave",
    "opera",
    "vivaldi",
    "vivaldi-stable",
];

/// Where Firefox and its descendants keep their `profiles.ini`, below a home.
const FIREFOX: [&str; 6] = [
    ".mozilla/firefox",
    ".mozilla/icecat",
    ".librewolf",
    ".zen",
    ".waterfox",
    ".floorp",
];

/// The same, below the configuration folder, which current versions use unless the older folder
/// exists.
const FIREFOX_SETTINGS: [&str; 5] = [
    "mozilla/firefox",
    "librewolf/librewolf",
    "zen",
    "waterfox",
    "floorp",
];

#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Profiles {
    /// Folders of databases, without duplicates.
    pub(super) databases: Vec<PathBuf>,
    /// Folders with only a `cert8.db`, the format from before 2018.
    pub(super) outdated: Vec<PathBuf>,
}

/// All databases of the user. If Chromium is installed but has none yet, the place where it would
/// create its own is included.
pub(super) fn find(machine: &Machine) -> Profiles {
    let (Ok(home), Ok(data), Ok(config)) =
        (machine.home(), machine.data_home(), machine.config_home())
    else {
        return Profiles::default();
    };
    let mut all = Profiles {
        databases: chromium(home, data, machine),
        outdated: Vec::new(),
    };
    for root in firefox_roots(home, config) {
        for profile in profiles(&root) {
            if profile.join("cert9.db").exists() {
                all.databases.push(profile);
            } else if profile.join("cert8.db").exists() {
                all.outdated.push(profile);
            }
        }
    }
    let mut seen = BTreeSet::new();
    let mut first =
        |folder: &PathBuf| seen.insert(folder.canonicalize().unwrap_or_else(|_| folder.clone()));
    all.databases.retain(&mut first);
    all.outdated.retain(&mut first);
    all
}

/// Chromium's databases. It reads `~/.pki/nssdb` if that folder exists, else the one in the data
/// folder. If both exist, both are kept up to date; the first is never created, since that would
/// hide the other from Chromium (measured). The same holds below a snap's or flatpak's home.
fn chromium(home: &Path, data: &Path, machine: &Machine) -> Vec<PathBuf> {
    let own = data.join("pki/nssdb");
    let mut folders = vec![home.join(".pki/nssdb"), own.clone()];
    folders.retain(|folder| folder.is_dir());
    if folders.is_empty() && BROWSERS.iter().any(|name| machine.find(name).is_some()) {
        folders.push(own);
    }
    let mut sandboxed = Vec::new();
    for snap in files::folders_in(&home.join("snap")) {
        let home = snap.join("current");
        sandboxed.push(home.join(".pki/nssdb"));
        sandboxed.push(home.join(".local/share/pki/nssdb"));
    }
    for application in files::folders_in(&home.join(".var/app")) {
        sandboxed.push(application.join(".pki/nssdb"));
        sandboxed.push(application.join("data/pki/nssdb"));
    }
    sandboxed.retain(|folder| folder.is_dir());
    folders.extend(sandboxed);
    folders
}

/// Folders in which Firefox or a descendant keeps its `profiles.ini`.
fn firefox_roots(home: &Path, config: &Path) -> Vec<PathBuf> {
    let mut roots = Vec::new();
    let mut add = |home: &Path, config: &Path| {
        roots.extend(FIREFOX.map(|name| home.join(name)));
        roots.extend(FIREFOX_SETTINGS.map(|name| config.join(name)));
    };
    add(home, config);
    for snap in files::folders_in(&home.join("snap")) {
        let home = snap.join("common");
        add(&home, &home.join(".config"));
    }
    for application in files::folders_in(&home.join(".var/app")) {
        add(&application, &application.join("config"));
    }
    roots.retain(|root| root.is_dir());
    if cfg!(target_os = "macos") {
        // Not run: these tests do not cover macOS.
        roots.push(home.join("Library/Application Support/Firefox"));
    }
    roots
}

/// The profiles of one root: those that `profiles.ini` names or, if none of these has a database,
/// every child folder that has one.
fn profiles(root: &Path) -> Vec<PathBuf> {
    let holds = |folder: &PathBuf| ["cert9.db", "cert8.db"].map(|name| folder.join(name).exists());
    let text = files::read_if_there(&root.join("profiles.ini"));
    let mut named: Vec<PathBuf> = match text {
        Ok(Some(bytes)) => named(&bytes)
            .into_iter()
            .map(|path| root.join(path))
            .collect(),
        // It does not exist or is not readable.
        _ => Vec::new(),
    };
    named.retain(|folder| holds(folder).contains(&true));
    if named.is_empty() {
        let places = [root.to_owned(), root.join("Profiles")];
        named.extend(places.iter().flat_map(|place| files::folders_in(place)));
        named.retain(|folder| holds(folder).contains(&true));
    }
    named
}

/// The paths in a `profiles.ini`: `Path` of each `[ProfileN]`, relative to the file unless absolute
/// or `IsRelative=0`, and `Default` of each `[InstallXXXX]`, one per installed Firefox. Other lines
/// are skipped, as Firefox does.
pub(crate) fn named(bytes: &[u8]) -> Vec<PathBuf> {
    let text = String::from_utf8_lossy(bytes);
    let text = text.trim_start_matches('\u{feff}');
    let mut paths: Vec<PathBuf> = Vec::new();
    let mut key = "";
    for line in text.lines().map(str::trim) {
        if let Some(section) = line.strip_prefix('[') {
            key = match section.trim_end_matches(']') {
                name if name.starts_with("Profile") => "Path",
                name if name.starts_with("Install") => "Default",
                _ => "",
            };
        } else if let Some((name, value)) = line.split_once('=')
            && name.trim() == key
            && !value.trim().is_empty()
            && !value.contains('\0')
        {
            let path = PathBuf::from(value.trim());
            if !paths.contains(&path) {
                paths.push(path);
            }
        }
    }
    paths
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn profiles_and_installs_are_read_whatever_the_line_ends() {
        let text = "\u{feff}; made by hand\r\n[Install4F96D1932A9F858E]\r\nDefault=Profiles/a b.work\r\n\
            Locked=1\r\n[Profile1]\r\nName = x=y\r\nIsRelative=0\r\n Path = /elsewhere/größe \r\n\
            [Profile0]\r\nIsRelative=1\r\nPath=Profiles/a b.work\r\nDefault=1\r\n\
            [General]\r\nPath=no/profile\r\nDefault=neither\r\n[InstallX]\r\nDefault=other\r\n";
        let expected = ["Profiles/a b.work", "/elsewhere/größe", "other"];
        assert_eq!(named(text.as_bytes()), expected.map(PathBuf::from));
    }

    #[test]
    fn odd_content_names_nothing() {
        for text in [
            &b""[..],
            b"[",
            b"[Profile0",
            b"Path=x",
            b"[Profile0]\nPath=",
            b"[Profile0]\nPath",
            b"[Profile0]\nPath=a\0b",
            b"\xff\xfe[\0P\0",
        ] {
            assert_eq!(named(text), Vec::<PathBuf>::new(), "{text:?}");
        }
    }

    proptest::proptest! {
        #[test]
        fn any_bytes_are_read(bytes: Vec<u8>) {
            named(&bytes);
        }

        #[test]
        fn every_path_comes_back(names in proptest::collection::btree_set("[a-zA-Z0-9ä./ ]{0,8}[a-z]", 1..6)) {
            let names: Vec<&str> = names.iter().map(|name| name.trim()).collect();
            let mut text = String::new();
            for name in &names {
                text += &format!("[Profile{}]\nName=n\nIsRelative=1\nPath={name}\n\n", text.len());
            }
            let mut expected: Vec<PathBuf> = Vec::new();
            for path in names.iter().map(PathBuf::from) {
                if !expected.contains(&path) {
                    expected.push(path);
                }
            }
            proptest::prop_assert_eq!(named(text.as_bytes()), expected);
        }
    }

    /// Two roots, one profile in each, and one more that both name.
    #[test]
    fn a_profile_counts_once_and_only_with_a_database() {
        let root = tempfile::tempdir().expect("a folder");
        let root = root.path();
        for name in ["one", "two", "old", "empty"] {
            std::fs::create_dir_all(root.join(name)).expect("the test folder is writable");
        }
        for file in ["one/cert9.db", "two/cert9.db", "old/cert8.db"] {
            std::fs::write(root.join(file), "").expect("the test folder is writable");
        }
        let ini = "[Profile0]\nPath=two\n[Profile1]\nPath=empty\n[Profile2]\nPath=old\n";
        std::fs::write(root.join("profiles.ini"), ini).expect("the test folder is writable");
        let expected = ["two", "old"].map(|name| root.join(name));
        assert_eq!(profiles(root), expected);

        // Without it, or when it names none with a database, the folders themselves say.
        std::fs::write(root.join("profiles.ini"), "[Profile0]\nPath=empty\n")
            .expect("the test folder is writable");
        let expected = ["old", "one", "two"].map(|name| root.join(name));
        assert_eq!(profiles(root), expected);
    }
}
