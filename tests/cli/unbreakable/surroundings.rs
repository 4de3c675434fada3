//! An unexpected clock, home, PATH and arguments.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;

use crate::sandbox::{Done, Sandbox, azup, copy_program, public_roots};
use crate::unbreakable::hostile::blocks;

const TRUST: [&str; 5] = ["trust", "--stores", "none", "--bundle", "bundle.pem"];
const INVALID: &[u8] = b"\xff\xfe";

/// Neither a panic nor a signal, and a message for a person.
#[track_caller]
fn said(done: &Done, codes: &[i32]) {
    assert!(codes.contains(&done.code), "{done}");
    assert!(!done.stderr.contains("panicked"), "{done}");
    assert!(!done.stderr.contains("os error"), "{done}");
    if done.code != 0 {
        assert!(done.stderr.contains("error"), "{done}");
    }
}

/// Seconds since 1970.
const CLOCKS: [i64; 5] = [
    0,
    2_145_916_800,   // 2038
    2_524_608_000,   // 2050: from then on ASN.1 encodes dates differently
    4_102_444_800,   // 2100
    253_300_000_000, // 9996
];

#[test]
fn from_1970_to_the_last_years_a_set_is_made_trusted_and_renewed() {
    for now in CLOCKS {
        let mut sandbox = Sandbox::new();
        let bundle = sandbox.write("bundle.pem", public_roots());
        sandbox.set("AZUP_NOW", now.to_string());
        let done = sandbox.azup(TRUST);
        assert_eq!(done.code, 0, "{now}: {done}");
        assert_eq!(blocks(&std::fs::read(&bundle).unwrap()), 1, "{now}");
        let mut openssl = sandbox.command("openssl");
        openssl
            .args(["verify", "-attime", &now.to_string(), "-CAfile"])
            .arg(&bundle)
            .arg(sandbox.certs().join("cert.pem"));
        Done::from(openssl.output().unwrap()).ok();
        // A year and a month later, it is another CA.
        sandbox.set("AZUP_NOW", (now + 400 * 86_400).to_string());
        let old = std::fs::read(sandbox.certs().join("ca.pem")).unwrap();
        sandbox.azup(TRUST).ok();
        assert_ne!(
            std::fs::read(sandbox.certs().join("ca.pem")).unwrap(),
            old,
            "{now}"
        );
        // And back: a clock that was wrong for a while.
        sandbox.set("AZUP_NOW", now.to_string());
        said(&sandbox.azup(TRUST), &[0, 1]);
        sandbox
            .azup(["untrust", "--stores", "none", "--bundle", "bundle.pem"])
            .ok();
        assert!(std::fs::read(&bundle).unwrap() == public_roots(), "{now}");
    }
}

#[test]
fn a_clock_before_1970_is_said_to_be_wrong() {
    for (now, day) in [
        (-1, "1969-12-31"),
        (-4_000_000_000, "1843-03-31"),
        (253_402_300_799, "9999-12-31"),
    ] {
        let mut sandbox = Sandbox::new();
        let bundle = sandbox.write("bundle.pem", public_roots());
        sandbox.set("AZUP_NOW", i64::to_string(&now));
        let done = sandbox.azup(TRUST);
        said(&done, &[1]);
        assert!(
            done.stderr.contains(&format!("the clock says {day}")),
            "{done}"
        );
        assert!(std::fs::read(&bundle).unwrap() == public_roots());
        assert!(Sandbox::files(&sandbox.home()).is_empty());
    }
}

#[test]
fn an_invalid_clock_is_an_error() {
    for value in [
        &b""[..],
        b"soon",
        b"1e9",
        b"9999999999999999999",
        b"300000000000",
        INVALID,
    ] {
        let mut sandbox = Sandbox::new();
        sandbox.set("AZUP_NOW", OsStr::from_bytes(value));
        let done = sandbox.azup(["trust", "--stores", "none"]);
        assert_eq!(done.code, 1, "{done}");
        assert!(
            done.stderr.contains("AZUP_NOW is not a number of seconds"),
            "{done}"
        );
    }
}

#[test]
fn an_invalid_home_causes_no_panic_and_changes_no_file() {
    let mut sandbox = Sandbox::new();
    let bundle = sandbox.write("bundle.pem", public_roots());
    let file = sandbox.write("file", "");
    for home in [
        file.as_path(),
        &file.join("deeper"),
        "/dev/null".as_ref(),
        "/proc/none".as_ref(),
    ] {
        sandbox.set("HOME", home);
        for words in [&TRUST[..], &["trust"], &["untrust"], &["renew"], &["token"]] {
            said(&sandbox.azup(words), &[0, 1, 3]);
        }
        assert!(
            std::fs::read(&bundle).unwrap() == public_roots(),
            "{}",
            home.display()
        );
    }
    assert_eq!(std::fs::read(&file).unwrap(), b"");
}

#[test]
fn a_home_that_may_not_be_written() {
    let sandbox = Sandbox::new();
    let bundle = sandbox.write("bundle.pem", public_roots());
    let done = sandbox.read_only(&sandbox.home(), TRUST);
    said(&done, &[1]);
    assert!(done.stderr.contains("Read-only file system"), "{done}");
    assert!(std::fs::read(&bundle).unwrap() == public_roots());
    assert!(Sandbox::files(&sandbox.home()).is_empty());

    // With a set and a trusted CA there is nothing to write.
    sandbox.azup(TRUST).ok();
    sandbox.read_only(&sandbox.home(), TRUST).ok();
}

