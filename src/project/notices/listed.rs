//! The files that are looked into: those that git lists, and those that lie around.

use std::collections::{BTreeSet, VecDeque};
use std::path::{Path, PathBuf};

use crate::certificates::PROJECT_FOLDER;
use crate::files;
use crate::git;
use crate::project::OWN_FOLDER;

/// How many folders deep files lie around that git does not list.
const DEPTH: usize = 6;

/// How many names are read of each kind.
const MOST_NAMES: usize = 10_000;

/// How many files are read, and how much of them (bytes).
const MOST_FILES: usize = 3_000;
const MOST_BYTES: u64 = 24 << 20;

/// Settings and sources that people write are smaller (bytes).
const LARGEST: u64 = 256 << 10;

/// Folders of tools, and of what they make.
const LEFT_OUT: [&str; 17] = [
    "__pycache__", "__azurite__", ".git", ".terraform", ".tox", ".venv", ".next", "bin", "build", "dist", "env",
    "node_modules", "obj", "site-packages", "target", "vendor", "venv",
];

/// The endings of files in which settings are.
const KINDS: [&str; 42] = [
    "bicep", "cfg", "cjs", "code-workspace", "conf", "config", "cs", "csproj", "env", "fs", "go",
    "gradle", "http", "ini", "java", "js", "json", "json5", "jsonc", "jsx", "kt", "kts", "mjs",
    "mts", "php", "properties", "props", "ps1", "psm1", "py", "rb", "rs", "runsettings", "sh", "tf", "toml", "ts",
    "tsx", "vb", "xml", "yaml", "yml",
];

/// Files without such an ending.
const NAMES: [&str; 5] = ["Dockerfile", "Makefile", "Justfile", "justfile", "Procfile"];

/// Made by tools, and long.
const MADE: [&str; 4] = ["package-lock.json", "npm-shrinkwrap.json", "pnpm-lock.yaml", "packages.lock.json"];

/// The files of a project in which something may be found.
pub struct Listed {
    project: PathBuf,
    paths: BTreeSet<PathBuf>,
    /// Whether there are more than are read.
    pub(super) is_cut: bool,
}

impl Listed {
    /// Those of `project`.
    pub fn of(project: &Path) -> Self {
        let tracked = git::tracked_below(project, MOST_NAMES + 1);
        let mut is_cut = tracked.len() > MOST_NAMES;
        let mut paths: BTreeSet<PathBuf> = tracked.into_iter().filter(|path| is_read(path)).collect();
        let (around, more) = lying_around(project);
        is_cut |= more;
        paths.extend(around);
        is_cut |= paths.len() > MOST_FILES;
        Self {
            project: project.to_owned(),
            paths,
            is_cut,
        }
    }

    /// Each with its text. Links are not followed, and what is no text is passed over.
    pub fn texts(&self) -> impl Iterator<Item = (PathBuf, String)> {
        let mut left = MOST_BYTES;
        self.paths.iter().take(MOST_FILES).filter_map(move |path| {
            let at = self.project.join(path);
            let about = at.symlink_metadata().ok()?;
            if !about.is_file() || about.len() > LARGEST || about.len() > left || is_behind_link(&self.project, path) {
                return None;
            }
            left -= about.len();
            let bytes = files::read_if_there(&at).ok().flatten()?;
            Some((path.clone(), String::from_utf8(bytes).ok()?))
        })
    }
}

fn is_behind_link(project: &Path, path: &Path) -> bool {
    let folders = path.ancestors().skip(1).filter(|folder| *folder != Path::new(""));
    folders.into_iter().any(|folder| project.join(folder).is_symlink())
}

/// Whether it is a file to look into.
fn is_read(path: &Path) -> bool {
    let own = [OWN_FOLDER, PROJECT_FOLDER].iter().any(|own| path.starts_with(own));
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let kind = path.extension().unwrap_or_default().to_string_lossy();
    let left_out = path.parent().is_some_and(|folder| {
        folder.components().any(|part| LEFT_OUT.contains(&&*part.as_os_str().to_string_lossy()))
    });
    !own && !left_out
        && !MADE.contains(&&*name)
        && !name.ends_with(".min.js")
        && (KINDS.contains(&&*kind) || NAMES.contains(&&*name) || name.starts_with(".env") || name == ".runsettings" || name.starts_with("Dockerfile."))
}

fn lying_around(project: &Path) -> (Vec<PathBuf>, bool) {
    let mut found = Vec::new();
    let mut left: VecDeque<(PathBuf, usize)> = [(PathBuf::new(), 0)].into();
    let mut count = 0;
    while let Some((below, depth)) = left.pop_front() {
        let entries = project.join(&below).read_dir().into_iter().flatten().flatten();
        for entry in entries {
            count += 1;
            if count > MOST_NAMES {
                return (found, true);
            }
            let (name, Ok(kind)) = (entry.file_name(), entry.file_type()) else {
                continue;
            };
            let path = below.join(&name);
            if kind.is_file() && is_read(&path) {
                found.push(path);
            } else if kind.is_dir() && depth < DEPTH && !LEFT_OUT.contains(&&*name.to_string_lossy()) {
                left.push_back((path, depth + 1));
            }
        }
    }
    (found, false)
}
