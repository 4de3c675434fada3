//! A sandbox in which all is well until a test plants a fault.

use std::ffi::OsStr;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use crate::python::Environment;
use crate::sandbox::{Done, Sandbox, azup, free_ports, public_roots, write_program};

/// Programs that a patient's machine has. Java and Docker are added where they matter.
const PROGRAMS: [&str; 16] = [
    "sh", "env", "setsid", "node", "curl", "openssl", "git", "certutil", "python3", "sleep", "cat",
    "rm", "mkdir", "cp", "chmod", "dirname",
];

/// Checks whose faults no command fixes: they say in words what to do.
const BY_HAND: [&str; 4] = ["clock", "container-engine", "azurite-data", "data-lake"];

/// What cannot be pasted here, and why.
const NOT_PASTED: [(&str, &str); 13] = [
    (
        "close the browser",
        "it is a sentence: what is damaged there, no command mends",
    ),
    (
        "azup trust",
        "with stores of this machine, which no test may change",
    ),
    ("azup renew", "the same"),
    (
        "git -C",
        "it takes a file out of an index that the story goes on with",
    ),
    (
        "azup up",
        "it leaves an Azurite running behind the test's back",
    ),
    ("azup down", "the same, and others of the story are running"),
    ("azup env", "it prints lines for a file of the user's"),
    ("azup doctor client-", "it only asks again, with more time"),
    ("azup init", "the story goes on with the project as it is"),
    ("eval", "it sets variables of the shell"),
    ("export", "it sets variables of the shell"),
    ("unset", "it sets variables of the shell"),
    ("az login", "it needs an account and a network"),
];

/// A machine with a project.
pub(super) struct Patient {
    pub(super) sandbox: Sandbox,
    ports: [u16; 3],
}

impl Patient {
    /// A project with an environment in which Azure's SDK would run, and whose clients all trust
    /// the CA.
    pub(super) fn healthy() -> Self {
        Self::born(0)
    }

    /// The same, with certificates that were made this many days ago.
    pub(super) fn born(days: i64) -> Self {
        let mut sandbox = Sandbox::new();
        Environment::by_uv(&sandbox, ".venv", "copy", &["requests", "aiohttp"]);
        let bundle = sandbox.write("company.pem", public_roots());
        sandbox.set("AZUP_STORES", "certifi");
        // In place of this machine's own store, which azup cannot write in this test.
        sandbox.set("SSL_CERT_FILE", &bundle);
        sandbox.set("NODE_EXTRA_CA_CERTS", &bundle);
        let mut this = Self::of(sandbox);
        if days > 0 {
            this.sandbox.set("AZUP_NOW", days_ago(days).to_string());
        }
        this.sandbox.azup(["trust"]).ok();
        this.sandbox.unset("AZUP_NOW");
        this
    }

    /// This sandbox, with nothing but a few programs on PATH and three free ports.
    pub(super) fn of(mut sandbox: Sandbox) -> Self {
        let folder = sandbox.root().join("programs");
        std::fs::create_dir(&folder).unwrap();
        for name in PROGRAMS {
            let found = ["/usr/bin", "/bin", "/usr/local/bin"]
                .iter()
                .map(|folder| Path::new(folder).join(name))
                .find(|path| path.exists());
            needs!(found.is_some(), name);
            symlink(found.unwrap(), folder.join(name)).unwrap();
        }
        sandbox.set("PATH", &folder);
        Self {
            sandbox,
            ports: free_ports(),
        }
    }

    /// Takes a program away, or puts a script in its place.
    pub(super) fn replace(&self, program: &str, script: Option<&str>) {
        let path = self.program(program);
        let _ = std::fs::remove_file(&path);
        if let Some(script) = script {
            write_program(&path, &format!("#!/bin/sh\n{script}\n"));
        }
    }

    pub(super) fn program(&self, name: &str) -> PathBuf {
        self.sandbox.root().join("programs").join(name)
    }

    pub(super) fn ports(&self) -> [u16; 3] {
        self.ports
    }

    /// Uses other ports from now on.
    pub(super) fn look_at(&mut self, ports: [u16; 3]) {
        self.ports = ports;
    }

    /// Runs `azup doctor` on its ports. A busy machine must not decide a test, so a test that
    /// expects a timeout sets one.
    pub(super) fn doctor<A: AsRef<OsStr>>(&self, words: &[A]) -> Done {
        let mut all = vec!["doctor".into(), "--limit=60".into()];
        for (name, port) in ["blob", "queue", "table"].iter().zip(self.ports) {
            all.push(format!("--{name}-port={port}").into());
        }
        all.extend(words.iter().map(|word| word.as_ref().to_owned()));
        self.sandbox.azup(all)
    }

    /// These checks need attention, and no others. That no Azurite runs does not count.
    #[track_caller]
    pub(super) fn only(&self, expected: &[(&str, &str)]) -> Value {
        self.only_with(&[], expected)
    }

    /// The same with more words on the command line.
    #[track_caller]
    pub(super) fn only_with(&self, words: &[&str], expected: &[(&str, &str)]) -> Value {
        let done = self.doctor(&[words, &["--json"]].concat());
        let mut found = wrong(&done);
        found.retain(|(id, status)| (id.as_str(), status.as_str()) != ("azurite-running", "warn"));
        let expected: Vec<_> = expected.iter().copied().map(owned).collect();
        assert_eq!(found, expected, "{done}");
        let document = done.json();
        shape(&document);
        let failed = expected.iter().any(|(_, status)| status == "fail");
        assert_eq!(done.code, i32::from(failed), "{done}");
        self.paste(words, &document);
        document
    }

