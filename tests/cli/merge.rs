//! `azup init` in projects that people already work in, and `azup remove`.

pub mod asking;
mod crash;
mod embedded;
mod fixtures;
mod hostile;
mod keys;
mod killed;
mod recordless;
mod removal;

use std::os::unix::fs::{MetadataExt as _, symlink};
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::{Value, json};

use crate::sandbox::{Done, Sandbox, part};
use fixtures::{FIXTURES, Fixture, Outcome};

const VALIDATE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/cli/validate.py");

/// A sandbox in which no trust store is touched, with these files in its project.
pub fn project(files: &[(&str, &str)]) -> Sandbox {
    let mut sandbox = Sandbox::new();
    sandbox.set("AZUP_STORES", "none");
    for (path, text) in files {
        match text.strip_prefix("-> ") {
            None => {
                sandbox.write(path, text);
            }
            Some(target) => {
                let path = sandbox.project().join(path);
                std::fs::create_dir_all(path.parent().unwrap()).unwrap();
                symlink(target, path).unwrap();
            }
        }
    }
    sandbox
}

/// Everything in a folder: names, modes, bytes; links by their target.
pub fn tree(folder: &Path) -> Vec<(PathBuf, u32, Vec<u8>)> {
    let mut found = Vec::new();
    let mut left = vec![folder.to_owned()];
    while let Some(path) = left.pop() {
        let about = path.symlink_metadata().unwrap();
        let bytes = if about.is_symlink() {
            use std::os::unix::ffi::OsStringExt as _;
            path.read_link().unwrap().into_os_string().into_vec()
        } else if about.is_dir() {
            left.extend(path.read_dir().unwrap().map(|entry| entry.unwrap().path()));
            Vec::new()
        } else {
            std::fs::read(&path).unwrap()
        };
        let name = path.strip_prefix(folder).unwrap().to_owned();
        found.push((name, about.mode(), bytes));
    }
    found.sort();
    found
}

/// The names of what differs between two trees.
fn differences<'t>(
    one: &'t [(PathBuf, u32, Vec<u8>)],
    other: &'t [(PathBuf, u32, Vec<u8>)],
) -> Vec<&'t Path> {
    let lacks = |entry: &&(PathBuf, u32, Vec<u8>), others: &[(PathBuf, u32, Vec<u8>)]| {
        !others.contains(entry)
    };
    let mut names: Vec<&Path> = one
        .iter()
        .filter(|entry| lacks(entry, other))
        .chain(other.iter().filter(|entry| lacks(entry, one)))
        .map(|(name, ..)| name.as_path())
        .collect();
    names.sort();
    names.dedup();
    names
}

#[track_caller]
pub fn assert_same(sandbox: &Sandbox, before: &[(PathBuf, u32, Vec<u8>)], when: &str) {
    let now = tree(&sandbox.project());
    let differ = differences(before, &now);
    assert!(differ.is_empty(), "{when}: {differ:?}");
}

fn init(sandbox: &Sandbox, fixture: &Fixture, more: &[&str]) -> Done {
    let words = ["init"].iter().chain(fixture.words).chain(more);
    sandbox.azup(words)
}

/// JSON with comments, as VS Code reads it.
fn jsonc(bytes: &[u8]) -> Value {
    let text = std::str::from_utf8(bytes).unwrap();
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    jsonc_parser::parse_to_serde_value(text, &jsonc_parser::ParseOptions::default()).unwrap()
}

