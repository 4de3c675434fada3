//! JKS, Java's own keystore format.
//!
//! The format is that of `sun.security.provider.JavaKeyStore`, with all numbers big-endian: magic,
//! version, count, then per entry a tag, the alias in modified UTF-8 (16-bit length), the date in
//! milliseconds since 1970 and the contents, and finally a SHA-1 over password, salt and everything
//! before it. Certificates are not encrypted: the password is only used for the digest.

use std::ops::Range;
use std::time::{SystemTime, UNIX_EPOCH};

use ring::digest::{Context, SHA1_FOR_LEGACY_USE_ONLY};

use crate::{Entry, Error, modified_utf8, require_free_alias};

/// The first four bytes.
const MAGIC: [u8; 4] = [0xfe, 0xed, 0xfe, 0xed];

/// Magic, version and count.
const HEADER: usize = 12;

/// The size of the SHA-1 digest at the end.
const DIGEST: usize = 20;

/// The start of the digest's input, after the password; part of the format.
const SALT: &[u8] = b"Mighty Aphrodite";

/// The tag of a private key with its certificate chain.
const PRIVATE_KEY: u32 = 1;
/// The tag of a trusted certificate.
const TRUSTED: u32 = 2;

/// The type of every certificate. Written from version 2 on; version 1 had no other.
const TYPE: &[u8] = b"X.509";

/// A keystore, completely parsed.
#[derive(Debug)]
pub struct Jks<'a> {
    bytes: &'a [u8],
    version: u32,
    items: Vec<Item<'a>>,
}

/// One entry by its position.
#[derive(Debug)]
struct Item<'a> {
    place: Range<usize>,
    /// In modified UTF-8.
    alias: &'a [u8],
    /// The DER, if it is a trusted certificate.
    certificate: Option<&'a [u8]>,
}

impl<'a> Jks<'a> {
    /// Reads a keystore of version 1 or 2. The digest is not checked: nor does Java when it only
    /// reads.
    ///
    /// # Errors
    /// If it is truncated, has unknown parts, or something follows its digest.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, Error> {
        let mut reader = Reader { bytes, at: 0 };
        if reader.take(4)? != MAGIC {
            return Err(Error::WrongFormat);
        }
        let version = reader.number()?;
        if !matches!(version, 1 | 2) {
            return Err(Error::UnsupportedVersion(version));
        }
        let count = reader.number()?;
        // Grows with what was read, never to what a header claims.
        let mut items = Vec::new();
        for _ in 0..count {
            items.push(Item::read(&mut reader, version)?);
        }
        match bytes.len() - reader.at {
            DIGEST => Ok(Self {
                bytes,
                version,
                items,
            }),
            0..DIGEST => Err(Error::Truncated),
            _ => Err(Error::TrailingBytes),
        }
    }

    /// Whether the digest is that of `password`. If not, the password is another one, or bytes
    /// were changed.
    #[must_use]
    pub fn verify_password(&self, password: &str) -> bool {
        let (content, digest) = self.bytes.split_at(self.bytes.len() - DIGEST);
        digest_of(content, password) == digest
    }

    /// All entries, in the order of the file, which means nothing to Java.
    #[must_use]
    pub fn entries(&self) -> Vec<Entry<'a>> {
        self.items
            .iter()
            .map(|item| Entry {
                alias: modified_utf8::decode(item.alias),
                certificate: item.certificate.map(Into::into),
            })
            .collect()
    }

    /// The bytes of the keystore with one more trusted certificate at the end. The alias is written
    /// in lower case, as Java does it; `date` becomes the entry's creation date. The digest is made
    /// with `password`, which must be the keystore's own ([`Jks::verify_password`]).
    ///
    /// # Errors
    /// [`Error::AliasInUse`] and [`Error::TooLong`].
    pub fn add_certificate(
        &self,
        alias: &str,
        certificate: &[u8],
        date: SystemTime,
        password: &str,
    ) -> Result<Vec<u8>, Error> {
        let taken = self.items.iter().map(|item| item.alias);
        require_free_alias(alias, taken.map(modified_utf8::decode))?;
        let mut content = self.bytes[..self.bytes.len() - DIGEST].to_vec();
        content.extend(TRUSTED.to_be_bytes());
        push_text(&mut content, &modified_utf8::encode(&alias.to_lowercase()))?;
        content.extend(milliseconds_since_1970(date).to_be_bytes());
        if self.version > 1 {
            push_text(&mut content, TYPE)?;
        }
        let length = u32::try_from(certificate.len()).map_err(|_| Error::TooLong)?;
        content.extend(length.to_be_bytes());
        content.extend(certificate);
        finish(content, self.items.len() + 1, password)
    }

    /// The bytes of the keystore without the trusted certificates that `matches` accepts, or
    /// `None` if it accepts none. The digest is made with `password`, as by
    /// [`Jks::add_certificate`].
    #[must_use]
    pub fn remove_certificates(
        &self,
        matches: impl Fn(&[u8]) -> bool,
        password: &str,
    ) -> Option<Vec<u8>> {
        let stays = |item: &&Item<'_>| !item.certificate.is_some_and(&matches);
        let kept: Vec<&Item<'_>> = self.items.iter().filter(stays).collect();
        if kept.len() == self.items.len() {
            return None;
        }
        let mut content = self.bytes[..HEADER].to_vec();
        for item in &kept {
            content.extend(&self.bytes[item.place.clone()]);
        }
        finish(content, kept.len(), password).ok()
    }
}

