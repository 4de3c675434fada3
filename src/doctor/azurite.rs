//! Azurite as its clients see it: on the usual ports, whoever started it. If it is not running
//! there is nothing to check, and that is reported once.

use std::ffi::OsStr;
use std::path::Path;

use anyhow::Result;

use super::{Check, Context, Finding, Run};
use crate::azurite::{self, ACCOUNT, Ask, Listener, Node, Seen, Service};
use crate::certificates::TrustAnchor;
use crate::failure::{Failure, command_line, shown};
use crate::identity;
use crate::machine::Machine;
use crate::os::{self, MetadataExt as _};
use crate::project::OWN_FOLDER;
use crate::supervisor;

/// With less free disk space than this (bytes), Azurite will soon be unable to store anything.
const FREE: u64 = 100 << 20;

/// The failures that make requests over TLS pointless.
pub(super) const NO_TLS: &[&str] = &["azurite-ports", "azurite-running", "azurite-https"];

pub(super) const CHECKS: &[Check] = &[
    Check {
        id: "azurite-node",
        title: "Node.js is installed and new enough to run Azurite",
        explained_by: &[],
        starts_program: true,
        run: Run::Check(node),
    },
    Check {
        id: "azurite-install",
        title: "the installed Azurite is unchanged",
        explained_by: &[],
        starts_program: false,
        run: Run::Check(install),
    },
    Check {
        id: "azurite-data",
        title: "Azurite's data folder can be written",
        explained_by: &[],
        starts_program: false,
        run: Run::Check(data),
    },
    Check {
        id: "azurite-ports",
        title: "no other program has Azurite's ports",
        explained_by: &[],
        starts_program: false,
        run: Run::Check(ports),
    },
    Check {
        id: "azurite-running",
        title: "Azurite's three services answer",
        explained_by: &["azurite-ports"],
        starts_program: false,
        run: Run::Check(running),
    },
    Check {
        id: "azurite-https",
        title: "Azurite serves HTTPS",
        explained_by: &["azurite-ports"],
        starts_program: false,
        run: Run::Check(https),
    },
    Check {
        id: "azurite-certificate",
        title: "Azurite serves the certificate that is on disk",
        explained_by: &["azurite-ports", "azurite-https", "certificate-set"],
        starts_program: false,
        run: Run::Check(certificate),
    },
    Check {
        id: "azurite-oauth",
        title: "Azurite accepts local tokens",
        explained_by: &["clock", "azurite-ports", "azurite-running", "azurite-https"],
        starts_program: false,
        run: Run::Check(oauth),
    },
];

fn node(context: &Context) -> Result<Finding> {
    match Node::find(&context.machine, context.limit) {
        Ok(node) => Ok(Finding::ok(node.named())),
        Err(_) if is_beside(&context.machine) => {
            Ok(Finding::skip("Azurite runs in a container of its own"))
        }
        // A dev container brings its own.
        Err(error) => Ok(Finding {
            status: super::Status::Warn,
            ..Finding::of_error(&error)
        }),
    }
}

fn install(context: &Context) -> Result<Finding> {
    Ok(match azurite::installed(&context.machine)? {
        Some(entry) => Finding::ok(shown(&entry)),
        None => Finding::skip("azup up installs it on first use"),
    })
}

/// Whether this is a dev container beside which compose runs Azurite.
fn is_beside(machine: &Machine) -> bool {
    let overlay = Path::new(OWN_FOLDER).join("docker-compose.yml");
    let mut folders = machine.cwd().ancestors();
    machine.is_dev_container() && folders.any(|folder| folder.join(&overlay).is_file())
}

fn data(context: &Context) -> Result<Finding> {
    let running = supervisor::running(&context.machine);
    let here = running.iter().find(|one| one.ports == context.ports);
    let folder = match here {
        Some(one) => match &one.location {
            Some(folder) => folder.into(),
            None => return Ok(Finding::skip("it is kept in memory")),
        },
        None => azurite::usual_data(&context.machine)?,
    };
    let name = shown(&folder);
    if !folder.is_dir() {
        return Ok(Finding::skip(format!("{name} does not exist yet")));
    }
    if os::may_write_in(&folder).is_err() {
        let finding = Finding::fail(format!("{name} cannot be written"));
        let owner = std::fs::metadata(&folder).map(|about| about.uid());
        return Ok(if owner.is_ok_and(|uid| uid == os::user()) {
            let words = [OsStr::new("chmod"), "u+rwx".as_ref(), folder.as_os_str()];
            finding.fix(command_line(words))
        } else {
            finding.by_hand("its owner, or an administrator, has to let you write there")
        });
    }
    if os::free_space(&folder).is_some_and(|free| free < FREE) {
        let what = format!("less than {} MB is free in {name}", FREE >> 20);
        return Ok(Finding::warn(what).by_hand("make room on that file system"));
    }
    Ok(Finding::ok(name))
}

/// Which process has this port, in words, and the command that makes room for azup's Azurite: stop
/// what azup started, else use other ports.
fn owner(context: &Context, service: Service, port: u16) -> (String, String) {
    let taken = supervisor::port_taken(service, port, &context.machine);
    let what = taken.to_string();
    let hint = Failure::hint_of(&taken.into()).map(str::to_owned);
    let fix = match hint.as_deref() {
        Some(down) if down.starts_with("azup down") => format!("{down} && {}", context.up()),
        None => format!("azup down && {}", context.up()),
        Some(other_ports) => other_ports.replace("azup up ", "azup up -d "),
    };
    (what, fix)
}

