//! What `azup init` wrote, given to the programs that read it: the published schemas, the
//! devcontainer CLI and docker-compose. None of them needs a container engine here.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::{named, sandbox};
use crate::sandbox::{Sandbox, part};

const VALIDATE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/cli/validate.py");

/// A YAML file as compose reads it.
pub(super) fn yaml(sandbox: &Sandbox, path: &str) -> Value {
    let python = part("venv/bin/python");
    sandbox.run(python, [VALIDATE, "--json", path]).ok().json()
}

pub(super) fn schemas() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/schemas")
}

#[track_caller]
fn validate(sandbox: &Sandbox) {
    let words = [Path::new(VALIDATE), &schemas(), &sandbox.project()];
    sandbox.run(part("venv/bin/python"), words).ok();
}

#[test]
fn every_file_keeps_to_its_schema() {
    let kinds: [&[&str]; 6] = [
        &[],
        &["requirements.txt", "host.json"],
        &["uv.lock", "app/host.json"],
        &["package.json"],
        &["pom.xml", "api/go.mod", "profile.ps1", "web/package.json"],
        &["a.fsproj"],
    ];
    for files in kinds {
        let sandbox = named("two words");
        for name in files {
            sandbox.write(name, "{}");
        }
        sandbox.azup(["init"]).ok();
        validate(&sandbox);
    }
}

/// The check above would be worthless if it let everything pass.
#[test]
fn the_schemas_notice_a_mistake_in_each_file() {
    let mistakes = [
        (
            ".devcontainer/devcontainer.json",
            "\"service\"",
            "\"serivce\"",
        ),
        (
            ".devcontainer/azurite/devcontainer-feature.json",
            "\"id\"",
            "\"ident\"",
        ),
        (".devcontainer/docker-compose.yml", "command:", "comand:"),
        (
            ".devcontainer/azurite/docker-compose.yml",
            "interval: 5s",
            "intervall: 5s",
        ),
        (".vscode/tasks.json", "\"silent\"", "\"quiet\""),
        (".vscode/launch.json", "\"type\"", "\"typ\""),
    ];
    for (path, right, wrong) in mistakes {
        let sandbox = super::initialised();
        let text = super::read(&sandbox, path);
        assert!(text.contains(right), "{path}: {text}");
        sandbox.write(path, text.replace(right, wrong));
        let words = [Path::new(VALIDATE), &schemas(), &sandbox.project()];
        let done = sandbox.run(part("venv/bin/python"), words);
        assert_eq!(done.code, 1, "{path}: {done}");
        assert!(done.stdout.starts_with(path), "{path}: {done}");
    }
}

#[test]
fn the_devcontainer_cli_reads_the_configuration() {
    for name in ["project", "two words", "größe"] {
        let sandbox = named(name);
        sandbox.azup(["init"]).ok();
        let project = sandbox.project();
        let project = project.to_string_lossy();
        // It asks the engine for running containers; `true` answers that there are none.
        let words = [
            "read-configuration",
            "--workspace-folder",
            &project,
            "--docker-path",
            "true",
        ];
        let done = sandbox
            .run(part("npm/node_modules/.bin/devcontainer"), words)
            .ok();
        let read = done.json();
        assert_eq!(
            read["configuration"]["dockerComposeFile"],
            json!(["docker-compose.yml", "azurite/docker-compose.yml"])
        );
        assert_eq!(read["configuration"]["name"], name);
        assert_eq!(read["configuration"]["service"], "devcontainer");
        assert_eq!(read["configuration"]["features"], json!({"./azurite": {}}));
        assert_eq!(
            read["configuration"]["forwardPorts"],
            json!([10000, 10001, 10002])
        );
        for port in ["10000", "10001", "10002"] {
            let attributes = &read["configuration"]["portsAttributes"][port];
            assert_eq!(attributes["protocol"], "https");
            assert_eq!(attributes["requireLocalPort"], true);
            assert_eq!(attributes["onAutoForward"], "silent");
        }
        assert_eq!(read["workspace"]["workspaceFolder"], "/workspace");
    }
}

/// The files of a local Feature, as the devcontainer CLI packs them for an image.
#[test]
fn the_devcontainer_cli_packs_the_feature_without_a_key() {
    let sandbox = super::initialised();
    let feature = sandbox.project().join(".devcontainer/azurite");
    let packed = sandbox.root().join("packed");
    let words = [
        Path::new("features"),
        Path::new("package"),
        &feature,
        Path::new("--output-folder"),
        &packed,
    ];
    sandbox
        .run(part("npm/node_modules/.bin/devcontainer"), words)
        .ok();
    let archive = Sandbox::files(&packed)
        .into_iter()
        .map(|(path, _)| path)
        .find(|path| path.extension().is_some_and(|extension| extension == "tgz"))
        .unwrap();
    let listed = sandbox.run("tar", [Path::new("-tf"), &archive]).ok().stdout;
    assert!(listed.contains("install.sh"), "{listed}");
    assert!(!listed.contains(".pem"), "{listed}");
}

#[test]
fn docker_compose_accepts_both_files() {
    for name in ["project", "two words"] {
        let sandbox = named(name);
        sandbox.azup(["init"]).ok();
        let files = [
            "-f",
            ".devcontainer/docker-compose.yml",
            "-f",
            ".devcontainer/azurite/docker-compose.yml",
            "config",
        ];
        let done = sandbox.run("docker-compose", files).ok();
        let merged = sandbox.write("merged.yml", &done.stdout);
        let merged = yaml(&sandbox, &merged.to_string_lossy());
        let azurite = &merged["services"]["azurite"];
        assert_eq!(azurite["network_mode"], "service:devcontainer");
        assert_eq!(azurite["init"], true);
        assert_eq!(azurite["restart"], "unless-stopped");
        assert!(
            azurite["image"]
                .as_str()
                .unwrap()
                .ends_with("azurite:3.37.0")
        );
        // Paths in the overlay are relative to the first file's folder. In either order: compose 1
        // sorts them.
        for (folder, target) in [("azurite-certs", "/certs"), ("azurite", "/azup")] {
            let mut binds = azurite["volumes"].as_array().unwrap().iter();
            let bind = binds.find(|at| at["target"] == target).unwrap();
            let source = sandbox.project().join(".devcontainer").join(folder);
            assert_eq!(bind["type"], "bind");
            assert_eq!(bind["source"], *source.to_string_lossy());
            assert_eq!(bind["read_only"], true);
        }
        let workspace = &merged["services"]["devcontainer"]["volumes"][0];
        assert_eq!(workspace["source"], *sandbox.project().to_string_lossy());
        assert_eq!(workspace["target"], "/workspace");
        for service in ["azurite", "devcontainer"] {
            let service = &merged["services"][service];
            assert_eq!(service.get("ports"), None, "nothing is published");
            assert_eq!(service.get("container_name"), None, "two projects can run");
        }
    }
}

#[test]
fn compose_files_have_only_what_both_generations_of_compose_read() {
    let sandbox = sandbox();
    sandbox.azup(["init"]).ok();
    for path in [
        ".devcontainer/docker-compose.yml",
        ".devcontainer/azurite/docker-compose.yml",
    ] {
        let file = yaml(&sandbox, path);
        for key in ["name", "version"] {
            assert_eq!(file.get(key), None, "{path}");
        }
    }
    let overlay = super::read(&sandbox, ".devcontainer/azurite/docker-compose.yml");
    let unescaped = overlay.replace("$$", "");
    assert!(
        !unescaped.contains('$'),
        "compose would replace it: {overlay}"
    );
}
