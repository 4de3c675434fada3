//! The hand on the keyboard, `hand.cjs`, and the settings of its workbench.

use std::io::{BufRead as _, BufReader, Write as _};
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process_group};
use serde_json::{Value, json};

/// How long the browser may take to close.
const CLOSING: Duration = Duration::from_secs(10);

/// How long F5 may take (seconds), since at the first one all dependencies are installed; or as many
/// times more as `AZUP_TEST_SLOWNESS` says, for a machine that has much else to do.
fn longest() -> u32 {
    let times = std::env::var("AZUP_TEST_SLOWNESS").unwrap_or_default();
    120 * times.parse().unwrap_or(1)
}

/// The result of F5.
#[derive(Debug)]
pub struct Pressed {
    /// Whether the program ran.
    pub ran: bool,
    /// When, in seconds since 1970.
    pub at: f64,
    /// What dialogs and messages said.
    pub said: Vec<String>,
    /// The text of each terminal.
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

/// A browser with a workbench in it.
pub struct Hand {
    child: Child,
    input: Option<ChildStdin>,
    output: BufReader<ChildStdout>,
}

impl Hand {
    /// Opens the workbench that the command names.
    pub fn start(mut command: Command) -> Self {
        let mut child = command
            .process_group(0)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut this = Self {
            input: child.stdin.take(),
            output: BufReader::new(child.stdout.take().unwrap()),
            child,
        };
        this.answer();
        this
    }

    /// Presses a key and waits until there is such a file, or a dialog.
    pub fn press(&mut self, key: &str, until: &Path) -> Pressed {
        let wish = json!({"press": key, "until": until, "seconds": longest()});
        writeln!(self.input.as_mut().unwrap(), "{wish}").unwrap();
        let answer = self.answer();
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

    /// Saves a picture of the screen, if pictures are wanted.
    pub fn picture(&mut self, path: &Path) {
        let wish = json!({ "picture": path });
        let ended = self.child.try_wait().is_ok_and(|ended| ended.is_some());
        if !ended && writeln!(self.input.as_mut().unwrap(), "{wish}").is_ok() {
            let mut line = String::new();
            self.output.read_line(&mut line).ok();
        }
    }

    fn answer(&mut self) -> Value {
        let mut line = String::new();
        self.output.read_line(&mut line).unwrap();
        serde_json::from_str(&line).unwrap_or_else(|_| panic!("the hand says {line:?}"))
    }
}

impl Drop for Hand {
    fn drop(&mut self) {
        // At the end of its input it closes the browser.
        drop(self.input.take());
        let started = Instant::now();
        while self.child.try_wait().is_ok_and(|ended| ended.is_none())
            && started.elapsed() < CLOSING
        {
            std::thread::sleep(Duration::from_millis(50));
        }
        kill_group(&mut self.child);
    }
}

/// Kills a process that leads its own group, with all that it started.
pub fn kill_group(child: &mut Child) {
    let group = i32::try_from(child.id()).ok().and_then(Pid::from_raw);
    group.map(|group| kill_process_group(group, Signal::KILL));
    child.wait().ok();
}

/// No questions and no pop-ups; a terminal's text can be read from the page. The files are in one
/// folder: the workbench's data in `editor`, its extensions in `extensions`.
pub fn files() -> [(&'static str, String); 4] {
    let settings = json!({
        "chat.disableAIFeatures": true,
        "security.workspace.trust.enabled": false,
        "task.allowAutomaticTasks": "on",
        "telemetry.telemetryLevel": "off",
        "terminal.integrated.gpuAcceleration": "off",
        "workbench.secondarySideBar.defaultVisibility": "hidden",
        "workbench.startupEditor": "none",
    });
    let texts = [
        (
            "extensions/azup-tests.debugpy-0.0.1/package.json",
            include_str!("debugpy/package.json"),
        ),
        (
            "extensions/azup-tests.debugpy-0.0.1/main.js",
            include_str!("debugpy/main.js"),
        ),
        ("editor/hand.cjs", include_str!("hand.cjs")),
    ]
    .map(|(path, text)| (path, text.to_owned()));
    let [package, main, hand] = texts;
    [
        ("editor/User/settings.json", settings.to_string()),
        package,
        main,
        hand,
    ]
}
