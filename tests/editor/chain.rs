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

#[test]
fn f5_keeps_the_projects_own_chain_and_starts_every_program_of_its_compound() {
    let desk = Desk::new("chain");
    python::project(&desk);
    python::install(&desk, &["-r", "requirements.txt"]);
    let worker =
        "import os\nopen('worked.txt', 'w').write(os.environ['AZURE_STORAGE_BLOB_ENDPOINT'])\n";
    desk.write(&desk.project().join("worker.py"), worker);
    desk.write(&desk.project().join(".vscode/tasks.json"), TASKS);
    desk.write(&desk.project().join(".vscode/launch.json"), LAUNCH);
    desk.install_azup();
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
    let read = |name: &str| std::fs::read_to_string(desk.project().join(name)).unwrap_or_default();
    assert_eq!(read("order.txt"), "checked\nprepared\n");
    assert!(
        read("worked.txt").starts_with("https://127.0.0.1:"),
        "{pressed:#?}"
    );
}
