//! `azup trust`: adds the CA to every store that lacks it. VS Code runs this before every debug
//! session, so with nothing to do it only reads.

use std::path::Path;

use anyhow::{Error, Result};

use crate::certificates::{self, CertificatePlan, IssuedList, SetLocation, TrustAnchor, day};
use crate::change::{self, Change};
use crate::cli::Trust;
use crate::failure::Failure;
use crate::files;
use crate::machine::Machine;
use crate::options::Global;
use crate::output::{Answer, Output};
use crate::project::dotenv;
use crate::trust::record::Record;
use crate::trust::report::Report;
use crate::trust::{Candidate, Operation, Outcome, Plan, RemovalFilter, Selection, StoreReport};

pub(super) fn run(
    trust: &Trust,
    global: &Global,
    machine: &Machine,
    output: Output,
) -> Result<Answer> {
    if let Some(file) = &trust.ca {
        let file = machine.absolute(file);
        return put(global, trust.strict, machine, output, || {
            let ca = TrustAnchor::named(&files::read(&file)?, &file, machine.now())?;
            // From now on a certificate set with this CA also counts in a project.
            let listed = IssuedList::load(machine)?.with_vouched(ca.sha256(), machine)?;
            Ok(CaToTrust {
                before: listed,
                ..CaToTrust::from(ca)
            })
        });
    }
    let place = SetLocation::find(machine, global)?;
    let answer = put(global, trust.strict, machine, output, || {
        certificates::obtain_or_renew(machine, &place, &[]).map(CaToTrust::from)
    })?;
    let variables = || {
        let folder = place.project();
        folder.map_or(Ok(None), |folder| keep_variables(folder, global, machine))
    };
    let endpoint = || {
        if global.dry_run {
            return Ok(None);
        }
        let pid = super::identity::revive(machine)?;
        Ok(pid.map(|pid| format!("restarted the token endpoint: kill {pid} stops it\n")))
    };
    // Problems with these are no reason to stop a debugging session.
    let beside = [told(variables(), output), told(endpoint(), output)];
    Ok(Answer {
        text: answer.text + &beside.concat(),
        ..answer
    })
}

/// What was done; a problem is only a warning.
fn told(done: Result<Option<String>>, output: Output) -> String {
    done.unwrap_or_else(|error| {
        output.warning(&format!("{error:#}"));
        if let Some(hint) = Failure::hint_of(&error) {
            output.hint(hint);
        }
        None
    })
    .unwrap_or_default()
}

/// What F5 on this machine needs besides trust.
fn keep_variables(folder: &Path, global: &Global, machine: &Machine) -> Result<Option<String>> {
    let wanted = dotenv::wanted(folder, machine)?;
    if wanted.changes.is_empty() {
        return Ok(None);
    }
    if global.dry_run {
        return Ok(Some(format!("would have {}", dotenv::told(&wanted, folder))));
    }
    let _alone = change::exclusively(machine)?;
    let wanted = dotenv::wanted(folder, machine)?;
    change::apply(&wanted.changes, machine)?;
    Ok(Some(dotenv::told(&wanted, folder)))
}

/// Renews a set that is due, for a command that serves it and was not asked to trust anything: the
/// new CA goes only to stores that have had an azup CA. A set that lacks one of `sans` is due, too.
pub(super) fn renew_if_due(
    sans: &[String],
    global: &Global,
    machine: &Machine,
    output: Output,
) -> Result<()> {
    let place = SetLocation::find(machine, global)?;
    let wanted = || {
        let obtained = certificates::obtain_or_renew(machine, &place, sans)?;
        Ok(CaToTrust {
            only_recorded: true,
            ..CaToTrust::from(obtained)
        })
    };
    match wanted() {
        Ok(found) if found.renews() => put(global, false, machine, output, wanted).map(|_| ()),
        // Without these names it would not do what was requested.
        Ok(CaToTrust { late: Some(why), .. }) | Err(why) if !sans.is_empty() => Err(why),
        // The code that reads a set reports its problems.
        _ => Ok(()),
    }
}

/// A CA to trust, and what has to be written with it.
pub(super) struct CaToTrust {
    ca: TrustAnchor,
    /// Before it is trusted. A first set is written then, so that a crash never leaves a trusted CA
    /// that cannot be found again.
    before: Vec<Change>,
    /// After it is trusted: a client that sees a new leaf must already know its CA.
    after: Vec<Change>,
    late: Option<Error>,
    /// Staged files that azup did not make.
    ignored: Option<Failure>,
    /// Whether it goes only to stores that have had an azup CA.
    only_recorded: bool,
}

