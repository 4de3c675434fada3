//! `azup doctor`: checks every link of the chain; with `--fix` it fixes what is safe to fix
//! unasked, and checks again.

use std::sync::Arc;

use anyhow::Result;

use crate::change;
use crate::cli::{Doctor, Renew, Trust};
use crate::doctor::{self, AutoFix, Context, Report};
use crate::machine::Machine;
use crate::options::Global;
use crate::output::{Answer, Output};
use crate::trust::{Operation, Plan, RemovalFilter, Selection};

pub(super) fn run(
    doctor: &Doctor,
    global: &Global,
    machine: &Machine,
    output: Output,
) -> Result<Answer> {
    if doctor.list {
        return Ok(doctor::list());
    }
    let checks = doctor::chosen(&doctor.ids)?;
    let look = || -> Result<_> {
        let context = Arc::new(Context::new(&doctor.options(), global, machine)?);
        Ok(doctor::explained(doctor::run(&checks, &context)))
    };
    let mut results = look()?;
    let mut fixed = None;
    if doctor.fix {
        let wrong = results.iter().filter(|(_, finding)| finding.is_wrong());
        let mut mends: Vec<AutoFix> = wrong.filter_map(|(_, finding)| finding.mend).collect();
        mends.sort_unstable();
        mends.dedup();
        // A renewal also trusts.
        if mends.contains(&AutoFix::Renew) {
            mends.retain(|mend| *mend != AutoFix::Trust);
        }
        let mut done = Vec::new();
        for mend in mends {
            done.push(apply(mend, global, machine, output)?);
        }
        if !done.is_empty() && !global.dry_run {
            results = look()?;
        }
        fixed = Some(done);
    }
    let named = !doctor.ids.is_empty();
    let report = Report {
        results,
        fixed,
        named,
    };
    Ok(report.answer(output))
}

/// Applies the fix, reports it, and returns the command that would have done the same.
fn apply(mend: AutoFix, global: &Global, machine: &Machine, output: Output) -> Result<String> {
    let (command, answer) = match mend {
        AutoFix::Renew => {
            let renew = Renew::default();
            let answer = super::renew::run(&renew, global, machine, output)?;
            ("azup renew", answer.text)
        }
        AutoFix::Trust => {
            let answer = super::trust::run(&Trust::default(), global, machine, output)?;
            ("azup trust", answer.text)
        }
        AutoFix::Prune => ("azup doctor --fix store-expired", prune(global, machine)?),
    };
    let command = output.advice(command);
    output.progress(&format!("{command}\n{}", answer.trim_end()));
    Ok(command)
}

/// Removes azup's expired CAs from every store, even those that no record knows.
fn prune(global: &Global, machine: &Machine) -> Result<String> {
    let removal = RemovalFilter {
        expired_by: Some(machine.now()),
        ..RemovalFilter::default()
    };
    let goal = Operation::Remove(&removal);
    let plan = || {
        let found = Selection::of(global, machine).find(machine, &goal);
        Plan::new(found, &goal, machine)
    };
    if global.dry_run {
        return Ok(plan().preview(machine));
    }
    let _alone = change::exclusively(machine)?;
    plan().apply(&goal, machine)?;
    Ok("expired CAs were removed".to_owned())
}
