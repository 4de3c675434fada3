//! Real databases: written by certutil, and compared with what Python's `sqlite3` reads from them.
//! Debian: `apt-get install libnss3-tools python3`.

mod damage;
mod layout;
mod password;
mod support;
mod trust;
