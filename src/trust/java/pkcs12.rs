//! PKCS12 keystores without a password, as upstream builds have them in
//! `cacerts` since JDK 18: read and written natively, so that removal gives the very bytes back.
//!
//! What is encrypted, or not strictly DER, is none of this module's business: it says
//! that it cannot read that, and keytool has to. One with a MAC can be read here, but
//! not written.
//!
//! Structure (RFC 7292): PFX → authSafe (`data`) → `AuthenticatedSafe` → each a `ContentInfo`
//! (`data`) → `SafeContents` → `SafeBag`, with the DER of a certificate verbatim in it.

use std::ops::Range;

use super::Entry;

const SEQUENCE: u8 = 0x30;
const SET: u8 = 0x31;
const INTEGER: u8 = 0x02;
const OCTETS: u8 = 0x04;
const OID: u8 = 0x06;
const BMP_STRING: u8 = 0x1e;
/// `[0]`, constructed.
const ZERO: u8 = 0xa0;

// Object identifiers, encoded.
/// 1.2.840.113549.1.7.1, PKCS#7 `data`.
const DATA: &[u8] = b"\x2a\x86\x48\x86\xf7\x0d\x01\x07\x01";
/// 1.2.840.113549.1.12.10.1.3, `certBag`.
const CERT_BAG: &[u8] = b"\x2a\x86\x48\x86\xf7\x0d\x01\x0c\x0a\x01\x03";
/// 1.2.840.113549.1.9.22.1, `x509Certificate`.
const X509: &[u8] = b"\x2a\x86\x48\x86\xf7\x0d\x01\x09\x16\x01";
/// 1.2.840.113549.1.9.20, `friendlyName`: Java's alias.
const FRIENDLY_NAME: &[u8] = b"\x2a\x86\x48\x86\xf7\x0d\x01\x09\x14";
/// 2.16.840.1.113894.746875.1.1, Oracle's `trustedKeyUsage`: without it, Java takes the
/// certificate for part of some chain.
const TRUSTED: &[u8] = b"\x60\x86\x48\x01\x86\xf9\x66\xad\xca\x7b\x01\x01";
/// 2.5.29.37.0, `anyExtendedKeyUsage`: trusted for everything, as keytool writes it.
const ANY_USAGE: &[u8] = b"\x55\x1d\x25\x00";

/// A keystore whose every certificate can be read.
#[derive(Debug)]
pub struct Pkcs12<'a> {
    bytes: &'a [u8],
    /// For each `SafeContents` all that it is nested in, outermost first, itself last.
    safes: Vec<Vec<Element>>,
    bags: Vec<Bag<'a>>,
    has_mac: bool,
}

/// One entry where it stands.
#[derive(Debug)]
struct Bag<'a> {
    /// Which `SafeContents` it is in.
    safe: usize,
    place: Range<usize>,
    alias: String,
    /// The DER, where it is a trusted certificate.
    certificate: Option<&'a [u8]>,
}

impl<'a> Pkcs12<'a> {
    /// Reads a keystore; `None` where something in it is encrypted, or it is not strict
    /// DER of this kind.
    #[must_use]
    pub fn parse(bytes: &'a [u8]) -> Option<Self> {
        let whole = only(bytes, 0..bytes.len(), SEQUENCE)?;
        let parts = children(bytes, &whole)?;
        let authenticated = parts.get(1)?;
        let mut outer = vec![whole, authenticated.clone()];
        outer.extend(data(bytes, authenticated)?);
        let (mut safes, mut bags) = (Vec::new(), Vec::new());
        for info in children(bytes, outer.last()?)? {
            let mut nested = outer.clone();
            nested.extend(data(bytes, &info)?);
            nested.insert(outer.len(), info);
            for element in children(bytes, nested.last()?)? {
                bags.push(bag(bytes, safes.len(), &element)?);
            }
            safes.push(nested);
        }
        Some(Self {
            bytes,
            safes,
            bags,
            has_mac: parts.len() > 2,
        })
    }

