//! `azup reset`: empties the data of this project's Azurite, and nothing else.

use anyhow::Result;
use serde_json::json;

use crate::azurite;
use crate::cli::Reset;
use crate::failure::{Exit, Failure, command_line, shown};
use crate::machine::Machine;
use crate::options::Global;
use crate::output::{Answer, Output};
use crate::supervisor;

pub(super) fn run(
    reset: &Reset,
    global: &Global,
    machine: &Machine,
    output: Output,
) -> Result<Answer> {
    let planned = supervisor::Reset::observe(reset.location.as_deref(), machine)?;
    let folder = shown(&planned.folder);
    let is_empty = planned.found.is_empty();
    let verb = match (is_empty, global.dry_run) {
        (true, _) => "Azurite has stored nothing in",
        (false, true) => "would empty",
        (false, false) => "emptied",
    };
    if !is_empty && !global.dry_run {
        if !reset.yes {
            agree(reset, &folder, output)?;
        }
        supervisor::reset(&planned, machine)?;
        if let Some(database) = azurite::named_database(machine) {
            output.warning(&format!(
                "AZURITE_DB is set: {database} still lists the blobs whose content was deleted; \
                 drop that database and create it again"
            ));
        }
    }
    Ok(Answer {
        brief: None,
        text: format!("{verb} {folder}\n"),
        document: json!({
            "dry_run": global.dry_run,
            "location": planned.folder,
            "deleted": planned.found,
        }),
        exit: Exit::Done,
    })
}

fn agree(reset: &Reset, folder: &str, output: Output) -> Result<()> {
    match output.confirm(&format!("Delete everything that Azurite has stored in {folder}?")) {
        Some(true) => Ok(()),
        Some(false) => Err(Failure::new("nothing was deleted, as you said").into()),
        None => {
            let mut words = vec!["azup".into(), "reset".into(), "--yes".into()];
            if let Some(location) = &reset.location {
                words.extend(["--location".into(), location.clone().into_os_string()]);
            }
            let what = format!("cannot ask whether to empty {folder}: there is no terminal");
            Err(Failure::new(what)
                .hint(command_line(words))
                .exit(Exit::Usage)
                .into())
        }
    }
}
