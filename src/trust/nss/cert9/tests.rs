//! Real databases, made by certutil, and the same files as Python's sqlite3 reads them.

use super::*;
use std::fs;
use std::path::Path;
use std::process::Command;
use std::sync::LazyLock;

use proptest::prelude::*;
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, KeyPair, SerialNumber};
use tempfile::TempDir;

static KEY: LazyLock<KeyPair> = LazyLock::new(|| KeyPair::generate().expect("a key"));

/// A CA of this name and serial number, with so many DNS names (about 25 bytes each).
fn ca(name: &str, serial: u64, names: usize) -> Vec<u8> {
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
struct Store(TempDir);

impl Store {
    fn new() -> Self {
        let store = Self(tempfile::tempdir().expect("a folder"));
        store.certutil(&["-N", "--empty-password"]);
        store
    }

    fn command(&self) -> Command {
        let mut command = Command::new("certutil");
        command
            .arg("-d")
            .arg(format!("sql:{}", self.path("").display()));
        command
    }

    fn certutil(&self, arguments: &[&str]) {
        run(self.command().args(arguments), "libnss3-tools");
    }

    fn path(&self, name: &str) -> std::path::PathBuf {
        self.0.path().join(name)
    }

    fn write(&self, name: &str, bytes: &[u8]) -> String {
        fs::write(self.path(name), bytes).expect("is written");
        self.path(name).display().to_string()
    }

    fn add(&self, nickname: &str, trust: &str, der: &[u8]) {
        let file = self.write("added.der", der);
        self.certutil(&["-A", "-n", nickname, "-t", trust, "-i", &file]);
    }

    /// Runs Python with `c`, a connection to `cert9.db` that commits by itself.
    fn edit(&self, script: &str) {
        python(
            &format!(
                "import sqlite3, sys
c = sqlite3.connect(sys.argv[1], isolation_level=None)
{script}"
            ),
            &self.path("cert9.db"),
        );
    }

    fn cert9(&self) -> Vec<u8> {
        fs::read(self.path("cert9.db")).expect("cert9.db")
    }

    fn key4(&self) -> Vec<u8> {
        fs::read(self.path("key4.db")).expect("key4.db")
    }
}

fn run(command: &mut Command, package: &str) -> String {
    let program = command.get_program().to_owned();
    needs!(which::which(&program).is_ok(), package);
    let done = command
        .output()
        .unwrap_or_else(|e| panic!("{program:?}: {e}"));
    let errors = String::from_utf8_lossy(&done.stderr);
    assert!(done.status.success(), "{command:?}: {errors}");
    String::from_utf8(done.stdout).expect("UTF-8")
}

fn python(script: &str, argument: &Path) -> String {
    run(
        Command::new("python3").args(["-c", script]).arg(argument),
        "python3",
    )
}

/// What Python's `sqlite3` module reads from the same file: certificate, nickname,
/// server CA, number of trust rows, and of those in the standard's dialect.
fn as_python_reads_it(cert9: &[u8]) -> Vec<Entry> {
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
            |(der, nickname, server_ca, trust_rows, standard_rows)| Entry {
                der: (0..der.len())
                    .step_by(2)
                    .map(|at| u8::from_str_radix(&der[at..at + 2], 16).expect("hex"))
                    .collect(),
                nickname,
                server_ca,
                trust_rows,
                standard_rows,
            },
        )
        .collect()
}

/// Reads everything in both ways, compares with Python, and gives it back.
fn agreed(cert9: &[u8]) -> Vec<Entry> {
    let found = entries(cert9).expect("reads");
    assert_eq!(found, as_python_reads_it(cert9));
    // Some of them, where there are many: debug builds are slow.
    for entry in found.iter().step_by(1 + found.len() / 20) {
        assert_eq!(find(cert9, &entry.der).as_ref(), Ok(&Some(entry.clone())));
    }
    found
}

