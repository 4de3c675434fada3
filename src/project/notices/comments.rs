//! Which lines are comments, and so have no effect.

use std::path::Path;

/// Whether a line begins a comment, in the language that the file name indicates.
pub(super) fn is_comment(path: &Path, line: &str) -> bool {
    let line = line.trim_start();
    let kind = path.extension().unwrap_or_default().to_string_lossy();
    let begins = |marks: &[&str]| marks.iter().any(|mark| line.starts_with(mark));
    match &*kind {
        "json" | "json5" | "jsonc" | "code-workspace" | "cs" | "fs" | "go" | "java" | "js" | "jsx"
        | "cjs" | "mjs" | "mts" | "ts" | "tsx" | "kt" | "kts" | "rs" | "php" | "gradle" | "bicep" => {
            begins(&["//", "* ", "/*"])
        }
        "vb" => begins(&["'"]),
        "ini" | "properties" => begins(&["#", ";", "!"]),
        "xml" | "csproj" | "props" | "config" | "runsettings" => begins(&["<!--"]),
        _ => begins(&["#", "//"]),
    }
}
