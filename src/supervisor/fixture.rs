//! Ports for the Azurite of a test run. Any number of test runs may start at once.
//!
//! The ports lie below those that operating systems give to outgoing connections, which come and go
//! between two checks. Each azup holds the lock of its block for as long as it lives, so two azups
//! of one user never try the same block; an azup that runs into another user's block takes the
//! next.

use std::net::TcpListener;

use anyhow::Result;

use super::instance_lock;
use crate::azurite::{ADDRESS, AzuriteOptions, Ports};
use crate::failure::Failure;
use crate::machine::Machine;
use crate::os::{LockFile, OsStrExt as _};

/// The first port of the first block. Linux hands out ephemeral ports from 32768 on, others from
/// 49152.
const FIRST: u16 = 12_000;

/// How many ports belong together.
const STEP: u16 = 4;

/// How many blocks there are.
const BLOCKS: u16 = 2_000;

/// Keeps every other azup of this user from the same ports.
#[derive(Debug)]
pub struct PortClaim {
    /// How many blocks were skipped before this one.
    pub place: u16,
    _lock: Option<LockFile>,
}

/// Replaces each port of `wish` that is 0 with a free one, from the first unclaimed block after
/// `place` others.
pub fn with_ports(wish: &AzuriteOptions, place: u16, machine: &Machine) -> Result<(AzuriteOptions, PortClaim)> {
    let mut found = wish.clone();
    let asked = wish.ports;
    if ![asked.blob, asked.queue, asked.table].contains(&0) {
        asked.check(wish.identity.filter(|port| *port != 0))?;
        return Ok((found, PortClaim { place, _lock: None }));
    }
    // Users begin at different places, so they rarely meet.
    let start = start(machine)?;
    for place in place..BLOCKS {
        let first = FIRST + (start + place) % BLOCKS * STEP;
        let or = |port, free| if port == 0 { free } else { port };
        found.ports = Ports {
            blob: or(asked.blob, first),
            queue: or(asked.queue, first + 1),
            table: or(asked.table, first + 2),
        };
        let Some(lock) = instance_lock::claim(first, machine)? else {
            continue;
        };
        if (first..first + STEP).all(|port| TcpListener::bind((ADDRESS, port)).is_ok()) {
            found.ports.check(wish.identity.filter(|port| *port != 0))?;
            let lock = Some(lock);
            return Ok((found, PortClaim { place, _lock: lock }));
        }
    }
    let what = format!("cannot find three free ports on {ADDRESS} for Azurite");
    Err(Failure::new(what).hint("azup status").into())
}

fn start(machine: &Machine) -> Result<u16> {
    let folder = machine.own_folder()?;
    let bytes = folder.as_os_str().as_bytes().iter();
    Ok(bytes.fold(0, |sum: u16, byte| sum.wrapping_mul(31).wrapping_add((*byte).into())) % BLOCKS)
}
