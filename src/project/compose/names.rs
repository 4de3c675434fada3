//! The names by which services reach Azurite over HTTPS: each must be in its certificate, not only
//! the one that the dev container uses.

use serde_json::Value;

use super::outcome::DEFAULT_PORTS;
use super::read::Services;
use super::service::Namespace;

/// The names that every certificate has.
const EVERYWHERE: [&str; 4] = ["localhost", "127.0.0.1", "azurite", "host.docker.internal"];

/// The names in the services' URLs that lead to `azurite`, except those that every certificate has.
/// Only names that the compose files give to a service: any other name means another machine.
pub(super) fn in_use(services: &Services, azurite: &str) -> Vec<String> {
    let owner = match services.namespace(azurite) {
        Ok(Namespace::Service(owner)) => owner,
        _ => azurite.to_owned(),
    };
    let own = [azurite, owner.as_str()].map(|name| names_of(services, name)).concat();
    let all: Vec<String> = services
        .services
        .iter()
        .flat_map(|(name, _)| names_of(services, name))
        .collect();
    let mut found: Vec<String> = Vec::new();
    for (_, service) in &services.services {
        for (host, port) in urls(&service.whole().to_string()) {
            let leads_there = own.contains(&host)
                || port.is_some_and(|port| DEFAULT_PORTS.contains(&port)) && all.contains(&host);
            let is_name = host.len() < 64
                && host.chars().all(|c| c.is_ascii_alphanumeric() || ".-".contains(c));
            if leads_there && is_name && !EVERYWHERE.contains(&&*host) && !found.contains(&host) {
                found.push(host);
            }
        }
    }
    found.sort();
    found
}

/// The names by which other services find a service.
fn names_of(services: &Services, name: &str) -> Vec<String> {
    let mut names = vec![name.to_lowercase()];
    let Some(service) = services.get(name) else {
        return names;
    };
    let texts = ["hostname", "container_name"].map(|key| service.field(key));
    let networks = service.field("networks").and_then(Value::as_object);
    let aliases = networks.into_iter().flatten();
    let aliases = aliases.filter_map(|(_, network)| network.get("aliases")?.as_array()).flatten();
    let texts = texts.into_iter().flatten().chain(aliases);
    names.extend(texts.filter_map(Value::as_str).map(str::to_lowercase));
    names
}

/// Host and port of each HTTPS URL in a text.
fn urls(text: &str) -> Vec<(String, Option<u16>)> {
    let parts = text.split("https://").skip(1);
    let url = |rest: &str| {
        let is_host = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
        let end = rest.find(|c| !is_host(c)).unwrap_or(rest.len());
        let port = rest[end..].strip_prefix(':').and_then(|rest| {
            let end = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
            rest[..end].parse().ok()
        });
        (rest[..end].to_lowercase(), port)
    };
    parts.map(url).collect()
}
