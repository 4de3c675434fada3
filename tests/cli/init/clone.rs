//! A project that lacks something that its dev container names.

use super::sandbox;
use crate::python::shaped;
use crate::sandbox::{Sandbox, azup};

/// The repository ignores azup's folder, and `devcontainer.json` was committed.
#[test]
fn a_clone_without_azups_folder_is_a_fault_that_init_fixes() {
    let sandbox = sandbox();
    sandbox.write(
        ".devcontainer/devcontainer.json",
        "{\"image\": \"node:22\"}",
    );
    sandbox.azup(["init", "--yes"]).ok();
    std::fs::remove_dir_all(sandbox.project().join(".devcontainer/azurite")).unwrap();
    let done = sandbox.azup(["doctor", "devcontainer-files"]);
    assert_eq!(done.code, 1, "{done}");
    let what = ".devcontainer/devcontainer.json names .devcontainer/azurite, which is not here";
    assert!(done.stdout.contains(what), "{done}");
    assert!(done.stdout.contains("azup init"), "{done}");
    sandbox.azup(["init", "--yes"]).ok();
    let done = sandbox.azup(["doctor", "devcontainer-files"]).ok();
    assert!(done.stdout.starts_with("ok"), "{done}");
}

#[test]
fn a_compose_file_that_is_not_there_is_named_and_nothing_is_written() {
    let sandbox = sandbox();
    sandbox.write(
        ".devcontainer/devcontainer.json",
        "{\"dockerComposeFile\": \"../compose.yml\", \"service\": \"app\"}",
    );
    let done = sandbox.azup(["init", "--yes"]);
    assert_eq!(done.code, 4, "{done}");
    assert!(
        done.stderr.contains("compose.yml: there is no such file"),
        "{done}"
    );
    assert!(!sandbox.project().join(".devcontainer/azurite").exists());
}

/// Something that git ignores, or that was deleted: init fixes each.
#[test]
fn a_clone_without_the_program_or_the_record_is_a_fault_that_init_fixes() {
    for missing in ["azup-linux-*", "edits.json"] {
        let sandbox = sandbox();
        sandbox.azup(["init", "--yes"]).ok();
        let delete = format!("rm .devcontainer/azurite/{missing}");
        sandbox.run("sh", ["-c", &delete]).ok();
        let done = sandbox.azup(["doctor", "devcontainer-files"]);
        assert_eq!(done.code, 1, "{missing}: {done}");
        assert!(
            done.stdout.starts_with("fail  devcontainer-files"),
            "{done}"
        );
        let fix = done
            .stdout
            .lines()
            .find_map(|line| line.trim().strip_prefix("fix: azup "));
        let words = fix.unwrap().split(' ').chain(["--yes"]);
        sandbox.azup(words).ok();
        sandbox.azup(["doctor", "devcontainer-files"]).ok();
    }
}

#[test]
fn what_a_store_fails_with_comes_after_what_was_done() {
    let mut sandbox = Sandbox::new();
    sandbox.write("app.py", "");
    let bundle = shaped(sandbox.project().join(".venv"));
    sandbox.write(".venv/pyvenv.cfg", "home = /usr/bin\n");
    std::fs::write(&bundle, "-----BEGIN CERTIFICATE-----\nhalf of it").unwrap();
    sandbox.set("AZUP_STORES", "certifi");
    let both = [azup().as_os_str(), "init".as_ref(), "--yes".as_ref()];
    let shell = ["-c", "\"$@\" 2>&1", "sh"].map(AsRef::as_ref);
    let done = sandbox.run("sh", [&shell[..], &both[..]].concat());
    assert_eq!(done.code, 1, "{done}");
    let at = |words: &str| {
        done.stdout
            .find(words)
            .unwrap_or_else(|| panic!("no {words}: {done}"))
    };
    assert!(
        done.stdout.rfind("created .devcontainer").unwrap() < at("error: certifi"),
        "{done}"
    );
    assert!(at("error: certifi") < at("next: "), "{done}");
}
