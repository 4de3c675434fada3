//! What a project is written in, determined from its files and never by running one: which image a
//! new dev container gets, what installs the dependencies, and whether a debug session needs trust
//! first. A user can override it with `--language`.

mod container;
mod tree;
mod versions;

use std::path::{Path, PathBuf};

pub use container::Container;
pub(super) use container::{install, install_on_windows};
pub(super) use tree::{Tree, is};

use crate::options::Language;
use crate::failure::shown;

/// What installs a project's dependencies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Installer {
    /// `uv.lock`, or `[tool.uv]` in `pyproject.toml`.
    Uv,
    /// `poetry.lock`, or `[tool.poetry]` in `pyproject.toml`.
    Poetry,
    /// `pdm.lock`, or `[tool.pdm]` in `pyproject.toml`.
    Pdm,
    /// `hatch.toml`, or `[tool.hatch.envs]` in `pyproject.toml`.
    Hatch,
    /// `requirements.txt`.
    Pip,
    /// `pyproject.toml` or `setup.py` with none of the others.
    PipProject,
}

/// One language of a project.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    pub language: Language,
    /// The file from which it was recognised, relative to the project's folder.
    pub seen: PathBuf,
    /// The version that the project asks for, and the file that does; the version is written as in
    /// the image's tag.
    pub version: Option<(String, PathBuf)>,
}

/// Everything that was recognised.
#[allow(
    clippy::struct_excessive_bools,
    reason = "each is a question of its own"
)]
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Seen {
    /// The languages, the leading one first.
    pub parts: Vec<Part>,
    /// What installs Python's dependencies in the folder of the leading manifest.
    pub installer: Option<Installer>,
    /// That folder, relative to the project's.
    pub folder: PathBuf,
    /// Whether it has Node.js code in TypeScript.
    pub typescript: bool,
    /// What installs Node.js packages: `npm`, `pnpm` or `yarn`.
    pub packages: Option<&'static str>,
    /// Maven without the project's own wrapper.
    pub maven: bool,
    /// Gradle without the project's own wrapper.
    pub gradle: bool,
    /// F# beside or instead of C#.
    pub fsharp: bool,
    /// Older .NET runtimes that the project's other frameworks need.
    pub runtimes: Vec<String>,
}

impl Seen {
    /// Looks at the project in `folder`.
    pub fn look(folder: &Path) -> Self {
        let tree = Tree::read(folder);
        let mut parts: Vec<(usize, usize, Part)> = Vec::new();
        for language in tree::ALL {
            let Some((manifest, depth)) = tree.sign(language) else {
                continue;
            };
            let part = Part {
                language,
                version: versions::of(language, &tree),
                seen: manifest,
            };
            // The shallowest manifest leads, then the language with the most files.
            parts.push((depth, usize::MAX - tree.sources(language), part));
        }
        parts.sort_by_key(|(depth, sources, _)| (*depth, *sources));
        let mut seen = Self {
            parts: parts.into_iter().map(|(_, _, part)| part).collect(),
            ..Self::default()
        };
        seen.details(&tree);
        seen
    }

    /// The same if the user says which language leads.
    pub fn led_by(mut self, language: Option<Language>, folder: &Path) -> Self {
        let Some(language) = language else {
            return self;
        };
        let tree = Tree::read(folder);
        let known = self.parts.iter().position(|part| part.language == language);
        let part = match known {
            Some(at) => self.parts.remove(at),
            None => Part {
                language,
                seen: PathBuf::new(),
                version: versions::of(language, &tree),
            },
        };
        self.parts.insert(0, part);
        self
    }

    fn details(&mut self, tree: &Tree) {
        if let Some(python) = self.part(Language::Python) {
            let folder = python.seen.parent().unwrap_or(Path::new("")).to_owned();
            self.installer = installer(tree, &folder);
            self.folder = folder;
        }
        let there = |name: &str| tree.first(|file| file == name).is_some();
        self.typescript = there("tsconfig.json") || versions::names_typescript(tree);
        if self.part(Language::Node).is_some() {
            self.packages = Some(if there("pnpm-lock.yaml") {
                "pnpm"
            } else if there("yarn.lock") {
                "yarn"
            } else {
                "npm"
            });
        }
        self.maven = there("pom.xml") && !there("mvnw");
        let gradle = |file: &str| file.starts_with("build.gradle");
        self.gradle = tree.first(gradle).is_some() && !there("gradlew");
        self.fsharp = tree.first(|file| tree::is(file, "fsproj")).is_some();
        self.runtimes = versions::older_runtimes(tree);
    }

    /// The language that leads.
    pub fn leading(&self) -> Option<&Part> {
        self.parts.first()
    }

    /// What was recognised of a language.
    pub fn part(&self, language: Language) -> Option<&Part> {
        self.parts.iter().find(|part| part.language == language)
    }

    /// Whether there is Python, whose certifi an installer replaces.
    pub fn has_python(&self) -> bool {
        self.part(Language::Python).is_some()
    }

    /// What was recognised, in a sentence about the image that follows from it.
    pub fn sentence(&self, image: &str) -> String {
        let Some(part) = self.leading() else {
            return format!(
                "the dev container is {image}: no language was recognised here (--language or --image \
                 choose another)"
            );
        };
        let mut text = format!("the dev container is {image}");
        let reason = match &part.version {
            Some((_, file)) if *file != part.seen => {
                format!("{} and {}", shown(&part.seen), shown(file))
            }
            _ if part.seen == Path::new("") => "--language".to_owned(),
            _ => shown(&part.seen),
        };
        text += &format!(", because of {reason}");
        let others: Vec<&str> = self.parts[1..].iter().map(|part| part.language.title()).collect();
        if !others.is_empty() {
            text += &format!("; a Feature adds {}", others.join(", "));
        }
        text + " (--language or --image choose another)"
    }
}

/// The first installer that the files in `folder` mention.
fn installer(tree: &Tree, folder: &Path) -> Option<Installer> {
    let there = |name: &str| tree.has(&folder.join(name));
    let pyproject = tree.text(&folder.join("pyproject.toml"));
    let table = |name: &str| versions::has_table(&pyproject, name);
    Some(if there("uv.lock") || table("tool.uv") {
        Installer::Uv
    } else if there("poetry.lock") || table("tool.poetry") {
        Installer::Poetry
    } else if there("pdm.lock") || table("tool.pdm") {
        Installer::Pdm
    } else if there("hatch.toml") || table("tool.hatch.envs") {
        Installer::Hatch
    } else if there("requirements.txt") {
        Installer::Pip
    } else if there("setup.py") || table("project") || table("build-system") {
        Installer::PipProject
    } else {
        return None;
    })
}
