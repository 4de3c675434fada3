//! Faults around the chain that break it.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{Ipv4Addr, TcpListener};

use crate::sandbox::{Sandbox, azup, free_ports};

use super::patient::{Patient, check, days_ago};

/// Answers every request on this port in the same way, until the process ends.
pub(super) fn answering(status: &'static str, body: &'static str) -> u16 {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let mut reader = BufReader::new(stream);
            let mut line = String::new();
            while reader.read_line(&mut line).is_ok_and(|count| count > 2) {
                line.clear();
            }
            let _ = write!(
                reader.get_mut(),
                "HTTP/1.1 {status}\r\nContent-Length: {}\r\n\r\n{body}",
                body.len()
            );
        }
    });
    port
}

#[test]
fn variables_that_get_in_the_way() {
    let mut patient = Patient::healthy();
    for (name, value) in [
        ("HTTPS_PROXY", "http://127.0.0.1:9"),
        ("http_proxy", "http://127.0.0.1:9"),
    ] {
        patient.sandbox.set(name, value);
        patient.only(&[("proxy", "fail")]);
        patient.sandbox.set("NO_PROXY", "localhost,127.0.0.1");
        patient.only(&[]);
        patient.sandbox.unset("NO_PROXY");
        patient.sandbox.unset(name);
    }

    patient.sandbox.set("AZURE_CLIENT_SECRET", "x");
    patient.only(&[("credential-variables", "warn")]);
    patient.sandbox.set("AZURE_CLIENT_ID", "x");
    patient.sandbox.set("AZURE_TENANT_ID", "x");
    let document = patient.only(&[("credential-variables", "fail")]);
    let fix = check(&document, "credential-variables")["fix"].clone();
    assert_eq!(fix, "unset AZURE_CLIENT_SECRET");
    patient
        .sandbox
        .set("AZURE_TOKEN_CREDENTIALS", "ManagedIdentityCredential");
    patient.only(&[]);
}

