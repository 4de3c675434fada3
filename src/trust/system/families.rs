//! How each family of Linux distributions handles anchors: one table entry per family. Debian's was
//! measured; the others are from the sources of their packages, not run.

/// The specifics of a family of distributions. Paths are below the root folder.
#[derive(Debug)]
pub(super) struct Family {
    /// Words of `ID` and `ID_LIKE` in `/etc/os-release`.
    pub(super) ids: &'static [&'static str],
    pub(super) anchors: &'static str,
    /// The extension of an anchor; some programs skip files with another.
    pub(super) extension: &'static str,
    /// The program that builds the bundle, with fallbacks if it is missing.
    pub(super) update: &'static [&'static [&'static str]],
    /// Its extra arguments after an anchor was removed.
    pub(super) after_removal: &'static [&'static str],
    /// The bundle that programs using OpenSSL read, or where it was or will be.
    pub(super) bundles: &'static [&'static str],
    /// Whether `/etc/ssl/certs` has links to the anchors, which stay behind dangling.
    pub(super) links: bool,
    /// The command that installs the program.
    pub(super) install: &'static str,
}

/// In the order in which they are tried if os-release names none.
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
        // A different program under Debian's name: it reads no options and removes dangling links
        // by itself.
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
        // Since Fedora 43 only the first; /etc/pki/tls has lost its links to it.
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
        // Without --fresh it compares times, and only those of folders.
        after_removal: &["--fresh"],
        bundles: &["var/lib/ca-certificates/ca-bundle.pem"],
        links: false,
        install: "sudo zypper install ca-certificates",
    },
];
