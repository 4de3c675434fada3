//! Output that does not arrive: standard output is a full disk, is closed, or has a reader that
//! stops reading.

use std::fs::OpenOptions;
use std::process::Stdio;

use crate::sandbox::{Done, Sandbox, azup, public_roots};

/// A device on which every write says that the disk is full.
fn full() -> Stdio {
    let device = OpenOptions::new().write(true).open("/dev/full").unwrap();
    device.into()
}

#[test]
fn an_answer_that_could_not_be_written_is_a_failure() {
    let mut sandbox = Sandbox::new();
    sandbox.set("AZUP_STORES", "none");
    sandbox.write("bundle.pem", public_roots());
    for words in [
        &["token"][..],
        &["token", "--json"],
        &["env"],
        &["env", "--json"],
        &["env", "--format", "functions"],
        &["env", "--dry-run"],
        &["trust", "--bundle", "bundle.pem"],
        &["trust", "--json"],
        &["untrust", "--bundle", "bundle.pem"],
        &["doctor", "-q", "clock"],
        &["doctor", "--list"],
        &["init", "--dry-run"],
        &["init"],
        &["remove", "--yes"],
        &["down"],
        &["up", "--dry-run"],
        &["run", "--dry-run", "--", "true"],
        &["completions", "bash"],
        &["man"],
        &["man", "-o", "pages"],
        &["--help"],
        &["env", "--help"],
        &["--version"],
    ] {
        let done = sandbox.azup_command(words).stdout(full()).output();
        let done = Done::from(done.unwrap());
        assert_eq!(done.code, 1, "{words:?}: {done}");
        let why = "error: cannot write to standard output: No space left on device\n";
        assert!(done.stderr.contains(why), "{words:?}: {done}");
    }
    // The commands do their work all the same, except for reporting it.
    assert!(sandbox.project().join("pages/azup.1").exists());
    assert!(!sandbox.project().join(".devcontainer").exists());
}

/// If the error message cannot be written either, the exit code still arrives.
#[test]
fn if_the_error_message_is_lost_the_exit_code_still_arrives() {
    let sandbox = Sandbox::new();
    for (words, code) in [
        (&["token"][..], 1),
        (&["trust", "--bundle", "missing.pem"], 1),
        (&["nonsense", "--json"], 2),
        (&["run", "--json", "--", "true"], 2),
    ] {
        let mut azup = sandbox.azup_command(words);
        azup.env("AZUP_STORES", "none");
        let status = azup.stdout(full()).stderr(full()).status().unwrap();
        assert_eq!(status.code(), Some(code), "{words:?}");
    }
}

/// A file that azup opens gets the number of a closed stream. No message of azup's may end up in
/// it.
#[test]
fn with_closed_streams_no_word_ends_up_in_a_file() {
    let mut sandbox = Sandbox::new();
    sandbox.set("AZUP_STORES", "none");
    let bundle = sandbox.write("bundle.pem", public_roots());
    let closings = ["<&-", ">&-", "2>&-", "<&- >&-", ">&- 2>&-", "<&- >&- 2>&-"];
    for closing in closings {
        for verb in ["trust", "renew", "untrust"] {
            let script = format!(r#""$@" -v {closing}"#);
            let words = ["-c", script.as_str(), "sh"];
            let mut sh = sandbox.command("sh");
            sh.args(words).arg(azup());
            sh.args([verb, "--bundle", "bundle.pem"]);
            let done = Done::from(sh.output().unwrap());
            assert_eq!(done.code, 0, "{verb} {closing}: {done}");
            let text = String::from_utf8(std::fs::read(&bundle).unwrap()).unwrap();
            let roots = String::from_utf8(public_roots()).unwrap();
            let added = text.strip_prefix(&*roots).unwrap();
            assert!(
                added.lines().all(|line| !line.contains("bundle.pem")),
                "{verb} {closing}: {added}"
            );
            assert_eq!(added.is_empty(), verb == "untrust", "{verb} {closing}");
        }
        for name in ["ca.pem", "cert.pem", "key.pem"] {
            let text = std::fs::read_to_string(sandbox.certs().join(name)).unwrap();
            assert!(text.starts_with("-----BEGIN "), "{closing}: {name}");
            assert!(text.trim_end().ends_with("-----"), "{closing}: {name}");
        }
    }
}

/// `azup … | head -1` succeeds and does not mention a broken pipe.
#[test]
fn a_reader_that_stops_reading_is_no_error() {
    let mut sandbox = Sandbox::new();
    sandbox.set("AZUP_STORES", "none");
    let words: [&[&str]; 4] = [&["man"], &["completions", "bash"], &["--help"], &["env"]];
    for words in words {
        let script = r#""$@" | head -c 1; echo "${PIPESTATUS[0]}""#;
        let mut bash = sandbox.command("bash");
        bash.args(["-c", script, "bash"]).arg(azup()).args(words);
        let done = Done::from(bash.output().unwrap()).ok();
        assert_eq!(done.stdout[1..].trim_end(), "0", "{words:?}: {done}");
        // `azup env` says that no Azurite runs.
        let said = done.stderr.replace(
            "warning: nothing listens on 127.0.0.1:10000: Azurite is not running\nhint: azup up -d\n",
            "",
        );
        assert_eq!(said, "", "{words:?}");
        // Nothing reads at all.
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let status = sandbox.azup_command(words).stdout(writer).status().unwrap();
        assert_eq!(status.code(), Some(0), "{words:?}");
    }
}
