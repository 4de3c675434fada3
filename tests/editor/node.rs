//! A Node.js project fresh from `azup init`, and the debugger that is part of the editor.

use crate::desk::{Desk, part, without};
use crate::editor::Editor;
use crate::python;

/// The program, and Azure's SDK as `npm install` puts it there. Node.js reads no store in a
/// project.
fn project(story: &'static str) -> Desk {
    let mut desk = Desk::new(story);
    desk.stores = "none";
    desk.write(&desk.project().join("app.js"), include_str!("app.js"));
    let manifest = r#"{ "name": "shop", "private": true, "main": "app.js" }"#;
    desk.write(&desk.project().join("package.json"), manifest);
    let packages = part("npm-sdks/node_modules");
    std::os::unix::fs::symlink(packages, desk.project().join("node_modules")).unwrap();
    desk
}

/// No variable is exported. Node.js reads no store that azup could write to without an
/// administrator, and its debugger reads no `.env`.
#[test]
fn f5_runs_the_same_program_in_node_js_with_what_azup_keeps_in_env() {
    let desk = project("node");
    desk.install_azup();
    desk.azup(&["init", "--yes"]).ok();
    desk.start_azurite();
    if without() {
        desk.edit(".vscode/launch.json", |launch| {
            let one = launch["configurations"][0].as_object_mut().unwrap();
            one.remove("runtimeArgs").unwrap();
        });
    }
    let mut editor = Editor::open(&desk, "app.js");
    python::it_works(&desk, &editor.press_f5());
}

/// As somebody wrote it who did not know of azup.
const LAUNCH: &str = r#"{
  "version": "0.2.0",
  "configurations": [
    {
      "name": "shop", "type": "node", "request": "launch",
      "program": "${workspaceFolder}/app.js",
      "runtimeArgs": ["--enable-source-maps"], // of TypeScript
    },
  ],
}
"#;

/// `init` adds to it, and takes nothing away.
#[test]
fn f5_runs_the_program_by_a_launch_json_that_was_there_before_azup() {
    let desk = project("node-own");
    desk.write(&desk.project().join(".vscode/launch.json"), LAUNCH);
    desk.install_azup();
    desk.azup(&["init", "--yes"]).ok();
    desk.start_azurite();
    if without() {
        desk.write(&desk.project().join(".vscode/launch.json"), LAUNCH);
    }
    let mut editor = Editor::open(&desk, "app.js");
    python::it_works(&desk, &editor.press_f5());
}

/// A colleague's clone on a machine without azup: no `.env`, no certificates.
#[test]
fn f5_in_a_clone_without_azup_starts_node_js_as_before_and_says_nothing() {
    let desk = project("node-colleague");
    desk.install_azup();
    desk.azup(&["init", "--yes"]).ok();
    desk.uninstall_azup();
    for gone in [".env", ".devcontainer/azurite-certs"] {
        desk.run("rm", &["-r", gone]).ok();
    }
    if without() {
        // Node.js ends at once if a script that it is to load is missing.
        desk.edit(".vscode/launch.json", |launch| {
            let gone = serde_json::json!(["--require=${workspaceFolder}/.env.cjs"]);
            launch["configurations"][0]["runtimeArgs"] = gone;
        });
    }
    let mut editor = Editor::open(&desk, "app.js");
    let pressed = editor.press_f5();
    let told = python::told(&desk, &pressed);
    assert!(
        told["error"].is_string(),
        "nothing led it anywhere: {told:#}"
    );
    assert_eq!(told["url"], serde_json::Value::Null);
    assert_eq!(pressed.said, [""; 0], "{pressed:#?}");
}
