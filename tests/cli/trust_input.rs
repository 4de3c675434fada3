//! What azup says about faulty input: each case has its own message and a command to paste, and
//! nothing is changed.

use std::path::PathBuf;

use crate::python::Environment;
use crate::sandbox::{Done, Sandbox};

/// A sandbox whose machine has a certificate set.
fn with_set() -> Sandbox {
    let sandbox = Sandbox::new();
    sandbox.azup(["trust", "--stores", "none"]).ok();
    sandbox
}

/// A copy of the machine set below the project's folder.
fn copy(sandbox: &Sandbox, name: &str) -> PathBuf {
    let folder = sandbox.project().join(name);
    std::fs::create_dir_all(&folder).unwrap();
    for file in ["ca.pem", "cert.pem", "key.pem"] {
        std::fs::copy(sandbox.certs().join(file), folder.join(file)).unwrap();
    }
    folder
}

/// Trusts the set in `set/`, into a bundle that must not change, and shows what azup said.
#[track_caller]
fn refused(sandbox: &Sandbox) -> String {
    refused_with(sandbox, ["--certs", "set"])
}

#[track_caller]
fn refused_with(sandbox: &Sandbox, what: [&str; 2]) -> String {
    sandbox.write("bundle.pem", foreign_bundle(sandbox));
    let before = Sandbox::files(sandbox.root());
    let words = ["trust", "--stores", "none", "--bundle", "bundle.pem"];
    let done = sandbox.azup(words.iter().chain(&what));
    // Not assert_eq!, which would print a key.
    assert!(
        Sandbox::files(sandbox.root()) == before,
        "nothing was changed"
    );
    assert_eq!(done.code, 1, "{done}");
    sandbox.shown(&done)
}

/// A bundle with one CA that azup has nothing to do with.
fn foreign_bundle(sandbox: &Sandbox) -> Vec<u8> {
    std::fs::read(sandbox.foreign_ca("Foreign")).unwrap()
}

fn edit(path: PathBuf, with: impl Fn(Vec<u8>) -> Vec<u8>) {
    let bytes = std::fs::read(&path).unwrap();
    std::fs::write(path, with(bytes)).unwrap();
}

#[test]
fn not_pem() {
    let sandbox = with_set();
    let ca = copy(&sandbox, "set").join("ca.pem");
    std::fs::write(ca, "hello\n").unwrap();
    insta::assert_snapshot!(refused(&sandbox));
}

#[test]
fn empty() {
    let sandbox = with_set();
    std::fs::write(copy(&sandbox, "set").join("ca.pem"), "").unwrap();
    insta::assert_snapshot!(refused(&sandbox));
}

#[test]
fn truncated_pem() {
    let sandbox = with_set();
    edit(copy(&sandbox, "set").join("ca.pem"), |mut bytes| {
        bytes.truncate(bytes.len() / 2);
        bytes
    });
    insta::assert_snapshot!(refused(&sandbox));
}

#[test]
fn damaged_pem() {
    let sandbox = with_set();
    edit(copy(&sandbox, "set").join("ca.pem"), |mut bytes| {
        bytes[100] = b'!';
        bytes
    });
    insta::assert_snapshot!(refused(&sandbox));
}

#[test]
fn a_private_key_in_place_of_the_ca() {
    let sandbox = with_set();
    let folder = copy(&sandbox, "set");
    std::fs::copy(folder.join("key.pem"), folder.join("ca.pem")).unwrap();
    let shown = refused(&sandbox);
    assert!(!shown.contains("BEGIN"), "a key is never shown");
    insta::assert_snapshot!(shown);
}

#[test]
fn a_private_key_beside_the_ca() {
    let sandbox = with_set();
    let folder = copy(&sandbox, "set");
    let key = std::fs::read(folder.join("key.pem")).unwrap();
    edit(folder.join("ca.pem"), |bytes| [bytes, key.clone()].concat());
    insta::assert_snapshot!(refused(&sandbox));
}

