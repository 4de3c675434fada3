//! A sandbox with the shared Azurite, four ports of its own, and no process left behind.

use std::ffi::OsString;
use std::io::{BufRead as _, BufReader, Read as _};
use std::os::unix::process::CommandExt as _;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process, test_kill_process};

use crate::sandbox::{Done, Sandbox, part};

/// How long anything may take before the test fails, on a machine under load.
pub(super) const PATIENCE: Duration = Duration::from_secs(120);

/// The last lines of an answer in the foreground: for people and as JSON.
const LAST_LINES: [&str; 2] = ["\nCtrl-C stops it\n", "\n}\n"];

pub(super) struct Site {
    pub(super) sandbox: Sandbox,
    /// The ports of the three services.
    pub(super) ports: [u16; 3],
    /// The port of the endpoint for access tokens.
    pub(super) identity: u16,
}

/// An `azup up` in the foreground that has answered.
pub(super) struct Up {
    child: Option<Child>,
    /// All of standard output up to the last line of the answer.
    pub(super) answer: String,
    later: mpsc::Receiver<String>,
    stderr: std::thread::JoinHandle<String>,
    azurite: u32,
}

impl Site {
    /// With the Azurite that `tests/run` installed: as one file, or, with `AZUP_TEST_PLAIN`, as the
    /// packages that the file was made from.
    pub(super) fn new() -> Self {
        let site = Self::bare();
        if std::env::var_os("AZUP_TEST_PLAIN").is_some() {
            site.install_packages();
            return site;
        }
        std::fs::create_dir_all(site.sandbox.own()).unwrap();
        let link = site.sandbox.own().join("azurite-3.37.0");
        std::os::unix::fs::symlink(part("azurite-3.37.0"), link).unwrap();
        site
    }

    /// Installs only the packages.
    pub(super) fn install_packages(&self) {
        let folder = self.sandbox.own().join("azurite-3.37.0");
        std::fs::create_dir_all(&folder).unwrap();
        let packages = part("azurite-3.37.0").join("node_modules");
        std::os::unix::fs::symlink(packages, folder.join("node_modules")).unwrap();
    }

    /// Without any Azurite.
    pub(super) fn bare() -> Self {
        let mut sandbox = Sandbox::new();
        // In case root runs the tests: `up` and `run` renew as `trust` does, and must never reach
        // the machine's own stores.
        sandbox.set("AZUP_STORES", "none");
        Self {
            sandbox,
            ports: crate::sandbox::free_ports(),
            identity: crate::sandbox::free_ports()[0],
        }
    }

    /// `up`, `more`, and the ports.
    pub(super) fn words(&self, more: &[&str]) -> Vec<OsString> {
        let mut words: Vec<OsString> = vec!["up".into()];
        words.extend(more.iter().map(OsString::from));
        for (name, port) in ["blob", "queue", "table"].iter().zip(self.ports) {
            words.push(format!("--{name}-port={port}").into());
        }
        if !more.contains(&"--no-identity") {
            words.push(format!("--identity-port={}", self.identity).into());
        }
        words
    }

    /// Runs `azup up` to its end: in the background, or because it must fail.
    pub(super) fn azup_up(&self, more: &[&str]) -> Done {
        self.sandbox.azup(self.words(more))
    }

    /// Starts `azup up` and waits for its answer.
    #[track_caller]
    pub(super) fn up(&self, more: &[&str]) -> Up {
        self.up_by(self.sandbox.azup_command(self.words(more)))
    }

    /// The same, started by another program that becomes azup.
    #[track_caller]
    pub(super) fn up_by(&self, mut command: Command) -> Up {
        let mut child = command
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .process_group(0)
            .spawn()
            .unwrap();
        let stdout = BufReader::new(child.stdout.take().unwrap());
        let mut stderr = child.stderr.take().unwrap();
        let stderr = std::thread::spawn(move || {
            let mut text = String::new();
            stderr.read_to_string(&mut text).unwrap();
            text
        });
        let (sender, receiver) = mpsc::channel();
        std::thread::spawn(move || {
            for line in stdout.lines() {
                let _ = sender.send(line.unwrap());
            }
        });
        let mut answer = String::new();
        // A program in the answer may have lines that only end a document.
        while !answer.ends_with(LAST_LINES[usize::from(answer.starts_with('{'))]) {
            let Ok(line) = receiver.recv_timeout(PATIENCE) else {
                let _ = child.kill();
                child.wait().unwrap();
                panic!("no answer\n{answer}\n{}", stderr.join().unwrap());
            };
            answer.push_str(&line);
            answer.push('\n');
        }
        let azurite = self.state()["azurite_pid"].as_u64().unwrap();
        Up {
            child: Some(child),
            answer,
            later: receiver,
            stderr,
            azurite: u32::try_from(azurite).unwrap(),
        }
    }

