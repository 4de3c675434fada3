//! Azurite from npm. Each of its packages is pinned by its hash, and none of their scripts runs
//! during the install. Then they are bundled into one file, which starts faster, and the rest is
//! deleted (docs/facts/azurite.md).

use std::ffi::OsString;
use std::fs;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};

use super::super::node::Node;
use super::super::VERSION;
use crate::failure::{Failure, in_one_line};
use crate::files::{self, Content};
use crate::interrupt::Interrupt;
use crate::machine::{self, Machine, not_started};
use crate::os::{self, kill_group};
use crate::output::Output;

/// How long npm may take on a slow line (365 MB, compressed to a fifth for the download).
const LIMIT: Duration = Duration::from_secs(15 * 60);

/// What npm installs, and the hash of each package.
const PACKAGE: &str = include_str!("../../../templates/azurite/package.json");
const LOCK: &str = include_str!("../../../templates/azurite/package-lock.json");

/// What bundles it into one file, and how long that may take: 3 s, and as much again for each
/// program that runs alongside on a busy machine (measured).
const BUNDLER: &str = include_str!("../../../templates/azurite/bundle.cjs");
const BUNDLING: Duration = Duration::from_secs(3 * 60);

/// After how long to show progress.
const PROGRESS: Duration = Duration::from_secs(2);

/// How often to check whether npm has ended.
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

/// Finds npm.
pub(super) fn find(machine: &Machine) -> Result<PathBuf> {
    machine.find("npm").ok_or_else(|| {
        Failure::new(format!(
            "npm is not on PATH: azup needs it to install Azurite {VERSION} on first use"
        ))
        .hint("install Node.js with npm from https://nodejs.org/en/download")
        .into()
    })
}

/// The command that installs the locked packages into its working folder.
pub(super) fn command(npm: &Path) -> Vec<OsString> {
    let mut argv: Vec<OsString> = vec![npm.into(), "ci".into()];
    let options = [
        "--ignore-scripts",
        "--omit=dev",
        "--no-audit",
        "--no-fund",
        // Azurite requires Node.js 22 and runs on 20: `engine-strict` in a user's npm configuration
        // would refuse it.
        "--engine-strict=false",
        // npm's default retries add up to minutes without a network.
        "--fetch-retry-mintimeout=1000",
        "--fetch-retry-maxtimeout=4000",
        "--loglevel=error",
    ];
    argv.extend(options.map(OsString::from));
    argv
}

/// What an install needs.
pub(super) struct Npm<'a> {
    pub(super) npm: &'a Path,
    pub(super) node: &'a Node,
    pub(super) folder: &'a Path,
}

impl Npm<'_> {
    /// Installs the locked packages into the folder, and makes one file of them.
    pub(super) fn install(
        &self,
        machine: &Machine,
        output: Output,
        interrupt: &Interrupt,
    ) -> Result<()> {
        let started = Instant::now();
        for (name, text) in [
            ("package.json", PACKAGE),
            ("package-lock.json", LOCK),
            ("bundle.cjs", BUNDLER),
        ] {
            let (bytes, mode) = (text.as_bytes().to_vec(), 0o644);
            let content = Content::File { bytes, mode };
            files::replace(&self.folder.join(name), None, &content)?;
        }
        let argv = command(self.npm);
        let mut told = Instant::now();
        let tell = || {
            if told.elapsed() >= PROGRESS {
                told = Instant::now();
                let there = packages_in(&self.folder.join("node_modules"));
                let (all, seconds) = (locked(), started.elapsed().as_secs());
                output.progress(&format!("downloaded {there} of {all} packages ({seconds} s)"));
            }
        };
        let done = run(machine, &argv, self.folder, LIMIT, tell, interrupt)?;
        done.map_err(|words| npm_failure(&words))?;
        super::entry_in(self.folder).map_err(Failure::new)?;
        let argv = [self.node.program.clone().into_os_string(), "bundle.cjs".into()];
        let (mut told, begun) = (Instant::now(), Instant::now());
        let tell = || {
            if told.elapsed() >= PROGRESS {
                told = Instant::now();
                let seconds = begun.elapsed().as_secs();
                output.progress(&format!("combining them into one file ({seconds} s)"));
            }
        };
        match run(machine, &argv, self.folder, BUNDLING, tell, interrupt)? {
            Ok(()) => files::discard_folder(&self.folder.join("node_modules")),
            // Unbundled, it works, only slower.
            Err(words) => {
                let why = in_one_line(words.trim());
                output.progress(&format!("could not combine the packages, so they are kept as they are: {why}"));
            }
        }
        Ok(())
    }
}

/// Runs a program to its end, in its own process group so that all of it can be stopped. If it
/// fails, its output is the inner error.
fn run(
    machine: &Machine,
    argv: &[OsString],
    folder: &Path,
    limit: Duration,
    mut tell: impl FnMut(),
    interrupt: &Interrupt,
) -> Result<Result<(), String>> {
    let name = Path::new(&argv[0]).file_name().unwrap_or_default();
    let name = name.to_string_lossy();
    let mut command = machine.command(&argv[0]);
    command
        .args(&argv[1..])
        // Not the project's folder, whose `.npmrc` and `package.json` must not apply.
        .current_dir(folder)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped());
    os::in_own_group(&mut command);
    let mut child = command.spawn().map_err(|error| not_started(argv, &error))?;
    os::lead(&child);
    let stderr = child.stderr.take().context("a program's standard error")?;
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
    let until = Instant::now() + limit;
    let status = loop {
        if let Some(status) = child.try_wait()? {
            break status;
        }
        let late = Instant::now() >= until;
        if late || interrupt.asked() {
            kill_group(child.id());
            child.wait()?;
            interrupt.check()?;
            let minutes = limit.as_secs() / 60;
            let what = format!("{name} did not install Azurite within {minutes} minutes");
            return Err(Failure::new(what).hint("npm ping").into());
        }
        tell();
        std::thread::sleep(POLL);
    };
    if status.success() {
        return Ok(Ok(()));
    }
    Ok(Err(words.join().unwrap_or_default()))
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

/// How many packages of the lock are installed on every machine: the rest are for one architecture
/// each.
fn locked() -> usize {
    LOCK.matches("\"integrity\": ").count() - LOCK.matches("\"cpu\": [").count()
}

/// How many packages have arrived in this folder, roughly.
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
    use serde_json::Value;

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
            number += usize::from(package["cpu"].is_null());
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
