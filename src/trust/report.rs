//! The result for every store, as a table, as JSON and as an exit code.

use serde_json::{Value, json};

use super::{Outcome, StoreReport};
use crate::certificates::{TrustAnchor, day, moment};
use crate::failure::{Exit, in_one_line, shown};
use crate::output::{Answer, Output, bad, coloured_diff, fair, good};

/// The rows of one command, and their subject.
#[derive(Debug)]
pub struct Report<'a> {
    /// The CA that was to be trusted; `None` if CAs were removed.
    pub ca: Option<&'a TrustAnchor>,
    /// What was, or would be, done to each store.
    pub rows: Vec<StoreReport>,
    /// The changes that a dry run shows; `None` if they were made.
    pub preview: Option<String>,
}

impl Report<'_> {
    /// Prints failures to standard error, and returns the answer for standard output.
    pub fn answer(&self, output: Output) -> Answer {
        for row in &self.rows {
            complain(row, output);
        }
        let line = self.line();
        let fails = self.rows.iter().any(|row| row.outcome == Outcome::Failed);
        Answer {
            text: self.table() + &line,
            // With -q the last words are what failed, and the fix.
            brief: (!fails).then_some(line),
            // Built only on request: a thousand rows as JSON are megabytes.
            document: if output.is_json() {
                self.document(output)
            } else {
                Value::Null
            },
            exit: self.exit(),
        }
    }

    fn table(&self) -> String {
        let mut text = coloured_diff(self.preview.as_deref().unwrap_or_default());
        let width = |of: fn(&StoreReport) -> &'static str| {
            let widths = self.rows.iter().map(|row| of(row).len());
            widths.max().unwrap_or_default()
        };
        // At least as wide as the most common one, so that answers look alike.
        let kinds = width(|row| row.kind.name()).max("certifi".len());
        let words = width(|row| row.outcome.name());
        let would = if self.preview.is_some() {
            "would be "
        } else {
            ""
        };
        for row in &self.rows {
            let word = format!("{:words$}", row.outcome.name());
            let word = match row.outcome {
                Outcome::Added | Outcome::Removed => good(&format!("{would}{word}")),
                Outcome::Trusted => good(&word),
                Outcome::Absent | Outcome::Skipped => fair(&word),
                Outcome::Failed => bad(&word),
            };
            text += &format!("{:kinds$}  {word}  {}", row.kind.name(), shown(&row.path));
            if let (Some(detail), false) = (&row.detail, is_complaint(row)) {
                text += &format!(" ({})", in_one_line(detail));
            }
            text.push('\n');
        }
        text
    }

    /// One line for all stores: the whole answer with `-q`.
    fn line(&self) -> String {
        let Some(ca) = self.ca else {
            if self.preview.is_some() {
                return "nothing was changed\n".to_owned();
            }
            let failed = self.count(&[Outcome::Failed]);
            let removed = match self.count(&[Outcome::Removed]) {
                0 if failed == 0 => "no store has a CA to remove".to_owned(),
                0 => "removed from no store".to_owned(),
                1 => "removed from 1 store".to_owned(),
                count => format!("removed from {count} stores"),
            };
            return match failed {
                0 => format!("{removed}\n"),
                count => format!("{removed}; {count} could not be changed\n"),
            };
        };
        // With `--stores none` there is nothing to say about trust.
        if self.rows.is_empty() {
            return String::new();
        }
        let level = match self.level() {
            _ if self.preview.is_some() => "nothing was changed",
            "full" => "trusted",
            "partial" => "trusted in part",
            _ => "trusted nowhere",
        };
        format!(
            "{} (valid until {}): {level}\n",
            in_one_line(&ca.label),
            day(ca.not_after)
        )
    }

    fn document(&self, output: Output) -> Value {
        let stores: Vec<Value> = self
            .rows
            .iter()
            .map(|row| {
                json!({
                    "kind": row.kind.name(),
                    "path": row.path.to_string_lossy(),
                    "status": row.outcome.name(),
                    "detail": row.detail,
                    "fix": row.fix.as_deref().map(|fix| output.advice(fix)),
                })
            })
            .collect();
        let ca = self.ca.map(|ca| {
            json!({
                "sha256": ca.sha256(),
                "subject": ca.subject,
                "not_after": moment(ca.not_after),
            })
        });
        json!({ "ca": ca, "stores": stores, "level": self.level() })
    }

    /// How far the CA is trusted: in all existing stores, in some, or in none.
    fn level(&self) -> &'static str {
        let trusted = self.count(&[Outcome::Trusted, Outcome::Added]);
        match (trusted, self.count(&[Outcome::Failed])) {
            (0, _) => "none",
            (_, 0) => "full",
            _ => "partial",
        }
    }

    /// 0 if no store failed, 1 if all did; 3 if some did, or if an administrator can do the rest.
    fn exit(&self) -> Exit {
        let done = self.count(&[Outcome::Trusted, Outcome::Added, Outcome::Removed]);
        let admin = self.rows.iter().any(|row| row.admin);
        match (self.count(&[Outcome::Failed]), done) {
            (0, _) => Exit::Done,
            (_, 0) if !admin => Exit::Failed,
            _ => Exit::Partly,
        }
    }

    fn count(&self, outcomes: &[Outcome]) -> usize {
        self.rows
            .iter()
            .filter(|row| outcomes.contains(&row.outcome))
            .count()
    }
}

/// Whether a row goes to standard error: a failure, or a store that was left alone although it can
/// be fixed.
fn is_complaint(row: &StoreReport) -> bool {
    match row.outcome {
        Outcome::Failed => true,
        // What takes an administrator is in the table, and is no reason to warn before every debug
        // session.
        Outcome::Skipped => row.fix.is_some() && !row.admin,
        _ => false,
    }
}

fn complain(row: &StoreReport, output: Output) {
    if !is_complaint(row) {
        return;
    }
    let why = row.detail.as_deref().unwrap_or("no reason was given");
    let text = format!("{}, {}: {why}", row.kind.name(), shown(&row.path));
    if row.outcome != Outcome::Failed {
        output.warning(&text);
        row.fix.iter().for_each(|fix| output.hint(fix));
        return;
    }
    output.error(&text);
    row.fix.iter().for_each(|fix| output.remedy(fix));
}
