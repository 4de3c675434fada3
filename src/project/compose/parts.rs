//! What an overlay says about its service, and the resulting text. The template is what a new
//! project gets, and valid by itself; every other overlay is built from its blocks, so that each
//! exists only once.

use std::ffi::OsStr;
use std::path::{Component, Path, PathBuf};

use super::OVERLAY;
use super::read::Services;
use super::text::{literal, quoted, scalar};
use crate::certificates::PROJECT_FOLDER;
use crate::failure::shown;
use crate::project::OWN_FOLDER;

/// The command to run.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) enum Command {
    /// Not mentioned.
    #[default]
    Kept,
    /// The template's.
    Template,
    /// This line, which compose splits as a shell does. `true`: the service has an entrypoint that
    /// must be bypassed.
    Line(String, bool),
    /// These words. `true` as above.
    Words(Vec<String>, bool),
}

/// How serve.cjs is loaded into Azurite.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Serve {
    /// Where the certificates are mounted.
    pub(super) certs: String,
    /// Whether Azurite ends when the other container's network that it has joined disappears.
    pub(super) leaves: bool,
    /// What the service already has in `NODE_OPTIONS`.
    pub(super) node_options: Option<String>,
}

/// What an overlay says about its service.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Parts {
    /// Keys that are copied from the template.
    pub(super) plain: Vec<&'static str>,
    pub(super) network_mode: Option<String>,
    pub(super) networks: Vec<String>,
    pub(super) ports: Vec<String>,
    pub(super) serve: Option<Serve>,
    /// A new volume, and where it is mounted.
    pub(super) data: Option<(String, String)>,
    pub(super) command: Command,
    /// The ports to check.
    pub(super) healthcheck: Option<Vec<u16>>,
}

impl Parts {
    /// The whole file.
    pub(super) fn render(&self, services: &Services, service: &str, project: &Path) -> String {
        let mut text = header(services, project);
        let mut body = self.body(services, project);
        if body.is_empty() {
            text.push_str(&format!("services:\n  {}: {{}}\n", scalar(service)));
        } else {
            text.push_str(&format!("services:\n  {}:\n", scalar(service)));
            text.push_str(&std::mem::take(&mut body));
        }
        if let Some((volume, _)) = &self.data {
            text.push_str(&format!("volumes:\n  {}:\n", scalar(volume)));
        }
        text
    }

    fn body(&self, services: &Services, project: &Path) -> String {
        let mut text = String::new();
        let mut add = |there: bool, block: String| {
            if there {
                text.push_str(&block);
            }
        };
        add(self.plain.contains(&"image"), block("image"));
        if let Some(mode) = &self.network_mode {
            let template = block("network_mode");
            add(
                true,
                template.replace("\"service:devcontainer\"", &quoted(&literal(mode))),
            );
        }
        add(!self.networks.is_empty(), list("networks", &self.networks));
        add(!self.ports.is_empty(), list("ports", &self.ports));
        for key in ["init", "restart"] {
            add(self.plain.contains(&key), block(key));
        }
        add(true, self.volumes(services, project));
        let certs = self.serve.as_ref().map_or("/certs", |serve| &serve.certs);
        let certs = format!("{certs}/");
        add(true, self.environment());
        add(true, self.command());
        if let Some(ports) = &self.healthcheck {
            let ports: Vec<String> = ports.iter().map(|port| format!("\"{port}\"")).collect();
            let template = block("healthcheck").replace("/certs/", &certs);
            let template = template.replace("\"10000\", \"10001\", \"10002\"", &ports.join(", "));
            add(
                true,
                match ports.len() {
                    1 => template.replace("each of the three ports", "its port"),
                    _ => template,
                },
            );
        }
        text
    }

    fn volumes(&self, services: &Services, project: &Path) -> String {
        let template = block("volumes");
        let data = "      - azurite-data:/data\n";
        let added = self.data.as_ref().map(|(volume, target)| {
            let mount = format!("{volume}:{target}");
            let plain = mount
                .chars()
                .all(|c| c.is_ascii_alphanumeric() || "/._-:".contains(c));
            let mount = if plain {
                mount
            } else {
                quoted(&literal(&mount))
            };
            format!("      - {mount}\n")
        });
        let source = |folder: &str| {
            let source = relative(services.folder(), &project.join(folder));
            let source = source.to_string_lossy();
            let source = if source.starts_with("..") || source.starts_with('/') {
                source.into_owned()
            } else {
                format!("./{source}")
            };
            format!("source: {}\n", scalar(&literal(&source)))
        };
        match (&self.serve, added) {
            (None, None) => String::new(),
            (None, Some(added)) => format!("    volumes:\n{added}"),
            (Some(serve), added) => template
                .replace(data, &added.unwrap_or_default())
                .replace("source: ./azurite-certs\n", &source(PROJECT_FOLDER))
                .replace("source: ./azurite\n", &source(OWN_FOLDER))
                .replace("/certs\n", &format!("{}\n", serve.certs)),
        }
    }

