//! The task that VS Code runs before each debugging session, run as VS Code runs it: the
//! words of `tasks.json`, a process of its own without a shell or a terminal, in the
//! workspace's folder.

use std::process::Stdio;

use crate::python::{Environment, has_ca};
use crate::sandbox::{Done, Sandbox, azup};

#[test]
fn the_task_puts_the_ca_back_after_an_update_of_certifi() {
    let mut sandbox = Sandbox::new();
    let environment = Environment::by_pip(&sandbox, ".venv", &["certifi"]);
    sandbox.set("AZUP_STORES", "certifi");
    sandbox.azup(["init", "--yes"]).ok();
    assert!(has_ca(&environment.bundle()));

    let tasks = std::fs::read(sandbox.project().join(".vscode/tasks.json")).unwrap();
    let tasks: serde_json::Value = serde_json::from_slice(&tasks).unwrap();
    let tasks = tasks["tasks"].as_array().unwrap();
    let task = tasks.iter().find(|task| task["label"] == "azup: trust");
    let task = task.expect("the task");
    assert_eq!(task["type"], "process", "no shell in between");
    assert_eq!(
        task["options"]["cwd"],
        serde_json::Value::Null,
        "the workspace's folder"
    );

    // `azup` is on PATH, as after an installation.
    let folder = sandbox.root().join("bin");
    std::fs::create_dir(&folder).unwrap();
    std::os::unix::fs::symlink(azup(), folder.join("azup")).unwrap();
    sandbox.set("PATH", format!("{}:/usr/bin:/bin", folder.display()));
    let arguments = task["args"].as_array().unwrap().iter();
    let arguments: Vec<&str> = arguments.map(|word| word.as_str().unwrap()).collect();
    // VS Code's terminal is not the task's input; setsid takes what terminal there is.
    let run = || {
        let mut command = sandbox.command("/usr/bin/setsid");
        command
            .arg("--wait")
            .arg(task["command"].as_str().unwrap())
            .args(&arguments)
            .stdin(Stdio::null());
        Done::from(command.output().unwrap()).ok()
    };

    let words = ["install", "--force-reinstall", "--no-deps"];
    environment.pip(&sandbox, &words, &["certifi"]).ok();
    assert!(!has_ca(&environment.bundle()), "the update took it out");
    let done = run();
    assert!(done.stdout.contains("added"), "{done}");
    assert_eq!(done.stderr, "");
    assert!(has_ca(&environment.bundle()));

    // Nothing to do: nothing is written, no program is run.
    let before = Sandbox::files(sandbox.root());
    sandbox.set("PATH", &folder);
    let mut quiet = sandbox.command(folder.join("azup"));
    let done = Done::from(quiet.args(&arguments).output().unwrap()).ok();
    assert_eq!(done.stderr, "");
    assert!(Sandbox::files(sandbox.root()) == before);
}
