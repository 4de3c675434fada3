//! `azup completions`: command line completions for a shell, generated from the types that parse
//! it.

use anyhow::Result;
use serde_json::json;

use crate::cli::{self, Completions};
use crate::failure::Exit;
use crate::output::Answer;

pub(super) fn run(completions: &Completions) -> Result<Answer> {
    let mut script = Vec::new();
    clap_complete::generate(completions.shell, &mut cli::published(), "azup", &mut script);
    let text = String::from_utf8(script)?;
    Ok(Answer {
        brief: Some(text.clone()),
        document: json!({ "shell": completions.shell.to_string(), "script": text }),
        text,
        exit: Exit::Done,
    })
}
