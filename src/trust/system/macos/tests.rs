//! `security` is a recording stand-in: a folder is the keychain, a file the user's trust
//! settings. It takes the options that security(1) lists for each command, and no other, and ends
//! as that page says. That macOS really behaves so was not tried.

use super::*;
use super::super::stand_in::{System, ca};
use crate::trust::Outcome;

fn keychain(system: &System) -> Candidate {
    std::fs::create_dir_all(system.at("keychain")).unwrap();
    let security = system.program(
        "security",
        r#"
        for last; do :; done
        command=$1 with=$2
        shift
        case $command in
        find-certificate) known=hac:e:mpZ ;;
        dump-trust-settings) known=sd ;;
        verify-cert) known=c:r:p:Cd:k:nNLle:s:qR:Ptv ;;
        add-trusted-cert) known=dr:p:a:s:e:u:k:i:o: ;;
        delete-certificate) known=c:Z:t ;;
        *) exit 2 ;;
        esac
        while getopts "$known" option; do [ "$option" != '?' ] || exit 2; done
        case $command in
        find-certificate) cat "$ROOT"/keychain/* 2>/dev/null || exit 44 ;;
        dump-trust-settings) cat "$ROOT/settings" 2>/dev/null || exit 1 ;;
        verify-cert) test -e "$ROOT/settings" ;;
        add-trusted-cert)
            cp "$last" "$ROOT/keychain/"
            openssl x509 -in "$last" -noout -subject > "$ROOT/settings" ;;
        delete-certificate)
            [ "$with" != -t ] || rm "$ROOT/settings" || exit 1
            rm "$ROOT"/keychain/* ;;
        esac"#,
    );
    Candidate::Store(Box::new(Keychain {
        security,
        path: system.file("home/login.keychain-db", ""),
    }))
}

#[test]
fn a_recording_stand_in_for_security_adds_once_and_removes_once() {
    let system = System::new();
    let ca = ca();
    let sha1 = sha1(&ca);
    let row = system.add(keychain(&system), &ca);
    assert_eq!(row.outcome, Outcome::Added, "{row:?}");
    let calls = system.calls();
    let add = format!(
        "security add-trusted-cert -r trustRoot -p ssl -p basic -k /home/login.keychain-db \
         /home/.local/share/azup/{sha1}.pem\n"
    );
    assert!(calls.contains(&add), "{calls}");
    let left = std::fs::read_dir(system.at("home/.local/share/azup")).unwrap();
    let left: Vec<_> = left.map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(left, ["stores.json"], "the record, and no copy of the CA");

    let row = system.add(keychain(&system), &ca);
    assert_eq!(row.outcome, Outcome::Trusted, "{row:?}");
    assert!(!system.calls().contains("add-trusted-cert"));

    let row = system.remove(keychain(&system));
    assert_eq!(row.outcome, Outcome::Removed, "{row:?}");
    let calls = system.calls();
    let delete = format!("security delete-certificate -t -Z {sha1} /home/login.keychain-db\n");
    assert!(calls.contains(&delete), "{calls}");
    let row = system.remove(keychain(&system));
    assert_eq!(row.outcome, Outcome::Absent, "{row:?}");
}

/// As an update of macOS leaves it: in the keychain, and trusted no more.
#[test]
fn a_recording_stand_in_for_security_shows_that_presence_is_not_trust() {
    let system = System::new();
    let ca = ca();
    system.add(keychain(&system), &ca);
    std::fs::remove_file(system.at("settings")).unwrap();
    let row = system.add(keychain(&system), &ca);
    assert_eq!(row.outcome, Outcome::Added, "{row:?}");
    std::fs::remove_file(system.at("settings")).unwrap();
    system.calls();
    let row = system.remove(keychain(&system));
    assert_eq!(row.outcome, Outcome::Removed, "{row:?}");
    assert!(system.calls().contains("delete-certificate -Z "));
}

/// A set on disk: the leaf is asked about, because a root is always good by itself.
#[test]
fn a_recording_stand_in_for_security_verifies_the_leaf() {
    let system = System::new();
    let now = time::OffsetDateTime::now_utc();
    let issued = crate::certificates::issue(&[], now).unwrap();
    let file = system.file("home/ca.pem", &issued.ca);
    system.file("home/cert.pem", &issued.cert);
    let ca = TrustAnchor::from_pem(issued.ca.as_bytes(), &file, now).unwrap();
    let row = system.add(keychain(&system), &ca);
    assert_eq!(row.outcome, Outcome::Added, "{row:?}");
    let calls = system.calls();
    assert!(
        calls.contains("security verify-cert -p ssl -s 127.0.0.1 -c /home/cert.pem\n"),
        "{calls}"
    );
}

#[test]
fn a_recording_stand_in_for_security_takes_no_option_that_its_page_lacks() {
    let system = System::new();
    keychain(&system);
    let machine = system.machine();
    for (words, code) in [("add-trusted-cert -x a", 2), ("trust-cert", 2), ("find-certificate -a -c b -p", 44)] {
        let mut argv: Vec<OsString> = vec![system.at("bin/security").into()];
        argv.extend(words.split(' ').map(OsString::from));
        let done = machine.run(&argv, None, LIMIT).unwrap();
        assert_eq!(done.status.code(), Some(code), "{words}");
    }
}

#[test]
fn a_recording_stand_in_for_a_refused_password_leaves_no_file() {
    let system = System::new();
    let found = keychain(&system);
    system.program(
        "security",
        "[ $1 != add-trusted-cert ] || { echo 'SecTrustSettingsSetTrustSettings: canceled' >&2; exit 1; }",
    );
    let row = system.add(found, &ca());
    assert_eq!(row.outcome, Outcome::Failed, "{row:?}");
    assert!(row.detail.unwrap().ends_with("canceled"));
    let left = std::fs::read_dir(system.at("home/.local/share/azup")).unwrap();
    let left: Vec<_> = left.map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(left, ["stores.json"], "the record, and no copy of the CA");
}
