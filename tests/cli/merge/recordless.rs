//! `azup remove` without the record of what `azup init` did, and in files that azup made and a
//! person has edited since: what is literally azup's own is removed, and not a byte of anybody
//! else's.

use super::{assert_same, project, tree};
use crate::sandbox::Sandbox;

const NEW: &str = ".devcontainer/devcontainer.json";
const TASKS: &str = ".vscode/tasks.json";
const LAUNCH: &str = ".vscode/launch.json";
const RECORD: &str = ".devcontainer/azurite/edits.json";
const IMAGE: &str = "{\n  \"image\": \"debian:12\" // mine\n}\n";
const FOLDER: &str = ".devcontainer/azurite";

fn read(sandbox: &Sandbox, path: &str) -> String {
    std::fs::read_to_string(sandbox.project().join(path)).unwrap()
}

fn delete(sandbox: &Sandbox, path: &str) {
    let path = sandbox.project().join(path);
    if path.is_dir() {
        std::fs::remove_dir_all(path).unwrap();
    } else {
        std::fs::remove_file(path).unwrap();
    }
}

/// Projects in which everything can be told apart: none of the user's text is where azup's went.
#[test]
fn without_its_record_or_its_folder_all_bytes_come_back() {
    let projects: [&[(&str, &str)]; 5] = [
        &[(NEW, IMAGE), ("app.py", "")],
        &[
            (
                NEW,
                "{\n\t\"image\": \"mcr.microsoft.com/devcontainers/typescript-node:20\"\n}\n",
            ),
            (
                LAUNCH,
                "{\"version\": \"0.2.0\", \"configurations\": [{\"name\": \"run\", \"type\": \"debugpy\", \"request\": \"launch\", \"program\": \"x\"}]}\n",
            ),
        ],
        &[("app.py", ""), ("requirements.txt", "")],
        &[("package.json", "{}")],
        &[
            (
                TASKS,
                "{\n  \"version\": \"2.0.0\",\n  // ours\n  \"tasks\": [{\"label\": \"serve\", \"type\": \"func\", \"command\": \"host start\", \"problemMatcher\": \"$func-python-watch\", \"dependsOn\": [\"x\"]}, {\"label\": \"x\"}]\n}\n",
            ),
            (NEW, IMAGE),
        ],
    ];
    for files in projects {
        for lost in [RECORD, FOLDER] {
            let sandbox = project(files);
            let before = tree(&sandbox.project());
            sandbox.azup(["init", "--yes"]).ok();
            delete(&sandbox, lost);
            let done = sandbox.azup(["remove", "--yes"]).ok();
            assert!(done.stdout.contains("edits.json is missing"), "{done}");
            assert_same(&sandbox, &before, lost);
            let again = sandbox.azup(["remove", "--yes"]).ok();
            assert!(again.stdout.contains("nothing to remove"), "{again}");
        }
    }
}

/// As in a clone whose `.gitignore` covers `.devcontainer`: init knows there what it found.
#[test]
fn set_up_again_after_its_folder_was_lost_it_is_removed_as_usual() {
    for lost in [RECORD, FOLDER] {
        let sandbox = project(&[(NEW, IMAGE), ("app.py", "")]);
        let before = tree(&sandbox.project());
        sandbox.azup(["init", "--yes"]).ok();
        delete(&sandbox, lost);
        sandbox.azup(["init", "--yes"]).ok();
        sandbox.azup(["remove", "--yes"]).ok();
        assert_same(&sandbox, &before, lost);
    }
}

/// Ports in a list of the user's, or from before azup: whose they are cannot be told.
#[test]
fn what_may_be_the_users_stays_and_is_named() {
    let text = "{\n  \"image\": \"debian:12\",\n  \"features\": {\n    \"ghcr.io/devcontainers/features/git:1\": {}\n  },\n  \"forwardPorts\": [8000, 10000]\n}\n";
    let sandbox = project(&[(NEW, text)]);
    sandbox.azup(["init", "--yes"]).ok();
    delete(&sandbox, FOLDER);
    let done = sandbox.azup(["remove", "--yes"]).ok();
    let left = read(&sandbox, NEW);
    assert!(
        !left.contains("azurite") && !left.contains("portsAttributes"),
        "{left}"
    );
    for line in text.lines().filter(|line| !line.contains("8000")) {
        assert!(
            left.contains(line.trim_end_matches('}')),
            "{line} of {left}"
        );
    }
    assert!(left.contains("[8000, 10000, 10001, 10002]"), "{left}");
    let said = "note: .devcontainer/devcontainer.json: forwardPorts 10000, 10001, 10002 stay";
    assert!(done.stdout.contains(said), "{done}");
}

#[test]
fn what_a_person_changed_of_azups_own_is_refused_with_the_lines_to_take_out() {
    let sandbox = project(&[(NEW, IMAGE), ("app.py", "")]);
    sandbox.azup(["init", "--yes"]).ok();
    delete(&sandbox, FOLDER);
    let text = read(&sandbox, NEW).replace("\"./azurite\": {}", "\"./azurite\": {\"mine\": 1}");
    sandbox.write(NEW, text);
    let before = tree(&sandbox.project());
    let done = sandbox.azup(["remove", "--yes"]);
    assert_eq!(done.code, 4, "{done}");
    assert!(
        done.stderr
            .contains("to be taken out of .devcontainer/devcontainer.json by hand:"),
        "{done}"
    );
    assert!(
        done.stderr.contains("in \"features\": \"./azurite\": {}"),
        "{done}"
    );
    assert_same(&sandbox, &before, "nothing was touched");
}

