use proptest::prelude::*;

use super::*;

/// A keystore of bags as keytool writes it; `mac` follows if there is one.
fn keystore(safes: &[Vec<Vec<u8>>], mac: &[u8]) -> Vec<u8> {
    let infos: Vec<u8> = safes
        .iter()
        .flat_map(|bags| content_info(&der(SEQUENCE, bags.concat())))
        .collect();
    let authenticated = content_info(&der(SEQUENCE, infos));
    der(SEQUENCE, [&[2, 1, 3], &authenticated[..], mac].concat())
}

fn trusted(alias: &str, certificate: &[u8]) -> Vec<u8> {
    NewCertificate::trusted(alias, certificate).encode()
}

fn bags() -> impl Strategy<Value = Vec<Vec<u8>>> {
    let bag = ("[a-zü]{0,9}", prop::collection::vec(any::<u8>(), 0..300));
    prop::collection::vec(bag.prop_map(|(alias, der)| trusted(&alias, &der)), 0..5)
}

const CERTIFICATE: &[u8] = b"no generated one";

proptest! {
    #[test]
    fn remove_after_add_gives_the_bytes_before(one in bags(), two in bags()) {
        let before = keystore(&[one.clone(), two.clone()], b"");
        let store = Pkcs12::parse(&before).expect("read");
        prop_assert_eq!(store.entries().len(), one.len() + two.len());
        let after = match store.add_certificate("azup-local-ca", CERTIFICATE) {
            Ok(after) => after,
            Err(error) => {
                prop_assert_eq!(error, Error::NoTrustedCertificate);
                prop_assert!(one.is_empty() && two.is_empty());
                return Ok(());
            }
        };
        let store = Pkcs12::parse(&after).expect("read");
        let entries = store.entries();
        let added = entries.last().expect("one");
        prop_assert_eq!(added.certificate.as_deref(), Some(CERTIFICATE));
        prop_assert_eq!(&*added.alias, "azup-local-ca");
        let removed = store.remove_certificates(|der| der == CERTIFICATE);
        prop_assert_eq!(removed, Ok(Some(before)));
    }

    #[test]
    fn any_bytes_are_survived(
        one in bags(),
        at in any::<prop::sample::Index>(),
        bytes in prop::collection::vec(any::<u8>(), 1..12),
    ) {
        let mut damaged = keystore(&[one], b"");
        let at = at.index(damaged.len());
        prop_assert!(Pkcs12::parse(&damaged[..at]).is_err());
        let end = (at + bytes.len()).min(damaged.len());
        damaged.splice(at..end, bytes);
        if let Ok(store) = Pkcs12::parse(&damaged) {
            let _ = store.add_certificate("a", CERTIFICATE);
            let _ = store.remove_certificates(|_| true);
            let _ = store.entries();
        }
    }
}

#[test]
fn what_carries_a_mac_is_read_but_not_edited() {
    let bytes = keystore(&[vec![trusted("a", CERTIFICATE)]], &[SEQUENCE, 0]);
    let store = Pkcs12::parse(&bytes).expect("read");
    assert_eq!(store.entries().len(), 1);
    assert_eq!(store.add_certificate("b", b"another"), Err(Error::HasMac));
    assert_eq!(store.remove_certificates(|_| true), Err(Error::HasMac));
    assert_eq!(store.remove_certificates(|_| false), Ok(None));
}

#[test]
fn what_is_encrypted_is_said_to_be() {
    let mut bytes = keystore(&[vec![trusted("a", CERTIFICATE)]], b"");
    let inner = memchr::memmem::rfind(&bytes, DATA).expect("there");
    bytes[inner..][..DATA.len()].copy_from_slice(ENCRYPTED_DATA);
    assert_eq!(Pkcs12::parse(&bytes).err(), Some(Error::Encrypted));
}

#[test]
fn a_certificate_that_is_not_marked_as_trusted_is_not() {
    let mut bag = trusted("a", CERTIFICATE);
    // Another attribute of the same length in its place.
    let at = memchr::memmem::find(&bag, TRUSTED_KEY_USAGE).expect("there");
    bag[at + TRUSTED_KEY_USAGE.len() - 1] ^= 1;
    let bytes = keystore(&[vec![bag]], b"");
    let store = Pkcs12::parse(&bytes).expect("read");
    assert_eq!(store.entries()[0].certificate, None);

    let plain = encode([NewCertificate::plain(CERTIFICATE)]);
    let store = Pkcs12::parse(&plain).expect("read");
    assert_eq!(store.entries()[0].certificate, None);
    assert_eq!(store.certificates(), [CERTIFICATE]);
    assert!(!store.has_others());
}

#[test]
fn every_copy_goes_at_once() {
    let foreign = trusted("b", b"foreign");
    let bags = vec![
        trusted("a", CERTIFICATE),
        foreign.clone(),
        trusted("c", CERTIFICATE),
    ];
    let bytes = keystore(&[bags], b"");
    let store = Pkcs12::parse(&bytes).expect("read");
    let after = store.remove_certificates(|der| der == CERTIFICATE);
    assert_eq!(after, Ok(Some(keystore(&[vec![foreign]], b""))));
}

#[test]
fn an_alias_is_taken_whatever_its_case() {
    let bytes = keystore(&[vec![trusted("Größe", b"foreign")]], b"");
    let store = Pkcs12::parse(&bytes).expect("read");
    assert_eq!(
        store.add_certificate("gRÖSSE", CERTIFICATE).err(),
        None,
        "another word"
    );
    assert_eq!(
        store.add_certificate("GRÖßE", CERTIFICATE),
        Err(Error::AliasInUse)
    );
}

#[test]
fn a_new_keystore_has_the_entries_it_was_made_of() {
    let large = vec![9; 70_000];
    let bytes = encode([
        NewCertificate::trusted("one", b"first"),
        NewCertificate::trusted("größe \u{1f512}", &large),
    ]);
    let store = Pkcs12::parse(&bytes).expect("read");
    let entries = store.entries();
    let read: Vec<_> = entries
        .iter()
        .map(|entry| (&*entry.alias, entry.certificate.as_deref()))
        .collect();
    let expected = [
        ("one", Some(&b"first"[..])),
        ("größe \u{1f512}", Some(large.as_slice())),
    ];
    assert_eq!(read, expected);
    let empty = encode([]);
    assert_eq!(Pkcs12::parse(&empty).expect("read").entries(), []);
}
