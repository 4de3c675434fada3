//! How azup reports that something went wrong: what, where, why, then one command to paste. A
//! [`Failure`] also carries the exit code, so that `main` never has to guess one from a message.

use std::ffi::OsStr;
use std::fmt;
use std::path::Path;

/// The exit codes that scripts may rely on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// Done, or nothing to do.
    Done,
    /// The operation or a check failed.
    Failed,
    /// The command line makes no sense.
    Usage,
    /// Some stores are done, some could not be written.
    Partly,
    /// Refused: a file that cannot be changed safely; nothing was touched.
    Refused,
    /// Stopped by Ctrl-C or SIGTERM before it was done.
    Interrupted,
    /// The exit code of the program that azup ran for the user.
    Program(u8),
}

impl Exit {
    pub fn code(self) -> u8 {
        match self {
            Self::Done => 0,
            Self::Failed => 1,
            Self::Usage => 2,
            Self::Partly => 3,
            Self::Refused => 4,
            Self::Interrupted => 130,
            Self::Program(code) => code,
        }
    }
}

impl From<Exit> for std::process::ExitCode {
    fn from(exit: Exit) -> Self {
        exit.code().into()
    }
}

/// A failure in words for a person, with the exit code it leads to.
#[derive(Debug)]
pub struct Failure {
    what: String,
    hint: Option<String>,
    snippet: Option<String>,
    exit: Exit,
}

impl Failure {
    /// A failure with exit code 1. `what` is a sentence without capital letter and full stop.
    pub fn new(what: impl Into<String>) -> Self {
        Self {
            what: what.into(),
            hint: None,
            snippet: None,
            exit: Exit::Failed,
        }
    }

    /// Adds the command that fixes it.
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = crate::os::hint(hint.into());
        self
    }

    /// Adds the lines to paste into a file that azup leaves alone.
    pub fn snippet(mut self, snippet: impl Into<String>) -> Self {
        self.snippet = Some(snippet.into());
        self
    }

    /// The lines to paste of an error, if it has any.
    pub fn snippet_of(error: &anyhow::Error) -> Option<&str> {
        error.downcast_ref::<Self>()?.snippet.as_deref()
    }

    /// Whether a command to paste was given.
    pub fn has_hint(&self) -> bool {
        self.hint.is_some()
    }

    /// The command to paste.
    pub fn own_hint(&self) -> Option<&str> {
        self.hint.as_deref()
    }

    /// Replaces the exit code.
    pub fn exit(mut self, exit: Exit) -> Self {
        self.exit = exit;
        self
    }

    /// The exit code of an error: its [`Failure`]'s, else 1.
    pub fn exit_of(error: &anyhow::Error) -> Exit {
        error
            .downcast_ref::<Self>()
            .map_or(Exit::Failed, |failure| failure.exit)
    }

    /// The hint of an error, if it has one.
    pub fn hint_of(error: &anyhow::Error) -> Option<&str> {
        error.downcast_ref::<Self>()?.hint.as_deref()
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.what)
    }
}

impl std::error::Error for Failure {}

/// Why an I/O operation failed, in words and without the `(os error 13)` that the standard library
/// appends.
pub fn reason(error: &std::io::Error) -> String {
    let text = error.to_string();
    match text.find(" (os error") {
        Some(end) => text[..end].to_owned(),
        None => text,
    }
}

