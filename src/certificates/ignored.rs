//! The `.gitignore` of a project's certificate folder: there before the key is, so that no
//! `git add` ever takes that up.

use std::path::Path;

use anyhow::Result;

use crate::change::Change;
use crate::failure::{Exit, Failure, command_line, shown};
use crate::files;

/// The file's name.
pub const GITIGNORE: &str = ".gitignore";

/// What azup writes.
pub const IGNORE_ALL: &str = "*\n!.gitignore\n";

/// The changes after which git ignores the keys in `folder`, a project's. What is there and
/// does not is refused: somebody wrote it, and may need it.
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
    // git reads no `.gitignore` through a link.
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

/// Whether all keys are ignored, as far as can be told without git's whole language: one
/// line names them all, and none takes anything back but the file itself.
fn ignores_keys(text: &[u8]) -> bool {
    // git takes off a CR and spaces at the end, and nothing else.
    let text = String::from_utf8_lossy(text);
    let lines = || {
        text.split('\n')
            .map(|line| line.strip_suffix('\r').unwrap_or(line).trim_end_matches(' '))
    };
    lines().any(|line| ["*", "/*", "*.pem", "/*.pem"].contains(&line))
        && lines().all(|line| !line.starts_with('!') || ["!.gitignore", "!/.gitignore"].contains(&line))
}
