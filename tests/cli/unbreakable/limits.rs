//! Errors that the kernel really returns, to root too: immutable files, and files that may not grow
//! to the needed length.

use std::ffi::OsStr;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use crate::merge::{assert_same, project, tree};
use crate::sandbox::{Done, Sandbox, azup, public_roots};
use crate::unbreakable::hostile::{as_root, blocks, prepared};

const TRUST: [&str; 5] = ["trust", "--stores", "none", "--bundle", "d/bundle.pem"];
const UNTRUST: [&str; 5] = ["untrust", "--stores", "none", "--bundle", "d/bundle.pem"];

/// A file or folder that is immutable until this is dropped.
struct Immutable<'s> {
    sandbox: &'s Sandbox,
    path: PathBuf,
}

impl<'s> Immutable<'s> {
    fn new(sandbox: &'s Sandbox, path: impl Into<PathBuf>) -> Self {
        let path = path.into();
        chattr(sandbox, "+i", &path);
        Self { sandbox, path }
    }
}

impl Drop for Immutable<'_> {
    fn drop(&mut self) {
        chattr(self.sandbox, "-i", &self.path);
    }
}

fn chattr(sandbox: &Sandbox, change: &str, path: &Path) {
    let words = ["chattr".as_ref(), change.as_ref(), path.as_os_str()];
    as_root(sandbox, &words);
}

/// Whether the file system of the tests knows such files (overlays and network file systems do
/// not). If it does not, that is said, and in CI it is a failure.
fn has_immutable_files(sandbox: &Sandbox) -> bool {
    let trial = sandbox.write("trial", "");
    let root = rustix::process::geteuid().is_root();
    let sudo: &[&str] = if root { &[] } else { &["sudo", "-n"] };
    let words = sudo.iter().chain(&["chattr", "+i"]).map(OsStr::new);
    let words: Vec<&OsStr> = words.chain([trial.as_os_str()]).collect();
    let done = sandbox.run(words[0], &words[1..]);
    if done.code == 0 {
        chattr(sandbox, "-i", &trial);
    } else {
        // Not by a macro, whose output is hidden if the test passes.
        let said = format!("\n******** NOT RUN: no file can be made immutable here: {done}\n");
        std::io::stderr().write_all(said.as_bytes()).unwrap();
        assert!(std::env::var_os("CI").is_none_or(|ci| ci != "true"));
    }
    std::fs::remove_file(trial).unwrap();
    done.code == 0
}

/// It failed with a message for a person.
#[track_caller]
fn refused(done: &Done, why: &str) {
    assert_eq!(done.code, 1, "{done}");
    let all = format!("{}{}", done.stdout, done.stderr);
    assert!(all.contains(why), "{done}");
    assert!(
        !all.contains("os error") && !all.contains("panicked"),
        "{done}"
    );
}

#[test]
fn an_immutable_bundle_or_folder_stays_as_it_is() {
    let (sandbox, bundle) = prepared();
    if !has_immutable_files(&sandbox) {
        return;
    }
    let folder = bundle.parent().unwrap();
    std::fs::write(&bundle, public_roots()).unwrap();
    for path in [&bundle, folder] {
        let old = Sandbox::files(folder);
        let guard = Immutable::new(&sandbox, path);
        refused(&sandbox.azup(TRUST), "Operation not permitted");
        assert!(Sandbox::files(folder) == old, "nothing new, nothing left");
        drop(guard);
        sandbox.azup(TRUST).ok();
        let new = Sandbox::files(folder);
        assert_eq!(blocks(&new[0].1), 1);

        let guard = Immutable::new(&sandbox, path);
        // There is nothing to write.
        sandbox.azup(TRUST).ok();
        refused(&sandbox.azup(UNTRUST), "Operation not permitted");
        assert!(Sandbox::files(folder) == new, "nothing new, nothing left");
        drop(guard);
        sandbox.azup(UNTRUST).ok();
        assert!(Sandbox::files(folder) == old);
    }
}

#[test]
fn an_immutable_certificate_folder_keeps_its_set_whole() {
    let (mut sandbox, bundle) = prepared();
    if !has_immutable_files(&sandbox) {
        return;
    }
    std::fs::write(&bundle, public_roots()).unwrap();
    sandbox.azup(TRUST).ok();
    let renew = ["renew", "--stores", "none", "--bundle", "d/bundle.pem"];
    let set = Sandbox::files(&sandbox.certs());
    for path in [sandbox.certs(), sandbox.certs().join("cert.pem")] {
        let guard = Immutable::new(&sandbox, &path);
        refused(&sandbox.azup(renew), "Operation not permitted");
        drop(guard);
        let mut now = Sandbox::files(&sandbox.certs());
        now.retain(|(path, _)| set.iter().any(|(known, _)| known == path));
        assert!(now == set, "{}", path.display());
        sandbox.azup(TRUST).ok();
    }
    let ca = |sandbox: &Sandbox| std::fs::read_to_string(sandbox.certs().join("ca.pem")).unwrap();
    sandbox.azup(renew).ok();
    let text = std::fs::read_to_string(&bundle).unwrap();
    assert!(text.contains(ca(&sandbox).trim()), "the new one is trusted");

    // A first set, with azup's own folder in one in which nothing can be created.
    let home = sandbox.root().join("another-home");
    std::fs::create_dir_all(home.join(".local/share/azup")).unwrap();
    sandbox.set("HOME", &home);
    let guard = Immutable::new(&sandbox, home.join(".local/share/azup"));
    refused(&sandbox.azup(TRUST), "Operation not permitted");
    assert!(Sandbox::files(&home).is_empty());
    drop(guard);
    sandbox.azup(TRUST).ok();
}

