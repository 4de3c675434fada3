//! Folders in the shape of other distributions, with stand-ins for their programs.

use super::*;
use super::super::stand_in::{System, ca};
use crate::trust::Outcome;

const OTHERS: &str = "# the distribution's own\n";

/// Makes the bundle of what is in the folder, as the real programs do.
fn concatenate(anchors: &str, bundle: &str) -> String {
    format!(
        "{{ echo \"# the distribution's own\"; cat \"$ROOT/{anchors}\"/* 2>/dev/null; }} > \"$ROOT/{bundle}\""
    )
}

struct Shape {
    os_release: &'static str,
    anchor: &'static str,
    bundle: &'static str,
    program: &'static str,
    added: &'static str,
    removed: &'static str,
}

/// The whole life of a CA in a store of this shape: in, in again, another beside it, out,
/// out again; and the anchor of somebody else is never touched.
fn lives_and_goes(shape: &Shape) {
    let system = System::new();
    system.file("etc/os-release", shape.os_release);
    let bundle = system.file(shape.bundle, OTHERS);
    let anchor = system.at(shape.anchor);
    let folder = Path::new(shape.anchor).parent().unwrap();
    system.program(
        shape.program,
        &concatenate(&folder.to_string_lossy(), shape.bundle),
    );
    let find = || find(system.root(), &system.machine());
    let (first, second) = (ca(), ca());

    let row = system.add(find(), &first);
    assert_eq!(row.outcome, Outcome::Added, "{row:?}");
    assert_eq!(row.path, bundle);
    assert_eq!(std::fs::read_to_string(&anchor).unwrap(), first.pem);
    assert_eq!(system.calls(), shape.added);
    let row = system.add(find(), &first);
    assert_eq!(row.outcome, Outcome::Trusted, "{row:?}");
    assert_eq!(system.calls(), "", "with nothing to do nothing is run");

    let foreign =
        anchor.with_file_name(format!("foreign.{}", anchor.extension().unwrap().display()));
    std::fs::write(&foreign, "# somebody else's\n").unwrap();
    let row = system.add(find(), &second);
    assert_eq!(row.outcome, Outcome::Added, "{row:?}");
    assert_eq!(std::fs::read_to_string(&anchor).unwrap(), second.pem);
    let bytes = std::fs::read(&bundle).unwrap();
    assert!(contains(&bytes, &first) && contains(&bytes, &second));
    system.calls();

    let row = system.remove(find());
    assert_eq!(row.outcome, Outcome::Removed, "{row:?}");
    assert_eq!(system.calls(), shape.removed);
    let left: Vec<_> = std::fs::read_dir(system.at(&folder.to_string_lossy()))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    assert_eq!(left, [foreign]);
    let after = std::fs::read_to_string(&bundle).unwrap();
    assert_eq!(after, format!("{OTHERS}# somebody else's\n"));
    let row = system.remove(find());
    assert_eq!(row.outcome, Outcome::Absent, "{row:?}");
    assert_eq!(system.calls(), "");
}

#[test]
fn a_fedora_shaped_store_with_a_stand_in_for_update_ca_trust() {
    lives_and_goes(&Shape {
        os_release: "ID=fedora\nVERSION_ID=43\n",
        anchor: "etc/pki/ca-trust/source/anchors/azup-local-ca.pem",
        bundle: "etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",
        program: "update-ca-trust",
        added: "update-ca-trust extract\n",
        removed: "update-ca-trust extract\n",
    });
}

#[test]
fn a_rocky_shaped_store_whose_bundle_is_elsewhere_with_a_stand_in_for_update_ca_trust() {
    lives_and_goes(&Shape {
        os_release: "ID=\"rocky\"\nID_LIKE=\"rhel centos fedora\"\n",
        anchor: "etc/pki/ca-trust/source/anchors/azup-local-ca.pem",
        bundle: "etc/pki/tls/certs/ca-bundle.crt",
        program: "update-ca-trust",
        added: "update-ca-trust extract\n",
        removed: "update-ca-trust extract\n",
    });
}

#[test]
fn an_arch_shaped_store_with_a_stand_in_for_update_ca_trust() {
    lives_and_goes(&Shape {
        os_release: "ID=manjaro\nID_LIKE=arch\n",
        anchor: "etc/ca-certificates/trust-source/anchors/azup-local-ca.crt",
        bundle: "etc/ca-certificates/extracted/tls-ca-bundle.pem",
        program: "update-ca-trust",
        added: "update-ca-trust \n",
        removed: "update-ca-trust \n",
    });
}

#[test]
fn an_arch_shaped_store_with_a_stand_in_for_trust_alone() {
    lives_and_goes(&Shape {
        os_release: "ID=arch\n",
        anchor: "etc/ca-certificates/trust-source/anchors/azup-local-ca.crt",
        bundle: "etc/ca-certificates/extracted/tls-ca-bundle.pem",
        program: "trust",
        added: "trust extract-compat\n",
        removed: "trust extract-compat\n",
    });
}

