//! azup's parts of a `tasks.json` and a `launch.json`: its task, and the references to it.

use jsonc_edit::Step;
use anyhow::Result;
use serde_json::{Value, json};

use super::launch::{self, LISTS};
use super::tasks::{self, Tasks};
use super::{LAUNCH_PATH, TASKS_PATH, TRUST_TASK, node, templates};
use crate::project::{Project, ProjectFile, json_text};

/// A reference to azup's task.
pub(in crate::project) struct Reference {
    /// The task, configuration or compound.
    pub(in crate::project) owner: Value,
    /// Its name in the editor.
    pub(in crate::project) name: String,
    /// The path to the object with the member, if it is unambiguous.
    pub(in crate::project) place: Option<Vec<Step>>,
    /// The member.
    pub(in crate::project) key: String,
    /// Whether the member is a list that contains azup's label.
    pub(in crate::project) is_item: bool,
    /// What of azup's stands there.
    pub(in crate::project) value: &'static str,
}

/// azup's task as azup writes it, without its dependencies.
pub(in crate::project) fn our_task() -> Result<Value> {
    templates::trust()
}

/// Whether it is azup's task, with any dependencies.
pub(in crate::project) fn is_our_task(task: &Value) -> bool {
    let mut task = task.clone();
    task.as_object_mut().map(|task| task.shift_remove("dependsOn"));
    // The form of azup 0.1.
    let first = || {
        task["label"] == TRUST_TASK
            && task["type"] == "process"
            && task["command"] == "azup"
            && task["args"] == json!(["trust"])
            && task.as_object().is_some_and(|all| {
                let known = ["label", "type", "command", "args", "presentation", "problemMatcher"];
                all.keys().all(|key| known.contains(&&**key))
            })
    };
    our_task().is_ok_and(|ours| ours == task) || first()
}

/// Whether it has the name of azup's task but other contents.
pub(in crate::project) fn is_changed_task(task: &Value) -> bool {
    tasks::name(task).as_deref() == Some(TRUST_TASK) && !is_our_task(task)
}

/// Whether azup's task is among those of a document.
pub(in crate::project) fn has_our_task(document: &Value) -> bool {
    let all = document["tasks"].as_array();
    all.into_iter().flatten().any(is_our_task)
}

/// The files that azup would make beside the existing ones; every form of `tasks.json`.
pub(in crate::project) fn fresh(
    project: &Project,
    tasks: Option<&Value>,
    launch: Option<&Value>,
) -> Result<Vec<ProjectFile>> {
    let mut values = vec![(TASKS_PATH, templates::tasks(project, None)?)];
    if launch.is_some() {
        values.push((TASKS_PATH, templates::tasks(project, launch)?));
    }
    let first = values[0].1.clone();
    let beside = tasks.unwrap_or(&first);
    values.push((LAUNCH_PATH, templates::launch(project, beside)?));
    let files = values.into_iter().map(|(path, value)| Ok(ProjectFile::text(path, json_text(&value)?)));
    files.collect()
}

/// The tasks that depend on azup's.
pub(in crate::project) fn task_references(document: &Value) -> Vec<Reference> {
    let graph = Tasks::read(document);
    let mut found = Vec::new();
    for index in 0..graph.count {
        let task = graph.get(index);
        let depends = &task["dependsOn"];
        let is_item = depends.as_array().is_some_and(|all| all.contains(&json!(TRUST_TASK)));
        if is_item || depends == TRUST_TASK {
            found.push(Reference {
                owner: task.clone(),
                name: graph.name(index),
                place: graph.place(index),
                key: "dependsOn".to_owned(),
                is_item,
                value: TRUST_TASK,
            });
        }
    }
    found
}

/// The configurations and compounds that start ours, and those whose program starts with the script.
pub(in crate::project) fn launch_references(document: &Value) -> Vec<Reference> {
    let mut found = Vec::new();
    for entry in LISTS.iter().flat_map(|list| launch::entries(document, list)) {
        let tasks = entry.values("preLaunchTask").into_iter();
        let tasks = tasks.filter(|(_, value)| *value == TRUST_TASK);
        let scripts = entry.values(node::ARGUMENTS).into_iter();
        let scripts = scripts.filter(|(_, list)| {
            list.as_array().is_some_and(|all| all.contains(&json!(node::ARGUMENT)))
        });
        let tasks = tasks.map(|(path, _)| (path, TRUST_TASK));
        for (path, value) in tasks.chain(scripts.map(|(path, _)| (path, node::ARGUMENT))) {
            let Some((Step::Key(key), way)) = path.split_last() else {
                continue;
            };
            let place = entry.place.as_ref();
            found.push(Reference {
                owner: entry.value.clone(),
                name: entry.name.to_owned(),
                place: place.map(|place| [place.as_slice(), way].concat()),
                key: key.clone(),
                is_item: value != TRUST_TASK,
                value,
            });
        }
    }
    found
}
