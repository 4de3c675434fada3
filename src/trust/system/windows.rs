//! Windows: the store `Root` of the current user, through `certutil.exe`. It needs no
//! administrator; Windows asks the user on the screen before it adds or deletes a root.
//!
//! Never run on Windows, for which azup is not built yet: options are from Microsoft's
//! documentation, tested with a recording stand-in.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Result;

use super::super::{Found, Removal, Row, Status, Store};
use super::sha1;
use crate::certificates::{TrustAnchor, is_our_name};
use crate::change::Change;
use crate::files;
use crate::machine::Machine;
use crate::options::Kind;

/// How long a question may take.
const LIMIT: Duration = Duration::from_secs(10);

/// What stands before the name in a subject or issuer.
const COMMON_NAME: &str = "CN=";

/// The user's own store of root certificates.
#[derive(Debug)]
pub(super) struct CurrentUserRoot {
    certutil: PathBuf,
}

/// The store, or that Windows' own certutil is not there. Never one from PATH: the
/// program of that name from NSS knows none of these options.
pub(super) fn find(machine: &Machine) -> Found {
    let windows = machine.var("SystemRoot").unwrap_or("C:\\Windows".as_ref());
    let certutil = Path::new(windows).join("System32").join("certutil.exe");
    if !certutil.is_file() {
        let why = "Windows' own certutil.exe is not there".to_owned();
        return Found::Row(Row::absent(super::KIND, &certutil, why, None));
    }
    Found::Store(Box::new(CurrentUserRoot { certutil }))
}

impl CurrentUserRoot {
    fn argv<const N: usize>(&self, words: [&str; N]) -> Vec<OsString> {
        let mut argv: Vec<OsString> = vec![self.certutil.clone().into(), "-user".into()];
        argv.extend(words.map(OsString::from));
        argv
    }

    fn holds(&self, sha1: &str, machine: &Machine) -> Result<bool> {
        let argv = self.argv(["-verifystore", "Root", sha1]);
        Ok(machine.run(&argv, None, LIMIT)?.status.success())
    }
}

impl Store for CurrentUserRoot {
    fn kind(&self) -> Kind {
        super::KIND
    }

    fn path(&self) -> &Path {
        Path::new(r"CurrentUser\Root")
    }

    fn status(&self, ca: &TrustAnchor, machine: &Machine) -> Result<Status> {
        Ok(if self.holds(&sha1(ca), machine)? {
            Status::Trusted
        } else {
            Status::Missing
        })
    }

    fn add(&self, ca: &TrustAnchor, machine: &Machine) -> Result<Vec<Change>> {
        let sha1 = sha1(ca);
        if self.holds(&sha1, machine)? {
            return Ok(Vec::new());
        }
        // The CA's own file may not be written yet: certutil gets one for the moment.
        let own = machine.own_folder()?;
        let file = own.join(format!("{sha1}.pem"));
        let bytes = ca.pem.clone().into_bytes();
        let mut argv = self.argv(["-addstore", "Root"]);
        argv.push(file.clone().into());
        Ok(vec![
            Change::Directory {
                path: own,
                mode: 0o700,
            },
            Change::Write {
                path: file.clone(),
                expect: files::read_if_there(&file)?,
                content: files::Content::File {
                    bytes: bytes.clone(),
                    mode: 0o644,
                },
            },
            Change::run(argv, Some(self.argv(["-delstore", "Root", &sha1]))),
            Change::Delete {
                path: file,
                expect: bytes,
            },
        ])
    }

    fn remove(&self, removal: &Removal, machine: &Machine) -> Result<Vec<Change>> {
        let listed = machine.run(&self.argv(["-store", "Root"]), None, LIMIT)?;
        let mut found = ours(&String::from_utf8_lossy(&listed.stdout));
        if let Some(ca) = &removal.ca
            && !found.contains(&sha1(ca))
            && self.holds(&sha1(ca), machine)?
        {
            found.push(sha1(ca));
        }
        let delete = |sha1: &String| Change::run(self.argv(["-delstore", "Root", sha1]), None);
        Ok(found.iter().map(delete).collect())
    }
}

/// The SHA-1 of every certificate in the list that is its own issuer and has a name of
/// azup's. The words of the list are in the user's language, so only what is the same in
/// all of them is read: a rule of `=` between two certificates, `CN=` and `(sha1):`.
fn ours(list: &str) -> Vec<String> {
    list.split("================")
        .filter(|block| {
            let names = block
                .lines()
                .filter_map(|line| line.split_once(COMMON_NAME));
            names.filter(|(_, name)| is_our_name(name.trim())).count() == 2
        })
        .filter_map(|block| {
            let (_, hash) = block.split_once("(sha1):")?;
            // Old versions write pairs of digits.
            let hash: String = hash.lines().next()?.split_whitespace().collect();
            let hexadecimal = hash.len() == 40 && hash.bytes().all(|b| b.is_ascii_hexdigit());
            hexadecimal.then(|| hash.to_uppercase())
        })
        .collect()
}

#[cfg(test)]
#[allow(
    clippy::unwrap_used,
    reason = "a test that cannot go on should say where"
)]
mod tests;
