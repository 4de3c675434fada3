//! Documents made up from a stream of choices: random values, written in every layout
//! that people and programs use, with comments in every place where one may stand.

use serde_json::{Map, Value, json};

use super::*;

/// Choices, taken from bytes so that proptest can shrink them. All are 0 in the end.
pub(crate) struct Choices<'b>(pub(super) &'b [u8]);

impl Choices<'_> {
    /// One of the numbers below `count`.
    pub(crate) fn below(&mut self, count: usize) -> usize {
        let Some((first, rest)) = self.0.split_first() else {
            return 0;
        };
        self.0 = rest;
        usize::from(*first) % count
    }

    pub(crate) fn one_of<T: Copy>(&mut self, all: &[T]) -> T {
        all[self.below(all.len())]
    }

    /// True in one of `count` cases.
    fn rarely(&mut self, count: usize) -> bool {
        self.below(count) == count - 1
    }
}

const KEYS: [&str; 14] = [
    "features",
    "forwardPorts",
    "dockerComposeFile",
    "tasks",
    "portsAttributes",
    "a",
    "image",
    "é",
    "q\"{",
    "//x",
    "/*",
    "service",
    "name",
    "b",
];
const TEXTS: [&str; 9] = [
    "", "x", "a.yml", "}", "// no", "/* no", "é😀", "\\\"", "tab\t\n",
];

fn scalar(choices: &mut Choices<'_>) -> Value {
    match choices.below(6) {
        0 => Value::from(choices.below(20)),
        1 => Value::Bool(choices.rarely(2)),
        2 => json!(-1.5e-3),
        3 => Value::Null,
        _ => Value::from(choices.one_of(&TEXTS)),
    }
}

fn value(choices: &mut Choices<'_>, depth: usize) -> Value {
    match choices.below(if depth == 0 { 1 } else { 3 }) {
        0 => scalar(choices),
        1 => {
            let count = choices.below(4);
            Value::Array((0..count).map(|_| value(choices, depth - 1)).collect())
        }
        _ => object(choices, depth),
    }
}

fn object(choices: &mut Choices<'_>, depth: usize) -> Value {
    let mut members = Map::new();
    for _ in 0..choices.below(5) {
        let key = choices.one_of(&KEYS);
        let value = match (key, choices.below(4)) {
            ("features" | "portsAttributes", 1..) => json!({"x": {}, "y": {"z": 1}}),
            ("features" | "portsAttributes", _) => json!({}),
            ("forwardPorts", 1..) => json!([3000, "db:5432"]),
            ("dockerComposeFile", 1) => json!("docker-compose.yml"),
            ("dockerComposeFile", 2..) => json!(["docker-compose.yml"]),
            ("tasks", 1) => json!([{"label": "build", "dependsOn": "x"}, {"label": "y"}]),
            ("tasks", 2) => json!([{"label": "build", "dependsOn": []}]),
            ("tasks", 3) => json!([{"label": "build"}]),
            _ => value(choices, depth - 1),
        };
        members.insert(key.to_owned(), value);
    }
    Value::Object(members)
}

/// How a document is written.
struct Writer<'c, 'b> {
    choices: &'c mut Choices<'b>,
    out: String,
    end: &'static str,
    unit: &'static str,
    /// 0: none, else in one of so many places.
    comments: usize,
    trailing_commas: bool,
    /// All in one line, without blanks.
    tight: bool,
}

impl Writer<'_, '_> {
    /// Perhaps a comment, in a place where the line goes on.
    fn within(&mut self) {
        if self.comments > 0 && self.choices.rarely(self.comments) {
            let end = self.end;
            match self.choices.below(4) {
                0 => self.out.push_str("/* \" { */"),
                1 => self.out.push_str(" /**/ "),
                2 => self.out.push_str(&format!("/* two{end} lines, */")),
                _ => self.out.push_str(&format!("// line }}{end}")),
            }
        }
    }

    /// Perhaps blanks, comments or blank lines before the end of a line.
    fn line_end(&mut self, depth: usize) {
        if self.comments > 0 && self.choices.rarely(self.comments) {
            let comment = self
                .choices
                .one_of(&[" // here", "/* there */", "  ", " // ,", "\t"]);
            self.out.push_str(comment);
        }
        self.out.push_str(self.end);
        if self.comments > 0 && self.choices.rarely(self.comments) {
            self.out.push_str(&self.unit.repeat(depth));
            let line = self
                .choices
                .one_of(&["// \"a\": 1,", "", "/* x */", "  ", "// }"]);
            self.out.push_str(line);
            self.out.push_str(self.end);
        }
        self.out.push_str(&self.unit.repeat(depth));
    }

    fn blank(&mut self) {
        if !self.tight {
            self.out.push(' ');
        }
    }

