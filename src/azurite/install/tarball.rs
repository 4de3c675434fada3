//! An archive of an Azurite that azup installed elsewhere, which `AZUP_AZURITE` names: for a
//! machine without a registry, or the cache of a CI.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Result;

use super::entry_in;
use crate::certificates::sha256;
use crate::failure::{Failure, command_line, shown};
use crate::machine::Machine;
use crate::os::MetadataExt as _;

/// How long tar may take for 75 MB of packages on a slow disk.
const LIMIT: Duration = Duration::from_secs(5 * 60);

/// Tells the archive from an earlier one of the same name, without reading all of it.
pub(super) fn mark(archive: &Path) -> Result<String> {
    let about = archive.metadata()?;
    let told = format!("{} {} {}", archive.display(), about.len(), about.mtime_nsec() ^ about.mtime());
    Ok(sha256(told.as_bytes())[..8].to_owned())
}

/// Unpacks it into `folder`, and returns the folder inside that has the Azurite.
pub(super) fn unpack(archive: &Path, folder: &Path, machine: &Machine) -> Result<PathBuf> {
    let wrong = |why: &str| {
        Failure::new(format!("no Azurite in {}: {why}", shown(archive)))
            .hint(command_line(["tar".as_ref(), "-tf".as_ref(), archive.as_os_str()]))
    };
    let Some(tar) = machine.find("tar") else {
        return Err(wrong("tar, which unpacks it, is not installed").into());
    };
    let argv: [OsString; 5] = [
        tar.into(),
        "-xf".into(),
        archive.into(),
        "-C".into(),
        folder.into(),
    ];
    let done = machine.run(&argv, None, LIMIT)?;
    if !done.status.success() {
        return Err(wrong(&done.last_words()).into());
    }
    let inner = std::fs::read_dir(folder)?.flatten().map(|entry| entry.path());
    let mut folders = std::iter::once(folder.to_owned()).chain(inner.filter(|path| path.is_dir()));
    folders
        .find(|folder| entry_in(folder).is_ok())
        .ok_or_else(|| wrong("it is not one that azup installed").into())
}
