//! The laws of a bundle: whatever it holds, what was added comes out again and nothing else does.

use proptest::prelude::*;

use super::*;
use crate::certificates::anchor::encode;
use crate::certificates::issue;

const NOW: OffsetDateTime = time::macros::datetime!(2026-11-21 06:00:00 UTC);

fn ca() -> TrustAnchor {
    let issued = issue(&[], NOW).expect("issued");
    TrustAnchor::from_pem(issued.ca.as_bytes(), Path::new("ca.pem"), NOW).expect("a CA")
}

fn foreign(name: &str) -> TrustAnchor {
    let key = rcgen::KeyPair::generate().expect("a key");
    let mut parameters = rcgen::CertificateParams::default();
    parameters.distinguished_name = rcgen::DistinguishedName::new();
    parameters
        .distinguished_name
        .push(rcgen::DnType::CommonName, name);
    parameters.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    let der = parameters.self_signed(&key).expect("signed").der().to_vec();
    TrustAnchor::from_der(&der).expect("a certificate")
}

fn removal(ca: &TrustAnchor) -> RemovalFilter {
    RemovalFilter {
        ca: Some(ca.clone()),
        ours: true,
        ..RemovalFilter::default()
    }
}

/// What stands in real bundles, and what should not but might.
fn bundle() -> impl Strategy<Value = Vec<u8>> {
    let one = foreign("One");
    let two = foreign("Two");
    let crlf = two.pem.replace('\n', "\r\n");
    let piece = prop_oneof![
        Just(one.pem.clone().into_bytes()),
        Just(two.pem.clone().into_bytes()),
        Just(crlf.into_bytes()),
        Just(format!("\n# Issuer: CN=One\n# Subject: CN=One\n{}", one.pem).into_bytes()),
        Just(b"\n".to_vec()),
        Just(b"# a comment\n".to_vec()),
        Just(b"# azup begin of something else\n".to_vec()),
        Just(b"# azup end abc\n".to_vec()),
        Just(b"-----BEGIN CERTIFICATE-----\n".to_vec()),
        Just(b"\xef\xbb\xbf".to_vec()),
        Just("# Größe\r\n".as_bytes().to_vec()),
        Just(b"\xff\xfe not UTF-8".to_vec()),
        "[ -~]{0,40}".prop_map(String::into_bytes),
    ];
    prop::collection::vec(piece, 0..8).prop_map(|pieces| pieces.concat())
}

proptest! {
    #[test]
    fn remove_after_add_gives_the_bytes_before(before in bundle()) {
        let ca = ca();
        let after = with(&before, &ca, None, NOW);
        prop_assert!(contains(&after, &ca));
        prop_assert_eq!(without(&after, &removal(&ca)).0, before);
    }

    #[test]
    fn foreign_bytes_stay_in_front(before in bundle()) {
        let after = with(&before, &ca(), None, NOW);
        prop_assert!(after.starts_with(&before));
        let added = String::from_utf8_lossy(&after[before.len()..]).into_owned();
        prop_assert!(added.is_ascii());
    }

    #[test]
    fn two_cas_come_out_in_either_order(before in bundle(), first_first: bool) {
        let (first, second) = (ca(), ca());
        let mut bundle = with(&with(&before, &first, None, NOW), &second, None, NOW);
        // Of its own kind azup takes all; here each goes alone.
        let only = |ca: &TrustAnchor| vec![ca.der.clone()];
        let order = if first_first { [&first, &second] } else { [&second, &first] };
        for ca in order {
            bundle = without_der(&bundle, &only(ca));
        }
        prop_assert_eq!(bundle, before);
    }

    #[test]
    fn what_was_appended_after_the_block_stays(before in bundle(), tail in bundle()) {
        let ca = ca();
        let mut bundle = with(&before, &ca, None, NOW);
        bundle.extend_from_slice(&tail);
        let (after, _) = without(&bundle, &removal(&ca));
        prop_assert!(!contains(&after, &ca));
        let mut expected = before.clone();
        // A line that was unfinished before must not run into what came later.
        if !before.is_empty() && !before.ends_with(b"\n") && !tail.is_empty() {
            expected.push(b'\n');
        }
        expected.extend_from_slice(&tail);
        prop_assert_eq!(after, expected);
    }

    #[test]
    fn any_bytes_are_survived(bytes in prop::collection::vec(any::<u8>(), 0..2000)) {
        let ca = ca();
        prop_assert!(!contains(&bytes, &ca));
        prop_assert_eq!(without(&bytes, &removal(&ca)).0, bytes);
    }
}

/// Removal of exactly these certificates, through the same code.
fn without_der(bundle: &[u8], ders: &[Vec<u8>]) -> Vec<u8> {
    let removal = RemovalFilter {
        ca: TrustAnchor::from_der(&ders[0]),
        ..RemovalFilter::default()
    };
    super::cut(bundle, &|der| {
        removal.ca.as_ref().is_some_and(|ca| ca.der == der)
    })
    .0
}

#[test]
fn a_copy_counts_in_whatever_form_it_was_pasted() {
    let ca = ca();
    let text = STANDARD.encode(&ca.der);
    let folded = |width: usize, end: &str| {
        let lines: Vec<&str> = text
            .as_bytes()
            .chunks(width)
            .map(|line| std::str::from_utf8(line).expect("ASCII"))
            .collect();
        format!("{BEGIN}{end}{}{end}{END}{end}", lines.join(end))
    };
    for (width, end) in [
        (64, "\n"),
        (64, "\r\n"),
        (76, "\n"),
        (1000, "\n"),
        (20, "\n"),
    ] {
        let bundle = format!("{}{}", foreign("One").pem, folded(width, end));
        assert!(contains(bundle.as_bytes(), &ca), "{width} {end:?}");
    }
    assert!(!contains(foreign("One").pem.as_bytes(), &ca));
    // The same beginning, another end.
    let mut other = ca.der.clone();
    *other.last_mut().expect("bytes") ^= 1;
    assert!(!contains(encode(&other).as_bytes(), &ca));
}

#[test]
fn a_hostile_subject_cannot_leave_its_comment() {
    let ca = foreign("x\n-----BEGIN CERTIFICATE-----\nü");
    let after = with(b"", &ca, None, NOW);
    assert_eq!(memmem::find_iter(&after, BEGIN).count(), 1);
    let text = String::from_utf8(after.clone()).expect("ASCII");
    assert!(text.is_ascii());
    assert_eq!(text.lines().filter(|line| *line == BEGIN).count(), 1);
    assert_eq!(without(&after, &removal(&ca)).0, b"");
}

#[test]
fn a_mark_around_somebody_elses_certificate_removes_nothing() {
    let ca = ca();
    let one = foreign("One");
    let block = String::from_utf8(with(b"", &ca, None, NOW)).expect("ASCII");
    let forged = block.replace(&ca.pem, &one.pem);
    assert_eq!(
        without(forged.as_bytes(), &removal(&ca)).0,
        forged.as_bytes()
    );
}
