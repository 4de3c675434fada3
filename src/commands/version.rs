//! `azup version -v`: this azup, the Azurite that it includes, and the Node.js that runs it.

use std::time::Duration;

use anyhow::Result;
use serde_json::{Value, json};

use crate::azurite::{self, Node};
use crate::failure::Exit;
use crate::machine::Machine;
use crate::output::Answer;

/// How long `node --version` may take.
const LIMIT: Duration = Duration::from_secs(20);

pub(super) fn run(machine: &Machine) -> Result<Answer> {
    let version = env!("CARGO_PKG_VERSION");
    let inside: Option<Value> = azurite::BROUGHT_ALONG.map(serde_json::from_str).transpose()?;
    let azurite = azurite::VERSION;
    let source = match &inside {
        Some(inside) => format!("in this program (SHA-256 {})", inside["sha256"].as_str().unwrap_or_default()),
        None => "from npm on first use".to_owned(),
    };
    let node = Node::find(machine, LIMIT);
    let runs = node.as_ref().map_or_else(|missing| format!("{missing:#}"), Node::named);
    Ok(Answer {
        brief: None,
        text: format!("azup {version}\nAzurite {azurite}, {source}\n{runs}\n"),
        document: json!({
            "azup": version,
            "azurite": azurite,
            "bundle": inside.map(|inside| inside["sha256"].clone()),
            "node": node.ok().map(|node| json!({ "version": node.version, "program": node.program })),
        }),
        exit: Exit::Done,
    })
}
