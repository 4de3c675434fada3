//! What must stay private, seen from outside in the system calls.

use std::os::unix::fs::PermissionsExt as _;

use base64::Engine as _;

use crate::sandbox::{Done, OnDrop, Sandbox, azup, public_roots};

/// Every file that ever contains the key is created with mode 0600, by a call that fails if
/// something is already there; azup's own folders are 0700; and no program gets the key as an
/// argument, nor does azup print it.
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
        // Its last line is only the public key, which is in the certificate too.
        for line in &lines[..2] {
            assert!(
                !printed.contains(line),
                "a line of the key was printed or passed on"
            );
        }
        let der = base64::engine::general_purpose::STANDARD
            .decode(lines.concat())
            .unwrap();
        // The secret number itself is in the first part (RFC 5915), here in hexadecimal.
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

/// The system calls that create files and folders and start programs, with their full arguments but
/// without their environment.
pub fn traced(sandbox: &Sandbox, more: &[&str]) -> std::process::Command {
    let mut strace = sandbox.command("strace");
    strace
        .args(more)
        .args(["-f", "--seccomp-bpf", "-qq", "-s", "100000", "-o"])
        .arg(sandbox.root().join("trace"))
        .args([
            "-e",
            "trace=open,openat,creat,mkdir,mkdirat,chmod,fchmod,fchmodat,execve",
        ])
        .arg(azup());
    strace
}

/// In the output of [`traced`], this file is created for its owner alone, and where nothing was;
/// azup's own folders are private too; and no program gets `secret` as an argument.
#[track_caller]
pub fn is_private(sandbox: &Sandbox, file: &str, secret: &str) {
    let calls = std::fs::read_to_string(sandbox.root().join("trace")).unwrap();
    let made = |line: &&str| line.contains(file) && line.contains("O_CREAT");
    let made: Vec<&str> = calls.lines().filter(made).collect();
    assert!(!made.is_empty(), "{file} is made: {calls}");
    for line in made {
        assert!(line.contains("O_EXCL"), "{line}");
        assert!(line.contains(", 0600)"), "{line}");
    }
    let own = sandbox.own().to_str().unwrap().to_owned();
    let made = |line: &&str| line.contains("mkdir") && line.ends_with(" = 0");
    for line in calls.lines().filter(made) {
        assert!(!line.contains(&own) || line.contains(", 0700)"), "{line}");
    }
    assert!(!calls.contains(secret), "in a name or an argument");
}

/// Every file written by azup that contains the secret.
pub fn files_with(sandbox: &Sandbox, secret: &str) -> Vec<String> {
    let holds = |bytes: &[u8]| String::from_utf8_lossy(bytes).contains(secret);
    let mut found = Vec::new();
    for (path, bytes) in Sandbox::files(&sandbox.home()) {
        if holds(&bytes) {
            let mode = path.metadata().unwrap().permissions().mode() & 0o7777;
            assert_eq!(mode, 0o600, "{}", path.display());
            found.push(path.file_name().unwrap().to_str().unwrap().to_owned());
        }
    }
    found
}

/// The header with which an SDK may ask for tokens: `azup env` prints it, since that is its
/// purpose, and nothing else does.
#[test]
fn the_identity_header_is_private_from_its_first_byte() {
    let mut sandbox = Sandbox::new();
    sandbox.set("AZUP_STORES", "none");
    let dry = sandbox.azup(["env", "--dry-run", "-v"]).ok();
    let mut env = traced(&sandbox, &[]);
    let env = Done::from(env.args(["env", "-v"]).output().unwrap()).ok();
    let file = sandbox.own().join("identity-header");
    let header = std::fs::read_to_string(file).unwrap().trim_end().to_owned();
    assert_eq!(header.len(), 64);
    assert!(env.stdout.contains(&header), "that is its purpose");
    is_private(&sandbox, "identity-header", &header);
    let mut printed = format!("{dry}{}", env.stderr);

    let port = crate::sandbox::free_ports()[0];
    let identity = ["identity", "-d", "-v", "--json", "--port"];
    let port = port.to_string();
    let mut identity = sandbox.azup_command(identity);
    let started = Done::from(identity.arg(&port).output().unwrap()).ok();
    let pid = started.json()["pid"].as_u64().unwrap().to_string();
    let _end = OnDrop(|| {
        sandbox.run("kill", [&pid]);
    });
    let words = std::fs::read(format!("/proc/{pid}/cmdline")).unwrap();
    printed.push_str(&String::from_utf8_lossy(&words));
    printed.push_str(&started.to_string());
    for words in [
        &["doctor", "-v"][..],
        &["doctor", "--json"],
        &["token", "--json", "-v"],
        &["trust", "--json", "-v"],
        &["identity", "--dry-run", "-v"],
        &["env", "--dry-run", "--json"],
        &["up", "--dry-run", "-v"],
        &["run", "--dry-run", "-v", "--", "true"],
        &["init", "-v"],
    ] {
        printed.push_str(&sandbox.azup(words).to_string());
    }
    assert!(!printed.contains(&header), "the header was printed");
    assert_eq!(files_with(&sandbox, &header), ["identity-header"]);
    for (path, bytes) in Sandbox::files(&sandbox.project()) {
        let text = String::from_utf8_lossy(&bytes);
        assert!(!text.contains(&header), "{}", path.display());
    }
}
