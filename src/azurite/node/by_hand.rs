//! The one command that installs a Node.js on this machine, for users for whom azup cannot or may
//! not download one: with the tool that azup itself came with, else with a version manager, else
//! with the system's package manager.

use std::ffi::OsString;
use std::path::Path;
use std::time::Duration;

use super::{OLDEST, places};
use crate::failure::{command_line, quoted};
use crate::machine::Machine;

/// How long apt may take to query its lists.
const LIMIT: Duration = Duration::from_secs(10);

/// Programs that install one, and how, in order of preference.
const MANAGERS: [(&str, &str); 3] = [
    ("mise", "mise use --global node@22"),
    ("fnm", "fnm install 22"),
    ("volta", "volta install node@22"),
];

const SYSTEMS: [(&str, &str); 5] = [
    ("brew", "brew install node"),
    ("winget", "winget install OpenJS.NodeJS.LTS"),
    ("apk", "apk add nodejs"),
    ("dnf", "dnf install nodejs"),
    ("pacman", "pacman -S nodejs"),
];

/// Those of them that work without root.
const OF_USER: [&str; 2] = ["brew", "winget"];

/// For a system on which no such program is known.
const ELSEWHERE: &str = "install Node.js from https://nodejs.org/en/download";

pub(super) fn command(machine: &Machine) -> String {
    python(machine)
        .or_else(|| manager(machine))
        .or_else(|| system(machine))
        .unwrap_or_else(|| ELSEWHERE.to_owned())
}

/// If azup is in a Python environment: the extra of its own package.
fn python(machine: &Machine) -> Option<String> {
    let own = places::environment(machine)?;
    let package = quoted("azurite-up[node]");
    let has = |name: &str| own.join(name).is_file();
    if has("uv-receipt.toml") {
        return Some(format!("uv tool install {package}"));
    }
    if has("pipx_metadata.json") {
        return Some(format!("pipx install --force {package}"));
    }
    if !has("pyvenv.cfg") {
        return None;
    }
    let python = own.join(if cfg!(windows) { r"Scripts\python.exe" } else { "bin/python" });
    let words = [python.as_os_str(), "-m".as_ref(), "pip".as_ref(), "install".as_ref()];
    Some(format!("{} {package}", command_line(words)))
}

fn manager(machine: &Machine) -> Option<String> {
    let known = MANAGERS.iter().find(|(program, _)| machine.find(program).is_some());
    let nvm = || {
        let folder = machine.home().ok()?.join(".nvm");
        folder.join("nvm.sh").is_file().then(|| ". ~/.nvm/nvm.sh && nvm install 22".to_owned())
    };
    known.map(|(_, command)| (*command).to_owned()).or_else(nvm)
}

fn system(machine: &Machine) -> Option<String> {
    let as_root = |command: &str| {
        let sudo = if machine.is_root() { "" } else { "sudo " };
        format!("{sudo}{command}")
    };
    if let Some((program, command)) =
        SYSTEMS.iter().find(|(program, _)| machine.find(program).is_some())
    {
        let is_users = OF_USER.contains(program);
        return Some(if is_users { (*command).to_owned() } else { as_root(command) });
    }
    if machine.find("apt-cache").is_some_and(|apt| is_new_enough(&apt, machine)) {
        return Some(as_root("apt-get install nodejs"));
    }
    machine.find("snap").map(|_| as_root("snap install node --classic"))
}

/// Whether Debian, or a derivative, has one that is new enough: Debian 12 and Ubuntu 24.04 have 18.
fn is_new_enough(apt: &Path, machine: &Machine) -> bool {
    let argv: [OsString; 3] = [apt.into(), "policy".into(), "nodejs".into()];
    machine.run(&argv, None, LIMIT).is_ok_and(|done| {
        let said = String::from_utf8_lossy(&done.stdout);
        let version = said.lines().find_map(|line| line.trim().strip_prefix("Candidate: "));
        let version = version.unwrap_or_default();
        // An epoch precedes the version.
        let version = version.rsplit(':').next().unwrap_or_default();
        let major = version.split('.').next().and_then(|major| major.parse::<u32>().ok());
        major.is_some_and(|major| major >= OLDEST)
    })
}
