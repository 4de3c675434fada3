//! What the checks found, as lines, as JSON and as an exit code.

use serde_json::{Value, json};

use super::{Check, Finding, Status, checks};
use crate::failure::Exit;
use crate::output::{Answer, Output, bad, fair, good};

/// The findings of one run, in order.
#[derive(Debug)]
pub struct Report {
    /// Each check with what it found.
    pub results: Vec<(Check, Finding)>,
    /// The commands that `--fix` ran; `None` without `--fix`.
    pub fixed: Option<Vec<String>>,
    /// Whether the user named the checks.
    pub named: bool,
}

impl Report {
    /// The answer: one line that names what is fine, and a line for each check that found something
    /// wrong, with its detail and fix. Checks of things that this machine does not have are only
    /// counted. Each check has its own line with `-v`, or if it was requested by name.
    pub fn answer(&self, output: Output) -> Answer {
        let width = self.results.iter().map(|(check, _)| check.id.len());
        let width = width.max().unwrap_or_default();
        let mut text = String::new();
        let mut wrong = String::new();
        let mut hidden = "";
        let mut fine: Vec<&str> = Vec::new();
        let lists_all = self.named || output.is_verbose();
        for (check, finding) in &self.results {
            let word = format!("{:4}", finding.status.name());
            let word = match finding.status {
                Status::Ok => good(&word),
                Status::Warn => fair(&word),
                Status::Fail => bad(&word),
                Status::Skip => word,
            };
            let see = finding.see.map(|id| format!(" (see {id})"));
            let see = see.unwrap_or_default();
            let title = finding.title.unwrap_or(check.title);
            let mut lines = format!("{word}  {:width$}  {title}{see}\n", check.id);
            if finding.is_wrong() || output.is_verbose() {
                for line in finding.detail.lines() {
                    lines += &format!("      {line}\n");
                }
            }
            if let Some(fix) = &finding.fix
                && finding.is_wrong()
            {
                lines += &format!("      fix: {}\n", output.advice(fix));
            }
            if finding.is_wrong() {
                wrong += &lines;
            }
            let is_idle = finding.status == Status::Skip && finding.see.is_none();
            if lists_all || finding.status != Status::Ok && !is_idle {
                text += &lines;
                continue;
            }
            hidden = " (azup doctor -v lists them)";
            let area = self.area(check.id);
            if !is_idle && !fine.contains(&area) {
                fine.push(area);
            }
        }
        if !fine.is_empty() {
            text.insert_str(0, &format!("{}  {}\n", good("ok  "), fine.join(", ")));
        }
        let line = self.line();
        Answer {
            text: format!("{text}{line}{hidden}\n"),
            brief: Some(format!("{wrong}{line}\n")),
            document: self.document(output),
            exit: if self.is_ok() {
                Exit::Done
            } else {
                Exit::Failed
            },
        }
    }

    /// The first word of an id, if other checks share it.
    fn area(&self, id: &'static str) -> &'static str {
        let first = |id: &'static str| id.split_once('-').map_or(id, |(first, _)| first);
        let same = self.results.iter().filter(|(check, _)| first(check.id) == first(id));
        if same.count() > 1 { first(id) } else { id }
    }

    fn is_ok(&self) -> bool {
        self.count(Status::Fail) == 0
    }

    fn count(&self, status: Status) -> usize {
        let results = self.results.iter();
        results
            .filter(|(_, finding)| finding.status == status)
            .count()
    }

    fn line(&self) -> String {
        let counts = [
            (Status::Ok, "ok"),
            (Status::Warn, "to look at"),
            (Status::Fail, "failed"),
            (Status::Skip, "skipped"),
        ]
        .map(|(status, word)| (self.count(status), word));
        let words: Vec<String> = counts
            .iter()
            .filter(|(count, _)| *count > 0)
            .map(|(count, word)| format!("{count} {word}"))
            .collect();
        words.join(", ")
    }

    fn document(&self, output: Output) -> Value {
        let checks: Vec<Value> = self
            .results
            .iter()
            .map(|(check, finding)| {
                json!({
                    "id": check.id,
                    "status": finding.status.name(),
                    "title": finding.title.unwrap_or(check.title),
                    "detail": finding.detail,
                    "fix": finding.fix.as_deref().map(|fix| output.advice(fix)),
                })
            })
            .collect();
        let mut document = json!({ "ok": self.is_ok(), "checks": checks });
        if let Some(fixed) = &self.fixed {
            document["fixed"] = json!(fixed);
        }
        document
    }
}

/// The answer of `azup doctor --list`.
pub fn list() -> Answer {
    let checks = checks();
    let width = checks.iter().map(|check| check.id.len()).max();
    let width = width.unwrap_or_default();
    let lines = checks
        .iter()
        .map(|check| format!("{:width$}  {}\n", check.id, check.title));
    let text: String = lines.collect();
    let entries: Vec<Value> = checks
        .iter()
        .map(|check| json!({ "id": check.id, "title": check.title }))
        .collect();
    Answer {
        brief: Some(text.clone()),
        text,
        document: json!({ "checks": entries }),
        exit: Exit::Done,
    }
}
