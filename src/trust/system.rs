//! The operating system's own store, which curl, Go, .NET, programs using OpenSSL and, on request,
//! Node and Deno read. One file per family behind the same three verbs.
//!
//! All Unix families are compiled on every system, so that they are tested wherever azup is built;
//! the choice is made at run time. The Windows store is built for Windows only.

mod anchors;
mod families;
mod java_alias;
mod macos;
mod os_release;
#[cfg(windows)]
mod windows;
mod wsl;

use std::path::{Path, PathBuf};

use anyhow::Result;

use super::Candidate;
use super::definition::Definition;
use crate::certificates::TrustAnchor;
use crate::change::Change;
use crate::files::{self, Content, hex};
use crate::machine::Machine;
use crate::options::Kind;

pub const KIND: Kind = Kind::new("system");

pub(super) static STORE: Definition = Definition {
    kind: KIND,
    asked_by: &[KIND],
    of_project: false,
    check: "store-system",
    title: "the operating system trusts the CA (curl, OpenSSL, Go)",
    read_by_program: false,
    find: |search| find(search.machine),
    reopen: None,
};

/// The system's store, or a row that says why azup cannot offer one.
fn find(machine: &Machine) -> Vec<Candidate> {
    let root = Path::new("/");
    match std::env::consts::OS {
        "macos" => vec![macos::find(machine)],
        #[cfg(windows)]
        "windows" => windows::find(machine),
        _ => std::iter::once(anchors::find(root, machine)).chain(wsl::find(root)).collect(),
    }
}

/// The bundle of the system's public CAs that programs using OpenSSL read, if there is one.
pub fn bundle() -> Option<PathBuf> {
    let of_families = families::FAMILIES.iter().flat_map(|family| family.bundles);
    of_families
        .copied()
        // macOS, and Alpine without its package.
        .chain(["etc/ssl/cert.pem"])
        .map(|path| Path::new("/").join(path))
        .find(|path| path.is_file())
}

/// A command that adds the CA with a program that cannot read standard input: it gets a temporary
/// file, since the CA's own may not be written yet.
fn by_file(
    ca: &TrustAnchor,
    machine: &Machine,
    run: impl FnOnce(&Path) -> Change,
) -> Result<Vec<Change>> {
    let own = machine.own_folder()?;
    let path = own.join(format!("{}.pem", sha1(ca)));
    let bytes = ca.pem.clone().into_bytes();
    Ok(vec![
        Change::Directory {
            path: own,
            mode: 0o700,
        },
        Change::Write {
            expect: files::read_if_there(&path)?,
            content: Content::File {
                bytes: bytes.clone(),
                mode: 0o644,
            },
            path: path.clone(),
        },
        run(&path),
        Change::Delete {
            path,
            expect: bytes,
        },
    ])
}

/// macOS's name for a certificate: SHA-1 of the DER, in upper case.
fn sha1(ca: &TrustAnchor) -> String {
    sha1_of(&ca.der)
}

pub(super) fn sha1_of(der: &[u8]) -> String {
    let digest = ring::digest::digest(&ring::digest::SHA1_FOR_LEGACY_USE_ONLY, der);
    hex(digest.as_ref()).to_uppercase()
}

#[cfg(test)]
mod stand_in;
