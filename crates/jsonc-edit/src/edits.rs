//! What each edit does to a text.
//!
//! Every change to the text is returned with what it may touch, for the gate to check: nothing here
//! is trusted.

use std::ops::Range;

use serde_json::Value;

use super::document::{Document, Reached};
use super::node::{Kind, Node, Shape};
use super::splice::{New, closes_up, cut, insert, replace};
use super::style::Style;
use super::{Addition, Edit, Refusal, Step, identity, shown};

/// One change to a text.
#[derive(Debug)]
pub(super) struct Changed {
    /// The text after it.
    pub(super) text: String,
    /// What it may have touched.
    pub(super) touched: Touched,
}

/// What a change may have touched of the previous text.
#[derive(Debug)]
pub(super) enum Touched {
    /// Something was inserted; everything that was there stays.
    Nothing,
    /// Something in this range was removed.
    Cut(Range<usize>),
    /// Brackets were put around this range, and more was added after it.
    Wrapped(Range<usize>),
    /// The first range became the second one, which is inside it.
    Unwrapped(Range<usize>, Range<usize>),
    /// This range became something else.
    Range(Range<usize>),
}

/// Makes one edit; `None` if there is nothing to do.
pub(super) fn apply(text: &str, edit: &Edit) -> Result<Option<(Changed, Addition)>, Refusal> {
    let document = Document::read(text)?;
    match edit {
        Edit::Member { at, key, value } => add_member(&document, at, key, value),
        Edit::Item { at, value } => add_item(&document, at, value),
        Edit::Replace { at, from, to } => replace_value(&document, at, from, to),
        Edit::Drop { at, key } => drop_member(&document, at, key),
    }
}

type Applied = Result<Option<(Changed, Addition)>, Refusal>;

fn add_member(document: &Document<'_>, at: &[Step], key: &str, value: &Value) -> Applied {
    let (container, missing) = match document.reach(at)? {
        Reached::Node(node) => (node, &at[at.len()..]),
        Reached::Short(node, count) => (node, &at[count..]),
        Reached::Nowhere(why) => return Err(why),
    };
    let Shape::Object(members) = &container.shape else {
        let (place, kind) = (shown(at), container.kind());
        return Err(Refusal(format!("`{place}` is {kind}, not an object")));
    };
    if missing.is_empty()
        && let Some(index) = container.named(key)
    {
        let now = members[index].node.value();
        if &now == value {
            return Ok(None);
        }
        let place = shown(&[at, &[Step::Key(key.to_owned())]].concat());
        let (now, value) = (brief(&now), brief(value));
        return Err(Refusal(format!("`{place}` is {now}, not {value}")));
    }
    let (outer, inner) = wrapped_in(missing, key, value.clone())?;
    let (text, replaced) = insert(document, container, New::Member(&outer, &inner));
    let addition = Addition::Member {
        at: at.to_vec(),
        key: key.to_owned(),
        value: value.clone(),
        made: missing.len(),
        inside: replaced,
    };
    let touched = Touched::Nothing;
    Ok(Some((Changed { text, touched }, addition)))
}

/// The member that the first missing object needs so that the whole path exists.
fn wrapped_in(missing: &[Step], key: &str, value: Value) -> Result<(String, Value), Refusal> {
    let mut member = (key.to_owned(), value);
    for step in missing.iter().rev() {
        let Step::Key(key) = step else {
            let place = shown(missing);
            return Err(Refusal(format!("there is no `{place}` to add to")));
        };
        member = (key.clone(), Value::Object([member].into_iter().collect()));
    }
    Ok(member)
}

fn add_item(document: &Document<'_>, at: &[Step], value: &Value) -> Applied {
    let mut touched = Touched::Nothing;
    let (text, made, inside) = match document.reach(at)? {
        Reached::Short(object, count) => {
            let Some((Step::Key(key), way)) = at[count..].split_last() else {
                let place = shown(at);
                return Err(Refusal(format!("there is no `{place}` to add to")));
            };
            let list = Value::Array(vec![value.clone()]);
            let (outer, inner) = wrapped_in(way, key, list)?;
            let (text, inside) = insert(document, object, New::Member(&outer, &inner));
            (text, at.len() - count, inside)
        }
        Reached::Nowhere(why) => return Err(why),
        Reached::Node(node) => match &node.shape {
            Shape::List(elements) => {
                if elements.iter().any(|each| same(&each.node.value(), value)) {
                    return Ok(None);
                }
                let (text, inside) = insert(document, node, New::Item(value));
                (text, 0, inside)
            }
            Shape::Scalar(Value::Null) => {
                let place = shown(at);
                return Err(Refusal(format!("`{place}` is null, not a list")));
            }
            Shape::Object(_) | Shape::Scalar(_) => {
                if same(&node.value(), value) {
                    return Ok(None);
                }
                touched = Touched::Wrapped(node.start..node.end);
                let style = Style::of(document);
                let end = format!(",{}{}]", style.blank, style.value(value, None));
                let changes = vec![
                    (node.start, node.start, "[".to_owned()),
                    (node.end, node.end, end),
                ];
                (replace(document.text, changes), 0, None)
            }
        },
    };
    let addition = Addition::Item {
        at: at.to_vec(),
        value: value.clone(),
        made,
        wraps: matches!(touched, Touched::Wrapped(_)),
        inside,
    };
    Ok(Some((Changed { text, touched }, addition)))
}

