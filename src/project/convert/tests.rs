//! Configurations of every kind, converted and refused.

use jsonc_edit::Step;

use super::*;

const PROJECT: &str = "/home/dev/project";

fn at(file: &str, configuration: &Value) -> Result<Conversion, Refusal> {
    let project = Path::new(PROJECT);
    convert(configuration, Path::new(file), project, project)
}

#[track_caller]
fn made(configuration: &Value) -> Conversion {
    at(".devcontainer/devcontainer.json", configuration).unwrap()
}

#[track_caller]
fn service(configuration: &Value) -> Value {
    read(&made(configuration))
}

#[track_caller]
fn read(conversion: &Conversion) -> Value {
    let text = &conversion.compose;
    let file: Value = serde_yaml::from_str(text).unwrap_or_else(|error| panic!("{error}\n{text}"));
    file["services"]["devcontainer"].clone()
}

#[track_caller]
fn refused(configuration: &Value) -> String {
    at(".devcontainer/devcontainer.json", configuration)
        .unwrap_err()
        .0
}

/// The service for `runArgs`.
#[track_caller]
fn run(words: &[&str]) -> Value {
    service(&json!({"image": "a", "runArgs": words}))
}

#[test]
fn an_image_becomes_a_service() {
    let made = made(&json!({"name": "x", "image": "mcr.microsoft.com/devcontainers/python:3"}));
    assert_eq!(made.path, Path::new(".devcontainer/docker-compose.yml"));
    assert_eq!(
        made.compose,
        "# The dev container. Written by `azup init --compose` from devcontainer.json; from then\n\
         # on it is yours to change. Azurite is in a file of its own.\n\
         services:\n  devcontainer:\n    image: mcr.microsoft.com/devcontainers/python:3\n    \
         command: sleep infinity\n    volumes:\n      - type: bind\n        source: ..\n        \
         target: /workspaces/project\n"
    );
    let member = |key: &str, value: Value| Edit::Member {
        at: Vec::new(),
        key: key.to_owned(),
        value,
    };
    assert_eq!(
        made.edits,
        [
            Edit::Drop {
                at: Vec::new(),
                key: "image".to_owned()
            },
            member("dockerComposeFile", json!("docker-compose.yml")),
            member("service", json!("devcontainer")),
            member("workspaceFolder", json!("/workspaces/project")),
        ]
    );
}

#[test]
fn every_place_of_a_configuration_has_its_own_compose_file() {
    for (file, path, named, source) in [
        (
            ".devcontainer.json",
            ".devcontainer/docker-compose.yml",
            ".devcontainer/docker-compose.yml",
            "..",
        ),
        (
            ".devcontainer/devcontainer.json",
            ".devcontainer/docker-compose.yml",
            "docker-compose.yml",
            "..",
        ),
        (
            ".devcontainer/web/devcontainer.json",
            ".devcontainer/web/docker-compose.yml",
            "docker-compose.yml",
            "../..",
        ),
    ] {
        let made = at(file, &json!({"image": "a"})).unwrap();
        assert_eq!(made.path, Path::new(path));
        assert!(made.edits.contains(&Edit::Member {
            at: Vec::new(),
            key: "dockerComposeFile".to_owned(),
            value: json!(named)
        }));
        assert_eq!(read(&made)["volumes"][0]["source"], source);
    }
}

#[test]
fn a_project_inside_of_a_repository_mounts_the_repository() {
    let made = convert(
        &json!({"image": "a"}),
        Path::new(".devcontainer/devcontainer.json"),
        Path::new("/r/mono/apps/web"),
        Path::new("/r/mono"),
    )
    .unwrap();
    let volume = &read(&made)["volumes"][0];
    assert_eq!(
        (&volume["source"], &volume["target"]),
        (&json!("../../.."), &json!("/workspaces/mono"))
    );
    assert!(made.edits.contains(&Edit::Member {
        at: Vec::new(),
        key: "workspaceFolder".to_owned(),
        value: json!("/workspaces/mono/apps/web")
    }));
}