impl From<CertificatePlan> for CaToTrust {
    fn from(obtained: CertificatePlan) -> Self {
        Self {
            ca: obtained.set.ca,
            before: obtained.changes,
            after: obtained.after,
            late: obtained.late,
            ignored: obtained.ignored,
            only_recorded: false,
        }
    }
}

impl From<TrustAnchor> for CaToTrust {
    fn from(ca: TrustAnchor) -> Self {
        Self {
            ca,
            before: Vec::new(),
            after: Vec::new(),
            late: None,
            ignored: None,
            only_recorded: false,
        }
    }
}

impl CaToTrust {
    /// Whether it replaces another certificate set.
    fn renews(&self) -> bool {
        !self.after.is_empty()
    }

    fn is_there(&self) -> bool {
        self.before.is_empty() && self.after.is_empty()
    }

    /// Every store that should trust it: after a renewal also those that another command has found.
    fn find(&self, global: &Global, machine: &Machine) -> Vec<Candidate> {
        let selection = Selection::of(global, machine);
        let selection = if self.only_recorded {
            selection.only_recorded()
        } else if self.renews() {
            selection.with_recorded()
        } else {
            selection
        };
        selection.find(machine, &Operation::Add(&self.ca))
    }
}

/// Trusts a CA and writes its certificate set. `wanted` is called again under the lock, since
/// another azup may have changed something. `strict`: a store that takes an administrator is a
/// failure.
pub(super) fn put(
    global: &Global,
    strict: bool,
    machine: &Machine,
    output: Output,
    wanted: impl Fn() -> Result<CaToTrust>,
) -> Result<Answer> {
    let first = wanted()?;
    if let Some(late) = &first.late {
        output.warning(&late.to_string());
        if let Some(hint) = Failure::hint_of(late) {
            output.hint(hint);
        }
    }
    if let Some(ignored) = &first.ignored {
        output.warning(&ignored.to_string());
        ignored
            .own_hint()
            .into_iter()
            .for_each(|hint| output.hint(hint));
    }
    let goal = Operation::Add(&first.ca);
    let plan = Plan::new(first.find(global, machine), &goal, machine);
    plan.looked().iter().for_each(|line| output.detail(line));
    let settled = first.is_there() && plan.is_settled() && !Record::holds_expired(machine);
    if global.dry_run || settled {
        let preview = global.dry_run.then(|| {
            let written = first.before.iter().chain(&first.after);
            let written = written.map(|change| change.preview(machine));
            written.collect::<String>() + &plan.preview(machine)
        });
        let rows = plan.rows(&goal);
        let ca = Some(&first.ca);
        return Ok(Report { ca, rows, preview }.answer(output));
    }
    let _alone = change::exclusively(machine)?;
    let wanted = wanted()?;
    let goal = Operation::Add(&wanted.ca);
    change::apply(&wanted.before, machine)?;
    let found = wanted.find(global, machine);
    let mut rows = Plan::new(found, &goal, machine).apply(&goal, machine)?;
    if !strict {
        let named = global.stores.as_deref().unwrap_or_default();
        for row in &mut rows {
            row.leave_to_administrator(named);
        }
    }
    change::apply(&wanted.after, machine)?;
    rows.extend(without_expired(global, machine)?);
    if wanted.renews() {
        output.progress(&format!(
            "renewed the certificate: it is signed by {} and valid until {}",
            wanted.ca.label,
            day(wanted.ca.not_after)
        ));
    }
    let (ca, preview) = (Some(&wanted.ca), None);
    Ok(Report { ca, rows, preview }.answer(output))
}

/// Removes azup's CAs that are no longer valid from every store, and returns the rows of stores
/// that had one. Never before the leaf of a new one is in place.
fn without_expired(global: &Global, machine: &Machine) -> Result<Vec<StoreReport>> {
    if !Record::holds_expired(machine) {
        return Ok(Vec::new());
    }
    let removal = RemovalFilter {
        expired_by: Some(machine.now()),
        ..RemovalFilter::default()
    };
    let goal = Operation::Remove(&removal);
    let found = Selection::of(global, machine).find(machine, &goal);
    let mut rows = Plan::new(found, &goal, machine).apply(&goal, machine)?;
    // One that only an administrator could remove does no harm: it is not tried again before every
    // debug session, and `untrust` finds it without the record.
    Record::forget_expired(machine)?;
    rows.retain(|row| row.outcome == Outcome::Removed);
    Ok(rows)
}
