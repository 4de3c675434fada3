//! A file's formatting, so that additions look like the rest of it.

use serde_json::Value;

use super::document::Document;
use super::node::Node;

/// A list of plain values longer than this (characters) is written one value per line.
const LONGEST_LIST: usize = 80;

/// The formatting of a file.
#[derive(Debug)]
pub(super) struct Style {
    /// Its line endings, or most of them.
    pub(super) line_end: &'static str,
    /// One step of indentation.
    pub(super) unit: String,
    /// The space after a comma or colon in a line: empty for a file without any white space between
    /// its tokens.
    pub(super) blank: &'static str,
}

impl Style {
    pub(super) fn of(document: &Document<'_>) -> Self {
        let root = &document.root;
        let separated = document.pieces.iter().any(|piece| {
            let before = document.text[..piece.start].ends_with([' ', '\t', '\n']);
            before && piece.start > root.start && piece.end <= root.end
        });
        let tight = !root.elements().is_empty() && !separated;
        Self {
            line_end: line_end(document.text),
            unit: unit(document, root).unwrap_or_else(|| "  ".to_owned()),
            blank: if tight { "" } else { " " },
        }
    }

    /// A value on one line or, with an indentation, on as many lines as it takes, all but the first
    /// beginning with it.
    pub(super) fn value(&self, value: &Value, indent: Option<&str>) -> String {
        self.write(value, indent, indent.map_or(self.blank, |_| " "))
    }

    /// A member, as [`Self::value`].
    pub(super) fn member(&self, key: &str, value: &Value, indent: Option<&str>) -> String {
        let blank = indent.map_or(self.blank, |_| " ");
        let value = self.write(value, indent, blank);
        format!("{}:{blank}{value}", Value::from(key))
    }

    fn write(&self, value: &Value, indent: Option<&str>, blank: &str) -> String {
        let inner = indent.map(|indent| format!("{indent}{}", self.unit));
        let part = |value| self.write(value, inner.as_deref(), blank);
        let (open, close, parts): (_, _, Vec<String>) = match value {
            Value::Object(members) if !members.is_empty() => {
                let member = |(key, value): (&String, _)| {
                    format!("{}:{blank}{}", Value::from(key.as_str()), part(value))
                };
                ('{', '}', members.iter().map(member).collect())
            }
            Value::Array(elements) if !elements.is_empty() => {
                let mut all = elements.iter();
                if indent.is_some() && all.all(|each| !each.is_object() && !each.is_array()) {
                    let short = self.write(value, None, blank);
                    if short.chars().count() <= LONGEST_LIST {
                        return short;
                    }
                }
                ('[', ']', elements.iter().map(part).collect())
            }
            _ => return value.to_string(),
        };
        let Some((inner, indent)) = inner.as_ref().zip(indent) else {
            let inside = if open == '{' { blank } else { "" };
            let parts = parts.join(&format!(",{blank}"));
            return format!("{open}{inside}{parts}{inside}{close}");
        };
        let end = self.line_end;
        let parts = parts.join(&format!(",{end}{inner}"));
        format!("{open}{end}{inner}{parts}{end}{indent}{close}")
    }
}

/// The line ending of most lines of a text: LF or CR LF.
pub(super) fn line_end(text: &str) -> &'static str {
    let windows = text.matches("\r\n").count();
    if windows * 2 > text.matches('\n').count() {
        "\r\n"
    } else {
        "\n"
    }
}

/// The indentation of the outermost thing that begins a line.
fn unit(document: &Document<'_>, node: &Node) -> Option<String> {
    let outer = document.outer_indentation(node);
    let mut first = node.elements().iter().filter_map(|element| {
        let begins = document.begins_line(element.start);
        let indent = begins.then(|| document.indentation(element.start))?;
        indent.strip_prefix(outer).filter(|unit| !unit.is_empty())
    });
    let mut inner = node.elements().iter();
    first
        .next()
        .map(ToOwned::to_owned)
        .or_else(|| inner.find_map(|element| unit(document, &element.node)))
}
