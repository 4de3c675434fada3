//! A crash, a full disk or an unwritable folder, between any two writes.

use std::path::Path;
use std::time::Duration;

use super::{assert_same, project, tree};
use crate::sandbox::Sandbox;

const FILES: &[(&str, &str)] = &[
    (
        ".devcontainer/devcontainer.json",
        "{\n  \"image\": \"debian:12\" // mine\n}\n",
    ),
    (
        ".vscode/tasks.json",
        "{\n  \"version\": \"2.0.0\",\n  \"tasks\": []\n}\n",
    ),
    (
        ".vscode/launch.json",
        "{\n  \"version\": \"0.2.0\",\n  \"configurations\": [\n    {\"name\": \"x\", \"type\": \"debugpy\", \"request\": \"launch\"}\n  ]\n}\n",
    ),
];

/// Starts `azup` and kills it after this many milliseconds, unless it has ended by then.
fn killed(sandbox: &Sandbox, words: &[&str], after: u64) {
    let mut child = sandbox
        .azup_command(words)
        .stdout(std::process::Stdio::null())
        .stderr(std::process::Stdio::null())
        .spawn()
        .unwrap();
    std::thread::sleep(Duration::from_millis(after));
    child.kill().unwrap();
    child.wait().unwrap();
}

/// What a killed azup leaves next to a file is removed after ten minutes, by a later run.
pub(super) fn without_leftovers(sandbox: &Sandbox) {
    for (path, _) in Sandbox::files(&sandbox.project()) {
        if is_leftover(&path) {
            std::fs::remove_file(path).unwrap();
        }
    }
}

/// Whether the name is one that a killed azup leaves behind.
pub(super) fn is_leftover(path: &Path) -> bool {
    let name = path.file_name().unwrap().to_string_lossy().into_owned();
    name.starts_with('.') && name.contains(".azup-")
}

#[test]
fn killed_at_any_moment_the_next_init_completes_it_and_remove_undoes_it() {
    let sandbox = project(FILES);
    let before = tree(&sandbox.project());
    // One run to learn what complete is; it also makes the certificates, once.
    sandbox.azup(["init", "--yes"]).ok();
    let complete = tree(&sandbox.project());
    sandbox.azup(["remove", "--yes"]).ok();
    assert_same(&sandbox, &before, "removed");
    for round in 0..20 {
        killed(&sandbox, &["init", "--yes"], 2 + 4 * round);
        without_leftovers(&sandbox);
        for (path, _) in FILES {
            let text = std::fs::read(sandbox.project().join(path)).unwrap();
            let is = |tree: &[(std::path::PathBuf, u32, Vec<u8>)]| {
                tree.iter()
                    .any(|(at, _, bytes)| at.ends_with(path) && *bytes == text)
            };
            assert!(
                is(&before) || is(&complete),
                "round {round}: {path} is old or new"
            );
        }
        if round % 2 == 0 {
            sandbox.azup(["init", "--yes"]).ok();
            assert_same(&sandbox, &complete, &format!("round {round}: completed"));
            killed(&sandbox, &["remove", "--yes"], 2 + 4 * round);
            without_leftovers(&sandbox);
        }
        sandbox.azup(["remove", "--yes"]).ok();
        assert_same(&sandbox, &before, &format!("round {round}: undone"));
    }
}

/// Every write may be the one that fails: each folder in turn is read-only.
#[test]
fn a_write_that_fails_takes_back_all_before_it() {
    let sandbox = project(FILES);
    let before = tree(&sandbox.project());
    for folder in [".vscode", ".devcontainer", ""] {
        let done = sandbox.read_only(&sandbox.project().join(folder), ["init", "--yes"]);
        assert_eq!(done.code, 1, "{folder}: {done}");
        assert_same(&sandbox, &before, folder);
        assert!(!sandbox.certs().exists(), "{folder}: {done}");
    }
    sandbox.azup(["init", "--yes"]).ok();
    let after = tree(&sandbox.project());
    for folder in [
        ".vscode",
        ".devcontainer",
        ".devcontainer/azurite",
        ".devcontainer/azurite-certs",
    ] {
        let done = sandbox.read_only(&sandbox.project().join(folder), ["remove", "--yes"]);
        assert_eq!(done.code, 1, "{folder}: {done}");
        assert_same(&sandbox, &after, folder);
    }
    sandbox.azup(["remove", "--yes"]).ok();
    assert_same(&sandbox, &before, "removed");
}

/// As a crash leaves them: the record, and at most some of the files that it names.
#[test]
fn a_record_of_what_was_never_done_is_no_obstacle() {
    let sandbox = project(FILES);
    let before = tree(&sandbox.project());
    sandbox.azup(["init", "--yes"]).ok();
    let record = ".devcontainer/azurite/edits.json";
    let bytes = std::fs::read(sandbox.project().join(record)).unwrap();
    let complete = tree(&sandbox.project());
    for undone in [&FILES[..1], &FILES[1..], FILES] {
        for (path, text) in undone {
            sandbox.write(path, text);
        }
        std::fs::remove_file(sandbox.project().join(".devcontainer/azurite/start.sh")).unwrap();
        let done = sandbox.azup(["init", "--yes"]).ok();
        assert_same(&sandbox, &complete, &done.stdout);
    }
    sandbox.azup(["remove", "--yes"]).ok();
    assert_same(&sandbox, &before, "removed");
    sandbox.write(record, bytes);
    sandbox.azup(["remove", "--yes"]).ok();
    assert_same(&sandbox, &before, "only the record was there");
}
