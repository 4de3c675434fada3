//! The pinned Azurite from npm, in azup's own folder: whole or not there at all. Each of its
//! packages is pinned by its hash, and no script of theirs runs while they are installed.

use std::ffi::OsString;
use std::fs;
use std::io::Read as _;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use serde_json::Value;

use super::VERSION;
use super::interrupt::Interrupt;
use crate::failure::{Failure, command_line, shown};
use crate::files::{self, Content, Lock, hex, random};
use crate::machine::{self, Machine, kill_group, not_started};
use crate::output::Output;

/// How long npm may take on a slow line (365 MB come down packed to a fifth of it).
const LIMIT: Duration = Duration::from_secs(15 * 60);

/// What npm installs, and the hash of each package.
const PACKAGE: &str = include_str!("../../templates/azurite/package.json");
const LOCK: &str = include_str!("../../templates/azurite/package-lock.json");

/// Nobody waits for longer without a word.
const PROGRESS: Duration = Duration::from_secs(2);

/// How often npm is asked whether it has ended.
const POLL: Duration = Duration::from_millis(20);

/// What npm says when it cannot reach its registry.
const OFFLINE: [&str; 9] = [
    "ENOTFOUND",
    "EAI_AGAIN",
    "ECONNREFUSED",
    "ECONNRESET",
    "EHOSTUNREACH",
    "ENETUNREACH",
    "ETIMEDOUT",
    "ERR_SOCKET_TIMEOUT",
    "EIDLETIMEOUT",
];

/// Where the pinned Azurite is, or is to be.
#[derive(Clone, Debug)]
pub(super) struct Install {
    folder: PathBuf,
}

impl Install {
    /// Its place in azup's own folder.
    pub(super) fn of(machine: &Machine) -> Result<Self> {
        let folder = machine.own_folder()?.join(format!("azurite-{VERSION}"));
        Ok(Self { folder })
    }

    /// Azurite's entry point, where the pinned version is installed; `None` where nothing
    /// is.
    pub(super) fn entry(&self) -> Result<Option<PathBuf>> {
        if !files::exists(&self.folder) {
            return Ok(None);
        }
        entry_in(&self.folder).map(Some)
    }

    /// The command that installs what is locked in the folder that it runs in.
    fn command(npm: &Path) -> Vec<OsString> {
        let mut argv: Vec<OsString> = vec![npm.into(), "ci".into()];
        let options = [
            "--ignore-scripts",
            "--omit=dev",
            "--no-audit",
            "--no-fund",
            // Azurite asks for Node.js 22 and runs on 20: `engine-strict` in a user's npm
            // configuration would refuse it.
            "--engine-strict=false",
            // npm's own waits add up to minutes where there is no network.
            "--fetch-retry-mintimeout=1000",
            "--fetch-retry-maxtimeout=4000",
            "--loglevel=error",
        ];
        argv.extend(options.map(OsString::from));
        argv
    }

    /// Where the entry point will be after an install.
    pub(super) fn usual_entry(&self) -> PathBuf {
        self.folder.join("node_modules/azurite/dist/src/azurite.js")
    }

    /// The command as a dry run shows it.
    pub(super) fn preview(&self, machine: &Machine) -> String {
        let npm = machine.find("npm").unwrap_or_else(|| "npm".into());
        let folder = command_line(["cd".as_ref(), self.folder.as_os_str()]);
        format!("{folder} && {}", command_line(Self::command(&npm)))
    }

    /// Installs it where it is missing, and gives its entry point.
    pub(super) fn ensure(
        &self,
        machine: &Machine,
        output: Output,
        interrupt: &Interrupt,
    ) -> Result<PathBuf> {
        if let Some(entry) = self.entry()? {
            return Ok(entry);
        }
        let npm = machine.find("npm").ok_or_else(|| {
            Failure::new(format!(
                "no npm on PATH: Azurite {VERSION} is installed with it on first use"
            ))
            .hint("install Node.js with npm from https://nodejs.org/en/download")
        })?;
        let _lock = self.lock(interrupt)?;
        // Another azup may have installed it in the meantime.
        if let Some(entry) = self.entry()? {
            return Ok(entry);
        }
        self.remove_partials();
        output.progress(&format!(
            "installing Azurite {VERSION} into {}, once (about 365 MB)",
            shown(&self.folder)
        ));
        let started = Instant::now();
        let partial = Partial::new(&self.folder)?;
        for (name, text) in [("package.json", PACKAGE), ("package-lock.json", LOCK)] {
            let (bytes, mode) = (text.as_bytes().to_vec(), 0o644);
            let content = Content::File { bytes, mode };
            files::replace(&partial.folder.join(name), None, &content)?;
        }
        let argv = Self::command(&npm);
        let mut told = Instant::now();
        let tell = || {
            if told.elapsed() >= PROGRESS {
                told = Instant::now();
                let there = packages_in(&partial.folder.join("node_modules"));
                let (all, seconds) = (locked(), started.elapsed().as_secs());
                output.progress(&format!("{there} of {all} packages ({seconds} s)"));
            }
        };
        run_npm(machine, &argv, &partial.folder, tell, interrupt)?;
        entry_in(&partial.folder)?;
        files::move_folder(&partial.folder, &self.folder)?;
        output.progress(&format!(
            "installed Azurite {VERSION} in {} seconds",
            started.elapsed().as_secs()
        ));
        entry_in(&self.folder)
    }

