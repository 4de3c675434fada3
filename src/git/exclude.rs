//! Keeps a file that belongs to this machine only out of git: adds a line to the rules of this
//! clone, and removes it again.

use std::path::{Path, PathBuf};

use anyhow::Result;
use memchr::memmem;

use super::ignore::Verdict;
use super::{Repository, ignore, tracks};
use crate::change::Change;
use crate::files::{self, Content};

/// Whether git ignores a file.
#[derive(Debug)]
pub enum Kept {
    /// It is ignored already, or there is no repository.
    Already,
    /// It will be after these changes to the ignore rules on this machine.
    By(Vec<Change>),
    /// It cannot be, for this reason.
    Not(String),
}

/// The changes after which git ignores `path`, which must not be shared: a line in
/// `.git/info/exclude`, which only this clone reads, unless git ignores the file anyway. If there
/// is no repository yet, in the `.gitignore` beside it.
pub fn keep_out(path: &Path) -> Result<Kept> {
    match tracks(path) {
        Ok(false) => {}
        Ok(true) => return Ok(Kept::Not("git tracks it".to_owned())),
        Err(unclear) => return Ok(Kept::Not(unclear.to_string())),
    }
    let is_repository = Repository::of(path);
    let repository = match &is_repository {
        Some(repository) => repository,
        None => &Repository::to_be(path),
    };
    let [in_folders, in_own] = ignore::said(repository);
    let own = match &is_repository {
        // Rules in the folders take precedence.
        _ if in_folders == Verdict::Ignored => return Ok(Kept::Already),
        None => Some(Exclude::beside(path)).filter(|own| !own.file.is_symlink()),
        Some(_) if in_folders == Verdict::TakenBack => {
            return Ok(Kept::Not("a rule in .gitignore makes git track it".to_owned()));
        }
        Some(_) if in_own == Verdict::Ignored => return Ok(Kept::Already),
        Some(repository) => repository.own_exclude(),
    };
    let Some(own) = own else {
        return Ok(Kept::Not("git does not ignore it: put it into .gitignore".to_owned()));
    };
    let bytes = files::read_if_there(&own.file)?;
    let mut text = bytes.clone().unwrap_or_default();
    if !text.is_empty() && !text.ends_with(b"\n") {
        text.push(b'\n');
    }
    text.extend(own.lines.into_bytes());
    let folder = own.file.parent().map(|folder| Change::Directory {
        path: folder.to_owned(),
        mode: 0o755,
    });
    let mut changes: Vec<Change> = folder.into_iter().collect();
    changes.push(Change::Write {
        path: own.file,
        expect: bytes,
        content: Content::File {
            bytes: text,
            mode: 0o644,
        },
    });
    Ok(Kept::By(changes))
}

/// Removes the lines of [`keep_out`].
pub fn keep_out_no_longer(path: &Path) -> Result<Vec<Change>> {
    let own = Repository::of(path).and_then(|repository| repository.own_exclude());
    let mut changes = Vec::new();
    for own in own.into_iter().chain([Exclude::beside(path)]) {
        // git does not read one through a link, and azup never writes one.
        if own.file.is_symlink() {
            continue;
        }
        let Some(there) = files::read_if_there(&own.file)? else {
            continue;
        };
        let Some(at) = memmem::find(&there, own.lines.as_bytes()) else {
            continue;
        };
        let mut bytes = there.clone();
        bytes.drain(at..at + own.lines.len());
        changes.push(Change::reduce(own.file, there, bytes, 0o644));
    }
    Ok(changes)
}

/// A file with ignore rules, and azup's lines in it.
struct Exclude {
    file: PathBuf,
    lines: String,
}

impl Exclude {
    /// The `.gitignore` beside a file.
    fn beside(path: &Path) -> Self {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        Self::at(path.with_file_name(".gitignore"), &name)
    }

    fn at(file: PathBuf, below: &str) -> Self {
        let lines = format!("# azup: variables of this machine\n/{below}\n");
        Self { file, lines }
    }
}

impl Repository {
    /// That of a repository whose `.git` is a folder, and whose path git reads verbatim.
    fn own_exclude(&self) -> Option<Exclude> {
        let is_folder = |path: &Path| path.symlink_metadata().is_ok_and(|about| about.is_dir());
        let file = self.git.join("info/exclude");
        let plain = |c: char| c.is_alphanumeric() || "-_./".contains(c);
        let below = self.below.to_str().filter(|path| path.chars().all(plain))?;
        let folder = self.git.join("info");
        let fits = is_folder(&self.root.join(".git"))
            && (is_folder(&folder) || !files::exists(&folder))
            && !file.is_symlink()
            && files::is_and_stays_within(&folder, &self.root);
        fits.then(|| Exclude::at(file, below))
    }
}
