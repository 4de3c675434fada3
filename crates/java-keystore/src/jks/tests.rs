use std::time::Duration;

use proptest::prelude::*;

use super::*;
use crate::DEFAULT_PASSWORD as PASSWORD;

/// A keystore as Java writes it, with foreign entries of either kind.
fn keystore() -> impl Strategy<Value = Vec<u8>> {
    let certificate = prop::collection::vec(any::<u8>(), 0..60);
    let item = (
        any::<bool>(),
        prop::collection::vec(any::<u8>(), 0..20),
        any::<u64>(),
        prop::collection::vec(certificate, 1..4),
    );
    let items = prop::collection::vec(item, 0..6);
    (1..=2_u32, items).prop_map(|(version, items)| {
        let mut content = [MAGIC, version.to_be_bytes(), [0; 4]].concat();
        let count = items.len();
        for (key, alias, date, certificates) in items {
            content.extend(if key { PRIVATE_KEY } else { TRUSTED }.to_be_bytes());
            push_text(&mut content, &alias).expect("short");
            content.extend(date.to_be_bytes());
            let mut rest = certificates.as_slice();
            if key {
                content.extend(5_u32.to_be_bytes());
                content.extend(b"a key");
                content.extend(u32::try_from(rest.len()).expect("few").to_be_bytes());
            } else {
                rest = &rest[..1];
            }
            for der in rest {
                if version > 1 {
                    push_text(&mut content, TYPE).expect("short");
                }
                content.extend(u32::try_from(der.len()).expect("short").to_be_bytes());
                content.extend(der);
            }
        }
        finish(content, count, PASSWORD).expect("few")
    })
}

fn empty(version: u32) -> Vec<u8> {
    let content = [MAGIC, version.to_be_bytes(), [0; 4]].concat();
    finish(content, 0, PASSWORD).expect("none")
}

fn added(to: &[u8], alias: &str) -> Result<Vec<u8>, Error> {
    let store = Jks::parse(to).expect("read");
    store.add_certificate(alias, CERTIFICATE, UNIX_EPOCH, PASSWORD)
}

const CERTIFICATE: &[u8] =
    b"a certificate that no generated keystore holds, being longer than theirs";

proptest! {
    #[test]
    fn remove_after_add_gives_the_bytes_before(before in keystore()) {
        let store = Jks::parse(&before).expect("read");
        prop_assert!(store.verify_password(PASSWORD));
        prop_assert_eq!(store.remove_certificates(|der| der == CERTIFICATE, PASSWORD), None);
        let after = added(&before, "azup-local-ca").expect("added");
        let store = Jks::parse(&after).expect("read");
        prop_assert!(store.verify_password(PASSWORD));
        prop_assert!(!store.verify_password("changeme"));
        let entries = store.entries();
        let last = entries.last().expect("one");
        prop_assert_eq!(last.certificate.as_deref(), Some(CERTIFICATE));
        let removed = store.remove_certificates(|der| der == CERTIFICATE, PASSWORD);
        prop_assert_eq!(removed, Some(before));
    }

    #[test]
    fn foreign_entries_stay_where_they_are(before in keystore()) {
        let body = &before[HEADER..before.len() - DIGEST];
        let after = added(&before, "azup-local-ca").expect("added");
        prop_assert!(after[HEADER..].starts_with(body));
    }

    #[test]
    fn any_bytes_are_survived(
        before in keystore(),
        at in any::<prop::sample::Index>(),
        bytes in prop::collection::vec(any::<u8>(), 0..12),
    ) {
        let at = at.index(before.len());
        let mut damaged = before.clone();
        damaged.splice(at..(at + bytes.len()).min(before.len()), bytes);
        if Jks::parse(&damaged).is_ok() {
            let after = added(&damaged, "azup-local-ca").expect("added");
            prop_assert!(Jks::parse(&after).is_ok());
        }
        prop_assert!(Jks::parse(&before[..at]).is_err());
    }
}

#[test]
fn a_count_of_four_billion_allocates_nothing() {
    let mut bytes = [MAGIC, 2_u32.to_be_bytes(), [0xff; 4]].concat();
    bytes.extend([0; DIGEST]);
    assert!(Jks::parse(&bytes).is_err());
    // The same for a chain in a private key.
    let mut bytes = [MAGIC, 2_u32.to_be_bytes(), 1_u32.to_be_bytes()].concat();
    bytes.extend(PRIVATE_KEY.to_be_bytes());
    bytes.extend([0; 2 + 8 + 4]);
    bytes.extend([0xff; 4]);
    assert!(Jks::parse(&bytes).is_err());
}

#[test]
fn each_damage_is_an_error_of_its_own() {
    let why = |bytes: &[u8]| Jks::parse(bytes).expect_err("damaged");
    let empty = empty(2);
    assert!(Jks::parse(&empty).is_ok());
    assert_eq!(why(b""), Error::Truncated);
    assert_eq!(why(b"PK\x03\x04"), Error::WrongFormat);
    assert_eq!(why(&empty[..20]), Error::Truncated);
    let mut longer = empty.clone();
    longer.push(0);
    assert_eq!(why(&longer), Error::TrailingBytes);
    let mut third = empty.clone();
    third[7] = 3;
    assert_eq!(why(&third), Error::UnsupportedVersion(3));
    let mut unknown = added(&empty, "a").expect("added");
    unknown[HEADER + 3] = 9;
    assert_eq!(why(&unknown), Error::UnknownEntry(9));
}

#[test]
fn an_alias_is_written_in_lower_case_and_only_once() {
    let once = added(&empty(2), "Größe \u{1f512}").expect("added");
    let store = Jks::parse(&once).expect("read");
    assert_eq!(store.entries()[0].alias, "größe \u{1f512}");
    assert_eq!(added(&once, "GRÖßE \u{1f512}"), Err(Error::AliasInUse));
    assert!(added(&once, "another").is_ok());
}

#[test]
fn what_the_format_cannot_say_is_refused() {
    assert_eq!(added(&empty(2), &"a".repeat(65_536)), Err(Error::TooLong));
    assert!(added(&empty(2), &"a".repeat(65_535)).is_ok());
}

#[test]
fn dates_are_milliseconds_also_before_1970() {
    let half = Duration::from_millis(1500);
    assert_eq!(milliseconds_since_1970(UNIX_EPOCH + half), 1500);
    assert_eq!(milliseconds_since_1970(UNIX_EPOCH - half), -1500);
}
