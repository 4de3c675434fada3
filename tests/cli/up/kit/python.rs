//! The plugin as pytest finds it: by the entry point of an installed distribution.

use std::collections::BTreeSet;
use std::fs;
use std::io::{BufRead as _, BufReader};
use std::process::{Command, Stdio};

use rustix::process::Signal;

use super::{copy, root, site};
use crate::sandbox::{Done, part, until};
use crate::up::site::{Site, signal};

/// A project with the tests, and the package as a wheel would be unpacked.
fn project() -> Site {
    let mut site = site();
    copy("pytest", &site);
    let packages = site.sandbox.root().join("packages");
    let about = packages.join("azurite_up-0.dist-info");
    fs::create_dir_all(&about).unwrap();
    std::os::unix::fs::symlink(
        root().join("python/azurite_up"),
        packages.join("azurite_up"),
    )
    .unwrap();
    fs::write(
        about.join("METADATA"),
        "Metadata-Version: 2.1\nName: azurite-up\nVersion: 0\n",
    )
    .unwrap();
    let manifest = fs::read_to_string(root().join("pyproject.toml")).unwrap();
    let entry = manifest
        .split("[project.entry-points.pytest11]\n")
        .nth(1)
        .unwrap();
    let entry = entry.lines().next().unwrap().replace('"', "");
    fs::write(
        about.join("entry_points.txt"),
        format!("[pytest11]\n{entry}\n"),
    )
    .unwrap();
    site.sandbox.set("PYTHONPATH", packages);
    site.sandbox.set("PYTHONDONTWRITEBYTECODE", "1");
    site
}

fn command(site: &Site, words: &[&str]) -> Command {
    let mut pytest = site.sandbox.command(part("kit-python/bin/python"));
    pytest.args([
        "-m",
        "pytest",
        "-p",
        "no:cacheprovider",
        "-o",
        "asyncio_default_fixture_loop_scope=function",
    ]);
    // As in strict projects.
    pytest.args(["-W", "error"]).args(words);
    pytest
}

fn pytest(site: &Site, words: &[&str]) -> Done {
    let done = Done::from(command(site, words).output().unwrap());
    assert!(
        site.run_files("json").is_empty(),
        "nothing runs any more: {done}"
    );
    done
}

#[test]
fn every_client_of_a_test_finds_azurite_and_trusts_it() {
    let mut site = project();
    // As behind a company's proxy; the value is restored.
    site.sandbox
        .set("SSL_CERT_FILE", "/etc/ssl/certs/ca-certificates.crt");
    let done = pytest(&site, &["test_clients.py"]).ok();
    assert!(done.stdout.contains("9 passed"), "{done}");
    let after = "afterwards: None /etc/ssl/certs/ca-certificates.crt\n";
    assert!(done.stdout.ends_with(after), "{done}");
}

#[test]
fn tests_that_do_not_ask_for_it_pay_nothing() {
    let mut site = project();
    site.sandbox.set("AZUP", "/nowhere/azup");
    let done = pytest(&site, &["test_unused.py"]).ok();
    assert!(done.stdout.contains("1 passed"), "{done}");
    // A test that asks for it is told why there is none.
    let done = pytest(&site, &["-k", "connection_string"]);
    assert!(done.stdout.contains("/nowhere/azup"), "{done}");
}

#[test]
fn the_workers_of_xdist_share_one_or_have_one_each() {
    let mut site = project();
    let file = site.sandbox.root().join("seen");
    site.sandbox.set("SEEN", &file);
    let distinct = |words: &[&str]| {
        let _ = fs::remove_file(&file);
        let words = [&["-n", "2", "--azurite-debug", "test_workers.py"], words].concat();
        let done = pytest(&site, &words).ok();
        let logs = done.stdout.matches(" Azurite's log ").count();
        assert!(
            done.stdout.contains("PUT /devstoreaccount1/test-"),
            "{done}"
        );
        let seen = fs::read_to_string(&file).unwrap();
        let words: Vec<_> = seen
            .lines()
            .map(|line| line.split_once(' ').unwrap())
            .collect();
        let of = |pick: fn(&(&str, &str)) -> String| {
            words.iter().map(pick).collect::<BTreeSet<_>>().len()
        };
        (
            of(|pair| pair.0.to_owned()),
            of(|pair| pair.1.to_owned()),
            logs,
        )
    };
    assert_eq!(distinct(&[]), (2, 1, 1));
    assert_eq!(distinct(&["--azurite-per-worker"]), (2, 2, 2));
}

#[test]
fn an_azurite_that_dies_fails_the_tests_that_use_it() {
    let site = project();
    let done = pytest(&site, &["test_death.py", "-rA"]);
    assert_eq!(done.code, 1, "{done}");
    let has = |text: &str| assert!(done.stdout.contains(text), "{text}: {done}");
    has("Azurite has ended; the last lines of its log:");
    has("PUT /devstoreaccount1/test-");
    has("FAILED test_death.py::test_it_is_killed");
    has("test_death.py::test_the_next_one_is_told");
    has("PASSED test_death.py::test_one_without_it_goes_on");
    assert!(!done.stdout.contains("it does not come to this"), "{done}");
}

#[test]
fn a_run_of_tests_that_is_killed_leaves_nothing_behind() {
    let site = project();
    let mut pytest = command(&site, &["test_waiting.py", "-v"]);
    let mut pytest = pytest.stdout(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(pytest.stdout.take().unwrap()).lines();
    lines
        .find(|line| line.as_ref().unwrap().contains("collected"))
        .unwrap()
        .unwrap();
    until(|| site.run_files("json").len() == 1);
    let azurite = u32::try_from(site.state()["azurite_pid"].as_u64().unwrap()).unwrap();
    signal(pytest.id(), Signal::KILL);
    pytest.wait().unwrap();
    assert!(crate::up::site::gone(azurite));
}