#[test]
fn a_build_counts_from_the_compose_file() {
    for (file, configuration, context, dockerfile) in [
        (
            ".devcontainer/devcontainer.json",
            json!({"build": {"dockerfile": "Dockerfile"}}),
            ".",
            "Dockerfile",
        ),
        (
            ".devcontainer/devcontainer.json",
            json!({"build": {"dockerfile": "Dockerfile", "context": ".."}}),
            "..",
            ".devcontainer/Dockerfile",
        ),
        (
            ".devcontainer/devcontainer.json",
            json!({"dockerFile": "../Dockerfile", "context": ".."}),
            "..",
            "Dockerfile",
        ),
        (
            ".devcontainer/web/devcontainer.json",
            json!({"build": {"dockerfile": "../Dockerfile", "context": "../.."}}),
            "../..",
            ".devcontainer/Dockerfile",
        ),
        (
            ".devcontainer.json",
            json!({"build": {"dockerfile": "docker/dev file"}}),
            "..",
            "docker/dev file",
        ),
        (
            ".devcontainer.json",
            json!({"build": {"dockerfile": "Dockerfile", "context": "src"}}),
            "../src",
            "../Dockerfile",
        ),
    ] {
        let build = read(&at(file, &configuration).unwrap())["build"].clone();
        assert_eq!(
            (&build["context"], &build["dockerfile"]),
            (&json!(context), &json!(dockerfile)),
            "{configuration}"
        );
    }
    let build = service(&json!({"build": {
        "dockerfile": "Dockerfile", "target": "dev", "cacheFrom": "ghcr.io/x/y",
        "args": {"VERSION": "3.10", "USER": "${localEnv:USER:me}", "PRICE": "$5"}
    }}))["build"]
        .clone();
    assert_eq!(build["target"], "dev");
    assert_eq!(build["cache_from"], json!(["ghcr.io/x/y"]));
    assert_eq!(
        build["args"],
        json!({"VERSION": "3.10", "USER": "${USER:-me}", "PRICE": "$$5"})
    );
}

#[test]
fn the_command_is_the_images_own_only_where_that_was_so() {
    assert_eq!(
        service(&json!({"image": "a", "overrideCommand": true}))["command"],
        "sleep infinity"
    );
    assert!(service(&json!({"image": "a", "overrideCommand": false}))["command"].is_null());
}

#[test]
fn a_workspace_mount_is_a_volume() {
    let service = service(&json!({
        "image": "a", "workspaceFolder": "/w",
        "workspaceMount": "source=${localWorkspaceFolder}/src,target=/w,type=bind,consistency=cached"
    }));
    assert_eq!(
        service["volumes"],
        json!([{"type": "bind", "source": "../src", "target": "/w", "consistency": "cached"}])
    );
    let made = made(&json!({"image": "a", "workspaceMount": "", "workspaceFolder": "/w"}));
    assert!(read(&made)["volumes"].is_null());
    assert!(made.edits.contains(&Edit::Drop {
        at: Vec::new(),
        key: "workspaceMount".to_owned()
    }));
    assert!(
        !made
            .edits
            .iter()
            .any(|edit| matches!(edit, Edit::Member { key, .. } if key == "workspaceFolder"))
    );
}

#[test]
fn ports_are_published_on_the_loopback() {
    let ports = |port: Value| service(&json!({"image": "a", "appPort": port}))["ports"].clone();
    assert_eq!(ports(json!(3000)), json!(["127.0.0.1:3000:3000"]));
    assert_eq!(ports(json!("8080:80")), json!(["127.0.0.1:8080:80"]));
    assert_eq!(
        ports(json!([3000, "0.0.0.0:5000:5000", "9"])),
        json!(["127.0.0.1:3000:3000", "0.0.0.0:5000:5000", "127.0.0.1:9:9"])
    );
}

#[test]
fn arguments_become_fields_in_both_forms() {
    let both = [
        run(&[
            "--cap-add=SYS_PTRACE",
            "--security-opt=seccomp=unconfined",
            "--env=A=b c",
            "--shm-size=2g",
            "--add-host=host.docker.internal:host-gateway",
        ]),
        run(&[
            "--cap-add",
            "SYS_PTRACE",
            "--security-opt",
            "seccomp=unconfined",
            "--env",
            "A=b c",
            "--shm-size",
            "2g",
            "--add-host",
            "host.docker.internal:host-gateway",
        ]),
    ];
    assert_eq!(both[0], both[1]);
    assert_eq!(both[0]["cap_add"], json!(["SYS_PTRACE"]));
    assert_eq!(both[0]["security_opt"], json!(["seccomp=unconfined"]));
    assert_eq!(both[0]["environment"], json!(["A=b c"]));
    assert_eq!(both[0]["shm_size"], "2g");
    assert_eq!(
        both[0]["extra_hosts"],
        json!(["host.docker.internal:host-gateway"])
    );
    let made = run(&[
        "--init",
        "--privileged=true",
        "--network=host",
        "--ipc=host",
        "--pid",
        "host",
        "-h",
        "box",
        "-u",
        "1000:1000",
        "-p8080:80",
        "-p",
        "127.0.0.1:9:9",
        "--device=/dev/kvm",
        "--label",
        "a=b",
        "-v",
        "/var/run/docker.sock:/var/run/docker.sock",
        "-v=x",
    ]);
    assert_eq!(made["init"], true);
    assert_eq!(made["privileged"], true);
    assert_eq!(
        (&made["network_mode"], &made["ipc"], &made["pid"]),
        (&json!("host"), &json!("host"), &json!("host"))
    );
    assert_eq!(
        (&made["hostname"], &made["user"]),
        (&json!("box"), &json!("1000:1000"))
    );
    assert_eq!(made["ports"], json!(["8080:80", "127.0.0.1:9:9"]));
    assert_eq!(
        made["volumes"][1],
        "/var/run/docker.sock:/var/run/docker.sock"
    );
    let made = run(&[
        "--mount",
        "type=bind,source=${localWorkspaceFolder}/x,target=/x,readonly",
        "--env-file",
        ".devcontainer/dev.env",
        "-e",
        "TOKEN=${localEnv:TOKEN}",
        "-e",
        "PRICE=$5",
    ]);
    assert_eq!(
        made["volumes"][1],
        json!({"type": "bind", "source": "../x", "target": "/x", "read_only": true})
    );
    assert_eq!(made["env_file"], json!(["./dev.env"]));
    assert_eq!(
        made["environment"],
        json!(["TOKEN=${TOKEN:-}", "PRICE=$$5"])
    );
}

