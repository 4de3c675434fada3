//! What git tracks, read from its index without running git, which would do what a
//! repository's own configuration says. Private keys, since some guides have a certificate's
//! key committed, and who has the repository can then serve it. And anything else of which it
//! matters whether the user made it or the repository brought it.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

use memchr::memmem;

use crate::failure::shown;
use crate::files;

/// No private key is larger (bytes).
const LARGEST_KEY: u32 = 64 << 10;

/// How many files may be looked into.
const MOST: usize = 500;

/// The private keys below `project` that git tracks, relative to it. What cannot be read
/// counts as none: this is a warning, nothing depends on it.
pub fn tracked_keys(project: &Path) -> Vec<PathBuf> {
    let Some(repository) = Repository::around(project) else {
        return Vec::new();
    };
    index(&repository.git)
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
pub fn tracked_among<'a>(folder: &Path, names: &[&'a str]) -> Result<Vec<&'a str>, String> {
    let Some(repository) = Repository::around(folder) else {
        return Ok(Vec::new());
    };
    let wanted: Vec<(PathBuf, &str)> = names
        .iter()
        .map(|name| (repository.below.join(name), *name))
        .collect();
    // A large index is searched before every debug session: it is only parsed where the paths
    // may be in it, or are not spelt out (version 4, and a split index's other file).
    let bytes = files::read_if_there(&repository.git.join("index"));
    let bytes = bytes
        .map_err(|error| format!("{error:#}"))?
        .unwrap_or_default();
    let has = |text: &[u8]| memmem::find(&bytes, text).is_some();
    let spelt_out = bytes.get(7) != Some(&4) && !has(b"link");
    if spelt_out
        && wanted
            .iter()
            .all(|(path, _)| !has(path.as_os_str().as_bytes()))
    {
        return Ok(Vec::new());
    }
    let tracked = index(&repository.git)?;
    let is_tracked = |path: &Path| tracked.iter().any(|(known, _)| known == path);
    Ok(wanted
        .into_iter()
        .filter(|(path, _)| is_tracked(path))
        .map(|(_, name)| name)
        .collect())
}

/// A repository, and where in it one was looking.
struct Repository {
    git: PathBuf,
    /// The folder that was asked about, relative to the repository's top.
    below: PathBuf,
}

impl Repository {
    fn around(folder: &Path) -> Option<Self> {
        let folder = folder.canonicalize().ok()?;
        let root = folder
            .ancestors()
            .find(|at| files::exists(&at.join(".git")))?;
        Some(Self {
            git: git_folder(root)?,
            below: folder.strip_prefix(root).ok()?.to_owned(),
        })
    }
}

/// Whether git tracks `path`, something below it, or a link on the way to it, in any
/// repository around it.
pub fn tracks(path: &Path) -> Result<bool, String> {
    let mut paths = vec![path.to_owned()];
    // The folder by its real name, and all of it; the link itself may be what is tracked.
    let parent = path.parent().and_then(|folder| folder.canonicalize().ok());
    paths.extend(parent.and_then(|folder| Some(folder.join(path.file_name()?))));
    paths.extend(path.canonicalize());
    paths.dedup();
    for path in paths {
        for root in path.ancestors() {
            if !files::exists(&root.join(".git")) {
                continue;
            }
            let Some(folder) = git_folder(root) else {
                continue;
            };
            let below = path.strip_prefix(root).unwrap_or(Path::new(""));
            let met =
                |(entry, _): &(PathBuf, u32)| entry.starts_with(below) || below.starts_with(entry);
            if index(&folder)?.iter().any(met) {
                return Ok(true);
            }
        }
    }
    Ok(false)
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

/// Path and size of all that is tracked; nothing where nothing was ever added.
fn index(folder: &Path) -> Result<Vec<(PathBuf, u32)>, String> {
    let id_length = if uses_sha256(folder) { 32 } else { 20 };
    let read =
        |name: &str| files::read_if_there(&folder.join(name)).map_err(|error| format!("{error:#}"));
    let Some(bytes) = read("index")? else {
        return Ok(Vec::new());
    };
    let damaged = || format!("{} is not an index of git's", shown(&folder.join("index")));
    let (mut found, rest) = entries(&bytes, id_length).ok_or_else(damaged)?;
    // A split index says only what has changed since the other file was written. Entries that
    // were deleted since then count as tracked.
    if let Some(id) = base(&bytes[rest..], id_length) {
        let other = format!("sharedindex.{}", files::hex(id));
        if let Some(bytes) = read(&other)? {
            found.extend(entries(&bytes, id_length).ok_or_else(damaged)?.0);
        }
    }
    Ok(found)
}

/// The name of the file to which a split index belongs, in the extensions behind its entries.
fn base(mut extensions: &[u8], id_length: usize) -> Option<&[u8]> {
    loop {
        let length = u32::from_be_bytes(extensions.get(4..8)?.try_into().ok()?);
        let (head, rest) = extensions.split_at(8);
        let length = usize::try_from(length).ok()?;
        if &head[..4] == b"link" {
            let id = rest.get(..id_length.min(length))?;
            return (id.len() == id_length && id.iter().any(|byte| *byte != 0)).then_some(id);
        }
        extensions = rest.get(length..)?;
    }
}

/// Path and size of every entry, and where they end (gitformat-index: versions 2 and 3, and 4 with its
/// compressed paths). `None` where it is no index.
fn entries(index: &[u8], id_length: usize) -> Option<(Vec<(PathBuf, u32)>, usize)> {
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
        // Without a path, it takes the place of one in the file of a split index.
        if !path.is_empty() {
            found.push((OsStr::from_bytes(&path).into(), size));
        }
    }
    // What was cut off within the last entry's padding.
    Some((found, at.min(index.len())))
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
        let found = entries(&index, 20).expect("an index").0;
        assert_eq!(found, [("key.pem".into(), 0)]);
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
