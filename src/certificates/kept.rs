//! What a renewal finds that azup did not make. It may be the only copy of a key that the user
//! needs.

use anyhow::Result;

use super::origin::Origin;
use super::{FILES, PROJECT_FOLDER, SetLocation, TrustAnchor, renew_command};
use crate::change::Change;
use crate::failure::{Exit, Failure, command_line, shown};
use crate::files;

/// The changes that keep a renewal from losing what azup did not make: copies under other names, in
/// a project's folder, whose name marks it as azup's own.
pub(super) fn kept(origin: &Origin<'_>, place: &SetLocation) -> Result<Vec<Change>> {
    let folder = place.folder();
    let mut there = Vec::new();
    for (name, mode) in FILES.into_iter().zip([0o644, 0o600, 0o644]) {
        if let Some(bytes) = files::read_if_there(&folder.join(name))? {
            there.push((name, mode, bytes));
        }
    }
    let made_by_azup = there.iter().any(|(name, _, bytes)| {
        let certificate = TrustAnchor::any(bytes, &folder.join(name));
        certificate.is_ok_and(|certificate| origin.may_overwrite(&certificate))
    });
    if there.is_empty() || made_by_azup {
        return Ok(Vec::new());
    }
    match place {
        SetLocation::Named(_) if !folder.ends_with(PROJECT_FOLDER) => Err(Failure::new(format!(
            "azup did not make the certificate set in {}, and renews only its own: name another folder",
            shown(folder)
        ))
        .hint(renew_command(&folder.join("azup")))
        .exit(Exit::Refused)
        .into()),
        SetLocation::Named(_) | SetLocation::Project(_) | SetLocation::Machine(_) => {
            // Named after all of them: two sets with one CA have two keys.
            let all: Vec<u8> = there
                .iter()
                .flat_map(|(name, _, bytes)| [name.as_bytes(), bytes])
                .flat_map(|part| [&part.len().to_be_bytes()[..], part].concat())
                .collect();
            let number = super::sha256(&all);
            // Whoever wrote the set can compute this name, and may have put something there.
            for length in [8, 16, number.len()] {
                let copies = there.iter().map(|(name, mode, bytes)| {
                    let path = folder.join(format!("replaced-{}-{name}", &number[..length]));
                    (path, *mode, bytes)
                });
                let mut changes = Vec::new();
                let free = copies.into_iter().all(|(path, mode, bytes)| {
                    if !files::exists(&path) {
                        changes.push(Change::create(path, bytes.clone(), mode));
                        return true;
                    }
                    !path.is_symlink()
                        && files::read_if_there(&path).is_ok_and(|there| there.as_ref() == Some(bytes))
                });
                if free {
                    return Ok(changes);
                }
            }
            let aside = folder.with_file_name("azurite-certs.replaced");
            let words = ["mv".as_ref(), "-n".as_ref(), folder.as_os_str(), aside.as_os_str()];
            Err(Failure::new(format!(
                "the certificate set in {} cannot be backed up: files with the names of its \
                 copies already exist",
                shown(folder)
            ))
            .hint(command_line(words))
            .exit(Exit::Refused)
            .into())
        }
    }
}
