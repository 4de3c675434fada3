//! The trust stores, kind by kind: whatever `azup trust` would change there is reported.

use std::path::PathBuf;

use anyhow::Result;

use super::{AutoFix, Check, Context, Finding, Run};
use crate::certificates::day;
use crate::failure::shown;
use crate::options::Scope;
use crate::trust::definition::{Definition, Search};
use crate::trust::record::Record;
use crate::trust::registry::{self, STORES};
use crate::trust::{Candidate, Operation, Outcome, Plan, RemovalFilter, Selection, StoreReport, bundle, python};

/// The faults of the set because of which no store gets its CA.
const NO_CA: &[&str] = &[
    "certificate-origin",
    "certificate-set",
    "certificate-dates",
    "certificate-key",
    "certificate-names",
    "certificate-chain",
];

const EXPIRED: Check = Check {
    id: "store-expired",
    title: "no expired CA of azup's is left in a store",
    explained_by: &["certificate-dates"],
    starts_program: true,
    run: Run::Check(expired),
};

/// One for each kind of store, and one for all.
pub(super) fn checks() -> Vec<Check> {
    let of_store = |store: &&'static Definition| Check {
        id: store.check,
        title: store.title,
        explained_by: NO_CA,
        starts_program: store.read_by_program,
        run: Run::Store(store),
    };
    STORES.iter().map(of_store).chain([EXPIRED]).collect()
}

/// Checks the stores of a kind, as far as `azup trust` searches.
pub(super) fn look(context: &Context, store: &'static Definition) -> Result<Finding> {
    if !is_asked_for(context, store) {
        return Ok(Finding::skip("not among the stores that were asked for"));
    }
    let machine = &context.machine;
    let bundles = context.global.bundles.iter();
    let bundles: Vec<PathBuf> = bundles.map(|path| machine.absolute(path)).collect();
    let find = |store: &Definition, known: &[Candidate]| {
        (store.find)(&Search {
            machine,
            scope: context.global.scope.unwrap_or(Scope::User),
            bundles: &bundles,
            removing: false,
            named: context.global.stores.as_ref().is_some_and(|all| all.contains(&store.kind)),
            known,
        })
    };
    let mut known = Vec::new();
    if !store.is_selectable() {
        // A file that is a bundle in its own right is checked there: one fault, one finding.
        let others = [&python::STORE, &bundle::STORE].into_iter();
        let others = others.filter(|other| is_asked_for(context, other));
        known.extend(others.flat_map(|other| find(other, &[])));
    }
    Ok(judge(context, find(store, &known)))
}

fn is_asked_for(context: &Context, store: &Definition) -> bool {
    let of_project = context.global.scope == Some(Scope::Project);
    let in_scope = |kind| !of_project || registry::is_of_project(kind);
    let mut words = store.asked_by.iter();
    store.asked_by.is_empty() || words.any(|&kind| context.wants(kind) && in_scope(kind))
}

/// What `azup trust` would report about these stores.
fn judge(context: &Context, found: Vec<Candidate>) -> Finding {
    let Some(ca) = context.ca() else {
        return Finding::fail("there is no CA");
    };
    let goal = Operation::Add(ca);
    let plan = Plan::new(found, &goal, &context.machine);
    let rows = plan.rows(&goal);
    let wrong: Vec<(&StoreReport, String)> = rows
        .iter()
        .filter_map(|row| {
            let why = row.detail.clone().unwrap_or_default();
            let why = match row.outcome {
                // It would be added: so it is not there.
                Outcome::Added => "the CA is missing".to_owned(),
                Outcome::Failed => why,
                Outcome::Skipped if row.fix.is_some() => why,
                _ => return None,
            };
            Some((row, format!("{}: {why}", shown(&row.path))))
        })
        .collect();
    let Some((first, _)) = wrong.first() else {
        let trusted: Vec<String> = rows
            .iter()
            .filter(|row| row.outcome == Outcome::Trusted)
            .map(|row| shown(&row.path))
            .collect();
        return if trusted.is_empty() {
            let why = rows.iter().find_map(|row| row.detail.clone());
            Finding::skip(why.unwrap_or_else(|| "there is none".to_owned()))
        } else {
            Finding::ok(trusted.join("\n"))
        };
    };
    let missing = wrong.iter().any(|(row, _)| row.outcome == Outcome::Added);
    let lines: Vec<&str> = wrong.iter().map(|(_, line)| line.as_str()).collect();
    let finding = Finding::fail(lines.join("\n"));
    if missing && let Some(command) = plan.by_administrator(&context.machine) {
        // `azup trust` leaves it alone, too, unless sudo needs no password.
        let what = format!("{}\nonly an administrator can add it", finding.detail);
        return Finding::warn(what).fix(command).mend(AutoFix::Trust).explaining();
    }
    if missing {
        return finding.fix("azup trust").mend(AutoFix::Trust);
    }
    match &first.fix {
        Some(fix) => finding.fix(fix),
        None => finding.fix("azup trust -v"),
    }
}

fn expired(context: &Context) -> Result<Finding> {
    let now = context.machine.now();
    let removal = RemovalFilter {
        expired_by: Some(now),
        ..RemovalFilter::default()
    };
    let goal = Operation::Remove(&removal);
    let selection = Selection::of(&context.global, &context.machine);
    let found = selection.find(&context.machine, &goal);
    let rows = Plan::new(found, &goal, &context.machine).rows(&goal);
    let left: Vec<String> = rows
        .iter()
        .filter(|row| row.outcome == Outcome::Removed)
        .map(|row| {
            format!(
                "{}: has one that expired before {}",
                shown(&row.path),
                day(now)
            )
        })
        .collect();
    if left.is_empty() {
        return Ok(Finding::ok("none"));
    }
    let finding = Finding::warn(left.join("\n")).mend(AutoFix::Prune);
    Ok(if Record::holds_expired(&context.machine) {
        finding.fix("azup trust")
    } else {
        finding.fix("azup doctor --fix store-expired")
    })
}
