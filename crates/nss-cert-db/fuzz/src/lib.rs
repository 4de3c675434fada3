//! What has to hold for any bytes whatever. The fuzz target calls this with bytes of the fuzzer's
//! making, and `tests/corpus.rs` with the inputs kept in `corpus/`.

use nss_cert_db::{certificates, find_certificate, has_primary_password, is_hot_journal};

/// A database is read to its end or refused; what was read is found again.
pub fn cert9(data: &[u8]) {
    let _ = (has_primary_password(data), is_hot_journal(data));
    let Ok(all) = certificates(data) else {
        return;
    };
    let bytes: usize = all.iter().map(|certificate| certificate.der.len()).sum();
    assert!(bytes <= 20 * data.len().max(1), "it grows out of nothing");
    for certificate in all.iter().take(3) {
        let found = find_certificate(data, &certificate.der).expect("it was read before");
        let found = found.expect("it is there");
        assert_eq!(found.der, certificate.der);
    }
}
