//! The files of a project, by name: a bounded walk that skips what tools generate.

use std::collections::VecDeque;
use std::path::{Path, PathBuf};

use crate::options::Language;
use crate::files;

/// How many folders deep to look.
const DEPTH: usize = 4;

/// How many names to read. The first few are enough to recognise a project.
const MOST: usize = 5_000;

/// Manifests larger than this (bytes) were not written by a person.
const LARGEST: u64 = 1 << 20;

/// Folders of tools and their output.
const LEFT_OUT: [&str; 12] = [
    "__pycache__",
    "bin",
    "build",
    "dist",
    "env",
    "node_modules",
    "obj",
    "out",
    "site-packages",
    "target",
    "vendor",
    "venv",
];

/// Every language, in order of precedence between equals.
pub(super) const ALL: [Language; 6] = [
    Language::Python,
    Language::Dotnet,
    Language::Java,
    Language::Go,
    Language::Node,
    Language::Powershell,
];

/// The files that were found, the shallowest first.
pub(in crate::project) struct Tree {
    folder: PathBuf,
    files: Vec<PathBuf>,
}

impl Tree {
    pub(in crate::project) fn read(folder: &Path) -> Self {
        let mut found = Vec::new();
        let mut left: VecDeque<(PathBuf, usize)> = [(PathBuf::new(), 0)].into();
        let mut count = 0;
        while let Some((below, depth)) = left.pop_front() {
            let entries = folder.join(&below).read_dir();
            let mut names: Vec<_> = entries
                .into_iter()
                .flatten()
                .flatten()
                .take(MOST)
                .filter_map(|entry| Some((entry.file_name(), entry.file_type().ok()?)))
                .collect();
            names.sort_by(|one, other| one.0.cmp(&other.0));
            for (name, kind) in names {
                count += 1;
                if count > MOST {
                    break;
                }
                let text = name.to_string_lossy();
                if kind.is_file() {
                    found.push(below.join(&name));
                } else if kind.is_dir()
                    && depth < DEPTH
                    && !text.starts_with('.')
                    && !LEFT_OUT.contains(&&*text)
                {
                    left.push_back((below.join(&name), depth + 1));
                }
            }
        }
        Self {
            folder: folder.to_owned(),
            files: found,
        }
    }

    pub(super) fn has(&self, path: &Path) -> bool {
        self.files.iter().any(|file| file == path)
    }

    /// The shallowest file whose name matches.
    pub(in crate::project) fn first(&self, fits: impl Fn(&str) -> bool) -> Option<&Path> {
        self.all(fits).next()
    }

    /// Every file whose name matches.
    pub(in crate::project) fn all(&self, fits: impl Fn(&str) -> bool) -> impl Iterator<Item = &Path> {
        let name = move |path: &&PathBuf| {
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            fits(&name)
        };
        self.files.iter().filter(name).map(PathBuf::as_path)
    }

    /// The text of a file; empty if it does not exist or is not text.
    pub(in crate::project) fn text(&self, path: &Path) -> String {
        let at = self.folder.join(path);
        let small = at.metadata().is_ok_and(|about| about.is_file() && about.len() <= LARGEST);
        let bytes = small.then(|| files::read_if_there(&at).ok().flatten()).flatten();
        String::from_utf8_lossy(&bytes.unwrap_or_default()).into_owned()
    }

    /// The file that shows that a language is used here, and how deep it is. A manifest takes
    /// precedence over a lone source file.
    pub(super) fn sign(&self, language: Language) -> Option<(PathBuf, usize)> {
        let depth = |path: &Path| path.components().count();
        let manifest = self.first(|name| is_manifest(language, name));
        let manifest = manifest.map(|path| (path.to_owned(), depth(path)));
        // A file-based program names its packages in the source.
        let single = || {
            let source = self.first(|name| is_source(language, name))?;
            Some((source.to_owned(), depth(source) + DEPTH))
        };
        match language {
            Language::Dotnet => manifest.or_else(|| {
                let program = self.all(|name| is(name, "cs"));
                let based = program.take(50).find(|path| is_file_based(&self.text(path)))?;
                Some((based.to_owned(), depth(based)))
            }),
            // A script beside another language's project is one of its tools.
            Language::Python | Language::Node => manifest.or_else(single),
            Language::Powershell => manifest
                .filter(|(path, _)| !path.ends_with("requirements.psd1") || self.is_functions())
                .or_else(single),
            Language::Java | Language::Go => manifest,
        }
    }

    fn is_functions(&self) -> bool {
        self.first(|name| name == "host.json").is_some()
    }

    /// How many source files of a language there are.
    pub(super) fn sources(&self, language: Language) -> usize {
        self.all(|name| is_source(language, name)).count()
    }
}

/// Whether a name has this extension.
pub(in crate::project) fn is(name: &str, extension: &str) -> bool {
    Path::new(name).extension().is_some_and(|one| one == extension)
}

fn is_manifest(language: Language, name: &str) -> bool {
    let ends = |endings: &[&str]| endings.iter().any(|ending| name.ends_with(ending));
    match language {
        Language::Python => {
            ["pyproject.toml", "requirements.txt", "setup.py", "Pipfile", "uv.lock", "poetry.lock"]
                .contains(&name)
        }
        Language::Node => name == "package.json",
        Language::Dotnet => {
            ends(&[".csproj", ".fsproj", ".vbproj", ".sln", ".slnx"])
                || ["global.json", "Directory.Build.props"].contains(&name)
        }
        Language::Java => name == "pom.xml" || name.starts_with("build.gradle"),
        Language::Go => name == "go.mod",
        Language::Powershell => is(name, "psd1") || name == "profile.ps1",
    }
}

fn is_source(language: Language, name: &str) -> bool {
    let endings: &[&str] = match language {
        Language::Python => &[".py"],
        Language::Node => &[".js", ".mjs", ".cjs", ".ts", ".mts", ".tsx"],
        Language::Dotnet => &[".cs", ".fs", ".vb"],
        Language::Java => &[".java", ".kt"],
        Language::Go => &[".go"],
        Language::Powershell => &[".ps1", ".psm1"],
    };
    endings.iter().any(|ending| name.ends_with(ending))
}

/// `dotnet run app.cs`: directives of packages and SDKs at the top of the source.
pub(super) fn is_file_based(text: &str) -> bool {
    let line = |line: &str| line.starts_with("#:") || line.starts_with("#!/usr/bin/env dotnet");
    text.lines().take(20).any(line)
}