/// `content` with its number of entries set and its digest appended.
fn finish(mut content: Vec<u8>, count: usize, password: &str) -> Result<Vec<u8>, Error> {
    let count = u32::try_from(count).map_err(|_| Error::TooLong)?;
    content[HEADER - 4..HEADER].copy_from_slice(&count.to_be_bytes());
    let digest = digest_of(&content, password);
    content.extend(digest);
    Ok(content)
}

/// SHA-1 over the password in UTF-16BE, the salt and the content.
fn digest_of(content: &[u8], password: &str) -> [u8; DIGEST] {
    let mut sha1 = Context::new(&SHA1_FOR_LEGACY_USE_ONLY);
    for unit in password.encode_utf16() {
        sha1.update(&unit.to_be_bytes());
    }
    sha1.update(SALT);
    sha1.update(content);
    let mut digest = [0; DIGEST];
    digest.copy_from_slice(sha1.finish().as_ref());
    digest
}

fn milliseconds_since_1970(date: SystemTime) -> i64 {
    match date.duration_since(UNIX_EPOCH) {
        Ok(since) => i64::try_from(since.as_millis()).unwrap_or(i64::MAX),
        Err(before) => i64::try_from(before.duration().as_millis()).map_or(i64::MIN, |n| -n),
    }
}

/// Text with its length in 16 bits.
fn push_text(to: &mut Vec<u8>, text: &[u8]) -> Result<(), Error> {
    let length = u16::try_from(text.len()).map_err(|_| Error::TooLong)?;
    to.extend(length.to_be_bytes());
    to.extend(text);
    Ok(())
}

impl<'a> Item<'a> {
    fn read(reader: &mut Reader<'a>, version: u32) -> Result<Self, Error> {
        let start = reader.at;
        let tag = reader.number()?;
        let alias = reader.text()?;
        reader.take(8)?; // The date.
        let certificate = match tag {
            TRUSTED => Some(reader.certificate(version)?),
            PRIVATE_KEY => {
                reader.block()?;
                for _ in 0..reader.number()? {
                    reader.certificate(version)?;
                }
                None
            }
            unknown => return Err(Error::UnknownEntry(unknown)),
        };
        Ok(Self {
            place: start..reader.at,
            alias,
            certificate,
        })
    }
}

/// Takes bytes from the front, never past the end.
struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Reader<'a> {
    fn take(&mut self, count: usize) -> Result<&'a [u8], Error> {
        let rest = &self.bytes[self.at..];
        let taken = rest.get(..count).ok_or(Error::Truncated)?;
        self.at += count;
        Ok(taken)
    }

    fn number(&mut self) -> Result<u32, Error> {
        let bytes = self.take(4)?;
        Ok(bytes
            .iter()
            .fold(0, |all, byte| all << 8 | u32::from(*byte)))
    }

    /// Bytes with their length in 16 bits.
    fn text(&mut self) -> Result<&'a [u8], Error> {
        let length = self.take(2)?;
        self.take(usize::from(length[0]) << 8 | usize::from(length[1]))
    }

    /// Bytes with their length in 32 bits.
    fn block(&mut self) -> Result<&'a [u8], Error> {
        let length = self.number()?;
        self.take(usize::try_from(length).unwrap_or(usize::MAX))
    }

    fn certificate(&mut self, version: u32) -> Result<&'a [u8], Error> {
        if version > 1 {
            self.text()?;
        }
        self.block()
    }
}

#[cfg(test)]
mod tests;
