//! The contents of a bundle: finds certificates, adds the CA's marked block at the end, and cuts it
//! out again byte for byte.
//!
//! Bytes in, bytes out. A certificate is recognised by its own bytes. Nothing is removed that azup
//! did not write: no foreign certificate, no comment.

use std::ffi::OsString;
use std::fmt::Write as _;
use std::ops::Range;
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use memchr::memmem;
use time::OffsetDateTime;

use crate::certificates::{BEGIN, END, TrustAnchor, decode, sha256};
use crate::os::{OsStrExt as _, OsStringExt as _};
use crate::trust::RemovalFilter;

const BEGIN_MARK: &str = "# azup begin ";
const END_MARK: &str = "# azup end ";

/// On the begin mark: the file had no final newline, and is to lose it again on removal.
const NEWLINE_ADDED: &str = "newline-added";

/// On the begin mark: the file was a symbolic link to this target (percent-encoded).
const WAS_LINK: &str = "link=";

/// How the article's script begins what it appends.
const SCRIPT_MARK: &str = "# Certificate added by script at ";

/// The comments between that beginning and the certificate.
const METADATA: [&str; 8] = [
    "# Certificate added by azup ",
    "# Issuer: ",
    "# Subject: ",
    "# Label: ",
    "# Serial: ",
    "# MD5 Fingerprint: ",
    "# SHA1 Fingerprint: ",
    "# SHA256 Fingerprint: ",
];

/// Whether `bundle` holds this same certificate, under any comment and at any line length.
pub fn contains(bundle: &[u8], ca: &TrustAnchor) -> bool {
    // Lines shorter than usual, or no line breaks: look at every certificate and decode those that
    // begin alike. Decoding hundreds of them would cost milliseconds (measured).
    let start = beginning(ca);
    let alike = |body: &[u8]| {
        let mut characters = body.iter().filter(|byte| !byte.is_ascii_whitespace());
        start.bytes().all(|byte| characters.next() == Some(&byte))
    };
    holds(bundle, ca)
        || certificates(bundle)
            .map(|body| &bundle[body])
            .any(|body| alike(body) && decode(body).is_some_and(|der| der == ca.der))
}

/// The first characters of a certificate's text, up to its serial number: enough to tell it from
/// nearly any other.
fn beginning(ca: &TrustAnchor) -> String {
    let bytes = ca.distinctive.div_ceil(3) * 3;
    STANDARD.encode(&ca.der[..bytes.min(ca.der.len() / 3 * 3)])
}

/// Whether `bundle` holds this certificate in lines of the usual length.
pub(super) fn holds(bundle: &[u8], ca: &TrustAnchor) -> bool {
    // 64 characters are the first line as all tools write it.
    let start = beginning(ca);
    if start.len() > 64 {
        return false;
    }
    // From the end: azup appends its block there.
    memmem::FinderRev::new(start.as_bytes())
        .rfind_iter(bundle)
        .any(|at| certificate_around(bundle, at).is_some_and(|der| der == ca.der))
}

/// The certificate whose BEGIN line stands directly before `at`.
fn certificate_around(bundle: &[u8], at: usize) -> Option<Vec<u8>> {
    let line = memmem::rfind(&bundle[..at], BEGIN.as_bytes())?;
    let begin = line + BEGIN.len();
    if !starts_line(bundle, line) || !bundle[begin..at].iter().all(u8::is_ascii_whitespace) {
        return None;
    }
    let end = begin + memmem::find(&bundle[begin..], END.as_bytes())?;
    decode(&bundle[begin..end])
}

/// Where the BEGIN lines are. A BEGIN in the middle of a line is part of a comment, or the trace of
/// an append to an unfinished line, and no TLS library reads it.
pub(super) fn begin_lines(bundle: &[u8]) -> impl Iterator<Item = usize> {
    memmem::find_iter(bundle, BEGIN).filter(|at| starts_line(bundle, *at))
}

fn starts_line(bundle: &[u8], at: usize) -> bool {
    at == 0 || bundle[at - 1] == b'\n'
}

/// Where the base64 text of each certificate is.
fn certificates(bundle: &[u8]) -> impl Iterator<Item = Range<usize>> {
    begin_lines(bundle).filter_map(|at| {
        let start = at + BEGIN.len();
        let end = start + memmem::find(&bundle[start..], END.as_bytes())?;
        Some(start..end)
    })
}

