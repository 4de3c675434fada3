//! The task that VS Code runs before each debugging session, run as VS Code runs it: the line of
//! `tasks.json`, in the shell that it names, without a terminal, in the workspace's folder.

use std::path::Path;
use std::process::Stdio;

use serde_json::Value;

use crate::python::{Environment, has_ca};
use crate::sandbox::{Done, Sandbox, azup};

#[test]
fn the_task_puts_the_ca_back_after_an_update_of_certifi() {
    let mut sandbox = Sandbox::new();
    let environment = Environment::by_pip(&sandbox, ".venv", &["certifi"]);
    sandbox.set("AZUP_STORES", "certifi");
    sandbox.write("app.py", "");
    sandbox.azup(["init", "--yes"]).ok();
    assert!(has_ca(&environment.bundle()));

    let task = task(&sandbox);

    // `azup` is on PATH, as after an installation.
    let folder = sandbox.root().join("bin");
    std::fs::create_dir(&folder).unwrap();
    std::os::unix::fs::symlink(azup(), folder.join("azup")).unwrap();
    sandbox.set("PATH", format!("{}:/usr/bin:/bin", folder.display()));
    let run = || run(&sandbox, &task).ok();

    let words = ["install", "--force-reinstall", "--no-deps"];
    environment.pip(&sandbox, &words, &["certifi"]).ok();
    assert!(!has_ca(&environment.bundle()), "the update took it out");
    let done = run();
    assert_eq!(done.stderr, "");
    assert!(has_ca(&environment.bundle()));

    // With nothing to do, nothing is written, and one line says so.
    let before = Sandbox::files(sandbox.root());
    let done = run();
    assert_eq!(done.stderr, "");
    assert_eq!(done.stdout.lines().count(), 1, "{done}");
    assert!(Sandbox::files(sandbox.root()) == before);
}

/// "azup: trust" as `init` wrote it.
fn task(sandbox: &Sandbox) -> Value {
    let tasks = std::fs::read(sandbox.project().join(".vscode/tasks.json")).unwrap();
    let tasks: Value = serde_json::from_slice(&tasks).unwrap();
    let mut tasks = tasks["tasks"].as_array().unwrap().iter();
    let task = tasks.find(|task| task["label"] == "azup: trust");
    task.expect("the task").clone()
}

fn run(sandbox: &Sandbox, task: &Value) -> Done {
    let shell = &task["options"]["shell"];
    assert_eq!(shell["executable"], "/bin/sh");
    let mut command = sandbox.command("/usr/bin/setsid");
    command
        .arg("--wait")
        .arg(shell["executable"].as_str().unwrap())
        .arg(shell["args"][0].as_str().unwrap())
        .arg(task["command"].as_str().unwrap())
        .stdin(Stdio::null());
    Done::from(command.output().unwrap())
}

/// A sandbox with the files of `init`, in which no azup is installed.
fn without_azup() -> Sandbox {
    let mut sandbox = Sandbox::new();
    sandbox.set("AZUP_STORES", "none");
    sandbox.write("app.py", "");
    sandbox.azup(["init", "--yes"]).ok();
    sandbox.set("PATH", "/usr/bin:/bin");
    sandbox
}

/// A stand-in for azup that prints its path and its arguments.
fn stand_in(path: &Path, code: u8) {
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    let script = format!("#!/bin/sh\necho \"$0 $*\"\nexit {code}\n");
    crate::sandbox::write_program(path, &script);
}

#[test]
fn without_azup_the_session_goes_on_with_one_line() {
    let sandbox = without_azup();
    let task = task(&sandbox);
    let done = run(&sandbox, &task).ok();
    assert_eq!(done.stderr, "");
    assert_eq!(
        done.stdout,
        "azup is not installed here, so trust was not checked: pipx install azurite-up\n"
    );
}

#[test]
fn azup_is_found_in_the_users_folders_and_its_exit_code_counts() {
    for folder in [".local/bin", ".cargo/bin"] {
        for code in [0, 4] {
            let mut sandbox = without_azup();
            let home = sandbox.root().join("home of one");
            sandbox.set("HOME", &home);
            let azup = home.join(folder).join("azup");
            stand_in(&azup, code);
            let done = run(&sandbox, &task(&sandbox));
            assert_eq!(done.code, i32::from(code), "{done}");
            assert_eq!(done.stdout, format!("{} trust --quiet\n", azup.display()));
        }
    }
}

/// Any package may install a program of that name, and so may a repository.
#[test]
fn the_projects_environment_counts_where_it_is_the_users_and_azups_own() {
    let record = ".venv/lib/python3.12/site-packages/azurite_up-0.1.0.dist-info/RECORD";
    let other = ".venv/lib/python3.12/site-packages/other-1.0.dist-info/RECORD";
    for (record, tracked, runs) in [
        (record, false, true),
        (record, true, false),
        (other, false, false),
    ] {
        let sandbox = without_azup();
        stand_in(&sandbox.project().join(".venv/bin/azup"), 0);
        sandbox.write(record, "../../../bin/azup,sha256=x,1\n");
        sandbox.run("git", ["init", "-q"]).ok();
        if tracked {
            sandbox.run("git", ["add", "-f", ".venv"]).ok();
        }
        let done = run(&sandbox, &task(&sandbox)).ok();
        assert_eq!(
            done.stdout.starts_with(".venv/bin/azup trust"),
            runs,
            "{done}"
        );
    }
}

