//! Real Azurites, started as people start them: some of them wrongly.

use std::path::PathBuf;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::sandbox::part;

use super::patient::{Patient, check};

const PATIENCE: Duration = Duration::from_secs(120);

/// A program of this test, killed when the test ends.
struct Started(Child);

impl Drop for Started {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Azurite run by Node alone, on the patient's ports, with these options added to the usual ones.
fn azurite(patient: &Patient, options: &[&str]) -> Started {
    let [blob, queue, table] = patient.ports();
    let entry = part("azurite-3.37.0").join("node_modules/azurite/dist/src/azurite.js");
    let mut command = patient.sandbox.command(patient.program("node"));
    command
        .arg(entry)
        .args(["--silent", "--disableTelemetry", "--inMemoryPersistence"])
        .args(["--blobPort", &blob.to_string()])
        .args(["--queuePort", &queue.to_string()])
        .args(["--tablePort", &table.to_string()])
        .args(options)
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    let started = Started(command.spawn().unwrap());
    patient.ports().into_iter().for_each(wait_for);
    started
}

fn wait_for(port: u16) {
    let until = Instant::now() + PATIENCE;
    while std::net::TcpStream::connect(("127.0.0.1", port)).is_err() {
        assert!(Instant::now() < until, "nothing listens on {port}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// The options for HTTPS with the patient's set.
fn tls(patient: &Patient) -> Vec<String> {
    let at = |name: &str| patient.sandbox.certs().join(name);
    let text = |path: PathBuf| path.to_string_lossy().into_owned();
    vec![
        "--cert".to_owned(),
        text(at("cert.pem")),
        "--key".to_owned(),
        text(at("key.pem")),
    ]
}

/// An SDK that sends this version, as far as can be seen without running it.
fn sdk(patient: &Patient, version: &str) {
    let lib = patient.sandbox.project().join(".venv/lib");
    let python = std::fs::read_dir(lib).unwrap().next().unwrap().unwrap();
    let folder = python.path().join("site-packages/azure/storage/blob");
    std::fs::create_dir_all(&folder).unwrap();
    let text = format!("_SUPPORTED_API_VERSIONS = [\n    \"2019-02-02\",\n    \"{version}\",\n]\n");
    std::fs::write(folder.join("_serialize.py"), text).unwrap();
}

/// The Azurite that azup would install.
pub(super) fn installed(patient: &Patient) {
    let own = patient.sandbox.own();
    std::os::unix::fs::symlink(part("azurite-3.37.0"), own.join("azurite-3.37.0")).unwrap();
}

/// Starts it on the patient's ports.
pub(super) fn up(patient: &Patient) {
    let ports = ["blob", "queue", "table"].into_iter().zip(patient.ports());
    let ports = ports.map(|(name, port)| format!("--{name}-port={port}"));
    let words = ["up".to_owned(), "-d".to_owned()].into_iter().chain(ports);
    patient.sandbox.azup(words).ok();
}

#[track_caller]
fn status(document: &Value, id: &str) -> String {
    check(document, id)["status"].as_str().unwrap().to_owned()
}

#[test]
fn azups_azurite_is_healthy_until_something_around_it_changes() {
    let mut patient = Patient::healthy();
    installed(&patient);
    sdk(&patient, "2026-10-06");
    up(&patient);
    let document = patient.only(&[]);
    for id in [
        "running",
        "https",
        "certificate",
        "oauth",
        "api",
        "data",
        "ports",
    ] {
        assert_eq!(status(&document, &format!("azurite-{id}")), "ok", "{id}");
    }
    let healthy = patient.doctor::<&str>(&[]).ok().stdout;
    let lines: Vec<&str> = healthy.lines().collect();
    assert!(lines.len() <= 3, "{healthy}");
    let fine = "ok    clock, certificate, key, store, proxy, settings, client, azurite, ";
    assert!(lines[0].starts_with(fine), "{healthy}");
    assert!(
        lines[1].ends_with(" skipped (azup doctor -v lists them)"),
        "{healthy}"
    );
    assert!(patient.doctor(&["-v"]).ok().stdout.lines().count() > 20);
    let whole = check(&document, "azurite-running").to_string();
    assert!(whole.contains("Azurite 3.37.0"), "{whole}");
    // azup knows where its own Azurite runs without being told.
    let done = patient
        .sandbox
        .azup(["doctor", "--json", "azurite-running"])
        .ok();
    assert_eq!(status(&done.json(), "azurite-running"), "ok");

    let now = time::OffsetDateTime::now_utc().unix_timestamp();
    patient.sandbox.set("AZUP_NOW", (now + 7200).to_string());
    patient.only(&[("clock", "fail")]);
    patient.sandbox.unset("AZUP_NOW");

    // A token that was not made for Azurite.
    patient.sandbox.set("IDENTITY_HEADER", "x");
    let port = super::surroundings::answering("200 OK", r#"{"access_token": "a.b.c"}"#);
    let endpoint = format!("http://127.0.0.1:{port}/msi/token");
    patient.sandbox.set("IDENTITY_ENDPOINT", endpoint);
    patient.sandbox.set(
        "AZURE_STORAGE_BLOB_ENDPOINT",
        "https://127.0.0.1:10000/devstoreaccount1",
    );
    patient.only(&[("credential-token", "fail")]);
    patient.sandbox.unset("AZURE_STORAGE_BLOB_ENDPOINT");
    patient.sandbox.unset("IDENTITY_ENDPOINT");

    // Another project's set, also trusted, is not the one that is served.
    let other = patient.sandbox.root().join("other");
    let other = other.to_str().unwrap();
    patient.sandbox.azup(["renew", "--certs", other]).ok();
    let document = patient.only_with(&["--certs", other], &[("azurite-certificate", "fail")]);
    let fix = check(&document, "azurite-certificate")["fix"].to_string();
    let expected = format!("\"azup down && azup up --certs {other} -d --blob-port ");
    assert!(fix.starts_with(&expected), "{fix}");
}

#[test]
fn an_azurite_that_speaks_plain_http() {
    let patient = Patient::healthy();
    let _azurite = azurite(&patient, &["--skipApiVersionCheck"]);
    let document = patient.only(&[("azurite-https", "fail")]);
    let said = check(&document, "azurite-https").to_string();
    assert!(said.contains("by process"), "{said}");
}

#[test]
fn an_azurite_without_oauth_and_an_old_one_with_a_new_sdk() {
    let patient = Patient::healthy();
    sdk(&patient, "2026-10-06");
    let tls = tls(&patient);
    let with = |more: &[&'static str]| {
        let options: Vec<&str> = tls
            .iter()
            .map(String::as_str)
            .chain(more.iter().copied())
            .collect();
        azurite(&patient, &options)
    };
    let without = with(&["--skipApiVersionCheck"]);
    patient.only(&[("azurite-oauth", "fail")]);
    drop(without);

    let _old = with(&["--oauth", "basic"]);
    let document = patient.only(&[("azurite-api", "fail")]);
    let said = check(&document, "azurite-api").to_string();
    assert!(
        said.contains("2026-10-06") && said.contains("3.37.0"),
        "{said}"
    );
    // The same Azurite supports what an older SDK sends.
    sdk(&patient, "2025-11-05");
    patient.only(&[]);
}

#[test]
fn a_port_that_something_else_has() {
    let patient = Patient::healthy();
    let [blob, ..] = patient.ports();
    let mut server = patient.sandbox.command("/usr/bin/env");
    server
        .args([
            "python3",
            "-m",
            "http.server",
            "--bind",
            "127.0.0.1",
            &blob.to_string(),
        ])
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    let _server = Started(server.spawn().unwrap());
    wait_for(blob);
    let document = patient.only(&[("azurite-ports", "fail")]);
    let said = check(&document, "azurite-ports").to_string();
    assert!(
        said.contains("http.server") && said.contains("SimpleHTTP"),
        "{said}"
    );
}

#[test]
fn a_service_that_is_not_there() {
    let mut patient = Patient::healthy();
    let tls = tls(&patient);
    let options: Vec<&str> = tls.iter().map(String::as_str).collect();
    let more = ["--oauth", "basic", "--skipApiVersionCheck"];
    let _azurite = azurite(&patient, &[&options[..], &more].concat());
    let [blob, queue, _] = patient.ports();
    let [free, ..] = crate::sandbox::free_ports();
    patient.look_at([blob, queue, free]);
    patient.only(&[("azurite-running", "fail")]);
}

#[test]
fn a_port_that_takes_connections_and_says_nothing() {
    let patient = Patient::healthy();
    let [_, queue, _] = patient.ports();
    let _listener = std::net::TcpListener::bind(("127.0.0.1", queue)).unwrap();
    let words = ["azurite-ports", "azurite-running", "azurite-oauth"];
    let mut silent = patient
        .sandbox
        .azup_command(["doctor", "--json", "--limit=1"]);
    silent.args(words).arg(format!("--queue-port={queue}"));
    let [blob, _, table] = patient.ports();
    silent
        .arg(format!("--blob-port={blob}"))
        .arg(format!("--table-port={table}"));
    let done = crate::sandbox::Done::from(silent.output().unwrap()).ok();
    let expected = [("azurite-ports", "warn")].map(super::patient::owned);
    assert_eq!(super::patient::wrong(&done), expected);
}
