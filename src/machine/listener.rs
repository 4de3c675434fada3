//! Who listens on a port, for messages about one that is taken.

use std::fs;
use std::os::unix::ffi::OsStrExt as _;

use crate::failure::quoted;

/// The longest command line that a message shows (characters).
const SHOWN: usize = 120;

/// The process that listens on `port`, as the end of a sentence: `by process 12: node …`.
pub fn listener(port: u16) -> String {
    match owner(port) {
        Some((pid, command)) => format!("by process {pid}: {command}"),
        None => "by a process that this user may not look at".to_owned(),
    }
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
    use std::net::{Ipv4Addr, TcpListener};

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
}
