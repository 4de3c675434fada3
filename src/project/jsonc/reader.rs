//! Reads a document strictly. `jsonc-parser` does the reading; what readers of these
//! files disagree about (duplicate keys, control characters in strings, exotic white
//! space) is refused here, each with its line.

use std::collections::HashMap;

use jsonc_parser::ast;
use jsonc_parser::errors::ParseError;
use jsonc_parser::tokens::Token;
use jsonc_parser::{CollectOptions, ParseOptions, Scanner, ScannerOptions, parse_to_ast};
use serde_json::{Number, Value};

use super::Refusal;
use super::document::{Element, Kind, Node, Piece, Shape};

/// Deeper than any such file by far, and shallow enough for every recursion here.
const DEEPEST: usize = 200;

/// The tokens and the outermost object of a text without byte order mark.
pub(super) fn read(text: &str) -> Result<(Vec<Piece>, Node), Refusal> {
    let pieces = scan(text)?;
    if pieces.iter().all(|piece| piece.kind == Kind::Comment) {
        return Err(Refusal("it is empty".to_owned()));
    }
    let parsed = parse_to_ast(text, &CollectOptions::default(), &options())
        .map_err(|error| refusal(&error))?;
    match &parsed.value {
        Some(value @ ast::Value::Object(_)) => Ok((pieces, node(text, value)?)),
        _ => Err(Refusal("what it holds is no object".to_owned())),
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

fn scan(text: &str) -> Result<Vec<Piece>, Refusal> {
    let options = options();
    let mut scanner = Scanner::new(
        text,
        &ScannerOptions {
            allow_single_quoted_strings: options.allow_single_quoted_strings,
            allow_hexadecimal_numbers: options.allow_hexadecimal_numbers,
            allow_unary_plus_numbers: options.allow_unary_plus_numbers,
            allow_bare_decimal_point_numbers: options.allow_bare_decimal_point_numbers,
            allow_non_finite_numbers: options.allow_non_finite_numbers,
            allow_extended_string_escapes: options.allow_extended_string_escapes,
        },
    );
    let mut pieces = Vec::new();
    let mut depth = 0_usize;
    let mut before = 0;
    while let Some(token) = scanner.scan().map_err(|error| refusal(&error))? {
        let (start, end) = (scanner.token_start(), scanner.token_end());
        white_space(text, before, start)?;
        before = end;
        let kind = match token {
            Token::Comma => Kind::Comma,
            Token::CommentLine(_) | Token::CommentBlock(_) => Kind::Comment,
            Token::String(_) => {
                if let Some(offset) = text[start..end].find(|each: char| each < ' ') {
                    let place = position(text, start + offset);
                    return Err(Refusal(format!("{place}: control character in a string")));
                }
                Kind::Text
            }
            Token::OpenBrace | Token::OpenBracket => {
                depth += 1;
                if depth > DEEPEST {
                    let place = position(text, start);
                    return Err(Refusal(format!("{place}: nested too deeply")));
                }
                Kind::Other
            }
            Token::CloseBrace | Token::CloseBracket => {
                depth = depth.saturating_sub(1);
                Kind::Other
            }
            _ => Kind::Other,
        };
        pieces.push(Piece { kind, start, end });
    }
    white_space(text, before, text.len())?;
    Ok(pieces)
}

/// JSON knows four white space characters, and a CR only ends a line before an LF: others
/// are read differently by different readers.
fn white_space(text: &str, start: usize, end: usize) -> Result<(), Refusal> {
    let mut characters = text[start..end].char_indices().peekable();
    while let Some((offset, each)) = characters.next() {
        let what = match each {
            ' ' | '\t' | '\n' => continue,
            '\r' if characters.peek().is_some_and(|next| next.1 == '\n') => continue,
            '\r' => "a line that ends with CR alone".to_owned(),
            _ => format!("unexpected character U+{:04X}", u32::from(each)),
        };
        return Err(Refusal(format!(
            "{}: {what}",
            position(text, start + offset)
        )));
    }
    Ok(())
}

fn node(text: &str, value: &ast::Value<'_>) -> Result<Node, Refusal> {
    let (range, shape) = match value {
        ast::Value::Object(object) => {
            let mut members: Vec<Element> = Vec::with_capacity(object.properties.len());
            let mut lines = HashMap::new();
            for property in &object.properties {
                let key = property.name.as_str();
                let start = property.range.start;
                if let Some(first) = lines.insert(key, start) {
                    return Err(Refusal(format!(
                        "{}: `{key}` stands there twice, first in line {}",
                        position(text, start),
                        line(text, first)
                    )));
                }
                members.push(Element {
                    start,
                    key: Some(key.to_owned()),
                    node: node(text, &property.value)?,
                });
            }
            (object.range, Shape::Object(members))
        }
        ast::Value::Array(array) => {
            let elements = array.elements.iter().map(|each| {
                let node = node(text, each)?;
                Ok(Element {
                    start: node.start,
                    key: None,
                    node,
                })
            });
            let elements = elements.collect::<Result<_, Refusal>>()?;
            (array.range, Shape::List(elements))
        }
        ast::Value::StringLit(it) => (it.range, Shape::Scalar(it.value.as_ref().into())),
        ast::Value::BooleanLit(it) => (it.range, Shape::Scalar(it.value.into())),
        ast::Value::NullKeyword(it) => (it.range, Shape::Scalar(Value::Null)),
        ast::Value::NumberLit(it) => {
            let number: Number = it.value.parse().map_err(|_| {
                let place = position(text, it.range.start);
                Refusal(format!("{place}: {} is no number", it.value))
            })?;
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
    Refusal(format!(
        "line {}, column {}: {}",
        error.line_display(),
        error.column_display(),
        error.kind().to_string().to_lowercase()
    ))
}

fn line(text: &str, at: usize) -> usize {
    text[..at].matches('\n').count() + 1
}

fn position(text: &str, at: usize) -> String {
    let start = text[..at].rfind('\n').map_or(0, |newline| newline + 1);
    let column = text[start..at].chars().count() + 1;
    format!("line {}, column {column}", line(text, at))
}