/// `bundle` with the CA's block at its end. `link` is the target if the file was a symbolic link,
/// so that removal can restore the link.
pub fn with(bundle: &[u8], ca: &TrustAnchor, link: Option<&Path>, now: OffsetDateTime) -> Vec<u8> {
    // Room for the block, to avoid copying everything again.
    let mut after = Vec::with_capacity(bundle.len() + 2 * ca.pem.len() + 1024);
    after.extend_from_slice(bundle);
    let complete = bundle.is_empty() || bundle.ends_with(b"\n");
    if !complete {
        // Appended to an unfinished line, the block would make the whole file unreadable:
        // grpc's own bundle ends like that (measured).
        after.push(b'\n');
    }
    let mut flags = String::new();
    if !complete {
        let _ = write!(flags, " {NEWLINE_ADDED}");
    }
    if let Some(target) = link {
        let _ = write!(flags, " {WAS_LINK}{}", percent_encoded(target));
    }
    after.extend_from_slice(block(ca, &flags, now).as_bytes());
    after
}

/// A blank line, the marks, and the metadata that the article's script writes. ASCII
/// only: `certifi.contents()` decodes the file as such.
fn block(ca: &TrustAnchor, flags: &str, now: OffsetDateTime) -> String {
    let sha256 = ca.sha256();
    let sha1 = ring::digest::digest(&ring::digest::SHA1_FOR_LEGACY_USE_ONLY, &ca.der);
    format!(
        "\n{BEGIN_MARK}{sha256}{flags}\n\
         # Certificate added by azup {version} at {time}\n\
         # Issuer: {issuer}\n\
         # Subject: {subject}\n\
         # Label: \"{label}\"\n\
         # Serial: {serial}\n\
         # MD5 Fingerprint: {md5}\n\
         # SHA1 Fingerprint: {sha1}\n\
         # SHA256 Fingerprint: {sha256_shown}\n\
         {pem}{END_MARK}{sha256}\n",
        version = env!("CARGO_PKG_VERSION"),
        time = timestamp(now),
        issuer = ascii(&ca.issuer),
        subject = ascii(&ca.subject),
        label = ascii(&ca.label),
        serial = ca.serial,
        md5 = fingerprint(&md5::compute(&ca.der).0),
        sha1 = fingerprint(sha1.as_ref()),
        sha256_shown = fingerprint(ring::digest::digest(&ring::digest::SHA256, &ca.der).as_ref()),
        pem = ca.pem,
    )
}

fn timestamp(now: OffsetDateTime) -> String {
    let format =
        time::macros::format_description!("[year]-[month]-[day] [hour]:[minute]:[second] UTC");
    now.format(format).unwrap_or_default()
}

/// `AA:BB:…`, as OpenSSL prints fingerprints.
fn fingerprint(bytes: &[u8]) -> String {
    let pairs: Vec<String> = bytes.iter().map(|byte| format!("{byte:02X}")).collect();
    pairs.join(":")
}

/// A name from a certificate, for a comment line: it must not end the line, leave ASCII, or look
/// like the beginning or end of a certificate.
fn ascii(text: &str) -> String {
    text.chars()
        .map(|c| match c {
            ' '..='~' => c.to_string(),
            c => c.escape_unicode().to_string(),
        })
        .collect::<String>()
        .replace("-----", "- - -")
}

/// A path as ASCII without spaces and line breaks, for a comment in a bundle.
pub fn percent_encoded(path: &Path) -> String {
    let mut text = String::new();
    for byte in path.as_os_str().as_bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'/' | b'.' | b'_' | b'-' => {
                text.push(char::from(*byte));
            }
            byte => {
                let _ = write!(text, "%{byte:02X}");
            }
        }
    }
    text
}

/// The inverse of [`percent_encoded`].
pub fn percent_decoded(text: &str) -> Option<PathBuf> {
    let mut bytes = Vec::new();
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte == b'%' {
            let digits = [rest.next()?, rest.next()?];
            let digits = std::str::from_utf8(&digits).ok()?;
            bytes.push(u8::from_str_radix(digits, 16).ok()?);
        } else {
            bytes.push(byte);
        }
    }
    Some(OsString::from_vec(bytes).into())
}

