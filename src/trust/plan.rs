//! What every store is to become, and the way there: store by store, each read again after its
//! change, with a record of what was written.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::Result;

use super::record::Record;
use super::{Candidate, Outcome, RemovalFilter, Skip, Status, Store, StoreReport, UNSEEN};
use crate::certificates::TrustAnchor;
use crate::change::{self, Change};
use crate::failure::Failure;
use crate::machine::Machine;
use crate::options::Kind;

/// How often to read and plan a store again while other programs keep changing it.
const ATTEMPTS: u32 = 20;

/// How often to try a store that another program keeps locked. certutil waits about two seconds for
/// a lock each time.
const BUSY_ATTEMPTS: u32 = 4;

/// What to do to every store.
#[derive(Clone, Debug)]
pub enum Operation<'a> {
    /// Trust this CA.
    Add(&'a TrustAnchor),
    /// Remove what this names.
    Remove(&'a RemovalFilter),
}

impl Operation<'_> {
    fn plan(&self, store: &dyn Store, machine: &Machine) -> Result<Vec<Change>> {
        match self {
            Self::Add(ca) => store.add(ca, machine),
            Self::Remove(removal) => store.remove(&removal.of(store), machine),
        }
    }

    fn unchanged(&self) -> Outcome {
        match self {
            Self::Add(_) => Outcome::Trusted,
            Self::Remove(_) => Outcome::Absent,
        }
    }

    fn changed(&self) -> Outcome {
        match self {
            Self::Add(_) => Outcome::Added,
            Self::Remove(_) => Outcome::Removed,
        }
    }
}

/// What would happen to every store: the rows that are settled, and the changes that are not.
pub struct Plan {
    entries: Vec<Entry>,
    looked: Vec<String>,
}

enum Entry {
    Settled(StoreReport),
    /// A rule skips it; changes to the other stores may make it unnecessary.
    Skip(Box<dyn Store>, StoreReport),
    Open(Box<dyn Store>, Vec<Change>),
    /// It cannot be read until these changes are made.
    Broken(Box<dyn Store>, Vec<Change>),
}

impl Plan {
    /// Reads every store and plans for it.
    pub fn new(found: Vec<Candidate>, goal: &Operation<'_>, machine: &Machine) -> Self {
        let mut entries = Vec::new();
        let mut looked = Vec::new();
        for found in found {
            entries.push(match found {
                Candidate::Searched(line) => {
                    looked.push(line);
                    continue;
                }
                Candidate::StoreReport(row) => Entry::Settled(row),
                Candidate::Store(store) => match goal.plan(&*store, machine) {
                    Ok(changes) if changes.is_empty() => {
                        Entry::Settled(StoreReport::of(&*store, goal.unchanged()))
                    }
                    Ok(changes) => Entry::Open(store, changes),
                    Err(error) if error.is::<Skip>() => {
                        let row = StoreReport::error(&*store, &error);
                        Entry::Skip(store, row)
                    }
                    Err(error) => match store.repair(machine) {
                        repair if repair.is_empty() => Entry::Settled(StoreReport::error(&*store, &error)),
                        repair => Entry::Broken(store, repair),
                    },
                },
            });
        }
        Self { entries, looked }
    }

    /// The places that were searched, one per line.
    pub fn looked(&self) -> &[String] {
        &self.looked
    }

    /// Whether every store already is as it should be, or cannot be.
    pub fn is_settled(&self) -> bool {
        self.open().next().is_none()
    }

    /// What a dry run shows.
    pub fn preview(&self, machine: &Machine) -> String {
        self.open()
            .flat_map(|(_, changes)| changes)
            .map(|change| change.preview(machine))
            .collect()
    }

    /// The rows as they are, treating what [`Plan::apply`] would do as done.
    pub fn rows(&self, goal: &Operation<'_>) -> Vec<StoreReport> {
        self.entries
            .iter()
            .map(|entry| match entry {
                Entry::Settled(row) | Entry::Skip(_, row) => row.clone(),
                Entry::Open(store, _) | Entry::Broken(store, _) => {
                    StoreReport::of(&**store, goal.changed())
                }
            })
            .collect()
    }

    /// The commands for an administrator, if only an administrator can do the rest.
    pub fn by_administrator(&self, machine: &Machine) -> Option<String> {
        let mut open = self.open().map(|(_, changes)| change::for_administrator(changes, machine));
        let first = open.next().filter(|_| !machine.is_root())??;
        open.try_fold(first, |all, each| Some(format!("{all} && {}", each?)))
    }

