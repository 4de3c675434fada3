//! `--cors`: the origins whose web pages may call Azurite. Azurite has no option for that, but
//! accepts the properties of each service as the cloud does, and stores them with the data.

use std::time::Duration;

use anyhow::Result;
use time::OffsetDateTime;

use super::{ACCOUNT, Ports, probe};
use crate::client::{Client, Request};
use crate::failure::{Exit, Failure};
use crate::identity;

/// All methods of the services; Azurite accepts no others.
const METHODS: &str = "DELETE,GET,HEAD,MERGE,OPTIONS,POST,PUT";

/// How long a browser caches the answer (seconds).
const MAX_AGE: u32 = 200;

/// Origins as a browser sends them: scheme, host and port; or `*` for all.
pub fn checked(origins: &[String]) -> Result<Vec<String>> {
    for origin in origins {
        let host = origin.strip_prefix("https://").or_else(|| origin.strip_prefix("http://"));
        let is_host = |host: &str| {
            let plain = |c: char| c.is_ascii_alphanumeric() || "-._:[]".contains(c);
            !host.is_empty() && host.chars().all(plain)
        };
        if origin != "*" && !host.is_some_and(is_host) {
            let what = format!("--cors {origin:?} is not an origin: give scheme, host and port, or *");
            return Err(Failure::new(what)
                .hint("azup up --cors http://localhost:3000")
                .exit(Exit::Usage)
                .into());
        }
    }
    Ok(origins.to_vec())
}

/// Sets them for all three services; leaves them unchanged if none is named.
pub fn allow(client: &Client, ports: Ports, origins: &[String]) -> Result<()> {
    if origins.is_empty() {
        return Ok(());
    }
    let body = format!(
        "<?xml version=\"1.0\" encoding=\"utf-8\"?><StorageServiceProperties><Cors><CorsRule>\
         <AllowedOrigins>{}</AllowedOrigins><AllowedMethods>{METHODS}</AllowedMethods>\
         <AllowedHeaders>*</AllowedHeaders><ExposedHeaders>*</ExposedHeaders>\
         <MaxAgeInSeconds>{MAX_AGE}</MaxAgeInSeconds></CorsRule></Cors></StorageServiceProperties>",
        origins.join(",")
    );
    let token = identity::storage_token(OffsetDateTime::now_utc());
    let bearer = format!("Bearer {}", token.text);
    for (service, port) in ports.services() {
        let request = Request {
            method: "PUT",
            target: &format!("/{ACCOUNT}/?restype=service&comp=properties"),
            headers: &[
                ("Authorization", &bearer),
                ("x-ms-version", probe::API),
                ("Content-Type", "application/xml"),
            ],
            body: body.as_bytes(),
        };
        let why = match client.send(port, &request) {
            Ok(response) if response.status == 202 => continue,
            Ok(response) => probe::words(&response),
            Err(why) => why.to_string(),
        };
        let name = service.name();
        let what = format!("Azurite is up, but --cors could not be set for its {name} service: {why}");
        return Err(Failure::new(what).hint("azup logs").into());
    }
    Ok(())
}

/// Whether the blob service lets pages of `origin` call it, asked as a browser would.
pub fn allows(port: u16, origin: &str, limit: Duration) -> Result<bool> {
    let request = Request {
        method: "OPTIONS",
        target: &format!("/{ACCOUNT}/container/blob"),
        headers: &[("Origin", origin), ("Access-Control-Request-Method", "PUT")],
        body: &[],
    };
    let response = Client::insecure(limit)?.send(port, &request);
    let response = response.map_err(|why| Failure::new(why.to_string()))?;
    let allowed = response.header("Access-Control-Allow-Origin");
    Ok(allowed.is_some_and(|allowed| allowed == "*" || allowed == origin))
}
