//! `azup logs`: the output of an Azurite in the background, and azup's messages about it.

use std::path::Path;
use std::time::Duration;

use anyhow::Result;
use serde_json::json;

use crate::cli::Logs;
use crate::failure::{Exit, Failure, shown};
use crate::files;
use crate::machine::Machine;
use crate::options::Global;
use crate::output::Output;
use crate::supervisor::{self, Listed};
use crate::workspace::marked_project;

/// How often to check a log that is being followed.
const PAUSE: Duration = Duration::from_millis(200);

pub(super) fn run(
    logs: &Logs,
    global: &Global,
    machine: &Machine,
    output: Output,
) -> Result<Exit> {
    let mut all = supervisor::listed(machine)?;
    // This project's before any other's.
    let project = marked_project(machine);
    all.sort_by_key(|one| one.running.project != project);
    let path = match all.as_slice() {
        [] => {
            let what = "azup is not running an Azurite, so there is no log";
            return Err(Failure::new(what).hint("azup up -d").into());
        }
        all => all.iter().find_map(|Listed { log, .. }| log.as_deref()),
    };
    let Some(path) = path else {
        let what = "the Azurite runs in the foreground: its log is on the terminal that it runs in";
        return Err(Failure::new(what).into());
    };
    let mut printed = 0;
    loop {
        let bytes = read(path)?;
        // A log that was truncated is shorter.
        let start = if printed > bytes.len() { 0 } else { printed };
        output.value(&String::from_utf8_lossy(&bytes[start..]))?;
        printed = bytes.len();
        if global.json {
            let text = String::from_utf8_lossy(&bytes);
            output.document(&json!({ "log": path, "text": text }))?;
        }
        if !logs.follow || global.json {
            return Ok(Exit::Done);
        }
        std::thread::sleep(PAUSE);
    }
}

fn read(path: &Path) -> Result<Vec<u8>> {
    files::read_if_there(path)?.ok_or_else(|| {
        Failure::new(format!("the log {} is gone", shown(path)))
            .hint("azup down && azup up -d")
            .into()
    })
}
