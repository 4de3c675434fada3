//! Adds members and elements to someone else's JSON with comments, and removes them again.
//!
//! [`add`] makes [`Edit`]s in the text of a file and distrusts itself: its result is parsed again,
//! must differ from the old document in exactly what was requested, must keep every old line, and
//! must give back the old bytes when [`remove`] removes the additions. Otherwise it refuses, and
//! there is nothing to write.
//!
//! ```
//! use jsonc_edit::{Edit, Step, add, remove};
//! use serde_json::json;
//!
//! let file = b"{\n  // where it runs\n  \"image\": \"debian\"\n}\n";
//! let ports = Edit::Item { at: vec![Step::Key("forwardPorts".into())], value: json!(8080) };
//! let edited = add(file, &[ports])?;
//! assert_eq!(
//!     edited.bytes,
//!     b"{\n  // where it runs\n  \"image\": \"debian\",\n  \"forwardPorts\": [8080]\n}\n"
//! );
//! assert_eq!(remove(&edited.bytes, &edited.additions)?, file);
//! # Ok::<(), jsonc_edit::Refusal>(())
//! ```
//!
//! The laws, each checked on the bytes whenever a document is edited ([`add`] and [`remove`]
//! alike):
//! - The new document differs from the old one in what was requested and in nothing else, including
//!   the order of members. All comments are there, in order.
//! - A new element comes after the last one. Every old line is still there, in order, except one:
//!   it gains a comma, or contains the container that grows (`[3000]`, `{}`). A value that becomes
//!   the first element of a list gains brackets around it. [`Edit::Replace`] and [`Edit::Drop`]
//!   touch the lines of the value, and one comma.
//! - Line endings stay all LF or all CR LF, and the byte order mark and the final newline as they
//!   are.
//! - Removing the additions gives back the old bytes; adding again changes nothing.

#![forbid(unsafe_code)]

mod by_hand;
mod document;
mod edit;
mod edits;
mod invariants;
mod node;
mod reader;
mod splice;
mod style;
mod undo;

pub use by_hand::{snippet, to_take_out};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use document::Document;

/// One step from the root of a document inwards.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Step {
    /// The member of an object.
    Key(String),
    /// The one element of a list whose member `key` is `value`: a task by its label. An index would
    /// not survive the user's own edits.
    #[serde(rename = "with")]
    Matching {
        /// The member that distinguishes elements.
        key: String,
        /// Its required value.
        value: String,
    },
}

/// Something that a document should have, and may not have yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Edit {
    /// The object at `at` has the member `key` with this value. Missing objects on the way are
    /// created. A member with another value is a refusal.
    Member {
        /// Where the object is.
        at: Vec<Step>,
        /// The name of the member.
        key: String,
        /// Its value.
        value: Value,
    },
    /// The list at `at` has this element (equal, or for objects: the same `label` or `name`). A
    /// missing list is created; any other value in its place (a string in `dockerComposeFile` or
    /// `dependsOn`) becomes its first element.
    Item {
        /// Where the list is.
        at: Vec<Step>,
        /// The element.
        value: Value,
    },
    /// The value at `at` is replaced by another: only if the user has asked for it.
    Replace {
        /// Where the value is.
        at: Vec<Step>,
        /// What it is now.
        from: Value,
        /// What it becomes.
        to: Value,
    },
    /// The object at `at` loses a member: only if the user has asked for it.
    Drop {
        /// Where the object is.
        at: Vec<Step>,
        /// The name of the member.
        key: String,
    },
}

/// What one [`Edit`] really did, so that [`remove`] undoes that and no more. Made to be stored
/// until then, as JSON for example.
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
        /// How many of the objects at the end of `at` were created for it: they are removed with it
        /// if they contain nothing else.
        #[serde(default)]
        made: usize,
        /// The white space between the brackets, if they were empty.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        inside: Option<String>,
    },
    /// An element was added.
    Item {
        /// Where the list is.
        at: Vec<Step>,
        /// The element.
        value: Value,
        /// As for a member; the list itself counts.
        #[serde(default)]
        made: usize,
        /// Whether the list was made from another value, which is its first element.
        #[serde(default)]
        wraps: bool,
        /// As for a member.
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
        /// Everything between its neighbours before.
        before: String,
        /// What is there since.
        after: String,
        /// The member before it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        follows: Option<String>,
    },
}

/// A document after [`add`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Edited {
    /// All its bytes: the old ones if there was nothing to add.
    pub bytes: Vec<u8>,
    /// What was added, in the order of the edits; nothing for what was already there.
    pub additions: Vec<Addition>,
}

/// Why a document is not edited: one line without its path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal(pub String);

impl std::fmt::Display for Refusal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Refusal {}

/// A person has not written a file larger than this (bytes), and editing it, with every law checked
/// on its bytes, would take minutes.
const LARGEST: usize = 1 << 20;

fn of_a_persons_size(bytes: &[u8]) -> Result<(), Refusal> {
    if bytes.len() > LARGEST {
        let size = bytes.len() >> 20;
        return Err(Refusal(format!("it is too large ({size} MB) to be edited")));
    }
    Ok(())
}

/// Reads a document strictly: comments and trailing commas are the only extensions to JSON. A byte
/// order mark is skipped; duplicate keys are refused, since readers differ on them.
pub fn parse(bytes: &[u8]) -> Result<Value, Refusal> {
    of_a_persons_size(bytes)?;
    Ok(Document::read(edit::text(bytes)?.1)?.root.value())
}

/// The document with every edit made.
pub fn add(before: &[u8], edits: &[Edit]) -> Result<Edited, Refusal> {
    of_a_persons_size(before)?;
    edit::add(before, edits)
}

/// The document without the additions: the bytes from before [`add`] if nothing else has changed
/// since, else every other line as it is now. An addition that is already gone is not an error.
pub fn remove(now: &[u8], additions: &[Addition]) -> Result<Vec<u8>, Refusal> {
    edit::remove(now, additions)
}

/// The value at a path, if there is one (the first, if several elements of a list match).
pub fn find<'v>(document: &'v Value, path: &[Step]) -> Option<&'v Value> {
    path.iter().try_fold(document, |value, step| match step {
        Step::Key(key) => value.as_object()?.get(key),
        Step::Matching { key, value: wanted } => value
            .as_array()?
            .iter()
            .find(|each| each.get(key).and_then(Value::as_str) == Some(wanted)),
    })
}

/// A path for a refusal: `portsAttributes.10000`, `tasks[label=build].dependsOn`.
fn shown(path: &[Step]) -> String {
    let mut text = String::new();
    for step in path {
        match step {
            Step::Key(key) if text.is_empty() => text.push_str(key),
            Step::Key(key) => text.push_str(&format!(".{key}")),
            Step::Matching { key, value } => text.push_str(&format!("[{key}={value}]")),
        }
    }
    text
}

/// What identifies an element of a list to people, whatever else is in it.
fn identity(element: &Value) -> Option<(&str, &str)> {
    ["label", "name"]
        .into_iter()
        .find_map(|key| Some((key, element.get(key)?.as_str()?)))
}
