//! `azup down`

use std::fmt::Write as _;

use anyhow::Result;
use serde_json::json;

use crate::failure::Exit;
use crate::machine::Machine;
use crate::options::Global;
use crate::output::{Answer, Output};
use crate::supervisor::{self, Which};

pub(super) fn run(
    down: &crate::cli::Down,
    global: &Global,
    machine: &Machine,
    _output: Output,
) -> Result<Answer> {
    let which = match &down.location {
        Some(folder) => Which::At(folder),
        None if down.all => Which::All,
        None => Which::Project,
    };
    let stopped = if global.dry_run {
        supervisor::would_stop(which, machine)?
    } else {
        supervisor::stop(which, machine)?
    };
    let verb = if global.dry_run {
        "would stop"
    } else {
        "stopped"
    };
    let mut text = String::new();
    for one in &stopped {
        let data = one.location.as_deref().unwrap_or("memory");
        let pid = one.pid;
        // Writing to a String never fails.
        let _ = writeln!(
            text,
            "{verb} the Azurite with its data in {data} (pid {pid})"
        );
    }
    if stopped.is_empty() {
        text.push_str("nothing to stop\n");
        if let Which::Project = which
            && !supervisor::would_stop(Which::All, machine)?.is_empty()
        {
            text.push_str("Azurites of other projects are running: azup status lists them, azup down --all stops them\n");
        }
    }
    Ok(Answer {
        brief: None,
        text,
        document: json!({ "stopped": stopped }),
        exit: Exit::Done,
    })
}
