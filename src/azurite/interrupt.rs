//! Ctrl-C and SIGTERM, asked for between two steps instead of ending the process in the
//! middle of one; for a test run also the end of the program that started azup.

use std::fs;
use std::io::{ErrorKind, IsTerminal as _, Read as _};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::Result;
use rustix::process::{Pid, getppid};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};

use crate::failure::{Exit, Failure};
use crate::machine;

/// How long is waited for input where there is none yet.
const PAUSE: Duration = Duration::from_millis(50);

/// Whether the user wants azup to end.
#[derive(Clone, Debug)]
pub struct Interrupt {
    asked: Arc<AtomicBool>,
    starter: Option<Starter>,
}

/// The program that started azup. It holds the other end of standard input; others may have
/// inherited that, so its process counts, too. Not by the signal at a parent's death: that
/// comes when the thread ends which started azup.
#[derive(Clone, Debug)]
struct Starter {
    process: Option<Pid>,
    input_ended: Arc<AtomicBool>,
}

impl Starter {
    fn watch() -> Result<Self> {
        let this = Self {
            process: getppid(),
            input_ended: Arc::default(),
        };
        let ended = Arc::clone(&this.input_ended);
        machine::thread(move || {
            let mut bytes = [0; 1024];
            loop {
                match std::io::stdin().read(&mut bytes) {
                    Ok(0) => break,
                    Ok(_) => {}
                    Err(error) if error.kind() == ErrorKind::Interrupted => {}
                    Err(error) if error.kind() == ErrorKind::WouldBlock => {
                        std::thread::sleep(PAUSE);
                    }
                    Err(_) => break,
                }
            }
            ended.store(true, Ordering::Relaxed);
        })?;
        Ok(this)
    }

    /// Why nobody needs azup any more.
    fn gone(&self) -> Option<&'static str> {
        if self.input_ended.load(Ordering::Relaxed) {
            return Some("standard input has ended");
        }
        (getppid() != self.process).then_some("the program that started azup has ended")
    }
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

    /// The end of standard input, or of the program that started azup, counts as well. That
    /// program also decides what Ctrl-C in its terminal means, which reaches both.
    pub fn until_eof() -> Result<Self> {
        let heeded = if std::io::stdin().is_terminal() {
            not_ignored(&[SIGINT, SIGTERM, SIGHUP])
        } else {
            for signal in [SIGINT, SIGHUP] {
                signal_hook::flag::register(signal, Arc::default())?;
            }
            not_ignored(&[SIGTERM])
        };
        Ok(Self {
            starter: Some(Starter::watch()?),
            ..Self::by(&heeded)?
        })
    }

    /// Takes over exactly these signals.
    pub fn by(signals: &[i32]) -> Result<Self> {
        let asked = Arc::new(AtomicBool::new(false));
        for signal in signals {
            signal_hook::flag::register(*signal, Arc::clone(&asked))?;
        }
        Ok(Self {
            asked,
            starter: None,
        })
    }

    /// Whether one of them has come.
    pub fn asked(&self) -> bool {
        self.asked.load(Ordering::Relaxed) || self.gone().is_some()
    }

    fn gone(&self) -> Option<&'static str> {
        self.starter.as_ref().and_then(Starter::gone)
    }

    /// Goes on unless one of them has come.
    pub fn check(&self) -> Result<()> {
        if let Some(why) = self.gone() {
            let failure = Failure::new(format!("{why} before Azurite was ready"));
            return Err(failure.exit(Exit::Usage).hint("azup up --in-memory").into());
        }
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
