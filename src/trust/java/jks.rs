//! Java's own keystore format, JKS, read and written natively: keytool takes half a
//! second for what is a few bytes here, and removal gives the very bytes back.
//!
//! The format is that of `sun.security.provider.JavaKeyStore`, all numbers big-endian:
//! magic, version, count, then per entry a tag, the alias in modified UTF-8 (16-bit
//! length), the date in milliseconds since 1970 and the content, at last a SHA-1 over
//! password, salt and all before it.

use std::fmt;
use std::ops::Range;

use time::OffsetDateTime;

use super::Entry;

/// The first four bytes.
pub const MAGIC: [u8; 4] = [0xfe, 0xed, 0xfe, 0xed];

/// Magic, version and count.
const HEADER: usize = 12;

/// The size of the SHA-1 digest at the end.
const DIGEST: usize = 20;

/// What the digest begins with, after the password; part of the format.
const SALT: &[u8] = b"Mighty Aphrodite";

/// The tag of a private key with its certificate chain.
const PRIVATE_KEY: u32 = 1;
/// The tag of a certificate that is trusted.
const TRUSTED: u32 = 2;

/// The type of every certificate. Written from version 2 on; version 1 knew no other.
const TYPE: &[u8] = b"X.509";

/// Why bytes cannot be read as JKS.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Damaged(&'static str);

impl fmt::Display for Damaged {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the keystore is damaged: {}", self.0)
    }
}

impl std::error::Error for Damaged {}

/// A keystore, read to its end.
#[derive(Debug)]
pub struct Jks<'a> {
    bytes: &'a [u8],
    version: u32,
    items: Vec<Item<'a>>,
}

/// One entry where it stands.
#[derive(Debug)]
struct Item<'a> {
    place: Range<usize>,
    alias: &'a [u8],
    /// The DER, where it is a trusted certificate.
    certificate: Option<&'a [u8]>,
}

impl<'a> Jks<'a> {
    /// Reads a keystore of version 1 or 2. The digest is not looked at: Java does not
    /// either when it only reads.
    ///
    /// # Errors
    /// Where it is torn, has unknown parts, or something follows its digest.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, Damaged> {
        let mut reader = Reader { bytes, at: 0 };
        if reader.take(4)? != MAGIC {
            return Err(Damaged("it does not begin as one"));
        }
        let version = reader.number()?;
        if !matches!(version, 1 | 2) {
            return Err(Damaged("its version is neither 1 nor 2"));
        }
        let count = reader.number()?;
        // Grows with what was read, never to what a header claims.
        let mut items = Vec::new();
        for _ in 0..count {
            items.push(item(&mut reader, version)?);
        }
        match bytes.len() - reader.at {
            DIGEST => Ok(Self {
                bytes,
                version,
                items,
            }),
            0..DIGEST => Err(Damaged("it is truncated")),
            _ => Err(Damaged("it goes on after its last entry")),
        }
    }

    /// Whether its digest is that of `password`. Where not, the password is another one,
    /// or bytes were changed.
    #[must_use]
    pub fn is_sealed_with(&self, password: &str) -> bool {
        let (content, seal) = self.bytes.split_at(self.bytes.len() - DIGEST);
        digest(content, password) == seal
    }

    /// All entries, in order.
    #[must_use]
    pub fn entries(&self) -> Vec<Entry<'a>> {
        self.items
            .iter()
            .map(|item| Entry {
                alias: String::from_utf8_lossy(item.alias),
                certificate: item.certificate.map(Into::into),
            })
            .collect()
    }

    /// The bytes with one more trusted certificate at the end, sealed with `password`.
    /// `alias` is plain ASCII in lower case and not in use; `now` becomes its date.
    #[must_use]
    pub fn with(&self, alias: &str, der: &[u8], now: OffsetDateTime, password: &str) -> Vec<u8> {
        let mut content = self.bytes[..self.bytes.len() - DIGEST].to_vec();
        let since_1970 = now.unix_timestamp_nanos() / 1_000_000;
        content.extend(TRUSTED.to_be_bytes());
        push_text(&mut content, alias.as_bytes());
        content.extend(i64::try_from(since_1970).unwrap_or_default().to_be_bytes());
        if self.version > 1 {
            push_text(&mut content, TYPE);
        }
        content.extend(u32::try_from(der.len()).unwrap_or_default().to_be_bytes());
        content.extend(der);
        sealed(content, self.items.len() + 1, password)
    }

    /// The bytes without the trusted certificates for which `goes` holds, sealed with
    /// `password`; `None` where there are none.
    #[must_use]
    pub fn without(&self, goes: &dyn Fn(&[u8]) -> bool, password: &str) -> Option<Vec<u8>> {
        let stays = |item: &&Item<'_>| !item.certificate.is_some_and(goes);
        let kept: Vec<&Item<'_>> = self.items.iter().filter(stays).collect();
        if kept.len() == self.items.len() {
            return None;
        }
        let mut content = self.bytes[..HEADER].to_vec();
        for item in &kept {
            content.extend(&self.bytes[item.place.clone()]);
        }
        Some(sealed(content, kept.len(), password))
    }
}

