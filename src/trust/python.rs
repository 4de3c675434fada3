//! The bundles of Python environments, found without running Python, which would take thirty times
//! as long as the rest of `azup trust` (measured).
//!
//! The project's files are followed only within the project: another person may have written a link
//! or a `pyvenv.cfg` in it, so a bundle outside that only they lead to is reported but not changed.
//!
//! `environments` knows where environments are, `packages` which of their packages have a bundle;
//! this module picks the environments for a command.

mod environments;
mod packages;
pub(crate) mod pyvenv;
mod tools;

use std::path::{Path, PathBuf};

use environments::SearchRoot;
use packages::{Bundles, Environment, Seen};

use super::bundle::Bundle;
use super::definition::{self, Definition};
use super::reinstall::Reinstall;
use super::{Candidate, Outcome, StoreReport};
use crate::failure::shown;
use crate::files::{Identity, folders_in};
use crate::git;
use crate::machine::Machine;
use crate::options::{Kind, Scope};
use crate::workspace::Workspace;

pub const KIND: Kind = Kind::CERTIFI;

pub static STORE: Definition = Definition {
    kind: KIND,
    asked_by: &[KIND],
    of_project: true,
    check: "store-certifi",
    title: "Python's bundles have the CA (requests, Azure SDK)",
    read_by_program: false,
    find: of_search,
    reopen: Some(|path| Box::new(Bundle::recorded(KIND, path))),
};

/// The bundles of the active environment and of the project's; if there is neither, of the Python
/// that PATH leads to. [`Scope::User`] adds those of `pip install --user`, [`Scope::All`] those of
/// every environment found. If the user's own environment has no bundle, a row says why.
pub fn find(machine: &Machine, scope: Scope) -> Vec<Candidate> {
    let mut search = Search {
        machine,
        seen: Seen::default(),
        found: Vec::new(),
        environments: 0,
        workspace: Workspace::of(machine),
        outside: Vec::new(),
    };
    for (variable, root) in environments::active(machine) {
        search.active(variable, &root);
    }
    let named = environments::named_for_uv(machine);
    for root in environments::of_project(machine) {
        search.near(&root, named.as_ref() == Some(&root));
    }
    for packages in environments::package_folders(machine) {
        search.packages(&packages);
    }
    if search.environments == 0
        && let Some(root) = environments::on_path(machine)
    {
        search.far(&root);
    }
    if scope != Scope::Project {
        search.places(&environments::user_site(machine));
    }
    if scope == Scope::All {
        search.places(&environments::everywhere(machine));
    }
    let is_store = |found: &Candidate| matches!(found, Candidate::Store(_));
    for (packages, row) in std::mem::take(&mut search.outside) {
        if !search.seen.has(packages) {
            search.found.push(Candidate::StoreReport(row));
        }
    }
    if search.environments == 0 && !search.found.iter().any(is_store) {
        search.none();
    }
    search.found
}

/// The folders of the active environment and of the project's, in that order.
pub fn of_project(machine: &Machine) -> Vec<PathBuf> {
    let active = environments::active(machine).into_iter();
    let active = active.map(|(_, root)| root);
    active.chain(environments::of_project(machine)).collect()
}

/// The environments in the nearest folder above the project that has any.
pub fn above_project(machine: &Machine) -> Vec<PathBuf> {
    environments::in_folders(&Workspace::of(machine).above, machine)
}

/// The folders of an environment that hold packages.
pub fn package_folders(root: &Path) -> Vec<PathBuf> {
    let versions = packages::versions(root).into_iter();
    versions
        .map(|(_, folder)| folder.join("site-packages"))
        .collect()
}

/// On removal, bundles of the distribution are left out, and so are hints for getting the CA into a
/// bundle that was left alone.
fn of_search(search: &definition::Search<'_>) -> Vec<Candidate> {
    let mut found = find(search.machine, search.scope);
    if search.removing {
        found.retain(|found| match found {
            Candidate::Store(store) => !packages::of_distribution(store.path()),
            Candidate::StoreReport(row) => row.outcome != Outcome::Skipped,
            Candidate::Searched(_) => true,
        });
    }
    found
}

struct Search<'a> {
    machine: &'a Machine,
    seen: Seen,
    found: Vec<Candidate>,
    /// How many environments of the user's own there are, whatever they contain.
    environments: usize,
    workspace: Workspace,
    /// Bundles that only the project leads to, each with its folder of packages.
    outside: Vec<(Identity, StoreReport)>,
}

