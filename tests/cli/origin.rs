//! Certificate sets that somebody else made: the author of a repository, a process in the dev
//! container, another user. None may reach a store, a bundle or the machine set.

mod container;
mod exposed;
mod kept;
mod refused;
pub mod repo;

use insta::assert_snapshot;

use crate::sandbox::{Done, Sandbox, public_roots};
use repo::{Author, Shape, folder, repository};

/// The commands that read a certificate set, as a user types them in a project.
const READING: [&[&str]; 13] = [
    &["trust"],
    &["trust", "--json"],
    &["init", "--yes"],
    &["up", "-d"],
    &["up"],
    &["restart"],
    &["run", "--", "true"],
    &["env"],
    &["env", "--format", "json"],
    &["env", "--format", "dotenv"],
    &["renew"],
    &["trust", "--dry-run"],
    &["up", "--dry-run"],
];

/// The commands that use no certificate set, or only remove CAs. `doctor` has its own test.
const OTHERS: [&str; 13] = [
    "completions",
    "doctor",
    "down",
    "help",
    "identity",
    "logs",
    "reset",
    "man",
    "remove",
    "status",
    "token",
    "untrust",
    "version",
];

/// A home with a healthy set and a bundle that trusts it, and a project without a set.
fn healthy() -> Sandbox {
    let mut sandbox = Sandbox::new();
    sandbox.set("AZUP_STORES", "none");
    let bundle = sandbox.root().join("corp.pem");
    std::fs::write(&bundle, public_roots()).unwrap();
    sandbox.set("SSL_CERT_FILE", &bundle);
    std::fs::create_dir(sandbox.root().join("elsewhere")).unwrap();
    let mut command = sandbox.azup_command(["trust", "--stores", "none", "--bundle"]);
    command
        .arg(&bundle)
        .current_dir(sandbox.root().join("elsewhere"));
    Done::from(command.output().unwrap()).ok();
    sandbox
}

/// Everything that a command could have changed.
fn everything(sandbox: &Sandbox) -> Vec<(std::path::PathBuf, Vec<u8>)> {
    let is_lock = |path: &std::path::Path| {
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        name.contains("lock") || path.parent().unwrap().ends_with("run")
    };
    let mut all = Sandbox::files(&sandbox.home());
    all.extend(Sandbox::files(&sandbox.project()));
    all.retain(|(path, _)| !is_lock(path));
    all
}

#[test]
fn every_command_that_reads_a_set_refuses_one_that_came_with_the_repository() {
    let sandbox = healthy();
    let author = Author::new(&sandbox, "azup local CA deadbeef", &[]);
    author.plant(&folder(&sandbox), Shape::Current);
    let before = everything(&sandbox);
    for tracked in [false, true] {
        if tracked {
            repository(&sandbox, true);
        }
        for words in READING {
            if tracked || words[0] != "renew" {
                let done = sandbox.azup(words);
                assert_eq!(done.code, 4, "{words:?}: {done}");
                let said = done.stderr.clone() + &done.stdout;
                for needed in [
                    author.fingerprint(&sandbox).as_str(),
                    ".devcontainer/azurite-certs",
                    "azup renew",
                    "azup trust --ca",
                ] {
                    assert!(said.contains(needed), "{words:?} names {needed}: {done}");
                }
            }
        }
        let now = everything(&sandbox);
        let ours = |(path, _): &&(std::path::PathBuf, Vec<u8>)| {
            !path.starts_with(sandbox.project().join(".git"))
        };
        assert!(now.iter().filter(ours).eq(before.iter().filter(ours)));
    }
    author.believed_nowhere(&sandbox, &[&sandbox.root().join("corp.pem")]);
}

/// A new command has to be put on one of the two lists.
#[test]
fn no_command_was_forgotten() {
    let help = Sandbox::new().azup(["--help"]).ok().stdout;
    let commands = help.split("Commands:").nth(1).unwrap();
    let commands = commands.split("\n\n").next().unwrap();
    let names = commands
        .lines()
        .filter_map(|line| line.split_whitespace().next());
    for name in names {
        let reads = READING.iter().any(|words| words[0] == name);
        assert!(reads || OTHERS.contains(&name), "{name} is on no list");
    }
}

