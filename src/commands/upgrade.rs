//! What azup 0.1.0 left behind: it trusted whatever certificate set a project brought, and kept no
//! list of those that it had made itself. The two can no longer be told apart, so its CAs are
//! removed from every store that it recorded, and the machine gets a new set. Once.

use anyhow::Result;

use crate::certificates::{self, FILES, IssuedList, SetLocation};
use crate::change;
use crate::cli::Command;
use crate::files;
use crate::machine::Machine;
use crate::options::{Global, Scope};
use crate::output::Output;
use crate::trust::record::Record;
use crate::trust::{Operation, Outcome, Plan, RemovalFilter, Selection};

/// Does it if there is something to do, before a command that makes, trusts or serves certificates.
pub(super) fn run(
    command: &Command,
    global: &Global,
    machine: &Machine,
    output: Output,
) -> Result<()> {
    let concerned = matches!(
        command,
        Command::Init(_)
            | Command::Up(_)
            | Command::Restart(_)
            | Command::Run(_)
            | Command::Env(_)
            | Command::Trust(_)
            | Command::Renew(_)
    );
    if !concerned || global.dry_run || !is_due(machine)? {
        return Ok(());
    }
    let _alone = change::exclusively(machine)?;
    // Another azup may have done it in the meantime.
    if !is_due(machine)? {
        return Ok(());
    }
    let removal = RemovalFilter {
        recorded: Record::load(machine)?.entries().to_vec(),
        ..RemovalFilter::default()
    };
    let goal = Operation::Remove(&removal);
    let found = Selection::of(global, machine)
        .or(Scope::User, global)
        .find(machine, &goal);
    let rows = Plan::new(found, &goal, machine).apply(&goal, machine)?;
    // Whatever is there, even if it has expired or is damaged.
    let certificates = certificates::renew(machine, &machines(machine)?, &[])?;
    change::apply(&certificates.changes, machine)?;
    change::apply(&certificates.after, machine)?;
    let taken = rows.iter().filter(|row| row.outcome == Outcome::Removed);
    let stores = match taken.count() {
        1 => "1 store".to_owned(),
        count => format!("{count} stores"),
    };
    output.progress(&format!(
        "azup 0.1.0 kept no list of the certificates that it made, so there is now a new set, and \
         the old CA was removed from {stores}; run azup renew in each project that azup 0.1.0 set \
         up"
    ));
    for row in rows {
        if let (Some(detail), Some(fix)) = (&row.detail, &row.fix) {
            output.warning(&format!("{}: {detail}", crate::failure::shown(&row.path)));
            output.hint(fix);
        }
    }
    Ok(())
}

fn is_due(machine: &Machine) -> Result<bool> {
    if IssuedList::exists(machine)? || machine.is_dev_container() {
        return Ok(false);
    }
    let has_set = files::exists(&machines(machine)?.folder().join(FILES[0]));
    Ok(has_set || !Record::load(machine)?.entries().is_empty())
}

fn machines(machine: &Machine) -> Result<SetLocation> {
    Ok(SetLocation::Machine(certificates::machine_folder(machine)?))
}
