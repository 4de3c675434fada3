//! Trust stores: one file per kind, all with the same three verbs.
//!
//! A store only reads, and *returns* the changes that would add or remove the CA; this
//! module applies them, store by store, so that one that fails never stops the others.

pub mod bundle;
pub mod cert9;
pub mod nss;
pub mod python;
pub mod record;
pub mod report;
mod sqlite;
pub mod system;

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Result;

use crate::certificates::TrustAnchor;
use crate::change::{self, Change};
use crate::cli::{Global, Kind};
use crate::failure::Failure;
use crate::files;
use crate::machine::Machine;
use record::Record;

/// How often a store is read and planned anew when other programs keep changing it.
const ATTEMPTS: u32 = 20;

/// Whether a store trusts a CA.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Status {
    /// It does.
    Trusted,
    /// It does not.
    Missing,
}

/// A place from which programs take the CAs that they trust.
pub trait Store {
    /// Its kind.
    fn kind(&self) -> Kind;

    /// Where it is.
    fn path(&self) -> &Path;

    /// Whether it trusts `ca`, by reading alone.
    ///
    /// # Errors
    /// Where it cannot be read.
    fn status(&self, ca: &TrustAnchor, machine: &Machine) -> Result<Status>;

    /// The changes after which it trusts `ca`; none where it already does.
    ///
    /// # Errors
    /// Where it cannot be read, or is not something that may be changed.
    fn add(&self, ca: &TrustAnchor, machine: &Machine) -> Result<Vec<Change>>;

    /// The changes after which it trusts nothing that `removal` names.
    ///
    /// # Errors
    /// Where it cannot be read.
    fn remove(&self, removal: &Removal, machine: &Machine) -> Result<Vec<Change>>;

    /// The changes that take away what a failed [`Store::add`] left half done.
    fn clean_up(&self, _ca: &TrustAnchor, _machine: &Machine) -> Vec<Change> {
        Vec::new()
    }
}

/// What is to be taken out.
#[derive(Clone, Debug, Default)]
pub struct Removal {
    /// A CA that is to go whoever made it.
    pub ca: Option<TrustAnchor>,
    /// Whether every CA that azup ever made is to go.
    pub ours: bool,
}

impl Removal {
    /// Whether the certificate `der` is to go.
    #[must_use]
    pub fn names(&self, der: &[u8]) -> bool {
        self.ca.as_ref().is_some_and(|ca| ca.der == der)
            || (self.ours
                && TrustAnchor::from_der(der).is_some_and(|certificate| certificate.is_ours()))
    }
}

/// What was found where a store could be.
pub enum Found {
    /// A store.
    Store(Box<dyn Store>),
    /// Why there is none, or none that may be changed.
    Row(Row),
}

/// One line of the report.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// The kind of store.
    pub kind: Kind,
    /// Where it is, or was looked for.
    pub path: PathBuf,
    /// What became of it.
    pub outcome: Outcome,
    /// Why, in words.
    pub detail: Option<String>,
    /// The command that mends it, or that an administrator would run.
    pub fix: Option<String>,
    /// Whether it takes an administrator.
    pub admin: bool,
}

/// What became of a store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It trusted the CA already.
    Trusted,
    /// It trusts the CA now.
    Added,
    /// The CA was taken out.
    Removed,
    /// There is no such store, or (on removal) no CA of azup's in it.
    Absent,
    /// It was left alone on purpose.
    Skipped,
    /// It could not be read or changed.
    Failed,
}

impl Outcome {
    /// The word in the report and in JSON.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Trusted => "trusted",
            Self::Added => "added",
            Self::Removed => "removed",
            Self::Absent => "absent",
            Self::Skipped => "skipped",
            Self::Failed => "failed",
        }
    }
}

impl Row {
    /// There is no such store here.
    #[must_use]
    pub fn absent(kind: Kind, path: &Path, detail: String, fix: Option<String>) -> Self {
        Self {
            kind,
            path: path.to_owned(),
            outcome: Outcome::Absent,
            detail: Some(detail),
            fix,
            admin: false,
        }
    }

    /// The store is there and broken.
    #[must_use]
    pub fn failed(kind: Kind, path: &Path, detail: String, fix: Option<String>) -> Self {
        Self {
            outcome: Outcome::Failed,
            ..Self::absent(kind, path, detail, fix)
        }
    }

    fn of(store: &dyn Store, outcome: Outcome) -> Self {
        Self {
            kind: store.kind(),
            path: store.path().to_owned(),
            outcome,
            detail: None,
            fix: None,
            admin: false,
        }
    }

