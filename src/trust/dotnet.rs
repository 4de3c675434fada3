//! .NET's own store of a user, on Linux: a folder in which each file is a certificate that every
//! .NET program trusts, whatever `SSL_CERT_FILE` says and without an administrator. Programs
//! started by F5, Rider or `dotnet run` have neither the variable nor the system's store.
//!
//! Each is PKCS#12 without a password, named after the SHA-1 of the certificate, by which .NET's
//! `X509Store.Remove` finds it (measured). .NET itself encrypts its files with an empty password;
//! azup reads only unencrypted ones such as its own, so it leaves .NET's alone whatever they hold.

use std::path::{Path, PathBuf};

use anyhow::Result;
use java_keystore::pkcs12::{NewCertificate, Pkcs12, encode};

use super::definition::{Definition, Search};
use super::{Candidate, RemovalFilter, Skip, Status, Store, StoreReport, system};
use crate::certificates::TrustAnchor;
use crate::change::Change;
use crate::failure::shown;
use crate::files::{self, Content};
use crate::machine::Machine;
use crate::options::Kind;
use crate::os::{self, MetadataExt as _};

/// The folders from the home folder inwards.
const FOLDERS: [&str; 5] = [".dotnet", "corefx", "cryptography", "x509stores", "root"];

/// The ending of the files that .NET reads.
const ENDING: &str = "pfx";

/// The file in azup's own folder that names the outermost folder that azup has made, relative to
/// the home folder.
const MADE: &str = "dotnet-folder";

/// The kind as `--stores` spells it.
pub const KIND: Kind = Kind::new("dotnet");

pub static STORE: Definition = Definition {
    kind: KIND,
    asked_by: &[KIND],
    of_project: false,
    check: "store-dotnet",
    title: ".NET's own store has the CA (F5, Rider, dotnet run)",
    read_by_program: false,
    find,
    reopen: Some(|path| Box::new(Root { path })),
};

/// The store of this user.
#[derive(Debug)]
pub struct Root {
    path: PathBuf,
}

/// The store of this user, whether or not it exists.
pub fn of_user(machine: &Machine) -> Result<Root> {
    let path = place(machine.home()?);
    Ok(Root { path })
}

/// The store, if .NET has been or can be used here, or if the store was asked for by name.
fn find(search: &Search<'_>) -> Vec<Candidate> {
    let machine = search.machine;
    let Ok(home) = machine.home() else {
        return Vec::new();
    };
    let path = place(home);
    let used = files::exists(&home.join(FOLDERS[0]));
    let absent = |why: &str| {
        let row = StoreReport::absent(KIND, &path, why.to_owned(), None);
        vec![Candidate::StoreReport(row)]
    };
    if !cfg!(target_os = "linux") {
        return absent("here .NET trusts what the operating system trusts");
    }
    if !search.named && !used && machine.find("dotnet").is_none() {
        return absent(".NET has not been used here");
    }
    vec![Candidate::Store(Box::new(Root { path }))]
}

/// Where .NET looks.
fn place(home: &Path) -> PathBuf {
    home.join(FOLDERS.iter().collect::<PathBuf>())
}

impl Root {
    /// Every regular file with its bytes, in order; none if the folder does not exist.
    fn files(&self) -> Vec<(PathBuf, Vec<u8>)> {
        let entries = std::fs::read_dir(&self.path).into_iter().flatten().flatten();
        let paths = entries.map(|entry| entry.path());
        let named = paths.filter(|path| path.extension().is_some_and(|kind| kind == ENDING));
        let mut files: Vec<_> = named
            .filter(|path| !files::is_leftover(path))
            .filter_map(|path| {
                let bytes = files::read_if_there(&path).ok()??;
                Some((path, bytes))
            })
            .collect();
        files.sort();
        files
    }

    /// Refuses folders through which another user could have a CA trusted, or write elsewhere.
    fn check(&self, machine: &Machine) -> Result<()> {
        let home = machine.home()?;
        let mut folder = home.to_owned();
        for name in FOLDERS {
            folder.push(name);
            let Ok(about) = folder.symlink_metadata() else {
                break;
            };
            if let Some(why) = unfit(&folder, home, &about) {
                let why = format!("{} {why}", shown(&folder));
                return Err(Skip { why, fix: None }.into());
            }
        }
        Ok(())
    }

    /// The outermost folder that is missing.
    fn missing(&self, machine: &Machine) -> Result<Option<PathBuf>> {
        let home = machine.home()?;
        let mut below = PathBuf::new();
        Ok(FOLDERS.iter().find_map(|name| {
            below.push(name);
            (!files::exists(&home.join(&below))).then(|| below.clone())
        }))
    }
}