/// `content` with its number of entries set and its digest appended.
fn sealed(mut content: Vec<u8>, count: usize, password: &str) -> Vec<u8> {
    let count = u32::try_from(count).unwrap_or(u32::MAX);
    content[HEADER - 4..HEADER].copy_from_slice(&count.to_be_bytes());
    let seal = digest(&content, password);
    content.extend(seal);
    content
}

/// SHA-1 over the password in UTF-16BE, the salt and the content.
fn digest(content: &[u8], password: &str) -> [u8; DIGEST] {
    let mut sha1 = ring::digest::Context::new(&ring::digest::SHA1_FOR_LEGACY_USE_ONLY);
    for unit in password.encode_utf16() {
        sha1.update(&unit.to_be_bytes());
    }
    sha1.update(SALT);
    sha1.update(content);
    let mut digest = [0; DIGEST];
    digest.copy_from_slice(sha1.finish().as_ref());
    digest
}

fn item<'a>(reader: &mut Reader<'a>, version: u32) -> Result<Item<'a>, Damaged> {
    let start = reader.at;
    let tag = reader.number()?;
    let alias = reader.text()?;
    reader.take(8)?; // The date.
    let certificate = match tag {
        TRUSTED => Some(certificate(reader, version)?),
        PRIVATE_KEY => {
            reader.block()?;
            for _ in 0..reader.number()? {
                certificate(reader, version)?;
            }
            None
        }
        _ => return Err(Damaged("it has an entry of an unknown kind")),
    };
    Ok(Item {
        place: start..reader.at,
        alias,
        certificate,
    })
}

fn certificate<'a>(reader: &mut Reader<'a>, version: u32) -> Result<&'a [u8], Damaged> {
    if version > 1 {
        reader.text()?;
    }
    reader.block()
}

/// Text with its length in 16 bits.
fn push_text(to: &mut Vec<u8>, text: &[u8]) {
    to.extend(u16::try_from(text.len()).unwrap_or_default().to_be_bytes());
    to.extend(text);
}

/// Takes bytes from the front, never past the end.
struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Reader<'a> {
    fn take(&mut self, count: usize) -> Result<&'a [u8], Damaged> {
        let rest = &self.bytes[self.at..];
        let taken = rest.get(..count).ok_or(Damaged("it is truncated"))?;
        self.at += count;
        Ok(taken)
    }

    fn number(&mut self) -> Result<u32, Damaged> {
        let bytes = self.take(4)?;
        Ok(bytes
            .iter()
            .fold(0, |all, byte| all << 8 | u32::from(*byte)))
    }

    /// Bytes with their length in 16 bits.
    fn text(&mut self) -> Result<&'a [u8], Damaged> {
        let length = self.take(2)?;
        self.take(usize::from(length[0]) << 8 | usize::from(length[1]))
    }

    /// Bytes with their length in 32 bits.
    fn block(&mut self) -> Result<&'a [u8], Damaged> {
        let length = self.number()?;
        self.take(usize::try_from(length).unwrap_or(usize::MAX))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const NOW: OffsetDateTime = time::macros::datetime!(2026-11-21 06:00:00 UTC);
    const PASSWORD: &str = "changeit";

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
                push_text(&mut content, &alias);
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
                        push_text(&mut content, TYPE);
                    }
                    content.extend(u32::try_from(der.len()).expect("short").to_be_bytes());
                    content.extend(der);
                }
            }
            sealed(content, count, PASSWORD)
        })
    }

    const DER: &[u8] = b"a certificate that no generated keystore holds, being longer than theirs";

    proptest! {
        #[test]
        fn remove_after_add_gives_the_bytes_before(before in keystore()) {
            let store = Jks::parse(&before).expect("read");
            prop_assert!(store.is_sealed_with(PASSWORD));
            prop_assert_eq!(store.without(&|der| der == DER, PASSWORD), None);
            let after = store.with("azup-local-ca", DER, NOW, PASSWORD);
            let store = Jks::parse(&after).expect("read");
            prop_assert!(store.is_sealed_with(PASSWORD));
            prop_assert!(!store.is_sealed_with("changeme"));
            let entries = store.entries();
            prop_assert_eq!(entries.last().expect("one").certificate.as_deref(), Some(DER));
            prop_assert_eq!(store.without(&|der| der == DER, PASSWORD), Some(before));
        }

        #[test]
        fn foreign_entries_stay_where_they_are(before in keystore()) {
            let body = &before[HEADER..before.len() - DIGEST];
            let after = Jks::parse(&before).expect("read").with("a", DER, NOW, PASSWORD);
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
            if let Ok(store) = Jks::parse(&damaged) {
                let after = store.with("a", DER, NOW, PASSWORD);
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
    fn each_damage_has_its_words() {
        let mut empty = [MAGIC, 2_u32.to_be_bytes(), [0; 4]].concat();
        empty = sealed(empty, 0, PASSWORD);
        let why = |bytes: &[u8]| Jks::parse(bytes).expect_err("damaged").0;
        assert!(Jks::parse(&empty).is_ok());
        assert_eq!(why(b""), "it is truncated");
        assert_eq!(why(b"PK\x03\x04"), "it does not begin as one");
        assert_eq!(why(&empty[..20]), "it is truncated");
        let mut longer = empty.clone();
        longer.push(0);
        assert_eq!(why(&longer), "it goes on after its last entry");
        let mut third = empty;
        third[7] = 3;
        assert_eq!(why(&third), "its version is neither 1 nor 2");
    }
}
