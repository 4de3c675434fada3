//! azup's own compose file: a new Azurite, or what the user's own lacks.

use std::path::Path;

use anyhow::Result;

use super::outcome::{DEFAULT_PORTS, Overlay};
use super::parts::{Command, Parts, Serve};
use super::reach::joined;
use super::read::Services;
use super::{adopt, names, recognise};
use crate::failure::{Exit, Failure, edited, shown};

/// The overlay for a project whose compose files were read. `app` is the service that
/// devcontainer.json names, `project` the project's folder, absolute as the files are.
///
/// # Errors
/// With exit 4 if `app` is not a service, if its network cannot be joined, or if the project's own
/// Azurite cannot be adopted: the message says which and why.
pub fn overlay(services: &Services, app: &str, project: &Path) -> Result<Overlay> {
    let mut overlay = with_azurite(services, app, project)?;
    for name in names::in_use(services, &overlay.service) {
        if !overlay.sans.contains(&name) {
            overlay.sans.push(name);
        }
    }
    Ok(overlay)
}

fn with_azurite(services: &Services, app: &str, project: &Path) -> Result<Overlay> {
    if services.get(app).is_none() {
        let names: Vec<&str> = services
            .services
            .iter()
            .map(|(at, _)| at.as_str())
            .collect();
        return Err(refused(
            services,
            &format!(
                "there is no service {app}, which devcontainer.json names; there is: {}",
                names.join(", ")
            ),
        ));
    }
    if let Some(name) = recognise::find(services, app).map_err(|why| refused(services, &why))? {
        return adopt::complete(services, app, &name, project).map_err(|why| {
            refused(
                services,
                &format!("the Azurite that is there ({name}) cannot be used: {why}"),
            )
        });
    }
    let mode = joined(services, app).map_err(|why| refused(services, &why))?;
    let service = free("azurite", |name| services.get(name).is_some());
    let volume = free(&format!("{service}-data"), |name| {
        services.volumes.iter().any(|at| at == name)
    });
    let parts = Parts {
        plain: vec!["image", "init", "restart"],
        serve: Some(Serve {
            certs: "/certs".to_owned(),
            leaves: mode != "host",
            node_options: None,
        }),
        network_mode: Some(mode),
        data: Some((volume, "/data".to_owned())),
        command: Command::Template,
        healthcheck: Some(DEFAULT_PORTS.to_vec()),
        ..Parts::default()
    };
    Ok(Overlay {
        text: parts.render(services, &service, project),
        service,
        host: "127.0.0.1".to_owned(),
        ports: DEFAULT_PORTS.map(Some),
        sans: Vec::new(),
        published: Vec::new(),
        adopted: None,
    })
}

/// `wanted`, or the first similar name that is free.
fn free(wanted: &str, taken: impl Fn(&str) -> bool) -> String {
    if !taken(wanted) {
        return wanted.to_owned();
    }
    let other = match wanted.strip_suffix("-data") {
        Some(service) if !service.ends_with("-https") => format!("{service}-https-data"),
        _ => format!("{wanted}-https"),
    };
    let mut names = (2..).map(|number| format!("{other}-{number}"));
    let mut name = other.clone();
    while taken(&name) {
        name = names.next().unwrap_or_default();
    }
    name
}

fn refused(services: &Services, why: &str) -> anyhow::Error {
    let mut files: Vec<String> = services.files.iter().map(|path| shown(path)).collect();
    if files.is_empty() {
        files.push("dockerComposeFile".to_owned());
    }
    Failure::new(format!("cannot add Azurite to {}: {why}", files.join(", ")))
        .hint(edited(&services.files))
        .exit(Exit::Refused)
        .into()
}
