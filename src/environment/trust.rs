//! The variables that tell clients about a CA that is in no trust store, or that make them read
//! another bundle than the store. Which client reads which was measured.
//!
//! It is unknown which certifi a program will read: uv, tox, pipx and pex create new environments.
//! So the variables that replace certifi's bundle are always set, even if every certifi that azup
//! knows has the CA.
//!
//! All programs read these bundles, so their public roots never come from an environment in the
//! project: the repository or an archive may have brought it, with any CA in its certifi, and a
//! file does not show who wrote it.

use std::path::{Path, PathBuf};

use anyhow::Result;

use super::directory;
use super::merged::{self, Named, Source};
use super::{Environment, Variable};
use crate::certificates::TrustAnchor;
use crate::failure::{Failure, shown};
use crate::machine::Machine;
use crate::options::Scope;
use crate::trust::{Candidate, bundle, python, system};
use crate::workspace::Workspace;

/// Node.js and Deno, in addition to their built-in CAs.
const NODE: &str = "NODE_EXTRA_CA_CERTS";
/// OpenSSL and with it Python's `ssl` (aiohttp), Ruby, PHP, .NET; Go; Rust; curl.
const OPENSSL: &str = "SSL_CERT_FILE";
/// Python's requests, and with it the synchronous Azure SDK and Azure CLI; pip.
const REQUESTS: &str = "REQUESTS_CA_BUNDLE";
/// curl, and requests if the one above is not set.
const CURL: &str = "CURL_CA_BUNDLE";

/// Adds the variables that are needed, and the files that they name.
pub(super) fn plan(
    ca: &TrustAnchor,
    machine: &Machine,
    environment: &mut Environment,
) -> Result<()> {
    let mut plan = Plan {
        ca,
        machine,
        environment,
    };
    plan.node()?;
    let roots = plan.roots();
    // httpx reads the file that SSL_CERT_FILE names *instead of* the folder.
    let folder = directory::users(machine);
    let with_folder = match &folder {
        Some(folder) if machine.var(OPENSSL).is_none() => {
            roots.as_ref().map(|roots| roots.with_folders(folder))
        }
        _ => roots.clone(),
    };
    plan.replacing(OPENSSL, with_folder.as_ref())?;
    plan.requests(roots.as_ref())?;
    if let Some(folder) = folder {
        directory::plan(&folder, ca, machine, plan.environment)?;
    }
    Ok(())
}

struct Plan<'a> {
    ca: &'a TrustAnchor,
    machine: &'a Machine,
    environment: &'a mut Environment,
}

impl Plan<'_> {
    /// The contents of the user's file behind a variable; warns if it cannot be used.
    fn users(&mut self, name: &str) -> Result<Option<Source>> {
        let Some(value) = self.machine.var(name) else {
            return Ok(None);
        };
        let Named::File(path) = merged::named(Path::new(value), self.ca, self.machine)? else {
            return Ok(None);
        };
        Ok(match Source::read(&path) {
            Ok(source) => Some(source),
            Err(why) => {
                let warning = format!("{name} names {}, {why}; it is not used", shown(&path));
                let warning = Failure::new(warning).hint(format!("unset {name}"));
                self.environment.warnings.push(warning);
                None
            }
        })
    }

    fn node(&mut self) -> Result<()> {
        let users = self.users(NODE)?;
        match (users, self.ca.file.clone()) {
            // It adds to Node.js' own CAs, so the CA alone is enough.
            (None, Some(file)) => {
                self.set(NODE, file);
                Ok(())
            }
            (Some(source), _) if source.has(self.ca) => {
                self.keep(NODE, &source);
                Ok(())
            }
            (source, _) => self.merge(NODE, source.as_ref()),
        }
    }

    /// requests prefers the first variable, and uses curl's if only that is set: so what the user
    /// set for one also applies to the other.
    fn requests(&mut self, roots: Option<&Source>) -> Result<()> {
        let requests = self.users(REQUESTS)?;
        let curl = self.users(CURL)?;
        self.naming(REQUESTS, requests.as_ref().or(curl.as_ref()).or(roots))?;
        match curl {
            Some(curl) => self.naming(CURL, Some(&curl)),
            // curl reads that if its own is not set.
            None if self.machine.var(OPENSSL).is_some() => Ok(()),
            None => self.naming(CURL, roots),
        }
    }

    /// A variable whose file is read instead of the system's: the user's value, else `otherwise`.
    fn replacing(&mut self, name: &'static str, otherwise: Option<&Source>) -> Result<()> {
        let users = self.users(name)?;
        self.naming(name, users.as_ref().or(otherwise))
    }

    /// Sets a variable to the source, or to a copy with the CA. Never to azup's CA alone: every
    /// other connection would fail.
    fn naming(&mut self, name: &'static str, source: Option<&Source>) -> Result<()> {
        match source {
            Some(source) if source.is_file() && source.has(self.ca) => {
                self.keep(name, source);
                Ok(())
            }
            Some(source) => self.merge(name, Some(source)),
            None => Ok(()),
        }
    }

    /// Names the source itself, unless the variable does so already.
    fn keep(&mut self, name: &'static str, source: &Source) {
        let value = self.machine.var(name).map(Path::new);
        if value.map(|value| self.machine.absolute(value)).as_ref() != Some(&source.path) {
            self.set(name, source.path.clone());
        }
    }

    fn merge(&mut self, name: &'static str, source: Option<&Source>) -> Result<()> {
        let (path, changes) = merged::plan(source, self.ca, self.machine)?;
        for change in changes {
            // Several variables may name the same bundle.
            if !self.environment.changes.contains(&change) {
                self.environment.changes.push(change);
            }
        }
        self.set(name, path);
        Ok(())
    }

    fn set(&mut self, name: &'static str, path: PathBuf) {
        let value = Some(path.into_os_string());
        self.environment.variables.push(Variable { name, value });
    }

    /// The public roots: the system's, else those of a Python outside the project.
    fn roots(&mut self) -> Option<Source> {
        let system = system::bundle().and_then(|path| Source::read(&path).ok());
        let roots = system.or_else(|| certifi(self.machine));
        if roots.is_none() && self.machine.var(OPENSSL).is_none() {
            let warning = format!(
                "{OPENSSL} and {REQUESTS} are left unset: this machine has no bundle of public CAs \
                 to which azup's could be added"
            );
            let hint = "install the package ca-certificates";
            let warning = Failure::new(warning).hint(hint);
            self.environment.warnings.push(warning);
        }
        roots
    }
}

/// The bundle that requests reads in the first environment that is outside the project, both by
/// name and with links resolved.
fn certifi(machine: &Machine) -> Option<Source> {
    let workspace = Workspace::of(machine);
    // Without a project mark, an unpacked archive may include the folders above as well.
    let above = python::above_project(machine);
    python::find(machine, Scope::Project)
        .into_iter()
        .filter_map(|found| match found {
            Candidate::Store(store) => Some(store.path().to_owned()),
            Candidate::StoreReport(_) | Candidate::Searched(_) => None,
        })
        .filter(|path| path.ends_with(bundle::CERTIFI) && !path.ends_with(bundle::OF_PIP))
        .filter(|path| !workspace.brought(path))
        .filter(|path| !above.iter().any(|root| path.starts_with(root)))
        .map(|path| bundle::patched_certifi(&path).map_or(path, PathBuf::from))
        .find_map(|path| Source::read(&path).ok())
}
