//! Variables that a repository may have set, in a `.env` or in a task, and that name something in
//! the repository.

use std::path::Path;

use crate::origin::repo::{Author, Shape};
use crate::sandbox::{Done, Sandbox, write_program};

/// What azup keeps on a machine, as an attacker would craft it: a CA whose key they kept, and a
/// list that says it was issued here.
fn planted(sandbox: &Sandbox) -> (Author, std::path::PathBuf) {
    let author = Author::new(sandbox, "azup local CA deadbeef", &[]);
    let folder = sandbox.project().join(".data");
    author.plant(&folder.join("azup/certs"), Shape::Current);
    let sha256 = author.fingerprint(sandbox).replace(':', "").to_lowercase();
    let list = format!("{{\"version\": 1, \"issued\": [\"{sha256}\"]}}\n");
    std::fs::write(folder.join("azup/issued.json"), list).unwrap();
    (author, folder)
}

#[test]
fn what_azup_knows_of_this_machine_never_comes_from_a_repository() {
    let mut sandbox = Sandbox::new();
    let (author, data) = planted(&sandbox);
    sandbox.write("pyproject.toml", "");
    sandbox.set("XDG_DATA_HOME", &data);
    let corporate = sandbox.root().join("corp.pem");
    std::fs::write(&corporate, crate::sandbox::public_roots()).unwrap();
    let bundle = format!("--bundle={}", corporate.display());
    let before = Sandbox::files(&sandbox.project());
    let refused = |sandbox: &Sandbox, why: &str| {
        for words in [
            &["trust", "--stores=none", &*bundle][..],
            &["env"],
            &["run", "--", "true"],
            &["init", "--yes", "--stores=none"],
            &["renew", "--stores=none"],
        ] {
            let done: Done = sandbox.azup(words);
            assert_eq!(done.code, 4, "{words:?}: {done}");
            assert!(done.stderr.contains(why), "{words:?}: {done}");
            assert!(
                done.stderr.ends_with("hint: unset XDG_DATA_HOME\n"),
                "{words:?}: {done}"
            );
        }
    };
    // As unpacked from an archive, then as cloned.
    refused(&sandbox, "it is in the project");
    assert_eq!(Sandbox::files(&sandbox.project()), before);
    sandbox.run("git", ["init", "-q"]).ok();
    sandbox
        .run("git", ["add", "-f", ".data/azup/issued.json"])
        .ok();
    refused(&sandbox, "git tracks what is in it");
    author.believed_nowhere(&sandbox, &[&corporate]);

    // A CI cache folder is inside the checkout, and git tracks nothing in it.
    let own = sandbox.project().join(".cache");
    sandbox.set("XDG_DATA_HOME", &own);
    sandbox.azup(["trust", "--stores=none"]).ok();
    assert!(own.join("azup/issued.json").is_file());
}

#[test]
fn an_azurite_of_the_project_is_not_run() {
    let mut sandbox = Sandbox::new();
    let marker = sandbox.root().join("marker");
    sandbox.write(
        "packages/node_modules/azurite/package.json",
        r#"{"version": "3.37.0", "bin": {"azurite": "main.js"}}"#,
    );
    let script = format!("require('fs').writeFileSync({marker:?}, '')");
    sandbox.write("packages/node_modules/azurite/main.js", script);
    sandbox.write("packages.tar", "");
    let inside = sandbox.project().join("packages");
    let link = sandbox.root().join("link");
    std::os::unix::fs::symlink(&inside, &link).unwrap();
    sandbox.set("AZUP_STORES", "none");
    for (named, why) in [
        (Path::new("packages"), "a relative path: it is not run"),
        (Path::new("packages.tar"), "a relative path: it is not run"),
        (&inside, "which is in the project: it is not run"),
        (&link, "which is in the project: it is not run"),
    ] {
        sandbox.set("AZUP_AZURITE", named);
        let done = sandbox.azup(["up"]);
        assert_eq!(done.code, 4, "{done}");
        assert!(done.stderr.contains(why), "{done}");
        assert!(
            done.stderr.ends_with("hint: unset AZUP_AZURITE\n"),
            "{done}"
        );
        assert!(!marker.exists(), "{named:?} was run");
    }
}

