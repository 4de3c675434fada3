//! Why a keystore cannot be read or edited.

use std::fmt;

/// Why a keystore cannot be read or edited.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Error {
    /// The bytes do not begin as a keystore of this format does.
    WrongFormat,
    /// A JKS version other than 1 and 2.
    UnsupportedVersion(u32),
    /// A JKS entry that is neither a private key nor a trusted certificate, with its tag.
    UnknownEntry(u32),
    /// The keystore ends too early.
    Truncated,
    /// Bytes follow the end of the keystore.
    TrailingBytes,
    /// A part of a PKCS#12 file is encrypted: its certificates cannot be read without the
    /// password.
    Encrypted,
    /// Not PKCS#12 in strict DER. It may be valid BER, which cannot be edited byte by byte.
    NotStrictDer,
    /// A PKCS#12 file with a MAC, which can only be renewed with the password.
    HasMac,
    /// A PKCS#12 file without a trusted certificate beside which another could be added.
    NoTrustedCertificate,
    /// Another entry has this alias.
    AliasInUse,
    /// The alias, the certificate or the number of entries does not fit into the format.
    TooLong,
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::WrongFormat => "the keystore is damaged: it does not begin as one",
            Self::UnsupportedVersion(version) => {
                return write!(f, "the keystore has version {version}, not 1 or 2");
            }
            Self::UnknownEntry(tag) => {
                return write!(f, "the keystore has an entry of the unknown kind {tag}");
            }
            Self::Truncated => "the keystore is damaged: it is truncated",
            Self::TrailingBytes => "the keystore is damaged: it goes on after its last entry",
            Self::Encrypted => "the keystore is encrypted",
            Self::NotStrictDer => "the keystore is not PKCS#12 in strict DER",
            Self::HasMac => "the keystore has a MAC, which cannot be renewed without its password",
            Self::NoTrustedCertificate => "the keystore has no trusted certificate yet",
            Self::AliasInUse => "the keystore already has an entry of this alias",
            Self::TooLong => "the alias or the certificate is too long for a keystore",
        })
    }
}

impl std::error::Error for Error {}
