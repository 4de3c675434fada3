//! The pinned Azurite in azup's own folder: complete or not there at all. A release includes it
//! ([`inside`]); a build from source gets it from npm once ([`npm`]).

mod inside;
mod npm;
mod tarball;

use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::Result;
use serde_json::Value;

use super::VERSION;
use super::node::Node;
use super::partial::{self, Partial, beside};
use crate::certificates::sha256;
use crate::failure::{Exit, Failure, command_line, shown};
use crate::files;
use crate::interrupt::Interrupt;
use crate::machine::Machine;
use crate::output::Output;
pub use inside::RECORD;
use npm::Npm;

/// The one file that it is bundled into, and the record about it.
const BUNDLE: &str = "azurite.cjs";
const CONTENTS: &str = "bundle.json";

/// Names a folder with an Azurite that was installed by azup elsewhere, or an archive of one.
const VARIABLE: &str = "AZUP_AZURITE";

/// Where the pinned Azurite is, or will be.
#[derive(Clone, Debug)]
pub struct Install {
    folder: PathBuf,
    source: Source,
}

#[derive(Clone, Debug)]
enum Source {
    /// The release itself, or npm.
    Own,
    /// The folder that the user has named: nothing is installed.
    Named,
    /// The archive that the user has named.
    Tarball(PathBuf),
}

impl Install {
    /// Its location: what `AZUP_AZURITE` says, else in azup's own folder.
    pub fn of(machine: &Machine) -> Result<Self> {
        let own = |end: &str| -> Result<PathBuf> {
            Ok(machine.own_folder()?.join(format!("azurite-{VERSION}{end}")))
        };
        let named = machine.var(VARIABLE).filter(|value| !value.is_empty());
        let named = named.map(PathBuf::from);
        if let Some(named) = named.as_deref().filter(|named| !machine.is_outside(named)) {
            let what = if named.is_absolute() { "which is in the project" } else { "a relative path" };
            let what = format!("{VARIABLE} names {}, {what}: it is not run", shown(named));
            return Err(Failure::new(what).hint(format!("unset {VARIABLE}")).exit(Exit::Refused).into());
        }
        let (folder, source) = match named {
            None => (own("")?, Source::Own),
            Some(file) if file.is_file() => {
                let mark = tarball::mark(&file)?;
                (own(&format!("-{mark}"))?, Source::Tarball(file))
            }
            Some(folder) => (folder, Source::Named),
        };
        Ok(Self { folder, source })
    }

    /// Azurite's entry point, if the pinned version is installed; `None` if nothing is.
    pub fn entry(&self) -> Result<Option<PathBuf>> {
        if !files::exists(&self.folder) {
            if let Source::Named = self.source {
                let what = format!("{VARIABLE} names {}, which does not exist", shown(&self.folder));
                return Err(Failure::new(what).hint(format!("unset {VARIABLE}")).into());
            }
            return Ok(None);
        }
        let entry = entry_in(&self.folder).map_err(|why| {
            let failure = Failure::new(format!(
                "no Azurite {VERSION} in {}: {why}",
                shown(&self.folder)
            ));
            if let Source::Named = self.source {
                return failure.hint(format!("unset {VARIABLE}"));
            }
            failure.hint(command_line(["rm".as_ref(), "-r".as_ref(), self.folder.as_os_str()]))
        })?;
        Ok(Some(entry))
    }

    /// Checks that the installed file is what azup put there, as far as possible: by its hash if it
    /// is a single file. For `azup doctor`, since it takes longer than Azurite's start should.
    pub fn check(&self) -> Result<Option<PathBuf>> {
        let Some(entry) = self.entry()? else {
            return Ok(None);
        };
        if entry == self.folder.join(BUNDLE) {
            let recorded = contents(&self.folder).map_err(Failure::new)?;
            if sha256(&files::read(&entry)?) != recorded["sha256"].as_str().unwrap_or_default() {
                let what = format!("{} is not what azup put there", shown(&entry));
                let hint = ["rm".as_ref(), "-r".as_ref(), self.folder.as_os_str()];
                return Err(Failure::new(what).hint(command_line(hint)).into());
            }
        }
        Ok(Some(entry))
    }

