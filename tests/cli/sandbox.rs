//! A machine for one test, with its own HOME, project, PATH and clock.

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::{Arc, Once, OnceLock};

use azurite_up::certificates::TrustAnchor;
use signal_hook::consts::{SIGHUP, SIGINT, SIGQUIT, SIGTERM};

/// The operating system's programs, and none of the developer's.
const PATH: &str = "/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin";

/// A folder that is deleted with the test, and the environment in which `azup` starts.
pub struct Sandbox {
    root: tempfile::TempDir,
    env: Vec<(OsString, OsString)>,
}

/// What a program printed and how it ended.
#[derive(Debug)]
pub struct Done {
    /// The exit code; -1 if a signal ended it.
    pub code: i32,
    /// Standard output.
    pub stdout: String,
    /// Standard error.
    pub stderr: String,
}

/// Under nohup, or in the background of a script, programs that the tests start would inherit
/// ignored signals. A caught signal, in contrast, is reset to its default in a started program.
fn heed_signals() {
    let all = [SIGHUP, SIGINT, SIGQUIT, SIGTERM];
    let heeded = azurite_up::os::not_ignored(&all);
    for ignored in all.into_iter().filter(|signal| !heeded.contains(signal)) {
        signal_hook::flag::register(ignored, Arc::default()).unwrap();
    }
}

impl Sandbox {
    /// An empty home and an empty project folder.
    pub fn new() -> Self {
        Self::named("project")
    }

    /// Like [`Sandbox::new`], with another name for the project's folder.
    pub fn named(project: impl AsRef<OsStr>) -> Self {
        static SIGNALS: Once = Once::new();
        SIGNALS.call_once(heed_signals);
        let root = tempfile::Builder::new()
            .prefix("azup-test-")
            .tempdir()
            .unwrap();
        let this = Self {
            env: Vec::new(),
            root,
        };
        std::fs::create_dir(this.home()).unwrap();
        let project = this.root.path().join(project.as_ref());
        std::fs::create_dir_all(&project).unwrap();
        let mut this = this;
        this.env = vec![
            ("HOME".into(), this.home().into()),
            ("PATH".into(), PATH.into()),
            ("LANG".into(), "C.UTF-8".into()),
            ("AZUP_TEST_PROJECT".into(), project.into()),
        ];
        this
    }

    /// Sets a variable for everything that is started from now on.
    pub fn set(&mut self, name: &str, value: impl AsRef<OsStr>) {
        self.env.retain(|(known, _)| known != name);
        self.env.push((name.into(), value.as_ref().into()));
    }

    /// Unsets a variable.
    pub fn unset(&mut self, name: &str) {
        self.env.retain(|(known, _)| known != name);
    }

    /// The value of a variable.
    pub fn value(&self, name: &str) -> Option<String> {
        let found = self.env.iter().find(|(known, _)| known == name);
        found.map(|(_, value)| value.to_string_lossy().into_owned())
    }

    /// The folder around home and project.
    pub fn root(&self) -> &Path {
        self.root.path()
    }

    /// HOME.
    pub fn home(&self) -> PathBuf {
        self.root.path().join("home")
    }

    /// The project's folder, in which commands run.
    pub fn project(&self) -> PathBuf {
        let (_, path) = self
            .env
            .iter()
            .find(|(name, _)| name == "AZUP_TEST_PROJECT")
            .unwrap();
        path.into()
    }

    /// azup's own folder.
    pub fn own(&self) -> PathBuf {
        self.home().join(".local/share/azup")
    }

    /// The machine set.
    pub fn certs(&self) -> PathBuf {
        self.own().join("certs")
    }

    /// A command that runs any program in this sandbox: its environment, in the project folder,
    /// with empty standard input.
    #[track_caller]
    pub fn command(&self, program: impl AsRef<OsStr>) -> Command {
        self.needs(&program);
        let mut command = Command::new(program);
        command
            .env_clear()
            .envs(self.env.iter().map(|(name, value)| (name, value)))
            .current_dir(self.project())
            .stdin(Stdio::null());
        command
    }

    /// Ends a test that needs this program, before azup itself asks for it.
    #[track_caller]
    pub fn needs(&self, program: impl AsRef<OsStr>) {
        static NAMESPACES: OnceLock<bool> = OnceLock::new();
        let program = Path::new(&program);
        needs!(self.has(program), program.display());
        if program.ends_with("unshare") {
            let tried = || {
                Command::new(program)
                    .args(["--mount", "--map-root-user", "true"])
                    .status()
            };
            let can = *NAMESPACES.get_or_init(|| tried().is_ok_and(|done| done.success()));
            needs!(can, "mount namespaces");
        }
    }

