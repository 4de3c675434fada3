//! What azup's task costs at each F5: reported, not asserted.
//!
//! `tests/editor/alone cargo test --release --offline --test editor -- --ignored --nocapture`

use crate::desk::Desk;
use crate::editor::Editor;
use crate::python::told;

const TIMES: usize = 10;

#[test]
#[allow(clippy::print_stdout, reason = "it is read by a person")]
#[ignore = "it measures"]
fn seconds_from_f5_to_the_first_line_with_azups_task_with_another_and_without() {
    let desk = Desk::new("measured");
    let program = "import json, os, time\n\
        json.dump({'started': time.time()}, open('ran.part', 'w'))\n\
        os.rename('ran.part', 'ran.txt')\n";
    desk.write(&desk.project().join("app.py"), program);
    desk.run("/usr/bin/python3", &["-m", "venv", ".venv"]).ok();
    desk.run(
        desk.project().join(".venv/bin/pip"),
        &["install", "-q", "certifi"],
    )
    .ok();
    desk.install_azup();
    desk.azup(&["init", "--yes"]).ok();
    // Most of a task's cost is the editor's: a terminal and a shell for it.
    let kinds = [
        "azup's task",
        "a task in its place that does nothing",
        "no task",
    ];
    for kind in kinds {
        if kind == kinds[1] {
            desk.edit(".vscode/tasks.json", |tasks| {
                let all = tasks["tasks"].as_array_mut().unwrap();
                let ours = all.iter_mut().find(|task| task["label"] == "azup: trust");
                ours.unwrap()["command"] = "true".into();
            });
        }
        if kind == kinds[2] {
            desk.edit(".vscode/launch.json", |launch| {
                let all = launch["configurations"].as_array_mut().unwrap();
                for one in all.iter_mut() {
                    one.as_object_mut().unwrap().remove("preLaunchTask");
                }
            });
        }
        let mut editor = Editor::open(&desk, "app.py");
        let mut seconds: Vec<f64> = Vec::new();
        // The first one starts more than any other.
        for _ in 0..=TIMES {
            let pressed = editor.press_f5();
            let started = told(&desk, &pressed)["started"].as_f64().unwrap();
            seconds.push(started - pressed.at);
        }
        let mut rest = seconds.split_off(1);
        rest.sort_by(f64::total_cmp);
        println!(
            "{kind}: first {:.2} s, then {:.2} to {:.2} s, median {:.2} s",
            seconds[0],
            rest[0],
            rest[TIMES - 1],
            rest[TIMES / 2]
        );
    }
}