#[test]
fn a_leaf_in_place_of_the_ca() {
    let sandbox = with_set();
    let folder = copy(&sandbox, "set");
    std::fs::copy(folder.join("cert.pem"), folder.join("ca.pem")).unwrap();
    insta::assert_snapshot!(refused(&sandbox));
}

#[test]
fn two_certificates_in_one_file() {
    let sandbox = with_set();
    edit(copy(&sandbox, "set").join("ca.pem"), |bytes| {
        bytes.repeat(2)
    });
    insta::assert_snapshot!(refused(&sandbox));
}

#[test]
fn an_expired_ca() {
    let mut sandbox = with_set();
    copy(&sandbox, "set");
    sandbox.set("AZUP_NOW", "1999999999");
    insta::assert_snapshot!(refused_with(&sandbox, ["--ca", "set/ca.pem"]));
}

/// Which clock was wrong cannot be told: the one that dated the CA, or today's.
#[test]
fn a_clock_that_is_behind() {
    let mut sandbox = with_set();
    copy(&sandbox, "set");
    sandbox.set("AZUP_NOW", "1000000000");
    insta::assert_snapshot!(refused_with(&sandbox, ["--ca", "set/ca.pem"]));
}

#[test]
fn der() {
    let sandbox = with_set();
    let ca = copy(&sandbox, "set").join("ca.pem");
    let mut openssl = sandbox.command("openssl");
    openssl
        .args(["x509", "-outform", "DER", "-in"])
        .arg(sandbox.certs().join("ca.pem"));
    std::fs::write(ca, openssl.output().unwrap().stdout).unwrap();
    insta::assert_snapshot!(refused(&sandbox));
}

#[test]
fn windows_line_ends() {
    let sandbox = with_set();
    let folder = copy(&sandbox, "set");
    edit(folder.join("ca.pem"), |bytes| {
        String::from_utf8(bytes)
            .unwrap()
            .replace('\n', "\r\n")
            .into_bytes()
    });
    let shown = refused(&sandbox);
    mended_by_its_hint(&sandbox, &shown);
    insta::assert_snapshot!(shown);
}

#[test]
fn a_byte_order_mark() {
    let sandbox = with_set();
    let folder = copy(&sandbox, "set");
    edit(folder.join("ca.pem"), |bytes| {
        [b"\xef\xbb\xbf".to_vec(), bytes].concat()
    });
    let shown = refused(&sandbox);
    mended_by_its_hint(&sandbox, &shown);
    insta::assert_snapshot!(shown);
}

/// The command after `hint:` works.
#[track_caller]
fn mended_by_its_hint(sandbox: &Sandbox, shown: &str) {
    let hint = shown.split("hint: ").nth(1).unwrap().trim();
    let project = sandbox.project();
    let hint = hint.replace("[PROJECT]", project.to_str().unwrap());
    sandbox.run("bash", ["-c", &hint]).ok();
    sandbox
        .azup(["trust", "--certs", "set", "--stores", "none"])
        .ok();
}

#[test]
fn utf16() {
    let sandbox = with_set();
    edit(copy(&sandbox, "set").join("ca.pem"), |bytes| {
        let text = String::from_utf8(bytes).unwrap();
        let mut wide = vec![0xff, 0xfe];
        wide.extend(text.encode_utf16().flat_map(u16::to_le_bytes));
        wide
    });
    insta::assert_snapshot!(refused(&sandbox));
}

#[test]
fn the_key_of_another_certificate() {
    let sandbox = with_set();
    let folder = copy(&sandbox, "set");
    sandbox.azup(["renew", "--stores", "none"]).ok();
    std::fs::copy(sandbox.certs().join("key.pem"), folder.join("key.pem")).unwrap();
    insta::assert_snapshot!(refused(&sandbox));
}

#[test]
fn the_leaf_of_another_ca() {
    let sandbox = with_set();
    let folder = copy(&sandbox, "set");
    sandbox.azup(["renew", "--stores", "none"]).ok();
    std::fs::copy(sandbox.certs().join("ca.pem"), folder.join("ca.pem")).unwrap();
    insta::assert_snapshot!(refused(&sandbox));
}

