//! NSS databases that are not simple: shared nicknames and subjects, passwords, and trust
//! in the dialect of newer NSS. All are real, made by certutil or by Firefox's `libnss3`.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use crate::browser::{
    certutil, database, label, libraries, trust, untrust, with_set, without_certutil,
};
use crate::sandbox::{Done, Sandbox};

fn openssl(sandbox: &Sandbox, words: &str) {
    sandbox.run("openssl", words.split(' ')).ok();
}

/// A self-signed certificate of this name, as the file `NAME.pem` of the project.
fn foreign(sandbox: &Sandbox, subject: &str, file: &str) -> PathBuf {
    let words = "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout /dev/null";
    let mut openssl = sandbox.command("openssl");
    openssl.args(words.split(' '));
    openssl.args(["-subj", &format!("/CN={subject}"), "-out", file]);
    Done::from(openssl.output().unwrap()).ok();
    sandbox.project().join(file)
}

fn add(sandbox: &Sandbox, folder: &Path, nickname: &str, file: &Path) {
    let file = file.to_str().unwrap();
    let words = ["-A", "-n", nickname, "-t", "C,,", "-i", file];
    certutil(sandbox, folder, &words).ok();
}

/// The certificates of a database and the number of its trust rows in the older and in
/// the newer dialect, as Python's `sqlite3` reads them.
fn rows(sandbox: &Sandbox, folder: &Path) -> (Vec<String>, u64, u64) {
    const SCRIPT: &str = r"
import json, sqlite3, sys
rows = sqlite3.connect(sys.argv[1]).execute('select a0, a11 from nssPublic').fetchall()
count = lambda kind: sum(row[0].hex() == kind for row in rows)
certs = sorted(row[1].hex() for row in rows if row[0].hex() == '00000001')
print(json.dumps([certs, count('ce534353'), count('0000000b')]))
";
    let done = python(sandbox, SCRIPT, &folder.join("cert9.db"));
    serde_json::from_str(&done.stdout).unwrap()
}

fn python(sandbox: &Sandbox, script: &str, file: &Path) -> Done {
    let mut python = sandbox.command("/usr/bin/python3");
    python.args(["-c", script]).arg(file);
    Done::from(python.output().unwrap()).ok()
}

/// Runs `azup` where certutil is, but no library that azup would find: the state of a
/// statically linked azup. certutil itself gets its library by `LD_LIBRARY_PATH`, where
/// azup never looks.
fn with_certutil_alone(sandbox: &Sandbox, words: &[&str]) -> Done {
    let hidden = libraries();
    let aside = sandbox.root().join("aside");
    std::fs::create_dir_all(&aside).unwrap();
    std::fs::copy(&hidden[0], aside.join("libnss3.so")).unwrap();
    let words = words.iter().map(OsStr::new);
    sandbox.without_but(&hidden, &[("LD_LIBRARY_PATH", aside.as_os_str())], words)
}

/// Puts the CA in as Firefox does, with Firefox's own library: trust is then a row in the
/// newer dialect, which this machine's certutil does not know.
fn add_as_firefox(sandbox: &Sandbox, folder: &Path) {
    let mut helper = sandbox.azup_command(["nss-helper", "add", "--newest", "--nickname", "x"]);
    let ca = std::fs::File::open(sandbox.certs().join("ca.pem")).unwrap();
    Done::from(helper.arg(folder).stdin(ca).output().unwrap()).ok();
    let (certificates, old, new) = rows(sandbox, folder);
    assert_eq!((certificates.len(), old, new), (1, 0, 1));
}

