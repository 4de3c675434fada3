//! `azup identity`

use std::ffi::OsString;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

use anyhow::Result;
use serde_json::json;

use crate::azurite::Interrupt;
use crate::background;
use crate::change;
use crate::failure::Exit;
use crate::identity::{self, Found, Started};
use crate::machine::Machine;
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
    let header = identity::ensure_header(machine)?;
    if options.detach {
        // Another one may be there, or be a moment faster.
        output.give(&match detach(listen, &header, &interrupt, machine)? {
            Some(pid) => serving(listen, pid, &format!("kill {pid} stops it")),
            None => there(listen),
        })?;
        return Ok(Exit::Done);
    }
    let started = identity::start(listen, &header, machine.clock()).map_err(|failure| {
        let other = identity::other_port(listen.port());
        failure.hint(format!("azup identity --port {other}"))
    })?;
    let Started::Here(endpoint) = started else {
        output.give(&there(listen))?;
        return Ok(Exit::Done);
    };
    let pid = u64::from(std::process::id());
    let output = output.give_and_go_on(&serving(listen, pid, "Ctrl-C stops it"));
    while !interrupt.asked() {
        std::thread::sleep(POLL);
    }
    endpoint.stop();
    output.progress("stopped");
    Ok(Exit::Done)
}

/// Leaves one in the background, where none answers: its process.
fn detach(
    listen: SocketAddr,
    header: &str,
    interrupt: &Interrupt,
    machine: &Machine,
) -> Result<Option<u64>> {
    if identity::find(listen, header) == Found::Ours {
        return Ok(None);
    }
    let mut arguments: Vec<OsString> = ["identity", "--detached-child", "--json"]
        .map(OsString::from)
        .to_vec();
    arguments.push(format!("--port={}", listen.port()).into());
    arguments.push(format!("--listen={}", listen.ip()).into());
    let log = machine
        .own_folder()?
        .join("run")
        .join(format!("identity-{}.log", listen.port()));
    let answer = background::leave(&arguments, &log, LIMIT, machine, interrupt)?;
    Ok(answer["pid"].as_u64())
}

/// In a dev container the endpoint starts with it. One that has ended since would fail whatever
/// F5 starts, so it is started again: the process, where that was needed.
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
    detach(listen, &header, &interrupt, machine)
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

fn serving(listen: SocketAddr, pid: u64, end: &str) -> Answer {
    let url = identity::url(listen);
    Answer {
        brief: None,
        text: format!("identity {url}\n\n{end}\n"),
        document: json!({ "endpoint": url, "pid": pid }),
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
