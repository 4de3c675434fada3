//! `azup up --account`, `azup env --account`.

use std::ffi::OsString;

use rustix::process::Signal;

use super::site::Site;
use crate::sandbox::part;
use crate::unbreakable::secrets::{files_with, is_private, traced};

/// The SDK with a connection string and shared key: makes a container, then lists all.
const CODE: &str = "import os, sys\n\
    from azure.storage.blob import BlobServiceClient\n\
    service = BlobServiceClient.from_connection_string(os.environ['AZURE_STORAGE_CONNECTION_STRING'])\n\
    service.create_container(sys.argv[1])\n\
    print(service.account_name, [each.name for each in service.list_containers()])\n";

#[test]
fn the_users_own_accounts_work_next_to_the_public_one() {
    let site = Site::new();
    let key = "bXkgc2VjcmV0IGtleQ==";
    let up = site.up(&[
        "--in-memory",
        "--account",
        "made",
        "--account",
        &format!("given:{key}"),
    ]);
    assert!(
        up.answer
            .contains("\naccount made: azup env --account made\n"),
        "{}",
        up.answer
    );
    for account in ["made", "given", "devstoreaccount1"] {
        let python: OsString = part("venv/bin/python").into();
        let code = [
            python,
            "-c".into(),
            CODE.into(),
            format!("of-{account}").into(),
        ];
        let done = site.run(&["--account", account], &code).ok();
        assert_eq!(done.stdout, format!("{account} ['of-{account}']\n"));
    }
    let arguments = std::fs::read(format!("/proc/{}/cmdline", up.azurite())).unwrap();
    assert!(!String::from_utf8_lossy(&arguments).contains(key));
    let done = site.run(&["--account", "other:a2V5"], &["true".into()]);
    assert!(done.stderr.contains("has no account other"), "{done}");
    let done = site.sandbox.azup(["env", "--account", "nobody"]);
    assert!(
        done.stderr.contains("hint: azup up --account nobody"),
        "{done}"
    );
    assert_eq!(site.sandbox.azup(["up", "--account", "Not-Azures"]).code, 2);
    assert_eq!(up.end_with(Signal::INT).code, 0);
}

#[test]
fn in_the_background_no_key_is_on_a_command_line() {
    let site = Site::new();
    let key = "bXkgc2VjcmV0IGtleQ==";
    site.azup_up(&["-d", "--in-memory", "--account", &format!("mine:{key}")])
        .ok();
    let pid = site.state()["pid"].as_u64().unwrap();
    let arguments = std::fs::read(format!("/proc/{pid}/cmdline")).unwrap();
    let arguments = String::from_utf8_lossy(&arguments);
    assert!(arguments.contains("--account=mine\0") && !arguments.contains(key));
    let env = site
        .sandbox
        .azup(["env", "--account", "mine", "--json"])
        .ok()
        .json();
    let connection = env["variables"]["AZURE_STORAGE_CONNECTION_STRING"]
        .as_str()
        .unwrap();
    assert!(connection.contains(&format!("AccountName=mine;AccountKey={key};")));
    site.sandbox.azup(["down"]).ok();
}

/// Seen from outside, in the system calls of azup and of all that it starts. Azurite gets the keys
/// in its environment, which only its owner can read.
#[test]
fn the_keys_of_accounts_are_private_from_their_first_byte() {
    let site = Site::new();
    // The tracer detaches (-D), so that the started process becomes azup.
    let mut up = traced(&site.sandbox, &["-D"]);
    up.args(site.words(&["-v", "--in-memory", "--account", "made"]));
    let up = site.up_by(up);
    let file = std::fs::read(site.sandbox.own().join("accounts.json")).unwrap();
    let file: serde_json::Value = serde_json::from_slice(&file).unwrap();
    let key = file["made"].as_str().unwrap();
    assert_eq!(key.len(), 88, "64 bytes in base64");
    let mut printed = up.answer.clone();
    for words in [
        &["doctor", "-v"][..],
        &["doctor", "--json"],
        &["down", "--json", "--dry-run", "-v"],
        &["env", "--account", "made", "--dry-run", "--json"],
        &["up", "--account", "made", "--dry-run", "-v"],
        &["run", "--account", "made", "--dry-run", "--", "true"],
    ] {
        printed.push_str(&site.sandbox.azup(words).to_string());
    }
    let env = site.sandbox.azup(["env", "--account", "made", "-v"]).ok();
    assert!(env.stdout.contains(key), "that is its purpose");
    printed.push_str(&env.stderr);
    let header = site.sandbox.own().join("identity-header");
    let header = std::fs::read_to_string(header).unwrap();
    let kept = [
        (files_with(&site.sandbox, key), "accounts.json"),
        (
            files_with(&site.sandbox, header.trim_end()),
            "identity-header",
        ),
    ];
    let done = up.end_with(Signal::INT);
    printed.push_str(&done.to_string());
    assert!(!printed.contains(key), "a key was printed");
    assert!(
        !printed.contains(header.trim_end()),
        "the header was printed"
    );
    for (files, only) in kept {
        assert_eq!(files, [only]);
    }
    is_private(&site.sandbox, "accounts.json", key);
    is_private(&site.sandbox, "identity-header", header.trim_end());
    is_private(&site.sandbox, "key.pem", "-----BEGIN PRIVATE KEY");
}