    /// The variables that load serve.cjs and configure it.
    fn environment(&self) -> String {
        let Some(serve) = &self.serve else {
            return String::new();
        };
        let mut template = block("environment");
        if let Some(theirs) = &serve.node_options {
            let ours = "--require /azup/serve.cjs";
            template = template.replace(ours, &quoted(&format!("{ours} {theirs}")));
        }
        if !serve.leaves {
            template = template.replace("      AZUP_SERVE: leave-with-network\n", "");
        }
        template
    }

    fn command(&self) -> String {
        match &self.command {
            Command::Kept => String::new(),
            Command::Template => block("command"),
            Command::Line(line, entrypoint) => {
                // env runs its arguments, here those of one line, as the image's own entrypoint
                // would.
                let entrypoint = if *entrypoint {
                    "    entrypoint: [env]\n"
                } else {
                    ""
                };
                format!("{entrypoint}    command: {}\n", scalar(line))
            }
            Command::Words(words, false) => list("command", words),
            Command::Words(words, true) => {
                let (first, rest) = words.split_at(1);
                list("entrypoint", first) + &list("command", rest)
            }
        }
    }
}

/// A key of the service in the template, with the comment above it.
fn block(key: &str) -> String {
    let (_, body) = OVERLAY.split_once("  azurite:\n").unwrap_or_default();
    let (body, _) = body.split_once("\nvolumes:").unwrap_or_default();
    let mut blocks: Vec<(bool, String, bool)> = Vec::new();
    for line in body.lines() {
        let top = line.starts_with("    ") && !line.starts_with("     ");
        let comment = top && line.trim_start().starts_with('#');
        let is_key = top && !comment;
        let joins = matches!(blocks.last(), Some((_, _, open)) if *open || !top);
        if !joins {
            blocks.push((false, String::new(), true));
        }
        if let Some((found, text, open)) = blocks.last_mut() {
            *found |= is_key && line.trim_start().starts_with(&format!("{key}:"));
            text.push_str(line);
            text.push('\n');
            *open = comment || (*open && !is_key);
        }
    }
    let found = blocks.into_iter().find(|(found, _, _)| *found);
    found.map(|(_, text, _)| text).unwrap_or_default()
}

fn list(key: &str, items: &[String]) -> String {
    let mut text = format!("    {key}:\n");
    for item in items {
        text.push_str(&format!("      - {}\n", quoted_if_needed(item)));
    }
    text
}

/// Words may begin with a dash, which YAML reads as text unless a space follows.
fn quoted_if_needed(text: &str) -> String {
    let flag = text.strip_prefix("--").filter(|rest| {
        rest.starts_with(|c: char| c.is_ascii_alphabetic())
            && rest.chars().all(|c| c.is_ascii_alphanumeric() || c == '-')
    });
    if flag.is_some() {
        text.to_owned()
    } else {
        scalar(text)
    }
}

fn header(services: &Services, project: &Path) -> String {
    let (header, _) = OVERLAY.split_once("services:\n").unwrap_or_default();
    let first = services
        .files
        .first()
        .map_or(Path::new(""), PathBuf::as_path);
    let own = relative(&project.join(OWN_FOLDER), first);
    let folder = relative(project, services.folder());
    let folder = if folder == Path::new(".") {
        "the project's".to_owned()
    } else {
        shown(&folder)
    };
    header
        .replace("../docker-compose.yml", &shown(&own))
        .replace(
            "first file: .devcontainer.",
            &format!("first file: {folder}."),
        )
}

/// The relative path from one folder to another path, computed from their names alone; `.` if they
/// are the same.
pub(in crate::project) fn relative(from: &Path, to: &Path) -> PathBuf {
    let (from, to) = (normal(from), normal(to));
    let shared = from.iter().zip(&to).take_while(|(a, b)| a == b).count();
    let up = from[shared..].iter().map(|_| OsStr::new(".."));
    let way: PathBuf = up.chain(to[shared..].iter().map(AsRef::as_ref)).collect();
    if way.as_os_str().is_empty() {
        PathBuf::from(".")
    } else {
        way
    }
}

/// The components of a path without `.` and `..`.
fn normal(path: &Path) -> Vec<std::ffi::OsString> {
    let mut components = Vec::new();
    for component in path.components() {
        match component {
            Component::CurDir => {}
            Component::ParentDir => {
                components.pop();
            }
            other => components.push(other.as_os_str().to_owned()),
        }
    }
    components
}

/// Whether a path in a compose file is inside `folder`.
pub(super) fn is_within(services: &Services, path: &str, folder: &Path) -> bool {
    let path = normal(&services.folder().join(path));
    path.starts_with(&normal(folder))
}
