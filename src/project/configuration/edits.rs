//! What to add to a configuration: azup's Feature, the overlay or Node.js, and the ports. Only what
//! is missing; what the user says about a port or a Feature stays.

use std::path::Path;

use jsonc_edit::{Edit, Step};
use serde_json::{Value, json};

use super::plain;
use crate::project::OWN_FOLDER;
use crate::project::compose::Overlay;
use crate::project::dockerfile::last;

/// The Feature that brings Node.js, which Azurite runs on.
pub(in crate::project) const NODE_FEATURE: &str = "ghcr.io/devcontainers/features/node:1";

/// What to add to a configuration at `path` if compose makes the dev container.
pub fn compose_edits(value: &Value, path: &Path, overlay: &Overlay) -> Vec<Edit> {
    let mut edits = Vec::new();
    let reference = reference(path);
    let file = overlay_file(path);
    let listed = match &value["dockerComposeFile"] {
        Value::Array(files) => files.iter().any(|one| is_path(one, &file)),
        one => is_path(one, &file),
    };
    if !listed {
        edits.push(Edit::Item {
            at: key("dockerComposeFile"),
            value: json!(file),
        });
    }
    let mut services: Vec<String> = Vec::new();
    if value.get("runServices").is_some() {
        services.push(overlay.service.clone());
    }
    if let Some(adopted) = &overlay.adopted {
        services.extend(adopted.run_services.iter().flatten().cloned());
    }
    services.dedup();
    edits.extend(services.into_iter().map(|service| Edit::Item {
        at: key("runServices"),
        value: json!(service),
    }));
    edits.extend(feature(value, &reference));
    edits.extend(ports(value, &overlay.forward_ports()));
    edits
}

/// The edits of a conversion, which name one compose file, with the overlay added to it: if a
/// second edit changed that member again, the next run could not recognise it.
pub fn with_overlay(mut edits: Vec<Edit>, path: &Path) -> Vec<Edit> {
    for edit in &mut edits {
        if let Edit::Member { key, value, .. } = edit
            && key == "dockerComposeFile"
            && value.is_string()
        {
            *value = json!([value, overlay_file(path)]);
        }
    }
    edits
}

/// The overlay's path as a configuration at `path` writes it.
fn overlay_file(path: &Path) -> String {
    format!(
        "{}/docker-compose.yml",
        reference(path).trim_start_matches("./")
    )
}

/// What to add to a configuration at `path` if Azurite runs inside the dev container; with `node`,
/// also Node.js.
pub fn embedded_edits(value: &Value, path: &Path, node: bool) -> Vec<Edit> {
    let mut edits: Vec<Edit> = feature(value, &reference(path)).into_iter().collect();
    if node {
        edits.push(Edit::Member {
            at: key("features"),
            key: NODE_FEATURE.to_owned(),
            value: json!({}),
        });
    }
    let three = [("blob", 10000), ("queue", 10001), ("table", 10002)];
    edits.extend(ports(value, &three.map(|(what, port)| (what, json!(port)))));
    edits
}

fn key(name: &str) -> Vec<Step> {
    vec![Step::Key(name.to_owned())]
}

/// azup's own folder as a configuration at `path` writes it.
fn reference(path: &Path) -> String {
    let name = "azurite";
    match path.components().count() {
        1 => format!("./{OWN_FOLDER}"),
        2 => format!("./{name}"),
        _ => format!("../{name}"),
    }
}

fn is_path(value: &Value, path: &str) -> bool {
    value
        .as_str()
        .is_some_and(|one| plain(Path::new(one)) == plain(Path::new(path)))
}

/// Whether a configuration at `path` has azup's Feature.
pub fn names_own_folder(value: &Value, path: &Path) -> bool {
    feature(value, &reference(path)).is_none()
}

fn feature(value: &Value, reference: &str) -> Option<Edit> {
    let known = value["features"].as_object();
    let there = known.is_some_and(|known| known.keys().any(|one| is_reference(one, reference)));
    (!there).then(|| Edit::Member {
        at: key("features"),
        key: reference.to_owned(),
        value: json!({}),
    })
}

fn is_reference(key: &str, reference: &str) -> bool {
    key.starts_with('.') && plain(Path::new(key)) == plain(Path::new(reference))
}

/// Whether a key of `features` is azup's, in a configuration at `path`.
pub(in crate::project) fn is_own_feature(key: &str, path: &Path) -> bool {
    is_reference(key, &reference(path))
}

/// Whether an element of `dockerComposeFile` is azup's, in a configuration at `path`.
pub(in crate::project) fn is_overlay(element: &Value, path: &Path) -> bool {
    is_path(element, &overlay_file(path))
}

/// Whether a Feature brings Node.js.
pub fn has_node_feature(value: &Value) -> bool {
    value["features"]
        .as_object()
        .is_some_and(|features| features.keys().any(|one| last(one) == "node"))
}

