//! Variables that make programs read another bundle than the one azup trusts the CA in: set in the
//! environment or in the project's `.env`, each silently bypasses the rest.
//!
//! The user's own file is a bundle like any other. A system file is only reported, with what it
//! bypasses and the command that fixes it; so is a file outside the project that only the project's
//! `.env` names, since another person may have written that.

pub(crate) mod dotenv;

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use anyhow::Result;

use super::bundle::{Bundle, contains};
use super::definition::Definition;
use super::record::Record;
use super::{Candidate, OUTSIDE, RemovalFilter, Skip, Status, Store, by_name, python, system};
use crate::certificates::TrustAnchor;
use crate::change::Change;
use crate::failure::{quoted, shown};
use crate::files;
use crate::machine::Machine;
use crate::options::Kind;
use crate::os::{self, MetadataExt as _};
use crate::workspace::Workspace;

/// Each variable, and the programs that read the file it names (measured).
const VARIABLES: [(&str, &str); 6] = [
    ("REQUESTS_CA_BUNDLE", "requests, Azure SDK, Azure CLI, pip"),
    ("CURL_CA_BUNDLE", "curl, requests, Azure SDK"),
    ("SSL_CERT_FILE", "OpenSSL, httpx, aiohttp, Go, Bun"),
    (NODE, "Node, beside its own"),
    ("GRPC_DEFAULT_SSL_ROOTS_FILE_PATH", "gRPC"),
    ("AWS_CA_BUNDLE", "botocore"),
];

/// The one variable whose file adds to the built-in CAs instead of replacing them.
const NODE: &str = "NODE_EXTRA_CA_CERTS";

/// Files below these belong to the system, regardless of permissions.
const SYSTEM: [&str; 4] = ["/etc", "/usr", "/nix", "/var/lib"];

/// Of those, the folders that tools for the system's store write.
const SYSTEM_STORE: [&str; 5] = [
    "/etc/ssl",
    "/etc/pki",
    "/etc/ca-certificates",
    "/usr/local/share/ca-certificates",
    "/var/lib/ca-certificates",
];

pub(super) static STORE: Definition = Definition {
    kind: Kind::BUNDLE,
    asked_by: &[python::KIND, system::KIND],
    of_project: false,
    check: "store-variables",
    title: "no variable names a bundle without the CA",
    read_by_program: false,
    find: |search| find(search.machine, search.known),
    reopen: None,
};

/// Where a variable is set.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Setting {
    variable: &'static str,
    readers: &'static str,
    /// The `.env`; `None`: the environment of this process.
    file: Option<PathBuf>,
}

/// One file, and every variable that names it.
#[derive(Debug)]
struct Override {
    path: PathBuf,
    settings: Vec<Setting>,
}

/// The files that variables name, each once, except those among `known`.
fn find(machine: &Machine, known: &[Candidate]) -> Vec<Candidate> {
    let mut overrides: Vec<(Option<Identity>, Override)> = Vec::new();
    for (path, setting) in settings(machine) {
        let identity = identity(&path);
        let same = overrides
            .iter_mut()
            .find(|(other, each)| each.path == path || identity.is_some() && *other == identity);
        if let Some((_, each)) = same {
            each.settings.push(setting);
        } else {
            let settings = vec![setting];
            overrides.push((identity, Override { path, settings }));
        }
    }
    if overrides.is_empty() {
        return Vec::new();
    }
    let known: Vec<Identity> = known
        .iter()
        .filter_map(|found| match found {
            Candidate::Store(store) => identity(store.path()),
            _ => None,
        })
        .collect();
    overrides
        .into_iter()
        .map(|(identity, each)| {
            if identity.is_some_and(|identity| known.contains(&identity)) {
                let names = each.names();
                Candidate::Searched(format!("{names}: {}, as above", shown(&each.path)))
            } else {
                Candidate::Store(Box::new(each))
            }
        })
        .collect()
}

/// A file by its folder's device and inode, and its name there. Not by its own inode, which uv lets
/// many environments share.
type Identity = (u64, u64, OsString);

fn identity(path: &Path) -> Option<Identity> {
    let (device, number) = files::identity(path.parent()?)?;
    Some((device, number, path.file_name()?.to_owned()))
}

/// Every setting: the environment first, then the nearest `.env` of the project.
fn settings(machine: &Machine) -> Vec<(PathBuf, Setting)> {
    let mut found = Vec::new();
    for (variable, readers) in VARIABLES {
        if let Some(value) = machine.var(variable) {
            found.push((
                machine.absolute(Path::new(value)),
                Setting {
                    variable,
                    readers,
                    file: None,
                },
            ));
        }
    }
    let folders = Workspace::of(machine).project;
    let Some((folder, file, bytes)) = folders.iter().find_map(|folder| {
        let file = folder.join(".env");
        let bytes = files::read_if_there(&file).ok()??;
        Some((folder, file, bytes))
    }) else {
        return found;
    };
    let lines = dotenv::parse(&bytes, machine.home().ok());
    for (variable, readers) in VARIABLES {
        // The last one counts.
        if let Some((_, value)) = lines.iter().rfind(|(name, _)| name == variable) {
            found.push((
                folder.join(value),
                Setting {
                    variable,
                    readers,
                    file: Some(file.clone()),
                },
            ));
        }
    }
    found
}

