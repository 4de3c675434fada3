//! Undoes an addition, whatever the user has changed around it since.
//!
//! Every change to the text is returned with what it may touch, for the gate to check: nothing here
//! is trusted.

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
    /// The changes, in order.
    pub(super) changes: Vec<Changed>,
    /// How many containers were removed because they became empty.
    pub(super) emptied: usize,
    /// Whether a list became the value that it was made from.
    pub(super) unwrapped: bool,
}

impl From<Changed> for Undone {
    fn from(changed: Changed) -> Self {
        Self {
            changes: vec![changed],
            ..Self::default()
        }
    }
}

/// Undoes one addition; no changes if it is already gone.
pub(super) fn undo(text: &str, addition: &Addition) -> Result<Undone, Refusal> {
    let document = Document::read(text)?;
    let (Addition::Member { at, .. }
    | Addition::Item { at, .. }
    | Addition::Replaced { at, .. }
    | Addition::Dropped { at, .. }) = addition;
    let Some(node) = document.seek(at)? else {
        return Ok(Undone::default());
    };
    match addition {
        Addition::Member {
            key,
            value,
            made,
            inside,
            ..
        } => {
            let Some(index) = node.named(key) else {
                return Ok(Undone::default());
            };
            let place = shown(&[at, &[Step::Key(key.clone())] as &[Step]].concat());
            still_ours(&document, &node.elements()[index].node, value, &place)?;
            take_out(&document, at, node, index, *made, inside.as_deref())
        }
        Addition::Item {
            value,
            made,
            wraps,
            inside,
            ..
        } => {
            let Some((index, name)) = item(node, value, &shown(at))? else {
                return Ok(Undone::default());
            };
            still_ours(&document, &node.elements()[index].node, value, &name)?;
            let mut undone = take_out(&document, at, node, index, *made, inside.as_deref())?;
            if *wraps && let Some(changed) = unwrap(last_text(text, &undone), at)? {
                undone.changes.push(changed);
                undone.unwrapped = true;
            }
            Ok(undone)
        }
        Addition::Replaced { text, value, .. } => undo_replace(&document, node, at, text, value),
        Addition::Dropped { .. } => undo_drop(&document, node, addition),
    }
}

/// The position of an element in a list, and a name for it.
fn item(list: &Node, value: &Value, place: &str) -> Result<Option<(usize, String)>, Refusal> {
    let Shape::List(elements) = &list.shape else {
        return if same(&list.value(), value) {
            Err(Refusal(format!("`{place}` is no list any more")))
        } else {
            Ok(None)
        };
    };
    let find = |fits: &dyn Fn(&Value) -> bool| {
        let mut elements = elements.iter();
        elements.position(|each| fits(&each.node.value()))
    };
    let found = find(&|each| each == value).or_else(|| find(&|each| same(each, value)));
    let name = match identity(value) {
        Some((key, name)) => format!("{place}[{key}={name}]"),
        None => format!("{value} in {place}"),
    };
    Ok(found.map(|index| (index, name)))
}

fn last_text<'a>(first: &'a str, undone: &'a Undone) -> &'a str {
    undone.changes.last().map_or(first, |changed| &changed.text)
}

/// Refuses if it is not as this crate wrote it, or if a comment of the user's would be removed with
/// it.
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

/// Cuts an element, then the containers around it that were created for it and are empty.
fn take_out(
    document: &Document<'_>,
    at: &[Step],
    container: &Node,
    index: usize,
    made: usize,
    inside: Option<&str>,
) -> Result<Undone, Refusal> {
    let inside_of = |level: usize| if level == made { inside } else { None };
    let mut undone = Undone::from(cut_element(document, container, index, inside_of(0)));
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

/// Turns a list of one, made from its element, back into that element, unless the list contains a
/// comment.
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
    node: &Node,
    at: &[Step],
    old: &str,
    value: &Value,
) -> Result<Undone, Refusal> {
    let before = fragment(old)?;
    let now = node.value();
    if now == before {
        return Ok(Undone::default());
    }
    still_ours(document, node, value, &shown(at))?;
    let old = with_line_ends(old, document.text);
    Ok(Undone::from(Changed {
        text: replace(document.text, vec![(node.start, node.end, old)]),
        touched: Touched::Range(node.start..node.end),
    }))
}

fn undo_drop(
    document: &Document<'_>,
    object: &Node,
    addition: &Addition,
) -> Result<Undone, Refusal> {
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
    Ok(Undone::from(changed))
}

/// The value that a text from the middle of a document represents.
pub(super) fn fragment(text: &str) -> Result<Value, Refusal> {
    let around = format!("{{\"it\":{text}\n}}");
    let document = Document::read(&around)?;
    let it = document.root.elements().first();
    Ok(it.map_or(Value::Null, |it| it.node.value()))
}

/// A stored text with the line endings that the file has now, if all of them are alike.
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
