//! `certutil.exe` is a recording stand-in that keeps its store in a folder. That Windows
//! really behaves so was not tried.

use super::super::stand_in::{System, ca};
use super::*;
use crate::trust::Outcome;

/// Lists as a German Windows does, with a rule, issuer, subject and hash per certificate.
fn store(system: &System) -> Found {
    std::fs::create_dir_all(system.at("store")).unwrap();
    let certutil = system.program(
        "certutil.exe",
        r#"
        case $2 in
        -addstore)
            sha1=$(openssl x509 -in "$4" -noout -fingerprint -sha1 | cut -d= -f2 | tr -d :)
            cp "$4" "$ROOT/store/$sha1" ;;
        -delstore) rm "$ROOT/store/$4" ;;
        -verifystore) test -e "$ROOT/store/$4" ;;
        -store)
            for file in "$ROOT"/store/*; do
                [ -e "$file" ] || exit 0
                name=$(openssl x509 -in "$file" -noout -subject -nameopt sname | sed 's/.*CN *= *//')
                echo '================ Zertifikat 0 ================'
                echo "Aussteller: CN=$name"
                echo "Antragsteller: CN=$name"
                echo "Zertifikathash(sha1): ${file##*/}" | tr A-F a-f
            done ;;
        esac"#,
    );
    Found::Store(Box::new(CurrentUserRoot { certutil }))
}

#[test]
fn a_recording_stand_in_for_certutil_adds_once_and_removes_once() {
    let system = System::new();
    let ca = ca();
    let sha1 = sha1(&ca);
    let row = system.add(store(&system), &ca);
    assert_eq!(row.outcome, Outcome::Added, "{row:?}");
    assert_eq!(
        system.calls(),
        format!(
            "certutil.exe -user -verifystore Root {sha1}\n\
             certutil.exe -user -addstore Root /home/.local/share/azup/{sha1}.pem\n\
             certutil.exe -user -verifystore Root {sha1}\n"
        )
    );
    let row = system.add(store(&system), &ca);
    assert_eq!(row.outcome, Outcome::Trusted, "{row:?}");
    system.calls();

    let row = system.remove(store(&system));
    assert_eq!(row.outcome, Outcome::Removed, "{row:?}");
    let calls = system.calls();
    let delete = format!("certutil.exe -user -delstore Root {sha1}\n");
    assert!(calls.contains(&delete), "{calls}");
    let row = system.remove(store(&system));
    assert_eq!(row.outcome, Outcome::Absent, "{row:?}");
}

#[test]
fn only_certificates_of_azups_own_are_taken_from_a_list() {
    let rule = "================ Certificate 1 ================\r\n";
    let block = |issuer: &str, subject: &str, hash: &str| {
        format!(
            "{rule}Serial Number: 1\r\nIssuer: {issuer}\r\n NotAfter: x\r\nSubject: {subject}\r\nSignature matches Public Key\r\nCert Hash(sha1): {hash}\r\n"
        )
    };
    let hash = "0123456789abcdef0123456789abcdef01234567";
    let pairs = "01 23 45 67 89 ab cd ef 01 23 45 67 89 ab cd ef 01 23 45 ff";
    let name = "CN=azup local CA 1234abcd";
    let list = [
        block("CN=Somebody, O=Else", "CN=Somebody, O=Else", hash),
        block(name, name, hash),
        block(name, "CN=localhost", hash),
        block(name, name, pairs),
        block(name, name, "not a hash"),
        block(
            "CN=azup local CA authority",
            "CN=azup local CA authority",
            hash,
        ),
    ]
    .concat();
    assert_eq!(
        ours(&format!(
            "Root\r\n{list}CertUtil: -store command completed.\r\n"
        )),
        [
            "0123456789ABCDEF0123456789ABCDEF01234567",
            "0123456789ABCDEF0123456789ABCDEF012345FF"
        ]
    );
}