#[test]
fn a_project_that_is_named_by_a_link_brings_no_programs_either() {
    let mut sandbox = Sandbox::new();
    let marker = sandbox.root().join("marker");
    let script = format!("#!/bin/sh\necho \"$0\" >> '{}'\nexit 1\n", marker.display());
    for name in ["setsid", "certutil"] {
        let program = sandbox.write(format!("bin/{name}"), "");
        std::fs::remove_file(&program).unwrap();
        write_program(&program, &script);
    }
    sandbox.run("git", ["init", "-q"]).ok();
    sandbox.run("git", ["add", "bin"]).ok();
    let database = sandbox.home().join(".pki/nssdb");
    std::fs::create_dir_all(&database).unwrap();
    let made = ["-N", "--empty-password", "-d"].map(Path::new);
    let words = made.iter().copied().chain([&*database]);
    sandbox.run("/usr/bin/certutil", words).ok();
    let link = sandbox.root().join("link");
    std::os::unix::fs::symlink(sandbox.project(), &link).unwrap();
    let path = format!("{}:/usr/bin:/bin", sandbox.project().join("bin").display());
    sandbox.set("PATH", path);
    let mut azup = sandbox.azup_command(["init", "--yes", "--stores=nss"]);
    azup.arg(&link).current_dir(sandbox.root());
    Done::from(azup.output().unwrap()).ok();
    let ran = std::fs::read_to_string(&marker).unwrap_or_default();
    assert_eq!(ran, "", "a program of the project was run");
}

#[test]
fn data_of_the_project_that_names_files_elsewhere_is_not_served() {
    let mut sandbox = Sandbox::new();
    let azurite = sandbox.own().join("azurite-3.37.0");
    std::fs::create_dir_all(&azurite).unwrap();
    std::fs::write(azurite.join("bundle.json"), r#"{"azurite": "3.37.0"}"#).unwrap();
    // Nothing that could serve: anything that is not refused ends with exit code 1.
    std::fs::write(azurite.join("azurite.cjs"), "process.exit(3)").unwrap();
    sandbox.set("AZUP_STORES", "none");
    let list = "data/__azurite_db_blob_extent__.json";
    let good =
        r#"{"collections":[{"name":"x","data":[{"id":"2da4e7fb-2f22","path":"2da4e7fb-2f22"}]}]}"#;
    let up = |sandbox: &Sandbox, code: i32, why: &str| {
        let ports = crate::sandbox::free_ports().map(|port| port.to_string());
        let mut words = vec!["up", "--no-identity", "--location", "data"];
        for (name, port) in ["--blob-port", "--queue-port", "--table-port"]
            .into_iter()
            .zip(&ports)
        {
            words.extend([name, port]);
        }
        for more in [None, Some("-d")] {
            let done = sandbox.azup(words.iter().copied().chain(more));
            assert_eq!(done.code, code, "{why}: {done}");
            assert!(done.stderr.contains(why), "{done}");
        }
    };
    for (text, code, why) in [
        (good.to_owned(), 1, "Azurite exited unexpectedly"),
        (String::new(), 1, "Azurite exited unexpectedly"),
        (
            good.replacen("2da4", "../../secret", 1),
            4,
            "names the file ../../secret",
        ),
        (
            good.replace("\"path\":\"2da4", "\"path\":\"/etc/passwd"),
            4,
            "names the file /etc/passwd",
        ),
        (
            good.replace("\"x\"", "\"\\ud800\""),
            4,
            "is not as Azurite writes it",
        ),
        (
            good.replace("[{\"name\"", "{\"length\":1,\"0\":{\"name\"")
                .replace("}]}]", "}]}}"),
            4,
            "is not as Azurite writes it",
        ),
        ("[".repeat(100_000), 4, "is not as Azurite writes it"),
    ] {
        sandbox.write(list, text);
        up(&sandbox, code, why);
    }
    sandbox.write(list, good);
    let outside = sandbox.write("../outside", "mine");
    for name in [
        "data/__azurite_db_blob__.json~",
        "data/__blobstorage__/x",
        "data/__queuestorage__",
    ] {
        let link = sandbox.project().join(name);
        std::fs::create_dir_all(link.parent().unwrap()).unwrap();
        let _ = std::fs::remove_dir_all(&link);
        std::os::unix::fs::symlink(&outside, &link).unwrap();
        up(&sandbox, 4, "is a link");
        std::fs::remove_file(&link).unwrap();
    }
    assert_eq!(std::fs::read(&outside).unwrap(), b"mine");
}

#[test]
fn data_behind_a_link_of_the_project_are_neither_served_nor_deleted() {
    let mut sandbox = Sandbox::new();
    sandbox.set("AZUP_STORES", "none");
    let data = sandbox.home().join("other");
    std::fs::create_dir(&data).unwrap();
    std::fs::write(data.join("__azurite_db_blob__.json"), "mine").unwrap();
    std::os::unix::fs::symlink(&data, sandbox.project().join("data")).unwrap();
    let before = Sandbox::files(&data);
    for words in [&["reset", "--yes"][..], &["up"], &["run", "--", "true"]] {
        let mut words = words.to_vec();
        words.splice(1..1, ["--location", "data"]);
        let done = sandbox.azup(words);
        assert_eq!(done.code, 4, "{done}");
        assert!(done.stderr.contains("leads out of the project"), "{done}");
        assert_eq!(Sandbox::files(&data), before);
    }
    // Named by its own name, it is the user's decision.
    sandbox
        .azup(["reset", "--yes", "--location", data.to_str().unwrap()])
        .ok();
    assert_eq!(Sandbox::files(&data), []);
}
