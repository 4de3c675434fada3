//! Which stores a command uses, and where they are.

use std::path::PathBuf;

use super::definition::{Definition, Search};
use super::record::Record;
use super::registry::{self, STORES};
use super::{Candidate, Operation, Outcome};
use crate::files;
use crate::machine::Machine;
use crate::options::{Global, Kind, Scope};
use crate::workspace::Workspace;

#[derive(Clone, Debug)]
pub struct Selection<'a> {
    kinds: Option<&'a [Kind]>,
    bundles: Vec<PathBuf>,
    scope: Scope,
    recorded: bool,
    /// Whether only the recorded stores count.
    only_recorded: bool,
}

impl<'a> Selection<'a> {
    /// The selection that `--stores`, `--bundle` and `--scope` make.
    pub fn of(global: &'a Global, machine: &Machine) -> Self {
        Self {
            kinds: global.stores.as_deref(),
            bundles: global
                .bundles
                .iter()
                .map(|path| machine.absolute(path))
                .collect(),
            scope: global.scope.unwrap_or(Scope::User),
            recorded: false,
            only_recorded: false,
        }
    }

    /// The same, plus every store that has received an azup CA before: each must trust a new one.
    /// `--scope project` still applies.
    pub fn with_recorded(self) -> Self {
        Self {
            recorded: self.scope != Scope::Project,
            ..self
        }
    }

    /// Of these, only the stores that have received an azup CA before: a command that was not asked
    /// to trust anything puts a new CA only where an old one is.
    pub fn only_recorded(self) -> Self {
        Self {
            recorded: true,
            only_recorded: true,
            ..self
        }
    }

    /// The same, with `scope` unless `--scope` was given.
    pub fn or(self, scope: Scope, global: &Global) -> Self {
        Self {
            scope: global.scope.unwrap_or(scope),
            ..self
        }
    }

    /// Bundles have no name for `--stores`: they are wanted if the option was not given.
    fn wants(&self, kind: Kind) -> bool {
        let of_scope = self.scope != Scope::Project || registry::is_of_project(kind);
        self.kinds.map_or(of_scope, |kinds| kinds.contains(&kind))
    }

    /// Whether the user asked for this kind by name: its absence is then a failure.
    fn insists_on(&self, kind: Kind) -> bool {
        kind == Kind::BUNDLE || self.kinds.is_some_and(|kinds| kinds.contains(&kind))
    }

    fn uses(&self, store: &Definition) -> bool {
        store.asked_by.is_empty() || store.asked_by.iter().any(|kind| self.wants(*kind))
    }

    /// Looks for every store of the wanted kinds. If the user asked for a kind by name and it is
    /// missing, that is a failure when adding the CA, but not when removing it.
    pub fn find(&self, machine: &Machine, goal: &Operation<'_>) -> Vec<Candidate> {
        let removing = matches!(goal, Operation::Remove(_));
        let mut found = Vec::new();
        for store in STORES.iter().filter(|store| self.uses(store)) {
            if self.only_recorded && !is_found_anew(store, machine) {
                continue;
            }
            let search = Search {
                machine,
                scope: self.scope,
                bundles: &self.bundles,
                removing,
                named: self.insists_on(store.kind),
                known: &found,
            };
            let more = (store.find)(&search);
            found.extend(more);
        }
        if self.recorded || removing {
            self.find_recorded(&mut found, machine);
        }
        for entry in &mut found {
            if let Candidate::StoreReport(row) = entry
                && row.outcome == Outcome::Absent
                && matches!(goal, Operation::Add(_))
                && self.insists_on(row.kind)
            {
                row.outcome = Outcome::Failed;
            }
        }
        found
    }

    /// Adds recorded stores that are not among those found: an environment of another project, a
    /// database in a home that has moved.
    fn find_recorded(&self, found: &mut Vec<Candidate>, machine: &Machine) {
        // An unreadable record does not prevent removal from the stores that were found.
        let Ok(record) = Record::load(machine) else {
            return;
        };
        // `--scope project` means this project, on removal too: other projects keep theirs.
        let top = (self.scope == Scope::Project).then(|| Workspace::of(machine).top());
        for entry in record.entries() {
            let path = entry.path();
            if top.as_ref().is_some_and(|top| !top.as_ref().is_some_and(|top| path.starts_with(top))) {
                continue;
            }
            let known = found.iter().any(|found| match found {
                Candidate::Store(store) => store.kind().name() == entry.kind && store.path() == path,
                Candidate::StoreReport(_) | Candidate::Searched(_) => false,
            });
            let definition = registry::named(&entry.kind);
            let wanted = definition.filter(|store| self.wants(store.kind));
            if let Some(reopen) = wanted.and_then(|store| store.reopen)
                && !known
                && files::exists(&path)
            {
                found.push(Candidate::Store(reopen(path)));
            }
        }
    }
}

/// Whether the record has a store of a kind that only a search finds.
fn is_found_anew(store: &Definition, machine: &Machine) -> bool {
    let record = || Record::load(machine);
    let has_one = |record: Record| record.entries().iter().any(|entry| entry.is_named(store.kind));
    store.is_selectable() && store.reopen.is_none() && record().is_ok_and(has_one)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::certificates::{TrustAnchor, issue};
    use crate::trust::record::Record;

    /// Only looks, so that no store of this machine is in danger.
    #[test]
    fn a_renewal_that_nobody_asked_for_goes_only_to_recorded_stores() {
        let home = tempfile::tempdir().expect("a folder");
        let machine = Machine::for_test(home.path(), &[]);
        let issued = issue(&[], machine.now()).expect("a set");
        let ca = TrustAnchor::alone_in(issued.ca.as_bytes()).expect("a CA");
        let selection = Selection {
            kinds: None,
            bundles: Vec::new(),
            scope: Scope::User,
            recorded: false,
            only_recorded: false,
        };
        let find = || {
            let only = selection.clone().only_recorded();
            only.find(&machine, &Operation::Add(&ca)).len()
        };
        assert_eq!(find(), 0, "nothing was ever trusted");
        let path = home.path().join("bundle.pem");
        std::fs::write(&path, &issued.ca).expect("written");
        let bundle = crate::trust::bundle::Bundle::named(path);
        Record::add(&[&bundle], &ca, &machine).expect("recorded");
        assert_eq!(find(), 1, "the bundle alone");
    }
}