impl Override {
    fn names(&self) -> String {
        let names: Vec<&str> = self.settings.iter().map(|each| each.variable).collect();
        names.join(", ")
    }

    /// `REQUESTS_CA_BUNDLE (requests, …)`, with the `.env` if it is set there.
    fn described(&self) -> String {
        let each = self.settings.iter().map(|setting| match &setting.file {
            None => format!("{} ({})", setting.variable, setting.readers),
            Some(file) => {
                let file = shown(file);
                format!("{} in {file} ({})", setting.variable, setting.readers)
            }
        });
        each.collect::<Vec<_>>().join(", ")
    }

    fn left_alone(&self, why: &str, fix: String) -> anyhow::Error {
        Skip {
            why: format!("{why}; named by {}", self.described()),
            fix: Some(fix),
        }
        .into()
    }

    /// The command that unsets the variables.
    fn unset(&self) -> String {
        let mut commands: Vec<String> = Vec::new();
        let here = self.settings.iter().filter(|each| each.file.is_none());
        let here: Vec<&str> = here.map(|each| each.variable).collect();
        if !here.is_empty() {
            commands.push(format!("unset {}", here.join(" ")));
        }
        for setting in &self.settings {
            if let Some(file) = &setting.file {
                let expression = quoted(format!("/^[^#]*{} *=/d", setting.variable));
                commands.push(format!("sed -i {expression} {}", shown(file)));
            }
        }
        commands.join(" && ")
    }

    /// Whether the file, or its target if it is a link, is one of this user's that may be changed.
    fn is_users(&self, machine: &Machine) -> bool {
        let (Ok(real), Ok(about)) = (self.path.canonicalize(), self.path.metadata()) else {
            return false;
        };
        let folder = self.path.parent().unwrap_or(&self.path);
        !SYSTEM.iter().any(|system| real.starts_with(system))
            && (machine.is_root() || about.uid() == os::user())
            && files::is_writable(folder)
    }

    /// Whether only a file of the project leads to this file, which is outside it.
    fn leads_out(&self, machine: &Machine) -> bool {
        let top = || Workspace::of(machine).top();
        let outside = |real: PathBuf| top().is_none_or(|top| !real.starts_with(top));
        self.settings.iter().all(|each| each.file.is_some())
            && self.path.canonicalize().is_ok_and(outside)
    }

    /// Whether azup has put something there before.
    fn is_recorded(&self, machine: &Machine) -> bool {
        let record = Record::load(machine);
        record.is_ok_and(|record| record.entries().iter().any(|one| one.path() == self.path))
    }

    /// Whether the file is part of an azup certificate set, which only `renew` writes.
    fn is_of_set(&self) -> bool {
        let beside = |name: &str| self.path.with_file_name(name).is_file();
        self.path.file_name().is_some_and(|name| name == "ca.pem")
            && beside("cert.pem")
            && beside("key.pem")
    }

    fn bundle(&self) -> Bundle {
        Bundle::named(self.path.clone())
    }
}

impl Store for Override {
    fn kind(&self) -> Kind {
        Kind::BUNDLE
    }

    fn path(&self) -> &Path {
        &self.path
    }

    fn status(&self, ca: &TrustAnchor, machine: &Machine) -> Result<Status> {
        self.bundle().status(ca, machine)
    }

    fn add(&self, ca: &TrustAnchor, machine: &Machine) -> Result<Vec<Change>> {
        let own = ca.file.as_deref().and_then(identity);
        if own.is_some() && own == identity(&self.path) {
            // The CA's own file, which may be about to be written.
            return Ok(Vec::new());
        }
        if self.path.is_dir() {
            return Err(self.left_alone("is a folder, not a bundle", self.unset()));
        }
        let Some(bytes) = files::read_if_there(&self.path)? else {
            return Err(self.left_alone("does not exist", self.unset()));
        };
        if contains(&bytes, ca) {
            return Ok(Vec::new());
        }
        if self.is_users(machine) && !self.is_of_set() {
            if self.leads_out(machine) {
                return Err(self.left_alone(OUTSIDE, by_name(&self.path)));
            }
            return self.bundle().add(ca, machine);
        }
        let why = if self.settings.iter().all(|each| each.variable == NODE) {
            "does not trust the CA"
        } else {
            "does not trust the CA, and is read instead of the bundles that do"
        };
        let real = self.path.canonicalize().unwrap_or(self.path.clone());
        let of_store = SYSTEM_STORE.iter().any(|store| real.starts_with(store));
        let fix = if of_store {
            "azup trust --stores system".to_owned()
        } else {
            self.unset()
        };
        Err(self.left_alone(why, fix))
    }

    fn remove(&self, removal: &RemovalFilter, machine: &Machine) -> Result<Vec<Change>> {
        let may = || !self.leads_out(machine) || self.is_recorded(machine);
        if self.is_users(machine) && !self.is_of_set() && may() {
            self.bundle().remove(removal, machine)
        } else {
            Ok(Vec::new())
        }
    }
}