    /// Whether it is on this PATH or where the operating system has its programs: a test may have
    /// hidden those from azup alone.
    fn has(&self, program: &Path) -> bool {
        let path = self.env.iter().find(|(name, _)| name == "PATH");
        let folders = path
            .into_iter()
            .flat_map(|(_, path)| std::env::split_paths(path))
            .chain(std::env::split_paths(PATH));
        // A path with a folder is relative to the project; joining an absolute one gives itself.
        let in_folder = program.components().count() > 1;
        (in_folder && self.project().join(program).exists())
            || folders
                .map(|folder| folder.join(program))
                .any(|file| file.is_file())
    }

    /// `azup` as a command that the test itself runs.
    pub fn azup_command<A: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = A>) -> Command {
        let mut command = self.command(azup());
        command.args(arguments);
        command
    }

    /// Runs `azup` to its end.
    pub fn azup<A: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = A>) -> Done {
        let words = arguments.into_iter().map(|word| word.as_ref().to_owned());
        let words: Vec<OsString> = words.collect();
        let done = Done::from(self.azup_command(&words).output().unwrap());
        crate::documents::keep(&words, &done.stdout);
        crate::pasted::check(self, &words, &done);
        done
    }

    /// Runs `azup` while `folder` cannot be written: it is mounted read-only in a mount namespace,
    /// which works for root too.
    pub fn read_only<A: AsRef<OsStr>>(
        &self,
        folder: &Path,
        arguments: impl IntoIterator<Item = A>,
    ) -> Done {
        let mut command = self.command("unshare");
        command
            .args(["--mount", "--map-root-user", "sh", "-c"])
            .arg(r#"mount --bind "$1" "$1" && mount -o remount,bind,ro "$1" && shift && exec "$@""#)
            .arg("sh")
            .arg(folder)
            .arg(azup())
            .args(arguments);
        Done::from(command.output().unwrap())
    }

    /// Runs `azup` without these files: each is hidden in a mount namespace by a device, which is
    /// not a file.
    pub fn without<A: AsRef<OsStr>>(
        &self,
        files: &[PathBuf],
        arguments: impl IntoIterator<Item = A>,
    ) -> Done {
        let mut command = self.command("/usr/bin/unshare");
        command
            .args(["--mount", "--map-root-user", "/bin/sh", "-c"])
            .arg(r#"while [ "$1" != -- ]; do /bin/mount --bind /dev/null "$1" || exit; shift; done; shift; exec "$@""#)
            .arg("sh")
            .args(files)
            .arg("--")
            .arg(azup())
            .args(arguments);
        Done::from(command.output().unwrap())
    }

    /// Runs a command in the presence of azup's Feature's mark, as in a dev container.
    pub fn in_dev_container<A: AsRef<OsStr>>(&self, words: impl IntoIterator<Item = A>) -> Done {
        const MARK: &str = "mount -t tmpfs -o mode=0755 tmpfs /usr/local/share && \
            mkdir -m 0755 /usr/local/share/azup && : > /usr/local/share/azup/dev-container && \
            chmod 0644 /usr/local/share/azup/dev-container && exec \"$@\"";
        let mut command = self.command("unshare");
        command
            .args(["--mount", "--map-root-user", "sh", "-c", MARK, "sh"])
            .args(words);
        Done::from(command.output().unwrap())
    }

    /// Runs `azup` as a user who may change nothing but this sandbox, whoever runs the tests.
    pub fn as_ordinary_user<A: AsRef<OsStr>>(
        &self,
        arguments: impl IntoIterator<Item = A>,
    ) -> Done {
        self.unprivileged(None, arguments)
    }

    /// Like [`Sandbox::as_ordinary_user`], with a file `closed` that only root can read.
    pub fn as_ordinary_user_but<A: AsRef<OsStr>>(
        &self,
        closed: &Path,
        arguments: impl IntoIterator<Item = A>,
    ) -> Done {
        self.unprivileged(Some(closed), arguments)
    }

    fn unprivileged<A: AsRef<OsStr>>(
        &self,
        closed: Option<&Path>,
        arguments: impl IntoIterator<Item = A>,
    ) -> Done {
        if !rustix::process::geteuid().is_root() {
            // Closed to the user without belonging to somebody else.
            use std::os::unix::fs::PermissionsExt as _;
            let open = |mode| {
                closed.map(|path| {
                    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
                })
            };
            open(0o000);
            let done = self.azup(arguments);
            open(0o600);
            return done;
        }
        // User 65534 is nobody; a copy of azup, since others may have no access to the build
        // folder.
        let copy = self.root().join("azup");
        copy_program(azup(), &copy);
        let own = |who: &str, path: &Path| {
            self.run(
                "/bin/chown",
                [OsStr::new("-R"), who.as_ref(), path.as_ref()],
            )
            .ok();
        };
        own("65534:65534", self.root());
        if let Some(closed) = closed {
            own("0:0", closed);
        }
        let mut command = self.command("/usr/bin/setpriv");
        command
            .args(["--reuid=65534", "--regid=65534", "--clear-groups"])
            .arg(copy)
            .args(arguments);
        Done::from(command.output().unwrap())
    }

    /// Runs any program to its end.
    pub fn run<A: AsRef<OsStr>>(
        &self,
        program: impl AsRef<OsStr>,
        arguments: impl IntoIterator<Item = A>,
    ) -> Done {
        let program = program.as_ref();
        let done = self.command(program).args(arguments).output();
        Done::from(done.unwrap_or_else(|error| panic!("{}: {error}", program.display())))
    }

    /// Writes a file below the project's folder, with its parents.
    pub fn write(&self, path: impl AsRef<Path>, bytes: impl AsRef<[u8]>) -> PathBuf {
        let path = self.project().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, bytes).unwrap();
        path
    }

    /// A CA that azup has nothing to do with, as `NAME.pem` in the project's folder.
    pub fn foreign_ca(&self, name: &str) -> PathBuf {
        let path = self.project().join(format!("{name}.pem"));
        self.foreign_ca_at(name, &path);
        path
    }

    /// The same in another file.
    pub fn foreign_ca_at(&self, name: &str, path: &Path) {
        let mut openssl = self.command("openssl");
        openssl
            .args(["req", "-x509", "-newkey", "ec", "-nodes", "-days", "30"])
            .args([
                "-pkeyopt",
                "ec_paramgen_curve:P-256",
                "-keyout",
                "/dev/null",
            ])
            .args(["-subj", &format!("/CN={name}"), "-out"])
            .arg(path);
        Done::from(openssl.output().unwrap()).ok();
    }

    /// Adds a CA and its leaf to the issued ones of this machine, for a test that makes them
    /// itself.
    pub fn note_as_issued(&self, ca: &str, leaf: &str) {
        let path = self.own().join("issued.json");
        let empty = br#"{"version": 1, "issued": [], "leaves": [], "vouched": []}"#;
        let bytes = std::fs::read(&path).unwrap_or_else(|_| empty.to_vec());
        let mut list: serde_json::Value = serde_json::from_slice(&bytes).unwrap();
        for (kind, pem) in [("issued", ca), ("leaves", leaf)] {
            let certificate = TrustAnchor::any(pem.as_bytes(), Path::new("made by a test"));
            let digest = certificate.unwrap().sha256();
            list[kind].as_array_mut().unwrap().push(digest.into());
        }
        std::fs::write(path, serde_json::to_vec(&list).unwrap()).unwrap();
    }

    /// All files below `folder` with their bytes, sorted; links as `-> target`.
    pub fn files(folder: &Path) -> Vec<(PathBuf, Vec<u8>)> {
        let mut found = Vec::new();
        let mut folders = vec![folder.to_owned()];
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                if path.is_symlink() {
                    let target = std::fs::read_link(&path).unwrap();
                    found.push((path, format!("-> {}", target.display()).into_bytes()));
                } else if path.is_dir() {
                    folders.push(path);
                } else {
                    let bytes = std::fs::read(&path).unwrap();
                    found.push((path, bytes));
                }
            }
        }
        found.sort();
        found
    }

    /// Exit code, standard output and standard error for a snapshot, with this sandbox's paths and
    /// everything random replaced.
    pub fn shown(&self, done: &Done) -> String {
        let whole = format!(
            "exit: {}\n--- stdout\n{}--- stderr\n{}",
            done.code, done.stdout, done.stderr
        );
        let whole = whole
            .replace(&*azup().to_string_lossy(), "[AZUP]")
            .replace(&*self.project().to_string_lossy(), "[PROJECT]")
            .replace(&*self.home().to_string_lossy(), "[HOME]")
            .replace(&*self.root().to_string_lossy(), "[ROOT]");
        let hidden = regex_lite::Regex::new(r"azup local CA [0-9a-f]{8}").unwrap();
        let whole = hidden.replace_all(&whole, "azup local CA [ID]");
        let hidden = regex_lite::Regex::new(r"\b[0-9a-f]{64}\b").unwrap();
        let whole = hidden.replace_all(&whole, "[SHA256]");
        let day = "20[0-9]{2}-[01][0-9]-[0-3][0-9]";
        let hidden = regex_lite::Regex::new(&format!("{day}T[0-9:]{{8}}Z")).unwrap();
        let whole = hidden.replace_all(&whole, "[TIME]");
        let hidden = regex_lite::Regex::new(day).unwrap();
        hidden.replace_all(&whole, "[DATE]").into_owned()
    }
}

