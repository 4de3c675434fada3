//! Files with a bundle's certificates and azup's CA: for the variables that name one file and make
//! a program ignore every other.
//!
//! They are in azup's own folder, named after a hash of their contents, so a file that a shell's
//! variable names never changes. The first line says which file it was made from: the next
//! `azup env` starts there again, and so picks up the source's updates.

use std::path::{Path, PathBuf};

use anyhow::Result;
use memchr::memmem;

use crate::certificates::{BEGIN, PROJECT_FOLDER, TrustAnchor, sha256};
use crate::change::Change;
use crate::files::{self, Content};
use crate::machine::Machine;
use crate::trust::bundle::{CERTIFI, contains, percent_decoded, percent_encoded};
use crate::workspace::Workspace;

/// How a merged bundle begins; the source's path follows, or nothing.
const MARK: &str = "# azup: made from ";

/// Certificates that some program reads.
#[derive(Clone, Debug)]
pub(super) struct Source {
    /// The file or folder.
    pub(super) path: PathBuf,
    /// Whether the file at `path` has exactly these bytes.
    is_file: bool,
    bytes: Vec<u8>,
}

impl Source {
    /// Reads a bundle, or a folder of certificates in OpenSSL's format.
    pub(super) fn read(path: &Path) -> Result<Self, String> {
        let is_folder = path.is_dir();
        let bytes = if is_folder {
            hashed(path)
        } else {
            match files::read_if_there(path) {
                Ok(Some(bytes)) => bytes,
                Ok(None) => return Err("which does not exist".to_owned()),
                Err(error) => return Err(format!("which is not a bundle: {error:#}")),
            }
        };
        if memmem::find(&bytes, BEGIN.as_bytes()).is_none() {
            return Err(if is_folder {
                "a folder in which OpenSSL finds no certificate (openssl rehash makes the names that \
                 it looks for)"
            } else {
                "which contains no PEM certificate"
            }
            .to_owned());
        }
        if memmem::find(&bytes, b"PRIVATE KEY-----").is_some() {
            return Err("which holds a private key".to_owned());
        }
        Ok(Self {
            path: path.to_owned(),
            is_file: !is_folder,
            bytes,
        })
    }

    /// The same, plus what OpenSSL finds in folders.
    pub(super) fn with_folders(&self, folders: &[PathBuf]) -> Self {
        let mut bytes = self.bytes.clone();
        for folder in folders {
            end_line(&mut bytes);
            bytes.extend(hashed(folder));
        }
        Self {
            path: self.path.clone(),
            is_file: self.is_file && bytes == self.bytes,
            bytes,
        }
    }

    /// Whether a variable can name it directly.
    pub(super) fn is_file(&self) -> bool {
        self.is_file
    }

    /// Whether the CA is in it.
    pub(super) fn has(&self, ca: &TrustAnchor) -> bool {
        contains(&self.bytes, ca)
    }
}

/// The files of a folder that `c_rehash` has given names such as `5ed36f99.0`: the only ones that
/// OpenSSL reads there.
fn hashed(folder: &Path) -> Vec<u8> {
    let is_hash = |name: &str| {
        name.split_once('.').is_some_and(|(hash, number)| {
            hash.len() == 8
                && hash.bytes().all(|byte| byte.is_ascii_hexdigit())
                && number.bytes().all(|byte| byte.is_ascii_digit())
        })
    };
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let mut paths: Vec<PathBuf> = entries
        .filter(|entry| entry.file_name().to_str().is_some_and(is_hash))
        .map(|entry| entry.path())
        .collect();
    paths.sort();
    let mut all = Vec::new();
    for path in paths {
        all.extend(
            files::read_if_there(&path)
                .ok()
                .flatten()
                .unwrap_or_default(),
        );
        end_line(&mut all);
    }
    all
}

fn end_line(bytes: &mut Vec<u8>) {
    if !bytes.is_empty() && !bytes.ends_with(b"\n") {
        bytes.push(b'\n');
    }
}

/// azup's folder for them.
pub(super) fn folder(machine: &Machine) -> Result<PathBuf> {
    Ok(machine.own_folder()?.join("bundles"))
}

/// The path of the file that holds `source` and the CA, and the changes that create it; none if it
/// exists already.
pub(super) fn plan(
    source: Option<&Source>,
    ca: &TrustAnchor,
    machine: &Machine,
) -> Result<(PathBuf, Vec<Change>)> {
    let origin = source.map(|source| percent_encoded(&source.path));
    let mut bytes = format!("{MARK}{}\n", origin.unwrap_or_default()).into_bytes();
    if let Some(source) = source {
        bytes.extend_from_slice(&source.bytes);
        end_line(&mut bytes);
    }
    let label = ca.label.escape_default();
    bytes.extend_from_slice(format!("\n# {label}\n{}", ca.pem).as_bytes());
    put(bytes, "pem", machine)
}

/// The same for any contents.
pub(super) fn put(
    bytes: Vec<u8>,
    extension: &str,
    machine: &Machine,
) -> Result<(PathBuf, Vec<Change>)> {
    let folder = folder(machine)?;
    let path = folder.join(format!("{}.{extension}", &sha256(&bytes)[..16]));
    let expect = files::read_if_there(&path)?;
    if expect.as_ref() == Some(&bytes) {
        return Ok((path, Vec::new()));
    }
    let changes = vec![
        Change::Directory {
            path: folder,
            mode: 0o700,
        },
        Change::Write {
            path: path.clone(),
            expect,
            content: Content::File { bytes, mode: 0o644 },
        },
    ];
    Ok((path, changes))
}

/// What a variable's value refers to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Named {
    /// A file of the user's own, or the one that an azup bundle was made from.
    File(PathBuf),
    /// A file of azup's own: as if the variable were not set.
    Ours,
}

/// What `value` refers to.
pub(super) fn named(value: &Path, ca: &TrustAnchor, machine: &Machine) -> Result<Named> {
    let path = machine.absolute(value);
    // An older azup named the project's file.
    let of_project = path.ends_with(PROJECT_FOLDER.to_owned() + "/ca.pem");
    if ca.file.as_deref() == Some(&path) || of_project {
        return Ok(Named::Ours);
    }
    if path.parent() != Some(&folder(machine)?) {
        return Ok(Named::File(path));
    }
    let bytes = files::read_if_there(&path).ok().flatten();
    // An older azup also made them from the project's environments.
    let workspace = Workspace::of(machine);
    let origin = bytes
        .as_deref()
        .and_then(origin)
        .filter(|path| !path.ends_with(CERTIFI) || !workspace.brought(path));
    Ok(origin.map_or(Named::Ours, Named::File))
}

/// The value before azup set it to `value`; `None` if there was none.
pub(super) fn before(value: &Path, machine: &Machine) -> Option<PathBuf> {
    let path = machine.absolute(value);
    if !path.starts_with(machine.own_folder().ok()?) {
        return Some(path);
    }
    files::read_if_there(&path).ok()?.as_deref().and_then(origin)
}

fn origin(bytes: &[u8]) -> Option<PathBuf> {
    let line = bytes.strip_prefix(MARK.as_bytes())?;
    let line = &line[..memchr::memchr(b'\n', line)?];
    let path = percent_decoded(std::str::from_utf8(line).ok()?)?;
    (!path.as_os_str().is_empty()).then_some(path)
}
