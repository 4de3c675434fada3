//! What a file has besides its bytes, mode and owner: the access list of a bundle that a company
//! shares, a security label, a note. A file that replaces another must have the same, or some users
//! can no longer read it.

use std::fs::{File, Permissions};
use std::io;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, fchown};

use rustix::fs::{Stat, XattrFlags, fgetxattr, flistxattr, fsetxattr};

/// The kernel returns neither longer lists nor longer values (bytes).
const LONGEST: usize = 64 << 10;

/// Gives `new` the attributes of `old`, as far as this user may and the file system can.
pub(super) fn keep(old: &File, new: &File) {
    let mut names = vec![0; LONGEST];
    let Ok(length) = flistxattr(old, names.as_mut_slice()) else {
        return;
    };
    let mut value = vec![0; if length > 0 { LONGEST } else { 0 }];
    for name in names[..length].split(|byte| *byte == 0) {
        if !is_of_the_file(name) {
            continue;
        }
        if let Ok(length) = fgetxattr(old, name, value.as_mut_slice()) {
            let _ = fsetxattr(new, name, &value[..length], XattrFlags::empty());
        }
    }
}

/// False for what the system itself derives from the bytes, such as a signature, which differs for
/// other bytes.
fn is_of_the_file(name: &[u8]) -> bool {
    !name.is_empty()
        && !name.starts_with(b"trusted.")
        && (!name.starts_with(b"security.") || name == b"security.selinux")
}

/// Under sudo, the file stays its user's. Otherwise, the group may be another one that the user is
/// a member of; if setting it is refused, the user's own group must do.
pub(super) fn keep_owner(file: &File, existing: &Stat) {
    let Ok(now) = file.metadata() else { return };
    let (user, group) = (existing.st_uid, existing.st_gid);
    if (now.uid(), now.gid()) != (user, group) && fchown(file, Some(user), Some(group)).is_err() {
        let _ = fchown(file, None, Some(group));
    }
}

/// Gives the file these permission bits.
pub(super) fn set_mode(file: &File, mode: u32) -> io::Result<()> {
    if file.metadata()?.mode() & 0o7777 == mode {
        return Ok(());
    }
    file.set_permissions(Permissions::from_mode(mode))
}
