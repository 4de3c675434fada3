//! VS Code's `tasks.json` and `launch.json`: before each debugging session, dependencies are
//! installed, then the CA that an update of certifi may have removed is put back, then what the
//! session starts is started.
//!
//! Existing files gain azup's task, a `preLaunchTask` if there is none, and otherwise azup's label
//! in the `dependsOn` of the existing task. Nothing here reads or writes a file.
//!
//! Only the order matters, so four cases stay imperfect, with a note:
//! - A `preLaunchTask` that is not in `tasks.json`: an extension supplies it.
//! - One that installs dependencies. azup's task waits for it, so it cannot wait for azup's. With
//!   `--replace-scripts`, azup's task takes its place and does both.
//! - One that installs dependencies and continues with something else, or waits for azup's task
//!   because the user set it up that way: it runs after azup's task, and the CA that it removes is
//!   back the next time.
//! - A configuration that attaches and starts nothing: its program is already running.

mod install;
mod launch;
mod node;
mod ours;
mod scripts;
mod session;
mod tasks;
mod templates;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;
use std::path::Path;

use jsonc_edit::{Edit, Step};
use anyhow::Result;
use memchr::memmem;
use serde_json::{Value, json};

use super::{Project, ProjectFile, json_text};
use crate::files;
use install::Work;
use session::{before_session, left_alone};
pub(super) use ours::{
    Reference, fresh, has_our_task, is_changed_task, is_our_task, launch_references, our_task,
    task_references,
};
pub(super) use node::{is_preloaded, is_preloading};
use tasks::{TaskReference, Tasks, Trouble};

/// Where the tasks are, relative to the project's folder.
pub const TASKS_PATH: &str = ".vscode/tasks.json";
/// Where the debug configurations are, relative to the project's folder.
pub const LAUNCH_PATH: &str = ".vscode/launch.json";

/// The task that installs dependencies.
const INSTALL_TASK: &str = "install dependencies";
/// The task that adds the CA wherever it is missing.
pub const TRUST_TASK: &str = "azup: trust";

/// Whether a folder's tasks mention it, judging by a search for its name.
pub fn has_trust_task(folder: &Path) -> bool {
    let tasks = files::read_if_there(&folder.join(TASKS_PATH)).ok().flatten();
    tasks.is_some_and(|tasks| memmem::find(&tasks, TRUST_TASK.as_bytes()).is_some())
}

/// The task that runs the Azure Functions host.
const FUNCTIONS_TASK: &str = "func host start";

/// What to add to two existing files, and what is left alone.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Merge {
    /// The one of the two files that does not exist, made to fit the other; both if neither exists.
    pub files: Vec<ProjectFile>,
    /// For [`TASKS_PATH`], in order, each applied to the result of the one before.
    pub tasks: Vec<Edit>,
    /// For [`LAUNCH_PATH`], likewise.
    pub launch: Vec<Edit>,
    /// What was left alone and why: sentences that begin with the file's path.
    pub notes: Vec<String>,
    /// What `--replace-scripts` would change: sentences like the notes.
    pub proposals: Vec<String>,
}

/// What `tasks.json` and `launch.json` are to gain, as read from the project (`None`: not
/// there). Only what is missing is returned: on the outcome of its own edits it returns
/// none. With `replace_scripts`, a task that puts a CA into certifi by a script becomes
/// "azup: trust", and so does a `preLaunchTask` that installs dependencies. A file that
/// has something else where a list belongs gets edits that the gate refuses. With `preload`,
/// programs of Node.js are started with azup's script where Node.js leads the project.
pub fn edits(
    project: &Project,
    tasks: Option<&Value>,
    launch: Option<&Value>,
    replace_scripts: bool,
    preload: bool,
) -> Result<Merge> {
    let node = preload && node::leads(project);
    // What is proposed is what would really be done, so it is done to find out.
    let replaced = merged(project, tasks, launch, true, node)?;
    if replace_scripts {
        return Ok(Merge {
            proposals: Vec::new(),
            ..replaced
        });
    }
    Ok(Merge {
        proposals: replaced.proposals,
        ..merged(project, tasks, launch, false, node)?
    })
}

