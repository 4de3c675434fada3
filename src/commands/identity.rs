//! `azup identity`

use std::ffi::OsString;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

use anyhow::Result;
use serde_json::json;

use crate::azurite::{self, Interrupt};
use crate::background;
use crate::change;
use crate::environment;
use crate::failure::{Exit, Failure};
use crate::identity::{self, Forward, Found, Login, Service, Started};
use crate::machine::Machine;
use crate::options::Forward as Who;
use crate::output::{Answer, Output};

/// How long the one in the background may take until it serves.
const LIMIT: Duration = Duration::from_secs(60);

/// How often signals are looked for.
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
            "whoever reaches {listen} can have tokens that open every Azurite; Azure takes none of them"
        ));
    }
    let tokens = options.tokens();
    let forward = tokens.forward.unwrap_or(Who::None);
    let login = Login::find(Some(forward), &environment::before(machine))?;
    if login.is_some() && !ip.is_loopback() {
        let what = format!("--forward with --listen {ip}: whoever reaches that address would ask");
        let hint = format!("azup identity --forward {}", forward.name());
        return Err(Failure::new(what).hint(hint).exit(Exit::Usage).into());
    }
    let header = identity::ensure_header(machine)?;
    let has_more = login.is_some() || !tokens.audiences.is_empty();
    if options.detach {
        if identity::find(listen, &header) == Found::Ours {
            require_nothing_more(has_more, listen.port())?;
            output.give(&there(listen))?;
            return Ok(Exit::Done);
        }
        let mut arguments: Vec<OsString> = ["identity", "--detached-child", "--json"]
            .map(OsString::from)
            .to_vec();
        arguments.push(format!("--port={}", listen.port()).into());
        arguments.push(format!("--listen={ip}").into());
        arguments.push(format!("--forward={}", forward.name()).into());
        let audiences = tokens.audiences.iter();
        arguments.extend(audiences.map(|audience| format!("--audience={audience}").into()));
        let log = machine
            .own_folder()?
            .join("run")
            .join(format!("identity-{}.log", listen.port()));
        let answer = background::leave(&arguments, &log, LIMIT, machine, &interrupt)?;
        // It may have found that another one was a moment faster.
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

/// Another azup serves there as it was started.
fn require_nothing_more(is_more: bool, port: u16) -> Result<()> {
    if !is_more {
        return Ok(());
    }
    let what = format!(
        "another azup answers on port {port} already, and gives the tokens that it was started for"
    );
    let other = identity::other_port(port);
    Err(Failure::new(what).hint(format!("azup identity --port {other}")).into())
}

fn preview(listen: SocketAddr, machine: &Machine) -> Result<Answer> {
    let (header, changes) = identity::header(machine)?;
    let mut lines: Vec<String> = changes
        .iter()
        .map(|change: &change::Change| change.preview(machine).trim_end().to_owned())
        .filter(|line| !line.is_empty())
        .collect();
    lines.push(if identity::is_ours(listen, &header) {
        format!("another azup answers at {} already", identity::url(listen))
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

/// What one answers that serves. `drawn` is who is asked for other tokens, and the header of
/// those who get them.
fn serving(listen: SocketAddr, pid: u64, drawn: Option<(&str, &str)>, end: &str) -> Answer {
    let url = identity::url(listen);
    let mut text = format!("identity {url}\n");
    let mut document = json!({ "endpoint": url, "pid": pid });
    if let Some((names, drawn)) = drawn {
        text += &format!("{}\n", azurite::forwarding(names, drawn, &url));
        document["forward"] = json!({ "program": names, "header": drawn });
    }
    Answer {
        brief: None,
        text: format!("{text}\n{end}\n"),
        document,
        exit: Exit::Done,
    }
}

/// Start hooks run more than once, so this is no failure.
fn there(listen: SocketAddr) -> Answer {
    let url = identity::url(listen);
    Answer {
        brief: None,
        text: format!("identity {url}\n\nanother azup answers there already\n"),
        document: json!({ "endpoint": url, "pid": null }),
        exit: Exit::Done,
    }
}
