//! A process that may write to a project, such as a container that mounts it, replaces a folder by
//! a link after azup has looked at it.

use std::os::unix::fs::symlink;
use std::path::Path;

use crate::sandbox::{Sandbox, azup};

/// Stops azup at its `count`-th rename, replaces `folder`, if it exists, by a link to `outside`,
/// and lets azup go on. Returns whether it existed; `None` if azup did not reach that rename.
fn exchanged(
    sandbox: &Sandbox,
    words: &[&str],
    folder: &Path,
    outside: &Path,
    count: usize,
) -> Option<bool> {
    let trace = sandbox.root().join("trace");
    let aside = sandbox.root().join("aside");
    std::fs::write(&trace, "").unwrap();
    let mut strace = sandbox.command("strace");
    strace
        .args(["-f", "-qq", "-o"])
        .arg(&trace)
        .args(["-e", "trace=renameat2", "-e"])
        .arg(format!("inject=renameat2:signal=SIGSTOP:when={count}"))
        .arg(azup())
        .args(words)
        .stdout(std::process::Stdio::null())
        .stderr(std::process::Stdio::null());
    let mut strace = strace.spawn().unwrap();
    let stopped = loop {
        let text = std::fs::read_to_string(&trace).unwrap_or_default();
        let line = text
            .lines()
            .find(|line| line.contains("stopped by SIGSTOP"));
        if let Some(line) = line {
            break line.split_whitespace().next().map(str::to_owned);
        }
        if strace.try_wait().unwrap().is_some() {
            break None;
        }
        std::thread::sleep(std::time::Duration::from_millis(2));
    };
    let process = stopped?;
    let there = folder.is_dir();
    if there {
        std::fs::rename(folder, &aside).unwrap();
        symlink(outside, folder).unwrap();
    }
    sandbox.run("kill", ["-CONT", &process]).ok();
    strace.wait().unwrap();
    if there {
        std::fs::remove_file(folder).unwrap();
        std::fs::rename(&aside, folder).unwrap();
    }
    Some(there)
}

#[test]
fn a_folder_of_the_project_that_becomes_a_link_leads_to_no_write_outside() {
    for below in [".devcontainer/azurite", ".vscode", ".git/info"] {
        let sandbox = Sandbox::new();
        sandbox.needs("strace");
        let project = sandbox.project();
        // The user's own file of VS Code is called `tasks.json` too.
        let outside = sandbox.root().join("outside");
        std::fs::create_dir_all(&outside).unwrap();
        let init = ["init", "--yes", "--stores=none"];
        let mut rounds = 0;
        for count in 1.. {
            let _ = std::fs::remove_dir_all(&project);
            std::fs::create_dir(&project).unwrap();
            sandbox.run("git", ["init", "-q"]).ok();
            sandbox.write(".vscode/launch.json", LAUNCH);
            sandbox.write(".devcontainer/devcontainer.json", "{\"image\": \"x\"}\n");
            let stopped = exchanged(&sandbox, &init, &project.join(below), &outside, count);
            assert_eq!(Sandbox::files(&outside), [], "{below}, stopped at {count}");
            let Some(was_there) = stopped else { break };
            rounds += usize::from(was_there);
            // Once azup is past the first files of the folder, more rounds show nothing new.
            if rounds == 8 {
                break;
            }
        }
        assert!(rounds >= 3, "{below}: {rounds} rounds");
    }
}

const LAUNCH: &str = r#"{
  "version": "0.2.0",
  "configurations": [{"type": "debugpy", "name": "x", "request": "launch", "program": "x.py"}]
}
"#;

/// A failed `remove` restores what it has already removed, even in a folder that it removed.
#[test]
fn a_remove_that_fails_late_gives_back_what_was_in_a_folder_that_is_gone() {
    let sandbox = Sandbox::new();
    sandbox.needs("strace");
    sandbox.azup(["init", "--yes", "--stores=none"]).ok();
    let before = Sandbox::files(&sandbox.project());
    let plan = sandbox.azup(["remove", "--dry-run"]).ok().stdout;
    let is_file = |line: &&str| line.starts_with("delete ") && !line.ends_with("when it is empty");
    // The record comes last, and the folder of the certificates has gone before it.
    let last = plan.lines().filter(is_file).count();
    let mut strace = sandbox.command("strace");
    strace
        .args(["-f", "-qq", "-o", "/dev/null", "-e", "trace=renameat", "-e"])
        .arg(format!("inject=renameat:error=EIO:when={last}"))
        .arg(azup())
        .args(["remove", "--yes"]);
    let done = crate::sandbox::Done::from(strace.output().unwrap());
    assert_eq!(done.code, 1, "{done}");
    assert_eq!(Sandbox::files(&sandbox.project()), before, "{done}");
}
