//! A CA certificate that stores are to trust, and the refusals: nothing but exactly one valid CA
//! certificate in PEM ever gets near a trust store.

use std::path::{Path, PathBuf};

use anyhow::Result;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use time::OffsetDateTime;
use x509_parser::prelude::{FromDer as _, X509Certificate, X509Name};

use super::issue::CA_NAME;
use crate::change::Input;
use crate::failure::{Failure, quoted, shown};
use crate::files::hex;

/// The line before a certificate in PEM (RFC 7468).
pub const BEGIN: &str = "-----BEGIN CERTIFICATE-----";
/// The line after a certificate in PEM (RFC 7468).
pub const END: &str = "-----END CERTIFICATE-----";

/// A CA certificate to trust.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TrustAnchor {
    /// The certificate in DER, by which two copies are compared.
    pub der: Vec<u8>,
    /// The certificate in PEM, as azup writes it: lines of 64 characters, LF.
    pub pem: String,
    /// The subject, as `CN=azup local CA 1234abcd`.
    pub subject: String,
    /// The issuer; the same as the subject for an azup CA.
    pub issuer: String,
    /// The common name alone.
    pub label: String,
    /// The serial number in hexadecimal digits.
    pub serial: String,
    /// notBefore.
    pub not_before: OffsetDateTime,
    /// notAfter.
    pub not_after: OffsetDateTime,
    /// The length of the prefix of `der` that ends with the serial number. No other certificate of
    /// the same issuer begins with these bytes.
    pub distinctive: usize,
    /// The file that it was read from.
    pub file: Option<PathBuf>,
}

impl TrustAnchor {
    /// Reads the content of `path` as one CA certificate.
    pub fn from_pem(bytes: &[u8], path: &Path, now: OffsetDateTime) -> Result<Self> {
        if let Some(problem) = text_problem(bytes, path) {
            return Err(problem.into());
        }
        Self::foreign(bytes, path, now)
    }

    /// Like [`TrustAnchor::from_pem`] for a CA that azup did not make: a byte order mark and
    /// Windows line endings are accepted, since stores get a re-encoded certificate.
    pub fn foreign(bytes: &[u8], path: &Path, now: OffsetDateTime) -> Result<Self> {
        let this = Self::any(bytes, path)?;
        let der = &this.der;
        let (_, certificate) = X509Certificate::from_der(der)?;
        if !certificate.is_ca() {
            return Err(Failure::new(format!(
                "{} is the certificate of a server ({}), not of a CA; a trust store needs the CA's",
                shown(path),
                this.subject
            ))
            .into());
        }
        check_dates(path, "CA", this.not_before, this.not_after, now)?;
        Ok(this)
    }

    /// The CA of a file that the user names: as [`Self::foreign`], but the error for a file with
    /// several says how to name each.
    pub fn named(bytes: &[u8], path: &Path, now: OffsetDateTime) -> Result<Self> {
        let begins = memchr::memmem::find_iter(bytes, BEGIN).count();
        if begins > 1 {
            let why = format!("{} holds {begins} certificates; one was expected", shown(path));
            return Err(Failure::new(why).hint(each_of(path)).into());
        }
        Self::foreign(bytes, path, now)
    }

    /// The only certificate in `path`, of any kind and age: enough to remove it.
    pub fn any(bytes: &[u8], path: &Path) -> Result<Self> {
        let der = single_certificate(bytes, path)?;
        let this = Self::from_der(&der)
            .ok_or_else(|| Failure::new(format!("{} holds no X.509 certificate", shown(path))))?;
        Ok(Self {
            file: Some(path.to_owned()),
            ..this
        })
    }

    /// Parses any certificate; `None` if the bytes are not one.
    pub fn from_der(der: &[u8]) -> Option<Self> {
        let (rest, certificate) = X509Certificate::from_der(der).ok()?;
        if !rest.is_empty() {
            return None;
        }
        let serial = certificate.raw_serial();
        let start = memchr::memmem::find(der, serial)?;
        let validity = certificate.validity();
        Some(Self {
            der: der.to_owned(),
            pem: encode(der),
            subject: certificate.subject().to_string(),
            issuer: certificate.issuer().to_string(),
            label: common_name(certificate.subject()),
            // DER's sign byte is not part of the number as OpenSSL prints it.
            serial: hex(serial.strip_prefix(&[0]).unwrap_or(serial)).to_uppercase(),
            not_before: validity.not_before.to_datetime(),
            not_after: validity.not_after.to_datetime(),
            distinctive: start + serial.len(),
            file: None,
        })
    }

