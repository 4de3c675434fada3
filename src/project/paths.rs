//! Where a path of a project really leads. A link inside the project is followed to a file of the
//! same name; one that leads out is refused, since its target may be shared with others. git's own
//! folder and, through a link, azup's own folder are never accepted: links are committed, and their
//! author may have had another file in mind.

use std::path::{Component, Path, PathBuf};

use jsonc_edit::Refusal;

use crate::failure::shown;
use crate::files;

/// Why a path cannot be used: a component is not what it should be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Blocked {
    /// What is in the way, relative to the project's folder: the path itself or a folder
    /// around it.
    pub(super) at: PathBuf,
    /// The reason, about `at` as "it".
    pub(super) why: String,
}

impl Blocked {
    /// The same as a sentence about `path`.
    pub(super) fn of(self, path: &Path) -> Refusal {
        Refusal(match self.why.strip_prefix("it ") {
            Some(rest) if self.at != path => format!("{} {rest}", shown(&self.at)),
            _ => self.why,
        })
    }
}

/// The real file behind `relative`, which need not exist, for reading and writing. `project` is the
/// project's folder.
pub(super) fn real(project: &Path, relative: &Path) -> Result<PathBuf, Blocked> {
    walk(project, relative, |_| true)
}

/// The same for azup's own files, and for files to be deleted: only `.devcontainer` may be a link,
/// since a record could otherwise make any other folder azup's own.
pub(super) fn own(project: &Path, relative: &Path) -> Result<PathBuf, Blocked> {
    walk(project, relative, |at| at == Path::new(".devcontainer"))
}

/// Whether a folder of azup's own really exists, and not behind a link that is not allowed.
pub(super) fn is_own_folder(project: &Path, folder: &Path) -> bool {
    own(project, &folder.join("x")).is_ok() && project.join(folder).is_dir()
}

fn walk(
    project: &Path,
    relative: &Path,
    may_be_link: impl Fn(&Path) -> bool,
) -> Result<PathBuf, Blocked> {
    let mut at = project.to_owned();
    let mut walked = PathBuf::new();
    let mut parts = relative.components().peekable();
    while let Some(part) = parts.next() {
        at.push(part);
        walked.push(part);
        let last = parts.peek().is_none();
        let blocked = |why: &str| Blocked {
            at: walked.clone(),
            why: why.to_owned(),
        };
        let Ok(about) = at.symlink_metadata() else {
            continue;
        };
        if about.is_symlink() {
            let target = followed(project, &at).map_err(blocked)?;
            if !may_be_link(&walked) {
                return Err(blocked("it is a link, which azup does not follow here"));
            }
            if last && target.file_name() != relative.file_name() {
                return Err(blocked("it is a link to a file of another name"));
            }
            at = target;
        }
        let folder = at.is_dir();
        if last && !at.is_file() {
            return Err(blocked(if folder {
                "it is a folder"
            } else {
                "it is not a regular file"
            }));
        }
        if !last && !folder {
            return Err(blocked("it is not a folder"));
        }
    }
    // Any process that may write to the project (a container that mounts it) can replace a folder
    // with a link at any moment after this.
    let around = at.parent().unwrap_or(project);
    if !files::is_and_stays_within(around, project) {
        return Err(Blocked {
            at: relative.parent().unwrap_or(relative).to_owned(),
            why: "it is being exchanged by another program".to_owned(),
        });
    }
    Ok(at)
}

/// Where a link leads, inside the project.
fn followed(project: &Path, link: &Path) -> Result<PathBuf, &'static str> {
    let target = link
        .canonicalize()
        .map_err(|_| "it is a link that leads nowhere")?;
    let root = project
        .canonicalize()
        .unwrap_or_else(|_| project.to_owned());
    let inside = target
        .strip_prefix(&root)
        .map_err(|_| "it is a link that leads out of the project")?;
    if inside.components().any(is_gits) {
        return Err("it is a link that leads into git's own folder");
    }
    Ok(project.join(inside))
}

/// Whether a name is, or on some file systems is equivalent to, that of git's folder.
fn is_gits(part: Component<'_>) -> bool {
    is_name_of_git(&part.as_os_str().to_string_lossy())
}

/// As git itself judges names (`core.protectNTFS`): in any case, with the trailing dots and spaces
/// that Windows drops, with a stream, and by the short name.
pub(super) fn is_name_of_git(name: &str) -> bool {
    let name = name.split(':').next().unwrap_or_default();
    let name = name.trim_end_matches(['.', ' ']).to_ascii_lowercase();
    name == ".git" || name == "git~1"
}
