//! The `.gitignore` of a project's certificate folder: written before the key, so that no `git add`
//! ever includes the key.

use std::path::Path;

use anyhow::Result;

use crate::change::Change;
use crate::failure::{Exit, Failure, command_line, shown};
use crate::files;

pub const GITIGNORE: &str = ".gitignore";

pub const IGNORE_ALL: &str = "*\n!.gitignore\n";

/// The changes after which git ignores the keys in `folder`, a project's. An existing file that
/// does not ignore them is refused: a person wrote it, and may need it.
pub fn ignored(folder: &Path) -> Result<Vec<Change>> {
    let path = folder.join(GITIGNORE);
    let Ok(about) = path.symlink_metadata() else {
        return Ok(vec![
            Change::Directory {
                path: folder.to_owned(),
                mode: 0o755,
            },
            Change::create(path, IGNORE_ALL, 0o644),
        ]);
    };
    // git does not read a `.gitignore` that is a link.
    if about.is_file() && files::read_if_there(&path)?.is_some_and(|text| ignores_keys(&text)) {
        return Ok(Vec::new());
    }
    let mut aside = path.clone().into_os_string();
    aside.push(".before");
    let aside = command_line(["mv".as_ref(), "-n".as_ref(), path.as_os_str(), &aside]);
    Err(Failure::new(format!(
        "{} does not make git ignore the private key beside it, so azup writes no key",
        shown(&path)
    ))
    .hint(format!("{aside} && azup trust"))
    .exit(Exit::Refused)
    .into())
}

/// Whether all keys are ignored, as far as can be told without parsing git's whole syntax: one line
/// covers them all, and no line excludes anything but the file itself.
fn ignores_keys(text: &[u8]) -> bool {
    // git strips a CR and spaces at the end, and nothing else.
    let text = String::from_utf8_lossy(text);
    let lines = || {
        text.split('\n')
            .map(|line| line.strip_suffix('\r').unwrap_or(line).trim_end_matches(' '))
    };
    lines().any(|line| ["*", "/*", "*.pem", "/*.pem"].contains(&line))
        && lines().all(|line| !line.starts_with('!') || ["!.gitignore", "!/.gitignore"].contains(&line))
}
