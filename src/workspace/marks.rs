//! What says that a folder is a project, or a repository.

use std::path::Path;

use crate::os::{self, MetadataExt as _};

/// Whether something is there that says something about the folder it lies in: not what
/// another user has put into one that everybody can write to, such as `/tmp`.
pub fn is_mark(path: &Path) -> bool {
    let Ok(about) = path.symlink_metadata() else {
        return false;
    };
    let ours = [os::user(), 0].contains(&about.uid());
    path.exists() && (ours || !path.parent().is_some_and(is_shared))
}

/// Whether everybody may put anything into `folder`, as into `/tmp`: what is there is not
/// the project's because it lies above.
pub fn is_shared(folder: &Path) -> bool {
    let about = folder.metadata();
    about.is_ok_and(|about| about.mode() & 0o1000 != 0)
}
