//! The variables by which clients learn of a CA that no trust store holds, or that make
//! them read another bundle than the store. Which client reads which was measured.

use std::path::{Path, PathBuf};

use anyhow::Result;

use super::merged::{self, Named, Source};
use super::{Environment, Variable};
use crate::certificates::TrustAnchor;
use crate::cli::Scope;
use crate::failure::{Failure, shown};
use crate::machine::Machine;
use crate::trust::{Found, bundle, python, system};

/// Node.js and Deno, beside the CAs that they know anyway.
const NODE: &str = "NODE_EXTRA_CA_CERTS";
/// OpenSSL and with it Python's `ssl` (aiohttp), Ruby, PHP, .NET; Go; Rust; curl.
const OPENSSL: &str = "SSL_CERT_FILE";
/// Python's requests, and with it the synchronous Azure SDK and Azure CLI; pip.
const REQUESTS: &str = "REQUESTS_CA_BUNDLE";
/// curl, and requests where the one above is not set.
const CURL: &str = "CURL_CA_BUNDLE";

/// Adds the variables that are needed, and the bundles that they name.
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
    let certifi = certifi(machine);
    let roots = plan.roots(&certifi);
    plan.replacing(OPENSSL, roots.as_ref())?;
    let requests = plan.users(REQUESTS)?;
    let curl = plan.users(CURL)?;
    if requests.is_some() || curl.is_none() {
        // Every certifi has to know the CA, since any of the environments may be used.
        let missing = certifi.iter().find(|source| !source.has(ca));
        match (missing, certifi.first()) {
            (Some(source), _) | (None, Some(source)) => plan.replacing(REQUESTS, Some(source))?,
            // Where no environment is known yet (tox and nox make theirs), all is well
            // with the roots that everybody else has.
            (None, None) => plan.naming(REQUESTS, roots.as_ref(), true)?,
        }
    }
    if curl.is_some() {
        plan.replacing(CURL, None)?;
    }
    Ok(())
}

struct Plan<'a> {
    ca: &'a TrustAnchor,
    machine: &'a Machine,
    environment: &'a mut Environment,
}

impl Plan<'_> {
    /// The file of the user's own behind a variable.
    fn users(&self, name: &str) -> Result<Option<PathBuf>> {
        let Some(value) = self.machine.var(name) else {
            return Ok(None);
        };
        Ok(
            match merged::named(Path::new(value), self.ca, self.machine)? {
                Named::File(path) => Some(path),
                Named::Ours => None,
            },
        )
    }

    /// The same, read; one that cannot be used is warned of.
    fn users_bundle(&mut self, name: &str) -> Result<Option<Source>> {
        let Some(path) = self.users(name)? else {
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
        let users = self.users_bundle(NODE)?;
        match (users, self.ca.file.clone()) {
            // It adds to what Node.js knows, so the CA alone is enough.
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

    /// A variable whose file is read *instead of* `otherwise`: needed only where that
    /// does not hold the CA.
    fn replacing(&mut self, name: &'static str, otherwise: Option<&Source>) -> Result<()> {
        let is_set = self.machine.var(name).is_some();
        self.naming(name, otherwise, is_set)
    }

    /// The same; `anyway`: where nothing is missing, too.
    fn naming(
        &mut self,
        name: &'static str,
        otherwise: Option<&Source>,
        anyway: bool,
    ) -> Result<()> {
        let users = self.users_bundle(name)?;
        match users.as_ref().or(otherwise) {
            Some(source) if !source.has(self.ca) => self.merge(name, Some(source)),
            Some(source) if anyway => {
                self.keep(name, source);
                Ok(())
            }
            // Never azup's CA alone: every other connection would fail.
            _ => Ok(()),
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
            // Two variables may well name the same bundle.
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

    /// The public roots: the system's, else those of the project's Python.
    fn roots(&mut self, certifi: &[Source]) -> Option<Source> {
        let system = system::bundle().and_then(|path| Source::read(&path).ok());
        let roots = system.or_else(|| certifi.first().cloned());
        if roots.is_none() && self.machine.var(OPENSSL).is_none() {
            let warning = format!(
                "{OPENSSL} is left unset: this machine has no bundle of public CAs to which \
                 azup's could be added"
            );
            let hint = "install the package ca-certificates";
            let warning = Failure::new(warning).hint(hint);
            self.environment.warnings.push(warning);
        }
        roots
    }
}

/// What requests reads in each of the project's environments.
fn certifi(machine: &Machine) -> Vec<Source> {
    python::find(machine, Scope::Project)
        .into_iter()
        .filter_map(|found| match found {
            Found::Store(store) => Some(store.path().to_owned()),
            Found::Row(_) | Found::Looked(_) => None,
        })
        .filter(|path| path.ends_with("certifi/cacert.pem") && !path.ends_with(bundle::OF_PIP))
        .map(|path| bundle::patched_certifi(&path).map_or(path, PathBuf::from))
        .filter_map(|path| Source::read(&path).ok())
        .collect()
}
