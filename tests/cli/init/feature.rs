//! The Feature's scripts, run without a container: recording stand-ins replace whatever would
//! change this machine.

use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::process::Command;
use std::time::{Duration, Instant};

use super::{initialised, json, program};
use crate::sandbox::{Done, Sandbox};

/// The Feature's folder in an image that is being built: PATH contains nothing but stand-ins,
/// `install` puts files below `image`, and every call is recorded.
struct Image {
    sandbox: Sandbox,
    feature: PathBuf,
    programs: PathBuf,
    root: PathBuf,
}

impl Image {
    fn new(machine: &str) -> Self {
        let mut sandbox = initialised();
        let programs = sandbox.root().join("programs");
        let root = sandbox.root().join("image");
        let log = sandbox.root().join("calls");
        std::fs::create_dir_all(root.join("usr/local/bin")).unwrap();
        program(&programs, "uname", &format!("echo {machine}"));
        for name in ["dirname", "sed"] {
            program(
                &programs,
                name,
                &format!("PATH=/usr/bin:/bin exec {name} \"$@\""),
            );
        }
        program(
            &programs,
            "rm",
            &format!("exec /bin/rm \"$1\" '{}'\"$2\"", root.display()),
        );
        // The last word is the destination.
        program(
            &programs,
            "install",
            &format!(
                "echo install \"$@\" >>'{log}'\nleft=$#\nfor word do\n  shift\n  left=$((left - 1))\n  \
                 [ $left -gt 0 ] || word=\"{root}$word\"\n  set -- \"$@\" \"$word\"\ndone\n\
                 exec /usr/bin/install \"$@\"",
                log = log.display(),
                root = root.display(),
            ),
        );
        let path = format!(
            "{}:{}",
            programs.display(),
            root.join("usr/local/bin").display()
        );
        sandbox.set("PATH", path);
        let feature = sandbox.root().join("feature");
        let copied = Command::new("cp")
            .arg("-r")
            .arg(sandbox.project().join(".devcontainer/azurite"))
            .arg(&feature)
            .status();
        assert!(copied.unwrap().success());
        let image = Self {
            sandbox,
            feature,
            programs,
            root,
        };
        // An image that lacks nothing and has no language's package manager.
        image.records("update-ca-certificates", "");
        image.records("certutil", "");
        image.records("apt-get", "");
        image
    }

    /// A stand-in that records its call and then does `script`.
    fn records(&self, name: &str, script: &str) {
        let log = self.sandbox.root().join("calls");
        let line = format!("echo {name} \"$@\" >>'{}'\n{script}", log.display());
        program(&self.programs, name, &line);
    }

    fn without(&self, name: &str) {
        std::fs::remove_file(self.programs.join(name)).unwrap();
    }

    /// Runs install.sh from another folder.
    fn build(&self) -> Done {
        let script = self.feature.join("install.sh");
        self.sandbox.run("/bin/sh", [script])
    }

    fn calls(&self) -> Vec<String> {
        std::fs::read_to_string(self.sandbox.root().join("calls"))
            .unwrap_or_default()
            .lines()
            .map(str::to_owned)
            .collect()
    }

    fn azup(&self) -> PathBuf {
        self.root.join("usr/local/bin/azup")
    }

    fn hook(&self) -> PathBuf {
        self.root.join("usr/local/share/azup/start.sh")
    }

    /// Where the Feature's JSON says that the entrypoint is.
    fn entrypoint(&self) -> PathBuf {
        let feature = json(
            &self.sandbox,
            ".devcontainer/azurite/devcontainer-feature.json",
        );
        let path = feature["entrypoint"].as_str().unwrap().to_owned();
        self.root.join(path.trim_start_matches('/'))
    }
}

/// What install.sh said, with the version masked.
fn shown(image: &Image, done: &Done) -> String {
    let shown = image.sandbox.shown(done);
    shown.replace(env!("CARGO_PKG_VERSION"), "[VERSION]")
}

/// The name that `uname -m` gives for this machine.
fn machine() -> &'static str {
    std::env::consts::ARCH
}

#[test]
fn install_with_stand_ins_puts_azup_and_its_scripts_into_the_image() {
    let image = Image::new(machine());
    let done = image.build().ok();
    assert_eq!(done.stderr, "");
    for path in [image.azup(), image.hook(), image.entrypoint()] {
        assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, 0o755);
    }
    // No package manager, hence no network, if everything is there.
    let others: Vec<_> = image
        .calls()
        .into_iter()
        .filter(|call| !call.starts_with("install "))
        .collect();
    assert!(others.is_empty(), "{others:?}");
    let version = image.sandbox.run(image.azup(), ["--version"]).ok();
    assert!(version.stdout.starts_with("azup "), "{version}");
}

