//! Where the Azurite that azup runs comes from, and the Node.js that runs it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::sdks::real;
use super::site::Site;
use crate::sandbox::{Sandbox, part};

/// The command line of the Azurite that runs.
fn azurite(site: &Site) -> String {
    let pid = site.state()["azurite_pid"].as_u64().unwrap();
    fs::read_to_string(format!("/proc/{pid}/cmdline")).unwrap()
}

fn link(program: &Path, at: &Path) {
    fs::create_dir_all(at.parent().unwrap()).unwrap();
    std::os::unix::fs::symlink(program, at).unwrap();
}

#[test]
fn azup_azurite_names_an_archive_that_was_made_elsewhere() {
    let mut site = Site::bare();
    let archive = site.sandbox.root().join("azurite.tar.gz");
    let packed = Command::new("tar")
        .arg("-czf")
        .arg(&archive)
        .arg("-C")
        .arg(part(""))
        .args(["azurite-3.37.0/azurite.cjs", "azurite-3.37.0/bundle.json"])
        .status();
    assert!(packed.unwrap().success());
    site.only(&[real("node"), real("tar"), real("gzip")]);
    site.sandbox.set("AZUP_AZURITE", &archive);
    for note in ["unpacking Azurite", ""] {
        let done = site.azup_up(&["-d"]).ok();
        assert!(done.stderr.contains(note), "{done}");
        assert_eq!(
            done.stderr.contains("unpacking"),
            !note.is_empty(),
            "{done}"
        );
        site.sandbox.azup(["down"]).ok();
    }

    // An invalid archive is named, and left.
    fs::write(&archive, "no archive").unwrap();
    let done = site.azup_up(&["-d"]);
    assert_eq!(done.code, 1, "{done}");
    assert!(done.stderr.contains("error: no Azurite in "), "{done}");
    assert!(done.stderr.contains("hint: tar -tf "), "{done}");
    site.sandbox.unset("AZUP_AZURITE");
}

/// An archive cannot put a file outside the folder that it is unpacked into.
#[test]
fn an_archive_that_leads_out_of_its_folder_writes_nothing_there() {
    let mut site = Site::bare();
    let root = site.sandbox.root().to_owned();
    let made = root.join("made");
    let outside = root.join("outside");
    fs::create_dir_all(made.join("deep")).unwrap();
    fs::create_dir(&outside).unwrap();
    fs::write(made.join("planted"), "planted").unwrap();
    fs::write(made.join("deep/planted"), "planted").unwrap();
    std::os::unix::fs::symlink(&outside, made.join("link")).unwrap();
    let archive = root.join("azurite.tar");
    let absolute = format!("s,^planted$,{}/planted,", outside.display());
    let pack = |words: &[&str]| {
        let mut tar = Command::new("tar");
        tar.arg("-P")
            .arg("-C")
            .arg(&made)
            .args(words)
            .arg("-f")
            .arg(&archive);
        assert!(tar.status().unwrap().success());
    };
    pack(&[
        "-c",
        "--transform",
        "s,^planted$,../../../../planted,",
        "planted",
    ]);
    pack(&["-r", "--transform", &absolute, "planted"]);
    pack(&["-r", "link"]);
    pack(&[
        "-r",
        "--transform",
        "s,^deep/planted$,link/planted,",
        "deep/planted",
    ]);
    fs::remove_dir_all(&made).unwrap();
    site.only(&[real("node"), real("tar")]);
    site.sandbox.set("AZUP_AZURITE", &archive);
    let done = site.azup_up(&["-d"]);
    assert_eq!(done.code, 1, "{done}");
    assert!(done.stderr.contains("error: no Azurite in "), "{done}");
    assert_eq!(fs::read_dir(&outside).unwrap().count(), 0);
    let planted = |path: &PathBuf| path.file_name().is_some_and(|name| name == "planted");
    let files = Sandbox::files(&root);
    let kept: Vec<_> = files
        .into_iter()
        .map(|(path, _)| path)
        .filter(planted)
        .collect();
    assert!(kept.is_empty(), "{kept:?}");
    site.sandbox.unset("AZUP_AZURITE");
}

/// The folder that docs/ci.md says to keep between runs, on this machine.
fn kept_by_ci(site: &Site) -> PathBuf {
    let page = include_str!("../../../docs/ci.md");
    let path = |line: &str| line.trim().strip_prefix("path: ~/").map(str::to_owned);
    let path = page
        .lines()
        .find_map(path)
        .expect("a path below the home folder");
    site.sandbox.home().join(path)
}

