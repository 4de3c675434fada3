//! `azup remove`

use anyhow::Result;
use serde_json::json;

use super::project_files::{self, Verb};
use crate::change;
use crate::cli::Remove;
use crate::failure::{Exit, shown};
use crate::machine::Machine;
use crate::options::Global;
use crate::output::{Answer, Output};
use crate::project::{Keep, Project};

/// Something is always removed, so it always asks.
fn verb(remove: &Remove) -> Verb {
    let mut words = vec!["remove".into()];
    words.extend(remove.keep_certs.then(|| "--keep-certs".into()));
    for path in &remove.keep {
        words.extend(["--keep".into(), path.clone().into_os_string()]);
    }
    Verb {
        words,
        asks: |_| true,
    }
}

pub(super) fn run(
    remove: &Remove,
    global: &Global,
    machine: &Machine,
    output: Output,
) -> Result<Answer> {
    let project = Project::observe(machine, &remove.dir)?;
    let keep = Keep {
        certificates: remove.keep_certs,
        files: remove
            .keep
            .iter()
            .map(|path| machine.absolute(path))
            .collect(),
    };
    let verb = verb(remove);
    let observe = || project.undo(machine, &keep);
    let mut plan = observe()?;
    let mut text = String::new();
    if plan.changes.is_empty() {
        text = format!("nothing to remove in {}\n", shown(&project.folder));
    } else if global.dry_run {
        text += &project_files::preview(&plan, machine);
    } else {
        project_files::agree(&verb, &project, &plan, remove.yes, machine, output)?;
        let _lock = change::exclusively(machine)?;
        plan = project_files::as_shown(&plan, observe()?, remove.yes, &verb)?;
        change::apply(&plan.changes, machine)?;
        text += &project_files::done(&plan);
    }
    text += &project_files::notes(&plan);
    Ok(Answer {
        brief: None,
        text,
        document: json!({
            "folder": project.folder.to_string_lossy(),
            "dry_run": global.dry_run,
            "files": project_files::listed(&plan),
            "notes": plan.notes,
        }),
        exit: Exit::Done,
    })
}