#[test]
fn an_immutable_file_of_a_project_takes_everything_back() {
    let sandbox = project(&[
        (
            ".devcontainer/devcontainer.json",
            "{\n  \"image\": \"debian:12\"\n}\n",
        ),
        (
            ".vscode/tasks.json",
            "{\n  \"version\": \"2.0.0\",\n  \"tasks\": []\n}\n",
        ),
        // Otherwise nothing in .vscode needs a change.
        ("app.py", ""),
    ]);
    if !has_immutable_files(&sandbox) {
        return;
    }
    let before = tree(&sandbox.project());
    let files = [
        ".devcontainer/devcontainer.json",
        ".vscode/tasks.json",
        ".vscode",
    ];
    for path in files {
        let guard = Immutable::new(&sandbox, sandbox.project().join(path));
        refused(&sandbox.azup(["init", "--yes"]), "Operation not permitted");
        drop(guard);
        assert_same(&sandbox, &before, path);
    }
    sandbox.azup(["init", "--yes"]).ok();
    let complete = tree(&sandbox.project());
    let own = [
        ".devcontainer/azurite/install.sh",
        ".devcontainer/azurite-certs",
    ];
    for path in files.into_iter().chain(own) {
        let guard = Immutable::new(&sandbox, sandbox.project().join(path));
        refused(
            &sandbox.azup(["remove", "--yes"]),
            "Operation not permitted",
        );
        drop(guard);
        assert_same(&sandbox, &complete, path);
    }
    sandbox.azup(["remove", "--yes"]).ok();
    assert_same(&sandbox, &before, "removed");
}

/// Runs azup with files limited to this many bytes. The kernel sends a signal that by default kills
/// a program.
fn limited(sandbox: &Sandbox, bytes: usize, words: &[&str]) -> Done {
    let mut command = sandbox.command("prlimit");
    command
        .arg(format!("--fsize={bytes}"))
        .arg(azup())
        .args(words);
    Done::from(command.output().unwrap())
}

#[test]
fn a_limit_for_the_size_of_files_is_an_error_and_costs_no_byte() {
    let (sandbox, bundle) = prepared();
    let folder = bundle.parent().unwrap();
    std::fs::write(&bundle, public_roots()).unwrap();
    let length = public_roots().len();
    // Nothing, a half, and all but the last byte of what is to be written.
    for limit in [0, 1, length / 2, length, length + 100] {
        let old = Sandbox::files(folder);
        refused(&limited(&sandbox, limit, &TRUST), "File too large");
        assert!(Sandbox::files(folder) == old, "{limit}");
    }
    sandbox.azup(TRUST).ok();
    let new = Sandbox::files(folder);
    for limit in [0, length / 2, length - 1] {
        refused(&limited(&sandbox, limit, &UNTRUST), "File too large");
        assert!(Sandbox::files(folder) == new, "{limit}");
    }
    limited(&sandbox, length, &UNTRUST).ok();
    assert!(std::fs::read(&bundle).unwrap() == public_roots());
}

#[test]
fn a_limit_for_the_size_of_files_leaves_no_half_set_and_no_half_project() {
    let sandbox = project(&[(".vscode/tasks.json", "{\n  \"tasks\": []\n}\n")]);
    let before = tree(&sandbox.project());
    for limit in [0, 100, 300, 600, 2_000, 100_000] {
        refused(
            &limited(&sandbox, limit, &["init", "--yes"]),
            "File too large",
        );
        assert_same(&sandbox, &before, &limit.to_string());
        assert!(!sandbox.certs().exists(), "{limit}: no half set");
    }
    for limit in [0, 100, 600] {
        refused(&limited(&sandbox, limit, &["trust"]), "File too large");
        assert!(
            Sandbox::files(&sandbox.own())
                .iter()
                .all(|(path, _)| !path.ends_with("cert.pem"))
        );
    }
    sandbox.azup(["init", "--yes"]).ok();
    sandbox.azup(["remove", "--yes"]).ok();
    assert_same(&sandbox, &before, "removed");
}

/// If only few processes and threads are allowed, as in some containers, doctor says what it could
/// not check, and does not report that as a fault.
#[test]
fn doctor_with_hardly_a_thread_says_what_it_could_not_look_at() {
    let mut sandbox = Sandbox::new();
    sandbox.set("AZUP_STORES", "none");
    sandbox.azup(["trust"]).ok();
    let copy = sandbox.root().join("azup");
    crate::sandbox::copy_program(azup(), &copy);
    let root = sandbox.root().as_os_str();
    as_root(
        &sandbox,
        &["chown".as_ref(), "-R".as_ref(), "54321".as_ref(), root],
    );
    let user = [
        "setpriv",
        "--reuid=54321",
        "--clear-groups",
        "prlimit",
        "--nproc=8",
    ];
    let script = r#""$0" doctor 2>&1; echo "ended with $?""#;
    let mut words: Vec<&OsStr> = user.map(OsStr::new).to_vec();
    words.extend([
        "sh".as_ref(),
        "-c".as_ref(),
        script.as_ref(),
        copy.as_os_str(),
    ]);
    let all = as_root(&sandbox, &words).stdout;
    let last = all.lines().last().unwrap();
    assert!(["ended with 0", "ended with 1"].contains(&last), "{all}");
    assert!(
        !all.contains("panicked") && !all.contains("crashed"),
        "{all}"
    );
    assert!(all.contains("cannot start a thread: "), "{all}");
}