/// Two hundred CAs: interior pages.
static MANY: LazyLock<(Vec<Vec<u8>>, Vec<u8>)> = LazyLock::new(|| {
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

/// Asked before a static is made, which a test that is left out would spoil for the next one.
fn needs_certutil() {
    needs!(which::which("certutil").is_ok(), "libnss3-tools");
}

fn many() -> &'static (Vec<Vec<u8>>, Vec<u8>) {
    needs_certutil();
    &MANY
}

/// One small CA, and one of 9 kB on overflow pages, 8 pages in all.
static LARGE: LazyLock<(Vec<u8>, Vec<u8>)> = LazyLock::new(|| {
    let store = Store::new();
    let large = ca("Large", 2, 370);
    assert!(large.len() > 9000, "{}", large.len());
    store.add("small", "C,,", &ca("Small", 1, 1));
    store.add("large", "C,,", &large);
    (large, store.cert9())
});

fn large() -> &'static (Vec<u8>, Vec<u8>) {
    needs_certutil();
    &LARGE
}

#[test]
fn an_empty_database_has_no_certificates() {
    let cert9 = Store::new().cert9();
    assert_eq!(agreed(&cert9), []);
    assert_eq!(find(&cert9, b"absent"), Ok(None));
}

#[test]
fn trust_is_what_certutil_set() {
    for (trust, expected) in [
        ("C,,", true),
        ("TCu,Cu,Tu", true),
        ("CT,c,", true),
        (",,", false),
        ("c,,", false),
        ("P,,", false),
        ("p,,", false),
        ("T,,", false),
        (",C,C", false),
    ] {
        let store = Store::new();
        let der = ca("One", 1, 1);
        store.add("one's näme", trust, &der);
        let found = agreed(&store.cert9());
        let [one] = found.as_slice() else {
            panic!("{trust}: {found:?}")
        };
        assert_eq!(one.der, der);
        assert_eq!(one.nickname, "one's näme");
        assert_eq!(one.server_ca, expected, "{trust}");
    }
}

#[test]
fn trust_that_is_taken_away_is_gone() {
    let store = Store::new();
    let der = ca("One", 1, 1);
    store.add("one", "C,,", &der);
    store.certutil(&["-M", "-n", "one", "-t", ",,"]);
    assert!(!agreed(&store.cert9())[0].server_ca);
    store.certutil(&["-M", "-n", "one", "-t", "C,,"]);
    assert!(agreed(&store.cert9())[0].server_ca);
    store.certutil(&["-D", "-n", "one"]);
    assert_eq!(agreed(&store.cert9()), []);
    assert_eq!(find(&store.cert9(), &der), Ok(None));
}

#[test]
fn a_deleted_certificate_whose_bytes_remain_does_not_count() {
    let store = Store::new();
    let (large, small) = (ca("Large", 2, 370), ca("Small", 1, 1));
    store.add("large", "C,,", &large);
    store.add("small", "C,,", &small);
    store.edit("c.execute('pragma secure_delete = off')\nc.execute('delete from nssPublic')");
    let cert9 = store.cert9();
    let remains = |part: &[u8]| memchr::memmem::find(&cert9, part).is_some();
    assert!(remains(&small));
    assert!(large.chunks(1000).any(remains), "on free pages");
    assert_eq!(agreed(&cert9), []);
    assert_eq!(find(&cert9, &small), Ok(None));
    assert_eq!(find(&cert9, &large), Ok(None));
}

#[test]
fn two_hundred_certificates_are_found_one_by_one() {
    let (ders, cert9) = many();
    let found = agreed(cert9);
    assert_eq!(found.len(), 200);
    for (n, der) in ders.iter().enumerate() {
        let entry = find(cert9, der).expect("reads").expect("is there");
        assert_eq!(entry.nickname, format!("ca-{n}"));
        assert_eq!(entry.server_ca, n % 3 != 0, "{n}");
    }
    assert_eq!(find(cert9, &ca("CA 7", 5000, 1)), Ok(None));
}

#[test]
fn a_subject_may_have_two_certificates() {
    let store = Store::new();
    let (first, second) = (ca("Same", 1, 1), ca("Same", 2, 1));
    store.add("same", "C,,", &first);
    store.add("same", ",,", &second);
    let cert9 = store.cert9();
    assert_eq!(agreed(&cert9).len(), 2);
    let server_ca = |der| find(&cert9, der).map(|found| found.map(|found| found.server_ca));
    assert_eq!(server_ca(&first), Ok(Some(true)));
    assert_eq!(server_ca(&second), Ok(Some(false)));
}

