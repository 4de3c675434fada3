//! Linux: a folder of anchor files, and the distribution's program that makes the bundle from it.
//! The program takes seconds, so it runs only when the bundle does not hold the CA yet. What
//! differs between distributions is in [`super::families`].
//!
//! Run for real on Debian. For Alpine, Fedora, Arch and openSUSE, paths and options are from their
//! packages' sources, tested with folders of the same layout and stand-in programs.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use anyhow::Result;

use super::families::{FAMILIES, Family};
use super::super::bundle::{contains, without};
use super::super::{Candidate, Outcome, RemovalFilter, Status, Store, StoreReport};
use super::{java_alias, os_release};
use crate::certificates::{BEGIN, END, TrustAnchor, decode};
use crate::change::Change;
use crate::files;
use crate::machine::Machine;
use crate::options::Kind;

/// The anchor file of the CA trusted last. The name is fixed, because a dev container's
/// `NODE_EXTRA_CA_CERTS` names it.
const ANCHOR: &str = "azup-local-ca";

/// The store of one distribution.
#[derive(Debug)]
struct Anchors {
    family: &'static Family,
    root: PathBuf,
    /// The program that builds the bundle, with its arguments.
    update: &'static [&'static str],
    bundle: PathBuf,
}

/// The store below `root`, or a row that says why there is none.
pub(super) fn find(root: &Path, machine: &Machine) -> Candidate {
    let ids = [root.join("etc/os-release"), root.join("usr/lib/os-release")]
        .iter()
        .find_map(|path| files::read_if_there(path).ok().flatten())
        .map(|text| os_release::ids(&String::from_utf8_lossy(&text)))
        .unwrap_or_default();
    if ids.iter().any(|id| id == "nixos") {
        return Candidate::StoreReport(nixos(root, machine));
    }
    // Not every derivative keeps its ancestor's ways, and some name no ancestor: os-release only
    // sets the order, and what is on disk decides.
    let named: Vec<&'static Family> = ids
        .iter()
        .filter_map(|id| FAMILIES.iter().find(|family| family.ids.contains(&&**id)))
        .collect();
    let store = named
        .iter()
        .copied()
        .chain(&FAMILIES)
        .find_map(|family| Anchors::of(family, root, machine));
    if let Some(store) = store {
        return Candidate::Store(Box::new(store));
    }
    let (path, why, mend) = match named.first() {
        Some(family) => (
            root.join(family.bundles[0]),
            "the package ca-certificates is not installed",
            Some(family.install.to_owned()),
        ),
        None => (
            root.join("etc/ssl/certs"),
            "this system's store is not one that azup knows",
            None,
        ),
    };
    Candidate::StoreReport(StoreReport::absent(super::KIND, &path, why.to_owned(), mend))
}

/// NixOS generates all of `/etc` from its configuration, and nothing else may write there.
fn nixos(root: &Path, machine: &Machine) -> StoreReport {
    let ca = machine.own_folder().map_or_else(
        |_| "/path/to/ca.pem".to_owned(),
        |own| own.join("certs/ca.pem").display().to_string(),
    );
    // A path in Nix is written bare; one with other characters is built from a string.
    let bare = |c: char| c.is_ascii_alphanumeric() || "/._+-".contains(c);
    let ca = if ca.chars().all(bare) {
        ca
    } else {
        let text = ca
            .replace('\\', "\\\\")
            .replace('"', "\\\"")
            .replace('$', "\\$");
        format!("(/. + \"{text}\")")
    };
    StoreReport {
        outcome: Outcome::Skipped,
        ..StoreReport::absent(
            super::KIND,
            &root.join("etc/ssl/certs/ca-certificates.crt"),
            "NixOS makes it from the system's configuration, to which you can add the CA"
                .to_owned(),
            Some(format!("security.pki.certificateFiles = [ {ca} ];")),
        )
    }
}

impl Anchors {
    /// The family's store, if both its bundle and its program exist.
    fn of(family: &'static Family, root: &Path, machine: &Machine) -> Option<Self> {
        let bundle = family
            .bundles
            .iter()
            .map(|path| root.join(path))
            .find(|path| path.is_file())?;
        let update = family
            .update
            .iter()
            .find(|command| machine.find(command[0]).is_some())?;
        Some(Self {
            family,
            root: root.to_owned(),
            update,
            bundle,
        })
    }

    fn folder(&self) -> PathBuf {
        self.root.join(self.family.anchors)
    }

    /// The file for a CA: the fixed name for azup's own, another name for any other CA, which a dev
    /// container's variable must not lead to.
    fn place(&self, ca: &TrustAnchor) -> PathBuf {
        if ca.is_ours() {
            self.anchor(ANCHOR)
        } else {
            self.place_of_its_own(ca)
        }
    }

    fn place_of_its_own(&self, ca: &TrustAnchor) -> PathBuf {
        self.anchor(&format!("{ANCHOR}-{}", &ca.sha256()[..8]))
    }

    fn anchor(&self, name: &str) -> PathBuf {
        let extension = self.family.extension;
        self.folder().join(format!("{name}.{extension}"))
    }

