//! Firefox's profiles: a real Firefox ESR makes and reads them, driven by `firefox.py`, and folder
//! trees as snap and flatpak lay them out.

use std::path::{Path, PathBuf};
use std::process::Stdio;

use crate::browser::{database, label, listed, trust, untrust, with_set, without_certutil};
use crate::sandbox::{Done, Sandbox};
use crate::tls::{BODY, Server};

/// A profile made by Firefox itself below `root`, with `profiles.ini` next to it. It has a database
/// only once Firefox was started with it.
fn profile(sandbox: &Sandbox, name: &str, root: &str) -> PathBuf {
    let root = sandbox.home().join(root);
    let mut firefox = sandbox.command("firefox-esr");
    firefox.args(["--headless", "--createprofile", name]);
    Done::from(firefox.output().unwrap()).ok();
    assert!(root.join("profiles.ini").exists(), "{}", root.display());
    let mut found = std::fs::read_dir(&root)
        .unwrap()
        .map(|entry| entry.unwrap().path());
    let ending = format!(".{name}");
    found
        .find(|path| path.to_string_lossy().ends_with(&ending))
        .unwrap()
}

fn firefox(sandbox: &Sandbox, profile: &Path, url: &str) -> std::process::Command {
    let mut python = sandbox.command("python3");
    python
        .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/cli/firefox.py"))
        .arg(profile)
        .arg(url);
    python
}

/// The page as a freshly started Firefox shows it, or why it does not.
fn page(sandbox: &Sandbox, profile: &Path, url: &str) -> String {
    Done::from(firefox(sandbox, profile, url).output().unwrap()).to_string()
}

#[track_caller]
fn refused(sandbox: &Sandbox, profile: &Path, url: &str) {
    let shown = page(sandbox, profile, url);
    assert!(shown.contains("insecure certificate"), "{shown}");
}

#[track_caller]
fn accepted(sandbox: &Sandbox, profile: &Path, url: &str) {
    let shown = page(sandbox, profile, url);
    assert!(shown.contains(BODY), "{shown}");
}

#[test]
fn firefox_loads_the_page_after_trust_and_only_then() {
    let sandbox = with_set();
    let url = Server::of(&sandbox.certs()).url("127.0.0.1");
    let profile = profile(&sandbox, "work", ".config/mozilla/firefox");
    refused(&sandbox, &profile, &url);
    trust(&sandbox).ok();
    accepted(&sandbox, &profile, &url);
    let before = std::fs::read(profile.join("cert9.db")).unwrap();
    let done = trust(&sandbox).ok();
    assert!(done.stdout.contains("nss      trusted"), "{done}");
    assert_eq!(std::fs::read(profile.join("cert9.db")).unwrap(), before);
    untrust(&sandbox).ok();
    refused(&sandbox, &profile, &url);
}

#[test]
fn a_running_browser_has_to_be_restarted() {
    let sandbox = with_set();
    let url = Server::of(&sandbox.certs()).url("127.0.0.1");
    let profile = profile(&sandbox, "work", ".config/mozilla/firefox");
    let mut running = firefox(&sandbox, &profile, &url)
        .arg("stay")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    let stdout = running.stdout.take().unwrap();
    std::io::BufRead::read_line(&mut std::io::BufReader::new(stdout), &mut line).unwrap();
    let while_running = trust(&sandbox).ok();
    drop(running.stdin.take());
    running.wait().unwrap();
    assert!(line.contains("insecure certificate"), "{line}");
    let note = " (restart the browser to see it)";
    assert!(while_running.stdout.contains(note), "{while_running}");
    let afterwards = untrust(&sandbox).ok();
    assert!(!afterwards.stdout.contains(note), "{afterwards}");
}

/// Firefox makes profiles in the older place if that exists, else in the XDG place. azup finds
/// both.
#[test]
fn profiles_in_both_places_are_read() {
    let sandbox = with_set();
    let url = Server::of(&sandbox.certs()).url("localhost");
    let new = profile(&sandbox, "new", ".config/mozilla/firefox");
    std::fs::create_dir_all(sandbox.home().join(".mozilla/firefox")).unwrap();
    let old = profile(&sandbox, "old", ".mozilla/firefox");
    let never_started = profile(&sandbox, "idle", ".mozilla/firefox");
    refused(&sandbox, &new, &url);
    refused(&sandbox, &old, &url);
    let done = trust(&sandbox).ok();
    accepted(&sandbox, &new, &url);
    accepted(&sandbox, &old, &url);
    let idle = never_started.to_string_lossy().into_owned();
    assert!(!done.stdout.contains(&idle), "{done}");
    untrust(&sandbox).ok();
    for profile in [new, old] {
        assert_eq!(listed(&sandbox, &profile), []);
    }
}

