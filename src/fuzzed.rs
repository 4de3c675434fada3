//! Parsers of other programs' files that only the fuzz targets in `fuzz/` need outside azup. Each
//! takes the bytes of a file, never fails, and skips what it does not understand.

use std::ffi::OsString;
use std::path::PathBuf;

use crate::trust;

/// A `pyvenv.cfg`: the base interpreter's folder, and whether the base's packages are
/// used.
pub fn pyvenv(bytes: &[u8]) -> (Option<PathBuf>, bool) {
    let config = trust::python::pyvenv::parse(bytes);
    (config.home, config.system_packages)
}

/// Firefox's `profiles.ini`: the folders of all profiles, relative to it or absolute.
pub fn profiles_ini(bytes: &[u8]) -> Vec<PathBuf> {
    trust::nss::profiles::named(bytes)
}

/// A `.env` file: every variable that is set, in order.
pub fn dotenv(bytes: &[u8]) -> Vec<(String, OsString)> {
    trust::overrides::dotenv::parse(bytes, None)
}
