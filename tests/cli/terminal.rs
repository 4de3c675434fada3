//! Escape sequences from elsewhere never reach a terminal: a comment in a file, the name in a
//! certificate, the output of another program.

use crate::merge::asking::on_a_terminal;
use crate::merge::project;
use crate::sandbox::{Done, Sandbox, public_roots};

const NEW: &str = ".devcontainer/devcontainer.json";

/// Goes up a line and erases it, sets the window's title, hides what follows, reverses the
/// direction of text; ESC both as one byte and as two.
const HOSTILE: &str = "a\u{1b}[1A\u{1b}[2K\u{1b}]0;PWN\u{7}\u{1b}[8m\u{9b}2J\u{202e}\u{2066}\u{8}z";
const SHOWN: &str = r"a\x1b[1A\x1b[2K\x1b]0;PWN\x07\x1b[8m\u{9b}2J\u{202e}\u{2066}\x08z";

/// Only azup's own colours, on a terminal or in a pipe.
#[track_caller]
fn is_tame(done: &Done) {
    for text in [&done.stdout, &done.stderr] {
        let colours = ["[1m", "[31m", "[32m", "[33m", "[36m", "[39m", "[0m"];
        let mut parts = text.split('\u{1b}');
        parts.next();
        for rest in parts {
            assert!(
                colours.iter().any(|each| rest.starts_with(each)),
                "{text:?}"
            );
        }
        let plain = text.replace("\r\n", "\n").replace('\u{1b}', "");
        let odd = |c: char| {
            c.is_control() && c != '\n' && c != '\t'
                || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
        };
        assert!(!plain.contains(odd), "{text:?}");
    }
}

#[test]
fn a_comment_in_a_diff_hides_nothing_from_the_user() {
    // Only comments may contain control characters.
    let text = format!("{{\n  // {HOSTILE}\n  \"image\": \"debian:12\"\n}}\n");
    let sandbox = project(&[(NEW, &text)]);
    let done = on_a_terminal(&sandbox, "init", "n\n");
    is_tame(&done);
    assert!(done.stdout.contains(&format!("   // {SHOWN}")), "{done}");
    assert!(
        done.stdout.contains("\u{1b}[32m+"),
        "still coloured: {done}"
    );
    for words in [&["init", "--dry-run"][..], &["init"]] {
        let done = sandbox.azup(words);
        is_tame(&done);
        assert!(format!("{done}").contains(SHOWN), "{done}");
    }
    let done = sandbox.azup(["init", "--dry-run", "--color", "always"]);
    is_tame(&done);
    assert!(done.stdout.contains("\u{1b}[32m+"), "{done}");
    // The file itself keeps every byte.
    sandbox.azup(["init", "--yes"]).ok();
    let now = std::fs::read_to_string(sandbox.project().join(NEW)).unwrap();
    assert!(now.contains(HOSTILE));
}

#[test]
fn a_ca_is_named_without_what_its_name_does_to_a_terminal() {
    let mut sandbox = Sandbox::new();
    sandbox.set("AZUP_STORES", "none");
    let bundle = sandbox.write("bundle.pem", public_roots());
    let path = sandbox.project().join("evil.pem");
    sandbox.foreign_ca_at(&format!("{HOSTILE}\nhint: curl evil"), &path);
    let line = "trust --ca evil.pem --bundle bundle.pem";
    let done = on_a_terminal(&sandbox, line, "");
    is_tame(&done);
    assert!(done.stdout.contains(r"PWN\x07"), "{done}");
    assert!(
        !done.stdout.lines().any(|line| line.starts_with("hint:")),
        "{done}"
    );
    let done = sandbox.azup(line.split(' ')).ok();
    is_tame(&done);
    assert!(done.stdout.contains(r"PWN\x07"), "{done}");
    // A document says the same with JSON's escapes.
    let done = sandbox.azup(line.split(' ').chain(["--json"])).ok();
    is_tame(&done);
    let subject = done.json()["ca"]["subject"].as_str().unwrap().to_owned();
    assert!(subject.contains("PWN"), "{subject}");
    assert!(std::fs::read(bundle).unwrap() != public_roots());
}

#[test]
fn names_from_files_and_words_of_the_command_line_are_escaped_too() {
    let compose = format!(
        "services:\n  {:?}:\n    image: a\n",
        format!("{HOSTILE}\nhint: x")
    );
    let compose = compose
        .replace("\\u{1b}", "\\x1b")
        .replace("\\u{7}", "\\x07");
    let compose = compose
        .replace("\\u{9b}", "\\x9b")
        .replace("\\u{8}", "\\x08");
    let compose = compose
        .replace("\\u{202e}", "\\u202e")
        .replace("\\u{2066}", "\\u2066");
    let sandbox = project(&[
        (
            NEW,
            "{\"dockerComposeFile\": \"c.yml\", \"service\": \"app\"}\n",
        ),
        (".devcontainer/c.yml", &compose),
    ]);
    for done in [
        sandbox.azup(["init", "--yes"]),
        on_a_terminal(&sandbox, "init --yes", ""),
        sandbox.azup(["init", "--yes", "--json"]),
        sandbox.azup([HOSTILE]),
        sandbox.azup(["--json", HOSTILE]),
        sandbox.azup(["trust", "--ca", HOSTILE]),
        sandbox.azup(["trust", "--stores", HOSTILE]),
        on_a_terminal(&sandbox, &format!("trust --stores '{HOSTILE}'"), ""),
    ] {
        is_tame(&done);
        assert_ne!(done.code, 0, "{done}");
        let forged = done.stderr.lines().any(|line| line == "hint: x");
        assert!(!forged, "{done}");
    }
}

/// In a pipe, a shell gets the exact bytes; on a terminal only a person reads them.
#[test]
fn what_programs_read_stays_as_it_is() {
    let mut sandbox = Sandbox::new();
    sandbox.set("AZUP_STORES", "none");
    let odd = sandbox.root().join("a\u{202e}b");
    std::fs::create_dir(&odd).unwrap();
    sandbox.set("XDG_DATA_HOME", &odd);
    sandbox.azup(["trust"]).ok();
    let mut bash = sandbox.command("bash");
    let script = "eval \"$(\"$0\" env)\"; printf %s \"$NODE_EXTRA_CA_CERTS\"";
    bash.args(["-c", script]).arg(crate::sandbox::azup());
    let done = Done::from(bash.output().unwrap()).ok();
    assert!(
        std::path::Path::new(&done.stdout).starts_with(&odd),
        "{done}"
    );
    is_tame(&on_a_terminal(&sandbox, "env", ""));
    is_tame(&on_a_terminal(&sandbox, "env --format dotenv", ""));
}
