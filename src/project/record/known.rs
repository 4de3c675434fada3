//! The paths that azup writes in a project: what a record can name.

use std::path::Path;

use crate::certificates::PROJECT_FOLDER;
use crate::project::{OWN_FOLDER, paths};

/// The folders that azup makes in a project.
pub(in crate::project) const FOLDERS: [&str; 4] =
    [".devcontainer", OWN_FOLDER, PROJECT_FOLDER, ".vscode"];

/// Whether a folder is one that azup makes: one of those, or the one of a launch profile.
pub(in crate::project) fn is_made_folder(path: &str) -> bool {
    FOLDERS.contains(&path) || is_known(path, |parts| parts.last() == Some(&"Properties"))
}

/// Whether a path is one of those that azup writes. Compared byte by byte: a name that only some
/// file system considers the same does not count.
pub(super) fn is_known(path: &str, known: fn(&[&str]) -> bool) -> bool {
    let parts: Vec<&str> = path.split('/').collect();
    let plain = |part: &&str| {
        !part.is_empty()
            && *part != "."
            && *part != ".."
            && !part.contains(['\\', '\0'])
            && !paths::is_name_of_git(part)
    };
    parts.iter().all(plain) && known(&parts)
}

/// A dev container's configuration.
pub(super) fn is_configuration(parts: &[&str]) -> bool {
    match parts {
        [".devcontainer.json"] | [".devcontainer", "devcontainer.json"] => true,
        [".devcontainer", name, "devcontainer.json"] => is_not_own(name),
        _ => false,
    }
}

/// Whether a file defines a dev container: its configuration, or its compose file.
pub(in crate::project) fn is_container_file(path: &str) -> bool {
    let parts: Vec<&str> = path.split('/').collect();
    is_configuration(&parts) || parts.last() == Some(&"docker-compose.yml")
}

/// A file that `init` edits, or creates for the user.
pub(super) fn is_of_users(parts: &[&str]) -> bool {
    match parts {
        [".devcontainer", "docker-compose.yml"]
        | [".vscode", "tasks.json" | "launch.json"]
        | [.., "Properties", "launchSettings.json"] => true,
        [".devcontainer", name, "docker-compose.yml"] => is_not_own(name),
        [name] if is_workspace(name) => true,
        parts => is_configuration(parts),
    }
}

/// A file in one of azup's own folders.
pub(super) fn is_own(parts: &[&str]) -> bool {
    matches!(parts, [".devcontainer", folder, _] if !is_not_own(folder))
}

/// VS Code's workspace file, which may contain tasks and configurations of its own.
pub(in crate::project) fn is_workspace(name: &str) -> bool {
    Path::new(name).extension().is_some_and(|kind| kind == "code-workspace")
}

fn is_not_own(name: &str) -> bool {
    let path = format!(".devcontainer/{name}");
    path != OWN_FOLDER && path != PROJECT_FOLDER
}

/// If `.devcontainer` is a link inside the project, azup 0.1 also recorded its own folders under
/// the path that the link leads to.
pub(super) fn is_linked(project: &Path, path: &str) -> bool {
    let root = project.canonicalize().ok();
    let there = |own: &&str| {
        paths::is_own_folder(project, Path::new(own))
            && project.join(own).canonicalize().ok() == root.as_ref().map(|root| root.join(path))
    };
    [OWN_FOLDER, PROJECT_FOLDER].iter().any(there)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_azup_writes_is_known() {
        for path in [
            ".devcontainer.json",
            ".devcontainer/devcontainer.json",
            ".devcontainer/a b/devcontainer.json",
            ".devcontainer/api/docker-compose.yml",
            ".vscode/tasks.json",
            "src/Api/Properties/launchSettings.json",
        ] {
            assert!(is_known(path, is_of_users), "{path}");
        }
        for (path, made) in [("src/Api/Properties", true), (".vscode", true), ("src", false), ("../Properties", false)] {
            assert_eq!(is_made_folder(path), made, "{path}");
        }
        for path in [
            "",
            "/etc/passwd",
            "../x",
            "notes.txt",
            "tasks.json",
            ".vscode/settings.json",
            "launchSettings.json",
            "Properties/../launchSettings.json",
            ".vscode//tasks.json",
            ".vscode/./tasks.json",
            ".VSCODE/tasks.json",
            "./.vscode/tasks.json",
            ".devcontainer/../x/devcontainer.json",
            ".devcontainer/.git/devcontainer.json",
            ".devcontainer/.GIT. /devcontainer.json",
            ".devcontainer/.git::$INDEX_ALLOCATION/devcontainer.json",
            ".devcontainer/git~1/devcontainer.json",
            ".devcontainer/azurite/devcontainer.json",
            ".devcontainer/a\\b/devcontainer.json",
            ".devcontainer/a/b/devcontainer.json",
            ".git/HEAD",
            ".GIT/HEAD",
        ] {
            assert!(!is_known(path, is_of_users), "{path}");
        }
        assert!(is_known(".devcontainer/azurite/start.sh", is_own));
        assert!(is_known(".devcontainer/azurite-certs/.gitignore", is_own));
        for path in [
            ".devcontainer/azurite",
            ".devcontainer/azurite/a/b",
            ".devcontainer/azurite/..",
            ".devcontainer/azurite/.git",
            ".devcontainer/Azurite/start.sh",
            ".devcontainer/api/start.sh",
            ".git/azurite/start.sh",
        ] {
            assert!(!is_known(path, is_own), "{path}");
        }
    }
}