    /// The certificate in a file that holds exactly one in PEM and nothing else; `None` for any
    /// other file.
    pub fn alone_in(bytes: &[u8]) -> Option<Self> {
        let text = std::str::from_utf8(bytes).ok()?;
        let body = text.trim().strip_prefix(BEGIN)?.strip_suffix(END)?;
        Self::from_der(&decode(body.as_bytes())?)
    }

    /// Whether azup made it, judged by its name.
    pub fn is_ours(&self) -> bool {
        self.subject == self.issuer && is_our_name(&self.label)
    }

    /// The certificate in PEM, for a program that reads it from standard input.
    pub fn as_input(&self) -> Input {
        Input::new(self.pem.clone().into_bytes(), self.file.clone())
    }

    /// SHA-256 of the DER as browsers and OpenSSL show it: `AB:CD:…`.
    pub fn fingerprint(&self) -> String {
        let digits = self.sha256().to_uppercase();
        let pairs: Vec<&str> = (0..digits.len())
            .step_by(2)
            .map(|at| &digits[at..at + 2])
            .collect();
        pairs.join(":")
    }

    /// SHA-256 of the DER, in lower-case hexadecimal digits.
    pub fn sha256(&self) -> String {
        sha256(&self.der)
    }
}

/// SHA-256 in lower-case hexadecimal digits.
pub fn sha256(bytes: &[u8]) -> String {
    hex(ring::digest::digest(&ring::digest::SHA256, bytes).as_ref())
}

/// Whether these bytes can be an azup CA: false for nearly all others, and faster than parsing the
/// certificate.
pub fn may_be_ours(der: &[u8]) -> bool {
    memchr::memmem::find(der, CA_NAME.as_bytes()).is_some()
}

/// Whether a common name is one that azup gives to its CAs.
fn is_our_name(name: &str) -> bool {
    name.strip_prefix(CA_NAME)
        .is_some_and(|tail| tail.len() == 8 && tail.bytes().all(|byte| byte.is_ascii_hexdigit()))
}

fn common_name(name: &X509Name<'_>) -> String {
    name.iter_common_name()
        .next()
        .and_then(|value| value.as_str().ok())
        .unwrap_or_default()
        .to_owned()
}

/// DER as PEM: lines of 64 characters (RFC 7468), LF.
pub fn encode(der: &[u8]) -> String {
    let text = STANDARD.encode(der);
    let mut pem = String::with_capacity(text.len() + text.len() / 64 + 60);
    pem.push_str(BEGIN);
    pem.push('\n');
    let mut rest = text.as_str();
    while !rest.is_empty() {
        let (line, tail) = rest.split_at(rest.len().min(64));
        pem.push_str(line);
        pem.push('\n');
        rest = tail;
    }
    pem.push_str(END);
    pem.push('\n');
    pem
}

/// The DER between a BEGIN and an END line, with any line length and line endings.
pub fn decode(body: &[u8]) -> Option<Vec<u8>> {
    let packed: Vec<u8> = body
        .iter()
        .copied()
        .filter(|byte| !byte.is_ascii_whitespace())
        .collect();
    STANDARD.decode(packed).ok()
}

/// The DER of the only certificate in `bytes`, or what `path` holds instead.
pub(super) fn single_certificate(bytes: &[u8], path: &Path) -> Result<Vec<u8>> {
    let file = shown(path);
    let refuse = |what: &str| Failure::new(format!("{file} {what}"));
    if let Some(problem) = form_problem(bytes, path) {
        return Err(problem.into());
    }
    let text = String::from_utf8_lossy(bytes);
    if text.contains("PRIVATE KEY-----") {
        let what = "a private key never goes into a trust store";
        if !text.contains(BEGIN) {
            return Err(refuse(&format!("holds a private key and no certificate: {what}")).into());
        }
        let alone = quoted(path.with_extension("alone.pem"));
        return Err(refuse(&format!("holds a private key beside the certificate: {what}"))
            .hint(format!("openssl x509 -in {file} -out {alone} && azup trust --ca {alone}"))
            .into());
    }
    let Some(begin) = text.find(BEGIN) else {
        return Err(refuse("is not PEM: it has no BEGIN CERTIFICATE line").into());
    };
    let body = &text[begin + BEGIN.len()..];
    let Some(end) = body.find(END) else {
        return Err(refuse("is truncated: its END CERTIFICATE line is missing").into());
    };
    let after = &body[end + END.len()..];
    if after.contains(BEGIN) {
        return Err(refuse("holds more than one certificate; one was expected").into());
    }
    decode(&body.as_bytes()[..end])
        .filter(|der| X509Certificate::from_der(der).is_ok_and(|(rest, _)| rest.is_empty()))
        .ok_or_else(|| {
            refuse("is damaged: the text between its BEGIN and END lines is not a certificate")
                .into()
        })
}

