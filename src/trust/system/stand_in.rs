//! Folders in the shape of another system, and programs that stand in for that system's:
//! they record their words, one line per call, and do what a test says.

use std::path::{Path, PathBuf};

use time::OffsetDateTime;

use super::Candidate;
use super::super::{Operation, Plan, RemovalFilter, StoreReport};
use crate::certificates::{TrustAnchor, issue};
use crate::machine::Machine;

/// A root folder with a home, and a PATH of stand-ins in front of the real programs.
pub(super) struct System {
    root: tempfile::TempDir,
}

impl System {
    /// With a `sudo` that lets everything pass, for whoever is not root.
    pub(super) fn new() -> Self {
        let this = Self {
            root: tempfile::tempdir().expect("a folder"),
        };
        for folder in ["bin", "home", "etc"] {
            std::fs::create_dir(this.at(folder)).expect("a folder");
        }
        this.program("sudo", "shift; exec \"$@\"");
        std::fs::write(this.log(), "").expect("emptied");
        this
    }

    pub(super) fn root(&self) -> &Path {
        self.root.path()
    }

    pub(super) fn at(&self, path: &str) -> PathBuf {
        self.root.path().join(path)
    }

    /// A file with its parents.
    pub(super) fn file(&self, path: &str, text: &str) -> PathBuf {
        let path = self.at(path);
        std::fs::create_dir_all(path.parent().expect("a parent")).expect("made");
        std::fs::write(&path, text).expect("written");
        path
    }

    /// A stand-in: a shell program that records its words and then runs `body`, in which
    /// `$ROOT` is the root folder.
    pub(super) fn program(&self, name: &str, body: &str) -> PathBuf {
        let text = format!(
            "#!/bin/sh\nROOT='{root}'\n[ {name} = sudo ] || echo \"{name} $*\" >> '{log}'\n{body}\n",
            root = self.root().display(),
            log = self.log().display(),
        );
        let draft = self.file(&format!("drafts/{name}"), &text);
        let path = self.file(&format!("bin/{name}"), "");
        // A child writes it: if this process held it open, another test's fork would too
        // for a moment, and the kernel would not run it ("Text file busy").
        let done = std::process::Command::new("/usr/bin/install")
            .args(["-m", "0755"])
            .args([&draft, &path])
            .status();
        assert!(done.expect("install runs").success());
        path
    }

    fn log(&self) -> PathBuf {
        self.at("calls")
    }

    /// The calls since the last time, without this folder's name.
    pub(super) fn calls(&self) -> String {
        let calls = std::fs::read_to_string(self.log()).expect("recorded");
        std::fs::write(self.log(), "").expect("emptied");
        calls.replace(&*self.root().to_string_lossy(), "")
    }

    /// A machine with this home and PATH.
    pub(super) fn machine(&self) -> Machine {
        let path = format!("{}:/usr/bin:/bin", self.at("bin").display());
        Machine::for_test(&self.at("home"), &[("PATH", path.as_ref())])
    }

    /// The only row after the CA was added.
    pub(super) fn add(&self, found: Candidate, ca: &TrustAnchor) -> StoreReport {
        self.apply(found, &Operation::Add(ca))
    }

    /// The only row after what azup made was taken out.
    pub(super) fn remove(&self, found: Candidate) -> StoreReport {
        let removal = RemovalFilter {
            ca: None,
            ours: true,
            ..RemovalFilter::default()
        };
        self.apply(found, &Operation::Remove(&removal))
    }

    fn apply(&self, found: Candidate, goal: &Operation<'_>) -> StoreReport {
        let machine = self.machine();
        let rows = Plan::new(vec![found], goal, &machine).apply(goal, &machine);
        rows.expect("a record").into_iter().next().expect("one row")
    }
}

/// A CA of azup's, new each time.
pub(super) fn ca() -> TrustAnchor {
    let now = OffsetDateTime::now_utc();
    let issued = issue(&[], now).expect("issued");
    TrustAnchor::from_pem(issued.ca.as_bytes(), Path::new("ca.pem"), now).expect("a CA")
}
