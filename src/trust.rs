//! Trust stores: one file per kind, all with the same three verbs.
//!
//! A store only reads, and *returns* the changes that would add or remove the CA;
//! [`registry`] lists them, [`selection`] finds those of a command, [`plan`] applies their changes one by one, so that one
//! that fails never stops the others, and [`report`] says what became of them.

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

/// What is said of a change that had no effect.
const UNSEEN: &str = "the change was made, but reading the store again does not show it";

/// Whether a store trusts a CA.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Status {
    /// It does.
    Trusted,
    /// It does not.
    Missing,
}

impl From<bool> for Status {
    fn from(trusts: bool) -> Self {
        if trusts { Self::Trusted } else { Self::Missing }
    }
}

/// A place from which programs take the CAs that they trust.
pub trait Store {
    /// Its kind.
    fn kind(&self) -> Kind;

    /// Where it is.
    fn path(&self) -> &Path;

    /// Whether it trusts `ca`, by reading alone.
    fn status(&self, ca: &TrustAnchor, machine: &Machine) -> Result<Status>;

    /// The changes after which it trusts `ca`; none where it already does.
    fn add(&self, ca: &TrustAnchor, machine: &Machine) -> Result<Vec<Change>>;

    /// The changes after which it trusts nothing that `removal` names.
    fn remove(&self, removal: &RemovalFilter, machine: &Machine) -> Result<Vec<Change>>;

    /// The changes that take away what a failed [`Store::add`] left half done.
    fn clean_up(&self, _ca: &TrustAnchor, _machine: &Machine) -> Vec<Change> {
        Vec::new()
    }

    /// The changes after which a store that cannot be read may be readable again, because
    /// the program that wrote it was killed half-way. They change nothing else.
    fn repair(&self, _machine: &Machine) -> Vec<Change> {
        Vec::new()
    }

    /// Whether what failed with `error` may work in a moment, because another program is
    /// at work in the store.
    fn is_busy(&self, _error: &anyhow::Error) -> bool {
        false
    }

    /// `error` in better words, where the store knows what is behind it.
    fn explain(&self, error: anyhow::Error, _goal: &Operation<'_>) -> anyhow::Error {
        error
    }

    /// What the user has to know or do after a change that was made.
    fn note(&self, _machine: &Machine) -> Option<String> {
        None
    }
}

/// What is to be taken out.
#[derive(Clone, Debug, Default)]
pub struct RemovalFilter {
    /// A CA that is to go whoever made it.
    pub ca: Option<TrustAnchor>,
    /// Whether every CA that azup ever made is to go.
    pub ours: bool,
    /// Those of azup's CAs are to go that are not valid at this moment: they have expired,
    /// or a wrong clock dated them into the future.
    pub expired_by: Option<OffsetDateTime>,
    /// What azup once wrote: each is to go from its own store, whatever the CA is called.
    pub recorded: Vec<record::Entry>,
    /// SHA-256 of further CAs that are to go; a plan fills it in for each store.
    pub digests: Vec<String>,
}

impl RemovalFilter {
    /// The same for `store`, with what the record says of it.
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

    /// Whether the certificate `der` is to go.
    pub fn names(&self, der: &[u8]) -> bool {
        if self.ca.as_ref().is_some_and(|ca| ca.der == der) {
            return true;
        }
        if !self.digests.is_empty() && self.digests.contains(&sha256(der)) {
            return true;
        }
        // A bundle has hundreds of certificates: none is parsed for nothing.
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

/// What was found where a store could be.
pub enum Candidate {
    /// A store.
    Store(Box<dyn Store>),
    /// Why there is none, or none that may be changed.
    StoreReport(StoreReport),
    /// For `-v`: a place that was looked at, and what is there.
    Searched(String),
}

/// The error of a store that is not to be changed, by a rule and not by a failure.
#[derive(Debug)]
pub struct Skip {
    /// The rule, in words.
    pub why: String,
    /// The command after which the programs that read it trust the CA; where there is one,
    /// the user is warned.
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

    /// The store is there and broken.
    pub fn failed(kind: Kind, path: &Path, detail: String, fix: Option<String>) -> Self {
        Self {
            outcome: Outcome::Failed,
            ..Self::absent(kind, path, detail, fix)
        }
    }

    /// The store is there, and left alone on purpose.
    pub fn skipped(kind: Kind, path: &Path, detail: String) -> Self {
        Self {
            outcome: Outcome::Skipped,
            ..Self::absent(kind, path, detail, None)
        }
    }

    /// An ordinary user has no administrator's rights, and the programs of a project have
    /// other stores: one that only an administrator can write is no failure, unless it was
    /// asked for by name.
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

/// Why a file stays as it is to which only the project leads.
const OUTSIDE: &str =
    "is outside of the project, to which only a file or link of the project leads";

/// The command by which a user says that such a file is meant.
fn by_name(path: &Path) -> String {
    let real = path.canonicalize().unwrap_or_else(|_| path.to_owned());
    let words = ["azup", "trust", "--bundle"].map(OsStr::new);
    command_line(words.into_iter().chain([real.as_os_str()]))
}

/// A command for the user to paste that runs azup again for one kind of store.
pub fn again(verb: &str, kind: Kind) -> String {
    command_line(["azup", verb, "--stores", kind.name()])
}
