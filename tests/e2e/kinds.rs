//! Other projects, other machines.

use std::process::Command;

use crate::engine::{docker, part, run, timed, wait};
use crate::site::{Compose, DevContainer, PATIENCE, Site, User, back, fingerprint};

const COMPOSE_FILE: &str = ".devcontainer/docker-compose.yml";

/// What is checked for every kind of project.
fn stores_and_loads(container: &DevContainer<'_>) {
    container.answers_after("up", PATIENCE);
    container.install();
    container.python("store kept here");
    assert_eq!(container.python("load kept"), "here\n");
}

#[test]
fn with_the_first_compose() {
    let site = Site::new("compose 1", User::Other, Compose::One);
    site.azup(&["init"], None).ok();
    let container = timed("compose 1: up", || site.up(&[]));
    container.is_healthy();
    stores_and_loads(&container);
    docker(["restart", &container.id]).ok();
    container.answers_after("docker restart of the dev container", back());
    site.compose("restart").ok();
    container.answers_after("compose restart", back());
    let rebuilt = timed("compose 1: up --remove-existing-container", || {
        site.up(&["--remove-existing-container"])
    });
    rebuilt.answers_after("a rebuild", back());
    assert_eq!(rebuilt.python("load kept"), "here\n");
}

/// As in a Codespace: the host has only what git has. The image's package sources are also broken,
/// and the host's user is root.
#[test]
fn a_clone_without_certificates_makes_its_own() {
    let site = Site::new("clone", User::Root, Compose::Two);
    site.azup(&["init"], None).ok();
    std::fs::remove_dir_all(site.certificates()).unwrap();
    site.write(".devcontainer/azurite-certs/.gitignore", "*\n!.gitignore\n");
    std::fs::remove_dir_all(site.home().join(".local")).unwrap();
    // The container's user can write to the clone, as in a Codespace.
    let mut open = Command::new("chmod");
    run(open.args(["-R", "a+rwX"]).arg(site.folder())).ok();
    let compose = std::fs::read_to_string(site.folder().join(COMPOSE_FILE)).unwrap();
    site.write(
        COMPOSE_FILE,
        compose.replace(
            "devcontainers/python:3",
            "devcontainers/python:trap-broken-apt",
        ),
    );
    let container = timed("clone: up", || site.up(&[]));
    assert!(
        container.log.contains("apt-get update failed"),
        "{}",
        container.log
    );
    container.is_healthy();
    for name in ["ca.pem", "key.pem", "cert.pem"] {
        assert!(site.certificates().join(name).exists(), "{name}");
    }
    stores_and_loads(&container);
}

#[test]
fn two_projects_at_once_do_not_meet() {
    let [one, other] = ["first", "second"].map(|name| {
        let site = Site::new(name, User::Other, Compose::Two);
        site.azup(&["init"], None).ok();
        site
    });
    let (first, second) = (one.up(&[]), other.up(&[]));
    for (container, text) in [(&first, "of the first"), (&second, "of the second")] {
        container.answers_after("up", PATIENCE);
        container.install();
        container.python(&format!("store kept '{text}'"));
    }
    assert_eq!(first.python("load kept"), "of the first\n");
    assert_eq!(second.python("load kept"), "of the second\n");
    // Each has its own CA, and trusts no other.
    assert_ne!(first.served(), second.served());
}

/// A project whose dev container is a service of its compose file, with a comment or two: both
/// files stay as they are, except for what is added to the configuration.
#[test]
fn a_project_that_has_compose() {
    let site = Site::new("compose based", User::Other, Compose::Two);
    let compose = "services:\n  web: # the app\n    image: mcr.microsoft.com/devcontainers/python:3\n    \
                   command: sleep infinity\n    volumes:\n      - .:/srv/app:cached\n";
    site.write("compose.yml", compose);
    site.write(
        ".devcontainer/devcontainer.json",
        "{\n  // ours\n  \"dockerComposeFile\": \"../compose.yml\",\n  \"service\": \"web\",\n  \
         \"workspaceFolder\": \"/srv/app\",\n}\n",
    );
    site.azup(&["init", "--yes"], None).ok();
    let container = timed("compose based: up", || site.up(&[]));
    container.is_healthy();
    stores_and_loads(&container);
    docker(["restart", &container.id]).ok();
    container.answers_after("docker restart of the dev container", back());
    assert_eq!(
        std::fs::read_to_string(site.folder().join("compose.yml")).unwrap(),
        compose
    );
}

