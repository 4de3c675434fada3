//! Keeps what commands print with `--json`, if `AZUP_TEST_DOCUMENTS` names a folder for it. When
//! all tests have run, `tests/documents` validates each document against its schema in
//! `docs/schemas`.

use std::ffi::OsString;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::path::{Path, PathBuf};

/// Saves a command line that asks for a document, and its standard output.
pub fn keep(words: &[OsString], stdout: &str) {
    let folder = std::env::var_os("AZUP_TEST_DOCUMENTS").map(PathBuf::from);
    if let (Some(folder), true) = (folder, words.iter().any(|word| word == "--json")) {
        keep_in(&folder, words, stdout);
    }
}

/// The same, in this folder; identical ones are saved once.
pub fn keep_in(folder: &Path, words: &[OsString], stdout: &str) {
    let words: Vec<_> = words.iter().map(|word| word.to_string_lossy()).collect();
    let kept = serde_json::json!({ "words": words, "stdout": stdout }).to_string();
    let mut hasher = DefaultHasher::new();
    kept.hash(&mut hasher);
    std::fs::create_dir_all(folder).unwrap();
    std::fs::write(folder.join(format!("{:016x}.json", hasher.finish())), kept).unwrap();
}
