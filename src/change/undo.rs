//! Undoing what was applied if a later change of the same plan fails: all or none.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use anyhow::Result;

use super::{PROGRAM_LIMIT, elevated};
use crate::files::{self, Content};
use crate::machine::Machine;

/// How to undo one applied change.
pub(super) enum Undo<'c> {
    Nothing,
    RemoveFolders(Vec<PathBuf>),
    MakeFolder {
        path: PathBuf,
        mode: u32,
    },
    Restore {
        path: &'c Path,
        after: &'c [u8],
        before: Before<'c>,
    },
    Delete {
        path: &'c Path,
        after: &'c [u8],
    },
    Create {
        path: &'c Path,
        before: &'c [u8],
        mode: u32,
    },
    PutBack {
        path: &'c Path,
        before: &'c [u8],
    },
    Run {
        argv: Vec<OsString>,
        admin: bool,
    },
    #[cfg(windows)]
    Root {
        der: &'c [u8],
        trusted: bool,
    },
}

/// The previous state: borrowed from the change itself, since a bundle is too large to copy for
/// something that almost never happens.
pub(super) enum Before<'c> {
    Bytes(&'c [u8]),
    Link(PathBuf),
}

impl Before<'_> {
    fn content(self) -> Content {
        match self {
            // The file that is there now already has the mode.
            Self::Bytes(bytes) => file(bytes, 0),
            Self::Link(target) => Content::Link(target),
        }
    }
}

fn file(bytes: &[u8], mode: u32) -> Content {
    Content::File {
        bytes: bytes.to_vec(),
        mode,
    }
}

impl Undo<'_> {
    pub(super) fn apply(self, machine: &Machine) -> Result<()> {
        match self {
            Self::Nothing => Ok(()),
            #[cfg(windows)]
            Self::Root { der, trusted } => super::set_root(der, trusted),
            Self::RemoveFolders(made) => match made.first().cloned() {
                None => Ok(()),
                Some(outermost) => machine.changing(&outermost, || {
                    files::remove_empty_folders(&made);
                    Ok(())
                }),
            },
            Self::MakeFolder { path, mode } => {
                machine.changing(&path, || files::make_folder(&path, mode).map(|_| ()))
            }
            Self::Restore {
                path,
                after,
                before,
            } => {
                let before = before.content();
                machine.changing(path, || files::replace(path, Some(after), &before))
            }
            Self::Delete { path, after } => machine.changing(path, || files::delete(path, after)),
            Self::Create { path, before, mode } => {
                let before = file(before, mode);
                machine.changing(path, || files::replace(path, None, &before))
            }
            Self::PutBack { path, before } => {
                let now = files::read_if_there(path)?;
                if now.as_deref() == Some(before) {
                    return Ok(());
                }
                let content = file(before, 0o644);
                machine.changing(path, || files::replace(path, now.as_deref(), &content))
            }
            Self::Run { argv, admin: true } => machine
                .run_as_administrator(&elevated(&argv, machine), None, PROGRAM_LIMIT)
                .map(|_| ()),
            Self::Run { argv, admin: false } => machine.run(&argv, None, PROGRAM_LIMIT).map(|_| ()),
        }
    }
}
