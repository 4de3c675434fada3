//! `azup untrust`: takes every CA that azup made out of every store, or one that is named.
//! It works also when the certificate files are gone: the record of what was written is
//! united with a search of the stores themselves.

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
        // A set that is broken or expired does not keep its CA from being taken out: it
        // is found by its name.
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
            // One that somebody else made says nothing about what azup has to take out.
            ca: set.ok().flatten().map(|set| set.ca),
            ours: true,
            // A record that cannot be read is reported by who has to write it.
            recorded: recorded.unwrap_or_default(),
            ..RemovalFilter::default()
        }
    };
    let goal = Operation::Remove(&removal);
    // What `trust --scope all` put somewhere is to go without being asked for.
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
