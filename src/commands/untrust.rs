//! `azup untrust`: takes every CA that azup made out of every store. It works also when
//! the certificate files are gone, because the stores themselves are searched.

use anyhow::Result;

use super::trust::answer;
use crate::certificates::{CertificateSet, Place};
use crate::change;
use crate::cli::Global;
use crate::machine::Machine;
use crate::output::{Answer, Output};
use crate::trust::{Goal, Plan, Removal, Selection};

pub(super) fn run(global: &Global, machine: &Machine, output: Output) -> Result<Answer> {
    let place = Place::find(machine, global)?;
    // A set that is broken or expired does not keep its CA from being taken out: it is
    // found by its name.
    let set = CertificateSet::load(place.folder(), machine.now())
        .ok()
        .flatten();
    let removal = Removal {
        ca: set.map(|set| set.ca),
    };
    let goal = Goal::Remove(&removal);
    let selection = Selection::of(global, machine);
    let plan = Plan::new(selection.find(machine, &goal), &goal, machine);
    if global.dry_run {
        let preview = plan.preview(machine);
        return Ok(answer(
            "would be ",
            &preview,
            None,
            &plan.rows(&goal),
            output,
        ));
    }
    if plan.is_settled() {
        return Ok(answer("", "", None, &plan.rows(&goal), output));
    }
    let _alone = change::exclusively(machine)?;
    let rows = Plan::new(selection.find(machine, &goal), &goal, machine).apply(&goal, machine);
    Ok(answer("", "", None, &rows, output))
}
