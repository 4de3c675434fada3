//! Kestrel, the web server of ASP.NET: serves the user's own HTTPS with the certificate that
//! everything on this machine trusts. Only on request, since it replaces the developer certificate,
//! and never over a certificate that the project has chosen.

use std::path::Path;

use crate::certificates::{FILES, TrustAnchor};
use crate::failure::{Failure, shown};
use crate::machine::Machine;
use crate::project::located::strings;
use crate::project::notices::Listed;
use crate::workspace::project_folder;

/// Where Kestrel looks for the certificate and its key, before `appsettings.json` (measured).
const NAMES: [&str; 2] = [
    "ASPNETCORE_Kestrel__Certificates__Default__Path",
    "ASPNETCORE_Kestrel__Certificates__Default__KeyPath",
];

/// The variables that make Kestrel serve the leaf of `ca`, or why there are none.
pub fn variables(
    ca: &TrustAnchor,
    machine: &Machine,
) -> Result<[(&'static str, std::path::PathBuf); 2], Failure> {
    if let Some(place) = configured(machine) {
        return Err(Failure::new(format!(
            "{place} configures a certificate for Kestrel, which stays: --kestrel sets nothing"
        )));
    }
    let Some(folder) = ca.file.as_deref().and_then(Path::parent) else {
        return Err(Failure::new(
            "--kestrel sets nothing: the running Azurite has a different certificate from the \
             files here",
        )
        .hint("azup down && azup up -d"));
    };
    let [_, key, certificate] = FILES.map(|name| folder.join(name));
    let [path, key_path] = NAMES;
    Ok([(path, certificate), (key_path, key)])
}

/// Where the project or the user has already chosen a certificate.
fn configured(machine: &Machine) -> Option<String> {
    let ours = |name: &str| {
        let is_set = NAMES.contains(&name);
        // Set by an earlier `azup env --kestrel`.
        is_set && machine.var(name).is_some_and(|value| is_of_azup(Path::new(value)))
    };
    let mut names = machine.variables();
    if let Some(name) = names.find(|name| is_choice(&name.replace("__", ":")) && !ours(name)) {
        return Some(format!("the variable {name}"));
    }
    let project = project_folder(machine);
    // A home folder is not a project, however many settings it contains.
    if machine.home().is_ok_and(|home| home == project) {
        return None;
    }
    Listed::of(&project).texts().find_map(|(path, text)| {
        let name = path.file_name()?.to_str()?;
        let is_json = path.extension().is_some_and(|kind| kind == "json");
        let is_settings = name.starts_with("appsettings") && is_json;
        if !is_settings && name != "launchSettings.json" {
            return None;
        }
        let chosen = strings(text.as_bytes())?.into_iter().find(|one| {
            let last = one.path.last().map(|name| name.replace("__", ":")).unwrap_or_default();
            is_choice(&if is_settings { one.path.join(":") } else { last })
        })?;
        Some(format!("{}:{}", shown(&path), chosen.line))
    })
}

/// Whether a file is one of a certificate set, by its names.
fn is_of_azup(path: &Path) -> bool {
    let name = path.file_name();
    name.is_some_and(|name| FILES.iter().any(|one| name == *one))
        && path.with_file_name(FILES[0]).is_file()
}

/// Whether a Kestrel setting, with `:` between its names, chooses a certificate. The developer
/// certificate is its default.
fn is_choice(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    let name = ["aspnetcore_", "dotnet_"].iter().find_map(|start| name.strip_prefix(start)).unwrap_or(&name);
    let parts: Vec<&str> = name.split(':').collect();
    match parts.as_slice() {
        ["kestrel", "certificates", which, _, ..] => *which != "development",
        ["kestrel", "endpoints", _, "certificate", ..] => true,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::is_choice;

    #[test]
    fn only_a_certificate_is_a_choice() {
        for (name, expected) in [
            ("Kestrel:Certificates:Default:Path", true),
            ("ASPNETCORE_Kestrel:Certificates:Default:Password", true),
            ("kestrel:endpoints:Https:certificate:Subject", true),
            ("Kestrel:Endpoints:Https:Url", false),
            ("Kestrel:Certificates:Development:Password", false),
            ("Kestrel:Limits:MaxConcurrentConnections", false),
            ("PATH", false),
        ] {
            assert_eq!(is_choice(name), expected, "{name}");
        }
    }
}
