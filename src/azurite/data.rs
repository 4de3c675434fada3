//! Where Azurite keeps its data. Each project has its own folder below azup's, so that no project
//! sees another's data; outside projects there is one folder for the user.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Result;

use crate::certificates::sha256;
use crate::machine::Machine;
use crate::os::OsStrExt as _;
use crate::workspace::marked_project;

/// How much of a project's name goes into the name of its folder (characters).
const NAME: usize = 40;

/// The variable that names a database for blob metadata. Users set it only for Azurite.
const DATABASE: &str = "AZURITE_DB";

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Data {
    /// In this folder.
    Folder(PathBuf),
    /// In memory, gone when it stops.
    Memory,
}

impl Data {
    /// What the command line says, else the folder of this project.
    pub fn new(location: Option<&Path>, in_memory: bool, machine: &Machine) -> Result<Self> {
        Ok(match location {
            _ if in_memory => Self::Memory,
            Some(folder) => Self::Folder(machine.absolute(folder)),
            None => Self::Folder(usual(machine)?),
        })
    }

    /// As reported to others; `None` in memory.
    pub fn told(&self) -> Option<String> {
        match self {
            Self::Memory => None,
            Self::Folder(folder) => Some(folder.to_string_lossy().into_owned()),
        }
    }
}

/// The database for blob metadata, without its user name and password. With data in memory Azurite
/// would refuse to start (measured).
pub fn database(data: &Data, machine: &Machine) -> Option<String> {
    named_database(machine).filter(|_| *data != Data::Memory)
}

/// The same, whether it is used or not.
pub fn named_database(machine: &Machine) -> Option<String> {
    let value = machine.var(DATABASE)?.to_string_lossy();
    let value = value.split('?').next().unwrap_or_default();
    Some(match value.split_once("://") {
        Some((dialect, rest)) => {
            let host = rest.rsplit_once('@').map_or(rest, |(_, host)| host);
            format!("{dialect}://{host}")
        }
        None => format!("the one that {DATABASE} names"),
    })
}

/// Removes the variable from the environment of an Azurite that must not use a database.
pub fn without_database(command: &mut std::process::Command) {
    command.env_remove(DATABASE);
}

/// The data folder of the current project; outside projects, of the user.
pub fn usual(machine: &Machine) -> Result<PathBuf> {
    match marked_project(machine) {
        Some(project) => of_project(&project, machine),
        None => shared(machine),
    }
}

/// The data folder outside projects. azup 0.1.0 kept the data of all projects there.
fn shared(machine: &Machine) -> Result<PathBuf> {
    Ok(machine.own_folder()?.join("data"))
}

/// Two projects with the same name differ in their path.
fn of_project(project: &Path, machine: &Machine) -> Result<PathBuf> {
    let name = project.file_name().unwrap_or_default().to_string_lossy();
    let plain = |c: char| if c.is_ascii_alphanumeric() { c } else { '-' };
    let name: String = name.chars().take(NAME).map(plain).collect();
    let path = sha256(project.as_os_str().as_bytes());
    let folder = machine.own_folder()?.join("projects");
    Ok(folder.join(format!("{name}-{}", &path[..8])).join("data"))
}

/// The folder that may hold what azup 0.1.0 stored for this project, if the project starts with an
/// empty folder of its own.
pub fn earlier(data: &Data, machine: &Machine) -> Option<PathBuf> {
    let Data::Folder(folder) = data else {
        return None;
    };
    let (usual, shared) = (usual(machine).ok()?, shared(machine).ok()?);
    let is_new = *folder == usual && usual != shared && !folder.exists();
    let kept = fs::read_dir(&shared).is_ok_and(|mut entries| entries.next().is_some());
    (is_new && kept).then_some(shared)
}
