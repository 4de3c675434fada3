//! Read NSS certificate databases, the `cert9.db` and `key4.db` of Firefox and Chromium.
//!
//! Which certificates does a browser profile hold, and which of them does it trust? NSS's own
//! `certutil` answers that in some milliseconds, if it is installed. This crate answers it in
//! microseconds from the bytes of the files, with neither NSS nor `SQLite`:
//!
//! - [`certificates`] and [`find_certificate`] read a `cert9.db`, with the trust of each
//!   certificate in both dialects in which NSS stores it;
//! - [`has_primary_password`] reads a `key4.db`;
//! - [`is_hot_journal`] tells whether the files may be read at all at the moment.
//!
//! ```no_run
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let ca: Vec<u8> = Vec::new();
//! let cert9 = std::fs::read("/home/me/.pki/nssdb/cert9.db")?;
//! match nss_cert_db::find_certificate(&cert9, &ca)? {
//!     Some(found) if found.is_server_ca => println!("trusted as \"{}\"", found.nickname),
//!     Some(found) => println!("\"{}\" is there, but is not trusted", found.nickname),
//!     None => println!("not there"),
//! }
//! # Ok(())
//! # }
//! ```
//!
//! It does not write: NSS signs trust with a key from `key4.db`, so changes have to be made with
//! `certutil`.
//!
//! Databases may be hostile: no bytes make this crate panic, loop or use more memory than a small
//! multiple of their length. What it does not understand is an [`Error`], never a guess.

#![forbid(unsafe_code)]

mod certificates;
mod error;
mod journal;
mod password;
mod sqlite;

pub use certificates::{Certificate, certificates, find_certificate};
pub use error::Error;
pub use journal::{JOURNAL_HEADER_LENGTH, is_hot_journal};
pub use password::has_primary_password;

type Result<T> = std::result::Result<T, Error>;

/// The examples of the README are run as tests.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