/// Whether an element is the one that is wanted, possibly changed by the user.
pub(super) fn same(element: &Value, wanted: &Value) -> bool {
    element == wanted || identity(wanted).is_some_and(|name| identity(element) == Some(name))
}

fn replace_value(document: &Document<'_>, at: &[Step], from: &Value, to: &Value) -> Applied {
    let place = shown(at);
    let new_at = renamed(at, to);
    if new_at != at
        && document.seek(at)?.is_none()
        && let Some(node) = document.seek(&new_at)?
        && node.value() == *to
    {
        return Ok(None);
    }
    let node = match document.reach(at)? {
        Reached::Node(node) => node,
        Reached::Short(..) => return Err(Refusal(format!("there is no `{place}` to replace"))),
        Reached::Nowhere(why) => return Err(why),
    };
    let now = node.value();
    if &now == to {
        return Ok(None);
    }
    if &now != from {
        let (now, from) = (brief(&now), brief(from));
        return Err(Refusal(format!("`{place}` is {now}, not {from}")));
    }
    let style = Style::of(document);
    let broken = document.text[node.start..node.end].contains('\n');
    let plain = !now.is_object() && !now.is_array();
    let several = broken || plain && document.text.contains('\n');
    let new = style.value(to, several.then(|| document.indentation(node.start)));
    let addition = Addition::Replaced {
        at: new_at,
        text: document.text[node.start..node.end].to_owned(),
        value: to.clone(),
    };
    let changed = Changed {
        text: replace(document.text, vec![(node.start, node.end, new)]),
        touched: Touched::Range(node.start..node.end),
    };
    Ok(Some((changed, addition)))
}

/// The path to a value that has been replaced: an element of a list may be identified by another
/// name since.
fn renamed(at: &[Step], to: &Value) -> Vec<Step> {
    let mut at = at.to_vec();
    if let Some(Step::Matching { key, value }) = at.last_mut()
        && let Some(new) = to.get(key.as_str()).and_then(Value::as_str)
    {
        new.clone_into(value);
    }
    at
}

fn drop_member(document: &Document<'_>, at: &[Step], key: &str) -> Applied {
    let Some(object) = document.seek(at)? else {
        return Ok(None);
    };
    let Some(index) = object.named(key) else {
        return Ok(None);
    };
    let member = &object.elements()[index];
    let changed = cut_element(document, object, index, None);
    let follows = index
        .checked_sub(1)
        .and_then(|index| object.elements()[index].key.clone());
    let around = gap(object, follows.as_deref(), Some(key));
    // Everything that was removed was between the neighbours: the end of the gap moved by as much.
    let left = document.text.len() - changed.text.len();
    let addition = Addition::Dropped {
        at: at.to_vec(),
        key: key.to_owned(),
        text: document.text[member.start..member.end()].to_owned(),
        before: document.text[around.clone()].to_owned(),
        after: changed.text[around.start..around.end - left].to_owned(),
        follows,
    };
    Ok(Some((changed, addition)))
}

/// The bytes between two neighbours in an object: from the end of the member `follows`, or its
/// bracket, to the next member except `without`, or its bracket.
pub(super) fn gap(object: &Node, follows: Option<&str>, without: Option<&str>) -> Range<usize> {
    let previous = follows.and_then(|key| object.named(key));
    let start = previous.map_or(object.start + 1, |index| object.elements()[index].end());
    let next = object.elements().iter().find(|member| {
        member.start >= start && without.is_none_or(|key| member.key.as_deref() != Some(key))
    });
    start..next.map_or(object.end - 1, |next| next.start)
}

/// Cuts an element, and returns what that may touch.
pub(super) fn cut_element(
    document: &Document<'_>,
    container: &Node,
    index: usize,
    inside: Option<&str>,
) -> Changed {
    let element = &container.elements()[index];
    // If the brackets close up again, the lines between them are removed as well.
    let alone = inside.is_some_and(|inside| closes_up(document, container, index, inside));
    let range = if alone {
        container.start..container.end
    } else {
        element.start..match document.piece_after(element.end()) {
            Some(comma) if comma.kind == Kind::Comma => comma.end,
            _ => element.end(),
        }
    };
    Changed {
        text: cut(document, container, index, inside),
        touched: Touched::Cut(range),
    }
}

/// A value for a refusal, which has to stay one readable line.
fn brief(value: &Value) -> String {
    const LONGEST: usize = 60;
    let text = value.to_string();
    match text.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}
