//! Problems that `azup init` finds before it writes: settings that mean plain HTTP, another
//! Azurite, ports that are taken, azup files that git ignores. Each is one line with its place, and
//! none stops azup. The amount read is limited so that no project makes it slow, and nothing
//! outside the project is read.

mod browser;
mod comments;
mod compose;
mod data_lake;
mod lines;
mod listed;
mod settings;
mod workspaces;

use std::path::{Path, PathBuf};

use super::configuration::is_azurites;
use crate::failure::{quoted, shown};
use crate::git;
use crate::machine::Machine;

pub use browser::Page;
pub use listed::Listed;

/// No more lines than a person reads.
const MOST: usize = 40;

/// Something that the user has to know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notice {
    /// The file, relative to the project's folder.
    pub path: PathBuf,
    /// Its line; `None` if it is about the file as a whole.
    pub line: Option<usize>,
    /// The message: a sentence without the place.
    pub what: String,
}

impl Notice {
    fn at(path: &Path, line: usize, what: impl Into<String>) -> Self {
        Self {
            path: path.to_owned(),
            line: Some(line),
            what: what.into(),
        }
    }

    /// The place in the format of compilers, and the message.
    pub fn text(&self) -> String {
        let line = self.line.map(|line| format!(":{line}")).unwrap_or_default();
        format!("{}{line}: {}", shown(&self.path), self.what)
    }
}

/// All notices for `project`. `own` are the dev container's compose files, whose Azurite azup takes
/// over.
pub(super) fn look(project: &Path, own: &[PathBuf]) -> Vec<Notice> {
    let listed = Listed::of(project);
    let mut found = Vec::new();
    for (path, text) in listed.texts() {
        if compose::is_compose(&path) {
            found.extend(compose::look(&path, &text, own.contains(&path)));
        }
        found.extend(lines::look(&path, &text));
        if path.ends_with("devcontainer.json") || path.ends_with(".devcontainer.json") {
            found.extend(labels(&path, &text));
        }
        if path.extension().is_some_and(|kind| kind == "code-workspace") {
            found.extend(workspaces::look(&path, &text));
        }
    }
    let left_out = found.len().saturating_sub(MOST);
    found.truncate(MOST);
    if left_out > 0 || listed.is_cut {
        let what = if left_out > 0 {
            format!("{left_out} more places like these are not shown")
        } else {
            "it has more files than azup looks into".to_owned()
        };
        found.push(Notice {
            path: PathBuf::from("."),
            line: None,
            what,
        });
    }
    found
}

/// Azurite ports that a configuration labels as something else.
fn labels(path: &Path, text: &str) -> Vec<Notice> {
    let value = jsonc_edit::parse(text.as_bytes()).unwrap_or_default();
    let all = value["portsAttributes"].as_object().into_iter().flatten();
    let named = all.filter_map(|(port, said)| Some((port, said["label"].as_str()?)));
    let others = named.filter(|(port, label)| {
        ["10000", "10001", "10002"].contains(&port.as_str()) && !is_azurites(Some(label))
    });
    let found = others.map(|(port, label)| {
        let key = format!("\"{port}\"");
        let mut lines = (1..).zip(text.lines());
        let line = lines.find(|(_, line)| line.contains(&key));
        let label: String = label.chars().take(60).collect();
        let what = format!(
            "port {port} is called {}, and Azurite answers there: give one of the two another port",
            quoted(&label)
        );
        Notice::at(path, line.map_or(1, |(number, _)| number), what)
    });
    found.collect()
}

/// doctor's notices about a project's files, for all of its checks: the files are read once.
#[derive(Debug, Default)]
pub struct ProjectNotices {
    /// The settings that do not lead to Azurite over HTTPS.
    pub settings: Vec<Notice>,
    /// Settings that need Data Lake's endpoint, which Azurite does not have.
    pub data_lake: Vec<Notice>,
    /// The web pages that call Azurite from a browser.
    pub pages: Vec<Page>,
}

impl ProjectNotices {
    /// Looks into the files of `project`.
    pub fn of(project: &Path) -> Self {
        let mut this = Self::default();
        for (path, text) in Listed::of(project).texts() {
            this.settings.extend(settings::look(&path, &text));
            this.data_lake.extend(data_lake::look(&path, &text));
            this.pages.extend(browser::look(&path, &text));
        }
        this.settings.truncate(MOST);
        this.data_lake.truncate(MOST);
        this
    }
}

/// The settings of one file, whatever it is called.
pub fn settings_in(path: &Path, text: &str) -> Vec<Notice> {
    settings::look(path, text)
}

/// The azup files that git ignores, grouped by the rule.
pub(super) fn ignored(project: &Path, machine: &Machine, files: &[PathBuf]) -> Vec<Notice> {
    let mut rules: Vec<(git::Rule, Vec<&Path>)> = Vec::new();
    let tracked = |path: &Path| {
        let folder = project.join(path.parent().unwrap_or(Path::new("")));
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        folder.is_dir() && git::tracked_among(&folder, &[name]).is_ok_and(|all| !all.is_empty())
    };
    for path in files {
        let Some(rule) = git::rule(project, path, machine.home().ok()) else {
            continue;
        };
        // A tracked file stays tracked, whatever is ignored.
        if tracked(path) {
            continue;
        }
        match rules.iter_mut().find(|(known, _)| *known == rule) {
            Some((_, all)) => all.push(path),
            None => rules.push((rule, vec![path])),
        }
    }
    let found = rules.into_iter().map(|(rule, paths)| {
        let names: Vec<String> = paths.iter().map(|path| shown(path)).collect();
        let more = match names.len() {
            0..=3 => names.join(", "),
            count => format!("{}, {} and {} more", names[0], names[1], count - 2),
        };
        let slash = if paths.iter().any(|path| **path == rule.fits) { "" } else { "/" };
        let back = format!("!/{}{slash}", rule.fits.display());
        Notice {
            path: rule.file.strip_prefix(project).unwrap_or(&rule.file).to_owned(),
            line: Some(rule.line),
            what: format!(
                "git ignores {more} by the rule {}: clones do not get it, and files that refer to \
                 it do not work there; add the line {} after that rule",
                shown(Path::new(&rule.text)),
                shown(Path::new(&back))
            ),
        }
    });
    found.collect()
}
