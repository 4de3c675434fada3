//! How far a CA is trusted, found by reading alone.

use super::{Operation, Outcome, Plan, Selection};
use crate::certificates::TrustAnchor;
use crate::machine::Machine;

/// Which of a user's stores have a CA.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TrustedIn {
    /// How many stores have it.
    pub trusted: usize,
    /// How many exist, can be read, and lack it.
    pub missing: usize,
    /// The kinds of the stores that have it, each once.
    pub kinds: Vec<&'static str>,
}

impl TrustedIn {
    /// Looks into the stores of `selection`.
    pub fn of(ca: &TrustAnchor, selection: &Selection<'_>, machine: &Machine) -> Self {
        let goal = Operation::Add(ca);
        let rows = Plan::new(selection.find(machine, &goal), &goal, machine).rows(&goal);
        let of = |outcome| rows.iter().filter(move |row| row.outcome == outcome);
        let mut kinds: Vec<&'static str> = of(Outcome::Added).map(|row| row.kind.name()).collect();
        kinds.dedup();
        Self {
            trusted: of(Outcome::Trusted).count(),
            missing: of(Outcome::Added).count(),
            kinds,
        }
    }

    /// The corresponding word of `trust --json`.
    pub fn level(&self) -> &'static str {
        match (self.trusted, self.missing) {
            (0, _) => "none",
            (_, 0) => "full",
            _ => "partial",
        }
    }

    /// In words; `None` if there is no store, or none is to be searched.
    pub fn text(&self) -> Option<String> {
        let Self {
            trusted,
            missing,
            kinds,
        } = self;
        match (trusted, missing) {
            (0, 0) => None,
            (0, _) => Some("by no store: azup trust".to_owned()),
            (1, 0) => Some("by the one store that is here".to_owned()),
            (_, 0) => Some(format!("by all {trusted} stores")),
            (_, _) => Some(format!(
                "by {trusted} of {} stores, not by {}",
                trusted + missing,
                kinds.join(", ")
            )),
        }
    }
}
