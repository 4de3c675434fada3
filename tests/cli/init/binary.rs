//! The azup that `init` puts next to `install.sh`: whose it is, what it is called, and whether git
//! keeps it.

use std::path::Path;

use super::{committed, initialised, read, sandbox, statuses};
use crate::sandbox::{Sandbox, azup};

const FOLDER: &str = ".devcontainer/azurite";

/// The number of `AArch64` in an ELF header (`elf.h`), and where it is.
const AARCH64: (usize, u8) = (18, 183);

/// An azup for arm64, judging by its header.
fn for_arm64(sandbox: &Sandbox) -> Vec<u8> {
    let mut bytes = std::fs::read(azup()).unwrap();
    bytes[AARCH64.0] = AARCH64.1;
    std::fs::write(sandbox.root().join("azup-arm"), &bytes).unwrap();
    bytes
}

fn binaries(project: &Path) -> Vec<String> {
    let mut names: Vec<String> = project
        .join(FOLDER)
        .read_dir()
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| name.starts_with("azup-linux-"))
        .collect();
    names.sort();
    names
}

#[test]
fn a_named_binary_is_called_after_its_architecture() {
    let sandbox = sandbox();
    let bytes = for_arm64(&sandbox);
    let done = sandbox
        .azup(["init", "--json", "--linux-binary", "../azup-arm"])
        .ok();
    let name = format!("{FOLDER}/azup-linux-arm64");
    assert!(
        statuses(&done).contains(&(name.clone(), "created".into())),
        "{done}"
    );
    assert!(std::fs::read(sandbox.project().join(name)).unwrap() == bytes);
    assert_eq!(binaries(&sandbox.project()), ["azup-linux-arm64"]);
}

#[test]
fn what_is_no_azup_for_a_container_is_refused_before_anything_is_written() {
    let sandbox = sandbox();
    let notes = sandbox.write("../notes.txt", "no program");
    let object = {
        let mut bytes = std::fs::read(azup()).unwrap();
        bytes[18] = 243;
        sandbox.write("../azup-riscv", bytes)
    };
    let refused = |file: &Path| {
        let words = [Path::new("init"), Path::new("--linux-binary"), file];
        let done = sandbox.azup(words);
        assert_eq!(Sandbox::files(&sandbox.project()), []);
        sandbox.shown(&done)
    };
    insta::assert_snapshot!(refused(&notes), @"
    exit: 1
    --- stdout
    --- stderr
    error: [PROJECT]/../notes.txt is not an azup for a container: it is not a Linux program (ELF)
    hint: azup init
    ");
    insta::assert_snapshot!(refused(&object), @"
    exit: 1
    --- stdout
    --- stderr
    error: [PROJECT]/../azup-riscv is not an azup for a container: it is for a machine other than amd64 and arm64 (ELF number 243)
    hint: azup init
    ");
    // One that certainly is a program for this machine's containers, and another one.
    insta::assert_snapshot!(refused(Path::new("/bin/cat")), @"
    exit: 1
    --- stdout
    --- stderr
    error: /bin/cat is not an azup for a container: it is another program
    hint: azup init
    ");
    insta::assert_snapshot!(refused(Path::new("missing")), @"
    exit: 1
    --- stdout
    --- stderr
    error: cannot copy [PROJECT]/missing for the dev container: No such file or directory
    hint: azup init
    ");
}

#[test]
fn a_vendored_binary_is_in_every_clone_and_stays_as_it_was_committed() {
    let sandbox = initialised();
    let before = committed(&sandbox);
    let done = sandbox.azup(["init", "--vendor", "--json"]).ok();
    let changed: Vec<_> = statuses(&done)
        .into_iter()
        .filter(|(_, status)| status != "kept")
        .collect();
    assert_eq!(
        changed,
        [
            (format!("{FOLDER}/.gitignore"), "updated".to_owned()),
            (format!("{FOLDER}/edits.json"), "updated".to_owned()),
        ]
    );
    let after = committed(&sandbox);
    let added: Vec<_> = after.iter().filter(|path| !before.contains(path)).collect();
    assert_eq!(
        added,
        [&format!("{FOLDER}/{}", binaries(&sandbox.project())[0])]
    );

    // An azup other than the committed one leaves it in place, unless told otherwise.
    let committed = sandbox
        .project()
        .join(FOLDER)
        .join(&binaries(&sandbox.project())[0]);
    std::fs::write(&committed, "an older azup").unwrap();
    sandbox.azup(["init"]).ok();
    assert_eq!(
        read(&sandbox, &format!("{FOLDER}/.gitignore")),
        "!azup-linux-*\n"
    );
    assert_eq!(std::fs::read(&committed).unwrap(), b"an older azup");
    sandbox.azup(["init", "--vendor"]).ok();
    assert!(std::fs::read(&committed).unwrap() == std::fs::read(azup()).unwrap());
}

#[test]
fn a_gitignore_that_somebody_has_changed_is_not_overwritten() {
    let sandbox = initialised();
    let path = format!("{FOLDER}/.gitignore");
    sandbox.write(&path, "azup-linux-*\n*.log\n");
    let done = sandbox.azup(["init", "--vendor"]);
    assert_eq!(done.code, 4, "{done}");
    assert_eq!(read(&sandbox, &path), "azup-linux-*\n*.log\n");
}