    /// All entries, in order.
    #[must_use]
    pub fn entries(&self) -> Vec<Entry<'a>> {
        self.bags
            .iter()
            .map(|bag| Entry {
                alias: bag.alias.clone().into(),
                certificate: bag.certificate.map(Into::into),
            })
            .collect()
    }

    /// The bytes with one more trusted certificate. `None` where only keytool can add
    /// it: there is a MAC to be made anew, or no trusted certificate yet to stand beside.
    #[must_use]
    pub fn with(&self, alias: &str, der: &[u8]) -> Option<Vec<u8>> {
        let beside = self.bags.iter().rfind(|bag| bag.certificate.is_some())?;
        if self.has_mac {
            return None;
        }
        let nested = &self.safes[beside.safe];
        let end = nested.last()?.content.end;
        Some(spliced(self.bytes, nested, end..end, new_bag(alias, der)))
    }

    /// The bytes without the trusted certificates for which `goes` holds. `None` where
    /// there are none, or only keytool can take them out.
    #[must_use]
    pub fn without(&self, goes: &dyn Fn(&[u8]) -> bool) -> Option<Vec<u8>> {
        if self.has_mac {
            return None;
        }
        let mut after = self.without_first(goes)?;
        while let Some(next) = Pkcs12::parse(&after).and_then(|next| next.without_first(goes)) {
            after = next;
        }
        Some(after)
    }

    fn without_first(&self, goes: &dyn Fn(&[u8]) -> bool) -> Option<Vec<u8>> {
        let goes = |bag: &&Bag<'_>| bag.certificate.is_some_and(goes);
        let bag = self.bags.iter().find(goes)?;
        let place = bag.place.clone();
        Some(spliced(
            self.bytes,
            &self.safes[bag.safe],
            place,
            Vec::new(),
        ))
    }
}

/// A new keystore without a password, with these trusted certificates. The same ones
/// always give the same bytes.
#[must_use]
pub fn written<'a>(certificates: impl IntoIterator<Item = (&'a str, &'a [u8])>) -> Vec<u8> {
    let bags: Vec<u8> = certificates
        .into_iter()
        .flat_map(|(alias, der)| new_bag(alias, der))
        .collect();
    let data = |content: Vec<u8>| {
        let octets = encoded(ZERO, encoded(OCTETS, content));
        encoded(SEQUENCE, [encoded(OID, DATA.to_vec()), octets].concat())
    };
    let safes = encoded(SEQUENCE, data(encoded(SEQUENCE, bags)));
    // Version 3, as RFC 7292 has it.
    let version = encoded(INTEGER, vec![3]);
    encoded(SEQUENCE, [version, data(safes)].concat())
}

/// A `SafeBag` as keytool writes it for `-importcert`.
fn new_bag(alias: &str, der: &[u8]) -> Vec<u8> {
    let name: Vec<u8> = alias.encode_utf16().flat_map(u16::to_be_bytes).collect();
    let attribute = |oid: &[u8], value: Vec<u8>| {
        encoded(
            SEQUENCE,
            [encoded(OID, oid.to_vec()), encoded(SET, value)].concat(),
        )
    };
    let attributes = [
        attribute(FRIENDLY_NAME, encoded(BMP_STRING, name)),
        attribute(TRUSTED, encoded(OID, ANY_USAGE.to_vec())),
    ];
    let certificate = [
        encoded(OID, X509.to_vec()),
        encoded(ZERO, encoded(OCTETS, der.to_vec())),
    ];
    let certificate = encoded(SEQUENCE, certificate.concat());
    let bag = [
        encoded(OID, CERT_BAG.to_vec()),
        encoded(ZERO, certificate),
        encoded(SET, attributes.concat()),
    ];
    encoded(SEQUENCE, bag.concat())
}

/// Reads a `SafeBag`. What is in one of another kind (a key) does not matter, but its alias
/// is taken.
fn bag<'a>(bytes: &'a [u8], safe: usize, element: &Element) -> Option<Bag<'a>> {
    let parts = children(bytes, element)?;
    let [kind, value, rest @ ..] = parts.as_slice() else {
        return None;
    };
    let (mut alias, mut trusted) = (String::new(), false);
    let attributes = match rest.first() {
        Some(set) => children(bytes, set)?,
        None => Vec::new(),
    };
    for attribute in attributes {
        let parts = children(bytes, &attribute)?;
        let [oid, values] = parts.as_slice() else {
            return None;
        };
        match oid.of(bytes) {
            FRIENDLY_NAME => alias = text(children(bytes, values)?.first()?.of(bytes)),
            TRUSTED => trusted = true,
            _ => {}
        }
    }
    let is_certificate = kind.of(bytes) == CERT_BAG;
    Some(Bag {
        safe,
        place: element.start..element.content.end,
        alias,
        certificate: if is_certificate && trusted {
            Some(certificate(bytes, value)?)
        } else {
            None
        },
    })
}

