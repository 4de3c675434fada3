//! `azup identity`

use std::ffi::OsString;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

use anyhow::Result;
use serde_json::{Value, json};

use crate::background;
use crate::change;
use crate::environment;
use crate::failure::{Exit, Failure};
use crate::identity::{self, Forward, HandedOn, Login, Probed, Service, Started};
use crate::interrupt::Interrupt;
use crate::machine::Machine;
use crate::options::{Forward as Who, TokenOptions};
use crate::output::{Answer, Output};
use crate::supervisor;

/// How long the background azup may take until it serves.
const LIMIT: Duration = Duration::from_secs(60);

/// How often to check for signals.
const POLL: Duration = Duration::from_millis(50);

pub(super) fn run(
    options: &crate::cli::Identity,
    dry_run: bool,
    machine: &Machine,
    output: Output,
) -> Result<Exit> {
    let ip = options.listen.unwrap_or(IpAddr::V4(Ipv4Addr::LOCALHOST));
    let listen = SocketAddr::new(ip, options.port);
    if dry_run {
        output.give(&preview(listen, machine)?)?;
        return Ok(Exit::Done);
    }
    let interrupt = Interrupt::listen(options.detached_child)?;
    if !ip.is_loopback() {
        output.warning(&format!(
            "anyone who can reach {listen} can get tokens that every Azurite accepts; Azure \
             accepts none of them"
        ));
    }
    let tokens = options.tokens();
    let forward = tokens.forward.unwrap_or(Who::None);
    let login = Login::find(Some(forward), &environment::before(machine))?;
    if login.is_some() && !ip.is_loopback() {
        let what = format!("--forward with --listen {ip}: anyone who reaches that address could ask for your tokens");
        let hint = format!("azup identity --forward {}", forward.name());
        return Err(Failure::new(what).hint(hint).exit(Exit::Usage).into());
    }
    let header = identity::ensure_header(machine)?;
    let has_more = login.is_some() || !tokens.audiences.is_empty();
    if options.detach {
        // Another azup may serve already, or be a moment faster.
        let answer = detach(listen, &header, &tokens, &interrupt, machine)?;
        if answer.is_none() {
            require_nothing_more(has_more, listen.port())?;
        }
        let answer = answer.unwrap_or_default();
        output.give(&match answer["pid"].as_u64() {
            Some(pid) => {
                let forward = &answer["forward"];
                let drawn = forward["program"].as_str().zip(forward["header"].as_str());
                serving(listen, pid, drawn, &format!("kill {pid} stops it"))
            }
            None => there(listen),
        })?;
        return Ok(Exit::Done);
    }
    let drawn = login.as_ref().map(|login| (login.names(), identity::draw()));
    let service = Service {
        audiences: tokens.audiences,
        forward: login.zip(drawn.as_ref()).map(|(login, (_, header))| Forward {
            header: header.clone(),
            login,
            output,
            handed_on: HandedOn::default(),
        }),
        ..Service::local(&header, machine.clock())
    };
    let started = identity::start(listen, &service).map_err(|failure| {
        let other = identity::other_port(listen.port());
        failure.hint(format!("azup identity --port {other}"))
    })?;
    let Started::Here(endpoint) = started else {
        require_nothing_more(has_more, listen.port())?;
        output.give(&there(listen))?;
        return Ok(Exit::Done);
    };
    let pid = u64::from(std::process::id());
    let drawn = drawn.as_ref().map(|(names, drawn)| (names.as_str(), drawn.as_str()));
    let output = output.give_and_go_on(&serving(listen, pid, drawn, "Ctrl-C stops it"));
    while !interrupt.asked() {
        std::thread::sleep(POLL);
    }
    endpoint.stop();
    output.progress("stopped");
    Ok(Exit::Done)
}

/// Another azup serves there, with the options it was started with.
fn require_nothing_more(is_more: bool, port: u16) -> Result<()> {
    if !is_more {
        return Ok(());
    }
    let what = format!(
        "another azup already answers on port {port}, and serves only the tokens that it was started for"
    );
    let other = identity::other_port(port);
    Err(Failure::new(what).hint(format!("azup identity --port {other}")).into())
}

