//! Projects whose owner wants more from `init` and `remove` than the user does: a record that names
//! other files, links, and a compose file that keeps a parser busy.

use std::os::unix::fs::symlink;
use std::path::Path;

use ring::digest::{SHA256, digest};
use serde_json::{Value, json};

use super::{assert_same, project, tree};
use crate::sandbox::{Done, Sandbox};

const NEW: &str = ".devcontainer/devcontainer.json";
const RECORD: &str = ".devcontainer/azurite/edits.json";
const IMAGE: &str = "{\n  \"image\": \"debian:12\"\n}\n";
const HEAD: &str = "ref: refs/heads/main\n";

fn sha256(text: &str) -> String {
    use std::fmt::Write as _;
    let hash = digest(&SHA256, text.as_bytes());
    let digits = hash.as_ref().iter();
    digits.fold(String::new(), |mut all, byte| {
        let _ = write!(all, "{byte:02x}");
        all
    })
}

fn record() -> Value {
    json!({
        "version": 1, "configurations": {}, "files": [], "own": {}, "folders": [],
        "had_certificates": false
    })
}

fn made(path: &str, text: &str) -> Value {
    json!({ "path": path, "before": null, "written": sha256(text), "additions": [] })
}

/// Neither command changes a byte, and both say why.
#[track_caller]
fn refused(sandbox: &Sandbox, why: &str) -> Done {
    let before = tree(sandbox.root());
    for words in [["remove", "--yes"], ["init", "--yes"]] {
        let done = sandbox.azup(words);
        assert_eq!(done.code, 4, "{why}: {done}");
        assert!(done.stderr.contains(why), "{why}: {done}");
        assert!(tree(sandbox.root()) == before, "{why}: {done}");
    }
    sandbox.azup(["remove", "--yes"])
}

#[test]
fn a_record_that_names_other_files_than_azups_is_refused_as_a_whole() {
    let texts = [
        (".git/HEAD", HEAD),
        ("notes.txt", "notes\n"),
        ("devcontainer.json", IMAGE),
        (".vscode/settings.json", "{}\n"),
        (".devcontainer/api/Dockerfile", "FROM scratch\n"),
        (".devcontainer/azurite/docs/a.md", "a\n"),
    ];
    let sandbox = project(&[&[(NEW, IMAGE)][..], &texts[..]].concat());
    std::fs::create_dir_all(sandbox.project().join(".git/refs/tags")).unwrap();
    let write = |record: &Value| sandbox.write(RECORD, record.to_string());
    for (path, text) in texts {
        let roundabout = [
            path.to_owned(),
            format!(".devcontainer/../{path}"),
            format!("./{path}"),
            format!(".devcontainer/azurite/../../{path}"),
            path.to_uppercase(),
        ];
        for path in roundabout {
            let mut bad = record();
            bad["files"] = json!([made(&path, text)]);
            write(&bad);
            refused(&sandbox, "which azup never changes");
            let mut bad = record();
            bad["own"] = json!({ &path: [sha256(text)] });
            write(&bad);
            let done = refused(&sandbox, "which azup never changes");
            assert!(done.stderr.contains(&*path), "{path}: {done}");
            let hint = "/project log -p -- .devcontainer/azurite/edits.json\n";
            assert!(done.stderr.ends_with(hint), "{path}: {done}");
        }
    }
    // One bad entry among good ones, and a folder that is merely empty.
    let mut bad = record();
    bad["files"] = json!([made(NEW, IMAGE), made("notes.txt", "notes\n")]);
    write(&bad);
    refused(&sandbox, "it names notes.txt, which");
    for folder in [
        ".git/refs/tags",
        ".git/refs",
        "docs",
        ".devcontainer/api",
        "..",
    ] {
        let mut bad = record();
        bad["folders"] = json!([".vscode", folder]);
        write(&bad);
        refused(&sandbox, &format!("it names {folder}, which"));
    }
    let mut bad = record();
    bad["configurations"] = json!({ "../other/devcontainer.json": "single" });
    write(&bad);
    refused(&sandbox, "it names ../other/devcontainer.json, which");
    let deep = format!("{}{}", "[".repeat(40_000), "]".repeat(40_000));
    sandbox.write(RECORD, deep);
    refused(&sandbox, "is not the record that azup wrote");
}