fn ports(context: &Context) -> Result<Finding> {
    for (service, port, listener) in context.listeners()? {
        let finding = |why: &str, new: fn(String) -> Finding| {
            let (what, fix) = owner(context, *service, *port);
            Ok(new(format!("{what} ({why})")).fix(fix))
        };
        match listener {
            Listener::Stranger(why) => return finding(why, Finding::fail),
            // It may be Azurite on a busy machine.
            Listener::Silent => return finding("it does not answer in time", Finding::warn),
            Listener::Nobody | Listener::Azurite(_) => {}
        }
    }
    Ok(Finding::ok("none has another owner"))
}

/// The services that Azurite answers on.
pub(super) fn services(context: &Context) -> Result<Vec<(Service, u16, &Seen)>> {
    let listeners = context.listeners()?.iter();
    let services = listeners.filter_map(|(service, port, listener)| match listener {
        Listener::Azurite(seen) => Some((*service, *port, seen)),
        _ => None,
    });
    Ok(services.collect())
}

/// The finding of checks that need an Azurite, if there is none.
pub(super) fn none() -> Finding {
    Finding::skip("Azurite is not running")
}

fn running(context: &Context) -> Result<Finding> {
    let services = services(context)?;
    let Some((_, _, first)) = services.first() else {
        let mut listeners = context.listeners()?.iter();
        if !listeners.all(|(.., it)| matches!(it, Listener::Nobody)) {
            return Ok(Finding::skip("see azurite-ports"));
        }
        return Ok(Finding::warn("it is not running").fix(context.up()));
    };
    let version = &first.version;
    if let Some((service, port, _)) = context
        .listeners()?
        .iter()
        .find(|(.., listener)| matches!(listener, Listener::Nobody))
    {
        let name = service.name();
        let what = format!("nothing answers at port {port} for the {name} service");
        return Ok(Finding::fail(what).fix(format!("azup down && {}", context.up())));
    }
    let all: Vec<String> = services
        .iter()
        .map(|(service, port, _)| format!("{} {port}", service.name()))
        .collect();
    Ok(Finding::ok(format!(
        "Azurite {version}: {}",
        all.join(", ")
    )))
}

fn https(context: &Context) -> Result<Finding> {
    let services = services(context)?;
    if services.is_empty() {
        return Ok(none());
    }
    for (service, port, seen) in &services {
        if seen.certificate.is_none() {
            let (what, fix) = owner(context, *service, *port);
            return Ok(Finding::fail(format!(
                "the {} service speaks plain HTTP, over which no SDK sends a token; {what}",
                service.name()
            ))
            .fix(fix));
        }
    }
    Ok(Finding::ok("all that answer do"))
}

fn certificate(context: &Context) -> Result<Finding> {
    let services = services(context)?;
    let Some(leaf) = &context.set().leaf else {
        return Ok(Finding::skip("there is no certificate set"));
    };
    if services.is_empty() {
        return Ok(none());
    }
    for (service, port, seen) in &services {
        let Some(served) = &seen.certificate else {
            continue;
        };
        if *served == leaf.der {
            continue;
        }
        let issuer = TrustAnchor::from_der(served).map(|served| served.issuer);
        let issuer = issuer.unwrap_or_else(|| "an issuer that azup does not know".to_owned());
        let (what, fix) = owner(context, *service, *port);
        return Ok(Finding::fail(format!(
            "the {} service presents one signed by {issuer}, not {}; {what}",
            service.name(),
            shown(&context.file(2))
        ))
        .fix(fix));
    }
    Ok(Finding::ok(shown(&context.file(2))))
}

/// Whether the blob service accepts this token; if not, the message of its answer.
pub(super) fn takes(context: &Context, token: &str) -> Result<Result<(), String>> {
    let target = format!("/{ACCOUNT}?comp=list");
    let bearer = format!("Bearer {token}");
    let ask = Ask {
        port: context.ports.blob,
        target: &target,
        // One that every Azurite of recent years supports.
        headers: &[("Authorization", &bearer), ("x-ms-version", "2021-12-02")],
    };
    let reply = azurite::ask(&ask, context.limit)?;
    Ok(if reply.status == 200 {
        Ok(())
    } else {
        Err(reply.words)
    })
}

/// The blob service, if it speaks TLS.
pub(super) fn blob(context: &Context) -> Result<Option<u16>> {
    let services = services(context)?;
    let blob = services
        .iter()
        .find(|(service, _, seen)| *service == Service::Blob && seen.certificate.is_some());
    Ok(blob.map(|(_, port, _)| *port))
}

fn oauth(context: &Context) -> Result<Finding> {
    let Some(port) = blob(context)? else {
        return Ok(none());
    };
    let good = identity::storage_token(context.machine.now()).text;
    if let Err(why) = takes(context, &good)? {
        let (what, fix) = owner(context, Service::Blob, port);
        return Ok(Finding::fail(format!(
            "it accepts no token, as if started without --oauth basic: {why}; {what}"
        ))
        .fix(fix));
    }
    if takes(context, "a.b.c")?.is_ok() {
        let (what, fix) = owner(context, Service::Blob, port);
        return Ok(Finding::fail(format!("it accepts anything as a token; {what}")).fix(fix));
    }
    Ok(Finding::ok(
        "it accepts a local token, and any other well-formed one: account keys protect nothing",
    ))
}
