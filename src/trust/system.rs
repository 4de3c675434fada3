//! The operating system's store, on Debian's family: an anchor file, and
//! `update-ca-certificates`, which takes seconds and so runs only when the bundle that
//! it writes does not hold the CA yet.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use anyhow::Result;

use super::bundle::contains;
use super::{Found, Removal, Row, Status, Store};
use crate::certificates::{TrustAnchor, decode};
use crate::change::Change;
use crate::cli::Kind;
use crate::files;
use crate::machine::Machine;

/// Where administrators put anchors; each must end in `.crt`.
const ANCHORS: &str = "/usr/local/share/ca-certificates";

/// The bundle that OpenSSL's users read.
const BUNDLE: &str = "/etc/ssl/certs/ca-certificates.crt";

/// The anchor file of the CA trusted last. The name is fixed, because a dev container's
/// `NODE_EXTRA_CA_CERTS` names it.
const ANCHOR: &str = "azup-local-ca";

/// Debian's store, and that of its descendants.
#[derive(Debug)]
pub struct Debian {
    anchors: PathBuf,
    bundle: PathBuf,
}

/// The system's store, or a row that says why azup has none to offer.
#[must_use]
pub fn find(machine: &Machine) -> Vec<Found> {
    let bundle = PathBuf::from(BUNDLE);
    if bundle.is_file() && machine.find("update-ca-certificates").is_some() {
        return vec![Found::Store(Box::new(Debian {
            anchors: ANCHORS.into(),
            bundle,
        }))];
    }
    let (why, mend) = if machine.find("apt-get").is_some() || machine.find("apk").is_some() {
        let mend = match machine.find("apk") {
            Some(_) => "apk add ca-certificates",
            None => "sudo apt-get install ca-certificates",
        };
        (
            "the package ca-certificates is not installed",
            Some(mend.to_owned()),
        )
    } else {
        (
            "this system's store is not one that azup knows (Debian's family)",
            None,
        )
    };
    vec![Found::Row(Row::absent(
        Kind::System,
        &bundle,
        why.to_owned(),
        mend,
    ))]
}

impl Debian {
    fn anchor(&self, name: &str) -> PathBuf {
        self.anchors.join(format!("{name}.crt"))
    }

    /// Sets an anchor file: directly as root, else through `install` under sudo.
    fn set(path: PathBuf, ca: &TrustAnchor, machine: &Machine) -> Result<Change> {
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
        let mut argv: Vec<OsString> = ["install", "-m", "0644", "/dev/stdin"]
            .map(Into::into)
            .into();
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

    fn update(arguments: &[&str]) -> Change {
        let mut argv: Vec<OsString> = vec!["update-ca-certificates".into()];
        argv.extend(arguments.iter().map(OsString::from));
        Change::Run {
            argv,
            input: None,
            undo: None,
            admin: true,
        }
    }
}

impl Store for Debian {
    fn kind(&self) -> Kind {
        Kind::System
    }

    fn path(&self) -> &Path {
        &self.bundle
    }

    fn status(&self, ca: &TrustAnchor, _machine: &Machine) -> Result<Status> {
        Ok(if contains(&files::read(&self.bundle)?, ca) {
            Status::Trusted
        } else {
            Status::Missing
        })
    }

    fn add(&self, ca: &TrustAnchor, machine: &Machine) -> Result<Vec<Change>> {
        if self.status(ca, machine)? == Status::Trusted {
            return Ok(Vec::new());
        }
        let mut changes = Vec::new();
        if machine.is_root() {
            changes.push(Change::Directory {
                path: self.anchors.clone(),
                mode: 0o755,
            });
        }
        let anchor = self.anchor(ANCHOR);
        if let Some(before) = files::read_if_there(&anchor)?
            && before != ca.pem.as_bytes()
            && let Some(other) = anchor_in(&before)
            && other.not_after > machine.now()
        {
            // Another project's CA, still valid: it keeps its trust under its own name.
            let name = format!("{ANCHOR}-{}", &other.sha256()[..8]);
            changes.push(Self::set(self.anchor(&name), &other, machine)?);
        }
        changes.push(Self::set(anchor, ca, machine)?);
        changes.push(Self::update(&[]));
        Ok(changes)
    }

    fn remove(&self, removal: &Removal, machine: &Machine) -> Result<Vec<Change>> {
        let mut changes = Vec::new();
        for entry in std::fs::read_dir(&self.anchors)
            .into_iter()
            .flatten()
            .flatten()
        {
            let path = entry.path();
            let Ok(Some(before)) = files::read_if_there(&path) else {
                continue;
            };
            if !anchor_in(&before).is_some_and(|ca| removal.names(&ca.der)) {
                continue;
            }
            changes.push(if machine.is_root() {
                Change::Delete {
                    path,
                    expect: before,
                }
            } else {
                Change::Run {
                    argv: vec!["rm".into(), "-f".into(), path.into()],
                    input: None,
                    undo: None,
                    admin: true,
                }
            });
        }
        let bundle = files::read_if_there(&self.bundle)?.unwrap_or_default();
        if changes.is_empty() && super::bundle::without(&bundle, removal).0 == bundle {
            return Ok(Vec::new());
        }
        // Without --fresh the links in /etc/ssl/certs stay behind, dangling (measured).
        changes.push(Self::update(&["--fresh"]));
        Ok(changes)
    }
}

/// The certificate in an anchor file, where it is exactly one.
fn anchor_in(bytes: &[u8]) -> Option<TrustAnchor> {
    use crate::certificates::{BEGIN, END};
    let text = std::str::from_utf8(bytes).ok()?;
    let body = text.trim().strip_prefix(BEGIN)?.strip_suffix(END)?;
    TrustAnchor::from_der(&decode(body.as_bytes())?)
}