#[test]
fn the_endpoint_for_tokens() {
    let mut patient = Patient::healthy();
    let at = |port: u16| format!("http://127.0.0.1:{port}/msi/token");
    let [free, ..] = free_ports();
    patient.sandbox.set("IDENTITY_ENDPOINT", at(free));
    patient.only(&[("credential-endpoint", "fail")]);
    patient.sandbox.set("IDENTITY_HEADER", "x");
    let document = patient.only(&[("credential-endpoint", "fail")]);
    let said = check(&document, "credential-endpoint").to_string();
    assert!(said.contains("nothing listens there"), "{said}");

    patient
        .sandbox
        .set("IDENTITY_ENDPOINT", at(answering("401 Unauthorized", "")));
    let document = patient.only(&[("credential-endpoint", "fail")]);
    let said = check(&document, "credential-endpoint").to_string();
    assert!(
        said.contains("does not accept this IDENTITY_HEADER"),
        "{said}"
    );

    let port = answering("200 OK", r#"{"access_token": "a.b.c"}"#);
    patient.sandbox.set("IDENTITY_ENDPOINT", at(port));
    let document = patient.only(&[("credential-endpoint", "warn")]);
    let said = check(&document, "credential-endpoint").to_string();
    assert!(
        said.contains("AZURE_STORAGE_BLOB_ENDPOINT is not set"),
        "{said}"
    );
    patient.sandbox.set(
        "AZURE_STORAGE_BLOB_ENDPOINT",
        "https://127.0.0.1:10000/devstoreaccount1",
    );
    patient.only(&[]);

    patient.sandbox.set("IDENTITY_SERVER_THUMBPRINT", "x");
    let document = patient.only(&[("credential-endpoint", "fail")]);
    let fix = check(&document, "credential-endpoint")["fix"].clone();
    assert_eq!(fix, "unset IDENTITY_SERVER_THUMBPRINT");
    patient.sandbox.unset("IDENTITY_SERVER_THUMBPRINT");

    // az is only asked if there is no endpoint.
    patient.replace("az", Some("echo 'ERROR: Please run az login' >&2; exit 1"));
    patient.only(&[]);
    patient.sandbox.unset("IDENTITY_ENDPOINT");
    let document = patient.only(&[("credential-az", "warn")]);
    let said = check(&document, "credential-az").to_string();
    assert!(said.contains("Please run az login"), "{said}");
    patient.replace("az", Some("echo Bearer"));
    patient.only(&[]);
}

#[test]
fn settings_that_name_the_emulator_of_old() {
    let patient = Patient::healthy();
    let settings = r#"{"Values": {"AzureWebJobsStorage": "UseDevelopmentStorage=true"}}"#;
    let file = patient.sandbox.write("local.settings.json", settings);
    let document = patient.only(&[("settings", "warn")]);
    let fix = check(&document, "settings")["fix"].clone();
    assert_eq!(fix, "azup env --format functions");
    std::fs::remove_file(file).unwrap();

    let file = patient
        .sandbox
        .write(".env", "# UseDevelopmentStorage=true\nA=1\n");
    patient.only(&[]);
    std::fs::write(&file, "STORAGE='UseDevelopmentStorage=true'\n").unwrap();
    patient.only(&[("settings", "warn")]);
}

#[test]
fn the_dev_container_and_what_runs_it() {
    let patient = Patient::healthy();
    patient.replace("docker", Some("echo 27.0"));
    let mut patient = patient;
    patient.sandbox.azup(["init", "--yes"]).ok();
    patient.only(&[]);

    let overlay = ".devcontainer/azurite/docker-compose.yml";
    let path = patient.sandbox.project().join(overlay);
    let before = std::fs::read_to_string(&path).unwrap();
    std::fs::write(&path, format!("{before}# of another version\n")).unwrap();
    let document = patient.only(&[("devcontainer-files", "warn")]);
    let said = check(&document, "devcontainer-files").to_string();
    assert!(said.contains(overlay), "{said}");
    std::fs::write(&path, before).unwrap();

    patient.replace(
        "docker",
        Some("[ $1 = compose ] || { echo 'no daemon' >&2; exit 1; }"),
    );
    patient.only(&[("container-engine", "warn")]);
    patient.replace("docker", Some("[ $1 != compose ] && echo 27.0"));
    patient.only(&[("container-compose", "warn")]);
    patient.replace("docker", None);
    patient.sandbox.set("REMOTE_CONTAINERS", "true");
    patient.only(&[]);
}

/// If compose runs Azurite next to the dev container, nothing in this one needs Node.js.
#[test]
fn a_dev_container_without_node_js_lacks_nothing() {
    let mut sandbox = Sandbox::new();
    sandbox.set("AZUP_STORES", "none");
    sandbox.write("app.py", "");
    sandbox.azup(["init", "--yes"]).ok();
    let azup = azup().to_str().unwrap();
    let words = [
        "env",
        "PATH=/nowhere",
        azup,
        "doctor",
        "azurite-node",
        "--json",
    ];
    let inside = sandbox.in_dev_container(words).json();
    assert_eq!(inside["checks"][0]["status"], "skip", "{inside}");
    let outside = sandbox.run(words[0], &words[1..]).json();
    assert_eq!(outside["checks"][0]["status"], "warn", "{outside}");
}

#[test]
fn a_clock_that_is_behind_the_certificates() {
    let mut patient = Patient::healthy();
    patient.sandbox.set("AZUP_NOW", days_ago(10).to_string());
    let document = patient.only(&[("clock", "fail")]);
    // No command that azup could name sets it.
    let said = check(&document, "clock");
    assert!(said["fix"].is_null(), "{said}");
    let said = said["detail"].as_str().unwrap();
    assert!(said.contains("set this machine's clock"), "{said}");
}
