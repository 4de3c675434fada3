//! `SSL_CERT_DIR`: folders in which OpenSSL looks up a CA by a hash of its name. If the user has
//! set it (as `dotnet dev-certs` recommends), azup's folder goes in front of theirs. If it is not
//! set it stays unset, because setting it hides the system's folder.

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};

use anyhow::Result;

use super::{Environment, Variable, merged};
use crate::certificates::TrustAnchor;
use crate::change::Change;
use crate::files::{self, Content};
use crate::machine::Machine;

const NAME: &str = "SSL_CERT_DIR";

/// The user's folders, without azup's own; `None` if the variable names none.
pub(super) fn users(machine: &Machine) -> Option<Vec<PathBuf>> {
    let ours = merged::folder(machine).ok()?;
    let folders: Vec<PathBuf> = std::env::split_paths(machine.var(NAME)?)
        .filter(|folder| !folder.as_os_str().is_empty() && !folder.starts_with(&ours))
        .collect();
    (!folders.is_empty()).then_some(folders)
}

/// Puts a folder with the CA in front of the user's.
pub(super) fn plan(
    users: &[PathBuf],
    ca: &TrustAnchor,
    machine: &Machine,
    environment: &mut Environment,
) -> Result<()> {
    let Some(hash) = subject_hash(&ca.der) else {
        return Ok(());
    };
    let bundles = merged::folder(machine)?;
    let folder = bundles.join(&ca.sha256()[..16]);
    let path = folder.join(format!("{hash:08x}.0"));
    let bytes = ca.pem.clone().into_bytes();
    let expect = files::read_if_there(&path)?;
    if expect.as_ref() != Some(&bytes) {
        let directory = |path: &Path| Change::Directory {
            path: path.to_owned(),
            mode: 0o700,
        };
        environment.changes.extend([
            directory(&bundles),
            directory(&folder),
            Change::Write {
                path,
                expect,
                content: Content::File { bytes, mode: 0o644 },
            },
        ]);
    }
    // A path that contains the separator cannot be named, not even in the user's value.
    let mut value = OsString::from(&folder);
    for folder in users {
        value.push(OsStr::new(":"));
        value.push(folder);
    }
    environment.variables.push(Variable {
        name: NAME,
        value: Some(value),
    });
    Ok(())
}

/// What `openssl x509 -subject_hash` prints: the first four bytes, little-endian, of the SHA-1 of
/// the subject, with every string as lower-case UTF-8 without superfluous spaces (`x509_name_canon`
/// in OpenSSL's `crypto/x509/x_name.c`).
fn subject_hash(der: &[u8]) -> Option<u32> {
    use x509_parser::prelude::{FromDer as _, X509Certificate};
    let (_, certificate) = X509Certificate::from_der(der).ok()?;
    let mut canonical = Vec::new();
    for name in certificate.subject().iter_rdn() {
        let mut attributes: Vec<Vec<u8>> = Vec::new();
        for attribute in name.iter() {
            let value = match attribute.as_str() {
                Ok(text) => {
                    let words: Vec<&str> = text
                        .split(|c: char| c.is_ascii_whitespace())
                        .filter(|word| !word.is_empty())
                        .collect();
                    tagged(0x0c, words.join(" ").to_ascii_lowercase().as_bytes())?
                }
                Err(_) => return None,
            };
            let kind = tagged(0x06, attribute.attr_type().as_bytes())?;
            attributes.push(tagged(0x30, &[kind, value].concat())?);
        }
        attributes.sort();
        canonical.extend(tagged(0x31, &attributes.concat())?);
    }
    let digest = ring::digest::digest(&ring::digest::SHA1_FOR_LEGACY_USE_ONLY, &canonical);
    let first = digest.as_ref().first_chunk::<4>()?;
    Some(u32::from_le_bytes(*first))
}

/// A DER value. Names are shorter than 64 KiB.
fn tagged(tag: u8, content: &[u8]) -> Option<Vec<u8>> {
    let length = u16::try_from(content.len()).ok()?;
    let [high, low] = length.to_be_bytes();
    let mut bytes = match length {
        0..=0x7f => vec![tag, low],
        0x80..=0xff => vec![tag, 0x81, low],
        _ => vec![tag, 0x82, high, low],
    };
    bytes.extend_from_slice(content);
    Some(bytes)
}
