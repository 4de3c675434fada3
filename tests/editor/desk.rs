//! One developer's machine: an ordinary user with an empty home, a project, and the operating
//! system's programs.

use std::cell::Cell;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::{SystemTime, UNIX_EPOCH};

use rustix::process::{Pid, Signal, kill_process};

/// Only the operating system's programs: whatever else is on this machine's PATH is not the user's.
const PATH: &str = "/usr/local/bin:/usr/bin:/bin";

/// nobody, who has an entry in every user database.
const USER: u32 = 65534;

/// What a program printed and how it ended.
#[derive(Debug)]
pub struct Done {
    pub code: i32,
    pub stdout: String,
    pub stderr: String,
}

impl Done {
    /// Returns this if the program succeeded; otherwise the test ends with all that it printed.
    #[track_caller]
    pub fn ok(self) -> Self {
        assert_eq!(self.code, 0, "{}{}", self.stdout, self.stderr);
        self
    }
}

impl From<Output> for Done {
    fn from(output: Output) -> Self {
        Self {
            code: output.status.code().unwrap_or(-1),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }
}

/// A file of the parts that `tests/run` installs.
pub fn part(path: &str) -> PathBuf {
    let parts = std::env::var_os("AZUP_TEST_PARTS").expect("tests/editor/alone says where");
    let part = Path::new(&parts).join(path);
    assert!(part.exists(), "{} is missing", part.display());
    part
}

/// Whether a story runs without the thing that it tests.
pub fn without() -> bool {
    std::env::var_os("AZUP_EDITOR_WITHOUT").is_some()
}

/// The machine. Everything that runs on it ends with it.
pub struct Desk {
    root: tempfile::TempDir,
    /// The name of the story.
    pub story: &'static str,
    /// The kinds of stores that azup may change.
    pub stores: &'static str,
    identity: Cell<i32>,
}

impl Desk {
    /// A home with pip settings that name the installed wheels, and an empty project.
    pub fn new(story: &'static str) -> Self {
        let root = tempfile::Builder::new().prefix("azup-editor-").tempdir();
        let this = Self {
            root: root.unwrap(),
            story,
            stores: "certifi",
            identity: Cell::new(0),
        };
        // A copy, since others may have no access to the build folder.
        let released = std::env::var_os("AZUP_TEST_STATIC").map(PathBuf::from);
        let azup = released.unwrap_or_else(|| env!("CARGO_BIN_EXE_azup").into());
        let done = Command::new("cp").arg(azup).arg(this.program()).status();
        assert!(done.unwrap().success());
        let open = <std::fs::Permissions as std::os::unix::fs::PermissionsExt>::from_mode(0o755);
        std::fs::set_permissions(this.root(), open).unwrap();
        for folder in [this.home(), this.project(), this.root().join("tmp")] {
            std::fs::create_dir_all(folder).unwrap();
        }
        this.write(
            &this.home().join(".config/pip/pip.conf"),
            format!(
                "[global]\nno-index = true\nfind-links = {}\ndisable-pip-version-check = true\n",
                part("wheels").display()
            ),
        );
        this
    }

    pub fn root(&self) -> &Path {
        self.root.path()
    }

    /// HOME.
    pub fn home(&self) -> PathBuf {
        self.root().join("home")
    }

    /// The folder that is opened in the editor.
    pub fn project(&self) -> PathBuf {
        self.root().join("shop")
    }

    /// Writes a file of the user's, with its parents.
    pub fn write(&self, path: &Path, bytes: impl AsRef<[u8]>) {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, bytes).unwrap();
        self.own();
    }

    /// Gives everything here to the user.
    fn own(&self) {
        if rustix::process::geteuid().is_root() {
            let mut chown = Command::new("chown");
            let done = chown
                .args(["-R", &format!("{USER}:{USER}")])
                .arg(self.root());
            assert!(done.status().unwrap().success());
        }
    }

