//! The one table of trust stores: whatever azup has to know of a kind of store stands in one
//! [`Definition`], and `--stores`, the help, the search, the record and doctor all read it.
//!
//! A new kind of store is one file that implements [`Store`] and ends with its definition, and
//! one line in [`STORES`].

use std::path::PathBuf;

use super::{Found, Store, bundle, dotnet, java, nss, overrides, python, storage_explorer, system};
use crate::machine::Machine;
use crate::options::{Kind, Scope};

#[cfg(test)]
mod example;

/// Every kind of store, in the order in which they are searched and reported.
pub static STORES: &[&Definition] = &[
    &python::STORE,
    &bundle::STORE,
    &nss::STORE,
    &system::STORE,
    &overrides::STORE,
    &java::STORE,
    &dotnet::STORE,
    &storage_explorer::STORE,
    #[cfg(test)]
    &example::STORE,
];

/// A kind of trust store.
#[derive(Debug)]
pub struct Definition {
    /// Its name in the report, in JSON and in the record.
    pub kind: Kind,
    /// The words of `--stores` that ask for it; with none it needs no asking.
    pub asked_by: &'static [Kind],
    /// Whether it belongs to one project, and not to the user: `--scope project` uses it.
    pub of_project: bool,
    /// The name of doctor's check.
    pub check: &'static str,
    /// What is as it should be where that check passes, for people.
    pub title: &'static str,
    /// Whether a program may have to be started to read one.
    pub read_by_program: bool,
    /// Looks for each, or says in a row why there is none.
    pub find: fn(&Search<'_>) -> Vec<Found>,
    /// One of which the record has the path; `None`: the search finds it wherever it is.
    pub reopen: Option<fn(PathBuf) -> Box<dyn Store>>,
}

/// What a search for stores goes by.
pub struct Search<'a> {
    /// The machine.
    pub machine: &'a Machine,
    /// How far to look.
    pub scope: Scope,
    /// The files of `--bundle`.
    pub bundles: &'a [PathBuf],
    /// Whether CAs are to be taken out: it is then not said how one would get in.
    pub removing: bool,
    /// Whether this kind was asked for by its name: one that azup can make is then made.
    pub named: bool,
    /// What was found so far.
    pub known: &'a [Found],
}

impl Definition {
    /// Whether `--stores` has a word for exactly this kind.
    pub fn is_selectable(&self) -> bool {
        self.asked_by == [self.kind]
    }
}

/// The kinds that `--stores` takes.
pub fn selectable() -> impl Iterator<Item = Kind> {
    let stores = STORES.iter().filter(|store| store.is_selectable());
    stores.map(|store| store.kind)
}

/// The definition of a kind by its name in the record.
pub fn named(name: &str) -> Option<&'static Definition> {
    STORES.iter().copied().find(|store| store.kind.name() == name)
}

/// Whether stores of this kind belong to one project.
pub fn is_of_project(kind: Kind) -> bool {
    named(kind.name()).is_some_and(|store| store.of_project)
}