/// Leaves an azup in the background, if none answers; returns what it reports.
fn detach(
    listen: SocketAddr,
    header: &str,
    tokens: &TokenOptions,
    interrupt: &Interrupt,
    machine: &Machine,
) -> Result<Option<Value>> {
    if identity::find(listen, header) == Probed::Ours {
        return Ok(None);
    }
    let mut arguments: Vec<OsString> = ["identity", "--detached-child", "--json"]
        .map(OsString::from)
        .to_vec();
    arguments.push(format!("--port={}", listen.port()).into());
    arguments.push(format!("--listen={}", listen.ip()).into());
    let forward = tokens.forward.unwrap_or(Who::None);
    arguments.push(format!("--forward={}", forward.name()).into());
    let audiences = tokens.audiences.iter();
    arguments.extend(audiences.map(|audience| format!("--audience={audience}").into()));
    let log = machine
        .own_folder()?
        .join("run")
        .join(format!("identity-{}.log", listen.port()));
    background::leave(&arguments, &log, LIMIT, machine, interrupt).map(Some)
}

/// In a dev container the endpoint starts with the container. If it has ended since, everything
/// that F5 starts would fail, so it is started again; returns its pid if that was needed.
pub(super) fn revive(machine: &Machine) -> Result<Option<u64>> {
    let own = || {
        let endpoint = machine.var("IDENTITY_ENDPOINT")?.to_str()?;
        let port = endpoint.strip_prefix("http://127.0.0.1:")?.strip_suffix(identity::PATH)?;
        Some(identity::loopback(port.parse().ok()?))
    };
    let Some(listen) = own().filter(|_| machine.is_dev_container()) else {
        return Ok(None);
    };
    let header = identity::ensure_header(machine)?;
    if identity::is_ours(listen, &header) {
        return Ok(None);
    }
    let interrupt = Interrupt::listen(false)?;
    let answer = detach(listen, &header, &TokenOptions::default(), &interrupt, machine)?;
    Ok(answer.and_then(|answer| answer["pid"].as_u64()))
}

fn preview(listen: SocketAddr, machine: &Machine) -> Result<Answer> {
    let (header, changes) = identity::header(machine)?;
    let mut lines: Vec<String> = changes
        .iter()
        .map(|change: &change::Change| change.preview(machine).trim_end().to_owned())
        .filter(|line| !line.is_empty())
        .collect();
    lines.push(if identity::is_ours(listen, &header) {
        format!("another azup already answers at {}", identity::url(listen))
    } else {
        format!("would answer at {}", identity::url(listen))
    });
    Ok(Answer {
        brief: None,
        text: format!("{}\n", lines.join("\n")),
        document: json!({ "dry_run": true, "changes": lines }),
        exit: Exit::Done,
    })
}

/// The answer of an azup that serves. `drawn` is the login that is asked for other tokens, and the
/// header of clients that get them.
fn serving(listen: SocketAddr, pid: u64, drawn: Option<(&str, &str)>, end: &str) -> Answer {
    let url = identity::url(listen);
    let mut text = format!("identity {url}\n");
    let mut document = json!({ "endpoint": url, "pid": pid });
    if let Some((names, drawn)) = drawn {
        text += &format!("{}\n", supervisor::forwarding(names, drawn, &url));
        document["forward"] = json!({ "program": names, "header": drawn });
    }
    Answer {
        brief: None,
        text: format!("{text}\n{end}\n"),
        document,
        exit: Exit::Done,
    }
}

/// Start hooks run more than once, so this is not a failure.
fn there(listen: SocketAddr) -> Answer {
    let url = identity::url(listen);
    Answer {
        brief: None,
        text: format!("identity {url}\n\nanother azup already answers there\n"),
        document: json!({ "endpoint": url, "pid": null }),
        exit: Exit::Done,
    }
}
