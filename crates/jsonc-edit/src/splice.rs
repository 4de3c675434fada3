//! The two text changes that all edits consist of: one element more in an object or list, and one
//! less. Each touches as few bytes as possible, so that one is the exact inverse of the other.

use serde_json::Value;

use super::document::Document;
use super::node::{Element, Kind, Node};
use super::style::Style;

/// What goes into an object or list.
#[derive(Clone, Copy)]
pub(super) enum New<'v> {
    /// A member.
    Member(&'v str, &'v Value),
    /// An element.
    Item(&'v Value),
    /// A member as it was in the file before.
    Verbatim(&'v str),
}

impl New<'_> {
    /// On one line, or on as many as it takes.
    fn text(self, style: &Style, indent: Option<&str>) -> String {
        match self {
            Self::Member(key, value) => style.member(key, value, indent),
            Self::Item(value) => style.value(value, indent),
            Self::Verbatim(text) => text.to_owned(),
        }
    }
}

/// A text in which ranges of bytes are replaced; they do not overlap.
pub(super) fn replace(text: &str, mut changes: Vec<(usize, usize, String)>) -> String {
    changes.sort_by_key(|change| change.0);
    let mut out = String::with_capacity(text.len() + 256);
    let mut done = 0;
    for (start, end, new) in changes {
        out.push_str(&text[done..start]);
        out.push_str(&new);
        done = end;
    }
    out.push_str(&text[done..]);
    out
}

/// The text with `new` as the last element of `container`. The second value is what was between its
/// brackets if that was replaced: white space in one line, or nothing.
pub(super) fn insert(
    document: &Document<'_>,
    container: &Node,
    new: New<'_>,
) -> (String, Option<String>) {
    let (text, style) = (document.text, Style::of(document));
    let (open, close) = (container.start + 1, container.end - 1);
    let (inside, elements) = (document.pieces(open, close), container.elements());
    if inside.is_empty() && !text[open..close].contains('\n') {
        let inner = fill(document, container, new, &style);
        let old = text[open..close].to_owned();
        return (replace(text, vec![(open, close, inner)]), Some(old));
    }

    // After comments in the line of the last element; if there is no element, after all comments.
    let last = elements.last();
    let end = last.map_or(open, Element::end);
    let mut after = document.pieces(end, close).iter();
    let comma = after.find(|piece| last.is_some() && piece.kind == Kind::Comma);
    let mut at = comma.map_or(end, |comma| comma.end);
    for piece in document.pieces(at, close) {
        if last.is_some() && text[at..piece.start].contains('\n') {
            break;
        }
        at = piece.end;
    }
    let gap = last.map_or("", |last| {
        let before = document.piece_before(last.start);
        &text[before.map_or(open, |it| it.end)..last.start]
    });
    let broken = gap.contains('\n') || document.breaks(last.map_or(at, |_| end), close);
    let needs_comma = last.is_some() && comma.is_none();
    let trailing = if comma.is_some() { "," } else { "" };
    let mut changes = Vec::new();
    if broken {
        let line_end = document.blank_to_line_end(at);
        if needs_comma {
            // Before a comment, unless the bracket follows it: one line changes, not two.
            let place = line_end.map_or(at, |_| end);
            changes.push((place, place, ",".to_owned()));
        }
        at = line_end.unwrap_or(at);
        let comment = inside.last().filter(|_| last.is_none());
        let mut neighbours = elements.iter().rev().map(|each| each.start);
        let neighbour = neighbours.find(|start| document.begins_line(*start));
        let neighbour = neighbour.or_else(|| comment.map(|it| it.start));
        let indent = neighbour
            .filter(|start| document.begins_line(*start))
            .map_or_else(
                || format!("{}{}", document.outer_indentation(container), style.unit),
                |start| document.indentation(start).to_owned(),
            );
        let body = new.text(&style, Some(&indent));
        changes.push((
            at,
            at,
            format!("{}{indent}{body}{trailing}", style.line_end),
        ));
    } else {
        let close_together = elements.len() > 1 && gap.is_empty();
        let blank = if close_together { "" } else { style.blank };
        let leading = if needs_comma { "," } else { "" };
        let body = new.text(&style, None);
        changes.push((at, at, format!("{leading}{blank}{body}{trailing}")));
    }
    (replace(text, changes), None)
}