    /// Writes an anchor file: directly as root, else through `install` under sudo.
    fn set(&self, path: PathBuf, ca: &TrustAnchor, machine: &Machine) -> Result<Change> {
        let expect = files::read_if_there(&path)?;
        if machine.is_root() {
            return Ok(Change::Write {
                path,
                expect,
                content: files::Content::File {
                    bytes: ca.pem.clone().into_bytes(),
                    mode: 0o644,
                },
            });
        }
        let mut argv: Vec<OsString> = vec!["install".into()];
        if !self.folder().is_dir() {
            argv.push("-D".into());
        }
        argv.extend(["-m", "0644", "/dev/stdin"].map(OsString::from));
        argv.push(path.clone().into());
        let undo = expect
            .is_none()
            .then(|| vec!["rm".into(), "-f".into(), path.into()]);
        Ok(Change::Run {
            argv,
            input: Some(ca.as_input()),
            undo,
            admin: true,
        })
    }

    fn update(&self, arguments: &[&str]) -> Change {
        as_administrator(self.update.iter().chain(arguments).map(OsString::from))
    }

    /// Whether `/etc/ssl/certs` has links to azup anchors that no longer exist.
    fn has_dangling_links(&self) -> bool {
        let links = || std::fs::read_dir(self.root.join("etc/ssl/certs")).ok();
        self.family.links
            && links().into_iter().flatten().flatten().any(|entry| {
                entry.file_name().to_string_lossy().starts_with(ANCHOR)
                    && entry.path().is_symlink()
                    && !entry.path().exists()
            })
    }
}

/// Deletes an anchor file: directly as root, else through `rm` under sudo.
fn delete(path: PathBuf, expect: Vec<u8>, machine: &Machine) -> Change {
    if machine.is_root() {
        return Change::Delete { path, expect };
    }
    as_administrator(["rm".into(), "-f".into(), path.into()])
}

/// A program that only has an effect if an administrator runs it.
fn as_administrator(argv: impl IntoIterator<Item = OsString>) -> Change {
    Change::Run {
        argv: argv.into_iter().collect(),
        input: None,
        undo: None,
        admin: true,
    }
}

impl Store for Anchors {
    fn kind(&self) -> Kind {
        super::KIND
    }

    fn path(&self) -> &Path {
        &self.bundle
    }

    fn status(&self, ca: &TrustAnchor, _machine: &Machine) -> Result<Status> {
        Ok(Status::from(contains(&files::read(&self.bundle)?, ca)))
    }

    fn add(&self, ca: &TrustAnchor, machine: &Machine) -> Result<Vec<Change>> {
        if self.status(ca, machine)? == Status::Trusted {
            return Ok(Vec::new());
        }
        let mut changes = Vec::new();
        if machine.is_root() {
            changes.push(Change::Directory {
                path: self.folder(),
                mode: 0o755,
            });
        }
        let anchor = self.place(ca);
        if ca.is_ours()
            && let Some(before) = files::read_if_there(&anchor)?
            && before != ca.pem.as_bytes()
            && let Some(other) = anchor_in(&before)
            && other.not_after > machine.now()
        {
            // Another project's CA, still valid: it stays trusted under its own name.
            changes.push(self.set(self.place_of_its_own(&other), &other, machine)?);
        }
        changes.push(self.set(anchor, ca, machine)?);
        changes.push(self.update(&[]));
        Ok(changes)
    }

    fn remove(&self, removal: &RemovalFilter, machine: &Machine) -> Result<Vec<Change>> {
        let mut changes = Vec::new();
        let entries = std::fs::read_dir(self.folder());
        let entries = entries.into_iter().flatten().flatten();
        let mut anchors: Vec<PathBuf> = entries.map(|entry| entry.path()).collect();
        anchors.sort();
        for path in anchors {
            let Ok(Some(before)) = files::read_if_there(&path) else {
                continue;
            };
            if !anchor_in(&before).is_some_and(|ca| removal.names(&ca.der)) {
                continue;
            }
            changes.push(delete(path, before, machine));
        }
        let java = java_alias::removals(&self.root, removal, machine);
        let bundle = files::read_if_there(&self.bundle)?.unwrap_or_default();
        let stale = !changes.is_empty()
            || without(&bundle, removal).0 != bundle
            || self.has_dangling_links();
        changes.extend(java.into_iter().map(as_administrator));
        if stale {
            changes.push(self.update(self.family.after_removal));
        }
        Ok(changes)
    }

    /// The program ran but the CA is not in the bundle (a distribution can block it). The anchor is
    /// removed: it has no effect now, but could take effect some day later.
    fn clean_up(&self, ca: &TrustAnchor, machine: &Machine) -> Vec<Change> {
        let path = self.place(ca);
        let bytes = files::read_if_there(&path).ok().flatten();
        bytes
            .filter(|bytes| bytes == ca.pem.as_bytes())
            .map(|bytes| vec![delete(path, bytes, machine)])
            .unwrap_or_default()
    }
}

/// The certificate in an anchor file, if it holds exactly one.
fn anchor_in(bytes: &[u8]) -> Option<TrustAnchor> {
    let text = std::str::from_utf8(bytes).ok()?;
    let body = text.trim().strip_prefix(BEGIN)?.strip_suffix(END)?;
    TrustAnchor::from_der(&decode(body.as_bytes())?)
}

#[cfg(test)]
#[allow(
    clippy::unwrap_used,
    reason = "a test that cannot go on should say where"
)]
mod tests;