/// What must be true of every project, whatever is in it.
fn laws(fixture: &Fixture, pairs: &Mutex<Vec<(Value, Value)>>) {
    let name = fixture.name;
    let sandbox = project(fixture.files);
    let before = tree(&sandbox.project());
    let dry = init(&sandbox, fixture, &["--dry-run"]);
    assert_same(&sandbox, &before, &format!("{name}: a dry run"));

    let done = init(&sandbox, fixture, &["--yes"]);
    assert_eq!(dry.code, done.code, "{name}: {dry}\n{done}");
    let path = match fixture.outcome {
        Outcome::Refused(why) => {
            assert_eq!(done.code, 4, "{name}: {done}");
            assert!(done.stderr.contains(why), "{name}: {done}");
            assert!(done.stderr.contains("hint: "), "{name}: {done}");
            assert_same(&sandbox, &before, &format!("{name}: refused"));
            assert!(!sandbox.own().exists(), "{name}: nothing outside either");
            return;
        }
        Outcome::Done(path) => path,
    };
    assert_eq!(done.code, 0, "{name}: {done}");
    let after = tree(&sandbox.project());
    reads_as_intended(&sandbox, fixture, path);
    let read = |entries: &[(PathBuf, u32, Vec<u8>)], path: &str| {
        let entry = entries.iter().find(|(at, ..)| at == Path::new(path));
        entry.map(|(_, _, bytes)| jsonc(bytes))
    };
    let behind = sandbox.project().join(path).canonicalize().unwrap();
    let behind = behind.strip_prefix(sandbox.project().canonicalize().unwrap());
    let behind = behind.unwrap().to_string_lossy().into_owned();
    // The schema's complaints about an empty object cannot be compared with anything.
    if let Some(old) = read(&before, &behind).filter(|old| *old != json!({})) {
        pairs
            .lock()
            .unwrap()
            .push((old, read(&after, &behind).unwrap()));
    }

    // A second one does not even ask.
    let again = init(&sandbox, fixture, &["--json"]);
    assert_eq!(again.code, 0, "{name}: {again}");
    for file in again.json()["files"].as_array().unwrap() {
        assert_eq!(file["status"], "kept", "{name}: {again}");
    }
    assert_same(&sandbox, &after, &format!("{name}: a second init"));

    let dry = sandbox.azup(["remove", "--dry-run"]);
    assert_eq!(dry.code, 0, "{name}: {dry}");
    assert_same(&sandbox, &after, &format!("{name}: a dry run of remove"));
    let removed = sandbox.azup(["remove", "--yes"]);
    assert_eq!(removed.code, 0, "{name}: {removed}");
    assert_same(&sandbox, &before, &format!("{name}: remove"));
    let again = sandbox.azup(["remove"]);
    assert_eq!(again.code, 0, "{name}: {again}");
    assert_same(&sandbox, &before, &format!("{name}: a second remove"));
}

/// What the configuration says afterwards, as tools read it.
fn reads_as_intended(sandbox: &Sandbox, fixture: &Fixture, path: &str) {
    let name = fixture.name;
    let value = jsonc(&std::fs::read(sandbox.project().join(path)).unwrap());
    let reference = match path.matches('/').count() {
        0 => "./.devcontainer/azurite",
        1 => "./azurite",
        _ => "../azurite",
    };
    let features = value["features"].as_object().unwrap();
    assert!(features.contains_key(reference), "{name}: {value:#}");
    let feature = sandbox
        .project()
        .join(".devcontainer/azurite/devcontainer-feature.json");
    let feature = jsonc(&std::fs::read(feature).unwrap());
    let compose = value.get("dockerComposeFile").is_some();
    let last = value["dockerComposeFile"]
        .as_array()
        .and_then(|files| files.last());
    if compose {
        let overlay = format!("{}/docker-compose.yml", reference.trim_start_matches("./"));
        assert_eq!(last, Some(&json!(overlay)), "{name}: {value:#}");
        assert!(feature.get("mounts").is_none(), "{name}");
    } else {
        assert_eq!(feature["mounts"][0]["type"], "volume", "{name}");
        let node = features.keys().any(|key| key.contains("/node:"));
        let image = value["image"].as_str().unwrap_or_default();
        let wanted = !fixture.words.contains(&"--no-node-feature") && !image.contains("-node");
        assert_eq!(node, wanted, "{name}: {value:#}");
    }
    assert!(value["forwardPorts"].as_array().is_none_or(|ports| {
        let mut seen: Vec<&Value> = Vec::new();
        ports.iter().all(|port| {
            let new = !seen.contains(&port);
            seen.push(port);
            new
        })
    }));
}

#[test]
fn every_shape_of_project_is_set_up_or_refused_and_given_back() {
    assert!(FIXTURES.len() >= 60, "{}", FIXTURES.len());
    let next = AtomicUsize::new(0);
    let pairs = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| {
                while let Some(fixture) = FIXTURES.get(next.fetch_add(1, Ordering::Relaxed)) {
                    laws(fixture, &pairs);
                }
            });
        }
    });
    no_new_violation(&pairs.into_inner().unwrap());
}

