//! The operating system, as far as it differs between platforms. No other module makes
//! platform-specific calls: an owner, a mode, a lock, a signal or a process is accessed through
//! this one.
//!
//! What Unix and Windows both have under two names has one name here. For what only one has, the
//! other's answer is what is true there: on Windows a file has no numeric owner and no mode, so
//! every file is this user's and has the usual mode, and its access list shows whether others can
//! read a key (`readers`).

#[cfg(unix)]
mod unix;
#[cfg(unix)]
pub use unix::*;

#[cfg(windows)]
mod windows;
#[cfg(windows)]
pub use windows::*;

#[cfg(any(windows, test))]
mod powershell;
