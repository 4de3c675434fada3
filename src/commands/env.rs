//! `azup env`

use std::ffi::{OsStr, OsString};
use std::net::{Ipv4Addr, TcpStream};
use std::time::Duration;

use anyhow::Result;
use serde_json::{Map, Value, json};

use crate::azurite;
use crate::certificates::{self, SetLocation, TrustAnchor};
use crate::change::{self, Change};
use crate::cli::Env;
use crate::environment::{self, Environment, EnvironmentOptions, Java, functions};
use crate::failure::{Exit, Failure, shown};
use crate::identity;
use crate::machine::Machine;
use crate::options::{ConnectionOptions, Format, Global};
use crate::output::Output;
use crate::project;
use crate::supervisor::{self, Running};

/// How long a listener on this machine may take to answer; usually it takes microseconds.
const AT_ONCE: Duration = Duration::from_millis(200);

/// .NET reads `SSL_CERT_FILE` once, when its process starts (measured).
const IN_PWSH: &str = "note: these variables apply to the programs that this pwsh starts; for its own requests (Invoke-WebRequest), run azup trust --stores dotnet";

pub(super) fn run(env: &Env, global: &Global, machine: &Machine, output: Output) -> Result<Exit> {
    let told = env.connection();
    let (ports, running) = supervisor::find_running(&told, machine)?;
    let plan = || {
        let place = SetLocation::find(machine, global)?;
        let obtained = certificates::obtain(machine, &place, &[])?;
        let ca = supervisor::ca_of(running.as_ref(), obtained.set.ca, &place, machine)?;
        let endpoint = endpoint(env.identity_port, running.as_ref(), machine);
        let (wish, kept) = wish(&told, None, ports, ca, endpoint, machine)?;
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
        supervisor::warn_of_other_certificate(running, global, machine, output)?;
    }
    if let Some(running) = &running {
        supervisor::warn_of_other_project(running, machine, output);
    }
    output.warn_all(&environment.warnings);
    output.warn_all(&nothing_runs(ports, running.as_ref()));
    if env.format == Format::Functions {
        let connections = project::connections(&functions::folder(machine));
        output.warn_all(&functions::warnings(&connections, machine));
        let settings = functions::settings(&environment, &connections, machine);
        output.value(&format!("{settings:#}\n"))?;
        output.document(&settings)?;
        return Ok(Exit::Done);
    }
    let warned = environment.warnings.len();
    if env.format == Format::Powershell {
        output.progress(IN_PWSH);
    }
    let text = environment::written(&mut environment, env.format)?;
    output.warn_all(&environment.warnings[warned..]);
    if let Some(name) = &env.name {
        return one(name, &environment, env.format, output);
    }
    output.value(&text)?;
    output.document(&json!({ "variables": variables(&environment) }))?;
    Ok(Exit::Done)
}

/// Each variable with its value; null if it is to be removed.
pub(super) fn variables(environment: &Environment) -> Map<String, Value> {
    let of = |value: &OsString| json!(value.to_string_lossy());
    environment
        .variables
        .iter()
        .map(|each| (each.name.to_owned(), json!(each.value.as_ref().map(of))))
        .collect()
}

/// The value of a single variable, verbatim.
fn one(name: &str, environment: &Environment, format: Format, output: Output) -> Result<Exit> {
    let found = environment.variables.iter().find(|each| each.name == name);
    let Some(value) = found.and_then(|each| each.value.as_ref()) else {
        let names: Vec<&str> = environment.variables.iter().map(|each| each.name).collect();
        let what = format!("azup does not set {name}; it sets {}", names.join(", "));
        return Err(Failure::new(what).hint("azup env").exit(Exit::Usage).into());
    };
    let value = value.to_string_lossy();
    if format == Format::Json {
        output.value(&format!("{}\n", json!(value)))?;
    } else {
        output.value(&format!("{value}\n"))?;
    }
    output.document(&json!({ "variables": { name: value } }))?;
    Ok(Exit::Done)
}

/// Warns if nothing listens on these ports: a program would wait for a minute or more before it
/// says so.
fn nothing_runs(ports: azurite::Ports, running: Option<&Running>) -> Vec<Failure> {
    let address = (Ipv4Addr::LOCALHOST, ports.blob).into();
    if running.is_some() || TcpStream::connect_timeout(&address, AT_ONCE).is_ok() {
        return Vec::new();
    }
    let what = format!("nothing listens on 127.0.0.1:{}: Azurite is not running", ports.blob);
    vec![Failure::new(what).hint("azup up -d")]
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
    // Another azup may have changed something.
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

/// The options for `command` (`None`: for any), and the changes that store a new identity header.
pub(super) fn wish(
    told: &ConnectionOptions,
    command: Option<&OsStr>,
    ports: azurite::Ports,
    ca: TrustAnchor,
    endpoint: String,
    machine: &Machine,
) -> Result<(EnvironmentOptions, Vec<Change>)> {
    let (header, changes) = identity::header(machine)?;
    let wish = EnvironmentOptions {
        ports,
        account: azurite::known_account(told.account.as_ref(), machine)?,
        host_style: told.host_style,
        ca,
        credential: told.credential,
        endpoint,
        header,
        drawn: None,
        java: Java::of(told.java, command, machine),
        kestrel: told.kestrel,
    };
    Ok((wish, changes))
}

/// Where SDKs request tokens: as named, else at the running Azurite's endpoint, else where a dev
/// container says, else at the usual address.
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
