//! `azup trust` and `azup untrust` on the bundles of real Python environments.

use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use crate::python::{Environment, links, uv_cache};
use crate::sandbox::{Done, Sandbox, public_roots};
use crate::tls::{BODY, Server};

const REQUESTS: &str = "
import requests, sys
print(requests.get(sys.argv[1], timeout=20).text, end='')
";

/// A project with a virtual environment that has certifi in it.
fn project() -> (Sandbox, Environment) {
    let sandbox = Sandbox::new();
    let environment = Environment::by_uv(&sandbox, ".venv", "copy", &["certifi"]);
    (sandbox, environment)
}

fn trust(sandbox: &Sandbox) -> Done {
    sandbox.azup(["trust", "--stores", "certifi"])
}

fn untrust(sandbox: &Sandbox) -> Done {
    sandbox.azup(["untrust", "--stores", "certifi"])
}

#[test]
fn trust_twice_is_trust_once_and_untrust_gives_the_first_bytes_back() {
    let (sandbox, environment) = project();
    let before = environment.bytes();
    let mode = environment.bundle().metadata().unwrap().mode();

    let done = trust(&sandbox);
    insta::assert_snapshot!(sandbox.shown(&done), @r"
    exit: 0
    --- stdout
    certifi  added  [PROJECT]/.venv/lib/python3.11/site-packages/certifi/cacert.pem
    azup local CA [ID] (valid until [DATE]): trusted
    --- stderr
    ");
    let once = environment.bytes();
    assert!(once.starts_with(&before));
    let inode = environment.bundle().metadata().unwrap().ino();

    let done = trust(&sandbox);
    insta::assert_snapshot!(sandbox.shown(&done), @r"
    exit: 0
    --- stdout
    certifi  trusted  [PROJECT]/.venv/lib/python3.11/site-packages/certifi/cacert.pem
    azup local CA [ID] (valid until [DATE]): trusted
    --- stderr
    ");
    assert_eq!(environment.bytes(), once);
    let about = environment.bundle().metadata().unwrap();
    assert_eq!(
        (about.ino(), about.mode()),
        (inode, mode),
        "not even touched"
    );

    let done = untrust(&sandbox);
    insta::assert_snapshot!(sandbox.shown(&done), @r"
    exit: 0
    --- stdout
    certifi  removed  [PROJECT]/.venv/lib/python3.11/site-packages/certifi/cacert.pem
    removed from 1 store
    --- stderr
    ");
    assert_eq!(environment.bytes(), before);
    assert_eq!(environment.bundle().metadata().unwrap().mode(), mode);

    let done = untrust(&sandbox);
    insta::assert_snapshot!(sandbox.shown(&done), @r"
    exit: 0
    --- stdout
    certifi  absent  [PROJECT]/.venv/lib/python3.11/site-packages/certifi/cacert.pem
    no store has a CA to remove
    --- stderr
    ");
    assert_eq!(environment.bytes(), before);
}

#[test]
fn the_block_carries_the_metadata_of_the_certificate() {
    let (mut sandbox, environment) = project();
    sandbox.set("AZUP_NOW", "1800000000");
    let before = environment.bytes().len();
    trust(&sandbox).ok();
    let bytes = environment.bytes();
    assert!(
        bytes.is_ascii(),
        "certifi.contents() decodes the bundle as ASCII"
    );
    let added = String::from_utf8(bytes[before..].to_vec()).unwrap();

    let mut openssl = sandbox.command("openssl");
    openssl
        .args(["x509", "-noout", "-serial", "-fingerprint", "-md5", "-in"])
        .arg(sandbox.certs().join("ca.pem"));
    let by_openssl = Done::from(openssl.output().unwrap()).ok().stdout;
    for line in by_openssl.lines() {
        let (name, value) = line.split_once('=').unwrap();
        let name = if name == "serial" {
            "# Serial:"
        } else {
            "# MD5 Fingerprint:"
        };
        assert!(
            added.contains(&format!("{name} {value}\n")),
            "{line}: {added}"
        );
    }
    for digest in ["sha1", "sha256"] {
        let mut openssl = sandbox.command("openssl");
        openssl
            .args([
                "x509",
                "-noout",
                "-fingerprint",
                &format!("-{digest}"),
                "-in",
            ])
            .arg(sandbox.certs().join("ca.pem"));
        let line = Done::from(openssl.output().unwrap()).ok().stdout;
        let value = line.trim().split_once('=').unwrap().1;
        let name = digest.to_uppercase();
        assert!(
            added.contains(&format!("# {name} Fingerprint: {value}\n")),
            "{line}"
        );
    }
    let label = added
        .lines()
        .find(|line| line.starts_with("# Label: "))
        .unwrap();
    let label = label.trim_start_matches("# Label: ").trim_matches('"');
    assert!(
        added.contains(&format!("# Issuer: CN={label}\n# Subject: CN={label}\n")),
        "{added}"
    );
    assert!(added.contains(" at 2027-01-15 08:00:00 UTC\n"), "{added}");
    assert!(added.contains(&std::fs::read_to_string(sandbox.certs().join("ca.pem")).unwrap()));
}

#[test]
fn requests_accepts_the_certificate_after_trust_and_only_then() {
    let sandbox = Sandbox::new();
    let environment = Environment::by_uv(&sandbox, ".venv", "copy", &["requests"]);
    sandbox.azup(["trust", "--stores", "none"]).ok();
    let server = Server::of(&sandbox.certs());
    let url = server.url("127.0.0.1");
    let refused = |when: &str| {
        let done = environment.run(&sandbox, REQUESTS, &[&url]);
        assert!(
            done.stderr.contains("CERTIFICATE_VERIFY_FAILED"),
            "{when}: {done}"
        );
    };
    refused("before trust");
    trust(&sandbox).ok();
    assert_eq!(
        environment.run(&sandbox, REQUESTS, &[&url]).ok().stdout,
        BODY
    );
    untrust(&sandbox).ok();
    refused("after untrust");
}

#[test]
fn a_reinstalled_certifi_gets_the_ca_back() {
    let sandbox = Sandbox::new();
    let environment = Environment::by_pip(&sandbox, ".venv", &["certifi"]);
    let before = environment.bytes();
    trust(&sandbox).ok();
    environment
        .pip(&sandbox, &["install", "--force-reinstall"], &["certifi"])
        .ok();
    assert_eq!(environment.bytes(), before, "pip brings a clean bundle");
    let done = trust(&sandbox).ok();
    assert!(done.stdout.starts_with("certifi  added"), "{done}");
    assert_ne!(environment.bytes(), before);
}

#[test]
fn pip_uninstalls_a_changed_certifi_without_leftovers() {
    let sandbox = Sandbox::new();
    let environment = Environment::by_pip(&sandbox, ".venv", &["certifi"]);
    trust(&sandbox).ok();
    let folder = environment.bundle();
    let mut pip = sandbox.command(environment.python());
    pip.args(["-m", "pip", "-q", "uninstall", "-y", "certifi"]);
    Done::from(pip.output().unwrap()).ok();
    assert!(!folder.parent().unwrap().exists());
}

#[test]
fn environments_that_share_a_file_with_uvs_cache_stay_apart() {
    let sandbox = Sandbox::new();
    let one = Environment::by_uv(&sandbox, "one/.venv", "hardlink", &["certifi"]);
    let two = Environment::by_uv(&sandbox, "two/.venv", "hardlink", &["certifi"]);
    let inode = |environment: &Environment| environment.bundle().metadata().unwrap().ino();
    assert_eq!(
        inode(&one),
        inode(&two),
        "uv shares the file, else this test shows nothing"
    );
    assert!(links(&one.bundle()) >= 3);
    let before = one.bytes();
    let cache = Sandbox::files(&uv_cache(&sandbox));

    let mut azup = sandbox.azup_command(["trust", "--stores", "certifi"]);
    azup.current_dir(sandbox.project().join("one"));
    Done::from(azup.output().unwrap()).ok();
    assert_ne!(one.bytes(), before);
    assert_eq!(two.bytes(), before);
    assert_eq!(Sandbox::files(&uv_cache(&sandbox)), cache);

    let mut azup = sandbox.azup_command(["untrust", "--stores", "certifi"]);
    azup.current_dir(sandbox.project().join("one"));
    Done::from(azup.output().unwrap()).ok();
    assert_eq!(one.bytes(), before);
    assert_eq!(Sandbox::files(&uv_cache(&sandbox)), cache);
}

#[test]
fn a_link_into_uvs_cache_is_replaced_and_comes_back() {
    let sandbox = Sandbox::new();
    let environment = Environment::by_uv(&sandbox, ".venv", "symlink", &["certifi"]);
    let target = std::fs::read_link(environment.bundle()).expect("uv made a link");
    let cache = Sandbox::files(&uv_cache(&sandbox));
    trust(&sandbox).ok();
    assert!(!environment.bundle().is_symlink());
    assert_eq!(Sandbox::files(&uv_cache(&sandbox)), cache);
    untrust(&sandbox).ok();
    assert_eq!(std::fs::read_link(environment.bundle()).unwrap(), target);
    assert_eq!(Sandbox::files(&uv_cache(&sandbox)), cache);
}

/// While azup worked on its copy, the target of the link may have been changed.
#[test]
fn a_link_whose_target_has_changed_is_not_brought_back() {
    let sandbox = Sandbox::new();
    let environment = Environment::by_uv(&sandbox, ".venv", "symlink", &["certifi"]);
    let target = std::fs::read_link(environment.bundle()).unwrap();
    let before = environment.bytes();
    trust(&sandbox).ok();
    std::fs::write(&target, "something else").unwrap();
    untrust(&sandbox).ok();
    assert!(!environment.bundle().is_symlink());
    assert_eq!(environment.bytes(), before);
}

#[test]
fn a_bundle_without_final_newline_stays_readable_and_gets_its_end_back() {
    let sandbox = Sandbox::new();
    let environment = Environment::by_uv(&sandbox, ".venv", "copy", &["requests"]);
    let mut bytes = environment.bytes();
    while bytes.last() == Some(&b'\n') {
        bytes.pop();
    }
    std::fs::write(environment.bundle(), &bytes).unwrap();
    trust(&sandbox).ok();
    let server = Server::of(&sandbox.certs());
    environment
        .run(&sandbox, REQUESTS, &[&server.url("127.0.0.1")])
        .ok();
    untrust(&sandbox).ok();
    assert_eq!(environment.bytes(), bytes);
}

/// What the article's script leaves behind, as it is described there: a blank line, the comments,
/// the file.
fn paste_as_the_script_does(bundle: &Path, ca: &Path) {
    let header = "\n# Certificate added by script at 2026-01-02 03:04:05 UTC\n\
        # Issuer: CN = azup\n# Subject: CN = azup\n# Label: \"azup\"\n# Serial: 01\n\
        # MD5 Fingerprint: 00\n# SHA1 Fingerprint: 00\n# SHA256 Fingerprint: 00\n";
    let mut bytes = std::fs::read(bundle).unwrap();
    bytes.extend_from_slice(header.as_bytes());
    bytes.extend_from_slice(&std::fs::read(ca).unwrap());
    std::fs::write(bundle, bytes).unwrap();
}

#[test]
fn a_block_pasted_by_the_articles_script_counts_and_goes() {
    let (sandbox, environment) = project();
    sandbox.azup(["trust", "--stores", "none"]).ok();
    let before = environment.bytes();
    paste_as_the_script_does(&environment.bundle(), &sandbox.certs().join("ca.pem"));
    let pasted = environment.bytes();
    let done = trust(&sandbox).ok();
    assert!(done.stdout.starts_with("certifi  trusted"), "{done}");
    assert_eq!(environment.bytes(), pasted);
    untrust(&sandbox).ok();
    assert_eq!(environment.bytes(), before);
}

#[test]
fn a_certificate_pasted_by_hand_counts_and_goes_alone() {
    let (sandbox, environment) = project();
    sandbox.azup(["trust", "--stores", "none"]).ok();
    let mut bytes = environment.bytes();
    bytes.extend_from_slice(b"# our proxy, and azup\n");
    let comment = bytes.clone();
    bytes.extend_from_slice(&std::fs::read(sandbox.certs().join("ca.pem")).unwrap());
    std::fs::write(environment.bundle(), &bytes).unwrap();
    trust(&sandbox).ok();
    assert_eq!(environment.bytes(), bytes);
    untrust(&sandbox).ok();
    assert_eq!(environment.bytes(), comment);
}

#[test]
fn an_earlier_ca_is_taken_out_when_its_files_are_gone() {
    let (sandbox, environment) = project();
    let before = environment.bytes();
    trust(&sandbox).ok();
    sandbox.azup(["renew", "--stores", "certifi"]).ok();
    std::fs::remove_dir_all(sandbox.certs()).unwrap();
    untrust(&sandbox).ok();
    assert_eq!(environment.bytes(), before);
    assert!(!sandbox.certs().exists(), "taking out makes nothing new");
}

#[test]
fn a_bundle_that_was_named_is_trusted_and_restored() {
    let sandbox = Sandbox::new();
    let bundle = sandbox.write("company.pem", public_roots());
    let before = std::fs::read(&bundle).unwrap();
    let words = |verb| [verb, "--stores", "none", "--bundle", "company.pem"];
    let done = sandbox.azup(words("trust"));
    insta::assert_snapshot!(sandbox.shown(&done), @r"
    exit: 0
    --- stdout
    bundle   added  [PROJECT]/company.pem
    azup local CA [ID] (valid until [DATE]): trusted
    --- stderr
    ");
    assert_ne!(std::fs::read(&bundle).unwrap(), before);
    sandbox.azup(words("untrust")).ok();
    assert_eq!(std::fs::read(&bundle).unwrap(), before);
}

#[test]
fn the_active_environment_is_found_from_anywhere() {
    let mut sandbox = Sandbox::new();
    let environment = Environment::by_uv(&sandbox, "elsewhere/env", "copy", &["certifi"]);
    sandbox.set("VIRTUAL_ENV", &environment.folder);
    let mut azup = sandbox.azup_command(["trust", "--stores", "certifi"]);
    azup.current_dir(sandbox.home());
    let done = Done::from(azup.output().unwrap()).ok();
    assert!(done.stdout.contains("elsewhere/env"), "{done}");
}

#[test]
fn the_nearest_environment_is_found_from_a_folder_below() {
    let (sandbox, environment) = project();
    let before = environment.bytes();
    let below = sandbox.project().join("src/app");
    std::fs::create_dir_all(&below).unwrap();
    let mut azup = sandbox.azup_command(["trust", "--stores", "certifi"]);
    azup.current_dir(below);
    Done::from(azup.output().unwrap()).ok();
    assert_ne!(environment.bytes(), before);
}

#[test]
fn a_dry_run_shows_everything_and_changes_nothing() {
    let (sandbox, _environment) = project();
    let before = Sandbox::files(sandbox.root());
    let done = sandbox
        .azup(["trust", "--stores", "certifi", "--dry-run"])
        .ok();
    assert!(done.stdout.contains("+# azup begin "), "{done}");
    assert!(
        done.stdout
            .contains("key.pem (secret, not shown, mode 0600)"),
        "{done}"
    );
    assert!(!done.stdout.contains("PRIVATE KEY"), "{done}");
    assert!(done.stdout.contains("certifi  would be added"), "{done}");
    assert!(done.stdout.ends_with("nothing was changed\n"), "{done}");
    assert_eq!(Sandbox::files(sandbox.root()), before);

    trust(&sandbox).ok();
    let trusted = Sandbox::files(sandbox.root());
    let done = sandbox
        .azup(["untrust", "--stores", "certifi", "--dry-run"])
        .ok();
    assert!(done.stdout.contains("-# azup begin "), "{done}");
    assert_eq!(Sandbox::files(sandbox.root()), trusted);
}

#[test]
fn json_is_one_document_of_the_agreed_shape() {
    let (sandbox, environment) = project();
    let document = |words: &[&str]| {
        let done = sandbox.azup(words).ok();
        assert_eq!(done.stderr, "");
        done.json()
    };
    let added = document(&["trust", "--stores", "certifi", "--json"]);
    assert_eq!(added["version"], 1);
    assert_eq!(added["level"], "full");
    let mut openssl = sandbox.command("openssl");
    openssl
        .args(["x509", "-noout", "-fingerprint", "-sha256", "-in"])
        .arg(sandbox.certs().join("ca.pem"));
    let fingerprint = Done::from(openssl.output().unwrap()).ok().stdout;
    let fingerprint = fingerprint.trim().split_once('=').unwrap().1;
    assert_eq!(
        added["ca"]["sha256"],
        fingerprint.replace(':', "").to_lowercase()
    );
    assert!(
        added["ca"]["subject"]
            .as_str()
            .unwrap()
            .starts_with("CN=azup local CA ")
    );
    assert!(added["ca"]["not_after"].as_str().unwrap().ends_with('Z'));
    let path = environment.bundle();
    for (document, status) in [
        (added, "added"),
        (
            document(&["trust", "--stores", "certifi", "--json"]),
            "trusted",
        ),
        (
            document(&["untrust", "--stores", "certifi", "--json"]),
            "removed",
        ),
        (
            document(&["untrust", "--stores", "certifi", "--json"]),
            "absent",
        ),
    ] {
        let stores = document["stores"].as_array().unwrap();
        assert_eq!(stores.len(), 1, "{document}");
        assert_eq!(stores[0]["kind"], "certifi");
        assert_eq!(stores[0]["path"], path.to_str().unwrap());
        assert_eq!(stores[0]["status"], status);
        assert!(stores[0].get("detail").is_some());
    }
}

#[test]
fn nothing_but_the_block_and_azups_own_folder_is_written() {
    let (sandbox, environment) = project();
    let before = Sandbox::files(sandbox.root());
    trust(&sandbox).ok();
    let own = sandbox.own();
    let mut after = Sandbox::files(sandbox.root());
    after.retain(|(path, _)| !path.starts_with(&own));
    let changed: Vec<_> = after
        .iter()
        .filter(|entry| !before.contains(entry))
        .map(|(path, _)| path.clone())
        .collect();
    assert_eq!(changed, [environment.bundle()]);
    assert_eq!(after.len(), before.len());
}

/// Sixteen at once, on a machine that has no certificate set yet.
#[test]
fn many_at_once_make_one_set_and_one_block() {
    let (sandbox, environment) = project();
    let before = environment.bytes();
    let children: Vec<_> = (0..16)
        .map(|_| {
            let mut azup = sandbox.azup_command(["trust", "--stores", "certifi"]);
            azup.stdout(std::process::Stdio::piped());
            azup.stderr(std::process::Stdio::piped());
            azup.spawn().unwrap()
        })
        .collect();
    for child in children {
        Done::from(child.wait_with_output().unwrap()).ok();
    }
    let after = String::from_utf8(environment.bytes()).unwrap();
    assert_eq!(after.matches("# azup begin ").count(), 1);
    trust(&sandbox).ok();
    assert_eq!(
        environment.bytes(),
        after.as_bytes(),
        "it is the CA of the set on disk"
    );
    untrust(&sandbox).ok();
    assert_eq!(environment.bytes(), before);
}

#[test]
fn a_quiet_command_says_one_line() {
    let (sandbox, _environment) = project();
    for (words, line) in [
        (
            ["trust", "-q"],
            "azup local CA [ID] (valid until [DATE]): trusted\n",
        ),
        (
            ["trust", "-q"],
            "azup local CA [ID] (valid until [DATE]): trusted\n",
        ),
        (["untrust", "-q"], "removed from 1 store\n"),
        (["untrust", "-q"], "no store has a CA to remove\n"),
    ] {
        let done = sandbox
            .azup(words.into_iter().chain(["--stores", "certifi"]))
            .ok();
        let shown = sandbox.shown(&done);
        assert_eq!(shown, format!("exit: 0\n--- stdout\n{line}--- stderr\n"));
    }
}

/// The record leads to environments that the current folder does not.
#[test]
fn untrust_finds_what_was_written_from_other_folders() {
    let sandbox = Sandbox::new();
    let one = Environment::by_uv(&sandbox, "one/.venv", "copy", &["certifi"]);
    let two = Environment::by_uv(&sandbox, "two/.venv", "copy", &["certifi"]);
    let before = one.bytes();
    let at = |folder: &str, words: &[&str]| {
        let mut azup = sandbox.azup_command(words);
        azup.current_dir(sandbox.root().join(folder));
        Done::from(azup.output().unwrap()).ok()
    };
    at("project/one", &["trust", "--stores", "certifi"]);
    at("project/two", &["trust", "--stores", "certifi"]);
    let record = std::fs::read_to_string(sandbox.own().join("stores.json")).unwrap();
    let record: serde_json::Value = serde_json::from_str(&record).unwrap();
    assert_eq!(record["version"], 1);
    let entries = record["stores"].as_array().unwrap();
    assert_eq!(entries.len(), 2);
    assert_eq!(entries[0]["kind"], "certifi");
    assert_eq!(entries[0]["path"], one.bundle().to_str().unwrap());
    assert_eq!(entries[0]["sha256"].as_str().unwrap().len(), 64);
    assert!(entries[0]["time"].as_str().unwrap().ends_with('Z'));

    // The certificates are gone, and so is one environment.
    std::fs::remove_dir_all(sandbox.certs()).unwrap();
    std::fs::remove_dir_all(two.folder).unwrap();
    at("home", &["untrust", "--stores", "certifi"]);
    assert_eq!(one.bytes(), before);
    let record = std::fs::read_to_string(sandbox.own().join("stores.json")).unwrap();
    let record: serde_json::Value = serde_json::from_str(&record).unwrap();
    assert_eq!(
        record["stores"].as_array().unwrap().len(),
        0,
        "nothing is left to find"
    );
}

#[test]
fn a_record_that_is_damaged_keeps_nothing_from_being_taken_out() {
    let (sandbox, environment) = project();
    let before = environment.bytes();
    trust(&sandbox).ok();
    std::fs::write(sandbox.own().join("stores.json"), "{").unwrap();
    let done = untrust(&sandbox);
    assert_eq!(environment.bytes(), before);
    assert_eq!(done.code, 1);
    insta::assert_snapshot!(sandbox.shown(&done), @r"
    exit: 1
    --- stdout
    --- stderr
    error: [HOME]/.local/share/azup/stores.json is not the record that azup wrote
    hint: rm [HOME]/.local/share/azup/stores.json
    ");
}

/// A CA that azup did not make, as minica makes one, in a file with Windows line endings.
fn foreign_ca(sandbox: &Sandbox) -> std::path::PathBuf {
    let pem = std::fs::read_to_string(sandbox.foreign_ca("minica root ca 190f9e")).unwrap();
    sandbox.write("minica.pem", pem.replace('\n', "\r\n"))
}

#[test]
fn a_foreign_ca_goes_in_and_out_by_the_same_rules() {
    let (sandbox, environment) = project();
    let before = environment.bytes();
    foreign_ca(&sandbox);
    let words = |verb| [verb, "--ca", "minica.pem", "--stores", "certifi"];
    let done = sandbox.azup(words("trust"));
    insta::assert_snapshot!(sandbox.shown(&done), @r"
    exit: 0
    --- stdout
    certifi  added  [PROJECT]/.venv/lib/python3.11/site-packages/certifi/cacert.pem
    minica root ca 190f9e (valid until [DATE]): trusted
    --- stderr
    ");
    assert!(
        !sandbox.certs().exists(),
        "no certificates of azup's own were needed"
    );
    let with_minica = environment.bytes();
    trust(&sandbox).ok();
    untrust(&sandbox).ok();
    assert_eq!(
        environment.bytes(),
        with_minica,
        "untrust takes out azup's own only"
    );
    sandbox.azup(words("untrust")).ok();
    assert_eq!(environment.bytes(), before);
}

#[test]
fn what_the_articles_script_left_of_minica_is_taken_out() {
    let (sandbox, environment) = project();
    let ca = foreign_ca(&sandbox);
    let before = environment.bytes();
    let pem = std::fs::read_to_string(&ca).unwrap().replace("\r\n", "\n");
    paste_as_the_script_does(&environment.bundle(), &sandbox.write("clean.pem", pem));
    sandbox
        .azup(["untrust", "--ca", "minica.pem", "--stores", "certifi"])
        .ok();
    assert_eq!(environment.bytes(), before);
}

/// `--stores` limits what may be touched, even among recorded stores.
#[test]
fn untrust_leaves_recorded_bundles_alone_where_other_stores_were_named() {
    let (sandbox, _environment) = project();
    let bundle = sandbox.write("company.pem", public_roots());
    let before = std::fs::read(&bundle).unwrap();
    let words = ["trust", "--stores", "none", "--bundle", "company.pem"];
    sandbox.azup(words).ok();
    let trusted = std::fs::read(&bundle).unwrap();
    untrust(&sandbox).ok();
    sandbox.azup(["untrust", "--stores", "none"]).ok();
    assert_eq!(std::fs::read(&bundle).unwrap(), trusted);
    let words = ["untrust", "--stores", "none", "--bundle", "company.pem"];
    sandbox.azup(words).ok();
    assert_eq!(std::fs::read(&bundle).unwrap(), before);
}

/// The end of a bundle is read first. A CA that others have appended to since is still found, and
/// one that begins in the middle of a line does not count.
#[test]
fn a_ca_far_from_the_end_of_a_bundle_counts_as_trusted() {
    let sandbox = Sandbox::new();
    sandbox.azup(["trust", "--stores", "none"]).ok();
    let ca = std::fs::read_to_string(sandbox.certs().join("ca.pem")).unwrap();
    let others = std::fs::read_to_string("/etc/ssl/certs/ca-certificates.crt").unwrap();
    assert!(others.len() > 100_000);
    let bundle = sandbox.project().join("bundle.pem");
    let words = ["trust", "--stores", "none", "--bundle", "bundle.pem"];
    let first = format!("{ca}{others}");
    std::fs::write(&bundle, &first).unwrap();
    sandbox.azup(words).ok();
    assert_eq!(std::fs::read_to_string(&bundle).unwrap(), first);

    // The last 16 KiB begin exactly at the BEGIN of a line that no TLS library reads.
    let rest = &others[..(16 << 10) - ca.len()];
    let rest = &rest[..rest.rfind("-----BEGIN").unwrap()];
    let padding = "\n".repeat((16 << 10) - ca.len() - rest.len());
    let broken = format!("{others}# {ca}{rest}{padding}");
    assert!(broken[..broken.len() - (16 << 10)].ends_with("# "));
    std::fs::write(&bundle, &broken).unwrap();
    assert_ne!(sandbox.azup(words).code, 0);
    assert_eq!(std::fs::read_to_string(&bundle).unwrap(), broken);
}

#[test]
fn untrust_in_one_project_leaves_the_others_as_they_are() {
    let sandbox = Sandbox::new();
    let bundles = ["one", "two"].map(|name| {
        let folder = sandbox.project().join(name);
        std::fs::create_dir_all(folder.join(".git")).unwrap();
        let mut venv = sandbox.command("python3");
        venv.args(["-m", "venv", "--without-pip", ".venv"])
            .current_dir(&folder);
        assert!(venv.status().unwrap().success());
        let lib = std::fs::read_dir(folder.join(".venv/lib"))
            .unwrap()
            .next()
            .unwrap();
        let certifi = lib.unwrap().path().join("site-packages/certifi");
        std::fs::create_dir_all(&certifi).unwrap();
        std::fs::write(certifi.join("__init__.py"), "").unwrap();
        std::fs::write(certifi.join("cacert.pem"), public_roots()).unwrap();
        certifi.join("cacert.pem")
    });
    let azup = |name: &str, verb: &str| {
        let mut azup = sandbox.azup_command([verb, "--scope", "project", "--stores", "certifi"]);
        azup.current_dir(sandbox.project().join(name));
        crate::sandbox::Done::from(azup.output().unwrap()).ok()
    };
    let before = std::fs::read(&bundles[1]).unwrap();
    azup("one", "trust");
    azup("two", "trust");
    let trusted = std::fs::read(&bundles[0]).unwrap();
    let done = azup("two", "untrust");
    assert!(!done.stdout.contains("/one/"), "{done}");
    assert_eq!(std::fs::read(&bundles[0]).unwrap(), trusted);
    assert_eq!(std::fs::read(&bundles[1]).unwrap(), before);
}

/// What IT departments hand out. Each hint is pasted, until there is none.
#[test]
fn a_companys_certificates_in_any_form_are_trusted_after_the_hints() {
    let sandbox = Sandbox::new();
    let folder = sandbox.project().join("from it");
    std::fs::create_dir(&folder).unwrap();
    let bundle = crate::python::shaped(sandbox.project().join(".venv"));
    sandbox.write(".venv/pyvenv.cfg", "home = /usr/bin\n");
    let bin = crate::sandbox::azup()
        .parent()
        .unwrap()
        .display()
        .to_string();
    for name in ["one", "two"] {
        sandbox.foreign_ca_at(name, &folder.join(format!("{name}.pem")));
    }
    let script = "cd 'from it' && cat one.pem two.pem > both.pem && \
                  openssl crl2pkcs7 -nocrl -certfile both.pem -outform DER -out both.p7b && \
                  openssl crl2pkcs7 -nocrl -certfile both.pem -out text.p7b";
    sandbox.run("sh", ["-c", script]).ok();
    for name in ["both.pem", "both.p7b", "text.p7b"] {
        sandbox
            .azup(["untrust", "--stores", "certifi", "--ca", "from it/one.pem"])
            .ok();
        sandbox
            .azup(["untrust", "--stores", "certifi", "--ca", "from it/two.pem"])
            .ok();
        let mut command = format!("azup trust --ca 'from it/{name}'");
        let mut said = String::new();
        for _ in 0..3 {
            let words = ["-c", &command];
            let mut shell = sandbox.command("sh");
            shell.args(words).env("AZUP_STORES", "certifi");
            shell.env("PATH", format!("{bin}:/usr/bin:/bin"));
            let done = Done::from(shell.output().unwrap());
            said += &format!("$ {command}\n{done}\n");
            let hint = done
                .stderr
                .lines()
                .rev()
                .find_map(|line| line.strip_prefix("hint: "));
            match hint {
                Some(hint) => command = hint.to_owned(),
                None => break,
            }
        }
        let after = std::fs::read_to_string(&bundle).unwrap();
        for file in ["one.pem", "two.pem"] {
            let pem = std::fs::read_to_string(folder.join(file)).unwrap();
            let body = pem.lines().nth(1).unwrap();
            assert!(after.contains(body), "{name}: {file}: {said}");
        }
    }
}
