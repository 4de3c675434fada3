//! A trust store for Java. `javax.net.ssl.trustStore` makes it forget every other one
//! (measured), so the public CAs are in it too: those of the store that was used so far.

use std::ffi::OsString;
use std::path::Path;

use anyhow::Result;
use java_keystore::pkcs12::{self, NewCertificate};

use super::{Environment, Variable, merged};
use crate::certificates::TrustAnchor;
use crate::failure::Failure;
use crate::machine::Machine;
use crate::trust::java;

/// The options that every Java takes up when it starts.
const NAME: &str = "JAVA_TOOL_OPTIONS";

/// Which file Java trusts.
const STORE: &str = "-Djavax.net.ssl.trustStore=";

/// It says `PKCS12` after the one that is azup's.
const TYPE: &str = "-Djavax.net.ssl.trustStoreType=";

/// Adds the variable, where the store that Java uses does not hold the CA.
pub(super) fn plan(
    ca: &TrustAnchor,
    machine: &Machine,
    environment: &mut Environment,
) -> Result<()> {
    let value = machine.var(NAME).unwrap_or_default();
    let value = value.to_str().ok_or_else(|| bad("is not UTF-8"))?;
    let words = words(value).ok_or_else(|| bad("has a quotation mark that is never closed"))?;
    let folder = merged::folder(machine)?;
    let is_ours = |path: &str| Path::new(path).parent() == Some(&folder);
    let mut kept: Vec<&Word<'_>> = Vec::new();
    let mut of_ours = false;
    for word in &words {
        let store = word.text.strip_prefix(STORE);
        // The type that was added behind a store of azup's goes with it.
        let goes = store.is_some_and(is_ours) || of_ours && word.text.starts_with(TYPE);
        of_ours = goes && store.is_some();
        if !goes {
            kept.push(word);
        }
    }
    let users = kept
        .iter()
        .rev()
        .find_map(|word| word.text.strip_prefix(STORE));
    let roots = match users {
        Some(path) => java::certificates(&machine.absolute(Path::new(path)))?,
        None => java::roots(machine)?,
    };
    let mut all: Vec<String> = kept.iter().map(|word| word.raw.to_owned()).collect();
    if roots.iter().any(|(_, der)| *der == ca.der) {
        if kept.len() == words.len() {
            return Ok(());
        }
    } else {
        let alias = format!("azup-{}", &ca.sha256()[..8]);
        let theirs = roots
            .iter()
            .map(|(alias, der)| NewCertificate::trusted(alias, der));
        let certificates = theirs.chain([NewCertificate::trusted(&alias, &ca.der)]);
        let (path, changes) = merged::put(pkcs12::encode(certificates), "p12", machine)?;
        environment.changes.extend(changes);
        all.push(option(&path)?);
        all.push(format!("{TYPE}PKCS12"));
    }
    let value = (!all.is_empty()).then(|| OsString::from(all.join(" ")));
    environment.variables.push(Variable { name: NAME, value });
    Ok(())
}

/// The option that names a store, quoted as Java reads it.
fn option(path: &Path) -> Result<String> {
    let path = path
        .to_str()
        .ok_or_else(|| bad("cannot name a file whose path is not UTF-8"))?;
    let plain = !path.contains(|c: char| c.is_whitespace() || matches!(c, '"' | '\''));
    match (plain, path.contains('"'), path.contains('\'')) {
        (true, _, _) => Ok(format!("{STORE}{path}")),
        (_, false, _) => Ok(format!("\"{STORE}{path}\"")),
        (_, _, false) => Ok(format!("'{STORE}{path}'")),
        _ => Err(bad("cannot name a file with both kinds of quotation marks").into()),
    }
}

fn bad(why: &str) -> Failure {
    Failure::new(format!("{NAME} {why}")).hint(format!("unset {NAME}"))
}

/// One option, as it is written and as Java understands it.
#[derive(Debug, PartialEq, Eq)]
struct Word<'a> {
    raw: &'a str,
    text: String,
}

/// The options in a value, by Java's own rule: white space ends one, and either kind of
/// quotation marks keeps it together. `None` where one is never closed.
fn words(value: &str) -> Option<Vec<Word<'_>>> {
    let mut words = Vec::new();
    let mut rest = value.trim_start();
    while !rest.is_empty() {
        let (mut text, mut open, mut end) = (String::new(), None, rest.len());
        for (at, c) in rest.char_indices() {
            match (open, c) {
                (Some(mark), c) if c == mark => open = None,
                (None, '"' | '\'') => open = Some(c),
                (None, c) if c.is_ascii_whitespace() => {
                    end = at;
                    break;
                }
                (_, c) => text.push(c),
            }
        }
        if open.is_some() {
            return None;
        }
        let raw = &rest[..end];
        words.push(Word { raw, text });
        rest = rest[end..].trim_start();
    }
    Some(words)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_are_taken_apart_as_java_does() {
        let all = words("  -Da=1 '-Db=two words' -Dc=\"it's\"x\t-Dd ").expect("words");
        let texts: Vec<&str> = all.iter().map(|word| word.text.as_str()).collect();
        assert_eq!(texts, ["-Da=1", "-Db=two words", "-Dc=it'sx", "-Dd"]);
        assert_eq!(all[1].raw, "'-Db=two words'");
        assert_eq!(words("-Da='open"), None);
    }
}
