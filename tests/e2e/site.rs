//! One project on one developer's machine: a home, a folder, a user, and the dev container that the
//! devcontainer CLI makes of it.

use std::cell::RefCell;
use std::ffi::{OsStr, OsString};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use crate::engine::{self, Done, PATH, docker, part, parts, run, static_azup, timed, wait};

/// How long something may take whose end can only be polled.
pub const PATIENCE: Duration = Duration::from_secs(90);

/// The limit for Azurite to answer again after a restart, by itself: half a minute (ten seconds are
/// usual), times `AZUP_TEST_SLOWNESS` for a machine with much else to do.
pub fn back() -> Duration {
    let times = std::env::var("AZUP_TEST_SLOWNESS").unwrap_or_default();
    Duration::from_secs(30) * times.parse().unwrap_or(1)
}

/// The service over HTTPS, in the container and through a forwarded port.
pub const URL: &str = "https://127.0.0.1:10000/";

/// Held while an image is built: the devcontainer CLI passes Features on in an image that has one
/// name for all projects, and two at once would get each other's.
static ALONE: Mutex<()> = Mutex::new(());

/// The user of the machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum User {
    /// The administrator, whose IDs no container's user has.
    Root,
    /// A user whose ID (1234) is not that of the image's user.
    Other,
}

/// Which compose starts the containers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Compose {
    /// `docker-compose` 1.29.
    One,
    /// `docker compose` 2.
    Two,
}

/// A project and what belongs to it.
pub struct Site {
    root: tempfile::TempDir,
    name: String,
    user: User,
    compose: Compose,
    project: RefCell<String>,
    configuration: RefCell<Option<String>>,
}

impl Site {
    /// An empty project. `name` says what is tested; it may contain spaces.
    pub fn new(name: &str, user: User, compose: Compose) -> Self {
        let root = tempfile::Builder::new()
            .prefix("azup-e2e-")
            .tempdir()
            .unwrap();
        let name = format!("azup e2e {name} {}", std::process::id());
        let site = Self {
            name,
            root,
            // A user who is not root may be the image's user, or another one.
            user: if rustix::process::geteuid().is_root() {
                user
            } else {
                User::Root
            },
            compose,
            project: RefCell::default(),
            configuration: RefCell::default(),
        };
        site.project
            .replace(format!("{}_devcontainer", site.plain()));
        let home = site.home();
        std::fs::create_dir_all(home.join(".docker")).unwrap();
        std::fs::create_dir(home.join("tmp")).unwrap();
        std::fs::create_dir(site.folder()).unwrap();
        // Otherwise there is no language, and there is no stand-in for the image without one.
        std::fs::write(site.folder().join("app.py"), "").unwrap();
        // A copy, since others may have no access to the build folder.
        std::fs::copy(static_azup(), site.root().join("azup")).unwrap();
        if compose == Compose::Two
            && let Some(plugins) = std::env::var_os("AZUP_TEST_PLUGINS")
        {
            let seen = site.seen(Path::new(&plugins));
            std::os::unix::fs::symlink(seen, home.join(".docker/cli-plugins")).unwrap();
        }
        // An ordinary umask and an ordinary entry in the user database.
        let users = std::fs::read_to_string("/etc/passwd").unwrap();
        let entry = format!("developer:x:1234:1234::{}:/bin/sh\n", home.display());
        std::fs::write(site.root().join("passwd"), users + &entry).unwrap();
        site.own(site.root());
        site
    }

    pub fn root(&self) -> &Path {
        self.root.path()
    }

    /// HOME.
    pub fn home(&self) -> PathBuf {
        self.root().join("home")
    }

    /// The project's folder.
    pub fn folder(&self) -> PathBuf {
        self.root().join(&self.name)
    }

    /// The folder of the project set.
    pub fn certificates(&self) -> PathBuf {
        self.folder().join(".devcontainer/azurite-certs")
    }

    /// The name that compose gets from the devcontainer CLI: the folder's, with one more word if
    /// the compose file is in `.devcontainer`.
    pub fn project(&self) -> String {
        self.project.borrow().clone()
    }

    fn plain(&self) -> String {
        self.name.chars().filter(|c| *c != ' ').collect()
    }

    /// Gives everything below `path` to the user.
    pub fn own(&self, path: &Path) {
        if self.user == User::Other {
            let mut chown = Command::new("chown");
            run(chown.args(["-R", "1234:1234"]).arg(path)).ok();
        }
    }

