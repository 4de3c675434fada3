//! A file keeps its attributes, although another file replaces it.

use std::path::Path;

use rustix::fs::{XattrFlags, getxattr, setxattr};

use crate::merge::project;
use crate::sandbox::public_roots;

/// An access list as the kernel stores it (`acl(5)`, `linux/posix_acl_xattr.h`): its owner writes,
/// one other user reads, and nobody else has access.
fn access_list() -> Vec<u8> {
    const NOBODY_IN_PARTICULAR: u32 = u32::MAX;
    let mut bytes = 2_u32.to_le_bytes().to_vec();
    for (tag, permissions, id) in [
        (1_u16, 6_u16, NOBODY_IN_PARTICULAR), // the owner
        (2, 4, 65_534),                       // this user
        (4, 4, NOBODY_IN_PARTICULAR),         // the group
        (16, 4, NOBODY_IN_PARTICULAR),        // at most
        (32, 0, NOBODY_IN_PARTICULAR),        // all others
    ] {
        bytes.extend(tag.to_le_bytes());
        bytes.extend(permissions.to_le_bytes());
        bytes.extend(id.to_le_bytes());
    }
    bytes
}

fn attributes() -> [(&'static str, Vec<u8>); 2] {
    [
        ("user.note", b"ask the network team".to_vec()),
        ("system.posix_acl_access", access_list()),
    ]
}

#[track_caller]
fn are_kept(path: &Path, when: &str) {
    for (name, wanted) in attributes() {
        let mut value = vec![0; 1024];
        let length = getxattr(path, name, value.as_mut_slice());
        let length = length.unwrap_or_else(|error| panic!("{when}: {name}: {error}"));
        assert_eq!(value[..length], wanted, "{when}: {name}");
    }
}

#[test]
fn access_lists_and_user_attributes_stay_with_a_file() {
    let sandbox = project(&[
        (
            ".devcontainer/devcontainer.json",
            "{\"image\": \"debian:12\"}\n",
        ),
        (".vscode/tasks.json", "{\"tasks\": []}\n"),
    ]);
    let bundle = sandbox.write("bundle.pem", public_roots());
    let own = |name: &str| sandbox.project().join(name);
    let edited = [
        own(".devcontainer/devcontainer.json"),
        own(".vscode/tasks.json"),
    ];
    for path in edited.iter().chain([&bundle]) {
        for (name, value) in attributes() {
            setxattr(path, name, &value, XattrFlags::empty()).unwrap();
        }
        are_kept(path, "before");
    }
    for verb in ["trust", "renew", "untrust"] {
        let before = std::fs::read(&bundle).unwrap();
        sandbox.azup([verb, "--bundle", "bundle.pem"]).ok();
        assert!(std::fs::read(&bundle).unwrap() != before, "{verb}");
        are_kept(&bundle, verb);
    }
    for verb in ["init", "remove"] {
        let read = || edited.each_ref().map(|path| std::fs::read(path).unwrap());
        let before = read();
        sandbox.azup([verb, "--yes"]).ok();
        assert!(read() != before, "{verb}");
        for path in &edited {
            are_kept(path, verb);
        }
    }
}
