//! Which of an environment's packages have a bundle: certifi, pip's copy of it, and grpc; in conda
//! environments also OpenSSL.

use std::collections::HashSet;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use crate::failure::shown;
use crate::files::{self, Identity};
use crate::trust::bundle::{Bundle, CERTIFI, OF_PIP, WritePolicy};
use crate::trust::reinstall::{Installer, Reinstall};
use crate::trust::{Candidate, OUTSIDE, StoreReport, by_name};

/// The other bundles in a folder of packages, each with its package.
const OTHERS: [(&str, &str); 2] = [
    ("pip/_vendor/certifi/cacert.pem", "pip"),
    ("grpc/_cython/_credentials/roots.pem", "grpcio"),
];

/// The file from which OpenSSL reads its CAs in a conda environment.
const CONDA: &str = if cfg!(windows) { "Library/ssl/cacert.pem" } else { "ssl/cacert.pem" };

/// Folders whose packages belong to the distribution, regardless of permissions. Azure CLI keeps
/// its own Python in one of them.
const DISTRIBUTION: [&str; 2] = ["/usr/lib", "/usr/lib64"];
const AZURE_CLI: &str = "/usr/lib64/az";

/// One environment's bundles.
#[derive(Default)]
pub(super) struct Bundles {
    /// The bundles, and rows for those that cannot be used.
    pub(super) found: Vec<Candidate>,
    /// Whether certifi is installed.
    pub(super) certifi: bool,
    /// Whether it has packages that were not seen before.
    pub(super) new: bool,
    /// Whether it has packages that were.
    pub(super) known: bool,
    /// Bundles that are only reported: the project leads outside itself to them. Each with its
    /// folder of packages, which may still be found by another way.
    pub(super) outside: Vec<(Identity, StoreReport)>,
}

/// Folders of packages already seen, by device and inode: `lib64` is a link to `lib`, and one
/// environment may be reached in several ways. Never by the inode of a bundle: uv lets many
/// environments share one, and each needs its own copy changed.
#[derive(Default)]
pub(super) struct Seen(HashSet<Identity>);

impl Seen {
    /// Whether this folder of packages was seen.
    pub(super) fn has(&self, packages: Identity) -> bool {
        self.0.contains(&packages)
    }
}

/// An environment to look at.
#[derive(Clone, Copy)]
pub(super) struct Environment<'a> {
    pub(super) root: &'a Path,
    /// Whether the user works with it, so that failing to write a bundle is an error; otherwise
    /// such a bundle is left alone.
    pub(super) near: bool,
    /// The folders that must really contain its bundles, if the project's files say where it is;
    /// empty: anywhere.
    pub(super) within: &'a [PathBuf],
}

impl Environment<'_> {
    /// Whether a folder is outside the allowed ones.
    fn leads_out(&self, folder: &Path) -> bool {
        let inside = |real: &Path| self.within.iter().any(|within| real.starts_with(within));
        !self.within.is_empty() && folder.canonicalize().is_ok_and(|real| !inside(&real))
    }
}

/// `pythonX.Y` and the like below `root`, each with its folder: the parents of folders of
/// packages.
pub(super) fn versions(root: &Path) -> Vec<(OsString, PathBuf)> {
    let mut found = Vec::new();
    if cfg!(windows) {
        // `Lib\site-packages` of an environment, and `site-packages` of a user installation.
        let folders = [root.join("Lib"), root.to_owned()].into_iter();
        let folders = folders.filter(|folder| folder.join("site-packages").is_dir());
        return folders.map(|folder| ("python".into(), folder)).collect();
    }
    for lib in ["lib", "lib64"] {
        let lib = root.join(lib);
        // Nearly always a link to lib; only Fedora's own Python has both.
        if lib.ends_with("lib64") && lib.is_symlink() {
            continue;
        }
        for entry in std::fs::read_dir(lib).into_iter().flatten().flatten() {
            let name = entry.file_name();
            let text = name.to_string_lossy();
            if text.starts_with("python") || text.starts_with("pypy") {
                found.push((name, entry.path()));
            }
        }
    }
    found.sort();
    found
}

