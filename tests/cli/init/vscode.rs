//! What tasks.json and launch.json of existing projects become, without a project around them:
//! shapes as people write them, edited and restored.
//!
//! `shapes/*.txt` contains them: `# name | installer functions`, then the files, unchanged. A
//! separate walker reads from the outcome which task waits for which, so that the order in which VS
//! Code runs them does not rest on azup's own view of it.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use azurite_up::options::Language;
use azurite_up::project::Project;
use azurite_up::project::language::{Installer, Part, Seen};
use azurite_up::project::vscode::{LAUNCH_PATH, Merge, TASKS_PATH, edits};
use jsonc_edit::{Edit, Edited, add, parse, remove};
use serde_json::Value;

use super::readers::schemas;
use crate::sandbox::{Sandbox, part};

const VALIDATE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/cli/validate.py");
const TRUST: &str = "azup: trust";

/// Files as they are found in projects.
struct Shape {
    name: String,
    project: Project,
    tasks: Option<String>,
    launch: Option<String>,
}

/// The outcome for a shape.
struct Done {
    merge: Merge,
    tasks: Edited,
    launch: Edited,
}

fn shapes() -> Vec<Shape> {
    let groups = [
        include_str!("shapes/python.txt"),
        include_str!("shapes/node.txt"),
        include_str!("shapes/dotnet.txt"),
        include_str!("shapes/functions.txt"),
        include_str!("shapes/articles.txt"),
        include_str!("shapes/odd.txt"),
    ];
    let all = groups.map(|group| format!("\n{group}"));
    all.iter()
        .flat_map(|group| group.split("\n# ").skip(1).map(shape))
        .collect()
}

fn shape(text: &str) -> Shape {
    let mut parts = format!("{text}\n")
        .split("\n## ")
        .map(str::to_owned)
        .collect::<Vec<_>>()
        .into_iter();
    let title = parts.next().unwrap();
    let (name, project) = title.trim().split_once(" | ").unwrap_or((title.trim(), ""));
    let mut shape = Shape {
        name: name.to_owned(),
        project: Project {
            folder: PathBuf::from("/project"),
            name: "project".to_owned(),
            seen: seen(text, project),
            functions: project.ends_with("functions").then(PathBuf::new),
        },
        tasks: None,
        launch: None,
    };
    for part in parts {
        let (path, content) = part.split_once('\n').unwrap();
        let file = match path {
            "tasks.json" => &mut shape.tasks,
            "launch.json" => &mut shape.launch,
            other => panic!("{other}"),
        };
        *file = Some(content.to_owned());
    }
    shape
}

/// What the project's other files say: Python, unless the debugger is another one.
fn seen(text: &str, project: &str) -> Seen {
    let any = |words: &[&str]| words.iter().any(|word| text.contains(word));
    let node = any(&["\"node\"", "pwa-node", "node-terminal", "func-node"]);
    let python = any(&["python", "debugpy"]) || !(node || any(&["clr\"", "\"dotnet\""]));
    let part = match (python, node) {
        (true, _) => Some((Language::Python, "app.py")),
        (false, true) => Some((Language::Node, "package.json")),
        (false, false) => None,
    };
    Seen {
        parts: Vec::from_iter(part.map(|(language, file)| Part {
            language,
            seen: PathBuf::from(file),
            version: None,
        })),
        installer: match project.split(' ').next() {
            Some("poetry") => Some(Installer::Poetry),
            Some("pip") => Some(Installer::Pip),
            _ => None,
        },
        ..Seen::default()
    }
}

fn read(text: Option<&str>) -> Option<Value> {
    text.map(|text| parse(text.as_bytes()).unwrap())
}

impl Shape {
    fn edits(&self, tasks: Option<&Value>, launch: Option<&Value>, replace: bool) -> Merge {
        edits(&self.project, tasks, launch, replace, true).unwrap()
    }

    /// Both files after the edits, including new ones.
    fn merged(&self, replace: bool) -> Done {
        let (tasks, launch) = (read(self.tasks.as_deref()), read(self.launch.as_deref()));
        let merge = self.edits(tasks.as_ref(), launch.as_ref(), replace);
        let file = |path: &str, before: &Option<String>, edits: &[Edit]| {
            let new = merge.files.iter().find(|file| file.path == Path::new(path));
            match (before, new) {
                (Some(before), None) => add(before.as_bytes(), edits)
                    .unwrap_or_else(|refusal| panic!("{}: {path}: {}", self.name, refusal.0)),
                (None, Some(new)) => {
                    assert_eq!(edits, [], "{}: {path} is new", self.name);
                    Edited {
                        bytes: new.bytes.clone(),
                        additions: Vec::new(),
                    }
                }
                // Nothing in it needs trust.
                (None, None) => {
                    assert_eq!(edits, [], "{}: {path} is not there", self.name);
                    Edited {
                        bytes: b"{}".to_vec(),
                        additions: Vec::new(),
                    }
                }
                _ => panic!("{}: {path} is there twice", self.name),
            }
        };
        Done {
            tasks: file(TASKS_PATH, &self.tasks, &merge.tasks),
            launch: file(LAUNCH_PATH, &self.launch, &merge.launch),
            merge,
        }
    }
}

