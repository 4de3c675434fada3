//! Why a database cannot be read.

use std::fmt;

/// Why a database cannot be read. A caller can still ask `certutil`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Error {
    /// The database keeps a write-ahead log, a second file that may hold the newest rows.
    WriteAheadLog,
    /// Possibly valid, but not supported by this reader; the text says what it is.
    Unsupported(&'static str),
    /// Torn or corrupt; the text says where.
    Damaged(&'static str),
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::WriteAheadLog => f.write_str("the database uses a write-ahead log"),
            Self::Unsupported(what) => write!(f, "the database is of an unknown kind: {what}"),
            Self::Damaged(what) => write!(f, "the database is damaged: {what}"),
        }
    }
}

impl std::error::Error for Error {}
