//! Replaces and deletes files, provided that they still are what they were when the change was
//! planned.

use std::ffi::OsStr;
use std::io;
use std::path::Path;

use anyhow::Result;

use super::place::{OpenPath, Pinned, not_supported};
use super::temporary::{Temporary, remove_leftovers, temporary_name};
use super::{Conflict, Content, absent};
use crate::failure::{Failure, command_line, reason, shown};

/// How often to put a file back while another program keeps replacing it within microseconds.
const ATTEMPTS: u32 = 10_000;

/// Sets `path` to `content`, provided that it still holds `expected` (`None`: that there is no
/// file). A link at `path` is replaced, not followed: its target may be a cache that many
/// environments share.
///
/// # Errors
/// [`Conflict`] if `path` holds something else by now; a [`Failure`] if the folder cannot be
/// written. In both cases `path` is untouched.
pub fn replace(path: &Path, expected: Option<&[u8]>, content: &Content) -> Result<()> {
    let failed = |error: &io::Error| cannot("write", path, error);
    let place = OpenPath::open(path).map_err(|error| failed(&error))?;
    // Before a byte is written: the folder may not be the one for which this was planned.
    if let Some(expected) = expected
        && place.read(place.name).ok().flatten().as_deref() != Some(expected)
    {
        return Err(Conflict(path.to_owned()).into());
    }
    remove_leftovers(&place);
    let temporary = Temporary::write(&place, content).map_err(|error| failed(&error))?;
    match expected {
        None => match place.rename_new(&temporary.name, place.name) {
            Ok(()) => temporary.keep(),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                return Err(Conflict(path.to_owned()).into());
            }
            Err(error) => return Err(failed(&error).into()),
        },
        Some(expected) => exchange(&place, expected, &temporary, &failed)?,
    }
    place.sync();
    Ok(())
}

/// Puts `temporary` in its place and takes out what is there, in one step.
fn exchange(
    place: &OpenPath<'_>,
    expected: &[u8],
    temporary: &Temporary<'_>,
    failed: &impl Fn(&io::Error) -> Failure,
) -> Result<()> {
    let conflict = || Conflict(place.path.to_owned());
    let new = &temporary.name;
    let holds = |name: &OsStr| place.read(name).ok().flatten();
    let swap = || place.exchange(new, place.name);
    match swap() {
        Ok(()) => {}
        Err(error) if absent(&error) => return Err(conflict().into()),
        Err(error) if not_supported(&error) => {
            // NFS, exFAT and old kernels: a window of microseconds remains between this comparison
            // and the rename.
            if holds(place.name).as_deref() != Some(expected) {
                return Err(conflict().into());
            }
            place
                .rename(new, place.name)
                .map_err(|error| failed(&error))?;
            temporary.keep();
            return Ok(());
        }
        Err(error) => return Err(failed(&error).into()),
    }
    // Compared as a file in the same folder, so that a relative link still resolves.
    if holds(new).as_deref() == Some(expected) {
        return Ok(());
    }
    // What came out is newer than what the plan was made for: it has to go back. If another program
    // has replaced the file again meanwhile, that newer file comes out, and not what was put in;
    // repeat until that no longer happens.
    let (mut put, mut came): (Option<Pinned>, Pinned) = (None, place.pin(new));
    for _ in 0..ATTEMPTS {
        swap().map_err(|error| failed(&error))?;
        let out = place.pin(new);
        if out.is(put.as_ref().unwrap_or(&temporary.file)) {
            return Err(conflict().into());
        }
        put = Some(std::mem::replace(&mut came, out));
    }
    // Another program keeps replacing it. The newest file seen is not thrown away.
    temporary.keep();
    Err(conflict().into())
}

/// Why a file could not be changed, with the command that shows more of it.
pub(super) fn cannot(verb: &str, path: &Path, error: &io::Error) -> Failure {
    let folder = path.parent().unwrap_or(path).as_os_str();
    let look: &[&str] = match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => &["df", "-h"],
        io::ErrorKind::ReadOnlyFilesystem => &["findmnt", "--target"],
        _ => &["ls", "-ld"],
    };
    let words = look.iter().map(OsStr::new).chain([folder]);
    Failure::new(format!("cannot {verb} {}: {}", shown(path), reason(error)))
        .hint(command_line(words))
}

/// Deletes `path`, provided that it still holds `expected`.
pub fn delete(path: &Path, expected: &[u8]) -> Result<()> {
    let failed = |error: &io::Error| cannot("delete", path, error);
    let conflict = || Conflict(path.to_owned());
    let place = match OpenPath::open(path) {
        Ok(place) => place,
        Err(error) if absent(&error) => return Err(conflict().into()),
        Err(error) => return Err(failed(&error).into()),
    };
    let holds = |name: &OsStr| place.read(name).ok().flatten();
    let aside = temporary_name(path);
    if holds(place.name).as_deref() != Some(expected) {
        return Err(conflict().into());
    }
    place
        .rename(place.name, &aside)
        .map_err(|error| failed(&error))?;
    if holds(&aside).as_deref() == Some(expected) {
        place.remove(&aside).map_err(|error| failed(&error))?;
        place.sync();
        return Ok(());
    }
    // If a new file has the name by now, both stay.
    let _ = place.rename_new(&aside, place.name);
    Err(conflict().into())
}
