//! Reads a document strictly. `jsonc-parser` does the reading; what readers of these
//! files disagree about (duplicate keys, control characters in strings, exotic white
//! space) is refused here, each with its line.

use std::collections::HashMap;

use jsonc_parser::errors::{ParseError, ParseErrorKind};
use jsonc_parser::tokens::Token;
use jsonc_parser::{
    CollectOptions, CommentCollectionStrategy, ParseOptions, ast, common, parse_to_ast,
};
use serde_json::{Number, Value};

use super::Refusal;
use super::node::{Element, Kind, Node, Piece, Shape};

/// Far deeper than any such file, and shallow enough for every recursion here.
const DEEPEST: usize = 200;

/// The tokens and the outermost object of a text without a byte order mark.
pub(super) fn read(text: &str) -> Result<(Vec<Piece>, Node), Refusal> {
    let collected = CollectOptions {
        comments: CommentCollectionStrategy::AsTokens,
        tokens: true,
    };
    let parsed = parse_to_ast(text, &collected, &options()).map_err(|error| refusal(&error))?;
    let mut pieces = Vec::new();
    let mut before = 0;
    for token in parsed.tokens.iter().flatten() {
        let common::Range { start, end } = token.range;
        white_space(text, before, start)?;
        before = end;
        let kind = match token.token {
            Token::Comma => Kind::Comma,
            Token::CommentLine(_) | Token::CommentBlock(_) => Kind::Comment,
            Token::String(_) => {
                if let Some(offset) = text[start..end].find(|each: char| each < ' ') {
                    return Err(at(text, start + offset, "control character in a string"));
                }
                Kind::Text
            }
            _ => Kind::Other,
        };
        pieces.push(Piece { kind, start, end });
    }
    white_space(text, before, text.len())?;
    match &parsed.value {
        None => Err(Refusal("it is empty".to_owned())),
        Some(value @ ast::Value::Object(_)) => Ok((pieces, node(text, value, DEEPEST)?)),
        Some(_) => Err(Refusal("what it holds is no object".to_owned())),
    }
}

fn options() -> ParseOptions {
    ParseOptions {
        allow_comments: true,
        allow_trailing_commas: true,
        allow_loose_object_property_names: false,
        allow_missing_commas: false,
        allow_single_quoted_strings: false,
        allow_hexadecimal_numbers: false,
        allow_unary_plus_numbers: false,
        allow_bare_decimal_point_numbers: false,
        allow_non_finite_numbers: false,
        allow_extended_string_escapes: false,
    }
}

/// JSON has four white space characters, and a CR only ends a line before an LF: readers disagree
/// about any others.
fn white_space(text: &str, start: usize, end: usize) -> Result<(), Refusal> {
    let mut characters = text[start..end].char_indices().peekable();
    while let Some((offset, each)) = characters.next() {
        let what = match each {
            ' ' | '\t' | '\n' => continue,
            '\r' if characters.peek().is_some_and(|next| next.1 == '\n') => continue,
            '\r' => "a line that ends with CR alone".to_owned(),
            _ => format!("unexpected character U+{:04X}", u32::from(each)),
        };
        return Err(at(text, start + offset, &what));
    }
    Ok(())
}

fn node(text: &str, value: &ast::Value<'_>, deepest: usize) -> Result<Node, Refusal> {
    let inner = |start| {
        let deeper = deepest.checked_sub(1);
        deeper.ok_or_else(|| at(text, start, "nested too deeply"))
    };
    let (range, shape) = match value {
        ast::Value::Object(object) => {
            let deepest = inner(object.range.start)?;
            let mut lines = HashMap::new();
            let members = object.properties.iter().map(|property| {
                let (key, start) = (property.name.as_str(), property.range.start);
                if let Some(first) = lines.insert(key, start) {
                    let first = line(text, first);
                    let what = format!("`{key}` stands there twice, first in line {first}");
                    return Err(at(text, start, &what));
                }
                Ok(Element {
                    start,
                    key: Some(key.to_owned()),
                    node: node(text, &property.value, deepest)?,
                })
            });
            (
                object.range,
                Shape::Object(members.collect::<Result<_, _>>()?),
            )
        }
        ast::Value::Array(array) => {
            let deepest = inner(array.range.start)?;
            let elements = array.elements.iter().map(|each| {
                let node = node(text, each, deepest)?;
                Ok(Element {
                    start: node.start,
                    key: None,
                    node,
                })
            });
            (
                array.range,
                Shape::List(elements.collect::<Result<_, Refusal>>()?),
            )
        }
        ast::Value::StringLit(it) => (it.range, Shape::Scalar(it.value.as_ref().into())),
        ast::Value::BooleanLit(it) => (it.range, Shape::Scalar(it.value.into())),
        ast::Value::NullKeyword(it) => (it.range, Shape::Scalar(Value::Null)),
        ast::Value::NumberLit(it) => {
            let number: Number = it
                .value
                .parse()
                .map_err(|_| at(text, it.range.start, &format!("{} is no number", it.value)))?;
            (it.range, Shape::Scalar(Value::Number(number)))
        }
    };
    Ok(Node {
        start: range.start,
        end: range.end,
        shape,
    })
}

fn refusal(error: &ParseError) -> Refusal {
    let what = match error.kind() {
        ParseErrorKind::NestingDepthExceeded => "nested too deeply".to_owned(),
        kind => kind.to_string().to_lowercase(),
    };
    let (line, column) = (error.line_display(), error.column_display());
    Refusal(format!("line {line}, column {column}: {what}"))
}

fn line(text: &str, at: usize) -> usize {
    text[..at].matches('\n').count() + 1
}

fn at(text: &str, at: usize, what: &str) -> Refusal {
    let start = text[..at].rfind('\n').map_or(0, |newline| newline + 1);
    let (line, column) = (line(text, at), text[start..at].chars().count() + 1);
    Refusal(format!("line {line}, column {column}: {what}"))
}