/// The DER in a `CertBag`.
fn certificate<'a>(bytes: &'a [u8], value: &Element) -> Option<&'a [u8]> {
    let bag = only(bytes, value.content.clone(), SEQUENCE)?;
    let parts = children(bytes, &bag)?;
    let [kind, value] = parts.as_slice() else {
        return None;
    };
    let der = only(bytes, value.content.clone(), OCTETS)?;
    (kind.of(bytes) == X509).then(|| der.of(bytes))
}

/// UTF-16BE as text.
fn text(bytes: &[u8]) -> String {
    let units = bytes.chunks_exact(2);
    let units: Vec<u16> = units
        .map(|unit| u16::from_be_bytes([unit[0], unit[1]]))
        .collect();
    String::from_utf16_lossy(&units)
}

/// What a `ContentInfo` of type `data` is nested in, down to the sequence in it.
fn data(bytes: &[u8], info: &Element) -> Option<[Element; 3]> {
    let parts = children(bytes, info)?;
    let [kind, value] = parts.as_slice() else {
        return None;
    };
    if kind.of(bytes) != DATA || value.tag != ZERO {
        return None;
    }
    let octets = only(bytes, value.content.clone(), OCTETS)?;
    let sequence = only(bytes, octets.content.clone(), SEQUENCE)?;
    Some([value.clone(), octets, sequence])
}

/// One DER element where it stands.
#[derive(Clone, Debug)]
struct Element {
    tag: u8,
    start: usize,
    content: Range<usize>,
}

impl Element {
    fn of<'a>(&self, bytes: &'a [u8]) -> &'a [u8] {
        &bytes[self.content.clone()]
    }
}

/// The first element in a range. Lengths must be definite and as short as can be, as
/// written here, so that an edit leaves every other byte as it was.
fn element(bytes: &[u8], range: Range<usize>) -> Option<Element> {
    let within = bytes.get(range.clone())?;
    let (&[tag, first], rest) = within.split_first_chunk::<2>()?;
    let (header, length) = if first < 0x80 {
        (2, usize::from(first))
    } else {
        let digits = rest.get(..usize::from(first - 0x80))?;
        if digits.len() > 4 {
            return None;
        }
        let length = digits
            .iter()
            .fold(0, |all, byte| all << 8 | usize::from(*byte));
        (2 + digits.len(), length)
    };
    let start = range.start + header;
    let content = start..start.checked_add(length)?;
    if content.end > range.end || header != 2 + extra_digits(length) {
        return None;
    }
    Some(Element {
        tag,
        start: range.start,
        content,
    })
}

/// The element that fills the range.
fn only(bytes: &[u8], range: Range<usize>, tag: u8) -> Option<Element> {
    let element = element(bytes, range.clone())?;
    (element.tag == tag && element.content.end == range.end).then_some(element)
}

/// The elements that fill another's content.
fn children(bytes: &[u8], parent: &Element) -> Option<Vec<Element>> {
    let mut at = parent.content.start;
    let mut all = Vec::new();
    while at < parent.content.end {
        let child = element(bytes, at..parent.content.end)?;
        at = child.content.end;
        all.push(child);
    }
    Some(all)
}

/// How many bytes a length takes beyond its first.
fn extra_digits(length: usize) -> usize {
    match length {
        0..0x80 => 0,
        _ => (length.ilog2() / 8 + 1) as usize,
    }
}

fn encoded(tag: u8, content: Vec<u8>) -> Vec<u8> {
    let length = content.len().to_be_bytes();
    let digits = &length[length.len() - extra_digits(content.len()).max(1)..];
    let mut all = vec![tag];
    if content.len() >= 0x80 {
        all.push(0x80 | u8::try_from(digits.len()).unwrap_or_default());
    }
    all.extend(digits);
    all.extend(content);
    all
}

