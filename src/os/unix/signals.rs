//! The signals that ask azup to end.

use std::fs;
use std::io;
use std::io::IsTerminal as _;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};

/// Takes over Ctrl-C, SIGTERM and the terminal's hangup, except those that azup was started to
/// ignore. In the background (`detached`) the terminal's hangup does not concern azup. The returned
/// flag says whether one has come.
pub fn asked_to_end(detached: bool) -> io::Result<Arc<AtomicBool>> {
    if !detached {
        return heed(&not_ignored(&[SIGINT, SIGTERM, SIGHUP]));
    }
    signal_hook::flag::register(SIGHUP, Arc::new(AtomicBool::new(false)))?;
    heed(&not_ignored(&[SIGINT, SIGTERM]))
}

/// The same for an azup that another program has started for itself. That program also decides what
/// Ctrl-C in its terminal means, which reaches both.
pub fn asked_to_end_by_starter() -> io::Result<Arc<AtomicBool>> {
    let heeded = if io::stdin().is_terminal() {
        not_ignored(&[SIGINT, SIGTERM, SIGHUP])
    } else {
        for signal in [SIGINT, SIGHUP] {
            signal_hook::flag::register(signal, Arc::default())?;
        }
        not_ignored(&[SIGTERM])
    };
    heed(&heeded)
}

/// Takes over exactly these signals.
pub fn heed(signals: &[i32]) -> io::Result<Arc<AtomicBool>> {
    let asked = Arc::new(AtomicBool::new(false));
    for signal in signals {
        signal_hook::flag::register(*signal, Arc::clone(&asked))?;
    }
    Ok(asked)
}

/// Those of `signals` that azup was not started to ignore: under `nohup`, or in the background of a
/// script, a program and its children continue when the terminal is gone. Only Linux tells;
/// elsewhere none is assumed to be ignored.
pub fn not_ignored(signals: &[i32]) -> Vec<i32> {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    // One bit for each, beginning with signal 1.
    let ignored = mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok());
    let ignored = ignored.unwrap_or(0);
    let heeded = |signal: &i32| ignored & (1 << (signal - 1)) == 0;
    signals.iter().copied().filter(heeded).collect()
}
