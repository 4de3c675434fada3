//! Trust stores: one file per kind, all with the same three verbs.
//!
//! A store only reads, and *returns* the changes that would add or remove the CA; [`registry`]
//! lists the kinds, [`selection`] finds the stores for a command, [`plan`] applies their changes
//! store by store, so that a failure in one never stops the others, and [`report`] says how each
//! ended.

pub mod bundle;
pub mod definition;
pub mod dotnet;
pub mod java;
pub mod nss;
pub mod overrides;
pub mod plan;
pub mod python;
mod reinstall;
pub mod record;
pub mod registry;
pub mod report;
pub mod selection;
pub mod trusted_in;
pub mod storage_explorer;
pub mod system;

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use anyhow::Result;
use time::OffsetDateTime;

use crate::certificates::{TrustAnchor, may_be_ours, sha256};
use crate::change::Change;
use crate::failure::{Failure, command_line};
use crate::machine::Machine;
use crate::options::Kind;

pub use plan::{Operation, Plan};
pub use selection::Selection;

/// The report's text for a change that had no effect.
const UNSEEN: &str = "the change was made, but reading the store again does not show it";

/// Whether a store trusts a CA.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Status {
    Trusted,
    Missing,
}

impl From<bool> for Status {
    fn from(trusts: bool) -> Self {
        if trusts { Self::Trusted } else { Self::Missing }
    }
}

/// A place from which programs take the CAs that they trust.
pub trait Store {
    fn kind(&self) -> Kind;

    /// Where it is.
    fn path(&self) -> &Path;

    /// Whether it trusts `ca`, determined by reading alone.
    fn status(&self, ca: &TrustAnchor, machine: &Machine) -> Result<Status>;

    /// The changes after which it trusts `ca`; empty if it already does.
    fn add(&self, ca: &TrustAnchor, machine: &Machine) -> Result<Vec<Change>>;

    /// The changes after which it trusts nothing that `removal` names.
    fn remove(&self, removal: &RemovalFilter, machine: &Machine) -> Result<Vec<Change>>;

    /// The changes that remove what a failed [`Store::add`] left half done.
    fn clean_up(&self, _ca: &TrustAnchor, _machine: &Machine) -> Vec<Change> {
        Vec::new()
    }

    /// The changes after which an unreadable store may be readable again, if the program writing it
    /// was killed half-way. They change nothing else.
    fn repair(&self, _machine: &Machine) -> Vec<Change> {
        Vec::new()
    }

    /// Whether an operation that failed with `error` may succeed in a moment, because another
    /// program is working on the store.
    fn is_busy(&self, _error: &anyhow::Error) -> bool {
        false
    }

    /// `error` in better words, if the store knows the cause.
    fn explain(&self, error: anyhow::Error, _goal: &Operation<'_>) -> anyhow::Error {
        error
    }

    /// What the user has to know or do after a change.
    fn note(&self, _machine: &Machine) -> Option<String> {
        None
    }
}

/// What to remove.
#[derive(Clone, Debug, Default)]
pub struct RemovalFilter {
    /// A CA to remove, whoever made it.
    pub ca: Option<TrustAnchor>,
    /// Whether to remove every CA that azup ever made.
    pub ours: bool,
    /// Removes azup's CAs that are not valid at this moment: they have expired, or a wrong clock
    /// dated them into the future.
    pub expired_by: Option<OffsetDateTime>,
    /// What azup once wrote: each is removed from its own store, whatever the CA's name.
    pub recorded: Vec<record::Entry>,
    /// SHA-256 of further CAs to remove; a plan fills it in for each store.
    pub digests: Vec<String>,
}

impl RemovalFilter {
    /// The same for `store`, with what the record says about it.
    fn of(&self, store: &dyn Store) -> Self {
        let its = self
            .recorded
            .iter()
            .filter(|entry| entry.is_of(store.kind(), store.path()));
        Self {
            digests: its.map(|entry| entry.sha256.clone()).collect(),
            ..self.clone()
        }
    }

