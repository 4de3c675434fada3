//! What git tracks, read from its index without running git. Some guides have a
//! certificate's key committed, and whoever has the repository can then serve it; and what
//! came with a repository was written by its author, not by azup.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

use memchr::memmem;

use crate::files;

/// No private key is larger (bytes).
const LARGEST_KEY: u32 = 64 << 10;

/// How many files may be looked into.
const MOST: usize = 500;

/// The private keys below `project` that git tracks, relative to it. What cannot be read
/// counts as none: this is a warning, nothing depends on it.
#[must_use]
pub fn tracked_keys(project: &Path) -> Vec<PathBuf> {
    let Some(repository) = Repository::around(project) else {
        return Vec::new();
    };
    entries(&repository.index, repository.id_length)
        .unwrap_or_default()
        .into_iter()
        .filter(|(path, size)| *size <= LARGEST_KEY && is_named_like_a_key(path))
        .filter_map(|(path, _)| {
            path.strip_prefix(&repository.below)
                .ok()
                .map(Path::to_owned)
        })
        .take(MOST)
        .filter(|path| holds_a_key(&project.join(path)))
        .collect()
}

/// Those of `names` in `folder` that git tracks. A folder that is a link counts as the
/// folder that it leads to.
#[must_use]
pub fn tracked_among<'a>(folder: &Path, names: &[&'a str]) -> Vec<&'a str> {
    let Some(repository) = Repository::around(folder) else {
        return Vec::new();
    };
    let wanted: Vec<(PathBuf, &str)> = names
        .iter()
        .map(|name| (repository.below.join(name), *name))
        .collect();
    // Whole paths, but for version 4 whose paths are compressed: a large index is searched
    // before every debug session.
    let is_there = |path: &Path| memmem::find(&repository.index, path.as_os_str().as_bytes());
    let compressed = repository.index.get(7) == Some(&4);
    if !compressed && wanted.iter().all(|(path, _)| is_there(path).is_none()) {
        return Vec::new();
    }
    let tracked = entries(&repository.index, repository.id_length).unwrap_or_default();
    wanted
        .into_iter()
        .filter(|(path, _)| tracked.iter().any(|(known, _)| known == path))
        .map(|(_, name)| name)
        .collect()
}

/// A repository's index, and where in the repository one was looking.
struct Repository {
    index: Vec<u8>,
    /// How many bytes name an object.
    id_length: usize,
    /// The folder that was asked about, relative to the repository's top.
    below: PathBuf,
}

impl Repository {
    fn around(folder: &Path) -> Option<Self> {
        let folder = folder.canonicalize().ok()?;
        let root = folder
            .ancestors()
            .find(|at| files::exists(&at.join(".git")))?;
        let git = git_folder(root)?;
        let index = files::read_if_there(&git.join("index")).ok()??;
        Some(Self {
            index,
            id_length: if uses_sha256(&git) { 32 } else { 20 },
            below: folder.strip_prefix(root).ok()?.to_owned(),
        })
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

/// Path and size of every entry (gitformat-index: versions 2 and 3, and 4 with its
/// compressed paths). `None` where it is no index.
fn entries(index: &[u8], id_length: usize) -> Option<Vec<(PathBuf, u32)>> {
    let number = |at: usize| -> Option<u32> {
        Some(u32::from_be_bytes(index.get(at..at + 4)?.try_into().ok()?))
    };
    if index.get(..4)? != b"DIRC" {
        return None;
    }
    let version = number(4)?;
    if !(2..=4).contains(&version) {
        return None;
    }
    let mut found = Vec::new();
    let mut path: Vec<u8> = Vec::new();
    let mut at = 12;
    for _ in 0..number(8)? {
        let start = at;
        let size = number(at + 36)?;
        at += 40 + id_length;
        let flags = u16::from_be_bytes(index.get(at..at + 2)?.try_into().ok()?);
        at += 2;
        if version >= 3 && flags & 0x4000 != 0 {
            at += 2;
        }
        let kept = if version == 4 {
            let dropped = variable_length(index, &mut at)?;
            path.len().checked_sub(dropped)?
        } else {
            0
        };
        path.truncate(kept);
        let end = at + memchr::memchr(0, index.get(at..)?)?;
        path.extend_from_slice(&index[at..end]);
        // One to eight NUL bytes fill up an entry, but for version 4.
        at = if version == 4 {
            end + 1
        } else {
            start + ((end - start + 8) & !7)
        };
        found.push((OsStr::from_bytes(&path).into(), size));
    }
    Some(found)
}

/// The variable-length number of git's offset encoding.
fn variable_length(index: &[u8], at: &mut usize) -> Option<usize> {
    let mut value = 0_usize;
    loop {
        let byte = *index.get(*at)?;
        *at += 1;
        value = value
            .checked_mul(128)?
            .checked_add(usize::from(byte & 0x7f))?;
        if byte & 0x80 == 0 {
            return Some(value);
        }
        value = value.checked_add(1)?;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_index_however_damaged_is_a_panic() {
        let mut index = b"DIRC\0\0\0\x02\0\0\0\x01".to_vec();
        index.extend([0; 62]);
        index.extend(b"key.pem\0\0\0");
        assert_eq!(
            entries(&index, 20).unwrap_or_default(),
            [("key.pem".into(), 0)]
        );
        for end in 0..index.len() {
            let _ = entries(&index[..end], 20);
        }
        for version in 0..6 {
            index[7] = version;
            for at in 12..index.len() {
                let mut damaged = index.clone();
                damaged[at] = 0xff;
                let _ = entries(&damaged, 20);
            }
        }
    }
}
