//! Whether a port is free, and who has it otherwise.

use std::io::ErrorKind;
use std::net::TcpListener;

use anyhow::Result;

use super::slot::Slot;
use super::{ADDRESS, Ports, Service};
use crate::failure::{Failure, reason};
use crate::machine::{Machine, listener};

/// Makes sure that every port is free.
pub(super) fn require_free(ports: Ports, machine: &Machine) -> Result<()> {
    for (service, port) in ports.services() {
        match TcpListener::bind((ADDRESS, port)) {
            Ok(_) => {}
            Err(error) if error.kind() == ErrorKind::AddrInUse => {
                return Err(taken(service, port, machine).into());
            }
            Err(error) => {
                return Err(Failure::new(format!(
                    "cannot listen on {ADDRESS}:{port} for the {} service: {}",
                    service.name(),
                    reason(&error)
                ))
                .hint(other_ports(port))
                .into());
            }
        }
    }
    Ok(())
}

/// The failure for a port that somebody else has.
pub(super) fn taken(service: Service, port: u16, machine: &Machine) -> Failure {
    let start = format!("port {port} for the {} service is in use", service.name());
    let ours = Slot::all(machine)
        .unwrap_or_default()
        .into_iter()
        .filter_map(|slot| slot.running())
        .find(|running| {
            let ports = running.ports;
            ports.services().iter().any(|(_, theirs)| *theirs == port)
        });
    if let Some(running) = ours {
        let data = running.location.as_deref().unwrap_or("memory");
        return Failure::new(format!(
            "{start} by another Azurite of azup's (pid {}, data in {data})",
            running.pid
        ))
        .hint("azup down");
    }
    Failure::new(format!("{start} {}", listener(port))).hint(other_ports(port))
}

fn other_ports(port: u16) -> String {
    // Far enough away from the usual ones, and never out of range.
    let base = if port < 50_000 { 20_000 } else { 30_000 };
    format!(
        "azup up --blob-port {} --queue-port {} --table-port {}",
        base,
        base + 1,
        base + 2
    )
}