#[test]
fn what_compose_has_no_word_for_is_refused_by_name() {
    for (words, why) in [
        (&["--name", "x"][..], "--name: two projects"),
        (&["--gpus", "all"], "--gpus"),
        (&["--gpus=all"], "--gpus"),
        (&["--rm"], "--rm"),
        (&["--blkio-weight=3"], "--blkio-weight"),
        (&["--network", "mine"], "--network mine"),
        (&["--cap-add"], "without a value"),
        (&["--init=maybe"], "--init=maybe"),
        (&["-v", "./x:/x"], "relative"),
        (
            &["--mount", "type=volume,source=x,target=/x"],
            "names a volume",
        ),
        (
            &[
                "--mount",
                "type=bind,source=/x,target=/x,bind-propagation=shared",
            ],
            "bind-propagation",
        ),
        (&["-e", "A=${devcontainerId}"], "${devcontainerId}"),
        (&["-e", "A=${containerEnv:PATH}"], "${containerEnv:PATH}"),
        (&["plain"], "plain"),
    ] {
        let error = refused(&json!({"image": "a", "runArgs": words}));
        assert!(error.contains(why), "{error}");
        assert!(!error.contains('\n'));
    }
    for (configuration, why) in [
        (json!([]), "not an object"),
        (json!({}), "neither image nor Dockerfile"),
        (json!({"dockerComposeFile": "a.yml"}), "compose already"),
        (
            json!({"image": "a", "runArgs": "x"}),
            "runArgs is not a list",
        ),
        (
            json!({"image": "a", "runArgs": [1]}),
            "something other than text",
        ),
        (json!({"image": 1}), "neither image"),
        (json!({"build": "x"}), "build is not an object"),
        (
            json!({"build": {"dockerfile": "D", "options": ["--x"]}}),
            "build.options",
        ),
        (
            json!({"image": "a", "workspaceMount": "source=a,target=/a,type=bind"}),
            "without workspaceFolder",
        ),
        (json!({"image": "a", "appPort": true}), "appPort"),
        (json!({"image": "a", "appPort": "${localEnv:P}"}), "appPort"),
    ] {
        assert!(
            refused(&configuration).contains(why),
            "{configuration}: {}",
            refused(&configuration)
        );
    }
}

#[test]
fn stopping_the_container_stops_compose() {
    let edits = |action: &str| made(&json!({"image": "a", "shutdownAction": action})).edits;
    assert!(edits("stopContainer").contains(&Edit::Replace {
        at: vec![Step::Key("shutdownAction".to_owned())],
        from: json!("stopContainer"),
        to: json!("stopCompose"),
    }));
    assert!(
        !edits("none")
            .iter()
            .any(|edit| matches!(edit, Edit::Replace { .. }))
    );
}

#[test]
fn odd_names_of_projects_come_out_as_they_are() {
    for name in ["two words", "it's", "a$b", "größe", "a: b", "1"] {
        let project = Path::new("/home/dev").join(name);
        let made = convert(
            &json!({"image": "a"}),
            Path::new(".devcontainer.json"),
            &project,
            &project,
        )
        .unwrap();
        let target = read(&made)["volumes"][0]["target"]
            .as_str()
            .unwrap()
            .replace("$$", "$");
        assert_eq!(target, format!("/workspaces/{name}"));
    }
}

#[test]
fn azurite_is_added_to_what_was_converted() {
    use crate::project::compose::{overlay, parse};
    for (words, mode) in [
        (&[][..], "service:devcontainer"),
        (&["--network=host"], "host"),
    ] {
        let made = made(&json!({"image": "a", "runArgs": words}));
        let path = Path::new(PROJECT).join(&made.path);
        let read = parse(&[(path, made.compose.into_bytes())]).unwrap();
        let overlay = overlay(&read, &made.service, Path::new(PROJECT)).unwrap();
        assert!(overlay.text.contains(&format!("network_mode: \"{mode}\"")));
    }
}
