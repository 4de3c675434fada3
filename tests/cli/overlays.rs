//! The overlay on top of users' compose files, merged by docker-compose itself: there is one
//! Azurite, and it has what it needs. Nothing here needs a container engine.

use std::path::{Path, PathBuf};

use azurite_up::project::compose::{overlay, read};
use azurite_up::project::convert::convert;
use serde_json::{Value, json};

use crate::sandbox::{Sandbox, part};

const IMAGE: &str = "mcr.microsoft.com/azure-storage/azurite";
const OVERLAY: &str = ".devcontainer/azurite/docker-compose.yml";
const VALIDATE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/cli/validate.py");

/// The result of docker-compose for these files and the overlay that is written for them.
#[track_caller]
fn merged(files: &[(&str, &str)], app: &str) -> Value {
    let sandbox = Sandbox::new();
    let project = sandbox.project();
    let paths: Vec<PathBuf> = files
        .iter()
        .map(|(path, text)| {
            sandbox.write(path, text);
            project.join(path)
        })
        .collect();
    let made = overlay(&read(&paths).unwrap(), app, &project).unwrap();
    let own = sandbox.write(OVERLAY, &made.text);
    std::fs::create_dir_all(project.join(".devcontainer/azurite-certs")).unwrap();
    let schema = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/schemas/compose-spec.json");
    let words = [Path::new(VALIDATE), Path::new("--schema"), &schema, &own];
    sandbox.run(part("venv/bin/python"), words).ok();
    let mut words: Vec<PathBuf> = Vec::new();
    for path in paths.iter().chain([&own]) {
        words.extend([PathBuf::from("-f"), path.clone()]);
    }
    words.push("config".into());
    let done = sandbox.run("docker-compose", &words).ok();
    let text = sandbox.write("merged.yml", &done.stdout);
    let words = [Path::new(VALIDATE), Path::new("--json"), &text];
    let file = sandbox.run(part("venv/bin/python"), words).ok().json();
    let azurites: Vec<&String> = file["services"]
        .as_object()
        .unwrap()
        .iter()
        .filter(|(_, service)| {
            let image = service["image"].as_str().unwrap_or_default();
            image.contains("/azurite")
        })
        .map(|(name, _)| name)
        .collect();
    assert_eq!(azurites, [&made.service], "{}", made.text);
    let azurite = file["services"][&made.service].clone();
    let mounts = azurite["volumes"].as_array().unwrap();
    let mounts = mounts
        .iter()
        .filter(|at| at["type"] == "bind" && at["read_only"] == true);
    let mut sources: Vec<&str> = mounts.filter_map(|at| at["source"].as_str()).collect();
    sources.retain(|source| source.contains("/azurite"));
    sources.sort_unstable();
    let folder = project.canonicalize().unwrap().join(".devcontainer");
    let ours = ["azurite", "azurite-certs"].map(|name| folder.join(name));
    assert_eq!(
        sources,
        ours.map(|path| path.to_string_lossy().into_owned())
    );
    azurite
}

/// Azurite's command line, as its container gets it.
#[track_caller]
fn line(azurite: &Value) -> String {
    let line = match &azurite["command"] {
        Value::String(text) => text.clone(),
        words => words
            .as_array()
            .unwrap()
            .iter()
            .map(|word| word.as_str().unwrap())
            .collect::<Vec<_>>()
            .join(" "),
    };
    let line = line.replace("$$", "$");
    for flag in [
        "/cert.pem",
        "/key.pem",
        "--oauth basic",
        "--skipApiVersionCheck",
        "--disableTelemetry",
    ] {
        assert!(line.contains(flag), "{flag} in {line}");
    }
    let options = azurite["environment"]["NODE_OPTIONS"].as_str().unwrap();
    assert!(options.starts_with("--require /azup/serve.cjs"));
    line
}

#[test]
fn a_new_azurite_joins_apps_of_every_kind() {
    for (text, app, mode) in [
        (
            "version: '3.8'\nservices: {app: {image: a}}\n",
            "app",
            "service:app",
        ),
        (
            "version: '2.4'\nservices: {app: {image: a}}\n",
            "app",
            "service:app",
        ),
        ("services: {app: {build: .}}\n", "app", "service:app"),
        (
            "services: {app: {image: a, network_mode: host}}\n",
            "app",
            "host",
        ),
        (
            "services: {app: {image: a, network_mode: 'service:db'}, db: {image: b}}\n",
            "app",
            "service:db",
        ),
        (
            "services: {app: {image: a, networks: [n], depends_on: [db]}, db: {image: b, networks: [n]}}\nnetworks: {n: }\n",
            "app",
            "service:app",
        ),
        (
            "\u{feff}services:\r\n  app:\r\n    image: a\r\n",
            "app",
            "service:app",
        ),
        (
            "x-a: &a {image: a}\nservices:\n  app:\n    <<: *a\n    volumes: ['azurite-data:/x']\nvolumes: {azurite-data: }\n",
            "app",
            "service:app",
        ),
        (
            "services: {web: {image: a}, azurite: {image: nginx}}\n",
            "web",
            "service:web",
        ),
    ] {
        let azurite = merged(&[(".devcontainer/docker-compose.yml", text)], app);
        assert_eq!(azurite["network_mode"], mode, "{text}");
        assert!(line(&azurite).contains("azurite -l /data"));
    }
}

#[test]
fn relative_paths_count_from_the_first_file() {
    let app = "services: {app: {image: a}}\n";
    let more = "services: {app: {environment: [A=1]}}\n";
    for first in [
        "docker-compose.yml",
        ".devcontainer/a b/compose.yml",
        "deploy/local/compose.yml",
    ] {
        merged(
            &[(first, app), (".devcontainer/docker-compose.yml", more)],
            "app",
        );
    }
}

