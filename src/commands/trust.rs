//! `azup trust`: the CA goes into every store where it is missing. VS Code runs this
//! before every debug session, so with nothing to do it only reads.

use anyhow::Result;

use crate::certificates::{self, Obtained, Place, TrustAnchor};
use crate::change::{self, Change};
use crate::cli::{Global, Trust};
use crate::files;
use crate::machine::Machine;
use crate::output::{Answer, Output};
use crate::trust::report::Report;
use crate::trust::{Goal, Plan, Selection};

pub(super) fn run(
    trust: &Trust,
    global: &Global,
    machine: &Machine,
    output: Output,
) -> Result<Answer> {
    if let Some(file) = &trust.ca {
        let file = machine.absolute(file);
        return put(global, machine, output, || {
            let ca = TrustAnchor::foreign(&files::read(&file)?, &file, machine.now())?;
            let changes = Vec::new();
            Ok(Wanted { ca, changes })
        });
    }
    let place = Place::find(machine, global)?;
    put(global, machine, output, || {
        certificates::obtain(machine, &place, &[]).map(Wanted::from)
    })
}

/// A CA to trust, and what has to be written with it.
pub(super) struct Wanted {
    ca: TrustAnchor,
    changes: Vec<Change>,
}

impl From<Obtained> for Wanted {
    fn from(obtained: Obtained) -> Self {
        Self {
            ca: obtained.set.ca,
            changes: obtained.changes,
        }
    }
}

/// Trusts a CA and writes its certificate set. `wanted` is asked once more when azup has
/// the machine for itself, since another azup may have been at work.
pub(super) fn put(
    global: &Global,
    machine: &Machine,
    output: Output,
    wanted: impl Fn() -> Result<Wanted>,
) -> Result<Answer> {
    let selection = Selection::of(global, machine);
    let Wanted { ca, changes } = wanted()?;
    let goal = Goal::Add(&ca);
    let plan = Plan::new(selection.find(machine, &goal), &goal, machine);
    plan.looked().iter().for_each(|line| output.detail(line));
    if global.dry_run || (changes.is_empty() && plan.is_settled()) {
        let preview = global.dry_run.then(|| {
            let written = changes.iter().map(|change| change.preview(machine));
            written.collect::<String>() + &plan.preview(machine)
        });
        let rows = plan.rows(&goal);
        let ca = Some(&ca);
        return Ok(Report { ca, rows, preview }.answer(output));
    }
    let _alone = change::exclusively(machine)?;
    let Wanted { ca, changes } = wanted()?;
    let goal = Goal::Add(&ca);
    // Who meets a new leaf must already trust its CA. A first set is written first, so
    // that a crash in between leaves no CA trusted that nobody can find again.
    let replaces = changes.iter().any(Change::replaces);
    if !replaces {
        change::apply(&changes, machine)?;
    }
    let rows = Plan::new(selection.find(machine, &goal), &goal, machine).apply(&goal, machine)?;
    if replaces {
        change::apply(&changes, machine)?;
    }
    let (ca, preview) = (Some(&ca), None);
    Ok(Report { ca, rows, preview }.answer(output))
}