impl Search<'_> {
    fn active(&mut self, variable: &str, root: &Path) {
        if root.join("lib").is_dir() {
            self.near(root, true);
            return;
        }
        self.environments += 1;
        self.found.push(Candidate::StoreReport(StoreReport::absent(
            KIND,
            root,
            format!(
                "{variable} names {}, which is not a Python environment",
                shown(root)
            ),
            Some("deactivate".to_owned()),
        )));
    }

    /// An environment that the user works with: a missing bundle gets a row.
    fn near(&mut self, root: &Path, named: bool) {
        self.environments += 1;
        let within = self.within(root, named);
        let environment = Environment {
            root,
            near: true,
            within: &within,
        };
        let mut bundles = packages::of(environment, &mut self.seen);
        if !bundles.certifi {
            self.of_base(environment, &mut bundles);
        }
        if !bundles.known && bundles.found.is_empty() && bundles.outside.is_empty() {
            bundles.found.push(Candidate::StoreReport(StoreReport::absent(
                KIND,
                root,
                format!("certifi is not installed in {}", shown(root)),
                Some(Reinstall::first(root, "certifi", root.join("bin/pip").exists())),
            )));
        }
        self.take(root, bundles);
    }

    /// Where the bundles of an environment in the project must be: in the project, or at the target
    /// of a link if the user's own variable names the environment.
    fn within(&self, root: &Path, named: bool) -> Vec<PathBuf> {
        if !self.workspace.holds(root) {
            return Vec::new();
        }
        // A link that git tracks is the repository's, even if the user activates the environment.
        let named = named && !git::tracks(root).unwrap_or(true);
        let named = named.then(|| root.canonicalize().ok()).flatten();
        self.workspace.top().into_iter().chain(named).collect()
    }

    /// For an environment that may use its base's packages and has no certifi of its own: the first
    /// certifi in Python's search order.
    fn of_base(&mut self, environment: Environment<'_>, bundles: &mut Bundles) {
        let config = pyvenv::of(environment.root);
        let (true, Some(home)) = (config.system_packages, &config.home) else {
            return;
        };
        let Some(base) = home.parent() else { return };
        let mut roots: Vec<PathBuf> = Vec::new();
        for place in environments::user_site(self.machine) {
            if let SearchRoot::Root(root) = place {
                roots.push(root);
            }
        }
        if base == Path::new("/usr") {
            roots.push("/usr/local".into());
        }
        roots.push(base.to_owned());
        let versions = packages::versions(environment.root);
        let on_path = environments::on_path(self.machine);
        for root in roots {
            // The user leads there too, not only the project's pyvenv.cfg. The distribution's own
            // belongs to no user, and is left alone as such.
            let known =
                root != base || base == Path::new("/usr") || on_path.as_deref() == Some(base);
            let here = Environment {
                root: &root,
                within: if known { &[] } else { environment.within },
                ..environment
            };
            for (name, folder) in packages::versions(&root) {
                // Debian's python3 is for every 3.x.
                if name == "python3" || versions.iter().any(|(version, _)| *version == name) {
                    for kind in ["site-packages", "dist-packages"] {
                        bundles.add(&folder.join(kind), here, &mut self.seen);
                    }
                }
            }
            if bundles.certifi {
                return;
            }
        }
    }

    fn places(&mut self, places: &[SearchRoot]) {
        for place in places {
            match place {
                SearchRoot::Root(root) => self.far(root),
                SearchRoot::Each(folder) => self.each(folder, false),
                SearchRoot::Nested(folder) => self.each(folder, true),
            }
        }
    }

    fn each(&mut self, folder: &Path, nested: bool) {
        let children = folders_in(folder);
        if children.is_empty() {
            self.looked(folder, "no environments");
        }
        for root in &children {
            self.far(root);
            let envs = root.join("envs");
            if nested && envs.is_dir() {
                self.each(&envs, false);
            }
        }
    }

    /// An environment that the user may not be working with: only its bundles count.
    fn far(&mut self, root: &Path) {
        let environment = Environment {
            root,
            near: false,
            within: &[],
        };
        let bundles = packages::of(environment, &mut self.seen);
        self.take(root, bundles);
    }

    /// A folder of packages that belongs to no environment.
    fn packages(&mut self, folder: &Path) {
        let within = self.within(folder, false);
        let environment = Environment {
            root: folder,
            near: true,
            within: &within,
        };
        let mut bundles = Bundles::default();
        bundles.add(folder, environment, &mut self.seen);
        self.take(folder, bundles);
    }

    fn take(&mut self, root: &Path, bundles: Bundles) {
        let what = match bundles.found.len() {
            0 if bundles.known => "the same as above".to_owned(),
            0 if !bundles.new => "no packages".to_owned(),
            0 => "no bundle".to_owned(),
            1 => "1 bundle".to_owned(),
            count => format!("{count} bundles"),
        };
        self.looked(root, &what);
        self.found.extend(bundles.found);
        self.outside.extend(bundles.outside);
    }

    fn looked(&mut self, path: &Path, what: &str) {
        let line = format!("looked at {}: {what}", shown(path));
        self.found.push(Candidate::Searched(line));
    }

    fn none(&mut self) {
        let here = self.machine.cwd();
        self.found.push(Candidate::StoreReport(StoreReport::absent(
            KIND,
            here,
            format!(
                "not in a virtual environment: VIRTUAL_ENV is not set, and no folder from {} up has one",
                shown(here)
            ),
            Some("python3 -m venv .venv && . .venv/bin/activate && pip install certifi".to_owned()),
        )));
    }
}