#[test]
fn an_unreadable_file_that_names_azups_folder_is_refused() {
    let sandbox = project(&[(NEW, "{\"features\": {\"./azurite\": {}}, }}\n")]);
    let before = tree(&sandbox.project());
    let done = sandbox.azup(["remove", "--yes"]);
    assert_eq!(done.code, 4, "{done}");
    assert!(done.stderr.contains("what names /azurite\""), "{done}");
    assert_same(&sandbox, &before, "nothing was touched");
}

/// A local Feature of that name is the project's own unless it is azup's.
#[test]
fn a_feature_called_azurite_may_be_the_projects_own() {
    let files = [
        (
            NEW,
            "{\"image\": \"debian:12\", \"features\": {\"./azurite\": {}}}\n",
        ),
        (
            ".devcontainer/azurite/devcontainer-feature.json",
            "{\"id\": \"azurite\", \"version\": \"1.0.0\"}\n",
        ),
        (".devcontainer/azurite/install.sh", "true\n"),
        (
            TASKS,
            "{\"tasks\": [{\"label\": \"run\", \"dependsOn\": \"azup: trust\"}]}\n",
        ),
    ];
    let sandbox = project(&files);
    let before = tree(&sandbox.project());
    let done = sandbox.azup(["remove", "--yes"]).ok();
    assert!(done.stdout.contains("nothing to remove"), "{done}");
    assert_same(&sandbox, &before, "nothing is azup's");
}

#[test]
fn a_task_added_to_azups_tasks_stays_without_them() {
    let sandbox = project(&[("app.py", ""), ("requirements.txt", "")]);
    sandbox.azup(["init"]).ok();
    let mine = "    {\"label\": \"mine\", \"type\": \"shell\", \"command\": \"make\"}, // mine";
    let tasks = read(&sandbox, TASKS).replacen("\"tasks\": [", &format!("\"tasks\": [\n{mine}"), 1);
    sandbox.write(TASKS, tasks);
    let launch = read(&sandbox, LAUNCH).replace(
        "\"configurations\": [",
        "\"configurations\": [\n    {\"name\": \"own\", \"type\": \"debugpy\", \"request\": \"launch\", \"preLaunchTask\": \"azup: trust\"},",
    );
    sandbox.write(LAUNCH, launch);
    let done = sandbox.azup(["remove", "--yes"]).ok();
    assert!(done.stdout.contains("edited .vscode/tasks.json"), "{done}");
    let left = read(&sandbox, TASKS);
    assert!(
        left.contains(mine.trim_end_matches(", // mine")) && left.contains("// mine"),
        "{left}"
    );
    assert!(
        !left.contains("azup") && !left.contains("install dependencies"),
        "{left}"
    );
    let left = read(&sandbox, LAUNCH);
    assert!(left.contains("\"own\"") && !left.contains("azup"), "{left}");
    assert!(!left.contains("Current File"), "{left}");
    let files = Sandbox::files(&sandbox.project());
    assert_eq!(files.len(), 4, "app.py, requirements.txt and the two");
}

/// A dev container that azup made and a person has edited belongs to that person, as a whole.
#[test]
fn a_dev_container_that_a_person_went_on_with_stays_without_azurite() {
    let compose = ".devcontainer/docker-compose.yml";
    for (path, from, to) in [
        (
            NEW,
            "\"features\": {",
            "\"features\": {\n    \"ghcr.io/devcontainers/features/git:1\": {},",
        ),
        (
            compose,
            "    init: true\n",
            "    init: true\n    environment: {MINE: \"1\"}\n",
        ),
    ] {
        let sandbox = project(&[("go.mod", "module x\n")]);
        sandbox.azup(["init"]).ok();
        let text = read(&sandbox, path);
        assert!(text.contains(from), "{text}");
        sandbox.write(path, text.replacen(from, to, 1));
        let written = read(&sandbox, compose);
        sandbox.azup(["remove", "--yes"]).ok();
        let left = read(&sandbox, NEW);
        assert!(
            !left.contains("azurite") && !left.contains("10000"),
            "{left}"
        );
        assert!(left.contains("\"docker-compose.yml\""), "{left}");
        assert_eq!(
            read(&sandbox, compose),
            written,
            "its compose file is there"
        );
        assert_eq!(Sandbox::files(&sandbox.project()).len(), 3);
    }
}

#[test]
fn a_kept_file_that_names_a_removed_one_is_reported_with_its_line() {
    let sandbox = project(&[("app.py", "")]);
    sandbox.azup(["init"]).ok();
    let done = sandbox.azup(["remove", "--yes", "--keep", LAUNCH]).ok();
    assert!(
        done.stdout.contains(
            "note: .vscode/launch.json is kept, but refers to something that azup removes, in line"
        ),
        "{done}"
    );
}
