//! Processes: those that azup starts, and those that it finds again by pid.

use std::fs;
use std::io;
use std::os::unix::process::{CommandExt as _, ExitStatusExt as _};
use std::path::Path;
use std::process::{Child, Command, ExitStatus};

use rustix::process::{Pid, Signal, getppid, kill_process, kill_process_group, test_kill_process};

fn process(pid: u32) -> Option<Pid> {
    Pid::from_raw(i32::try_from(pid).ok()?)
}

/// Puts the program in a process group of its own: Ctrl-C in a terminal does not reach it, and
/// [`kill_group`] ends all of it.
pub fn in_own_group(command: &mut Command) {
    command.process_group(0);
}

/// Starts a program that outlives azup and its terminal.
pub fn spawn_in_background(command: &mut Command) -> io::Result<Child> {
    command.process_group(0).spawn()
}

/// Registers the leader of a started group, for [`kill_group`].
pub fn lead(_child: &Child) {}

/// Kills a program and everything it started in its group.
pub fn kill_group(leader: u32) {
    if let Some(group) = process(leader) {
        let _ = kill_process_group(group, Signal::KILL);
    }
}

/// From now on a crash of this process leaves no file with what it knew, which would lie where the user stands.
/// The kernel asks anew for each program that it starts. Where Linux is not, nothing is changed.
pub fn leave_no_core() {
    // There is nothing else to be done where that fails.
    #[cfg(target_os = "linux")]
    let _ = rustix::process::set_dumpable_behavior(rustix::process::DumpableBehavior::NotDumpable);
}

/// The signal that ended a program, where one did.
pub fn ended_by_signal(status: ExitStatus) -> Option<i32> {
    status.signal()
}

/// Whether any process has this pid.
pub fn has_number(pid: u32) -> bool {
    process(pid).is_some_and(|process| test_kill_process(process).is_ok())
}

/// Whether the process that had this pid and started then is still alive.
pub fn is_alive(pid: u32, start: Option<u64>) -> bool {
    has_number(pid) && start_time(pid) == start
}

/// Asks an azup to end, as SIGTERM does.
pub fn stop(pid: u32) {
    if let Some(pid) = process(pid) {
        let _ = kill_process(pid, Signal::TERM);
    }
}

/// When a process started (clock ticks since boot), which only Linux tells: field 22 of
/// `/proc/PID/stat`; `None` for a process that has ended but not been waited for (state Z, field
/// 3). The second field, the program's name in brackets, may itself contain spaces and brackets.
pub fn start_time(pid: u32) -> Option<u64> {
    let stat = fs::read_to_string(Path::new("/proc").join(pid.to_string()).join("stat")).ok()?;
    let (_, fields) = stat.rsplit_once(')')?;
    let fields: Vec<&str> = fields.split_ascii_whitespace().collect();
    match fields.first() {
        Some(&"Z") | None => None,
        Some(_) => fields.get(19)?.parse().ok(),
    }
}

/// The process that started this one.
#[derive(Clone, Debug)]
pub struct ParentProcess(Option<Pid>);

impl ParentProcess {
    pub fn now() -> Self {
        Self(getppid())
    }

    /// Whether it has ended since.
    pub fn has_ended(&self) -> bool {
        getppid() != self.0
    }
}
