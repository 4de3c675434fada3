//! azup's parts of `tasks.json` and `launch.json`.

use std::path::Path;

use jsonc_edit::{Addition, Refusal, Step};
use serde_json::{Value, json};

use super::Parts;
use crate::project::vscode::{self, Reference, TASKS_PATH};

/// azup's task and all references to it, and in files that azup makes (`fresh`), everything that is
/// as azup made it.
pub(super) fn parts(path: &Path, value: &Value, fresh: &[Value]) -> Result<Parts, Refusal> {
    let is_tasks = path == Path::new(TASKS_PATH);
    let list = if is_tasks { "tasks" } else { "configurations" };
    let item = |value: &Value| Addition::Item {
        at: vec![Step::Key(list.to_owned())],
        value: value.clone(),
        made: 0,
        wraps: false,
        inside: None,
    };
    let elements = value[list].as_array().map_or(&[][..], Vec::as_slice);
    let made: Vec<&Value> = fresh
        .iter()
        .filter_map(|fresh| fresh[list].as_array())
        .flatten()
        .collect();
    let goes = |element: &&Value| {
        made.contains(element) || (is_tasks && vscode::is_our_task(element))
    };
    let mut additions = Vec::new();
    let references = if is_tasks {
        vscode::task_references(value)
    } else {
        vscode::launch_references(value)
    };
    for Reference { owner, name, place, key, is_item, value } in references {
        if goes(&&owner) {
            continue;
        }
        let Some(at) = place else {
            return Err(Refusal(format!("nothing distinguishes \"{name}\" from others, and it names \"{value}\"")));
        };
        let value = json!(value);
        additions.push(if is_item {
            let at = [at, vec![Step::Key(key)]].concat();
            Addition::Item { at, value, made: 1, wraps: false, inside: None }
        } else {
            Addition::Member { at, key, value, made: 0, inside: None }
        });
    }
    // Removed before what names it, since additions are undone last to first.
    additions.extend(elements.iter().filter(goes).map(item));
    if is_tasks && let Some(other) = elements.iter().find(|task| vscode::is_changed_task(task)) {
        // As azup writes it, so that the difference is reported.
        let mut ours = vscode::our_task().unwrap_or_else(|_| other.clone());
        ours["label"] = json!(vscode::TRUST_TASK);
        additions.push(item(&ours));
    }
    Ok(Parts { additions, notes: Vec::new() })
}

/// The same for a workspace, which has both as sections.
pub(super) fn workspace_parts(value: &Value) -> Result<Parts, Refusal> {
    let mut all = Parts::default();
    let tasks = &value["tasks"];
    let ours = tasks["tasks"].as_array();
    // A section with nothing but azup's task was made for it.
    let is_made = tasks.as_object().is_some_and(|all| all.len() == 2)
        && tasks["version"] == "2.0.0"
        && ours.is_some_and(|all| matches!(all.as_slice(), [one] if vscode::is_our_task(one)));
    if is_made {
        all.additions.push(Addition::Member {
            at: vec![Step::Key("tasks".to_owned())],
            key: "version".to_owned(),
            value: json!("2.0.0"),
            made: 1,
            inside: None,
        });
    }
    for (section, path) in [("tasks", TASKS_PATH), ("launch", vscode::LAUNCH_PATH)] {
        let parts = parts(Path::new(path), &value[section], &[])?;
        let inside = parts.additions.into_iter();
        all.additions.extend(inside.map(|addition| in_section(section, addition, is_made)));
    }
    Ok(all)
}

fn in_section(section: &str, mut addition: Addition, is_made: bool) -> Addition {
    if let Addition::Member { at, .. } | Addition::Item { at, .. } = &mut addition {
        at.insert(0, Step::Key(section.to_owned()));
    }
    if let Addition::Item { at, made, .. } = &mut addition
        && is_made
        && at.len() == 2
    {
        *made = 1;
    }
    addition
}
