//! What takes an addition back, whatever the user did around it since.
//!
//! Every change of the text is returned with what it may touch, for the gate to check:
//! nothing here is trusted.

use serde_json::Value;

use super::document::Document;
use super::edits::{Changed, Touched, cut_element, gap, same};
use super::node::{Node, Shape};
use super::splice::{New, insert, leaves_nothing, replace};
use super::style::line_end;
use super::{Addition, Refusal, Step, identity, shown};

/// What [`undo`] did.
#[derive(Debug, Default)]
pub(super) struct Undone {
    /// The changes, one after the other.
    pub(super) changes: Vec<Changed>,
    /// The containers that went with what was in them.
    pub(super) emptied: usize,
    /// Whether a list became what it was made of.
    pub(super) unwrapped: bool,
}

/// Takes one addition back; no changes where it is gone already.
pub(super) fn undo(text: &str, addition: &Addition) -> Result<Undone, Refusal> {
    let document = Document::read(text)?;
    match addition {
        Addition::Member {
            at,
            key,
            value,
            made,
            inside,
        } => {
            let Some(object) = document.seek(at)? else {
                return Ok(Undone::default());
            };
            let Some(index) = object.named(key) else {
                return Ok(Undone::default());
            };
            let place = shown(&[at, &[Step::Key(key.clone())] as &[Step]].concat());
            still_ours(&document, &object.elements()[index].node, value, &place)?;
            take_out(&document, at, object, index, *made, inside.as_deref())
        }
        Addition::Item {
            at,
            value,
            made,
            wraps,
            inside,
        } => undo_item(&document, at, value, *made, *wraps, inside.as_deref()),
        Addition::Replaced { at, text, value } => undo_replace(&document, at, text, value),
        Addition::Dropped { .. } => undo_drop(&document, addition),
    }
}

fn undo_item(
    document: &Document<'_>,
    at: &[Step],
    value: &Value,
    made: usize,
    wraps: bool,
    inside: Option<&str>,
) -> Result<Undone, Refusal> {
    let place = shown(at);
    let Some(list) = document.seek(at)? else {
        return Ok(Undone::default());
    };
    let Shape::List(elements) = &list.shape else {
        if same(&list.value(), value) {
            return Err(Refusal(format!("`{place}` is no list any more")));
        }
        return Ok(Undone::default());
    };
    let equal = elements.iter().position(|each| &each.node.value() == value);
    let found = equal.or_else(|| {
        elements
            .iter()
            .position(|each| same(&each.node.value(), value))
    });
    let Some(index) = found else {
        return Ok(Undone::default());
    };
    let name = match identity(value) {
        Some((key, name)) => format!("{place}[{key}={name}]"),
        None => format!("{value} in {place}"),
    };
    still_ours(document, &elements[index].node, value, &name)?;
    let mut undone = take_out(document, at, list, index, made, inside)?;
    if wraps && let Some(changed) = unwrap(last_text(document.text, &undone), at)? {
        undone.changes.push(changed);
        undone.unwrapped = true;
    }
    Ok(undone)
}

fn last_text<'a>(first: &'a str, undone: &'a Undone) -> &'a str {
    undone.changes.last().map_or(first, |changed| &changed.text)
}

/// Refuses what is not as we wrote it, or what would take a comment of the user along.
fn still_ours(
    document: &Document<'_>,
    node: &Node,
    value: &Value,
    name: &str,
) -> Result<(), Refusal> {
    if &node.value() != value {
        return Err(Refusal(format!("`{name}` was changed since it was added")));
    }
    if document.has_comment(node.start, node.end) {
        return Err(Refusal(format!(
            "`{name}` has got a comment since it was added"
        )));
    }
    Ok(())
}

