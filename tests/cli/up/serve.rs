//! One port for HTTPS and HTTP, in both forms of URL: what worked with a plain Azurite works with
//! azup's, and nothing that Azurite has acknowledged is lost when it is told to end.

use std::ffi::OsString;
use std::io::{BufRead as _, BufReader, Read as _};
use std::process::{Child, Stdio};

use rustix::process::Signal;

use super::clients::script;
use super::site::Site;
use crate::sandbox::{azup, part};

pub(super) const KEY: &str =
    "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==";

impl Site {
    pub(super) fn connection_string(&self, scheme: &str) -> String {
        format!(
            "DefaultEndpointsProtocol={scheme};AccountName=devstoreaccount1;AccountKey={KEY};\
             BlobEndpoint={scheme}://127.0.0.1:{}/devstoreaccount1;",
            self.ports[0]
        )
    }

    /// curl without any certificate.
    pub(super) fn plain(&self, words: &[&str], path: &str) -> String {
        let url = self.url(path).replace("https://", "http://");
        let words = [&["-sS", "-i"], words, &[url.as_str()]].concat();
        self.sandbox.run("curl", words).ok().stdout
    }

    pub(super) fn writers(&self, scheme: &str, per_connection: u32, more: &[&str]) -> Writers {
        let mut python = self.sandbox.command(part("venv/bin/python"));
        python.arg(script("writers.py"));
        python.args([
            self.connection_string(scheme).into(),
            self.ca().into_os_string(),
        ]);
        python.arg(per_connection.to_string()).args(more);
        let pipes = python.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = pipes.stderr(Stdio::piped()).spawn().unwrap();
        let mut stdout = BufReader::new(child.stdout.take().unwrap());
        let mut line = String::new();
        stdout.read_line(&mut line).unwrap();
        if line != "writing\n" {
            let mut why = String::new();
            child
                .stderr
                .take()
                .unwrap()
                .read_to_string(&mut why)
                .unwrap();
            child.wait().unwrap();
            panic!("{why}");
        }
        Writers(child, stdout)
    }
}

/// Eight writers without retries.
pub(super) struct Writers(Child, BufReader<std::process::ChildStdout>);

impl Writers {
    /// Stops them, and returns the names of what was acknowledged.
    #[track_caller]
    pub(super) fn stored(mut self) -> Vec<String> {
        drop(self.0.stdin.take());
        let (mut stored, mut failures) = (String::new(), String::new());
        self.1.read_to_string(&mut stored).unwrap();
        self.0
            .stderr
            .take()
            .unwrap()
            .read_to_string(&mut failures)
            .unwrap();
        assert!(self.0.wait().unwrap().success(), "{failures}");
        stored
            .lines()
            .filter(|name| !name.is_empty())
            .map(str::to_owned)
            .collect()
    }
}

#[test]
fn every_form_of_url_works_with_and_without_tls_and_so_do_copies() {
    let site = Site::new();
    let san = ["--san", "azurite.example.test"];
    site.sandbox
        .azup(["renew", "--stores", "none", san[0], san[1]])
        .ok();
    let _up = site.up(&[]);
    let ports = site.ports.map(|port| port.to_string());
    for url in [
        "https://127.0.0.1/devstoreaccount1",
        "http://127.0.0.1/devstoreaccount1",
        "https://localhost/devstoreaccount1",
        "http://devstoreaccount1.SERVICE.localhost",
        "https://azurite.example.test/devstoreaccount1",
        "http://azurite.example.test/devstoreaccount1",
    ] {
        let ca = site.ca();
        let words = [url, &ports[0], &ports[1], &ports[2]].map(OsString::from);
        let mut python = site.sandbox.command(part("venv/bin/python"));
        python.arg(script("everything.py")).args(words).arg(ca);
        let done = python.output().unwrap();
        let said = String::from_utf8_lossy(&done.stderr);
        assert_eq!(
            String::from_utf8_lossy(&done.stdout),
            "all\n",
            "{url}: {said}"
        );
    }
}

/// In a separate network, where the usual ports are free.
#[test]
fn code_that_says_use_development_storage_needs_no_change() {
    let site = Site::new();
    let python = format!(
        "'{}' '{}'",
        part("venv/bin/python").display(),
        script("development.py").display()
    );
    let javascript = format!(
        "'{}' '{}' '{}'",
        part("node22/node_modules/node/bin/node").display(),
        script("development.mjs").display(),
        part("npm-sdks/node_modules").display()
    );
    let azup = azup().display();
    let line = format!(
        "ip link set lo up && '{azup}' run --in-memory -- sh -c \"{python} && {javascript}\""
    );
    let words = ["--user", "--map-root-user", "--net", "sh", "-c", &line];
    let done = site.sandbox.run("/usr/bin/unshare", words).ok();
    assert_eq!(done.stdout, "a blob\na message\na blob\na message\n");
}

