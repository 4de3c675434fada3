//! A file's new contents, beside the destination, under a name that no program looks for; and
//! cleaning up what is left of one when azup is killed.

use std::cell::Cell;
use std::ffi::OsString;
use std::io::{self, Write as _};
use std::path::Path;

use super::place::{self, OpenPath, Pinned};
use super::{Content, attributes, hex, random};

/// A leftover of a crash is removed once it is older than this (seconds); a younger one may belong
/// to an azup that is still running.
const LEFTOVER_AGE: i64 = 600;

/// A new file beside its destination, deleted again unless it was moved away.
pub(super) struct Temporary<'p> {
    place: &'p OpenPath<'p>,
    pub(super) name: OsString,
    /// The file itself, under any name.
    pub(super) file: Pinned,
    keep: Cell<bool>,
}

impl<'p> Temporary<'p> {
    pub(super) fn write(place: &'p OpenPath<'p>, content: &Content) -> io::Result<Self> {
        let mut this = Self {
            place,
            name: temporary_name(place.path),
            file: Pinned::default(),
            keep: Cell::new(false),
        };
        match content {
            Content::Link(target) => {
                place.link(target, &this.name)?;
                this.file = place.pin(&this.name);
            }
            Content::File { bytes, mode } => {
                // Through a link: a shared bundle's own mode is the one to keep.
                let existing = place.stat_through(place.name).ok();
                let existing = existing.filter(|about| place::mode(about) & 0o170_000 == 0o100_000);
                let mode = existing
                    .as_ref()
                    .map_or(*mode, |about| place::mode(about) & 0o7777);
                // A secret is never readable by others, not even before its mode is set.
                let mut file = place.create(&this.name, mode)?;
                file.write_all(bytes)?;
                if let Some(existing) = &existing {
                    attributes::keep_owner(&file, existing);
                    if let Ok(old) = place.open_file(place.name) {
                        attributes::keep(&old, &file);
                    }
                }
                // Last, since the other two change it.
                attributes::set_mode(&file, mode)?;
                file.sync_all()?;
                this.file = Pinned::of(file);
            }
        }
        Ok(this)
    }

    pub(super) fn keep(&self) {
        self.keep.set(true);
    }
}

impl Drop for Temporary<'_> {
    fn drop(&mut self) {
        if !self.keep.get() {
            let _ = self.place.remove(&self.name);
        }
    }
}

/// The common prefix of all temporary names for `path`.
fn temporary_prefix(path: &Path) -> OsString {
    let mut name = OsString::from(".");
    name.push(path.file_name().unwrap_or_default());
    name.push(".azup-");
    name
}

/// Whether `path` has a name that a killed azup leaves behind, and that no program looks for.
pub fn is_leftover(path: &Path) -> bool {
    written_for(name_of(path)).is_some()
}

/// Whether `path` was meant to become `file`, in the same folder.
pub fn is_leftover_of(path: &Path, file: &Path) -> bool {
    written_for(name_of(path)) == Some(name_of(file))
}

fn name_of(path: &Path) -> &[u8] {
    use crate::os::OsStrExt as _;
    path.file_name().unwrap_or_default().as_bytes()
}

/// The name from which [`temporary_name`] made this one, even repeatedly: deleting a leftover may
/// leave a leftover.
fn written_for(name: &[u8]) -> Option<&[u8]> {
    let (rest, random) = name
        .strip_prefix(b".")?
        .split_at_checked(name.len().checked_sub(1 + 2 * RANDOM)?)?;
    let rest = rest.strip_suffix(b".azup-")?;
    let is_random = random.iter().all(u8::is_ascii_hexdigit);
    (is_random && !rest.is_empty()).then(|| written_for(rest).unwrap_or(rest))
}

/// How many random bytes distinguish temporary names.
const RANDOM: usize = 8;

pub(super) fn temporary_name(path: &Path) -> OsString {
    let mut name = temporary_prefix(path);
    name.push(hex(&random::<RANDOM>()));
    name
}

/// Removes what a killed azup left beside a file. Judged by the time when the inode last changed,
/// since an exchanged file keeps its old modification time.
pub(super) fn remove_leftovers(place: &OpenPath<'_>) {
    // The file system's clock, not the injected one: it is compared with file times.
    let now = time::OffsetDateTime::now_utc().unix_timestamp();
    for name in place.names(&temporary_prefix(place.path)) {
        if let Ok(about) = place.stat(&name)
            && now.saturating_sub(place::changed(&about)) > LEFTOVER_AGE
        {
            let _ = place.remove(&name);
        }
    }
}
