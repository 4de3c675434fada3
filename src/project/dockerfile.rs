//! What a Dockerfile reveals about its image, by reading alone: the base image, the variables that
//! it sets, and whether it brings Node.js.

use std::path::Path;

use serde_json::Value;

use crate::files;

/// Dockerfiles larger than this (bytes) were not written by a person.
const LARGEST: u64 = 1 << 20;

/// Words in an instruction that installs Node.js.
const NODE: [&str; 9] = [
    "--from=node",
    "fnm install",
    "install_node",
    "nodejs",
    "nodesource",
    "npm ",
    "nvm ",
    "node_version",
    "volta ",
];

/// What an image is made from, as far as files tell.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Base {
    /// The named image; for a Dockerfile, that of its last stage.
    pub image: Option<String>,
    /// Names of the variables that the Dockerfile sets.
    pub variables: Vec<String>,
    /// Whether the Dockerfile brings Node.js.
    node: bool,
}

impl Base {
    /// For an image without a Dockerfile.
    pub fn of_image(image: Option<&str>) -> Self {
        Self {
            image: image.map(str::to_owned),
            ..Self::default()
        }
    }

    /// For the configuration `value` in `folder`, if no compose file makes the container.
    pub fn of_configuration(value: &Value, folder: &Path) -> Self {
        let build = &value["build"];
        let file = build["dockerfile"]
            .as_str()
            .or_else(|| value["dockerFile"].as_str());
        match file {
            Some(file) => Self::read(&folder.join(file), build["target"].as_str(), &build["args"]),
            None => Self::of_image(value["image"].as_str()),
        }
    }

    /// For the Dockerfile at `path`, up to the stage `target`.
    pub fn read(path: &Path, target: Option<&str>, args: &Value) -> Self {
        let small = |path: &Path| {
            let about = path.metadata();
            about.is_ok_and(|about| about.is_file() && about.len() <= LARGEST)
        };
        let bytes = small(path).then(|| files::read_if_there(path).ok().flatten());
        let bytes = bytes.flatten().unwrap_or_default();
        Self::parse(&String::from_utf8_lossy(&bytes), target, args)
    }

    fn parse(text: &str, target: Option<&str>, args: &Value) -> Self {
        let mut stages: Vec<(Option<String>, Self)> = Vec::new();
        let mut known: Vec<(String, String)> = Vec::new();
        for line in instructions(text) {
            let (word, rest) = line.split_once(char::is_whitespace).unwrap_or((&line, ""));
            match word.to_ascii_uppercase().as_str() {
                "ARG" => known.push(argument(rest, args)),
                "FROM" => {
                    let (image, name) = from(rest, &known);
                    // A stage that builds on another has everything in that one.
                    let below = stages.iter().find(|(name, _)| name.as_deref() == Some(&image));
                    let below = below.map(|(_, base)| base.clone());
                    stages.push((name, below.unwrap_or_else(|| Self::of_image(Some(&image)))));
                }
                "ENV" => {
                    if let Some((_, base)) = stages.last_mut() {
                        base.variables.extend(names(rest));
                    }
                }
                _ => {}
            }
            let small = line.to_ascii_lowercase();
            if let Some((_, base)) = stages.last_mut() {
                base.node |= ["run", "copy", "arg", "env"].contains(&&*word.to_ascii_lowercase())
                    && NODE.iter().any(|sign| small.contains(sign));
            }
        }
        let found = match target {
            Some(target) => stages.into_iter().find(|(name, _)| name.as_deref() == Some(target)),
            None => stages.pop(),
        };
        found.map(|(_, base)| base).unwrap_or_default()
    }

    /// Whether the image is known to bring Node.js.
    pub fn has_node(&self) -> bool {
        let name = self.image.as_deref().map(last).unwrap_or_default();
        let prefixes = ["javascript-node", "typescript-node"];
        self.node
            || ["universal", "node"].contains(&name)
            || prefixes.iter().any(|prefix| {
                name.strip_prefix(prefix)
                    .is_some_and(|rest| rest.is_empty() || rest.starts_with('-'))
            })
    }

