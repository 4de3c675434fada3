//! Debian's copy of its store for Java, `/etc/ssl/certs/java/cacerts`. The hook of
//! `update-ca-certificates` adds every anchor, as `debian:NAME.pem`, and never removes one, with
//! `--fresh` or without: Java went on accepting a CA that was gone from everywhere else (measured
//! with 17 and 25).
//!
//! `keytool` runs only for aliases whose certificate, compared by its bytes, is to be removed.

use std::ffi::OsString;
use std::path::Path;

use java_keystore::DEFAULT_PASSWORD as PASSWORD;
use java_keystore::jks::Jks;

use super::super::RemovalFilter;
use crate::files;
use crate::machine::Machine;

/// Below the root folder.
const KEYSTORE: &str = "etc/ssl/certs/java/cacerts";

/// What the hook puts before the name of an anchor.
const PREFIX: &str = "debian:";

/// The commands that remove the hook's copies of what `removal` names. None without `keytool`,
/// since then there is no Java that would read them, and none for a keystore in a format other than
/// JKS, which is all that the hook writes.
pub(super) fn removals(root: &Path, removal: &RemovalFilter, machine: &Machine) -> Vec<Vec<OsString>> {
    let keystore = root.join(KEYSTORE);
    let Some(bytes) = files::read_if_there(&keystore).ok().flatten() else {
        return Vec::new();
    };
    if machine.find("keytool").is_none() {
        return Vec::new();
    }
    let Ok(store) = Jks::parse(&bytes) else {
        return Vec::new();
    };
    let mut aliases: Vec<String> = store
        .entries()
        .into_iter()
        .filter(|entry| {
            let certificate = entry.certificate.as_deref();
            entry.alias.starts_with(PREFIX) && certificate.is_some_and(|der| removal.names(der))
        })
        .map(|entry| entry.alias.into_owned())
        .collect();
    // A keystore has no defined order.
    aliases.sort();
    aliases
        .into_iter()
        .map(|alias| {
            let mut argv: Vec<OsString> = ["keytool", "-delete", "-alias", &*alias, "-keystore"]
                .map(OsString::from)
                .into();
            argv.push(keystore.clone().into());
            argv.extend(["-storepass", PASSWORD].map(OsString::from));
            argv
        })
        .collect()
}