/// The ports to forward and their attributes; what the user says about one stays.
fn ports(value: &Value, wanted: &[(&'static str, Value)]) -> Vec<Edit> {
    let mut edits = Vec::new();
    for (_, element) in wanted {
        let listed = value["forwardPorts"]
            .as_array()
            .is_some_and(|list| list.iter().any(|one| same_port(one, element)));
        if !listed {
            edits.push(Edit::Item {
                at: key("forwardPorts"),
                value: element.clone(),
            });
        }
    }
    let is_wanted = |port: u16| wanted.iter().any(|(_, one)| text_of(one) == port.to_string());
    for (what, element) in wanted {
        let name = text_of(element);
        let mut said = value["portsAttributes"].as_object().into_iter().flatten();
        let edit = match said.find(|(one, _)| covers(one, &name)) {
            None => Edit::Member {
                at: key("portsAttributes"),
                key: name,
                value: said_of(what),
            },
            // Without it VS Code opens them over http.
            Some((one, said)) if lacks_protocol(said) && range(one).all(is_wanted) => {
                let at = ["portsAttributes", one].map(|step| Step::Key(step.to_owned()));
                Edit::Member {
                    at: at.to_vec(),
                    key: "protocol".to_owned(),
                    value: json!("https"),
                }
            }
            Some(_) => continue,
        };
        if !edits.contains(&edit) {
            edits.push(edit);
        }
    }
    edits
}

/// Whether the user's attributes of a port are about Azurite but do not say how to open it.
fn lacks_protocol(said: &Value) -> bool {
    said.is_object() && said.get("protocol").is_none() && is_azurites(said["label"].as_str())
}

/// Whether a port with this label is Azurite's, judging by the label.
pub(in crate::project) fn is_azurites(label: Option<&str>) -> bool {
    let words = ["azurite", "blob", "queue", "table", "storage"];
    label.is_none_or(|label| {
        let label = label.to_lowercase();
        words.iter().any(|word| label.contains(word))
    })
}

/// The attributes of a port for the service `what`.
pub(in crate::project) fn said_of(what: &str) -> Value {
    json!({
        "label": format!("Azurite {what}"),
        "protocol": "https",
        "onAutoForward": "silent",
        "requireLocalPort": true
    })
}

fn text_of(element: &Value) -> String {
    element
        .as_str()
        .map_or_else(|| element.to_string(), str::to_owned)
}

/// Whether two elements of `forwardPorts` are the same port: a number, or that of the dev container
/// by name.
fn same_port(one: &Value, other: &Value) -> bool {
    let short = |value: &Value| {
        let text = text_of(value);
        let local = ["localhost:", "127.0.0.1:"];
        let short = local.iter().find_map(|host| text.strip_prefix(host));
        short.unwrap_or(&text).to_owned()
    };
    short(one) == short(other)
}

/// Whether a key of `portsAttributes` covers this port: itself, or a range around it.
fn covers(key: &str, port: &str) -> bool {
    key == port || port.parse().is_ok_and(|port: u16| range(key).contains(&port))
}

/// The ports that a key of `portsAttributes` covers; none if it is not a number.
fn range(key: &str) -> std::ops::RangeInclusive<u16> {
    let (from, to) = key.split_once('-').unwrap_or((key, key));
    match (from.trim().parse(), to.trim().parse()) {
        (Ok(from), Ok(to)) => from..=to,
        _ => std::ops::RangeInclusive::new(1, 0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_place_refers_to_the_own_folder_in_its_way() {
        for (path, expected) in [
            (".devcontainer.json", "./.devcontainer/azurite"),
            (".devcontainer/devcontainer.json", "./azurite"),
            (".devcontainer/python/devcontainer.json", "../azurite"),
        ] {
            assert_eq!(reference(Path::new(path)), expected);
        }
    }

    #[test]
    fn what_is_said_of_a_port_already_is_not_said_again() {
        let value = json!({
            "forwardPorts": ["localhost:10000", 10001, "db:10002"],
            "portsAttributes": {"9000-10001": {}}
        });
        let edits = ports(
            &value,
            &[
                ("blob", json!(10000)),
                ("queue", json!(10001)),
                ("table", json!(10002)),
            ],
        );
        assert_eq!(edits.len(), 2, "{edits:?}");
        assert!(format!("{edits:?}").matches("10002").count() >= 2);
    }

    #[test]
    fn a_port_of_azurites_that_is_labelled_already_is_opened_by_https() {
        let three = [("blob", json!(10000)), ("queue", json!(10001)), ("table", json!(10002))];
        for (said, expected) in [
            (json!({"10000": {"label": "Blobs"}, "10001": {}, "10002": {"label": "tables"}}), 3),
            (json!({"10000-10002": {"label": "Azurite"}}), 1),
            (json!({"10000-10003": {"label": "Azurite"}}), 0),
            (json!({"10000-10002": {"label": "Azurite", "protocol": "http"}}), 0),
            (json!({"10000-10002": {"label": "Webhooks"}}), 0),
        ] {
            let value = json!({"forwardPorts": [10000, 10001, 10002], "portsAttributes": said});
            let edits = ports(&value, &three);
            assert_eq!(edits.len(), expected, "{value} {edits:?}");
            assert!(edits.iter().all(|edit| format!("{edit:?}").contains("protocol")));
        }
    }
}
