//! What is not understood is an error, and nothing makes it panic.

use std::sync::LazyLock;

use nss_cert_db::{Error, certificates, find_certificate, has_primary_password};
use proptest::prelude::*;

use crate::support::{LARGE, MANY, Store, agreed, ca};

#[test]
fn what_is_not_understood_is_said_in_words() {
    let (_, large) = &*LARGE;
    let words = |bytes: &[u8]| certificates(bytes).expect_err("an error").to_string();
    assert_eq!(
        words(b""),
        "the database is of an unknown kind: it is empty"
    );
    assert_eq!(
        words(&[b'x'; 5000]),
        "the database is of an unknown kind: it is not an SQLite 3 database"
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
    assert_eq!(certificates(&store.cert9()), Err(Error::WriteAheadLog));
    store.edit("c.execute('pragma journal_mode = delete')");
    assert_eq!(agreed(&store.cert9()).len(), 1);
}

#[test]
fn pages_in_a_loop_are_noticed() {
    let (large, cert9) = &*LARGE;
    let (_, many) = &*MANY;
    // Page 2 is the root of the table, byte 8 its last child.
    let mut looping = many.clone();
    assert_eq!(looping[4096], 5);
    looping[4096 + 8..][..4].copy_from_slice(&[0, 0, 0, 2]);
    let expected = Err(Error::Damaged("its pages form a loop"));
    assert_eq!(certificates(&looping), expected);
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
        noticed += usize::from(
            find_certificate(&looping, large) == Err(Error::Damaged("its pages form a loop")),
        );
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
        certificates(&cert9),
        Err(Error::Damaged("the rows of a page overlap"))
    );
}

/// All functions on bytes that may be anything. Their answer does not matter.
fn survive(bytes: &[u8]) {
    let _ = find_certificate(bytes, &LARGE.0);
    let _ = has_primary_password(bytes);
    if let Ok(found) = certificates(bytes) {
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
        let mut bytes = match which {
            0 => MANY.1.clone(),
            1 => LARGE.1.clone(),
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
            bytes[..100].copy_from_slice(&LARGE.1[..100]);
            bytes[16..18].copy_from_slice(&512_u16.to_be_bytes());
            bytes[28..32].fill(0);
            bytes[100] = [5, 13][usize::from(bytes[100] % 2)];
        }
        survive(&bytes);
    }
}