impl Done {
    /// Returns this if the program succeeded; otherwise the test ends with all that it printed.
    #[track_caller]
    pub fn ok(self) -> Self {
        assert_eq!(self.code, 0, "{self}");
        self
    }

    /// Standard output as JSON.
    #[track_caller]
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error}: {self}"))
    }
}

impl std::fmt::Display for Done {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "exit {}\nstdout: {}\nstderr: {}",
            self.code, self.stdout, self.stderr
        )
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

/// The `azup` that was built for this test.
pub fn azup() -> &'static Path {
    Path::new(env!("CARGO_BIN_EXE_azup"))
}

/// Whether `tests/run` found that a language is not installed here, and said so.
pub fn is_left_out(language: &str) -> bool {
    let left_out = std::env::var("AZUP_TEST_LEFT_OUT").unwrap_or_default();
    left_out.split(' ').any(|name| name == language)
}

/// A real part that `tests/run` installs, such as `venv/bin/python`: from the folder in
/// `AZUP_TEST_PARTS`, or from its usual place.
#[track_caller]
pub fn part(path: &str) -> PathBuf {
    let parts = std::env::var_os("AZUP_TEST_PARTS").map(PathBuf::from);
    let usual = || Some(dirs::cache_dir()?.join("azup-tests"));
    let part = parts.or_else(usual).unwrap_or_default().join(path);
    needs!(part.exists(), path);
    part
}

