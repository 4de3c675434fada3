//! Files are old or new, and other writers keep their bytes.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use super::*;

fn file(bytes: &[u8]) -> Content {
    Content::File {
        bytes: bytes.to_vec(),
        mode: 0o644,
    }
}

fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<String> = fs::read_dir(folder)
        .expect("a folder")
        .map(|entry| {
            entry
                .expect("an entry")
                .file_name()
                .to_string_lossy()
                .into_owned()
        })
        .collect();
    names.sort();
    names
}

#[test]
fn replacing_breaks_a_hard_link_and_keeps_mode() {
    let folder = tempfile::tempdir().expect("a folder");
    let (one, two) = (folder.path().join("one"), folder.path().join("two"));
    fs::write(&one, "old").expect("written");
    fs::set_permissions(&one, fs::Permissions::from_mode(0o640)).expect("mode");
    fs::hard_link(&one, &two).expect("linked");
    replace(&one, Some(b"old"), &file(b"new")).expect("replaced");
    assert_eq!(fs::read(&one).expect("one"), b"new");
    assert_eq!(fs::read(&two).expect("two"), b"old");
    assert_eq!(one.metadata().expect("one").mode() & 0o7777, 0o640);
    assert_eq!(
        names(folder.path()),
        ["one", "two"],
        "nothing is left behind"
    );
}

#[test]
fn what_somebody_else_wrote_stays() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("bundle");
    fs::write(&path, "theirs").expect("written");
    let error = replace(&path, Some(b"old"), &file(b"new")).expect_err("a conflict");
    assert!(error.downcast_ref::<Conflict>().is_some(), "{error}");
    let error = replace(&path, None, &file(b"new")).expect_err("a conflict");
    assert!(error.downcast_ref::<Conflict>().is_some(), "{error}");
    let error = delete(&path, b"old").expect_err("a conflict");
    assert!(error.downcast_ref::<Conflict>().is_some(), "{error}");
    assert_eq!(fs::read(&path).expect("read"), b"theirs");
    assert_eq!(names(folder.path()), ["bundle"]);
}

/// Writers that know nothing of azup race with it; each of their bytes must survive.
#[test]
fn a_racing_writer_never_loses_its_last_word() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("bundle");
    fs::write(&path, "0").expect("written");
    std::thread::scope(|scope| {
        let writer = scope.spawn(|| {
            for round in 1..=3000 {
                let other = folder.path().join("theirs");
                fs::write(&other, round.to_string()).expect("written");
                fs::rename(&other, &path).expect("renamed");
            }
        });
        while !writer.is_finished() {
            let before = fs::read(&path).expect("read");
            let plain: Vec<u8> = before
                .iter()
                .copied()
                .filter(|byte| *byte != b'+')
                .collect();
            let after = [plain.as_slice(), b"+"].concat();
            let _ = replace(&path, Some(&before), &file(&after));
        }
    });
    let last = fs::read_to_string(&path).expect("read");
    assert_eq!(last.trim_end_matches('+'), "3000");
    assert_eq!(names(folder.path()), ["bundle"]);
}

#[test]
fn a_fifo_is_refused_at_once() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("fifo");
    let made = std::process::Command::new("mkfifo")
        .arg(&path)
        .status()
        .expect("mkfifo runs");
    assert!(made.success());
    let error = read(&path).expect_err("refused");
    assert!(error.to_string().ends_with("is not a regular file"), "{error}");
}

#[test]
fn a_secret_is_made_with_its_mode() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("key.pem");
    let content = Content::File {
        bytes: b"secret".to_vec(),
        mode: 0o600,
    };
    replace(&path, None, &content).expect("written");
    assert_eq!(path.metadata().expect("there").mode() & 0o7777, 0o600);
}

#[test]
fn leftovers_of_a_crash_go_only_when_old() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("bundle");
    let young = folder.path().join(".bundle.azup-0011223344556677");
    fs::write(&young, "x").expect("written");
    replace(&path, None, &file(b"new")).expect("written");
    assert!(
        young.exists(),
        "it may belong to an azup that is still at work"
    );
}

#[test]
fn a_lock_is_exclusive_and_ends_with_its_holder() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("deep/lock");
    let limit = std::time::Duration::from_millis(20);
    let held = Lock::acquire(&path, limit).expect("made").expect("free");
    assert!(Lock::acquire(&path, limit).expect("opened").is_none());
    drop(held);
    assert!(Lock::acquire(&path, limit).expect("opened").is_some());
}
