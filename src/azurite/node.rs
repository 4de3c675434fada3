//! The Node.js that runs Azurite.

mod places;

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::Result;

use crate::failure::{Failure, shown};
use crate::machine::Machine;

/// The oldest major version that runs the pinned Azurite (measured; Azurite itself asks
/// for 22).
const OLDEST: u32 = 20;

/// How long `node --version` may take, on a machine under load.
const LIMIT: Duration = Duration::from_secs(20);

/// A Node.js that is new enough.
#[derive(Clone, Debug)]
pub struct Node {
    /// The program.
    pub program: PathBuf,
    /// Its version, such as `20.20.2`.
    pub version: String,
}

impl Node {
    /// Finds one that is new enough, and asks it for its version.
    pub fn find(machine: &Machine) -> Result<Self> {
        Self::find_within(machine, LIMIT)
    }

    /// The same with another limit for `node --version`.
    pub fn find_within(machine: &Machine, limit: Duration) -> Result<Self> {
        // What is wrong with the first is what the user has to know, if no other will do.
        let mut wrong = None;
        for program in places::candidates(machine) {
            match Self::at(program, machine, limit) {
                Ok(node) => return Ok(node),
                Err(error) => wrong = wrong.or(Some(error)),
            }
        }
        Err(wrong.unwrap_or_else(|| {
            Failure::new(format!(
                "no Node.js on PATH: Azurite needs Node.js {OLDEST} or newer"
            ))
            .hint("install Node.js from https://nodejs.org/en/download")
            .into()
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
            .hint("install Node.js from https://nodejs.org/en/download")
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
