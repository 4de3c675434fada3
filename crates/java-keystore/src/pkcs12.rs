//! PKCS#12 keystores without a password, the format of `cacerts` in upstream builds since JDK 18.
//!
//! The structure (RFC 7292) is PFX → authSafe (`data`) → `AuthenticatedSafe` → for each a
//! `ContentInfo` (`data`) → `SafeContents` → `SafeBag`, which contains the certificate verbatim.
//! Encrypted parts are not read. A file with a MAC is read but not edited, since the MAC is made
//! with the password.

use std::ops::Range;

use crate::der::{
    BMP_STRING, CONTEXT_0, Element, INTEGER, OBJECT_IDENTIFIER, OCTET_STRING, SEQUENCE, SET,
    encode as der, splice,
};
use crate::{Entry, Error, require_free_alias};

// Object identifiers, encoded.
/// 1.2.840.113549.1.7.1, PKCS#7 `data`.
const DATA: &[u8] = b"\x2a\x86\x48\x86\xf7\x0d\x01\x07\x01";
/// 1.2.840.113549.1.7.6, PKCS#7 `encryptedData`.
const ENCRYPTED_DATA: &[u8] = b"\x2a\x86\x48\x86\xf7\x0d\x01\x07\x06";
/// 1.2.840.113549.1.12.10.1.3, `certBag`.
const CERT_BAG: &[u8] = b"\x2a\x86\x48\x86\xf7\x0d\x01\x0c\x0a\x01\x03";
/// 1.2.840.113549.1.9.22.1, `x509Certificate`.
const X509: &[u8] = b"\x2a\x86\x48\x86\xf7\x0d\x01\x09\x16\x01";
/// 1.2.840.113549.1.9.20, `friendlyName`: Java's alias.
const FRIENDLY_NAME: &[u8] = b"\x2a\x86\x48\x86\xf7\x0d\x01\x09\x14";
/// 2.16.840.1.113894.746875.1.1, Oracle's `trustedKeyUsage`: without it, Java takes the certificate
/// for part of a chain.
const TRUSTED_KEY_USAGE: &[u8] = b"\x60\x86\x48\x01\x86\xf9\x66\xad\xca\x7b\x01\x01";
/// 2.5.29.37.0, `anyExtendedKeyUsage`: trusted for everything, as keytool writes it.
const ANY_USAGE: &[u8] = b"\x55\x1d\x25\x00";

/// A keystore in which every certificate can be read.
#[derive(Debug)]
pub struct Pkcs12<'a> {
    bytes: &'a [u8],
    /// For each `SafeContents`, everything it is nested in, outermost first, itself last.
    safes: Vec<Vec<Element>>,
    bags: Vec<Bag<'a>>,
    has_mac: bool,
}

/// One `SafeBag` by its position.
#[derive(Debug)]
struct Bag<'a> {
    /// Which `SafeContents` it is in.
    safe: usize,
    place: Range<usize>,
    alias: String,
    /// The DER, if it is a trusted certificate.
    certificate: Option<&'a [u8]>,
    /// The DER, if it is any certificate, whatever Java does with it.
    any: Option<&'a [u8]>,
}

