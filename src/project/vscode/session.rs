//! What a debugging session waits for: our task, by its `preLaunchTask` or by what that depends on.

use jsonc_edit::Edit;
use serde_json::json;

use super::install::Work;
use super::launch::Entry;
use super::tasks::{TaskReference, Tasks, Trouble};
use super::{LAUNCH_PATH, Merge, TASKS_PATH, TRUST_TASK};

/// Why a configuration stays as it is.
pub(super) fn left_alone(name: &str, why: &str) -> String {
    format!("{LAUNCH_PATH}: \"{name}\" is left alone: {why}")
}

/// Sees to it that our task runs before a session begins.
pub(super) fn before_session(entry: &Entry<'_>, graph: &mut Tasks, replace: bool, merge: &mut Merge) {
    let alone = |why: String| {
        if entry.is_node() {
            // It gains azup's script all the same.
            let name = entry.name;
            return format!("{LAUNCH_PATH}: \"{name}\" does not wait for \"{TRUST_TASK}\": {why}");
        }
        left_alone(entry.name, &why)
    };
    let key = "preLaunchTask";
    if entry.starts() && entry.value.get(key).is_none() {
        match &entry.place {
            Some(at) => merge.launch.push(Edit::Member {
                at: at.clone(),
                key: key.to_owned(),
                value: json!(TRUST_TASK),
            }),
            None => merge.notes.push(left_alone(entry.name, "others have its name")),
        }
    }
    for (path, reference) in entry.values(key) {
        let shown = reference.to_string();
        let index = match graph.resolve(reference) {
            TaskReference::One(index) => index,
            TaskReference::Several => {
                merge
                    .notes
                    .push(alone(format!("several tasks fit its {key} {shown}")));
                continue;
            }
            TaskReference::None => {
                merge.notes.push(alone(format!(
                    "its {key} {shown} is not in {TASKS_PATH}, so run \"{TRUST_TASK}\" by hand"
                )));
                continue;
            }
        };
        match graph.put_after_ours(index) {
            Ok(edits) => {
                merge.tasks.extend(edits);
                if index != graph.ours && graph.work(index) != Work::Other && !entry.is_node() {
                    merge.notes.push(format!(
                        "{TASKS_PATH}: \"{}\" installs dependencies after \"{TRUST_TASK}\": a CA that this takes out is back at the next start",
                        graph.name(index)
                    ));
                }
            }
            Err(Trouble::Unclear(why)) => merge.notes.push(alone(why)),
            Err(Trouble::Circle) => match &entry.place {
                Some(place) if replace => {
                    merge.launch.push(Edit::Replace {
                        at: place.iter().cloned().chain(path).collect(),
                        from: reference.clone(),
                        to: json!(TRUST_TASK),
                    });
                    merge.proposals.push(format!(
                        "{LAUNCH_PATH}: --replace-scripts makes \"{TRUST_TASK}\" the {key} of \"{}\": it runs {shown} first",
                        entry.name
                    ));
                }
                _ => merge.notes.push(alone(format!(
                    "\"{TRUST_TASK}\" runs after its {key} {shown}, not before"
                ))),
            },
        }
    }
}
