//! The certificate set (`ca.pem`, `cert.pem`, `key.pem`): where it is, whether it is good, and a
//! new one if it is missing.
//!
//! All projects share one set per machine, so that there is one CA to trust; a project's dev
//! container has its own copy in `.devcontainer/azurite-certs/`, and keeps it while it is valid.

pub mod anchor;
mod ignored;
mod issue;
mod issued;
mod kept;
mod plan;
mod origin;
mod renewal;

use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Result;
use rustls::client::danger::ServerCertVerifier as _;
use rustls::client::{WebPkiServerVerifier, verify_server_name};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{CertificateError, RootCertStore};
use time::OffsetDateTime;
use x509_parser::prelude::{FromDer as _, GeneralName, X509Certificate};
use zeroize::Zeroizing;

use crate::change::Change;
use crate::failure::{Failure, command_line, shown};
use crate::files::{self, Content};
use crate::machine::Machine;
use crate::options::Global;
use crate::workspace::Workspace;

pub use anchor::{
    BEGIN, END, TrustAnchor, day, decode, may_be_ours, moment, sha256,
};
pub use ignored::{GITIGNORE, IGNORE_ALL, ignored};
pub use issue::{Issued, LIFETIME_DAYS, Names, issue};
#[cfg(feature = "internals")]
pub use issue::{ca_parameters, leaf_parameters};
pub use issued::IssuedList;
pub use plan::{CertificatePlan, obtain, require_accepted};
pub use origin::{accepted, check_origin, check_running};
pub use renewal::{obtain_or_renew, renew};

/// The folder of the project set, below the project's folder.
pub const PROJECT_FOLDER: &str = ".devcontainer/azurite-certs";

/// The three files of a set. The key is written before the leaf, so that a process that waits for
/// `cert.pem` finds both.
pub const FILES: [&str; 3] = ["ca.pem", "key.pem", "cert.pem"];

/// The names of a staged set's files, in the order of [`FILES`].
pub(super) const STAGED: [&str; 3] = ["next-ca.pem", "next-key.pem", "next-cert.pem"];

/// A certificate set that passed every check.
#[derive(Clone, Debug)]
pub struct CertificateSet {
    /// Where it is, or is to be written.
    pub folder: PathBuf,
    pub ca: TrustAnchor,
    /// The leaf in PEM.
    pub cert: Vec<u8>,
    /// The leaf's private key in PEM; `None` if this user may not read it, which is enough to trust
    /// the CA.
    pub key: Option<Zeroizing<Vec<u8>>>,
    /// The last moment at which the leaf is valid.
    pub not_after: OffsetDateTime,
    /// What the leaf is valid for.
    pub names: Names,
}

impl CertificateSet {
    /// Reads and checks the set in `folder`; `None` if none of its files exists. Does not check who
    /// made it: [`accepted`] must do so before the set is trusted or served.
    pub fn load_unchecked(folder: &Path, now: OffsetDateTime) -> Result<Option<Self>> {
        Self::load_named(folder, FILES, now)
    }

    /// Like [`CertificateSet::load_unchecked`], from files with other names in the same order.
    fn load_named(folder: &Path, names: [&str; 3], now: OffsetDateTime) -> Result<Option<Self>> {
        let paths = names.map(|name| folder.join(name));
        let mut contents = Vec::new();
        let mut closed = false;
        for path in &paths {
            // In a dev container the key may belong to the host's root.
            if path == &paths[1] && files::is_closed_to_us(path) {
                closed = true;
                contents.push(Some(Zeroizing::new(Vec::new())));
            } else {
                contents.push(files::read_if_there(path)?.map(Zeroizing::new));
            }
        }
        if contents.iter().all(Option::is_none) {
            return Ok(None);
        }
        if let Some(at) = contents.iter().position(Option::is_none) {
            return Err(Failure::new(format!(
                "the certificate set in {} is incomplete: {} is missing",
                shown(folder),
                names[at]
            ))
            .hint(renew_command(folder))
            .into());
        }
        let mut contents = contents.into_iter().flatten();
        let (Some(ca), Some(key), Some(cert)) = (contents.next(), contents.next(), contents.next())
        else {
            unreachable!("three files were read");
        };
        let key = (!closed).then_some(key);
        Self::check(folder, &paths, &ca, key, &cert, now).map(Some)
    }

