//! Renewal: a new set replaces one that is about to expire, and at no moment does a client see a
//! leaf that it does not trust.
//!
//! The new set is *staged* first, in files beside those of the old one. Then its CA is trusted,
//! then it moves into place. If azup is killed in between, a staged set is left behind, and the
//! next run continues with that one instead of making another CA.
//!
//! A project's set is always a copy of the machine's. Nothing is copied the other way: another
//! party may have written what is in a project.

use std::path::{Path, PathBuf};

use anyhow::Result;
use time::{Duration, OffsetDateTime};

use super::kept::kept;
use super::origin::Origin;
use super::{
    CertificateSet, FILES, IssuedList, Names, CertificatePlan, SetLocation, TrustAnchor, issue, ignored, machine_folder,
    obtain, renew_command,
STAGED};
use crate::change::Change;
use crate::failure::{Failure, command_line, shown};
use crate::files::{self, Content};
use crate::machine::Machine;

/// A set is renewed when fewer days than these are left.
const DAYS_LEFT: i64 = 30;

/// The set of `place`, renewed if it has fewer than 30 days left, is not valid today, or its leaf
/// lacks one of the fixed names or of `sans`.
pub fn obtain_or_renew(machine: &Machine, place: &SetLocation, sans: &[String]) -> Result<CertificatePlan> {
    let now = machine.now();
    let folder = place.folder();
    let origin = Origin::of(machine, place)?;
    let ignored = strangers(&origin, folder, now);
    let staged = load_staged(folder, now).filter(|staged| origin.accepts(&staged.ca));
    let mut out_of_date = false;
    let current = match CertificateSet::load_unchecked(folder, now) {
        Ok(set) => set,
        Err(error) => {
            let was = self::out_of_date(folder, now);
            out_of_date = was.is_some();
            // If neither is there, it was hardly a crash in the middle of an exchange.
            if was.is_none() && staged.is_none() {
                return obtain(machine, place, sans).map_err(|_| error);
            }
            was
        }
    };
    let current = match current {
        Some(set) if origin.is_of_older_azup(&set.ca) => None,
        Some(set) => {
            origin.require(&set.ca)?;
            Some(set)
        }
        None => None,
    };
    let noted = |obtained: CertificatePlan| CertificatePlan {
        ignored,
        ..obtained
    };
    if let Some(staged) = staged.filter(|staged| !is_due(staged, sans, now)) {
        return finished(machine, place, &origin, staged)
            .map(noted)?
            .away_from_project(machine, place);
    }
    let Some(current) = current else {
        return obtain(machine, place, sans).map(noted);
    };
    if !is_due(&current, sans, now) {
        let mut obtained = CertificatePlan::unchanged(current);
        // azup was killed while it removed the staged files.
        if files::exists(&folder.join(STAGED[2])) {
            obtained.changes = unstage(&obtained.set, folder)?;
        }
        return noted(obtained).away_from_project(machine, place);
    }
    if let Err(why) = may_replace(&current, &origin, place) {
        if out_of_date {
            // Its error says what is wrong with its dates, and how to fix that.
            return obtain(machine, place, sans);
        }
        let late = CertificatePlan {
            late: Some(why.into()),
            ..CertificatePlan::unchanged(current)
        };
        return noted(late).away_from_project(machine, place);
    }
    let sans = [sans, &current.names.further()].concat();
    let source = source(machine, place, |machines| {
        obtain_or_renew(machine, machines, &sans)
    })?;
    replace(machine, place, &origin, source, &sans)
        .map(noted)?
        .away_from_project(machine, place)
}

/// A new set for `place`, whatever is there now; a project set is a copy of a new machine set. It
/// keeps the additional names of the existing set if azup made that: otherwise a foreign party
/// could choose names that this machine trusts.
pub fn renew(machine: &Machine, place: &SetLocation, sans: &[String]) -> Result<CertificatePlan> {
    let now = machine.now();
    let origin = Origin::of(machine, place)?;
    let before = CertificateSet::load_unchecked(place.folder(), now)
        .ok()
        .flatten()
        .or_else(|| out_of_date(place.folder(), now))
        .filter(|set| origin.accepts(&set.ca));
    let further = before.map(|set| set.names.further()).unwrap_or_default();
    let sans = [sans, &further].concat();
    let source = source(machine, place, |machines| renew(machine, machines, &sans))?;
    let ignored = strangers(&origin, place.folder(), now);
    let obtained = replace(machine, place, &origin, source, &sans)?;
    let obtained = CertificatePlan {
        ignored,
        ..obtained
    };
    obtained.away_from_project(machine, place)
}