    fn value(&mut self, value: &Value, depth: usize) {
        let (open, close, parts): (_, _, Vec<(Option<&String>, &Value)>) = match value {
            Value::Object(members) => {
                let parts = members.iter().map(|(key, value)| (Some(key), value));
                ('{', '}', parts.collect())
            }
            Value::Array(elements) => {
                let parts = elements.iter().map(|value| (None, value));
                ('[', ']', parts.collect())
            }
            scalar => {
                self.out.push_str(&scalar.to_string());
                return;
            }
        };
        let flat = self.tight || self.choices.rarely(4);
        let inner = self.choices.rarely(8);
        self.out.push(open);
        let last = parts.len().saturating_sub(1);
        for (index, (key, value)) in parts.iter().enumerate() {
            if !flat {
                self.line_end(depth + 1);
            } else if index > 0 || inner {
                self.blank();
            }
            self.within();
            if let Some(key) = key {
                self.out.push_str(&Value::from(key.as_str()).to_string());
                self.within();
                self.out.push(':');
                self.blank();
                self.within();
            }
            self.value(value, depth + 1);
            self.within();
            if index < last || self.trailing_commas && self.choices.rarely(2) {
                self.out.push(',');
                self.within();
            }
        }
        if parts.is_empty() {
            self.within();
        }
        if !flat && (!parts.is_empty() || self.choices.rarely(3)) {
            self.line_end(depth);
        } else if inner {
            self.blank();
        }
        self.out.push(close);
    }
}

/// A value and a document that holds it.
pub(crate) fn document(choices: &mut Choices<'_>) -> (Value, String) {
    let end = choices.one_of(&["\n", "\n", "\r\n"]);
    let unit = choices.one_of(&["  ", "\t", " ", "   ", "    ", "        ", ""]);
    let comments = choices.one_of(&[0, 3, 6]);
    let trailing_commas = choices.rarely(3);
    let tight = choices.rarely(6);
    let (mark, newline) = (choices.rarely(5), choices.rarely(2));
    let value = object(choices, 4);
    let mut writer = Writer {
        choices,
        out: String::new(),
        end,
        unit,
        comments,
        trailing_commas,
        tight,
    };
    if mark {
        writer.out.push('\u{feff}');
    }
    writer.within();
    writer.value(&value, 0);
    writer.within();
    if newline {
        writer.out.push_str(end);
    }
    (value, writer.out)
}

/// Some of the edits that are made of such files.
pub(crate) fn edits(choices: &mut Choices<'_>) -> Vec<Edit> {
    let ports = json!({"label": "Blob", "protocol": "https"});
    let task = json!({"label": "tools: check", "type": "process", "args": ["a", "b"], "x": []});
    let all = [
        member("features", "./tools", json!({})),
        member("portsAttributes", "10000", ports.clone()),
        member("portsAttributes", "10001", ports),
        member("", "service", json!("app")),
        member("a.b", "c", json!([1, {"d": 2}])),
        item("dockerComposeFile", json!("tools/compose.yml")),
        item("forwardPorts", json!(10000)),
        item("forwardPorts", json!(10001)),
        item("tasks", task),
        item("tasks[label=build].dependsOn", json!("tools: check")),
        item("a.list", json!({"name": "x"})),
    ];
    let count = choices.below(5) + 1;
    (0..count)
        .map(|_| all[choices.below(all.len())].clone())
        .collect()
}

/// Drops and replacements of what is in a document.
pub(crate) fn takings(choices: &mut Choices<'_>, value: &Value) -> Vec<Edit> {
    let mut all = Vec::new();
    for (key, old) in value.as_object().unwrap() {
        match choices.below(4) {
            0 => all.push(dropped("", key)),
            1 => all.push(Edit::Replace {
                at: vec![Step::Key(key.clone())],
                from: old.clone(),
                to: choices.one_of(&["ours", "node"]).into(),
            }),
            2 => {
                for inner in old.as_object().into_iter().flat_map(Map::keys) {
                    all.push(Edit::Drop {
                        at: vec![Step::Key(key.clone())],
                        key: inner.clone(),
                    });
                }
            }
            _ => {}
        }
    }
    all
}

/// The text with one thing changed at random, which may make it invalid.
pub(crate) fn mutated(choices: &mut Choices<'_>, text: &str) -> String {
    const TOKENS: [&str; 24] = [
        "{",
        "}",
        "[",
        "]",
        ",",
        ":",
        "\"",
        "//",
        "/*",
        "*/",
        "\n",
        "\r",
        "\r\n",
        "\t",
        " ",
        "null",
        "1",
        "\"a\": 1,",
        "\"x\",",
        "// x\n",
        "\\",
        "\u{feff}",
        "\"features\": {},",
        "é",
    ];
    let mut place = |text: &str| {
        let at = (choices.below(256) * 256 + choices.below(256)) % (text.len() + 1);
        (0..=at)
            .rev()
            .find(|at| text.is_char_boundary(*at))
            .unwrap()
    };
    let (from, to) = (place(text), place(text));
    let (from, to) = (from.min(to), from.max(to));
    let mut lines: Vec<&str> = text.split_inclusive('\n').collect();
    let line = from % lines.len().max(1);
    let other = to % lines.len().max(1);
    match choices.below(7) {
        0 => format!("{}{}", &text[..from], &text[to..]),
        1 if !lines.is_empty() => {
            lines.remove(line);
            lines.concat()
        }
        2 if !lines.is_empty() => {
            lines.swap(line, other);
            lines.concat()
        }
        3 => format!("{}{}{}", &text[..to], &text[from..to], &text[to..]),
        4 => {
            let end = (from + 1..=text.len()).find(|at| text.is_char_boundary(*at));
            format!("{}{}", &text[..from], &text[end.unwrap_or(from)..])
        }
        _ => format!(
            "{}{}{}",
            &text[..from],
            choices.one_of(&TOKENS),
            &text[from..]
        ),
    }
}
