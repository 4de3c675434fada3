//! Everything azup must know about a kind of trust store, apart from how one is read and changed
//! ([`Store`]). The file of each kind defines one.

use std::path::PathBuf;

use super::{Candidate, Store};
use crate::machine::Machine;
use crate::options::{Kind, Scope};

/// A kind of trust store.
#[derive(Debug)]
pub struct Definition {
    /// Its name in the report, in JSON and in the record.
    pub kind: Kind,
    /// The words of `--stores` that select it; empty: it needs no selecting.
    pub asked_by: &'static [Kind],
    /// Whether it belongs to one project, not to the user: `--scope project` uses it.
    pub of_project: bool,
    /// The name of doctor's check.
    pub check: &'static str,
    /// What is true when that check passes, for people.
    pub title: &'static str,
    /// Whether a program may have to be started to read one.
    pub read_by_program: bool,
    /// Looks for each, or says in a row why there is none.
    pub find: fn(&Search<'_>) -> Vec<Candidate>,
    /// Opens a store whose path the record has; `None`: the search finds it wherever it is.
    pub reopen: Option<fn(PathBuf) -> Box<dyn Store>>,
}

/// The inputs of a search for stores.
pub struct Search<'a> {
    pub machine: &'a Machine,
    /// How far to look.
    pub scope: Scope,
    /// The files of `--bundle`.
    pub bundles: &'a [PathBuf],
    /// Whether CAs are to be removed: the report then has no hints for adding one.
    pub removing: bool,
    /// Whether this kind was asked for by name: a store that azup can create is then created.
    pub named: bool,
    /// What was found so far.
    pub known: &'a [Candidate],
}

impl Definition {
    /// Whether `--stores` has a word for exactly this kind.
    pub fn is_selectable(&self) -> bool {
        self.asked_by == [self.kind]
    }
}
