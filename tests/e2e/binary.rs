//! The azup that goes into containers, and the package that replaces it.

use std::process::Command;

use crate::engine::{docker, run, static_azup};
use crate::site::{Compose, Site, User};

/// There is no image, so nothing of it is used. A program that runs here runs on Alpine and on any
/// old distribution, given the kernel.
#[test]
fn the_binary_runs_in_an_empty_container_and_is_small() {
    let azup = static_azup();
    let bytes = azup.metadata().unwrap().len();
    // Includes the bundled Azurite, 1.24 MB of it.
    assert!(bytes < 8_000_000, "{bytes} bytes");

    let image = format!("azup-e2e-empty-{}", std::process::id());
    let site = Site::new("empty", User::Root, Compose::Two);
    std::fs::copy(&azup, site.folder().join("azup")).unwrap();
    site.write(
        "Dockerfile",
        "FROM scratch\nCOPY azup /azup\nENV HOME=/home\n",
    );
    let mut build = Command::new("docker");
    build.args(["build", "-q", "-t", &image]).arg(site.folder());
    run(build.env("DOCKER_BUILDKIT", "0")).ok();
    let azup = |words: &[&str]| docker([&["run", "--rm", &image, "/azup"], words].concat());
    let version = azup(&["--version"]);
    let trusted = azup(&["trust"]);
    docker(["rmi", "-f", &image]);
    assert!(version.ok().stdout.starts_with("azup "));
    assert!(trusted.ok().stdout.contains("trusted nowhere"));
}

/// The real pip, with a folder of wheels: the binary is missing, the package is installed instead,
/// and the image builds even if neither can be installed.
#[test]
fn the_package_takes_the_place_of_a_missing_binary() {
    let site = Site::new("package", User::Root, Compose::Two);
    site.azup(&["init"], None).ok();
    let own = site.folder().join(".devcontainer/azurite");
    for name in ["azup-linux-amd64", "azup-linux-arm64"] {
        std::fs::remove_file(own.join(name)).ok();
    }
    let version = env!("CARGO_PKG_VERSION");
    // A wheel as packaging tools for Rust make it, with the program as a script.
    let wheel = format!(
        "import zipfile\n\
         info = 'azurite_up-{version}.dist-info/'\n\
         with zipfile.ZipFile('/wheels/azurite_up-{version}-py3-none-any.whl', 'w') as wheel:\n\
         \x20   program = zipfile.ZipInfo('azurite_up-{version}.data/scripts/azup')\n\
         \x20   program.external_attr = 0o755 << 16\n\
         \x20   wheel.writestr(program, open('/azup', 'rb').read())\n\
         \x20   wheel.writestr(info + 'METADATA', 'Metadata-Version: 2.1\\nName: azurite-up\\nVersion: {version}\\n')\n\
         \x20   wheel.writestr(info + 'WHEEL', 'Wheel-Version: 1.0\\nGenerator: a test\\nRoot-Is-Purelib: false\\nTag: py3-none-any\\n')\n\
         \x20   wheel.writestr(info + 'RECORD', '')\n"
    );
    site.write("wheel.py", wheel);
    let script = "set -e\nmkdir /wheels\n[ -z \"$1\" ] || python3 /project/wheel.py\n\
                  cp -r /project/.devcontainer/azurite /tmp/feature\nsh /tmp/feature/install.sh\n\
                  azup --version || sh /usr/local/share/azup/start.sh";
    let project = format!("{}:/project:ro", site.folder().display());
    let azup = format!("{}:/azup:ro", static_azup().display());
    let build = |wheels: &str| {
        docker([
            "run",
            "--rm",
            "--network=none",
            "-v",
            &project,
            "-v",
            &azup,
            "-e",
            "PIP_NO_INDEX=1",
            "-e",
            "PIP_FIND_LINKS=/wheels",
            "mcr.microsoft.com/devcontainers/python:3",
            "sh",
            "-c",
            script,
            "sh",
            wheels,
        ])
    };
    let done = build("wheels").ok();
    assert_eq!(
        done.stdout.lines().last(),
        Some(&*format!("azup {version}")),
        "{done}"
    );

    // Without the wheel and without a network, the hook says so in two lines.
    let done = build("").ok();
    let said: Vec<&str> = done.stderr.lines().rev().take(2).collect();
    assert!(said.iter().all(|line| line.starts_with("azup: ")), "{done}");
    assert!(said[1].contains("not in this container"), "{done}");
    assert!(said[0].contains("azup init"), "{done}");
}
