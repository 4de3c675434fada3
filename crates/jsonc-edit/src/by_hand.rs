//! Edits and additions in words, for a person who has to make or remove them.

use serde_json::Value;

use super::{Addition, Edit, Step, identity};

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

/// What was added, for a person to remove by hand: the place of each.
pub fn to_take_out(additions: &[Addition]) -> String {
    let json = |value: &Value| value.to_string();
    let text = additions.iter().map(|addition| match addition {
        Addition::Member { at, key, value, .. } => {
            format!(
                "in {}: {}: {}\n",
                place(at),
                Value::from(key.as_str()),
                json(value)
            )
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
        Step::Matching { key, value } => {
            let (key, value) = (Value::from(key.as_str()), Value::from(value.as_str()));
            format!("the one with {key}: {value}")
        }
    });
    match steps.collect::<Vec<_>>().join(", ") {
        empty if empty.is_empty() => "the outermost braces".to_owned(),
        place => place,
    }
}
