//! .NET's own store: found and removed by the contents of its files, and never through a folder
//! that others can write. The rules for all stores are in `contract.rs`.

use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, symlink};
use std::path::PathBuf;

use super::stand_in;
use crate::sandbox::{Done, Sandbox};

const STORE: [&str; 2] = ["--stores", "dotnet"];

fn root(sandbox: &Sandbox) -> PathBuf {
    sandbox
        .home()
        .join(".dotnet/corefx/cryptography/x509stores/root")
}

fn trust(sandbox: &Sandbox) -> Done {
    sandbox.azup(["trust"].iter().chain(&STORE))
}

fn untrust(sandbox: &Sandbox) -> Done {
    sandbox.azup(["untrust"].iter().chain(&STORE))
}

fn status(done: &Done) -> String {
    done.json()["stores"][0]["status"]
        .as_str()
        .unwrap()
        .to_owned()
}

/// The one file of the store.
fn file(sandbox: &Sandbox) -> PathBuf {
    let files = Sandbox::files(&root(sandbox));
    assert_eq!(files.len(), 1, "{files:?}");
    files[0].0.clone()
}

#[test]
fn the_file_is_what_net_writes_but_for_its_encryption_and_goes_with_the_folders() {
    let sandbox = Sandbox::new();
    let done = trust(&sandbox).ok();
    insta::assert_snapshot!(sandbox.shown(&done), @r"
    exit: 0
    --- stdout
    dotnet   added  [HOME]/.dotnet/corefx/cryptography/x509stores/root
    azup local CA [ID] (valid until [DATE]): trusted
    --- stderr
    ");
    let path = file(&sandbox);
    let about = path.metadata().unwrap();
    assert_eq!(about.mode() & 0o7777, 0o600);
    assert_eq!(root(&sandbox).metadata().unwrap().mode() & 0o7777, 0o755);
    // Its name is what OpenSSL calls the fingerprint, and it contains the CA and no key.
    let ca = sandbox.certs().join("ca.pem");
    let ca = ca.to_str().unwrap();
    let printed = sandbox
        .run(
            "openssl",
            ["x509", "-noout", "-fingerprint", "-sha1", "-in", ca],
        )
        .ok()
        .stdout;
    let (_, fingerprint) = printed.trim().split_once('=').unwrap();
    assert_eq!(
        path.file_name().unwrap().to_str().unwrap(),
        format!("{}.pfx", fingerprint.replace(':', ""))
    );
    let words = [
        "pkcs12",
        "-passin",
        "pass:",
        "-nodes",
        "-in",
        path.to_str().unwrap(),
    ];
    let held = sandbox.run("openssl", words).ok().stdout;
    assert!(!held.contains("PRIVATE KEY"), "{held}");
    let pem = fs::read_to_string(ca).unwrap();
    let body = pem.lines().nth(1).unwrap();
    assert!(held.contains(body), "{held}");
    let info = sandbox.run(
        "openssl",
        [
            "pkcs12",
            "-info",
            "-noout",
            "-passin",
            "pass:",
            "-in",
            path.to_str().unwrap(),
        ],
    );
    assert!(
        info.stderr.contains("PKCS7 Data") && !info.stderr.contains("Encrypted"),
        "{info}"
    );

    untrust(&sandbox).ok();
    assert!(
        !sandbox.home().join(".dotnet").exists(),
        "all folders were azup's"
    );
    assert!(!sandbox.own().join("dotnet-folder").exists());
}

#[test]
fn the_store_is_used_only_if_net_is_installed_or_on_request() {
    let mut sandbox = Sandbox::new();
    // Never the stores of this machine.
    sandbox.azup(["trust", "--stores", "none"]).ok();
    let all = ["doctor", "store-dotnet", "--json"];
    let seen = |sandbox: &Sandbox| {
        sandbox.azup(all).json()["checks"][0]["status"]
            .as_str()
            .unwrap()
            .to_owned()
    };
    assert_eq!(seen(&sandbox), "skip");
    stand_in(&mut sandbox);
    assert_eq!(seen(&sandbox), "fail");
    sandbox.set("PATH", "/usr/bin:/bin");
    assert_eq!(seen(&sandbox), "skip");
    fs::create_dir(sandbox.home().join(".dotnet")).unwrap();
    assert_eq!(seen(&sandbox), "fail");
    trust(&sandbox).ok();
    assert_eq!(seen(&sandbox), "ok");
    untrust(&sandbox).ok();
    assert!(
        sandbox.home().join(".dotnet").exists(),
        "it was there before"
    );
    assert!(!sandbox.home().join(".dotnet/corefx").exists());
}

#[test]
fn folders_that_are_not_this_users_alone_are_left_alone() {
    let case = |prepare: &dyn Fn(&Sandbox), why: &str| {
        let sandbox = Sandbox::new();
        prepare(&sandbox);
        let done = sandbox.azup(["trust", "--json"].iter().chain(&STORE)).ok();
        let store = done.json()["stores"][0].clone();
        assert_eq!(store["status"], "skipped", "{why}: {done}");
        let detail = store["detail"].as_str().unwrap();
        assert!(detail.contains(why), "{why}: {detail}");
        let all = Sandbox::files(&sandbox.home());
        assert!(
            all.iter()
                .all(|(path, _)| path.extension().is_none_or(|end| end != "pfx")),
            "{all:?}"
        );
    };
    let folder = |sandbox: &Sandbox| sandbox.home().join(".dotnet");
    let open = |path: &std::path::Path, mode| {
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    };
    case(
        &|sandbox| {
            fs::create_dir_all(folder(sandbox).join("corefx")).unwrap();
            open(&folder(sandbox).join("corefx"), 0o777);
        },
        "corefx can be written by others",
    );
    case(
        &|sandbox| {
            let outside = sandbox.root().join("elsewhere");
            fs::create_dir(&outside).unwrap();
            symlink(outside, folder(sandbox)).unwrap();
        },
        ".dotnet is a link that leads out of the home folder",
    );
    case(
        &|sandbox| symlink("/nowhere", folder(sandbox)).unwrap(),
        "leads nowhere",
    );
    case(
        &|sandbox| fs::write(folder(sandbox), "").unwrap(),
        ".dotnet is not a folder",
    );
}

/// doctor's advice is not a command that would do nothing.
#[test]
fn doctor_names_the_folder_that_is_in_the_way() {
    let sandbox = Sandbox::new();
    sandbox.azup(["trust", "--stores", "none"]).ok();
    let folder = sandbox.home().join(".dotnet");
    fs::create_dir(&folder).unwrap();
    fs::set_permissions(&folder, fs::Permissions::from_mode(0o777)).unwrap();
    let words = ["doctor", "client-dotnet", "--json"].iter().chain(&STORE);
    let check = sandbox.azup(words).json()["checks"][0].clone();
    assert_eq!(
        (&check["status"], check["fix"].is_null()),
        (&"fail".into(), true),
        "{check}"
    );
    let detail = check["detail"].as_str().unwrap();
    assert!(
        detail.contains("PartialChain") && detail.contains("can be written by others"),
        "{detail}"
    );
}

/// As after `sudo dotnet`.
#[test]
fn a_folder_of_roots_is_skipped() {
    let sandbox = Sandbox::new();
    let folder = sandbox.home().join(".dotnet");
    fs::create_dir(&folder).unwrap();
    needs!(
        rustix::process::geteuid().is_root(),
        "root, who gives a folder away"
    );
    let words = ["trust", "--json"].iter().chain(&STORE);
    let done = sandbox.as_ordinary_user_but(&folder, words).ok();
    let store = done.json()["stores"][0].clone();
    assert_eq!(store["status"], "skipped", "{done}");
    assert!(
        store["detail"]
            .as_str()
            .unwrap()
            .contains("belongs to root"),
        "{done}"
    );
}

/// A link within the home folder is the user's own way of keeping it elsewhere.
#[test]
fn a_link_within_the_home_folder_is_followed() {
    let sandbox = Sandbox::new();
    let real = sandbox.home().join("config/dotnet");
    fs::create_dir_all(&real).unwrap();
    symlink(&real, sandbox.home().join(".dotnet")).unwrap();
    trust(&sandbox).ok();
    assert!(real.join("corefx/cryptography/x509stores/root").is_dir());
    untrust(&sandbox).ok();
    assert!(real.exists() && !real.join("corefx").exists());
}

#[test]
fn the_name_of_a_file_says_nothing() {
    let sandbox = Sandbox::new();
    trust(&sandbox).ok();
    let path = file(&sandbox);
    // Under another name it still counts, and is removed.
    let other = path.with_file_name("moved.pfx");
    fs::rename(&path, &other).unwrap();
    let done = sandbox.azup(["trust", "--json"].iter().chain(&STORE)).ok();
    assert_eq!(status(&done), "trusted");
    // Somebody else's certificate under azup's name stays, and so does a file that is no
    // certificate.
    let foreign = sandbox.root().join("foreign.pem");
    sandbox.foreign_ca_at("Foreign", &foreign);
    let export = [
        "pkcs12", "-export", "-nokeys", "-nomac", "-certpbe", "NONE", "-passout", "pass:",
    ];
    let words = export.into_iter().chain([
        "-in",
        foreign.to_str().unwrap(),
        "-out",
        path.to_str().unwrap(),
    ]);
    sandbox.run("openssl", words).ok();
    let broken = path.with_file_name("broken.pfx");
    fs::write(&broken, "0\u{3}").unwrap();
    untrust(&sandbox).ok();
    assert!(!other.exists());
    assert!(path.exists() && broken.exists());
}

/// A file that also has a key is not azup's, whatever certificate it contains.
#[test]
fn a_file_with_a_key_stays() {
    let sandbox = Sandbox::new();
    sandbox.azup(["trust", "--stores", "none"]).ok();
    fs::create_dir_all(root(&sandbox)).unwrap();
    let theirs = root(&sandbox).join("theirs.pfx");
    let certs = sandbox.certs();
    let path = |name: &str| certs.join(name).to_str().unwrap().to_owned();
    let (leaf, key, ca) = (path("cert.pem"), path("key.pem"), path("ca.pem"));
    let export = [
        "pkcs12", "-export", "-nomac", "-certpbe", "NONE", "-keypbe", "NONE", "-passout", "pass:",
    ];
    let words = export.into_iter().chain([
        "-inkey",
        &key,
        "-in",
        &leaf,
        "-certfile",
        &ca,
        "-out",
        theirs.to_str().unwrap(),
    ]);
    sandbox.run("openssl", words).ok();
    let before = fs::read(&theirs).unwrap();
    trust(&sandbox).ok();
    untrust(&sandbox).ok();
    assert_eq!(fs::read(&theirs).unwrap(), before);
}

/// A renewal puts the new CA next to the old one, and only removing the last one removes the
/// folders.
#[test]
fn a_renewal_leaves_one_file_and_the_folders_go_at_last() {
    let mut sandbox = Sandbox::new();
    trust(&sandbox).ok();
    let first = file(&sandbox);
    sandbox.azup(["renew"].iter().chain(&STORE)).ok();
    let both = Sandbox::files(&root(&sandbox));
    assert_eq!(both.len(), 2, "the old one is valid still");
    // A year later.
    let later = time::OffsetDateTime::now_utc() + time::Duration::days(390);
    sandbox.set("AZUP_NOW", later.unix_timestamp().to_string());
    trust(&sandbox).ok();
    assert!(root(&sandbox).exists());
    sandbox.set(
        "AZUP_NOW",
        (later + time::Duration::days(20))
            .unix_timestamp()
            .to_string(),
    );
    trust(&sandbox).ok();
    assert!(!first.exists(), "it has expired");
    sandbox.unset("AZUP_NOW");
    untrust(&sandbox).ok();
    assert!(!sandbox.home().join(".dotnet").exists());
}