    /// Where Node.js caches Azurite's compiled code; versions before 22.1 cache nothing.
    pub fn compiled(&self) -> PathBuf {
        beside(&self.folder, ".compiled")
    }

    /// Where the entry point will be after an install.
    pub fn usual_entry(&self) -> PathBuf {
        self.folder.join(BUNDLE)
    }

    /// Whether an install needs npm, because neither the user nor this program supplies Azurite.
    fn is_from_npm(&self) -> bool {
        matches!(self.source, Source::Own) && inside::RECORD.is_none()
    }

    /// Fails if an install is needed but impossible: before a Node.js, which comes without npm, is
    /// downloaded for nothing.
    pub fn require_npm(&self, machine: &Machine) -> Result<()> {
        if self.is_from_npm() && self.entry()?.is_none() {
            npm::find(machine)?;
        }
        Ok(())
    }

    /// What an install does, as a dry run shows it.
    pub fn preview(&self, machine: &Machine) -> String {
        if !self.is_from_npm() {
            return format!("unpack Azurite {VERSION} into {}", shown(&self.folder));
        }
        let npm = machine.find("npm").unwrap_or_else(|| "npm".into());
        let folder = command_line(["cd".as_ref(), self.folder.as_os_str()]);
        format!("{folder} && {}", command_line(npm::command(&npm)))
    }

    /// Installs it if it is missing, and returns its entry point.
    pub fn ensure(
        &self,
        node: &Node,
        machine: &Machine,
        output: Output,
        interrupt: &Interrupt,
    ) -> Result<PathBuf> {
        if let Some(entry) = self.entry()? {
            return Ok(entry);
        }
        let npm = if self.is_from_npm() { Some(npm::find(machine)?) } else { None };
        let _lock = partial::lock(&self.folder, "Azurite", interrupt)?;
        // Another azup may have installed it in the meantime.
        if let Some(entry) = self.entry()? {
            return Ok(entry);
        }
        let started = Instant::now();
        let partial = Partial::new(&self.folder)?;
        let place = shown(&self.folder);
        let mut made = partial.folder.clone();
        if let Some(npm) = npm {
            let what = format!("installing Azurite {VERSION} into {place}, once (downloads 75 MB, keeps 9 MB)");
            output.progress(&what);
            Npm { npm: &npm, node, folder: &partial.folder }.install(machine, output, interrupt)?;
        } else {
            output.progress(&format!("unpacking Azurite {VERSION} into {place}, once"));
            match &self.source {
                Source::Tarball(archive) => made = tarball::unpack(archive, &partial.folder, machine)?,
                Source::Own | Source::Named => inside::unpack(&partial.folder)?,
            }
        }
        files::move_folder(&made, &self.folder)?;
        output.progress(&format!(
            "installed Azurite {VERSION} in {} seconds",
            started.elapsed().as_secs()
        ));
        Ok(entry_in(&self.folder).map_err(Failure::new)?)
    }
}

/// The entry point of the pinned Azurite below `folder`, or why there is none.
fn entry_in(folder: &Path) -> Result<PathBuf, String> {
    if files::exists(&folder.join(CONTENTS)) {
        let recorded = contents(folder)?;
        is_pinned(&recorded["azurite"])?;
        let bundle = folder.join(BUNDLE);
        return if bundle.is_file() { Ok(bundle) } else { Err("its program is missing".to_owned()) };
    }
    let package = folder.join("node_modules/azurite");
    let about = json(&package.join("package.json"))?;
    is_pinned(&about["version"])?;
    let entry = about["bin"]["azurite"]
        .as_str()
        .map(|path| package.join(path.trim_start_matches("./")))
        .filter(|path| path.is_file());
    entry.ok_or_else(|| "its program is missing".to_owned())
}

/// What `bundle.cjs` recorded about its result.
fn contents(folder: &Path) -> Result<Value, String> {
    json(&folder.join(CONTENTS))
}

fn json(path: &Path) -> Result<Value, String> {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let bytes = files::read(path).map_err(|error| format!("{error:#}"))?;
    serde_json::from_slice(&bytes).map_err(|error| format!("its {name} is damaged: {error}"))
}

fn is_pinned(version: &Value) -> Result<(), String> {
    match version.as_str().unwrap_or("of no version") {
        VERSION => Ok(()),
        other => Err(format!("it is Azurite {other}")),
    }
}
