//! Whether a database has a primary password, from the `key4.db` beside its `cert9.db`.

use std::num::NonZeroU32;

use ring::aead::quic;
use ring::{digest, pbkdf2};

use crate::sqlite::Database;
use crate::{Error, Result};

/// Whether trust in a database can be changed only with a password (Firefox calls it the primary
/// password), judging by the bytes of its `key4.db`.
///
/// NSS always has a password; "none" is the empty one, used with a single iteration. So this tries
/// the empty password, as NSS does (`sftkdb_CheckPasswordNull` in `sftkpwd.c`). A database that was
/// never given any password needs none.
///
/// # Errors
/// If the database is not understood. NSS before 3.49 encrypted with triple DES, which is not
/// tried.
pub fn has_primary_password(key4: &[u8]) -> Result<bool> {
    const UNKNOWN: Error = Error::Unsupported("its password is stored in another way");
    let database = Database::open(key4)?;
    let table = database
        .table("metaData")?
        .ok_or(Error::Unsupported("it has no table metaData"))?;
    let columns = table.positions(["id", "item1", "item2"])?;
    if columns.contains(&None) {
        return Err(Error::Unsupported("metaData lacks the usual columns"));
    }
    let mut stored = None;
    database.rows_of(&table, |row| {
        let [id, salt, check] = row.values(columns)?;
        if row.bytes(id)?.as_deref() == Some(b"password") {
            stored = Some((
                row.bytes(salt)?.unwrap_or_default(),
                row.bytes(check)?.unwrap_or_default(),
            ));
        }
        Ok(())
    })?;
    let Some((salt, check)) = stored else {
        return Ok(false);
    };
    let check = PasswordCheck::parse(&check).ok_or(UNKNOWN)?;
    if check.iterations != [1] {
        return Ok(true);
    }
    Ok(!check.accepts_empty_password(&salt).ok_or(UNKNOWN)?)
}

/// The words "password-check", encrypted with the password (PKCS#5 v2.1, RFC 8018).
struct PasswordCheck<'a> {
    salt: &'a [u8],
    /// Big-endian, without leading zeros.
    iterations: &'a [u8],
    vector: [u8; 16],
    encrypted: [u8; 16],
}

impl<'a> PasswordCheck<'a> {
    /// `None` for everything but PBES2 with PBKDF2, HMAC-SHA-256 and AES-256-CBC.
    fn parse(der: &'a [u8]) -> Option<Self> {
        const SEQUENCE: u8 = 0x30;
        const INTEGER: u8 = 0x02;
        const OCTETS: u8 = 0x04;
        const OBJECT: u8 = 0x06;
        const PBES2: &[u8] = b"\x2a\x86\x48\x86\xf7\x0d\x01\x05\x0d";
        const PBKDF2: &[u8] = b"\x2a\x86\x48\x86\xf7\x0d\x01\x05\x0c";
        const HMAC_SHA256: &[u8] = b"\x2a\x86\x48\x86\xf7\x0d\x02\x09";
        const AES_256_CBC: &[u8] = b"\x60\x86\x48\x01\x65\x03\x04\x01\x2a";

        let mut all = Der(der).open(SEQUENCE)?;
        let mut scheme = all.open(SEQUENCE)?;
        let encrypted = all.take(OCTETS)?.try_into().ok()?;
        scheme.expect(OBJECT, PBES2)?;
        let mut parameters = scheme.open(SEQUENCE)?;

        let mut derivation = parameters.open(SEQUENCE)?;
        derivation.expect(OBJECT, PBKDF2)?;
        let mut derivation = derivation.open(SEQUENCE)?;
        let salt = derivation.take(OCTETS)?;
        let iterations = derivation.take(INTEGER)?;
        derivation.expect(INTEGER, &[32])?; // the length of the key
        derivation.open(SEQUENCE)?.expect(OBJECT, HMAC_SHA256)?;

        let mut cipher = parameters.open(SEQUENCE)?;
        cipher.expect(OBJECT, AES_256_CBC)?;
        // For compatibility with its own past, NSS treats the tag and the length of a vector of 14
        // bytes as its first two bytes.
        let vector = match cipher.take(OCTETS)? {
            short if short.len() == 14 => [&[OCTETS, 14], short].concat().try_into().ok()?,
            full => full.try_into().ok()?,
        };
        Some(Self {
            salt,
            iterations,
            vector,
            encrypted,
        })
    }

    /// Encrypts the words with the empty password and compares. ring has no AES-CBC, but the words
    /// are one block, so CBC is a single AES encryption, and ring has that as the header protection
    /// of QUIC (RFC 9001, 5.4.3). It returns five of the sixteen bytes: one wrong password in 2^40
    /// would pass for the empty one.
    fn accepts_empty_password(&self, global_salt: &[u8]) -> Option<bool> {
        // SHA-384 in newer databases; the password that would follow the salt is empty.
        let hash = match global_salt.len() {
            48 => &digest::SHA384,
            _ => &digest::SHA1_FOR_LEGACY_USE_ONLY,
        };
        let secret = digest::digest(hash, global_salt);
        let mut key = [0; 32];
        pbkdf2::derive(
            pbkdf2::PBKDF2_HMAC_SHA256,
            NonZeroU32::MIN,
            self.salt,
            secret.as_ref(),
            &mut key,
        );
        let mut block = *b"password-check\x02\x02";
        for (byte, vector) in block.iter_mut().zip(self.vector) {
            *byte ^= vector;
        }
        let key = quic::HeaderProtectionKey::new(&quic::AES_256, &key).ok()?;
        let encrypted = key.new_mask(&block).ok()?;
        Some(self.encrypted.starts_with(&encrypted))
    }
}

/// The next elements of a DER encoding (X.690).
struct Der<'a>(&'a [u8]);

impl<'a> Der<'a> {
    /// The content of the next element, if it has this tag.
    fn take(&mut self, tag: u8) -> Option<&'a [u8]> {
        let (length, rest) = match *self.0 {
            [first, length @ ..=0x7f, ref rest @ ..] if first == tag => (length.into(), rest),
            [first, 0x81, length, ref rest @ ..] if first == tag => (length.into(), rest),
            [first, 0x82, high, low, ref rest @ ..] if first == tag => {
                (usize::from(u16::from_be_bytes([high, low])), rest)
            }
            _ => return None,
        };
        let (content, rest) = rest.split_at_checked(length)?;
        self.0 = rest;
        Some(content)
    }

    fn open(&mut self, tag: u8) -> Option<Self> {
        self.take(tag).map(Self)
    }

    fn expect(&mut self, tag: u8, content: &[u8]) -> Option<()> {
        (self.take(tag)? == content).then_some(())
    }
}
