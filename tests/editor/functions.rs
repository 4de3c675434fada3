//! A Functions project in Python fresh from `azup init`. Core Tools and Microsoft's extension for
//! them are not to be had here: their program comes from elsewhere than npm's registry. So two stand
//! in for them, as far as they start something in an order: an extension that knows tasks of the
//! type `func`, and a `func` that gives its settings to a worker and has that wait for a debugger.

use crate::desk::{Desk, part, without};
use crate::editor::Editor;
use crate::python;

const MANIFEST: &str = r#"{
  "name": "functions", "publisher": "azup-tests", "version": "0.0.1",
  "description": "Stands in for Microsoft's extension for Azure Functions.",
  "engines": { "vscode": "^1.90.0" },
  "main": "./main.js",
  "activationEvents": ["onTaskType:func"],
  "contributes": {
    "taskDefinitions": [{ "type": "func", "properties": { "command": { "type": "string" } } }],
    "problemMatchers": [{
      "name": "func-python-watch", "owner": "func",
      "pattern": { "regexp": "^(nothing) (that) (is said)$", "file": 1, "line": 2, "message": 3 },
      "background": {
        "activeOnStart": true,
        "beginsPattern": "^Job host stopped",
        "endsPattern": "^Worker process started and initialized"
      }
    }]
  }
}"#;

/// The command of a task behind the name of the program.
const EXTENSION: &str = r"
const { ShellExecution, Task, tasks } = require('vscode');
exports.activate = () => tasks.registerTaskProvider('func', {
  provideTasks: () => [],
  resolveTask: ({ definition, scope, name, problemMatchers }) => new Task(
    definition, scope, name, 'func',
    new ShellExecution(`${require('os').homedir()}/.local/bin/func ${definition.command}`), problemMatchers),
});
";

/// Says what the extension waits for once a debugger can come.
const FUNC: &str = r#"#!/usr/bin/python3
import json, os, socket, subprocess, sys, time
assert sys.argv[1:] == ["host", "start", "--verbose"], sys.argv
print("stand-in for func", *sys.argv[1:], flush=True)
settings = json.load(open("local.settings.json"))["Values"]
words = ["-m", "debugpy", "--listen", "127.0.0.1:9091", "--wait-for-client", "function_app.py"]
worker = subprocess.Popen([".venv/bin/python", *words], env={**os.environ, **settings, "PYTHONPATH": "PARTS"})
# A connection would be taken for the debugger's.
while ":2383 " not in open("/proc/net/tcp").read():
    assert worker.poll() is None
    time.sleep(0.1)
print("Worker process started and initialized.", flush=True)
worker.wait()
"#;

/// Dependencies, then trust, then the host, then the debugger: only then the function runs, and what it
/// trusts is the certifi that the first of them has just installed.
#[test]
fn f5_installs_trusts_and_then_starts_a_stand_in_for_func_to_which_the_debugger_attaches() {
    let desk = Desk::new("functions");
    python::project(&desk);
    let project = desk.project();
    desk.run("mv", &["app.py", "function_app.py"]).ok();
    desk.write(&project.join("host.json"), r#"{ "version": "2.0" }"#);
    let place = desk.home().join("extensions/azup-tests.functions-0.0.1");
    desk.write(&place.join("package.json"), MANIFEST);
    desk.write(&place.join("main.js"), EXTENSION);
    let debugpy = part("editor/debugpy").display().to_string();
    let func = desk.home().join(".local/bin/func");
    desk.write(&func, FUNC.replace("PARTS", &debugpy));
    desk.run("chmod", &["+x", func.to_str().unwrap()]).ok();
    desk.install_azup();
    desk.azup(&["init", "--yes"]).ok();
    desk.start_azurite();
    let settings = desk.azup(&["env", "--format", "functions"]).ok().stdout;
    desk.write(&project.join("local.settings.json"), settings);
    if without() {
        desk.uninstall_azup();
    }
    let mut editor = Editor::open(&desk, "function_app.py");
    let pressed = editor.press_f5();
    python::it_works(&desk, &pressed);
    let host = "stand-in for func host start --verbose";
    assert!(pressed.shows(host), "{pressed:#?}");
}
