//! The tasks of a file and their dependencies, as VS Code resolves them: by label, by the names
//! that it gives to tasks without one, or by type and script.

use jsonc_edit::{Edit, Step};
use serde_json::{Value, json};

use super::install::{self, Work};
use super::TRUST_TASK;

/// What a reference to a task resolves to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum TaskReference {
    /// To one task of the file.
    One(usize),
    /// Several, of which VS Code may take any.
    Several,
    /// None: an extension supplies it, it is in another folder, or it does not exist.
    None,
}

/// Why a task cannot be made to depend on azup's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Trouble {
    /// azup's task depends on it.
    Circle,
    /// Edits cannot address it, or its dependency is not a reference: why.
    Unclear(String),
}

/// Tasks by their index in the file; the last one is azup's if the file has none yet.
#[derive(Debug)]
pub(super) struct Tasks {
    all: Vec<Value>,
    edges: Vec<Vec<usize>>,
    /// The index of [`TRUST_TASK`].
    pub(super) ours: usize,
    /// How many are in the file.
    pub(super) count: usize,
}

impl Tasks {
    /// The tasks of a document; none if it has no list of them.
    pub(super) fn read(document: &Value) -> Self {
        let mut tasks = document["tasks"].as_array().cloned().unwrap_or_default();
        let count = tasks.len();
        let ours = tasks
            .iter()
            .position(|task| name(task).as_deref() == Some(TRUST_TASK));
        if ours.is_none() {
            tasks.push(json!({"label": TRUST_TASK}));
        }
        let mut read = Self {
            all: tasks,
            edges: Vec::new(),
            ours: ours.unwrap_or(count),
            count,
        };
        read.edges = read
            .all
            .iter()
            .map(|task| read.dependencies(task))
            .collect();
        read
    }

    /// Whether the file has azup's task.
    pub(super) fn has_ours(&self) -> bool {
        self.ours < self.count
    }

    pub(super) fn get(&self, index: usize) -> &Value {
        &self.all[index]
    }

    /// A task's name in the editor.
    pub(super) fn name(&self, index: usize) -> String {
        name(&self.all[index]).unwrap_or_else(|| format!("number {}", index + 1))
    }

    /// What a `preLaunchTask` or an element of `dependsOn` resolves to.
    pub(super) fn resolve(&self, reference: &Value) -> TaskReference {
        let fits = |task: &Value| match reference {
            Value::String(text) if text == "${defaultBuildTask}" => {
                task["group"]["kind"] == "build" && task["group"]["isDefault"] == true
            }
            Value::String(text) => name(task).as_ref() == Some(text) || task["identifier"] == *text,
            Value::Object(members) => {
                members.contains_key("type")
                    && members
                        .iter()
                        .all(|(key, value)| task.get(key) == Some(value))
            }
            _ => false,
        };
        let mut fitting = (0..self.all.len()).filter(|&index| fits(&self.all[index]));
        match (fitting.next(), fitting.next()) {
            (Some(index), None) => TaskReference::One(index),
            (Some(_), Some(_)) => TaskReference::Several,
            (None, _) => TaskReference::None,
        }
    }

    /// Whether `from` is `to` or depends on it, directly or indirectly.
    pub(super) fn reaches(&self, from: usize, to: usize) -> bool {
        self.closure(from).contains(&to)
    }

    /// Whether a task waits for tasks that wait for each other, and so never runs.
    pub(super) fn is_circle(&self, index: usize) -> bool {
        self.closure(index).into_iter().any(|one| {
            let mut edges = self.edges[one].iter();
            edges.any(|&edge| self.reaches(edge, one))
        })
    }

    /// A task and everything it depends on, without duplicates, dependencies last.
    pub(super) fn closure(&self, from: usize) -> Vec<usize> {
        let mut seen = vec![from];
        let mut next = 0;
        while let Some(&index) = seen.get(next) {
            for &edge in &self.edges[index] {
                if !seen.contains(&edge) {
                    seen.push(edge);
                }
            }
            next += 1;
        }
        seen
    }

    /// What a task does. A task without a command does what its dependencies do.
    pub(super) fn work(&self, index: usize) -> Work {
        let task = &self.all[index];
        if !install::is_group(task) {
            return install::work(task);
        }
        let parts: Vec<Work> = self
            .closure(index)
            .into_iter()
            .filter(|&part| !install::is_group(&self.all[part]))
            .map(|part| install::work(&self.all[part]))
            .collect();
        let all = !parts.is_empty()
            && index != self.ours
            && parts
                .iter()
                .all(|part| matches!(part, Work::Install { .. }));
        if all {
            Work::Install {
                python: parts.contains(&Work::Install { python: true }),
            }
        } else {
            Work::Other
        }
    }

