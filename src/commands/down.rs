//! `azup down`

use std::fmt::Write as _;

use anyhow::Result;
use serde_json::json;

use crate::azurite;
use crate::failure::Exit;
use crate::machine::Machine;
use crate::options::Global;
use crate::output::{Answer, Output};

pub(super) fn run(
    down: &crate::cli::Down,
    global: &Global,
    machine: &Machine,
    _output: Output,
) -> Result<Answer> {
    let stopped = match &down.location {
        location if global.dry_run => azurite::would_stop(location.as_deref(), machine)?,
        Some(folder) => azurite::stop_at(folder, machine)?,
        None => azurite::stop_all(machine)?,
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
        // A String takes every write.
        let _ = writeln!(
            text,
            "{verb} the Azurite with its data in {data} (pid {pid})"
        );
    }
    if stopped.is_empty() {
        text.push_str("nothing to stop\n");
    }
    Ok(Answer {
        brief: None,
        text,
        document: json!({ "stopped": stopped }),
        exit: Exit::Done,
    })
}
