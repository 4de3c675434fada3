//! The set for a command to use: found in its place, copied from the machine set, or made.

use std::path::Path;

use anyhow::Result;
use time::OffsetDateTime;

use super::origin::{self, Origin};
use super::{
    CertificateSet, FILES, IssuedList, SetLocation, TrustAnchor, ignored, issue, kept, machine_folder,
    renew_command, renewal,
};
use crate::change::{self, Change};
use crate::failure::{Exit, Failure, shown};
use crate::files::{self, Content};
use crate::machine::Machine;
use crate::options::Global;

/// A set to use, and what must be written first.
#[derive(Debug)]
pub struct CertificatePlan {
    pub set: CertificateSet,
    /// The changes that put it in its place; empty if it is already there. If it replaces another
    /// set, they only stage it.
    pub changes: Vec<Change>,
    /// The changes that move a staged set into its place, once its CA is trusted.
    pub after: Vec<Change>,
    /// Whether it is new.
    pub issued: bool,
    /// Why it was not renewed although it was due.
    pub late: Option<anyhow::Error>,
    /// Staged files that azup did not make, which are left alone.
    pub ignored: Option<Failure>,
}

impl CertificatePlan {
    pub(super) fn unchanged(set: CertificateSet) -> Self {
        Self {
            set,
            changes: Vec::new(),
            after: Vec::new(),
            issued: false,
            late: None,
            ignored: None,
        }
    }

    /// Refers to the CA in the machine's own file instead of the project's, for programs that are
    /// given its path: a process in the dev container may replace the project's file at any moment.
    pub(super) fn away_from_project(mut self, machine: &Machine, place: &SetLocation) -> Result<Self> {
        let own = machine_folder(machine)?.join(FILES[0]);
        let planned = self.changes.iter().chain(&self.after).rev();
        let planned = planned.into_iter().find_map(|change| match change {
            Change::Write {
                path,
                content: Content::File { bytes, .. },
                ..
            } if *path == own => Some(bytes.clone()),
            _ => None,
        });
        let there = planned.or_else(|| files::read_if_there(&own).ok().flatten());
        origin::lead_away(&mut self.set.ca, there.as_deref(), machine, place)?;
        Ok(self)
    }
}

/// Refuses what [`obtain`] would refuse, for callers that create something first.
pub fn require_accepted(machine: &Machine, global: &Global) -> Result<()> {
    match look(machine, &SetLocation::find(machine, global)?, &[]) {
        Err(error) if Failure::exit_of(&error) == Exit::Refused => Err(error),
        _ => Ok(()),
    }
}

/// The set of `place`: the existing one, else the machine set, else a new one.
pub fn obtain(machine: &Machine, place: &SetLocation, sans: &[String]) -> Result<CertificatePlan> {
    let looked = look(machine, place, sans).or_else(|error| {
        // A partial set may be one that another azup is writing at this moment.
        change::wait_for_others(machine)?;
        look(machine, place, sans).map_err(|_| error)
    });
    looked?.away_from_project(machine, place)
}

fn look(machine: &Machine, place: &SetLocation, sans: &[String]) -> Result<CertificatePlan> {
    let now = machine.now();
    let origin = Origin::of(machine, place)?;
    match place {
        SetLocation::Named(folder) => match CertificateSet::load_unchecked(folder, now)? {
            Some(set) => {
                origin.require(&set.ca)?;
                Ok(CertificatePlan::unchanged(set))
            }
            None => Err(Failure::new(format!(
                "no certificate set in {}: ca.pem, cert.pem and key.pem are missing",
                shown(folder)
            ))
            .hint(renew_command(folder))
            .into()),
        },
        SetLocation::Machine(folder) => {
            let there = load_whole(folder, now)?;
            match there.filter(|set| !origin.is_of_older_azup(&set.ca)) {
                Some(set) => {
                    origin.require(&set.ca)?;
                    Ok(CertificatePlan::unchanged(set))
                }
                None => first(machine, folder, sans),
            }
        }
        SetLocation::Project(folder) => {
            if let Some(set) = load_whole(folder, now)? {
                origin.require(&set.ca)?;
                return Ok(CertificatePlan::unchanged(set));
            }
            let machines = SetLocation::Machine(machine_folder(machine)?);
            let mut obtained = match look(machine, &machines, sans) {
                // No client can be using it any more: a new one replaces it.
                Err(_) if renewal::out_of_date(machines.folder(), now).is_some() => {
                    first(machine, machines.folder(), sans)?
                }
                obtained => obtained?,
            };
            obtained.changes.extend(ignored(folder)?);
            obtained.changes.extend(obtained.set.write(folder, 0o755)?);
            obtained.set.folder.clone_from(folder);
            obtained.ignored = renewal::strangers(&origin, folder, now);
            Ok(obtained)
        }
    }
}

/// A new set for the machine's folder, whatever is there.
fn first(machine: &Machine, folder: &Path, sans: &[String]) -> Result<CertificatePlan> {
    let set = CertificateSet::from_issued(folder, &issue(sans, machine.now())?, machine.now())?;
    let mut changes = IssuedList::load(machine)?.with_issued(&set, machine)?;
    let place = SetLocation::Machine(folder.to_owned());
    changes.extend(kept::kept(&Origin::of(machine, &place)?, &place)?);
    changes.extend(set.write(folder, 0o700)?);
    Ok(CertificatePlan {
        changes,
        issued: true,
        ..CertificatePlan::unchanged(set)
    })
}

/// The set in `folder`; `None` also if azup was killed while writing its first one.
fn load_whole(folder: &Path, now: OffsetDateTime) -> Result<Option<CertificateSet>> {
    match CertificateSet::load_unchecked(folder, now) {
        Err(_) if is_half_written(folder) => Ok(None),
        loaded => loaded,
    }
}

/// Whether azup was killed while writing its first set in `folder`. The leaf is written last, so
/// this set has never been used.
fn is_half_written(folder: &Path) -> bool {
    let ca = files::read_if_there(&folder.join(FILES[0])).ok().flatten();
    !files::exists(&folder.join(FILES[2]))
        && ca
            .and_then(|bytes| TrustAnchor::alone_in(&bytes))
            .is_some_and(|ca| ca.is_ours())
}
