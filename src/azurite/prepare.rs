//! Everything that Azurite needs before it can start, in the order in which an error costs least:
//! certificates, Node.js, the data folder, Azurite itself.

use std::ffi::{OsStr, OsString};
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Result;
use serde_json::json;

use super::accounts::{self, Account};
use super::install::Install;
use super::node::Node;
use super::{AzuriteOptions, Data, VERSION, command, data, planted};
use crate::certificates::{self, CertificateSet, SetLocation};
use crate::change;
use crate::failure::{Exit, Failure, command_line, reason, shown};
use crate::files;
use crate::identity;
use crate::interrupt::Interrupt;
use crate::machine::Machine;
use crate::options::Global;
use crate::output::{Answer, Output};

/// Everything that Azurite needs, in place and checked.
#[derive(Debug)]
pub struct Ready {
    /// The request, with the data folder created and resolved.
    pub wish: AzuriteOptions,
    pub set: CertificateSet,
    /// The accounts in addition to Azurite's own.
    pub accounts: Vec<Account>,
    pub node: Node,
    entry: PathBuf,
    /// Where Node.js caches compiled code.
    pub compiled: PathBuf,
}

impl Ready {
    /// Azurite's whole command line.
    pub fn command(&self, machine: &Machine) -> Result<Vec<OsString>> {
        let serve = command::serve_file(machine)?;
        let node = &self.node.program;
        Ok(command::command(node, &serve, &self.entry, &self.wish, &self.set))
    }
}

/// Creates the certificates, the data folder and the install if they are missing, and checks them
/// otherwise.
pub fn prepare(
    mut wish: AzuriteOptions,
    global: &Global,
    machine: &Machine,
    output: Output,
    interrupt: &Interrupt,
) -> Result<Ready> {
    let place = SetLocation::find(machine, global)?;
    let mut obtained = certificates::obtain(machine, &place, &wish.sans)?;
    if !obtained.changes.is_empty() {
        let _lock = change::exclusively(machine)?;
        // Another azup may have made them in the meantime.
        obtained = certificates::obtain(machine, &place, &wish.sans)?;
        change::apply(&obtained.changes, machine)?;
        output.progress(&format!(
            "made certificates in {}",
            shown(&obtained.set.folder)
        ));
    }
    obtained.set.readable_key()?;
    change::require_private(&obtained.set.key_file())?;
    output.detail(&format!("certificates: {}", shown(&obtained.set.folder)));
    let install = Install::of(machine)?;
    install.require_npm(machine)?;
    let node = Node::ensure(wish.download, machine, output, interrupt)?;
    output.detail(&format!(
        "Node.js {}: {}",
        node.version,
        shown(&node.program)
    ));
    if let Some(earlier) = data::earlier(&wish.data, machine) {
        let command = [OsStr::new("azup"), "up".as_ref(), "--location".as_ref(), earlier.as_ref()];
        output.progress(&format!(
            "each project now has its own data, and this one starts empty; to use the data that \
             all projects shared before: {}",
            command_line(command)
        ));
    }
    if let Data::Folder(folder) = &wish.data {
        planted::refuse_link(folder, machine)?;
        let folder = writable(folder)?;
        planted::refuse(&folder, machine)?;
        wish.data = Data::Folder(folder);
    }
    let entry = install.ensure(&node, machine, output, interrupt)?;
    output.detail(&format!("Azurite {VERSION}: {}", shown(&entry)));
    let accounts = accounts::ensure(&wish.accounts, machine)?;
    if machine.var("AZURITE_ACCOUNTS").is_some() {
        output.warning(
            "AZURITE_ACCOUNTS is ignored: azup runs Azurite with its own account",
        );
    }
    if wish.data == Data::Memory && data::named_database(machine).is_some() {
        output.warning("AZURITE_DB is ignored: the data is in memory");
    }
    Ok(Ready {
        wish,
        set: obtained.set,
        accounts,
        node,
        entry,
        compiled: install.compiled(),
    })
}

/// Says what `azup up` would do, without doing any of it.
pub fn preview(wish: &AzuriteOptions, global: &Global, machine: &Machine) -> Result<Answer> {
    let place = SetLocation::find(machine, global)?;
    let obtained = certificates::obtain(machine, &place, &wish.sans)?;
    let (node, download) = Node::preview(wish.download, machine)?;
    let install = Install::of(machine)?;
    let installed = install.entry()?;
    let mut all = obtained.changes;
    if wish.identity.is_some() {
        // A problem here does not stop Azurite from starting.
        all.extend(identity::header(machine).map_or_else(|_| Vec::new(), |(_, changes)| changes));
    }
    let mut changes: Vec<String> = all
        .iter()
        .map(|change| change.preview(machine).trim_end().to_owned())
        .filter(|preview| !preview.is_empty())
        .collect();
    if let Data::Folder(folder) = &wish.data
        && !folder.is_dir()
    {
        changes.push(format!("new folder {}", shown(folder)));
    }
    changes.extend(download);
    let mut commands = Vec::new();
    if installed.is_none() {
        commands.push(install.preview(machine));
    }
    let entry = installed.unwrap_or_else(|| install.usual_entry());
    commands.push(command_line(command::command(
        &node,
        &command::serve_file(machine)?,
        &entry,
        wish,
        &obtained.set,
    )));
    let shown = commands.iter().map(|command| format!("$ {command}"));
    let lines: Vec<String> = changes.iter().cloned().chain(shown).collect();
    Ok(Answer {
        brief: None,
        text: format!("{}\n", lines.join("\n")),
        document: json!({ "dry_run": true, "changes": changes, "commands": commands }),
        exit: Exit::Done,
    })
}

/// Creates the data folder if it is missing, and makes sure that Azurite can write there, which
/// Azurite itself would only find out after it has answered. Returns its real path.
fn writable(folder: &Path) -> Result<PathBuf> {
    let hint = "azup up --location ~/azurite-data";
    files::make_folder(folder, 0o700).map_err(|error| {
        Failure::new(format!(
            "cannot write Azurite's data in {}: {error:#}",
            shown(folder)
        ))
        .hint(hint)
    })?;
    let failed = |error: std::io::Error| {
        Failure::new(format!(
            "cannot write Azurite's data in {}: {}",
            shown(folder),
            reason(&error)
        ))
        .hint(hint)
    };
    let folder = fs::canonicalize(folder).map_err(failed)?;
    files::try_to_write(&folder).map_err(failed)?;
    Ok(folder)
}
