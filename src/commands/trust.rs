//! `azup trust`

use anyhow::Result;

use crate::cli::Global;
use crate::failure::Exit;
use crate::machine::Machine;
use crate::output::{Answer, Output};

pub(super) fn run(_global: &Global, _machine: &Machine, _output: Output) -> Result<Answer> {
    Ok(Answer {
        text: String::new(),
        document: serde_json::json!({}),
        exit: Exit::Done,
    })
}