/// Why a folder is not used, in words that follow its path.
fn unfit(folder: &Path, home: &Path, about: &std::fs::Metadata) -> Option<String> {
    if about.is_symlink() {
        let (Ok(real), Ok(home)) = (folder.canonicalize(), home.canonicalize()) else {
            return Some("is a link that leads nowhere".to_owned());
        };
        if !real.starts_with(home) {
            return Some("is a link that leads out of the home folder".to_owned());
        }
    }
    let about = folder.metadata().ok()?;
    if !about.is_dir() {
        return Some("is not a folder".to_owned());
    }
    let (user, group) = (os::user(), os::group());
    if about.uid() != user {
        let owner = if about.uid() == 0 { "root" } else { "another user" };
        return Some(format!("belongs to {owner}, and .NET's store is this user's"));
    }
    // Distributions that give every user a group with the user's own number make folders
    // group-writable.
    let own_group = about.gid() == group && group == user;
    let open = about.mode() & if own_group { 0o002 } else { 0o022 };
    (open != 0).then(|| "can be written by others".to_owned())
}

/// The certificates of a file, if it holds nothing else and is not encrypted.
fn certificates(bytes: &[u8]) -> Vec<&[u8]> {
    let read = Pkcs12::parse(bytes).ok().filter(|file| !file.has_others());
    read.map(|file| file.certificates()).unwrap_or_default()
}

/// The file name that .NET gives a certificate.
fn name(der: &[u8]) -> String {
    format!("{}.{ENDING}", system::sha1_of(der))
}

impl Store for Root {
    fn kind(&self) -> Kind {
        KIND
    }

    fn path(&self) -> &Path {
        &self.path
    }

    fn status(&self, ca: &TrustAnchor, _machine: &Machine) -> Result<Status> {
        let has = |(_, bytes): &(PathBuf, Vec<u8>)| certificates(bytes).contains(&ca.der.as_slice());
        Ok(if self.files().iter().any(has) {
            Status::Trusted
        } else {
            Status::Missing
        })
    }

    fn add(&self, ca: &TrustAnchor, machine: &Machine) -> Result<Vec<Change>> {
        self.check(machine)?;
        if self.status(ca, machine)? == Status::Trusted {
            return Ok(Vec::new());
        }
        let mut changes = Vec::new();
        if let Some(missing) = self.missing(machine)? {
            let note = machine.own_folder()?.join(MADE);
            changes.push(Change::Directory { path: machine.own_folder()?, mode: 0o700 });
            changes.push(Change::Write {
                expect: files::read_if_there(&note)?,
                path: note,
                content: Content::File {
                    bytes: format!("{}\n", missing.display()).into_bytes(),
                    mode: 0o600,
                },
            });
            // The mode that .NET uses.
            changes.push(Change::Directory { path: self.path.clone(), mode: 0o755 });
        }
        let path = self.path.join(name(&ca.der));
        changes.push(Change::Write {
            expect: files::read_if_there(&path)?,
            path,
            content: Content::File {
                bytes: encode([NewCertificate::plain(&ca.der)]),
                mode: 0o600,
            },
        });
        Ok(changes)
    }

    /// Removes only whole files: one that also holds other certificates is the user's own.
    fn remove(&self, removal: &RemovalFilter, machine: &Machine) -> Result<Vec<Change>> {
        let goes = |bytes: &[u8]| {
            let all = certificates(bytes);
            !all.is_empty() && all.iter().all(|der| removal.names(der))
        };
        let found = self.files();
        let (gone, left): (Vec<_>, Vec<_>) = found.into_iter().partition(|(_, bytes)| goes(bytes));
        if gone.is_empty() {
            return Ok(Vec::new());
        }
        self.check(machine)?;
        let gone = gone.into_iter();
        let mut changes: Vec<Change> =
            gone.map(|(path, expect)| Change::Delete { path, expect }).collect();
        let ours = |(_, bytes): &(PathBuf, Vec<u8>)| {
            let ca = |der: &&[u8]| TrustAnchor::from_der(der).is_some_and(|ca| ca.is_ours());
            certificates(bytes).iter().any(ca)
        };
        if !left.iter().any(ours) {
            changes.extend(self.made(machine)?);
        }
        Ok(changes)
    }
}

impl Root {
    /// Removes the folders that azup made, unless something else is in them by now.
    fn made(&self, machine: &Machine) -> Result<Vec<Change>> {
        let note = machine.own_folder()?.join(MADE);
        let Some(expect) = files::read_if_there(&note)? else {
            return Ok(Vec::new());
        };
        let outermost = PathBuf::from(String::from_utf8_lossy(&expect).trim_end());
        let depth = outermost.components().count();
        let whole: PathBuf = FOLDERS.iter().collect();
        let is_whole = whole.starts_with(&outermost) && depth > 0 && self.path == place(machine.home()?);
        let mut changes = Vec::new();
        if is_whole {
            let folders = self.path.ancestors().take(FOLDERS.len() + 1 - depth);
            changes.extend(folders.map(|path| Change::RemoveFolder { path: path.to_owned() }));
        }
        changes.push(Change::Delete { path: note, expect });
        Ok(changes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_has_the_name_that_net_gives_it() {
        assert_eq!(name(b"abc"), "A9993E364706816ABA3E25717850C26C9CD0D89D.pfx");
    }
}