/// Links are committed like files: azup's own folder is never somewhere else, and the target of a
/// link is never deleted.
#[test]
fn a_link_does_not_lead_remove_to_other_files() {
    let own = |name: &str, text: &str| {
        let mut bad = record();
        bad["own"] = json!({ format!(".devcontainer/azurite/{name}"): [sha256(text)] });
        bad.to_string()
    };
    let files = |path: &str, text: &str| {
        let mut bad = record();
        bad["files"] = json!([made(path, text)]);
        bad.to_string()
    };
    // The folder itself, and its parent, as another one of the project.
    for link in ["-> ../src", "-> ../.git", "-> ../../elsewhere"] {
        let sandbox = project(&[("src/HEAD", HEAD), (".git/HEAD", HEAD)]);
        let elsewhere = sandbox.root().join("elsewhere");
        std::fs::create_dir(&elsewhere).unwrap();
        std::fs::write(elsewhere.join("HEAD"), HEAD).unwrap();
        let target = Path::new(link.trim_start_matches("-> "));
        std::fs::create_dir(sandbox.project().join(".devcontainer")).unwrap();
        symlink(target, sandbox.project().join(".devcontainer/azurite")).unwrap();
        sandbox.write(RECORD, own("HEAD", HEAD));
        refused(&sandbox, ".devcontainer/azurite: it is a link");
    }
    let sandbox = project(&[
        ("src/app/devcontainer.json", IMAGE),
        (
            "src/azurite/edits.json",
            &files(".devcontainer/app/devcontainer.json", IMAGE),
        ),
        (".devcontainer", "-> src"),
    ]);
    let before = tree(sandbox.root());
    let done = sandbox.azup(["remove", "--yes"]);
    assert_eq!(done.code, 4, "{done}");
    let why = "it is behind a link, where azup deletes nothing";
    assert!(done.stderr.contains(why), "{done}");
    assert!(tree(sandbox.root()) == before, "{done}");
    // One file.
    let package = "{ \"scripts\": {} }\n";
    let sandbox = project(&[
        ("package.json", package),
        (".vscode/tasks.json", "-> ../package.json"),
        (RECORD, &files(".vscode/tasks.json", package)),
    ]);
    refused(
        &sandbox,
        "tasks.json: it is a link to a file of another name",
    );
    let sandbox = project(&[
        (".git/tasks.json", package),
        (".vscode/tasks.json", "-> ../.git/tasks.json"),
        (RECORD, &files(".vscode/tasks.json", package)),
    ]);
    refused(
        &sandbox,
        "tasks.json: it is a link that leads into git's own folder",
    );
    // Another program's certificates.
    let sandbox = project(&[
        ("tls/key.pem", "a key"),
        (".devcontainer/azurite-certs", "-> ../tls"),
        (RECORD, &record().to_string()),
    ]);
    refused(&sandbox, ".devcontainer/azurite-certs: it is a link");
}

/// Whatever is where a folder should be, it is named once, and the hint is about it alone.
#[test]
fn what_is_in_the_way_of_many_files_is_named_once() {
    for (at, target) in [
        (".devcontainer", "../elsewhere"),
        (".devcontainer", "nowhere"),
        (".devcontainer/azurite", "../../elsewhere"),
        (".devcontainer/azurite-certs", "../../elsewhere"),
        (".vscode", "../elsewhere"),
    ] {
        let sandbox = project(&[("app.py", "")]);
        std::fs::create_dir(sandbox.root().join("elsewhere")).unwrap();
        let link = sandbox.project().join(at);
        std::fs::create_dir_all(link.parent().unwrap()).unwrap();
        symlink(target, &link).unwrap();
        let done = sandbox.azup(["init", "--yes"]);
        assert_eq!(done.code, 4, "{done}");
        assert_eq!(done.stderr.matches("is a link").count(), 1, "{done}");
        let link = link.display();
        let hint = format!("hint: mv -n {link} {link}.before && azup init\n");
        assert!(done.stderr.ends_with(&hint), "{done}");
    }
    let sandbox = project(&[(".devcontainer", "a file")]);
    let done = sandbox.azup(["init", "--yes"]);
    assert_eq!(
        done.stderr.matches("it is not a folder").count(),
        1,
        "{done}"
    );
    assert_eq!(done.stderr.matches("mv -n").count(), 1, "{done}");
    // In removal too.
    let sandbox = project(&[]);
    sandbox.azup(["init", "--yes"]).ok();
    let aside = sandbox.root().join("aside");
    let link = sandbox.project().join(".devcontainer");
    std::fs::rename(&link, &aside).unwrap();
    symlink(&aside, &link).unwrap();
    let before = tree(sandbox.root());
    let done = sandbox.azup(["remove", "--yes"]);
    assert_eq!(done.code, 4, "{done}");
    assert_eq!(
        done.stderr.matches("leads out of the project").count(),
        1,
        "{done}"
    );
    let hint = format!("hint: ls -ld {}\n", link.display());
    assert!(done.stderr.ends_with(&hint), "{done}");
    assert!(tree(sandbox.root()) == before);
}

/// A parser needs time proportional to the square of the depth, so it never sees these.
#[test]
fn an_absurdly_nested_or_large_compose_file_is_refused_before_it_is_parsed() {
    let services = "services:\n  app: {image: a}\n";
    let wide = "x-a:\n".to_owned() + &"  - [a, {b: \"${C}\"}] # [\n".repeat(100);
    for (text, why) in [
        (
            format!("x-a: {}", "{a: ".repeat(40_000)),
            "line 1: it is nested more than 128",
        ),
        ("[".repeat(100_000), "line 1: it is nested more than 128"),
        (
            format!("x-a:\n  {}", "- ".repeat(60_000)),
            "line 2: it is nested more than 128",
        ),
        (
            format!("x-a:\n  {}", "? ".repeat(60_000)),
            "line 2: it is nested more than 128",
        ),
        (
            format!("x-a: {}", "{'}': ".repeat(40_000)),
            "it has 40000 brackets",
        ),
        (services.to_owned() + &wide, ""),
    ] {
        let sandbox = project(&[
            (
                NEW,
                "{\"dockerComposeFile\": \"c.yml\", \"service\": \"app\"}\n",
            ),
            (".devcontainer/c.yml", &text),
        ]);
        let before = tree(&sandbox.project());
        let done = sandbox.azup(["init", "--dry-run"]);
        assert_eq!(done.code, if why.is_empty() { 0 } else { 4 }, "{done}");
        assert!(done.stderr.contains(why), "{done}");
        assert_same(&sandbox, &before, why);
    }
    let sandbox = project(&[(NEW, &"[".repeat(120_000))]);
    let done = sandbox.azup(["init", "--yes"]);
    assert_eq!(done.code, 4, "{done}");
    assert!(done.stderr.contains("nested too deeply"), "{done}");
}
