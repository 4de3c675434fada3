//! `azup init` for a new project: what it writes, and what it leaves alone.

mod binary;
mod by_hand;
mod clone;
mod credential;
mod dotenv;
mod feature;
mod found;
mod languages;
mod overlay;
mod readers;
mod refusals;
mod table;
mod variables;
mod vscode;

use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::sandbox::{Done, Sandbox};

/// A sandbox in which no trust store is touched: what `trust` does is tested elsewhere.
fn sandbox() -> Sandbox {
    named("project")
}

fn named(project: impl AsRef<std::ffi::OsStr>) -> Sandbox {
    let mut sandbox = Sandbox::named(project);
    sandbox.set("AZUP_STORES", "none");
    sandbox
}

/// A sandbox with a Python program in which `azup init` has run.
fn initialised() -> Sandbox {
    let sandbox = sandbox();
    sandbox.write("app.py", "");
    sandbox.azup(["init"]).ok();
    sandbox
}

fn read(sandbox: &Sandbox, path: &str) -> String {
    let path = sandbox.project().join(path);
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn json(sandbox: &Sandbox, path: &str) -> Value {
    serde_json::from_str(&read(sandbox, path)).unwrap()
}

/// Name, bytes, mode, inode and times of everything below `folder`, folders included.
fn everything(folder: &Path) -> Vec<(PathBuf, Vec<u8>, String)> {
    let mut found = Vec::new();
    let mut left = vec![folder.to_owned()];
    while let Some(path) = left.pop() {
        let about = path.symlink_metadata().unwrap();
        let mut bytes = Vec::new();
        if about.is_dir() {
            let entries = path.read_dir().unwrap();
            left.extend(entries.map(|entry| entry.unwrap().path()));
        } else if about.is_file() {
            bytes = std::fs::read(&path).unwrap();
        }
        let rest = format!(
            "{:o} {} {} {}",
            about.mode(),
            about.ino(),
            about.mtime(),
            about.mtime_nsec()
        );
        found.push((path, bytes, rest));
    }
    found.sort();
    found
}

/// An executable shell script.
fn program(folder: &Path, name: &str, script: &str) {
    std::fs::create_dir_all(folder).unwrap();
    let path = folder.join(name);
    crate::sandbox::write_program(&path, &format!("#!/bin/sh\n{script}\n"));
}

fn statuses(done: &Done) -> Vec<(String, String)> {
    done.json()["files"]
        .as_array()
        .unwrap()
        .iter()
        .map(|file| {
            let word = |key: &str| file[key].as_str().unwrap().to_owned();
            (word("path"), word("status"))
        })
        .collect()
}

#[test]
fn an_empty_folder_gets_the_whole_set_up() {
    let sandbox = sandbox();
    let done = sandbox.azup(["init"]);
    let architecture = if cfg!(target_arch = "aarch64") {
        "arm64"
    } else {
        "amd64"
    };
    let shown = sandbox.shown(&done);
    let shown = shown.replace(&format!("azup-linux-{architecture}"), "azup-linux-[ARCH]");
    insta::assert_snapshot!(shown, @"
    exit: 0
    --- stdout
    created .devcontainer/docker-compose.yml
    created .devcontainer/devcontainer.json
    created .devcontainer/azurite/.gitignore
    created .devcontainer/azurite/.gitattributes
    created .devcontainer/azurite/devcontainer-feature.json
    created .devcontainer/azurite/install.sh
    created .devcontainer/azurite/start.sh
    created .devcontainer/azurite/README.md
    created .devcontainer/azurite/entrypoint.sh
    created .devcontainer/azurite/azup-linux-[ARCH]
    created .devcontainer/azurite/serve.cjs
    created .devcontainer/azurite/docker-compose.yml
    created .devcontainer/azurite-certs/.gitignore
    created .devcontainer/azurite/edits.json
    created .devcontainer/azurite-certs/ca.pem
    created .devcontainer/azurite-certs/key.pem
    created .devcontainer/azurite-certs/cert.pem
    created a local CA in [HOME]/.local/share/azup/certs
    note: the dev container is mcr.microsoft.com/devcontainers/base:debian: no language was recognised here (--language or --image choose another)
    next: reopen the folder in its dev container (VS Code: Dev Containers: Reopen in Container)
    next: or run Azurite here without a container: azup up
    next: commit the new files; each clone runs azup init once, for the certificates and the program (azup init --vendor commits the program, too)
    --- stderr
    ");

    let modes: Vec<String> = Sandbox::files(&sandbox.project())
        .into_iter()
        .map(|(path, _)| {
            let mode = path.metadata().unwrap().permissions().mode() & 0o777;
            let name = path.strip_prefix(sandbox.project()).unwrap();
            format!("{mode:o} {}", name.display()).replace(architecture, "[ARCH]")
        })
        .collect();
    insta::assert_snapshot!(modes.join("\n"), @"
    644 .devcontainer/azurite/.gitattributes
    644 .devcontainer/azurite/.gitignore
    644 .devcontainer/azurite/README.md
    755 .devcontainer/azurite/azup-linux-[ARCH]
    644 .devcontainer/azurite/devcontainer-feature.json
    644 .devcontainer/azurite/docker-compose.yml
    644 .devcontainer/azurite/edits.json
    755 .devcontainer/azurite/entrypoint.sh
    755 .devcontainer/azurite/install.sh
    644 .devcontainer/azurite/serve.cjs
    755 .devcontainer/azurite/start.sh
    644 .devcontainer/azurite-certs/.gitignore
    644 .devcontainer/azurite-certs/ca.pem
    644 .devcontainer/azurite-certs/cert.pem
    600 .devcontainer/azurite-certs/key.pem
    644 .devcontainer/devcontainer.json
    644 .devcontainer/docker-compose.yml
    ");
    assert_eq!(
        read(&sandbox, ".devcontainer/azurite-certs/.gitignore"),
        "*\n!.gitignore\n"
    );
    let copy = format!(".devcontainer/azurite/azup-linux-{architecture}");
    let version = sandbox
        .run(sandbox.project().join(copy), ["--version"])
        .ok();
    assert!(version.stdout.starts_with("azup "), "{version}");
}

#[test]
fn a_second_init_changes_neither_a_byte_nor_a_time() {
    let sandbox = initialised();
    let before = everything(sandbox.root());
    let again = sandbox.azup(["init"]);
    insta::assert_snapshot!(sandbox.shown(&again), @"
    exit: 0
    --- stdout
    [PROJECT] is already set up
    next: reopen the folder in its dev container (VS Code: Dev Containers: Reopen in Container)
    next: or run Azurite here without a container: azup up
    --- stderr
    ");
    let document = sandbox.azup(["init", "--json"]).ok();
    assert!(
        statuses(&document)
            .iter()
            .all(|(_, status)| status == "kept")
    );
    assert_eq!(everything(sandbox.root()), before);
}

#[test]
fn the_document_names_every_file() {
    let sandbox = sandbox();
    let done = sandbox.azup(["init", "--json"]).ok();
    let document = done.json();
    assert_eq!(document["version"], 1);
    assert_eq!(document["dry_run"], false);
    assert_eq!(document["folder"], *sandbox.project().to_string_lossy());
    assert_eq!(document["next"].as_array().unwrap().len(), 3);
    assert!(document["trust"].is_object());
    let mut named: Vec<PathBuf> = statuses(&done)
        .into_iter()
        .map(|(path, status)| {
            assert_eq!(status, "created", "{path}");
            sandbox.project().join(path)
        })
        .collect();
    named.sort();
    let there = Sandbox::files(&sandbox.project());
    assert_eq!(
        named,
        there.into_iter().map(|(path, _)| path).collect::<Vec<_>>()
    );
}

#[test]
fn a_dry_run_shows_every_file_and_changes_none() {
    let sandbox = sandbox();
    sandbox.write("host.json", "{}");
    sandbox.write("function_app.py", "");
    let before = everything(sandbox.root());
    let done = sandbox.azup(["init", "--dry-run"]).ok();
    assert_eq!(everything(sandbox.root()), before);
    for name in [
        ".devcontainer/devcontainer.json",
        ".devcontainer/azurite/install.sh",
        ".devcontainer/azurite-certs/key.pem (secret, not shown",
        ".vscode/launch.json",
        "+    image: mcr.microsoft.com/azure-storage/azurite:",
    ] {
        assert!(done.stdout.contains(name), "{name} in {done}");
    }
    assert!(!done.stdout.contains("PRIVATE KEY"), "{done}");
    let done = sandbox.azup(["init", "--dry-run", "--json"]).ok();
    assert_eq!(done.json()["dry_run"], true);
    assert_eq!(everything(sandbox.root()), before);
}

#[test]
fn files_of_other_kinds_stay_as_they_are() {
    let sandbox = sandbox();
    let theirs = [
        "src/app.py",
        "pyproject.toml",
        "host.json",
        "docker-compose.yml",
        "Dockerfile",
        ".devcontainer/Dockerfile",
        ".vscode/settings.json",
        ".vscode/extensions.json",
    ];
    for name in theirs {
        sandbox.write(name, name);
    }
    sandbox.azup(["init"]).ok();
    for name in theirs {
        assert_eq!(read(&sandbox, name), name);
    }
    assert!(
        sandbox
            .project()
            .join(".devcontainer/devcontainer.json")
            .exists()
    );
}

#[test]
fn the_install_task_follows_what_is_found() {
    type Files = &'static [(&'static str, &'static str)];
    let pip = |unless: &str, what: &str, then: &str| {
        format!(
            ".venv/bin/python -c '' 2>/dev/null || python3 -m venv --clear .venv; {unless} || \
             {{ .venv/bin/python -m pip install --quiet --timeout 5 --retries 1 {what} && {then}; }}"
        )
    };
    let requirements = pip(
        "{ cmp -s requirements.txt .venv/requirements.txt && ! grep -q '^ *[-.]' requirements.txt; }",
        "-r requirements.txt",
        "cp requirements.txt .venv",
    );
    let files = "cat pyproject.toml setup.* requirements*.txt 2>/dev/null";
    let itself = pip(
        &format!("{files} | cmp -s - .venv/installed"),
        "-e .",
        &format!("{{ {files} > .venv/installed; true; }}"),
    );
    let cases: [(Files, Option<String>); 12] = [
        (&[("uv.lock", "")], Some("uv sync".into())),
        (&[("pyproject.toml", "[tool.uv]\n")], Some("uv sync".into())),
        (
            &[("pyproject.toml", "[[tool.uv.index]]\n")],
            Some("uv sync".into()),
        ),
        (
            &[("poetry.lock", ""), ("requirements.txt", "")],
            Some("poetry install --no-interaction".into()),
        ),
        (
            &[("pyproject.toml", "[tool.poetry.dependencies]\n")],
            Some("poetry install --no-interaction".into()),
        ),
        (
            &[("pyproject.toml", "[tool.pdm]\n")],
            Some("pdm install".into()),
        ),
        (
            &[("pyproject.toml", "[tool.hatch.envs.default]\n")],
            Some("hatch env create".into()),
        ),
        (&[("requirements.txt", "")], Some(requirements.clone())),
        (
            &[("my api/requirements.txt", ""), ("my api/app.py", "")],
            Some(format!("cd 'my api' && {{ {requirements}; }}")),
        ),
        (
            &[("pyproject.toml", "# [tool.uv]\n[tool.uvicorn]\n[project]\n")],
            Some(itself),
        ),
        (&[("pyproject.toml", "[tool.ruff]\n")], None),
        (&[("app.py", "")], None),
    ];
    for (files, command) in cases {
        let sandbox = sandbox();
        for (name, content) in files {
            sandbox.write(name, content);
        }
        sandbox.azup(["init"]).ok();
        let tasks = json(&sandbox, ".vscode/tasks.json");
        let tasks = tasks["tasks"].as_array().unwrap();
        let (first, last) = (&tasks[0], &tasks[tasks.len() - 1]);
        assert_eq!(last["label"], "azup: trust");
        assert_eq!(tasks.len(), 1 + usize::from(command.is_some()), "{files:?}");
        let configuration = json(&sandbox, ".devcontainer/devcontainer.json");
        let ready = configuration["postCreateCommand"].as_str();
        let Some(command) = command else {
            assert_eq!(last.get("dependsOn"), None, "{files:?}");
            assert_eq!(ready, None, "{files:?}");
            continue;
        };
        assert_eq!(first["command"], *command, "{files:?}");
        assert_eq!(last["dependsOn"], first["label"], "{files:?}");
        // An editor finds the environment on its first look.
        assert!(ready.unwrap().ends_with(&command), "{files:?}");
    }
}

/// The command in tasks.json, run for real with nothing to install.
#[test]
fn the_install_task_makes_a_virtual_environment_once() {
    let sandbox = sandbox();
    sandbox.needs("python3");
    sandbox.write("requirements.txt", "");
    sandbox.azup(["init"]).ok();
    let tasks = json(&sandbox, ".vscode/tasks.json");
    let command = tasks["tasks"][0]["command"].as_str().unwrap();
    sandbox.run("/bin/sh", ["-c", command]).ok();
    let python = sandbox.project().join(".venv/bin/python");
    let made = python.symlink_metadata().unwrap().mtime_nsec();
    sandbox.run("/bin/sh", ["-c", command]).ok();
    assert_eq!(python.symlink_metadata().unwrap().mtime_nsec(), made);
}

#[test]
fn a_functions_app_gets_its_host_task_and_an_attach_configuration() {
    for (host, cwd) in [
        ("host.json", None),
        ("my app/host.json", Some("${workspaceFolder}/my app")),
        ("src/app/host.json", Some("${workspaceFolder}/src/app")),
    ] {
        let sandbox = sandbox();
        sandbox.write(host, "{}");
        sandbox.write("function_app.py", "");
        sandbox.azup(["init"]).ok();
        let tasks = json(&sandbox, ".vscode/tasks.json");
        let task = &tasks["tasks"][1];
        assert_eq!(task["label"], "func host start");
        assert_eq!(task["type"], "func");
        assert_eq!(task["isBackground"], true);
        assert_eq!(task["problemMatcher"], "$func-python-watch");
        assert_eq!(task["dependsOn"], "azup: trust");
        assert_eq!(task["options"]["cwd"].as_str(), cwd);
        let launch = json(&sandbox, ".vscode/launch.json");
        let attach = &launch["configurations"][0];
        assert_eq!(attach["name"], "Attach to Python Functions");
        assert_eq!(attach["request"], "attach");
        assert_eq!(attach["connect"]["port"], 9091);
        assert_eq!(attach["preLaunchTask"], "func host start");
        let configuration = json(&sandbox, ".devcontainer/devcontainer.json");
        let extensions = configuration["customizations"]["vscode"]["extensions"].to_string();
        assert!(extensions.contains("vscode-azurefunctions"), "{extensions}");
    }
    // What was built or installed does not belong to the project.
    let sandbox = sandbox();
    sandbox.write("node_modules/app/host.json", "{}");
    sandbox.write("app.py", "");
    sandbox.azup(["init"]).ok();
    assert!(!read(&sandbox, ".vscode/tasks.json").contains("func"));
    assert!(!read(&sandbox, ".vscode/launch.json").contains("Functions"));
    assert!(!read(&sandbox, ".devcontainer/devcontainer.json").contains("azurefunctions"));
}

#[test]
fn nothing_starts_when_a_folder_is_merely_opened() {
    let sandbox = initialised();
    assert!(!read(&sandbox, ".vscode/tasks.json").contains("runOn"));
    assert!(!sandbox.project().join(".vscode/settings.json").exists());
}

#[test]
fn no_file_to_commit_knows_this_machine() {
    let sandbox = initialised();
    for path in committed(&sandbox) {
        let text = read(&sandbox, &path);
        for place in [sandbox.root(), Path::new(env!("CARGO_MANIFEST_DIR"))] {
            assert!(!text.contains(&*place.to_string_lossy()), "{path}: {text}");
        }
    }
}

/// The files that git would commit, in order.
fn committed(sandbox: &Sandbox) -> Vec<String> {
    sandbox.run("git", ["init", "-q"]).ok();
    sandbox.run("git", ["add", "-A"]).ok();
    let listed = sandbox.run("git", ["ls-files"]).ok();
    listed.stdout.lines().map(str::to_owned).collect()
}

#[test]
fn git_sees_neither_keys_nor_binaries_and_a_clone_starts_over() {
    let sandbox = initialised();
    insta::assert_snapshot!(committed(&sandbox).join("\n"), @"
    .devcontainer/azurite-certs/.gitignore
    .devcontainer/azurite/.gitattributes
    .devcontainer/azurite/.gitignore
    .devcontainer/azurite/README.md
    .devcontainer/azurite/devcontainer-feature.json
    .devcontainer/azurite/docker-compose.yml
    .devcontainer/azurite/edits.json
    .devcontainer/azurite/entrypoint.sh
    .devcontainer/azurite/install.sh
    .devcontainer/azurite/serve.cjs
    .devcontainer/azurite/start.sh
    .devcontainer/devcontainer.json
    .devcontainer/docker-compose.yml
    .gitignore
    .vscode/launch.json
    .vscode/tasks.json
    app.py
    ");
    let identity = ["-c", "user.name=t", "-c", "user.email=t@example.org"];
    sandbox
        .run(
            "git",
            identity.into_iter().chain(["commit", "-qm", "set up"]),
        )
        .ok();
    let clone = sandbox.root().join("another name");
    sandbox
        .run("git", ["clone", "-q", ".", &*clone.to_string_lossy()])
        .ok();

    let done = sandbox
        .azup([Path::new("init"), Path::new("--json"), &clone])
        .ok();
    let made: Vec<String> = statuses(&done)
        .into_iter()
        .filter(|(_, status)| status != "kept")
        .map(|(path, _)| path)
        .collect();
    assert_eq!(made.len(), 4, "{made:?}");
    assert!(made[0].contains("azup-linux-"), "{made:?}");
    let status = sandbox.run(
        "git",
        ["-C", &*clone.to_string_lossy(), "status", "--short"],
    );
    assert_eq!(status.ok().stdout, "");
}

#[test]
fn another_azup_replaces_the_binary_and_nothing_else() {
    let sandbox = initialised();
    let folder = sandbox.project().join(".devcontainer/azurite");
    let binary = std::fs::read_dir(&folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .find(|path| path.to_string_lossy().contains("azup-linux-"))
        .unwrap();
    let now = std::fs::read(&binary).unwrap();
    std::fs::write(&binary, b"an older azup").unwrap();
    let done = sandbox.azup(["init", "--json"]).ok();
    for (path, status) in statuses(&done) {
        let expected = if path.contains("azup-linux-") {
            "updated"
        } else {
            "kept"
        };
        assert_eq!(status, expected, "{path}");
    }
    assert!(std::fs::read(&binary).unwrap() == now);
    assert_eq!(binary.metadata().unwrap().mode() & 0o777, 0o755);
}

#[test]
fn all_projects_of_a_machine_share_one_ca() {
    let sandbox = initialised();
    let other = sandbox.root().join("other");
    std::fs::create_dir(&other).unwrap();
    sandbox.azup([Path::new("init"), &other]).ok();
    for name in ["ca.pem", "key.pem", "cert.pem"] {
        let machines = std::fs::read(sandbox.certs().join(name)).unwrap();
        for project in [&sandbox.project(), &other] {
            let copy = project.join(".devcontainer/azurite-certs").join(name);
            assert_eq!(std::fs::read(copy).unwrap(), machines, "{name}");
        }
    }
}

#[test]
fn a_projects_own_set_is_kept_although_the_machine_has_another() {
    let sandbox = initialised();
    let before = Sandbox::files(&sandbox.project());
    std::fs::remove_dir_all(sandbox.certs()).unwrap();
    let other = sandbox.root().join("other");
    std::fs::create_dir(&other).unwrap();
    sandbox.azup([Path::new("init"), &other]).ok();
    sandbox.azup(["init"]).ok();
    assert_eq!(Sandbox::files(&sandbox.project()), before);
}

#[test]
fn a_named_set_is_copied_from_where_the_user_is() {
    let sandbox = initialised();
    let named = sandbox.root().join("named");
    std::fs::create_dir(&named).unwrap();
    for name in ["ca.pem", "key.pem", "cert.pem"] {
        std::fs::rename(sandbox.certs().join(name), named.join(name)).unwrap();
    }
    let other = sandbox.root().join("other");
    std::fs::create_dir(&other).unwrap();
    sandbox
        .azup(["init", "../other", "--certs", "../named"])
        .ok();
    for name in ["ca.pem", "key.pem", "cert.pem"] {
        let copy = other.join(".devcontainer/azurite-certs").join(name);
        assert_eq!(
            std::fs::read(copy).unwrap(),
            std::fs::read(named.join(name)).unwrap()
        );
    }
    assert!(!sandbox.certs().join("ca.pem").exists(), "no set was made");
}

#[test]
fn two_at_once_do_it_once() {
    let sandbox = sandbox();
    let running: Vec<_> = (0..4)
        .map(|_| sandbox.azup_command(["init", "-q"]).spawn().unwrap())
        .collect();
    for mut child in running {
        assert!(child.wait().unwrap().success());
    }
    let before = everything(sandbox.root());
    sandbox.azup(["init"]).ok();
    assert_eq!(everything(sandbox.root()), before);
}
