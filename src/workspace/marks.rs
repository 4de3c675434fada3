//! What marks a folder as a project or a repository.

use std::path::Path;

use crate::os::{self, MetadataExt as _};

/// Whether there is something that marks the folder it is in: not something that another user has
/// put into a folder that all users can write to, such as `/tmp`.
pub fn is_mark(path: &Path) -> bool {
    let Ok(about) = path.symlink_metadata() else {
        return false;
    };
    let ours = [os::user(), 0].contains(&about.uid());
    path.exists() && (ours || !path.parent().is_some_and(is_shared))
}

/// Whether every user may put anything into `folder`, such as `/tmp`: its contents do not belong to
/// a project below it.
pub fn is_shared(folder: &Path) -> bool {
    let about = folder.metadata();
    about.is_ok_and(|about| about.mode() & 0o1000 != 0)
}
