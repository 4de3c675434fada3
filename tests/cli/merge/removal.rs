//! `azup remove` in a project that has changed since `azup init`.

use std::path::Path;

use super::{assert_same, differences, jsonc, project, tree};
use crate::sandbox::Sandbox;

const NEW: &str = ".devcontainer/devcontainer.json";
const IMAGE: &str = "{\n  \"image\": \"debian:12\" // mine\n}\n";

fn read(sandbox: &Sandbox, path: &str) -> String {
    std::fs::read_to_string(sandbox.project().join(path)).unwrap()
}

#[test]
fn a_project_without_azup_has_nothing_to_remove() {
    let sandbox = project(&[(NEW, IMAGE)]);
    let before = tree(&sandbox.project());
    let done = sandbox.azup(["remove"]);
    insta::assert_snapshot!(sandbox.shown(&done), @"
    exit: 0
    --- stdout
    nothing to remove in [PROJECT]
    --- stderr
    ");
    assert_same(&sandbox, &before, "nothing");
    assert!(!sandbox.own().exists());
}

#[test]
fn what_the_user_wrote_around_the_additions_stays() {
    let sandbox = project(&[(NEW, IMAGE)]);
    sandbox.azup(["init", "--yes"]).ok();
    let text = read(&sandbox, NEW)
        .replace(
            "\"./azurite\": {},",
            "\"ghcr.io/devcontainers/features/git:1\": {}, // git\n    \"./azurite\": {},",
        )
        .replace("[10000, 10001, 10002]", "[8080, 10000, 10001, 10002]")
        .replace("debian:12", "debian:13");
    sandbox.write(NEW, text);
    let done = sandbox.azup(["remove", "--yes"]).ok();
    assert!(
        done.stdout
            .contains("edited .devcontainer/devcontainer.json"),
        "{done}"
    );
    let left = read(&sandbox, NEW);
    assert!(left.contains("\"debian:13\", // mine"), "{left}");
    assert!(left.contains("// git"), "{left}");
    let value = jsonc(left.as_bytes());
    assert_eq!(value["forwardPorts"], serde_json::json!([8080]));
    assert_eq!(value["features"].as_object().unwrap().len(), 1, "{left}");
    assert_eq!(value.get("portsAttributes"), None, "{left}");
    assert_eq!(Sandbox::files(&sandbox.project()).len(), 1);
}

#[test]
fn a_file_that_azup_made_and_the_user_changed_is_named_and_kept_on_demand() {
    let sandbox = project(&[("app.py", "")]);
    sandbox.azup(["init"]).ok();
    let tasks = read(&sandbox, ".vscode/tasks.json").replace("2.0.0", "2.0.0 ");
    sandbox.write(".vscode/tasks.json", &tasks);
    sandbox.write(".devcontainer/azurite/notes.txt", "mine\n");
    sandbox.write(".devcontainer/azurite/install.sh", "mine\n");
    let before = tree(&sandbox.project());
    let done = sandbox.azup(["remove", "--yes"]);
    insta::assert_snapshot!(sandbox.shown(&done), @"
    exit: 4
    --- stdout
    --- stderr
    error: cannot undo what azup did in [PROJECT]: .devcontainer/azurite/install.sh: it contains something other than azup wrote; .devcontainer/azurite/notes.txt: azup did not write it
    hint: azup remove --keep [PROJECT]/.devcontainer/azurite/install.sh --keep [PROJECT]/.devcontainer/azurite/notes.txt [PROJECT]
    ");
    assert_same(&sandbox, &before, "nothing was touched");
    let keep = [
        ".vscode/tasks.json",
        ".devcontainer/azurite/install.sh",
        ".devcontainer/azurite/notes.txt",
    ];
    let words = ["remove", "--yes"]
        .into_iter()
        .chain(keep.iter().flat_map(|path| ["--keep", *path]));
    sandbox.azup(words).ok();
    let left: Vec<_> = Sandbox::files(&sandbox.project())
        .into_iter()
        .map(|(path, _)| path.strip_prefix(sandbox.project()).unwrap().to_owned())
        .collect();
    let mut keep: Vec<&Path> = keep.iter().map(Path::new).collect();
    keep.push(Path::new("app.py"));
    keep.sort();
    assert_eq!(left, keep);
}

#[test]
fn an_addition_that_was_changed_since_is_not_azups_to_take_out() {
    let sandbox = project(&[(NEW, IMAGE)]);
    sandbox.azup(["init", "--yes"]).ok();
    let text = read(&sandbox, NEW).replace("\"Azurite blob\"", "\"Our blobs\"");
    sandbox.write(NEW, text);
    let before = tree(&sandbox.project());
    let done = sandbox.azup(["remove", "--yes"]);
    assert_eq!(done.code, 4, "{done}");
    assert!(done.stderr.contains(NEW), "{done}");
    assert_same(&sandbox, &before, "nothing was touched");
    // What is already gone is no obstacle.
    let again = project(&[(NEW, IMAGE)]);
    again.azup(["init", "--yes"]).ok();
    again.write(NEW, IMAGE);
    again.azup(["remove", "--yes"]).ok();
    assert_eq!(read(&again, NEW), IMAGE);
}

/// The record is committed: whoever clones the project can undo it, even if git writes CRLF.
#[test]
fn a_colleague_can_remove_it_from_a_clone_whatever_line_ends_git_gives() {
    for autocrlf in ["false", "true"] {
        let sandbox = project(&[
            (NEW, IMAGE),
            (
                ".vscode/launch.json",
                "{\n  \"version\": \"0.2.0\",\n  \"configurations\": [\n    {\n      \"name\": \"app\",\n      \"type\": \"debugpy\",\n      \"request\": \"launch\"\n    }\n  ]\n}\n",
            ),
        ]);
        let git = |words: &[&str]| {
            let identity = ["-c", "user.name=t", "-c", "user.email=t@example.org"];
            sandbox.run("git", identity.iter().chain(words)).ok()
        };
        git(&["init", "-q", "-b", "main"]);
        git(&["add", "-A"]);
        git(&["commit", "-qm", "before"]);
        sandbox.azup(["init", "--yes"]).ok();
        git(&["add", "-A"]);
        git(&["commit", "-qm", "set up"]);
        let setting = format!("core.autocrlf={autocrlf}");
        git(&["clone", "-q", "-c", &setting, ".", "../clone"]);
        let clone = sandbox.root().join("clone");
        let crlf = std::fs::read(clone.join(NEW)).unwrap().contains(&b'\r');
        assert_eq!(crlf, autocrlf == "true");

        // Set up and undone by the record alone, and after an init of the clone's own.
        for init_first in [false, true] {
            if init_first {
                git(&["-C", "../clone", "checkout", "-q", "-f", "HEAD", "--", "."]);
                sandbox.azup(["init", "--yes", "../clone"]).ok();
                assert_eq!(
                    git(&["-C", "../clone", "status", "--short"]).stdout,
                    "",
                    "nothing to commit"
                );
            }
            sandbox.azup(["remove", "--yes", "../clone"]).ok();
            let diff = git(&["-C", "../clone", "diff", "--stat", "HEAD~1"]).stdout;
            assert_eq!(diff, "", "{autocrlf}: as before azup");
            let left = Sandbox::files(&clone).into_iter().map(|(path, _)| path);
            let left = left.filter(|path| !path.starts_with(clone.join(".git")));
            assert_eq!(left.count(), 2, "{autocrlf}");
            assert!(!clone.join(".devcontainer/azurite").exists());
        }
    }
}

#[test]
fn certificates_can_stay_and_those_from_before_do() {
    let sandbox = project(&[(NEW, IMAGE)]);
    let before = tree(&sandbox.project());
    sandbox.azup(["init", "--yes"]).ok();
    sandbox.azup(["remove", "--yes", "--keep-certs"]).ok();
    let now = tree(&sandbox.project());
    let differ = differences(&before, &now);
    assert_eq!(differ.len(), 5, "{differ:?}");
    assert!(
        differ
            .iter()
            .all(|path| path.starts_with(".devcontainer/azurite-certs")),
        "{differ:?}"
    );

    // They were the project's own before this init.
    let before = tree(&sandbox.project());
    sandbox.azup(["init", "--yes"]).ok();
    sandbox.azup(["remove", "--yes"]).ok();
    assert_same(&sandbox, &before, "a set that was there stays");
}

#[test]
fn a_ca_that_is_still_trusted_is_reported() {
    let sandbox = project(&[(NEW, IMAGE)]);
    sandbox.write("roots.pem", crate::sandbox::public_roots());
    sandbox
        .azup(["init", "--yes", "--bundle", "roots.pem"])
        .ok();
    let done = sandbox.azup(["remove", "--yes"]).ok();
    assert!(
        done.stdout
            .contains("note: its CA stays trusted on this machine; azup untrust"),
        "{done}"
    );
    sandbox.azup(["untrust", "--bundle", "roots.pem"]).ok();
    assert_eq!(
        std::fs::read(sandbox.project().join("roots.pem")).unwrap(),
        crate::sandbox::public_roots()
    );
}

#[test]
fn an_invalid_record_or_one_of_another_version_or_that_leads_elsewhere_is_refused() {
    let record = ".devcontainer/azurite/edits.json";
    let sandbox = project(&[(NEW, IMAGE), ("app.py", "")]);
    sandbox.azup(["init", "--yes"]).ok();
    let good = read(&sandbox, record);
    let outside = sandbox.root().join("outside");
    std::fs::write(&outside, IMAGE).unwrap();
    for (bad, why) in [
        ("not json".to_owned(), "is not the record that azup wrote"),
        (
            "{\"version\": 1}".to_owned(),
            "is not the record that azup wrote",
        ),
        (
            good.replace("\"version\": 1", "\"version\": 2"),
            "another version of azup",
        ),
        (
            good.replace("\".devcontainer/devcontainer.json\",", "\"../outside\","),
            "is not the record",
        ),
        (good.replace("\".vscode\"", "\"/tmp\""), "is not the record"),
    ] {
        assert_ne!(bad, good);
        sandbox.write(record, &bad);
        let before = tree(sandbox.root());
        for words in [["remove", "--yes"], ["init", "--yes"]] {
            let done = sandbox.azup(words);
            assert_eq!(done.code, 4, "{bad}: {done}");
            assert!(done.stderr.contains(why), "{done}");
            assert!(
                differences(&before, &tree(sandbox.root())).is_empty(),
                "{bad}"
            );
        }
    }
}

/// The document names every file and what happens to it.
#[test]
fn the_document_of_remove() {
    let sandbox = project(&[(NEW, IMAGE)]);
    sandbox.azup(["init", "--yes"]).ok();
    let done = sandbox.azup(["remove", "--yes", "--json"]).ok();
    let document = done.json();
    assert_eq!(document["version"], 1);
    assert_eq!(document["dry_run"], false);
    let files = document["files"].as_array().unwrap();
    assert_eq!(files[0]["path"], NEW);
    assert_eq!(files[0]["status"], "edited");
    assert!(
        files[1..].iter().all(|file| file["status"] == "deleted"),
        "{done}"
    );
}
