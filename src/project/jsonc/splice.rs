//! The two changes of a text that all edits are made of: an element more in an object or
//! list, and one less. Each touches as few bytes as can be, so that one is the exact
//! inverse of the other.

use serde_json::Value;

use super::document::{Document, Kind, Node};
use super::style::{Style, has_comment, outer_indentation};

/// What goes into an object or list.
#[derive(Clone, Copy)]
pub(super) enum New<'v> {
    /// A member.
    Member(&'v str, &'v Value),
    /// An element.
    Item(&'v Value),
    /// A member as it stood in the file before.
    Verbatim(&'v str),
}

impl New<'_> {
    fn lines(self, style: &Style, indent: &str) -> String {
        match self {
            Self::Member(key, value) => {
                format!("{}: {}", Value::from(key), style.lines(value, indent))
            }
            Self::Item(value) => style.lines(value, indent),
            Self::Verbatim(text) => text.to_owned(),
        }
    }

    pub(super) fn line(self, tight: bool) -> String {
        match self {
            Self::Member(key, value) => Style::member_line(key, value, tight),
            Self::Item(value) => Style::line(value, tight),
            Self::Verbatim(text) => text.to_owned(),
        }
    }

    fn is_plain_item(self) -> bool {
        matches!(self, Self::Item(value) if !value.is_object() && !value.is_array())
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

/// The text with `new` as the last element of `container`. The second value is what stood
/// between its brackets if that was replaced: white space in one line, or nothing.
pub(super) fn insert(
    document: &Document<'_>,
    container: &Node,
    new: New<'_>,
) -> (String, Option<String>) {
    let style = Style::of(document);
    let (open, close) = (container.start + 1, container.end - 1);
    let inside = document.pieces(open, close);
    let text = document.text;
    let Some(last) = container.elements().last() else {
        if inside.is_empty() && !text[open..close].contains('\n') {
            let inner = fill(document, container, new, &style);
            let changed = replace(text, vec![(open, close, inner)]);
            return (changed, Some(text[open..close].to_owned()));
        }
        return (
            insert_after_comments(document, container, new, &style),
            None,
        );
    };

    let after = document.pieces(last.end(), close);
    let comma = after.iter().find(|piece| piece.kind == Kind::Comma);
    // The new element goes behind comments in the line of the last one.
    let mut at = comma.map_or(last.end(), |comma| comma.end);
    for piece in document.pieces(at, close) {
        if text[at..piece.start].contains('\n') {
            break;
        }
        at = piece.end;
    }
    let before = document.piece_before(last.start).map_or(open, |it| it.end);
    let gap = &text[before..last.start];
    let mut end = last.end();
    let mut broken = gap.contains('\n');
    for start in after
        .iter()
        .map(|piece| (piece.start, piece.end))
        .chain([(close, close)])
    {
        broken |= text[end..start.0].contains('\n');
        end = start.1;
    }
    let trailing = if comma.is_some() { "," } else { "" };
    let mut changes = Vec::new();
    if broken {
        let line_end = document.blank_to_line_end(at);
        if comma.is_none() {
            // Before a comment, unless the bracket follows it: one line changes, not two.
            let place = line_end.map_or(at, |_| last.end());
            changes.push((place, place, ",".to_owned()));
        }
        at = line_end.unwrap_or(at);
        let indent = container
            .elements()
            .iter()
            .rev()
            .find(|each| document.begins_line(each.start))
            .map_or_else(
                || format!("{}{}", outer_indentation(document, container), style.unit),
                |each| document.indentation(each.start).to_owned(),
            );
        let body = new.lines(&style, &indent);
        changes.push((
            at,
            at,
            format!("{}{indent}{body}{trailing}", style.line_end),
        ));
    } else {
        let several = container.elements().len() > 1;
        let blank = if style.tight || (several && gap.is_empty()) {
            ""
        } else {
            " "
        };
        let body = new.line(style.tight);
        let leading = if comma.is_some() { "" } else { "," };
        changes.push((at, at, format!("{leading}{blank}{body}{trailing}")));
    }
    (replace(text, changes), None)
}

/// What stands between the brackets of an empty container once it has one element.
fn fill(document: &Document<'_>, container: &Node, new: New<'_>, style: &Style) -> String {
    let line = document.line_start(container.start);
    // Alone in its line but for its name, so that the elements may have lines as well.
    let alone = match document.pieces(line, container.start) {
        [] => true,
        [name, _colon] => name.kind == Kind::Text && document.begins_line(name.start),
        _ => false,
    };
    let inside = &document.text[container.start + 1..container.end - 1];
    if alone && inside.is_empty() && !new.is_plain_item() {
        let indent = document.indentation(container.start);
        let inner = format!("{indent}{}", style.unit);
        let end = style.line_end;
        return format!("{end}{inner}{}{end}{indent}", new.lines(style, &inner));
    }
    let blank = match inside {
        "" if style.tight || matches!(new, New::Item(_)) => "",
        "" => " ",
        blanks => blanks,
    };
    format!("{blank}{}{blank}", new.line(style.tight))
}

/// The first element of a container in which only comments or blank lines stand.
fn insert_after_comments(
    document: &Document<'_>,
    container: &Node,
    new: New<'_>,
    style: &Style,
) -> String {
    let (open, close) = (container.start + 1, container.end - 1);
    let text = document.text;
    let last = document.pieces(open, close).last();
    let mut at = last.map_or(open, |piece| piece.end);
    let chunk = if text[at..close].contains('\n') {
        at = document.blank_to_line_end(at).unwrap_or(at);
        let indent = match last {
            Some(comment) if document.begins_line(comment.start) => {
                document.indentation(comment.start).to_owned()
            }
            _ => format!("{}{}", outer_indentation(document, container), style.unit),
        };
        format!("{}{indent}{}", style.line_end, new.lines(style, &indent))
    } else {
        let blank = if style.tight { "" } else { " " };
        format!("{blank}{}", new.line(style.tight))
    };
    replace(text, vec![(at, at, chunk)])
}

/// The text without an element of `container`. `inner` is what [`insert`] says that it
/// replaced: it comes back if nothing else is left.
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

    // Its own comma goes, else (the last one, without) the comma before it.
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

    // White space: the line if it is alone in it, else up to its neighbour.
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

/// Whether an element is all that its container holds, comments included.
pub(super) fn leaves_nothing(document: &Document<'_>, container: &Node, index: usize) -> bool {
    let element = &container.elements()[index];
    container.elements().len() == 1
        && !has_comment(document, container.start, element.start)
        && !has_comment(document, element.end(), container.end)
}

/// Whether a container gets back what stood between its brackets before its only element
/// came. Not where somebody else has laid it out since: that brings blanks of its own.
pub(super) fn closes_up(
    document: &Document<'_>,
    container: &Node,
    index: usize,
    inner: &str,
) -> bool {
    leaves_nothing(document, container, index)
        && document.text[container.start + 1..].starts_with(inner)
}