/// Like [`edits`], but with `replace`, its proposals are what was replaced.
fn merged(
    project: &Project,
    tasks: Option<&Value>,
    launch: Option<&Value>,
    replace: bool,
    node: bool,
) -> Result<Merge> {
    let mut merge = Merge::default();
    let version = tasks.and_then(|tasks| tasks["version"].as_str());
    if let Some(version) = version.filter(|version| version.starts_with("0.")) {
        merge.notes.push(format!(
            "{TASKS_PATH}: left alone with {LAUNCH_PATH}: its version {version} is older than 2.0.0, the first in which tasks depend on tasks"
        ));
        return Ok(merge);
    }
    for name in launch.into_iter().flat_map(launch::elsewhere) {
        merge.notes.push(format!(
            "{LAUNCH_PATH}: \"{name}\" runs the program in a container of its own, which knows \
             neither this CA nor 127.0.0.1:10000"
        ));
    }
    let new_launch = launch.is_none() && templates::has_launch(project);
    if !new_launch && !needs_trust(project, tasks, launch, node) {
        return Ok(merge);
    }
    let new_tasks = tasks.is_none();
    let mut tasks = match tasks {
        Some(tasks) => tasks.clone(),
        None => templates::tasks(project, launch)?,
    };
    let mut launch = match launch {
        Some(launch) => launch.clone(),
        None if new_launch => templates::launch(project, &tasks)?,
        None => json!({}),
    };
    for (path, new, value) in [
        (TASKS_PATH, new_tasks, &tasks),
        (LAUNCH_PATH, new_launch, &launch),
    ] {
        if new {
            merge.files.push(ProjectFile::text(path, json_text(value)?));
        }
    }
    let mut graph = Tasks::read(&tasks);
    // What Node.js trusts no installer takes out: ours can come before.
    let first = node && !new_launch && !project.seen.has_python();
    let install = if first {
        None
    } else {
        installs(project, &mut graph, &launch, replace, &mut merge.notes)
    };
    let trust = templates::trust()?;
    let names: Vec<String> = scripts::find(&graph)
        .into_iter()
        .map(|script| graph.name(script))
        .collect();
    if !names.is_empty() {
        match scripts::replace(&tasks, &launch, &trust, install.as_ref()) {
            Ok(done) if replace || done.changes_nothing() => {
                if !done.changes_nothing() {
                    merge.proposals.extend(names.iter().map(|name| {
                        format!(
                            "{TASKS_PATH}: --replace-scripts puts \"{TRUST_TASK}\" in the place of \"{name}\", which changes certifi by a script"
                        )
                    }));
                }
                (tasks, launch) = (done.tasks, done.launch);
                merge.tasks.extend(done.tasks_edits);
                merge.launch.extend(done.launch_edits);
                merge.notes.extend(done.left.iter().map(|name| {
                    format!(
                        "{TASKS_PATH}: no task or configuration needs \"{name}\" any more: delete it by hand"
                    )
                }));
                // azup's task is now there, or it was before and nothing changed.
                graph = Tasks::read(&tasks);
            }
            Err(why) if replace => merge.notes.push(why),
            _ => {}
        }
    }
    if !graph.has_ours() {
        merge.tasks.extend(add_ours(&tasks, trust, install));
    }
    for entry in launch::debugged(&launch, node) {
        before_session(&entry, &mut graph, replace, &mut merge);
    }
    if node {
        let (edits, alone) = node::preload(&launch);
        merge.launch.extend(edits);
        let alone = alone.into_iter().map(|(name, why)| left_alone(name, why));
        merge.notes.extend(alone);
    }
    // VS Code's extension starts the host without any preLaunchTask too.
    for host in hosts(project, &graph) {
        match graph.put_after_ours(host) {
            Ok(edits) => merge.tasks.extend(edits),
            Err(Trouble::Unclear(why)) => merge.notes.push(format!(
                "{TASKS_PATH}: \"{}\" is left alone: {why}",
                graph.name(host)
            )),
            Err(Trouble::Circle) => {}
        }
    }
    let mut seen = BTreeSet::new();
    merge.notes.retain(|note| seen.insert(note.clone()));
    Ok(merge)
}

/// Adds the task to a file that lacks it.
fn add_ours(document: &Value, mut trust: Value, install: Option<Value>) -> Vec<Edit> {
    let mut edits = Vec::new();
    if document.get("tasks").is_none() && document.get("version").is_none() {
        edits.push(Edit::Member {
            at: Vec::new(),
            key: "version".to_owned(),
            value: json!("2.0.0"),
        });
    }
    if let Some(install) = install {
        trust["dependsOn"] = install;
    }
    edits.push(match document.get("tasks") {
        None | Some(Value::Array(_)) => Edit::Item {
            at: vec![Step::Key("tasks".to_owned())],
            value: trust,
        },
        // Refused by the gate: an element could be made of it, but not a task.
        Some(_) => Edit::Member {
            at: Vec::new(),
            key: "tasks".to_owned(),
            value: json!([trust]),
        },
    });
    edits
}