#[test]
fn a_token_is_refused_over_plain_http() {
    let site = Site::new();
    let _up = site.up(&[]);
    let bearer = format!("Authorization: Bearer {}", site.token());
    let headers = ["-H", &bearer, "-H", "x-ms-version: 2021-12-02"];
    let answer = site.plain(&headers, "/?comp=list");
    assert!(answer.starts_with("HTTP/1.1 403"), "{answer}");
    assert!(answer.contains("AuthenticationFailed"), "{answer}");
}

#[test]
fn https_only_says_on_the_wire_that_plain_http_is_refused() {
    let site = Site::new();
    let up = site.up(&["--https-only"]);
    for words in [&[][..], &["-X", "PUT", "--data-binary", "@/bin/sh"]] {
        let answer = site.plain(words, "/c/b");
        assert!(answer.starts_with("HTTP/1.1 400"), "{answer}");
        assert!(
            answer.contains(
                "This Azurite takes HTTPS only (--https-only): write https:// in the URL."
            ),
            "{answer}"
        );
    }
    site.store("over HTTPS");
    assert_eq!(site.stored(), "over HTTPS 200");
    up.ctrl_c().ok();
    site.azup_up(&["-d", "--https-only"]).ok();
    assert!(site.plain(&[], "/c/b").starts_with("HTTP/1.1 400"));
    assert_eq!(site.stored(), "over HTTPS 200");
}

#[test]
fn what_azurite_does_not_have_is_answered_in_a_sentence() {
    let site = Site::new();
    let _up = site.up(&[]);
    for (path, sentence) in [
        ("/share?restype=share", "Azurite has no file shares."),
        (
            "/lake?resource=filesystem",
            "Azurite has no Data Lake (dfs) endpoint",
        ),
    ] {
        let answer = site.plain(&["-X", "PUT"], path);
        assert!(answer.contains(sentence), "{answer}");
    }
}

#[test]
fn eight_writers_without_retries_lose_no_request_to_a_renewal() {
    let site = Site::new();
    let up = site.up(&[]);
    // With keys over HTTP, and over HTTPS on connections that were already open.
    let writers =
        [("https", u32::MAX), ("http", 3)].map(|(scheme, per)| site.writers(scheme, per, &[]));
    for _ in 0..2 {
        let before = std::fs::read(site.ca()).unwrap();
        site.sandbox.azup(["renew", "--stores", "none"]).ok();
        // No errors in the meantime: `up` and `run` wait until the new one is served.
        site.azup_up(&["-d"]).ok();
        site.run_there(&[], &["true".into()]).ok();
        assert_ne!(std::fs::read(site.ca()).unwrap(), before);
        site.store("with the new one");
    }
    for writers in writers {
        assert!(!writers.stored().is_empty());
    }
    assert_eq!(site.state()["azurite_pid"], up.azurite(), "no restart");
}

#[test]
fn what_was_acknowledged_under_load_is_there_after_every_kind_of_end() {
    for (round, how) in rounds() {
        let site = Site::new();
        let up = site.up(&[]);
        let writers = site.writers("https", 5, &["stopping"]);
        let other = site.writers("http", 5, &["stopping"]);
        std::thread::sleep(std::time::Duration::from_millis(500));
        match how {
            "Ctrl-C" => drop(up.ctrl_c().ok()),
            "TERM" => drop(up.end_with(Signal::TERM).ok()),
            "HUP" => drop(up.end_with(Signal::HUP).ok()),
            "down" => {
                let mut up = up;
                site.sandbox.azup(["down"]).ok();
                up.wait();
            }
            _ => assert_eq!(up.end_with(Signal::KILL).code, -1),
        }
        let mut stored = writers.stored();
        stored.extend(other.stored());
        assert!(stored.len() > 8, "{how}: {stored:?}");
        let up = site.up(&[]);
        assert_eq!(
            lost(&stored, &listed(&site)),
            [""; 0],
            "{how}, round {round}"
        );
        up.ctrl_c().ok();
    }
}

/// Each way to end once, or as often as `tests/run --all` says.
fn rounds() -> impl Iterator<Item = (usize, &'static str)> {
    let count = std::env::var("AZUP_TEST_ROUNDS").map_or(1, |count| count.parse().unwrap());
    let all = ["Ctrl-C", "TERM", "HUP", "down", "kill -9 of azup"];
    (1..=count).flat_map(move |round| all.map(|how| (round, how)))
}

/// The blobs that are missing or have changed.
pub(super) fn lost<'s>(
    stored: &'s [String],
    there: &std::collections::HashSet<String>,
) -> Vec<&'s str> {
    let lost = stored.iter().filter(|name| !there.contains(*name));
    lost.map(String::as_str).collect()
}

/// The names of all the writers' blobs that are whole.
pub(super) fn listed(site: &Site) -> std::collections::HashSet<String> {
    let (script, string, ca) = (
        script("writers.py"),
        site.connection_string("https"),
        site.ca(),
    );
    let words = [
        script.as_os_str(),
        string.as_ref(),
        ca.as_os_str(),
        "list".as_ref(),
    ];
    let done = site.sandbox.run(part("venv/bin/python"), words).ok();
    done.stdout.lines().map(str::to_owned).collect()
}
