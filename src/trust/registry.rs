//! The one table of trust stores. `--stores`, the help, the search, the record and doctor all read
//! it: a new kind of store is one file, with its [`Definition`], and one line in [`STORES`].

use super::definition::Definition;
use super::{bundle, dotnet, java, nss, overrides, python, storage_explorer, system};
use crate::options::Kind;

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