    /// Whether it is Alpine Linux, which the Node.js Feature does not support.
    pub fn is_alpine(&self) -> bool {
        let image = self.image.as_deref().unwrap_or_default();
        image.contains("alpine")
    }
}

/// The name of an image or a Feature without registry, digest and version.
pub(super) fn last(name: &str) -> &str {
    let name = name.split('@').next().unwrap_or(name);
    let last = name.rsplit('/').next().unwrap_or(name);
    last.split(':').next().unwrap_or(last)
}

/// The instructions, each in one line, without comments.
fn instructions(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut open = String::new();
    for line in text.lines() {
        let line = line.trim();
        if line.starts_with('#') {
            continue;
        }
        if let Some(part) = line.strip_suffix('\\') {
            open += part;
            open.push(' ');
            continue;
        }
        open += line;
        if !open.trim().is_empty() {
            found.push(open.trim().to_owned());
        }
        open.clear();
    }
    found
}

/// `NAME=default`, unless the caller gives another value.
fn argument(rest: &str, args: &Value) -> (String, String) {
    let (name, default) = rest.split_once('=').unwrap_or((rest, ""));
    let given = args[name.trim()].as_str();
    let value = given.unwrap_or(default.trim().trim_matches(['"', '\'']));
    (name.trim().to_owned(), value.to_owned())
}

/// The image of a `FROM` and the name of the stage.
fn from(rest: &str, known: &[(String, String)]) -> (String, Option<String>) {
    let mut words = rest.split_whitespace().filter(|word| !word.starts_with("--"));
    let mut image = words.next().unwrap_or_default().to_owned();
    for (name, value) in known.iter().rev() {
        image = image.replace(&format!("${{{name}}}"), value);
        image = image.replace(&format!("${name}"), value);
    }
    let name = words.nth(1).map(str::to_owned);
    (image, name)
}

/// The names in `A=b C="d e"`, or in the older `A b`.
fn names(rest: &str) -> Vec<String> {
    let first = rest.split_whitespace().next().unwrap_or_default();
    if !first.contains('=') {
        return vec![first.to_owned()];
    }
    let words = rest.split_whitespace().filter_map(|word| word.split_once('='));
    words.map(|(name, _)| name.to_owned()).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::Base;

    fn base(text: &str) -> Base {
        Base::parse(text, None, &Value::Null)
    }

    #[test]
    fn the_last_stage_says_what_the_image_is() {
        let text = "ARG VARIANT=\"3.12\"\nFROM node:22 AS build\nRUN make\n\
                    FROM --platform=linux/amd64 python:${VARIANT} AS base\nENV A=1 \\\n  B=\"2 3\"\n\
                    # RUN npm install\nFROM base\nENV NODE_EXTRA_CA_CERTS /company.pem\n";
        let found = base(text);
        assert_eq!(found.image.as_deref(), Some("python:3.12"));
        assert_eq!(found.variables, ["A", "B", "NODE_EXTRA_CA_CERTS"]);
        assert!(!found.has_node());
        assert!(Base::parse(text, Some("build"), &Value::Null).has_node());
        let other = Base::parse(text, None, &json!({"VARIANT": "3.13"}));
        assert_eq!(other.image.as_deref(), Some("python:3.13"));
    }

    #[test]
    fn node_comes_with_an_image_or_by_an_instruction() {
        for (text, there) in [
            ("FROM mcr.microsoft.com/devcontainers/typescript-node:1-22", true),
            ("FROM mcr.microsoft.com/devcontainers/universal:2", true),
            ("FROM mcr.microsoft.com/azure-functions/node:4-node20-core-tools", true),
            ("FROM localhost:5000/javascript-node@sha256:00", true),
            ("FROM debian\nRUN curl https://deb.nodesource.com/setup_22.x | bash", true),
            ("FROM debian\nRUN apt-get install -y \\\n  git nodejs", true),
            ("FROM debian\nRUN su vscode -c \". nvm.sh && nvm install 22\"", true),
            ("FROM debian\nCOPY --from=node:22 /usr/local /usr/local", true),
            ("FROM debian\nRUN apt-get install -y git", false),
            ("FROM company/node-exporter", false),
            ("", false),
        ] {
            assert_eq!(base(text).has_node(), there, "{text}");
        }
    }
}