#[test]
fn a_certificate_may_lie_on_several_pages() {
    let (large, cert9) = large();
    assert_eq!(memchr::memmem::find(cert9, large), None);
    assert_eq!(agreed(cert9).len(), 2);
    let mut other = large.clone();
    *other.last_mut().expect("not empty") ^= 1;
    assert_eq!(find(cert9, &other), Ok(None));
}

/// Rows as Firefox 153 (NSS 3.125) was seen to write them; certutil here is older.
const STAND_IN: &str = "
import hashlib
have = [r[1] for r in c.execute('pragma table_info(nssPublic)')]
for a in ('a8c', 'a62c', 'a62d', 'a635'):
    if a not in have:
        c.execute('alter table nssPublic add column ' + a)
def trust(nickname, level, digest='sha256', mechanism='00000250'):
    der, issuer, serial = c.execute('select a11, a81, a82 from nssPublic where a3 = ?',
                                    (nickname.encode(),)).fetchone()
    h = hashlib.new(digest, der).digest() if digest else None
    c.execute('insert into nssPublic (id, a0, a1, a2, a3, a81, a82, a8c, a62c, a635) values '
              '((select max(id) + 1 from nssPublic), ?, ?, ?, ?, ?, ?, ?, ?, ?)',
              (bytes.fromhex('0000000b'), b'\\1', b'\\0', bytes.fromhex('a5005a'), issuer,
               serial, bytes.fromhex(mechanism), bytes.fromhex(level), h))
";

#[test]
fn a_stand_in_for_the_trust_rows_of_newer_nss_is_understood() {
    let store = Store::new();
    let der = ca("One", 1, 1);
    store.add("one", ",,", &der);
    store.add("bystander", "C,,", &ca("Two", 2, 1));
    let one = || {
        find(&store.cert9(), &der)
            .expect("reads")
            .expect("is there")
    };
    assert!(!one().server_ca);
    store.edit(&format!("{STAND_IN}\ntrust('one', '00000002')"));
    assert!(one().server_ca);
    assert_eq!(one().trust_rows, 1);
    assert!(agreed(&store.cert9()).iter().all(|entry| entry.server_ca));
    // CKT_NOT_TRUSTED in the other dialect: what Firefox 153 goes by.
    store.edit(&format!("{STAND_IN}\ntrust('bystander', '00000003')"));
    let found = agreed(&store.cert9());
    assert!(!found[1].server_ca);
    assert_eq!(found[1].trust_rows, 2);
}

#[test]
fn a_stand_in_trust_row_needs_the_hash_of_the_certificate() {
    for (arguments, expected) in [
        ("'00000002'", true),
        ("'00000002', 'sha1', '00000220'", true),
        ("'00000002', 'sha384', '00000260'", true),
        ("'00000002', 'sha512', '00000270'", true),
        ("'00000002', 'sha1'", false),
        ("'00000002', 'md5', '00000210'", false),
        ("'00000002', None", false),
        ("'00000001'", false),
        ("'00000004'", false),
    ] {
        let store = Store::new();
        let der = ca("One", 1, 1);
        store.add("one", ",,", &der);
        store.edit(&format!("{STAND_IN}\ntrust('one', {arguments})"));
        let one = find(&store.cert9(), &der)
            .expect("reads")
            .expect("is there");
        assert_eq!(one.server_ca, expected, "{arguments}");
    }
    let store = Store::new();
    let der = ca("One", 1, 1);
    store.add("one", "C,,", &der);
    store.edit("c.execute(\"update nssPublic set ace5363b4 = x'00' where ace5363b4 not null\")");
    let one = find(&store.cert9(), &der)
        .expect("reads")
        .expect("is there");
    assert_eq!((one.server_ca, one.trust_rows), (false, 1));
}

#[test]
fn every_page_size_is_read() {
    let (_, large) = large();
    let (_, many) = many();
    for (original, sizes) in [
        (large, &[9, 10, 11, 12, 13, 14, 15, 16][..]),
        (many, &[9, 16]),
    ] {
        let expected = agreed(original);
        for size in sizes.iter().map(|bits| 1 << bits) {
            // With auto_vacuum, pointer map pages stand between the others.
            for vacuum in [0, 1] {
                let store = Store(tempfile::tempdir().expect("a folder"));
                store.write("cert9.db", original);
                store.edit(&format!(
                    "c.execute('pragma auto_vacuum = {vacuum}')
c.execute('pragma page_size = {size}')
c.execute('vacuum')
assert c.execute('pragma page_size').fetchone()[0] == {size}"
                ));
                assert_eq!(agreed(&store.cert9()), expected, "{size} {vacuum}");
            }
        }
    }
}