/// The command that trusts every certificate of a file, each from a file of its own.
fn each_of(path: &Path) -> String {
    let stem = path.with_extension("");
    format!(
        "awk -v to={stem}- '/BEGIN CERTIFICATE/ {{ n++ }} n {{ print > (to n \".pem\") }}' {file} && \
         for ca in {stem}-[0-9]*.pem; do azup trust --ca \"$ca\"; done",
        stem = shown(&stem),
        file = shown(path)
    )
}

/// PKCS#7 signed data, a format in which certificates are distributed (RFC 2315).
const SIGNED_DATA: &[u8] = b"\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x07\x02";

/// Why a file is not PEM at all.
fn form_problem(bytes: &[u8], path: &Path) -> Option<Failure> {
    let file = shown(path);
    let converted = quoted(path.with_extension("converted.pem"));
    let problem = |what: &str| Failure::new(format!("{file} {what}"));
    if bytes.is_empty() {
        return Some(problem("is empty"));
    }
    if bytes.starts_with(b"\xff\xfe") || bytes.starts_with(b"\xfe\xff") {
        return Some(
            problem("is UTF-16 text, not PEM").hint(format!(
                "iconv -f UTF-16 -t ASCII {file} > {converted} && azup trust --ca {converted}"
            )),
        );
    }
    let start = &bytes[..bytes.len().min(32)];
    if memchr::memmem::find(start, SIGNED_DATA).is_some() {
        return Some(problem("is PKCS#7, not PEM").hint(format!(
            "openssl pkcs7 -inform DER -print_certs -in {file} -out {converted} && \
             azup trust --ca {converted}"
        )));
    }
    if memchr::memmem::find(bytes, b"-----BEGIN PKCS7-----").is_some() {
        return Some(problem("is PKCS#7, not a certificate").hint(format!(
            "openssl pkcs7 -print_certs -in {file} -out {converted} && azup trust --ca {converted}"
        )));
    }
    if bytes.starts_with(b"\x30\x82") {
        return Some(problem("is DER, not PEM").hint(format!(
            "openssl x509 -inform DER -in {file} -out {converted} && azup trust --ca {converted}"
        )));
    }
    None
}

/// Why not every TLS library can read a file as PEM text.
pub(super) fn text_problem(bytes: &[u8], path: &Path) -> Option<Failure> {
    let file = shown(path);
    let problem = |what: &str| Failure::new(format!("{file} {what}"));
    if bytes.starts_with(b"\xef\xbb\xbf") {
        return Some(
            problem("begins with a byte order mark (BOM), which OpenSSL and Azurite do not skip")
                .hint(format!("sed -i '1s/^\\xEF\\xBB\\xBF//' {file}")),
        );
    }
    if memchr::memmem::find(bytes, b"\r\n").is_some() {
        return Some(
            problem("has Windows line endings (CRLF); another program has rewritten it since azup wrote it")
                .hint(format!("sed -i 's/\\r$//' {file}")),
        );
    }
    form_problem(bytes, path)
}

/// Refuses a certificate that is not valid at `now`.
pub(super) fn check_dates(
    path: &Path,
    what: &str,
    not_before: OffsetDateTime,
    not_after: OffsetDateTime,
    now: OffsetDateTime,
) -> Result<()> {
    if now > not_after {
        return Err(Failure::new(format!(
            "the {what} in {} expired on {}",
            shown(path),
            day(not_after)
        ))
        .into());
    }
    if now < not_before {
        return Err(Failure::new(format!(
            "the {what} in {} is not valid before {}: it was made while a clock was wrong, or this \
             machine's clock is wrong now",
            shown(path),
            day(not_before)
        ))
        .into());
    }
    Ok(())
}

/// A moment as `2027-12-23T06:30:00Z` (RFC 3339).
pub fn moment(at: OffsetDateTime) -> String {
    at.format(&time::format_description::well_known::Rfc3339)
        .unwrap_or_default()
}

/// A date as `2027-12-23`.
pub fn day(at: OffsetDateTime) -> String {
    let at = at.date();
    format!(
        "{:04}-{:02}-{:02}",
        at.year(),
        u8::from(at.month()),
        at.day()
    )
}