/// `bytes` with `place` replaced, and the lengths of all that it is nested in (outermost
/// first) set anew.
fn spliced(bytes: &[u8], nested: &[Element], place: Range<usize>, with: Vec<u8>) -> Vec<u8> {
    let (mut place, mut with) = (place, with);
    for parent in nested.iter().rev() {
        let before = &bytes[parent.content.start..place.start];
        let after = &bytes[place.end..parent.content.end];
        with = encoded(parent.tag, [before, &with, after].concat());
        place = parent.start..parent.content.end;
    }
    with
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// A keystore of bags as keytool writes it; `mac` follows where there is one.
    fn keystore(safes: &[Vec<Vec<u8>>], mac: Option<&[u8]>) -> Vec<u8> {
        let info = |content: Vec<u8>| {
            let octets = encoded(ZERO, encoded(OCTETS, content));
            encoded(SEQUENCE, [encoded(OID, DATA.to_vec()), octets].concat())
        };
        let safes: Vec<u8> = safes
            .iter()
            .flat_map(|bags| info(encoded(SEQUENCE, bags.concat())))
            .collect();
        let version = [2, 1, 3].to_vec();
        let parts = [
            version,
            info(encoded(SEQUENCE, safes)),
            mac.unwrap_or_default().to_vec(),
        ];
        encoded(SEQUENCE, parts.concat())
    }

    fn bags() -> impl Strategy<Value = Vec<Vec<u8>>> {
        let bag = ("[a-zü]{0,9}", prop::collection::vec(any::<u8>(), 0..300));
        prop::collection::vec(bag.prop_map(|(alias, der)| new_bag(&alias, &der)), 0..5)
    }

    const DER: &[u8] = b"no generated one";

    proptest! {
        #[test]
        fn remove_after_add_gives_the_bytes_before(one in bags(), two in bags()) {
            let before = keystore(&[one.clone(), two.clone()], None);
            let store = Pkcs12::parse(&before).expect("read");
            prop_assert_eq!(store.entries().len(), one.len() + two.len());
            let Some(after) = store.with("azup-local-ca", DER) else {
                prop_assert!(one.is_empty() && two.is_empty());
                return Ok(());
            };
            let store = Pkcs12::parse(&after).expect("read");
            let entries = store.entries();
            let added = entries.last().expect("one");
            prop_assert_eq!(added.certificate.as_deref(), Some(DER));
            prop_assert_eq!(&*added.alias, "azup-local-ca");
            prop_assert_eq!(store.without(&|der| der == DER), Some(before));
        }

        #[test]
        fn any_bytes_are_survived(
            one in bags(),
            at in any::<prop::sample::Index>(),
            bytes in prop::collection::vec(any::<u8>(), 1..12),
        ) {
            let mut bytes_of = keystore(&[one], None);
            let at = at.index(bytes_of.len());
            prop_assert!(Pkcs12::parse(&bytes_of[..at]).is_none());
            let end = (at + bytes.len()).min(bytes_of.len());
            bytes_of.splice(at..end, bytes);
            if let Some(store) = Pkcs12::parse(&bytes_of) {
                let _ = (store.with("a", DER), store.without(&|_| true), store.entries());
            }
        }
    }

    #[test]
    fn what_carries_a_mac_is_read_but_not_written() {
        let bytes = keystore(&[vec![new_bag("a", DER)]], Some(&[SEQUENCE, 0]));
        let store = Pkcs12::parse(&bytes).expect("read");
        assert_eq!(store.entries().len(), 1);
        assert_eq!(store.with("b", DER), None);
        assert_eq!(store.without(&|_| true), None);
    }

    #[test]
    fn a_certificate_that_is_not_marked_as_trusted_is_not() {
        let mut bag = new_bag("a", DER);
        // Another attribute of the same length in its place.
        let at = memchr::memmem::find(&bag, TRUSTED).expect("there");
        bag[at + TRUSTED.len() - 1] ^= 1;
        let bytes = keystore(&[vec![bag]], None);
        let store = Pkcs12::parse(&bytes).expect("read");
        assert_eq!(store.entries()[0].certificate, None);
    }

    #[test]
    fn every_copy_goes_at_once() {
        let foreign = new_bag("b", b"foreign");
        let bags = vec![new_bag("a", DER), foreign.clone(), new_bag("c", DER)];
        let bytes = keystore(&[bags], None);
        let store = Pkcs12::parse(&bytes).expect("read");
        let after = store.without(&|der| der == DER);
        assert_eq!(after, Some(keystore(&[vec![foreign]], None)));
    }
}
