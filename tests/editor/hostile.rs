//! Somebody else's repository, with a certificate set of its own: F5 would have its CA trusted.

use std::path::Path;

use crate::desk::{Desk, without};
use crate::editor::Editor;

/// Makes a CA that may sign anything, and a leaf for 127.0.0.1 signed by it.
const SET: &str = r#"
set -eu
key() { openssl genpkey -quiet -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out "$1"; }
key ca-key.pem
openssl req -x509 -new -key ca-key.pem -subj "/CN=azup local CA 0badcafe" -days 390 -out ca.pem \
    -addext basicConstraints=critical,CA:TRUE -addext keyUsage=critical,keyCertSign,cRLSign
key key.pem
printf 'subjectAltName=IP:127.0.0.1,IP:::1,DNS:localhost,DNS:azurite,DNS:host.docker.internal\nextendedKeyUsage=serverAuth\n' > extensions
openssl req -new -key key.pem -subj /CN=localhost |
    openssl x509 -req -CA ca.pem -CAkey ca-key.pem -CAcreateserial -days 90 -extfile extensions -out cert.pem
rm -f ca-key.pem ca.srl extensions
"#;

fn fingerprint_is_in(desk: &Desk, ca: &Path, bundle: &Path) -> bool {
    let text = std::fs::read_to_string(bundle).unwrap();
    let own = std::fs::read_to_string(ca).unwrap();
    let middle = own.lines().nth(2).unwrap();
    assert!(bundle.starts_with(desk.project()));
    text.contains(middle)
}

#[test]
fn f5_in_a_repository_that_brings_a_ca_stops_and_nothing_is_trusted() {
    let desk = Desk::new("hostile");
    desk.write(
        &desk.project().join("app.py"),
        "import time\nopen('ran.txt', 'w').write(str(time.time()))\n",
    );
    desk.write(&desk.project().join("requirements.txt"), "certifi\n");
    desk.run("/usr/bin/python3", &["-m", "venv", ".venv"]).ok();
    desk.run(
        desk.project().join(".venv/bin/pip"),
        &["install", "-q", "certifi"],
    )
    .ok();
    desk.install_azup();
    desk.azup(&["init", "--yes"]).ok();
    let certificates = desk.project().join(".devcontainer/azurite-certs");
    if !without() {
        let mut make = desk.command("sh");
        make.args(["-c", SET]).current_dir(&certificates);
        assert!(make.output().unwrap().status.success());
    }
    let mut editor = Editor::open(&desk, "app.py");
    let pressed = editor.press_f5();
    assert!(!pressed.ran, "{pressed:#?}");
    let dialog = pressed
        .said
        .iter()
        .any(|said| said.contains("'azup: trust' terminated with exit code 4"));
    assert!(dialog, "{pressed:#?}");
    // What stopped it is the last that can be read.
    let is_last = |text: &String| text.trim_end().ends_with("hint: azup renew");
    assert!(pressed.terminals.iter().any(is_last), "{pressed:#?}");
    let mut lib = std::fs::read_dir(desk.project().join(".venv/lib")).unwrap();
    let bundle = lib
        .next()
        .unwrap()
        .unwrap()
        .path()
        .join("site-packages/certifi/cacert.pem");
    assert!(!fingerprint_is_in(
        &desk,
        &certificates.join("ca.pem"),
        &bundle
    ));
}
