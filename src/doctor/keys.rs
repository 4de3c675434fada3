//! Who can read the private key: other users of this machine, or everyone who clones the
//! repository.

use anyhow::Result;

use super::{Check, Context, Finding, Run};
use crate::certificates::FILES;
use crate::change;
use crate::failure::{command_line, shown};
use crate::git;

/// The key that a renewal has put beside the old one.
const STAGED_KEY: &str = "next-key.pem";

pub(super) const CHECKS: &[Check] = &[
    Check {
        id: "key-mode",
        title: "only its owner can read the private key",
        explained_by: &["certificate-set"],
        starts_program: false,
        run: Run::Check(mode),
    },
    Check {
        id: "key-tracked",
        title: "no private key is tracked by git",
        explained_by: &["certificate-origin"],
        starts_program: false,
        run: Run::Check(tracked),
    },
];

fn mode(context: &Context) -> Result<Finding> {
    let key = context.file(1);
    change::require_private(&key)?;
    Ok(Finding::ok(shown(&key)))
}

/// Only checks the set's own folder: other files of a repository are not azup's business.
fn tracked(context: &Context) -> Result<Finding> {
    let folder = context.folder();
    if !folder.is_dir() {
        return Ok(Finding::skip("there is no certificate set"));
    }
    let mut names = Vec::new();
    for name in [FILES[1], STAGED_KEY] {
        match git::tracks(&folder.join(name)) {
            Ok(true) => names.push(name),
            Ok(false) => {}
            Err(why) => {
                let what = format!("cannot tell what git tracks: {why}");
                return Ok(Finding::warn(what).fix(why.fix));
            }
        }
    }
    if names.is_empty() {
        return Ok(Finding::ok(format!("none in {}", shown(folder))));
    }
    // Once pushed it is public: it must not stay in use.
    let remove = command_line([
        "git",
        "-C",
        &*folder.to_string_lossy(),
        "rm",
        "--cached",
        "--",
    ]);
    Ok(Finding::fail(format!(
        "{} in {}: anyone who clones the repository has it",
        names.join(" and "),
        shown(folder)
    ))
    .fix(format!("{remove} {} && azup renew", names.join(" "))))
}
