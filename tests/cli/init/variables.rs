//! The variables that every process in the dev container has: README's program runs without any
//! others, and those that the project sets itself are not replaced.

use serde_json::Value;

use super::{json, sandbox};
use crate::sandbox::{Done, Sandbox};

const FEATURE: &str = ".devcontainer/azurite/devcontainer-feature.json";
const BLOB: &str = "https://127.0.0.1:10000/devstoreaccount1";

fn variables(sandbox: &Sandbox) -> Value {
    json(sandbox, FEATURE)["containerEnv"].clone()
}

fn notes(done: &Done) -> String {
    let document = done.json();
    let notes = document["notes"].as_array().unwrap().iter();
    notes
        .map(|note| note.as_str().unwrap().to_owned() + "\n")
        .collect()
}

#[test]
fn every_process_in_the_container_finds_azurite_and_its_tokens() {
    let sandbox = sandbox();
    sandbox.azup(["init"]).ok();
    insta::assert_snapshot!(serde_json::to_string_pretty(&variables(&sandbox)).unwrap());
    // They would be taken for a cloud account.
    for name in ["AZURE_STORAGE_ACCOUNT", "AZURE_TOKEN_CREDENTIALS"] {
        assert_eq!(variables(&sandbox).get(name), None);
    }
}

#[test]
fn a_functions_host_finds_its_storage() {
    let sandbox = sandbox();
    sandbox.write("api/host.json", "{}");
    sandbox.azup(["init"]).ok();
    let all = variables(&sandbox);
    assert_eq!(
        all["AzureWebJobsStorage"],
        all["AZURE_STORAGE_CONNECTION_STRING"]
    );
}

#[test]
fn an_azurite_of_the_projects_own_is_named_by_its_own_urls() {
    let sandbox = sandbox();
    sandbox.write(
        ".devcontainer/devcontainer.json",
        r#"{"dockerComposeFile": "compose.yml", "service": "app"}"#,
    );
    sandbox.write(
        ".devcontainer/compose.yml",
        "services:\n  app:\n    image: python:3\n  store:\n    image: mcr.microsoft.com/azure-storage/azurite\n    \
         command: azurite --blobHost 0.0.0.0 --blobPort 7777\n    ports: [\"7777:7777\"]\n    \
         environment: [\"AZURITE_ACCOUNTS=mine:c2VjcmV0\"]\n",
    );
    sandbox.azup(["init", "--yes"]).ok();
    let all = variables(&sandbox);
    assert_eq!(
        all["AZURE_STORAGE_BLOB_ENDPOINT"],
        "https://store:7777/mine"
    );
    assert_eq!(all["AZURE_STORAGE_ACCOUNT_NAME"], "mine");
    assert_eq!(all.get("AZURE_STORAGE_CONNECTION_STRING"), None);
    assert!(
        !all.to_string().contains("c2VjcmV0"),
        "no key but the public one"
    );
}

#[test]
fn what_the_compose_service_sets_stays_and_is_named() {
    for environment in [
        "{NODE_EXTRA_CA_CERTS: /company.pem, IDENTITY_ENDPOINT: \"http://tokens:1\"}",
        "[NODE_EXTRA_CA_CERTS=/company.pem, \"IDENTITY_ENDPOINT=http://tokens:1\"]",
    ] {
        let sandbox = sandbox();
        sandbox.write(
            ".devcontainer/devcontainer.json",
            r#"{"dockerComposeFile": "compose.yml", "service": "app"}"#,
        );
        sandbox.write(
            ".devcontainer/compose.yml",
            format!("services:\n  app:\n    image: python:3\n    environment: {environment}\n"),
        );
        let done = sandbox.azup(["init", "--yes", "--json"]).ok();
        let all = variables(&sandbox);
        for name in [
            "NODE_EXTRA_CA_CERTS",
            "IDENTITY_ENDPOINT",
            "IDENTITY_HEADER",
        ] {
            assert_eq!(all.get(name), None, "{name}");
        }
        assert_eq!(all["AZURE_STORAGE_BLOB_ENDPOINT"], BLOB);
        for name in ["NODE_EXTRA_CA_CERTS", "IDENTITY_ENDPOINT"] {
            assert!(
                notes(&done).contains(&format!("the service app sets {name}")),
                "{done}"
            );
        }
        let again = sandbox.azup(["doctor", "devcontainer-files"]).ok();
        assert!(again.stdout.starts_with("ok"), "{again}");
    }
}

#[test]
fn what_a_dockerfile_or_the_configuration_sets_stays_and_is_named() {
    let sandbox = sandbox();
    sandbox.write(
        ".devcontainer/devcontainer.json",
        r#"{"build": {"dockerfile": "Dockerfile"}, "containerEnv": {"AZURE_STORAGE_CONNECTION_STRING": "mine"}}"#,
    );
    sandbox.write(
        ".devcontainer/Dockerfile",
        "FROM python:3.12\nENV NODE_EXTRA_CA_CERTS=/company.crt\n",
    );
    let done = sandbox.azup(["init", "--yes", "--json"]).ok();
    let all = variables(&sandbox);
    assert_eq!(all.get("NODE_EXTRA_CA_CERTS"), None);
    assert_eq!(all.get("AZURE_STORAGE_CONNECTION_STRING"), None);
    let notes = notes(&done);
    for line in [
        ".devcontainer/Dockerfile sets NODE_EXTRA_CA_CERTS",
        ".devcontainer/devcontainer.json sets AZURE_STORAGE_CONNECTION_STRING",
    ] {
        assert!(notes.contains(line), "{notes}");
    }
}

#[test]
fn node_is_added_only_where_the_image_is_not_known_to_bring_it() {
    for (dockerfile, added, note) in [
        ("FROM python:3.12\n", true, "--no-node-feature"),
        (
            "FROM mcr.microsoft.com/devcontainers/universal:2\n",
            false,
            "",
        ),
        ("FROM debian\nRUN apt-get install -y nodejs\n", false, ""),
        ("FROM python:3.12-alpine\n", false, "apk add"),
    ] {
        let sandbox = sandbox();
        sandbox.write(
            ".devcontainer/devcontainer.json",
            r#"{"build": {"dockerfile": "Dockerfile"}}"#,
        );
        sandbox.write(".devcontainer/Dockerfile", dockerfile);
        let done = sandbox.azup(["init", "--yes", "--json"]).ok();
        let features = json(&sandbox, ".devcontainer/devcontainer.json")["features"].to_string();
        assert_eq!(features.contains("features/node"), added, "{dockerfile}");
        assert!(notes(&done).contains(note), "{done}");
    }
}
