//! `azup up --json --until-eof`: the Azurite of a test run, which ends with it.

pub(super) mod fixture;

use std::io::{BufRead as _, BufReader, Read as _};
use std::net::TcpListener;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use rustix::process::Signal;
use serde_json::Value;

use super::site::{Site, ended, gone, lives, signal};
use crate::sandbox::{Done, until};
use fixture::{Fixture, answered, begin, document, ended_in_two_seconds, is_valid, start};

#[test]
fn a_test_run_gets_all_it_needs_in_one_document() {
    let site = Site::new();
    let fixture = start(&site, &[]);
    is_valid(&site, &fixture.document);
    assert_eq!(fixture.document["location"], Value::Null, "in memory");
    assert!(fixture.port() != 10000, "nobody's usual port");
    // The same variables as a second call would have given.
    let port = |at: u16| (fixture.port() + at).to_string();
    let words = [
        "env",
        "--json",
        "--blob-port",
        &port(0),
        "--queue-port",
        &port(1),
        "--table-port",
        &port(2),
    ];
    let env = site.sandbox.azup(words).ok().json();
    assert_eq!(fixture.document["environment"], env["variables"]);
    let endpoint = fixture.document["identity"]["endpoint"].as_str();
    let variables = &fixture.document["environment"];
    assert_eq!(variables["IDENTITY_ENDPOINT"].as_str(), endpoint);
    assert!(
        variables["IDENTITY_HEADER"]
            .as_str()
            .is_some_and(|header| header.len() >= 32)
    );
    assert_eq!(
        variables["AZURE_STORAGE_CONNECTION_STRING"],
        fixture.text("connection_string")
    );
    let has = |text: &str| fixture.text("connection_string").contains(text);
    assert!(has(fixture.text("account")) && has(fixture.text("key")) && has(fixture.text("blob")));
    let pem = std::fs::read_to_string(fixture.text("ca")).unwrap();
    assert!(pem.starts_with("-----BEGIN CERTIFICATE-----"));

    fixture.store(&site);
    assert!(
        std::fs::read_to_string(fixture.text("log"))
            .unwrap()
            .contains("PUT /devstoreaccount1/")
    );
    let started = Instant::now();
    let done = fixture.close().ok();
    ended_in_two_seconds(started);
    assert_eq!(done.stdout, "", "one document and no more");
    // It wrote nothing to HOME outside azup's own folder: the CA is in no store.
    let outside = crate::sandbox::Sandbox::files(&site.sandbox.home());
    let outside: Vec<_> = outside
        .iter()
        .filter(|(path, _)| !path.starts_with(site.sandbox.own()))
        .collect();
    assert!(outside.is_empty(), "{outside:?}");
}

/// The program that starts it, built to keep most things alive: a child of its own has the same
/// pipe, and the thread that started azup has ended.
const PARENT: &str = "\
import os, subprocess, sys, threading
read, write = os.pipe()
os.set_inheritable(write, True)
def start():
    global azup
    azup = subprocess.Popen([sys.argv[1], 'up', '--json', '--until-eof'], stdin=read, close_fds=False)
thread = threading.Thread(target=start)
thread.start()
thread.join()
os.close(read)
sibling = subprocess.Popen(['sleep', '600'], close_fds=False, stdout=subprocess.DEVNULL)
print(azup.pid, sibling.pid, file=sys.stderr, flush=True)
azup.wait()
";

#[test]
fn it_ends_with_the_program_that_started_it_even_if_that_is_killed() {
    let site = Site::new();
    let mut parent = site.sandbox.command("python3");
    parent.args(["-c", PARENT]).arg(crate::sandbox::azup());
    let mut parent = parent
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stderr = BufReader::new(parent.stderr.take().unwrap());
    let mut pids = Vec::new();
    while pids.len() != 2 {
        let mut line = String::new();
        assert!(
            stderr.read_line(&mut line).unwrap() > 0,
            "the parent goes on"
        );
        pids = line
            .split_whitespace()
            .map_while(|word| word.parse::<u32>().ok())
            .collect();
    }
    let document = document(parent.stdout.as_mut().unwrap());
    let azurite = u32::try_from(site.state()["azurite_pid"].as_u64().unwrap()).unwrap();
    assert_eq!(document["pid"], pids[0]);
    std::thread::sleep(Duration::from_millis(300));
    assert!(
        lives(pids[0]) && lives(azurite),
        "the thread's end is not that of the program"
    );
    signal(parent.id(), Signal::KILL);
    parent.wait().unwrap();
    let started = Instant::now();
    assert!(gone(pids[0]) && gone(azurite));
    ended_in_two_seconds(started);
    assert!(lives(pids[1]), "its pipe was still open");
    signal(pids[1], Signal::KILL);
}