/// A path or word as a POSIX shell reads it back: unquoted if that is safe, else quoted. Control
/// characters (a newline in a path) become visible escapes, so that one path is always one line.
/// Bytes that are not UTF-8 are written as `\xHH` inside `$'…'`.
pub fn quoted(word: impl AsRef<OsStr>) -> String {
    use crate::os::OsStrExt as _;
    let bytes = crate::os::plain(word.as_ref().as_bytes());
    let text = std::str::from_utf8(bytes);
    let plain = |c: char| {
        c.is_alphanumeric()
            || matches!(c, '/' | '.' | '_' | '-' | '+' | '=' | ':' | '@' | ',' | '%')
            || (cfg!(windows) && c == '\\')
    };
    match text {
        Ok(text) if !text.is_empty() && text.chars().all(plain) => text.to_owned(),
        Ok(text) if !text.chars().any(is_unseen) => {
            // PowerShell doubles a quote.
            let quote = if cfg!(windows) { "''" } else { r"'\''" };
            format!("'{}'", text.replace('\'', quote))
        }
        _ => {
            let mut out = String::from("$'");
            for chunk in bytes.utf8_chunks() {
                for c in chunk.valid().chars() {
                    match c {
                        '\n' => out.push_str("\\n"),
                        '\r' => out.push_str("\\r"),
                        '\t' => out.push_str("\\t"),
                        '\'' | '\\' => {
                            out.push('\\');
                            out.push(c);
                        }
                        c if is_unseen(c) => {
                            let mut buffer = [0; 4];
                            escape(&mut out, c.encode_utf8(&mut buffer).as_bytes());
                        }
                        c => out.push(c),
                    }
                }
                escape(&mut out, chunk.invalid());
            }
            out.push('\'');
            out
        }
    }
}

/// Whether a character is not seen by a person but obeyed by a terminal: control characters, and
/// those that change the direction or the lines of the surrounding text, with which one text can
/// look like another.
pub fn is_unseen(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// Foreign text on one line; the output code handles the rest.
pub fn in_one_line(text: &str) -> String {
    text.replace('\n', "\\n").replace('\r', "\\r")
}

fn escape(out: &mut String, bytes: &[u8]) {
    for byte in bytes {
        // Writing to a String never fails.
        let _ = fmt::Write::write_fmt(out, format_args!("\\x{byte:02x}"));
    }
}

/// The command for what only a person can fix: the files in an editor.
pub fn in_editor<P: AsRef<Path>>(paths: impl IntoIterator<Item = P>) -> String {
    let names: Vec<String> = paths.into_iter().map(|path| shown(path.as_ref())).collect();
    format!("${{EDITOR:-vi}} {}", names.join(" "))
}

/// The same, then `azup init`.
pub fn edited<P: AsRef<Path>>(paths: impl IntoIterator<Item = P>) -> String {
    format!("{} && azup init", in_editor(paths))
}

/// A whole command line, each word [`quoted`].
pub fn command_line<W: AsRef<OsStr>>(words: impl IntoIterator<Item = W>) -> String {
    words
        .into_iter()
        .map(|word| quoted(word.as_ref()))
        .collect::<Vec<_>>()
        .join(" ")
}

/// A path for a message: [`quoted`] only if necessary.
pub fn shown(path: &Path) -> String {
    quoted(path.as_os_str())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::ffi::OsStrExt as _;

    #[test]
    fn quoted_words_come_back_from_a_real_shell() {
        needs!(which::which("bash").is_ok(), "bash");
        let words: [&[u8]; 10] = [
            b"plain/path.pem",
            b"",
            b"two words",
            b"it's",
            b"a\nb",
            "größe/ü".as_bytes(),
            b"$HOME `x` \"y\" \\z",
            b"bad\xff\xfebytes",
            b"tab\tand'quote\n",
            "\u{9b}2J\u{202e}gpj.exe".as_bytes(),
        ];
        for word in words {
            let line = format!("printf %s {}", quoted(OsStr::from_bytes(word)));
            let out = std::process::Command::new("bash")
                .args(["-c", &line])
                .output()
                .expect("bash runs");
            assert_eq!(out.stdout, word, "{line}");
            assert!(!line.chars().any(is_unseen), "{line:?} shows all it holds");
        }
    }

    #[test]
    fn reasons_carry_no_error_number() {
        let error = std::io::Error::from_raw_os_error(13);
        assert_eq!(reason(&error), "Permission denied");
    }
}