/// The schema's complaints about a configuration afterwards are those from before.
fn no_new_violation(pairs: &[(Value, Value)]) {
    let sandbox = Sandbox::new();
    let mut words = vec![VALIDATE.into(), "--subset".into()];
    words.push(
        concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/tests/schemas/devContainer.base.schema.json"
        )
        .into(),
    );
    for (number, (before, after)) in pairs.iter().enumerate() {
        for (when, value) in [("before", before), ("after", after)] {
            let path = sandbox.write(format!("{number}-{when}.json"), value.to_string());
            words.push(path.into_os_string());
        }
    }
    assert!(pairs.len() > 40, "{}", pairs.len());
    sandbox.run(part("venv/bin/python"), words).ok();
}

/// The devcontainer CLI, which asks an engine only for running containers.
pub(crate) fn read_configuration(sandbox: &Sandbox, path: &str) -> Value {
    let project = sandbox.project();
    let config = project.join(path);
    let words = [
        "read-configuration".as_ref(),
        "--workspace-folder".as_ref(),
        project.as_os_str(),
        "--config".as_ref(),
        config.as_os_str(),
        "--docker-path".as_ref(),
        "true".as_ref(),
    ];
    let program = part("npm/node_modules/.bin/devcontainer");
    sandbox.run(program, words).ok().json()["configuration"].clone()
}

#[test]
fn the_devcontainer_cli_reads_each_kind_as_intended() {
    let wanted = [
        ("an image", json!(null)),
        ("a root configuration", json!(null)),
        ("a named configuration", json!(null)),
        (
            "compose, a string",
            json!(["docker-compose.yml", "azurite/docker-compose.yml"]),
        ),
        (
            "compose in the parent folder",
            json!(["../docker-compose.yml", "azurite/docker-compose.yml"]),
        ),
        (
            "compose at the root",
            json!([
                "docker-compose.yml",
                ".devcontainer/azurite/docker-compose.yml"
            ]),
        ),
        (
            "compose, named",
            json!([
                "../../compose.yaml",
                "compose.yaml",
                "../azurite/docker-compose.yml"
            ]),
        ),
        (
            "an image, by compose",
            json!(["docker-compose.yml", "azurite/docker-compose.yml"]),
        ),
        ("a byte order mark and CRLF", json!(null)),
    ];
    for (name, files) in wanted {
        let fixture = FIXTURES
            .iter()
            .find(|fixture| fixture.name == name)
            .unwrap();
        let Outcome::Done(path) = fixture.outcome else {
            panic!("{name} is set up");
        };
        let sandbox = project(fixture.files);
        init(&sandbox, fixture, &["--yes"]).ok();
        let read = read_configuration(&sandbox, path);
        assert_eq!(read["dockerComposeFile"], files, "{name}: {read:#}");
        let ports = read["forwardPorts"].as_array().unwrap();
        for port in [10000, 10001, 10002] {
            assert!(ports.contains(&json!(port)), "{name}: {read:#}");
            assert_eq!(
                read["portsAttributes"][port.to_string()]["protocol"],
                "https"
            );
        }
        reads_as_intended(&sandbox, fixture, path);
    }
}