/// A configuration in a folder of its own, next to another one.
#[test]
fn a_nested_configuration() {
    let site = Site::new("nested", User::Other, Compose::Two);
    site.write(
        ".devcontainer/other/devcontainer.json",
        "{ \"image\": \"debian\" }\n",
    );
    let configuration = ".devcontainer/api/devcontainer.json";
    site.write(
        configuration,
        "{ \"dockerComposeFile\": \"compose.yml\", \"service\": \"api\", \"workspaceFolder\": \"/work\" }\n",
    );
    site.write(
        ".devcontainer/api/compose.yml",
        "services:\n  api:\n    image: mcr.microsoft.com/devcontainers/python:3\n    \
         command: sleep infinity\n    volumes:\n      - ../..:/work\n",
    );
    site.azup(&["init", "--yes", "--config", configuration], None)
        .ok();
    let container = timed("nested: up", || site.up_with(configuration, &[]));
    container.is_healthy();
    stores_and_loads(&container);
}

/// A project with its own Azurite, without HTTPS: it is completed, its data stays where it was, and
/// there is no second Azurite.
#[test]
fn a_project_that_has_an_azurite() {
    let site = Site::new("adopted", User::Other, Compose::One);
    let compose = "services:\n  web:\n    image: mcr.microsoft.com/devcontainers/python:3\n    \
                   command: sleep infinity\n    volumes:\n      - .:/srv/app\n  azurite:\n    \
                   image: mcr.microsoft.com/azure-storage/azurite:3.37.0\n    \
                   command: azurite --blobHost 0.0.0.0 -l /kept\n    volumes:\n      - kept:/kept\n\
                   volumes:\n  kept:\n";
    site.write("compose.yml", compose);
    site.write(
        ".devcontainer/devcontainer.json",
        "{\n  \"dockerComposeFile\": \"../compose.yml\",\n  \"service\": \"web\",\n  \
         \"workspaceFolder\": \"/srv/app\"\n}\n",
    );
    site.azup(&["init", "--yes"], None).ok();
    let container = timed("adopted: up", || site.up(&[]));
    container.is_healthy();
    stores_and_loads(&container);
    let azurite = site.azurite();
    let data = docker(["exec", &azurite, "ls", "/kept"]).ok().stdout;
    assert!(data.contains("__azurite_db_blob__.json"), "{data}");
    docker(["restart", &container.id]).ok();
    container.answers_after("docker restart of the dev container", back());
    assert_eq!(container.python("load kept"), "here\n");
    assert_eq!(
        std::fs::read_to_string(site.folder().join("compose.yml")).unwrap(),
        compose
    );
}

/// azup converts it to compose, since its owner wants Azurite next to it; and back to an image.
#[test]
fn a_project_of_an_image_with_azurite_beside_it() {
    let site = Site::new("converted", User::Other, Compose::Two);
    let path = ".devcontainer/devcontainer.json";
    let image = "{\n  // ours\n  \"image\": \"mcr.microsoft.com/devcontainers/python:3\",\n  \
                 \"containerEnv\": { \"OURS\": \"kept\" },\n}\n";
    site.write(path, image);
    site.azup(&["init", "--yes", "--compose"], None).ok();
    let container = timed("converted: up", || site.up(&[]));
    container.is_healthy();
    assert_eq!(container.sh("echo $OURS").stdout, "kept\n");
    stores_and_loads(&container);
    site.azup(&["remove", "--yes"], None).ok();
    assert_eq!(
        std::fs::read_to_string(site.folder().join(path)).unwrap(),
        image
    );
}

/// The mount that stands for what azup installs: this does not test a package registry.
fn installed() -> String {
    format!(
        "\"mounts\": [\n    \"type=bind,source={},target=/home/vscode/.local/share/azup/azurite-3.37.0\"\n  ]",
        part("azurite-3.37.0").display()
    )
}

#[test]
fn a_project_with_a_dockerfile() {
    let site = Site::new("Dockerfile", User::Other, Compose::Two);
    let image = image_with_node(&site, 1);
    site.write(
        ".devcontainer/Dockerfile",
        format!("FROM {image}\nENV OURS=kept\n"),
    );
    site.write(
        ".devcontainer/devcontainer.json",
        format!(
            "{{\n  \"build\": {{ \"dockerfile\": \"Dockerfile\" }},\n  {}\n}}\n",
            installed()
        ),
    );
    site.azup(&["init", "--yes", "--no-node-feature"], None)
        .ok();
    let container = timed("Dockerfile: up", || site.up(&[]));
    assert_eq!(container.sh("echo $OURS").stdout, "kept\n");
    stores_and_loads(&container);
}

