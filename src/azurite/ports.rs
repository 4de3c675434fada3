//! Whether a port is free, and who has it otherwise.

use std::fs;
use std::io::ErrorKind;
use std::net::TcpListener;
use std::os::unix::ffi::OsStrExt as _;

use anyhow::Result;

use super::slot::Slot;
use super::{ADDRESS, Ports, Service};
use crate::failure::{Failure, quoted, reason};
use crate::machine::Machine;

/// The longest command line that a message shows (characters).
const SHOWN: usize = 120;

/// Makes sure that every port is free.
///
/// # Errors
/// Where one is taken, naming the process that has it where that can be told, or may not
/// be used.
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
    let who = match owner(port) {
        Some((pid, command)) => format!("by process {pid}: {command}"),
        None => "by a process that this user may not look at".to_owned(),
    };
    Failure::new(format!("{start} {who}")).hint(other_ports(port))
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

/// The process that listens on `port`, and its command line. By `/proc`, so on Linux
/// only, and only for what this user may look at.
fn owner(port: u16) -> Option<(u32, String)> {
    let inodes: Vec<String> = ["/proc/net/tcp", "/proc/net/tcp6"]
        .iter()
        .filter_map(|table| fs::read_to_string(table).ok())
        .flat_map(|table| listeners(&table, port))
        .collect();
    let wanted: Vec<String> = inodes
        .iter()
        .map(|inode| format!("socket:[{inode}]"))
        .collect();
    for entry in fs::read_dir("/proc").ok()?.flatten() {
        let Some(pid) = entry.file_name().to_str().and_then(|pid| pid.parse().ok()) else {
            continue;
        };
        let Ok(files) = fs::read_dir(entry.path().join("fd")) else {
            continue;
        };
        let has = files.flatten().any(|file| {
            fs::read_link(file.path())
                .is_ok_and(|target| wanted.iter().any(|wanted| target.as_os_str() == &**wanted))
        });
        if has {
            return Some((pid, command_of(pid)));
        }
    }
    None
}

/// The inodes of the sockets that listen on `port`, in a table of `/proc/net/tcp`'s form:
/// the second column is the local address, the fourth the state (0A: listening), the
/// tenth the inode.
fn listeners(table: &str, port: u16) -> Vec<String> {
    let end = format!(":{port:04X}");
    table
        .lines()
        .skip(1)
        .filter_map(|line| {
            let columns: Vec<&str> = line.split_ascii_whitespace().collect();
            let listens = columns.get(1)?.ends_with(&end) && *columns.get(3)? == "0A";
            listens.then(|| columns.get(9).map(|inode| (*inode).to_owned()))?
        })
        .collect()
}

/// A process's command line on one line, cut where it is long.
fn command_of(pid: u32) -> String {
    let bytes = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
    let words: Vec<String> = bytes
        .split(|byte| *byte == 0)
        .filter(|word| !word.is_empty())
        .map(|word| quoted(std::ffi::OsStr::from_bytes(word)))
        .collect();
    let line = words.join(" ");
    match line.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("{}…", &line[..end]),
        None if line.is_empty() => "(no command line)".to_owned(),
        None => line,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_listens_on_a_port_is_found() {
        let listener = TcpListener::bind((ADDRESS, 0)).expect("a port");
        let port = listener.local_addr().expect("an address").port();
        let (pid, command) = owner(port).expect("this process");
        assert_eq!(pid, std::process::id());
        assert!(!command.is_empty());
    }

    #[test]
    fn only_listeners_on_that_very_port_count() {
        let table = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n\
            0: 0100007F:2710 00000000:0000 0A 00000000:00000000 00:00000000 00000000  0 0 111 1\n\
            1: 0100007F:2710 0100007F:A000 01 00000000:00000000 00:00000000 00000000  0 0 222 1\n\
            2: 0100007F:A710 00000000:0000 0A 00000000:00000000 00:00000000 00000000  0 0 333 1\n";
        assert_eq!(listeners(table, 10000), ["111"]);
    }
}
