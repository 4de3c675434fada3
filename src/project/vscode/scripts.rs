//! Tasks that add a CA to certifi with a script of the project, as in the articles that azup grew
//! out of: recognised, and with `--replace-scripts` replaced by azup's task.

use std::collections::HashSet;

use jsonc_edit::{Edit, Step};
use serde_json::{Value, json};

use super::install::{INSTALLERS, command_lines, program};
use super::launch::{LISTS, entries};
use super::tasks::{Tasks, name};
use super::{LAUNCH_PATH, TASKS_PATH, TRUST_TASK};

/// Names for what is added to certifi.
const CERTIFICATES: [&str; 12] = [
    "azurite",
    "ca",
    "cacert",
    "cas",
    "cert",
    "certificate",
    "certificates",
    "certs",
    "minica",
    "mkcert",
    "pem",
    "root",
];

/// Both documents and their edits after the scripts were replaced.
#[derive(Debug)]
pub(super) struct Replaced {
    pub(super) tasks: Value,
    pub(super) launch: Value,
    pub(super) tasks_edits: Vec<Edit>,
    pub(super) launch_edits: Vec<Edit>,
    /// Script tasks that are no longer referenced but stay.
    pub(super) left: Vec<String>,
}

impl Replaced {
    /// Whether the scripts were already unused.
    pub(super) fn changes_nothing(&self) -> bool {
        self.tasks_edits.is_empty() && self.launch_edits.is_empty()
    }
}

/// The places of the script tasks.
pub(super) fn find(tasks: &Tasks) -> Vec<usize> {
    (0..tasks.count)
        .filter(|&index| index != tasks.ours && is_script(tasks.get(index)))
        .collect()
}

fn is_script(task: &Value) -> bool {
    let lines = command_lines(task);
    let commands: Vec<&Vec<String>> = lines.iter().flatten().collect();
    let installs = commands.iter().any(|words| {
        // `python -m pip install --upgrade certifi`
        words
            .iter()
            .any(|word| INSTALLERS.contains(&program(word).as_str()))
    });
    if installs || commands.is_empty() {
        return false;
    }
    let about = |text: &str| {
        let words = tokens(text);
        words.contains("certifi") && CERTIFICATES.iter().any(|each| words.contains(*each))
    };
    if name(task).is_some_and(|name| about(&name)) {
        return true;
    }
    // `cat ca.pem >> $(python -m certifi)` is two commands.
    lines.iter().any(|line| {
        let words = || line.iter().flatten();
        let certificate = |word: &String| {
            let word = word.to_lowercase();
            let endings = [".pem", ".crt", ".cer"];
            word == ">>" || endings.iter().any(|ending| word.ends_with(ending))
        };
        // Only its file name: every task of a project may be in a folder "certifi".
        words().any(|word| about(word.rsplit(['/', '\\']).next().unwrap_or(word)))
            || words().any(|word| tokens(word).contains("certifi")) && words().any(certificate)
    })
}

/// The words of a text in lower case: `addCertToCertifi.sh` has five.
fn tokens(text: &str) -> HashSet<String> {
    let mut words = HashSet::new();
    let mut word = String::new();
    let mut small = false;
    for each in text.chars() {
        if !each.is_alphanumeric() || (small && each.is_uppercase()) {
            words.insert(std::mem::take(&mut word));
        }
        small = each.is_lowercase();
        if each.is_alphanumeric() {
            word.extend(each.to_lowercase());
        }
    }
    words.insert(word);
    words
}