    /// Applies the plan store by store, recording it. A store that another program changed
    /// meanwhile is read and planned again.
    pub fn apply(self, goal: &Operation<'_>, machine: &Machine) -> Result<Vec<StoreReport>> {
        if let Operation::Add(ca) = goal {
            let open: Vec<&dyn Store> = self.open().map(|(store, _)| store).collect();
            Record::add(&open, ca, machine)?;
        }
        let mut left_alone = Vec::new();
        let mut rows = Vec::new();
        for entry in self.entries {
            rows.push(match entry {
                Entry::Settled(row) => row,
                Entry::Open(store, changes) => settle(&*store, changes, goal, machine),
                Entry::Broken(store, repair) => {
                    let planned =
                        change::apply(&repair, machine).and_then(|()| goal.plan(&*store, machine));
                    match planned {
                        Ok(changes) if changes.is_empty() => StoreReport::of(&*store, goal.unchanged()),
                        Ok(changes) => settle(&*store, changes, goal, machine),
                        Err(error) => StoreReport::error(&*store, &store.explain(error, goal)),
                    }
                }
                Entry::Skip(store, row) => {
                    left_alone.push((rows.len(), store));
                    row
                }
            });
        }
        // The changes to the other stores may have made this one unnecessary.
        for (at, store) in left_alone {
            rows[at] = match goal.plan(&*store, machine) {
                Ok(changes) if changes.is_empty() => StoreReport::of(&*store, goal.unchanged()),
                Ok(_) => continue,
                Err(error) => StoreReport::error(&*store, &error),
            };
        }
        if let Operation::Remove(removal) = goal {
            let gone: Vec<(Kind, PathBuf)> = rows
                .iter()
                .filter(|row| matches!(row.outcome, Outcome::Removed | Outcome::Absent))
                .map(|row| (row.kind, row.path.clone()))
                .collect();
            Record::forget(&gone, removal, machine)?;
        }
        Ok(rows)
    }

    fn open(&self) -> impl Iterator<Item = (&dyn Store, &[Change])> {
        self.entries.iter().filter_map(|entry| match entry {
            Entry::Settled(_) | Entry::Skip(..) => None,
            Entry::Open(store, changes) | Entry::Broken(store, changes) => {
                Some((&**store, changes.as_slice()))
            }
        })
    }
}

fn settle(store: &dyn Store, mut changes: Vec<Change>, goal: &Operation<'_>, machine: &Machine) -> StoreReport {
    for attempt in 1.. {
        let done = change::apply(&changes, machine).and_then(|()| verify(store, goal, machine));
        let Err(error) = done else {
            return StoreReport {
                detail: store.note(machine),
                ..StoreReport::of(store, goal.changed())
            };
        };
        if let Some(pause) = pause(store, &error, attempt) {
            std::thread::sleep(pause);
            match goal.plan(store, machine) {
                Ok(anew) if anew.is_empty() => return StoreReport::of(store, goal.unchanged()),
                Ok(anew) => changes = anew,
                Err(error) => return StoreReport::error(store, &error),
            }
            continue;
        }
        if let Operation::Add(ca) = goal {
            // If the cleanup fails too, the first failure is the one to report.
            let _ = change::apply(&store.clean_up(ca, machine), machine);
        }
        let row = StoreReport::error(store, &store.explain(error, goal));
        // Not for root, who has just tried.
        let by_hand = (!machine.is_root())
            .then(|| change::for_administrator(&changes, machine))
            .flatten();
        return StoreReport {
            admin: by_hand.is_some(),
            fix: row.fix.or(by_hand),
            ..row
        };
    }
    unreachable!("the last attempt returns")
}

/// How long to wait before the next attempt; `None` if another would not help.
fn pause(store: &dyn Store, error: &anyhow::Error, attempt: u32) -> Option<Duration> {
    if change::is_conflict(error) {
        return (attempt < ATTEMPTS).then(|| Duration::from_millis(attempt.into()));
    }
    (attempt < BUSY_ATTEMPTS && store.is_busy(error)).then(|| Duration::from_millis(100 << attempt))
}

/// Does not trust a program's success: reads the store again.
fn verify(store: &dyn Store, goal: &Operation<'_>, machine: &Machine) -> Result<()> {
    let done = match goal {
        Operation::Add(ca) => store.status(ca, machine)? == Status::Trusted,
        Operation::Remove(_) => goal.plan(store, machine)?.is_empty(),
    };
    if done {
        return Ok(());
    }
    Err(Failure::new(UNSEEN).into())
}
