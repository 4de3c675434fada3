//! `azup doctor`: every link of the chain as a check of its own, and for each fault the
//! one command that mends it.
//!
//! ```text
//! CHECKS ─▶ runner (all at once) ─▶ explained (one fault, one finding) ─▶ report
//! ```
//!
//! A family of checks is one file with a table. A check only reads, and says what it saw as
//! a [`Finding`]. One fault makes many checks fail: a check names those whose failure
//! explains its own, and is then skipped.

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

/// One check.
#[derive(Clone, Copy, Debug)]
pub struct Check {
    /// Its name on the command line and in JSON. Never changed once it is published.
    pub id: &'static str,
    /// What is as it should be where the check passes, for people.
    pub title: &'static str,
    /// The checks whose failure explains that this one fails too.
    pub explained_by: &'static [&'static str],
    /// Whether it runs a program. So many of these run at a time as there are processors,
    /// or each would take its time from the others.
    pub starts_program: bool,
    /// Looks. An error is a failure of what was looked at, with its hint as the fix.
    pub run: Run,
}

/// How a check looks.
#[derive(Clone, Copy, Debug)]
pub enum Run {
    /// By a function of its own.
    Check(fn(&Context) -> Result<Finding>),
    /// As every store of this kind is looked at.
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
    /// It is as it should be.
    Ok,
    /// It works, or may not be meant; but look at it.
    Warn,
    /// It does not work.
    Fail,
    /// There is nothing to check, or another check's failure says all.
    Skip,
}

impl Status {
    /// The word in the report and in JSON.
    pub fn name(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Warn => "warn",
            Self::Fail => "fail",
            Self::Skip => "skip",
        }
    }
}

/// What `azup doctor --fix` may do by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum AutoFix {
    /// A new certificate set: `azup renew`.
    Renew,
    /// The CA into every store: `azup trust`.
    Trust,
    /// CAs of azup's that have expired out of every store.
    Prune,
}

/// What a check saw.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// How it ended.
    pub status: Status,
    /// What was seen, and where.
    pub detail: String,
    /// What is so instead of the check's title.
    pub title: Option<&'static str>,
    /// The one command that mends it.
    pub fix: Option<String>,
    /// What mends it without asking.
    pub mend: Option<AutoFix>,
    /// Another check whose failure explains this one, as it turned out while looking.
    pub explained_by: Option<&'static str>,
    /// Whether it explains what others see, as every failure does.
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

    /// Says what is so, where the contrary of the check's title would not be clear.
    pub fn titled(self, title: &'static str) -> Self {
        Self {
            title: Some(title),
            ..self
        }
    }

    /// Adds the command that mends it.
    pub fn fix(self, command: impl Into<String>) -> Self {
        Self {
            fix: crate::os::hint(command.into()),
            ..self
        }
    }

    /// Says what to do where no command can do it.
    pub fn by_hand(self, what: &str) -> Self {
        Self {
            detail: format!("{}\n{what}", self.detail),
            fix: None,
            ..self
        }
    }

    /// Adds what mends it without asking.
    pub fn mend(self, mend: AutoFix) -> Self {
        Self {
            mend: Some(mend),
            ..self
        }
    }

    /// Says that this explains what others see, although it is no failure.
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

    /// The failure of something that could not be looked at, or is broken.
    pub fn of_error(error: &anyhow::Error) -> Self {
        let this = Self::fail(format!("{error:#}"));
        match Failure::hint_of(error) {
            Some(hint) => this.fix(hint),
            None => this,
        }
    }

    /// Whether it asks for attention.
    pub fn is_wrong(&self) -> bool {
        matches!(self.status, Status::Warn | Status::Fail)
    }
}

/// Every check, in the order in which they are printed: what explains comes before what it
/// explains.
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

/// The checks with these ids, or all where none is named; in the order of [`checks`].
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

/// One fault, one finding: what another check's failure explains is skipped.
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