    /// Waits for another azup that is installing.
    fn lock(&self, interrupt: &Interrupt) -> Result<Lock> {
        let path = self.beside(".lock");
        let until = Instant::now() + LIMIT;
        loop {
            interrupt.check()?;
            if let Some(lock) = Lock::acquire(&path, Duration::from_millis(100))? {
                return Ok(lock);
            }
            if Instant::now() >= until {
                return Err(Failure::new(
                    "another azup has been installing Azurite for a quarter of an hour",
                )
                .hint("pgrep -a azup")
                .into());
            }
        }
    }

    fn beside(&self, end: &str) -> PathBuf {
        let mut name = self.folder.clone().into_os_string();
        name.push(end);
        name.into()
    }

    /// Removes what a killed azup left. Called under the lock, so none is in use.
    fn remove_partials(&self) {
        let (Some(parent), Some(name)) = (self.folder.parent(), self.folder.file_name()) else {
            return;
        };
        let Ok(entries) = fs::read_dir(parent) else {
            return;
        };
        let start = format!("{}.", name.to_string_lossy());
        for entry in entries.flatten() {
            let name = entry.file_name().to_string_lossy().into_owned();
            if name.starts_with(&start) && name.ends_with(".partial") {
                files::discard_folder(&entry.path());
            }
        }
    }
}

/// A folder that goes again unless it was renamed into place.
struct Partial {
    folder: PathBuf,
}

impl Partial {
    fn new(destination: &Path) -> Result<Self> {
        let mut name = destination.to_owned().into_os_string();
        name.push(format!(".{}.partial", hex(&random::<4>())));
        let folder = PathBuf::from(name);
        files::make_folder(&folder, 0o755)?;
        Ok(Self { folder })
    }
}

impl Drop for Partial {
    fn drop(&mut self) {
        files::discard_folder(&self.folder);
    }
}

/// The entry point of the pinned Azurite below `folder`.
fn entry_in(folder: &Path) -> Result<PathBuf> {
    let package = folder.join("node_modules/azurite");
    let broken = |why: String| {
        Failure::new(format!("no Azurite {VERSION} in {}: {why}", shown(folder))).hint(
            command_line(["rm".as_ref(), "-r".as_ref(), folder.as_os_str()]),
        )
    };
    let bytes =
        files::read(&package.join("package.json")).map_err(|error| broken(format!("{error:#}")))?;
    let about: Value = serde_json::from_slice(&bytes)
        .map_err(|error| broken(format!("its package.json is damaged: {error}")))?;
    let version = about["version"].as_str().unwrap_or("of no version");
    if version != VERSION {
        return Err(broken(format!("it is Azurite {version}")).into());
    }
    let entry = about["bin"]["azurite"]
        .as_str()
        .map(|path| package.join(path.trim_start_matches("./")))
        .filter(|path| path.is_file());
    entry.ok_or_else(|| broken("its program is missing".to_owned()).into())
}

/// Runs npm to its end, in a process group of its own so that it can be stopped whole.
fn run_npm(
    machine: &Machine,
    argv: &[OsString],
    folder: &Path,
    mut tell: impl FnMut(),
    interrupt: &Interrupt,
) -> Result<()> {
    let mut child = machine
        .command(&argv[0])
        .args(&argv[1..])
        // Not the project's folder, whose `.npmrc` and `package.json` are none of ours.
        .current_dir(folder)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .process_group(0)
        .spawn()
        .map_err(|error| not_started(argv, &error))?;
    let stderr = child.stderr.take().context("npm's standard error")?;
    let words = machine::thread(move || {
        let mut words = Vec::new();
        let _ = stderr.take(1 << 20).read_to_end(&mut words);
        String::from_utf8_lossy(&words).into_owned()
    });
    let words = match words {
        Ok(words) => words,
        Err(error) => {
            kill_group(child.id());
            child.wait()?;
            return Err(error);
        }
    };
    let until = Instant::now() + LIMIT;
    let status = loop {
        if let Some(status) = child.try_wait()? {
            break status;
        }
        let late = Instant::now() >= until;
        if late || interrupt.asked() {
            kill_group(child.id());
            child.wait()?;
            interrupt.check()?;
            return Err(Failure::new(format!(
                "npm did not install Azurite within {} minutes",
                LIMIT.as_secs() / 60
            ))
            .hint("npm ping")
            .into());
        }
        tell();
        std::thread::sleep(POLL);
    };
    if status.success() {
        return Ok(());
    }
    let words = words.join().unwrap_or_default();
    Err(npm_failure(&words).into())
}