impl Done {
    fn walker(&self) -> Walker {
        let document = parse(&self.tasks.bytes).unwrap();
        Walker(document["tasks"].as_array().cloned().unwrap_or_default())
    }

    fn launch(&self) -> Value {
        parse(&self.launch.bytes).unwrap()
    }
}

/// Follows references between tasks as VS Code does.
struct Walker(Vec<Value>);

impl Walker {
    fn name(task: &Value) -> String {
        let text = |key: &str| task[key].as_str();
        let label = text("label").or(text("taskName")).map(str::to_owned);
        label.unwrap_or_else(|| match (text("type"), text("script")) {
            (Some("npm"), Some(script)) => match text("path") {
                Some(path) => format!("npm: {script} - {}", path.trim_end_matches('/')),
                None => format!("npm: {script}"),
            },
            (kind, _) => format!("{}: {}", kind.unwrap(), task["command"].as_str().unwrap()),
        })
    }

    fn find(&self, reference: &Value) -> Option<&Value> {
        self.0.iter().find(|task| match reference.as_str() {
            Some("${defaultBuildTask}") => task["group"]["isDefault"] == true,
            Some(name) => Self::name(task) == name || task["identifier"] == name,
            None => {
                reference.is_object()
                    && task["type"] == reference["type"]
                    && task["script"] == reference["script"]
            }
        })
    }

    /// The tasks that have ended, or are up, before this one begins.
    fn dependencies(&self, task: &Value) -> Vec<&Value> {
        let references = match &task["dependsOn"] {
            Value::Array(all) => all.iter().collect(),
            one => vec![one],
        };
        references
            .into_iter()
            .filter_map(|one| self.find(one))
            .collect()
    }

    /// A task and, in brackets, what it waits for.
    fn tree(&self, task: &Value, above: &[String]) -> String {
        let name = Self::name(task);
        if above.contains(&name) {
            return format!("{name} AGAIN");
        }
        let above = [above, std::slice::from_ref(&name)].concat();
        let dependencies = self.dependencies(task);
        let trees: Vec<String> = dependencies
            .iter()
            .map(|one| self.tree(one, &above))
            .collect();
        match trees.as_slice() {
            [] => name,
            [one] => format!("{name} <- {one}"),
            _ => format!("{name} <- ({})", trees.join(", ")),
        }
    }

    fn waits_for(&self, task: &Value, seen: &mut BTreeSet<String>) {
        if seen.insert(Self::name(task)) {
            for one in self.dependencies(task) {
                self.waits_for(one, seen);
            }
        }
    }

    fn all(&self, task: &Value) -> BTreeSet<String> {
        let mut seen = BTreeSet::new();
        self.waits_for(task, &mut seen);
        seen
    }

    fn installs(task: &Value) -> bool {
        let mut task = task.clone();
        task.as_object_mut().unwrap().remove("dependsOn");
        let text = task.to_string();
        let install = regex_lite::Regex::new(
            r#"(pip|poetry|pdm|uv|npm|pnpm)\b[^&|]*[ "](install|sync|ci)\b|"command":"yarn""#,
        );
        install.unwrap().is_match(&text)
    }
}

/// Every `preLaunchTask` of an entry of launch.json.
fn before(entry: &Value) -> Vec<&Value> {
    let blocks = [entry, &entry["linux"], &entry["osx"], &entry["windows"]];
    blocks
        .into_iter()
        .filter_map(|block| block.get("preLaunchTask"))
        .collect()
}

fn entries(launch: &Value) -> Vec<&Value> {
    ["configurations", "compounds"]
        .iter()
        .flat_map(|list| launch[list].as_array().into_iter().flatten())
        .collect()
}

