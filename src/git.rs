//! What git tracks, read from its index without running git, which would obey the repository's own
//! configuration. Private keys, since some guides have a certificate's key committed, and anyone
//! who has the repository can then serve with it; and any other file for which it matters whether
//! the user made it or the repository brought it.

mod exclude;
mod ignore;
mod index;
mod names;

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use anyhow::Result;
use memchr::memmem;

use crate::failure::{command_line, shown};
use crate::files;
use crate::os::OsStrExt as _;
use crate::workspace::marks::is_mark;
pub use exclude::{Kept, keep_out, keep_out_no_longer};
pub use ignore::{Rule, rule};
use index::{Entry, entries};

/// Files larger than this (bytes) are not private keys.
const LARGEST_KEY: u32 = 64 << 10;

/// How many files to look into at most.
const MOST: usize = 500;

/// Why it cannot be determined what a repository tracks. Callers treat it as tracked.
#[derive(Debug)]
pub struct Unclear {
    why: String,
    /// A command after which it can be determined.
    pub fix: String,
}

impl std::fmt::Display for Unclear {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.why)
    }
}

/// The private keys below `project` that git tracks, relative to it. Files that cannot be read are
/// skipped: this is only a warning.
pub fn tracked_keys(project: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for repository in Repository::around(project) {
        let _ = repository.each(|entry| {
            let path = Path::new(OsStr::from_bytes(entry.path));
            if entry.size <= LARGEST_KEY
                && is_named_like_a_key(path)
                && let Ok(path) = path.strip_prefix(&repository.below)
                && found.len() < MOST
            {
                found.push(path.to_owned());
            }
        });
    }
    found.retain(|path| holds_a_key(&project.join(path)));
    found
}

/// What git tracks below `project`, relative to it: the first `most` paths.
pub fn tracked_below(project: &Path, most: usize) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for repository in Repository::around(project) {
        let _ = repository.each(|entry| {
            let path = Path::new(OsStr::from_bytes(entry.path));
            if let Ok(path) = path.strip_prefix(&repository.below)
                && found.len() < most
            {
                found.push(path.to_owned());
            }
        });
    }
    found
}

/// Those of `names` in `folder` that git tracks, in any repository around it: an inner repository
/// that tracks nothing does not hide an outer one. A folder that is a link counts as its target.
pub fn tracked_among<'a>(folder: &Path, names: &[&'a str]) -> Result<Vec<&'a str>, Unclear> {
    let mut tracked = Vec::new();
    for repository in Repository::around(folder) {
        let wanted: Vec<(PathBuf, &str)> = names
            .iter()
            .map(|name| (repository.below.join(name), *name))
            .collect();
        let mut collapsed = false;
        repository.each(|entry| {
            if entry.is_folder {
                collapsed |= names::is_within(repository.below.as_os_str().as_bytes(), entry.path);
                return;
            }
            for (path, name) in &wanted {
                if names::is_same(path.as_os_str().as_bytes(), entry.path) && !tracked.contains(name) {
                    tracked.push(*name);
                }
            }
        })?;
        if collapsed && tracked.is_empty() {
            return Err(repository.sparse());
        }
    }
    Ok(tracked)
}

/// Whether git tracks `path`, something below it, or a link on the way to it, in any
/// repository around it.
pub fn tracks(path: &Path) -> Result<bool, Unclear> {
    let mut paths = vec![path.to_owned()];
    // The folder by its real name, and everything in it; the link itself may be tracked.
    let parent = path.parent().and_then(|folder| folder.canonicalize().ok());
    paths.extend(parent.and_then(|folder| Some(folder.join(path.file_name()?))));
    paths.extend(path.canonicalize());
    paths.dedup();
    for path in paths {
        for repository in Repository::at_or_above(&path) {
            let below = repository.below.as_os_str().as_bytes();
            let mut met = false;
            repository.each(|entry| {
                met |= names::is_within(entry.path, below) || names::is_within(below, entry.path);
            })?;
            if met {
                return Ok(true);
            }
        }
    }
    Ok(false)
}

/// Whether there is a repository around `path`.
pub fn is_in_repository(path: &Path) -> bool {
    !Repository::around(path).is_empty()
}

/// A repository, and the path in it that is being looked up.
#[derive(Debug)]
struct Repository {
    root: PathBuf,
    git: PathBuf,
    /// The path that was asked about, relative to the repository's top.
    below: PathBuf,
}

impl Repository {
    /// The repository to which a file, which need not exist, would be added.
    fn of(path: &Path) -> Option<Self> {
        let folder = path.parent()?.canonicalize().ok()?;
        Self::at_or_above(&folder.join(path.file_name()?)).into_iter().next()
    }

