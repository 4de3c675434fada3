//! What `init` and `remove` have in common: they show what happens to a project's files, ask once,
//! and report what was done.

use std::ffi::{OsStr, OsString};

use anyhow::Result;
use serde_json::{Value, json};

use crate::change::Change;
use crate::failure::{Exit, Failure, command_line, in_one_line, shown};
use crate::machine::Machine;
use crate::output::{Output, coloured_diff};
use crate::project::{Plan, Project, Status};

/// A command that changes a project's files.
pub(super) struct Verb {
    /// Its words on the command line, as far as they affect the files.
    pub(super) words: Vec<OsString>,
    /// Whether this plan needs the user's agreement.
    pub(super) asks: fn(&Plan) -> bool,
}

impl Verb {
    /// The command line with additional words.
    fn line(&self, more: &[&OsStr]) -> String {
        let words = self.words.iter().map(OsString::as_os_str);
        let words = words.chain(more.iter().copied());
        command_line([OsStr::new("azup")].into_iter().chain(words))
    }
}

/// Shows what would happen to the user's files and asks for agreement.
pub(super) fn agree(
    verb: &Verb,
    project: &Project,
    plan: &Plan,
    yes: bool,
    machine: &Machine,
    output: Output,
) -> Result<()> {
    if yes || !(verb.asks)(plan) {
        return Ok(());
    }
    output.progress(summary(plan, machine).trim_end());
    let folder = shown(&project.folder);
    match output.confirm(&format!("Change {folder} like this?")) {
        Some(true) => Ok(()),
        Some(false) => Err(Failure::new("nothing was changed, as you said").into()),
        None => Err(Failure::new(format!(
            "cannot ask whether to change {folder} as shown: there is no terminal"
        ))
        .hint(verb.line(&[OsStr::new("--yes"), project.folder.as_os_str()]))
        .exit(Exit::Usage)
        .into()),
    }
}

/// The plan to apply: the one made under the lock, provided that the user has seen it if agreement
/// was needed.
pub(super) fn as_shown(shown: &Plan, now: Plan, yes: bool, verb: &Verb) -> Result<Plan> {
    let edits = |plan: &Plan| -> Vec<Change> {
        let edits = plan.changes.iter().filter(|change| change.replaces());
        edits.cloned().collect()
    };
    if !yes && ((verb.asks)(shown) || (verb.asks)(&now)) && edits(shown) != edits(&now) {
        return Err(
            Failure::new("the files were changed by another program in the meantime")
                .hint(verb.line(&[]))
                .into(),
        );
    }
    Ok(now)
}

/// Diffs of the user's files, and the names of all others.
fn summary(plan: &Plan, machine: &Machine) -> String {
    let edited: Vec<&std::path::Path> = plan.of(Status::Edited).collect();
    let diffs = plan.changes.iter().filter_map(|change| match change {
        Change::Write { path, .. } if edited.iter().any(|edited| path.ends_with(edited)) => {
            Some(coloured_diff(&change.preview(machine)))
        }
        _ => None,
    });
    let mut text: String = diffs.collect();
    for status in [Status::Created, Status::Updated, Status::Deleted] {
        for path in plan.of(status) {
            text += &format!("to be {} {}\n", status.word(), shown(path));
        }
    }
    text + &notes(plan)
}

/// Every change in full, for a dry run.
pub(super) fn preview(plan: &Plan, machine: &Machine) -> String {
    plan.changes
        .iter()
        .map(|change| coloured_diff(&change.preview(machine)))
        .collect()
}

/// What happened to each file, for people.
pub(super) fn done(plan: &Plan) -> String {
    let changed = plan.files.iter().filter(|(_, one)| *one != Status::Kept);
    changed.fold(String::new(), |text, (path, status)| {
        text + status.word() + " " + &shown(path) + "\n"
    })
}

/// What the user should know, for people.
pub(super) fn notes(plan: &Plan) -> String {
    let notes = plan.notes.iter();
    notes.fold(String::new(), |text, note| {
        text + "note: " + &in_one_line(note) + "\n"
    })
}

/// What happens to each file, for programs.
pub(super) fn listed(plan: &Plan) -> Vec<Value> {
    plan.files
        .iter()
        .map(|(path, status)| json!({"path": path.to_string_lossy(), "status": status.word()}))
        .collect()
}

/// Warns of private keys in a repository: anyone with a copy of it has the key.
pub(super) fn warn_of_keys(project: &Project, plan: &Plan, output: Output) {
    if plan.exposed.is_empty() {
        return;
    }
    let names: Vec<String> = plan.exposed.iter().map(|path| shown(path)).collect();
    output.warning(&format!(
        "git tracks a private key: {}. Anyone who has the repository can impersonate the server \
         that it belongs to, even after it is deleted: remove it, and stop trusting its \
         certificate or CA",
        names.join(", ")
    ));
    let mut words = vec![
        "git".into(),
        "-C".into(),
        project.folder.clone().into_os_string(),
        "rm".into(),
        "--cached".into(),
        "--".into(),
    ];
    words.extend(
        plan.exposed
            .iter()
            .map(|path| path.clone().into_os_string()),
    );
    output.hint(&format!("{} && azup renew", command_line(words)));
}
