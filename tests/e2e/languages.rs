//! Projects in other languages, with the files that `init` writes for them: their own SDK, with the
//! credential of production, in the container's terminal of an editor.

use std::path::Path;
use std::process::Command;

use crate::engine::{docker, part, timed};
use crate::kinds::image_with_node;
use crate::site::{Compose, PATIENCE, Site, User};

const NODE_PROGRAM: &str = r#"
const { BlobServiceClient } = require("@azure/storage-blob");
const { DefaultAzureCredential } = require("@azure/identity");
(async () => {
  const service = new BlobServiceClient(process.env.AZURE_STORAGE_BLOB_ENDPOINT, new DefaultAzureCredential());
  const container = service.getContainerClient("e2e");
  await container.createIfNotExists();
  await container.getBlockBlobClient("kept").upload("here", 4);
  console.log((await container.getBlobClient("kept").downloadToBuffer()).toString());
})();
"#;

/// Makes this image the stand-in for the one that `init` wrote for the dev container.
fn stand_in(site: &Site, image: &str) {
    let path = site.folder().join(".devcontainer/docker-compose.yml");
    let compose = std::fs::read_to_string(path).unwrap();
    let named = compose
        .lines()
        .find_map(|line| line.trim().strip_prefix("image: "));
    docker(["tag", image, named.unwrap()]).ok();
}

fn without_python(site: &Site) {
    std::fs::remove_file(site.folder().join("app.py")).unwrap();
}

/// What `init` makes of a project in Node.js. Its packages are there already, and the stand-in's npm
/// says so: a registry is not what is tried.
pub fn node_project(site: &Site) {
    without_python(site);
    site.write(
        "package.json",
        "{ \"name\": \"orders\", \"private\": true }\n",
    );
    let modules = site.folder().join("node_modules");
    let copied = Command::new("cp")
        .arg("-a")
        .arg(part("npm-sdks/node_modules"))
        .arg(&modules)
        .status();
    assert!(copied.unwrap().success());
    site.own(&modules);
    site.azup(&["init", "--yes"], None).ok();
    stand_in(site, &image_with_node(site, 0));
}

#[test]
fn a_node_project() {
    let site = Site::new("Node", User::Other, Compose::Two);
    site.write("app.js", NODE_PROGRAM);
    node_project(&site);
    let container = timed("Node: up", || site.up(&[]));
    container.is_healthy();
    container.answers_after("up", PATIENCE);
    // The first terminal after creation, with no variable set in it.
    assert_eq!(container.terminal("node app.js").ok().stdout, "here\n");
    // No Python was added to it.
    assert!(!site.folder().join(".venv").exists());
}

/// The image is the Python one under the name of .NET's: the .NET program in it brings its own
/// runtime.
#[test]
fn a_net_shaped_project() {
    let Some(client) = std::env::var_os("AZUP_TEST_DOTNET") else {
        eprintln!("left out, AZUP_TEST_DOTNET is not set: a .NET program in its dev container");
        return;
    };
    let site = Site::new("NET", User::Other, Compose::Two);
    without_python(&site);
    site.write(
        "Shop.csproj",
        "<Project Sdk=\"Microsoft.NET.Sdk\">\n  <PropertyGroup>\n    <TargetFramework>net9.0</TargetFramework>\n  </PropertyGroup>\n</Project>\n",
    );
    site.azup(&["init", "--yes"], None).ok();
    stand_in(&site, "mcr.microsoft.com/devcontainers/python:3");
    let container = timed("NET: up", || site.up(&[]));
    container.is_healthy();
    container.answers_after("up", PATIENCE);
    container.copy(Path::new(&client), "/tmp/client");
    let done = container.terminal("/tmp/client default").ok();
    assert!(done.stdout.contains("OK"), "{done}");
    assert!(
        !site.folder().join(".vscode").exists(),
        "F5 is C# Dev Kit's"
    );
}

/// A neighbour that speaks plain HTTP with the account's key, and whose end the project's own
/// container waits for: with HTTPS only, it would fail, and nothing would start.
#[test]
fn a_neighbour_that_speaks_http_is_served_before_the_dev_container_starts() {
    let site = Site::new("seeded", User::Other, Compose::Two);
    let compose = "services:\n  web:\n    image: mcr.microsoft.com/devcontainers/python:3\n    \
                   command: sleep infinity\n    volumes:\n      - .:/srv/app\n    depends_on:\n      seed:\n        \
                   condition: service_completed_successfully\n  seed:\n    \
                   image: mcr.microsoft.com/devcontainers/python:3\n    \
                   command: python3 /srv/app/seed.py http://azurite:10000/devstoreaccount1\n    volumes:\n      - .:/srv/app\n    \
                   depends_on:\n      - azurite\n  azurite:\n    \
                   image: mcr.microsoft.com/azure-storage/azurite:3.37.0\n    \
                   command: azurite --blobHost 0.0.0.0 -l /data\n";
    site.write("compose.yml", compose);
    site.write("seed.py", include_str!("seed.py"));
    site.write(
        ".devcontainer/devcontainer.json",
        "{\n  \"dockerComposeFile\": \"../compose.yml\",\n  \"service\": \"web\",\n  \
         \"workspaceFolder\": \"/srv/app\"\n}\n",
    );
    site.azup(&["init", "--yes"], None).ok();
    let container = timed("seeded: up", || site.up(&[]));
    container.is_healthy();
    // Others reach it by its name, so it keeps its network, and the dev container uses that name.
    let endpoint = container
        .terminal("echo $AZURE_STORAGE_BLOB_ENDPOINT")
        .ok()
        .stdout;
    assert_eq!(endpoint, "https://azurite:10000/devstoreaccount1\n");
    container.install();
    // Written over HTTP, read over HTTPS.
    assert_eq!(container.python("load kept"), "here\n");
    assert_eq!(
        std::fs::read_to_string(site.folder().join("compose.yml")).unwrap(),
        compose
    );
}
