//! Read and edit the certificates in Java keystores, without Java.
//!
//! Two formats are read and written natively:
//!
//! - [`jks`]: JKS, the format of `cacerts` in most distributions and in many JDKs.
//! - [`pkcs12`]: PKCS#12 without encryption, the format of `cacerts` in upstream builds since JDK
//!   18.
//!
//! An edit touches what it must and nothing else: entries keep their order and their bytes, and
//! **removing what was added gives back exactly the previous bytes**. So a tool can add a
//! certificate to someone else's keystore and remove it again without a trace.
//!
//! ```
//! use java_keystore::pkcs12::{self, NewCertificate, Pkcs12};
//!
//! # fn main() -> Result<(), java_keystore::Error> {
//! # let (root, company_ca): (&[u8], &[u8]) = (b"DER of a root CA", b"DER of another one");
//! let cacerts = pkcs12::encode([NewCertificate::trusted("a root ca", root)]);
//!
//! let keystore = Pkcs12::parse(&cacerts)?;
//! let with_ours = keystore.add_certificate("company ca", company_ca)?;
//!
//! let keystore = Pkcs12::parse(&with_ours)?;
//! let aliases: Vec<_> = keystore.entries().into_iter().map(|entry| entry.alias).collect();
//! assert_eq!(aliases, ["a root ca", "company ca"]);
//!
//! let removed = keystore.remove_certificates(|der| der == company_ca)?;
//! assert_eq!(removed, Some(cacerts));
//! # Ok(())
//! # }
//! ```
//!
//! Keystores may be hostile: no bytes make this crate panic or allocate more than a small multiple
//! of their length. Private keys are skipped and never decrypted. Encrypted PKCS#12, JCEKS and BKS
//! are not read; [`Error::Encrypted`] tells a caller to ask `keytool`.

#![forbid(unsafe_code)]

mod der;
mod error;
pub mod jks;
mod modified_utf8;
pub mod pkcs12;

use std::borrow::Cow;

pub use error::Error;

/// The password of every `cacerts` as delivered. It protects nothing: it is there because the
/// format requires one.
pub const DEFAULT_PASSWORD: &str = "changeit";

/// The formats of keystores that Java reads by default.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Format {
    /// See [`jks`].
    Jks,
    /// See [`pkcs12`]; perhaps encrypted.
    Pkcs12,
}

impl Format {
    /// The format that the first bytes of a file indicate, as Java itself distinguishes them.
    #[must_use]
    pub fn detect(bytes: &[u8]) -> Option<Self> {
        match bytes {
            [0xfe, 0xed, 0xfe, 0xed, ..] => Some(Self::Jks),
            // A sequence in DER or BER.
            [der::SEQUENCE, ..] => Some(Self::Pkcs12),
            _ => None,
        }
    }
}

/// One entry of a keystore.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry<'a> {
    /// The name of the entry. Java ignores case when it compares aliases.
    pub alias: Cow<'a, str>,
    /// The certificate in DER, if this is a `trustedCertEntry`; `None` for private keys and
    /// everything else.
    pub certificate: Option<Cow<'a, [u8]>>,
}

/// Java finds an entry by its alias in lower case; a second entry with that alias hides the first.
fn require_free_alias<'a>(
    alias: &str,
    taken: impl IntoIterator<Item = Cow<'a, str>>,
) -> Result<(), Error> {
    let wanted = alias.to_lowercase();
    if taken
        .into_iter()
        .any(|other| other.to_lowercase() == wanted)
    {
        return Err(Error::AliasInUse);
    }
    Ok(())
}

/// The examples of the README are run as tests.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formats_are_told_apart_by_their_first_bytes() {
        assert_eq!(
            Format::detect(b"\xfe\xed\xfe\xed\0\0\0\x02"),
            Some(Format::Jks)
        );
        assert_eq!(Format::detect(b"\x30\x82"), Some(Format::Pkcs12));
        // JCEKS, a PEM file, nothing.
        for bytes in [&b"\xce\xce\xce\xce"[..], b"-----BEGIN", b""] {
            assert_eq!(Format::detect(bytes), None);
        }
    }
}
