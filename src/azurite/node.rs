//! The Node.js that runs Azurite.

mod by_hand;
mod download;
mod npm;
mod pinned;
mod places;
mod python;
mod registry;
mod sources;

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::Result;

use crate::failure::{Failure, shown};
use crate::interrupt::Interrupt;
use crate::machine::Machine;
use crate::output::Output;
use sources::Sources;

/// The oldest major version that runs the pinned Azurite (measured; Azurite itself asks
/// for 22).
const OLDEST: u32 = 20;

/// How long `node --version` may take, on a machine under load.
const LIMIT: Duration = Duration::from_secs(20);

/// Whether a Node.js may be downloaded if there is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Consent {
    /// Ask the user at the terminal.
    Asked,
    /// By `--yes`.
    Given,
    /// There is no user to ask.
    Withheld,
}

/// A Node.js that is new enough.
#[derive(Clone, Debug)]
pub struct Node {
    pub program: PathBuf,
    /// Its version, such as `20.20.2`.
    pub version: String,
}

impl Node {
    /// Finds one that is new enough; asking it for its version may take this long.
    pub fn find(machine: &Machine, limit: Duration) -> Result<Self> {
        Self::search(machine, limit).map_err(|missing| hinted(missing, Consent::Withheld, machine))
    }

    /// The same; if there is none, downloads it with the user's consent.
    pub fn ensure(
        consent: Consent,
        machine: &Machine,
        output: Output,
        interrupt: &Interrupt,
    ) -> Result<Self> {
        let missing = match Self::search(machine, LIMIT) {
            Ok(node) => return Ok(node),
            Err(missing) => missing,
        };
        let Some(sources) = sources(consent, machine)? else {
            return Err(hinted(missing, consent, machine));
        };
        if consent == Consent::Asked {
            match output.confirm(&format!("{missing:#}.\n{}", sources.question())) {
                Some(true) => {}
                Some(false) => {
                    let what = format!("{missing:#}; nothing was downloaded, as you said");
                    return Err(Failure::new(what).hint(by_hand::command(machine)).into());
                }
                None => return Err(hinted(missing, consent, machine)),
            }
        }
        sources.ensure(machine, output, interrupt)
    }

    /// The one that [`Node::ensure`] would return, and what it would download.
    pub fn preview(consent: Consent, machine: &Machine) -> Result<(PathBuf, Option<String>)> {
        let missing = match Self::search(machine, LIMIT) {
            Ok(node) => return Ok((node.program, None)),
            Err(missing) => missing,
        };
        let Some(sources) = sources(consent, machine)? else {
            return Err(hinted(missing, consent, machine));
        };
        let (program, download) = sources.preview();
        Ok((program, Some(download)))
    }

    /// In words: its version and path.
    pub fn named(&self) -> String {
        format!("Node.js {} ({})", self.version, shown(&self.program))
    }

    /// The first that is new enough. The error may have no hint yet.
    fn search(machine: &Machine, limit: Duration) -> Result<Self> {
        // If none will do, the user needs to know what is wrong with the first.
        let mut wrong = None;
        let downloaded = sources::programs(machine);
        for program in places::candidates(machine).chain(downloaded) {
            match Self::at(program, machine, limit) {
                Ok(node) => return Ok(node),
                Err(error) => wrong = wrong.or(Some(error)),
            }
        }
        Err(wrong.unwrap_or_else(|| {
            let what = format!("no Node.js on PATH: Azurite needs Node.js {OLDEST} or newer");
            Failure::new(what).into()
        }))
    }

    /// The one at `program`.
    fn at(program: PathBuf, machine: &Machine, limit: Duration) -> Result<Self> {
        let argv: [OsString; 2] = [program.clone().into(), "--version".into()];
        let done = machine.run(&argv, None, limit)?;
        let said = String::from_utf8_lossy(&done.stdout).trim().to_owned();
        let version = said.strip_prefix('v').unwrap_or(&said);
        let major = version
            .split('.')
            .next()
            .and_then(|major| major.parse::<u32>().ok())
            .filter(|_| done.status.success());
        match major {
            Some(major) if major >= OLDEST => Ok(Self {
                program,
                version: version.to_owned(),
            }),
            Some(_) => Err(Failure::new(format!(
                "{} is Node.js {version}: Azurite needs Node.js {OLDEST} or newer",
                shown(&program)
            ))
            .into()),
            None => Err(Failure::new(format!(
                "{} --version does not print a Node.js version: {}",
                shown(&program),
                if said.is_empty() {
                    done.last_words()
                } else {
                    said
                }
            ))
            .hint("which -a node")
            .into()),
        }
    }
}

/// From where one may be downloaded. Without consent no registry's settings are read.
fn sources(consent: Consent, machine: &Machine) -> Result<Option<Sources>> {
    match consent {
        Consent::Withheld => Ok(None),
        Consent::Asked | Consent::Given => Sources::of(machine),
    }
}

/// Adds the command that installs what is missing.
fn hinted(missing: anyhow::Error, consent: Consent, machine: &Machine) -> anyhow::Error {
    if Failure::hint_of(&missing).is_some() {
        return missing;
    }
    let hint = match consent {
        _ if !sources::is_one_for_here(machine) => by_hand::command(machine),
        Consent::Asked => "azup up --yes".to_owned(),
        // It stays, and so does Azurite, for any command that follows.
        Consent::Given | Consent::Withheld => "azup up -d --yes".to_owned(),
    };
    Failure::new(format!("{missing:#}")).hint(hint).into()
}
