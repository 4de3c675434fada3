//! Ctrl-C and SIGTERM, asked for between two steps instead of ending the process in the
//! middle of one.

use std::fs;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::Result;
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};

use crate::failure::{Exit, Failure};

/// Whether the user wants azup to end.
#[derive(Clone, Debug)]
pub struct Interrupt {
    asked: Arc<AtomicBool>,
}

impl Interrupt {
    /// Takes over SIGINT, SIGTERM and SIGHUP, but for those that azup was started to
    /// ignore. In the background (`detached`) the end of the terminal, which SIGHUP tells
    /// of, is none of azup's business.
    pub fn listen(detached: bool) -> Result<Self> {
        if !detached {
            return Self::by(&not_ignored(&[SIGINT, SIGTERM, SIGHUP]));
        }
        signal_hook::flag::register(SIGHUP, Arc::new(AtomicBool::new(false)))?;
        Self::by(&not_ignored(&[SIGINT, SIGTERM]))
    }

    /// Takes over exactly these signals.
    pub fn by(signals: &[i32]) -> Result<Self> {
        let asked = Arc::new(AtomicBool::new(false));
        for signal in signals {
            signal_hook::flag::register(*signal, Arc::clone(&asked))?;
        }
        Ok(Self { asked })
    }

    /// Whether one of them has come.
    pub fn asked(&self) -> bool {
        self.asked.load(Ordering::Relaxed)
    }

    /// Goes on unless one of them has come.
    pub fn check(&self) -> Result<()> {
        if self.asked() {
            return Err(Failure::new("interrupted").exit(Exit::Interrupted).into());
        }
        Ok(())
    }
}

/// Those of `signals` that azup was not started to ignore: under `nohup`, or in the
/// background of a script, a program goes on when the terminal is gone, and its children
/// do, too. Linux tells; elsewhere none is taken to be ignored.
pub fn not_ignored(signals: &[i32]) -> Vec<i32> {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    // One bit for each, beginning with signal 1.
    let ignored = mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok());
    let ignored = ignored.unwrap_or(0);
    let heeded = |signal: &i32| ignored & (1 << (signal - 1)) == 0;
    signals.iter().copied().filter(heeded).collect()
}
