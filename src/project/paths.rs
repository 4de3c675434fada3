//! Where a path of a project really leads. A link inside the project is followed; one
//! that leads out is refused, since what it points to may be shared with others.

use std::path::{Component, Path, PathBuf};

use super::jsonc::Refusal;

/// The real file behind `relative`, which need not exist: to be read and written there.
/// `project` is the project's folder.
///
/// # Errors
/// Where a link leads out of the project or nowhere, or something is in the way.
pub(super) fn real(project: &Path, relative: &Path) -> Result<PathBuf, Refusal> {
    let mut at = project.to_owned();
    let parts: Vec<Component<'_>> = relative.components().collect();
    for (number, part) in parts.iter().enumerate() {
        at.push(part);
        let last = number + 1 == parts.len();
        let Ok(about) = at.symlink_metadata() else {
            continue;
        };
        if about.is_symlink() {
            at = followed(project, &at, last)?;
        }
        let folder = at.is_dir();
        if last && !at.is_file() {
            let what = if folder {
                "a folder"
            } else {
                "no regular file"
            };
            return Err(Refusal(format!("it is {what}")));
        }
        if !last && !folder {
            return Err(Refusal(format!(
                "{} is no folder",
                parts[..=number].iter().collect::<PathBuf>().display()
            )));
        }
    }
    Ok(at)
}

fn followed(project: &Path, link: &Path, itself: bool) -> Result<PathBuf, Refusal> {
    let name = if itself {
        "it".to_owned()
    } else {
        let link = link.strip_prefix(project).unwrap_or(link);
        link.display().to_string()
    };
    let target = link
        .canonicalize()
        .map_err(|_| Refusal(format!("{name} is a link that leads nowhere")))?;
    let root = project
        .canonicalize()
        .unwrap_or_else(|_| project.to_owned());
    match target.strip_prefix(&root) {
        Ok(inside) => Ok(project.join(inside)),
        Err(_) => Err(Refusal(format!(
            "{name} is a link that leads out of the project"
        ))),
    }
}
