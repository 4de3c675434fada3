//! Many at once, with pip and uv running too; locks; and what a lock leaves behind.

use std::process::Stdio;

use crate::python::{Environment, uv_cache};
use crate::sandbox::{Done, Sandbox, public_roots};
use crate::unbreakable::hostile::blocks;

/// Sixty-four `azup trust`, on three environments, while pip and uv reinstall certifi: by `pip
/// install`, by `uv pip install`, and by `uv sync` in a project with a lock file.
#[test]
fn sixty_four_at_once_beside_pip_and_uv_end_with_one_block_each() {
    let sandbox = Sandbox::new();
    let by_pip = Environment::by_pip(&sandbox, "pip", &["certifi"]);
    let by_uv = Environment::by_uv(&sandbox, "uv", "hardlink", &["certifi"]);
    let synced = Environment::of_uv_project(&sandbox, "synced", &["certifi"]);
    let all = [&by_pip, &by_uv, &synced];
    let before = all.map(Environment::bytes);
    let trust = |environment: &Environment| {
        let mut azup = sandbox.azup_command(["trust", "--stores", "certifi"]);
        azup.env("VIRTUAL_ENV", &environment.folder)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        azup
    };
    std::thread::scope(|scope| {
        let pip = scope.spawn(|| {
            by_pip
                .pip(&sandbox, &["install", "--force-reinstall"], &["certifi"])
                .ok();
        });
        let uv = scope.spawn(|| {
            for _ in 0..4 {
                by_uv
                    .uv_pip(&sandbox, &["install", "--reinstall"], &["certifi"])
                    .ok();
            }
        });
        let sync = scope.spawn(|| {
            for _ in 0..4 {
                synced.uv_sync(&sandbox, &["--reinstall"]).ok();
            }
        });
        let mut rounds = 0;
        while rounds == 0 || !(pip.is_finished() && uv.is_finished() && sync.is_finished()) {
            rounds += 1;
            let children: Vec<_> = (0..64)
                .map(|at| trust(all[at % all.len()]).spawn().unwrap())
                .collect();
            for child in children {
                let done = Done::from(child.wait_with_output().unwrap());
                // 1: at that moment there was no certifi.
                assert!([0, 1, 3].contains(&done.code), "{done}");
                assert!(!done.stderr.contains("panicked"), "{done}");
            }
        }
    });
    for (environment, before) in all.into_iter().zip(before) {
        Done::from(trust(environment).output().unwrap()).ok();
        let after = environment.bytes();
        assert_eq!(blocks(&after), 1);
        assert!(after.starts_with(&before), "nothing of certifi's is lost");
        let bundle = environment.bundle();
        let left: Vec<_> = Sandbox::files(bundle.parent().unwrap())
            .into_iter()
            .map(|(path, _)| path)
            .filter(|path| path.file_name().unwrap().to_string_lossy().contains("azup"))
            .collect();
        assert!(left.is_empty(), "{left:?}");
    }
    for (path, bytes) in Sandbox::files(&uv_cache(&sandbox)) {
        assert_eq!(blocks(&bytes), 0, "in uv's cache: {}", path.display());
    }
}

/// Trust and untrust at once: whichever is last, nothing is torn and nothing waits forever.
#[test]
fn trust_untrust_and_renew_at_once_do_not_wait_for_each_other_for_ever() {
    let sandbox = Sandbox::new();
    let bundle = sandbox.write("bundle.pem", public_roots());
    let words = |verb| [verb, "--stores", "none", "--bundle", "bundle.pem"];
    sandbox.azup(words("trust")).ok();
    let children: Vec<_> = ["trust", "untrust", "trust", "renew"]
        .into_iter()
        .cycle()
        .take(32)
        .map(|verb| {
            let mut azup = sandbox.azup_command(words(verb));
            azup.stdout(Stdio::piped()).stderr(Stdio::piped());
            (verb, azup.spawn().unwrap())
        })
        .collect();
    for (verb, child) in children {
        let done = Done::from(child.wait_with_output().unwrap());
        assert!([0, 1, 3].contains(&done.code), "{verb}: {done}");
        assert!(!done.stderr.contains("for 30 seconds"), "{verb}: {done}");
    }
    assert!(std::fs::read(&bundle).unwrap().starts_with(&public_roots()));
    sandbox.azup(words("trust")).ok();
    sandbox.azup(words("untrust")).ok();
    assert!(std::fs::read(&bundle).unwrap() == public_roots());
}

#[test]
fn a_lock_file_of_a_dead_azup_is_harmless_and_none_is_in_a_users_folder() {
    let sandbox = Sandbox::new();
    let bundle = sandbox.write("bundle.pem", public_roots());
    std::fs::create_dir_all(sandbox.own()).unwrap();
    std::fs::write(sandbox.own().join("lock"), "4194304\n").unwrap();
    let trust = ["trust", "--stores", "none", "--bundle", "bundle.pem"];
    sandbox.azup(trust).ok();
    assert_eq!(blocks(&std::fs::read(&bundle).unwrap()), 1);
    let everywhere = Sandbox::files(sandbox.root());
    let outside: Vec<_> = everywhere
        .iter()
        .map(|(path, _)| path)
        .filter(|path| !path.starts_with(sandbox.own()))
        .collect();
    assert_eq!(outside, [&bundle]);
}
