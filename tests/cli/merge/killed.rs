//! `init` and `remove` killed at each of their steps, in a project that people work in: no file of
//! theirs is ever torn, and either command can come next.

use std::ops::Range;
use std::path::{Path, PathBuf};

use super::crash::{is_leftover, without_leftovers};
use super::{differences, project, tree};
use crate::sandbox::{Done, Sandbox, azup};
use crate::unbreakable::{STEPS, killed, struck};

/// What the user has written, comments and all.
const FILES: &[(&str, &str)] = &[
    (
        ".devcontainer/devcontainer.json",
        "// ours\n{\n  \"name\": \"shop\",\n  \"image\": \"debian:12\", /* not 13 */\n  \"forwardPorts\": [8080], // the shop\n}\n",
    ),
    (
        ".vscode/tasks.json",
        "{\n\t// make\n\t\"version\": \"2.0.0\",\n\t\"tasks\": [\n\t\t{ \"label\": \"make\", \"type\": \"shell\", \"command\": \"make\" }, // all\n\t]\n}",
    ),
    (
        ".vscode/launch.json",
        "{\r\n  \"version\": \"0.2.0\",\r\n  \"configurations\": [\r\n    // by hand\r\n    {\"name\": \"shop\", \"type\": \"debugpy\", \"request\": \"launch\", \"program\": \"shop.py\"}\r\n  ]\r\n}\r\n",
    ),
    (".gitignore", "# ours\n/out/\n"),
    ("requirements.txt", "azure-storage-blob\n"),
];

type Tree = Vec<(PathBuf, u32, Vec<u8>)>;

/// The smallest program that `init` takes for an azup, so that it does not copy megabytes in every
/// round.
fn small_azup() -> Vec<u8> {
    let mut bytes = b"\x7fELF\x02\x01".to_vec();
    bytes.resize(16, 0);
    bytes.extend([2, 0, 62, 0]);
    bytes.extend(b"AZUP_CERTS");
    bytes
}

/// The project, and its two states.
struct Site {
    sandbox: Sandbox,
    program: PathBuf,
    before: Tree,
    complete: Tree,
}

impl Site {
    fn new() -> Self {
        let site = Self::of(project(FILES));
        for (path, _) in &FILES[..3] {
            let changed = differences(&site.before, &site.complete);
            assert!(changed.contains(&Path::new(path)), "{path} is edited");
        }
        site
    }

    fn of(sandbox: Sandbox) -> Self {
        let program = sandbox.root().join("small-azup");
        std::fs::write(&program, small_azup()).unwrap();
        let mut site = Self {
            before: tree(&sandbox.project()),
            complete: Vec::new(),
            sandbox,
            program,
        };
        site.run("init").ok();
        site.complete = tree(&site.sandbox.project());
        site.run("remove").ok();
        site.is(&site.before, "removed");
        site
    }

    fn words(&self, verb: &str) -> Vec<String> {
        let mut words = vec![verb.to_owned(), "--yes".to_owned()];
        if verb == "init" {
            let program = self.program.to_str().unwrap().to_owned();
            words.extend(["--linux-binary".to_owned(), program]);
        }
        words
    }

    fn run(&self, verb: &str) -> Done {
        self.sandbox.azup(self.words(verb))
    }

    /// Whether azup reached that step and was killed there.
    fn is_killed(&self, verb: &str, step: &str, count: usize) -> bool {
        let trace = self.sandbox.root().join("trace");
        let words = killed(step, count, &trace);
        let mut strace = self.sandbox.command(&words[0]);
        strace.args(&words[1..]).arg(azup()).args(self.words(verb));
        let _ = Done::from(strace.output().unwrap());
        struck(&trace)
    }

    #[track_caller]
    fn is(&self, wanted: &Tree, when: &str) {
        let now = tree(&self.sandbox.project());
        let differ = differences(wanted, &now);
        assert!(differ.is_empty(), "{when}: {differ:?}");
    }

    /// Every file has the bytes of its old or of its new state, and there is no other file.
    #[track_caller]
    fn is_whole(&self, when: &str) {
        for (path, bytes) in Sandbox::files(&self.sandbox.project()) {
            let name = path.strip_prefix(self.sandbox.project()).unwrap();
            let states = self.before.iter().chain(&self.complete);
            let mut states = states.filter(|(at, ..)| at == name);
            assert!(
                is_leftover(&path) || states.any(|(_, _, known)| *known == bytes),
                "{when}: {} is neither old nor new",
                name.display()
            );
        }
        for (path, _) in FILES {
            let there = self.sandbox.project().join(path).is_file();
            assert!(there, "{when}: {path} is gone");
        }
    }
}

