//! Faults of the certificate set.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use crate::sandbox::{Done, Sandbox};

use super::patient::{Patient, check, days_ago};

/// The names of a leaf as azup makes it.
const NAMES: &str = "IP:127.0.0.1,IP:::1,DNS:localhost,DNS:azurite,DNS:host.docker.internal";

fn files(patient: &Patient) -> [PathBuf; 3] {
    ["ca.pem", "key.pem", "cert.pem"].map(|name| patient.sandbox.certs().join(name))
}

#[test]
fn an_expired_set() {
    let patient = Patient::born(400);
    patient.only(&[("certificate-dates", "fail")]);
    patient.doctor(&["--fix"]).ok();
    patient.only(&[]);
}

#[test]
fn a_set_that_expires_soon() {
    let patient = Patient::born(380);
    let document = patient.only(&[("certificate-dates", "warn")]);
    assert_eq!(check(&document, "certificate-dates")["fix"], "azup trust");
    // Not valid yet: the clock is wrong.
    let mut patient = Patient::healthy();
    patient.sandbox.set("AZUP_NOW", days_ago(3).to_string());
    patient.only(&[("clock", "fail")]);
}

#[test]
fn files_that_do_not_belong_together() {
    let patient = Patient::healthy();
    let [ca, key, cert] = files(&patient);
    let other = Sandbox::new();
    other.azup(["trust", "--stores", "none"]).ok();
    let kept = [&ca, &key, &cert].map(|path| std::fs::read(path).unwrap());
    let back = || {
        for (path, bytes) in [&ca, &key, &cert].into_iter().zip(&kept) {
            std::fs::write(path, bytes).unwrap();
        }
        std::fs::set_permissions(&key, std::fs::Permissions::from_mode(0o600)).unwrap();
    };

    std::fs::copy(other.certs().join("key.pem"), &key).unwrap();
    patient.only(&[("certificate-key", "fail")]);
    back();

    for name in ["key.pem", "cert.pem"] {
        std::fs::copy(other.certs().join(name), patient.sandbox.certs().join(name)).unwrap();
    }
    patient.only(&[("certificate-identifiers", "fail")]);
    back();

    std::fs::set_permissions(&key, std::fs::Permissions::from_mode(0o644)).unwrap();
    let document = patient.only(&[("key-mode", "fail")]);
    let fix = check(&document, "key-mode")["fix"]
        .as_str()
        .unwrap()
        .to_owned();
    patient.sandbox.run("/bin/sh", ["-c", &fix]).ok();
    patient.only(&[]);

    std::fs::write(&cert, "no certificate\n").unwrap();
    patient.only(&[("certificate-set", "fail")]);
    back();

    std::fs::remove_file(&key).unwrap();
    patient.only(&[("certificate-set", "fail")]);
    patient.doctor(&["--fix"]).ok();
    patient.only(&[]);
}

/// A CA and a leaf made by openssl, in place of azup's, and what `azup trust` says to them.
fn by_openssl(patient: &Patient, extensions: &str) -> Done {
    let folder = patient.sandbox.certs();
    let [ca, key, cert] = files(patient);
    let openssl = |words: &str, files: &[&Path]| {
        let mut command = patient.sandbox.command("/usr/bin/openssl");
        command.current_dir(&folder);
        let mut files = files.iter();
        for word in words.split(' ') {
            match word {
                "@" => command.arg(files.next().unwrap()),
                word => command.arg(word),
            };
        }
        Done::from(command.output().unwrap()).ok();
    };
    let ec = "-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes";
    openssl(
        &format!(
            "req -x509 -days 300 -subj /CN=Other -keyout other.key {ec} \
             -addext keyUsage=critical,keyCertSign,cRLSign -out @"
        ),
        &[&ca],
    );
    std::fs::remove_file(&key).unwrap();
    openssl(
        &format!("req -new -subj /CN=leaf {ec} -keyout @ -out leaf.csr"),
        &[&key],
    );
    std::fs::write(folder.join("extensions"), extensions).unwrap();
    openssl(
        "x509 -req -days 300 -in leaf.csr -CA @ -CAkey other.key -CAcreateserial \
         -extfile extensions -out @",
        &[&ca, &cert],
    );
    std::fs::set_permissions(&key, std::fs::Permissions::from_mode(0o600)).unwrap();
    // The user knows who made it.
    patient
        .sandbox
        .azup(["trust", "--ca", ca.to_str().unwrap()])
        .ok();
    patient.sandbox.azup(["trust"])
}

#[test]
fn a_set_that_another_tool_made() {
    let patient = Patient::healthy();
    let usual = "basicConstraints=critical,CA:FALSE\nextendedKeyUsage=serverAuth\n\
                 subjectKeyIdentifier=hash\n";
    by_openssl(
        &patient,
        &format!("{usual}authorityKeyIdentifier=keyid\nsubjectAltName={NAMES}\n"),
    )
    .ok();
    patient.only(&[]);

    by_openssl(
        &patient,
        &format!("{usual}authorityKeyIdentifier=none\nsubjectAltName={NAMES}\n"),
    )
    .ok();
    patient.only(&[("certificate-identifiers", "fail")]);
    // A set that somebody else made is not replaced unless the user asks.
    let before = Sandbox::files(&patient.sandbox.certs());
    assert_eq!(patient.doctor(&["--fix"]).code, 1);
    assert_eq!(Sandbox::files(&patient.sandbox.certs()), before);

    let done = by_openssl(
        &patient,
        &format!("{usual}authorityKeyIdentifier=keyid\nsubjectAltName=DNS:azurite,DNS:localhost\n"),
    );
    assert_eq!(done.code, 1, "no store gets this CA: {done}");
    patient.only(&[("certificate-names", "fail")]);
}

#[test]
fn a_private_key_that_git_tracks() {
    let patient = Patient::healthy();
    let project = patient.sandbox.project();
    let folder = project.join(".devcontainer/azurite-certs");
    std::fs::create_dir_all(&folder).unwrap();
    patient.replace("docker", Some("echo 27.0"));
    patient.sandbox.azup(["trust"]).ok();
    let git = |words: &[&str]| patient.sandbox.run("git", words).ok();
    git(&["init", "-q"]);
    patient.only(&[]);
    git(&["add", "-f", ".devcontainer/azurite-certs/key.pem"]);
    let document = patient.only(&[("certificate-origin", "fail")]);
    let fix = check(&document, "certificate-origin")["fix"]
        .as_str()
        .unwrap()
        .to_owned();
    let untrack = fix.split(" && ").next().unwrap();
    patient.sandbox.run("/bin/sh", ["-c", untrack]).ok();
    patient.only(&[]);
}
