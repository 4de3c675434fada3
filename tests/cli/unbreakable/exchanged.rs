//! Somebody who may write to a project, such as a container that mounts it, puts a link in the place
//! of a folder after azup has looked at it.

use std::os::unix::fs::symlink;
use std::path::Path;

use crate::sandbox::{Sandbox, azup};

/// Stops azup at its first rename below `alone`, puts a link to `outside` in the place of
/// `folder`, and lets azup go on. Whether it came to that.
fn exchanged(sandbox: &Sandbox, words: &[&str], folder: &Path, outside: &Path, count: usize) -> bool {
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
        let line = text.lines().find(|line| line.contains("stopped by SIGSTOP"));
        if let Some(line) = line {
            break line.split_whitespace().next().map(str::to_owned);
        }
        if strace.try_wait().unwrap().is_some() {
            break None;
        }
        std::thread::sleep(std::time::Duration::from_millis(2));
    };
    let Some(process) = stopped else {
        return false;
    };
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
    true
}

#[test]
fn a_folder_of_the_project_that_becomes_a_link_leads_to_no_write_outside() {
    for below in [".devcontainer", ".devcontainer/azurite", ".vscode", ".git/info"] {
        let sandbox = Sandbox::new();
        sandbox.needs("strace");
        sandbox.run("git", ["init", "-q"]).ok();
        let folder = sandbox.project().join(below);
        // `tasks.json` is also what VS Code calls that of the user.
        let outside = sandbox.root().join("outside");
        std::fs::create_dir_all(outside.join("azurite")).unwrap();
        std::fs::create_dir_all(outside.join("azurite-certs")).unwrap();
        sandbox.write(".vscode/launch.json", LAUNCH);
        sandbox.write(".devcontainer/devcontainer.json", "{\"image\": \"x\"}\n");
        let before = Sandbox::files(&outside);
        let init = ["init", "--yes", "--stores=none"];
        let mut rounds = 0;
        for count in 1.. {
            if !exchanged(&sandbox, &init, &folder, &outside, count) {
                break;
            }
            rounds += 1;
            assert_eq!(Sandbox::files(&outside), before, "{below}, stopped at {count}");
            sandbox.azup(init).ok();
            sandbox.azup(["remove", "--yes"]).ok();
        }
        assert!(rounds > 10, "{below}: {rounds} rounds");
    }
}

const LAUNCH: &str = r#"{
  "version": "0.2.0",
  "configurations": [{"type": "debugpy", "name": "x", "request": "launch", "program": "x.py"}]
}
"#;

/// What a failed `remove` has taken away already comes back, also in a folder that it had removed.
#[test]
fn a_remove_that_fails_late_gives_back_what_was_in_a_folder_that_is_gone() {
    let sandbox = Sandbox::new();
    sandbox.needs("strace");
    sandbox.azup(["init", "--yes", "--stores=none"]).ok();
    let before = Sandbox::files(&sandbox.project());
    let mut strace = sandbox.command("strace");
    strace
        .args(["-f", "-qq", "-o", "/dev/null", "-e", "trace=renameat", "-e"])
        .args(["inject=renameat:error=EIO:when=20+"])
        .arg(azup())
        .args(["remove", "--yes"]);
    let done = crate::sandbox::Done::from(strace.output().unwrap());
    assert_eq!(done.code, 1, "{done}");
    assert_eq!(Sandbox::files(&sandbox.project()), before, "{done}");
}
