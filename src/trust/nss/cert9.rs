//! Reads NSS's `cert9.db`: which certificates are in it, and which of them may vouch for
//! servers. certutil says the same, but takes milliseconds for each question and is often
//! not installed; here an answer takes microseconds and changes nothing.
//!
//! A row of `nssPublic` is a PKCS#11 object, a column is an attribute: `a` and its number
//! in hexadecimal. Trust stands in a row of its own, joined by issuer and serial number.

use std::borrow::Cow;
use std::collections::HashMap;

use ring::aead::quic;
use ring::{digest, pbkdf2};

pub use super::sqlite::NotRead;
use super::sqlite::{Database, Result, Table};

/// `CKO_CERTIFICATE` (PKCS#11 3.2, 4.6).
const CERTIFICATE: [u8; 4] = [0, 0, 0, 1];

/// `CKO_NSS_TRUST` (NSS `pkcs11n.h`): trust in NSS's own dialect, since always.
const NSS_TRUST: [u8; 4] = [0xce, 0x53, 0x43, 0x53];

/// `CKO_TRUST` (PKCS#11 3.2, 4.7): trust in the standard's dialect, which newer NSS and
/// Firefox write.
const TRUST: [u8; 4] = [0, 0, 0, 0x0b];

/// `CKT_NSS_TRUSTED_DELEGATOR`, the `C` of certutil's `C,,`.
const NSS_ANCHOR: [u8; 4] = [0xce, 0x53, 0x43, 0x52];

/// `CKT_TRUST_ANCHOR`, the same in the standard's dialect.
const ANCHOR: [u8; 4] = [0, 0, 0, 2];

/// What NSS stores for an empty attribute, since NULL means "no such attribute" (`sdb.c`).
const EMPTY: &[u8] = &[0xa5, 0, 0x5a];

/// One certificate has at most one trust object per dialect and token (PKCS#11 3.2, 4.7).
/// A database with more than this for one certificate was not made by NSS.
const MOST_TRUST_ROWS: usize = 16;

/// No certificate is shorter (bytes): its names, dates, key and signature need more. So a
/// small file cannot claim to hold millions of certificates.
const SMALLEST: usize = 100;

/// A certificate in a database, and what the database says about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The certificate.
    pub der: Vec<u8>,
    /// What certutil calls it; may be empty. Bytes that are not UTF-8 became `?`.
    pub nickname: String,
    /// Trusted as a CA for servers, certutil's `C,,`: there is a trust row for this very
    /// certificate (by its hash, as NSS demands), and no trust row says otherwise. That
    /// NSS also accepts the row's signature cannot be told without `key4.db`.
    pub server_ca: bool,
    /// Rows in both dialects with this issuer and serial number, whatever they say.
    pub trust_rows: usize,
    /// Those of them in the standard's dialect, which older NSS neither edits nor deletes.
    pub standard_rows: usize,
}

/// All certificates of a database, with their trust.
///
/// # Errors
/// Where the database is not understood, in words. A hot journal beside the file is the
/// caller's to look for.
pub fn entries(database: &[u8]) -> Result<Vec<Entry>> {
    read(database, None)
}

/// The certificate with exactly these bytes, if the database has it.
///
/// Searching the file for the bytes would be wrong both ways: a large certificate is
/// scattered over several pages, and a deleted one may still stand in a free page.
///
/// # Errors
/// As [`entries`].
pub fn find(database: &[u8], der: &[u8]) -> Result<Option<Entry>> {
    Ok(read(database, Some(der))?.into_iter().next())
}

struct Certificate<'a> {
    der: Cow<'a, [u8]>,
    label: Cow<'a, [u8]>,
    name: Name<'a>,
}

/// What joins certificates and trust rows: issuer and serial number.
type Name<'a> = (Cow<'a, [u8]>, Cow<'a, [u8]>);

/// A trust row, for the certificates of one issuer and serial number.
struct Trust<'a> {
    standard: bool,
    anchor: bool,
    hash: Cow<'a, [u8]>,
    algorithm: Option<&'static digest::Algorithm>,
}

impl Trust<'_> {
    /// NSS takes trust only for the certificate that the row's hash belongs to, and takes
    /// a row without a hash only for distrust (`nssTrust_Create` in `lib/pki/certificate.c`).
    fn is_for(&self, der: &[u8]) -> bool {
        if self.hash.is_empty() {
            return !self.anchor;
        }
        self.algorithm
            .is_some_and(|algorithm| digest::digest(algorithm, der).as_ref() == &*self.hash)
    }
}

