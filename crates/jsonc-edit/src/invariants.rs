//! What must hold for every change, judged only from the texts and values before and after it:
//! shares no code with what makes changes.

use std::ops::Range;

use serde_json::{Map, Value};

use super::document::Document;
use super::edits::{Changed, Touched};
use super::node::Kind;
use super::undo::{Undone, fragment};
use super::{Addition, Edit, Refusal, Step};

fn broken(law: &str) -> Refusal {
    Refusal(format!("the edit could not be made cleanly ({law})"))
}

fn hold(condition: bool, law: &str) -> Result<(), Refusal> {
    condition.then_some(()).ok_or_else(|| broken(law))
}

/// Nothing outside the outermost braces differs, nor the kind of line endings.
pub(super) fn surroundings(before: &str, after: &str) -> Result<(), Refusal> {
    let (old, new) = (Document::read(before)?.root, Document::read(after)?.root);
    let outside =
        before[..old.start] == after[..new.start] && before[old.end..] == after[new.end..];
    hold(outside, "begin and end of the file")?;
    let count = |text: &str| {
        let windows = text.matches("\r\n").count();
        (windows, text.matches('\n').count() - windows)
    };
    hold(
        match (count(before), count(after)) {
            // No line ending at all: allow any kind, since a dropped member may bring its own back.
            ((0, 0), (windows, others)) => windows == 0 || others == 0,
            ((0, _), (windows, _)) => windows == 0,
            ((_, 0), (_, others)) => others == 0,
            _ => true,
        },
        "line ends",
    )
}

/// Lines and comments that a change may not touch are still there.
pub(super) fn lines(before: &str, changed: &Changed) -> Result<(), Refusal> {
    let after = changed.text.as_str();
    let gone = match &changed.touched {
        Touched::Cut(range) => Some(range),
        _ => None,
    };
    if !matches!(changed.touched, Touched::Range(_)) {
        let left = comments(before, gone)?;
        hold(left == comments(after, None)?, "comments")?;
    }
    let framed = |start: &str, end: &str| {
        let rest = after.strip_prefix(start);
        rest.is_some_and(|rest| rest.ends_with(end))
    };
    let kept = match &changed.touched {
        Touched::Nothing => only_grew(&split(before), &split(after)),
        Touched::Wrapped(range) => framed(
            &format!("{}[{},", &before[..range.start], &before[range.clone()]),
            &format!("]{}", &before[range.end..]),
        ),
        Touched::Unwrapped(list, only) => {
            let (start, end) = (&before[..list.start], &before[list.end..]);
            [start, &before[only.clone()], end].concat() == after
        }
        Touched::Range(range) => framed(&before[..range.start], &before[range.end..]),
        Touched::Cut(range) => {
            let first = before[..range.start].matches('\n').count();
            let last = before[..range.end].matches('\n').count();
            // What follows in the last of these lines may join the line before them.
            let rest = before[range.end..].lines().next().unwrap_or_default();
            let joined = first.saturating_sub(usize::from(!rest.trim().is_empty()));
            let (old, new) = (split(before), split(after));
            let kept = |first| only_shrank(&old, &new, first, last);
            kept(first) || kept(joined)
        }
    };
    hold(kept, "lines")
}

/// All comments except those in a range of bytes.
fn comments<'t>(text: &'t str, but: Option<&Range<usize>>) -> Result<Vec<&'t str>, Refusal> {
    let document = Document::read(text)?;
    let outside = document.pieces.iter().filter(|piece| {
        piece.kind == Kind::Comment && but.is_none_or(|but| !but.contains(&piece.start))
    });
    Ok(outside.map(|piece| &text[piece.start..piece.end]).collect())
}

fn split(text: &str) -> Vec<&str> {
    text.split('\n')
        .map(|line| line.strip_suffix('\r').unwrap_or(line))
        .collect()
}

/// Whether all old lines are there in order except one, of which at least all characters are, and
/// lines were inserted in one place only.
fn only_grew(old: &[&str], new: &[&str]) -> bool {
    let same = |(old, new): &(&&str, &&str)| old == new;
    let head = old.iter().zip(new).take_while(same).count();
    let (old, new) = (&old[head..], &new[head..]);
    let tail = old
        .iter()
        .rev()
        .zip(new.iter().rev())
        .take_while(same)
        .count();
    let (old, new) = (&old[..old.len() - tail], &new[..new.len() - tail]);
    match (old, new) {
        ([], _) => true,
        ([line], _) if is_within(line, &new.concat()) => true,
        ([line, rest @ ..], [longer, more @ ..]) => {
            is_without_comma(longer, line) && more.starts_with(rest)
        }
        _ => false,
    }
}

/// Whether all lines are there except those from `first` to `last`, of which only whole characters
/// were removed, and one more line may have lost a comma.
fn only_shrank(old: &[&str], new: &[&str], first: usize, last: usize) -> bool {
    let tail = old.len() - 1 - last;
    if new.len() < first + tail {
        return false;
    }
    let outside = old[..first].iter().zip(new).chain({
        let end = new.len() - tail;
        old[last + 1..].iter().zip(&new[end..])
    });
    let mut different = outside.filter(|(old, new)| old != new);
    let comma = match (different.next(), different.next()) {
        (None, _) => true,
        (Some((old, new)), None) => is_without_comma(old, new),
        _ => false,
    };
    let left = new[first..new.len() - tail].concat();
    comma && is_within(&left, &old[first..=last].concat())
}

