//! A project that has its own chain of tasks, and a compound that starts two programs at once.

use crate::desk::{Desk, without};
use crate::editor::Editor;
use crate::python;

const TASKS: &str = r#"{
  "version": "2.0.0",
  "tasks": [
    { "label": "check", "type": "shell", "command": "echo checked >> order.txt" },
    // What the programs find when they start.
    { "label": "prepare", "type": "shell", "command": "echo prepared >> order.txt", "dependsOn": "check" },
  ],
}
"#;

const LAUNCH: &str = r#"{
  "version": "0.2.0",
  "configurations": [
    {
      "name": "app", "type": "debugpy", "request": "launch",
      "program": "${workspaceFolder}/app.py", "preLaunchTask": "prepare",
    },
    {
      "name": "worker", "type": "debugpy", "request": "launch",
      "program": "${workspaceFolder}/worker.py",
    },
  ],
  "compounds": [
    {
      "name": "all", "configurations": ["worker", "app"],
      "presentation": { "group": "1", "order": 1 }, // what F5 starts
    },
  ],
}
"#;

/// The project with its files before azup, and a worker that writes what it has.
fn project(story: &'static str) -> Desk {
    let desk = Desk::new(story);
    python::project(&desk);
    let worker = "import os\nopen('worked.txt', 'w').write(os.getenv('AZURE_STORAGE_BLOB_ENDPOINT', 'none'))\n";
    desk.write(&desk.project().join("worker.py"), worker);
    desk.write(&desk.project().join(".vscode/tasks.json"), TASKS);
    desk.write(&desk.project().join(".vscode/launch.json"), LAUNCH);
    desk.install_azup();
    desk
}

fn read(desk: &Desk, name: &str) -> String {
    std::fs::read_to_string(desk.project().join(name)).unwrap_or_default()
}

/// Since `init`, the project's own task waits for azup's.
#[test]
fn a_task_of_the_users_that_waits_for_azups_goes_on_where_there_is_no_azup() {
    let desk = project("chain-colleague");
    desk.azup(&["init", "--yes", "--stores", "none"]).ok();
    assert!(read(&desk, ".vscode/tasks.json").contains(r#""dependsOn": ["check", "azup: trust"]"#));
    desk.run("rm", &["-r", ".env", ".devcontainer/azurite-certs"])
        .ok();
    desk.uninstall_azup();
    if without() {
        let tasks = read(&desk, ".vscode/tasks.json");
        let bare = tasks.replace("for azup in azup ", "exec azup trust; for azup in azup ");
        desk.write(&desk.project().join(".vscode/tasks.json"), bare);
    }
    let mut editor = Editor::open(&desk, "app.py");
    let pressed = editor.press_f5();
    python::told(&desk, &pressed);
    assert_eq!(pressed.said, [""; 0], "{pressed:#?}");
    assert_eq!(read(&desk, "order.txt"), "checked\nprepared\n");
    assert_eq!(read(&desk, "worked.txt"), "none");
}

#[test]
fn f5_keeps_the_projects_own_chain_and_starts_every_program_of_its_compound() {
    let desk = project("chain");
    python::install(&desk, &["-r", "requirements.txt"]);
    desk.azup(&["init", "--yes"]).ok();
    desk.start_azurite();
    python::install(&desk, &["--force-reinstall", "--no-deps", "certifi"]);
    if without() {
        desk.write(&desk.project().join(".vscode/tasks.json"), TASKS);
        desk.write(&desk.project().join(".vscode/launch.json"), LAUNCH);
    }
    let mut editor = Editor::open(&desk, "app.py");
    let pressed = editor.press_f5();
    python::it_works(&desk, &pressed);
    assert_eq!(read(&desk, "order.txt"), "checked\nprepared\n");
    assert!(
        read(&desk, "worked.txt").starts_with("https://127.0.0.1:"),
        "{pressed:#?}"
    );
}
