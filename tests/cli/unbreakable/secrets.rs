//! What must stay private: seen from outside, by the system calls.

use std::os::unix::fs::PermissionsExt as _;

use base64::Engine as _;

use crate::sandbox::{Done, Sandbox, azup, public_roots};

/// Every file that ever holds the key is made with mode 0600, by a call that fails where
/// something is there already; folders of azup's own are 0700; and no program gets the key
/// as an argument, nor is it in anything that azup prints.
#[test]
fn the_key_is_private_from_its_first_byte() {
    let mut sandbox = Sandbox::new();
    sandbox.write("bundle.pem", public_roots());
    let words = ["--stores", "none", "--bundle", "bundle.pem", "-v"];
    let (mut keys, mut printed) = (Vec::new(), String::new());
    for (verb, now) in [
        ("trust", 1_800_000_000_i64),
        ("renew", 1_800_000_100),
        ("trust", 1_840_000_000),
    ] {
        sandbox.set("AZUP_NOW", now.to_string());
        let trace = sandbox.root().join("trace");
        let mut strace = sandbox.command("strace");
        strace
            .args(["-f", "-v", "-s", "100000", "-o"])
            .arg(&trace)
            .args([
                "-e",
                "trace=open,openat,creat,mkdir,mkdirat,chmod,fchmod,fchmodat,execve",
            ])
            .arg(azup())
            .arg(verb)
            .args(words);
        let done = Done::from(strace.output().unwrap()).ok();
        printed.push_str(&format!("{done}"));
        let calls = std::fs::read_to_string(&trace).unwrap();
        let made = |line: &&str| line.contains("key.pem") && line.contains("O_CREAT");
        let made: Vec<&str> = calls.lines().filter(made).collect();
        assert!(!made.is_empty(), "{verb} makes a key: {calls}");
        for line in made {
            assert!(line.contains("O_EXCL"), "{line}");
            assert!(line.contains(", 0600)"), "{line}");
        }
        for line in calls.lines().filter(|line| line.contains("mkdir")) {
            assert!(line.contains(", 0700)"), "{line}");
        }
        printed.push_str(&calls);
        keys.push(std::fs::read_to_string(sandbox.certs().join("key.pem")).unwrap());
        for json in [["trust", "--json"], ["trust", "--dry-run"]] {
            printed.push_str(&format!("{}", sandbox.azup(json.into_iter().chain(words))));
        }
        printed.push_str(&format!("{}", sandbox.azup(["renew", "--dry-run", "-v"])));
    }
    keys.dedup();
    assert_eq!(keys.len(), 3, "each time it was another key");
    for key in keys {
        let lines: Vec<&str> = key.lines().filter(|line| !line.starts_with('-')).collect();
        // Its last line is the public key alone, which is in the certificate too.
        for line in &lines[..2] {
            assert!(
                !printed.contains(line),
                "a line of the key was printed or passed on"
            );
        }
        let der = base64::engine::general_purpose::STANDARD
            .decode(lines.concat())
            .unwrap();
        // The secret number itself stands in the first part (RFC 5915), here in hexadecimal.
        let hex = azurite_up::files::hex(&der);
        assert!(
            !printed.contains(&hex[72..136]),
            "the secret number was printed"
        );
    }
    for folder in [sandbox.own(), sandbox.certs()] {
        let mode = folder.metadata().unwrap().permissions().mode() & 0o7777;
        assert_eq!(mode, 0o700, "{}", folder.display());
    }
}
