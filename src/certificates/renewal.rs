//! Renewal: a new set takes the place of one that is about to end, with no moment in which
//! a client meets a leaf that it does not trust.
//!
//! The new set is *staged* first, in files beside those of the old one. Then its CA is
//! trusted, then it moves into its place. Whoever is killed in between leaves a staged set
//! behind, and the next run goes on with that one instead of making another CA.

use std::path::{Path, PathBuf};

use anyhow::Result;
use time::{Duration, OffsetDateTime};

use super::{
    CertificateSet, FILES, Names, Obtained, Place, issue, machine_folder, obtain, renew_command,
};
use crate::change::Change;
use crate::failure::{Failure, shown};
use crate::files::{self, Content};
use crate::machine::Machine;

/// A set is renewed when fewer days than these are left.
const DAYS_LEFT: i64 = 30;

/// The names of a staged set's files, in the order of [`FILES`].
const STAGED: [&str; 3] = ["next-ca.pem", "next-key.pem", "next-cert.pem"];

/// The set of `place`, renewed where fewer than 30 days are left, where it has expired, or
/// where its leaf lacks one of the fixed names or of `sans`.
///
/// # Errors
/// As [`obtain`], but for an expired set.
pub fn obtain_or_renew(machine: &Machine, place: &Place, sans: &[String]) -> Result<Obtained> {
    let now = machine.now();
    let folder = place.folder();
    let staged = load_staged(folder, now);
    let mut expired = false;
    let current = match CertificateSet::load(folder, now) {
        Ok(set) => set,
        Err(error) => {
            let was = as_it_was(folder, now);
            expired = was.is_some();
            // Without both, it was hardly a crash in the middle of an exchange.
            if was.is_none() && staged.is_none() {
                return obtain(machine, place, sans).map_err(|_| error);
            }
            was
        }
    };
    if let Some(staged) = staged.filter(|staged| !is_due(staged, sans, now)) {
        return replacement(machine, place, staged);
    }
    let Some(current) = current else {
        return obtain(machine, place, sans);
    };
    if !is_due(&current, sans, now) {
        let mut obtained = Obtained::unchanged(current);
        // Killed while the staged files were taken away.
        if files::exists(&folder.join(STAGED[2])) {
            obtained.changes = unstage(&obtained.set, folder, true)?;
        }
        return Ok(obtained);
    }
    if let Err(why) = may_replace(&current, place) {
        if expired {
            // Its error says what has expired, and how that is mended.
            return obtain(machine, place, sans);
        }
        return Ok(Obtained {
            late: Some(why.into()),
            ..Obtained::unchanged(current)
        });
    }
    let sans = [sans, &current.names.further()].concat();
    if let Place::Project(_) = place
        && let Ok(Some(set)) = CertificateSet::load(&machine_folder(machine)?, now)
        && !is_due(&set, &sans, now)
    {
        // Another project has renewed the machine's set already.
        return replacement(machine, place, set);
    }
    renew(machine, place, &sans)
}

/// The set for a project that is being set up: as [`obtain`], but an expired one of the
/// project's own is no failure. It is renewed when its CA is trusted, right afterwards.
///
/// # Errors
/// As [`obtain`].
pub fn obtain_for_project(machine: &Machine, folder: &Path) -> Result<Obtained> {
    obtain(machine, &Place::Project(folder.to_owned()), &[]).or_else(|error| {
        let was = as_it_was(folder, machine.now());
        was.map(Obtained::unchanged).ok_or(error)
    })
}

/// A new set for `place`, whatever is there now; a machine's and a project's are renewed
/// together. It keeps the further names of the one that is there.
///
/// # Errors
/// Where a name in `sans` is none, or a file that is there cannot be read.
pub fn renew(machine: &Machine, place: &Place, sans: &[String]) -> Result<Obtained> {
    let now = machine.now();
    let at = last_moment(place.folder()).map_or(now, |last| last.min(now));
    let before = CertificateSet::load(place.folder(), at).ok().flatten();
    let further = before.map(|set| set.names.further()).unwrap_or_default();
    let issued = issue(&[sans, &further].concat(), now)?;
    let set = CertificateSet::from_issued(place.folder(), &issued, now)?;
    replacement(machine, place, set)
}

