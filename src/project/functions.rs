//! The connections that the storage bindings of an Azure Functions project name
//! (`Connection = "Orders"`): each is a separate setting beside `AzureWebJobsStorage`, without
//! which the host does not start. They are read from `function.json`, and from the sources of the
//! newer models, where a binding is an attribute, a decorator or a call.

use std::collections::BTreeSet;
use std::path::Path;

use jsonc_parser::{ParseOptions, parse_to_serde_value};
use serde_json::Value;

use super::notices::Listed;

/// Azure Storage bindings, in lower case and without `_`, as named in `function.json`, C#, Java,
/// Python and JavaScript. `StorageAccount` names the connection for a whole class.
const BINDINGS: [&str; 13] = [
    "blob", "blobinput", "bloboutput", "blobtrigger", "queue", "queueoutput", "queuetrigger", "storageaccount",
    "storageblob", "storagequeue", "table", "tableinput", "tableoutput",
];

/// The extensions of source files that may contain bindings.
const SOURCES: [&str; 10] = ["cjs", "cs", "fs", "java", "js", "kt", "mjs", "mts", "py", "ts"];

/// How long a binding may be (bytes): in JavaScript the function itself follows it.
const LONGEST: usize = 2_000;

/// The names, in order.
pub fn connections(project: &Path) -> Vec<String> {
    let mut names = BTreeSet::new();
    for (path, text) in Listed::of(project).texts() {
        let ending = path.extension().and_then(|ending| ending.to_str()).unwrap_or_default();
        if path.ends_with("function.json") {
            names.extend(declared(&text));
        } else if SOURCES.contains(&ending) {
            names.extend(coded(&text));
        }
    }
    names.into_iter().filter(|name| name != "AzureWebJobsStorage").collect()
}

fn is_binding(name: &str) -> bool {
    let name: String = name.chars().filter(|c| *c != '_').collect::<String>().to_ascii_lowercase();
    BINDINGS.contains(&name.as_str())
}

/// Those of a `function.json`.
fn declared(text: &str) -> Vec<String> {
    let parsed = parse_to_serde_value::<Option<Value>>(text, &ParseOptions::default());
    let Ok(Some(function)) = parsed else {
        return Vec::new();
    };
    let bindings = function["bindings"].as_array().into_iter().flatten();
    let storage = bindings.filter(|binding| binding["type"].as_str().is_some_and(is_binding));
    let names = storage.filter_map(|binding| binding["connection"].as_str());
    names.filter(|name| is_setting(name)).map(str::to_owned).collect()
}

/// Those of a source: in the brackets after a binding's name.
fn coded(text: &str) -> Vec<String> {
    let mut names = Vec::new();
    for (open, _) in text.match_indices('(') {
        let start = text[..open].rfind(|c: char| !c.is_ascii_alphanumeric() && c != '_').map_or(0, |at| at + 1);
        let name = text.get(start..open).unwrap_or_default();
        if !is_binding(name) {
            continue;
        }
        let inside = inside(&text[open + 1..]);
        let setting = if name == "StorageAccount" { literal(inside) } else { connection(inside) };
        names.extend(setting.filter(|name| is_setting(name)).map(str::to_owned));
    }
    names
}

/// The text up to the closing bracket.
fn inside(text: &str) -> &str {
    let mut depth = 0;
    for (at, c) in text.char_indices() {
        match c {
            '(' => depth += 1,
            ')' if depth == 0 => return &text[..at],
            ')' => depth -= 1,
            _ if at > LONGEST => return &text[..at],
            _ => {}
        }
    }
    text
}

/// `Connection = "NAME"`, `connection: 'NAME'`.
fn connection(text: &str) -> Option<&str> {
    let lower = text.to_ascii_lowercase();
    let mut found = lower.match_indices("connection").filter_map(|(at, word)| {
        let before = text[..at].chars().next_back();
        let after = text[at + word.len()..].trim_start().strip_prefix(['=', ':'])?;
        before.is_none_or(|c| !c.is_alphanumeric() && c != '_').then(|| literal(after))?
    });
    found.next()
}

/// The string that `text` begins with.
fn literal(text: &str) -> Option<&str> {
    let text = text.trim_start();
    let quote = text.chars().next().filter(|c| matches!(c, '"' | '\''))?;
    text[1..].split_once(quote).map(|(name, _)| name)
}

/// Whether it is the name of a setting, and not a string that is built at run time.
fn is_setting(name: &str) -> bool {
    !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.' | ':'))
}
