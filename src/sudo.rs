//! `sudo azup`: not recommended, because azup asks for an administrator's rights only when it needs
//! them, and a second set of certificates in root's home is useless. So azup then works as the user
//! who ran sudo, in that user's home, and is root again only for the single changes that require
//! it.
//!
//! The kernel then checks every path as it does for that user: no `chown` is needed afterwards, and
//! no link in the user's folders can mislead root. Linux only; elsewhere azup keeps running as
//! root.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use anyhow::Result;

use crate::failure::Failure;
use crate::os;

/// The user who ran `sudo`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SudoUser {
    /// The name, for messages.
    pub name: String,
    /// The home folder.
    pub home: PathBuf,
    /// Root's own home folder, where root's programs belong.
    pub root_home: PathBuf,
    uid: u32,
    gid: u32,
    groups: Vec<u32>,
}

impl SudoUser {
    /// The user that `SUDO_UID` names, if this process is root; `None` if it is not, if root itself
    /// ran sudo, and for a user who is not in `/etc/passwd`.
    pub fn of(uid: Option<&OsString>) -> Option<Self> {
        if !cfg!(target_os = "linux") || os::user() != 0 {
            return None;
        }
        let uid: u32 = uid?.to_str()?.parse().ok()?;
        let read = |path: &str| std::fs::read(path).unwrap_or_default();
        Self::among(uid, &read("/etc/passwd"), &read("/etc/group"))
    }

    fn among(uid: u32, passwd: &[u8], group: &[u8]) -> Option<Self> {
        let passwd = String::from_utf8_lossy(passwd);
        let group = String::from_utf8_lossy(group);
        // name:password:uid:gid:comment:home:shell (passwd(5))
        let user = |number: u32| {
            passwd
                .lines()
                .map(|line| line.split(':').collect::<Vec<_>>())
                .find(|fields| fields.len() >= 6 && fields[2].parse() == Ok(number))
        };
        let fields = user(uid)?;
        let home = PathBuf::from(fields[5]);
        if uid == 0 || !home.is_absolute() {
            return None;
        }
        let gid = fields[3].parse().ok()?;
        // name:password:gid:member,member (group(5))
        let mut groups: Vec<u32> = group
            .lines()
            .map(|line| line.split(':').collect::<Vec<_>>())
            .filter(|line| line.len() >= 4 && line[3].split(',').any(|name| name == fields[0]))
            .filter_map(|line| line[2].parse().ok())
            .collect();
        groups.push(gid);
        Some(Self {
            name: fields[0].to_owned(),
            home,
            root_home: user(0).map_or_else(|| "/root".into(), |root| root[5].into()),
            uid,
            gid,
            groups,
        })
    }

    /// Becomes this user, in a way that [`SudoUser::as_root`] can undo. This only affects this
    /// thread and those that it starts, so it is done before there are others.
    pub fn act(&self) -> Result<()> {
        set(&self.groups, self.gid, self.uid).map_err(|error| {
            Failure::new(format!(
                "started with sudo, but cannot act as {}: {}",
                self.name,
                crate::failure::reason(&error)
            ))
            .into()
        })
    }

    /// Does `work` as root, on this thread, and becomes this user again.
    pub fn as_root<T>(&self, work: impl FnOnce() -> Result<T>) -> Result<T> {
        set(&[0], 0, 0)?;
        let done = work();
        self.act()?;
        done
    }

    /// Whether only root can change where `path` leads: only then may root write there for a user.
    /// Every folder on the way, including behind links, must be root's.
    pub fn leaves_to_root(&self, path: &Path) -> bool {
        use crate::os::MetadataExt as _;
        let roots = |path: &Path| {
            path.ancestors().skip(1).all(|folder| {
                match folder.symlink_metadata() {
                    // Write access to a folder allows replacing its entries; a link's mode means
                    // nothing.
                    Ok(about) => {
                        about.uid() == 0 && (about.is_symlink() || about.mode() & 0o002 == 0)
                    }
                    // Whatever is missing, root creates in a folder that is root's.
                    Err(error) => error.kind() == std::io::ErrorKind::NotFound,
                }
            })
        };
        let there = path.ancestors().skip(1).find(|folder| folder.exists());
        let real = there.and_then(|folder| folder.canonicalize().ok());
        path.is_absolute() && roots(path) && real.is_some_and(|real| roots(&real.join("file")))
    }
}

/// Sets the real and the effective user, so that programs are also started as this user, and keeps
/// root as the saved one. Groups come first: without root they could not be set.
#[cfg(target_os = "linux")]
fn set(groups: &[u32], gid: u32, uid: u32) -> std::io::Result<()> {
    use rustix::process::{Gid, Uid};
    use rustix::thread::{set_thread_groups, set_thread_res_gid, set_thread_res_uid};
    let root = Uid::ROOT;
    // Back to root first: only root may set groups.
    set_thread_res_uid(root, root, root)?;
    let groups: Vec<Gid> = groups.iter().map(|gid| Gid::from_raw(*gid)).collect();
    set_thread_groups(&groups)?;
    set_thread_res_gid(Gid::from_raw(gid), Gid::from_raw(gid), Gid::ROOT)?;
    set_thread_res_uid(Uid::from_raw(uid), Uid::from_raw(uid), root)?;
    Ok(())
}

#[cfg(not(target_os = "linux"))]
#[allow(clippy::unnecessary_wraps, reason = "elsewhere it may fail")]
fn set(_: &[u32], _: u32, _: u32) -> std::io::Result<()> {
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const PASSWD: &[u8] = b"root:x:0:0:root:/root:/bin/bash\n\
        broken\n\
        anna:x:1000:1001:Anna,,,:/home/anna:/bin/zsh\n\
        homeless:x:1002:1002:::/bin/sh\n";
    const GROUP: &[u8] = b"root:x:0:\ndocker:x:998:bert,anna\nannas:x:7:annas\nanna:x:1001:\n";

    #[test]
    fn a_user_is_found_by_number_with_home_and_groups() {
        let anna = SudoUser::among(1000, PASSWD, GROUP).expect("she is there");
        assert_eq!((anna.name.as_str(), anna.gid), ("anna", 1001));
        assert_eq!(anna.home, Path::new("/home/anna"));
        assert_eq!(anna.groups, [998, 1001]);
        for nobody in [0, 1001, 1002] {
            assert_eq!(SudoUser::among(nobody, PASSWD, GROUP), None);
        }
    }

    #[test]
    fn root_writes_only_where_nobody_else_can_lead_it() {
        let anna = SudoUser::among(1000, PASSWD, GROUP).expect("she is there");
        assert!(anna.leaves_to_root(Path::new("/etc/ssl/certs/x.pem")));
        assert!(anna.leaves_to_root(Path::new("/usr/local/share/ca-certificates/x.crt")));
        // Anybody may put a folder there.
        assert!(!anna.leaves_to_root(Path::new("/tmp/x.pem")));
        let folder = tempfile::tempdir().expect("a folder");
        let link = folder.path().join("etc");
        std::os::unix::fs::symlink("/etc", &link).expect("a link");
        assert!(!anna.leaves_to_root(&link.join("x.pem")));
        assert!(!anna.leaves_to_root(Path::new("etc/x.pem")));
    }
}
