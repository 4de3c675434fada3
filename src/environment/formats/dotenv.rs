//! `.env` files have no standard. python-dotenv, `node --env-file`, the package `dotenv` (VS Code's
//! JavaScript debugger) and VS Code's Python extension differ:
//!
//! | | python-dotenv | Node.js | dotenv | Python extension |
//! |---|---|---|---|---|
//! | without quotes | to ` #` | to `#` | to `#` | whole line |
//! | `'…'` | `\'` and `\\` | as it is | as it is | `\n` is a line end |
//! | `"…"` | all escapes | `\n` | `\n`, `\r` | `\n` |
//! | `${X}` | always replaced | never | never | always replaced |
//!
//! So each value gets the simplest form that all of them read alike, if there is one.

/// The line for a variable, and whether all of them read it alike.
pub(super) fn line(name: &str, value: &str) -> (String, bool) {
    let (text, alike) = quoted(value);
    (format!("{name}={text}\n"), alike)
}

/// The same without the answer: no value of azup's own is read differently.
pub fn line_alone(name: &str, value: &str) -> String {
    line(name, value).0
}

fn quoted(value: &str) -> (String, bool) {
    let has = |what: &[char]| value.contains(what);
    let alike = !value.contains("${") && !value.contains("\\$") && !has(&['\r', '\0']);
    let plain = |c: char| c.is_ascii_alphanumeric() || "_-./:@%+,=".contains(c);
    if value.chars().all(plain) {
        return (value.to_owned(), alike);
    }
    // A shell that sources the file also reads this form correctly.
    if !has(&['\'', '\\', '\n', '\r']) {
        return (format!("'{value}'"), alike);
    }
    if !has(&['"', '\\', '\r']) {
        return (format!("\"{}\"", value.replace('\n', "\\n")), alike);
    }
    let bare = value.trim() == value && !value.starts_with(['\'', '"', '`']);
    if bare && !has(&['#', '\n', '\r']) {
        return (value.to_owned(), alike);
    }
    // As python-dotenv reads it; no form works for all.
    let escaped = value
        .replace('\\', "\\\\")
        .replace('"', "\\\"")
        .replace('\n', "\\n")
        .replace('\r', "\\r");
    (format!("\"{escaped}\""), false)
}
