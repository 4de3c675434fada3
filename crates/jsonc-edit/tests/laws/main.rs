#![allow(clippy::unwrap_used)]

mod adding;
mod generated;
mod laws;
mod refusing;
mod removing;

use serde_json::Value;

use jsonc_edit::*;

/// A path like `tasks[label=build].dependsOn`.
fn path(text: &str) -> Vec<Step> {
    let mut steps = Vec::new();
    for part in text.split('.').filter(|part| !part.is_empty()) {
        let (name, with) = part.split_once('[').unwrap_or((part, ""));
        steps.push(Step::Key(name.to_owned()));
        if let Some((key, value)) = with.trim_end_matches(']').split_once('=') {
            steps.push(Step::Matching {
                key: key.to_owned(),
                value: value.to_owned(),
            });
        }
    }
    steps
}

fn member(at: &str, key: &str, value: Value) -> Edit {
    Edit::Member {
        at: path(at),
        key: key.to_owned(),
        value,
    }
}

fn item(at: &str, value: Value) -> Edit {
    Edit::Item {
        at: path(at),
        value,
    }
}

fn dropped(at: &str, key: &str) -> Edit {
    Edit::Drop {
        at: path(at),
        key: key.to_owned(),
    }
}

fn replaced(at: &str, from: Value, to: Value) -> Edit {
    Edit::Replace {
        at: path(at),
        from,
        to,
    }
}

/// What becomes of a text, which must come back when the additions go.
fn added(before: &str, edits: &[Edit]) -> String {
    let edited = add(before.as_bytes(), edits).unwrap();
    let back = remove(&edited.bytes, &edited.additions).unwrap();
    assert_eq!(String::from_utf8(back).unwrap(), before);
    String::from_utf8(edited.bytes).unwrap()
}

fn refused(before: &str, edits: &[Edit]) -> String {
    add(before.as_bytes(), edits).unwrap_err().0
}

/// Lets a user change what was added to, then takes the additions out.
fn removed(before: &str, edits: &[Edit], user: impl Fn(&str) -> String) -> Result<String, Refusal> {
    let edited = add(before.as_bytes(), edits).unwrap();
    let now = user(std::str::from_utf8(&edited.bytes).unwrap());
    assert_ne!(now.as_bytes(), edited.bytes, "the user changes nothing");
    // As the record keeps them.
    let record = serde_json::to_string(&edited.additions).unwrap();
    let additions: Vec<Addition> = serde_json::from_str(&record).unwrap();
    remove(now.as_bytes(), &additions).map(|bytes| String::from_utf8(bytes).unwrap())
}
