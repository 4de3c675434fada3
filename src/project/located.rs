//! The strings of a JSON file with their positions, for code that reads settings and has to name
//! the line.

use jsonc_parser::ast::Value;
use jsonc_parser::{CollectOptions, ParseOptions, parse_to_ast};


/// A string in a document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Located {
    /// The names of the members that lead to it; in a list, the index of the element.
    pub path: Vec<String>,
    pub value: String,
    /// The line in which it begins.
    pub line: usize,
}

/// All strings of a document, in order; `None` if it cannot be read.
pub fn strings(bytes: &[u8]) -> Option<Vec<Located>> {
    // Refuses what is too deep for the code below.
    jsonc_edit::parse(bytes).ok()?;
    let text = std::str::from_utf8(bytes).ok()?;
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let parsed = parse_to_ast(text, &CollectOptions::default(), &ParseOptions::default()).ok()?;
    let mut all = Vec::new();
    collect(&parsed.value?, &mut Vec::new(), &mut all);
    // In text order, so that each line is counted once.
    let (mut line, mut from) = (1, 0);
    let located = all.into_iter().map(|(path, value, start)| {
        line += text[from..start].matches('\n').count();
        from = start;
        Located { path, value, line }
    });
    Some(located.collect())
}

fn collect(value: &Value<'_>, path: &mut Vec<String>, all: &mut Vec<(Vec<String>, String, usize)>) {
    match value {
        Value::StringLit(text) => {
            all.push((path.clone(), text.value.clone().into_owned(), text.range.start));
        }
        Value::Object(object) => {
            for property in &object.properties {
                path.push(property.name.as_str().to_owned());
                collect(&property.value, path, all);
                path.pop();
            }
        }
        Value::Array(array) => {
            for (at, element) in array.elements.iter().enumerate() {
                path.push(at.to_string());
                collect(element, path, all);
                path.pop();
            }
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_string_has_its_names_and_its_line() {
        let text = "\u{feff}{\r\n  // a comment\r\n  \"A\": { \"B\": \"one\",\r\n    \"C\": [1, \"two\"] },\r\n  \"D\": 3\r\n}";
        let all = strings(text.as_bytes()).expect("read");
        let shown: Vec<String> = all
            .iter()
            .map(|one| format!("{} {}={}", one.line, one.path.join(":"), one.value))
            .collect();
        assert_eq!(shown, ["3 A:B=one", "4 A:C:1=two"]);
        let deep = format!("{{\"a\": {}{}}}", "[".repeat(100_000), "]".repeat(100_000));
        assert_eq!(strings(deep.as_bytes()), None);
    }
}
