//! Not only where something is written: azup is killed at each system call that it makes at
//! all, one after the other, in a project that has a bundle and no certificate set yet, in
//! one that has both, and on the way out.

use std::collections::BTreeMap;

use crate::sandbox::{Done, Sandbox, azup, public_roots};
use crate::unbreakable::hostile::blocks;
use crate::unbreakable::{killed, struck};

/// Enough of each call: azup reads some files in many pieces.
const MOST: usize = 24;

#[test]
fn killed_at_every_system_call_a_bundle_is_old_or_new_and_the_next_run_finishes() {
    let mut rounds = 0;
    for (verb, has_set) in [("trust", false), ("trust", true), ("untrust", true)] {
        let sandbox = Sandbox::new();
        let bundle = sandbox.write("bundle.pem", public_roots());
        let words = |verb| [verb, "--stores", "none", "--bundle", "bundle.pem"];
        let trace = sandbox.root().join("trace");
        // As it was before each round.
        let prepare = || {
            std::fs::write(&bundle, public_roots()).unwrap();
            if has_set {
                sandbox.azup(words("trust")).ok();
            } else if sandbox.own().exists() {
                std::fs::remove_dir_all(sandbox.own()).unwrap();
            }
            if verb == "trust" {
                std::fs::write(&bundle, public_roots()).unwrap();
            }
        };
        prepare();
        let mut strace = sandbox.command("strace");
        strace.args(["-f", "-qq", "-o"]).arg(&trace).arg(azup());
        Done::from(strace.args(words(verb)).output().unwrap()).ok();
        let mut calls: BTreeMap<String, usize> = BTreeMap::new();
        for line in std::fs::read_to_string(&trace).unwrap().lines() {
            // `PID name(…`, and nothing of signals and of the second half of a call.
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
    }
    assert!(rounds > 600, "{rounds} rounds");
}
