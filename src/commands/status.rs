//! `azup status`: every Azurite that azup runs for this user, whichever project started it.

use std::fmt::Write as _;

use anyhow::Result;
use serde_json::{Value, json};

use crate::azurite::{self, ADDRESS, Listed};
use crate::failure::{Exit, shown};
use crate::machine::Machine;
use crate::output::Answer;

pub(super) fn run(machine: &Machine) -> Result<Answer> {
    let all = azurite::listed(machine)?;
    let texts: Vec<String> = all.iter().map(text).collect();
    let mut text = texts.join("\n");
    if all.is_empty() {
        text.push_str("azup is not running an Azurite; azup up -d starts one\n");
    }
    let documents: Vec<Value> = all.iter().map(document).collect();
    Ok(Answer {
        brief: None,
        text,
        document: json!({ "azurites": documents }),
        exit: Exit::Done,
    })
}

fn text(one: &Listed) -> String {
    let Listed { running, log } = one;
    let mut text = String::new();
    let mut line = |name: &str, value: &str| {
        // A String takes every write.
        let _ = writeln!(text, "{name:<12}{value}");
    };
    for (service, port) in running.ports.services() {
        line(service.name(), &format!("https://{ADDRESS}:{port}/devstoreaccount1"));
    }
    if let Some(endpoint) = &running.identity.endpoint {
        line("identity", endpoint);
    }
    if let Some(names) = &running.identity.forward {
        line("forwards", &format!("tokens of {names}"));
    }
    for audience in &running.identity.audiences {
        line("audience", audience);
    }
    if let Some(project) = &running.project {
        line("project", &shown(project));
    }
    line("data", running.location.as_deref().unwrap_or("in memory"));
    let log = log.as_deref().map(shown);
    line("log", log.as_deref().unwrap_or("on the terminal that it runs in"));
    line("pid", &running.pid.to_string());
    if let Some(reason) = &running.died {
        line("restarted", reason);
    }
    let certificate = &running.certificate;
    let until = certificate.not_after.get(..10).unwrap_or_default();
    line(
        "certificate",
        &format!("signed by {}, valid until {until}", certificate.ca),
    );
    line(
        "version",
        &format!("Azurite {} on Node.js {}", running.azurite, running.node),
    );
    text
}

fn document(one: &Listed) -> Value {
    let mut document = json!(one.running);
    if let Some(fields) = document.as_object_mut() {
        fields.insert("log".to_owned(), json!(one.log));
    }
    document
}