    /// A command that the user runs in the project's folder, with an ordinary environment. It may
    /// change no store of this machine.
    pub fn command(&self, program: impl AsRef<OsStr>) -> Command {
        let mut command = if rustix::process::geteuid().is_root() {
            let mut command = Command::new("setpriv");
            command
                .arg(format!("--reuid={USER}"))
                .arg(format!("--regid={USER}"))
                .arg("--clear-groups")
                .arg(program);
            command
        } else {
            Command::new(program)
        };
        command
            .env_clear()
            .env("PATH", PATH)
            .env("HOME", self.home())
            .env("LANG", "C.UTF-8")
            .env("SHELL", "/bin/bash")
            .env("TMPDIR", self.root().join("tmp"))
            .env("AZUP_STORES", self.stores)
            .current_dir(self.project())
            .stdin(Stdio::null());
        command
    }

    /// Runs a program to its end.
    pub fn run(&self, program: impl AsRef<OsStr>, words: &[&str]) -> Done {
        self.command(program).args(words).output().unwrap().into()
    }

    /// Puts azup where a user's programs are, and on no PATH.
    pub fn install_azup(&self) {
        let bin = self.home().join(".local/bin");
        std::fs::create_dir_all(&bin).unwrap();
        let done = Command::new("cp")
            .arg(self.program())
            .arg(bin.join("azup"))
            .status();
        assert!(done.unwrap().success());
        self.own();
    }

    /// azup for the story itself, whether it is installed or not.
    fn program(&self) -> PathBuf {
        self.root().join("azup")
    }

    /// Removes it, for a machine without azup.
    pub fn uninstall_azup(&self) {
        std::fs::remove_file(self.home().join(".local/bin/azup")).unwrap();
    }

    /// Changes a JSON file of the project.
    pub fn edit(&self, path: &str, edit: impl FnOnce(&mut serde_json::Value)) {
        let path = self.project().join(path);
        let mut value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
        edit(&mut value);
        self.write(&path, value.to_string());
    }

    /// Runs the command of a task, as the editor does.
    pub fn task(&self, label: &str) -> Done {
        let file = self.project().join(".vscode/tasks.json");
        let tasks: serde_json::Value =
            serde_json::from_slice(&std::fs::read(file).unwrap()).unwrap();
        let mut tasks = tasks["tasks"].as_array().unwrap().iter();
        let task = tasks.find(|task| task["label"] == label).unwrap();
        self.run("/bin/sh", &["-c", task["command"].as_str().unwrap()])
    }

    /// Runs azup.
    pub fn azup(&self, words: &[&str]) -> Done {
        self.run(self.program(), words)
    }

    /// The same, this many days ago.
    pub fn azup_before(&self, days: u64, words: &[&str]) -> Done {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
        let then = now.as_secs() - days * 24 * 60 * 60;
        let mut azup = self.command(self.program());
        azup.args(words).env("AZUP_NOW", then.to_string());
        azup.output().unwrap().into()
    }

    /// Starts Azurite in the background.
    pub fn start_azurite(&self) {
        self.share_azurite();
        self.azup(&["up", "-d"]).ok();
    }

    /// Starts only the endpoint for tokens.
    pub fn start_identity(&self) {
        let done = self.azup(&["identity", "-d", "--json"]).ok();
        let answer: serde_json::Value = serde_json::from_str(&done.stdout).unwrap();
        let pid = answer["pid"]
            .as_i64()
            .and_then(|pid| i32::try_from(pid).ok());
        self.identity.set(pid.unwrap_or_default());
    }

    /// Makes the Azurite that `tests/run` installed available where azup would install it.
    pub fn share_azurite(&self) {
        let own = self.home().join(".local/share/azup");
        let place = own.join("azurite-3.37.0");
        if !place.exists() {
            std::fs::create_dir_all(&own).unwrap();
            std::os::unix::fs::symlink(part("azurite-3.37.0"), place).unwrap();
            self.own();
        }
    }
}

impl Drop for Desk {
    fn drop(&mut self) {
        self.azup(&["down"]);
        let pid = Pid::from_raw(self.identity.get());
        pid.map(|pid| kill_process(pid, Signal::TERM));
    }
}
