//! PEM bundles: certifi's `cacert.pem`, and any file named with `--bundle`.
//!
//! The CA is added as one marked ASCII block and is removed again byte for byte. It is recognised
//! by the certificate itself, so a copy from the article's script or one pasted by hand counts too.
//! A bundle is never appended to in place: uv hard-links bundles to its cache, so one append
//! changes every environment (measured).

mod block;

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use anyhow::Result;
use memchr::memmem;

use super::definition::{Definition, Search};
use super::reinstall::Reinstall;
use super::{Candidate, RemovalFilter, Skip, Status, Store};
use crate::certificates::{END, TrustAnchor};
use crate::change::Change;
use crate::failure::{Failure, command_line, shown};
use crate::files::{self, Content};
use crate::machine::Machine;
use crate::options::Kind;

use block::{begin_lines, holds};
pub use block::{contains, percent_decoded, percent_encoded, with, without};

/// How much of a bundle's end is read at first (bytes): room for azup's block, and for those of a
/// few other programs that append.
const END_SIZE: u64 = 16 << 10;

/// The end of the path of certifi's bundle.
pub const CERTIFI: &str = "certifi/cacert.pem";

/// The end of the path of pip's own copy of certifi.
pub const OF_PIP: &str = "pip/_vendor/certifi/cacert.pem";

/// Whether a bundle may be changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WritePolicy {
    /// It must be: failing to write it is an error.
    Required,
    /// It was not asked for: if this user may not write there, it is left alone.
    IfWritable,
    /// It belongs to the distribution: never, not even by root.
    Never,
}

pub static STORE: Definition = Definition {
    kind: Kind::BUNDLE,
    asked_by: &[],
    of_project: false,
    check: "store-bundle",
    title: "the bundles named by --bundle have the CA",
    read_by_program: false,
    find: of_search,
    reopen: Some(|path| Box::new(Bundle::recorded(Kind::BUNDLE, path))),
};

fn of_search(search: &Search<'_>) -> Vec<Candidate> {
    let named = search.bundles.iter().cloned();
    named.map(|path| Candidate::Store(Box::new(Bundle::named(path)))).collect()
}

/// One bundle file.
#[derive(Debug)]
pub struct Bundle {
    kind: Kind,
    path: PathBuf,
    /// The command that reinstalls a damaged bundle.
    reinstall: Option<Reinstall>,
    care: WritePolicy,
    /// The folder in which it was first read.
    folder: OnceLock<Option<files::Identity>>,
}

impl Bundle {
    pub fn named(path: PathBuf) -> Self {
        Self {
            kind: Kind::BUNDLE,
            path,
            reinstall: None,
            care: WritePolicy::Required,
            folder: OnceLock::new(),
        }
    }

    /// The bundle of certifi in a Python environment; `reinstall` restores it.
    pub fn certifi(path: PathBuf, reinstall: Reinstall, care: WritePolicy) -> Self {
        Self {
            kind: Kind::CERTIFI,
            path,
            reinstall: Some(reinstall),
            care,
            folder: OnceLock::new(),
        }
    }

    /// A bundle that a program brings along, changed only if this user may.
    #[cfg(windows)]
    pub fn of_program(kind: Kind, path: PathBuf) -> Self {
        Self {
            kind,
            care: WritePolicy::IfWritable,
            ..Self::named(path)
        }
    }

    /// Makes sure that its folder is still the one in which it was first read.
    ///
    /// If a write finds other bytes than it was planned for, the file is read again and the change
    /// planned again. But not in another folder: one that replaced the first in between would get a
    /// CA that the user did not ask for.
    fn require_same_folder(&self) -> Result<()> {
        let folder = self.path.parent().unwrap_or(&self.path);
        let now = files::identity(folder);
        if *self.folder.get_or_init(|| now) != now {
            return Err(Failure::new(format!(
                "{} was replaced by another folder in the meantime",
                shown(folder)
            ))
            .hint(command_line(
                ["ls", "-ld"]
                    .map(OsStr::new)
                    .into_iter()
                    .chain([folder.as_os_str()]),
            ))
            .into());
        }
        Ok(())
    }

    /// Its contents; `None` if it does not exist.
    fn read(&self) -> Result<Option<Vec<u8>>> {
        self.require_same_folder()?;
        files::read_if_there(&self.path)
    }

    /// The same for a bundle that must exist.
    fn read_there(&self) -> Result<Vec<u8>> {
        self.read()?
            .ok_or_else(|| Failure::new(format!("{} does not exist", shown(&self.path))).into())
    }

    /// Refuses a bundle that is not for azup to change.
    fn check_owner(&self, ca: &TrustAnchor) -> Result<()> {
        let left = |why: String, fix| Err(Skip { why, fix }.into());
        // pip requests nothing from Azurite, so its own copy deserves no warning.
        let of_pip = self.path.ends_with(OF_PIP);
        // A patched certifi answers with the system's bundle; the file beside it is unused.
        if self.kind == Kind::CERTIFI
            && let Some(system) = patched_certifi(&self.path)
        {
            let trusts = || files::read(Path::new(&system)).is_ok_and(|all| contains(&all, ca));
            let mends = !of_pip && !trusts();
            return left(
                format!("not read: this certifi is patched to use {system}"),
                mends.then(|| "azup trust --stores system".to_owned()),
            );
        }
        if self.care == WritePolicy::Never {
            let why = "belongs to the distribution; its Python reads the system's store";
            return left(why.to_owned(), None);
        }
        let folder = self.path.parent().unwrap_or(&self.path);
        if self.care == WritePolicy::IfWritable && !files::is_writable(folder) {
            let fix = if of_pip { None } else { self.under_sudo(ca) };
            return left("this user may not write there".to_owned(), fix);
        }
        Ok(())
    }

