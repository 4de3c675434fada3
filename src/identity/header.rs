//! The secret that a client sends with every request (`IDENTITY_HEADER`). There are two.
//!
//! The lasting one is the same for a whole machine, so that a shell that was opened yesterday still
//! gets its tokens today. It only keeps browsers and curious programs out; the tokens are useless
//! elsewhere.
//!
//! The other is drawn at start, for tokens of the user's own login. It is as sensitive as they are:
//! azup never takes it from the environment, no file holds it, and it ends with its process.

use std::ffi::OsStr;
use std::path::PathBuf;

use anyhow::Result;

use crate::change::{self, Change};
use crate::failure::{Failure, command_line, shown};
use crate::files::{self, hex, random};
use crate::machine::Machine;

const FILE: &str = "identity-header";

/// The longest header that is accepted (bytes). Azure's own have 32 to 64.
const LONGEST: usize = 1024;

/// The header in files that are committed: dev containers and launch profiles. It is not a secret,
/// and gives no more than IMDS' dialect gives to every process on this machine.
pub const FIXED: &str = "azup";

/// The prefix of a drawn header, to tell it from the lasting one.
const DRAWN: &str = "azup-forward-";

/// A header that no process has used before.
pub fn draw() -> String {
    format!("{DRAWN}{}", hex(&random::<32>()))
}

/// Whether this is one process's drawn header, which another must not adopt.
pub fn is_drawn(value: &OsStr) -> bool {
    value.as_encoded_bytes().starts_with(DRAWN.as_bytes())
}

/// The lasting header, and the changes that store it if it is new. `IDENTITY_HEADER` in the
/// environment comes first: a dev container sets a fixed one for every process in it.
pub fn header(machine: &Machine) -> Result<(String, Vec<Change>)> {
    let set = machine.var("IDENTITY_HEADER");
    if let Some(value) = set.filter(|value| !is_drawn(value)) {
        return match value.to_str().filter(|value| is_header(value)) {
            Some(value) => Ok((value.to_owned(), Vec::new())),
            None => Err(Failure::new(format!(
                "IDENTITY_HEADER cannot be sent: it must be at most {LONGEST} visible ASCII characters"
            ))
            .hint("unset IDENTITY_HEADER")
            .into()),
        };
    }
    let path = file(machine)?;
    let Some(bytes) = files::read_if_there(&path)? else {
        let new = hex(&random::<32>());
        let folder = Change::Directory {
            path: machine.own_folder()?,
            mode: 0o700,
        };
        let change = Change::create(path, format!("{new}\n"), 0o600);
        return Ok((new, vec![folder, change]));
    };
    change::require_private(&path)?;
    let text = String::from_utf8_lossy(&bytes);
    let text = text.trim_end();
    if !is_header(text) {
        return Err(
            Failure::new(format!("{} holds no identity header", shown(&path)))
                .hint(command_line(["rm".as_ref(), path.as_os_str()]))
                .into(),
        );
    }
    Ok((text.to_owned(), Vec::new()))
}

/// The header, stored if it is new.
pub fn ensure_header(machine: &Machine) -> Result<String> {
    let (found, changes) = header(machine)?;
    if changes.is_empty() {
        return Ok(found);
    }
    let _lock = change::exclusively(machine)?;
    // Another azup may have stored one in the meantime.
    let (found, changes) = header(machine)?;
    change::apply(&changes, machine)?;
    Ok(found)
}

fn file(machine: &Machine) -> Result<PathBuf> {
    Ok(machine.own_folder()?.join(FILE))
}

/// Whether every HTTP client sends this value unchanged.
fn is_header(value: &str) -> bool {
    (1..=LONGEST).contains(&value.len()) && value.bytes().all(|byte| byte.is_ascii_graphic())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::MetadataExt as _;

    #[test]
    fn it_is_made_once_and_for_its_owner_alone() {
        let home = tempfile::tempdir().expect("a folder");
        let machine = Machine::for_test(home.path(), &[]);
        let first = ensure_header(&machine).expect("a header");
        assert_eq!(first.len(), 64);
        assert_eq!(ensure_header(&machine).expect("a header"), first);
        let path = file(&machine).expect("a path");
        assert_eq!(path.metadata().expect("a file").mode() & 0o7777, 0o600);
        // What others could read is not used, what is none is not either.
        std::fs::write(&path, "two words").expect("written");
        let error = header(&machine).expect_err("no header");
        assert!(error.to_string().ends_with("holds no identity header"));
        let open = <std::fs::Permissions as std::os::unix::fs::PermissionsExt>::from_mode(0o644);
        std::fs::set_permissions(&path, open).expect("set");
        let error = header(&machine).expect_err("not private");
        assert!(error.to_string().contains("can be read by other users"));
    }

    #[test]
    fn that_of_the_environment_comes_first_and_leaves_no_file() {
        let home = tempfile::tempdir().expect("a folder");
        let machine = Machine::for_test(
            home.path(),
            &[("IDENTITY_HEADER", OsStr::new("dev-container"))],
        );
        assert_eq!(ensure_header(&machine).expect("a header"), "dev-container");
        assert!(!machine.own_folder().expect("a path").exists());
        let drawn = draw();
        let machine = Machine::for_test(home.path(), &[("IDENTITY_HEADER", OsStr::new(&drawn))]);
        assert_ne!(ensure_header(&machine).expect("a header"), drawn);
        let machine = Machine::for_test(home.path(), &[("IDENTITY_HEADER", OsStr::new("a\nb"))]);
        let error = header(&machine).expect_err("no header");
        assert_eq!(Failure::hint_of(&error), Some("unset IDENTITY_HEADER"));
    }
}
