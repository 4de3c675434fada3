//! From which registry a Node.js is downloaded: npm's, or Python's where the user has named one of
//! those and none of npm's. If the first does not give it, the other one is asked.

use std::path::PathBuf;

use anyhow::Result;

use super::pinned::Pinned;
use super::registry::Registry;
use super::{Node, npm, python};
use crate::failure::Failure;
use crate::interrupt::Interrupt;
use crate::machine::Machine;
use crate::output::Output;

/// Where one may come from.
pub(super) struct Sources {
    first: (Pinned, Registry),
    second: Option<(Pinned, Registry)>,
}

impl Sources {
    /// `None` where none of them has one that would run here.
    pub(super) fn of(machine: &Machine) -> Result<Option<Self>> {
        let Some(of_npm) = Pinned::of(&npm::RELEASE, machine) else {
            return Ok(None);
        };
        let of_npm = (of_npm, Registry::of_npm(machine)?);
        let of_python = Pinned::of(&python::RELEASE, machine).zip(python::registry(machine));
        Ok(Some(match of_python {
            Some(of_python) if !of_npm.1.is_named => Self {
                first: of_python,
                second: Some(of_npm),
            },
            second => Self { first: of_npm, second },
        }))
    }

    /// What is asked before anything is downloaded.
    pub(super) fn question(&self) -> String {
        let (pinned, registry) = &self.first;
        let other = self.second.as_ref().map(|(pinned, registry)| {
            format!(" (or, if that fails, {})", pinned.named(registry))
        });
        format!(
            "Download {}{} into {}, for Azurite alone?",
            pinned.named(registry),
            other.unwrap_or_default(),
            pinned.place()
        )
    }

    /// The program that would be there, and what a dry run shows.
    pub(super) fn preview(&self) -> (PathBuf, String) {
        let (pinned, registry) = &self.first;
        (pinned.program(), pinned.preview(registry))
    }

    /// Downloads it.
    pub(super) fn ensure(
        &self,
        machine: &Machine,
        output: Output,
        interrupt: &Interrupt,
    ) -> Result<Node> {
        let get = |(pinned, registry): &(Pinned, Registry)| {
            pinned.ensure(registry, machine, output, interrupt)
        };
        let why = match get(&self.first)? {
            Ok(node) => return Ok(node),
            Err(why) => why,
        };
        let Some(second) = &self.second else {
            return Err(why.into());
        };
        output.warning(&why.to_string());
        get(second)?.map_err(Failure::into)
    }
}

/// Whether one can be downloaded that would run here.
pub(super) fn is_one_for_here(machine: &Machine) -> bool {
    Pinned::of(&npm::RELEASE, machine).is_some()
}

/// The programs that were downloaded before.
pub(super) fn programs(machine: &Machine) -> impl Iterator<Item = PathBuf> {
    let all = [&npm::RELEASE, &python::RELEASE];
    let all = all.map(|release| Pinned::of(release, machine).map(|pinned| pinned.program()));
    all.into_iter().flatten().filter(|program| program.is_file())
}
