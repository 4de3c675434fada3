//! `azup doctor`: a separate check for every link of the chain, and for each fault the one command
//! that fixes it.
//!
//! ```text
//! CHECKS ─▶ runner (all at once) ─▶ explained (one fault, one finding) ─▶ report
//! ```
//!
//! A family of checks is one file with a table. A check only reads, and returns what it saw as a
//! [`Finding`]. One fault makes many checks fail, so a check names those whose failure explains its
//! own, and is skipped when one of them fails.

#![allow(
    clippy::unnecessary_wraps,
    reason = "all checks have one signature, also those in which nothing can fail"
)]

mod ask;
mod azurite;
mod certificates;
mod clients;
mod containers;
mod context;
mod credential;
mod dotnet;
mod editor;
mod interpreter;
mod keys;
mod limits;
mod python;
mod report;
mod runner;
mod sdks;
mod server;
mod settings;
mod stores;

use anyhow::Result;

use crate::failure::{Exit, Failure, command_line};
use crate::trust::definition::Definition;

pub use context::Context;
pub use report::{Report, list};
pub use runner::run;

#[derive(Clone, Copy, Debug)]
pub struct Check {
    /// Its name on the command line and in JSON. Never changed after its release.
    pub id: &'static str,
    /// What is true if the check passes, for people.
    pub title: &'static str,
    /// The checks whose failure explains a failure of this one.
    pub explained_by: &'static [&'static str],
    /// Whether it runs a program. At most as many of these run at a time as there are processors;
    /// more would slow each other down.
    pub starts_program: bool,
    /// Performs the check. An error is a failure of the thing checked, with the error's hint as the
    /// fix.
    pub run: Run,
}

/// How a check is performed.
#[derive(Clone, Copy, Debug)]
pub enum Run {
    /// By its own function.
    Check(fn(&Context) -> Result<Finding>),
    /// As for every store of this kind.
    Store(&'static Definition),
}

impl Run {
    fn look(self, context: &Context) -> Result<Finding> {
        match self {
            Self::Check(look) => look(context),
            Self::Store(definition) => stores::look(context, definition),
        }
    }
}

/// How a check ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// All is well.
    Ok,
    /// It works, or may be intended, but deserves a look.
    Warn,
    /// It does not work.
    Fail,
    /// There is nothing to check, or another check's failure explains it.
    Skip,
}

impl Status {
    pub fn name(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Warn => "warn",
            Self::Fail => "fail",
            Self::Skip => "skip",
        }
    }
}

/// What `azup doctor --fix` may do without asking.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum AutoFix {
    /// A new certificate set: `azup renew`.
    Renew,
    /// Add the CA to every store: `azup trust`.
    Trust,
    /// Remove azup's expired CAs from every store.
    Prune,
}

/// What a check saw.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// How it ended.
    pub status: Status,
    /// What was seen, and where.
    pub detail: String,
    /// A title to show instead of the check's.
    pub title: Option<&'static str>,
    /// The one command that fixes it.
    pub fix: Option<String>,
    /// What fixes it without asking.
    pub mend: Option<AutoFix>,
    /// Another check whose failure explains this one, as found during the check.
    pub explained_by: Option<&'static str>,
    /// Whether it explains the findings of other checks, as every failure does.
    explains: bool,
    /// The check whose failure has explained this one.
    pub see: Option<&'static str>,
}

impl Finding {
    fn new(status: Status, detail: impl Into<String>) -> Self {
        Self {
            status,
            detail: detail.into(),
            title: None,
            fix: None,
            mend: None,
            explained_by: None,
            explains: status == Status::Fail,
            see: None,
        }
    }

    /// All is well.
    pub fn ok(detail: impl Into<String>) -> Self {
        Self::new(Status::Ok, detail)
    }

    /// There is nothing to check, and why.
    pub fn skip(detail: impl Into<String>) -> Self {
        Self::new(Status::Skip, detail)
    }

    /// Worth knowing.
    pub fn warn(detail: impl Into<String>) -> Self {
        Self::new(Status::Warn, detail)
    }

    /// A fault.
    pub fn fail(detail: impl Into<String>) -> Self {
        Self::new(Status::Fail, detail)
    }

    /// Sets a title, for when the opposite of the check's title would be unclear.
    pub fn titled(self, title: &'static str) -> Self {
        Self {
            title: Some(title),
            ..self
        }
    }

    /// Adds the command that fixes it.
    pub fn fix(self, command: impl Into<String>) -> Self {
        Self {
            fix: crate::os::hint(command.into()),
            ..self
        }
    }

    /// Says what to do if no command can do it.
    pub fn by_hand(self, what: &str) -> Self {
        Self {
            detail: format!("{}\n{what}", self.detail),
            fix: None,
            ..self
        }
    }

