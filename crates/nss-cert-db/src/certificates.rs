//! The certificates of a `cert9.db`, and their trust.
//!
//! A row of the table `nssPublic` is a PKCS#11 object, a column is an attribute: `a` and its number
//! in hexadecimal. Trust is in a separate object, joined by issuer and serial number.

use std::borrow::Cow;
use std::collections::HashMap;

use ring::digest;

use crate::sqlite::{Database, Table};
use crate::{Error, Result};

/// `CKO_CERTIFICATE` (PKCS#11 3.2, 4.6).
const CERTIFICATE: [u8; 4] = [0, 0, 0, 1];

/// `CKO_NSS_TRUST` (NSS `pkcs11n.h`): trust in NSS's own dialect, which it has always had.
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
const MOST_TRUST_OBJECTS: usize = 16;

/// No certificate is shorter than this (bytes): its names, dates, key and signature need more. So a
/// small file cannot claim to hold millions of certificates.
const SMALLEST: usize = 100;

/// A certificate in a database, and what the database says about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Certificate {
    /// The certificate itself.
    pub der: Vec<u8>,
    /// The nickname by which `certutil` knows it; may be empty. Bytes that are not UTF-8 became
    /// `?`.
    pub nickname: String,
    /// Trusted as a CA for servers, the `C` of certutil's `C,,`: there is a trust object for
    /// exactly this certificate (by its hash, as NSS requires), and no trust object says otherwise.
    /// NSS signs trust with a key from `key4.db`; the signature is not checked here.
    pub is_server_ca: bool,
    /// The number of trust objects with this issuer and serial number, whatever they say.
    pub trust_objects: usize,
    /// How many of them are of the class `CKO_TRUST` of PKCS#11 3.2, which newer NSS writes (seen
    /// from Firefox 153). Older NSS, and `certutil` with it, neither edits nor deletes these.
    pub standard_trust_objects: usize,
}

/// All certificates of a `cert9.db`, with their trust.
///
/// # Errors
/// If the database is not understood. The caller has to look for a journal beside the file: see
/// [`is_hot_journal`](crate::is_hot_journal).
pub fn certificates(cert9: &[u8]) -> Result<Vec<Certificate>> {
    read(cert9, None)
}

/// The certificate with exactly these bytes, if the database has it.
///
/// Searching the file for the bytes would be wrong both ways: a large certificate is scattered over
/// several pages, and a deleted one may still be in a free page.
///
/// # Errors
/// As [`certificates`].
pub fn find_certificate(cert9: &[u8], der: &[u8]) -> Result<Option<Certificate>> {
    Ok(read(cert9, Some(der))?.into_iter().next())
}

/// A certificate object as it is in the table.
struct CertificateObject<'a> {
    der: Cow<'a, [u8]>,
    label: Cow<'a, [u8]>,
    name: IssuerAndSerial<'a>,
}

/// What joins certificates and trust objects.
type IssuerAndSerial<'a> = (Cow<'a, [u8]>, Cow<'a, [u8]>);

/// A trust object, for the certificates of one issuer and serial number.
struct TrustObject<'a> {
    /// Of the class `CKO_TRUST`, not NSS's own.
    is_standard: bool,
    is_anchor: bool,
    hash: Cow<'a, [u8]>,
    algorithm: Option<&'static digest::Algorithm>,
}

impl TrustObject<'_> {
    /// NSS applies trust only to the certificate that matches the object's hash, and accepts an
    /// object without a hash only for distrust (`nssTrust_Create` in `lib/pki/certificate.c`).
    fn is_for(&self, der: &[u8]) -> bool {
        if self.hash.is_empty() {
            return !self.is_anchor;
        }
        self.algorithm
            .is_some_and(|algorithm| digest::digest(algorithm, der).as_ref() == &*self.hash)
    }
}

/// The positions of the columns that are read, which differ by NSS version.
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
            return Err(Error::Unsupported("nssPublic lacks the usual columns"));
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

fn read(cert9: &[u8], wanted: Option<&[u8]>) -> Result<Vec<Certificate>> {
    let database = Database::open(cert9)?;
    let table = database
        .table("nssPublic")?
        .ok_or(Error::Unsupported("it has no table nssPublic"))?;
    let columns = Columns::of(&table)?;
    let certificates = certificate_objects(&database, &table, &columns, wanted)?;
    if certificates.is_empty() {
        return Ok(Vec::new());
    }
    let trusts = trust_objects(&database, &table, &columns, &certificates)?;
    Ok(certificates
        .iter()
        .map(|found| {
            let objects = trusts.get(&found.name).map(Vec::as_slice);
            let objects = objects.unwrap_or_default();
            let own = objects.iter().filter(|trust| trust.is_for(&found.der));
            let mut own = own.peekable();
            Certificate {
                is_server_ca: own.peek().is_some() && own.all(|trust| trust.is_anchor),
                trust_objects: objects.len(),
                standard_trust_objects: objects.iter().filter(|trust| trust.is_standard).count(),
                nickname: text(&found.label),
                der: found.der.to_vec(),
            }
        })
        .collect())
}

/// The certificates; only the wanted one, if there is one.
fn certificate_objects<'a>(
    database: &Database<'a>,
    table: &Table<'_>,
    columns: &Columns,
    wanted: Option<&[u8]>,
) -> Result<Vec<CertificateObject<'a>>> {
    let mut certificates = Vec::new();
    database.rows_of(table, |row| {
        let [class, der, label, issuer, serial] = row.values([
            columns.class,
            columns.value,
            columns.label,
            columns.issuer,
            columns.serial,
        ])?;
        // Comparing lengths first avoids reading the value, perhaps from many pages.
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
        certificates.push(CertificateObject {
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

/// The trust objects of these certificates, by issuer and serial number.
fn trust_objects<'a>(
    database: &Database<'a>,
    table: &Table<'_>,
    columns: &Columns,
    certificates: &[CertificateObject<'a>],
) -> Result<HashMap<IssuerAndSerial<'a>, Vec<TrustObject<'a>>>> {
    let mut trusts: HashMap<_, Vec<TrustObject<'_>>> = certificates
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
        let Some(objects) = trusts.get_mut(&name) else {
            return Ok(());
        };
        // Every certificate of this name will look at every object.
        if objects.len() == MOST_TRUST_OBJECTS {
            return Err(Error::Unsupported(
                "one certificate has very many trust objects",
            ));
        }
        let level = row.bytes(level)?.unwrap_or_default();
        let hash = row.bytes(hash)?.filter(|hash| **hash != *EMPTY);
        objects.push(TrustObject {
            is_standard: standard,
            is_anchor: *level == if standard { ANCHOR } else { NSS_ANCHOR },
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
