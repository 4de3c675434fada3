//! `azup init`

use anyhow::{Context as _, Result};
use serde_json::json;

use crate::change;
use crate::cli::{Global, Init, Trust};
use crate::failure::shown;
use crate::machine::Machine;
use crate::output::{Answer, Output, coloured_diff};
use crate::project::{Plan, Project, Status};

/// What a user does after `init`; one line each.
const NEXT: [&str; 2] = [
    "reopen the folder in its dev container (VS Code: Dev Containers: Reopen in Container)",
    "or run Azurite here without a container: azup up",
];

pub(super) fn run(
    init: &Init,
    global: &Global,
    machine: &Machine,
    output: Output,
) -> Result<Answer> {
    let project = Project::observe(machine, &init.dir)?;
    let observe = || project.plan(machine, global.certs.as_deref());
    let mut plan = observe()?;
    let mut text = String::new();
    if global.dry_run {
        for change in &plan.changes {
            text += &coloured_diff(&change.preview(machine));
        }
    } else {
        if !plan.changes.is_empty() {
            // Planned anew under the lock: another azup may have been at work.
            let _lock = change::exclusively(machine)?;
            plan = observe()?;
            change::apply(&plan.changes, machine)?;
        }
        text += &written(&project, &plan);
    }
    let trust = trust(&project, global, machine, output);
    let trust = if global.dry_run {
        trust?
    } else {
        trust.context("the project is set up, but its CA is not trusted")?
    };
    text += &trust.text;
    if !global.dry_run {
        text += &NEXT.map(|line| format!("next: {line}\n")).concat();
    }
    let files: Vec<_> = plan
        .files
        .iter()
        .map(|(path, status)| json!({"path": path.to_string_lossy(), "status": status.word()}))
        .collect();
    Ok(Answer {
        brief: None,
        text,
        document: json!({
            "folder": project.folder.to_string_lossy(),
            "dry_run": global.dry_run,
            "files": files,
            "next": NEXT,
            "trust": trust.document,
        }),
        exit: trust.exit,
    })
}

/// What was written, for people.
fn written(project: &Project, plan: &Plan) -> String {
    let mut lines: Vec<String> = plan
        .files
        .iter()
        .filter(|(_, status)| *status != Status::Kept)
        .map(|(path, status)| format!("{} {}\n", status.word(), shown(path)))
        .collect();
    if let Some(folder) = &plan.issued {
        lines.push(format!("created a local CA in {}\n", shown(folder)));
    }
    if lines.is_empty() {
        lines.push(format!("{} is set up already\n", shown(&project.folder)));
    }
    lines.concat()
}

/// Trusts the CA of the project's own copy, since that is the set which its Azurite
/// serves. Words of the command line are read from the folder where they were typed.
fn trust(project: &Project, global: &Global, machine: &Machine, output: Output) -> Result<Answer> {
    let global = Global {
        certs: None,
        bundles: global
            .bundles
            .iter()
            .map(|bundle| machine.absolute(bundle))
            .collect(),
        ..global.clone()
    };
    super::trust::run(
        &Trust::default(),
        &global,
        &machine.at(&project.folder),
        output,
    )
}
