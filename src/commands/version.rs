//! `azup version -v`: this azup, and the Azurite that it brings.

use anyhow::Result;
use serde_json::{Value, json};

use crate::azurite;
use crate::failure::Exit;
use crate::output::Answer;

pub(super) fn run() -> Result<Answer> {
    let version = env!("CARGO_PKG_VERSION");
    let inside: Option<Value> = azurite::BROUGHT_ALONG.map(serde_json::from_str).transpose()?;
    let azurite = azurite::VERSION;
    let source = match &inside {
        Some(inside) => format!("in this program (SHA-256 {})", inside["sha256"].as_str().unwrap_or_default()),
        None => "from npm on first use".to_owned(),
    };
    Ok(Answer {
        brief: None,
        text: format!("azup {version}\nAzurite {azurite}, {source}\n"),
        document: json!({
            "azup": version,
            "azurite": azurite,
            "bundle": inside.map(|inside| inside["sha256"].clone()),
        }),
        exit: Exit::Done,
    })
}
