//! Azure Storage Explorer's folder, as it is on Linux.

use std::path::PathBuf;

use crate::sandbox::{Done, Sandbox};

fn trust(sandbox: &Sandbox) -> Done {
    sandbox.azup(["trust", "--stores", "storage-explorer"])
}

fn untrust(sandbox: &Sandbox) -> Done {
    sandbox.azup(["untrust", "--stores", "storage-explorer"])
}

/// A home in which Storage Explorer was started once.
fn used(sandbox: &Sandbox, config: &str) -> PathBuf {
    let own = sandbox.home().join(config).join("StorageExplorer");
    std::fs::create_dir_all(&own).unwrap();
    std::fs::write(own.join("settings.json"), "{}").unwrap();
    own
}

#[test]
fn one_file_comes_and_goes_and_the_user_is_told_to_restart() {
    let sandbox = Sandbox::new();
    let own = used(&sandbox, ".config");
    let before = Sandbox::files(&own);
    let done = trust(&sandbox);
    insta::assert_snapshot!(sandbox.shown(&done), @r"
    exit: 0
    --- stdout
    storage-explorer  added  [HOME]/.config/StorageExplorer/certs (restart Storage Explorer, which reads it when it starts)
    azup local CA [ID] (valid until [DATE]): trusted
    --- stderr
    ");
    let once = Sandbox::files(&own);
    assert_eq!(once.len(), before.len() + 1);
    let ca = std::fs::read(sandbox.certs().join("ca.pem")).unwrap();
    assert!(once.iter().any(|(path, bytes)| {
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        name.starts_with("azup-local-ca-") && *bytes == ca
    }));

    let done = trust(&sandbox).ok();
    assert!(
        done.stdout.starts_with("storage-explorer  trusted"),
        "{done}"
    );
    assert_eq!(Sandbox::files(&own), once);

    untrust(&sandbox).ok();
    assert_eq!(Sandbox::files(&own), before);
}

#[test]
fn the_snap_has_a_folder_of_its_own() {
    let sandbox = Sandbox::new();
    used(&sandbox, ".config");
    let snap = used(&sandbox, "snap/storage-explorer/current/.config");
    trust(&sandbox).ok();
    assert_eq!(std::fs::read_dir(snap.join("certs")).unwrap().count(), 1);
    let json = sandbox.azup(["trust", "--stores", "storage-explorer", "--json"]);
    assert_eq!(json.ok().json()["stores"].as_array().unwrap().len(), 2);
}

/// A copy that the user put there, under any name, counts and is removed; a file that also holds
/// another certificate stays.
#[test]
fn a_copy_made_by_hand_counts_and_goes() {
    let sandbox = Sandbox::new();
    let certs = used(&sandbox, ".config").join("certs");
    sandbox.azup(["trust", "--stores", "none"]).ok();
    std::fs::create_dir(&certs).unwrap();
    let ca = std::fs::read(sandbox.certs().join("ca.pem")).unwrap();
    let leaf = std::fs::read(sandbox.certs().join("cert.pem")).unwrap();
    std::fs::write(certs.join("both.pem"), [leaf, ca.clone()].concat()).unwrap();
    let both = Sandbox::files(&certs);
    std::fs::write(certs.join("azurite.crt"), ca).unwrap();
    let before = Sandbox::files(&certs);
    let done = trust(&sandbox).ok();
    assert!(
        done.stdout.starts_with("storage-explorer  trusted"),
        "{done}"
    );
    assert_eq!(Sandbox::files(&certs), before);
    untrust(&sandbox).ok();
    assert_eq!(Sandbox::files(&certs), both);
}

#[test]
fn nothing_is_made_where_it_was_never_used() {
    let sandbox = Sandbox::new();
    let done = trust(&sandbox);
    insta::assert_snapshot!(sandbox.shown(&done), @r"
    exit: 1
    --- stdout
    storage-explorer  failed  [HOME]/.config/StorageExplorer
    azup local CA [ID] (valid until [DATE]): trusted nowhere
    --- stderr
    error: storage-explorer, [HOME]/.config/StorageExplorer: Azure Storage Explorer has not been used here
    ");
    assert!(!sandbox.home().join(".config").exists());
}