/// Three ports below the range of ephemeral ports, so that no other test's connection is in the
/// way.
pub fn free_ports() -> [u16; 3] {
    static NEXT: std::sync::atomic::AtomicU16 = std::sync::atomic::AtomicU16::new(0);
    let start = 20_000 + u16::try_from(std::process::id() % 100).unwrap() * 100;
    let mut free = (0..).filter_map(|_| {
        let port = start + NEXT.fetch_add(1, std::sync::atomic::Ordering::Relaxed) % 2_000;
        std::net::TcpListener::bind(("127.0.0.1", port))
            .ok()
            .map(|_| port)
    });
    [(); 3].map(|()| free.next().unwrap())
}

/// certifi's own bundle: the public roots, and certainly none of azup's CAs.
pub fn public_roots() -> Vec<u8> {
    let python = std::fs::read_dir(part("venv/lib")).unwrap().next().unwrap();
    let bundle = python
        .unwrap()
        .path()
        .join("site-packages/certifi/cacert.pem");
    std::fs::read(bundle).unwrap()
}

/// Writes an executable script. A child does it: if this process held the file open, another test's
/// fork would have it open for a moment too, and the kernel does not run a file that is open for
/// writing ("Text file busy").
pub fn write_program(path: &Path, script: &str) {
    use std::io::Write as _;
    let mut child = Command::new("/usr/bin/install")
        .args(["-m", "0755", "/dev/stdin"])
        .arg(path)
        .stdin(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    stdin.write_all(script.as_bytes()).unwrap();
    drop(stdin);
    assert!(child.wait().unwrap().success(), "{}", path.display());
}

/// Copies a program, in a child for the same reason.
pub fn copy_program(from: &Path, to: &Path) {
    let done = Command::new("/bin/cp").arg(from).arg(to).status();
    assert!(done.unwrap().success(), "{}", to.display());
}

/// Runs this when the test ends, however it ends.
pub struct OnDrop<F: Fn()>(pub F);

impl<F: Fn()> Drop for OnDrop<F> {
    fn drop(&mut self) {
        (self.0)();
    }
}

/// Waits until this is so, and fails if that takes too long even for a machine under load.
#[track_caller]
pub fn until(so: impl Fn() -> bool) {
    let end = std::time::Instant::now() + std::time::Duration::from_secs(120);
    while !so() {
        assert!(std::time::Instant::now() < end, "it never came true");
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
}