/// Without a network, the next machine needs only what a CI cache kept of the first.
pub(super) fn a_cache_of_ci_serves_the_next_machine(first: &Site) {
    let mut next = Site::bare();
    let kept = kept_by_ci(&next);
    fs::create_dir_all(kept.parent().unwrap()).unwrap();
    let copied = Command::new("cp")
        .arg("-R")
        .arg(kept_by_ci(first))
        .arg(&kept)
        .status();
    assert!(copied.unwrap().success());
    let words = ["--user", "--map-root-user", "--net", "sh", "-c"];
    let line = format!(
        "ip link set lo up && exec '{}' run -- true",
        crate::sandbox::azup().display()
    );
    // npm is not there either; it would fail with other words.
    next.stand_ins(&[("npm", "echo npm is asked >&2; exit 1")]);
    let done = next
        .sandbox
        .run("/usr/bin/unshare", words.into_iter().chain([line.as_str()]))
        .ok();
    assert!(!done.stderr.contains("install"), "{done}");
    // Without the cache nothing works.
    fs::remove_dir_all(&kept).unwrap();
    let done = next
        .sandbox
        .run("/usr/bin/unshare", words.into_iter().chain([line.as_str()]));
    assert!(done.stderr.contains("npm is asked"), "{done}");
}

#[test]
fn the_folder_that_ci_is_told_to_keep_serves_without_npm_and_network() {
    let first = Site::bare();
    let kept = kept_by_ci(&first);
    fs::create_dir_all(&kept).unwrap();
    for name in ["azurite.cjs", "bundle.json"] {
        fs::copy(part("azurite-3.37.0").join(name), kept.join(name)).unwrap();
    }
    a_cache_of_ci_serves_the_next_machine(&first);
}

#[test]
fn node_is_found_where_a_manager_of_versions_keeps_it() {
    let mut site = Site::new();
    let node = real("node");
    let nvm = site
        .sandbox
        .home()
        .join(".nvm/versions/node/v22.0.0/bin/node");
    link(&node, &nvm);
    // Another one's shim comes first on PATH and cannot say which version it is.
    site.stand_ins(&[("node", "echo no version is set >&2; exit 1")]);
    let shims = site.sandbox.root().join("stand-ins");
    site.sandbox.set("PATH", &shims);
    site.azup_up(&["-d"]).ok();
    assert!(
        azurite(&site).starts_with(&*nvm.to_string_lossy()),
        "{}",
        azurite(&site)
    );
    site.sandbox.azup(["down"]).ok();
}

#[test]
fn a_node_of_the_project_runs_nothing() {
    let mut site = Site::new();
    fs::create_dir_all(site.sandbox.project().join(".devcontainer")).unwrap();
    let bin = site.sandbox.project().join("node_modules/.bin");
    link(&real("node"), &bin.join("node"));
    let nvm = site.sandbox.project().join("nvm");
    link(&real("node"), &nvm.join("versions/node/v22.0.0/bin/node"));
    site.sandbox.set("PATH", &bin);
    site.sandbox.set("NVM_DIR", &nvm);
    let done = site.azup_up(&["-d"]);
    assert_eq!(done.code, 1, "{done}");
    assert!(done.stderr.contains("error: no Node.js on PATH"), "{done}");
}

#[test]
fn version_says_which_azurite_this_is_and_what_runs_it() {
    let site = Site::bare();
    let node = real("node");
    let said = site.sandbox.run(&node, ["--version"]).ok().stdout;
    let version = said.trim().trim_start_matches('v');
    let done = site.sandbox.azup(["version", "-v"]).ok();
    assert_eq!(
        done.stdout,
        format!(
            "azup {}\nAzurite 3.37.0, from npm on first use\nNode.js {version} ({})\n",
            env!("CARGO_PKG_VERSION"),
            node.display()
        )
    );
    let done = site.sandbox.azup(["version", "-v", "--json"]).ok();
    assert_eq!(done.json()["azurite"], "3.37.0");
    assert!(done.json()["bundle"].is_null(), "{done}");
    assert_eq!(done.json()["node"]["program"], node.to_str().unwrap());
}

/// README's own words, in its order; afterwards nothing of azup is left anywhere.
#[test]
fn what_the_readme_says_on_undoing_leaves_nothing() {
    let mut site = Site::new();
    let folder = crate::sandbox::azup().parent().unwrap().to_owned();
    site.sandbox.set(
        "PATH",
        format!("{}:/usr/local/bin:/usr/bin:/bin", folder.display()),
    );
    let readme = include_str!("../../../README.md");
    let (_, section) = readme.split_once("## Undo\n").unwrap();
    let (_, block) = section.split_once("```sh\n").unwrap();
    let (commands, _) = block.split_once("```").unwrap();
    // Nothing answers its question here.
    let commands = commands.replacen("azup remove ", "azup remove --yes ", 1);
    let all = || {
        let mut found = Sandbox::files(site.sandbox.root());
        found.retain(|(path, _)| !path.starts_with(site.sandbox.own()));
        found
    };
    fs::write(
        site.sandbox.project().join("requirements.txt"),
        "azure-identity\n",
    )
    .unwrap();
    let before = all();
    site.sandbox.azup(["init", "--yes"]).ok();
    site.azup_up(&["-d"]).ok();
    site.sandbox.azup(["run", "--", "true"]).ok();
    assert!(all().len() > before.len() + 10);
    site.sandbox.run("sh", ["-euc", &commands]).ok();
    assert_eq!(all(), before);
    for folder in [".devcontainer", ".vscode"] {
        assert!(!site.sandbox.project().join(folder).exists(), "{folder}");
    }
    assert!(!site.sandbox.own().exists());
}