    /// Writes a file below the project's folder, with its parents, owned by the user.
    pub fn write(&self, path: &str, bytes: impl AsRef<[u8]>) {
        let path = self.folder().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, bytes).unwrap();
        self.own(&self.folder());
    }

    /// Where the user finds a file of the parts: others have no access to root's cache.
    pub fn seen(&self, path: &Path) -> PathBuf {
        match path.strip_prefix(parts()) {
            Ok(below) if self.user == User::Other => Path::new("/mnt").join(below),
            _ => path.to_owned(),
        }
    }

    /// A command that the user runs in the project's folder.
    pub fn command<A: AsRef<OsStr>>(
        &self,
        program: impl AsRef<OsStr>,
        words: impl IntoIterator<Item = A>,
    ) -> Command {
        let mut command = if self.user == User::Other {
            // A user database and a place for the parts that only this process has.
            let mut command = Command::new("unshare");
            command.args(["--mount", "sh", "-euc"]).arg(
                "mount --bind \"$1\" /etc/passwd; mount --bind \"$2\" /mnt; group=$3; shift 3\n\
                 exec setpriv --reuid=1234 --regid=1234 --groups=\"$group\" \"$@\"",
            );
            let group = std::fs::metadata("/var/run/docker.sock").unwrap().gid();
            command
                .arg("sh")
                .arg(self.root().join("passwd"))
                .arg(parts())
                .arg(group.to_string())
                .arg(program);
            command
        } else {
            Command::new(program)
        };
        command
            .args(words)
            .current_dir(self.folder())
            .env("PATH", PATH)
            .env("HOME", self.home())
            .env("TMPDIR", self.home().join("tmp"))
            // No store of this machine may be changed.
            .env("AZUP_STORES", "none");
        if self.compose == Compose::One {
            command.env("DOCKER_BUILDKIT", "0");
        }
        command
    }

    /// `azup` on the user's machine, at the time `now` if it is given.
    pub fn azup(&self, words: &[&str], now: Option<i64>) -> Done {
        let mut command = self.command(self.root().join("azup"), words);
        if let Some(now) = now {
            command.env("AZUP_NOW", now.to_string());
        }
        run(&command)
    }

    /// `devcontainer VERB --workspace-folder … WORDS`
    pub fn devcontainer(&self, verb: &str, words: &[&str]) -> Done {
        let program = part("npm/node_modules/@devcontainers/cli/devcontainer.js");
        let folder = self.folder();
        let mut all: Vec<OsString> = vec![self.seen(&program).into(), verb.into()];
        all.extend(["--workspace-folder".into(), folder.into()]);
        if let Some(configuration) = &*self.configuration.borrow() {
            all.extend(["--config".into(), self.folder().join(configuration).into()]);
        }
        all.extend(words.iter().map(OsString::from));
        run(&self.command("node", all))
    }

    /// `devcontainer up` for one of several configurations.
    #[track_caller]
    pub fn up_with(&self, configuration: &str, words: &[&str]) -> DevContainer<'_> {
        self.configuration.replace(Some(configuration.to_owned()));
        self.up(words)
    }

    /// `devcontainer up`. Returns the dev container that it made or found.
    #[track_caller]
    pub fn up(&self, words: &[&str]) -> DevContainer<'_> {
        // BuildKit would ask a registry for the syntax of the CLI's Dockerfile.
        let builder = ["--buildkit", "never"];
        let alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
        let done = self.devcontainer("up", &[&builder, words].concat());
        drop(alone);
        assert!(done.code == 0, "{done}\n{}", self.logs());
        let wanted = match self.compose {
            Compose::One => "Run: docker-compose ",
            Compose::Two => "Run: docker compose ",
        };
        let uses_compose = done.stderr.contains("compose ");
        assert!(!uses_compose || done.stderr.contains(wanted), "{done}");
        let answer: serde_json::Value =
            serde_json::from_str(done.stdout.lines().last().unwrap()).unwrap();
        let word = |key: &str| answer[key].as_str().unwrap_or_default().to_owned();
        assert_eq!(word("outcome"), "success", "{done}");
        if !word("composeProjectName").is_empty() {
            self.project.replace(word("composeProjectName"));
        }
        DevContainer {
            site: self,
            id: word("containerId"),
            user: word("remoteUser"),
            folder: word("remoteWorkspaceFolder"),
            log: done.stderr,
        }
    }

    /// The output of every container of this project.
    fn logs(&self) -> String {
        let all: Vec<String> = self
            .containers()
            .iter()
            .map(|id| {
                let name = docker(["inspect", "-f", "{{.Name}} {{.State.Status}}", id]).stdout;
                let said = docker(["logs", "--tail", "20", id]);
                format!("{name}{}{}\n", said.stdout, said.stderr)
            })
            .collect();
        all.concat()
    }

    fn containers(&self) -> Vec<String> {
        let label = format!("label=com.docker.compose.project={}", self.project());
        let found = docker(["ps", "-aq", "--filter", &label]).stdout;
        found.lines().map(str::to_owned).collect()
    }

    /// Azurite's container.
    #[track_caller]
    pub fn azurite(&self) -> String {
        let project = format!("label=com.docker.compose.project={}", self.project());
        let service = "label=com.docker.compose.service=azurite";
        let words = ["ps", "-aq", "--filter", &project, "--filter", service];
        let found = docker(words).ok().stdout;
        assert_eq!(found.lines().count(), 1, "one Azurite: {found:?}");
        found.trim().to_owned()
    }

    /// `docker compose -p PROJECT VERB`, with the project's own files.
    pub fn compose(&self, verb: &str) -> Done {
        let mut words: Vec<String> = match self.compose {
            Compose::One => Vec::new(),
            Compose::Two => vec!["compose".into()],
        };
        words.extend(["-p".into(), self.project()]);
        for file in ["docker-compose.yml", "azurite/docker-compose.yml"] {
            words.extend(["-f".into(), format!(".devcontainer/{file}")]);
        }
        words.push(verb.into());
        run(&match self.compose {
            Compose::One => self.command("docker-compose", words),
            Compose::Two => self.command("docker", words),
        })
    }
}

