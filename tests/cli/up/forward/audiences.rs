//! `--audience`: emulators that use the cloud's names get local tokens, and `az` is not asked.

use rustix::process::Signal;

use super::{TOKEN, VAULT, local, refused};
use crate::up::site::Site;

#[test]
fn an_audience_that_was_named_gets_a_local_token_and_az_is_not_asked() {
    let mut site = Site::new();
    site.fake("az", TOKEN);
    let options = [
        "--audience",
        VAULT,
        "--audience=https://servicebus.azure.net",
    ];
    let script = format!(
        "ask {VAULT}; ask {VAULT}/; ask https://servicebus.azure.net; ask https://localhost:8443"
    );
    let done = site.ask(&options, &script).ok();
    assert!(
        done.stdout.lines().count() == 4 && done.stdout.lines().all(local),
        "{done}"
    );
    assert_eq!(site.calls("az"), "");
    let done = site.ask(&["--audience=vault"], "true");
    assert_eq!(done.code, 2, "{done}");
}

#[test]
fn up_gives_them_to_everybody_and_says_so() {
    let site = Site::new();
    let up = site.up(&["--in-memory", "--audience", VAULT]);
    assert!(
        up.answer
            .contains(&format!("local tokens also for {VAULT}\n")),
        "{}",
        up.answer
    );
    let header = site.sandbox.own().join("identity-header");
    let header = std::fs::read_to_string(header).unwrap();
    let ask = format!(
        "{}IDENTITY_ENDPOINT=http://127.0.0.1:{}/msi/token; IDENTITY_HEADER={}; ask {VAULT}; ask https://graph.microsoft.com",
        super::ASK,
        site.identity,
        header.trim()
    );
    let done = site.sandbox.run("sh", ["-c", &ask]).ok();
    let lines: Vec<&str> = done.stdout.lines().collect();
    assert!(local(lines[0]) && refused(lines[1]), "{done}");
    assert_eq!(up.end_with(Signal::INT).code, 0);
    site.azup_up(&["-d", "--in-memory", "--audience", VAULT])
        .ok();
    site.azup_up(&["-d", "--in-memory", "--audience", VAULT])
        .ok();
    let done = site.azup_up(&["-d", "--in-memory", "--audience=https://other.example"]);
    assert_eq!(done.code, 1, "{done}");
    assert!(
        done.stderr
            .contains("hint: azup down && azup up -d --audience https://other.example"),
        "{done}"
    );
    site.sandbox.azup(["down"]).ok();
}

#[test]
fn token_makes_one_for_it() {
    let site = Site::bare();
    let done = site
        .sandbox
        .azup(["token", "--json", "--audience", VAULT])
        .ok();
    assert_eq!(done.json()["resource"], VAULT);
    let words = ["token", "--json", "--audience", VAULT, "--resource", VAULT];
    assert_eq!(site.sandbox.azup(words).ok().json()["resource"], VAULT);
    assert_eq!(site.sandbox.azup(["token", "--resource", VAULT]).code, 1);
}