/// The container's own program follows, whatever happens to azup.
#[test]
fn the_entrypoint_starts_the_endpoint_for_tokens_and_waits_for_nothing() {
    let image = Image::new(machine());
    image.build().ok();
    let go = image.sandbox.root().join("go");
    let wait = format!(
        "until [ -e '{}' ]; do /bin/sleep 0.05; done\nexit 1",
        go.display()
    );
    image.records("azup", &wait);
    // Its output is closed when it exits.
    let done = image.sandbox.run("/bin/sh", [image.entrypoint()]).ok();
    assert_eq!((&*done.stdout, &*done.stderr), ("", ""));
    let until = Instant::now() + Duration::from_secs(60);
    let started = |calls: Vec<String>| calls.contains(&"azup identity --detach".to_owned());
    while !started(image.calls()) {
        assert!(Instant::now() < until, "it was not started");
        std::thread::sleep(Duration::from_millis(20));
    }
    std::fs::write(go, "").unwrap();

    let image = Image::new(machine());
    image.build().ok();
    std::fs::remove_file(image.azup()).unwrap();
    let done = image.sandbox.run("/bin/sh", [image.entrypoint()]).ok();
    assert_eq!((&*done.stdout, &*done.stderr), ("", ""));
}

#[test]
fn install_with_stand_ins_picks_the_binary_by_architecture() {
    for (machine, name) in [
        ("x86_64", "azup-linux-amd64"),
        ("amd64", "azup-linux-amd64"),
        ("aarch64", "azup-linux-arm64"),
        ("arm64", "azup-linux-arm64"),
        ("riscv64", "azup-linux-riscv64"),
    ] {
        let image = Image::new(machine);
        program(&image.feature, name, &format!("echo {name}"));
        image.build().ok();
        let done = image.sandbox.run(image.azup(), ["--version"]).ok();
        assert_eq!(done.stdout, format!("{name}\n"), "{machine}");
    }
}