    /// Adds what fixes it without asking.
    pub fn mend(self, mend: AutoFix) -> Self {
        Self {
            mend: Some(mend),
            ..self
        }
    }

    /// Marks this as explaining the findings of other checks, although it is not a failure.
    pub fn explaining(self) -> Self {
        Self {
            explains: true,
            ..self
        }
    }

    /// Names another check whose failure explains this one.
    pub fn explained_by(self, id: &'static str) -> Self {
        Self {
            explained_by: Some(id),
            ..self
        }
    }

    /// The failure for something that is broken or could not be checked.
    pub fn of_error(error: &anyhow::Error) -> Self {
        let this = Self::fail(format!("{error:#}"));
        match Failure::hint_of(error) {
            Some(hint) => this.fix(hint),
            None => this,
        }
    }

    /// Whether it needs attention.
    pub fn is_wrong(&self) -> bool {
        matches!(self.status, Status::Warn | Status::Fail)
    }
}

/// Every check, in printing order: causes come before what they explain.
pub fn checks() -> Vec<Check> {
    [
        settings::CLOCK,
        certificates::CHECKS,
        keys::CHECKS,
        &stores::checks(),
        settings::CHECKS,
        clients::CHECKS,
        dotnet::CHECKS,
        azurite::CHECKS,
        sdks::CHECKS,
        limits::CHECKS,
        credential::CHECKS,
        containers::CHECKS,
        editor::CHECKS,
    ]
    .concat()
}

/// The checks with these ids, or all if none is named; in the order of [`checks`].
pub fn chosen(ids: &[String]) -> Result<Vec<Check>> {
    let all = checks();
    if let Some(unknown) = ids
        .iter()
        .find(|id| !all.iter().any(|check| check.id == **id))
    {
        let what = format!("there is no check {}", command_line([unknown]));
        return Err(Failure::new(what)
            .hint("azup doctor --list")
            .exit(Exit::Usage)
            .into());
    }
    Ok(all
        .into_iter()
        .filter(|check| ids.is_empty() || ids.iter().any(|id| id == check.id))
        .collect())
}

/// One fault, one finding: skips what another check's failure explains.
pub fn explained(results: Vec<(Check, Finding)>) -> Vec<(Check, Finding)> {
    let failed: Vec<&'static str> = results
        .iter()
        .filter(|(_, finding)| finding.explains)
        .map(|(check, _)| check.id)
        .collect();
    results
        .into_iter()
        .map(|(check, finding)| {
            let causes = check.explained_by.iter().copied();
            let mut causes = causes.chain(finding.explained_by);
            match causes.find(|id| failed.contains(id)) {
                Some(cause) if finding.is_wrong() => {
                    let skip = Finding::skip(format!("see {cause}: {}", finding.detail));
                    let see = Some(cause);
                    (check, Finding { see, ..skip })
                }
                _ => (check, finding),
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn causes_are_checks_that_come_first() {
        let all = checks();
        for (at, check) in all.iter().enumerate() {
            let before: Vec<&str> = all[..at].iter().map(|check| check.id).collect();
            for cause in check.explained_by {
                assert!(before.contains(cause), "{} names {cause}", check.id);
            }
            assert!(!before.contains(&check.id), "{} is there twice", check.id);
            let plain = |c: char| c.is_ascii_lowercase() || c == '-';
            assert!(check.id.chars().all(plain), "{}", check.id);
        }
    }

    #[test]
    fn only_a_failure_explains_and_only_what_is_wrong() {
        let check = |id, explained_by| Check {
            id,
            title: "",
            explained_by,
            starts_program: false,
            run: Run::Check(|_| Ok(Finding::ok(""))),
        };
        let statuses = |first: Finding, second: Finding| {
            let results = vec![(check("a", &[]), first), (check("b", &["a"]), second)];
            let done = explained(results);
            done[1].1.status
        };
        assert_eq!(statuses(Finding::fail(""), Finding::fail("")), Status::Skip);
        assert_eq!(statuses(Finding::fail(""), Finding::warn("")), Status::Skip);
        assert_eq!(statuses(Finding::warn(""), Finding::fail("")), Status::Fail);
        assert_eq!(statuses(Finding::fail(""), Finding::ok("")), Status::Ok);
        assert_eq!(statuses(Finding::ok(""), Finding::fail("")), Status::Fail);
        let other = |id| {
            let results = vec![
                (check("c", &[]), Finding::fail("")),
                (check("d", &[]), Finding::fail("").explained_by(id)),
            ];
            explained(results)[1].1.see
        };
        assert_eq!(other("c"), Some("c"));
        assert_eq!(other("a"), None);
    }
}