    /// Whether the CA is where azup puts it: this runs before every debug session, so it reads one
    /// page instead of the whole bundle. If not, the CA may still be elsewhere in the file.
    fn ends_with(&self, ca: &TrustAnchor) -> Result<bool> {
        self.require_same_folder()?;
        let end = files::read_end(&self.path, END_SIZE)?;
        // The first line may have begun before these bytes.
        let whole = memchr::memchr(b'\n', &end).map_or(end.len(), |at| at + 1);
        Ok(holds(&end[whole..], ca))
    }

    /// The command with which an administrator trusts the CA in this file.
    fn under_sudo(&self, ca: &TrustAnchor) -> Option<String> {
        let file = ca.file.as_deref()?;
        let (option, value) = if ca.is_ours() {
            ("--certs", file.parent()?)
        } else {
            ("--ca", file)
        };
        let words = ["sudo", "azup", "trust", "--stores", "none", option].map(OsString::from);
        let rest = [value.into(), "--bundle".into(), self.path.clone().into()];
        Some(command_line(words.into_iter().chain(rest)))
    }

    /// A bundle from the record, from which CAs are only ever removed.
    pub fn recorded(kind: Kind, path: PathBuf) -> Self {
        Self {
            kind,
            ..Self::named(path)
        }
    }

    /// Refuses a file that is not a bundle, before a byte is added to it.
    fn check(&self, bytes: &[u8]) -> Result<()> {
        let refuse = |what: &str| {
            let failure = Failure::new(format!("{} {what}", shown(&self.path)));
            match &self.reinstall {
                Some(reinstall) => failure.hint(reinstall.command()),
                None => failure,
            }
        };
        let begins = begin_lines(bytes).count();
        let ends = memmem::find_iter(bytes, END).count();
        if bytes.is_empty() {
            return Err(refuse("is empty, so it is not a bundle").into());
        }
        if bytes.starts_with(b"\x30\x82") {
            return Err(refuse("is DER, not a PEM bundle").into());
        }
        if memmem::find(bytes, b"PRIVATE KEY-----").is_some() {
            return Err(refuse("holds a private key, so it is not a bundle of CAs").into());
        }
        if begins == 0 {
            return Err(refuse("is not a PEM bundle: it has no BEGIN CERTIFICATE line").into());
        }
        if begins > ends {
            return Err(refuse("is truncated: a BEGIN CERTIFICATE line has no END").into());
        }
        if begins < ends {
            let what = "is damaged: an END CERTIFICATE line has no BEGIN of its own";
            return Err(refuse(what).into());
        }
        Ok(())
    }
}

impl Store for Bundle {
    fn kind(&self) -> Kind {
        self.kind
    }

    fn path(&self) -> &Path {
        &self.path
    }

    fn status(&self, ca: &TrustAnchor, _machine: &Machine) -> Result<Status> {
        let trusted = self.ends_with(ca)? || contains(&self.read_there()?, ca);
        Ok(Status::from(trusted))
    }

    fn add(&self, ca: &TrustAnchor, machine: &Machine) -> Result<Vec<Change>> {
        if self.care == WritePolicy::Never {
            self.check_owner(ca)?;
        }
        if self.ends_with(ca)? {
            return Ok(Vec::new());
        }
        let before = self.read_there()?;
        if contains(&before, ca) {
            return Ok(Vec::new());
        }
        self.check_owner(ca)?;
        self.check(&before)?;
        let link = std::fs::read_link(&self.path).ok();
        let after = with(&before, ca, link.as_deref(), machine.now());
        Ok(vec![Change::Write {
            path: self.path.clone(),
            expect: Some(before),
            content: Content::File {
                bytes: after,
                mode: 0o644,
            },
        }])
    }

    fn remove(&self, removal: &RemovalFilter, _machine: &Machine) -> Result<Vec<Change>> {
        if self.care == WritePolicy::Never {
            return Ok(Vec::new());
        }
        let Some(before) = self.read()? else {
            return Ok(Vec::new());
        };
        let (after, link) = without(&before, removal);
        if after == before {
            return Ok(Vec::new());
        }
        let content = match link {
            // Only if the link would bring back the same bytes that it led to.
            Some(target)
                if files::read_if_there(&self.path.with_file_name("").join(&target))
                    .ok()
                    .flatten()
                    .as_ref()
                    == Some(&after) =>
            {
                Content::Link(target)
            }
            _ => Content::File {
                bytes: after,
                mode: 0o644,
            },
        };
        Ok(vec![Change::Write {
            path: self.path.clone(),
            expect: Some(before),
            content,
        }])
    }
}

/// The bundle that a distribution's certifi returns instead of its own (Debian, Fedora and openSUSE
/// patch `core.py`).
pub fn patched_certifi(bundle: &Path) -> Option<String> {
    let core = files::read_if_there(&bundle.with_file_name("core.py")).ok()??;
    let core = String::from_utf8_lossy(&core);
    let at = core.find("\"/etc/").or_else(|| core.find("'/etc/"))?;
    let path: String = core[at + 1..]
        .chars()
        .take_while(|c| !matches!(c, '"' | '\''))
        .collect();
    Some(path)
}