/// `set` in place of what is there.
fn replacement(machine: &Machine, place: &Place, mut set: CertificateSet) -> Result<Obtained> {
    let targets: Vec<(PathBuf, u32)> = match place {
        Place::Named(folder) | Place::Machine(folder) => vec![(folder.clone(), 0o700)],
        Place::Project(folder) => vec![(folder.clone(), 0o755), (machine_folder(machine)?, 0o700)],
    };
    // A first set needs no stage: nothing is served that a crash could contradict.
    let first = !files::exists(&place.folder().join(FILES[2]));
    let (mut changes, mut after) = (Vec::new(), Vec::new());
    for (folder, mode) in &targets {
        if !first {
            changes.extend(stage(&set, folder, *mode)?);
        }
    }
    for (folder, mode) in &targets {
        after.extend(set.write(folder, *mode)?);
    }
    // The stage of `place` goes last: while it is there, the next run knows what is left.
    for (folder, _) in targets.iter().rev() {
        after.extend(unstage(&set, folder, first)?);
    }
    if first {
        changes.append(&mut after);
    }
    place.folder().clone_into(&mut set.folder);
    set.ca.file = Some(set.ca_file());
    Ok(Obtained {
        set,
        changes,
        after,
        issued: true,
        late: None,
    })
}

/// Puts `set` beside the files in `folder`.
fn stage(set: &CertificateSet, folder: &Path, mode: u32) -> Result<Vec<Change>> {
    let mut changes = vec![Change::Directory {
        path: folder.to_owned(),
        mode,
    }];
    for (name, (bytes, mode)) in STAGED.into_iter().zip(set.contents()?) {
        let path = folder.join(name);
        let expect = files::read_if_there(&path)?;
        if expect.as_deref() != Some(bytes) {
            let bytes = bytes.to_vec();
            changes.push(Change::Write {
                path,
                expect,
                content: Content::File { bytes, mode },
            });
        }
    }
    Ok(changes)
}

/// Takes the staged files away again: those of `set`, or with `all` whatever is there.
fn unstage(set: &CertificateSet, folder: &Path, all: bool) -> Result<Vec<Change>> {
    let mut changes = Vec::new();
    for (name, (bytes, _)) in STAGED.into_iter().zip(set.contents()?) {
        let path = folder.join(name);
        let expect = match files::read_if_there(&path)? {
            Some(there) if all => there,
            None if all => continue,
            _ => bytes.to_vec(),
        };
        changes.push(Change::Delete { path, expect });
    }
    Ok(changes)
}

/// The staged set in `folder`, where it is whole.
fn load_staged(folder: &Path, now: OffsetDateTime) -> Option<CertificateSet> {
    // The leaf is staged last.
    if !files::exists(&folder.join(STAGED[2])) {
        return None;
    }
    let set = CertificateSet::load_named(folder, STAGED, now)
        .ok()
        .flatten();
    set.filter(|set| set.key.is_some())
}

/// An expired set as it was when it was still good: nothing but its age is wrong with it.
pub(super) fn as_it_was(folder: &Path, now: OffsetDateTime) -> Option<CertificateSet> {
    let last = last_moment(folder).filter(|last| *last < now)?;
    CertificateSet::load(folder, last).ok().flatten()
}

/// The last moment at which both certificates in `folder` are valid; `None` where there
/// is no way to tell.
fn last_moment(folder: &Path) -> Option<OffsetDateTime> {
    let end = |name: &str| {
        let path = folder.join(name);
        let bytes = files::read_if_there(&path).ok().flatten()?;
        let certificate = super::TrustAnchor::any(&bytes, &path).ok()?;
        Some(certificate.not_after)
    };
    Some(end(FILES[0])?.min(end(FILES[2])?))
}

fn is_due(set: &CertificateSet, sans: &[String], now: OffsetDateTime) -> bool {
    let left = set.not_after.min(set.ca.not_after) - now;
    // A name that is none is reported by who makes the certificate.
    let complete = Names::with(sans).is_ok_and(|wanted| set.names.cover(&wanted));
    left < Duration::days(DAYS_LEFT) || !complete
}

/// Why a set that is due is not replaced, in words.
fn may_replace(set: &CertificateSet, place: &Place) -> Result<(), Failure> {
    let folder = place.folder();
    let late = |why: &str| {
        Failure::new(format!(
            "the certificate in {} should be renewed (it is valid until {}), but {why}",
            shown(folder),
            super::day(set.not_after)
        ))
    };
    if matches!(place, Place::Named(_)) && !set.ca.is_ours() {
        return Err(late("azup did not make it").hint(renew_command(folder)));
    }
    if set.key.is_none() || !files::is_writable(folder) {
        return Err(late("it belongs to another user: run this as that user").hint("azup trust"));
    }
    Ok(())
}
