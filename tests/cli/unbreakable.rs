//! azup is killed at each of its steps, from outside: strace sends SIGKILL at its first, second,
//! third… write, rename, sync and so on. Whatever it was doing, the next run recovers, and no store
//! is ever anything but the old or the new one.

mod attributes;
mod every_call;
mod exchanged;
mod filesystems;
pub mod hostile;
mod limits;
mod obstacles;
mod output;
pub mod secrets;
mod surroundings;
mod together;

use std::path::{Path, PathBuf};
use std::sync::Mutex;

use crate::contract::Stage;
use crate::java::hidden;
use crate::sandbox::{Done, Sandbox, azup, public_roots};

/// The system calls that change files.
pub const STEPS: [&str; 13] = [
    "write",
    "pwrite64",
    "fsync",
    "fdatasync",
    "rename",
    "renameat",
    "renameat2",
    "unlink",
    "unlinkat",
    "mkdir",
    "symlink",
    "fchmod",
    "ftruncate",
];

/// Arguments that kill `program` at its `count`-th system call of this name, even in one of its
/// children; the calls are written to `trace`.
pub fn killed(step: &str, count: usize, trace: &Path) -> Vec<String> {
    let words = ["strace", "-f", "-qq", "-o", trace.to_str().unwrap(), "-e"];
    let mut words = words.map(str::to_owned).to_vec();
    words.push(format!("trace={step}"));
    words.push("-e".to_owned());
    words.push(format!("inject={step}:signal=SIGKILL:when={count}"));
    words
}

/// Whether the kill happened.
pub fn struck(trace: &Path) -> bool {
    let text = std::fs::read_to_string(trace).unwrap();
    text.contains("killed by SIGKILL")
}

/// Every store, when trusting and when untrusting.
#[test]
fn killed_at_every_step_a_store_is_the_old_or_the_new_one() {
    for program in ["strace", "certutil", "keytool"] {
        Sandbox::new().needs(program);
    }
    // The last has by far the most steps, so it comes first.
    let left = Mutex::new(Stage::all().rev());
    let next = || left.lock().unwrap().next();
    let rounds: Vec<(&str, usize)> = std::thread::scope(|scope| {
        let work = || -> Vec<_> {
            std::iter::from_fn(next)
                .map(|stage| (stage.kind(), killed_at_every_step(stage)))
                .collect()
        };
        let threads = [(); 2].map(|()| scope.spawn(work));
        threads.map(|thread| thread.join().unwrap()).concat()
    });
    for (kind, rounds) in &rounds {
        assert!(*rounds > 10, "{kind} was killed {rounds} times");
    }
    // With those of `every_call.rs`, about a thousand.
    let total: usize = rounds.iter().map(|(_, rounds)| rounds).sum();
    assert!(total > 150, "{total} rounds: {rounds:?}");
}

