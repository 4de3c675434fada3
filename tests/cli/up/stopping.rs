//! However it ends, stored data is kept and no process is left running.

use std::process::Stdio;
use std::time::{Duration, Instant};

use rustix::process::Signal;

use super::site::{PATIENCE, Site, ended, gone, signal};
use crate::sandbox::{Done, azup};

#[test]
fn a_blob_stored_just_before_the_end_is_there_afterwards() {
    let site = Site::new();
    let up = site.up(&[]);
    site.store("before Ctrl-C");
    let done = up.ctrl_c().ok();
    assert!(
        done.stderr.ends_with("stopping Azurite\nstopped\n"),
        "{done}"
    );

    let up = site.up(&[]);
    assert_eq!(site.stored(), "before Ctrl-C 200");
    site.store("before SIGTERM");
    up.end_with(Signal::TERM).ok();

    let up = site.up(&[]);
    assert_eq!(site.stored(), "before SIGTERM 200");
    site.store("before the terminal closes");
    up.end_with(Signal::HUP).ok();

    // Killed without warning: the pipe to Azurite closes, and it ends by itself.
    let up = site.up(&[]);
    assert_eq!(site.stored(), "before the terminal closes 200");
    site.store("before kill -9");
    let done = up.end_with(Signal::KILL);
    assert_eq!(done.code, -1);

    let up = site.up(&[]);
    assert_eq!(site.stored(), "before kill -9 200");
    up.end_with(Signal::INT).ok();
    assert!(site.run_files("json").is_empty(), "nothing runs any more");
}

/// How people keep a program running when they log out.
#[test]
fn under_nohup_it_outlives_the_terminal() {
    let site = Site::new();
    let mut nohup = site.sandbox.command("nohup");
    nohup.arg(azup()).args(site.words(&[]));
    let up = site.up_by(nohup);
    site.store("kept");
    signal(up.pid(), Signal::HUP);
    // It looks for signals twenty times a second.
    std::thread::sleep(Duration::from_secs(1));
    assert_eq!(site.stored(), "kept 200");
    let done = up.end_with(Signal::TERM).ok();
    assert!(
        done.stderr.ends_with("stopping Azurite\nstopped\n"),
        "{done}"
    );
}

#[test]
fn up_right_after_kill_waits_for_the_old_azurite() {
    let site = Site::new();
    let up = site.up(&[]);
    site.store("kept");
    let old = up.azurite();
    signal(up.pid(), Signal::KILL);
    // A signal takes time on a busy machine; then Azurite takes its own.
    assert!(gone(up.pid()));
    let up = site.up(&[]);
    assert!(gone(old));
    assert_eq!(site.stored(), "kept 200");
    up.end_with(Signal::INT).ok();
}

#[test]
fn an_azurite_that_dies_is_restarted_once_and_the_reason_is_said() {
    let site = Site::new();
    let mut up = site.up(&["--json"]);
    site.store("kept");
    signal(up.azurite(), Signal::TERM);
    let until = Instant::now() + PATIENCE;
    let again = loop {
        let status = site.sandbox.azup(["status", "--json"]).ok().json();
        let running = status["azurites"][0].clone();
        if running["died"].is_string() {
            break running;
        }
        assert!(Instant::now() < until, "{status}");
        std::thread::sleep(Duration::from_millis(50));
    };
    assert_eq!(site.stored(), "kept 200");
    let status = site.sandbox.azup(["status"]).ok().stdout;
    assert!(status.contains("restarted   Azurite "), "{status}");
    let log = std::fs::read_to_string(&site.run_files("log")[0]).unwrap();
    assert!(log.contains("; restarted\n"), "{log}");

    // It would only keep ending like this.
    signal(
        u32::try_from(again["azurite_pid"].as_u64().unwrap()).unwrap(),
        Signal::KILL,
    );
    let done = up.wait();
    assert_eq!(done.code, 1);
    assert!(done.stderr.contains("restarting it"), "{done}");
    assert!(
        done.stderr
            .ends_with("error: Azurite was killed by signal 9\nhint: azup up\n"),
        "{done}"
    );
    // Standard output is still one document: the answer.
    assert_eq!(done.json()["round_trip"], true);
    assert!(site.run_files("json").is_empty());
}

#[test]
fn no_token_is_ever_logged() {
    let site = Site::new();
    let up = site.up(&["-v"]);
    site.store("x");
    let done = up.end_with(Signal::INT).ok();
    assert!(done.stderr.contains("successfully listening at"), "{done}");
    let logs = site.run_files("log");
    assert_eq!(logs.len(), 1);
    let log = std::fs::read_to_string(&logs[0]).unwrap();
    for text in [&log, &done.stderr, &done.stdout] {
        assert!(!text.contains("Bearer") && !text.contains("eyJ"), "{text}");
    }
}

#[test]
fn interrupted_before_it_is_ready_it_leaves_nothing_running() {
    let site = Site::new();
    let mut azup = site
        .sandbox
        .azup_command(site.words(&[]))
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let until = Instant::now() + PATIENCE;
    // Its log is created when Azurite is started, a second before it answers.
    while site.run_files("log").is_empty() {
        assert!(Instant::now() < until, "Azurite was started");
        std::thread::sleep(Duration::from_millis(1));
    }
    signal(azup.id(), Signal::INT);
    ended(&mut azup);
    let done = Done::from(azup.wait_with_output().unwrap());
    assert_eq!(done.code, 130, "{done}");
    assert_eq!(done.stdout, "");
    assert!(done.stderr.ends_with("error: interrupted\n"), "{done}");
    // Its lock and its ports are free.
    site.up(&[]).end_with(Signal::INT).ok();
}

#[test]
fn an_azurite_that_does_not_end_is_killed_and_said_to_be() {
    let site = Site::new();
    let up = site.up(&[]);
    signal(up.azurite(), Signal::STOP);
    let done = up.end_with(Signal::INT);
    assert_eq!(done.code, 1);
    assert!(
        done.stderr
            .contains("error: Azurite did not end within 10 seconds and was killed"),
        "{done}"
    );
}
