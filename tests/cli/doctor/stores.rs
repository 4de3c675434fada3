//! The CA is missing somewhere, or something else is in its place.

use std::path::Path;

use crate::sandbox::{Sandbox, public_roots};

use super::patient::{Patient, check, days_ago};

#[test]
fn missing_in_certifi_and_in_bundles() {
    let mut patient = Patient::healthy();
    patient.reinstall_certifi();
    patient.only(&[("store-certifi", "fail")]);
    patient.sandbox.azup(["trust"]).ok();

    let named = patient.sandbox.write("named.pem", public_roots());
    let words = ["--bundle", named.to_str().unwrap()];
    patient.only_with(&words, &[("store-bundle", "fail")]);
    // If a variable names it too, it is still one fault.
    patient.sandbox.set("CURL_CA_BUNDLE", &named);
    patient.only_with(&words, &[("store-bundle", "fail")]);
    patient.sandbox.unset("CURL_CA_BUNDLE");
    patient.doctor(&[&words[..], &["--fix"]].concat()).ok();
    patient.only_with(&words, &[]);

    // The system's own bundle, which is read instead of certifi's.
    let system = "/etc/ssl/certs/ca-certificates.crt";
    patient.sandbox.set("REQUESTS_CA_BUNDLE", system);
    let document = patient.only(&[("store-variables", "fail")]);
    let said = check(&document, "store-variables").to_string();
    assert!(said.contains("REQUESTS_CA_BUNDLE"), "{said}");
    patient.sandbox.unset("REQUESTS_CA_BUNDLE");

    let whole = patient.sandbox.project().join("company.pem");
    patient.sandbox.set("SSL_CERT_FILE", system);
    patient.only(&[("store-variables", "fail")]);
    patient.sandbox.set("SSL_CERT_FILE", &whole);

    let other = patient.sandbox.foreign_ca("other");
    patient.sandbox.set("NODE_EXTRA_CA_CERTS", &other);
    patient.only(&[("store-variables", "fail")]);
    // A file of the user's own gets the CA.
    patient.doctor(&["--fix"]).ok();
    patient.only(&[]);

    patient.sandbox.set("CURL_CA_BUNDLE", "gone.pem");
    patient.only(&[("store-variables", "fail")]);
}

#[test]
fn missing_in_a_browsers_database_alone() {
    let mut patient = Patient::healthy();
    patient.sandbox.set("AZUP_STORES", "certifi,nss");
    let folder = patient.sandbox.home().join(".pki/nssdb");
    std::fs::create_dir_all(&folder).unwrap();
    let database = format!("sql:{}", folder.display());
    let words = ["-N", "--empty-password", "-d", &database];
    patient.sandbox.run("certutil", words).ok();
    patient.only(&[("store-nss", "fail")]);
    patient.doctor(&["--fix"]).ok();
    let document = patient.only(&[]);
    assert_eq!(
        check(&document, "client-nss")["status"],
        "ok",
        "NSS itself agrees"
    );

    // An unreadable store is a fault of its own.
    std::fs::write(folder.join("cert9.db"), "no database\n").unwrap();
    patient.only(&[("store-nss", "fail")]);
}

#[test]
fn an_expired_ca_that_is_still_in_a_store_is_reported_and_removed() {
    let patient = Patient::healthy();
    // Trusted long ago by an azup whose record is lost.
    let mut before = Sandbox::new();
    before.set("AZUP_NOW", days_ago(500).to_string());
    let bundle = patient.sandbox.project().join("company.pem");
    let trust = |bundle: &Path| {
        let words = ["trust", "--stores", "none", "--bundle"].map(std::ffi::OsStr::new);
        before
            .azup(words.into_iter().chain([bundle.as_os_str()]))
            .ok();
    };
    trust(&bundle);
    let document = patient.only(&[("store-expired", "warn")]);
    let fix = check(&document, "store-expired")["fix"].clone();
    assert_eq!(fix, "azup doctor --fix store-expired");
    patient.doctor(&["--fix", "store-expired"]).ok();
    patient.only(&[]);
}

/// In a mount namespace in which the machine's own JDKs are hidden.
#[test]
fn missing_in_javas_keystore_alone() {
    let mut sandbox = Sandbox::new();
    sandbox.set("AZUP_STORES", "java");
    let cacerts = Path::new("/etc/ssl/certs/java/cacerts");
    let keystore = crate::java::home_with(&mut sandbox, cacerts);
    // The keytool in that home is a link to the machine's, which would read the machine's store.
    let option = format!("-Djavax.net.ssl.trustStore={}", keystore.display());
    sandbox.set("JAVA_TOOL_OPTIONS", option);
    let azup = crate::sandbox::azup().as_os_str();
    let run = |words: &[&str]| {
        let words = words.iter().map(std::ffi::OsStr::new);
        crate::java::hidden(&sandbox, None, [azup].into_iter().chain(words))
    };
    run(&["trust", "--stores", "none"]).ok();
    let checks = [
        "doctor",
        "--json",
        "--limit=60",
        "store-java",
        "client-java",
    ];
    let wrong = |done| super::patient::wrong(&done);
    let expected = [("store-java", "fail")].map(super::patient::owned);
    assert_eq!(wrong(run(&checks)), expected);
    // Java itself is asked: it refuses, then accepts.
    let alone = ["doctor", "--json", "--limit=60", "client-java"];
    let expected = [("client-java", "fail")].map(super::patient::owned);
    let refused = run(&alone);
    assert!(
        refused.stdout.contains("PKIX path building failed"),
        "{refused}"
    );
    assert_eq!(wrong(refused), expected);
    run(&["trust"]).ok();
    let done = run(&checks).ok().json();
    assert_eq!(check(&done, "client-java")["status"], "ok");
}
