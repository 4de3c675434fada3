//! Chromium's database: real certutil, and a real Chromium that reads it.

use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};

use rustix::process::{Pid, Signal, kill_process_group};

use crate::sandbox::{Done, Sandbox, until, write_program};
use crate::tls::{BODY, Server};

/// A sandbox whose machine has a certificate set.
pub fn with_set() -> Sandbox {
    let sandbox = Sandbox::new();
    sandbox.azup(["trust", "--stores", "none"]).ok();
    sandbox
}

pub fn trust(sandbox: &Sandbox) -> Done {
    sandbox.azup(["trust", "--stores", "nss"])
}

pub fn untrust(sandbox: &Sandbox) -> Done {
    sandbox.azup(["untrust", "--stores", "nss"])
}

/// An empty database without a password at `folder` below HOME.
pub fn database(sandbox: &Sandbox, folder: &str) -> PathBuf {
    let folder = sandbox.home().join(folder);
    std::fs::create_dir_all(&folder).unwrap();
    certutil(sandbox, &folder, &["-N", "--empty-password"]).ok();
    folder
}

pub fn certutil(sandbox: &Sandbox, folder: &Path, words: &[&str]) -> Done {
    let mut certutil = sandbox.command("certutil");
    certutil
        .args(words)
        .arg("-d")
        .arg(format!("sql:{}", folder.display()));
    certutil.output().unwrap().into()
}

/// What certutil lists: nickname and trust, one entry a line.
pub fn listed(sandbox: &Sandbox, folder: &Path) -> Vec<(String, String)> {
    let list = certutil(sandbox, folder, &["-L"]).ok().stdout;
    list.lines()
        .filter_map(|line| line.trim().rsplit_once(char::is_whitespace))
        .filter(|(_, trust)| trust.matches(',').count() == 2 && !trust.contains('/'))
        .map(|(name, trust)| (name.trim().to_owned(), trust.to_owned()))
        .collect()
}

pub fn label(sandbox: &Sandbox) -> String {
    let json = sandbox
        .azup(["trust", "--stores", "none", "--json"])
        .ok()
        .json();
    let subject = json["ca"]["subject"].as_str().unwrap();
    subject.trim_start_matches("CN=").to_owned()
}

/// The page as Chromium shows it, or why it does not, with the sandbox's HOME.
pub fn page(sandbox: &Sandbox, url: &str) -> String {
    let mut chromium = sandbox.command("chromium");
    chromium
        .args([
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-quic",
            "--no-first-run",
        ])
        .args([
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
        ])
        .args([
            "--disable-dev-shm-usage",
            "--timeout=20000",
            "--virtual-time-budget=5000",
        ])
        .arg(format!(
            "--user-data-dir={}",
            sandbox.root().join("chromium").display()
        ))
        .args(["--enable-logging=stderr", "--dump-dom", url]);
    let done = Done::from(chromium.output().unwrap());
    let why = done
        .stderr
        .lines()
        .find(|line| line.contains("Page load failed"));
    format!("{}{}", done.stdout, why.unwrap_or_default())
}

#[test]
fn chromium_loads_the_page_after_trust_and_only_then() {
    let sandbox = with_set();
    let server = Server::of(&sandbox.certs());
    let url = server.url("127.0.0.1");
    let refused = |when: &str| {
        let page = page(&sandbox, &url);
        assert!(
            page.contains("ERR_CERT_AUTHORITY_INVALID"),
            "{when}: {page}"
        );
    };
    refused("before trust");
    trust(&sandbox).ok();
    let shown = page(&sandbox, &url);
    assert!(shown.contains(BODY), "{shown}");
    untrust(&sandbox).ok();
    refused("after untrust");
}