/// The dependencies of azup's task when it is added: what already installs dependencies before a
/// session, directly or indirectly, and the one task that installs Python's. If several do and no
/// session needs any, there is no basis for choosing one.
fn installs(
    project: &Project,
    graph: &mut Tasks,
    launch: &Value,
    replace: bool,
    notes: &mut Vec<String>,
) -> Option<Value> {
    if graph.has_ours() {
        return None;
    }
    let is_install = |index: usize| matches!(graph.work(index), Work::Install { .. });
    let is_python = |index: usize| graph.work(index) == Work::Install { python: true };
    // A task that waits for a script that azup's task replaces, or for azup's label, which resolved
    // to nothing so far, cannot come before azup's.
    let mut after = vec![graph.ours];
    if replace {
        after.extend(scripts::find(graph));
    }
    let mut all: Vec<usize> = (0..graph.count)
        .filter(|&index| is_install(index) && !graph.is_circle(index))
        .filter(|&index| !after.iter().any(|&one| graph.reaches(index, one)))
        .collect();
    let outermost = |all: &[usize]| -> Vec<usize> {
        let inner = |&one: &usize| {
            let mut others = all.iter().filter(|&&other| other != one);
            others.any(|&other| graph.reaches(other, one))
        };
        all.iter().copied().filter(|one| !inner(one)).collect()
    };
    let needed: Vec<usize> = launch::debugged(launch, false)
        .iter()
        .flat_map(|entry| entry.values("preLaunchTask"))
        .filter_map(|(_, reference)| match graph.resolve(reference) {
            TaskReference::One(index) => Some(index),
            _ => None,
        })
        .chain(hosts(project, graph))
        .flat_map(|root| graph.closure(root))
        .collect();
    let mut chosen = all.clone();
    chosen.retain(|index| needed.contains(index));
    let mut chosen = outermost(&chosen);
    all = outermost(&all);
    let python: Vec<usize> = all
        .iter()
        .copied()
        .filter(|&index| is_python(index))
        .collect();
    if !chosen.iter().any(|&index| is_python(index)) {
        match (python.as_slice(), all.as_slice()) {
            ([one], _) => chosen.push(*one),
            ([], [one]) if chosen.is_empty() => chosen.push(*one),
            ([], []) => {}
            _ if chosen.is_empty() => {
                let names: Vec<String> = all
                    .iter()
                    .map(|&index| format!("\"{}\"", graph.name(index)))
                    .collect();
                notes.push(format!(
                    "{TASKS_PATH}: \"{TRUST_TASK}\" depends on none of {}: add the right one to its dependsOn",
                    names.join(", ")
                ));
            }
            _ => {}
        }
    }
    chosen.sort_unstable();
    graph.let_ours_depend(&chosen);
    let mut names = chosen.iter().map(|&index| json!(graph.name(index)));
    match chosen.len() {
        0 => None,
        1 => names.next(),
        _ => Some(names.collect()),
    }
}

/// The tasks that run an Azure Functions host for Python.
fn hosts(project: &Project, graph: &Tasks) -> Vec<usize> {
    (0..graph.count)
        .filter(|&index| {
            let task = graph.get(index);
            let matcher = task["problemMatcher"].to_string();
            let other = ["node", "dotnet", "java", "powershell"];
            let other = other.iter().any(|name| matcher.contains(&format!("$func-{name}")));
            let python = matcher.contains("$func-python")
                || task["options"].to_string().contains("PYTHON")
                || (project.seen.has_python() && !other);
            install::is_functions_host(task) && python
        })
        .collect()
}

/// Whether anything in the files that are there runs Python, whose trust an installer
/// takes away, or does by a script what azup does.
fn needs_trust(
    project: &Project,
    tasks: Option<&Value>,
    launch: Option<&Value>,
    node: bool,
) -> bool {
    let graph = tasks.map(Tasks::read);
    launch.is_some_and(|launch| !launch::debugged(launch, node).is_empty())
        || graph.is_some_and(|graph| {
            graph.has_ours()
                || !hosts(project, &graph).is_empty()
                || !scripts::find(&graph).is_empty()
        })
}
