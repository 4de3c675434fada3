//! `azup trust`: the CA goes into every store where it is missing. VS Code runs this
//! before every debug session, so with nothing to do it only reads.

use anyhow::Result;
use serde_json::{Value, json};

use crate::certificates::{self, Obtained, Place, TrustAnchor, day, moment};
use crate::change::{self, Change};
use crate::cli::Global;
use crate::failure::{Exit, shown};
use crate::machine::Machine;
use crate::output::{Answer, Output, bad, coloured_diff, fair, good};
use crate::trust::{Goal, Outcome, Plan, Row, Selection, level};

pub(super) fn run(global: &Global, machine: &Machine, output: Output) -> Result<Answer> {
    let place = Place::find(machine, global)?;
    let obtained = certificates::obtain(machine, &place, &[])?;
    put(&obtained, global, machine, output, || {
        certificates::obtain(machine, &place, &[])
    })
}

/// Writes the certificate set where it has to be written, and trusts its CA. `again`
/// obtains the set anew once azup has the machine for itself.
pub(super) fn put(
    obtained: &Obtained,
    global: &Global,
    machine: &Machine,
    output: Output,
    again: impl FnOnce() -> Result<Obtained>,
) -> Result<Answer> {
    let selection = Selection::of(global, machine);
    let goal = Goal::Add(&obtained.set.ca);
    let plan = Plan::new(selection.find(machine, &goal), &goal, machine);
    if global.dry_run {
        let changes = obtained.changes.iter();
        let mut preview: String = changes.map(|change| change.preview(machine)).collect();
        preview.push_str(&plan.preview(machine));
        let rows = plan.rows(&goal);
        return Ok(answer(
            "would be ",
            &preview,
            Some(&obtained.set.ca),
            &rows,
            output,
        ));
    }
    if obtained.changes.is_empty() && plan.is_settled() {
        let rows = plan.rows(&goal);
        return Ok(answer("", "", Some(&obtained.set.ca), &rows, output));
    }
    // Alone on the machine, everything is read once more: what was planned may be done.
    let _alone = change::exclusively(machine)?;
    let obtained = again()?;
    let goal = Goal::Add(&obtained.set.ca);
    // Who meets a new leaf must already trust its CA. A first set is written first, so
    // that a crash in between leaves no CA trusted that nobody can find again.
    let replaces = obtained.changes.iter().any(Change::replaces);
    if !replaces {
        change::apply(&obtained.changes, machine)?;
    }
    let rows = Plan::new(selection.find(machine, &goal), &goal, machine).apply(&goal, machine);
    if replaces {
        change::apply(&obtained.changes, machine)?;
    }
    Ok(answer("", "", Some(&obtained.set.ca), &rows, output))
}

/// The report: a line per store, then how far the CA is trusted.
pub(super) fn answer(
    would: &str,
    preview: &str,
    ca: Option<&TrustAnchor>,
    rows: &[Row],
    output: Output,
) -> Answer {
    let mut text = coloured_diff(preview);
    for row in rows {
        let hidden = matches!(row.outcome, Outcome::Absent) && !output.is_verbose();
        if !hidden {
            text.push_str(&line(would, row));
        }
    }
    // With `--stores none` there is nothing to say about trust.
    if let Some(ca) = ca
        && !rows.is_empty()
    {
        let level = match level(rows) {
            _ if !would.is_empty() => "nothing was changed",
            "full" => "trusted",
            "partial" => "trusted in part",
            _ => "trusted nowhere",
        };
        text.push_str(&format!(
            "{} (valid until {}): {level}\n",
            ca.label,
            day(ca.not_after)
        ));
    }
    for row in rows.iter().filter(|row| row.outcome == Outcome::Failed) {
        let what = row
            .detail
            .as_deref()
            .unwrap_or("it failed without a reason");
        output.error(&format!(
            "{}, {}: {what}",
            row.kind.name(),
            shown(&row.path)
        ));
        if let Some(fix) = &row.fix {
            output.hint(fix);
        }
    }
    Answer {
        text,
        document: document(ca, rows),
        exit: exit(rows),
    }
}

fn line(would: &str, row: &Row) -> String {
    let word = row.outcome.name();
    let word = match row.outcome {
        Outcome::Added | Outcome::Removed => good(&format!("{would}{word}")),
        Outcome::Trusted => good(word),
        Outcome::Absent | Outcome::Skipped => fair(word),
        Outcome::Failed => bad(word),
    };
    let mut text = format!("{:8} {word}  {}", row.kind.name(), shown(&row.path));
    if let (Some(detail), Outcome::Absent | Outcome::Skipped) = (&row.detail, row.outcome) {
        text.push_str(&format!(" ({detail})"));
    }
    text.push('\n');
    text
}

fn document(ca: Option<&TrustAnchor>, rows: &[Row]) -> Value {
    let stores: Vec<Value> = rows
        .iter()
        .map(|row| {
            json!({
                "kind": row.kind.name(),
                "path": row.path.to_string_lossy(),
                "status": row.outcome.name(),
                "detail": row.detail,
                "fix": row.fix,
            })
        })
        .collect();
    let ca = ca.map(|ca| {
        json!({
            "sha256": ca.sha256(),
            "subject": ca.subject,
            "not_after": moment(ca.not_after),
        })
    });
    json!({ "ca": ca, "stores": stores, "level": level(rows) })
}

/// 0 where no store failed, 1 where all did; 3 where some did, or where an administrator
/// can do the rest.
fn exit(rows: &[Row]) -> Exit {
    let count = |outcomes: &[Outcome]| {
        rows.iter()
            .filter(|row| outcomes.contains(&row.outcome))
            .count()
    };
    let done = count(&[Outcome::Trusted, Outcome::Added, Outcome::Removed]);
    let admin = rows.iter().any(|row| row.admin);
    match (count(&[Outcome::Failed]), done) {
        (0, _) => Exit::Done,
        (_, 0) if !admin => Exit::Failed,
        _ => Exit::Partly,
    }
}
