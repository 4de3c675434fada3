//! Other programs at a database: which one locks it, which is writing to it, and which running
//! browser will see the change only later. All of it by inspection; nothing waits longer than a
//! moment.

use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use nss_cert_db::{JOURNAL_HEADER_LENGTH, is_hot_journal};

use crate::machine::Machine;
use crate::os;

/// The bytes that `SQLite` locks in a database file (`PENDING_BYTE` and what follows, in
/// <https://sqlite.org/src/file/src/os.h>).
const LOCK_START: u64 = 0x4000_0000;
const LOCK_LENGTH: u64 = 512;

/// How often to look at a database that is being written to, with a pause between two looks. A
/// browser's transaction takes milliseconds.
const LOOKS: u32 = 20;
const PAUSE: Duration = Duration::from_millis(10);

/// The Chromiums' folders below the user's configuration folder.
const CHROMIUMS: [&str; 4] = [
    "chromium",
    "google-chrome",
    "microsoft-edge",
    "BraveSoftware/Brave-Browser",
];

/// The program that locks the database in `folder`, in words.
pub(super) fn locked_by(folder: &Path) -> Option<String> {
    let pid = ["cert9.db", "key4.db"].iter().find_map(|name| {
        let file = File::open(folder.join(name)).ok()?;
        os::lock_holder(&file, LOCK_START, LOCK_LENGTH)
    })?;
    // A process in another container has no pid here.
    if pid == 0 {
        return Some("another program".to_owned());
    }
    Some(match std::fs::read_to_string(format!("/proc/{pid}/comm")) {
        Ok(name) => format!("{} (process {pid})", name.trim()),
        Err(_) => format!("process {pid}"),
    })
}

/// Whether a transaction on the database `file` is in progress or was never finished: its journal
/// is hot, so the file may hold half of a change.
pub(super) fn is_half_written(file: &Path) -> bool {
    let mut journal = file.as_os_str().to_owned();
    journal.push("-journal");
    let journal = PathBuf::from(journal);
    let is_there = || {
        let mut header = [0; JOURNAL_HEADER_LENGTH];
        let read = File::open(&journal).and_then(|mut file| file.read_exact(&mut header));
        read.is_ok() && is_hot_journal(&header)
    };
    (0..LOOKS).all(|_| {
        is_there() && {
            std::thread::sleep(PAUSE);
            true
        }
    })
}

/// Whether a running browser has the database in `folder` open.
pub(super) fn is_browser_running(folder: &Path, machine: &Machine) -> bool {
    // Firefox: 127.0.1.1:+PID. Chromium: HOST-PID.
    let runs = |link: PathBuf| {
        let target = std::fs::read_link(link).unwrap_or_default();
        let target = target.to_string_lossy();
        let pid = target.rsplit(['+', '-']).next();
        pid.and_then(|pid| pid.parse().ok()).is_some_and(os::has_number)
    };
    if !folder.ends_with("nssdb") {
        return runs(folder.join("lock"));
    }
    machine.config_home().is_ok_and(|config| {
        CHROMIUMS
            .iter()
            .any(|name| runs(config.join(name).join("SingletonLock")))
    })
}