impl Drop for Site {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let logs = self.logs();
            let file = Path::new(env!("CARGO_TARGET_TMPDIR")).join("e2e-logs.txt");
            std::fs::write(file, logs).ok();
        }
        let images = format!("vsc-{}-", self.plain());
        for project in [self.project(), self.plain()] {
            engine::remove(&self.folder(), &project, &images);
        }
    }
}

/// A running dev container.
pub struct DevContainer<'a> {
    site: &'a Site,
    pub id: String,
    pub user: String,
    pub folder: String,
    /// The output of the devcontainer CLI.
    pub log: String,
}

impl DevContainer<'_> {
    /// Runs a shell script as the container's user, in the project's folder, as an editor's
    /// terminal would.
    pub fn terminal(&self, script: &str) -> Done {
        self.site.devcontainer("exec", &["sh", "-c", script])
    }

    /// The same at less cost: without the user's start-up files.
    pub fn sh(&self, script: &str) -> Done {
        let (user, folder) = (&self.user, &self.folder);
        docker([
            "exec", "-u", user, "-w", folder, &self.id, "sh", "-c", script,
        ])
    }

    /// Copies a file into the container.
    pub fn copy(&self, from: &Path, to: &str) {
        let mut copy = Command::new("docker");
        copy.arg("cp").arg(from).arg(format!("{}:{to}", self.id));
        run(&copy).ok();
    }

    /// curl's exit code for Azurite, with the container's own trust store: 0 if the certificate was
    /// verified.
    pub fn curl(&self) -> i32 {
        self.sh(&format!("curl -s -o /dev/null -m 3 {URL}")).code
    }

    /// Waits until Azurite answers, and notes how long that took after `what`.
    #[track_caller]
    pub fn answers_after(&self, what: &str, patience: Duration) {
        let took = wait(
            patience,
            || self.curl() == 0,
            || {
                format!(
                    "no answer after {what}:\n{}\n{}",
                    self.log,
                    self.site.logs()
                )
            },
        );
        engine::note(
            &format!("{}: Azurite answers after {what}", self.site.name),
            took,
        );
    }

    /// Waits until Azurite's own health check has passed.
    #[track_caller]
    pub fn is_healthy(&self) {
        let azurite = self.site.azurite();
        let status = || docker(["inspect", "-f", "{{.State.Health.Status}}", &azurite]).stdout;
        wait(
            PATIENCE,
            || status().trim() == "healthy",
            || format!("{}{}", status(), self.site.logs()),
        );
    }

    /// A virtual environment in the project with the Azure SDK in it, trusted.
    #[track_caller]
    pub fn install(&self) {
        let label = format!("{}: virtual environment and SDK", self.site.name);
        timed(&label, || {
            self.terminal(
                "python3 -m venv .venv && \
                 .venv/bin/pip install -q --disable-pip-version-check azure-storage-blob azure-identity",
            )
            .ok()
        });
        let trusted = self.terminal("azup trust").ok();
        let certifi = trusted.stdout.lines().find(|line| {
            line.starts_with("certifi")
                && line.contains(".venv")
                && (line.contains(" added ") || line.contains(" trusted "))
        });
        assert!(certifi.is_some(), "{trusted}");
    }

    /// The output of the ten lines of Python.
    #[track_caller]
    pub fn python(&self, words: &str) -> String {
        self.copy(
            Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/e2e/storage.py")),
            "/tmp/storage.py",
        );
        self.terminal(&format!(".venv/bin/python /tmp/storage.py {words}"))
            .ok()
            .stdout
    }

    /// The SHA-256 of the certificate that Azurite serves, or nothing.
    pub fn served(&self) -> String {
        let script = "openssl s_client -connect 127.0.0.1:10000 </dev/null 2>/dev/null | \
                      openssl x509 -noout -fingerprint -sha256 2>/dev/null";
        self.sh(script).stdout.trim().to_owned()
    }
}

/// The SHA-256 of a certificate on this machine, as openssl prints it.
pub fn fingerprint(file: &Path) -> String {
    let mut openssl = Command::new("openssl");
    openssl.args(["x509", "-noout", "-fingerprint", "-sha256", "-in"]);
    run(openssl.arg(file)).ok().stdout.trim().to_owned()
}
