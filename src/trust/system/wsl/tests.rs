//! `powershell.exe` is a recording stand-in: a folder is the store of roots. That Windows really
//! behaves so was not tried.

use super::*;
use super::super::stand_in::{System, ca};
use crate::trust::Outcome;

/// A root folder in the shape of WSL, with a stand-in that understands the three scripts.
fn wsl(system: &System) {
    system.file(KERNEL, "5.15.153.1-microsoft-standard-WSL2\n");
    let stand_in = system.program(
        "powershell.exe",
        r#"
        mkdir -p "$ROOT/roots"
        for script; do :; done
        der=$(printf %s "$script" | sed -n "s/.*FromBase64String('\([^']*\)').*/\1/p")
        at=$ROOT/roots/$(printf %s "$der" | cksum | cut -d' ' -f1)
        case $script in
        *Get-ChildItem*) cat "$ROOT"/roots/* 2>/dev/null; true ;;
        *'.Add('*) [ ! -e "$ROOT/says-no" ] || exit 1; echo "$der" > "$at" ;;
        *'.Remove('*) rm -f "$at" ;;
        esac"#,
    );
    let at = system.at(POWERSHELL);
    std::fs::create_dir_all(at.parent().unwrap()).unwrap();
    std::fs::rename(stand_in, at).unwrap();
}

fn store(system: &System) -> Candidate {
    find(system.root()).expect("it is WSL")
}

fn roots(system: &System) -> usize {
    std::fs::read_dir(system.at("roots")).map_or(0, Iterator::count)
}

#[test]
fn by_a_stand_in_for_powershell_the_ca_goes_into_windows_store_and_out_again() {
    let system = System::new();
    wsl(&system);
    let ca = ca();
    let row = system.add(store(&system), &ca);
    assert_eq!(row.outcome, Outcome::Added, "{row:?}");
    assert_eq!(roots(&system), 1);
    assert!(
        system
            .calls()
            .contains("powershell.exe -NoProfile -NonInteractive -Command")
    );

    let row = system.add(store(&system), &ca);
    assert_eq!(row.outcome, Outcome::Trusted, "{row:?}");
    assert_eq!(
        system.calls(),
        "",
        "nothing is started for a CA that is there"
    );

    let row = system.remove(store(&system));
    assert_eq!(row.outcome, Outcome::Removed, "{row:?}");
    assert_eq!(roots(&system), 0);
    assert!(!system.at("home/.local/share/azup").join(MARK).exists());
}

#[test]
fn a_user_who_says_no_to_a_stand_in_for_windows_question_is_not_called_trusting() {
    let system = System::new();
    wsl(&system);
    system.file("says-no", "");
    let ca = ca();
    let row = system.add(store(&system), &ca);
    assert_eq!(row.outcome, Outcome::Failed, "{row:?}");
    assert_eq!(store_status(&system, &ca), Status::Missing);
}

fn store_status(system: &System, ca: &TrustAnchor) -> Status {
    match store(system) {
        Candidate::Store(store) => store.status(ca, &system.machine()).unwrap(),
        _ => panic!("a store"),
    }
}

#[test]
fn only_a_kernel_of_windows_with_its_own_powershell_is_wsl() {
    let system = System::new();
    assert!(find(system.root()).is_none());
    system.file(KERNEL, "6.1.0-generic\n");
    system.file(POWERSHELL, "");
    assert!(find(system.root()).is_none(), "another kernel");
    system.file(KERNEL, "5.15.153.1-microsoft-standard-WSL2\n");
    assert!(find(system.root()).is_some());
    std::fs::remove_file(system.at(POWERSHELL)).unwrap();
    assert!(find(system.root()).is_none(), "Windows' disk is not shown");
}
