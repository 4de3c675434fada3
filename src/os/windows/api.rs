//! Windows API calls, each wrapped in a function that is safe to call. Nothing else in azup is
//! `unsafe`, except its siblings `access` (who can read a file) and `roots` (which CAs Windows
//! trusts).
#![allow(unsafe_code, reason = "calls into Windows' own libraries")]

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io;
use std::os::windows::ffi::{OsStrExt as _, OsStringExt as _};
use std::os::windows::io::{AsRawHandle as _, BorrowedHandle, FromRawHandle as _, OwnedHandle};
use std::path::{Path, PathBuf};
use std::process::Child;
use std::ptr::{null, null_mut};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use windows_sys::Win32::Foundation::{
    ERROR_SUCCESS, FILETIME, HANDLE, HANDLE_FLAG_INHERIT, INVALID_HANDLE_VALUE,
    SetHandleInformation, WAIT_TIMEOUT,
};
use windows_sys::Win32::NetworkManagement::IpHelper::{
    GetExtendedTcpTable, MIB_TCPROW_OWNER_PID, TCP_TABLE_OWNER_PID_LISTENER,
};
use windows_sys::Win32::Networking::WinSock::AF_INET;
use windows_sys::Win32::Storage::FileSystem::{
    BY_HANDLE_FILE_INFORMATION, GetDiskFreeSpaceExW, GetFileInformationByHandle, MoveFileExW,
    ReplaceFileW,
};
use windows_sys::Win32::System::Console::{CTRL_BREAK_EVENT, CTRL_C_EVENT, SetConsoleCtrlHandler};
use windows_sys::Win32::System::Diagnostics::ToolHelp::{
    CreateToolhelp32Snapshot, PROCESSENTRY32W, Process32FirstW, Process32NextW, TH32CS_SNAPPROCESS,
};
use windows_sys::Win32::System::JobObjects::{
    AssignProcessToJobObject, CreateJobObjectW, TerminateJobObject,
};
use windows_sys::Win32::System::Threading::{
    CreateEventW, EVENT_MODIFY_STATE, GetProcessTimes, INFINITE, OpenEventW, OpenProcess,
    PROCESS_QUERY_LIMITED_INFORMATION, PROCESS_SYNCHRONIZE, QueryFullProcessImageNameW, SetEvent,
    WaitForSingleObject,
};

/// A zero-terminated string.
pub(super) fn wide(text: impl AsRef<OsStr>) -> Vec<u16> {
    text.as_ref().encode_wide().chain([0]).collect()
}

pub(super) fn checked(done: i32) -> io::Result<()> {
    if done == 0 {
        Err(io::Error::last_os_error())
    } else {
        Ok(())
    }
}

/// For calls that return an error code instead of setting the last error.
pub(super) fn succeeded(code: u32) -> io::Result<()> {
    if code == ERROR_SUCCESS {
        Ok(())
    } else {
        Err(io::Error::from_raw_os_error(code.cast_signed()))
    }
}

