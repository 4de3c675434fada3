//! The recipes of `docs/testing/testcontainers.md`, with Testcontainers' real packages on the real
//! engine. Its helper images (Ryuk, which removes what a killed run leaves behind, and the one by
//! which Java finds the engine's address from inside a container) are in no registry that the tests
//! use: Ryuk is switched off, and the address is given. Azurite's own image is the published one,
//! or its stand-in (`tests/engine`).

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::engine::{Done, PATH, docker, part, run, static_azup, timed};

fn recipes() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/e2e/testcontainers")
}

/// The page has the file word for word, and the file is short.
#[track_caller]
fn stands_in_the_page(file: &str) {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let code = std::fs::read_to_string(recipes().join(file)).unwrap();
    let page = std::fs::read_to_string(root.join("docs/testing/testcontainers.md")).unwrap();
    assert!(page.contains(&code), "{file} is not in its page as it is");
    let lines = code.lines().filter(|line| !line.trim().is_empty()).count();
    assert!(lines <= 30, "{file} has {lines} lines");
}

/// A machine with azup and Docker, whose folder is a project with these files.
struct Machine {
    root: tempfile::TempDir,
}

impl Machine {
    fn new(files: &[&str]) -> Self {
        let root = tempfile::tempdir().unwrap();
        for folder in ["bin", "home", "project"] {
            std::fs::create_dir(root.path().join(folder)).unwrap();
        }
        std::os::unix::fs::symlink(static_azup(), root.path().join("bin/azup")).unwrap();
        for file in files {
            std::fs::copy(recipes().join(file), root.path().join("project").join(file)).unwrap();
        }
        Self { root }
    }

    fn run<P: AsRef<std::ffi::OsStr>>(&self, program: P, words: &[&str]) -> Done {
        let root = self.root.path();
        let mut command = Command::new(program);
        command
            .args(words)
            .current_dir(root.join("project"))
            .env("HOME", root.join("home"))
            .env("PATH", format!("{}:{PATH}", root.join("bin").display()))
            .env("AZUP_STORES", "none")
            .env("TESTCONTAINERS_RYUK_DISABLED", "true")
            .env("TESTCONTAINERS_HOST_OVERRIDE", "127.0.0.1");
        run(&command)
    }
}

/// Containers that Testcontainers has started carry its label.
#[track_caller]
fn nothing_is_left_of(language: &str) {
    let label = format!("label=org.testcontainers.lang={language}");
    let left = docker(["ps", "-aq", "--filter", &label]).ok();
    assert_eq!(left.stdout, "", "containers of Testcontainers");
}

#[test]
fn azurite_of_testcontainers_for_python_has_https_and_tokens_without_ryuk() {
    stands_in_the_page("conftest.py");
    let machine = Machine::new(&["conftest.py", "test_store.py"]);
    let words = ["-m", "pytest", "-p", "no:cacheprovider"];
    let python = part("kit-containers/bin/python");
    let done = timed("Testcontainers for Python", || machine.run(python, &words)).ok();
    assert!(done.stdout.contains("1 passed"), "{done}");
    nothing_is_left_of("python");
}

#[test]
fn azurite_of_testcontainers_for_java_has_https_and_tokens_without_ryuk() {
    stands_in_the_page("Azurite.java");
    let left_out = std::env::var("AZUP_TEST_LEFT_OUT").unwrap_or_default();
    if left_out.split(' ').any(|name| name == "java") {
        eprintln!("left out, mvn is not installed: Testcontainers for Java");
        return;
    }
    let machine = Machine::new(&["Azurite.java", "StoreTest.java"]);
    let classpath = format!("{}/*", part("kit-containers-java").display());
    let files = ["Azurite.java", "StoreTest.java"];
    let javac = ["-proc:none", "-d", ".", "-cp", &classpath];
    machine.run("javac", &[&javac[..], &files].concat()).ok();
    let classpath = format!("{classpath}:.");
    let java = [
        "-cp",
        &classpath,
        "org.junit.platform.console.ConsoleLauncher",
        "execute",
        "--disable-banner",
        "--select-class",
        "StoreTest",
        "--fail-if-no-tests",
    ];
    let done = timed("Testcontainers for Java", || machine.run("java", &java)).ok();
    assert!(done.stdout.contains("1 tests successful"), "{done}");
    nothing_is_left_of("java");
}