/// Whether all characters of one text are in the other, in order.
fn is_within(part: &str, whole: &str) -> bool {
    let mut whole = whole.chars();
    part.chars().all(|wanted| whole.any(|each| each == wanted))
}

fn is_without_comma(long: &str, short: &str) -> bool {
    long.len() == short.len() + 1
        && long
            .match_indices(',')
            .any(|(at, _)| long[..at] == short[..at] && long[at + 1..] == short[at..])
}

/// The new value is the old one with the edit made, and no other.
pub(super) fn added(mut value: Value, edit: &Edit, after: &Value) -> Result<(), Refusal> {
    let made = match edit {
        Edit::Member {
            at,
            key,
            value: new,
        } => walk(&mut value, at, true).and_then(|object| {
            if object.is_null() {
                *object = Value::Object(Map::new());
            }
            let replaced = object_of(object)?.insert(key.clone(), new.clone());
            replaced.is_none().then_some(())
        }),
        Edit::Item { at, value: new } => walk(&mut value, at, true).map(|list| {
            let mut elements = match list.take() {
                Value::Array(elements) => elements,
                Value::Null => Vec::new(),
                other => vec![other],
            };
            elements.push(new.clone());
            *list = Value::Array(elements);
        }),
        Edit::Replace { at, to, .. } => walk(&mut value, at, false).map(|old| *old = to.clone()),
        Edit::Drop { at, key } => walk(&mut value, at, false)
            .and_then(|object| object_of(object)?.shift_remove(key))
            .map(|_| ()),
    };
    hold(made.is_some() && identical(&value, after), "meaning")
}

/// The new value is the old one with the addition taken back, and no other.
pub(super) fn removed(
    mut value: Value,
    addition: &Addition,
    undone: &Undone,
    after: &Value,
) -> Result<(), Refusal> {
    let mut after = after.clone();
    let made = match addition {
        Addition::Member { at, key, .. } => walk(&mut value, at, false)
            .and_then(|object| object_of(object)?.shift_remove(key))
            .and_then(|_| without_emptied(&mut value, at, undone.emptied)),
        Addition::Item {
            at, value: ours, ..
        } => walk(&mut value, at, false)
            .and_then(|list| {
                let elements = list.as_array_mut()?;
                let place = elements.iter().position(|each| each == ours)?;
                elements.remove(place);
                if undone.unwrapped {
                    *list = if elements.len() == 1 {
                        elements.pop()?
                    } else {
                        return None;
                    };
                }
                Some(())
            })
            .and_then(|()| without_emptied(&mut value, at, undone.emptied)),
        Addition::Replaced { at, text, .. } => {
            let old = fragment(text)?;
            walk(&mut value, at, false).map(|now| *now = old)
        }
        Addition::Dropped { at, key, text, .. } => {
            // Its position among the members does not matter.
            let old = fragment(&format!("{{{text}\n}}"))?;
            walk(&mut after, at, false)
                .and_then(|object| object_of(object)?.shift_remove(key))
                .filter(|back| old.get(key).is_some_and(|old| identical(old, back)))
                .map(|_| ())
        }
    };
    hold(made.is_some() && identical(&value, &after), "meaning")
}

fn without_emptied(value: &mut Value, at: &[Step], emptied: usize) -> Option<()> {
    for level in 1..=emptied {
        let (Step::Key(key), way) = at[..=at.len() - level].split_last()? else {
            return None;
        };
        let gone = object_of(walk(value, way, false)?)?.shift_remove(key)?;
        let empty = gone.as_object().is_some_and(Map::is_empty)
            || gone.as_array().is_some_and(Vec::is_empty);
        if !empty {
            return None;
        }
    }
    Some(())
}

fn object_of(value: &mut Value) -> Option<&mut Map<String, Value>> {
    value.as_object_mut()
}

/// The value at a path; with `make`, `null` if there was none.
fn walk<'v>(value: &'v mut Value, path: &[Step], make: bool) -> Option<&'v mut Value> {
    path.iter().try_fold(value, |value, step| match step {
        Step::Key(key) => {
            if make && value.is_null() {
                *value = Value::Object(Map::new());
            }
            let members = value.as_object_mut()?;
            if make && !members.contains_key(key) {
                members.insert(key.clone(), Value::Null);
            }
            members.get_mut(key)
        }
        Step::Matching { key, value: wanted } => value
            .as_array_mut()?
            .iter_mut()
            .find(|each| each.get(key).and_then(Value::as_str) == Some(wanted)),
    })
}

/// Equality that also requires the same order of members.
fn identical(left: &Value, right: &Value) -> bool {
    match (left, right) {
        (Value::Object(left), Value::Object(right)) => {
            let mut pairs = left.iter().zip(right);
            left.len() == right.len() && pairs.all(|(l, r)| l.0 == r.0 && identical(l.1, r.1))
        }
        (Value::Array(left), Value::Array(right)) => {
            let mut pairs = left.iter().zip(right);
            left.len() == right.len() && pairs.all(|(l, r)| identical(l, r))
        }
        _ => left == right,
    }
}
