//! Ctrl-C and SIGTERM, checked between two steps instead of ending the process in the middle of
//! one; for a test run also the end of the program that started azup.

use std::io::{ErrorKind, Read as _};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::Result;

use crate::failure::{Exit, Failure};
use crate::machine;
use crate::os;

/// How long to wait for input if there is none yet.
const PAUSE: Duration = Duration::from_millis(50);

/// Whether the user wants azup to end.
#[derive(Clone, Debug)]
pub struct Interrupt {
    asked: Arc<AtomicBool>,
    starter: Option<ParentProcess>,
}

/// The program that started azup. It holds the other end of standard input; other processes may
/// have inherited that, so the program's own end counts, too. Not detected by the parent-death
/// signal: that comes when the *thread* that started azup ends.
#[derive(Clone, Debug)]
struct ParentProcess {
    process: os::ParentProcess,
    input_ended: Arc<AtomicBool>,
}

impl ParentProcess {
    fn watch() -> Result<Self> {
        let this = Self {
            process: os::ParentProcess::now(),
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

    /// Why azup is no longer needed.
    fn gone(&self) -> Option<&'static str> {
        if self.input_ended.load(Ordering::Relaxed) {
            return Some("standard input has ended");
        }
        self.process.has_ended().then_some("the program that started azup has ended")
    }
}

impl Interrupt {
    /// By Ctrl-C, other polite requests to end and, unless in the background (`detached`), the
    /// terminal's hangup.
    pub fn listen(detached: bool) -> Result<Self> {
        let asked = os::asked_to_end(detached)?;
        Ok(Self { asked, starter: None })
    }

    /// The end of standard input, or of the program that started azup, counts as well.
    pub fn until_eof() -> Result<Self> {
        let asked = os::asked_to_end_by_starter()?;
        let starter = Some(ParentProcess::watch()?);
        Ok(Self { asked, starter })
    }

    /// By exactly these signals.
    #[cfg(unix)]
    pub fn by(signals: &[i32]) -> Result<Self> {
        let asked = os::heed(signals)?;
        Ok(Self { asked, starter: None })
    }

    /// Whether one of them has come.
    pub fn asked(&self) -> bool {
        self.asked.load(Ordering::Relaxed) || self.gone().is_some()
    }

    fn gone(&self) -> Option<&'static str> {
        self.starter.as_ref().and_then(ParentProcess::gone)
    }

    /// Returns an error if one of them has come.
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