/// Cuts an element, then the containers around it that were made for it and are empty.
fn take_out(
    document: &Document<'_>,
    at: &[Step],
    container: &Node,
    index: usize,
    made: usize,
    inside: Option<&str>,
) -> Result<Undone, Refusal> {
    let inside_of = |level: usize| if level == made { inside } else { None };
    let mut undone = Undone::default();
    undone
        .changes
        .push(cut_element(document, container, index, inside_of(0)));
    for level in 1..=made {
        let Some((Step::Key(key), way)) = at[..=at.len() - level].split_last() else {
            break;
        };
        let text = last_text(document.text, &undone).to_owned();
        let document = Document::read(&text)?;
        let Some(parent) = document.seek(way)? else {
            break;
        };
        let Some(index) = parent.named(key) else {
            break;
        };
        let node = &parent.elements()[index].node;
        let empty = matches!(node.shape, Shape::Object(_) | Shape::List(_))
            && node.elements().is_empty()
            && !document.has_comment(parent.elements()[index].start, node.end);
        if !empty {
            break;
        }
        undone
            .changes
            .push(cut_element(&document, parent, index, inside_of(level)));
        undone.emptied = level;
    }
    Ok(undone)
}

/// A list of one that was made of what is in it becomes that again, unless a comment
/// stands in the list.
fn unwrap(text: &str, at: &[Step]) -> Result<Option<Changed>, Refusal> {
    let document = Document::read(text)?;
    let Some(list) = document.seek(at)? else {
        return Ok(None);
    };
    let [only] = list.elements() else {
        return Ok(None);
    };
    if !leaves_nothing(&document, list, 0) {
        return Ok(None);
    }
    let inner = text[only.start..only.end()].to_owned();
    Ok(Some(Changed {
        text: replace(text, vec![(list.start, list.end, inner)]),
        touched: Touched::Unwrapped(list.start..list.end, only.start..only.end()),
    }))
}

fn undo_replace(
    document: &Document<'_>,
    at: &[Step],
    old: &str,
    value: &Value,
) -> Result<Undone, Refusal> {
    let Some(node) = document.seek(at)? else {
        return Ok(Undone::default());
    };
    let before = fragment(old)?;
    let now = node.value();
    if now == before {
        return Ok(Undone::default());
    }
    still_ours(document, node, value, &shown(at))?;
    let old = with_line_ends(old, document.text);
    let changed = Changed {
        text: replace(document.text, vec![(node.start, node.end, old)]),
        touched: Touched::Range(node.start..node.end),
    };
    Ok(Undone {
        changes: vec![changed],
        ..Undone::default()
    })
}

fn undo_drop(document: &Document<'_>, addition: &Addition) -> Result<Undone, Refusal> {
    let Addition::Dropped {
        at,
        key,
        text,
        before,
        after,
        follows,
    } = addition
    else {
        return Ok(Undone::default());
    };
    let Some(object) = document.seek(at)? else {
        return Ok(Undone::default());
    };
    if !matches!(object.shape, Shape::Object(_)) {
        let place = shown(at);
        return Err(Refusal(format!("`{place}` is no object any more")));
    }
    if object.named(key).is_some() {
        return Ok(Undone::default());
    }
    let around = gap(object, follows.as_deref(), None);
    let now = &document.text[around.clone()];
    let changed = if now == with_line_ends(after, document.text) {
        let before = with_line_ends(before, document.text);
        Changed {
            text: replace(document.text, vec![(around.start, around.end, before)]),
            touched: Touched::Range(around),
        }
    } else {
        let text = with_line_ends(text, document.text);
        Changed {
            text: insert(document, object, New::Verbatim(&text)).0,
            touched: Touched::Nothing,
        }
    };
    Ok(Undone {
        changes: vec![changed],
        ..Undone::default()
    })
}

/// The value that a text from the middle of a document stands for.
pub(super) fn fragment(text: &str) -> Result<Value, Refusal> {
    let around = format!("{{\"it\":{text}\n}}");
    let document = Document::read(&around)?;
    let it = document.root.elements().first();
    Ok(it.map_or(Value::Null, |it| it.node.value()))
}

/// A remembered text with the line ends that the file has now, if all of them are alike.
fn with_line_ends(text: &str, file: &str) -> String {
    let (windows, all) = (file.matches("\r\n").count(), file.matches('\n').count());
    if all == 0 {
        text.to_owned()
    } else if windows == 0 {
        text.replace("\r\n", "\n")
    } else if windows == all {
        text.replace("\r\n", "\n").replace('\n', line_end(file))
    } else {
        text.to_owned()
    }
}