pub(super) fn owned(handle: HANDLE) -> io::Result<OwnedHandle> {
    if handle.is_null() || handle == INVALID_HANDLE_VALUE {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: a call has just returned this handle to the caller, who owns it.
    Ok(unsafe { OwnedHandle::from_raw_handle(handle) })
}

/// Replaces the file at `path` by `new`; the old file is renamed to `backup`. The access list and
/// other streams of `path` are kept.
pub fn replace_file(path: &Path, new: &Path, backup: &Path) -> io::Result<()> {
    let (path, new, backup) = (wide(path), wide(new), wide(backup));
    // SAFETY: three zero-terminated strings that outlive the call; the rest is reserved.
    checked(unsafe {
        ReplaceFileW(
            path.as_ptr(),
            new.as_ptr(),
            backup.as_ptr(),
            0,
            null(),
            null(),
        )
    })
}

/// Renames to a name that is free.
pub fn move_new(from: &Path, to: &Path) -> io::Result<()> {
    let (from, to) = (wide(from), wide(to));
    // SAFETY: two zero-terminated strings that outlive the call.
    checked(unsafe { MoveFileExW(from.as_ptr(), to.as_ptr(), 0) })
}

/// What distinguishes a file or folder from every other one.
pub fn number(file: &File) -> io::Result<(u64, u64)> {
    let mut about = BY_HANDLE_FILE_INFORMATION::default();
    // SAFETY: the handle is open for as long as `file` is borrowed; the structure is azup's.
    checked(unsafe { GetFileInformationByHandle(file.as_raw_handle(), &raw mut about) })?;
    let index = (u64::from(about.nFileIndexHigh) << 32) | u64::from(about.nFileIndexLow);
    Ok((about.dwVolumeSerialNumber.into(), index))
}

/// How much space this user has left on the disk of a folder (bytes).
pub fn free_space(folder: &Path) -> Option<u64> {
    let (folder, mut free) = (wide(folder), 0);
    // SAFETY: a zero-terminated string, and one number to be written.
    let done =
        unsafe { GetDiskFreeSpaceExW(folder.as_ptr(), &raw mut free, null_mut(), null_mut()) };
    (done != 0).then_some(free)
}

/// Sets whether child processes inherit a handle.
pub(super) fn inherit(handle: BorrowedHandle<'_>, inherits: bool) -> io::Result<()> {
    let flag = if inherits { HANDLE_FLAG_INHERIT } else { 0 };
    // SAFETY: the handle is open for as long as it is borrowed.
    checked(unsafe { SetHandleInformation(handle.as_raw_handle(), HANDLE_FLAG_INHERIT, flag) })
}

/// A job that contains this program and everything it starts from now on.
pub(super) fn job_with(child: &Child) -> io::Result<OwnedHandle> {
    // SAFETY: no attributes and no name.
    let job = owned(unsafe { CreateJobObjectW(null(), null()) })?;
    // SAFETY: both handles are open.
    checked(unsafe { AssignProcessToJobObject(job.as_raw_handle(), child.as_raw_handle()) })?;
    Ok(job)
}

/// Ends everything in a job.
pub(super) fn end_job(job: &OwnedHandle) {
    // SAFETY: the handle is open. It is not an error if everything has already ended.
    unsafe { TerminateJobObject(job.as_raw_handle(), 1) };
}

fn process(pid: u32) -> io::Result<OwnedHandle> {
    let rights = PROCESS_QUERY_LIMITED_INFORMATION | PROCESS_SYNCHRONIZE;
    // SAFETY: takes only numbers.
    owned(unsafe { OpenProcess(rights, 0, pid) })
}

/// When a process that has not ended was started (100 ns since 1601).
pub(super) fn start_time(pid: u32) -> io::Result<u64> {
    let process = process(pid)?;
    // SAFETY: the handle is open.
    if unsafe { WaitForSingleObject(process.as_raw_handle(), 0) } != WAIT_TIMEOUT {
        return Err(io::ErrorKind::NotFound.into());
    }
    let mut times = [FILETIME::default(); 4];
    let [start, end, kernel, user] = &mut times;
    // SAFETY: the handle is open, and four times are written.
    checked(unsafe { GetProcessTimes(process.as_raw_handle(), start, end, kernel, user) })?;
    Ok((u64::from(start.dwHighDateTime) << 32) | u64::from(start.dwLowDateTime))
}

/// The program of a process.
pub(super) fn program(pid: u32) -> io::Result<PathBuf> {
    let process = process(pid)?;
    let mut path = vec![0; 1024];
    let mut length = 1024;
    // SAFETY: the handle is open, and the buffer has the given length.
    checked(unsafe {
        QueryFullProcessImageNameW(
            process.as_raw_handle(),
            0,
            path.as_mut_ptr(),
            &raw mut length,
        )
    })?;
    path.truncate(usize::try_from(length).unwrap_or(0));
    Ok(OsString::from_wide(&path).into())
}

/// The pid of the process that started this one.
pub(super) fn parent() -> Option<u32> {
    // SAFETY: takes only numbers.
    let list = owned(unsafe { CreateToolhelp32Snapshot(TH32CS_SNAPPROCESS, 0) }).ok()?;
    let mut entry = PROCESSENTRY32W {
        dwSize: u32::try_from(size_of::<PROCESSENTRY32W>()).ok()?,
        ..PROCESSENTRY32W::default()
    };
    // SAFETY: the handle is open, and the structure states its own length; here and below.
    let mut more = unsafe { Process32FirstW(list.as_raw_handle(), &raw mut entry) };
    while more != 0 {
        if entry.th32ProcessID == std::process::id() {
            return Some(entry.th32ParentProcessID);
        }
        // SAFETY: as above.
        more = unsafe { Process32NextW(list.as_raw_handle(), &raw mut entry) };
    }
    None
}

/// Creates an event that other processes of this session can find by name.
pub(super) fn make_event(name: &str) -> io::Result<OwnedHandle> {
    let name = wide(name);
    // SAFETY: no attributes, and a zero-terminated string.
    owned(unsafe { CreateEventW(null(), 1, 0, name.as_ptr()) })
}

/// Sets the event of this name.
pub(super) fn set_event(name: &str) -> io::Result<()> {
    let name = wide(name);
    // SAFETY: a zero-terminated string.
    let event = owned(unsafe { OpenEventW(EVENT_MODIFY_STATE, 0, name.as_ptr()) })?;
    // SAFETY: the handle is open.
    checked(unsafe { SetEvent(event.as_raw_handle()) })
}

/// Waits until an event is set.
pub(super) fn wait(event: &OwnedHandle) {
    // SAFETY: the handle is open.
    unsafe { WaitForSingleObject(event.as_raw_handle(), INFINITE) };
}

/// Whether the console, or an authorised process, has asked this process to end.
static ASKED: OnceLock<Arc<AtomicBool>> = OnceLock::new();

/// Whether Ctrl-C counts.
static CONSOLE: AtomicBool = AtomicBool::new(true);

/// How long Windows lets a process continue after its window is closed: 5 s, and 20 s when the
/// session ends (Microsoft's page on `HandlerRoutine`). It ends at once if the handler returns.
const LAST: Duration = Duration::from_secs(20);

/// Takes over Ctrl-C (which only counts with `console`), Ctrl-Break, the closing of the window and
/// the end of the session.
pub(super) fn heed_console(console: bool) -> io::Result<Arc<AtomicBool>> {
    CONSOLE.store(console, Ordering::Relaxed);
    let asked = ASKED.get_or_init(Arc::default);
    // SAFETY: the handler is a function of this program, which needs nothing but the two above.
    checked(unsafe { SetConsoleCtrlHandler(Some(handle), 1) })?;
    Ok(Arc::clone(asked))
}

/// Runs in a separate thread.
unsafe extern "system" fn handle(event: u32) -> i32 {
    let pressed = [CTRL_C_EVENT, CTRL_BREAK_EVENT].contains(&event);
    if (!pressed || CONSOLE.load(Ordering::Relaxed))
        && let Some(asked) = ASKED.get()
    {
        asked.store(true, Ordering::Relaxed);
    }
    if !pressed {
        std::thread::sleep(LAST);
    }
    1
}

/// The pid of the process that listens on a port.
pub(super) fn listener(port: u16) -> Option<u32> {
    let mut table = vec![0_u32; 16 << 10];
    let mut length = u32::try_from(table.len() * 4).ok()?;
    // SAFETY: the buffer has the given length, in bytes.
    succeeded(unsafe {
        let (address, family) = (table.as_mut_ptr().cast(), AF_INET.into());
        GetExtendedTcpTable(
            address,
            &raw mut length,
            0,
            family,
            TCP_TABLE_OWNER_PID_LISTENER,
            0,
        )
    })
    .ok()?;
    // The number of rows, then the rows, of six numbers each.
    let count = usize::try_from(table[0]).ok()?;
    let rows = table[1..]
        .chunks_exact(size_of::<MIB_TCPROW_OWNER_PID>() / 4)
        .take(count);
    // State, local address, local port (in network byte order), remote address and port, pid.
    rows.filter(|row| u16::try_from(row[2] & 0xffff).is_ok_and(|found| u16::from_be(found) == port))
        .map(|row| row[5])
        .next()
}
