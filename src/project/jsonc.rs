//! The gate through which every edit of a user's JSON file goes (devcontainer.json,
//! tasks.json, launch.json: JSON with comments and trailing commas).
//!
//! [`add`] splices additions into the text and then distrusts itself: what it made is
//! parsed again, must differ from the old document in exactly what was asked for, must
//! keep every old line, and must give back the old bytes when [`remove`] takes the
//! additions out. Else it refuses, and nothing is written.
//!
//! The laws, each checked on the bytes whenever a document is edited ([`add`] and
//! [`remove`] alike):
//! - The new document differs from the old one in what was asked for and in nothing else,
//!   order of members included. All comments are there, in order.
//! - A new element stands after the last one. Every old line is still there, in order,
//!   but one, which gains a comma, or in which the container stands that grows
//!   (`[3000]`, `{}`). A value that becomes the first element of a list gains brackets
//!   around it. [`Edit::Replace`] and [`Edit::Drop`] touch the lines of the value, and
//!   one comma.
//! - Line ends stay all LF or all CR LF, and byte order mark and final newline as they are.
//! - Taking the additions out gives back the old bytes; adding again changes nothing.

mod document;
mod edits;
mod gate;
mod laws;
mod reader;
mod splice;
mod style;
#[cfg(test)]
mod tests;
mod undo;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use document::Document;

/// One step from the root of a document inwards.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Step {
    /// The member of an object.
    Key(String),
    /// The one element of a list whose member `key` is `value`: a task by its label. An
    /// index would not survive an edit by the user.
    With {
        /// The member that tells elements apart.
        key: String,
        /// What it has to be.
        value: String,
    },
}

/// What a document is to have that it may not have yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Edit {
    /// The object at `at` has the member `key` with this value. Objects on the way that
    /// are missing are made. A member with another value is a refusal.
    Member {
        /// Where the object is.
        at: Vec<Step>,
        /// The name of the member.
        key: String,
        /// Its value.
        value: Value,
    },
    /// The list at `at` has this element (equal, or for objects: the same `label` or
    /// `name`). A missing list is made; anything else but a list that stands in its place
    /// (a string in `dockerComposeFile` or `dependsOn`) becomes its first element.
    Item {
        /// Where the list is.
        at: Vec<Step>,
        /// The element.
        value: Value,
    },
    /// The value at `at` becomes another one: only where the user has asked for it.
    Replace {
        /// Where the value is.
        at: Vec<Step>,
        /// What it is now.
        from: Value,
        /// What it becomes.
        to: Value,
    },
    /// The object at `at` loses a member: only where the user has asked for it.
    Drop {
        /// Where the object is.
        at: Vec<Step>,
        /// The name of the member.
        key: String,
    },
}

/// What one [`Edit`] really did, so that [`remove`] takes back that and no more. Kept in
/// the project's record.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Addition {
    /// A member was added.
    Member {
        /// Where the object is.
        at: Vec<Step>,
        /// The name of the member.
        key: String,
        /// Its value.
        value: Value,
        /// How many of the objects at the end of `at` were made for it: they go with it
        /// if nothing else is in them.
        #[serde(default)]
        made: usize,
        /// The white space that stood between the brackets, if they were empty.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        inside: Option<String>,
    },
    /// An element was added.
    Item {
        /// Where the list is.
        at: Vec<Step>,
        /// The element.
        value: Value,
        /// As of a member; the list itself counts.
        #[serde(default)]
        made: usize,
        /// Whether the list was made of another value, which is its first element.
        #[serde(default)]
        wraps: bool,
        /// As of a member.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        inside: Option<String>,
    },
    /// A value was replaced.
    Replaced {
        /// Where it is.
        at: Vec<Step>,
        /// The text of the old one.
        text: String,
        /// The new one.
        value: Value,
    },
    /// A member was dropped.
    Dropped {
        /// Where the object is.
        at: Vec<Step>,
        /// The name of the member.
        key: String,
        /// Its text.
        text: String,
        /// All that stood between its neighbours.
        before: String,
        /// What stands there since.
        after: String,
        /// The member before it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        follows: Option<String>,
    },
}

/// A document after [`add`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Edited {
    /// All its bytes: the old ones where there was nothing to add.
    pub bytes: Vec<u8>,
    /// What was added, in the order of the edits; nothing for what was there already.
    pub additions: Vec<Addition>,
}

/// Why a document is not edited: one line without its path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal(pub String);

/// What is larger than this (bytes) no person has written, and editing it, with every law
/// checked on its bytes, would take minutes.
const LARGEST: usize = 1 << 20;