/// npm's reason is its first sentence: the last one names its log file.
fn npm_failure(words: &str) -> Failure {
    let mut lines = words
        .lines()
        .map(|line| {
            let line = line.strip_prefix("npm error").unwrap_or(line);
            line.strip_prefix("npm ERR!").unwrap_or(line).trim()
        })
        .filter(|line| !line.is_empty());
    let dull = ["code ", "syscall ", "errno ", "path ", "dest "];
    let why = lines
        .clone()
        .find(|line| line.contains(' ') && !dull.iter().any(|word| line.starts_with(word)))
        .or_else(|| lines.next())
        .unwrap_or("it gave no reason");
    if OFFLINE.iter().any(|code| words.contains(code)) {
        return Failure::new(format!(
            "npm cannot reach its registry, from which Azurite {VERSION} is installed on first use: {why}"
        ))
        .hint("npm ping");
    }
    Failure::new(format!("npm cannot install Azurite {VERSION}: {why}")).hint("azup up")
}

/// How many packages are in the lock.
fn locked() -> usize {
    LOCK.matches("\"integrity\": ").count()
}

/// How many packages have come to this folder, as far as a glance tells.
fn packages_in(folder: &Path) -> usize {
    let names = |folder: &Path| -> Vec<PathBuf> {
        let entries = fs::read_dir(folder).into_iter().flatten().flatten();
        entries.map(|entry| entry.path()).collect()
    };
    let scoped = |path: &Path| path.file_name().is_some_and(|name| name.as_encoded_bytes()[0] == b'@');
    let hidden = |path: &Path| path.file_name().is_some_and(|name| name.as_encoded_bytes()[0] == b'.');
    names(folder)
        .iter()
        .filter(|path| !hidden(path))
        .map(|path| if scoped(path) { names(path).len() } else { 1 })
        .sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What npm fetches is what was looked at when the pin was made.
    #[test]
    fn every_package_is_pinned_by_a_hash_and_by_no_registry() {
        let lock: Value = serde_json::from_str(LOCK).expect("JSON");
        let packages = lock["packages"].as_object().expect("packages");
        let mut number = 0;
        for (name, package) in packages.iter().filter(|(name, _)| !name.is_empty()) {
            let integrity = package["integrity"].as_str().unwrap_or_default();
            assert!(integrity.starts_with("sha512-"), "{name}: {integrity}");
            assert!(package["resolved"].is_null(), "{name} names a registry");
            number += 1;
        }
        assert_eq!(locked(), number);
        let azurite = &packages["node_modules/azurite"];
        assert_eq!(azurite["version"], VERSION);
        let package: Value = serde_json::from_str(PACKAGE).expect("JSON");
        assert_eq!(package["dependencies"]["azurite"], VERSION);
    }

    /// Both texts are npm 11's own.
    #[test]
    fn the_reason_of_npm_is_found_among_its_words() {
        let words = "npm error code ECONNREFUSED\nnpm error syscall connect\n\
            npm error errno ECONNREFUSED\nnpm error FetchError: request to http://r/azurite failed\n\
            npm error     at ClientRequest.<anonymous> (index.js:130:14)\n\
            npm error A complete log of this run can be found in: /x\n";
        let failure = npm_failure(words).to_string();
        assert!(failure.contains("cannot reach its registry"), "{failure}");
        assert!(
            failure.ends_with("FetchError: request to http://r/azurite failed"),
            "{failure}"
        );
        let words = "npm error code ETARGET\n\
            npm error notarget No matching version found for azurite@3.37.999.\n\
            npm error A complete log of this run can be found in: /x\n";
        let failure = npm_failure(words).to_string();
        assert!(failure.starts_with("npm cannot install"), "{failure}");
        assert!(failure.ends_with("azurite@3.37.999."), "{failure}");
        let failure = npm_failure("").to_string();
        assert!(failure.ends_with("it gave no reason"), "{failure}");
    }
}
