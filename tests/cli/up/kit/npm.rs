//! The npm packages, packed from local files and installed by npm without a network.

use std::fs;
use std::path::PathBuf;
use std::process::Command;
use std::sync::OnceLock;

use super::{copy, root, site};
use crate::sandbox::{Done, azup, part};
use crate::up::site::{Site, gone};

/// The npm platform of this machine's processor.
fn platform() -> &'static str {
    if cfg!(target_arch = "x86_64") {
        "linux-x64"
    } else {
        "linux-arm64"
    }
}

/// The tarballs, packed once.
fn tarballs() -> &'static [PathBuf] {
    static PACKED: OnceLock<(tempfile::TempDir, Vec<PathBuf>)> = OnceLock::new();
    let (_, files) = PACKED.get_or_init(|| {
        let folder = tempfile::tempdir().unwrap();
        let mut pack = Command::new(root().join("npm/pack"));
        pack.arg(folder.path())
            .arg(format!("{}={}", platform(), azup().display()));
        assert!(pack.status().unwrap().success());
        let files = fs::read_dir(folder.path()).unwrap();
        let files: Vec<_> = files.map(|entry| entry.unwrap().path()).collect();
        assert_eq!(files.len(), 2, "{files:?}");
        (folder, files)
    });
    files
}

/// A project into which npm has installed them, next to the SDKs and test runners.
fn project() -> Site {
    let mut site = site();
    site.sandbox.unset("AZUP");
    copy("npm", &site);
    site.sandbox.write("package.json", r#"{ "private": true }"#);
    let modules = site.sandbox.project().join("node_modules");
    let mut npm = site.sandbox.command("npm");
    npm.args(["install", "--offline", "--no-audit", "--no-fund"])
        .args(tarballs());
    Done::from(npm.output().unwrap()).ok();
    for entry in fs::read_dir(part("kit-npm/node_modules")).unwrap() {
        let entry = entry.unwrap();
        if !modules.join(entry.file_name()).exists() {
            std::os::unix::fs::symlink(entry.path(), modules.join(entry.file_name())).unwrap();
        }
    }
    site
}

/// Each supported Node.js.
fn nodes() -> [PathBuf; 3] {
    [
        part("node20/node_modules/node/bin/node"),
        part("node22/node_modules/node/bin/node"),
        part("node24/node_modules/node/bin/node"),
    ]
}

#[test]
fn the_command_is_the_program_of_this_platform() {
    let site = project();
    let done = site
        .sandbox
        .run("npx", ["--offline", "azurite-up", "--version"])
        .ok();
    assert!(done.stdout.starts_with("azup "), "{done}");
    // Its exit code, its arguments, its streams.
    let done = site
        .sandbox
        .run("node_modules/.bin/azup", ["run", "--json", "--", "true"]);
    assert_eq!(
        (done.code, done.json()["error"]["exit"].as_u64()),
        (2, Some(2)),
        "{done}"
    );
    // Without the platform's package it says which one is missing.
    fs::remove_dir_all(
        site.sandbox
            .project()
            .join("node_modules")
            .join(format!("azurite-up-{}", platform())),
    )
    .unwrap();
    let done = site.sandbox.run("node_modules/.bin/azup", ["--version"]);
    assert_eq!(done.code, 1);
    assert!(
        done.stderr
            .contains(&format!("azurite-up-{}\nhint: npm install", platform())),
        "{done}"
    );
}

#[test]
fn a_program_starts_one_and_trusts_it_in_the_same_process() {
    let site = project();
    for node in nodes() {
        let done = site.sandbox.run(&node, ["program.cjs"]).ok();
        let wanted = "Hello 400 400 UNABLE_TO_VERIFY_LEAF_SIGNATURE\ntrue true\ntrue\n\
            Azurite has ended; the last lines of its log: true\n";
        assert_eq!(done.stdout, wanted, "{}: {done}", node.display());
        // A module, which ends without stopping it.
        let done = site.sandbox.run(&node, ["program.mjs"]).ok();
        let (stored, pid) = done.stdout.trim_end().split_once('\n').unwrap();
        assert_eq!(stored, "Hello 400 400 UNABLE_TO_VERIFY_LEAF_SIGNATURE");
        assert!(
            gone(pid.parse().unwrap()),
            "{}: it ended, too",
            node.display()
        );
    }
}

#[test]
fn the_set_up_of_node_test_serves_the_whole_run() {
    let site = project();
    for node in nodes() {
        let words = [
            "--import",
            "azurite-up/node",
            "--test",
            "one.test.mjs",
            "two.test.mjs",
        ];
        let done = site.sandbox.run(&node, words).ok();
        assert!(
            done.stdout.contains(" pass 2\n"),
            "{}: {done}",
            node.display()
        );
    }
}

#[test]
fn the_set_up_of_jest_serves_workers_and_the_same_process() {
    let site = project();
    for more in [&[][..], &["--runInBand"]] {
        let words = [
            &[
                "node_modules/jest/bin/jest.js",
                "--config",
                "jest.config.cjs",
            ],
            more,
        ]
        .concat();
        let done = site.sandbox.run("node", words).ok();
        assert!(done.stderr.contains("Tests:       2 passed"), "{done}");
    }
}

#[test]
fn the_set_up_of_vitest_serves_processes_and_threads() {
    let mut site = project();
    for pool in ["forks", "threads"] {
        site.sandbox.set("POOL", pool);
        site.sandbox.set("NO_COLOR", "1");
        let [_, node22, _] = nodes();
        let done = site
            .sandbox
            .run(node22, ["node_modules/vitest/vitest.mjs", "run"])
            .ok();
        assert!(done.stdout.contains("Tests  2 passed"), "{pool}: {done}");
    }
}

#[test]
fn typescript_knows_the_types() {
    let site = project();
    let words = [
        "--noEmit", "--strict", "--module", "nodenext", "--target", "es2022",
    ];
    let words = [
        &["node_modules/typescript/bin/tsc"],
        &words[..],
        &[
            "--lib",
            "es2022,esnext.disposable",
            "--types",
            "node",
            "types.ts",
        ],
    ]
    .concat();
    let [_, node22, _] = nodes();
    site.sandbox.run(node22, words).ok();
}