#[test]
fn bytes_reserved_at_the_end_of_pages_are_skipped() {
    let (_, large) = large();
    let store = Store::new();
    store.write("cert9.db", large);
    // Python's module cannot ask for it, SQLite's own interface can
    // (SQLITE_FCNTL_RESERVE_BYTES).
    store.edit(
        "import ctypes
s = ctypes.CDLL('libsqlite3.so.0')
db, n = ctypes.c_void_p(), ctypes.c_int(40)
assert s.sqlite3_open(sys.argv[1].encode(), ctypes.byref(db)) == 0
assert s.sqlite3_file_control(db, None, 38, ctypes.byref(n)) == 0
assert s.sqlite3_exec(db, b'vacuum', None, None, None) == 0
assert s.sqlite3_close(db) == 0",
    );
    let cert9 = store.cert9();
    assert_eq!(cert9[20], 40);
    assert_eq!(agreed(&cert9), entries(large).expect("reads"));
}

#[test]
fn what_is_not_understood_is_said_in_words() {
    let (_, large) = large();
    let words = |bytes: &[u8]| entries(bytes).expect_err("an error").to_string();
    assert_eq!(
        words(b""),
        "the database is of an unknown kind: it is empty"
    );
    assert_eq!(
        words(&[b'x'; 5000]),
        "the database is of an unknown kind: it is no SQLite 3 database"
    );
    assert_eq!(
        words(&large[..50]),
        "the database is damaged: it ends within its header"
    );
    assert_eq!(
        words(&large[..large.len() - 4096]),
        "the database is damaged: it is shorter than its header says"
    );
    for (edit, expected) in [
        (
            "c.execute('alter table nssPublic rename to other')",
            "it has no table nssPublic",
        ),
        (
            "c.execute('drop table nssPublic')
c.execute('create table nssPublic (id, a0, a3, a11)')",
            "nssPublic lacks the usual columns",
        ),
        (
            "c.execute('drop table nssPublic')
c.execute('create table nssPublic (id primary key, a0, a11, a81, a82) without rowid')",
            "a table was made by an unusual statement",
        ),
        (
            "import os
c.close()
os.unlink(sys.argv[1])
c = sqlite3.connect(sys.argv[1], isolation_level=None)
c.execute(\"pragma encoding = 'UTF-16'\")
c.execute('create table nssPublic (id, a0, a3, a11, a81, a82)')",
            "its text is not UTF-8",
        ),
    ] {
        let store = Store::new();
        store.edit(edit);
        let expected = format!("the database is of an unknown kind: {expected}");
        assert_eq!(words(&store.cert9()), expected, "{edit}");
    }
}

#[test]
fn a_write_ahead_log_is_an_error_of_its_own() {
    let store = Store::new();
    store.add("one", "C,,", &ca("One", 1, 1));
    store.edit("c.execute('pragma journal_mode = wal')");
    assert_eq!(entries(&store.cert9()), Err(NotRead::WriteAheadLog));
    store.edit("c.execute('pragma journal_mode = delete')");
    assert_eq!(agreed(&store.cert9()).len(), 1);
}

#[test]
fn pages_in_a_loop_are_noticed() {
    let (large, cert9) = large();
    let (_, many) = many();
    // Page 2 is the root of the table, byte 8 its last child.
    let mut looping = many.clone();
    assert_eq!(looping[4096], 5);
    looping[4096 + 8..][..4].copy_from_slice(&[0, 0, 0, 2]);
    let expected = Err(NotRead::Damaged("its pages form a loop"));
    assert_eq!(entries(&looping), expected);
    // Overflow pages begin with the number of the next one.
    let mut noticed = 0;
    for page in 3..=cert9.len() / 4096 {
        let mut looping = cert9.clone();
        looping[(page - 1) * 4096..][..4].copy_from_slice(&[
            0,
            0,
            0,
            page.try_into().expect("small"),
        ]);
        noticed +=
            usize::from(find(&looping, large) == Err(NotRead::Damaged("its pages form a loop")));
    }
    assert!(noticed > 0);
}

#[test]
fn one_row_in_many_places_is_noticed() {
    let store = Store::new();
    store.add("one", "C,,", &ca("One", 1, 1));
    let mut cert9 = store.cert9();
    let page = &mut cert9[4096..8192];
    assert_eq!(page[0], 13);
    let first = [page[8], page[9]];
    page[3..5].copy_from_slice(&1000_u16.to_be_bytes());
    for pointer in page[8..2008].chunks_mut(2) {
        pointer.copy_from_slice(&first);
    }
    assert_eq!(
        entries(&cert9),
        Err(NotRead::Damaged("the rows of a page overlap"))
    );
}

#[test]
fn only_a_password_that_is_not_empty_counts() {
    let store = Store::new();
    assert_eq!(has_primary_password(&store.key4()), Ok(false));
    store.add("one", "C,,", &ca("One", 1, 1));
    assert_eq!(has_primary_password(&store.key4()), Ok(false));
    let some = store.write("some", b"secret\n");
    let none = store.write("none", b"\n");
    store.certutil(&["-W", "-f", &none, "-@", &some]);
    assert_eq!(has_primary_password(&store.key4()), Ok(true));
    store.certutil(&["-W", "-f", &some, "-@", &none]);
    assert_eq!(has_primary_password(&store.key4()), Ok(false));
    // A single iteration, so that only decryption tells it from the empty password.
    let mut once = store.command();
    once.env("NSS_MAX_MP_PBE_ITERATION_COUNT", "1");
    run(once.args(["-W", "-f", &none, "-@", &some]), "libnss3-tools");
    let key4 = store.key4();
    assert_eq!(has_primary_password(&key4), Ok(true));
    assert!(has_primary_password(&store.cert9()).is_err());
    python(
        "import sqlite3, sys
with sqlite3.connect(sys.argv[1]) as c: c.execute('delete from metaData')",
        &store.path("key4.db"),
    );
    assert_eq!(has_primary_password(&store.key4()), Ok(false));
}

/// All functions on bytes that may be anything. Their answer does not matter.
fn survive(bytes: &[u8]) {
    let _ = find(bytes, &large().0);
    let _ = has_primary_password(bytes);
    if let Ok(found) = entries(bytes) {
        let total: usize = found.iter().map(|e| e.der.len() + e.nickname.len()).sum();
        assert!(
            total <= bytes.len(),
            "{total} bytes came out of {}",
            bytes.len()
        );
    }
}

/// Anywhere, or among the first bytes of a page, where the structure is.
fn mutations() -> impl Strategy<Value = Vec<(usize, u8)>> {
    let place = prop_oneof![
        any::<prop::sample::Index>().prop_map(|at| at.index(1 << 20)),
        (0..20_usize, 0..120_usize).prop_map(|(page, at)| page * 4096 + at),
        0..100_usize,
    ];
    prop::collection::vec((place, any::<u8>()), 0..40)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn no_mutation_or_truncation_panics(
        which in 0..3,
        mutations in mutations(),
        length in prop::option::weighted(0.3, any::<prop::sample::Index>()),
    ) {
        static KEY4: LazyLock<Vec<u8>> = LazyLock::new(|| Store::new().key4());
        needs_certutil();
        let mut bytes = match which {
            0 => many().1.clone(),
            1 => large().1.clone(),
            _ => KEY4.clone(),
        };
        for (at, byte) in mutations {
            let at = at % bytes.len();
            bytes[at] = byte;
        }
        if let Some(length) = length {
            bytes.truncate(length.index(bytes.len()));
        }
        survive(&bytes);
    }

    #[test]
    fn no_random_bytes_panic(
        mut bytes in prop::collection::vec(any::<u8>(), 0..5000),
        like in any::<bool>(),
    ) {
        // Behind a sound header, random bytes get further.
        if like && bytes.len() > 100 {
            bytes[..100].copy_from_slice(&large().1[..100]);
            bytes[16..18].copy_from_slice(&512_u16.to_be_bytes());
            bytes[28..32].fill(0);
            bytes[100] = [5, 13][usize::from(bytes[100] % 2)];
        }
        survive(&bytes);
    }
}
