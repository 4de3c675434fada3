//! Folders that `azup init` does not set up: it says why, and changes nothing.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::Path;

use super::{everything, initialised, json, named, sandbox};
use crate::sandbox::azup;

/// Something else is where azup's own files belong.
#[test]
fn files_in_azups_own_folders_that_somebody_else_wrote_are_all_named() {
    let sandbox = sandbox();
    sandbox.write(".devcontainer/azurite/docker-compose.yml", "services: {}\n");
    sandbox.write(".devcontainer/azurite/install.sh", "theirs\n");
    sandbox.write(".devcontainer/azurite-certs/.gitignore", "theirs\n");
    let before = everything(sandbox.root());
    let done = sandbox.azup(["init"]);
    insta::assert_snapshot!(sandbox.shown(&done), @"
    exit: 4
    --- stdout
    --- stderr
    error: cannot set up [PROJECT] without changing what azup leaves alone: .devcontainer/azurite/install.sh: it belongs to azup, but contains something other than azup wrote; .devcontainer/azurite/docker-compose.yml: it belongs to azup, but contains something other than azup wrote; .devcontainer/azurite-certs/.gitignore: it belongs to azup, but contains something other than azup wrote
    hint: mv -n [PROJECT]/.devcontainer/azurite/install.sh [PROJECT]/.devcontainer/azurite/install.sh.before && mv -n [PROJECT]/.devcontainer/azurite/docker-compose.yml [PROJECT]/.devcontainer/azurite/docker-compose.yml.before && mv -n [PROJECT]/.devcontainer/azurite-certs/.gitignore [PROJECT]/.devcontainer/azurite-certs/.gitignore.before && azup init
    ");
    assert_eq!(everything(sandbox.root()), before);
    // The document of a failure says the same.
    let done = sandbox.azup(["init", "--json", "--dry-run"]);
    assert_eq!(done.code, 4);
    assert_eq!(done.json()["error"]["exit"], 4);
    assert_eq!(everything(sandbox.root()), before);
}

#[test]
fn a_link_is_never_followed_out_of_the_project() {
    let names = [
        ".devcontainer",
        ".devcontainer.json",
        ".devcontainer/devcontainer.json",
        ".devcontainer/azurite",
        ".devcontainer/azurite-certs",
        ".vscode",
        ".vscode/tasks.json",
    ];
    for name in names {
        for target in ["elsewhere", "nowhere"] {
            let sandbox = sandbox();
            sandbox.write("app.py", "");
            let elsewhere = sandbox.root().join("elsewhere");
            std::fs::create_dir(&elsewhere).unwrap();
            let path = sandbox.project().join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            symlink(sandbox.root().join(target), &path).unwrap();
            let before = everything(sandbox.root());
            let done = sandbox.azup(["init"]);
            assert_eq!(done.code, 4, "{name}: {done}");
            assert_eq!(everything(sandbox.root()), before, "{name}");
        }
    }
}

/// Even a link to exactly what belongs there: other projects may share it.
#[test]
fn a_link_out_of_the_project_to_the_same_bytes_is_refused_too() {
    let sandbox = initialised();
    let path = sandbox.project().join(".vscode/tasks.json");
    let shared = sandbox.root().join("shared.json");
    std::fs::rename(&path, &shared).unwrap();
    symlink(&shared, &path).unwrap();
    let done = sandbox.azup(["init"]);
    assert_eq!(done.code, 4, "{done}");
    assert!(
        done.stderr
            .contains(".vscode/tasks.json: it is a link that leads out of the project\n"),
        "{done}"
    );
}

/// The hint is a command that works when it is pasted into a shell.
#[test]
fn the_hint_puts_files_aside_and_starts_again() {
    let mut sandbox = named("it's a project");
    let names = [
        ".devcontainer/azurite/install.sh",
        ".devcontainer/azurite/start.sh",
    ];
    for name in names {
        sandbox.write(name, "theirs");
    }
    let done = sandbox.azup(["init"]);
    let hint = done
        .stderr
        .lines()
        .find_map(|line| line.strip_prefix("hint: "));
    let path = format!("{}:/usr/bin:/bin", azup().parent().unwrap().display());
    sandbox.set("PATH", path);
    sandbox.run("/bin/sh", ["-c", hint.unwrap()]).ok();
    for name in names {
        assert_eq!(super::read(&sandbox, &format!("{name}.before")), "theirs");
    }
    assert_eq!(sandbox.azup(["init"]).code, 0);
}

#[test]
fn a_missing_folder() {
    let sandbox = sandbox();
    let done = sandbox.azup(["init", "new app"]);
    insta::assert_snapshot!(sandbox.shown(&done), @"
    exit: 1
    --- stdout
    --- stderr
    error: cannot set up '[PROJECT]/new app': No such file or directory
    hint: mkdir -p '[PROJECT]/new app'
    ");
}

#[test]
fn a_file_for_a_folder() {
    let sandbox = sandbox();
    sandbox.write("app.py", "");
    let done = sandbox.azup(["init", "app.py"]);
    insta::assert_snapshot!(sandbox.shown(&done), @"
    exit: 1
    --- stdout
    --- stderr
    error: cannot set up [PROJECT]/app.py: it is a file, not a folder
    hint: azup init [PROJECT]
    ");
    let done = sandbox.azup(["init", "app.py/below"]);
    insta::assert_snapshot!(sandbox.shown(&done), @"
    exit: 1
    --- stdout
    --- stderr
    error: cannot set up [PROJECT]/app.py/below: Not a directory
    ");
}

/// `azup init "$DIR"` with DIR unset would otherwise set up the current folder.
#[test]
fn an_empty_word_for_a_folder() {
    let sandbox = sandbox();
    let done = sandbox.azup(["init", ""]);
    insta::assert_snapshot!(sandbox.shown(&done), @"
    exit: 2
    --- stdout
    --- stderr
    error: a value is required for '[DIR]' but none was supplied

    For more information, try '--help'.
    ");
    assert!(!sandbox.project().join(".devcontainer").exists());
}

#[test]
fn a_folder_that_cannot_be_written() {
    let sandbox = sandbox();
    let mode = |path: &Path, mode| {
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
    };
    // Nothing stops root, so the test runs as another user.
    mode(sandbox.root(), 0o755);
    mode(&sandbox.home(), 0o777);
    mode(&sandbox.project(), 0o555);
    let copy = sandbox.root().join("azup");
    std::fs::copy(azup(), &copy).unwrap();
    let somebody = ["--reuid=65534", "--regid=65534", "--clear-groups"];
    let root = sandbox.run("id", ["-u"]).stdout.trim() == "0";
    let init = |arguments: &[&str]| {
        let mut words: Vec<&OsStr> = Vec::new();
        if root {
            words.extend(somebody.map(OsStr::new));
            words.push(copy.as_os_str());
        }
        words.push(OsStr::new("init"));
        words.extend(arguments.iter().map(OsStr::new));
        if root {
            sandbox.run("setpriv", words)
        } else {
            sandbox.run(&copy, words)
        }
    };
    let done = init(&[]);
    insta::assert_snapshot!(sandbox.shown(&done), @"
    exit: 1
    --- stdout
    --- stderr
    error: cannot write in [PROJECT]: Permission denied
    hint: ls -ld [PROJECT]
    ");
    assert_eq!(init(&["--dry-run"]).code, 1);
    assert!(sandbox.project().read_dir().unwrap().next().is_none());

    // One folder deeper it shows only while writing: what was done is undone.
    mode(&sandbox.project(), 0o777);
    sandbox.write("app.py", "");
    let vscode = sandbox.project().join(".vscode");
    std::fs::create_dir(&vscode).unwrap();
    mode(&vscode, 0o555);
    let done = init(&[]);
    assert_eq!(done.code, 1, "{done}");
    assert!(
        done.stderr
            .contains(".vscode/tasks.json: Permission denied"),
        "{done}"
    );
    let left: Vec<_> = sandbox.project().read_dir().unwrap().collect();
    assert_eq!(left.len(), 2, "{left:?}");
    assert!(!sandbox.certs().exists());
}

#[test]
fn a_certificate_set_that_fails_a_check_is_not_replaced() {
    let sandbox = sandbox();
    sandbox.write(".devcontainer/azurite-certs/ca.pem", "no certificate");
    let before = everything(sandbox.root());
    let done = sandbox.azup(["init"]);
    assert_eq!(done.code, 1, "{done}");
    assert!(done.stderr.contains("hint: "), "{done}");
    assert_eq!(everything(sandbox.root()), before);
}

#[test]
fn any_name_of_a_folder_becomes_a_name_in_json() {
    let names: [&[u8]; 7] = [
        b"two words",
        b"it's \"quoted\"",
        b"back\\slash",
        b"new\nline",
        "größe-日本".as_bytes(),
        b"$HOME ${x}",
        b"-dash",
    ];
    for bytes in names {
        let sandbox = named(OsStr::from_bytes(bytes));
        sandbox.azup(["init"]).ok();
        let configuration = json(&sandbox, ".devcontainer/devcontainer.json");
        assert_eq!(
            configuration["name"].as_str().unwrap().as_bytes(),
            bytes,
            "{configuration}"
        );
    }
    let sandbox = named(OsStr::from_bytes(b"bad\xff"));
    sandbox.azup(["init"]).ok();
    let configuration = json(&sandbox, ".devcontainer/devcontainer.json");
    assert_eq!(configuration["name"], "bad\u{fffd}");
}
