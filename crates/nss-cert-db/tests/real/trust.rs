//! Which certificates are there, and which of them are trusted.

use nss_cert_db::find_certificate;

use crate::support::{LARGE, MANY, Store, agreed, ca};

#[test]
fn an_empty_database_has_no_certificates() {
    let cert9 = Store::new().cert9();
    assert_eq!(agreed(&cert9), []);
    assert_eq!(find_certificate(&cert9, b"absent"), Ok(None));
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
        assert_eq!(one.is_server_ca, expected, "{trust}");
    }
}

#[test]
fn trust_that_is_taken_away_is_gone() {
    let store = Store::new();
    let der = ca("One", 1, 1);
    store.add("one", "C,,", &der);
    store.certutil(&["-M", "-n", "one", "-t", ",,"]);
    assert!(!agreed(&store.cert9())[0].is_server_ca);
    store.certutil(&["-M", "-n", "one", "-t", "C,,"]);
    assert!(agreed(&store.cert9())[0].is_server_ca);
    store.certutil(&["-D", "-n", "one"]);
    assert_eq!(agreed(&store.cert9()), []);
    assert_eq!(find_certificate(&store.cert9(), &der), Ok(None));
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
    assert_eq!(find_certificate(&cert9, &small), Ok(None));
    assert_eq!(find_certificate(&cert9, &large), Ok(None));
}

#[test]
fn two_hundred_certificates_are_found_one_by_one() {
    let (ders, cert9) = &*MANY;
    let found = agreed(cert9);
    assert_eq!(found.len(), 200);
    for (n, der) in ders.iter().enumerate() {
        let entry = find_certificate(cert9, der)
            .expect("reads")
            .expect("is there");
        assert_eq!(entry.nickname, format!("ca-{n}"));
        assert_eq!(entry.is_server_ca, n % 3 != 0, "{n}");
    }
    assert_eq!(find_certificate(cert9, &ca("CA 7", 5000, 1)), Ok(None));
}

#[test]
fn a_subject_may_have_two_certificates() {
    let store = Store::new();
    let (first, second) = (ca("Same", 1, 1), ca("Same", 2, 1));
    store.add("same", "C,,", &first);
    store.add("same", ",,", &second);
    let cert9 = store.cert9();
    assert_eq!(agreed(&cert9).len(), 2);
    let server_ca =
        |der| find_certificate(&cert9, der).map(|found| found.map(|found| found.is_server_ca));
    assert_eq!(server_ca(&first), Ok(Some(true)));
    assert_eq!(server_ca(&second), Ok(Some(false)));
}

#[test]
fn a_certificate_may_lie_on_several_pages() {
    let (large, cert9) = &*LARGE;
    assert_eq!(memchr::memmem::find(cert9, large), None);
    assert_eq!(agreed(cert9).len(), 2);
    let mut other = large.clone();
    *other.last_mut().expect("not empty") ^= 1;
    assert_eq!(find_certificate(cert9, &other), Ok(None));
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
        find_certificate(&store.cert9(), &der)
            .expect("reads")
            .expect("is there")
    };
    assert!(!one().is_server_ca);
    store.edit(&format!("{STAND_IN}\ntrust('one', '00000002')"));
    assert!(one().is_server_ca);
    assert_eq!(one().trust_objects, 1);
    assert!(
        agreed(&store.cert9())
            .iter()
            .all(|entry| entry.is_server_ca)
    );
    // CKT_NOT_TRUSTED in the other dialect: what Firefox 153 goes by.
    store.edit(&format!("{STAND_IN}\ntrust('bystander', '00000003')"));
    let found = agreed(&store.cert9());
    assert!(!found[1].is_server_ca);
    assert_eq!(found[1].trust_objects, 2);
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
        let one = find_certificate(&store.cert9(), &der)
            .expect("reads")
            .expect("is there");
        assert_eq!(one.is_server_ca, expected, "{arguments}");
    }
    let store = Store::new();
    let der = ca("One", 1, 1);
    store.add("one", "C,,", &der);
    store.edit("c.execute(\"update nssPublic set ace5363b4 = x'00' where ace5363b4 not null\")");
    let one = find_certificate(&store.cert9(), &der)
        .expect("reads")
        .expect("is there");
    assert_eq!((one.is_server_ca, one.trust_objects), (false, 1));
}
