//! The real SDKs: one credential for both services and one for each, `DefaultAzureCredential` and
//! `ManagedIdentityCredential`.

use std::ffi::OsString;
use std::path::Path;

use super::TOKEN;
use crate::sandbox::{Done, part};
use crate::up::clients::script;
use crate::up::site::Site;

/// What each prints: azup's token for Storage and az's for Key Vault, with a credential for both
/// and with one for each.
const BOTH: &str = "local\ntoken-of-the-fake-az\nlocal\ntoken-of-the-fake-az\n";

/// Runs a client with the kind of credential to make.
fn client(site: &Site, options: &[&str], words: &[OsString], kind: &str) -> Done {
    let mut words = words.to_vec();
    words.push(kind.into());
    site.run(options, &words).ok()
}

fn gets_both(words: &[OsString]) {
    let mut site = Site::new();
    site.fake("az", TOKEN);
    for kind in ["default", "managed"] {
        let done = client(&site, &[], words, kind);
        assert_eq!(done.stdout, BOTH, "{kind}: {done}");
    }
    // Managed identity alone has no az of its own to fall back on.
    let done = client(&site, &["--forward=none"], words, "managed");
    let lines: Vec<&str> = done.stdout.lines().collect();
    assert_eq!((lines[0], lines[2]), ("local", "local"), "{done}");
    for line in [lines[1], lines[3]] {
        assert!(!line.contains("token-of-the-fake-az"), "{done}");
    }
    // An emulator under the cloud's name.
    let done = client(
        &site,
        &["--audience=https://vault.azure.net"],
        words,
        "managed",
    );
    assert_eq!(done.stdout, "local\n".repeat(4), "{done}");
    site.fake(
        "az",
        "echo \"ERROR: Please run 'az login' to setup account.\" >&2; exit 1",
    );
    let done = client(&site, &[], words, "managed");
    assert!(done.stderr.contains("Please run 'az login'"), "{done}");
    assert!(!done.stdout.contains("token-of-the-fake-az"), "{done}");
}

#[test]
fn python() {
    gets_both(&[part("venv/bin/python").into(), script("foreign.py").into()]);
}

#[test]
fn python_of_2024() {
    if with_older("old-python") {
        gets_both(&[
            part("old-python/bin/python").into(),
            script("foreign.py").into(),
        ]);
    }
}

fn node(packages: &str) -> [OsString; 3] {
    [
        part("node22/node_modules/node/bin/node").into(),
        script("foreign.mjs").into(),
        part(packages).join("node_modules").into(),
    ]
}

#[test]
fn javascript() {
    gets_both(&node("npm-sdks"));
}

#[test]
fn javascript_of_2023() {
    if with_older("old-npm") {
        gets_both(&node("old-npm"));
    }
}

/// No refusal lets its chain go on. Thanos pins 1.10.1.
#[test]
fn go() {
    if !is_left_out("go") {
        gets_both(&[part("go-client/client").into()]);
    }
}

#[test]
fn java() {
    if is_left_out("java") {
        return;
    }
    gets_both(&java_with("java-client"));
}

/// It does not understand a refusal yet. Spring Cloud Azure 5.23 uses this version.
#[test]
fn java_of_2025() {
    if !is_left_out("java") && with_older("old-java") {
        gets_both(&java_with("old-java"));
    }
}

fn java_with(jars: &str) -> [OsString; 4] {
    let jars = part(jars).join("*");
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/java-client/Foreign.java");
    ["java".into(), "-cp".into(), jars.into(), source.into()]
}

/// Its output does not tell two credentials apart, so each is a process of its own. For Storage the
/// token is local; the other one comes from az through the endpoint, or from the chain's next link
/// if the endpoint refuses in the only form after which .NET goes on.
#[test]
fn dotnet() {
    let Some(program) = crate::up::dotnet::program() else {
        return;
    };
    let mut site = Site::new();
    site.fake("az", TOKEN);
    let token = |site: &Site, options: &[&str], scope: &str| {
        let words = [
            program.clone().into(),
            "token".into(),
            OsString::from(scope),
        ];
        site.run(options, &words)
    };
    let storage = token(&site, &[], "https://storage.azure.com/.default").ok();
    assert!(
        storage
            .stdout
            .contains("\"aud\":\"https://storage.azure.com"),
        "{storage}"
    );
    assert_eq!(site.calls("az"), "", "nobody was asked");
    let vault = "https://vault.azure.net/.default";
    let done = token(&site, &[], vault).ok();
    assert!(done.stdout.starts_with("token-of-the-fake-az\n"), "{done}");
    assert!(
        done.stderr.contains("https://vault.azure.net"),
        "it is said: {done}"
    );
    let done = token(&site, &["--forward=none"], vault).ok();
    assert!(done.stdout.starts_with("token-of-the-fake-az\n"), "{done}");
    let calls = site.calls("az");
    let last = calls.lines().last().unwrap();
    assert!(last.contains("--output json"), "by .NET itself: {calls}");
    let done = token(&site, &["--audience=https://vault.azure.net"], vault).ok();
    assert!(
        done.stdout.contains("\"aud\":\"https://vault.azure.net"),
        "{done}"
    );
}

/// Whether older SDKs are there: `tests/run --all` installs them.
#[allow(clippy::print_stderr, reason = "it is read by a person")]
fn with_older(name: &str) -> bool {
    let there = std::env::var_os("AZUP_TEST_OLDER_SDKS").is_some();
    if !there {
        eprintln!("NOT RUN: {name}: tests/run --all runs older SDKs");
    }
    there
}

/// Whether `tests/run` found that a language is not installed here, and said so.
pub(super) fn is_left_out(language: &str) -> bool {
    let left_out = std::env::var("AZUP_TEST_LEFT_OUT").unwrap_or_default();
    left_out.split(' ').any(|name| name == language)
}
