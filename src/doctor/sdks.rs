//! New SDKs use newer versions of the storage API than Azurite knows, and it then refuses every
//! request (unless it was started with `--skipApiVersionCheck`). So it is asked with the versions
//! of the project's SDKs.

use std::path::{Path, PathBuf};

use anyhow::Result;

use super::azurite::{NO_TLS, blob, none, services};
use super::{Check, Context, Finding, Run};
use crate::azurite::{self, ACCOUNT, Ask};
use crate::files;
use crate::trust::python;

pub(super) const CHECKS: &[Check] = &[Check {
    id: "azurite-api",
    title: "Azurite accepts the API version of the installed SDKs",
    explained_by: NO_TLS,
    starts_program: false,
    run: Run::Check(api),
}];

/// An SDK and the newest version of the API that it sends.
struct Sdk {
    name: &'static str,
    version: String,
}

fn api(context: &Context) -> Result<Finding> {
    let sdks = installed(context);
    if sdks.is_empty() {
        return Ok(Finding::skip(
            "no storage SDK for Python or Node.js is installed here",
        ));
    }
    let Some(port) = blob(context)? else {
        return Ok(none());
    };
    let mut seen = Vec::new();
    for Sdk { name, version } in sdks {
        let target = format!("/{ACCOUNT}?comp=list");
        let ask = Ask {
            port,
            target: &target,
            headers: &[("x-ms-version", &version)],
        };
        let reply = azurite::ask(&ask, context.limit)?;
        let body = String::from_utf8_lossy(&reply.body);
        if reply.status == 400 && body.contains("not supported by Azurite") {
            let server = services(context)?;
            let server = server.first().map(|(_, _, seen)| seen.version.clone());
            return Ok(Finding::fail(format!(
                "{name} sends version {version}, which Azurite {} refuses: it is older, and was \
                 started without --skipApiVersionCheck",
                server.unwrap_or_default()
            ))
            .fix(format!("azup down && {}", context.up())));
        }
        seen.push(format!("{name} sends {version}"));
    }
    Ok(Finding::ok(seen.join("\n")))
}

/// The SDKs in the project's environments, read without running anything.
fn installed(context: &Context) -> Vec<Sdk> {
    let roots = python::of_project(&context.machine);
    let folders: Vec<PathBuf> = roots
        .iter()
        .flat_map(|root| python::package_folders(root))
        .collect();
    let mut found = Vec::new();
    for (name, path) in [
        ("azure-storage-blob", "azure/storage/blob/_serialize.py"),
        ("azure-storage-queue", "azure/storage/queue/_serialize.py"),
    ] {
        let versions = folders
            .iter()
            .filter_map(|folder| newest(&folder.join(path)));
        found.extend(versions.max().map(|version| Sdk { name, version }));
    }
    let modules = context.machine.cwd().ancestors();
    let modules = modules.map(|folder| folder.join("node_modules/@azure/storage-blob"));
    let constants = ["dist/esm", "dist/commonjs", "dist-esm/storage-blob/src"];
    let versions = modules
        .flat_map(|module| constants.map(|folder| module.join(folder).join("utils/constants.js")))
        .find_map(|file| newest(&file));
    found.extend(versions.map(|version| Sdk {
        name: "@azure/storage-blob",
        version,
    }));
    found
}

/// The newest quoted date, which is how the SDKs write their versions.
fn newest(file: &Path) -> Option<String> {
    let bytes = files::read_if_there(file).ok()??;
    let text = String::from_utf8_lossy(&bytes);
    let parts = text.split(['"', '\'']);
    parts
        .filter(|part| is_version(part))
        .max()
        .map(str::to_owned)
}

fn is_version(text: &str) -> bool {
    text.len() == 10
        && text.bytes().enumerate().all(|(at, byte)| match at {
            4 | 7 => byte == b'-',
            _ => byte.is_ascii_digit(),
        })
}
