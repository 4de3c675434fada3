//! Azurite's command line, and its start script.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use anyhow::Result;

use super::{ADDRESS, AzuriteOptions, Data};
use crate::certificates::CertificateSet;
use crate::files::{self, Content};
use crate::machine::Machine;

/// The script that makes Azurite speak HTTP beside HTTPS, reload a renewed certificate, and end
/// when its standard input closes. azup holds the other end, so Azurite also ends, and cleanly,
/// when azup is killed. The same file is used in a container.
pub const SERVE: &str = include_str!("../../templates/azurite/serve.cjs");

/// The variable with the script's settings.
pub const WORDS: &str = "AZUP_SERVE";

/// Where the script is written: in azup's own folder, never read from a project's.
pub fn serve_file(machine: &Machine) -> Result<PathBuf> {
    Ok(machine.own_folder()?.join("serve.cjs"))
}

/// Variables that would make Azurite serve other accounts than azup reports and checks, or load a
/// debugger into it.
pub const FOREIGN: [&str; 2] = ["AZURITE_ACCOUNTS", "NODE_OPTIONS"];

pub fn write_serve(machine: &Machine) -> Result<()> {
    let path = serve_file(machine)?;
    let is_there = |there: Option<&[u8]>| there == Some(SERVE.as_bytes());
    let there = files::read_if_there(&path)?;
    if is_there(there.as_deref()) {
        return Ok(());
    }
    let (bytes, mode) = (SERVE.as_bytes().to_vec(), 0o600);
    files::replace(&path, there.as_deref(), &Content::File { bytes, mode }).or_else(|error| {
        // Another azup may have written the same a moment earlier.
        match files::read_if_there(&path)? {
            there if is_there(there.as_deref()) => Ok(()),
            _ => Err(error),
        }
    })
}

/// Azurite's whole command line; `serve` is [`serve_file`].
pub fn command(
    node: &Path,
    serve: &Path,
    entry: &Path,
    wish: &AzuriteOptions,
    set: &CertificateSet,
) -> Vec<OsString> {
    let mut argv: Vec<OsString> =
        vec![node.into(), "--require".into(), serve.into(), entry.into()];
    match &wish.data {
        Data::Folder(folder) => argv.extend(["-l".into(), folder.into()]),
        // Azurite refuses to start with this and `-l` together (measured).
        Data::Memory => argv.push("--inMemoryPersistence".into()),
    }
    for (service, port) in wish.ports.services() {
        argv.extend([
            format!("--{}Host", service.name()).into(),
            ADDRESS.to_string().into(),
            format!("--{}Port", service.name()).into(),
            port.to_string().into(),
        ]);
    }
    argv.extend(["--cert".into(), set.cert_file().into()]);
    argv.extend(["--key".into(), set.key_file().into()]);
    // Current SDKs are ahead of the newest Azurite, so API versions are not checked.
    let rest = [
        "--oauth",
        "basic",
        "--skipApiVersionCheck",
        "--disableTelemetry",
    ];
    argv.extend(rest.map(OsString::from));
    argv.extend(wish.passed_on.iter().cloned());
    argv
}
