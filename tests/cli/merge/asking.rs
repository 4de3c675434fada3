//! The one question, on a real terminal and without one.

use std::io::Write as _;
use std::process::Stdio;

use super::{assert_same, project, tree};
use crate::sandbox::{Done, Sandbox, azup};

const NEW: &str = ".devcontainer/devcontainer.json";
const IMAGE: &str = "{\n  \"image\": \"debian:12\"\n}\n";

/// Runs `azup` on a terminal of its own (util-linux's `script`) and types `answer`.
pub fn on_a_terminal(sandbox: &Sandbox, words: &str, answer: &str) -> Done {
    let line = format!("'{}' {words}", azup().display());
    let mut child = sandbox
        .command("script")
        .env("TERM", "xterm")
        .args([
            "--quiet",
            "--return",
            "--echo",
            "never",
            "--command",
            &line,
            "/dev/null",
        ])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    stdin.write_all(answer.as_bytes()).unwrap();
    let done = Done::from(child.wait_with_output().unwrap());
    drop(stdin);
    done
}

#[test]
fn on_a_terminal_the_diff_is_shown_and_asked_about_once() {
    let sandbox = project(&[(NEW, IMAGE)]);
    let before = tree(&sandbox.project());
    for answer in ["n\n", "\n", "what?\n"] {
        let done = on_a_terminal(&sandbox, "init", answer);
        assert_eq!(done.code, 1, "{done}");
        assert!(done.stdout.contains("./azurite"), "{done}");
        assert_eq!(done.stdout.matches("[y/N]").count(), 1, "{done}");
        // Coloured, as on a terminal.
        assert!(done.stdout.contains("\u{1b}[32m+"), "{done}");
        assert_same(&sandbox, &before, "the answer was no");
    }
    let done = on_a_terminal(&sandbox, "init --no-input", "y\n");
    assert_eq!(done.code, 2, "{done}");
    assert!(!done.stdout.contains("[y/N]"), "{done}");
    assert_same(&sandbox, &before, "nobody was asked");

    on_a_terminal(&sandbox, "init", "y\n").ok();
    let done = on_a_terminal(&sandbox, "init", "").ok();
    assert!(!done.stdout.contains("[y/N]"), "nothing to ask: {done}");
    let done = on_a_terminal(&sandbox, "remove", "no\n");
    assert_eq!(done.code, 1, "{done}");
    on_a_terminal(&sandbox, "remove", "yes\n").ok();
    assert_same(&sandbox, &before, "removed");
}

#[test]
fn on_a_terminal_one_of_several_dev_containers_is_chosen_by_its_number() {
    let two = ".devcontainer/two/devcontainer.json";
    let sandbox = project(&[(NEW, IMAGE), (two, IMAGE)]);
    let before = tree(&sandbox.project());
    for answer in ["3\n", "0\n", "x\n"] {
        let done = on_a_terminal(&sandbox, "init --yes", answer);
        assert_eq!(done.code, 2, "{done}");
        assert!(done.stdout.contains(&format!("2 {two}")), "{done}");
        assert_same(&sandbox, &before, "no such number");
    }
    on_a_terminal(&sandbox, "init --yes", "2\n").ok();
    let read = |path| std::fs::read_to_string(sandbox.project().join(path)).unwrap();
    assert_eq!(read(NEW), IMAGE);
    assert!(read(two).contains("../azurite"));
}

#[test]
fn without_a_terminal_it_says_what_it_would_do_and_how() {
    let sandbox = project(&[(NEW, IMAGE)]);
    let before = tree(&sandbox.project());
    let done = sandbox.azup(["init"]);
    assert_eq!(done.code, 2, "{done}");
    assert_eq!(done.stdout, "");
    assert!(done.stderr.contains("+    \"./azurite\": {}"), "{done}");
    assert!(
        done.stderr
            .contains("to be created .devcontainer/azurite/install.sh"),
        "{done}"
    );
    let hint = done.stderr.lines().last().unwrap();
    assert!(hint.starts_with("hint: azup init --yes "), "{done}");
    // The hint means the same as what was typed.
    let done = sandbox.azup(["init", "--compose", "--config", NEW]);
    let hint = done.stderr.lines().last().unwrap();
    let words = format!("hint: azup init --compose --config {NEW} --yes ");
    assert!(hint.starts_with(&words), "{done}");
    assert_eq!(sandbox.azup(["init", "--json"]).json()["error"]["exit"], 2);
    assert_same(&sandbox, &before, "nobody was asked");

    sandbox.azup(["init", "-y"]).ok();
    let after = tree(&sandbox.project());
    let done = sandbox.azup(["remove"]);
    assert_eq!(done.code, 2, "{done}");
    assert!(
        done.stderr
            .contains("to be deleted .devcontainer/azurite/install.sh"),
        "{done}"
    );
    assert_same(&sandbox, &after, "nobody was asked");
}
