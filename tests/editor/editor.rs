//! The editor, and whoever sits in front of it.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpStream;
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process_group};
use serde_json::{Value, json};

use crate::desk::{Desk, part};

/// Nobody else is in this network.
const PORT: u16 = 38_080;

/// How long code-server may take until it answers.
const PATIENCE: Duration = Duration::from_secs(60);

/// How long the browser may take to close.
const CLOSING: Duration = Duration::from_secs(10);

/// How long F5 may take (seconds): at the first one all dependencies are installed.
const LONGEST: u32 = 120;

/// What came of F5.
#[derive(Debug)]
pub struct Pressed {
    /// Whether the program ran.
    pub ran: bool,
    /// When, in seconds since 1970.
    pub at: f64,
    /// What dialogs and messages said.
    pub said: Vec<String>,
    /// What stood in each terminal.
    pub terminals: Vec<String>,
}

impl Pressed {
    /// Whether a terminal showed this.
    pub fn shows(&self, words: &str) -> bool {
        // A terminal breaks lines where it is full.
        self.terminals
            .iter()
            .any(|text| text.replace('\n', "").contains(words))
    }
}

/// code-server with a project open in a browser.
pub struct Editor<'a> {
    desk: &'a Desk,
    server: Child,
    hand: Child,
    input: Option<ChildStdin>,
    output: BufReader<ChildStdout>,
}

impl<'a> Editor<'a> {
    /// Opens the project, with `file` in front.
    pub fn open(desk: &'a Desk, file: &str) -> Self {
        settings(desk);
        let node = part("node22/node_modules/node/bin/node");
        let parts = part("editor");
        let log = std::fs::File::create(desk.root().join("code-server.log")).unwrap();
        let home = desk.home();
        // Of an editor that was open before.
        std::fs::remove_file(home.join("ready")).ok();
        let server = desk
            .command(&node)
            .arg(parts.join("node_modules/code-server/out/node/entry.js"))
            .args([
                "--auth",
                "none",
                "--disable-telemetry",
                "--disable-update-check",
            ])
            .arg("--bind-addr")
            .arg(format!("127.0.0.1:{PORT}"))
            .arg("--config")
            .arg(home.join("editor/config.yaml"))
            .arg("--user-data-dir")
            .arg(home.join("editor"))
            .arg("--extensions-dir")
            .arg(home.join("extensions"))
            .env("AZUP_EDITOR_DEBUGPY", parts.join("debugpy"))
            .env("AZUP_EDITOR_READY", home.join("ready"))
            .process_group(0)
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .spawn()
            .unwrap();
        let started = Instant::now();
        while TcpStream::connect(("127.0.0.1", PORT)).is_err() {
            assert!(started.elapsed() < PATIENCE, "code-server does not answer");
            std::thread::sleep(Duration::from_millis(100));
        }
        let mut hand = desk
            .command(&node)
            .arg(home.join("editor/hand.cjs"))
            .arg(format!("http://127.0.0.1:{PORT}"))
            .arg(desk.project())
            .arg(file)
            .env("NODE_PATH", parts.join("node_modules"))
            .env("AZUP_EDITOR_READY", home.join("ready"))
            .process_group(0)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut this = Self {
            desk,
            server,
            input: hand.stdin.take(),
            output: BufReader::new(hand.stdout.take().unwrap()),
            hand,
        };
        this.answer();
        this
    }

    /// Presses F5 and waits until the program has written `ran.txt`, which goes first, or until
    /// there is a dialog.
    pub fn press_f5(&mut self) -> Pressed {
        let file = self.desk.project().join("ran.txt");
        std::fs::remove_file(&file).ok();
        let wish = json!({"press": "F5", "until": file, "seconds": LONGEST});
        let answer = self.ask(&wish);
        let texts = |key: &str| -> Vec<String> {
            let all = answer[key].as_array().unwrap().iter();
            all.map(|text| text.as_str().unwrap().to_owned()).collect()
        };
        Pressed {
            ran: answer["ran"] == true,
            at: answer["pressed"].as_f64().unwrap() / 1000.0,
            said: texts("said"),
            terminals: texts("terminals"),
        }
    }

    /// Keeps what can be seen now.
    fn picture(&mut self, name: &str) {
        let kept = self.desk.root().join("tmp/picture.png");
        let wish = json!({ "picture": kept });
        if writeln!(self.input.as_mut().unwrap(), "{wish}").is_ok() {
            let mut line = String::new();
            self.output.read_line(&mut line).ok();
            let place = Path::new(env!("CARGO_TARGET_TMPDIR"));
            std::fs::copy(kept, place.join(format!("editor-{name}.png"))).ok();
        }
    }

    /// Keeps what the editor and its extensions have written down.
    fn log(&self, name: &str) {
        let mut all = std::fs::read(self.desk.root().join("code-server.log")).unwrap_or_default();
        let mut folders = vec![self.desk.home().join("editor/logs")];
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
                if entry.path().is_dir() {
                    folders.push(entry.path());
                } else {
                    all.extend(format!("\n== {}\n", entry.path().display()).into_bytes());
                    all.extend(std::fs::read(entry.path()).unwrap_or_default());
                }
            }
        }
        let place = Path::new(env!("CARGO_TARGET_TMPDIR"));
        std::fs::write(place.join(format!("editor-{name}.log")), all).ok();
    }

    fn ask(&mut self, wish: &Value) -> Value {
        writeln!(self.input.as_mut().unwrap(), "{wish}").unwrap();
        self.answer()
    }

    fn answer(&mut self) -> Value {
        let mut line = String::new();
        self.output.read_line(&mut line).unwrap();
        serde_json::from_str(&line).unwrap_or_else(|_| panic!("the hand says {line:?}"))
    }
}

impl Drop for Editor<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() && self.hand.try_wait().is_ok_and(|ended| ended.is_none()) {
            self.picture(self.desk.story);
            self.log(self.desk.story);
        }
        // At the end of its input the hand closes the browser.
        drop(self.input.take());
        let started = Instant::now();
        while self.hand.try_wait().is_ok_and(|ended| ended.is_none()) && started.elapsed() < CLOSING
        {
            std::thread::sleep(Duration::from_millis(50));
        }
        for child in [&mut self.hand, &mut self.server] {
            let group = i32::try_from(child.id()).ok().and_then(Pid::from_raw);
            group.map(|group| kill_process_group(group, Signal::KILL));
            child.wait().ok();
        }
    }
}

/// Nothing asks, nothing pops up by itself; a terminal's text can be read from the page.
fn settings(desk: &Desk) {
    let settings = json!({
        "chat.disableAIFeatures": true,
        "security.workspace.trust.enabled": false,
        "task.allowAutomaticTasks": "on",
        "telemetry.telemetryLevel": "off",
        "terminal.integrated.gpuAcceleration": "off",
        "workbench.secondarySideBar.defaultVisibility": "hidden",
        "workbench.startupEditor": "none",
    });
    let home = desk.home();
    desk.write(
        &home.join("editor/User/settings.json"),
        settings.to_string(),
    );
    desk.write(&home.join("editor/hand.cjs"), include_str!("hand.cjs"));
    let stand_in = home.join("extensions/azup-tests.debugpy-0.0.1");
    desk.write(
        &stand_in.join("package.json"),
        include_str!("debugpy/package.json"),
    );
    desk.write(&stand_in.join("main.js"), include_str!("debugpy/main.js"));
}