/// Returns how often it was killed.
fn killed_at_every_step(mut stage: Stage) -> usize {
    let mut rounds = 0;
    let kind = stage.kind();
    let trace = stage.sandbox.root().join("trace");
    // Blocks and entries contain the time they were made: the same time gives the same bytes.
    let now = std::time::SystemTime::UNIX_EPOCH.elapsed().unwrap();
    stage.sandbox.set("AZUP_NOW", now.as_secs().to_string());
    let old = (stage.entries(), stage.files());
    stage.azup("trust", None).ok();
    let new = (stage.entries(), stage.files());
    for (verb, other, before, after) in [
        ("untrust", "trust", &new, &old),
        ("trust", "untrust", &old, &new),
    ] {
        for step in STEPS {
            // certutil makes hundreds of these calls for one certificate: each of the first ones,
            // and then a sample.
            for count in (1..10).chain((10..).step_by(11)) {
                let words = killed(step, count, &trace);
                let azup = [azup().to_str().unwrap(), verb].map(str::to_owned);
                let store = stage.words().iter().map(|word| (*word).to_owned());
                let words = words.into_iter().chain(azup).chain(store);
                hidden(&stage.sandbox, None, words);
                if !struck(&trace) {
                    break;
                }
                rounds += 1;
                let at = format!("{kind}: {verb} killed at {step} {count}");
                // certutil itself does not list a database that was never opened for writing: the
                // next azup has to repair it.
                let now = (kind != "nss").then(|| stage.entries());
                let is = |entries: &Vec<String>| now.as_ref().is_none_or(|now| now == entries);
                assert!(is(&before.0) || is(&after.0), "{at}");
                if stage.gives_bytes_back() {
                    let files = whole(stage.files());
                    assert!(files == old.1 || files == new.1, "{at}");
                }
                let done = stage.azup(verb, None);
                assert_eq!(done.code, 0, "{at}: {done}");
                assert_eq!(stage.entries(), after.0, "{at}");
                let done = stage.azup(other, None);
                assert_eq!(done.code, 0, "{at}: {done}");
                assert_eq!(stage.entries(), before.0, "{at}");
            }
            // The last round may have run to its end.
            stage.azup(other, None).ok();
        }
        stage.azup(verb, None).ok();
    }
    rounds
}

/// Without the file with the new content at the time of the kill: it has a hidden name that no
/// reader looks for, and a write an hour later removes it.
fn whole(files: Vec<(PathBuf, Vec<u8>)>) -> Vec<(PathBuf, Vec<u8>)> {
    let hidden = |path: &Path| path.file_name().unwrap().to_string_lossy().starts_with('.');
    files
        .into_iter()
        .filter(|(path, _)| !hidden(path))
        .collect()
}

/// A first set, and a renewal: after the next run the set is whole and its CA is trusted.
#[test]
fn killed_at_every_step_the_certificates_are_whole_after_the_next_run() {
    let mut rounds = 0;
    for days in [0, 380] {
        for step in STEPS {
            for count in 1.. {
                let mut sandbox = Sandbox::new();
                let trace = sandbox.root().join("trace");
                let bundle = sandbox.write("bundle.pem", public_roots());
                let trust = ["trust", "--stores", "none", "--bundle", "bundle.pem"];
                if days > 0 {
                    sandbox.set("AZUP_NOW", "1800000000");
                    sandbox.azup(trust).ok();
                }
                let now = 1_800_000_000 + days * 86_400;
                sandbox.set("AZUP_NOW", now.to_string());
                let mut words = killed(step, count, &trace);
                words.push(azup().to_str().unwrap().to_owned());
                words.extend(trust.map(str::to_owned));
                let mut command = sandbox.command(&words[0]);
                let _ = Done::from(command.args(&words[1..]).output().unwrap());
                if !struck(&trace) {
                    break;
                }
                rounds += 1;
                let at = format!("day {days}, killed at {step} {count}");
                let done = sandbox.azup(trust);
                assert_eq!(done.code, 0, "{at}: {done}");
                let ca = std::fs::read_to_string(sandbox.certs().join("ca.pem")).unwrap();
                let text = std::fs::read_to_string(&bundle).unwrap();
                assert_eq!(text.matches(ca.trim()).count(), 1, "{at}");
                assert_eq!(
                    text.matches("# Subject: CN=azup local CA").count(),
                    if days > 0 { 2 } else { 1 },
                    "{at}: no CA too many"
                );
                let left: Vec<_> = whole(Sandbox::files(&sandbox.certs()))
                    .into_iter()
                    .map(|(path, _)| path.file_name().unwrap().to_owned())
                    .filter(|name| {
                        !["ca.pem", "cert.pem", "key.pem"]
                            .iter()
                            .any(|known| name == known)
                    })
                    .collect();
                assert!(left.is_empty(), "{at}: {left:?}");
            }
        }
    }
    assert!(rounds > 60, "{rounds} rounds");
}