/// Where the columns asked for stand, which differs by NSS version.
struct Columns {
    class: Option<usize>,
    value: Option<usize>,
    label: Option<usize>,
    issuer: Option<usize>,
    serial: Option<usize>,
    nss_server: Option<usize>,
    nss_hash: Option<usize>,
    server: Option<usize>,
    hash: Option<usize>,
    algorithm: Option<usize>,
}

impl Columns {
    fn of(table: &Table<'_>) -> Result<Self> {
        let [class, value, label, issuer, serial, rest @ ..] = table.positions([
            "a0",        // CKA_CLASS
            "a11",       // CKA_VALUE
            "a3",        // CKA_LABEL
            "a81",       // CKA_ISSUER
            "a82",       // CKA_SERIAL_NUMBER
            "ace536358", // CKA_NSS_TRUST_SERVER_AUTH
            "ace5363b4", // CKA_NSS_CERT_SHA1_HASH
            // The standard's dialect, absent from older schemas:
            "a62c", // CKA_TRUST_SERVER_AUTH
            "a635", // CKA_HASH_OF_CERTIFICATE
            "a8c",  // CKA_NAME_HASH_ALGORITHM
        ])?;
        if [class, value, issuer, serial].contains(&None) {
            return Err(NotRead::Unknown("nssPublic lacks the usual columns"));
        }
        let [nss_server, nss_hash, server, hash, algorithm] = rest;
        Ok(Self {
            class,
            value,
            label,
            issuer,
            serial,
            nss_server,
            nss_hash,
            server,
            hash,
            algorithm,
        })
    }
}

fn read(database: &[u8], wanted: Option<&[u8]>) -> Result<Vec<Entry>> {
    let database = Database::open(database)?;
    let table = database
        .table("nssPublic")?
        .ok_or(NotRead::Unknown("it has no table nssPublic"))?;
    let columns = Columns::of(&table)?;
    let certificates = certificates(&database, &table, &columns, wanted)?;
    if certificates.is_empty() {
        return Ok(Vec::new());
    }
    let trusts = trusts(&database, &table, &columns, &certificates)?;
    Ok(certificates
        .iter()
        .map(|found| {
            let rows = trusts.get(&found.name).map(Vec::as_slice);
            let rows = rows.unwrap_or_default();
            let mut own = rows.iter().filter(|row| row.is_for(&found.der)).peekable();
            Entry {
                server_ca: own.peek().is_some() && own.all(|row| row.anchor),
                trust_rows: rows.len(),
                standard_rows: rows.iter().filter(|row| row.standard).count(),
                nickname: text(&found.label),
                der: found.der.to_vec(),
            }
        })
        .collect())
}

/// The certificates; only the wanted one, if there is one.
fn certificates<'a>(
    database: &Database<'a>,
    table: &Table<'_>,
    columns: &Columns,
    wanted: Option<&[u8]>,
) -> Result<Vec<Certificate<'a>>> {
    let mut certificates = Vec::new();
    database.rows_of(table, |row| {
        let [class, der, label, issuer, serial] = row.values([
            columns.class,
            columns.value,
            columns.label,
            columns.issuer,
            columns.serial,
        ])?;
        // A length that differs saves reading the value, perhaps from many pages.
        let possible = der.len().is_some_and(|length| match wanted {
            Some(wanted) => length == wanted.len(),
            None => length >= SMALLEST,
        });
        if !possible
            || class.len() != Some(CERTIFICATE.len())
            || row.bytes(class)?.as_deref() != Some(&CERTIFICATE)
        {
            return Ok(());
        }
        let der = row.bytes(der)?.unwrap_or_default();
        if wanted.is_some_and(|wanted| *der != *wanted) {
            return Ok(());
        }
        certificates.push(Certificate {
            der,
            label: row.bytes(label)?.unwrap_or_default(),
            name: (
                row.bytes(issuer)?.unwrap_or_default(),
                row.bytes(serial)?.unwrap_or_default(),
            ),
        });
        Ok(())
    })?;
    Ok(certificates)
}