impl<'a> Pkcs12<'a> {
    /// Reads a keystore.
    ///
    /// # Errors
    /// [`Error::Encrypted`] if the password is needed to read it, [`Error::NotStrictDer`] if it
    /// is anything but PKCS#12 in DER.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, Error> {
        let whole = Element::only(bytes, 0..bytes.len(), SEQUENCE)?;
        let parts = whole.children(bytes)?;
        let authenticated = parts.get(1).ok_or(Error::NotStrictDer)?.clone();
        let [explicit, octets, infos] = nested_in_data(bytes, &authenticated)?;
        let outer = [whole, authenticated, explicit, octets, infos.clone()];
        let (mut safes, mut bags) = (Vec::new(), Vec::new());
        for info in infos.children(bytes)? {
            let [explicit, octets, contents] = nested_in_data(bytes, &info)?;
            for element in contents.children(bytes)? {
                bags.push(Bag::read(bytes, safes.len(), &element)?);
            }
            let inner = [info, explicit, octets, contents];
            safes.push(outer.iter().cloned().chain(inner).collect());
        }
        Ok(Self {
            bytes,
            safes,
            bags,
            has_mac: parts.len() > 2,
        })
    }

    /// All entries, in the order of the file.
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

    /// Every certificate in the order of the file, including those that Java does not trust: what
    /// other programs (.NET, OpenSSL) see.
    #[must_use]
    pub fn certificates(&self) -> Vec<&'a [u8]> {
        self.bags.iter().filter_map(|bag| bag.any).collect()
    }

    /// Whether there is anything but certificates, such as a key.
    #[must_use]
    pub fn has_others(&self) -> bool {
        self.bags.iter().any(|bag| bag.any.is_none())
    }

    /// The bytes of the keystore with one more trusted certificate, after the last one.
    ///
    /// # Errors
    /// [`Error::HasMac`] and [`Error::NoTrustedCertificate`], which `keytool` can handle, and
    /// [`Error::AliasInUse`].
    pub fn add_certificate(&self, alias: &str, certificate: &[u8]) -> Result<Vec<u8>, Error> {
        if self.has_mac {
            return Err(Error::HasMac);
        }
        let trusted = self.bags.iter().rfind(|bag| bag.certificate.is_some());
        let last = trusted.ok_or(Error::NoTrustedCertificate)?;
        require_free_alias(alias, self.bags.iter().map(|bag| bag.alias.as_str().into()))?;
        let nested = &self.safes[last.safe];
        let end = nested.last().map_or(0, |contents| contents.content.end);
        let bag = NewCertificate::trusted(alias, certificate).encode();
        Ok(splice(self.bytes, nested, end..end, bag))
    }

    /// The bytes of the keystore without the trusted certificates that `matches` accepts, or
    /// `None` if it accepts none.
    ///
    /// # Errors
    /// [`Error::HasMac`].
    pub fn remove_certificates(
        &self,
        matches: impl Fn(&[u8]) -> bool,
    ) -> Result<Option<Vec<u8>>, Error> {
        let Some(mut after) = self.without_first(&matches) else {
            return Ok(None);
        };
        if self.has_mac {
            return Err(Error::HasMac);
        }
        while let Some(next) = Pkcs12::parse(&after)?.without_first(&matches) {
            after = next;
        }
        Ok(Some(after))
    }

    fn without_first(&self, matches: &impl Fn(&[u8]) -> bool) -> Option<Vec<u8>> {
        let mut bags = self.bags.iter();
        let bag = bags.find(|bag| bag.certificate.is_some_and(matches))?;
        let nested = &self.safes[bag.safe];
        Some(splice(self.bytes, nested, bag.place.clone(), Vec::new()))
    }
}

impl<'a> Bag<'a> {
    /// Reads a `SafeBag`. The contents of any other kind (a key) do not matter, but its alias is
    /// taken.
    fn read(bytes: &'a [u8], safe: usize, element: &Element) -> Result<Self, Error> {
        let parts = element.children(bytes)?;
        let [kind, value, rest @ ..] = parts.as_slice() else {
            return Err(Error::NotStrictDer);
        };
        let (mut alias, mut trusted) = (String::new(), false);
        let attributes = rest.first().map(|set| set.children(bytes));
        for attribute in attributes.transpose()?.unwrap_or_default() {
            let [oid, values] = attribute.pair(bytes)?;
            match oid.content(bytes) {
                FRIENDLY_NAME => {
                    let values = values.children(bytes)?;
                    let name = values.first().ok_or(Error::NotStrictDer)?;
                    alias = utf16(name.content(bytes));
                }
                TRUSTED_KEY_USAGE => trusted = true,
                _ => {}
            }
        }
        let is_certificate = kind.content(bytes) == CERT_BAG;
        let any = is_certificate
            .then(|| certificate(bytes, value))
            .transpose();
        // A faulty certificate that Java skips does not matter to Java.
        let any = if trusted {
            any?
        } else {
            any.unwrap_or_default()
        };
        Ok(Self {
            safe,
            place: element.whole(),
            alias,
            certificate: any.filter(|_| trusted),
            any,
        })
    }
}

/// The certificate in a `CertBag`.
fn certificate<'a>(bytes: &'a [u8], value: &Element) -> Result<&'a [u8], Error> {
    let bag = Element::only(bytes, value.content.clone(), SEQUENCE)?;
    let [kind, value] = bag.pair(bytes)?;
    let octets = Element::only(bytes, value.content.clone(), OCTET_STRING)?;
    if kind.content(bytes) != X509 {
        return Err(Error::NotStrictDer);
    }
    Ok(octets.content(bytes))
}

