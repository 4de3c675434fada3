//! What a renewal, a user's decision and an older azup leave: nothing that somebody else made is
//! lost, and nothing of azup's stays behind.

use super::repo::{Author, Shape, folder};
use super::{healthy, paste};
use crate::sandbox::{Sandbox, public_roots};

#[test]
fn renew_keeps_what_azup_did_not_make() {
    let sandbox = healthy();
    let author = Author::new(&sandbox, "a CA of the company", &[]);
    author.plant(&folder(&sandbox), Shape::Current);
    let before = Sandbox::files(&folder(&sandbox));
    sandbox.azup(["renew"]).ok();
    let after = Sandbox::files(&folder(&sandbox));
    for (path, bytes) in before {
        let kept = after.iter().find(|(_, now)| *now == bytes);
        let (copy, _) = kept.unwrap_or_else(|| panic!("{} is lost", path.display()));
        assert!(
            copy.to_string_lossy().contains("replaced-"),
            "{}",
            copy.display()
        );
        if path.ends_with("key.pem") {
            use std::os::unix::fs::MetadataExt as _;
            assert_eq!(copy.metadata().unwrap().mode() & 0o777, 0o600);
        }
    }
    sandbox.azup(["trust"]).ok();
    author.believed_nowhere(&sandbox, &[&sandbox.root().join("corp.pem")]);
}

/// The company's CA signs again: somebody may use the first leaf's key, too.
#[test]
fn two_sets_of_one_ca_are_both_kept() {
    let sandbox = healthy();
    let author = Author::new(&sandbox, "a CA of the company", &[]);
    let mut keys = Vec::new();
    for round in 0..2 {
        author.plant(&folder(&sandbox), Shape::Current);
        let key = folder(&sandbox).join("key.pem");
        if round == 1 {
            std::fs::write(
                &key,
                std::fs::read(author.ca().with_file_name("kept.key")).unwrap(),
            )
            .unwrap();
        }
        keys.push(std::fs::read(&key).unwrap());
        sandbox.azup(["renew"]).ok();
    }
    let after = Sandbox::files(&folder(&sandbox));
    for key in keys {
        assert!(
            after.iter().any(|(_, bytes)| *bytes == key),
            "a key is lost"
        );
    }
}

/// Whoever wrote the set can predict the names of its copies.
#[test]
fn a_copy_is_kept_though_something_has_its_name() {
    let sandbox = healthy();
    let author = Author::new(&sandbox, "a CA of the company", &[]);
    author.plant(&folder(&sandbox), Shape::Current);
    let key = std::fs::read(folder(&sandbox).join("key.pem")).unwrap();
    sandbox.azup(["renew"]).ok();
    let copies: Vec<_> = Sandbox::files(&folder(&sandbox))
        .into_iter()
        .map(|(path, _)| path)
        .filter(|path| path.to_string_lossy().contains("replaced-"))
        .collect();
    assert_eq!(copies.len(), 3);
    for copy in copies {
        std::fs::write(copy, "somebody's\n").unwrap();
    }
    author.plant(&folder(&sandbox), Shape::Current);
    sandbox.azup(["renew"]).ok();
    let after = Sandbox::files(&folder(&sandbox));
    assert!(
        after
            .iter()
            .any(|(path, bytes)| *bytes == key && !path.ends_with("key.pem"))
    );
}

#[test]
fn renew_overwrites_no_set_in_a_folder_that_the_user_named() {
    let sandbox = healthy();
    let docker = sandbox.home().join(".docker");
    let author = Author::new(&sandbox, "a CA for the engine", &[]);
    author.plant(&docker, Shape::Current);
    std::fs::remove_file(docker.join("cert.pem")).unwrap();
    let before = Sandbox::files(&docker);
    let words = ["renew", "--certs", docker.to_str().unwrap()];
    let done = sandbox.azup(words);
    assert_eq!(done.code, 4, "{done}");
    assert_eq!(Sandbox::files(&docker), before);
    let hint = done
        .stderr
        .lines()
        .find_map(|line| line.strip_prefix("hint: "));
    paste(&sandbox, hint.unwrap()).ok();
    let after = Sandbox::files(&docker);
    assert!(before.iter().all(|file| after.contains(file)));
}

