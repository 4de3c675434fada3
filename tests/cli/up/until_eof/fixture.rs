//! What a fixture in any language does: starts it with pipes, reads one document, sets the
//! variables, closes the pipe.

use std::io::{BufRead as _, BufReader, Read as _};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

use super::super::site::{Site, ended, lives};
use crate::sandbox::{Done, part};

/// Production code. The container has a new name each time.
const STORE: &str = "
from os import environ
from uuid import uuid4
from azure.identity import DefaultAzureCredential
from azure.storage.blob import ContainerClient

url = environ['AZURE_STORAGE_BLOB_ENDPOINT']
container = ContainerClient(url, uuid4().hex, DefaultAzureCredential())
container.create_container()
container.upload_blob('hello', b'Hello')
assert container.download_blob('hello').readall() == b'Hello'
";

/// One that has answered. Dropping it closes its standard input.
pub(in crate::up) struct Fixture {
    pub(in crate::up) child: Option<Child>,
    pub(in crate::up) document: Value,
    pub(in crate::up) azurite: u32,
}

pub(in crate::up) fn begin(site: &Site, more: &[&str]) -> Child {
    let words = ["up", "--json", "--until-eof"].iter().chain(more);
    let mut azup = site.sandbox.azup_command(words);
    azup.stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    azup.spawn().unwrap()
}

/// Waits for the one document and reads it up to the line that ends it.
#[track_caller]
pub(in crate::up) fn document(from: impl std::io::Read) -> Value {
    let mut text = String::new();
    for line in BufReader::new(from).lines() {
        let line = line.unwrap();
        text += &line;
        text.push('\n');
        if line == "}" {
            break;
        }
    }
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}"))
}

#[track_caller]
pub(in crate::up) fn answered(site: &Site, mut child: Child) -> Fixture {
    let document = document(child.stdout.as_mut().unwrap());
    let failed = document.get("error").is_some();
    assert!(!failed, "{}", Done::from(child.wait_with_output().unwrap()));
    let pid = document["pid"].as_u64().unwrap();
    assert_eq!(pid, u64::from(child.id()));
    let states = site.run_files("json").into_iter();
    let mut states = states.map(|path| -> Value {
        serde_json::from_slice(&std::fs::read(path).unwrap_or_default()).unwrap_or_default()
    });
    let state = states
        .find(|state| state["pid"] == pid)
        .expect("its record");
    Fixture {
        child: Some(child),
        azurite: u32::try_from(state["azurite_pid"].as_u64().unwrap()).unwrap(),
        document,
    }
}

#[track_caller]
pub(in crate::up) fn start(site: &Site, more: &[&str]) -> Fixture {
    answered(site, begin(site, more))
}

impl Fixture {
    pub(in crate::up) fn text(&self, name: &str) -> &str {
        self.document[name].as_str().unwrap()
    }

    pub(in crate::up) fn port(&self) -> u16 {
        let port = self.text("blob").split([':', '/']).nth(4).unwrap();
        port.parse().unwrap()
    }

    pub(in crate::up) fn give_to(&self, command: &mut Command) {
        for (name, value) in self.document["environment"].as_object().unwrap() {
            match value.as_str() {
                Some(value) => command.env(name, value),
                None => command.env_remove(name),
            };
        }
    }

    /// Stores a blob as in production, with the SDK and its credential.
    #[track_caller]
    pub(in crate::up) fn store(&self, site: &Site) {
        let mut python = site.sandbox.command(part("venv/bin/python"));
        self.give_to(&mut python);
        Done::from(python.args(["-c", STORE]).output().unwrap()).ok();
    }

    /// Closes its standard input and waits for its end. Returns the exit code, and what it still
    /// printed.
    #[track_caller]
    pub(in crate::up) fn close(mut self) -> Done {
        let mut child = self.child.take().unwrap();
        drop(child.stdin.take());
        let status = ended(&mut child);
        assert!(!lives(self.azurite), "Azurite has ended, too");
        let mut done = Done {
            code: status.code().unwrap_or(-1),
            stdout: String::new(),
            stderr: String::new(),
        };
        child
            .stdout
            .take()
            .unwrap()
            .read_to_string(&mut done.stdout)
            .unwrap();
        child
            .stderr
            .take()
            .unwrap()
            .read_to_string(&mut done.stderr)
            .unwrap();
        done
    }
}

impl Drop for Fixture {
    fn drop(&mut self) {
        if let Some(mut child) = self.child.take() {
            drop(child.stdin.take());
            let _ = child.wait();
        }
    }
}

#[track_caller]
pub(in crate::up) fn is_valid(site: &Site, document: &Value) {
    let file = site.sandbox.write("document.json", document.to_string());
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let words = [
        root.join("tests/cli/validate.py"),
        "--schema".into(),
        root.join("docs/schemas/up.json"),
        file,
    ];
    site.sandbox.run(part("venv/bin/python"), words).ok();
}

/// The promise of `--until-eof`; 0.2 s were measured. If more threads want to run than there are
/// cores, as when all tests run at once, the limit is as many times longer.
#[track_caller]
pub(in crate::up) fn ended_in_two_seconds(since: Instant) {
    let took = since.elapsed();
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    // 0.20 0.18 0.12 RUNNING/ALL LAST: load of the last minute, and now.
    let load = std::fs::read_to_string("/proc/loadavg").unwrap();
    let number = |at: usize| -> f64 {
        let word = load.split_whitespace().nth(at).unwrap();
        word.split('/').next().unwrap().parse().unwrap()
    };
    #[allow(clippy::cast_precision_loss, reason = "a few cores")]
    let times = (number(0).max(number(3)) / cores as f64).max(1.0);
    let limit = Duration::from_secs(2).mul_f64(times);
    assert!(took <= limit, "{took:?}, which is more than {limit:?}");
}