/// UTF-16BE as text.
fn utf16(bytes: &[u8]) -> String {
    let (units, _) = bytes.as_chunks::<2>();
    let units: Vec<u16> = units.iter().map(|unit| u16::from_be_bytes(*unit)).collect();
    String::from_utf16_lossy(&units)
}

/// The contents of a `ContentInfo` of type `data`, down to the sequence in it: `[0]`, octet string
/// and sequence.
fn nested_in_data(bytes: &[u8], info: &Element) -> Result<[Element; 3], Error> {
    let [kind, explicit] = info.pair(bytes)?;
    match kind.content(bytes) {
        DATA if explicit.tag == CONTEXT_0 => {}
        ENCRYPTED_DATA => return Err(Error::Encrypted),
        _ => return Err(Error::NotStrictDer),
    }
    let octets = Element::only(bytes, explicit.content.clone(), OCTET_STRING)?;
    let sequence = Element::only(bytes, octets.content.clone(), SEQUENCE)?;
    Ok([explicit, octets, sequence])
}

/// A certificate to be written by [`encode`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NewCertificate<'a> {
    certificate: &'a [u8],
    alias: Option<&'a str>,
    is_trusted: bool,
}

impl<'a> NewCertificate<'a> {
    /// A Java `trustedCertEntry`, trusted for every usage, as `keytool -importcert` writes it.
    #[must_use]
    pub fn trusted(alias: &'a str, certificate: &'a [u8]) -> Self {
        Self {
            certificate,
            alias: Some(alias),
            is_trusted: true,
        }
    }

    /// A certificate without any attribute, for programs other than Java: .NET's certificate
    /// stores on Linux, OpenSSL. Java would not trust it.
    #[must_use]
    pub fn plain(certificate: &'a [u8]) -> Self {
        Self {
            certificate,
            alias: None,
            is_trusted: false,
        }
    }

    /// The `SafeBag`.
    fn encode(&self) -> Vec<u8> {
        let attribute = |oid: &[u8], value: Vec<u8>| {
            let value = der(SET, value);
            der(SEQUENCE, [der(OBJECT_IDENTIFIER, oid), value].concat())
        };
        let mut attributes = Vec::new();
        if let Some(alias) = self.alias {
            let name: Vec<u8> = alias.encode_utf16().flat_map(u16::to_be_bytes).collect();
            attributes.extend(attribute(FRIENDLY_NAME, der(BMP_STRING, name)));
        }
        if self.is_trusted {
            let usage = der(OBJECT_IDENTIFIER, ANY_USAGE);
            attributes.extend(attribute(TRUSTED_KEY_USAGE, usage));
        }
        let certificate = der(CONTEXT_0, der(OCTET_STRING, self.certificate));
        let certificate = [der(OBJECT_IDENTIFIER, X509), certificate].concat();
        let value = der(CONTEXT_0, der(SEQUENCE, certificate));
        let mut bag = [der(OBJECT_IDENTIFIER, CERT_BAG), value].concat();
        // An optional set must not be present and empty.
        if !attributes.is_empty() {
            bag.extend(der(SET, attributes));
        }
        der(SEQUENCE, bag)
    }
}

/// A new keystore of these certificates, without a password and without a MAC. The same
/// certificates always give the same bytes.
#[must_use]
pub fn encode<'a>(certificates: impl IntoIterator<Item = NewCertificate<'a>>) -> Vec<u8> {
    let bags: Vec<u8> = certificates
        .into_iter()
        .flat_map(|certificate| certificate.encode())
        .collect();
    pfx(&content_info(&der(SEQUENCE, bags)))
}

/// The PFX around these `ContentInfo`s, version 3.
fn pfx(infos: &[u8]) -> Vec<u8> {
    let authenticated = content_info(&der(SEQUENCE, infos));
    der(SEQUENCE, [der(INTEGER, [3]), authenticated].concat())
}

/// A `ContentInfo` of type `data`.
fn content_info(content: &[u8]) -> Vec<u8> {
    let octets = der(CONTEXT_0, der(OCTET_STRING, content));
    der(SEQUENCE, [der(OBJECT_IDENTIFIER, DATA), octets].concat())
}

#[cfg(test)]
mod tests;
