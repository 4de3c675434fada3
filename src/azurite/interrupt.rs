//! Ctrl-C and SIGTERM, asked for between two steps instead of ending the process in the
//! middle of one.

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
    /// Takes over SIGINT, SIGTERM and SIGHUP. In the background (`detached`) the end of
    /// the terminal, which SIGHUP tells of, is none of azup's business.
    ///
    /// # Errors
    /// Where the operating system refuses.
    pub fn listen(detached: bool) -> Result<Self> {
        let asked = Arc::new(AtomicBool::new(false));
        for signal in [SIGINT, SIGTERM] {
            signal_hook::flag::register(signal, Arc::clone(&asked))?;
        }
        let nobody = Arc::new(AtomicBool::new(false));
        let hangup = if detached { nobody } else { Arc::clone(&asked) };
        signal_hook::flag::register(SIGHUP, hangup)?;
        Ok(Self { asked })
    }

    /// Takes over exactly these signals.
    ///
    /// # Errors
    /// Where the operating system refuses.
    pub fn by(signals: &[i32]) -> Result<Self> {
        let asked = Arc::new(AtomicBool::new(false));
        for signal in signals {
            signal_hook::flag::register(*signal, Arc::clone(&asked))?;
        }
        Ok(Self { asked })
    }

    /// Whether one of them has come.
    #[must_use]
    pub fn asked(&self) -> bool {
        self.asked.load(Ordering::Relaxed)
    }

    /// Goes on unless one of them has come.
    ///
    /// # Errors
    /// With exit code 130 where one has.
    pub fn check(&self) -> Result<()> {
        if self.asked() {
            return Err(Failure::new("interrupted").exit(Exit::Interrupted).into());
        }
        Ok(())
    }
}
