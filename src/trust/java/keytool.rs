//! keytool, for keystores that azup cannot write itself: encrypted ones, and those that belong to
//! an administrator.
//!
//! keytool says why it fails on standard output, in the user's language. It truncates the keystore
//! before writing it, so the caller must guard the file.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Result;
use java_keystore::{DEFAULT_PASSWORD as PASSWORD, Entry};

use super::super::Operation;
use crate::certificates::{BEGIN, END, decode};
use crate::failure::{Failure, command_line, shown};
use crate::machine::Machine;

/// How long a listing may take. Half a second is usual (measured).
const LIMIT: Duration = Duration::from_secs(60);

/// keytool, for one keystore.
#[derive(Debug)]
pub struct Keytool<'a> {
    /// The program; the JDK's own, if it has one.
    pub program: PathBuf,
    pub keystore: &'a Path,
}

impl Keytool<'_> {
    /// Adds the certificate that it reads from standard input.
    pub fn import(&self, alias: &str) -> Vec<OsString> {
        self.words(
            &["-importcert", "-noprompt"],
            &["-storepass", PASSWORD],
            alias,
        )
    }

    /// Removes an entry.
    pub fn delete(&self, alias: &str) -> Vec<OsString> {
        self.words(&["-delete"], &["-storepass", PASSWORD], alias)
    }

    /// The failure for a keystore with another password. The user can still do it by hand, because
    /// keytool asks for the password.
    pub fn other_password(&self, alias: &str, goal: &Operation<'_>) -> Failure {
        let mut words = match goal {
            Operation::Add(_) => self.words(&["-importcert"], &[], alias),
            Operation::Remove(_) => self.words(&["-delete"], &[], alias),
        };
        if let Operation::Add(ca) = goal {
            let file = ca.file.as_deref().unwrap_or(Path::new("ca.pem"));
            words.extend(["-file".into(), file.into()]);
        }
        Failure::new(format!(
            "{} has another password than {PASSWORD}, or is damaged",
            shown(self.keystore)
        ))
        .hint(command_line(words))
    }

    fn words(&self, verb: &[&str], password: &[&str], alias: &str) -> Vec<OsString> {
        let mut words: Vec<OsString> = vec![self.program.clone().into()];
        words.extend(verb.iter().map(OsString::from));
        words.extend(["-keystore".into(), self.keystore.into()]);
        words.extend(password.iter().map(OsString::from));
        words.extend(["-alias".into(), alias.into()]);
        words
    }

    /// All entries; `None` if neither this password nor the usual one opens the keystore.
    pub fn list(
        &self,
        password: Option<&str>,
        machine: &Machine,
    ) -> Result<Option<Vec<Entry<'static>>>> {
        let mut words: Vec<OsString> = vec![self.program.clone().into()];
        // In English, whatever the user's language: the answer is parsed below.
        words.extend(["-J-Duser.language=en", "-list", "-rfc", "-keystore"].map(Into::into));
        words.push(self.keystore.into());
        // Any user can read a command line, so the user's password is never on it: keytool reads it
        // from standard input.
        let input = password.map(|password| format!("{password}\n").into_bytes());
        if input.is_none() {
            words.extend(["-storepass", PASSWORD].map(Into::into));
        }
        let done = machine.run(&words, input.as_deref(), LIMIT)?;
        let answer = String::from_utf8_lossy(&done.stdout);
        if done.status.success() {
            return Ok(Some(entries(&answer)));
        }
        if answer.contains("password was incorrect") {
            return Ok(None);
        }
        Err(Failure::new(format!(
            "keytool cannot read {}: {}",
            shown(self.keystore),
            done.last_words()
        ))
        .hint(format!("keytool -list -keystore {}", shown(self.keystore)))
        .into())
    }
}

/// The entries in the answer of `keytool -list -rfc`.
fn entries(answer: &str) -> Vec<Entry<'static>> {
    let mut entries = Vec::new();
    for part in answer.split("\nAlias name: ").skip(1) {
        let alias = part.lines().next().unwrap_or_default().to_owned();
        let is_trusted = part
            .lines()
            .any(|line| line == "Entry type: trustedCertEntry");
        let pem = part
            .split_once(BEGIN)
            .and_then(|(_, body)| body.split_once(END));
        let der = pem.and_then(|(body, _)| decode(body.as_bytes()));
        entries.push(Entry {
            alias: alias.into(),
            certificate: der.filter(|_| is_trusted).map(Into::into),
        });
    }
    entries
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_listing_is_read_with_keys_and_certificates() {
        let answer = format!(
            "Keystore type: PKCS12\n\nYour keystore contains 2 entries\n\n\
             Alias name: one\nCreation date: Nov 21, 2026\nEntry type: trustedCertEntry\n\n\
             {BEGIN}\nAQID\n{END}\n\n\n*****\n\n\n\
             Alias name: my key\nCreation date: Nov 21, 2026\nEntry type: PrivateKeyEntry\n\
             Certificate chain length: 1\nCertificate[1]:\n{BEGIN}\nAQID\n{END}\n"
        );
        let entries = entries(&answer);
        let shown: Vec<_> = entries
            .iter()
            .map(|entry| (&*entry.alias, entry.certificate.as_deref()))
            .collect();
        assert_eq!(shown, [("one", Some(&[1, 2, 3][..])), ("my key", None)]);
    }
}