    /// Pastes each `fix:` into a shell and checks that its finding is gone; then everything is
    /// restored. Nothing that could reach this machine's own stores is pasted.
    #[track_caller]
    fn paste(&self, words: &[&str], document: &Value) {
        for check in document["checks"].as_array().unwrap() {
            let (id, fix) = (check["id"].as_str().unwrap(), check["fix"].as_str());
            let Some(fix) = fix.filter(|_| check["status"] == "fail") else {
                continue;
            };
            if !self.may_paste(fix) {
                let left = NOT_PASTED.iter().any(|(start, _)| fix.starts_with(start));
                assert!(left, "{id}: {fix} is neither pasted nor on the list");
                continue;
            }
            let before = tempfile::tempdir().unwrap();
            let copy = |from: &Path, to: &Path| {
                let from = from.join(".");
                let done = Command::new("cp").arg("-a").arg(from).arg(to).status();
                assert!(done.unwrap().success());
            };
            copy(self.sandbox.root(), before.path());
            let script = format!("azup() {{ '{}' \"$@\"; }}\n{fix}", azup().display());
            let pasted = self.sandbox.run("sh", ["-c", &script]);
            let after = self.doctor(&[words, &["--json", id]].concat());
            let gone = wrong(&after).iter().all(|(wrong, _)| wrong != id);
            assert!(gone, "{id}: {fix}\n{pasted}\n{after}");
            for entry in std::fs::read_dir(self.sandbox.root()).unwrap() {
                let path = entry.unwrap().path();
                if path.is_symlink() || path.is_file() {
                    std::fs::remove_file(path).unwrap();
                } else {
                    std::fs::remove_dir_all(path).unwrap();
                }
            }
            copy(before.path(), self.sandbox.root());
        }
    }

    /// Whether a command stays inside this sandbox: azup with stores that are found only in it, or
    /// another program on a file in it.
    fn may_paste(&self, fix: &str) -> bool {
        let inside = self.sandbox.root().to_str().unwrap();
        if ["chmod ", "rm "].iter().any(|start| fix.starts_with(start)) {
            return fix.contains(inside);
        }
        let azup = ["azup trust", "azup renew", "azup doctor --fix"];
        let stores = fix
            .split_once("--stores ")
            .map(|(_, rest)| rest.split(' ').next().unwrap().to_owned())
            .or_else(|| self.sandbox.value("AZUP_STORES"));
        let found_here = |name: &str| ["certifi", "nss", "none"].contains(&name);
        azup.iter().any(|start| fix.starts_with(start))
            && !fix.contains("--scope all")
            && !fix.contains("&&")
            && stores.is_some_and(|stores| stores.split(',').all(found_here))
    }

    /// What an update does, and the CA does not survive.
    pub(super) fn reinstall_certifi(&self) {
        let environment = Environment {
            folder: self.sandbox.project().join(".venv"),
        };
        std::fs::write(environment.bundle(), public_roots()).unwrap();
    }
}

impl Drop for Patient {
    /// Stops what a failed test left running in the background.
    fn drop(&mut self) {
        if self.sandbox.own().join("run").is_dir() {
            self.sandbox.azup(["down"]);
        }
    }
}

/// The time this many days ago (seconds since 1970).
pub(super) fn days_ago(days: i64) -> i64 {
    time::OffsetDateTime::now_utc().unix_timestamp() - days * 86_400
}

pub(super) fn owned((id, status): (&str, &str)) -> (String, String) {
    (id.to_owned(), status.to_owned())
}

/// The checks that need attention, in order.
#[track_caller]
pub(super) fn wrong(done: &Done) -> Vec<(String, String)> {
    let document = done.json();
    let checks = document["checks"].as_array().unwrap().iter();
    checks
        .map(|check| {
            let text = |name: &str| check[name].as_str().unwrap().to_owned();
            (text("id"), text("status"))
        })
        .filter(|(_, status)| status == "warn" || status == "fail")
        .collect()
}

/// What one check said.
#[track_caller]
pub(super) fn check(document: &Value, id: &str) -> Value {
    let checks = document["checks"].as_array().unwrap();
    let found = checks.iter().find(|check| check["id"] == id);
    found.unwrap_or_else(|| panic!("no {id}")).clone()
}

/// The documented form, which scripts rely on.
#[track_caller]
pub(super) fn shape(document: &Value) {
    assert_eq!(document["version"], 1);
    let checks = document["checks"].as_array().unwrap();
    let mut ok = true;
    for check in checks {
        let keys: Vec<&str> = check
            .as_object()
            .unwrap()
            .keys()
            .map(String::as_str)
            .collect();
        assert_eq!(keys, ["id", "status", "title", "detail", "fix"]);
        for name in ["id", "status", "title", "detail"] {
            assert!(
                check[name].as_str().is_some_and(|text| !text.is_empty()),
                "{check}"
            );
        }
        let status = check["status"].as_str().unwrap();
        assert!(["ok", "warn", "fail", "skip"].contains(&status), "{check}");
        ok &= status != "fail";
        let by_hand = BY_HAND.contains(&check["id"].as_str().unwrap());
        if (status == "warn" || status == "fail") && !(by_hand && check["fix"].is_null()) {
            let fix = check["fix"]
                .as_str()
                .unwrap_or_else(|| panic!("no fix: {check}"));
            assert!(
                !fix.contains('\n') && !fix.is_empty(),
                "one command: {check}"
            );
        }
    }
    assert_eq!(document["ok"], ok);
}
