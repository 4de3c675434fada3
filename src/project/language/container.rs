//! The dev container that a new project gets: its image, the Features for what the image lacks, the
//! editor's extensions, and the command that prepares it.

use serde_json::{Map, Value, json};

use super::{Installer, Seen};
use crate::options::Language;

/// Microsoft's images for dev containers.
const IMAGES: &str = "mcr.microsoft.com/devcontainers/";

/// Features from the same source.
const FEATURES: &str = "ghcr.io/devcontainers/features/";

/// Azure Functions Core Tools.
const CORE_TOOLS: &str = "ghcr.io/jlaundry/devcontainer-features/azure-functions-core-tools:1";

#[derive(Clone, Debug, PartialEq)]
pub struct Container {
    pub image: String,
    /// The Features that bring what the image lacks.
    pub features: Map<String, Value>,
    /// The editor's extensions.
    pub extensions: Vec<&'static str>,
    /// The command that prepares it after its creation.
    pub ready: Option<String>,
    /// Variables of its compose service.
    pub environment: Vec<(&'static str, &'static str)>,
}

impl Container {
    /// For a project, with the image that the user names.
    pub fn of(seen: &Seen, functions: bool, image: Option<&str>) -> Self {
        let mut features = Map::new();
        let mut extensions = Vec::new();
        for (at, part) in seen.parts.iter().enumerate() {
            let version = part.version.as_ref().map(|(version, _)| version.as_str());
            // The image, even a named one, is expected to bring the leading language.
            let lacks = at > 0 || part.language == Language::Powershell;
            let (name, options) = feature(part.language, version, seen, lacks);
            if let Some(options) = options {
                features.insert(format!("{FEATURES}{name}"), options);
            }
            for extension in extensions_of(part.language, seen) {
                if !extensions.contains(&extension) {
                    extensions.push(extension);
                }
            }
        }
        if functions {
            features.insert(CORE_TOOLS.to_owned(), json!({}));
            extensions.push("ms-azuretools.vscode-azurefunctions");
        }
        let poetry = seen.installer == Some(Installer::Poetry);
        Self {
            image: image.map_or_else(|| image_of(seen), str::to_owned),
            features,
            extensions,
            ready: ready(seen),
            environment: Vec::from_iter(poetry.then_some(("POETRY_VIRTUALENVS_IN_PROJECT", "true"))),
        }
    }
}

fn image_of(seen: &Seen) -> String {
    let Some(part) = seen.leading() else {
        return format!("{IMAGES}base:debian");
    };
    let version = part.version.as_ref().map(|(version, _)| version.as_str());
    let (name, newest) = match part.language {
        Language::Python => ("python", "3"),
        Language::Node if seen.typescript => ("typescript-node", "22"),
        Language::Node => ("javascript-node", "22"),
        Language::Dotnet => ("dotnet", "10.0"),
        Language::Java => ("java", "21"),
        Language::Go => ("go", "1"),
        Language::Powershell => return format!("{IMAGES}base:debian"),
    };
    format!("{IMAGES}{name}:{}", version.unwrap_or(newest))
}

/// The Feature of a language, and its options if needed.
fn feature(
    language: Language,
    version: Option<&str>,
    seen: &Seen,
    lacks: bool,
) -> (&'static str, Option<Value>) {
    let plain = |newest: &str| json!({"version": version.unwrap_or(newest)});
    match language {
        Language::Python => ("python:1", lacks.then(|| plain("os-provided"))),
        Language::Node => ("node:1", lacks.then(|| plain("22"))),
        Language::Dotnet => {
            let runtimes = seen.runtimes.join(", ");
            let mut options = if lacks { plain("10.0") } else { json!({"version": "none"}) };
            if !runtimes.is_empty() {
                options["dotnetRuntimeVersions"] = json!(runtimes);
                options["aspNetCoreRuntimeVersions"] = json!(runtimes);
            }
            ("dotnet:2", (lacks || !runtimes.is_empty()).then_some(options))
        }
        Language::Java => {
            let mut options = if lacks { plain("21") } else { json!({"version": "none"}) };
            for (needed, name) in [(seen.maven, "installMaven"), (seen.gradle, "installGradle")] {
                if needed {
                    options[name] = json!("true");
                }
            }
            ("java:1", (lacks || seen.maven || seen.gradle).then_some(options))
        }
        Language::Go => ("go:1", lacks.then(|| plain("latest"))),
        Language::Powershell => ("powershell:1", lacks.then(|| json!({}))),
    }
}

