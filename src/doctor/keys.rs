//! Who can get at the private key: other users of this machine, or everybody who clones
//! the repository.

use std::ffi::OsString;

use anyhow::Result;

use super::{Check, Context, Finding};
use crate::change;
use crate::failure::{command_line, shown};

pub(super) const CHECKS: &[Check] = &[
    Check {
        id: "key-mode",
        title: "only its owner can read the private key",
        explained_by: &["certificate-set"],
        starts_program: false,
        run: mode,
    },
    Check {
        id: "key-tracked",
        title: "no private key is tracked by git",
        explained_by: &["certificate-origin"],
        starts_program: true,
        run: tracked,
    },
];

fn mode(context: &Context) -> Result<Finding> {
    let key = context.file(1);
    change::require_private(&key)?;
    Ok(Finding::ok(shown(&key)))
}

/// Only the set's own folder is asked for: what else a repository holds is not azup's.
fn tracked(context: &Context) -> Result<Finding> {
    let folder = context.folder();
    if !folder.is_dir() {
        return Ok(Finding::skip("there is no certificate set"));
    }
    let in_repository = folder.ancestors().any(|above| above.join(".git").exists());
    if !in_repository {
        return Ok(Finding::ok(format!(
            "{} is in no repository",
            shown(folder)
        )));
    }
    let Some(git) = context.machine.find("git") else {
        return Ok(Finding::skip("git is not installed"));
    };
    let words: [OsString; 8] = [
        git.into(),
        "-C".into(),
        folder.into(),
        "ls-files".into(),
        "-z".into(),
        "--".into(),
        "key.pem".into(),
        "next-key.pem".into(),
    ];
    let done = context.program(&words, None)?;
    if !done.status.success() {
        let what = format!("git does not tell: {}", done.last_words());
        return Ok(Finding::warn(what).fix(command_line(&words[..4])));
    }
    let all = String::from_utf8_lossy(&done.stdout);
    let names: Vec<&str> = all.split('\0').filter(|name| !name.is_empty()).collect();
    if names.is_empty() {
        return Ok(Finding::ok(format!("none in {}", shown(folder))));
    }
    // Once pushed it is known: it must not stay in use.
    let remove = command_line([
        "git",
        "-C",
        &*folder.to_string_lossy(),
        "rm",
        "--cached",
        "--",
    ]);
    Ok(Finding::fail(format!(
        "{} in {}: whoever clones the repository has it",
        names.join(" and "),
        shown(folder)
    ))
    .fix(format!("{remove} {} && azup renew", names.join(" "))))
}