/// Another user's program is not run, whatever package it claims to belong to; nor does doctor
/// think that the task finds it.
#[test]
fn an_environment_of_another_user_is_not_the_users() {
    if !rustix::process::geteuid().is_root() {
        return;
    }
    let sandbox = without_azup();
    let program = sandbox.project().join(".venv/bin/azup");
    stand_in(&program, 0);
    sandbox.write(
        ".venv/lib/python3.12/site-packages/azurite_up-0.1.0.dist-info/RECORD",
        "../../../bin/azup,sha256=x,1\n",
    );
    for (owner, runs) in [(0, true), (65534, false)] {
        std::os::unix::fs::chown(&program, Some(owner), None).unwrap();
        let done = run(&sandbox, &task(&sandbox)).ok();
        assert_eq!(
            done.stdout.starts_with(".venv/bin/azup trust"),
            runs,
            "{done}"
        );
        let found = sandbox.azup(["doctor", "editor-task", "--json"]).json();
        assert_eq!(found["checks"][0]["status"] == "ok", runs, "{found}");
    }
}

/// `.venv` itself may be a link that git tracks, or a folder that a file system takes for `.venv`.
#[test]
fn an_environment_that_a_tracked_link_leads_to_is_the_repositorys() {
    let sandbox = without_azup();
    stand_in(&sandbox.project().join("vendor/bin/azup"), 0);
    let record = "vendor/lib/python3.12/site-packages/azurite_up-0.1.0.dist-info/RECORD";
    sandbox.write(record, "../../../bin/azup,sha256=x,1\n");
    std::os::unix::fs::symlink("vendor", sandbox.project().join(".venv")).unwrap();
    sandbox.run("git", ["init", "-q"]).ok();
    sandbox.run("git", ["add", "-f", "."]).ok();
    let done = run(&sandbox, &task(&sandbox)).ok();
    assert!(done.stdout.contains("is not installed"), "{done}");
    let found = sandbox.azup(["doctor", "editor-task", "--json"]).json();
    assert_eq!(found["checks"][0]["status"], "warn", "{found}");
}

/// doctor says it before F5 does, with a command after which the task finds azup.
#[test]
fn doctor_says_where_the_task_would_not_find_azup() {
    let finding = |sandbox: &Sandbox| {
        let done = sandbox.azup(["doctor", "editor-task", "--json"]);
        done.json()["checks"][0].clone()
    };
    let mut sandbox = without_azup();
    // On the PATH of a shell in which an environment is active, and on no other.
    let environment = sandbox.root().join("tools");
    stand_in(&environment.join("bin/azup"), 0);
    std::fs::write(environment.join("pyvenv.cfg"), "").unwrap();
    sandbox.set(
        "PATH",
        format!("{}:/usr/bin:/bin", environment.join("bin").display()),
    );
    let found = finding(&sandbox);
    assert_eq!(found["status"], "warn", "{found}");
    let fix = found["fix"].as_str().unwrap();
    sandbox.run("/bin/sh", ["-c", fix]).ok();
    assert_eq!(finding(&sandbox)["status"], "ok", "after {fix}");
    let done = run(&sandbox, &task(&sandbox)).ok();
    assert!(!done.stdout.contains("is not installed"), "{done}");
}

/// Whatever is installed, doctor and the task find the same.
#[test]
fn doctor_finds_azup_where_the_task_does() {
    let record = ".venv/lib/python3.12/site-packages/azurite_up-0.1.0.dist-info/RECORD";
    let other = ".venv/lib/python3.12/site-packages/other-1.0.dist-info/RECORD";
    for (program, record) in [
        ("home/.local/bin/azup", None),
        ("home/.cargo/bin/azup", None),
        ("home/elsewhere/azup", None),
        ("project/.venv/bin/azup", Some(record)),
        ("project/.venv/bin/azup", Some(other)),
        ("project/.devcontainer/azurite/azup", None),
    ] {
        let sandbox = without_azup();
        stand_in(&sandbox.root().join(program), 0);
        if let Some(record) = record {
            sandbox.write(record, "../../../bin/azup,sha256=x,1\n");
        }
        let found = sandbox.azup(["doctor", "editor-task", "--json"]).json();
        let ran = run(&sandbox, &task(&sandbox)).ok();
        assert_eq!(
            found["checks"][0]["status"] == "ok",
            ran.stdout.contains("trust --quiet"),
            "{program} {record:?}: {ran} {found}"
        );
    }
}

/// A container can write to azup's own folder.
#[test]
fn the_containers_program_is_never_run_by_the_host() {
    let sandbox = without_azup();
    let task = task(&sandbox).to_string();
    assert!(!task.contains(".devcontainer"), "{task}");
}