fn report(shape: &Shape, replace: bool) -> String {
    let done = shape.merged(replace);
    let walker = done.walker();
    let mut text = String::new();
    let launch = done.launch();
    for entry in entries(&launch) {
        let mut name = entry["name"].as_str().unwrap().to_owned();
        // As a text, since each system may have its own arguments.
        let loads = entry.to_string().matches("/azurite/node.cjs").count();
        name += [" with azup's script", ""][usize::from(loads == 0)];
        let waits: Vec<String> = before(entry)
            .into_iter()
            .map(|one| match walker.find(one) {
                Some(task) => walker.tree(task, &[]),
                None => format!("{one}?"),
            })
            .collect();
        text += &format!("  {name}: {}\n", waits.join("; "));
    }
    // Tasks that an extension starts without launch.json.
    for task in walker.0.iter().filter(|task| task["type"] == "func") {
        text += &format!("  (func) {}\n", walker.tree(task, &[]));
    }
    let edits = (done.merge.tasks.len(), done.merge.launch.len());
    text += &format!(
        "  edits: {} in tasks.json, {} in launch.json\n",
        edits.0, edits.1
    );
    for note in &done.merge.notes {
        text += &format!("  note: {note}\n");
    }
    for proposal in &done.merge.proposals {
        text += &format!("  proposal: {proposal}\n");
    }
    text
}

/// Read it as: a session waits for `a <- b`, where `a` begins after `b` has ended.
#[test]
fn every_shape_gets_the_order_of_tasks_that_it_needs() {
    let mut text = String::new();
    for shape in shapes() {
        let plain = report(&shape, false);
        text += &format!("{}\n{plain}", shape.name);
        let replaced = report(&shape, true);
        if replaced != plain {
            text += &format!(" --replace-scripts\n{replaced}");
        }
        text += "\n";
    }
    insta::assert_snapshot!(text);
}

#[test]
fn what_is_installed_comes_before_the_ca_and_the_ca_before_what_is_started() {
    let debuggers = ["debugpy", "python"];
    let mut checked = 0;
    for (shape, replace) in shapes()
        .iter()
        .flat_map(|each| [(each, false), (each, true)])
    {
        let done = shape.merged(replace);
        let walker = done.walker();
        let launch = done.launch();
        if shape.name == "the old format" {
            assert_eq!((done.merge.tasks, done.merge.launch), (vec![], vec![]));
            continue;
        }
        let Some(trust) = walker.find(&Value::from(TRUST)) else {
            // A project without a bundle that an installer replaces is left as it is.
            assert_eq!(
                (done.merge.tasks, done.merge.launch),
                (vec![], vec![]),
                "{}",
                shape.name
            );
            let python = |entry: &Value| {
                entry["type"]
                    .as_str()
                    .is_some_and(|kind| debuggers.contains(&kind))
            };
            assert!(!entries(&launch).into_iter().any(python), "{}", shape.name);
            continue;
        };
        let prepared = walker.all(trust);
        let circle = |task: &Value| walker.tree(task, &[]).contains("AGAIN");
        let circles = shape.name == "tasks that already wait for each other";
        assert_eq!(walker.0.iter().any(circle), circles, "{}", shape.name);
        assert!(!circle(trust), "{}", shape.name);
        for entry in entries(&launch) {
            let name = entry["name"].as_str().unwrap();
            let reasons = ["is left alone", "does not wait for"];
            let reasons = reasons.map(|reason| format!("\"{name}\" {reason}"));
            let known = |note: &String| reasons.iter().any(|reason| note.contains(reason));
            let debugs = entry["type"].as_str().is_none_or(|kind| {
                debuggers.contains(&kind) || entry.to_string().contains("node.cjs")
            });
            // Compounds of which no part starts a program.
            if !debugs || ["All", "Other"].contains(&name) || done.merge.notes.iter().any(known) {
                continue;
            }
            let tasks = before(entry);
            let running = entry["request"] == "attach" || entry.get("configurations").is_some();
            assert!(running || !tasks.is_empty(), "{}: {name}", shape.name);
            for reference in tasks {
                let task = walker.find(reference).expect(name);
                let all = walker.all(task);
                assert!(all.contains(TRUST), "{}: {name}: {all:?}", shape.name);
                for one in walker
                    .0
                    .iter()
                    .filter(|one| all.contains(&Walker::name(one)))
                {
                    let label = Walker::name(one);
                    let note = format!("\"{label}\" installs dependencies after");
                    let said = done.merge.notes.iter().any(|each| each.contains(&note));
                    // What Node.js trusts no installer takes out.
                    let node = !shape.project.seen.has_python();
                    if prepared.contains(&label) || said || circles || node {
                        continue;
                    }
                    assert!(!Walker::installs(one), "{}: {label}", shape.name);
                    if one["isBackground"] == true {
                        let waits = walker.all(one);
                        assert!(waits.contains(TRUST), "{}: {label}", shape.name);
                    }
                }
                checked += 1;
            }
        }
    }
    assert!(checked > 80, "{checked} sessions");
}

