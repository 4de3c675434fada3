//! Whether a port is free, and which process has it otherwise.

use std::io::ErrorKind;
use std::net::TcpListener;

use anyhow::Result;

use super::instance_lock::InstanceLock;
use crate::azurite::{ADDRESS, Ports, Service};
use crate::failure::{Failure, reason, shown};
use crate::machine::{Machine, listener};
use crate::workspace::marked_project;

/// Makes sure that every port is free.
pub fn require_free(ports: Ports, machine: &Machine) -> Result<()> {
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

/// The failure for a port that another process has.
pub fn taken(service: Service, port: u16, machine: &Machine) -> Failure {
    let start = format!("port {port} for the {} service is in use", service.name());
    let ours = InstanceLock::all(machine)
        .unwrap_or_default()
        .into_iter()
        .filter_map(|instance| instance.running())
        .find(|running| {
            let ports = running.ports;
            ports.services().iter().any(|(_, theirs)| *theirs == port)
        });
    let Some(running) = ours else {
        return Failure::new(format!("{start} {}", listener(port))).hint(other_ports(port));
    };
    let data = running.location.as_deref().unwrap_or("memory");
    let pid = running.pid;
    let failure = |whose: &str| {
        Failure::new(format!("{start} by {whose} (pid {pid}, data in {data})"))
    };
    match &running.project {
        Some(theirs) if marked_project(machine).as_ref() != Some(theirs) => {
            failure(&format!("the Azurite of {}", shown(theirs))).hint(other_ports(port))
        }
        _ => failure("another Azurite that azup runs").hint(running.down(machine)),
    }
}

fn other_ports(port: u16) -> String {
    format!("azup up --port {}", others(port))
}

/// A port with room for alternatives to this one.
pub fn others(port: u16) -> u16 {
    // Far enough away from the usual ones, and never out of range.
    let first = if port < 50_000 { 20_000 } else { 30_000 };
    let free = |base: &u16| {
        (0..4).all(|service| TcpListener::bind((ADDRESS, base + service)).is_ok())
    };
    let mut bases = (first..first + 1_000).step_by(10);
    bases.find(free).unwrap_or(first)
}
