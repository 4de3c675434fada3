//! What is written, as openssl reads it. Debian: `apt-get install openssl`.

use std::process::Command;

use java_keystore::pkcs12::{self, NewCertificate};

#[test]
fn a_new_keystore_is_one_for_openssl_too() {
    let ca = include_bytes!("../fuzz/ca.der");
    for certificate in [
        NewCertificate::plain(ca),
        NewCertificate::trusted("größe", ca),
    ] {
        let path = std::env::temp_dir().join(format!("java-keystore-{}.p12", std::process::id()));
        std::fs::write(&path, pkcs12::encode([certificate])).expect("a writable folder");
        let mut openssl = Command::new("openssl");
        openssl.args(["pkcs12", "-nokeys", "-nomacver", "-passin", "pass:", "-in"]);
        let done = openssl.arg(&path).output().expect("openssl");
        let said = String::from_utf8_lossy(&done.stdout);
        let _ = std::fs::remove_file(&path);
        assert!(done.status.success(), "{done:?}");
        assert_eq!(said.matches("BEGIN CERTIFICATE").count(), 1, "{said}");
    }
}