#[test]
fn a_set_with_a_file_missing() {
    let sandbox = with_set();
    std::fs::remove_file(copy(&sandbox, "set").join("key.pem")).unwrap();
    insta::assert_snapshot!(refused(&sandbox));
}

#[test]
fn no_set_where_one_was_named() {
    let sandbox = with_set();
    insta::assert_snapshot!(refused(&sandbox));
    sandbox
        .azup(["renew", "--certs", "set", "--stores", "none"])
        .ok();
    sandbox
        .azup(["trust", "--certs", "set", "--stores", "none"])
        .ok();
}

/// Spaces, quotes, newlines and letters of other scripts are legal in paths: such paths work, and a
/// message about one is still one line that can be pasted.
#[test]
fn paths_of_every_kind_work_and_are_named_so_that_they_can_be_pasted() {
    for name in [
        "with space",
        "it's \"quoted\"",
        "new\nline",
        "größe 存储",
        "-dash",
        "$HOME `id`",
    ] {
        let sandbox = Sandbox::named(name);
        sandbox.azup(["trust", "--stores", "none"]).ok();
        let environment = Environment::by_uv(&sandbox, ".venv", "copy", &["certifi"]);
        let before = environment.bytes();
        let folder = copy(&sandbox, "set");
        let words = [
            "--certs".as_ref(),
            folder.as_os_str(),
            "--stores".as_ref(),
            "certifi".as_ref(),
        ];
        let with = |verb: &str| {
            let mut azup = sandbox.azup_command([verb]);
            Done::from(azup.args(words).output().unwrap())
        };
        let done = with("trust").ok();
        assert_eq!(done.stdout.lines().count(), 2, "{done}");
        assert_ne!(environment.bytes(), before);
        with("untrust").ok();
        assert_eq!(environment.bytes(), before);

        std::fs::write(folder.join("ca.pem"), "hello\n").unwrap();
        let done = with("trust");
        assert_eq!(done.code, 1);
        assert_eq!(done.stderr.lines().count(), 2, "{done}");
        // The path in the message, parsed by a shell, is the file.
        let message = done.stderr.lines().next().unwrap();
        let path = message
            .trim_start_matches("error: ")
            .trim_end_matches(" is not PEM: it has no BEGIN CERTIFICATE line");
        let shown = sandbox.run("bash", ["-c", &format!("cat {path}")]).ok();
        assert_eq!(shown.stdout, "hello\n", "{path}");
        // So does the hint.
        let hint = done
            .stderr
            .lines()
            .nth(1)
            .unwrap()
            .trim_start_matches("hint: azup ");
        let azup = crate::sandbox::azup().display();
        let line = format!("{azup} --stores none {hint}");
        sandbox.run("bash", ["-c", &line]).ok();
        with("trust").ok();
    }
}

#[test]
fn a_path_that_is_not_utf8() {
    use std::os::unix::ffi::OsStrExt as _;
    let sandbox = Sandbox::named(std::ffi::OsStr::from_bytes(b"bad\xffname"));
    let good = foreign_bundle(&sandbox);
    let bundle = sandbox.write("bundle.pem", &good);
    let words = ["trust", "--stores", "none", "--bundle", "bundle.pem"];
    let done = sandbox.azup(words).ok();
    assert!(done.stdout.contains(r"/bad\xffname/bundle.pem'"), "{done}");
    assert_ne!(std::fs::read(&bundle).unwrap(), good);
    std::fs::write(&bundle, "hello\n").unwrap();
    let done = sandbox.azup(words);
    assert_eq!(done.code, 1, "{done}");
    let json = sandbox.azup(words.into_iter().chain(["--json"])).json();
    assert_eq!(json["stores"][0]["status"], "failed");
}