    fn error(store: &dyn Store, error: &anyhow::Error) -> Self {
        Self {
            detail: Some(format!("{error:#}")),
            fix: Failure::hint_of(error).map(str::to_owned),
            ..Self::of(store, Outcome::Failed)
        }
    }
}

/// Which stores a command is to use.
#[derive(Clone, Debug)]
pub struct Selection<'a> {
    kinds: Option<&'a [Kind]>,
    bundles: Vec<PathBuf>,
}

impl<'a> Selection<'a> {
    /// What `--stores` and `--bundle` say.
    #[must_use]
    pub fn of(global: &'a Global, machine: &Machine) -> Self {
        Self {
            kinds: global.stores.as_deref(),
            bundles: global
                .bundles
                .iter()
                .map(|path| machine.absolute(path))
                .collect(),
        }
    }

    fn wants(&self, kind: Kind) -> bool {
        self.kinds
            .is_none_or(|kinds| kinds.contains(&kind) || kind == Kind::Bundle)
    }

    /// Whether the user asked for this kind by name: its absence is then a failure.
    fn insists_on(&self, kind: Kind) -> bool {
        kind == Kind::Bundle || self.kinds.is_some_and(|kinds| kinds.contains(&kind))
    }

    /// Looks for every store of the wanted kinds. One that the user asked for by name and
    /// that is not there is a failure when the CA is to go in; on the way out it is none.
    #[must_use]
    pub fn find(&self, machine: &Machine, goal: &Goal<'_>) -> Vec<Found> {
        let mut found = Vec::new();
        if self.wants(Kind::Certifi) {
            found.extend(python::find(machine));
        }
        found.extend(
            self.bundles
                .iter()
                .map(|path| Found::Store(Box::new(bundle::Bundle::named(path.clone())) as _)),
        );
        if self.wants(Kind::Nss) {
            found.extend(nss::find(machine));
        }
        if self.wants(Kind::System) {
            found.extend(system::find(machine));
        }
        if let Goal::Remove(_) = goal {
            self.find_recorded(&mut found, machine);
        }
        for entry in &mut found {
            if let Found::Row(row) = entry
                && row.outcome == Outcome::Absent
                && matches!(goal, Goal::Add(_))
                && self.insists_on(row.kind)
            {
                row.outcome = Outcome::Failed;
            }
        }
        found
    }

    /// Adds the stores of the record that are not among those found: an environment of
    /// another project, a database in a home that has moved.
    fn find_recorded(&self, found: &mut Vec<Found>, machine: &Machine) {
        // A record that cannot be read keeps nothing from being removed where it is found.
        let Ok(record) = Record::load(machine) else {
            return;
        };
        for entry in record.entries() {
            let path = entry.path();
            let known = found.iter().any(|found| match found {
                Found::Store(store) => store.kind().name() == entry.kind && store.path() == path,
                Found::Row(_) => false,
            });
            let wanted = Kind::named(&entry.kind).is_some_and(|kind| self.wants(kind));
            if !known
                && wanted
                && files::exists(&path)
                && let Some(store) = reopen(&entry.kind, path)
            {
                found.push(Found::Store(store));
            }
        }
    }
}

/// The store of a record, without looking for it.
fn reopen(kind: &str, path: PathBuf) -> Option<Box<dyn Store>> {
    Some(match kind {
        "certifi" | "bundle" => Box::new(bundle::Bundle::recorded(kind, path)),
        "nss" => Box::new(nss::Database::at(path)),
        // The system's store is found again by itself.
        _ => return None,
    })
}