/// Replaces the first script task by azup's task, and every reference to any script task by azup's
/// label. `ours` is azup's task without `dependsOn`, `install` its dependencies if the script has
/// none.
pub(super) fn replace(
    before: &Value,
    launch: &Value,
    ours: &Value,
    install: Option<&Value>,
) -> Result<Replaced, String> {
    let graph = Tasks::read(before);
    let scripts = find(&graph);
    let mut labels = HashSet::new();
    for &script in &scripts {
        let label = graph.name(script);
        if graph.place(script).is_none() {
            return Err(format!(
                "{TASKS_PATH}: several tasks have the label \"{label}\": none is replaced"
            ));
        }
        labels.insert(label);
    }
    let mut done = Replaced {
        tasks: before.clone(),
        launch: launch.clone(),
        tasks_edits: Vec::new(),
        launch_edits: Vec::new(),
        left: Vec::new(),
    };
    references(&graph, &scripts, &labels, &mut done)?;
    configurations(launch, &labels, &mut done)?;
    let mut left = scripts.as_slice();
    if let (false, Some((&first, others))) = (graph.has_ours(), scripts.split_first()) {
        left = others;
        let script = graph.get(first);
        let mut new = ours.clone();
        let kept = script
            .get("dependsOn")
            .and_then(|value| without(value, &labels));
        if let Some(depends) = kept.or_else(|| install.cloned()) {
            new["dependsOn"] = depends;
        }
        done.tasks["tasks"][first] = new.clone();
        done.tasks_edits.push(Edit::Replace {
            at: graph.place(first).unwrap_or_default(),
            from: script.clone(),
            to: new,
        });
    }
    let after = Tasks::read(&done.tasks);
    if after.is_circle(after.ours) && !graph.is_circle(graph.ours) {
        return Err(format!(
            "{TASKS_PATH}: no script is replaced: \"{TRUST_TASK}\" would wait for itself"
        ));
    }
    done.left = left.iter().map(|&script| graph.name(script)).collect();
    Ok(done)
}

/// Every `dependsOn` that names a script.
fn references(
    graph: &Tasks,
    scripts: &[usize],
    labels: &HashSet<String>,
    done: &mut Replaced,
) -> Result<(), String> {
    for index in (0..graph.count).filter(|index| !scripts.contains(index)) {
        let from = &graph.get(index)["dependsOn"];
        // azup's task may depend on a script, but not on itself.
        let to = if index == graph.ours {
            continue;
        } else {
            renamed(from, labels)
        };
        if to == *from {
            continue;
        }
        let mut at = graph.place(index).ok_or_else(|| {
            format!(
                "{TASKS_PATH}: no script is replaced: nothing distinguishes the task \"{}\", \
                 which depends on one, from others",
                graph.name(index)
            )
        })?;
        at.push(Step::Key("dependsOn".to_owned()));
        done.tasks["tasks"][index]["dependsOn"] = to.clone();
        done.tasks_edits.push(Edit::Replace {
            at,
            from: from.clone(),
            to,
        });
    }
    Ok(())
}

/// Every script task that runs before or after a debugging session.
fn configurations(
    launch: &Value,
    labels: &HashSet<String>,
    done: &mut Replaced,
) -> Result<(), String> {
    for list in LISTS {
        for (index, entry) in entries(launch, list).into_iter().enumerate() {
            for key in ["preLaunchTask", "postDebugTask"] {
                for (path, from) in entry.values(key) {
                    let to = renamed(from, labels);
                    if to == *from {
                        continue;
                    }
                    let mut at = entry.place.clone().ok_or_else(|| {
                        format!(
                            "{LAUNCH_PATH}: no script is replaced: several entries have the name \"{}\"",
                            entry.name
                        )
                    })?;
                    let mut target = &mut done.launch[list][index];
                    for step in &path {
                        if let Step::Key(key) = step {
                            target = &mut target[key];
                        }
                    }
                    *target = to.clone();
                    at.extend(path);
                    done.launch_edits.push(Edit::Replace {
                        at,
                        from: from.clone(),
                        to,
                    });
                }
            }
        }
    }
    Ok(())
}

/// A reference, or a list of them, with azup's label, once, in place of every script's.
fn renamed(value: &Value, labels: &HashSet<String>) -> Value {
    match value {
        Value::String(label) if labels.contains(label) => json!(TRUST_TASK),
        Value::Array(all) if all.iter().any(|one| renamed(one, labels) != *one) => {
            let mut kept: Vec<Value> = Vec::new();
            for one in all.iter().map(|one| renamed(one, labels)) {
                if one != TRUST_TASK || !kept.contains(&one) {
                    kept.push(one);
                }
            }
            Value::Array(kept)
        }
        other => other.clone(),
    }
}

/// What a script depends on, except other scripts and azup's task.
fn without(value: &Value, labels: &HashSet<String>) -> Option<Value> {
    let ours =
        |one: &Value| one == TRUST_TASK || one.as_str().is_some_and(|label| labels.contains(label));
    match value {
        Value::Array(all) => {
            let kept: Vec<Value> = all.iter().filter(|one| !ours(one)).cloned().collect();
            (!kept.is_empty()).then_some(Value::Array(kept))
        }
        Value::Null => None,
        one => (!ours(one)).then(|| one.clone()),
    }
}
