//! Processes: those that azup starts, and those that it finds again by pid; and how azup itself is
//! asked to end. Windows has no signals: another azup is asked through an event named after it.

use std::collections::BTreeMap;
use std::io::{self, IsTerminal as _};
use std::net::TcpStream;
use std::os::windows::io::{AsHandle as _, OwnedHandle};
use std::os::windows::process::CommandExt as _;
use std::process::{Child, Command, ExitStatus};
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, PoisonError};

use super::api;

/// `CREATE_NEW_PROCESS_GROUP`: Ctrl-C in a console does not reach it.
const OWN_GROUP: u32 = 0x0200;

/// `CREATE_NO_WINDOW`: an invisible console, which child processes share. Without any
/// (`DETACHED_PROCESS`), Node.js would open its own window.
const UNSEEN: u32 = 0x0800_0000;

/// The job of each group leader. Ending the job ends everything that the leader has started.
static GROUPS: Mutex<BTreeMap<u32, OwnedHandle>> = Mutex::new(BTreeMap::new());

/// Puts the program in a process group of its own: Ctrl-C in a console does not reach it.
pub fn in_own_group(command: &mut Command) {
    command.creation_flags(OWN_GROUP);
}

/// Starts a program that outlives azup and its console. It does not inherit azup's pipes, whose
/// other ends would otherwise never see them close; programs started later must.
pub fn spawn_in_background(command: &mut Command) -> io::Result<Child> {
    inherit(false);
    let done = command.creation_flags(OWN_GROUP | UNSEEN).spawn();
    inherit(true);
    done
}

/// Sets whether child processes inherit azup's own standard input and outputs.
fn inherit(inherits: bool) {
    for handle in [
        io::stdin().as_handle(),
        io::stdout().as_handle(),
        io::stderr().as_handle(),
    ] {
        // There may be none.
        let _ = api::inherit(handle, inherits);
    }
}

/// Registers the leader of a started group, for [`kill_group`].
pub fn lead(child: &Child) {
    if let Ok(job) = api::job_with(child) {
        let mut groups = GROUPS.lock().unwrap_or_else(PoisonError::into_inner);
        groups.insert(child.id(), job);
    }
}

/// Kills a program and everything it started in its group.
pub fn kill_group(leader: u32) {
    let mut groups = GROUPS.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(job) = groups.remove(&leader) {
        api::end_job(&job);
    }
}

/// Windows keeps dumps in a folder of the user's, where it is told to make any.
pub fn leave_no_core() {}

/// No signal ends a program here.
pub fn ended_by_signal(_status: ExitStatus) -> Option<i32> {
    None
}

/// Whether any process has this pid.
pub fn has_number(pid: u32) -> bool {
    start_time(pid).is_some()
}

/// Whether the process that had this pid and started then is still alive.
pub fn is_alive(pid: u32, start: Option<u64>) -> bool {
    let now = start_time(pid);
    now.is_some() && now == start
}

/// When a process started, if it has not ended (100 ns since 1601).
pub fn start_time(pid: u32) -> Option<u64> {
    api::start_time(pid).ok()
}

/// Asks an azup to end.
pub fn stop(pid: u32) {
    // An azup without such an event cannot be asked.
    let _ = api::set_event(&event(pid));
}

fn event(pid: u32) -> String {
    format!(r"Local\azup-stop-{pid}")
}

/// Takes over Ctrl-C, the closing of the console's window, the end of the session, and [`stop`].
/// The returned flag says whether one has come.
pub fn asked_to_end(detached: bool) -> io::Result<Arc<AtomicBool>> {
    heed(!detached)
}

/// The same for an azup that another program has started for itself. That program also decides what
/// Ctrl-C in its console means, which reaches both.
pub fn asked_to_end_by_starter() -> io::Result<Arc<AtomicBool>> {
    heed(io::stdin().is_terminal())
}

fn heed(console: bool) -> io::Result<Arc<AtomicBool>> {
    let asked = api::heed_console(console)?;
    let event = api::make_event(&event(std::process::id()))?;
    let told = Arc::clone(&asked);
    std::thread::Builder::new().spawn(move || {
        api::wait(&event);
        told.store(true, std::sync::atomic::Ordering::Relaxed);
    })?;
    Ok(asked)
}

/// The process that listens on `port`, as the end of a sentence.
pub fn listener(port: u16) -> String {
    let Some(pid) = api::listener(port) else {
        return "by a process that Windows does not name".to_owned();
    };
    match api::program(pid) {
        Ok(program) => format!("by process {pid}: {}", crate::failure::shown(&program)),
        Err(_) => format!("by process {pid}, which this user may not look at"),
    }
}

/// Whether the other end of a connection belongs to another user; not checked here.
pub fn is_another_users(_stream: &TcpStream) -> bool {
    false
}

/// The process that started this one.
#[derive(Clone, Debug)]
pub struct ParentProcess(Option<(u32, Option<u64>)>);

impl ParentProcess {
    pub fn now() -> Self {
        Self(api::parent().map(|pid| (pid, start_time(pid))))
    }

    /// Whether it has ended since.
    pub fn has_ended(&self) -> bool {
        self.0.is_some_and(|(pid, start)| !is_alive(pid, start))
    }
}