#[test]
fn a_nickname_that_another_certificate_has_is_left_to_it() {
    let mut sandbox = with_set();
    let folder = database(&sandbox, ".pki/nssdb");
    let label = label(&sandbox);
    add(
        &sandbox,
        &folder,
        &label,
        &foreign(&sandbox, "Foreign", "foreign.pem"),
    );
    let before = rows(&sandbox, &folder);
    for certutil in [true, false] {
        if !certutil {
            without_certutil(&mut sandbox);
        }
        trust(&sandbox).ok();
        assert_eq!(rows(&sandbox, &folder).0.len(), 2);
        let done = trust(&sandbox).ok();
        assert!(done.stdout.starts_with("nss      trusted"), "{done}");
        untrust(&sandbox).ok();
        assert_eq!(rows(&sandbox, &folder), before);
    }
}

/// A CA of the user's own, renewed under the same name: `certutil -D -n` takes whichever
/// it finds first.
#[test]
fn of_two_certificates_of_one_subject_only_the_right_one_goes() {
    let mut sandbox = with_set();
    let folder = database(&sandbox, ".pki/nssdb");
    let earlier = foreign(&sandbox, "Company CA", "earlier.pem");
    add(&sandbox, &folder, "Company CA", &earlier);
    let before = rows(&sandbox, &folder);
    let set = own_set(&sandbox);
    let azup = |sandbox: &Sandbox, verb: &str| {
        sandbox.azup([verb, "--stores", "nss", "--certs", set.to_str().unwrap()])
    };
    azup(&sandbox, "trust").ok();
    let both = rows(&sandbox, &folder);
    assert_eq!((both.0.len(), both.1), (2, 2));

    // With certutil alone nothing is risked.
    let words = [
        "untrust",
        "--stores",
        "nss",
        "--certs",
        set.to_str().unwrap(),
    ];
    let done = with_certutil_alone(&sandbox, &words);
    assert_eq!(done.code, 1, "{done}");
    assert!(
        done.stderr.contains("cannot tell the certificate"),
        "{done}"
    );
    assert_eq!(rows(&sandbox, &folder), both);

    azup(&sandbox, "untrust").ok();
    assert_eq!(rows(&sandbox, &folder), before);
    without_certutil(&mut sandbox);
    azup(&sandbox, "trust").ok();
    assert_eq!(rows(&sandbox, &folder), both);
    azup(&sandbox, "untrust").ok();
    assert_eq!(rows(&sandbox, &folder), before);
}

/// A certificate set of the user's own CA.
fn own_set(sandbox: &Sandbox) -> PathBuf {
    let set = sandbox.project().join("set");
    std::fs::create_dir_all(&set).unwrap();
    let key = "-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes";
    let mut ca: Vec<&str> = "req -x509".split(' ').chain(key.split(' ')).collect();
    ca.extend("-keyout ca.key -out set/ca.pem -subj".split(' '));
    ca.push("/CN=Company CA");
    sandbox.run("openssl", ca).ok();
    openssl(
        sandbox,
        &format!(
            "req -x509 {key} -CA set/ca.pem -CAkey ca.key -keyout set/key.pem -out set/cert.pem \
             -subj /CN=localhost -addext subjectAltName=DNS:localhost,IP:127.0.0.1,IP:::1 \
             -addext basicConstraints=critical,CA:FALSE"
        ),
    );
    set
}

#[test]
fn a_database_with_a_primary_password_stays_as_it_was_byte_for_byte() {
    let mut sandbox = with_set();
    let folder = sandbox.home().join(".pki/nssdb");
    std::fs::create_dir_all(&folder).unwrap();
    let password = sandbox.write("password", "correct horse\n");
    certutil(&sandbox, &folder, &["-N", "-f", password.to_str().unwrap()]).ok();
    let before = Sandbox::files(&folder);
    for certutil in [true, false] {
        if !certutil {
            without_certutil(&mut sandbox);
        }
        let done = trust(&sandbox);
        assert_eq!(done.code, 1, "{done}");
        assert!(done.stderr.contains("primary password"), "{done}");
        assert_eq!(Sandbox::files(&folder), before);
    }
}

