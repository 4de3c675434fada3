//! Data that Azurite has acknowledged is there after its container was stopped, or the engine
//! restarted, while eight clients store.

use std::io::{BufRead as _, BufReader, Read as _};
use std::path::Path;
use std::process::{Command, Stdio};

use crate::engine::{docker, run, wait};
use crate::site::{Compose, DevContainer, PATIENCE, Site, User, back};

const STRING: &str = "DefaultEndpointsProtocol=https;AccountName=devstoreaccount1;\
    AccountKey=Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==;\
    BlobEndpoint=https://127.0.0.1:10000/devstoreaccount1;";

/// A restart of the engine ends every container on the machine: `tests/run --all` runs this alone,
/// with an engine that it started itself.
#[test]
#[ignore = "restarts the engine: tests/run --all"]
fn nothing_acknowledged_is_lost_to_a_stop_or_a_restart_of_the_engine() {
    let pid_file = std::env::var("AZUP_TEST_ENGINE").unwrap();
    let count = std::env::var("AZUP_TEST_ROUNDS").map_or(1, |count| count.parse().unwrap());
    let site = Site::new("rounds", User::Other, Compose::Two);
    site.azup(&["init"], None).ok();
    let container = site.up(&[]);
    container.is_healthy();
    container.install();
    for round in 1..=count {
        a_stop_loses_nothing(&site, &container, &format!("docker stop, round {round}"));
        let what = format!("a restart of the engine, round {round}");
        let stored = stored_until(&site, &container, || restart(&pid_file));
        // The engine does not start containers that share its network, and never the dev container.
        let container = site.up(&[]);
        container.answers_after(&what, back());
        whole(&container, &stored, &what);
    }
}

/// `docker stop` and `docker start` of Azurite's container.
#[track_caller]
pub fn a_stop_loses_nothing(site: &Site, container: &DevContainer<'_>, what: &str) {
    let azurite = site.azurite();
    let stored = stored_until(site, container, || drop(docker(["stop", &azurite]).ok()));
    docker(["start", &azurite]).ok();
    container.answers_after(what, back());
    whole(container, &stored, what);
}

/// The names of what eight writers had stored when `end` ended Azurite.
#[track_caller]
fn stored_until(site: &Site, container: &DevContainer<'_>, end: impl FnOnce()) -> Vec<String> {
    let mut writers = writers(container, &["5", "stopping", "stored.txt"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut said = BufReader::new(writers.stdout.take().unwrap());
    let mut line = String::new();
    said.read_line(&mut line).unwrap();
    if line != "writing\n" {
        let mut why = String::new();
        writers.stderr.unwrap().read_to_string(&mut why).unwrap();
        panic!("the writers did not start: {why}");
    }
    std::thread::sleep(std::time::Duration::from_millis(500));
    end();
    drop(writers.stdin.take());
    // The engine takes their container and their output along; the project's folder stays.
    writers.wait().unwrap();
    let names = std::fs::read_to_string(site.folder().join("stored.txt")).unwrap();
    let names: Vec<String> = names.lines().map(str::to_owned).collect();
    assert!(names.len() > 8, "{names:?}");
    names
}

fn writers(container: &DevContainer<'_>, words: &[&str]) -> Command {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cli/up/writers.py");
    container.copy(&script, "/tmp/writers.py");
    let mut command = Command::new("docker");
    command.args(["exec", "-i", "-u", &container.user, "-w", &container.folder]);
    command.args([&container.id, ".venv/bin/python", "/tmp/writers.py", STRING]);
    command
        .arg(".devcontainer/azurite-certs/ca.pem")
        .args(words);
    command
}

/// Each of `stored` is there, with its content.
#[track_caller]
fn whole(container: &DevContainer<'_>, stored: &[String], what: &str) {
    let listed = run(&writers(container, &["list"])).ok().stdout;
    let there: std::collections::HashSet<&str> = listed.lines().collect();
    let lost: Vec<_> = stored
        .iter()
        .filter(|name| !there.contains(name.as_str()))
        .collect();
    assert!(
        lost.is_empty(),
        "{what}: {} of {} lost",
        lost.len(),
        stored.len()
    );
}

/// Ends the engine as a system does, and starts it as `tests/run` did.
fn restart(pid_file: &str) {
    let pid = std::fs::read_to_string(pid_file).unwrap();
    let pid = rustix::process::Pid::from_raw(pid.trim().parse().unwrap()).unwrap();
    rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
    let ended = || rustix::process::test_kill_process(pid).is_err();
    wait(PATIENCE, ended, || "the engine does not end".into());
    let start = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/engine/start");
    // The engine inherits the tests' variables.
    let started = Command::new(start)
        .arg(pid_file)
        .stdin(Stdio::null())
        .status()
        .unwrap();
    assert!(started.success());
}
