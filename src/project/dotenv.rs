//! `.env` in the project's folder, through which a program that an editor starts on this machine
//! finds Azurite and its tokens: docs/adr/0012-variables-for-f5.md says why there. It holds a
//! secret of this machine, so git never gets it, and each machine writes its own.
//!
//! azup only ever writes a file that it made, or its own block in one. The folder may be mounted
//! into a dev container, whose own variables count there: the block is empty while the container is
//! in use. Programs read the file after `azup: trust` has run.

use std::ops::Range;
use std::path::Path;

use anyhow::Result;
use memchr::memmem;

use super::{devcontainer, vscode};
use crate::azurite::{Account, Ports};
use crate::change::Change;
use crate::environment;
use crate::failure::shown;
use crate::files::{self, Content};
use crate::git::{self, Kept};
use crate::identity;
use crate::machine::Machine;
use crate::options::Credential;
use crate::supervisor;

pub const NAME: &str = ".env";

const FIRST: &str = "# azup: where F5 finds Azurite on this machine. `azup trust` keeps it. Not to be committed.\n";
const IN_CONTAINER: &str = "# In the dev container its own variables count.\n";
const LAST: &str = "# azup: end\n";

/// Variables of no use to what a debugger starts: the first is read by a standalone program
/// (rclone), the second by the Functions host, and that is started by a task.
const NOT_FOR_DEBUGGERS: [&str; 2] = ["RCLONE_AZUREBLOB_ENDPOINT", "AzureWebJobsStorage"];

/// Dependencies with which a project rejects a `.env` that contains names it does not know.
const STRICT: [&[u8]; 2] = [b"pydantic-settings", b"pydantic_settings"];

/// The files in which Python projects list their dependencies.
const NEEDS: [&str; 4] = [
    "pyproject.toml",
    "requirements.txt",
    "requirements.in",
    "uv.lock",
];

/// What to do, and why a file is left alone: a sentence.
#[derive(Debug, Default)]
pub struct DotenvPlan {
    pub changes: Vec<Change>,
    /// For people.
    pub note: Option<String>,
}

impl DotenvPlan {
    fn note(text: String) -> Self {
        Self {
            note: Some(text),
            ..Self::default()
        }
    }
}

/// Compares the file with what this machine's programs need; nothing to do if no debugging session
/// of the project begins with azup's task.
pub fn wanted(folder: &Path, machine: &Machine) -> Result<DotenvPlan> {
    if !vscode::has_trust_task(folder) {
        return Ok(DotenvPlan::default());
    }
    // A folder of a repository that a container mounts can also be swapped.
    if !files::is_and_stays_within(folder, folder) {
        return Ok(DotenvPlan::default());
    }
    let path = folder.join(NAME);
    let there = match path.symlink_metadata() {
        Err(_) => None,
        Ok(about) if about.is_file() => Some(files::read(&path)?),
        // It may lead elsewhere, or be a FIFO of a password manager.
        Ok(_) => return Ok(DotenvPlan::note(left_alone("it is not a regular file"))),
    };
    let block = there.as_deref().and_then(block);
    let inside = machine.is_dev_container();
    let at = match (&there, block) {
        (Some(_), Some(at)) => at,
        (None, _) if inside => return Ok(DotenvPlan::default()),
        (None, _) => 0..0,
        (Some(_), None) => return Ok(DotenvPlan::note(left_alone("it is the project's own"))),
    };
    let there_or_not = there.as_deref().unwrap_or_default();
    if there.is_none() && is_strict(folder) {
        let why = "the project uses pydantic-settings, which refuses a .env with names that it does not know";
        return Ok(DotenvPlan::note(left_alone(why)));
    }
    let (lines, mut changes) = if inside {
        (IN_CONTAINER.to_owned(), Vec::new())
    } else {
        variables(folder, machine)?
    };
    let text = format!("{FIRST}{lines}{LAST}");
    // Checked every time: the next commit that is fetched may bring other rules.
    match git::keep_out(&path)? {
        Kept::Already => {}
        Kept::By(more) => changes.extend(more),
        Kept::Not(why) => {
            // A file that git would add must no longer hold a secret.
            let given_up = matches!(git::tracks(&path), Ok(false)) && there.is_some();
            let changes = if given_up { without_block(&path)? } else { Vec::new() };
            return Ok(DotenvPlan {
                changes,
                ..DotenvPlan::note(left_alone(&why))
            });
        }
    }
    if there_or_not.get(at.clone()) == Some(text.as_bytes()) {
        return Ok(DotenvPlan {
            changes,
            note: None,
        });
    }
    let mut bytes = there_or_not.to_vec();
    bytes.splice(at, text.into_bytes());
    changes.push(Change::Write {
        path,
        expect: there,
        content: Content::File { bytes, mode: 0o600 },
    });
    Ok(DotenvPlan {
        changes,
        note: None,
    })
}