    /// Whether to remove the certificate `der`.
    pub fn names(&self, der: &[u8]) -> bool {
        if self.ca.as_ref().is_some_and(|ca| ca.der == der) {
            return true;
        }
        if !self.digests.is_empty() && self.digests.contains(&sha256(der)) {
            return true;
        }
        // A bundle has hundreds of certificates: parse none without need.
        (self.ours || self.expired_by.is_some())
            && may_be_ours(der)
            && TrustAnchor::from_der(der).is_some_and(|ca| {
                let expired = self
                    .expired_by
                    .is_some_and(|now| ca.not_after < now || ca.not_before > now);
                ca.is_ours() && (self.ours || expired)
            })
    }
}

/// The result of looking where a store could be.
pub enum Candidate {
    /// A store.
    Store(Box<dyn Store>),
    /// Why there is none, or none that may be changed.
    StoreReport(StoreReport),
    /// For `-v`: a place that was searched, and what is there.
    Searched(String),
}

/// The error of a store that a rule, not a failure, keeps from being changed.
#[derive(Debug)]
pub struct Skip {
    /// The rule, in words.
    pub why: String,
    /// The command after which the programs that read the store trust the CA; if there is one, the
    /// user is warned.
    pub fix: Option<String>,
}

impl std::fmt::Display for Skip {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.why)
    }
}

impl std::error::Error for Skip {}

/// One line of the report.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoreReport {
    /// The kind of store.
    pub kind: Kind,
    /// Where it is, or was looked for.
    pub path: PathBuf,
    /// What was done to it.
    pub outcome: Outcome,
    /// Why, in words.
    pub detail: Option<String>,
    /// The command that fixes it, or that an administrator would run.
    pub fix: Option<String>,
    /// Whether it takes an administrator.
    pub admin: bool,
}

/// What was done to a store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It trusted the CA already.
    Trusted,
    /// It trusts the CA now.
    Added,
    /// The CA was removed.
    Removed,
    /// There is no such store, or (on removal) no azup CA in it.
    Absent,
    /// It was left alone on purpose.
    Skipped,
    /// It could not be read or changed.
    Failed,
}

impl Outcome {
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

impl StoreReport {
    /// There is no such store here.
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

    /// The store exists but is broken.
    pub fn failed(kind: Kind, path: &Path, detail: String, fix: Option<String>) -> Self {
        Self {
            outcome: Outcome::Failed,
            ..Self::absent(kind, path, detail, fix)
        }
    }

    /// The store exists, and is left alone on purpose.
    pub fn skipped(kind: Kind, path: &Path, detail: String) -> Self {
        Self {
            outcome: Outcome::Skipped,
            ..Self::absent(kind, path, detail, None)
        }
    }

    /// Ordinary users are not administrators, and a project's programs have other stores: a store
    /// that only an administrator can write is not a failure, unless it was asked for by name.
    pub fn leave_to_administrator(&mut self, named: &[Kind]) {
        if self.outcome == Outcome::Failed && self.admin && !named.contains(&self.kind) {
            let command = self.fix.as_deref().unwrap_or_default();
            self.outcome = Outcome::Skipped;
            self.detail = Some(format!("it needs an administrator: {command}"));
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
        if let Some(left) = error.downcast_ref::<Skip>() {
            return Self {
                detail: Some(left.why.clone()),
                fix: left.fix.clone(),
                ..Self::of(store, Outcome::Skipped)
            };
        }
        Self {
            detail: Some(format!("{error:#}")),
            fix: Failure::hint_of(error).map(str::to_owned),
            ..Self::of(store, Outcome::Failed)
        }
    }
}

/// Why a file that only the project leads to is not changed.
const OUTSIDE: &str =
    "is outside of the project, to which only a file or link of the project leads";

/// The command with which a user confirms such a file.
fn by_name(path: &Path) -> String {
    let real = path.canonicalize().unwrap_or_else(|_| path.to_owned());
    let words = ["azup", "trust", "--bundle"].map(OsStr::new);
    command_line(words.into_iter().chain([real.as_os_str()]))
}

/// A command for the user to paste that runs azup again for one kind of store.
pub fn again(verb: &str, kind: Kind) -> String {
    command_line(["azup", verb, "--stores", kind.name()])
}