/// The machine set, which a project set is copied from; `None` for any other place.
fn source(
    machine: &Machine,
    place: &SetLocation,
    of_machine: impl FnOnce(&SetLocation) -> Result<CertificatePlan>,
) -> Result<Option<CertificatePlan>> {
    match place {
        SetLocation::Project(_) => of_machine(&SetLocation::Machine(machine_folder(machine)?)).map(Some),
        SetLocation::Named(_) | SetLocation::Machine(_) => Ok(None),
    }
}

/// A staged set that a renewal left behind, moved into place; if the same renewal was also
/// replacing the machine set, that one too.
fn finished(
    machine: &Machine,
    place: &SetLocation,
    origin: &Origin<'_>,
    staged: CertificateSet,
) -> Result<CertificatePlan> {
    let now = machine.now();
    let mut obtained = in_place(place, origin, staged, Vec::new(), now)?;
    if let SetLocation::Project(_) = place {
        let folder = machine_folder(machine)?;
        let machines = SetLocation::Machine(folder.clone());
        let at_home = Origin::of(machine, &machines)?;
        let same = load_staged(&folder, now)
            .filter(|set| at_home.accepts(&set.ca) && set.ca.der == obtained.set.ca.der);
        if let Some(same) = same {
            let home = in_place(&machines, &at_home, same, Vec::new(), now)?;
            obtained.changes.splice(0..0, home.changes);
            obtained.after.splice(0..0, home.after);
        }
    }
    Ok(obtained)
}

/// The set of `source`, or a new one, replacing what is there.
fn replace(
    machine: &Machine,
    place: &SetLocation,
    origin: &Origin<'_>,
    source: Option<CertificatePlan>,
    sans: &[String],
) -> Result<CertificatePlan> {
    let now = machine.now();
    let Some(source) = source else {
        let set = CertificateSet::from_issued(place.folder(), &issue(sans, now)?, now)?;
        let listed = IssuedList::load(machine)?.with_issued(&set, machine)?;
        return in_place(place, origin, set, listed, now);
    };
    let mut obtained = in_place(place, origin, source.set, Vec::new(), now)?;
    obtained.changes.splice(0..0, source.changes);
    obtained.after.splice(0..0, source.after);
    Ok(obtained)
}

/// `set` replacing what is there, after the changes in `listed`.
fn in_place(
    place: &SetLocation,
    origin: &Origin<'_>,
    mut set: CertificateSet,
    listed: Vec<Change>,
    now: OffsetDateTime,
) -> Result<CertificatePlan> {
    let folder = place.folder();
    let mode = match place {
        SetLocation::Named(_) | SetLocation::Machine(_) => 0o700,
        SetLocation::Project(_) => 0o755,
    };
    let (mut changes, mut after) = (listed, Vec::new());
    if let SetLocation::Project(_) = place {
        changes.extend(ignored(folder)?);
    }
    changes.extend(kept(origin, place)?);
    // A first set needs no staging: nothing is served yet that a crash could contradict. And
    // foreign files, or files that git tracks, get no azup key beside them.
    let first = !files::exists(&folder.join(FILES[2]));
    let staged = !first && strangers(origin, folder, now).is_none() && !origin.stage_is_tracked();
    if staged {
        changes.extend(stage(&set, folder, mode)?);
    }
    after.extend(set.write(folder, mode)?);
    if staged {
        after.extend(unstage_all(&set, folder)?);
    }
    if first {
        changes.append(&mut after);
    }
    folder.clone_into(&mut set.folder);
    set.ca.file = Some(set.ca_file());
    Ok(CertificatePlan {
        changes,
        after,
        issued: true,
        ..CertificatePlan::unchanged(set)
    })
}

