//! The container engine: commands with a time limit, and cleaning up by name.

use std::ffi::OsStr;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// How long anything may take that ends by itself (seconds). Far more than it takes: a limit only
/// keeps a broken test from hanging.
const LIMIT: &str = "420";

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
        assert_eq!(self.code, 0, "{self}");
        self
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

/// Runs a command to its end, or ends it after [`LIMIT`].
pub fn run(command: &Command) -> Done {
    let mut limited = Command::new("timeout");
    limited
        .args(["-k", "5", LIMIT])
        .arg(command.get_program())
        .args(command.get_args())
        .stdin(Stdio::null());
    if let Some(folder) = command.get_current_dir() {
        limited.current_dir(folder);
    }
    // This machine's variables would reach the tested programs: every command sets its own.
    limited.env_clear().env("PATH", PATH);
    for (name, value) in command.get_envs() {
        if let Some(value) = value {
            limited.env(name, value);
        }
    }
    let output = limited.output().unwrap();
    Done {
        code: output.status.code().unwrap_or(-1),
        stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
        stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
    }
}

/// The operating system's programs, and none of the developer's.
pub const PATH: &str = "/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin";

/// `docker WORDS`, run to its end.
pub fn docker<A: AsRef<OsStr>>(words: impl IntoIterator<Item = A>) -> Done {
    let mut command = Command::new("docker");
    command.args(words);
    run(&command)
}

/// A part that `tests/run` has installed.
#[track_caller]
pub fn part(path: &str) -> PathBuf {
    let part = parts().join(path);
    assert!(
        part.exists(),
        "{} is missing: tests/run installs it",
        part.display()
    );
    part
}

/// The folder of all parts.
pub fn parts() -> PathBuf {
    let parts = std::env::var_os("AZUP_TEST_PARTS");
    parts
        .expect("AZUP_TEST_PARTS is not set: run the tests with tests/run")
        .into()
}

/// The statically linked azup.
pub fn static_azup() -> PathBuf {
    let file = std::env::var_os("AZUP_TEST_STATIC");
    file.expect("AZUP_TEST_STATIC is not set: run the tests with tests/run")
        .into()
}

/// Runs `action`, and notes how long it took.
pub fn timed<T>(label: &str, action: impl FnOnce() -> T) -> T {
    let started = Instant::now();
    let result = action();
    note(label, started.elapsed());
    result
}

/// How long `action` takes.
pub fn took(action: impl FnOnce()) -> Duration {
    let started = Instant::now();
    action();
    started.elapsed()
}

/// Notes a time.
pub fn note(label: &str, took: Duration) {
    let file = Path::new(env!("CARGO_TARGET_TMPDIR")).join("e2e-times.txt");
    let mut file = std::fs::File::options()
        .create(true)
        .append(true)
        .open(file)
        .unwrap();
    writeln!(file, "{:7.2} s  {label}", took.as_secs_f64()).unwrap();
}

/// Asks until there is an answer, at most for `patience`; then the test ends with the message of
/// `otherwise`. Returns how long it took.
#[track_caller]
pub fn wait(
    patience: Duration,
    mut asked: impl FnMut() -> bool,
    otherwise: impl Fn() -> String,
) -> Duration {
    let started = Instant::now();
    while !asked() {
        assert!(
            started.elapsed() <= patience,
            "after {} s: {}",
            patience.as_secs(),
            otherwise()
        );
        std::thread::sleep(Duration::from_millis(100));
    }
    started.elapsed()
}

/// Removes everything that belongs to these compose projects and dev container images, and nothing
/// else.
pub fn remove(folder: &Path, project: &str, images: &str) {
    let label = format!("label=com.docker.compose.project={project}");
    let local = format!("label=devcontainer.local_folder={}", folder.display());
    let listed = |words: &[&str]| -> Vec<String> {
        docker(words).stdout.lines().map(str::to_owned).collect()
    };
    let mut containers = listed(&["ps", "-aq", "--filter", &label]);
    containers.extend(listed(&["ps", "-aq", "--filter", &local]));
    let mounted = "{{range .Mounts}}{{if eq .Type \"volume\"}}{{.Name}}\n{{end}}{{end}}";
    let volumes: Vec<String> = containers
        .iter()
        .flat_map(|id| listed(&["inspect", "-f", mounted, id]))
        .filter(|name| !name.is_empty())
        .collect();
    if !containers.is_empty() {
        let words = ["rm", "-f", "-v"].map(str::to_owned);
        docker(words.into_iter().chain(containers));
    }
    for volume in volumes {
        docker(["volume", "rm", "-f", &volume]);
    }
    for kind in ["network", "volume"] {
        for found in listed(&[kind, "ls", "-q", "--filter", &label]) {
            docker([kind, "rm", &found]);
        }
    }
    let reference = format!("reference={images}*");
    let named = "{{.Repository}}:{{.Tag}}";
    for image in listed(&["images", "--format", named, "--filter", &reference]) {
        docker(["rmi", "-f", &image]);
    }
}
