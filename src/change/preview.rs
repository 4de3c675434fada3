//! Changes in words: what a dry run shows, and what an administrator would type.

use std::path::Path;

use super::{Change, Input, elevated, is_secret};
use crate::failure::{command_line, shown};
use crate::files::Content;
use crate::machine::Machine;

impl Change {
    /// What a dry run shows: a unified diff of a file, or the exact command. A private
    /// key's bytes are never part of it.
    pub fn preview(&self, machine: &Machine) -> String {
        match self {
            Self::Directory { path, .. } if path.is_dir() => String::new(),
            Self::Directory { path, .. } => format!("new folder {}\n", shown(path)),
            Self::RemoveFolder { path } => format!("delete {} when it is empty\n", shown(path)),
            Self::Write {
                path,
                expect,
                content: Content::File { bytes, mode },
            } => {
                if is_secret(*mode) {
                    return format!("{} (secret, not shown, mode {mode:04o})\n", shown(path));
                }
                diff(
                    path,
                    expect.as_deref().unwrap_or_default(),
                    bytes,
                    expect.is_none(),
                )
            }
            Self::Write {
                path,
                content: Content::Link(target),
                ..
            } => format!("link {} -> {}\n", shown(path), shown(target)),
            Self::Delete { path, .. } => format!("delete {}\n", shown(path)),
            Self::Snapshot { .. } => String::new(),
            #[cfg(windows)]
            Self::Root { der, trusted } => {
                let verb = if *trusted { "add" } else { "delete" };
                let sha256 = crate::certificates::sha256(der);
                format!("{verb} the root {sha256} in CurrentUser\\Root\n")
            }
            Self::Run {
                argv, input, admin, ..
            } => {
                let argv = if *admin {
                    elevated(argv, machine)
                } else {
                    argv.clone()
                };
                format!("$ {}{}\n", command_line(argv), redirection(input.as_ref()))
            }
        }
    }

    /// The command with which an administrator would do it; `None` if it needs none.
    fn for_administrator(&self) -> Option<String> {
        match self {
            Self::Run {
                argv,
                input,
                admin: true,
                ..
            } => Some(format!(
                "{}{}",
                command_line(argv),
                redirection(input.as_ref())
            )),
            _ => None,
        }
    }
}

/// One line with which an administrator makes those of these changes that need one: each command
/// under sudo, or all of them under `su` if there is no sudo.
pub fn for_administrator(changes: &[Change], machine: &Machine) -> Option<String> {
    let commands: Vec<String> = changes
        .iter()
        .filter_map(Change::for_administrator)
        .collect();
    if commands.is_empty() {
        return None;
    }
    Some(if machine.find("sudo").is_some() {
        format!("sudo {}", commands.join(" && sudo "))
    } else {
        // -l: plain su keeps a PATH without the administrators' folders.
        command_line(["su", "-l", "-c", &commands.join(" && ")])
    })
}

/// ` < FILE`, for a command line to paste.
fn redirection(input: Option<&Input>) -> String {
    input
        .and_then(|input| input.file.as_deref())
        .map(|file| format!(" < {}", shown(file)))
        .unwrap_or_default()
}

/// A unified diff with three lines of context, or one line for a file that is not text.
fn diff(path: &Path, before: &[u8], after: &[u8], new: bool) -> String {
    let (Ok(before), Ok(after)) = (std::str::from_utf8(before), std::str::from_utf8(after)) else {
        return format!("{} ({} bytes)\n", shown(path), after.len());
    };
    let name = shown(path);
    let from = if new { "/dev/null" } else { &name };
    similar::TextDiff::from_lines(before, after)
        .unified_diff()
        .context_radius(3)
        .header(from, &name)
        .to_string()
}