    /// A set that was just made, to be written to `folder`.
    pub fn from_issued(folder: &Path, issued: &Issued, now: OffsetDateTime) -> Result<Self> {
        let key = Zeroizing::new(issued.key.as_bytes().to_vec());
        let (ca, cert) = (issued.ca.as_bytes(), issued.cert.as_bytes());
        let paths = FILES.map(|name| folder.join(name));
        Self::check(folder, &paths, ca, Some(key), cert, now)
    }

    fn check(
        folder: &Path,
        [ca_path, key_path, cert_path]: &[PathBuf; 3],
        ca: &[u8],
        key: Option<Zeroizing<Vec<u8>>>,
        cert: &[u8],
        now: OffsetDateTime,
    ) -> Result<Self> {
        let ca =
            TrustAnchor::from_pem(ca, ca_path, now).map_err(|error| with_renewal(error, folder))?;
        if let Some(problem) = anchor::text_problem(cert, cert_path) {
            return Err(problem.into());
        }
        let leaf_der = anchor::single_certificate(cert, cert_path)
            .map_err(|error| with_renewal(error, folder))?;
        let (_, leaf) = X509Certificate::from_der(&leaf_der)?;
        let validity = leaf.validity();
        let not_after = validity.not_after.to_datetime();
        let not_before = validity.not_before.to_datetime();
        anchor::check_dates(cert_path, "certificate", not_before, not_after, now)
            .map_err(|error| with_renewal(error, folder))?;
        let refuse = |what: String| Failure::new(what).hint(renew_command(folder));
        if let Some(key) = &key {
            if let Some(problem) = anchor::text_problem(key, key_path) {
                return Err(problem.into());
            }
            let pair = std::str::from_utf8(key)
                .ok()
                .and_then(|pem| rcgen::KeyPair::from_pem(pem).ok())
                .ok_or_else(|| refuse(format!("{} holds no private key", shown(key_path))))?;
            if rcgen::PublicKeyData::subject_public_key_info(&pair) != leaf.public_key().raw {
                return Err(refuse(format!(
                    "{} is not the key of {}",
                    shown(key_path),
                    shown(cert_path)
                ))
                .into());
            }
        }
        verify_chain(&ca.der, &leaf_der, now)
            .map_err(|why| refuse(format!("{} fails verification: {why}", shown(cert_path))))?;
        Ok(Self {
            folder: folder.to_owned(),
            ca,
            cert: cert.to_owned(),
            key,
            not_after,
            names: names_of(&leaf),
        })
    }

    /// The changes that write this set to `folder`; `mode` applies if the folder has to be created.
    pub fn write(&self, folder: &Path, mode: u32) -> Result<Vec<Change>> {
        let mut changes = vec![Change::Directory {
            path: folder.to_owned(),
            mode,
        }];
        for (name, (bytes, mode)) in FILES.into_iter().zip(self.contents()?) {
            let path = folder.join(name);
            let expect = files::read_if_there(&path)?;
            if expect.as_deref() == Some(bytes) {
                continue;
            }
            changes.push(Change::Write {
                path,
                expect,
                content: Content::File {
                    bytes: bytes.to_vec(),
                    mode,
                },
            });
        }
        Ok(changes)
    }

    /// The contents of each of [`FILES`], with its permission bits.
    fn contents(&self) -> Result<[(&[u8], u32); 3]> {
        let key = self.readable_key()?;
        Ok([
            (self.ca.pem.as_bytes(), 0o644),
            (key, 0o600),
            (&self.cert, 0o644),
        ])
    }

    /// The leaf's private key in PEM.
    pub fn readable_key(&self) -> Result<&[u8]> {
        match &self.key {
            Some(key) => Ok(key),
            None => Err(Failure::new(format!(
                "cannot read {}: it belongs to another user",
                shown(&self.key_file())
            ))
            .hint(renew_command(&self.folder))
            .into()),
        }
    }

    /// The path of the CA, as given to other programs.
    pub fn ca_file(&self) -> PathBuf {
        self.folder.join(FILES[0])
    }

    /// The path of the leaf's key.
    pub fn key_file(&self) -> PathBuf {
        self.folder.join(FILES[1])
    }

    /// The path of the leaf.
    pub fn cert_file(&self) -> PathBuf {
        self.folder.join(FILES[2])
    }
}

/// Where the set that a command uses belongs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SetLocation {
    /// The folder that the user named with `--certs`; no other is tried.
    Named(PathBuf),
    /// The project's own folder, filled from the machine's.
    Project(PathBuf),
    /// The machine's folder.
    Machine(PathBuf),
}