    /// The record of the one Azurite that runs here.
    #[track_caller]
    pub(super) fn state(&self) -> serde_json::Value {
        let states = self.run_files("json");
        assert_eq!(states.len(), 1, "one Azurite runs: {states:?}");
        serde_json::from_slice(&std::fs::read(&states[0]).unwrap()).unwrap()
    }

    /// The files in azup's `run` folder with this extension.
    pub(super) fn run_files(&self, extension: &str) -> Vec<PathBuf> {
        let Ok(entries) = std::fs::read_dir(self.sandbox.own().join("run")) else {
            return Vec::new();
        };
        entries
            .map(|entry| entry.unwrap().path())
            .filter(|path| path.extension().is_some_and(|end| end == extension))
            .collect()
    }

    pub(super) fn url(&self, path: &str) -> String {
        format!("https://127.0.0.1:{}/devstoreaccount1{path}", self.ports[0])
    }

    pub(super) fn ca(&self) -> PathBuf {
        self.sandbox.certs().join("ca.pem")
    }

    /// One request with curl, trusting only the CA. Returns the body, then the status.
    pub(super) fn curl(&self, method: &str, path: &str, token: &str, body: Option<&str>) -> String {
        let mut words: Vec<OsString> = vec!["--silent".into(), "--show-error".into()];
        words.extend(["--cacert".into(), self.ca().into()]);
        words.extend(["--request".into(), method.into()]);
        let bearer = format!("Authorization: Bearer {token}");
        for header in [
            bearer.as_str(),
            "x-ms-version: 2021-12-02",
            "x-ms-blob-type: BlockBlob",
        ] {
            words.extend(["--header".into(), header.into()]);
        }
        if method == "PUT" {
            words.extend(["--data-binary".into(), body.unwrap_or_default().into()]);
        }
        words.extend(["--write-out".into(), " %{http_code}".into()]);
        words.push(self.url(path).into());
        self.sandbox.run("curl", words).ok().stdout
    }

    /// What `azup token` prints.
    pub(super) fn token(&self) -> String {
        let token = self.sandbox.azup(["token"]).ok().stdout;
        token.trim_end().to_owned()
    }

    /// Stores a blob, and returns once it was acknowledged.
    pub(super) fn store(&self, text: &str) {
        let token = self.token();
        self.curl("PUT", "/kept?restype=container", &token, None);
        let done = self.curl("PUT", "/kept/blob", &token, Some(text));
        assert_eq!(done, " 201");
    }

    /// Reads what [`Site::store`] stored.
    pub(super) fn stored(&self) -> String {
        self.curl("GET", "/kept/blob", &self.token(), None)
    }

    /// Puts a folder with these programs, each a shell script, first on PATH.
    pub(super) fn stand_ins(&mut self, scripts: &[(&str, &str)]) {
        let folder = self.sandbox.root().join("stand-ins");
        std::fs::create_dir_all(&folder).unwrap();
        for (name, script) in scripts {
            let path = folder.join(name);
            crate::sandbox::write_program(&path, &format!("#!/bin/sh\n{script}\n"));
        }
        let path = format!("{}:/usr/local/bin:/usr/bin:/bin", folder.display());
        self.sandbox.set("PATH", path);
    }

    /// Sets PATH to a folder with only links to these programs.
    pub(super) fn only(&mut self, programs: &[PathBuf]) {
        let folder = self.sandbox.root().join("only");
        std::fs::create_dir_all(&folder).unwrap();
        for program in programs {
            let link = folder.join(program.file_name().unwrap());
            std::os::unix::fs::symlink(program, link).unwrap();
        }
        self.sandbox.set("PATH", folder);
    }

