//! Tokens and values with the range of their bytes.

use serde_json::{Map, Value};

/// What kind a token is, as far as edits care.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Comma,
    Comment,
    Text,
    Other,
}

/// A token or comment by its bytes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Piece {
    pub(super) kind: Kind,
    pub(super) start: usize,
    pub(super) end: usize,
}

/// A value by its bytes.
#[derive(Debug)]
pub(super) struct Node {
    pub(super) start: usize,
    pub(super) end: usize,
    pub(super) shape: Shape,
}

#[derive(Debug)]
pub(super) enum Shape {
    Object(Vec<Element>),
    List(Vec<Element>),
    Scalar(Value),
}

/// A member of an object, from its name to the end of its value, or an element of a list.
#[derive(Debug)]
pub(super) struct Element {
    pub(super) start: usize,
    pub(super) key: Option<String>,
    pub(super) node: Node,
}

impl Element {
    pub(super) fn end(&self) -> usize {
        self.node.end
    }
}

impl Node {
    /// Its members or elements; none of a scalar.
    pub(super) fn elements(&self) -> &[Element] {
        match &self.shape {
            Shape::Object(elements) | Shape::List(elements) => elements,
            Shape::Scalar(_) => &[],
        }
    }

    pub(super) fn value(&self) -> Value {
        let value = |each: &Element| each.node.value();
        match &self.shape {
            Shape::Object(members) => {
                let key = |each: &Element| each.key.clone().unwrap_or_default();
                let members = members.iter().map(|each| (key(each), value(each)));
                Value::Object(members.collect::<Map<_, _>>())
            }
            Shape::List(elements) => elements.iter().map(value).collect(),
            Shape::Scalar(value) => value.clone(),
        }
    }

    /// The place of a member by its name.
    pub(super) fn named(&self, key: &str) -> Option<usize> {
        let mut members = self.elements().iter();
        members.position(|member| member.key.as_deref() == Some(key))
    }

    /// What it is, for a refusal.
    pub(super) fn kind(&self) -> &'static str {
        match &self.shape {
            Shape::Object(_) => "an object",
            Shape::List(_) => "a list",
            Shape::Scalar(Value::Null) => "null",
            Shape::Scalar(Value::Bool(_)) => "true or false",
            Shape::Scalar(Value::Number(_)) => "a number",
            Shape::Scalar(_) => "a string",
        }
    }
}