/// Its password is stored in a way that azup does not know, so that NSS has to find out.
/// certutil then leaves half an entry behind, and azup takes that out again.
#[test]
fn a_database_with_a_password_of_an_unknown_kind_keeps_nothing_half_done() {
    let mut sandbox = with_set();
    let folder = sandbox.home().join(".pki/nssdb");
    std::fs::create_dir_all(&folder).unwrap();
    let password = sandbox.write("password", "correct horse\n");
    certutil(&sandbox, &folder, &["-N", "-f", password.to_str().unwrap()]).ok();
    let spoil = "
import sqlite3, sys
c = sqlite3.connect(sys.argv[1])
c.execute(\"update metaData set item2 = x'3003020100' where id = 'password'\")
c.commit()
";
    python(&sandbox, spoil, &folder.join("key4.db"));
    let nothing = (Vec::new(), 0, 0);
    assert_eq!(rows(&sandbox, &folder), nothing);
    // Proves that there is something to take out.
    let ca = sandbox.certs().join("ca.pem");
    let words = ["-A", "-n", "half", "-t", "C,,", "-i", ca.to_str().unwrap()];
    assert_ne!(certutil(&sandbox, &folder, &words).code, 0);
    assert_eq!(rows(&sandbox, &folder).0.len(), 1);
    certutil(&sandbox, &folder, &["-D", "-n", "half"]).ok();

    for certutil in [true, false] {
        if !certutil {
            without_certutil(&mut sandbox);
        }
        let done = trust(&sandbox);
        assert_eq!(done.code, 1, "{done}");
        assert_eq!(rows(&sandbox, &folder), nothing, "{done}");
    }
}

#[test]
fn trust_that_firefox_gave_counts_and_goes_without_an_orphan() {
    let mut sandbox = with_set();
    let folder = database(&sandbox, ".pki/nssdb");
    let firefox: Vec<PathBuf> = libraries().into_iter().skip(1).collect();
    let words = ["untrust", "--stores", "nss"];
    for way in [
        "certutil and both libraries",
        "no certutil",
        "no library of Firefox's",
    ] {
        add_as_firefox(&sandbox, &folder);
        let done = trust(&sandbox).ok();
        assert!(done.stdout.starts_with("nss      trusted"), "{way}: {done}");
        match way {
            "no library of Firefox's" => sandbox.without(&firefox, words).ok(),
            "no certutil" => {
                without_certutil(&mut sandbox);
                untrust(&sandbox).ok();
                sandbox.set("PATH", "/usr/bin:/bin");
                continue;
            }
            _ => untrust(&sandbox).ok(),
        };
        assert_eq!(rows(&sandbox, &folder), (Vec::new(), 0, 0), "{way}");
    }

    // certutil alone leaves the row, and azup says so.
    add_as_firefox(&sandbox, &folder);
    let done = with_certutil_alone(&sandbox, &words).ok();
    assert_eq!(rows(&sandbox, &folder), (Vec::new(), 0, 1));
    assert!(done.stdout.contains("nss      removed"), "{done}");
    assert!(done.stdout.contains("trust row stays"), "{done}");
}

/// certutil edits the row of the older dialect alone, so that it would be asked in vain
/// for ever.
#[test]
fn distrust_that_certutil_cannot_change_is_ended_by_the_library_or_said() {
    let sandbox = with_set();
    let folder = database(&sandbox, ".pki/nssdb");
    add_as_firefox(&sandbox, &folder);
    let distrust = "
import sqlite3, sys
c = sqlite3.connect(sys.argv[1])
c.execute(\"update nssPublic set a62c = x'00000003' where a0 = x'0000000b'\")
c.commit()
";
    python(&sandbox, distrust, &folder.join("cert9.db"));
    let done = with_certutil_alone(&sandbox, &["trust", "--stores", "nss"]);
    assert_eq!(done.code, 1, "{done}");
    assert!(done.stderr.contains("certificate manager can"), "{done}");
    trust(&sandbox).ok();
    untrust(&sandbox).ok();
    assert_eq!(rows(&sandbox, &folder), (Vec::new(), 0, 0));
}