/// The changes after which nothing of it is left. If azup is killed in between, git still ignores
/// the file for as long as it exists.
pub(super) fn unwanted(folder: &Path) -> Result<Vec<Change>> {
    let path = folder.join(NAME);
    let mut changes = without_block(&path)?;
    changes.extend(git::keep_out_no_longer(&path)?);
    Ok(changes)
}

fn without_block(path: &Path) -> Result<Vec<Change>> {
    let mut changes = Vec::new();
    let is_file = path.symlink_metadata().is_ok_and(|about| about.is_file());
    let there = is_file.then(|| files::read(path)).transpose()?;
    if let Some(there) = there
        && let Some(at) = block(&there)
    {
        let mut bytes = there.clone();
        bytes.drain(at);
        changes.push(Change::reduce(path.to_owned(), there, bytes, 0o600));
    }
    Ok(changes)
}

fn left_alone(why: &str) -> String {
    format!(
        "{NAME} is left alone: {why}. F5 outside of the dev container finds Azurite once \
         `azup env --format dotenv` is in it"
    )
}

fn is_strict(folder: &Path) -> bool {
    NEEDS.iter().any(|name| {
        let text = files::read_if_there(&folder.join(name)).ok().flatten();
        let text = text.unwrap_or_default().to_ascii_lowercase();
        STRICT.iter().any(|word| memmem::find(&text, word).is_some())
    })
}

/// Where azup's block is.
fn block(bytes: &[u8]) -> Option<Range<usize>> {
    let start = memmem::find(bytes, FIRST.as_bytes())?;
    let end = memmem::find(&bytes[start..], LAST.as_bytes())? + start + LAST.len();
    Some(start..end)
}

/// The lines, except those that the user has set to another value, and the changes that store a new
/// identity header.
fn variables(folder: &Path, machine: &Machine) -> Result<(String, Vec<Change>)> {
    // The endpoint of an `azup run` ends with it.
    let all = supervisor::running(machine);
    let lasting: Vec<_> = all.iter().filter(|one| one.is_shared()).collect();
    let here = folder.canonicalize().ok();
    let ours = lasting.iter().find(|one| one.project == here);
    let running = match (ours, lasting.as_slice()) {
        (Some(one), _) | (None, [one]) => Some(*one),
        _ => None,
    };
    let ports = running.map_or(Ports::USUAL, |running| running.ports);
    let tokens = match devcontainer::credential(folder) {
        Credential::Az => None,
        Credential::Local => {
            let endpoint = running.and_then(|running| running.identity.endpoint.clone());
            let usual = || identity::url(identity::loopback(identity::PORT));
            Some((endpoint.unwrap_or_else(usual), identity::header(machine)?))
        }
    };
    let (tokens, changes) = match tokens {
        Some((endpoint, (header, changes))) => (Some((endpoint, header)), changes),
        None => (None, Vec::new()),
    };
    let all = environment::services(&Account::default(), ports, false, tokens.as_ref());
    // The variables of another endpoint for tokens, or of another account, belong together.
    let is_other = |(name, value): &(&str, String)| {
        machine.var(name).is_some_and(|own| own != value.as_str())
    };
    let other: Vec<bool> = all.iter().map(is_other).collect();
    let is_identity = |name: &str| name.starts_with("IDENTITY_");
    let other_identity = all.iter().zip(&other).any(|((name, _), other)| *other && is_identity(name));
    let lines = all.iter().zip(&other).filter(|((name, _), other)| {
        let left_out = **other || other_identity && is_identity(name);
        !left_out && !NOT_FOR_DEBUGGERS.contains(name)
    });
    Ok((lines.map(|((name, value), _)| environment::dotenv_line(name, value)).collect(), changes))
}

/// The message about what was done.
pub fn told(wanted: &DotenvPlan, folder: &Path) -> String {
    if let Some(note) = &wanted.note {
        return format!("wrote {NAME} without azup's variables: {note}\n");
    }
    let written = wanted.changes.iter().filter_map(|change| match change {
        Change::Write { path, .. } => Some(shown(path.strip_prefix(folder).ok()?)),
        _ => None,
    });
    let names: Vec<String> = written.collect();
    format!("wrote {}: F5 on this machine finds Azurite through {NAME}\n", names.join(" and "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_block_is_found_whatever_is_around_it() {
        let own = format!("{FIRST}A=1\n{LAST}");
        for (before, after) in [("", ""), ("B=2\n", ""), ("", "B=2"), ("\u{feff}B=2\r\n", "C=3\n")] {
            let all = format!("{before}{own}{after}");
            let at = block(all.as_bytes()).expect("a block");
            assert_eq!(&all[at], own);
        }
        for none in ["", "A=1\n", FIRST, LAST, &format!("{LAST}{FIRST}")] {
            assert_eq!(block(none.as_bytes()), None, "{none}");
        }
    }
}