    /// Makes a task run after azup's, and so every server that it starts on the way. Adds nothing
    /// if that is already so.
    pub(super) fn put_after_ours(&mut self, index: usize) -> Result<Vec<Edit>, Trouble> {
        let mut edits = Vec::new();
        let mut started = self.closure(index);
        started.retain(|&one| {
            let task = &self.all[one];
            one != index && (task["isBackground"] == true || install::is_functions_host(task))
        });
        // The innermost first: what it gains also counts for the tasks that depend on it. A task
        // that azup's depends on has to run without it, and a task that cannot be edited is no
        // reason to skip `index` itself.
        for one in started.into_iter().rev() {
            edits.extend(self.depend(one).ok().flatten());
        }
        edits.extend(self.depend(index)?);
        Ok(edits)
    }

    fn depend(&mut self, index: usize) -> Result<Option<Edit>, Trouble> {
        if self.reaches(index, self.ours) {
            return Ok(None);
        }
        if self.reaches(self.ours, index) {
            return Err(Trouble::Circle);
        }
        let mut at = self.place(index).ok_or_else(|| {
            let name = self.name(index);
            Trouble::Unclear(format!("nothing distinguishes the task \"{name}\" from others"))
        })?;
        let edit = match self.all[index].get("dependsOn") {
            None => Edit::Member {
                at,
                key: "dependsOn".to_owned(),
                value: json!(TRUST_TASK),
            },
            Some(Value::String(_) | Value::Array(_) | Value::Object(_)) => {
                at.push(Step::Key("dependsOn".to_owned()));
                Edit::Item {
                    at,
                    value: json!(TRUST_TASK),
                }
            }
            Some(other) => {
                return Err(Trouble::Unclear(format!(
                    "dependsOn of the task \"{}\" is {other}",
                    self.name(index)
                )));
            }
        };
        self.edges[index].push(self.ours);
        Ok(Some(edit))
    }

    /// The path to a task: by a member whose value no other task has.
    pub(super) fn place(&self, index: usize) -> Option<Vec<Step>> {
        let keys = [
            "label",
            "taskName",
            "script",
            "command",
            "task",
            "identifier",
        ];
        keys.into_iter().find_map(|key| {
            let value = self.all[index].get(key)?.as_str()?;
            let same = self.all[..self.count]
                .iter()
                .filter(|task| task[key] == value);
            (same.count() == 1).then(|| {
                vec![
                    Step::Key("tasks".to_owned()),
                    Step::Matching {
                        key: key.to_owned(),
                        value: value.to_owned(),
                    },
                ]
            })
        })
    }

    /// Sets the dependencies of azup's task when it is added.
    pub(super) fn let_ours_depend(&mut self, on: &[usize]) {
        self.edges[self.ours] = on.to_vec();
    }

    fn dependencies(&self, task: &Value) -> Vec<usize> {
        let references = match &task["dependsOn"] {
            Value::Array(references) => references.as_slice(),
            other => std::slice::from_ref(other),
        };
        let found = references.iter().filter_map(|one| match self.resolve(one) {
            TaskReference::One(index) => Some(index),
            _ => None,
        });
        found.collect()
    }
}

/// The name of a task: its label, or VS Code's name for a task without one.
pub(super) fn name(task: &Value) -> Option<String> {
    for key in ["label", "taskName"] {
        if let Some(name) = task[key].as_str() {
            return Some(name.to_owned());
        }
    }
    let kind = task["type"].as_str()?;
    let text = |key: &str| task[key].as_str();
    match kind {
        // VS Code ignores such a task.
        "shell" | "process" => None,
        "npm" => {
            let folder = text("path").map(|path| format!(" - {}", path.trim_end_matches('/')));
            Some(format!(
                "npm: {}{}",
                text("script")?,
                folder.unwrap_or_default()
            ))
        }
        "typescript" => {
            let option = text("option").unwrap_or("build");
            Some(format!("tsc: {option} - {}", text("tsconfig")?))
        }
        _ => {
            let what = text("task")
                .or_else(|| text("script"))
                .or_else(|| text("command"))?;
            Some(format!("{kind}: {what}"))
        }
    }
}