/// No compose: Azurite runs inside the dev container, started by the Feature's hook, on the image's
/// Node.js.
#[test]
fn a_project_of_an_image_alone() {
    let site = Site::new("image", User::Other, Compose::Two);
    let image = image_with_node(&site, 1);
    site.write(
        ".devcontainer/devcontainer.json",
        format!("{{\n  \"image\": \"{image}\",\n  {}\n}}\n", installed()),
    );
    site.azup(&["init", "--yes", "--no-node-feature"], None)
        .ok();
    let container = timed("image: up", || site.up(&[]));
    stores_and_loads(&container);
    // Nothing in the container tells Azurite that it is about to be stopped, and Azurite writes its
    // blob metadata every few seconds.
    let written = "grep -q kept /var/lib/azurite/__azurite_db_blob__.json";
    wait(
        PATIENCE,
        || container.sh(written).code == 0,
        || "the blob is in memory only".into(),
    );
    // The engine restarts the container, and the editor runs the hooks again.
    docker(["restart", &container.id]).ok();
    let again = timed("image: up after a restart", || site.up(&[]));
    assert_eq!(again.id, container.id);
    again.answers_after("restart and up", back());
    assert_eq!(again.python("load kept"), "here\n");
    let rebuilt = timed("image: up --remove-existing-container", || {
        site.up(&["--remove-existing-container"])
    });
    rebuilt.answers_after("a rebuild", back());
    assert_eq!(rebuilt.python("load kept"), "here\n");
}

/// The Python image with Node.js, and with azup's own folder, which a mount below it would
/// otherwise create as root's. Its npm installs nothing, and exits with code `npm`.
pub fn image_with_node(site: &Site, npm: u8) -> String {
    let context = site.root().join("image");
    std::fs::create_dir(&context).unwrap();
    let node = part("node22/node_modules/node/bin/node");
    std::fs::copy(node, context.join("node")).unwrap();
    std::fs::write(
        context.join("Dockerfile"),
        format!(
            "FROM mcr.microsoft.com/devcontainers/python:3\n\
             COPY node /usr/local/bin/node\n\
             RUN printf '#!/bin/sh\\nexit {npm}\\n' >/usr/local/bin/npm && chmod 755 /usr/local/bin/npm\n\
             RUN install -d -o vscode -g vscode /home/vscode/.local /home/vscode/.local/share \
             /home/vscode/.local/share/azup\n"
        ),
    )
    .unwrap();
    // Kept, and the same in every run.
    let image = format!("azup-e2e-node:22-npm-{npm}");
    let mut build = Command::new("docker");
    build.args(["build", "-q", "-t", &image]).arg(&context);
    run(build.env("DOCKER_BUILDKIT", "0")).ok();
    std::fs::remove_dir_all(&context).unwrap();
    image
}

/// A repository that brings a certificate set, whose author may have kept the CA's key. In the
/// container it is trusted, since only the container's own stores are at stake. On the host it is
/// not, whatever happens in the container.
#[test]
fn what_a_repository_brings_counts_in_the_container_alone() {
    let site = Site::new("brought along", User::Other, Compose::Two);
    site.azup(&["init"], None).ok();
    // Whoever made the set had it in their list; this user has no list.
    std::fs::remove_dir_all(site.home().join(".local")).unwrap();
    let bundle = site.home().join("bundle.pem");
    std::fs::copy("/etc/ssl/certs/ca-certificates.crt", &bundle).unwrap();
    site.own(&bundle);
    let before = std::fs::read(&bundle).unwrap();
    let is_refused = || {
        let words = ["trust", "--bundle", bundle.to_str().unwrap()];
        let done = site.azup(&words, None);
        assert_eq!(done.code, 4, "{done}");
        assert!(
            done.stderr.contains("was not made by azup on this machine"),
            "{done}"
        );
        assert_eq!(std::fs::read(&bundle).unwrap(), before);
    };
    is_refused();
    let brought = fingerprint(&site.certificates().join("cert.pem"));
    let container = timed("brought along: up", || site.up(&[]));
    container.is_healthy();
    stores_and_loads(&container);
    assert_eq!(container.served(), brought);
    is_refused();
    // A set that the container makes for itself is not trusted on the host either.
    container.sh("azup renew").ok();
    assert_ne!(fingerprint(&site.certificates().join("cert.pem")), brought);
    is_refused();
}