/// In a home in which no browser was ever started, the database is made where today's Chromium
/// looks for it, and does not hide one in another place.
#[test]
fn chromium_started_for_the_first_time_after_trust_loads_the_page() {
    let sandbox = with_set();
    sandbox.needs("chromium");
    trust(&sandbox).ok();
    assert!(
        sandbox
            .home()
            .join(".local/share/pki/nssdb/cert9.db")
            .exists()
    );
    assert!(!sandbox.home().join(".pki").exists());
    let server = Server::of(&sandbox.certs());
    let shown = page(&sandbox, &server.url("localhost"));
    assert!(shown.contains(BODY), "{shown}");
}

#[test]
fn both_places_are_kept_up_with_the_least_trust_that_works() {
    let sandbox = with_set();
    let legacy = database(&sandbox, ".pki/nssdb");
    let xdg = database(&sandbox, ".local/share/pki/nssdb");
    let done = trust(&sandbox);
    insta::assert_snapshot!(sandbox.shown(&done), @r"
    exit: 0
    --- stdout
    nss      added  [HOME]/.pki/nssdb
    nss      added  [HOME]/.local/share/pki/nssdb
    azup local CA [ID] (valid until [DATE]): trusted
    --- stderr
    ");
    let expected = [(label(&sandbox), "C,,".to_owned())];
    for folder in [&legacy, &xdg] {
        assert_eq!(listed(&sandbox, folder), expected);
    }
    let before = Sandbox::files(&sandbox.home());
    let done = trust(&sandbox).ok();
    assert_eq!(done.stdout.matches("nss      trusted").count(), 2, "{done}");
    assert_eq!(Sandbox::files(&sandbox.home()), before);

    untrust(&sandbox).ok();
    for folder in [&legacy, &xdg] {
        assert_eq!(listed(&sandbox, folder), []);
    }
}

/// With nothing to do, no program is started, and none can be found here.
#[test]
fn a_trusted_database_is_recognised_without_certutil() {
    let mut sandbox = with_set();
    database(&sandbox, ".pki/nssdb");
    trust(&sandbox).ok();
    without_certutil(&mut sandbox);
    let done = trust(&sandbox).ok();
    assert!(done.stdout.starts_with("nss      trusted"), "{done}");
}

/// No real Chromium: only the link that marks a running one, here with the process ID of this test,
/// and then with that of a process that has ended.
#[test]
fn a_link_as_a_running_chromium_has_it_brings_the_note() {
    let sandbox = with_set();
    database(&sandbox, ".pki/nssdb");
    let link = sandbox.home().join(".config/chromium/SingletonLock");
    std::fs::create_dir_all(link.parent().unwrap()).unwrap();
    let target = format!("my-host-{}", std::process::id());
    std::os::unix::fs::symlink(target, &link).unwrap();
    let done = trust(&sandbox).ok();
    let note = "(restart the browser to see it)";
    assert!(done.stdout.contains(note), "{done}");
    std::fs::remove_file(&link).unwrap();
    let mut ended = sandbox.command("true").spawn().unwrap();
    ended.wait().unwrap();
    let target = format!("my-host-{}", ended.id());
    std::os::unix::fs::symlink(target, &link).unwrap();
    let done = untrust(&sandbox).ok();
    assert!(!done.stdout.contains(note), "{done}");
}

/// What a killed writer leaves: the file may hold half of a change. If certutil is installed, it
/// rolls that back: see `unbreakable.rs`.
#[test]
fn a_database_with_a_journal_is_not_believed() {
    let mut sandbox = with_set();
    let folder = database(&sandbox, ".pki/nssdb");
    let mut journal = vec![0xd9, 0xd5, 0x05, 0xf9, 0x20, 0xa1, 0x63, 0xd7, 0, 0, 0, 1];
    journal.resize(512, 0);
    std::fs::write(folder.join("cert9.db-journal"), journal).unwrap();
    without_certutil(&mut sandbox);
    let before = Sandbox::files(&folder);
    let done = trust(&sandbox);
    assert_eq!(done.code, 1, "{done}");
    assert!(done.stderr.contains("cert9.db is half written"), "{done}");
    assert_eq!(Sandbox::files(&folder), before);
}

/// Hides certutil from azup, which also looks in the folders for administrators.
pub fn without_certutil(sandbox: &mut Sandbox) {
    let empty = sandbox.root().join("no-programs");
    std::fs::create_dir_all(&empty).unwrap();
    sandbox.set("PATH", empty);
}

#[test]
fn without_certutil_the_package_is_named() {
    let mut sandbox = with_set();
    let folder = database(&sandbox, ".pki/nssdb");
    let before = Sandbox::files(&folder);
    without_certutil(&mut sandbox);
    let done = trust(&sandbox);
    assert_eq!(Sandbox::files(&folder), before);
    insta::assert_snapshot!(sandbox.shown(&done), @r"
    exit: 1
    --- stdout
    nss      failed  [HOME]/.pki/nssdb
    azup local CA [ID] (valid until [DATE]): trusted nowhere
    --- stderr
    error: nss, [HOME]/.pki/nssdb: certutil is not installed, and nothing else can change the database
    hint: sudo apt-get install libnss3-tools
    ");
    // As F5 runs it: the terminal ends with what failed, and what fixes it.
    let quiet = sandbox.azup(["trust", "--quiet", "--stores", "nss"]);
    assert_eq!((quiet.code, &*quiet.stdout), (1, ""), "{quiet}");
    assert_eq!(quiet.stderr, done.stderr);
}

#[test]
fn an_azup_that_another_one_holds_up_for_half_a_minute_ends_and_says_which() {
    let mut sandbox = with_set();
    database(&sandbox, ".pki/nssdb");
    let programs = sandbox.root().join("slow");
    std::fs::create_dir(&programs).unwrap();
    write_program(
        &programs.join("certutil"),
        "#!/bin/sh\n: > \"$HOME/began\"\nexec sleep 300\n",
    );
    let path = format!("{}:/usr/bin:/bin", programs.display());
    sandbox.set("PATH", path);
    let words = ["trust", "--quiet", "--stores", "nss"];
    let mut other = sandbox.azup_command(words);
    let mut other = other.process_group(0).spawn().unwrap();
    until(|| sandbox.home().join("began").exists());
    let done = sandbox.azup(words);
    let pid = other.id();
    let group = Pid::from_child(&other);
    kill_process_group(group, Signal::KILL).unwrap();
    other.wait().unwrap();
    assert_eq!(done.code, 1, "{done}");
    assert_eq!(
        done.stderr,
        format!(
            "error: another azup, process {pid}, has been changing this machine for 30 seconds\n\
             hint: kill {pid}\n"
        )
    );
}

#[test]
fn a_certificate_that_is_there_without_trust_gets_it() {
    let sandbox = with_set();
    let folder = database(&sandbox, ".pki/nssdb");
    let ca = sandbox.certs().join("ca.pem");
    let words = [
        "-A",
        "-n",
        "by another name",
        "-t",
        ",,",
        "-i",
        ca.to_str().unwrap(),
    ];
    certutil(&sandbox, &folder, &words).ok();
    trust(&sandbox).ok();
    let expected = [("by another name".to_owned(), "C,,".to_owned())];
    assert_eq!(listed(&sandbox, &folder), expected);
    untrust(&sandbox).ok();
    assert_eq!(listed(&sandbox, &folder), []);
}

#[test]
fn other_certificates_stay() {
    let sandbox = with_set();
    let folder = database(&sandbox, ".pki/nssdb");
    sandbox.foreign_ca("Foreign");
    let words = [
        "-A",
        "-n",
        "Foreign",
        "-t",
        "TCu,Cu,Tu",
        "-i",
        "Foreign.pem",
    ];
    certutil(&sandbox, &folder, &words).ok();
    let before = listed(&sandbox, &folder);
    assert_eq!(before.len(), 1);
    trust(&sandbox).ok();
    assert_eq!(listed(&sandbox, &folder).len(), 2);
    untrust(&sandbox).ok();
    assert_eq!(listed(&sandbox, &folder), before);
}

#[test]
fn a_primary_password_keeps_azup_out_and_nothing_half_done_stays() {
    let sandbox = with_set();
    let folder = sandbox.home().join(".pki/nssdb");
    std::fs::create_dir_all(&folder).unwrap();
    let password = sandbox.write("password", "correct horse\n");
    certutil(&sandbox, &folder, &["-N", "-f", password.to_str().unwrap()]).ok();
    let done = trust(&sandbox);
    assert_eq!(listed(&sandbox, &folder), []);
    assert_eq!(done.code, 1, "{done}");
    insta::assert_snapshot!(sandbox.shown(&done));
}

#[test]
fn a_database_that_is_none_is_named_and_left_alone() {
    let sandbox = with_set();
    let folder = sandbox.home().join(".pki/nssdb");
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(folder.join("cert9.db"), "not a database").unwrap();
    let before = Sandbox::files(&folder);
    let done = trust(&sandbox);
    assert_eq!(Sandbox::files(&folder), before);
    assert_eq!(done.code, 1);
    insta::assert_snapshot!(sandbox.shown(&done));
}

#[test]
fn folder_names_with_spaces_and_umlauts_work() {
    let mut sandbox = with_set();
    sandbox.needs("chromium");
    let data = sandbox.home().join("my data, größe");
    std::fs::create_dir_all(&data).unwrap();
    std::fs::rename(sandbox.own(), data.join("azup")).unwrap();
    sandbox.set("XDG_DATA_HOME", &data);
    trust(&sandbox).ok();
    assert_eq!(listed(&sandbox, &data.join("pki/nssdb")).len(), 1);
    untrust(&sandbox).ok();
    assert_eq!(listed(&sandbox, &data.join("pki/nssdb")), []);
}

/// Locks the database as another writer does, until the program ends: after this many seconds, or
/// when it is killed.
fn lock(sandbox: &Sandbox, folder: &Path, seconds: &str) -> std::process::Child {
    const SCRIPT: &str = r"
import sqlite3, sys, time
c = sqlite3.connect(sys.argv[1], isolation_level=None)
c.execute('begin exclusive')
print('locked', flush=True)
time.sleep(float(sys.argv[2]))
";
    let mut python = sandbox.command("python3");
    python
        .args(["-c", SCRIPT])
        .arg(folder.join("cert9.db"))
        .arg(seconds);
    let mut child = python.stdout(std::process::Stdio::piped()).spawn().unwrap();
    let mut line = String::new();
    let stdout = child.stdout.take().unwrap();
    std::io::BufRead::read_line(&mut std::io::BufReader::new(stdout), &mut line).unwrap();
    assert_eq!(line, "locked\n");
    child
}

#[test]
fn a_lock_that_is_given_back_is_waited_for() {
    let sandbox = with_set();
    let folder = database(&sandbox, ".pki/nssdb");
    let expected = [(label(&sandbox), "C,,".to_owned())];
    for (verb, expected) in [("trust", &expected[..]), ("untrust", &[])] {
        let mut other = lock(&sandbox, &folder, "3.5");
        sandbox.azup([verb, "--stores", "nss"]).ok();
        other.wait().unwrap();
        assert_eq!(listed(&sandbox, &folder), expected);
    }
}

#[test]
fn a_lock_that_is_never_given_back_is_named_with_its_holder() {
    let sandbox = with_set();
    let folder = database(&sandbox, ".pki/nssdb");
    let before = Sandbox::files(&folder);
    let mut other = lock(&sandbox, &folder, "600");
    let done = trust(&sandbox);
    let holder = format!("python3 (process {})", other.id());
    other.kill().unwrap();
    other.wait().unwrap();
    assert_eq!(done.code, 1, "{done}");
    let said = format!("the database is locked by {holder}; close the browser");
    assert!(done.stderr.contains(&said), "{done}");
    assert!(
        done.stderr.contains("hint: azup trust --stores nss"),
        "{done}"
    );
    assert_eq!(Sandbox::files(&folder), before);
    // Only the lock was in the way.
    trust(&sandbox).ok();
}
