//! `.env` files, as python-dotenv, VS Code and docker read them: `KEY=VALUE` lines with
//! quotes, comments and `export`. Only enough of it to find a path.

use std::ffi::OsString;
use std::path::Path;
use crate::os::{OsStrExt as _, OsStringExt as _};

/// Every variable that is set, in order, with its value, in which `$HOME` and `~` stand for `home`.
/// Lines that are malformed, or whose value refers to other variables, are skipped.
pub(crate) fn parse(bytes: &[u8], home: Option<&Path>) -> Vec<(String, OsString)> {
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    bytes
        .split(|byte| matches!(byte, b'\n' | b'\r'))
        .filter_map(|text| line(text, home))
        .collect()
}

fn line(line: &[u8], home: Option<&Path>) -> Option<(String, OsString)> {
    let line = line.trim_ascii();
    let line = match line.strip_prefix(b"export") {
        Some(rest) if rest.first().is_some_and(u8::is_ascii_whitespace) => rest,
        _ => line,
    };
    let equals = memchr::memchr(b'=', line)?;
    let key = std::str::from_utf8(line[..equals].trim_ascii()).ok()?;
    let is_name = |c: char| c.is_ascii_alphanumeric() || c == '_';
    if key.is_empty() || !key.chars().all(is_name) {
        return None;
    }
    let (mut value, expands) = value(line[equals + 1..].trim_ascii());
    if let Some(home) = home.filter(|_| expands) {
        value = at_home(value, home.as_os_str().as_bytes());
    }
    if value.is_empty() || value.contains(&0) || expands && value.contains(&b'$') {
        return None;
    }
    Some((key.to_owned(), OsString::from_vec(value)))
}

/// The value with the home folder in place of a leading `~/` or `$HOME/`, in any spelling.
fn at_home(value: Vec<u8>, home: &[u8]) -> Vec<u8> {
    let below = [&b"~/"[..], b"$HOME/", b"${HOME}/"]
        .iter()
        .find_map(|prefix| value.strip_prefix(*prefix));
    match below {
        Some(below) => [home, b"/", below].concat(),
        None => value,
    }
}

/// A value without quotes and comment, and whether a `$` in it is special.
fn value(text: &[u8]) -> (Vec<u8>, bool) {
    match text.first() {
        Some(b'\'') => (quoted(&text[1..], b'\''), false),
        Some(b'"') => (quoted(&text[1..], b'"'), true),
        Some(b'#') => (Vec::new(), false),
        _ => {
            let comment = text
                .windows(2)
                .position(|pair| pair[0].is_ascii_whitespace() && pair[1] == b'#');
            let value = &text[..comment.unwrap_or(text.len())];
            (value.trim_ascii_end().to_vec(), true)
        }
    }
}

/// Up to the unescaped closing quote, or to the end if there is none.
fn quoted(text: &[u8], mark: u8) -> Vec<u8> {
    let mut value = Vec::new();
    let mut rest = text.iter().copied();
    while let Some(byte) = rest.next() {
        if byte == mark {
            break;
        }
        if byte != b'\\' {
            value.push(byte);
            continue;
        }
        match rest.next() {
            Some(next) if next == mark || next == b'\\' => value.push(next),
            next => {
                value.push(b'\\');
                value.extend(next);
            }
        }
    }
    value
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn one(text: &str) -> Option<String> {
        let mut all = parse(text.as_bytes(), Some(Path::new("/home/me")));
        assert!(all.len() <= 1, "{text:?}: {all:?}");
        let (key, value) = all.pop()?;
        assert_eq!(key, "SSL_CERT_FILE", "{text:?}");
        value.into_string().ok()
    }

    #[test]
    fn values_in_every_form() {
        for (text, expected) in [
            ("SSL_CERT_FILE=/a/b.pem", Some("/a/b.pem")),
            ("SSL_CERT_FILE=~/b.pem", Some("/home/me/b.pem")),
            ("SSL_CERT_FILE=$HOME/b.pem", Some("/home/me/b.pem")),
            ("SSL_CERT_FILE=\"${HOME}/b c.pem\"", Some("/home/me/b c.pem")),
            ("SSL_CERT_FILE='~/b.pem'", Some("~/b.pem")),
            ("SSL_CERT_FILE=$HOME$OTHER/b.pem", None),
            ("export SSL_CERT_FILE=/a/b.pem # ours", Some("/a/b.pem")),
            (
                "  SSL_CERT_FILE = \"/a b/c.pem\"  # ours\r\n",
                Some("/a b/c.pem"),
            ),
            ("SSL_CERT_FILE='/a/#$b.pem'", Some("/a/#$b.pem")),
            (
                "SSL_CERT_FILE=\"/a/\\\"b\\\"\\\\c.pem\"",
                Some("/a/\"b\"\\c.pem"),
            ),
            ("SSL_CERT_FILE=/a#b.pem", Some("/a#b.pem")),
            ("\u{feff}SSL_CERT_FILE=/größe.pem", Some("/größe.pem")),
            (
                "SSL_CERT_FILE=\"/never/closed.pem",
                Some("/never/closed.pem"),
            ),
            ("SSL_CERT_FILE=", None),
            ("SSL_CERT_FILE= # later", None),
            ("SSL_CERT_FILE", None),
            ("# SSL_CERT_FILE=/a/b.pem", None),
            ("exportSSL CERT=/a", None),
            ("=/a", None),
        ] {
            assert_eq!(one(text).as_deref(), expected, "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_survived(bytes in prop::collection::vec(any::<u8>(), 0..500)) {
            for (key, value) in parse(&bytes, None) {
                prop_assert!(!key.is_empty() && !value.is_empty());
            }
        }

        #[test]
        fn what_was_quoted_is_read(path in "/[ -~]{1,40}") {
            let quoted = path.replace('\\', "\\\\").replace('\'', "\\'");
            let text = format!("A=1\nSSL_CERT_FILE='{quoted}'\nB=2\n");
            let all = parse(text.as_bytes(), None);
            prop_assert_eq!(&all[1].1, &OsString::from(path));
            prop_assert_eq!(all.len(), 3);
        }
    }
}