#[test]
fn the_end_of_input_before_it_is_ready_is_told_from_a_failure_of_azurite() {
    let site = Site::new();
    // By a script that forgot to give it a pipe.
    let done = site.sandbox.azup(["up", "--json", "--until-eof"]);
    assert_eq!(done.code, 2, "{done}");
    assert_eq!(
        done.json()["error"]["message"],
        "standard input has ended before Azurite was ready"
    );
    is_valid(&site, &done.json());
    // While it starts.
    let mut child = begin(&site, &[]);
    until(|| !site.run_files("log").is_empty());
    drop(child.stdin.take());
    ended(&mut child);
    let done = Done::from(child.wait_with_output().unwrap());
    assert_eq!(
        (done.code, &done.json()["error"]["exit"]),
        (2, &2.into()),
        "{done}"
    );
    assert!(site.run_files("json").is_empty(), "nothing runs");
}

#[test]
fn what_a_test_run_cannot_want_is_a_usage_error() {
    let site = Site::new();
    for (more, why) in [
        ("-d", "cannot be used with"),
        ("--forward=az", "forwards no tokens of az"),
        ("--port=0", "0 is not in 1..=65532"),
    ] {
        let done = site.sandbox.azup(["up", "--json", "--until-eof", more]);
        assert_eq!(done.code, 2, "{done}");
        let message = done.json()["error"]["message"].as_str().unwrap().to_owned();
        assert!(message.contains(why), "{message}");
    }
}

#[test]
fn two_test_runs_and_the_user_do_not_disturb_each_other() {
    let site = Site::new();
    site.sandbox.write(".git/HEAD", "ref: refs/heads/main\n");
    let (one, two) = (begin(&site, &[]), begin(&site, &[]));
    let (one, two) = (answered(&site, one), answered(&site, two));
    assert_ne!(one.port(), two.port());
    one.store(&site);
    one.close().ok();
    two.store(&site);
    // No other command takes it for the project's Azurite, or stops it.
    let env = site.sandbox.azup(["env", "--json"]).ok();
    assert!(!env.stdout.contains(&two.port().to_string()), "{env}");
    let run = site
        .sandbox
        .azup(["run", "--dry-run", "--json", "--", "true"])
        .ok();
    assert_eq!(run.json()["starts_azurite"], true);
    site.sandbox.azup(["down"]).ok();
    two.store(&site);
    assert!(
        site.sandbox
            .azup(["status"])
            .ok()
            .stdout
            .contains(&two.port().to_string())
    );
    two.close().ok();
}

#[test]
fn a_port_in_use_is_skipped_and_a_named_one_is_kept() {
    let site = Site::new();
    let fixture = start(&site, &[]);
    let first = fixture.port();
    fixture.close().ok();
    let taken = TcpListener::bind(("127.0.0.1", first + 1)).unwrap();
    let fixture = start(&site, &[]);
    assert_ne!(fixture.port(), first, "another block");
    fixture.close().ok();
    drop(taken);
    let fixture = start(&site, &[&format!("--port={}", site.ports[0])]);
    assert_eq!(fixture.port(), site.ports[0]);
    // A second one on the same port gets a reason, and the first stays.
    let child = begin(&site, &[&format!("--port={}", site.ports[0])]);
    let done = Done::from(child.wait_with_output().unwrap());
    assert_eq!(done.code, 1, "{done}");
    is_valid(&site, &done.json());
    fixture.store(&site);
    fixture.close().ok();
}

#[test]
fn with_a_location_the_data_are_kept() {
    let site = Site::new();
    let folder = site.sandbox.root().join("kept");
    let location = format!("--location={}", folder.display());
    let fixture = start(&site, &[&location]);
    assert_eq!(fixture.text("location"), folder.to_str().unwrap());
    fixture.store(&site);
    fixture.close().ok();
    assert!(folder.join("__azurite_db_blob__.json").is_file());
}

#[test]
fn an_azurite_that_dies_ends_it_with_a_reason() {
    let site = Site::new();
    let mut fixture = start(&site, &[]);
    signal(fixture.azurite, Signal::KILL);
    let mut child = fixture.child.take().unwrap();
    assert_eq!(ended(&mut child).code(), Some(1));
    let mut stderr = String::new();
    child
        .stderr
        .take()
        .unwrap()
        .read_to_string(&mut stderr)
        .unwrap();
    assert!(
        stderr.contains("error: Azurite was killed by signal 9"),
        "{stderr}"
    );
}

#[test]
fn forty_at_once_all_work() {
    let site = Site::new();
    // The first makes the certificates.
    start(&site, &[]).close().ok();
    let all: Vec<Child> = (0..40).map(|_| begin(&site, &[])).collect();
    let all: Vec<Fixture> = all
        .into_iter()
        .map(|child| answered(&site, child))
        .collect();
    let mut ports: Vec<u16> = all.iter().map(Fixture::port).collect();
    ports.sort_unstable();
    ports.dedup();
    assert_eq!(ports.len(), 40);
    for fixture in &all {
        assert!(lives(fixture.azurite));
    }
    let mut all = all;
    for fixture in &mut all {
        drop(fixture.child.as_mut().unwrap().stdin.take());
    }
    for fixture in all {
        fixture.close().ok();
    }
}