#[test]
fn install_with_stand_ins_builds_without_a_binary_and_says_so() {
    let image = Image::new("s390x");
    let done = image.build();
    insta::assert_snapshot!(shown(&image, &done), @"
    exit: 0
    --- stdout
    --- stderr
    azup: .devcontainer/azurite/azup-linux-s390x is missing; trying the package azurite-up
    azup: azurite-up [VERSION] could not be installed either: this container is without azup
    ");
    assert!(!image.azup().exists());
    assert!(image.hook().exists());
}

/// uv, then pip, then cargo: each is tried if the one before it failed, and all are asked for the
/// Feature's version.
#[test]
fn install_with_stand_ins_tries_the_package_where_the_binary_is_missing() {
    let version = env!("CARGO_PKG_VERSION");
    let uv = format!("uv tool install --quiet --no-build --force azurite-up=={version}");
    let pip = format!(
        "python3 -m pip install --quiet --disable-pip-version-check --no-input --timeout 20 \
         --retries 1 --no-deps --only-binary :all: --upgrade --target /usr/local/lib/azup \
         azurite-up=={version}"
    );
    let cargo = format!(
        "cargo install --quiet --locked --force --root /usr/local --version {version} azurite-up"
    );
    for succeeding in 1..=4 {
        let image = Image::new("s390x");
        let put = "printf '#!/bin/sh\\n' >'{azup}' && /bin/chmod 755 '{azup}'";
        let put = put.replace("{azup}", &image.azup().to_string_lossy());
        let turn = |number: usize| {
            if number == succeeding {
                &*put
            } else {
                "exit 1"
            }
        };
        image.records("uv", turn(1));
        // The stand-in for `install` finds what pip leaves in the folder.
        image.records("python3", turn(2));
        image.records("cargo", turn(3));
        if succeeding == 2 {
            image.records("install", "");
        }
        let done = image.build().ok();
        let calls = image.calls();
        let expected: Vec<&String> = [&uv, &pip, &cargo].into_iter().take(succeeding).collect();
        let asked: Vec<&String> = calls
            .iter()
            .filter(|call| call.contains("azurite-up"))
            .collect();
        assert_eq!(asked, expected, "{done}");
        assert_eq!(image.azup().exists(), succeeding < 4);
        assert_eq!(
            done.stderr.contains("could not be installed either"),
            succeeding == 4,
            "{done}"
        );
    }
}

/// `timeout` limits the time, if the image has it.
#[test]
fn install_with_stand_ins_waits_for_no_network() {
    let image = Image::new("s390x");
    image.records("timeout", "exit 124");
    for name in ["uv", "python3", "cargo"] {
        image.records(name, "");
    }
    image.without("certutil");
    image.build().ok();
    let limited = image.calls();
    let limited: Vec<&str> = limited
        .iter()
        .filter_map(|call| call.strip_prefix("timeout "))
        .filter_map(|call| call.split(' ').nth(1))
        .collect();
    assert_eq!(limited, ["uv", "python3", "cargo", "apt-get", "apt-get"]);
}

#[test]
fn install_with_stand_ins_says_that_a_binary_does_not_run() {
    let image = Image::new("riscv64");
    program(&image.feature, "azup-linux-riscv64", "exit 127");
    let done = image.build();
    insta::assert_snapshot!(shown(&image, &done), @"
    exit: 0
    --- stdout
    --- stderr
    azup: azup-linux-riscv64 does not run in this image; trying the package azurite-up
    azup: azurite-up [VERSION] could not be installed either: this container is without azup
    ");
    // The hook says so: a program that does not run would only be in its way.
    assert!(!image.azup().exists());
}

#[test]
fn install_with_stand_ins_asks_a_package_manager_for_what_is_missing() {
    for (manager, expected) in [
        (
            "apt-get",
            vec![
                "apt-get -o Acquire::http::Timeout=20 update",
                "apt-get install -y --no-install-recommends ca-certificates libnss3-tools",
            ],
        ),
        ("apk", vec!["apk add --no-cache ca-certificates nss-tools"]),
        ("dnf", vec!["dnf install -y ca-certificates nss-tools"]),
        (
            "microdnf",
            vec!["microdnf install -y ca-certificates nss-tools"],
        ),
    ] {
        let image = Image::new(machine());
        for name in ["apt-get", "update-ca-certificates", "certutil"] {
            image.without(name);
        }
        image.records(manager, "");
        let done = image.build().ok();
        assert_eq!(done.stderr, "");
        let calls = image.calls();
        assert_eq!(calls[calls.len() - expected.len()..], expected);
    }
}

/// A third-party package source whose key has expired breaks `apt-get update` in images
/// that are otherwise fine.
#[test]
fn install_with_stand_ins_survives_an_apt_get_update_that_fails() {
    let image = Image::new(machine());
    image.without("certutil");
    image.records("apt-get", "[ \"$1\" = install ] || exit 100");
    let done = image.build();
    insta::assert_snapshot!(image.sandbox.shown(&done), @"
    exit: 0
    --- stdout
    --- stderr
    azup: apt-get update failed; going on with what it has read
    ");
    let calls = image.calls();
    assert_eq!(
        calls.last().unwrap(),
        "apt-get install -y --no-install-recommends libnss3-tools"
    );
    assert!(image.azup().exists());

    image.records("apt-get", "exit 100");
    let done = image.build();
    insta::assert_snapshot!(image.sandbox.shown(&done), @"
    exit: 0
    --- stdout
    --- stderr
    azup: apt-get update failed; going on with what it has read
    azup: not installed: libnss3-tools (certificates may not reach every store)
    ");
}

#[test]
fn install_with_stand_ins_goes_on_where_there_is_no_package_manager() {
    let image = Image::new(machine());
    for name in ["apt-get", "update-ca-certificates", "certutil"] {
        image.without(name);
    }
    let done = image.build();
    insta::assert_snapshot!(image.sandbox.shown(&done), @"
    exit: 0
    --- stdout
    --- stderr
    azup: not installed: ca-certificates nss-tools (certificates may not reach every store)
    ");
    assert!(image.azup().exists());
}

#[test]
fn the_hook_never_fails_a_container() {
    let image = Image::new(machine());
    let feature = json(
        &image.sandbox,
        ".devcontainer/azurite/devcontainer-feature.json",
    );
    for event in ["onCreateCommand", "postStartCommand"] {
        let path = feature[event].as_str().unwrap();
        image.build().ok();
        assert_eq!(image.root.join(path.trim_start_matches('/')), image.hook());
    }
    let hook = || image.sandbox.run(image.hook(), [""; 0]);

    std::fs::remove_file(image.azup()).unwrap();
    insta::assert_snapshot!(image.sandbox.shown(&hook()), @"
    exit: 0
    --- stdout
    --- stderr
    azup: not in this container: .devcontainer/azurite/azup-linux-* was missing when its image was built
    azup: run 'azup init' in the project's folder on Linux, then rebuild the container
    ");

    program(
        &image.root.join("usr/local/bin"),
        "azup",
        "echo \"azup $* in $PWD\"\nexit 3",
    );
    insta::assert_snapshot!(image.sandbox.shown(&hook()), @"
    exit: 0
    --- stdout
    azup trust in [PROJECT]
    azup identity --detach in [PROJECT]
    --- stderr
    azup: 'azup trust' ended with exit code 3: what it says above is left to do
    azup: no local tokens; 'azup identity' in a terminal says more
    ");

    program(&image.root.join("usr/local/bin"), "azup", "exit 0");
    let done = hook();
    assert_eq!((done.code, done.stderr.as_str()), (0, ""));
}
