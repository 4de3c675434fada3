//! WSL: browsers, Storage Explorer and other Windows programs read Windows' store, so the CA is
//! added to `Root` of the current user there as well. This is done by PowerShell under its absolute
//! path: a program of that name on PATH or in a project is not used. Windows asks the user on the
//! desktop before it adds or removes a root.
//!
//! Starting PowerShell takes about a second, so the presence of the CA is recorded beside the
//! certificates, and only removal queries it again.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Result;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::super::{Candidate, RemovalFilter, Status, Store};
use crate::certificates::{TrustAnchor, sha256};
use crate::change::Change;
use crate::failure::Failure;
use crate::files;
use crate::machine::Machine;
use crate::options::Kind;

/// Where WSL mounts the Windows disk, unless the user has configured otherwise.
const POWERSHELL: &str = "mnt/c/Windows/System32/WindowsPowerShell/v1.0/powershell.exe";

/// The kernel's own version string.
const KERNEL: &str = "proc/sys/kernel/osrelease";

/// The file that records which CA was added there.
const MARK: &str = "windows-root";

/// How long PowerShell may take to list the store, on its first start.
const LIMIT: Duration = Duration::from_secs(30);

/// Each root as base64, on a line of its own.
const LIST: &str = r"Get-ChildItem Cert:\CurrentUser\Root | ForEach-Object { [Convert]::ToBase64String($_.RawData) }";

/// The store of the Windows around this Linux.
#[derive(Debug)]
struct CurrentUserRoot {
    powershell: PathBuf,
}

/// The store, if this is WSL and Windows' own PowerShell is in its usual place.
pub(super) fn find(root: &Path) -> Option<Candidate> {
    let kernel = std::fs::read_to_string(root.join(KERNEL)).ok()?;
    if !kernel.to_ascii_lowercase().contains("microsoft") {
        return None;
    }
    let powershell = root.join(POWERSHELL);
    powershell
        .is_file()
        .then(|| Candidate::Store(Box::new(CurrentUserRoot { powershell })))
}

fn mark(machine: &Machine) -> Result<PathBuf> {
    Ok(machine.own_folder()?.join(MARK))
}

impl CurrentUserRoot {
    fn argv(&self, script: &str) -> Vec<OsString> {
        let options = ["-NoProfile", "-NonInteractive", "-Command", script];
        let mut argv: Vec<OsString> = vec![self.powershell.clone().into()];
        argv.extend(options.map(OsString::from));
        argv
    }

    /// Runs `verb` with this certificate, and fails if it is (or is not) there afterwards: the user
    /// may have declined.
    fn change(&self, verb: &str, der: &[u8]) -> Vec<OsString> {
        let der = STANDARD.encode(der);
        let wrong = if verb == "Add" {
            "-not (Test-Path $at)"
        } else {
            "Test-Path $at"
        };
        self.argv(&format!(
            "$ErrorActionPreference = 'Stop'; \
             $c = New-Object Security.Cryptography.X509Certificates.X509Certificate2 \
             (,[Convert]::FromBase64String('{der}')); \
             $s = New-Object Security.Cryptography.X509Certificates.X509Store 'Root', 'CurrentUser'; \
             $s.Open('ReadWrite'); $s.{verb}($c); $s.Close(); \
             $at = 'Cert:\\CurrentUser\\Root\\' + $c.Thumbprint; if ({wrong}) {{ exit 1 }}"
        ))
    }

    /// Every root, as DER.
    fn list(&self, machine: &Machine) -> Result<Vec<Vec<u8>>> {
        let done = machine.run(&self.argv(LIST), None, LIMIT)?;
        if !done.status.success() {
            let what = format!(
                "PowerShell does not list the roots of Windows: {}",
                done.last_words()
            );
            return Err(Failure::new(what).into());
        }
        let text = String::from_utf8_lossy(&done.stdout);
        Ok(text
            .lines()
            .filter_map(|line| STANDARD.decode(line.trim()).ok())
            .collect())
    }
}

impl Store for CurrentUserRoot {
    fn kind(&self) -> Kind {
        super::KIND
    }

    fn path(&self) -> &Path {
        Path::new(r"CurrentUser\Root")
    }

    fn status(&self, ca: &TrustAnchor, machine: &Machine) -> Result<Status> {
        let known = files::read_if_there(&mark(machine)?)?;
        Ok(Status::from(
            known.is_some_and(|known| known == ca.sha256().as_bytes()),
        ))
    }

    fn add(&self, ca: &TrustAnchor, machine: &Machine) -> Result<Vec<Change>> {
        let path = mark(machine)?;
        let known = files::read_if_there(&path)?;
        let bytes = ca.sha256().into_bytes();
        if known.as_ref() == Some(&bytes) {
            return Ok(Vec::new());
        }
        let undo = Some(self.change("Remove", &ca.der));
        let write = Change::Write {
            path,
            expect: known,
            content: files::Content::File { bytes, mode: 0o600 },
        };
        Ok(vec![Change::run(self.change("Add", &ca.der), undo), write])
    }

    fn remove(&self, removal: &RemovalFilter, machine: &Machine) -> Result<Vec<Change>> {
        let all = self.list(machine)?.into_iter();
        let (goes, stays): (Vec<_>, Vec<_>) = all.partition(|der| removal.names(der));
        let mut changes: Vec<Change> = goes
            .iter()
            .map(|der| Change::run(self.change("Remove", der), None))
            .collect();
        let path = mark(machine)?;
        if let Some(expect) = files::read_if_there(&path)?
            && !stays.iter().any(|der| sha256(der).as_bytes() == expect)
        {
            changes.push(Change::Delete { path, expect });
        }
        Ok(changes)
    }
}

#[cfg(test)]
#[allow(
    clippy::unwrap_used,
    reason = "a test that cannot go on should say where"
)]
mod tests;
