//! `azup status`: every Azurite that azup runs for this user, in whichever project it was started.

use std::fmt::Write as _;

use anyhow::Result;
use serde_json::{Value, json};

use crate::azurite::{ADDRESS};
use crate::certificates::TrustAnchor;
use crate::failure::{Exit, shown};
use crate::machine::Machine;
use crate::options::Global;
use crate::output::Answer;
use crate::supervisor::{self, Listed};
use crate::trust::Selection;
use crate::trust::trusted_in::TrustedIn;

pub(super) fn run(global: &Global, machine: &Machine) -> Result<Answer> {
    let all = supervisor::listed(machine)?;
    let standings = standings(&all, global, machine);
    let each = || all.iter().zip(standings.iter().map(Option::as_ref));
    let texts: Vec<String> = each().map(|(one, standing)| text(one, standing)).collect();
    let mut text = texts.join("\n");
    if all.is_empty() {
        text.push_str("azup is not running an Azurite; azup up -d starts one\n");
    }
    let documents: Vec<Value> = each()
        .map(|(one, standing)| document(one, standing))
        .collect();
    Ok(Answer {
        brief: None,
        text,
        document: json!({ "azurites": documents }),
        exit: Exit::Done,
    })
}

/// How far each one's CA is trusted; the stores are read once for those that serve the same CA.
fn standings(all: &[Listed], global: &Global, machine: &Machine) -> Vec<Option<TrustedIn>> {
    let selection = Selection::of(global, machine);
    let mut known: Vec<(&str, Option<TrustedIn>)> = Vec::new();
    for one in all {
        let certificate = &one.running.certificate;
        let looked = known
            .iter()
            .find(|(sha256, _)| *sha256 == certificate.ca_sha256);
        let standing = looked.map_or_else(
            || {
                let ca = TrustAnchor::alone_in(certificate.ca_pem.as_bytes())?;
                Some(TrustedIn::of(&ca, &selection, machine))
            },
            |(_, standing)| standing.clone(),
        );
        known.push((&certificate.ca_sha256, standing));
    }
    known.into_iter().map(|(_, standing)| standing).collect()
}

fn text(one: &Listed, standing: Option<&TrustedIn>) -> String {
    let Listed { running, log } = one;
    let mut text = String::new();
    let mut line = |name: &str, value: &str| {
        // Writing to a String never fails.
        let _ = writeln!(text, "{name:<12}{value}");
    };
    for (service, port) in running.ports.services() {
        line(
            service.name(),
            &format!("https://{ADDRESS}:{port}/devstoreaccount1"),
        );
    }
    if let Some(endpoint) = &running.identity.endpoint {
        line("identity", endpoint);
    }
    if let Some(names) = &running.identity.forward {
        line("forwards", &format!("tokens of {names}"));
    }
    for resource in &running.identity.forwarded {
        line("forwarded", resource);
    }
    for audience in &running.identity.audiences {
        line("audience", audience);
    }
    if let Some(project) = &running.project {
        line("project", &shown(project));
    }
    line("data", running.location.as_deref().unwrap_or("in memory"));
    if let Some(database) = &running.database {
        line("database", &format!("{database}, of blobs"));
    }
    let log = log.as_deref().map(shown);
    line(
        "log",
        log.as_deref().unwrap_or("on the terminal that it runs in"),
    );
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
    if let Some(trust) = standing.and_then(TrustedIn::text) {
        line("trusted", &trust);
    }
    line(
        "version",
        &format!("Azurite {} on Node.js {}", running.azurite, running.node),
    );
    text
}

fn document(one: &Listed, standing: Option<&TrustedIn>) -> Value {
    let mut document = json!(one.running);
    if let Some(fields) = document.as_object_mut() {
        fields.insert("log".to_owned(), json!(one.log));
        let trust = standing.map(|standing| {
            json!({
                "level": standing.level(),
                "trusted": standing.trusted,
                "missing": standing.missing,
                "missing_kinds": standing.kinds,
            })
        });
        fields.insert("trust".to_owned(), json!(trust));
    }
    document
}