fn of_a_persons_size(bytes: &[u8]) -> Result<(), Refusal> {
    if bytes.len() > LARGEST {
        let size = bytes.len() >> 20;
        return Err(Refusal(format!("it is too large ({size} MB) to be edited")));
    }
    Ok(())
}

/// Reads a document strictly: comments and trailing commas are all that JSON lacks. A
/// byte order mark is skipped; duplicate keys are refused, since readers differ on them.
pub fn parse(bytes: &[u8]) -> Result<Value, Refusal> {
    of_a_persons_size(bytes)?;
    let text = gate::File::read(bytes)?.text;
    Ok(Document::read(text)?.root.value())
}

/// The document with every edit made.
pub fn add(before: &[u8], edits: &[Edit]) -> Result<Edited, Refusal> {
    of_a_persons_size(before)?;
    gate::add(before, edits)
}

/// The document without the additions: the bytes from before [`add`] where nothing else
/// has changed since, else every other line as it is now. What is gone already is no
/// error.
pub fn remove(now: &[u8], additions: &[Addition]) -> Result<Vec<u8>, Refusal> {
    gate::remove(now, additions)
}

/// The value at a path, if there is one (the first, if several elements of a list fit).
#[cfg(any(test, feature = "internals"))]
pub fn find<'v>(document: &'v Value, path: &[Step]) -> Option<&'v Value> {
    path.iter().try_fold(document, |value, step| match step {
        Step::Key(key) => value.as_object()?.get(key),
        Step::With { key, value: wanted } => value
            .as_array()?
            .iter()
            .find(|each| each.get(key).and_then(Value::as_str) == Some(wanted)),
    })
}

/// The same edits for a person to make by hand: JSON to paste, with the place of each.
pub fn snippet(edits: &[Edit]) -> String {
    let json = |value: &Value| serde_json::to_string_pretty(value).unwrap_or_default();
    let text = edits.iter().map(|edit| match edit {
        Edit::Member { at, key, value } => {
            let member = format!("{}: {}", Value::from(key.as_str()), json(value));
            format!("in {}, add:\n{member}\n", place(at))
        }
        Edit::Item { at, value } => format!("in the list {}, add:\n{}\n", place(at), json(value)),
        Edit::Replace { at, to, .. } => {
            format!("instead of {}, write:\n{}\n", place(at), json(to))
        }
        Edit::Drop { at, key } => {
            format!("in {}, remove {}\n", place(at), Value::from(key.as_str()))
        }
    });
    text.collect::<Vec<_>>().join("\n")
}

/// What was added, for a person to take out by hand: the place of each.
pub fn to_take_out(additions: &[Addition]) -> String {
    let json = |value: &Value| value.to_string();
    let text = additions.iter().map(|addition| match addition {
        Addition::Member { at, key, value, .. } => {
            format!("in {}: {}: {}\n", place(at), Value::from(key.as_str()), json(value))
        }
        Addition::Item { at, value, .. } => match identity(value) {
            Some((key, name)) => {
                let (key, name) = (Value::from(key), Value::from(name));
                format!("in the list {}: the one with {key}: {name}\n", place(at))
            }
            None => format!("in the list {}: {}\n", place(at), json(value)),
        },
        Addition::Replaced { at, text, .. } => {
            format!("instead of {}, write: {text}\n", place(at))
        }
        Addition::Dropped { at, text, .. } => format!("in {}, add: {text}\n", place(at)),
    });
    text.collect()
}

/// A path for a person who has to find it.
fn place(path: &[Step]) -> String {
    let steps = path.iter().map(|step| match step {
        Step::Key(key) => Value::from(key.as_str()).to_string(),
        Step::With { key, value } => {
            let (key, value) = (Value::from(key.as_str()), Value::from(value.as_str()));
            format!("the one with {key}: {value}")
        }
    });
    match steps.collect::<Vec<_>>().join(", ") {
        empty if empty.is_empty() => "the outermost braces".to_owned(),
        place => place,
    }
}

/// A path for a refusal: `portsAttributes.10000`, `tasks[label=build].dependsOn`.
fn shown(path: &[Step]) -> String {
    let mut text = String::new();
    for step in path {
        match step {
            Step::Key(key) if text.is_empty() => text.push_str(key),
            Step::Key(key) => text.push_str(&format!(".{key}")),
            Step::With { key, value } => text.push_str(&format!("[{key}={value}]")),
        }
    }
    text
}

/// By what people know an element of a list, whatever else is in it.
fn identity(element: &Value) -> Option<(&str, &str)> {
    ["label", "name"]
        .into_iter()
        .find_map(|key| Some((key, element.get(key)?.as_str()?)))
}
