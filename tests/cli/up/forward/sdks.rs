//! The real SDKs: one credential for both services and one for each, `DefaultAzureCredential` and
//! `ManagedIdentityCredential`.

use std::ffi::OsString;
use std::path::Path;

use super::{TOKEN, VAULT};
use crate::sandbox::{Done, is_left_out, part};
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

/// Where the chain of an SDK goes on to its own `az` at azup's refusal (src/identity/refusal.rs): with
/// one credential for both services, and with one for each.
struct GoesOn {
    shared: bool,
    own: bool,
}

/// It keeps the credential that gave the first token.
const WITH_ITS_OWN: GoesOn = GoesOn {
    shared: false,
    own: true,
};

/// It asks every one of them each time.
const ALWAYS: GoesOn = GoesOn {
    shared: true,
    own: true,
};

/// What it is told makes no difference.
const NEVER: GoesOn = GoesOn {
    shared: false,
    own: false,
};

fn gets_both(words: &[OsString], goes_on: &GoesOn) {
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
    let by_azup = site.calls("az").lines().count();
    let done = client(&site, &["--forward=none"], words, "default");
    let lines: Vec<&str> = done.stdout.lines().collect();
    assert_eq!((lines[0], lines[2]), ("local", "local"), "{done}");
    for (line, goes_on) in [(lines[1], goes_on.shared), (lines[3], goes_on.own)] {
        assert_eq!(line == "token-of-the-fake-az", goes_on, "{done}");
        // What somebody reads whose chain ends there.
        assert!(goes_on || line.starts_with("refused: "), "{done}");
    }
    let calls = site.calls("az");
    let own: Vec<&str> = calls
        .lines()
        .skip(by_azup)
        .filter(|line| line.contains(VAULT))
        .collect();
    let expected = usize::from(goes_on.shared) + usize::from(goes_on.own);
    assert_eq!(own.len(), expected, "{own:?}: {done}");
    assert!(
        own.iter().all(|line| !line.contains("--resource=")),
        "by the SDK itself: {own:?}"
    );
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
    let words = [part("venv/bin/python").into(), script("foreign.py").into()];
    gets_both(&words, &WITH_ITS_OWN);
}

#[test]
fn python_of_2024() {
    if with_older("old-python") {
        let python = part("old-python/bin/python");
        gets_both(&[python.into(), script("foreign.py").into()], &WITH_ITS_OWN);
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
    gets_both(&node("npm-sdks"), &ALWAYS);
}

#[test]
fn javascript_of_2023() {
    if with_older("old-npm") {
        gets_both(&node("old-npm"), &ALWAYS);
    }
}

/// No refusal lets its chain go on. Thanos pins 1.10.1.
#[test]
fn go() {
    if !is_left_out("go") {
        gets_both(&[part("go-client/client").into()], &NEVER);
    }
}

/// What dapr 1.18 brings.
#[test]
fn go_of_2024() {
    if !is_left_out("go") && with_older("old-go") {
        gets_both(&[part("old-go/client").into()], &NEVER);
    }
}

#[test]
fn go_of_2026() {
    if !is_left_out("go") && with_older("new-go") {
        gets_both(&[part("new-go/client").into()], &NEVER);
    }
}

#[test]
fn java() {
    if is_left_out("java") {
        return;
    }
    gets_both(&java_with("java-client"), &WITH_ITS_OWN);
}

/// It does not understand a refusal yet. Spring Cloud Azure 5.23 uses this version.
#[test]
fn java_of_2025() {
    if !is_left_out("java") && with_older("old-java") {
        gets_both(&java_with("old-java"), &WITH_ITS_OWN);
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
