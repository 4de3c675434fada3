//! A document as the edits see it: its text, and where things are in it.

use serde_json::Value;

use super::node::{Kind, Node, Piece, Shape};
use super::reader;
use super::{Refusal, Step, shown};

/// Where a path leads.
pub(super) enum Reached<'d> {
    /// To this value.
    Node(&'d Node),
    /// To this object only, after this many steps: it has no member for the next one.
    Short(&'d Node, usize),
    /// To no such place, for this reason.
    Nowhere(Refusal),
}

/// A text that was read.
#[derive(Debug)]
pub(super) struct Document<'t> {
    pub(super) text: &'t str,
    pub(super) pieces: Vec<Piece>,
    pub(super) root: Node,
}

impl<'t> Document<'t> {
    /// Reads a text without a byte order mark.
    pub(super) fn read(text: &'t str) -> Result<Self, Refusal> {
        let (pieces, root) = reader::read(text)?;
        Ok(Self { text, pieces, root })
    }

    /// The tokens and comments in a range of bytes.
    pub(super) fn pieces(&self, start: usize, end: usize) -> &[Piece] {
        let first = self.pieces.partition_point(|piece| piece.start < start);
        let last = self.pieces.partition_point(|piece| piece.end <= end);
        self.pieces.get(first..last).unwrap_or_default()
    }

    /// Whether a range of bytes contains a comment.
    pub(super) fn has_comment(&self, start: usize, end: usize) -> bool {
        let mut pieces = self.pieces(start, end).iter();
        pieces.any(|piece| piece.kind == Kind::Comment)
    }

    /// Whether a line ends in a range of bytes, other than within a token or comment.
    pub(super) fn breaks(&self, start: usize, end: usize) -> bool {
        let ends = self.pieces(start, end).iter().map(|piece| piece.end);
        let starts = self.pieces(start, end).iter().map(|piece| piece.start);
        let mut gaps = [start].into_iter().chain(ends).zip(starts.chain([end]));
        gaps.any(|(start, end)| self.text[start..end].contains('\n'))
    }

    /// The last token or comment that ends before this byte.
    pub(super) fn piece_before(&self, at: usize) -> Option<Piece> {
        let count = self.pieces.partition_point(|piece| piece.end <= at);
        self.pieces[..count].last().copied()
    }

    /// The first token or comment from this byte on.
    pub(super) fn piece_after(&self, at: usize) -> Option<Piece> {
        let count = self.pieces.partition_point(|piece| piece.start < at);
        self.pieces.get(count).copied()
    }

    /// Follows a path as far as it leads. Several matching elements are refused.
    pub(super) fn reach(&self, path: &[Step]) -> Result<Reached<'_>, Refusal> {
        let mut node = &self.root;
        for (count, step) in path.iter().enumerate() {
            let place = || shown(&path[..count]);
            let wrong = |wanted: &str| {
                let (place, kind) = (place(), node.kind());
                Reached::Nowhere(Refusal(format!("`{place}` is {kind}, not {wanted}")))
            };
            node = match (step, &node.shape) {
                (Step::Key(key), Shape::Object(members)) => match node.named(key) {
                    Some(index) => &members[index].node,
                    None => return Ok(Reached::Short(node, count)),
                },
                (Step::Matching { key, value }, Shape::List(elements)) => {
                    let mut fit = elements.iter().filter(|each| has(&each.node, key, value));
                    match (fit.next(), fit.next()) {
                        (Some(element), None) => &element.node,
                        (None, _) => {
                            let place = place();
                            return Ok(Reached::Nowhere(Refusal(format!(
                                "no element of `{place}` has the {key} \"{value}\""
                            ))));
                        }
                        _ => {
                            let place = place();
                            return Err(Refusal(format!(
                                "several elements of `{place}` have the {key} \"{value}\""
                            )));
                        }
                    }
                }
                (Step::Key(_), _) => return Ok(wrong("an object")),
                (Step::Matching { .. }, _) => return Ok(wrong("a list")),
            };
        }
        Ok(Reached::Node(node))
    }

    /// The value at a path, or `None` if it is not there (any more).
    pub(super) fn seek(&self, path: &[Step]) -> Result<Option<&Node>, Refusal> {
        Ok(match self.reach(path)? {
            Reached::Node(node) => Some(node),
            Reached::Short(..) | Reached::Nowhere(_) => None,
        })
    }

    /// The start of the line that contains this byte.
    pub(super) fn line_start(&self, at: usize) -> usize {
        self.text[..at].rfind('\n').map_or(0, |newline| newline + 1)
    }

    /// The white space at the start of the line that contains this byte.
    pub(super) fn indentation(&self, at: usize) -> &'t str {
        let line = &self.text[self.line_start(at)..];
        &line[..line.len() - line.trim_start_matches([' ', '\t']).len()]
    }

    /// The indentation of the line that an object or list belongs to.
    pub(super) fn outer_indentation(&self, container: &Node) -> &'t str {
        let close = container.end - 1;
        self.indentation(if self.begins_line(close) {
            close
        } else {
            container.start
        })
    }

    /// Whether only white space precedes this byte in its line.
    pub(super) fn begins_line(&self, at: usize) -> bool {
        self.text[self.line_start(at)..at].trim().is_empty()
    }

    /// The end of the line (before CR and LF) if only blanks follow this byte in it and the line
    /// does end, else `None`.
    pub(super) fn blank_to_line_end(&self, at: usize) -> Option<usize> {
        let rest = &self.text[at..];
        let content = rest.trim_start_matches([' ', '\t']);
        let end = at + rest.len() - content.len();
        (content.starts_with('\n') || content.starts_with("\r\n")).then_some(end)
    }
}

fn has(node: &Node, key: &str, value: &str) -> bool {
    node.named(key).is_some_and(|index| {
        matches!(&node.elements()[index].node.shape, Shape::Scalar(Value::String(text)) if text == value)
    })
}
