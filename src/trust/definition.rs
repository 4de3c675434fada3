//! Whatever azup has to know of a kind of trust store, beside how one is read and changed
//! ([`Store`]). The file of each kind has one.

use std::path::PathBuf;

use super::{Candidate, Store};
use crate::machine::Machine;
use crate::options::{Kind, Scope};

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
    pub find: fn(&Search<'_>) -> Vec<Candidate>,
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
    pub known: &'a [Candidate],
}

impl Definition {
    /// Whether `--stores` has a word for exactly this kind.
    pub fn is_selectable(&self) -> bool {
        self.asked_by == [self.kind]
    }
}