/// The text between the brackets of an empty container once it has one element.
fn fill(document: &Document<'_>, container: &Node, new: New<'_>, style: &Style) -> String {
    let line = document.line_start(container.start);
    // Alone in its line except for its name, so that the elements may have lines as well.
    let alone = match document.pieces(line, container.start) {
        [] => true,
        [name, _colon] => name.kind == Kind::Text && document.begins_line(name.start),
        _ => false,
    };
    let inside = &document.text[container.start + 1..container.end - 1];
    let plain = matches!(new, New::Item(value) if !value.is_object() && !value.is_array());
    if alone && inside.is_empty() && !plain {
        let indent = document.indentation(container.start);
        let inner = format!("{indent}{}", style.unit);
        let (end, body) = (style.line_end, new.text(style, Some(&inner)));
        return format!("{end}{inner}{body}{end}{indent}");
    }
    let blank = match inside {
        "" if matches!(new, New::Item(_)) => "",
        "" => style.blank,
        blanks => blanks,
    };
    format!("{blank}{}{blank}", new.text(style, None))
}

/// The text without an element of `container`. `inner` is what [`insert`] reported as replaced: it
/// is restored if nothing else is left.
pub(super) fn cut(
    document: &Document<'_>,
    container: &Node,
    index: usize,
    inner: Option<&str>,
) -> String {
    let text = document.text;
    let (open, close) = (container.start + 1, container.end - 1);
    let elements = container.elements();
    let (start, end) = (elements[index].start, elements[index].end());
    if let Some(inner) = inner.filter(|inner| closes_up(document, container, index, inner)) {
        return replace(text, vec![(open, close, inner.to_owned())]);
    }

    // Its own comma is removed, or, for a last element without one, the comma before it.
    let next = elements.get(index + 1).map_or(close, |next| next.start);
    let comma_in = |from, to| {
        let mut pieces = document.pieces(from, to).iter();
        pieces.find(|piece| piece.kind == Kind::Comma).copied()
    };
    let previous = index.checked_sub(1).map(|index| elements[index].end());
    let comma = comma_in(end, next).or_else(|| comma_in(previous?, start));
    let mut to = end;
    let mut changes = Vec::new();
    if let Some(comma) = comma {
        if comma.start >= end && text[end..comma.start].trim().is_empty() {
            to = comma.end;
        } else {
            changes.push((comma.start, comma.end, String::new()));
        }
    }

    // White space: the line if the element is alone in it, else up to its neighbour.
    let before = document.piece_before(start);
    let gap = before.map_or(0, |piece| piece.end);
    let line_break = text[gap..start].rfind('\n').map(|newline| {
        let newline = gap + newline;
        newline - usize::from(text[gap..newline].ends_with('\r'))
    });
    let comment_line = before.is_some_and(|piece| text[piece.start..piece.end].starts_with("//"));
    let follower = document.piece_after(to).map_or(text.len(), |it| it.start);
    let mut from = start;
    match (line_break, document.blank_to_line_end(to)) {
        (Some(line), Some(line_end)) => {
            from = line;
            to = line_end;
        }
        (Some(line), None) if follower == close && !comment_line => from = line,
        (None, Some(line_end)) => {
            from = gap;
            to = line_end;
        }
        (None, None) if follower == close => from = gap,
        _ => to = follower,
    }
    changes.push((from, to, String::new()));
    replace(text, changes)
}

/// Whether an element is all that its container contains, including comments.
pub(super) fn leaves_nothing(document: &Document<'_>, container: &Node, index: usize) -> bool {
    let element = &container.elements()[index];
    container.elements().len() == 1
        && !document.has_comment(container.start, element.start)
        && !document.has_comment(element.end(), container.end)
}

/// Whether the text that was between a container's brackets before its only element was added is
/// restored. Not if someone has reformatted it since: that brings white space of its own.
pub(super) fn closes_up(
    document: &Document<'_>,
    container: &Node,
    index: usize,
    inner: &str,
) -> bool {
    leaves_nothing(document, container, index)
        && document.text[container.start + 1..].starts_with(inner)
}