#[test]
fn not_in_a_virtual_environment() {
    let mut sandbox = with_set();
    // Nor is there another Python that could be meant.
    sandbox.set("PATH", "/nowhere");
    let done = sandbox.azup(["trust", "--stores", "certifi"]);
    insta::assert_snapshot!(sandbox.shown(&done));
}

/// Python was not asked for by name, so its absence is not a failure.
#[test]
fn a_missing_environment_is_no_failure_if_none_was_asked_for() {
    let sandbox = with_set();
    let bundle = sandbox.write("bundle.pem", foreign_bundle(&sandbox));
    let mut azup = sandbox.azup_command(["trust", "-v", "--bundle"]);
    azup.arg(bundle).env("AZUP_STORES", "none");
    Done::from(azup.output().unwrap()).ok();
}

#[test]
fn an_active_environment_that_is_gone() {
    let mut sandbox = with_set();
    sandbox.set("VIRTUAL_ENV", sandbox.project().join("gone"));
    let done = sandbox.azup(["trust", "--stores", "certifi"]);
    insta::assert_snapshot!(sandbox.shown(&done));
}

#[test]
fn certifi_is_not_installed() {
    let sandbox = with_set();
    let environment = Environment::by_uv(&sandbox, ".venv", "copy", &["certifi"]);
    let packages = environment.bundle();
    std::fs::remove_dir_all(packages.parent().unwrap()).unwrap();
    let done = sandbox.azup(["trust", "--stores", "certifi"]);
    insta::assert_snapshot!(sandbox.shown(&done));
}

#[test]
fn the_bundle_is_missing() {
    let sandbox = with_set();
    let environment = Environment::by_uv(&sandbox, ".venv", "copy", &["certifi"]);
    std::fs::remove_file(environment.bundle()).unwrap();
    let done = sandbox.azup(["trust", "--stores", "certifi"]);
    insta::assert_snapshot!(sandbox.shown(&done));
}

#[test]
fn bundles_that_are_none() {
    let sandbox = with_set();
    let good = foreign_bundle(&sandbox);
    let half = good[..good.len() / 2].to_vec();
    let merged = [&good[..good.len() - 1], good.as_slice()].concat();
    let key = std::fs::read(sandbox.certs().join("key.pem")).unwrap();
    let mut wrong = String::new();
    for (name, bytes) in [
        ("empty.pem", Vec::new()),
        ("text.pem", b"hello\n".to_vec()),
        ("half.pem", half),
        ("merged.pem", merged),
        ("der.pem", b"\x30\x82\x01\x00".to_vec()),
        ("key.pem", [good.clone(), key].concat()),
    ] {
        let bundle = sandbox.write(name, &bytes);
        let done = sandbox.azup(["trust", "--stores", "none", "--bundle", name]);
        assert_eq!(std::fs::read(bundle).unwrap(), bytes, "{name}");
        assert_eq!(done.code, 1, "{done}");
        wrong.push_str(&sandbox.shown(&done));
    }
    let done = sandbox.azup(["trust", "--stores", "none", "--bundle", "missing.pem"]);
    wrong.push_str(&sandbox.shown(&done));
    let done = sandbox.azup(["trust", "--stores", "none", "--bundle", "."]);
    wrong.push_str(&sandbox.shown(&done));
    insta::assert_snapshot!(wrong);
}

/// Every TLS library reads CRLF, a byte order mark and comments in other scripts: such a bundle
/// gets the CA, and keeps its own bytes.
#[test]
fn bundles_that_are_unusual_are_kept_as_they_are() {
    let sandbox = with_set();
    let good = String::from_utf8(foreign_bundle(&sandbox)).unwrap();
    for bytes in [
        good.replace('\n', "\r\n").into_bytes(),
        [b"\xef\xbb\xbf# mark\n".to_vec(), good.clone().into_bytes()].concat(),
        [
            b"# Gr\xf6\xdfe in Latin-1\n".to_vec(),
            good.clone().into_bytes(),
        ]
        .concat(),
    ] {
        let bundle = sandbox.write("bundle.pem", &bytes);
        let words = |verb| [verb, "--stores", "none", "--bundle", "bundle.pem"];
        sandbox.azup(words("trust")).ok();
        let mut openssl = sandbox.command("openssl");
        openssl
            .args(["verify", "-no-CApath", "-no-CAstore", "-CAfile"])
            .arg(&bundle)
            .arg(sandbox.certs().join("cert.pem"));
        Done::from(openssl.output().unwrap()).ok();
        sandbox.azup(words("untrust")).ok();
        assert_eq!(std::fs::read(bundle).unwrap(), bytes);
    }
}