/// Kills `verb` at each of these steps, and then runs `next`, which ends with `remove`. Returns the
/// number of kills.
fn rounds(verb: &str, next: &[&str], steps: Range<usize>) -> usize {
    let site = Site::new();
    let mut rounds = 0;
    for step in &STEPS[steps] {
        for count in 1.. {
            if verb == "remove" {
                site.run("init").ok();
            }
            let at = format!("{verb} killed at {step} {count}");
            let is_killed = site.is_killed(verb, step, count);
            if !is_killed {
                site.run("remove").ok();
                site.is(&site.before, &at);
                break;
            }
            rounds += 1;
            site.is_whole(&at);
            for verb in next {
                let done = site.run(verb);
                assert_eq!(done.code, 0, "{at}, then {verb}: {done}");
                // What a killed azup wrote next to the user's files stays for a while.
                if *verb == "init" {
                    without_leftovers(&site.sandbox);
                }
                let wanted = if *verb == "init" {
                    &site.complete
                } else {
                    &site.before
                };
                site.is(wanted, &format!("{at}, then {verb}"));
            }
        }
    }
    rounds
}

/// The steps in two halves, with about as many rounds each.
const HALVES: [Range<usize>; 2] = [0..3, 3..STEPS.len()];

#[test]
fn killed_at_every_step_init_is_completed_by_the_next_and_undone_by_remove() {
    Sandbox::new().needs("strace");
    let rounds: usize = std::thread::scope(|scope| {
        let halves = HALVES.map(|steps| {
            scope.spawn(|| {
                let completed = rounds("init", &["init", "remove"], steps.clone());
                completed + rounds("init", &["remove"], steps)
            })
        });
        halves.map(|half| half.join().unwrap()).iter().sum()
    });
    assert!(rounds > 130, "{rounds} rounds");
}

#[test]
fn killed_at_every_step_remove_is_finished_by_the_next_and_init_takes_it_back() {
    Sandbox::new().needs("strace");
    let rounds: usize = std::thread::scope(|scope| {
        let halves = HALVES.map(|steps| {
            scope.spawn(|| {
                let finished = rounds("remove", &["remove"], steps.clone());
                finished + rounds("remove", &["init", "remove"], steps)
            })
        });
        halves.map(|half| half.join().unwrap()).iter().sum()
    });
    assert!(rounds > 100, "{rounds} rounds");
}

/// On a machine that has no certificates yet: the first set that is made stays, and the project
/// ends up with a whole copy of it.
#[test]
fn killed_at_every_step_the_first_init_of_a_machine_makes_one_set() {
    let site = Site::new();
    let names = ["ca.pem", "cert.pem", "key.pem"];
    let set = |folder: &Path| names.map(|name| std::fs::read(folder.join(name)).ok());
    let copy = site.sandbox.project().join(".devcontainer/azurite-certs");
    let mut rounds = 0;
    for step in STEPS {
        for count in 1.. {
            std::fs::remove_dir_all(site.sandbox.own()).unwrap();
            let is_killed = site.is_killed("init", step, count);
            let at = format!("killed at {step} {count}");
            let made = set(&site.sandbox.certs());
            let done = site.run("init");
            assert_eq!(done.code, 0, "{at}: {done}");
            let now = set(&site.sandbox.certs());
            if made.iter().all(Option::is_some) {
                assert!(made == now, "{at}: the set is another one");
            }
            assert!(now.iter().all(Option::is_some), "{at}");
            assert!(set(&copy) == now, "{at}: the copy is another one");
            let done = site.run("remove");
            assert_eq!(done.code, 0, "{at}: {done}");
            without_leftovers(&site.sandbox);
            site.is(&site.before, &at);
            if !is_killed {
                break;
            }
            rounds += 1;
        }
    }
    assert!(rounds > 80, "{rounds} rounds");
}

/// In an empty folder, where azup makes every folder itself: even those that it made before the
/// record existed are gone in the end.
#[test]
fn killed_before_there_is_a_record_no_folder_is_forgotten() {
    let sandbox = project(&[]);
    sandbox.azup(["trust"]).ok();
    let site = Site::of(sandbox);
    let record = Path::new(".devcontainer/azurite/edits.json");
    let mut rounds = 0;
    for next in [&["init", "remove"][..], &["remove"]] {
        for step in ["mkdir", "write", "fsync", "renameat2"] {
            for count in 1.. {
                assert!(site.is_killed("init", step, count));
                let at = format!("killed at {step} {count}");
                let noted = site.sandbox.project().join(record).exists();
                // A single empty folder may also be the user's: it stays.
                let around = site.sandbox.project().join(".devcontainer");
                let unknown = around.is_dir() && !around.join("azurite").is_dir();
                for verb in next {
                    let done = site.run(verb);
                    assert_eq!(done.code, 0, "{at}, then {verb}: {done}");
                }
                if unknown {
                    std::fs::remove_dir(around).unwrap();
                }
                site.is(&site.before, &at);
                rounds += 1;
                if noted {
                    break;
                }
            }
        }
    }
    assert!(rounds >= 12, "{rounds} rounds");
}