/// The trust rows of these certificates, by issuer and serial number.
fn trusts<'a>(
    database: &Database<'a>,
    table: &Table<'_>,
    columns: &Columns,
    certificates: &[Certificate<'a>],
) -> Result<HashMap<Name<'a>, Vec<Trust<'a>>>> {
    let mut trusts: HashMap<_, Vec<Trust>> = certificates
        .iter()
        .map(|certificate| (certificate.name.clone(), Vec::new()))
        .collect();
    database.rows_of(table, |row| {
        let [class] = row.values([columns.class])?;
        if class.len() != Some(TRUST.len()) {
            return Ok(());
        }
        let class = row.bytes(class)?.unwrap_or_default();
        let standard = *class == TRUST;
        if !standard && *class != NSS_TRUST {
            return Ok(());
        }
        let [level, hash, algorithm] = if standard {
            [columns.server, columns.hash, columns.algorithm]
        } else {
            [columns.nss_server, columns.nss_hash, None]
        };
        let [issuer, serial, level, hash, algorithm] =
            row.values([columns.issuer, columns.serial, level, hash, algorithm])?;
        let name = (
            row.bytes(issuer)?.unwrap_or_default(),
            row.bytes(serial)?.unwrap_or_default(),
        );
        let Some(rows) = trusts.get_mut(&name) else {
            return Ok(());
        };
        // Every certificate of this name will look at every row.
        if rows.len() == MOST_TRUST_ROWS {
            return Err(NotRead::Unknown("one certificate has very many trust rows"));
        }
        let level = row.bytes(level)?.unwrap_or_default();
        let hash = row.bytes(hash)?.filter(|hash| **hash != *EMPTY);
        rows.push(Trust {
            standard,
            anchor: *level == if standard { ANCHOR } else { NSS_ANCHOR },
            hash: hash.unwrap_or_default(),
            algorithm: if standard {
                mechanism(&row.bytes(algorithm)?.unwrap_or_default())
            } else {
                Some(&digest::SHA1_FOR_LEGACY_USE_ONLY)
            },
        });
        Ok(())
    })?;
    Ok(trusts)
}

/// The digest of a PKCS#11 mechanism; SHA-1 is the default (PKCS#11 3.2, 4.7.1).
fn mechanism(number: &[u8]) -> Option<&'static digest::Algorithm> {
    match number {
        [] | [0, 0, 0x02, 0x20] => Some(&digest::SHA1_FOR_LEGACY_USE_ONLY),
        [0, 0, 0x02, 0x50] => Some(&digest::SHA256),
        [0, 0, 0x02, 0x60] => Some(&digest::SHA384),
        [0, 0, 0x02, 0x70] => Some(&digest::SHA512),
        _ => None,
    }
}

/// A nickname. `from_utf8_lossy` could make it three times as long as the file.
fn text(label: &[u8]) -> String {
    if label == EMPTY {
        return String::new();
    }
    let mut text = String::with_capacity(label.len());
    for chunk in label.utf8_chunks() {
        text.push_str(chunk.valid());
        if !chunk.invalid().is_empty() {
            text.push('?');
        }
    }
    text
}

/// Whether changing this database needs a password (Firefox: "primary password"), by the
/// `key4.db` beside the `cert9.db`.
///
/// NSS always has a password; "none" is the empty one, used with a single iteration. So
/// this tries the empty password, as NSS does (`sftkdb_CheckPasswordNull` in `sftkpwd.c`).
/// A database that was never given any password needs none.
///
/// # Errors
/// Where the database is not understood; NSS before 3.49 encrypted with triple DES, which
/// is not tried.
pub fn has_primary_password(key4: &[u8]) -> Result<bool> {
    const UNKNOWN: NotRead = NotRead::Unknown("its password is stored in another way");
    let database = Database::open(key4)?;
    let table = database
        .table("metaData")?
        .ok_or(NotRead::Unknown("it has no table metaData"))?;
    let columns = table.positions(["id", "item1", "item2"])?;
    if columns.contains(&None) {
        return Err(NotRead::Unknown("metaData lacks the usual columns"));
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
        // For compatibility with its own past, NSS takes the tag and the length of a
        // vector of 14 bytes for its first two bytes.
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

    /// Encrypts the words with the empty password and compares. ring has no AES-CBC, but
    /// the words are one block, so that CBC is a single AES encryption, and ring has that
    /// as the header protection of QUIC (RFC 9001, 5.4.3). It gives five of sixteen
    /// bytes: one wrong password in 2^40 would pass for the empty one.
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
            std::num::NonZeroU32::MIN,
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

#[cfg(test)]
mod tests;