impl SetLocation {
    /// The place by order of precedence: `--certs`, the project's, the machine's.
    pub fn find(machine: &Machine, global: &Global) -> Result<Self> {
        if let Some(named) = &global.certs {
            return Ok(Self::Named(machine.absolute(named)));
        }
        // Never above the project: any user can create `/tmp/.devcontainer`.
        let project = Workspace::of(machine)
            .project
            .into_iter()
            .map(|folder| folder.join(PROJECT_FOLDER))
            .find(|folder| folder.is_dir());
        match project {
            Some(folder) => Ok(Self::Project(folder)),
            None => Ok(Self::Machine(machine_folder(machine)?)),
        }
    }

    /// The project's folder, if the set is the project's.
    pub fn project(&self) -> Option<&Path> {
        match self {
            Self::Project(folder) => folder.parent()?.parent(),
            _ => None,
        }
    }

    /// The folder of the set.
    pub fn folder(&self) -> &Path {
        match self {
            Self::Named(folder) | Self::Project(folder) | Self::Machine(folder) => folder,
        }
    }
}

/// The folder of the machine set, which all projects share.
pub fn machine_folder(machine: &Machine) -> Result<PathBuf> {
    Ok(machine.own_folder()?.join("certs"))
}

/// The command that replaces the set in `folder`.
pub fn renew_command(folder: &Path) -> String {
    let words = [
        "azup".as_ref(),
        "renew".as_ref(),
        "--certs".as_ref(),
        folder.as_os_str(),
    ];
    command_line(words)
}

/// Adds a hint with the command that makes a new set, unless the failure has a hint.
fn with_renewal(error: anyhow::Error, folder: &Path) -> anyhow::Error {
    match error.downcast::<Failure>() {
        Ok(failure) if !failure.has_hint() => failure.hint(renew_command(folder)).into(),
        Ok(failure) => failure.into(),
        Err(error) => error,
    }
}

/// Verifies the leaf as rustls clients do, for every name and address that it must serve.
fn verify_chain(ca: &[u8], leaf: &[u8], now: OffsetDateTime) -> Result<(), String> {
    let words = |error: &rustls::Error| match error {
        rustls::Error::InvalidCertificate(CertificateError::UnknownIssuer) => {
            "it was not signed by the CA in ca.pem".to_owned()
        }
        rustls::Error::InvalidCertificate(CertificateError::NotValidForNameContext {
            expected,
            ..
        }) => format!("it is not valid for {}", expected.to_str()),
        error => error.to_string(),
    };
    let mut roots = RootCertStore::empty();
    roots
        .add(CertificateDer::from(ca.to_vec()))
        .map_err(|error| words(&error))?;
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let verifier = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider)
        .build()
        .map_err(|error| error.to_string())?;
    let seconds = u64::try_from(now.unix_timestamp()).unwrap_or_default();
    let at = UnixTime::since_unix_epoch(std::time::Duration::from_secs(seconds));
    let [first, others @ ..] = ["127.0.0.1", "::1", "localhost"];
    let name = ServerName::try_from(first).map_err(|error| error.to_string())?;
    let leaf = CertificateDer::from(leaf);
    verifier
        .verify_server_cert(&leaf, &[], &name, &[], at)
        .map_err(|error| words(&error))?;
    // The signature and the constraints are the same for every name.
    let leaf = ParsedCertificate::try_from(&leaf).map_err(|error| words(&error))?;
    for name in others {
        let name = ServerName::try_from(name).map_err(|error| error.to_string())?;
        verify_server_name(&leaf, &name).map_err(|error| words(&error))?;
    }
    Ok(())
}

/// The names and addresses of a leaf.
pub fn names_of(leaf: &X509Certificate<'_>) -> Names {
    let mut names = Names {
        dns: Vec::new(),
        addresses: Vec::new(),
    };
    if let Ok(Some(extension)) = leaf.subject_alternative_name() {
        for name in &extension.value.general_names {
            match name {
                GeneralName::DNSName(name) => names.dns.push((*name).to_owned()),
                GeneralName::IPAddress(bytes) => {
                    if let Ok(v4) = <[u8; 4]>::try_from(*bytes) {
                        names.addresses.push(IpAddr::from(v4));
                    } else if let Ok(v6) = <[u8; 16]>::try_from(*bytes) {
                        names.addresses.push(IpAddr::from(v6));
                    }
                }
                _ => {}
            }
        }
    }
    names
}