#[test]
fn a_user_may_vouch_for_a_set_that_they_know() {
    let sandbox = healthy();
    let author = Author::new(&sandbox, "a CA of the company", &[]);
    author.plant(&folder(&sandbox), Shape::Current);
    assert_eq!(sandbox.azup(["trust"]).code, 4);
    let ca = folder(&sandbox).join("ca.pem");
    let bundle = sandbox.root().join("corp.pem");
    let words = ["trust", "--bundle", bundle.to_str().unwrap()];
    let ca = ["--ca", ca.to_str().unwrap()];
    sandbox.azup(words.iter().chain(&ca)).ok();
    sandbox.azup(words).ok();
    sandbox.azup(["env"]).ok();
    assert!(author.is_believed(&sandbox, &bundle), "the user said so");
    // And removed again, by name.
    let words = ["untrust", "--bundle", bundle.to_str().unwrap()];
    sandbox.azup(words.iter().chain(&ca)).ok();
    sandbox.azup(words).ok();
    assert_eq!(std::fs::read(&bundle).unwrap(), public_roots());
}

#[test]
fn after_0_1_0_a_set_that_has_expired_or_is_damaged_is_replaced_too() {
    for damage in [false, true] {
        let mut sandbox = healthy();
        std::fs::remove_file(sandbox.own().join("issued.json")).unwrap();
        if damage {
            std::fs::write(sandbox.certs().join("cert.pem"), "hello\n").unwrap();
        } else {
            let then = time::OffsetDateTime::now_utc().unix_timestamp() + 500 * 86_400;
            sandbox.set("AZUP_NOW", then.to_string());
        }
        let done = sandbox.azup(["env"]).ok();
        assert!(done.stderr.contains("azup 0.1.0 kept no list"), "{done}");
        sandbox.azup(["trust"]).ok();
    }
}

/// 0.1.0 trusted a CA of any name in a project set: only the record knows of it.
#[test]
fn what_was_recorded_goes_whatever_the_ca_is_called() {
    let sandbox = healthy();
    let author = Author::new(&sandbox, "DigiCert Global Root G2", &[]);
    let bundle = sandbox.root().join("corp.pem");
    let words = ["--bundle", bundle.to_str().unwrap()];
    let ca = author.ca();
    let trust = ["trust", "--ca", ca.to_str().unwrap()];
    sandbox.azup(trust.iter().chain(&words)).ok();
    assert!(author.is_believed(&sandbox, &bundle));
    let list = sandbox.own().join("issued.json");
    let text = std::fs::read_to_string(&list).unwrap();
    let mut list_of_then: serde_json::Value = serde_json::from_str(&text).unwrap();
    list_of_then["vouched"] = serde_json::json!([]);
    std::fs::write(&list, list_of_then.to_string()).unwrap();
    sandbox.azup(["untrust"].iter().chain(&words)).ok();
    assert_eq!(std::fs::read(&bundle).unwrap(), public_roots());
}

/// 0.1.0 kept no list of what it had issued: anything that it trusted may have been planted.
#[test]
fn after_0_1_0_there_is_a_new_set_and_the_old_ca_is_gone() {
    let sandbox = healthy();
    let bundle = sandbox.root().join("corp.pem");
    let old = std::fs::read(sandbox.certs().join("ca.pem")).unwrap();
    std::fs::remove_file(sandbox.own().join("issued.json")).unwrap();
    let words = ["trust", "--bundle", bundle.to_str().unwrap()];
    let done = sandbox.azup(words).ok();
    assert!(done.stderr.contains("azup 0.1.0 kept no list"), "{done}");
    assert!(done.stderr.contains("removed from 1 store;"), "{done}");
    let trusted = std::fs::read_to_string(&bundle).unwrap();
    assert!(
        !trusted.contains(&*String::from_utf8_lossy(&old)),
        "{trusted}"
    );
    assert_ne!(std::fs::read(sandbox.certs().join("ca.pem")).unwrap(), old);
    let done = sandbox.azup(["env"]).ok();
    assert!(!done.stderr.contains("0.1.0"), "once: {done}");
}

/// git would add a key that is staged there, if only for a moment.
#[test]
fn a_file_with_a_staged_ones_name_that_git_tracks_stays_as_it_is() {
    let sandbox = healthy();
    std::fs::create_dir_all(folder(&sandbox)).unwrap();
    sandbox.azup(["trust"]).ok();
    let before = std::fs::read(folder(&sandbox).join("ca.pem")).unwrap();
    let staged = folder(&sandbox).join("next-key.pem");
    std::fs::write(&staged, "somebody's\n").unwrap();
    sandbox.run("git", ["init", "-q"]).ok();
    sandbox
        .run("git", ["add", "-f", staged.to_str().unwrap()])
        .ok();
    sandbox.azup(["renew"]).ok();
    assert_eq!(std::fs::read(&staged).unwrap(), b"somebody's\n");
    assert_ne!(
        std::fs::read(folder(&sandbox).join("ca.pem")).unwrap(),
        before
    );
}
