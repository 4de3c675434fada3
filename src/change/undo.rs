//! Taking back what was applied, where a later change of the same plan fails: all or none.

use std::ffi::OsString;
use std::path::PathBuf;

use anyhow::Result;

use super::{PROGRAM_LIMIT, elevated};
use crate::files::{self, Content};
use crate::machine::Machine;

/// How one applied change is taken back.
pub(super) enum Undo {
    Nothing,
    RemoveFolders(Vec<PathBuf>),
    MakeFolder {
        path: PathBuf,
        mode: u32,
    },
    Restore {
        path: PathBuf,
        after: Vec<u8>,
        before: Content,
    },
    Delete {
        path: PathBuf,
        after: Vec<u8>,
    },
    Create {
        path: PathBuf,
        before: Content,
    },
    PutBack {
        path: PathBuf,
        before: Vec<u8>,
    },
    Run {
        argv: Vec<OsString>,
        admin: bool,
    },
}

impl Undo {
    pub(super) fn apply(self, machine: &Machine) -> Result<()> {
        match self {
            Self::Nothing => Ok(()),
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
            } => machine.changing(&path, || files::replace(&path, Some(&after), &before)),
            Self::Delete { path, after } => {
                machine.changing(&path, || files::delete(&path, &after))
            }
            Self::Create { path, before } => {
                machine.changing(&path, || files::replace(&path, None, &before))
            }
            Self::PutBack { path, before } => {
                let now = files::read_if_there(&path)?;
                if now.as_ref() == Some(&before) {
                    return Ok(());
                }
                let content = Content::File {
                    bytes: before,
                    mode: 0o644,
                };
                machine.changing(&path, || files::replace(&path, now.as_deref(), &content))
            }
            Self::Run { argv, admin: true } => machine
                .run_as_administrator(&elevated(&argv, machine), None, PROGRAM_LIMIT)
                .map(|_| ()),
            Self::Run { argv, admin: false } => machine.run(&argv, None, PROGRAM_LIMIT).map(|_| ()),
        }
    }
}
