//! `azup untrust`: removes every CA that azup made, or a named one, from every store. It works even
//! when the certificate files are gone: it combines the record of what was written with a search of
//! the stores themselves.

use anyhow::Result;

use crate::certificates::{self, IssuedList, SetLocation, TrustAnchor};
use crate::change;
use crate::cli::Untrust;
use crate::files;
use crate::machine::Machine;
use crate::options::{Global, Scope};
use crate::output::{Answer, Output};
use crate::trust::record::Record;
use crate::trust::report::Report;
use crate::trust::{Operation, Plan, RemovalFilter, Selection};

pub(super) fn run(
    untrust: &Untrust,
    global: &Global,
    machine: &Machine,
    output: Output,
) -> Result<Answer> {
    let removal = if let Some(file) = &untrust.ca {
        let file = machine.absolute(file);
        RemovalFilter {
            ca: Some(TrustAnchor::any(&files::read(&file)?, &file)?),
            ..RemovalFilter::default()
        }
    } else {
        // A broken or expired set does not prevent the removal of its CA, which is found by its
        // name.
        let place = SetLocation::find(machine, global)?;
        let set = certificates::accepted(machine, &place, machine.now());
        // What the user vouched for with `trust --ca` stays until it is named.
        let list = IssuedList::load(machine)?;
        let recorded = Record::load(machine).map(|record| {
            let entries = record.entries().iter();
            let theirs = entries.filter(|entry| !list.vouched(&entry.sha256));
            theirs.cloned().collect()
        });
        RemovalFilter {
            // A foreign CA says nothing about what azup has to remove.
            ca: set.ok().flatten().map(|set| set.ca),
            ours: true,
            // The code that writes the record reports one that cannot be read.
            recorded: recorded.unwrap_or_default(),
            ..RemovalFilter::default()
        }
    };
    let goal = Operation::Remove(&removal);
    // What `trust --scope all` added is also removed without that option.
    let selection = Selection::of(global, machine).or(Scope::All, global);
    let plan = Plan::new(selection.find(machine, &goal), &goal, machine);
    plan.looked().iter().for_each(|line| output.detail(line));
    let (rows, preview) = if global.dry_run {
        (plan.rows(&goal), Some(plan.preview(machine)))
    } else if plan.is_settled() {
        (plan.rows(&goal), None)
    } else {
        let _alone = change::exclusively(machine)?;
        let plan = Plan::new(selection.find(machine, &goal), &goal, machine);
        (plan.apply(&goal, machine)?, None)
    };
    let ca = None;
    Ok(Report { ca, rows, preview }.answer(output))
}
