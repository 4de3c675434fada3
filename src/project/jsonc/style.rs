//! How a file is written, so that what is added looks like the rest of it.

use serde_json::Value;

use super::document::{Document, Kind, Node};

/// A list of plain values longer than this (characters) is written one value per line.
const LONGEST_LIST: usize = 80;

/// The habits of a file.
#[derive(Debug)]
pub(super) struct Style {
    /// How its lines end, most of them.
    pub(super) line_end: &'static str,
    /// One step of indentation.
    pub(super) unit: String,
    /// Whether it has no white space between its tokens at all.
    pub(super) tight: bool,
}

impl Style {
    pub(super) fn of(document: &Document<'_>) -> Self {
        let separated = document.pieces.iter().any(|piece| {
            let before = document.text[..piece.start].ends_with([' ', '\t', '\n']);
            before && piece.start > document.root.start && piece.end <= document.root.end
        });
        let several = !document.root.elements().is_empty();
        Self {
            line_end: line_end(document.text),
            unit: unit(document, &document.root).unwrap_or_else(|| "  ".to_owned()),
            tight: several && !separated,
        }
    }

    /// A value on as many lines as it takes; all but the first begin with `indent`.
    pub(super) fn lines(&self, value: &Value, indent: &str) -> String {
        let inner = format!("{indent}{}", self.unit);
        let (open, close, parts): (_, _, Vec<String>) = match value {
            Value::Object(members) if !members.is_empty() => {
                let parts = members.iter().map(|(key, value)| {
                    format!(
                        "{}: {}",
                        Value::from(key.as_str()),
                        self.lines(value, &inner)
                    )
                });
                ('{', '}', parts.collect())
            }
            Value::Array(elements) if !elements.is_empty() => {
                let short = Self::line(value, false);
                let plain = elements
                    .iter()
                    .all(|each| !each.is_object() && !each.is_array());
                if plain && short.chars().count() <= LONGEST_LIST {
                    return short;
                }
                let parts = elements.iter().map(|each| self.lines(each, &inner));
                ('[', ']', parts.collect())
            }
            _ => return value.to_string(),
        };
        let end = self.line_end;
        let parts = parts.join(&format!(",{end}{inner}"));
        format!("{open}{end}{inner}{parts}{end}{indent}{close}")
    }

    /// A value on one line, with or without blanks.
    pub(super) fn line(value: &Value, tight: bool) -> String {
        let blank = if tight { "" } else { " " };
        let separator = format!(",{blank}");
        match value {
            Value::Object(members) if !members.is_empty() => {
                let parts: Vec<String> = members
                    .iter()
                    .map(|(key, value)| Self::member_line(key, value, tight))
                    .collect();
                format!("{{{blank}{}{blank}}}", parts.join(&separator))
            }
            Value::Array(elements) if !elements.is_empty() => {
                let parts: Vec<String> = elements
                    .iter()
                    .map(|each| Self::line(each, tight))
                    .collect();
                format!("[{}]", parts.join(&separator))
            }
            _ => value.to_string(),
        }
    }

    /// A member on one line.
    pub(super) fn member_line(key: &str, value: &Value, tight: bool) -> String {
        let blank = if tight { "" } else { " " };
        format!("{}:{blank}{}", Value::from(key), Self::line(value, tight))
    }
}

/// How most lines of a text end: LF or CR LF.
pub(super) fn line_end(text: &str) -> &'static str {
    let windows = text.matches("\r\n").count();
    if windows * 2 > text.matches('\n').count() {
        "\r\n"
    } else {
        "\n"
    }
}

/// By how much the outermost thing is indented that begins a line.
fn unit(document: &Document<'_>, node: &Node) -> Option<String> {
    let elements = node.elements();
    for element in elements {
        if document.begins_line(element.start) {
            let outer = outer_indentation(document, node);
            let unit = document.indentation(element.start).strip_prefix(outer);
            if let Some(unit) = unit.filter(|unit| !unit.is_empty()) {
                return Some(unit.to_owned());
            }
        }
    }
    elements
        .iter()
        .find_map(|element| unit(document, &element.node))
}

/// Whether any comment stands in a range of bytes.
pub(super) fn has_comment(document: &Document<'_>, start: usize, end: usize) -> bool {
    document
        .pieces(start, end)
        .iter()
        .any(|piece| piece.kind == Kind::Comment)
}

/// How far the line is indented that an object or list belongs to.
pub(super) fn outer_indentation<'t>(document: &Document<'t>, container: &Node) -> &'t str {
    let close = container.end - 1;
    if document.begins_line(close) {
        document.indentation(close)
    } else {
        document.indentation(container.start)
    }
}