    /// For a snapshot: ports, process IDs and the version of Node.js replaced.
    pub(super) fn shown(&self, done: &Done) -> String {
        let mut whole = self.sandbox.shown(done);
        // Processes first: one may have the number of a port.
        for (pattern, name) in [
            (r"pid [0-9]+", "pid [PID]"),
            (r#""pid": [0-9]+"#, r#""pid": [PID]"#),
            (r"on Node.js [0-9.]+[0-9]", "on Node.js [NODE]"),
            (r#""node": "[0-9.]+""#, r#""node": "[NODE]""#),
        ] {
            let pattern = regex_lite::Regex::new(pattern).unwrap();
            whole = pattern.replace_all(&whole, name).into_owned();
        }
        for (name, port) in ["[BLOB]", "[QUEUE]", "[TABLE]"].iter().zip(self.ports) {
            whole = whole.replace(&port.to_string(), name);
        }
        whole.replace(&self.identity.to_string(), "[IDENTITY]")
    }
}

impl Drop for Site {
    /// Stops what a failed test left running in the background.
    fn drop(&mut self) {
        let mut pids = Vec::new();
        for state in self.run_files("json") {
            let state: serde_json::Value =
                serde_json::from_slice(&std::fs::read(state).unwrap_or_default())
                    .unwrap_or_default();
            pids.extend(["pid", "azurite_pid"].map(|name| state[name].as_u64()));
        }
        if pids.is_empty() {
            return;
        }
        self.sandbox.azup(["down"]);
        for pid in pids.into_iter().flatten() {
            signal(u32::try_from(pid).unwrap(), Signal::KILL);
        }
    }
}

impl Up {
    /// The ID of azup's process.
    pub(super) fn pid(&self) -> u32 {
        self.child.as_ref().unwrap().id()
    }

    /// The ID of Azurite's process.
    pub(super) fn azurite(&self) -> u32 {
        self.azurite
    }

    /// Sends a signal to azup alone and waits for its end.
    #[track_caller]
    pub(super) fn end_with(mut self, how: Signal) -> Done {
        signal(self.pid(), how);
        self.end()
    }

    /// What Ctrl-C in a terminal does: SIGINT to the whole process group.
    #[track_caller]
    pub(super) fn ctrl_c(mut self) -> Done {
        let group = Pid::from_raw(i32::try_from(self.pid()).unwrap()).unwrap();
        rustix::process::kill_process_group(group, Signal::INT).unwrap();
        self.end()
    }

    /// Waits for an end that the test has caused in another way.
    #[track_caller]
    pub(super) fn wait(&mut self) -> Done {
        self.end()
    }

    #[track_caller]
    fn end(&mut self) -> Done {
        let mut child = self.child.take().unwrap();
        let status = ended(&mut child);
        assert!(gone(self.azurite), "Azurite has ended, too");
        let stderr = std::mem::replace(&mut self.stderr, std::thread::spawn(String::new));
        let mut stdout = std::mem::take(&mut self.answer);
        for line in &self.later {
            stdout.push_str(&line);
            stdout.push('\n');
        }
        Done {
            code: status.code().unwrap_or(-1),
            stdout,
            stderr: stderr.join().unwrap(),
        }
    }
}

impl Drop for Up {
    fn drop(&mut self) {
        if let Some(mut child) = self.child.take() {
            let _ = child.kill();
            let _ = child.wait();
            gone(self.azurite);
        }
    }
}

/// Waits for the end of a process that the test started.
#[track_caller]
pub(super) fn ended(child: &mut Child) -> std::process::ExitStatus {
    let until = Instant::now() + PATIENCE;
    loop {
        if let Some(status) = child.try_wait().unwrap() {
            return status;
        }
        if Instant::now() >= until {
            child.kill().unwrap();
            child.wait().unwrap();
            panic!("it did not end");
        }
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// Waits for a process to end, and returns whether it has.
pub(super) fn gone(pid: u32) -> bool {
    let until = Instant::now() + PATIENCE;
    while lives(pid) {
        if Instant::now() >= until {
            return false;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    true
}

/// Whether a process is alive. One that has not been waited for is not, once its last thread has
/// ended and closed the files.
pub(super) fn lives(pid: u32) -> bool {
    let there = Pid::from_raw(i32::try_from(pid).unwrap())
        .is_some_and(|pid| test_kill_process(pid).is_ok());
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    let threads = std::fs::read_dir(format!("/proc/{pid}/task")).map_or(0, Iterator::count);
    there && (threads > 1 || !stat.contains(") Z "))
}

/// Sends a signal to a process that the test started.
pub(super) fn signal(pid: u32, how: Signal) {
    let _ = kill_process(Pid::from_raw(i32::try_from(pid).unwrap()).unwrap(), how);
}