/// A distribution's certifi returns the system's bundle; nothing reads the file next to it. The
/// stand-in is the one line that Debian patches in.
#[test]
fn a_certifi_with_the_line_of_a_distributions_patch_is_left_alone() {
    let sandbox = with_set();
    let environment = Environment::by_uv(&sandbox, ".venv", "copy", &["certifi"]);
    let before = environment.bytes();
    let core = environment.bundle().with_file_name("core.py");
    std::fs::write(
        core,
        "def where():\n    return \"/etc/ssl/certs/ca-certificates.crt\"\n",
    )
    .unwrap();
    let done = sandbox.azup(["trust", "--stores", "certifi"]);
    assert_eq!(environment.bytes(), before);
    insta::assert_snapshot!(sandbox.shown(&done));
}

#[test]
fn a_folder_that_may_not_be_written() {
    let sandbox = with_set();
    let environment = Environment::by_uv(&sandbox, ".venv", "copy", &["certifi"]);
    let folder = environment.bundle().parent().unwrap().to_owned();
    let before = Sandbox::files(&sandbox.project());
    let done = sandbox.read_only(&folder, ["trust", "--stores", "certifi"]);
    assert_eq!(Sandbox::files(&sandbox.project()), before);
    insta::assert_snapshot!(sandbox.shown(&done));
}

/// In a dev container the key may belong to the host's root, and trusting needs no key.
#[test]
fn a_key_that_this_user_may_not_read_does_not_keep_the_ca_from_being_trusted() {
    let sandbox = with_set();
    let environment = Environment::by_uv(&sandbox, ".venv", "copy", &["certifi"]);
    let before = environment.bytes();
    let done = sandbox.as_ordinary_user_but(
        &sandbox.certs().join("key.pem"),
        ["trust", "--stores", "certifi"],
    );
    done.ok();
    assert_ne!(environment.bytes(), before);
    let done = sandbox.as_ordinary_user_but(&sandbox.certs().join("key.pem"), ["up"]);
    insta::assert_snapshot!(sandbox.shown(&done));
}

#[test]
fn one_store_that_fails_does_not_stop_the_others() {
    let sandbox = with_set();
    let environment = Environment::by_uv(&sandbox, ".venv", "copy", &["certifi"]);
    let before = environment.bytes();
    sandbox.write("text.pem", "hello\n");
    let done = sandbox.azup([
        "trust", "--stores", "certifi", "--bundle", "text.pem", "--json",
    ]);
    assert_eq!(done.code, 3, "{done}");
    assert_ne!(environment.bytes(), before);
    let document = done.json();
    assert_eq!(document["level"], "partial");
    let status: Vec<&str> = document["stores"]
        .as_array()
        .unwrap()
        .iter()
        .map(|store| store["status"].as_str().unwrap())
        .collect();
    assert_eq!(status, ["added", "failed"]);
}

#[test]
fn failures_are_one_document_too() {
    let sandbox = with_set();
    let done = sandbox.azup(["trust", "--certs", "nowhere", "--json"]);
    let document = done.json();
    assert_eq!(done.code, 1);
    assert_eq!(document["version"], 1);
    assert_eq!(document["error"]["exit"], 1);
    assert!(
        document["error"]["hint"]
            .as_str()
            .unwrap()
            .starts_with("azup renew --certs ")
    );

    let done = sandbox.azup(["trust", "--json", "--no-such-option"]);
    assert_eq!(done.code, 2);
    assert_eq!(done.json()["error"]["exit"], 2);
}
