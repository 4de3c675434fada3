//! `azup env`

use anyhow::Result;
use serde_json::{Map, Value, json};

use crate::azurite::{self, Running};
use crate::certificates::{self, Place, TrustAnchor};
use crate::change::{self, Change};
use crate::cli::{Env, Format, Global, Told};
use crate::environment::{self, Environment, Wish};
use crate::failure::{Exit, shown};
use crate::identity;
use crate::machine::Machine;
use crate::output::Output;

pub(super) fn run(env: &Env, global: &Global, machine: &Machine, output: Output) -> Result<Exit> {
    let (ports, running) = azurite::find_running(&env.told, machine)?;
    if env.format == Format::Functions {
        let account = azurite::known_account(env.told.account.as_ref(), machine)?;
        let warnings = environment::functions_warnings(machine);
        output.warn_all(&warnings);
        let settings = environment::functions(&account, ports);
        output.value(&settings)?;
        output.document(&serde_json::from_str(&settings)?)?;
        return Ok(Exit::Done);
    }
    let plan = || {
        let place = Place::find(machine, global)?;
        let obtained = certificates::obtain(machine, &place, &[])?;
        let ca = azurite::ca_of(running.as_ref(), obtained.set.ca, &place, machine)?;
        let endpoint = endpoint(env.identity_port, running.as_ref(), machine);
        let (wish, kept) = wish(&env.told, ports, ca, endpoint, machine)?;
        let mut environment = Environment::plan(&wish, machine)?;
        let files = std::mem::take(&mut environment.changes);
        environment.changes = [obtained.changes, kept, files].concat();
        Ok(environment)
    };
    let mut environment = prepared(plan, global.dry_run, machine, output)?;
    if global.dry_run {
        let files = written(&environment.changes);
        let lines: Vec<String> = files.iter().map(|file| format!("write {file}")).collect();
        output.answer(&(lines.join("\n") + "\n"))?;
        output.document(&json!({ "dry_run": true, "changes": files }))?;
        return Ok(Exit::Done);
    }
    if let Some(running) = &running {
        azurite::warn_of_other_certificate(running, global, machine, output)?;
    }
    let text = environment::written(&mut environment, env.format)?;
    output.warn_all(&environment.warnings);
    output.value(&text)?;
    let variables: Map<String, Value> = environment
        .variables
        .iter()
        .map(|each| {
            let value = each.value.as_ref().map(|value| value.to_string_lossy());
            (each.name.to_owned(), json!(value))
        })
        .collect();
    output.document(&json!({ "variables": variables }))?;
    Ok(Exit::Done)
}

/// Plans the variables and writes the files that they name.
pub(super) fn prepared(
    plan: impl Fn() -> Result<Environment>,
    dry_run: bool,
    machine: &Machine,
    output: Output,
) -> Result<Environment> {
    let environment = plan()?;
    if environment.changes.is_empty() || dry_run {
        return Ok(environment);
    }
    let _alone = change::exclusively(machine)?;
    // Another azup may have been at work.
    let environment = plan()?;
    change::apply(&environment.changes, machine)?;
    for file in written(&environment.changes) {
        output.detail(&format!("wrote {file}"));
    }
    Ok(environment)
}

/// The files of `changes`.
pub(super) fn written(changes: &[Change]) -> Vec<String> {
    let paths = changes.iter().filter_map(|change| match change {
        Change::Write { path, .. } => Some(shown(path)),
        _ => None,
    });
    paths.collect()
}

/// What the options say, and the changes that keep a new identity header.
pub(super) fn wish(
    told: &Told,
    ports: azurite::Ports,
    ca: TrustAnchor,
    endpoint: String,
    machine: &Machine,
) -> Result<(Wish, Vec<Change>)> {
    let (header, changes) = identity::header(machine)?;
    let wish = Wish {
        ports,
        account: azurite::known_account(told.account.as_ref(), machine)?,
        ca,
        credential: told.credential,
        endpoint,
        header,
        only_managed_identity: !told.no_token_credentials,
        java: told.java,
    };
    Ok((wish, changes))
}

/// Where SDKs ask for tokens: as named, at the running Azurite's, where a dev container
/// says, else at the usual place.
fn endpoint(named: Option<u16>, running: Option<&Running>, machine: &Machine) -> String {
    let set = machine.var("IDENTITY_HEADER").and_then(|_| {
        let endpoint = machine.var("IDENTITY_ENDPOINT")?.to_str()?;
        endpoint
            .ends_with(identity::PATH)
            .then(|| endpoint.to_owned())
    });
    match named {
        Some(port) => identity::url(identity::loopback(port)),
        None => running
            .and_then(|running| running.identity.endpoint.clone())
            .or(set)
            .unwrap_or_else(|| identity::url(identity::loopback(identity::PORT))),
    }
}
