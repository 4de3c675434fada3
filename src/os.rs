//! The operating system, as far as it is not the same everywhere. Nothing else knows which one it
//! is by its calls: whoever needs an owner, a mode, a lock, a signal or a process asks here.
//!
//! What Unix and Windows have in common under two names has one name here. What only one has is
//! answered for the other in the way that is true there: on Windows no file has an owner by
//! number or a mode, so every file is this user's and has the usual one, and whether others can
//! read a key is asked of its access list (`readers`).

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