    /// The repository that there would be if its folder became one.
    fn to_be(path: &Path) -> Self {
        let root = path.parent().unwrap_or(path).to_owned();
        Self {
            git: root.join(".git"),
            root,
            below: path.file_name().unwrap_or_default().into(),
        }
    }

    /// The repositories around a folder, by its real name.
    fn around(folder: &Path) -> Vec<Self> {
        let folder = folder.canonicalize();
        folder.map_or_else(|_| Vec::new(), |folder| Self::at_or_above(&folder))
    }

    fn at_or_above(path: &Path) -> Vec<Self> {
        let repository = |root: &Path| {
            if !is_mark(&root.join(".git")) {
                return None;
            }
            Some(Self {
                root: root.to_owned(),
                git: git_folder(root)?,
                below: path.strip_prefix(root).ok()?.to_owned(),
            })
        };
        path.ancestors().filter_map(repository).collect()
    }

    /// Passes every entry to `show`; none if nothing was ever added.
    fn each(&self, mut show: impl FnMut(Entry<'_>)) -> Result<(), Unclear> {
        let id_length = if uses_sha256(&self.git) { 32 } else { 20 };
        let Some(bytes) = self.read("index")? else {
            return Ok(());
        };
        let damaged = || self.unclear("is not a complete git index");
        let base = entries(&bytes, id_length, &mut show).ok_or_else(damaged)?;
        // A split index holds only what has changed since the shared index was written. Entries
        // that were deleted since then count as tracked.
        if !base.is_empty() {
            let other = format!("sharedindex.{}", files::hex(base));
            let missing = || self.unclear(&format!("needs {other}, which is missing"));
            let bytes = self.read(&other)?.ok_or_else(missing)?;
            entries(&bytes, id_length, &mut show).ok_or_else(damaged)?;
        }
        Ok(())
    }

    fn read(&self, name: &str) -> Result<Option<Vec<u8>>, Unclear> {
        files::read_if_there(&self.git.join(name)).map_err(|error| Unclear {
            why: format!("{error:#}"),
            fix: self.command("status"),
        })
    }

    /// git itself rejects such an index, too.
    fn unclear(&self, why: &str) -> Unclear {
        let index = self.git.join("index");
        let mut aside = index.clone().into_os_string();
        aside.push(".damaged");
        let aside = command_line(["mv".as_ref(), index.as_os_str(), &aside]);
        Unclear {
            why: format!("{} {why}", shown(&index)),
            fix: format!("{aside} && {}", self.command("reset --quiet")),
        }
    }

    /// The files of a folder that is not checked out are only in git's objects.
    fn sparse(&self) -> Unclear {
        let index = shown(&self.git.join("index"));
        Unclear {
            why: format!("{index} names a folder around it instead of the files in it"),
            fix: self.command("sparse-checkout reapply --no-sparse-index"),
        }
    }

    fn command(&self, words: &str) -> String {
        let git = ["git".as_ref(), "-C".as_ref(), self.root.as_os_str()];
        format!("{} {words}", command_line(git))
    }
}

/// `.git` itself, or where it points to in a worktree or submodule.
fn git_folder(root: &Path) -> Option<PathBuf> {
    let git = root.join(".git");
    if git.is_dir() {
        return Some(git);
    }
    let text = files::read_if_there(&git).ok()??;
    let target = text.trim_ascii().strip_prefix(b"gitdir: ")?;
    Some(root.join(OsStr::from_bytes(target)))
}

/// Whether objects are named by SHA-256. A worktree shares its repository's settings.
fn uses_sha256(folder: &Path) -> bool {
    let common = files::read_if_there(&folder.join("commondir"))
        .ok()
        .flatten();
    let common = common.map(|text| folder.join(OsStr::from_bytes(text.trim_ascii())));
    let config = common.as_deref().unwrap_or(folder).join("config");
    let config = files::read_if_there(&config)
        .ok()
        .flatten()
        .unwrap_or_default();
    String::from_utf8_lossy(&config)
        .to_lowercase()
        .lines()
        .any(|line| line.replace([' ', '\t'], "") == "objectformat=sha256")
}

fn is_named_like_a_key(path: &Path) -> bool {
    path.extension()
        .is_some_and(|extension| extension == "pem" || extension == "key")
}

fn holds_a_key(path: &Path) -> bool {
    let regular = path
        .symlink_metadata()
        .is_ok_and(|about| about.is_file() && about.len() <= u64::from(LARGEST_KEY));
    regular
        && files::read_if_there(path).is_ok_and(|bytes| {
            bytes.is_some_and(|bytes| memmem::find(&bytes, b"PRIVATE KEY-----").is_some())
        })
}
