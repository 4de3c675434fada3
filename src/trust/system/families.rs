//! How each family of Linux distributions takes in anchors: one line of a table. Debian's
//! was measured; the others' are from the sources of their packages, not run.

/// What a family of distributions does in its own way. Paths are below the root folder.
#[derive(Debug)]
pub(super) struct Family {
    /// Words of `ID` and `ID_LIKE` in `/etc/os-release`.
    pub(super) ids: &'static [&'static str],
    /// Where administrators put anchors.
    pub(super) anchors: &'static str,
    /// What an anchor's name ends in; with another the programs pass some over.
    pub(super) extension: &'static str,
    /// The program that makes the bundle, or another that does where that is missing.
    pub(super) update: &'static [&'static [&'static str]],
    /// What it needs to be told when an anchor is gone.
    pub(super) after_removal: &'static [&'static str],
    /// The bundle that OpenSSL's users read, or where it was or will be.
    pub(super) bundles: &'static [&'static str],
    /// Whether links to the anchors are in `/etc/ssl/certs`, and stay behind dangling.
    pub(super) links: bool,
    /// The command that installs the program.
    pub(super) install: &'static str,
}

/// In the order in which they are looked for where os-release names none.
pub(super) const FAMILIES: [Family; 5] = [
    Family {
        ids: &["debian", "ubuntu"],
        anchors: "usr/local/share/ca-certificates",
        extension: "crt",
        update: &[&["update-ca-certificates"]],
        // Without --fresh the links in /etc/ssl/certs stay behind, dangling (measured).
        after_removal: &["--fresh"],
        bundles: &["etc/ssl/certs/ca-certificates.crt"],
        links: true,
        install: "sudo apt-get install ca-certificates",
    },
    Family {
        // A program of its own under Debian's name: it reads no options and removes
        // dangling links by itself.
        ids: &["alpine"],
        anchors: "usr/local/share/ca-certificates",
        extension: "crt",
        update: &[&["update-ca-certificates"]],
        after_removal: &[],
        bundles: &["etc/ssl/certs/ca-certificates.crt"],
        links: true,
        install: "apk add ca-certificates",
    },
    Family {
        ids: &["fedora", "rhel", "centos"],
        anchors: "etc/pki/ca-trust/source/anchors",
        extension: "pem",
        update: &[&["update-ca-trust", "extract"]],
        after_removal: &[],
        // Since Fedora 43 the first alone; /etc/pki/tls has lost its links to it.
        bundles: &[
            "etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",
            "etc/pki/ca-trust/extracted/pem/directory-hash/ca-bundle.crt",
            "etc/pki/tls/certs/ca-bundle.crt",
        ],
        links: false,
        install: "sudo dnf install ca-certificates",
    },
    Family {
        ids: &["arch"],
        anchors: "etc/ca-certificates/trust-source/anchors",
        extension: "crt",
        update: &[&["update-ca-trust"], &["trust", "extract-compat"]],
        after_removal: &[],
        bundles: &["etc/ca-certificates/extracted/tls-ca-bundle.pem"],
        links: false,
        install: "sudo pacman -S ca-certificates",
    },
    Family {
        ids: &["suse", "opensuse", "sles"],
        anchors: "etc/pki/trust/anchors",
        extension: "pem",
        update: &[&["update-ca-certificates"]],
        // Without --fresh it compares times, and those of folders alone.
        after_removal: &["--fresh"],
        bundles: &["var/lib/ca-certificates/ca-bundle.pem"],
        links: false,
        install: "sudo zypper install ca-certificates",
    },
];
