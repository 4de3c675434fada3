//! Every command with `--json`, validated against the schemas in `docs/schemas`.

use std::ffi::OsString;
use std::path::Path;

use super::site::Site;
use crate::documents;
use crate::sandbox::{Done, part, public_roots};

/// The commands, ordered so that each has something to say. `up` and `restart` get the ports.
const COMMANDS: [&str; 37] = [
    "version",
    "completions bash",
    "man",
    "man -o pages --dry-run",
    "man -o pages",
    "token",
    "trust --bundle roots.pem --dry-run",
    "trust --bundle roots.pem",
    "renew --bundle roots.pem",
    "env",
    "env AZURE_STORAGE_BLOB_ENDPOINT",
    "env --java --dry-run",
    "env --format functions",
    "doctor --list",
    "doctor",
    "doctor --fix",
    "identity --dry-run",
    "run --dry-run -- true",
    "up --dry-run",
    "up -d --account other --audience https://cosmos.localhost",
    "status",
    "logs",
    "identity --detach",
    "restart",
    "down --dry-run",
    "down",
    "reset --dry-run",
    "reset --yes",
    "status",
    "init --dry-run",
    "init --yes",
    "init --yes",
    "remove --dry-run",
    "remove --yes",
    "remove --yes",
    "untrust --bundle roots.pem --dry-run",
    "untrust --bundle roots.pem",
];

#[track_caller]
fn held_against_their_schemas(site: &Site, folder: &Path) -> Done {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/documents");
    site.sandbox.run(part("venv/bin/python"), [&script, folder])
}

#[test]
fn every_command_prints_a_document_that_keeps_to_its_schema() {
    let site = Site::new();
    site.sandbox.write("roots.pem", public_roots());
    let folder = site.sandbox.root().join("documents");
    let port = format!("--port={}", site.identity);
    for command in COMMANDS {
        let mut words: Vec<OsString> = match command.split_once(' ').unwrap_or((command, "")) {
            ("up", more) => site.words(&more.split(' ').collect::<Vec<_>>()),
            ("restart", _) => site.words(&[]),
            _ => command.split(' ').map(OsString::from).collect(),
        };
        words[0] = command.split(' ').next().unwrap().into();
        if command.starts_with("identity") {
            words.push((&port).into());
        }
        words.insert(1, "--json".into());
        let done = site.sandbox.azup(&words);
        documents::keep_in(&folder, &words, &done.stdout);
        assert!(
            done.code == 0 || command.starts_with("doctor"),
            "{command}: {done}"
        );
    }
    // Each schema was used.
    held_against_their_schemas(&site, &folder).ok();

    // The check would be worthless if it let everything pass.
    let incomplete = r#"{"version": 1, "access_token": "text", "token_type": "Bearer"}"#;
    documents::keep_in(&folder, &["token".into(), "--json".into()], incomplete);
    let done = held_against_their_schemas(&site, &folder);
    assert!(
        done.code == 1 && done.stdout.starts_with("azup token --json: "),
        "{done}"
    );
}