#[test]
fn an_azurite_that_is_there_is_completed() {
    let oauth = format!(
        "image: {IMAGE}\n    command: azurite --oauth basic --loose\n    ports: ['10000:10000']\n    depends_on: [db]\n    environment: [A=1]"
    );
    for (fields, wanted) in [
        (format!("image: {IMAGE}"), "--blobHost 0.0.0.0"),
        (
            format!(
                "image: {IMAGE}:3.35.0\n    command: 'azurite --loose'\n    volumes: ['./data:/data']"
            ),
            "azurite --loose -l /data",
        ),
        (oauth, "azurite --oauth basic --loose"),
        (
            format!(
                "image: {IMAGE}\n    command: ['azurite', '--blobHost', '0.0.0.0', '-d', '/data/it is.log']\n    networks: [n]"
            ),
            "-d '/data/it is.log'",
        ),
        (
            format!(
                "image: {IMAGE}\n    entrypoint: azurite\n    command: ['-l', '/data', '--pwd', 'a$$b']"
            ),
            "azurite -l /data",
        ),
        (
            format!(
                "image: {IMAGE}\n    command: azurite\n    volumes: ['./c:/certs:ro', 'd:/data']\n    healthcheck: {{test: 'curl http://127.0.0.1:10000', interval: 1s}}"
            ),
            "--cert /azup-certs/cert.pem",
        ),
        (
            format!(
                "image: {IMAGE}\n    command: azurite -l '/a $${{b}}'\n    restart: always\n    init: true"
            ),
            "-l '/a ${b}'",
        ),
    ] {
        let text = format!(
            "services:\n  app: {{image: a, networks: [n, default]}}\n  db: {{image: b}}\n  storage:\n    {fields}\nnetworks: {{n: }}\nvolumes: {{d: }}\n"
        );
        let azurite = merged(&[("docker-compose.yml", &text)], "app");
        let line = line(&azurite);
        assert!(line.contains(wanted), "{wanted} in {line}");
        let targets: Vec<&str> = azurite["volumes"]
            .as_array()
            .unwrap()
            .iter()
            .map(|volume| match volume {
                Value::String(text) => text.split(':').nth(1).unwrap(),
                other => other["target"].as_str().unwrap(),
            })
            .collect();
        assert_eq!(
            targets.len(),
            if fields.contains("/certs:ro") { 4 } else { 3 },
            "{targets:?}"
        );
        let check = azurite["healthcheck"]["test"].to_string();
        let theirs = fields.contains("healthcheck");
        assert!(
            check.contains(if theirs { "curl http:" } else { "/ca.pem" }),
            "{check}"
        );
        assert!(azurite["restart"].is_string());
        if fields.contains("ports") {
            assert_eq!(azurite["ports"].as_array().unwrap().len(), 3);
            assert_eq!(azurite["environment"]["A"], "1");
        }
        if fields.contains("entrypoint") {
            assert_eq!(azurite["entrypoint"], json!(["env"]));
        }
    }
}

#[test]
fn an_app_that_waits_for_its_azurite_makes_no_circle() {
    let text = format!(
        "services:\n  app: {{image: a, depends_on: [azurite]}}\n  azurite: {{image: {IMAGE}}}\n"
    );
    let azurite = merged(&[("docker-compose.yml", &text)], "app");
    assert_eq!(azurite.get("network_mode"), None);
    assert!(line(&azurite).contains("--tableHost 0.0.0.0"));
}

#[test]
fn networks_in_a_list_and_in_a_mapping_are_brought_together() {
    for networks in ["[store]", "{store: {aliases: [blobs]}}"] {
        let text = format!(
            "services:\n  app: {{image: a, networks: [front]}}\n  azurite: {{image: {IMAGE}, networks: {networks}}}\nnetworks: {{front: , store: }}\n"
        );
        let azurite = merged(&[("docker-compose.yml", &text)], "app");
        let networks = azurite["networks"].as_object().unwrap();
        assert!(networks.contains_key("front") && networks.contains_key("store"));
    }
}

#[test]
fn a_converted_configuration_is_one_that_compose_reads() {
    let configuration = json!({
        "build": {"dockerfile": "Dockerfile", "context": "..", "args": {"A": "${localEnv:B:c}", "D": "$1"}},
        "runArgs": [
            "--cap-add=SYS_PTRACE", "--security-opt", "seccomp=unconfined", "-e", "X=a: b #c",
            "--shm-size=1g", "--add-host=x:127.0.0.1", "-p", "8080:80", "--init", "--label", "a=b",
            "--mount", "type=bind,source=${localWorkspaceFolder},target=/again,readonly",
            "--device", "/dev/null", "--tmpfs", "/t", "-u", "1000", "--sysctl", "net.ipv4.ip_forward=1"
        ],
        "appPort": [3000, "4000:4001"]
    });
    let sandbox = Sandbox::new();
    let project = sandbox.project();
    let file = Path::new(".devcontainer/devcontainer.json");
    let made = convert(&configuration, file, &project, &project).unwrap();
    let text = made.compose.as_str();
    let azurite = merged(&[(".devcontainer/docker-compose.yml", text)], &made.service);
    assert_eq!(azurite["network_mode"], "service:devcontainer");
    let path = sandbox.write(&made.path, text);
    let words = [Path::new("-f"), &path, Path::new("config")];
    let done = sandbox.run("docker-compose", words).ok();
    for wanted in [
        "seccomp=unconfined",
        "X: 'a: b #c'",
        "A: c",
        "D: $$1",
        "target: /again",
    ] {
        assert!(done.stdout.contains(wanted), "{wanted} in {done}");
    }
}