#[test]
fn twice_is_once_and_taken_out_is_as_before() {
    for (shape, replace) in shapes()
        .iter()
        .flat_map(|each| [(each, false), (each, true)])
    {
        let done = shape.merged(replace);
        let name = &shape.name;
        let (tasks, launch) = (parse(&done.tasks.bytes).unwrap(), done.launch());
        if name != "the old format" {
            let again = shape.edits(Some(&tasks), Some(&launch), replace);
            assert_eq!(again.files, [], "{name}");
            assert_eq!(again.tasks, [], "{name}");
            assert_eq!(again.launch, [], "{name}");
        }
        for (before, after, edits) in [
            (&shape.tasks, &done.tasks, &done.merge.tasks),
            (&shape.launch, &done.launch, &done.merge.launch),
        ] {
            let Some(before) = before else { continue };
            let back = remove(&after.bytes, &after.additions).unwrap();
            assert_eq!(String::from_utf8(back).unwrap(), *before, "{name}");
            let additions = edits
                .iter()
                .all(|edit| matches!(edit, Edit::Member { .. } | Edit::Item { .. }));
            assert!(
                additions || replace,
                "{name}: only asked for is anything replaced"
            );
            let text = String::from_utf8(after.bytes.clone()).unwrap();
            assert!(!text.contains("runOn"), "{name}");
        }
    }
}

/// Accepted proposals: what they said is done, and none is made again.
#[test]
fn what_is_proposed_is_what_replacing_does() {
    let mut proposed = 0;
    for shape in shapes() {
        let plain = shape.merged(false);
        let replaced = shape.merged(true);
        assert_eq!(
            replaced.merge.proposals,
            [] as [String; 0],
            "{}",
            shape.name
        );
        proposed += plain.merge.proposals.len();
        let any_replace = |merge: &Merge| {
            let mut edits = merge.tasks.iter().chain(&merge.launch);
            edits.any(|edit| matches!(edit, Edit::Replace { .. }))
        };
        let announced = !plain.merge.proposals.is_empty();
        assert_eq!(announced, any_replace(&replaced.merge), "{}", shape.name);
        // Even if it was not asked for at first.
        let (tasks, launch) = (parse(&plain.tasks.bytes).unwrap(), plain.launch());
        let later = shape.edits(Some(&tasks), Some(&launch), true);
        add(&plain.tasks.bytes, &later.tasks).unwrap();
        add(&plain.launch.bytes, &later.launch).unwrap();
    }
    assert!(proposed >= 6, "{proposed}");
}

#[test]
fn something_else_where_the_tasks_belong_is_refused() {
    let shape = &shapes()[0];
    for tasks in ["null", "\"a\"", "{}", "7"] {
        let text = format!("{{\n  \"version\": \"2.0.0\",\n  \"tasks\": {tasks}\n}}\n");
        let value = parse(text.as_bytes()).unwrap();
        let merge = shape.edits(Some(&value), None, false);
        let refusal = add(text.as_bytes(), &merge.tasks);
        assert!(refusal.is_err(), "{tasks}: {refusal:?}");
    }
}

#[test]
fn an_edit_adds_no_violation_of_a_schema() {
    let sandbox = Sandbox::new();
    for (path, schema) in [
        (TASKS_PATH, "vscode-tasks.min.schema.json"),
        (LAUNCH_PATH, "vscode-launch.min.schema.json"),
    ] {
        let mut files = Vec::new();
        for (number, shape) in shapes().iter().enumerate() {
            for replace in [false, true] {
                let done = shape.merged(replace);
                let (before, after) = if path == TASKS_PATH {
                    (&shape.tasks, &done.tasks)
                } else {
                    (&shape.launch, &done.launch)
                };
                let before = before.as_deref().unwrap_or("{}").as_bytes();
                for (kind, bytes) in [("before", before), ("after", after.bytes.as_slice())] {
                    let value = parse(bytes).unwrap().to_string();
                    files.push(sandbox.write(format!("{number}-{replace}.{kind}"), value));
                }
            }
        }
        let words = [
            PathBuf::from(VALIDATE),
            "--subset".into(),
            schemas().join(schema),
        ];
        let words = words.into_iter().chain(files);
        sandbox.run(part("venv/bin/python"), words).ok();
    }
    // It would be worthless if it let everything pass.
    let before = sandbox.write("before", "{}");
    let after = sandbox.write("after", r#"{"tasks": [{"label": 7}]}"#);
    let schema = schemas().join("vscode-tasks.min.schema.json");
    let words = [
        Path::new(VALIDATE),
        Path::new("--subset"),
        &schema,
        &before,
        &after,
    ];
    let done = sandbox.run(part("venv/bin/python"), words);
    assert_eq!(done.code, 1, "{done}");
}
