//! The recipes of `docs/testing`: each is a file here, which is run, and appears in its page.

use std::ffi::{OsStr, OsString};
use std::fs;
use std::process::{Child, Command, Stdio};

use super::{root, site};
use crate::sandbox::{Done, azup, is_left_out, part};
use crate::up::dotnet;
use crate::up::site::Site;
use crate::up::until_eof::fixture;

/// A recipe starts azup by its name.
fn site_with_azup_on_path() -> Site {
    let mut site = site();
    site.sandbox.unset("AZUP");
    let folder = site.sandbox.root().join("bin");
    fs::create_dir(&folder).unwrap();
    std::os::unix::fs::symlink(azup(), folder.join("azup")).unwrap();
    let path = site.sandbox.value("PATH").unwrap();
    site.sandbox
        .set("PATH", format!("{}:{path}", folder.display()));
    site
}

/// The page has the file word for word, and the file is short.
#[track_caller]
fn stands_in(page: &str, file: &str) {
    let code = fs::read_to_string(root().join("tests/cli/up/kit").join(file)).unwrap();
    let page = fs::read_to_string(root().join("docs/testing").join(page)).unwrap();
    assert!(page.contains(&code), "{file} is not in its page as it is");
    let code = code.lines().filter(|line| !line.trim().is_empty());
    let lines = code.count();
    assert!(lines <= 30, "{file} has {lines} lines");
}

#[test]
fn two_packages_of_go_tests_run_at_once_without_docker() {
    stands_in("go.md", "go/azurite_test.go");
    if is_left_out("go") {
        return;
    }
    let site = site_with_azup_on_path();
    // As `go test ./...` does with two packages.
    let begin = || -> Child {
        let mut tests = site.sandbox.command(part("kit-go/tests"));
        tests
            .arg("-test.v")
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap()
    };
    let both = [begin(), begin()];
    for tests in both {
        let done = Done::from(tests.wait_with_output().unwrap()).ok();
        assert!(done.stdout.contains("--- PASS: TestStores"), "{done}");
    }
    assert!(site.run_files("json").is_empty(), "nothing runs any more");
}

/// The shortest way, for tests without a fixture; it uses this machine's compiled packages.
#[test]
fn go_test_under_run_needs_no_fixture() {
    if is_left_out("go") {
        return;
    }
    let page = fs::read_to_string(root().join("docs/testing/go.md")).unwrap();
    assert!(page.contains("`azup run --in-memory -- go test ./...`"));
    let mut site = site();
    for name in ["go.mod", "go.sum", "store_test.go"] {
        let file = root().join("tests/cli/up/kit/go").join(name);
        site.sandbox.write(name, fs::read(file).unwrap());
    }
    let go = which::which("go").unwrap();
    for cache in ["GOCACHE", "GOMODCACHE"] {
        let folder = Command::new(&go).args(["env", cache]).output().unwrap();
        let folder = String::from_utf8(folder.stdout).unwrap();
        site.sandbox.set(cache, folder.trim());
    }
    let words = [go.as_os_str(), "test".as_ref(), "./...".as_ref()];
    let done = site.run(&[], &words.map(OsStr::to_owned)).ok();
    assert!(done.stdout.starts_with("ok "), "{done}");
}

/// Without a network: what Maven needs was fetched when the part was made.
#[test]
fn mvn_test_under_run_needs_no_extension() {
    if is_left_out("java") {
        return;
    }
    let page = fs::read_to_string(root().join("docs/testing/java.md")).unwrap();
    assert!(page.contains("`azup run --in-memory -- mvn test`"));
    let site = site();
    for name in ["pom.xml", "src/test/java/StoreTest.java"] {
        let file = root().join("tests/cli/up/kit/maven").join(name);
        site.sandbox.write(name, fs::read(file).unwrap());
    }
    let repository = part("kit-maven/repository");
    let repository = format!("-Dmaven.repo.local={}", repository.display());
    // Artifacts fetched from a mirror work too.
    let words = ["mvn", "-B", "-o", "-llr", &repository, "test"];
    let done = site.run(&[], &words.map(OsString::from)).ok();
    let passed = "Tests run: 1, Failures: 0, Errors: 0, Skipped: 0";
    assert!(done.stdout.contains(passed), "{done}");
}

#[test]
fn the_tests_of_a_rust_binary_share_one() {
    stands_in("rust.md", "../../../rust-client/tests/azurite/mod.rs");
    let site = site_with_azup_on_path();
    let binaries = fs::read_dir(part("rust-client/debug/deps")).unwrap();
    let mut binaries = binaries.map(|entry| entry.unwrap().path());
    let is_tests = |path: &std::path::PathBuf| {
        let name = path.file_name().unwrap().to_string_lossy();
        name.starts_with("store-") && path.extension().is_none()
    };
    let tests = binaries.find(is_tests).expect("tests/run has built it");
    let done = site.sandbox.run(tests, ["--test-threads=2"]).ok();
    assert!(done.stdout.contains("2 passed"), "{done}");
    crate::sandbox::until(|| site.run_files("json").is_empty());
}

#[test]
fn an_extension_of_junit_starts_azurite_for_its_jvm() {
    stands_in("java.md", "java/Azurite.java");
    if is_left_out("java") {
        return;
    }
    let site = site_with_azup_on_path();
    let classpath = format!("{}/*", part("kit-java").display());
    let sources = root().join("tests/cli/up/kit/java");
    let sources = ["Azurite.java", "StoreTest.java"].map(|name| sources.join(name));
    let mut javac = site.sandbox.command("javac");
    javac
        .args(["-proc:none", "-d", ".", "-cp", &classpath])
        .args(sources);
    Done::from(javac.output().unwrap()).ok();
    let mut java = site.sandbox.command("java");
    java.args([
        "-cp",
        &format!("{classpath}:."),
        "org.junit.platform.console.ConsoleLauncher",
    ]);
    java.args([
        "execute",
        "--disable-banner",
        "--select-class",
        "StoreTest",
        "--fail-if-no-tests",
    ]);
    let done = Done::from(java.output().unwrap()).ok();
    assert!(done.stdout.contains("1 tests successful"), "{done}");
    crate::sandbox::until(|| site.run_files("json").is_empty());
}

/// No .NET SDK compiles the recipe: a .NET program gets what the recipe sets.
#[test]
fn the_steps_of_the_net_fixture_are_enough_for_a_net_program() {
    stands_in("dotnet.md", "dotnet/Azurite.cs");
    let Some(program) = dotnet::program() else {
        return;
    };
    let site = site();
    let azurite = fixture::start(&site, &[]);
    let default = || {
        let mut net = site.sandbox.command(&program);
        azurite.give_to(&mut net);
        // .NET reads these when the process starts: a fixture is too late for them.
        for early in ["SSL_CERT_FILE", "SSL_CERT_DIR"] {
            net.env_remove(early);
        }
        Done::from(net.arg("default").output().unwrap())
    };
    let refused = default();
    assert!(refused.stdout.contains("PartialChain"), "{refused}");
    site.sandbox.azup(["trust", "--stores", "dotnet"]).ok();
    let done = default().ok();
    assert!(done.stdout.starts_with("OK default "), "{done}");
    azurite.close().ok();
}
