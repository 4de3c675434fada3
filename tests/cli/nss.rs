//! NSS databases that are not simple: shared nicknames and subjects, passwords, and trust in the
//! format of newer NSS. All are real, made by certutil or by Firefox's `libnss3`.

use std::path::{Path, PathBuf};

use crate::browser::{certutil, database, label, trust, untrust, with_set};
use crate::sandbox::{Done, Sandbox};

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

/// The certificates of a database and the number of its trust rows in the older and in the newer
/// format, as Python's `sqlite3` reads them.
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

/// Adds the CA as Firefox does, with Firefox's own library: its trust is then an object in the
/// newer format, which this machine's certutil does not know.
fn add_as_firefox(sandbox: &Sandbox, folder: &Path) {
    const SCRIPT: &str = r"
import ctypes, os, ssl, sys
folder, ca = sys.argv[1:]
# Some distributions leave a part of them to the operating system's packages.
for name in ('nspr4', 'plc4', 'plds4', 'nssutil3', 'mozsqlite3', 'nss3'):
    path = f'/usr/lib/firefox-esr/lib{name}.so'
    if name == 'nss3' or os.path.exists(path):
        nss = ctypes.CDLL(path, ctypes.RTLD_GLOBAL)
for name in ('PK11_GetInternalKeySlot', 'CERT_GetDefaultCertDB', 'CERT_NewTempCertificate'):
    getattr(nss, name).restype = ctypes.c_void_p
class Item(ctypes.Structure):
    _fields_ = [('kind', ctypes.c_uint), ('data', ctypes.c_char_p), ('length', ctypes.c_uint)]
der = ssl.PEM_cert_to_DER_cert(open(ca).read())
item, trust = Item(0, der, len(der)), (ctypes.c_uint * 3)()
assert nss.NSS_Initialize(f'sql:{folder}'.encode(), b'', b'', b'secmod.db', 0x14) == 0
slot = ctypes.c_void_p(nss.PK11_GetInternalKeySlot())
handle = ctypes.c_void_p(nss.CERT_GetDefaultCertDB())
cert = ctypes.c_void_p(nss.CERT_NewTempCertificate(handle, ctypes.byref(item), None, 0, 1))
assert nss.PK11_ImportCert(slot, cert, ctypes.c_ulong(0), b'x', 0) == 0
assert nss.CERT_DecodeTrustString(trust, b'C,,') == 0
assert nss.CERT_ChangeCertTrust(handle, cert, trust) == 0
nss.CERT_DestroyCertificate(cert)
nss.PK11_FreeSlot(slot)
assert nss.NSS_Shutdown() == 0
";
    let mut python = sandbox.command("/usr/bin/python3");
    python.args(["-c", SCRIPT]).arg(folder);
    python.arg(sandbox.certs().join("ca.pem"));
    Done::from(python.output().unwrap()).ok();
    let (certificates, old, new) = rows(sandbox, folder);
    assert_eq!((certificates.len(), old, new), (1, 0, 1));
}

#[test]
fn a_nickname_that_another_certificate_has_is_left_to_it() {
    let sandbox = with_set();
    let folder = database(&sandbox, ".pki/nssdb");
    let label = label(&sandbox);
    add(
        &sandbox,
        &folder,
        &label,
        &foreign(&sandbox, "Foreign", "foreign.pem"),
    );
    let before = rows(&sandbox, &folder);
    trust(&sandbox).ok();
    assert_eq!(rows(&sandbox, &folder).0.len(), 2);
    let done = trust(&sandbox).ok();
    assert!(done.stdout.starts_with("nss      trusted"), "{done}");
    untrust(&sandbox).ok();
    assert_eq!(rows(&sandbox, &folder), before);
}

/// A CA of the user's own, renewed under the same name: `certutil -D -n` takes whichever it finds
/// first, so azup does not use it.
#[test]
fn of_two_certificates_of_one_subject_neither_is_deleted_by_mistake() {
    let sandbox = with_set();
    let folder = database(&sandbox, ".pki/nssdb");
    let earlier = foreign(&sandbox, "Company CA", "earlier.pem");
    add(&sandbox, &folder, "Company CA", &earlier);
    let renewed = foreign(&sandbox, "Company CA", "renewed.pem");
    let azup =
        |verb: &str| sandbox.azup([verb, "--stores", "nss", "--ca", renewed.to_str().unwrap()]);
    azup("trust").ok();
    let both = rows(&sandbox, &folder);
    assert_eq!((both.0.len(), both.1), (2, 2));

    let done = azup("untrust");
    assert_eq!(done.code, 1, "{done}");
    assert!(
        done.stderr.contains("cannot tell the certificate"),
        "{done}"
    );
    assert_eq!(rows(&sandbox, &folder), both);
}

#[test]
fn a_database_with_a_primary_password_stays_as_it_was_byte_for_byte() {
    let sandbox = with_set();
    let folder = sandbox.home().join(".pki/nssdb");
    std::fs::create_dir_all(&folder).unwrap();
    let password = sandbox.write("password", "correct horse\n");
    certutil(&sandbox, &folder, &["-N", "-f", password.to_str().unwrap()]).ok();
    let before = Sandbox::files(&folder);
    let done = trust(&sandbox);
    assert_eq!(done.code, 1, "{done}");
    assert!(done.stderr.contains("primary password"), "{done}");
    assert_eq!(Sandbox::files(&folder), before);
}

/// Its password is stored in a way that azup does not know, so only NSS can find out. certutil then
/// leaves half an entry behind, and azup removes it.
#[test]
fn a_database_with_a_password_of_an_unknown_kind_keeps_nothing_half_done() {
    let sandbox = with_set();
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
    // Proves that there is something to remove.
    let ca = sandbox.certs().join("ca.pem");
    let words = ["-A", "-n", "half", "-t", "C,,", "-i", ca.to_str().unwrap()];
    assert_ne!(certutil(&sandbox, &folder, &words).code, 0);
    assert_eq!(rows(&sandbox, &folder).0.len(), 1);
    certutil(&sandbox, &folder, &["-D", "-n", "half"]).ok();

    let done = trust(&sandbox);
    assert_eq!(done.code, 1, "{done}");
    assert_eq!(rows(&sandbox, &folder), nothing, "{done}");
}

/// certutil deletes the certificate and leaves the trust object; azup says so.
#[test]
fn trust_that_firefox_gave_counts_and_leaves_an_orphan_when_it_goes() {
    let sandbox = with_set();
    let folder = database(&sandbox, ".pki/nssdb");
    add_as_firefox(&sandbox, &folder);
    let done = trust(&sandbox).ok();
    assert!(done.stdout.starts_with("nss      trusted"), "{done}");
    let done = untrust(&sandbox).ok();
    assert_eq!(rows(&sandbox, &folder), (Vec::new(), 0, 1));
    assert!(done.stdout.contains("nss      removed"), "{done}");
    assert!(done.stdout.contains("trust row stays"), "{done}");

    // The orphan does no harm.
    trust(&sandbox).ok();
    let done = trust(&sandbox).ok();
    assert!(done.stdout.starts_with("nss      trusted"), "{done}");
    untrust(&sandbox).ok();
    assert!(rows(&sandbox, &folder).0.is_empty());
}

/// certutil edits only the object in the older format, so asking it again would never help.
#[test]
fn distrust_that_certutil_cannot_change_is_said() {
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
    let done = trust(&sandbox);
    assert_eq!(done.code, 1, "{done}");
    assert!(done.stderr.contains("certificate manager can"), "{done}");
}