/// The bundles of one environment.
pub(super) fn of(environment: Environment<'_>, seen: &mut Seen) -> Bundles {
    let mut bundles = Bundles::default();
    for (_, version) in versions(environment.root) {
        for kind in ["site-packages", "dist-packages"] {
            bundles.add(&version.join(kind), environment, seen);
        }
    }
    let root = environment.root;
    let openssl = root.join(CONDA);
    if bundles.new
        && !openssl.parent().is_some_and(|folder| environment.leads_out(folder))
        && exists(&openssl)
        && root.join("conda-meta").is_dir()
    {
        let reinstall = Reinstall {
            root: root.into(),
            package: "ca-certificates",
            by: Installer::Conda,
        };
        bundles.found.push(store(openssl, reinstall, environment));
    }
    bundles
}

impl Bundles {
    /// Adds the bundles of one folder of packages.
    pub(super) fn add(&mut self, packages: &Path, environment: Environment<'_>, seen: &mut Seen) {
        let Some(about) = files::identity(packages) else {
            return;
        };
        if environment.leads_out(packages) {
            let others = OTHERS.map(|(path, _)| path);
            for path in std::iter::once(CERTIFI).chain(others) {
                let path = packages.join(path);
                if exists(&path) {
                    self.certifi |= path.ends_with(CERTIFI) && !path.ends_with(OTHERS[0].0);
                    self.outside.push((about, outside(&path)));
                }
            }
            return;
        }
        if !seen.0.insert(about) {
            self.known = true;
            self.certifi |= exists(&packages.join(CERTIFI));
            return;
        }
        self.new = true;
        let pip = exists(&packages.join(OTHERS[0].0));
        let root: Rc<Path> = environment.root.into();
        let reinstall = |package| Reinstall {
            root: Rc::clone(&root),
            package,
            by: if pip { Installer::Pip } else { Installer::Uv },
        };
        let certifi = packages.join(CERTIFI);
        if exists(&certifi) {
            self.certifi = true;
            self.push(packages, certifi, reinstall("certifi"), environment);
        } else if packages.join("certifi/core.py").is_file() {
            self.certifi = true;
            self.found.push(Candidate::StoreReport(StoreReport::failed(
                super::KIND,
                &certifi,
                format!(
                    "{} is missing, although certifi is installed",
                    shown(&certifi)
                ),
                Some(reinstall("certifi").command()),
            )));
        }
        for (path, package) in OTHERS {
            let path = packages.join(path);
            if exists(&path) {
                self.push(packages, path, reinstall(package), environment);
            }
        }
    }

    fn push(&mut self, packages: &Path, path: PathBuf, reinstall: Reinstall, environment: Environment<'_>) {
        let folder = path.parent().unwrap_or(packages);
        // The file itself may be a link: it is replaced, not followed.
        if !environment.leads_out(folder) {
            self.found.push(store(path, reinstall, environment));
            return;
        }
        let depth = folder
            .strip_prefix(packages)
            .map_or(0, |below| below.components().count());
        let real = folder.canonicalize().unwrap_or_default();
        if let Some(packages) = real.ancestors().nth(depth).and_then(files::identity) {
            self.outside.push((packages, outside(&path)));
        }
    }
}

/// Whether a bundle is one of the distribution's packages.
pub(super) fn of_distribution(bundle: &Path) -> bool {
    DISTRIBUTION.iter().any(|lib| bundle.starts_with(lib)) && !bundle.starts_with(AZURE_CLI)
}

fn store(path: PathBuf, reinstall: Reinstall, environment: Environment<'_>) -> Candidate {
    let care = if of_distribution(&path) {
        WritePolicy::Never
    } else if environment.near {
        WritePolicy::Required
    } else {
        WritePolicy::IfWritable
    };
    Candidate::Store(Box::new(Bundle::certifi(path, reinstall, care)))
}

/// A bundle that stays as it is: the project's author may have meant another user's.
fn outside(path: &Path) -> StoreReport {
    let mut row = StoreReport::skipped(super::KIND, path, OUTSIDE.to_owned());
    // pip requests nothing from Azurite, so its own copy deserves no warning.
    row.fix = (!path.ends_with(OF_PIP)).then(|| by_name(path));
    row
}

/// Whether there is a file or a link, even a dangling one.
fn exists(path: &Path) -> bool {
    path.symlink_metadata().is_ok()
}
