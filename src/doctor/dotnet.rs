//! Whether .NET would accept the certificate, determined by reading what it reads: starting a
//! program of its own takes a quarter of a second, and building one needs packages from the
//! network.

use std::path::{Path, PathBuf};

use anyhow::Result;

use super::{AutoFix, Check, Context, Finding, Run};
use crate::certificates::TrustAnchor;
use crate::failure::shown;
use crate::files;
use crate::machine::Machine;
use crate::options::Language;
use crate::project::language::Seen;
use crate::trust::{Status, Store as _, bundle, dotnet, system};

pub(super) const CHECKS: &[Check] = &[Check {
    id: "client-dotnet",
    title: ".NET accepts the certificate",
    explained_by: &[
        "certificate-origin",
        "certificate-set",
        "certificate-dates",
        "certificate-key",
        "certificate-names",
        "certificate-identifiers",
        "certificate-chain",
        "store-dotnet",
    ],
    starts_program: false,
    run: Run::Check(client),
}];

fn client(context: &Context) -> Result<Finding> {
    if !cfg!(target_os = "linux") {
        return Ok(Finding::skip("here .NET trusts what the operating system trusts"));
    }
    let machine = &context.machine;
    if !is_used(machine) {
        return Ok(Finding::skip("there is no .NET, and no project for it"));
    }
    let Some(ca) = context.ca() else {
        return Ok(Finding::skip("there is no CA"));
    };
    if let Some(place) = trusted_by(ca, machine)? {
        return Ok(Finding::ok(format!("{} has the CA", shown(&place))));
    }
    let what = "neither its own store nor SSL_CERT_FILE and SSL_CERT_DIR have the CA: a request fails with PartialChain after 24 seconds of retries";
    if !context.wants(dotnet::KIND) {
        return Ok(Finding::skip(format!("its stores were not asked for; {what}")));
    }
    let finding = Finding::fail(what);
    // A rule leaves it alone, so no command would help.
    Ok(match dotnet::of_user(machine)?.add(ca, machine) {
        Ok(_) => finding.fix("azup trust --stores dotnet").mend(AutoFix::Trust),
        Err(why) => finding.by_hand(&format!("{why:#}")),
    })
}

/// Whether .NET, or a project for it, is here.
fn is_used(machine: &Machine) -> bool {
    let used = machine.home().is_ok_and(|home| home.join(".dotnet").is_dir());
    let here = machine.cwd();
    used || machine.find("dotnet").is_some()
        || machine.home().ok() != Some(here) && Seen::look(here).part(Language::Dotnet).is_some()
}

/// The first place through which .NET trusts the CA, in a process with these variables.
fn trusted_by(ca: &TrustAnchor, machine: &Machine) -> Result<Option<PathBuf>> {
    let own = dotnet::of_user(machine)?;
    if own.status(ca, machine)? == Status::Trusted {
        return Ok(Some(own.path().to_owned()));
    }
    let named = |name: &str| machine.var(name).map(|value| machine.absolute(Path::new(value)));
    let file = named("SSL_CERT_FILE").or_else(system::bundle);
    if let Some(file) = file.filter(|file| has(file, ca)) {
        return Ok(Some(file));
    }
    // Every file in them, whatever its name.
    let folders = machine.var("SSL_CERT_DIR").map(std::env::split_paths);
    let files = folders.into_iter().flatten().flat_map(|folder| {
        let entries = machine.absolute(&folder).read_dir().into_iter().flatten().flatten();
        entries.map(|entry| entry.path()).collect::<Vec<_>>()
    });
    Ok(files.into_iter().find(|file| has(file, ca)))
}

fn has(file: &Path, ca: &TrustAnchor) -> bool {
    let bytes = files::read_if_there(file).ok().flatten();
    bytes.is_some_and(|bytes| bundle::contains(&bytes, ca))
}