/// Real databases, but no snap or flatpak: only their folders.
#[test]
fn databases_in_trees_of_the_shape_of_snap_and_flatpak_are_kept_up() {
    let sandbox = with_set();
    let version = sandbox.home().join("snap/chromium/3000");
    std::fs::create_dir_all(&version).unwrap();
    std::os::unix::fs::symlink("3000", version.with_file_name("current")).unwrap();
    let folders = [
        "snap/chromium/current/.pki/nssdb",
        "snap/chromium/current/.local/share/pki/nssdb",
        "snap/firefox/common/.mozilla/firefox/abc.default",
        ".var/app/org.chromium.Chromium/data/pki/nssdb",
        ".var/app/com.google.Chrome/.pki/nssdb",
        ".var/app/org.mozilla.firefox/.mozilla/firefox/abc.default-release",
        ".var/app/org.mozilla.firefox/config/mozilla/firefox/abc.default",
        ".librewolf/abc.default-default",
        ".config/librewolf/librewolf/abc.default",
        ".zen/abc.default",
        ".waterfox/abc.default",
        ".floorp/abc.default",
        ".mozilla/icecat/abc.default",
        "snap/brave/current/.pki/nssdb",
        "snap/postman/current/.local/share/pki/nssdb",
        ".var/app/io.gitlab.librewolf-community/.librewolf/abc.default",
    ]
    .map(|folder| database(&sandbox, folder));
    let done = trust(&sandbox).ok();
    let expected = [(label(&sandbox), "C,,".to_owned())];
    for folder in &folders {
        assert_eq!(listed(&sandbox, folder), expected, "{folder:?} {done}");
    }
    untrust(&sandbox).ok();
    for folder in &folders {
        assert_eq!(listed(&sandbox, folder), []);
    }
}

/// Two `profiles.ini` that name one folder, one of them through a link.
#[test]
fn a_profile_that_is_named_twice_is_one_store() {
    let sandbox = with_set();
    let shared = database(&sandbox, "shared profile");
    let link = sandbox.home().join("link");
    std::os::unix::fs::symlink(&shared, &link).unwrap();
    for (root, path) in [(".mozilla/firefox", &shared), (".librewolf", &link)] {
        let root = sandbox.home().join(root);
        std::fs::create_dir_all(&root).unwrap();
        let ini = format!("[Profile0]\r\nIsRelative=0\r\nPath={}\r\n", path.display());
        std::fs::write(root.join("profiles.ini"), ini).unwrap();
    }
    let done = trust(&sandbox).ok();
    assert_eq!(
        done.stdout.matches("/home/shared profile").count(),
        1,
        "{done}"
    );
    assert_eq!(done.stdout.matches("/home/link").count(), 0, "{done}");
    assert_eq!(listed(&sandbox, &shared).len(), 1);
}

/// Not a real database: nothing looks into the file.
#[test]
fn a_profile_with_a_cert8_db_alone_is_named_and_left_alone() {
    let mut sandbox = with_set();
    // No Chromium, which would get a database of its own.
    without_certutil(&mut sandbox);
    let profile = sandbox.home().join(".mozilla/firefox/old.default");
    std::fs::create_dir_all(&profile).unwrap();
    std::fs::write(profile.join("cert8.db"), "from before 2018").unwrap();
    let before = Sandbox::files(&profile);
    insta::assert_snapshot!(sandbox.shown(&trust(&sandbox)), @r"
    exit: 0
    --- stdout
    nss      skipped  [HOME]/.mozilla/firefox/old.default (it has only a cert8.db, a format from before 2018 that no current browser reads)
    azup local CA [ID] (valid until [DATE]): trusted nowhere
    --- stderr
    ");
    untrust(&sandbox).ok();
    assert_eq!(Sandbox::files(&profile), before);

    // Once Firefox has made a new database, the old one next to it does not matter.
    sandbox.set("PATH", "/usr/bin:/bin");
    database(&sandbox, ".mozilla/firefox/old.default");
    let done = trust(&sandbox).ok();
    assert!(done.stdout.contains("nss      added"), "{done}");
    assert!(!done.stdout.contains("skipped"), "{done}");
}