/// What is to become of every store.
#[derive(Clone, Debug)]
pub enum Goal<'a> {
    /// Trust this CA.
    Add(&'a TrustAnchor),
    /// Take out what this names.
    Remove(&'a Removal),
}

impl Goal<'_> {
    fn plan(&self, store: &dyn Store, machine: &Machine) -> Result<Vec<Change>> {
        match self {
            Self::Add(ca) => store.add(ca, machine),
            Self::Remove(removal) => store.remove(removal, machine),
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

/// What every store would become: the rows that are settled, and the changes that are not.
pub struct Plan {
    entries: Vec<Entry>,
}

enum Entry {
    Settled(Row),
    Open(Box<dyn Store>, Vec<Change>),
}

impl Plan {
    /// Reads every store and plans for it.
    #[must_use]
    pub fn new(found: Vec<Found>, goal: &Goal<'_>, machine: &Machine) -> Self {
        let entries = found
            .into_iter()
            .map(|found| match found {
                Found::Row(row) => Entry::Settled(row),
                Found::Store(store) => match goal.plan(&*store, machine) {
                    Ok(changes) if changes.is_empty() => {
                        Entry::Settled(Row::of(&*store, goal.unchanged()))
                    }
                    Ok(changes) => Entry::Open(store, changes),
                    Err(error) => Entry::Settled(Row::error(&*store, &error)),
                },
            })
            .collect();
        Self { entries }
    }

    /// Whether every store already is as it should be, or cannot be made so.
    #[must_use]
    pub fn is_settled(&self) -> bool {
        self.entries
            .iter()
            .all(|entry| matches!(entry, Entry::Settled(_)))
    }

    /// What a dry run shows.
    #[must_use]
    pub fn preview(&self, machine: &Machine) -> String {
        self.open()
            .flat_map(|(_, changes)| changes)
            .map(|change| change.preview(machine))
            .collect()
    }

    /// The rows as they stand, with what [`Plan::apply`] would do as if it were done.
    #[must_use]
    pub fn rows(&self, goal: &Goal<'_>) -> Vec<Row> {
        self.entries
            .iter()
            .map(|entry| match entry {
                Entry::Settled(row) => row.clone(),
                Entry::Open(store, _) => Row::of(&**store, goal.changed()),
            })
            .collect()
    }

    /// Applies the plan store by store, with a record of it. A store that another program
    /// changed meanwhile is read and planned anew.
    ///
    /// # Errors
    /// Where the record cannot be written; no store was changed then.
    pub fn apply(self, goal: &Goal<'_>, machine: &Machine) -> Result<Vec<Row>> {
        if let Goal::Add(ca) = goal {
            let open: Vec<&dyn Store> = self.open().map(|(store, _)| store).collect();
            Record::add(&open, ca, machine)?;
        }
        let rows: Vec<Row> = self
            .entries
            .into_iter()
            .map(|entry| match entry {
                Entry::Settled(row) => row,
                Entry::Open(store, changes) => settle(&*store, changes, goal, machine),
            })
            .collect();
        if let Goal::Remove(_) = goal {
            let gone: Vec<(Kind, PathBuf)> = rows
                .iter()
                .filter(|row| matches!(row.outcome, Outcome::Removed | Outcome::Absent))
                .map(|row| (row.kind, row.path.clone()))
                .collect();
            Record::forget(&gone, machine)?;
        }
        Ok(rows)
    }

    fn open(&self) -> impl Iterator<Item = (&dyn Store, &[Change])> {
        self.entries.iter().filter_map(|entry| match entry {
            Entry::Settled(_) => None,
            Entry::Open(store, changes) => Some((&**store, changes.as_slice())),
        })
    }
}

fn settle(store: &dyn Store, mut changes: Vec<Change>, goal: &Goal<'_>, machine: &Machine) -> Row {
    for attempt in 1.. {
        let done = change::apply(&changes, machine).and_then(|()| verify(store, goal, machine));
        match done {
            Ok(()) => return Row::of(store, goal.changed()),
            Err(error) if change::is_conflict(&error) && attempt < ATTEMPTS => {
                std::thread::sleep(Duration::from_millis(u64::from(attempt)));
                match goal.plan(store, machine) {
                    Ok(anew) if anew.is_empty() => return Row::of(store, goal.unchanged()),
                    Ok(anew) => changes = anew,
                    Err(error) => return Row::error(store, &error),
                }
            }
            Err(error) => {
                if let Goal::Add(ca) = goal {
                    // What cannot be cleaned up either is named by the first failure.
                    let _ = change::apply(&store.clean_up(ca, machine), machine);
                }
                let row = Row::error(store, &error);
                let by_hand = change::for_administrator(&changes, machine);
                return Row {
                    admin: by_hand.is_some(),
                    fix: row.fix.or(by_hand),
                    ..row
                };
            }
        }
    }
    unreachable!("the last attempt returns")
}

/// A program that says it succeeded is not believed: the store is read again.
fn verify(store: &dyn Store, goal: &Goal<'_>, machine: &Machine) -> Result<()> {
    let done = match goal {
        Goal::Add(ca) => store.status(ca, machine)? == Status::Trusted,
        Goal::Remove(removal) => store.remove(removal, machine)?.is_empty(),
    };
    if done {
        return Ok(());
    }
    Err(Failure::new("the change was made, but reading the store again does not show it").into())
}