#[test]
fn an_opensuse_shaped_store_with_a_stand_in_for_update_ca_certificates() {
    lives_and_goes(&Shape {
        os_release: "ID=\"opensuse-leap\"\nID_LIKE=\"suse opensuse\"\n",
        anchor: "etc/pki/trust/anchors/azup-local-ca.pem",
        bundle: "var/lib/ca-certificates/ca-bundle.pem",
        program: "update-ca-certificates",
        added: "update-ca-certificates \n",
        removed: "update-ca-certificates --fresh\n",
    });
}

#[test]
fn an_alpine_shaped_store_with_a_stand_in_for_update_ca_certificates() {
    lives_and_goes(&Shape {
        os_release: "ID=alpine\n",
        anchor: "usr/local/share/ca-certificates/azup-local-ca.crt",
        bundle: "etc/ssl/certs/ca-certificates.crt",
        program: "update-ca-certificates",
        added: "update-ca-certificates \n",
        removed: "update-ca-certificates \n",
    });
}

/// Nothing in os-release that azup knows: what is there decides.
#[test]
fn an_unknown_debian_shaped_store_with_a_stand_in_for_update_ca_certificates() {
    lives_and_goes(&Shape {
        os_release: "ID=something\n",
        anchor: "usr/local/share/ca-certificates/azup-local-ca.crt",
        bundle: "etc/ssl/certs/ca-certificates.crt",
        program: "update-ca-certificates",
        added: "update-ca-certificates \n",
        removed: "update-ca-certificates --fresh\n",
    });
}

/// Somebody deleted the anchor by hand: the link to it is left, and azup knows it.
#[test]
fn a_dangling_link_in_a_debian_shaped_store_goes_with_a_stand_in_for_update_ca_certificates() {
    let system = System::new();
    system.file("etc/os-release", "ID=debian\n");
    system.file("etc/ssl/certs/ca-certificates.crt", OTHERS);
    let link = system.at("etc/ssl/certs/azup-local-ca.pem");
    std::os::unix::fs::symlink("/nowhere/azup-local-ca.crt", &link).unwrap();
    system.program(
        "update-ca-certificates",
        "[ \"$1\" != --fresh ] || rm \"$ROOT/etc/ssl/certs/azup-local-ca.pem\"",
    );
    let row = system.remove(find(system.root(), &system.machine()));
    assert_eq!(row.outcome, Outcome::Removed, "{row:?}");
    assert!(!link.is_symlink());
}

/// A program that does not do its work is not believed, and the anchor goes again.
#[test]
fn a_stand_in_that_only_says_it_succeeded_is_found_out() {
    let system = System::new();
    system.file("etc/os-release", "ID=fedora\n");
    system.file("etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem", OTHERS);
    system.program("update-ca-trust", "");
    let row = system.add(find(system.root(), &system.machine()), &ca());
    assert_eq!(row.outcome, Outcome::Failed, "{row:?}");
    let why = row.detail.unwrap();
    assert!(why.contains("reading the store again"), "{why}");
    let anchor = system.at("etc/pki/ca-trust/source/anchors/azup-local-ca.pem");
    assert!(!anchor.exists());
}

#[test]
fn a_missing_package_is_named_with_the_command_that_installs_it() {
    let table = [
        ("ID=debian\n", "sudo apt-get install ca-certificates"),
        ("ID=alpine\n", "apk add ca-certificates"),
        ("ID=fedora\n", "sudo dnf install ca-certificates"),
        ("ID=arch\n", "sudo pacman -S ca-certificates"),
        ("ID=sles\n", "sudo zypper install ca-certificates"),
    ];
    for (os_release, command) in table {
        let system = System::new();
        system.file("etc/os-release", os_release);
        let Candidate::StoreReport(row) = find(system.root(), &system.machine()) else {
            panic!("{os_release}: nothing is there");
        };
        assert_eq!(row.outcome, Outcome::Absent);
        assert_eq!(row.fix.as_deref(), Some(command));
    }
}

#[test]
fn nixos_gets_the_lines_for_its_configuration() {
    let system = System::new();
    system.file("etc/os-release", "NAME=NixOS\nID=nixos\n");
    system.file("etc/ssl/certs/ca-certificates.crt", OTHERS);
    system.program("update-ca-certificates", "");
    let Candidate::StoreReport(row) = find(system.root(), &system.machine()) else {
        panic!("a row");
    };
    assert_eq!(row.outcome, Outcome::Skipped);
    let fix = row.fix.unwrap();
    let fix = fix.replace(&*system.root().to_string_lossy(), "");
    assert_eq!(
        fix,
        "security.pki.certificateFiles = [ /home/.local/share/azup/certs/ca.pem ];"
    );
}
