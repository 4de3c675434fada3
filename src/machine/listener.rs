//! Which process listens on a port: for messages about one that is taken, and before a secret is
//! sent there.

use std::fs;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream};
use std::os::unix::ffi::OsStrExt as _;

use crate::failure::quoted;

/// The longest command line that a message shows (characters).
const SHOWN: usize = 120;

/// The process that listens on `port`, as the end of a sentence: `by process 12: node …`.
pub fn listener(port: u16) -> String {
    match owner(port) {
        Some((pid, command)) => format!("by process {pid}: {command}"),
        None => "by a process that this user cannot see".to_owned(),
    }
}

/// The tables of all sockets, which every user may read; on Linux only.
const TABLES: [&str; 2] = ["/proc/net/tcp", "/proc/net/tcp6"];

/// Whether the other end of a connection within this machine belongs to another user, since any
/// user can take a free port. Root does not count as another user, and for root no user does. If
/// nothing can be determined, the answer is no.
pub fn is_another_users(stream: &TcpStream) -> bool {
    let us = rustix::process::geteuid().as_raw();
    if us == 0 {
        return false;
    }
    let (Ok(there), Ok(here)) = (stream.peer_addr(), stream.local_addr()) else {
        return false;
    };
    let tables = TABLES.iter().filter_map(|table| fs::read_to_string(table).ok());
    let mut owners = tables.flat_map(|table| owners(&table, there, here));
    owners.any(|owner| owner != 0 && owner != us)
}

/// The owners of the sockets that listen at `there`, and of the one connected to `here`: the latter
/// has no owner (0) until it is accepted, and the former may be closed by then. The second column
/// is the local address, the third the remote one, the fourth the state, the eighth the owner.
fn owners(table: &str, there: SocketAddr, here: SocketAddr) -> Vec<u32> {
    let written = |address: SocketAddr| {
        let port = address.port();
        forms(address.ip()).map(move |ip| format!("{ip}:{port:04X}"))
    };
    let (at, with): (Vec<String>, Vec<String>) = (written(there).collect(), written(here).collect());
    let any = [IpAddr::V4(Ipv4Addr::UNSPECIFIED), IpAddr::V6(Ipv6Addr::UNSPECIFIED)];
    let any = any.map(|ip| SocketAddr::new(ip, there.port()));
    let anywhere: Vec<String> = any.into_iter().flat_map(written).collect();
    let is = |known: &[String], column: &str| known.iter().any(|one| one == column);
    let owner = |line: &str| -> Option<u32> {
        let columns: Vec<&str> = line.split_ascii_whitespace().collect();
        let [_, local, remote, state, _, _, _, owner, ..] = columns[..] else {
            return None;
        };
        let listens = state == "0A" && (is(&at, local) || is(&anywhere, local));
        let answers = is(&at, local) && is(&with, remote);
        (listens || answers).then(|| owner.parse().ok())?
    };
    table.lines().skip(1).filter_map(owner).collect()
}

/// An address as the tables write it, in words of the machine's byte order: as it is, and as an
/// IPv6 address.
fn forms(ip: IpAddr) -> impl Iterator<Item = String> {
    let words = |bytes: &[u8]| -> String {
        let words = bytes.chunks_exact(4).filter_map(|word| word.try_into().ok());
        let written = words.map(|word| format!("{:08X}", u32::from_ne_bytes(word)));
        written.collect::<Vec<String>>().concat()
    };
    let both = match ip {
        IpAddr::V4(ip) => vec![words(&ip.octets()), words(&ip.to_ipv6_mapped().octets())],
        IpAddr::V6(ip) => vec![words(&ip.octets())],
    };
    both.into_iter()
}

/// The process that listens on `port`, and its command line. From `/proc`, so only on Linux, and
/// only for processes that this user may inspect.
fn owner(port: u16) -> Option<(u32, String)> {
    let inodes: Vec<String> = TABLES
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

/// The inodes of the sockets that listen on `port`, in a table in the format of `/proc/net/tcp`:
/// the second column is the local address, the fourth the state (0A: listening), the tenth the
/// inode.
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

/// A process's command line on one line, truncated if it is long.
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
    use std::net::TcpListener;

    #[test]
    fn who_listens_on_a_port_is_found() {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port");
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

    #[test]
    fn the_owner_of_the_other_end_is_found_while_and_after_it_listens() {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port");
        let address = listener.local_addr().expect("an address");
        let stream = TcpStream::connect(address).expect("a connection");
        let here = stream.local_addr().expect("an address");
        let all = || -> Vec<u32> {
            let tables = TABLES.iter().filter_map(|table| fs::read_to_string(table).ok());
            tables.flat_map(|table| owners(&table, address, here)).collect()
        };
        let us = rustix::process::geteuid().as_raw();
        assert!(all().contains(&us), "{:?}", all());
        let accepted = listener.accept().expect("a client");
        drop(listener);
        assert_eq!(all(), [us]);
        assert!(!is_another_users(&stream));
        drop(accepted);
    }

    #[test]
    fn who_else_listens_where_is_told_by_the_address() {
        let table = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n\
            0: 0100007F:2710 00000000:0000 0A 0:0 00:0 0  11 0 1 1\n\
            1: 0100007F:2710 0100007F:A000 01 0:0 00:0 0  12 0 2 1\n\
            2: 0100007F:2710 0100007F:A001 01 0:0 00:0 0  13 0 3 1\n\
            3: 0200007F:2710 00000000:0000 0A 0:0 00:0 0  14 0 4 1\n\
            4: 00000000:2710 00000000:0000 0A 0:0 00:0 0  15 0 5 1\n\
            5: 0100007F:2711 00000000:0000 0A 0:0 00:0 0  16 0 6 1\n\
            6: 00000000000000000000000000000000:2710 0:0 0A 0:0 00:0 0  17 0 7 1\n\
            7: 0000000000000000FFFF00000100007F:2710 0:0 0A 0:0 00:0 0  18 0 8 1\n\
            8: 0100007F:A000 0100007F:2710 01 0:0 00:0 0  19 0 9 1\n";
        let at = |port| SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        if cfg!(target_endian = "little") {
            assert_eq!(owners(table, at(10000), at(0xA000)), [11, 12, 15, 17, 18]);
        }
    }
}
