//! Databases made by real certutil, and the same files as Python's `sqlite3` reads them.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::sync::LazyLock;

use nss_cert_db::{Certificate, certificates, find_certificate};
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, KeyPair, SerialNumber};
use tempfile::TempDir;

static KEY: LazyLock<KeyPair> = LazyLock::new(|| KeyPair::generate().expect("a key"));

/// A CA of this name and serial number, with so many DNS names (about 25 bytes each).
pub(crate) fn ca(name: &str, serial: u64, names: usize) -> Vec<u8> {
    let names: Vec<_> = (0..names)
        .map(|n| format!("name-{n:04}.azup.example"))
        .collect();
    let mut parameters = CertificateParams::new(names).expect("names");
    parameters.distinguished_name = rcgen::DistinguishedName::new();
    parameters.distinguished_name.push(DnType::CommonName, name);
    parameters.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    parameters.serial_number = Some(SerialNumber::from(serial));
    parameters.self_signed(&*KEY).expect("a CA").der().to_vec()
}

/// An NSS database that certutil made.
pub(crate) struct Store(pub(crate) TempDir);

impl Store {
    pub(crate) fn new() -> Self {
        let store = Self(tempfile::tempdir().expect("a folder"));
        store.certutil(&["-N", "--empty-password"]);
        store
    }

    pub(crate) fn command(&self) -> Command {
        let mut command = Command::new("certutil");
        command
            .arg("-d")
            .arg(format!("sql:{}", self.path("").display()));
        command
    }

    pub(crate) fn certutil(&self, arguments: &[&str]) {
        run(self.command().args(arguments), "libnss3-tools");
    }

    pub(crate) fn path(&self, name: &str) -> std::path::PathBuf {
        self.0.path().join(name)
    }

    pub(crate) fn write(&self, name: &str, bytes: &[u8]) -> String {
        fs::write(self.path(name), bytes).expect("is written");
        self.path(name).display().to_string()
    }

    pub(crate) fn add(&self, nickname: &str, trust: &str, der: &[u8]) {
        let file = self.write("added.der", der);
        self.certutil(&["-A", "-n", nickname, "-t", trust, "-i", &file]);
    }

    /// Runs Python with `c`, a connection to `cert9.db` that commits by itself.
    pub(crate) fn edit(&self, script: &str) {
        python(
            &format!(
                "import sqlite3, sys
c = sqlite3.connect(sys.argv[1], isolation_level=None)
{script}"
            ),
            &self.path("cert9.db"),
        );
    }

    pub(crate) fn cert9(&self) -> Vec<u8> {
        fs::read(self.path("cert9.db")).expect("cert9.db")
    }

    pub(crate) fn key4(&self) -> Vec<u8> {
        fs::read(self.path("key4.db")).expect("key4.db")
    }
}

pub(crate) fn run(command: &mut Command, package: &str) -> String {
    let done = command
        .output()
        .unwrap_or_else(|e| panic!("{command:?}: {e}; apt-get install {package}"));
    let errors = String::from_utf8_lossy(&done.stderr);
    assert!(done.status.success(), "{command:?}: {errors}");
    String::from_utf8(done.stdout).expect("UTF-8")
}

pub(crate) fn python(script: &str, argument: &Path) -> String {
    run(
        Command::new("python3").args(["-c", script]).arg(argument),
        "python3",
    )
}

/// What Python's `sqlite3` module reads from the same file: certificate, nickname,
/// server CA, number of trust objects, and of those in the standard's dialect.
fn as_python_reads_it(cert9: &[u8]) -> Vec<Certificate> {
    const SCRIPT: &str = r"
import hashlib, json, sqlite3, sys
c = sqlite3.connect(f'file:{sys.argv[1]}?mode=ro&immutable=1', uri=True)
c.row_factory = sqlite3.Row
rows = [{k: r[k] for k in r.keys()} for r in c.execute('select * from nssPublic order by rowid')]
old, new = bytes.fromhex('ce534353'), bytes.fromhex('0000000b')
out = []
for r in rows:
    if r['a0'] != bytes.fromhex('00000001'):
        continue
    der = r['a11']
    trust = [t for t in rows if t['a0'] in (old, new) and (t['a81'], t['a82']) == (r['a81'], r['a82'])]
    verdicts = []
    for t in trust:
        if t['a0'] == old:
            if t['ace5363b4'] == hashlib.sha1(der).digest():
                verdicts.append(t['ace536358'] == bytes.fromhex('ce534352'))
        elif t['a635'] == hashlib.sha256(der).digest():
            verdicts.append(t['a62c'] == bytes.fromhex('00000002'))
    out.append([der.hex(), r['a3'].decode(), bool(verdicts) and all(verdicts), len(trust),
                sum(t['a0'] == new for t in trust)])
print(json.dumps(out))
";
    let file = tempfile::NamedTempFile::new().expect("a file");
    fs::write(file.path(), cert9).expect("is written");
    let out = python(SCRIPT, file.path());
    let rows: Vec<(String, String, bool, usize, usize)> = serde_json::from_str(&out).expect("JSON");
    rows.into_iter()
        .map(
            |(der, nickname, is_server_ca, trust_objects, standard_trust_objects)| Certificate {
                der: (0..der.len())
                    .step_by(2)
                    .map(|at| u8::from_str_radix(&der[at..at + 2], 16).expect("hex"))
                    .collect(),
                nickname,
                is_server_ca,
                trust_objects,
                standard_trust_objects,
            },
        )
        .collect()
}

/// Reads everything in both ways, compares with Python, and gives it back.
pub(crate) fn agreed(cert9: &[u8]) -> Vec<Certificate> {
    let found = certificates(cert9).expect("reads");
    assert_eq!(found, as_python_reads_it(cert9));
    // Some of them, where there are many: debug builds are slow.
    for entry in found.iter().step_by(1 + found.len() / 20) {
        assert_eq!(
            find_certificate(cert9, &entry.der).as_ref(),
            Ok(&Some(entry.clone()))
        );
    }
    found
}

/// Two hundred CAs: interior pages.
pub(crate) static MANY: LazyLock<(Vec<Vec<u8>>, Vec<u8>)> = LazyLock::new(|| {
    let store = Store::new();
    let ders: Vec<_> = (0..200)
        .map(|n| ca(&format!("CA {n}"), 1000 + n, 1))
        .collect();
    let batch: Vec<_> = ders
        .iter()
        .enumerate()
        .map(|(n, der)| {
            let file = store.write(&format!("{n}.der"), der);
            let trust = if n % 3 == 0 { ",," } else { "C,," };
            format!("-A -n ca-{n} -t {trust} -i {file}\n")
        })
        .collect();
    let batch = store.write("batch", batch.concat().as_bytes());
    store.certutil(&["-B", "-i", &batch]);
    (ders, store.cert9())
});

/// One small CA, and one of 9 kB on overflow pages, 8 pages in all.
pub(crate) static LARGE: LazyLock<(Vec<u8>, Vec<u8>)> = LazyLock::new(|| {
    let store = Store::new();
    let large = ca("Large", 2, 370);
    assert!(large.len() > 9000, "{}", large.len());
    store.add("small", "C,,", &ca("Small", 1, 1));
    store.add("large", "C,,", &large);
    (large, store.cert9())
});
