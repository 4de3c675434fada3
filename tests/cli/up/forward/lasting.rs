//! `azup up` and `azup identity` keep running: the user who starts them is told the header, once.

use rustix::process::Signal;

use super::{TOKEN, VAULT, forwarded, local, refused};
use crate::sandbox::Sandbox;
use crate::up::site::{Site, gone};
use crate::up::until_eof::fixture;

/// The header in an answer.
fn drawn(answer: &str) -> &str {
    let start = answer.find("export IDENTITY_HEADER=").expect(answer);
    let line = answer[start..].lines().next().unwrap();
    line.trim_start_matches("export IDENTITY_HEADER=")
        .split(' ')
        .next()
        .unwrap()
}

impl Site {
    /// Asks the endpoint on the fixed port for the vault and for storage, with this header.
    fn answers(&self, header: &str) -> Vec<String> {
        let script = format!(
            "{}IDENTITY_ENDPOINT=http://127.0.0.1:{}/msi/token; ask {VAULT} {header}; ask https://storage.azure.com {header}",
            super::ASK,
            self.identity
        );
        let done = self.sandbox.run("sh", ["-c", &script]).ok();
        done.stdout.lines().map(str::to_owned).collect()
    }

    fn lasting(&self) -> String {
        let path = self.sandbox.own().join("identity-header");
        std::fs::read_to_string(path).unwrap().trim().to_owned()
    }

    #[track_caller]
    fn nowhere(&self, header: &str) {
        for (path, bytes) in Sandbox::files(&self.sandbox.home()) {
            let text = String::from_utf8_lossy(&bytes);
            assert!(!text.contains(header), "{}", path.display());
        }
    }
}

#[test]
fn up_prints_its_header_once() {
    let mut site = Site::new();
    site.fake("az", TOKEN);
    let up = site.up(&["--in-memory", "--forward=az"]);
    let header = drawn(&up.answer).to_owned();
    let answers = site.answers(&header);
    assert!(forwarded(&answers[0]) && local(&answers[1]), "{answers:?}");
    let answers = site.answers(&site.lasting());
    assert!(refused(&answers[0]) && local(&answers[1]), "{answers:?}");
    site.nowhere(&header);
    // The status says what was forwarded, once, however often it was asked for.
    site.answers(&header);
    let forwards = format!("forwards    tokens of az\nforwarded   {VAULT}\n");
    let status = || site.sandbox.azup(["status"]).ok().stdout;
    crate::sandbox::until(|| status().contains(&forwards));
    assert_eq!(status().matches(VAULT).count(), 1);
    let document = site.sandbox.azup(["status", "--json"]).ok().json();
    let identity = &document["azurites"][0]["identity"];
    assert_eq!(identity["forwarded"], serde_json::json!([VAULT]));
    let done = up.end_with(Signal::INT);
    assert!(
        done.stderr
            .contains(&format!("forwarded a token for {VAULT} from az")),
        "{done}"
    );
    // Without the option there is none.
    let up = site.up(&["--in-memory"]);
    assert!(!up.answer.contains("export"), "{}", up.answer);
    assert!(
        site.answers(&header)
            .iter()
            .all(|answer| answer.contains("401"))
    );
    drop(up);
}

#[test]
fn up_in_the_background_says_it_too_and_never_again() {
    let mut site = Site::new();
    site.fake("az", TOKEN);
    let words = ["-d", "--in-memory", "--forward=az"];
    let done = site.azup_up(&[&words[..], &["--json"]].concat()).ok();
    let forward = &done.json()["identity"]["forward"];
    assert_eq!(forward["program"], "az");
    let header = forward["header"].as_str().unwrap();
    let answers = site.answers(header);
    assert!(forwarded(&answers[0]), "{answers:?}");
    site.nowhere(header);
    let done = site.azup_up(&words);
    assert_eq!(done.code, 1, "{done}");
    assert!(
        done.stderr
            .contains("shows its forwarding header only once"),
        "{done}"
    );
    assert!(
        done.stderr
            .contains("hint: azup down && azup up -d --forward az"),
        "{done}"
    );
    let azurite = u32::try_from(site.state()["azurite_pid"].as_u64().unwrap()).unwrap();
    site.sandbox.azup(["down"]).ok();
    assert!(gone(azurite));
}

#[test]
fn identity_alone_forwards_on_this_machine_only() {
    let mut site = Site::bare();
    site.fake("az", TOKEN);
    let port = format!("--port={}", site.identity);
    let done = site
        .sandbox
        .azup(["identity", "-d", &port, "--forward=az"])
        .ok();
    let pid = done.stdout.lines().last().unwrap();
    let pid: u32 = pid.split(' ').nth(1).unwrap().parse().unwrap();
    let end = crate::sandbox::OnDrop(move || crate::up::site::signal(pid, Signal::TERM));
    let header = drawn(&done.stdout);
    let answers = site.answers(header);
    assert!(forwarded(&answers[0]) && local(&answers[1]), "{answers:?}");
    site.nowhere(header);
    let done = site.sandbox.azup(["identity", "-d", &port, "--forward=az"]);
    assert_eq!(done.code, 1, "{done}");
    drop(end);
    let listen = ["identity", "--listen=0.0.0.0", &port, "--forward=az"];
    let done = site.sandbox.azup(listen);
    assert_eq!(done.code, 2, "{done}");
}

/// A user who runs tests is logged in to the cloud, and the tests get nothing of that login.
#[test]
fn an_azurite_for_tests_forwards_no_token() {
    let mut site = Site::new();
    site.fake("az", TOKEN);
    let azurite = fixture::start(&site, &[]);
    let variables = &azurite.document["environment"];
    let text = |name: &str| variables[name].as_str().unwrap();
    let header = text("IDENTITY_HEADER");
    let script = format!(
        "{}IDENTITY_ENDPOINT={}; ask {VAULT} {header}; ask https://storage.azure.com {header}",
        super::ASK,
        text("IDENTITY_ENDPOINT")
    );
    let done = site.sandbox.run("sh", ["-c", &script]).ok();
    let answers: Vec<_> = done.stdout.lines().map(str::to_owned).collect();
    assert!(refused(&answers[0]) && local(&answers[1]), "{answers:?}");
    azurite.close().ok();
    assert!(site.calls("az").is_empty(), "it was not asked");
}
