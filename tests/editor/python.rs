//! A Python project fresh from `azup init`.

use std::process::Command;

use serde_json::Value;

use crate::desk::{Desk, without};
use crate::editor::Editor;
use crate::hand::Pressed;

/// One line, if there is no azup.
const MISSING: &str =
    "azup is not installed here, so trust was not checked: pipx install azurite-up";

/// What the program wrote.
#[track_caller]
pub fn told(desk: &Desk, pressed: &Pressed) -> Value {
    assert!(pressed.ran, "{pressed:#?}");
    let text = std::fs::read(desk.project().join("ran.txt")).unwrap();
    serde_json::from_slice(&text).unwrap()
}

/// The program stored its blob, without any dialog or message.
#[track_caller]
pub fn it_works(desk: &Desk, pressed: &Pressed) {
    let told = told(desk, pressed);
    assert_eq!(told["text"], "hello from F5", "{told:#} {pressed:#?}");
    assert_eq!(pressed.said, [""; 0], "{pressed:#?}");
}

/// The program, its requirements, and an environment in which none of them is installed yet.
pub fn project(desk: &Desk) {
    desk.write(&desk.project().join("app.py"), include_str!("app.py"));
    desk.write(
        &desk.project().join("requirements.txt"),
        "azure-identity\nazure-storage-blob\n",
    );
    desk.run("/usr/bin/python3", &["-m", "venv", ".venv"]).ok();
}

/// `pip install` in the project's environment.
pub fn install(desk: &Desk, words: &[&str]) {
    let pip = ["-m", "pip", "install", "-q"];
    desk.run(
        desk.project().join(".venv/bin/python"),
        &[&pip, words].concat(),
    )
    .ok();
}

/// No variable is exported: azup's task makes the CA trusted, and `.env` says where Azurite is.
#[test]
fn f5_runs_the_program_of_the_readme_also_after_certifi_was_installed_again() {
    let desk = Desk::new("python");
    project(&desk);
    desk.install_azup();
    desk.azup(&["init", "--yes"]).ok();
    desk.start_azurite();
    if without() {
        desk.uninstall_azup();
    }
    let mut editor = Editor::open(&desk, "app.py");
    it_works(&desk, &editor.press_f5());

    install(&desk, &["--force-reinstall", "--no-deps", "certifi"]);
    // Something is to be done, then nothing: in neither case is a terminal of azup's or pip's seen.
    for _ in 0..2 {
        let pressed = editor.press_f5();
        it_works(&desk, &pressed);
        let is_the_programs = |text: &String| text.contains("debugpy/launcher");
        assert!(
            pressed.terminals.iter().all(is_the_programs),
            "{pressed:#?}"
        );
    }
}

/// Its leaf is valid for less than a month, and Azurite serves it. The tokens are from today.
#[test]
fn f5_renews_a_set_that_was_issued_370_days_ago_and_works() {
    const AGE: u64 = 370;
    let desk = Desk::new("renewal");
    project(&desk);
    desk.install_azup();
    desk.azup_before(AGE, &["init", "--yes"]).ok();
    desk.share_azurite();
    desk.azup_before(AGE, &["up", "-d", "--no-identity"]).ok();
    desk.start_identity();
    let certificate = desk.project().join(".devcontainer/azurite-certs/cert.pem");
    let old = std::fs::read(&certificate).unwrap();
    if without() {
        desk.uninstall_azup();
    }
    let mut editor = Editor::open(&desk, "app.py");
    it_works(&desk, &editor.press_f5());
    assert!(std::fs::read(&certificate).unwrap() != old, "it is renewed");
}

/// A colleague's machine: the files are there, azup is not.
#[test]
fn without_azup_f5_works_as_before_and_says_so_in_a_line() {
    let desk = Desk::new("colleague");
    desk.write(&desk.project().join("app.py"), include_str!("app.py"));
    desk.install_azup();
    desk.azup(&["init", "--yes", "--stores", "none"]).ok();
    for gone in [".env", ".devcontainer/azurite-certs"] {
        Command::new("rm")
            .arg("-r")
            .arg(desk.project().join(gone))
            .status()
            .unwrap();
    }
    desk.uninstall_azup();
    if without() {
        // As it was before: the program itself is the task.
        desk.edit(".vscode/tasks.json", |tasks| {
            let task = tasks["tasks"].as_array_mut().unwrap().iter_mut();
            for task in task.filter(|task| task["label"] == "azup: trust") {
                task["type"] = "process".into();
                task["command"] = "azup".into();
                task["args"] = serde_json::json!(["trust"]);
                task.as_object_mut().unwrap().remove("options");
            }
        });
    }
    let mut editor = Editor::open(&desk, "app.py");
    let pressed = editor.press_f5();
    let told = told(&desk, &pressed);
    // Nothing of azup's is in the way: it has the same as without azup.
    assert_eq!(told["python"], "/usr/bin/python3");
    assert_eq!(pressed.said, [""; 0], "{pressed:#?}");
    assert_eq!(desk.task("azup: trust").ok().stdout.trim_end(), MISSING);
}
