//! Text in compose files: variables, and quotes for YAML and the shell.

use serde_json::Value;

/// What compose makes of `text`, as far as the file alone determines it: `$$` is a dollar sign,
/// `${X:-d}` is `d`. `None` if a variable has no default, since its value depends on the machine.
pub(super) fn expand(text: &str) -> Option<String> {
    let mut out = String::new();
    let mut rest = text;
    while let Some(at) = rest.find('$') {
        out.push_str(&rest[..at]);
        rest = &rest[at + 1..];
        if let Some(after) = rest.strip_prefix('$') {
            out.push('$');
            rest = after;
        } else if rest.starts_with('{') {
            let end = closing_brace(rest)?;
            let inside = &rest[1..end];
            let name = inside
                .find(|c: char| !c.is_ascii_alphanumeric() && c != '_')
                .unwrap_or(inside.len());
            let default = &inside[name..];
            let default = default.strip_prefix(':').unwrap_or(default);
            out.push_str(&expand(default.strip_prefix('-')?)?);
            rest = &rest[end + 1..];
        } else if rest.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_') {
            return None;
        } else {
            out.push('$');
        }
    }
    out.push_str(rest);
    Some(out)
}

/// The end of the brace that `text` begins with.
pub(super) fn closing_brace(text: &str) -> Option<usize> {
    let mut depth = 0;
    for (at, c) in text.char_indices() {
        match c {
            '{' => depth += 1,
            '}' => {
                depth -= 1;
                if depth == 0 {
                    return Some(at);
                }
            }
            _ => {}
        }
    }
    None
}

/// `text` as a YAML scalar that is this string and nothing else: unquoted if that is safe.
pub(in crate::project) fn scalar(text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-' | '/');
    // A letter or a path first: not a number, not a date. Words that YAML 1.1 reads as something
    // else are quoted as well.
    let first = |c: char| c.is_ascii_alphabetic() || matches!(c, '.' | '/');
    let special = ["true", "false", "yes", "no", "on", "off", "null", "y", "n"];
    let number = text.starts_with('.') && !text.starts_with("./") && !text.starts_with("../");
    let bare = text.starts_with(first)
        && text.chars().all(plain)
        && !number
        && !special.contains(&text.to_ascii_lowercase().as_str());
    if bare { text.to_owned() } else { quoted(text) }
}

/// `text` in double quotes, as both JSON and YAML read it.
pub(in crate::project) fn quoted(text: &str) -> String {
    // JSON leaves these unescaped; YAML would fold the lines or refuse the file.
    let mut out = Value::from(text).to_string();
    for c in ['\u{7f}', '\u{85}', '\u{2028}', '\u{2029}', '\u{feff}'] {
        out = out.replace(c, &format!("\\u{:04x}", u32::from(c)));
    }
    out
}

/// `text` with dollar signs escaped, so that compose expands nothing.
pub(in crate::project) fn literal(text: &str) -> String {
    text.replace('$', "$$")
}