/// `bundle` without every certificate that `removal` names, and the link that it was. Nothing else
/// is removed: no foreign certificate, and no comment that azup did not write.
pub fn without(bundle: &[u8], removal: &RemovalFilter) -> (Vec<u8>, Option<PathBuf>) {
    cut(bundle, &|der| removal.names(der))
}

/// Cuts from the end, so that offsets before a cut stay valid.
fn cut(bundle: &[u8], goes: &dyn Fn(&[u8]) -> bool) -> (Vec<u8>, Option<PathBuf>) {
    let lines = lines(bundle);
    let mut after = bundle.to_vec();
    let mut link = None;
    let bodies: Vec<Range<usize>> = certificates(bundle).collect();
    for body in bodies.into_iter().rev() {
        if !decode(&bundle[body.clone()]).is_some_and(|der| goes(&der)) {
            continue;
        }
        let line_of = |byte: usize| lines.partition_point(|line| line.end <= byte);
        let certificate = line_of(body.start - BEGIN.len())..line_of(body.end) + 1;
        let sha256 = sha256(&decode(&bundle[body]).unwrap_or_default());
        let cut = surrounding(bundle, &lines, certificate, &sha256);
        let flags = lines[cut.clone()]
            .iter()
            .find_map(|line| text(&bundle[line.clone()]).strip_prefix(BEGIN_MARK))
            .and_then(|mark| mark.strip_prefix(sha256.as_str()))
            .unwrap_or_default();
        let start = lines[cut.start].start;
        after.drain(start..lines[cut.end - 1].end);
        if start == after.len() {
            if flags.split(' ').any(|flag| flag == NEWLINE_ADDED) && after.ends_with(b"\n") {
                after.pop();
            }
            let target = flags
                .split(' ')
                .find_map(|flag| flag.strip_prefix(WAS_LINK));
            link = target.and_then(percent_decoded).or(link);
        } else if !flags.is_empty() {
            hand_on(&mut after, start, flags);
        }
    }
    (after, link)
}

/// A block's flags record the state of the file before it, which the removal of the last block
/// needs: they pass to the block that directly follows.
fn hand_on(bundle: &mut Vec<u8>, at: usize, flags: &str) {
    let Some(rest) = bundle[at..].strip_prefix(b"\n") else {
        return;
    };
    let Some(mark) = rest.strip_prefix(BEGIN_MARK.as_bytes()) else {
        return;
    };
    if !mark.iter().take(64).all(u8::is_ascii_hexdigit) {
        return;
    }
    if let Some(end) = memchr::memchr(b'\n', rest) {
        let end = at + 1 + end;
        bundle.splice(end..end, flags.bytes());
    }
}

/// The certificate's lines and what was written with them: azup's or the script's marks and
/// metadata, and the blank line in front. A certificate that was pasted without these is removed
/// alone.
fn surrounding(
    bundle: &[u8],
    lines: &[Range<usize>],
    certificate: Range<usize>,
    sha256: &str,
) -> Range<usize> {
    let line = |at: usize| text(&bundle[lines[at].clone()]);
    let mut start = certificate.start;
    while start > 0
        && METADATA
            .iter()
            .any(|known| line(start - 1).starts_with(known))
    {
        start -= 1;
    }
    let begins = |text: &str| {
        text.strip_prefix(BEGIN_MARK)
            .is_some_and(|mark| mark.starts_with(sha256))
            || text.starts_with(SCRIPT_MARK)
    };
    if start == 0 || !begins(line(start - 1)) {
        return certificate;
    }
    start -= 1;
    if start > 0 && line(start - 1).is_empty() {
        start -= 1;
    }
    let mut end = certificate.end;
    if end < lines.len() && line(end).strip_prefix(END_MARK) == Some(sha256) {
        end += 1;
    }
    start..end
}

/// Every line with its line end.
fn lines(bundle: &[u8]) -> Vec<Range<usize>> {
    let mut start = 0;
    let mut lines: Vec<Range<usize>> = memchr::memchr_iter(b'\n', bundle)
        .map(|end| {
            let line = start..end + 1;
            start = end + 1;
            line
        })
        .collect();
    if start < bundle.len() {
        lines.push(start..bundle.len());
    }
    lines
}

/// A line as text without its line ending; empty if it is not UTF-8, which no line of azup's is.
fn text(line: &[u8]) -> &str {
    std::str::from_utf8(line).map_or("\u{fffd}", |line| line.trim_end_matches(['\n', '\r']))
}

#[cfg(test)]
mod tests;
