//! Clients that do not do what the stores promise.

use super::patient::{Patient, check};

#[test]
fn a_client_that_ignores_the_stores_is_reported() {
    let mut patient = Patient::healthy();
    let document = patient.only(&[]);
    for client in ["python", "python-async", "node", "curl", "openssl"] {
        let found = check(&document, &format!("client-{client}"));
        assert_eq!(found["status"], "ok", "{found}");
    }

    let other = patient.sandbox.foreign_ca("other");
    let rc = patient.sandbox.home().join(".curlrc");
    std::fs::write(&rc, format!("cacert = {}\n", other.display())).unwrap();
    patient.only_with(
        &["--stores", "certifi,system", "client-curl"],
        &[("client-curl", "fail")],
    );
    std::fs::remove_file(&rc).unwrap();

    // Node reads no store, only the variable.
    patient.sandbox.unset("NODE_EXTRA_CA_CERTS");
    patient.only(&[]);
    patient.sandbox.write("package.json", "{}\n");
    patient.only(&[("client-node", "warn")]);
}

#[test]
fn a_client_that_hangs() {
    let patient = Patient::healthy();
    patient.replace("curl", Some("sleep 600"));
    let mut words = vec!["doctor", "--json", "--limit=1", "client-curl"];
    let done = patient.sandbox.azup(&words).ok();
    let expected = [("client-curl", "warn")].map(super::patient::owned);
    assert_eq!(super::patient::wrong(&done), expected);
    let said = check(&done.json(), "client-curl");
    let detail = said["detail"].as_str().unwrap();
    assert!(
        detail.ends_with("curl did not end within a second"),
        "{detail}"
    );
    assert_eq!(said["fix"], "azup doctor client-curl --limit 20");

    // The same in a child that outlives its parent's time limit.
    patient.replace("curl", Some("sleep 600 & wait"));
    words.push("proxy");
    let done = patient.sandbox.azup(&words).ok();
    assert_eq!(
        super::patient::wrong(&done),
        expected,
        "the other check is not held up"
    );
}

#[test]
fn the_node_that_would_run_azurite() {
    let patient = Patient::healthy();
    patient.replace("node", Some("echo v18.20.0"));
    patient.only_with(&["azurite-node"], &[("azurite-node", "warn")]);
    patient.replace("node", None);
    let document = patient.only(&[("azurite-node", "warn")]);
    assert_eq!(check(&document, "client-node")["status"], "skip");
}