fn extensions_of(language: Language, seen: &Seen) -> Vec<&'static str> {
    match language {
        Language::Python => vec!["ms-python.python", "ms-python.debugpy"],
        // The debugger for Node.js is part of the editor.
        Language::Node => Vec::new(),
        Language::Dotnet if seen.fsharp => vec!["ms-dotnettools.csdevkit", "ionide.ionide-fsharp"],
        Language::Dotnet => vec!["ms-dotnettools.csdevkit"],
        Language::Java => vec!["vscjava.vscode-java-pack"],
        Language::Go => vec!["golang.go"],
        Language::Powershell => vec!["ms-vscode.powershell"],
    }
}

/// Installs the dependencies when the container is created. Otherwise an editor would choose its
/// interpreter before the project's own exists.
fn ready(seen: &Seen) -> Option<String> {
    let part = seen.leading()?;
    let line = match part.language {
        Language::Python => {
            let install = install(seen)?;
            match seen.installer {
                Some(Installer::Uv) => format!("pipx install uv && {install}"),
                Some(Installer::Poetry) => format!("pipx install poetry && {install}"),
                Some(Installer::Pdm) => format!("pipx install pdm && {install}"),
                Some(Installer::Hatch) => format!("pipx install hatch && {install}"),
                _ => install,
            }
        }
        Language::Node => format!("{} install", seen.packages.unwrap_or("npm")),
        Language::Go => "go mod download".to_owned(),
        Language::Dotnet | Language::Java | Language::Powershell => return None,
    };
    let folder = part.seen.parent().filter(|folder| folder.components().count() > 0);
    match folder.filter(|_| part.language != Language::Python) {
        Some(folder) => Some(format!("cd {} && {line}", crate::failure::shown(folder))),
        None => Some(line),
    }
}

/// The shell command that installs Python's dependencies, and changes nothing if they are
/// installed. An environment whose Python does not run was created on the other side of a bind
/// mount, with that side's paths. pip, which takes a second to do nothing, runs only if its last
/// installation was for different contents; a requirements file that names other files or folders
/// does not show their changes, so pip then always runs.
pub(in crate::project) fn install(seen: &Seen) -> Option<String> {
    let line = install_here(seen)?;
    Some(if is_below(seen) {
        format!("cd {} && {{ {line}; }}", crate::failure::shown(&seen.folder))
    } else {
        line
    })
}

/// The same in the folder of the manifest.
fn install_here(seen: &Seen) -> Option<String> {
    let pip = |what: &str, unless: &str, then: &str| {
        format!(
            ".venv/bin/python -c '' 2>/dev/null || python3 -m venv --clear .venv; {unless} || \
             {{ .venv/bin/python -m pip install --quiet --timeout 5 --retries 1 {what} && {then}; }}"
        )
    };
    let requirements = || {
        let same = "{ cmp -s requirements.txt .venv/requirements.txt && ! grep -q '^ *[-.]' requirements.txt; }";
        pip("-r requirements.txt", same, "cp requirements.txt .venv")
    };
    let project = || {
        let all = "cat pyproject.toml setup.* requirements*.txt 2>/dev/null";
        let same = format!("{all} | cmp -s - .venv/installed");
        pip("-e .", &same, &format!("{{ {all} > .venv/installed; true; }}"))
    };
    Some(match seen.installer? {
        Installer::Uv => "uv sync".to_owned(),
        Installer::Poetry => "poetry install --no-interaction".to_owned(),
        Installer::Pdm => "pdm install".to_owned(),
        Installer::Hatch => "hatch env create".to_owned(),
        Installer::Pip => requirements(),
        Installer::PipProject => project(),
    })
}

/// Whether the manifest is in a subfolder of the project.
fn is_below(seen: &Seen) -> bool {
    seen.folder.components().count() > 0
}

/// The same for Windows' cmd.exe; `None` if every shell understands the usual one.
pub(in crate::project) fn install_on_windows(seen: &Seen) -> Option<String> {
    let pip = |what: &str| {
        format!(
            "(if not exist .venv\\Scripts\\python.exe python -m venv --clear .venv) & \
             .venv\\Scripts\\python -m pip install --quiet --timeout 5 --retries 1 {what}"
        )
    };
    let own = match seen.installer? {
        Installer::Pip => Some(pip("-r requirements.txt")),
        Installer::PipProject => Some(pip("-e .")),
        _ => None,
    };
    if !is_below(seen) {
        return own;
    }
    let line = own.or_else(|| install_here(seen))?;
    // File names on Windows cannot contain a double quote.
    Some(format!("cd \"{}\" && {line}", seen.folder.to_string_lossy()))
}