/// What a colleague's older or newer azup left, and what the project has added since.
#[test]
fn a_later_init_adds_what_is_missing_by_then_and_all_of_it_can_be_undone() {
    let sandbox = project(&[
        (
            ".devcontainer/devcontainer.json",
            "{\n  // mine\n  \"dockerComposeFile\": \"docker-compose.yml\",\n  \"service\": \"app\"\n}\n",
        ),
        (
            ".devcontainer/docker-compose.yml",
            "services:\n  app:\n    image: debian:12\n",
        ),
        (
            ".vscode/launch.json",
            "{\n  \"version\": \"0.2.0\",\n  \"configurations\": []\n}\n",
        ),
    ]);
    let before = tree(&sandbox.project());
    sandbox.azup(["init", "--yes"]).ok();
    // The user keeps working: another member, another debug configuration.
    let path = ".devcontainer/devcontainer.json";
    let text = String::from_utf8(std::fs::read(sandbox.project().join(path)).unwrap()).unwrap();
    let mine = "\"service\": \"app\",\n  \"runServices\": [\"app\"],";
    sandbox.write(path, text.replace("\"service\": \"app\",", mine));
    sandbox.write(
        ".vscode/launch.json",
        "{\n  \"version\": \"0.2.0\",\n  \"configurations\": [\n    {\n      \"name\": \"app\",\n      \"type\": \"debugpy\",\n      \"request\": \"launch\"\n    }\n  ]\n}\n",
    );
    let done = sandbox.azup(["init", "--yes", "--json"]).ok();
    let edited: Vec<String> = done.json()["files"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|file| file["status"] == "edited")
        .map(|file| file["path"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(edited, [path, ".vscode/launch.json"], "{done}");
    let value = jsonc(&std::fs::read(sandbox.project().join(path)).unwrap());
    assert_eq!(value["runServices"], json!(["app", "azurite"]));

    sandbox.azup(["remove", "--yes"]).ok();
    let now = tree(&sandbox.project());
    assert_eq!(
        differences(&before, &now),
        [Path::new(path), Path::new(".vscode/launch.json")]
    );
    let text = std::fs::read_to_string(sandbox.project().join(path)).unwrap();
    assert_eq!(
        text,
        "{\n  // mine\n  \"dockerComposeFile\": \"docker-compose.yml\",\n  \"service\": \"app\",\n  \"runServices\": [\"app\"]\n}\n"
    );
    let launch = std::fs::read_to_string(sandbox.project().join(".vscode/launch.json")).unwrap();
    assert!(
        launch.contains("debugpy") && !launch.contains("azup"),
        "{launch}"
    );
}

/// Each kind of dev container needs azup's own folder to itself.
#[test]
fn two_configurations_of_one_kind_share_the_folder_and_others_do_not() {
    let image = "{\n  \"image\": \"debian:12\"\n}\n";
    let compose = "{\n  \"dockerComposeFile\": \"c.yml\",\n  \"service\": \"app\"\n}\n";
    let sandbox = project(&[
        (".devcontainer/a/devcontainer.json", image),
        (".devcontainer/b/devcontainer.json", image),
        (".devcontainer/c/devcontainer.json", compose),
        (
            ".devcontainer/c/c.yml",
            "services:\n  app:\n    image: debian:12\n",
        ),
    ]);
    let before = tree(&sandbox.project());
    let at = |name: &str| format!(".devcontainer/{name}/devcontainer.json");
    let done = sandbox.azup(["init", "--yes"]);
    insta::assert_snapshot!(sandbox.shown(&done), @"
    exit: 2
    --- stdout
    --- stderr
    error: [PROJECT] has several dev container configurations: .devcontainer/a/devcontainer.json, .devcontainer/b/devcontainer.json, .devcontainer/c/devcontainer.json
    hint: azup init --config [PROJECT]/.devcontainer/a/devcontainer.json [PROJECT]
    ");
    let done = sandbox.azup(["init", "--yes", "--config", "elsewhere.json"]);
    assert_eq!(done.code, 2, "{done}");
    assert!(done.stderr.contains("c/devcontainer.json"), "{done}");
    assert_same(&sandbox, &before, "nothing was chosen");

    sandbox.azup(["init", "--yes", "--config", &at("a")]).ok();
    // From here on it is the one that is meant.
    sandbox.azup(["init"]).ok();
    // The folder is enough.
    sandbox
        .azup(["init", "--yes", "--config", ".devcontainer/b"])
        .ok();
    let set_up = tree(&sandbox.project());
    let done = sandbox.azup(["init", "--yes", "--config", &at("c")]);
    assert_eq!(done.code, 4, "{done}");
    assert!(done.stderr.contains("cannot serve both"), "{done}");
    assert_same(&sandbox, &set_up, "refused");
    sandbox.azup(["remove", "--yes"]).ok();
    assert_same(&sandbox, &before, "both are given back");
}

/// All or nothing: one file that cannot be edited keeps the others from being changed, and text and
/// JSON say what to add by hand.
#[test]
fn one_refusal_stops_everything_and_says_what_to_paste() {
    let sandbox = project(&[
        (
            ".devcontainer/devcontainer.json",
            "{\n  \"image\": \"debian:12\",\n  \"forwardPorts\": null\n}\n",
        ),
        (".vscode/launch.json", "{\"configurations\": []}\n"),
    ]);
    let before = tree(&sandbox.project());
    let done = sandbox.azup(["init", "--yes"]);
    assert_eq!(done.code, 4, "{done}");
    assert!(
        done.stderr
            .contains("to be added to .devcontainer/devcontainer.json by hand:"),
        "{done}"
    );
    assert!(done.stderr.contains("\"./azurite\": {}"), "{done}");
    let done = sandbox.azup(["init", "--yes", "--json"]);
    let snippet = done.json()["error"]["snippet"].as_str().unwrap().to_owned();
    assert!(snippet.contains("\"./azurite\": {}"), "{snippet}");
    assert_same(&sandbox, &before, "refused");
}