/// Writes `set` beside the files in `folder`.
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

/// Removes the staged files of `set`, assuming that they have been written by then.
fn unstage_all(set: &CertificateSet, folder: &Path) -> Result<Vec<Change>> {
    let staged = STAGED.into_iter().zip(set.contents()?);
    let deleted = staged.map(|(name, (bytes, _))| Change::Delete {
        path: folder.join(name),
        expect: bytes.to_vec(),
    });
    Ok(deleted.collect())
}

/// Removes staged files that are copies of those of `set`: what a killed azup left behind.
fn unstage(set: &CertificateSet, folder: &Path) -> Result<Vec<Change>> {
    let mut changes = Vec::new();
    for (name, (bytes, _)) in STAGED.into_iter().zip(set.contents()?) {
        let path = folder.join(name);
        if files::read_if_there(&path)?.as_deref() == Some(bytes) {
            let expect = bytes.to_vec();
            changes.push(Change::Delete { path, expect });
        }
    }
    Ok(changes)
}

/// The staged set in `folder`, if it is complete.
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

/// The warning about staged files that azup did not make; they are never used.
pub(super) fn strangers(
    origin: &Origin<'_>,
    folder: &Path,
    now: OffsetDateTime,
) -> Option<Failure> {
    let ca = load_staged(folder, now)?.ca;
    if origin.accepts(&ca) {
        return None;
    }
    let paths: Vec<PathBuf> = STAGED.iter().map(|name| folder.join(name)).collect();
    let words = ["rm".as_ref()]
        .into_iter()
        .chain(paths.iter().map(|path| path.as_os_str()));
    Some(
        Failure::new(format!(
            "{} and its key are ignored: azup did not make them on this machine (SHA-256 {})",
            shown(&folder.join(STAGED[0])),
            ca.fingerprint()
        ))
        .hint(command_line(words)),
    )
}

/// A set that has expired, or that a wrong clock dated into the future, loaded as of a moment when
/// it is valid: nothing but its dates is wrong with it.
pub(super) fn out_of_date(folder: &Path, now: OffsetDateTime) -> Option<CertificateSet> {
    let (first, last) = valid(folder)?;
    if first > last || (first..=last).contains(&now) {
        return None;
    }
    let at = now.clamp(first, last);
    CertificateSet::load_unchecked(folder, at).ok().flatten()
}

/// When both certificates in `folder` are valid, from first to last; `None` if that cannot be
/// determined.
fn valid(folder: &Path) -> Option<(OffsetDateTime, OffsetDateTime)> {
    let dates = |name: &str| {
        let path = folder.join(name);
        let bytes = files::read_if_there(&path).ok().flatten()?;
        let certificate = TrustAnchor::any(&bytes, &path).ok()?;
        Some((certificate.not_before, certificate.not_after))
    };
    let (ca, leaf) = (dates(FILES[0])?, dates(FILES[2])?);
    Some((ca.0.max(leaf.0), ca.1.min(leaf.1)))
}

fn is_due(set: &CertificateSet, sans: &[String], now: OffsetDateTime) -> bool {
    let left = set.not_after.min(set.ca.not_after) - now;
    // Issuing the certificate reports an invalid name.
    let complete = Names::with(sans).is_ok_and(|wanted| set.names.cover(&wanted));
    left < Duration::days(DAYS_LEFT) || set.ca.not_before > now || !complete
}

/// Why a set that is due is not replaced, in words.
fn may_replace(set: &CertificateSet, origin: &Origin<'_>, place: &SetLocation) -> Result<(), Failure> {
    let folder = place.folder();
    let late = |why: &str| {
        Failure::new(format!(
            "the certificate in {} should be renewed (it is valid until {}), but {why}",
            shown(folder),
            super::day(set.not_after)
        ))
    };
    if matches!(place, SetLocation::Named(_)) && !origin.may_overwrite(&set.ca) {
        return Err(late("azup did not make it").hint(renew_command(&folder.join("azup"))));
    }
    if set.key.is_none() || !files::is_writable(folder) {
        return Err(late("it belongs to another user: run this as that user").hint("azup trust"));
    }
    Ok(())
}
