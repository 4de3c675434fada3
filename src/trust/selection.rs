//! Which stores a command is to use, and where they are.

use std::path::PathBuf;

use super::record::Record;
use super::{
    Found, Goal, Outcome, Store, bundle, dotnet, java, nss, overrides, python, storage_explorer, system,
};
use crate::files;
use crate::machine::Machine;
use crate::options::{Global, Kind, Scope};
use crate::workspace::Workspace;

/// Which stores a command is to use.
#[derive(Clone, Debug)]
pub struct Selection<'a> {
    kinds: Option<&'a [Kind]>,
    bundles: Vec<PathBuf>,
    scope: Scope,
    recorded: bool,
    /// Whether those of the record are all.
    only_recorded: bool,
}

impl<'a> Selection<'a> {
    /// What `--stores`, `--bundle` and `--scope` say.
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

    /// The same, and every store to which a CA of azup's has gone before: each must trust
    /// a new one. `--scope project` keeps its word.
    pub fn with_recorded(self) -> Self {
        Self {
            recorded: self.scope != Scope::Project,
            ..self
        }
    }

    /// Of these the stores to which a CA of azup's has gone before, and no other: a command
    /// that was not asked to trust anything brings a new CA only to where an old one is.
    pub fn only_recorded(self) -> Self {
        Self {
            recorded: true,
            only_recorded: true,
            ..self
        }
    }

    /// The same, looking as far as `scope` where `--scope` says nothing.
    pub fn or(self, scope: Scope, global: &Global) -> Self {
        Self {
            scope: global.scope.unwrap_or(scope),
            ..self
        }
    }

    /// Bundles have no name for `--stores`: they are wanted where nothing was said.
    fn wants(&self, kind: Kind) -> bool {
        let of_project = self.scope != Scope::Project || kind == Kind::Certifi;
        self.kinds.map_or(of_project, |kinds| kinds.contains(&kind))
    }

    /// Whether the user asked for this kind by name: its absence is then a failure.
    fn insists_on(&self, kind: Kind) -> bool {
        kind == Kind::Bundle || self.kinds.is_some_and(|kinds| kinds.contains(&kind))
    }

    /// Looks for every store of the wanted kinds. One that the user asked for by name and
    /// that is not there is a failure when the CA is to go in; on the way out it is none.
    pub fn find(&self, machine: &Machine, goal: &Goal<'_>) -> Vec<Found> {
        let mut found = Vec::new();
        if self.only_recorded {
            self.find_recorded(&mut found, machine);
            if self.wants(Kind::System) && was_recorded(Kind::System, machine) {
                found.extend(system::find(machine));
            }
            return found;
        }
        if self.wants(Kind::Certifi) {
            found.extend(python::find(machine, self.scope));
        }
        if matches!(goal, Goal::Remove(_)) {
            // Nor is it said how the CA would get into what was left alone.
            found.retain(|found| match found {
                Found::Store(store) => !python::of_distribution(store.path()),
                Found::Row(row) => row.outcome != Outcome::Skipped,
                Found::Looked(_) => true,
            });
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
        if self.wants(Kind::Certifi) || self.wants(Kind::System) {
            found.extend(overrides::find(machine, &found));
        }
        if self.wants(Kind::Java) {
            found.extend(java::find(machine));
        }
        if self.wants(Kind::Dotnet) {
            found.extend(dotnet::find(machine, self.insists_on(Kind::Dotnet)));
        }
        if self.wants(Kind::StorageExplorer) {
            found.extend(storage_explorer::find(machine));
        }
        if self.recorded || matches!(goal, Goal::Remove(_)) {
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
        // `--scope project` means this project, also on the way out: the neighbours keep theirs.
        let top = (self.scope == Scope::Project).then(|| Workspace::of(machine).top());
        for entry in record.entries() {
            let path = entry.path();
            if top.as_ref().is_some_and(|top| !top.as_ref().is_some_and(|top| path.starts_with(top))) {
                continue;
            }
            let known = found.iter().any(|found| match found {
                Found::Store(store) => store.kind().name() == entry.kind && store.path() == path,
                Found::Row(_) | Found::Looked(_) => false,
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

fn was_recorded(kind: Kind, machine: &Machine) -> bool {
    let record = Record::load(machine);
    record.is_ok_and(|record| record.entries().iter().any(|entry| entry.is_named(kind)))
}

/// The store of a record, without looking for it.
fn reopen(kind: &str, path: PathBuf) -> Option<Box<dyn Store>> {
    Some(match kind {
        "certifi" | "bundle" => Box::new(bundle::Bundle::recorded(kind, path)),
        "nss" => Box::new(nss::Database::at(path)),
        "java" => Box::new(java::recorded(path)),
        "dotnet" => Box::new(dotnet::recorded(path)),
        "storage-explorer" => Box::new(storage_explorer::recorded(path)),
        // The system's store is found again by itself.
        _ => return None,
    })
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
            only.find(&machine, &Goal::Add(&ca)).len()
        };
        assert_eq!(find(), 0, "nothing was ever trusted");
        let path = home.path().join("bundle.pem");
        std::fs::write(&path, &issued.ca).expect("written");
        let bundle = bundle::Bundle::named(path);
        Record::add(&[&bundle], &ca, &machine).expect("recorded");
        assert_eq!(find(), 1, "the bundle alone");
    }
}