/// The user database then says where home is. An empty file system is mounted there.
#[test]
fn without_home_the_user_database_names_it() {
    let mut sandbox = Sandbox::new();
    let copy = sandbox.root().join("azup");
    copy_program(azup(), &copy);
    sandbox.write("bundle.pem", public_roots());
    sandbox.unset("HOME");
    let script = r#"
        home=$(getent passwd 0 | cut -d: -f6)
        mount -t tmpfs none "$home" && "$@" || exit
        ls "$home/.local/share/azup/certs""#;
    let mut command = sandbox.command("unshare");
    command
        .args(["--mount", "--map-root-user", "sh", "-c", script, "sh"])
        .arg(&copy)
        .args(TRUST);
    let done = Done::from(command.output().unwrap()).ok();
    assert!(
        done.stdout.ends_with("ca.pem\ncert.pem\nkey.pem\n"),
        "{done}"
    );
}

#[test]
fn without_a_path_what_needs_no_program_works() {
    let mut sandbox = Sandbox::new();
    let bundle = sandbox.write("bundle.pem", public_roots());
    sandbox.unset("PATH");
    sandbox.azup(TRUST).ok();
    assert_eq!(blocks(&std::fs::read(&bundle).unwrap()), 1);
    sandbox.set("PATH", "");
    sandbox
        .azup(["untrust", "--stores", "none", "--bundle", "bundle.pem"])
        .ok();
    assert!(std::fs::read(&bundle).unwrap() == public_roots());
    said(&sandbox.azup(["up"]), &[1]);
}

#[test]
fn arguments_and_variables_that_are_not_utf8() {
    let sandbox = Sandbox::new();
    let invalid = OsStr::from_bytes(INVALID);
    let word = OsStr::new;
    for words in [
        &[invalid][..],
        &[word("trust"), invalid],
        &[word("trust"), word("--stores"), invalid],
        &[word("trust"), word("--scope"), invalid],
        &[word("--color"), invalid],
        &[word("completions"), invalid],
        &[word("token"), word("--resource"), invalid],
    ] {
        said(&sandbox.azup(words), &[2]);
    }
    for words in [
        &[
            word("trust"),
            word("--stores"),
            word("none"),
            word("--certs"),
            invalid,
        ][..],
        &[
            word("trust"),
            word("--stores"),
            word("none"),
            word("--ca"),
            invalid,
        ],
        &[
            word("untrust"),
            word("--stores"),
            word("none"),
            word("--bundle"),
            invalid,
        ],
        &[word("init"), invalid, word("--dry-run")],
    ] {
        said(&sandbox.azup(words), &[0, 1, 2]);
    }
    for name in [
        "AZUP_STORES",
        "VIRTUAL_ENV",
        "REQUESTS_CA_BUNDLE",
        "XDG_DATA_HOME",
        "PATH",
        "LANG",
    ] {
        let mut sandbox = Sandbox::new();
        sandbox.write("bundle.pem", public_roots());
        sandbox.set(name, invalid);
        said(&sandbox.azup(TRUST), &[0, 1, 2]);
        said(&sandbox.azup(["trust", "--dry-run"]), &[0, 1, 2, 3]);
    }
}

/// A name that no client would accept is refused as a name: the existing set is not called damaged,
/// and stays.
#[test]
fn names_that_no_certificate_can_have() {
    let sandbox = Sandbox::new();
    let trust = ["trust", "--stores", "none"];
    sandbox.azup(trust).ok();
    let set = Sandbox::files(&sandbox.certs());
    let long = format!("{}.example", "a".repeat(64));
    for name in [
        "",
        "*",
        "a.",
        ".a",
        "a..b",
        "a b",
        "a/b",
        "a:80",
        "1.2.3",
        "[::1]",
        "ü.example",
        &long,
    ] {
        let renew = ["renew", "--stores", "none", "--san", name];
        let done = sandbox.azup(renew);
        said(&done, &[1]);
        let why = "is neither an IP address nor a DNS name";
        assert!(done.stderr.contains(why), "{name}: {done}");
    }
    for name in ["*.x", "*.storage.example"] {
        let done = sandbox.azup(["renew", "--stores", "none", "--san", name]);
        said(&done, &[1]);
        let why = "is a wildcard: --san takes one host name at a time";
        assert!(done.stderr.contains(why), "{name}: {done}");
    }
    let renew = |count: usize| {
        let mut words: Vec<String> = ["renew", "--stores", "none"].map(String::from).to_vec();
        words.extend((0..count).map(|number| format!("--san=host-{number}.example")));
        sandbox.azup(words)
    };
    let done = renew(3_000);
    said(&done, &[1]);
    let why = "a certificate can have 100 additional names, not 3000";
    assert!(done.stderr.contains(why), "{done}");
    assert!(Sandbox::files(&sandbox.certs()) == set);
    // The maximum number, more than once.
    renew(100).ok();
    renew(100).ok();
    sandbox.azup(trust).ok();
}