#[test]
fn the_refusal_names_the_ca_and_two_ways_on() {
    let sandbox = healthy();
    let author = Author::new(&sandbox, "DigiCert Global Root G2", &[]);
    author.plant(&folder(&sandbox), Shape::Current);
    let done = sandbox.azup(["trust"]);
    let shown = sandbox
        .shown(&done)
        .replace(&author.fingerprint(&sandbox), "[FINGERPRINT]");
    assert_snapshot!(shown, @r"
    exit: 4
    --- stdout
    --- stderr
    error: the certificate set in [PROJECT]/.devcontainer/azurite-certs was not made by azup on this machine, so it is not used: whoever made it could impersonate any server (its CA has the SHA-256 fingerprint [FINGERPRINT]). Nothing was changed. azup renew makes a set of your own; azup trust --ca [PROJECT]/.devcontainer/azurite-certs/ca.pem accepts this one, if you know who made it
    hint: azup renew
    ");
}

#[test]
fn neither_a_known_name_nor_azups_own_constraints_make_a_ca_azups() {
    let constraints = "nameConstraints=critical,permitted;DNS:localhost,permitted;DNS:azurite,permitted;DNS:host.docker.internal";
    for (name, options) in [
        ("DigiCert Global Root G2", &[][..]),
        ("azup local CA 0badcafe", &["-addext", constraints][..]),
    ] {
        for shape in [Shape::Current, Shape::Staged] {
            let sandbox = healthy();
            let author = Author::new(&sandbox, name, options);
            author.plant(&folder(&sandbox), shape);
            repository(&sandbox, true);
            for words in READING
                .iter()
                .filter(|words| !["up", "restart", "run"].contains(&words[0]))
            {
                sandbox.azup(*words);
                author.believed_nowhere(&sandbox, &[&sandbox.root().join("corp.pem")]);
            }
            sandbox.azup(["doctor", "--fix", "certificate-origin", "store-variables"]);
            author.believed_nowhere(&sandbox, &[&sandbox.root().join("corp.pem")]);
        }
    }
}

#[test]
fn foreign_staged_files_are_ignored_and_named() {
    let sandbox = healthy();
    let author = Author::new(&sandbox, "azup local CA deadbeef", &[]);
    author.plant(&folder(&sandbox), Shape::Staged);
    let machines = Sandbox::files(&sandbox.certs());
    let done = sandbox.azup(["trust"]).ok();
    assert!(done.stderr.contains("next-ca.pem"), "{done}");
    assert!(
        done.stderr.contains(&author.fingerprint(&sandbox)),
        "{done}"
    );
    assert_eq!(Sandbox::files(&sandbox.certs()), machines);
    assert_eq!(
        std::fs::read(folder(&sandbox).join("ca.pem")).unwrap(),
        std::fs::read(sandbox.certs().join("ca.pem")).unwrap(),
        "the project has the machine's set"
    );
    author.believed_nowhere(&sandbox, &[&sandbox.root().join("corp.pem")]);
    // The hint is the last line, and works.
    let hint = done
        .stderr
        .lines()
        .find_map(|line| line.strip_prefix("hint: "));
    sandbox.run("sh", ["-c", hint.unwrap()]).ok();
    assert_eq!(sandbox.azup(["trust"]).ok().stderr, "");
}

#[test]
fn a_renewal_takes_no_name_from_a_foreign_set() {
    let sandbox = healthy();
    let author = Author::new(&sandbox, "azup local CA deadbeef", &[]);
    author.plant(&folder(&sandbox), Shape::Current);
    sandbox.azup(["renew"]).ok();
    let mut openssl = sandbox.command("openssl");
    openssl
        .args(["x509", "-noout", "-ext", "subjectAltName", "-in"])
        .arg(sandbox.certs().join("cert.pem"));
    let names = Done::from(openssl.output().unwrap()).ok().stdout;
    assert!(names.contains("DNS:azurite"), "{names}");
    assert!(!names.contains("login"), "{names}");
}

#[test]
fn a_folder_above_the_project_is_not_used() {
    let sandbox = healthy();
    let author = Author::new(&sandbox, "azup local CA deadbeef", &[]);
    // As in /tmp, where anybody can create a `.devcontainer`.
    author.plant(
        &sandbox.root().join(".devcontainer/azurite-certs"),
        Shape::Current,
    );
    repository(&sandbox, false);
    sandbox.azup(["trust"]).ok();
    author.believed_nowhere(&sandbox, &[&sandbox.root().join("corp.pem")]);
    assert!(!folder(&sandbox).exists());
}

#[test]
fn doctor_says_that_azup_did_not_make_it_and_its_fix_works() {
    let sandbox = healthy();
    let author = Author::new(&sandbox, "azup local CA deadbeef", &[]);
    author.plant(&folder(&sandbox), Shape::Current);
    repository(&sandbox, true);
    let done = sandbox.azup(["doctor", "--json"]);
    let document = done.json();
    let checks = document["checks"].as_array().unwrap();
    let failed: Vec<&str> = checks
        .iter()
        .filter(|check| check["status"] == "fail")
        .filter_map(|check| check["id"].as_str())
        .filter(|id| id.starts_with("cert") || id.starts_with("store") || id.starts_with("key"))
        .collect();
    assert_eq!(failed, ["certificate-origin"], "one fault is one finding");
    let origin = checks
        .iter()
        .find(|check| check["id"] == "certificate-origin");
    let fix = origin.unwrap()["fix"].as_str().unwrap();
    paste(&sandbox, fix).ok();
    sandbox
        .azup(["doctor", "certificate-origin", "certificate-set"])
        .ok();
    author.believed_nowhere(&sandbox, &[&sandbox.root().join("corp.pem")]);
}

/// Runs a command that azup printed, with this azup.
fn paste(sandbox: &Sandbox, command: &str) -> Done {
    let azup = crate::sandbox::azup().display().to_string();
    let script = format!("azup() {{ '{azup}' \"$@\"; }}\n{command}\n");
    sandbox.run("sh", ["-c", &script])
}
