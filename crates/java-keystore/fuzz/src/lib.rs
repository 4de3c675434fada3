//! What has to hold for any bytes whatever. The fuzz targets call this with bytes of the fuzzer's
//! making, and `tests/corpus.rs` with the inputs kept in `corpus/`.

use std::time::UNIX_EPOCH;

use java_keystore::jks::Jks;
use java_keystore::pkcs12::Pkcs12;
use java_keystore::{DEFAULT_PASSWORD, Entry, Error};

/// A certificate that is always the same, as some of the kept inputs hold it.
const CA: &[u8] = include_bytes!("../ca.der");

fn is_ca(der: &[u8]) -> bool {
    der == CA
}

fn has_ca(entries: &[Entry<'_>]) -> bool {
    let mut certificates = entries.iter().map(|entry| entry.certificate.as_deref());
    certificates.any(|certificate| certificate == Some(CA))
}

/// A JKS takes a certificate in and out again; the digest is the only other thing that changes.
pub fn jks(data: &[u8]) {
    const DIGEST: usize = 20;
    let Ok(store) = Jks::parse(data) else { return };
    let _ = store.verify_password(DEFAULT_PASSWORD);
    let less = store.remove_certificates(is_ca, DEFAULT_PASSWORD);
    if has_ca(&store.entries()) {
        let less = less.expect("it is there");
        assert!(!has_ca(
            &Jks::parse(&less).expect("it can be read").entries()
        ));
        return;
    }
    assert_eq!(less, None, "nothing to take out");
    let more = match store.add_certificate("azup", CA, UNIX_EPOCH, DEFAULT_PASSWORD) {
        Ok(more) => more,
        Err(error) => return assert_eq!(error, Error::AliasInUse),
    };
    let read = Jks::parse(&more).expect("it can still be read");
    assert!(read.verify_password(DEFAULT_PASSWORD));
    let entries = read.entries();
    assert_eq!(entries.len(), store.entries().len() + 1);
    assert_eq!(entries.last().map(|entry| &*entry.alias), Some("azup"));
    let back = read.remove_certificates(is_ca, DEFAULT_PASSWORD);
    let back = back.expect("it is there");
    let content = |bytes: &[u8]| bytes[..bytes.len() - DIGEST].to_vec();
    assert_eq!(content(&back), content(data), "old bytes are back");
}

/// The same for a PKCS#12 that needs no password, where every byte comes back.
pub fn pkcs12(data: &[u8]) {
    let Ok(store) = Pkcs12::parse(data) else {
        return;
    };
    let entries = store.entries();
    match store.remove_certificates(is_ca) {
        Ok(None) => assert!(!has_ca(&entries)),
        Ok(Some(less)) => {
            let less = Pkcs12::parse(&less).expect("it can still be read");
            assert!(!has_ca(&less.entries()));
            return;
        }
        Err(error) => return assert_eq!(error, Error::HasMac),
    }
    let Ok(more) = store.add_certificate("azup", CA) else {
        return;
    };
    let read = Pkcs12::parse(&more).expect("it can still be read");
    assert_eq!(read.entries().len(), entries.len() + 1);
    let back = read.remove_certificates(is_ca);
    assert_eq!(back, Ok(Some(data.to_vec())), "old bytes are back");
}
