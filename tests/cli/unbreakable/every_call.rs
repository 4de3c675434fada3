//! azup is killed not only at writes but at each of its system calls, one after the other: in a
//! project that has a bundle and no certificate set yet, in one that has both, and in removal.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::PathBuf;
use std::sync::Mutex;

use crate::sandbox::{Done, Sandbox, azup, public_roots};
use crate::unbreakable::hostile::blocks;
use crate::unbreakable::{killed, struck};

/// Enough of each call: azup reads some files in many pieces.
const MOST: usize = 24;

#[test]
fn killed_at_every_system_call_a_bundle_is_old_or_new_and_the_next_run_finishes() {
    Sandbox::new().needs("strace");
    let cases = [("trust", true), ("untrust", true), ("trust", false)];
    let left = Mutex::new(cases.into_iter());
    let next = || left.lock().unwrap().next();
    let rounds: usize = std::thread::scope(|scope| {
        let work = || -> usize {
            let cases = std::iter::from_fn(next);
            cases.map(|(verb, has_set)| rounds(verb, has_set)).sum()
        };
        let threads = [(); 2].map(|()| scope.spawn(work));
        threads.map(|thread| thread.join().unwrap()).iter().sum()
    });
    assert!(rounds > 700, "{rounds} rounds");
}

/// azup's own folder as it was before the first round: restoring it is faster than making it.
struct Kept(Vec<(PathBuf, u32, Vec<u8>)>);

impl Kept {
    fn of(sandbox: &Sandbox) -> Self {
        if !sandbox.own().exists() {
            return Self(Vec::new());
        }
        let files = Sandbox::files(&sandbox.own()).into_iter();
        let with_mode = files.map(|(path, bytes)| {
            let mode = path.metadata().unwrap().permissions().mode();
            (path, mode, bytes)
        });
        Self(with_mode.collect())
    }

    fn put_back(&self, sandbox: &Sandbox) {
        if sandbox.own().exists() {
            std::fs::remove_dir_all(sandbox.own()).unwrap();
        }
        for (path, mode, bytes) in &self.0 {
            let mut folder = std::fs::DirBuilder::new();
            let folder = folder.recursive(true).mode(0o700);
            folder.create(path.parent().unwrap()).unwrap();
            let mut file = std::fs::OpenOptions::new();
            let file = file.write(true).create_new(true).mode(*mode).open(path);
            file.unwrap().write_all(bytes).unwrap();
        }
    }
}

/// Returns how often it was killed.
fn rounds(verb: &str, has_set: bool) -> usize {
    let mut rounds = 0;
    let sandbox = Sandbox::new();
    let bundle = sandbox.write("bundle.pem", public_roots());
    let words = |verb| [verb, "--stores", "none", "--bundle", "bundle.pem"];
    let trace = sandbox.root().join("trace");
    if has_set {
        sandbox.azup(words("trust")).ok();
    }
    let kept = Kept::of(&sandbox);
    let before = if verb == "trust" {
        public_roots()
    } else {
        std::fs::read(&bundle).unwrap()
    };
    let prepare = || {
        std::fs::write(&bundle, &before).unwrap();
        kept.put_back(&sandbox);
    };
    prepare();
    let mut strace = sandbox.command("strace");
    strace.args(["-f", "-qq", "-o"]).arg(&trace).arg(azup());
    Done::from(strace.args(words(verb)).output().unwrap()).ok();
    let mut calls: BTreeMap<String, usize> = BTreeMap::new();
    for line in std::fs::read_to_string(&trace).unwrap().lines() {
        // `PID name(…`: no signals, and no second half of a call.
        let call = line.split_whitespace().nth(1).unwrap_or_default();
        if let Some((name, _)) = call.split_once('(')
            && !name.is_empty()
        {
            *calls.entry(name.to_owned()).or_default() += 1;
        }
    }
    for (call, times) in &calls {
        for count in 1..=(*times).min(MOST) {
            prepare();
            let mut command = sandbox.command("strace");
            command.args(&killed(call, count, &trace)[1..]);
            let _ = Done::from(command.arg(azup()).args(words(verb)).output().unwrap());
            if !struck(&trace) {
                break;
            }
            rounds += 1;
            let at = format!("{verb} killed at {call} {count}");
            let now = std::fs::read(&bundle).unwrap();
            let whole = now == public_roots() || blocks(&now) == 1;
            assert!(whole && now.starts_with(&public_roots()), "{at}");
            let done = sandbox.azup(words(verb));
            assert_eq!(done.code, 0, "{at}: {done}");
            let expected = usize::from(verb == "trust");
            let now = std::fs::read(&bundle).unwrap();
            assert_eq!(blocks(&now), expected, "{at}: {done}");
            if verb == "trust" {
                let ca = std::fs::read_to_string(sandbox.certs().join("ca.pem")).unwrap();
                let text = String::from_utf8(now).unwrap();
                assert_eq!(text.matches(ca.trim()).count(), 1, "{at}");
            } else {
                assert!(now == public_roots(), "{at}");
            }
        }
    }
    rounds
}
