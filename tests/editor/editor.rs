//! The editor, and its user.

use std::net::TcpStream;
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::Child;
use std::time::{Duration, Instant};

use crate::desk::{Desk, part};
use crate::hand::{self, Hand, Pressed, kill_group};

/// Nothing else is in this network.
const PORT: u16 = 38_080;

/// How long code-server may take until it answers.
const PATIENCE: Duration = Duration::from_secs(60);

/// code-server with a project open in a browser.
pub struct Editor<'a> {
    desk: &'a Desk,
    server: Child,
    hand: Hand,
    /// How often F5 was pressed.
    count: u32,
}

impl<'a> Editor<'a> {
    /// Opens the project, with `file` in front.
    pub fn open(desk: &'a Desk, file: &str) -> Self {
        settings(desk);
        let node = part("node22/node_modules/node/bin/node");
        let parts = part("editor");
        let log = std::fs::File::create(desk.root().join("code-server.log")).unwrap();
        let home = desk.home();
        // From an editor that was open before.
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
        let mut hand = desk.command(&node);
        hand.arg(home.join("editor/hand.cjs"))
            .arg(format!("http://127.0.0.1:{PORT}"))
            .arg(desk.project())
            .arg(file)
            .env("NODE_PATH", parts.join("node_modules"))
            .env("AZUP_EDITOR_READY", home.join("ready"));
        Self {
            desk,
            server,
            hand: Hand::start(hand),
            count: 0,
        }
    }

    /// Presses F5 and waits until the program has written `ran.txt`, which is deleted first, or
    /// until there is a dialog.
    pub fn press_f5(&mut self) -> Pressed {
        let file = self.desk.project().join("ran.txt");
        std::fs::remove_file(&file).ok();
        let pressed = self.hand.press("F5", &file);
        self.count += 1;
        if std::env::var_os("AZUP_EDITOR_PICTURES").is_some() {
            self.picture(&format!("{}-{}", self.desk.story, self.count));
        }
        pressed
    }

    /// Saves a picture of the screen.
    fn picture(&mut self, name: &str) {
        let kept = self.desk.root().join("tmp/picture.png");
        self.hand.picture(&kept);
        let place = Path::new(env!("CARGO_TARGET_TMPDIR"));
        std::fs::copy(kept, place.join(format!("editor-{name}.png"))).ok();
    }

    /// Saves the logs of the editor and its extensions.
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
}

impl Drop for Editor<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.picture(self.desk.story);
            self.log(self.desk.story);
        }
        kill_group(&mut self.server);
    }
}

/// The editor's settings.
fn settings(desk: &Desk) {
    for (path, text) in hand::files() {
        desk.write(&desk.home().join(path), text);
    }
}
