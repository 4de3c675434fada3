//! `pyvenv.cfg`, the file that makes a folder a virtual environment (PEP 405), read as `site.py`
//! reads it: `key = value` lines, keys in any case, the last one wins.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use crate::files;
use crate::os::OsStrExt as _;

pub(super) const NAME: &str = "pyvenv.cfg";

/// Real ones have a few hundred bytes; larger files are not read.
const LARGEST: u64 = 64 << 10;

/// What azup needs from it.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Config {
    /// The folder of the base's interpreter, such as `/usr/bin`.
    pub(crate) home: Option<PathBuf>,
    /// Whether the base's packages are used for those that the environment lacks.
    pub(crate) system_packages: bool,
}

/// The configuration of the environment at `root`; the default if it cannot be read.
pub(crate) fn of(root: &Path) -> Config {
    let path = root.join(NAME);
    if !path.metadata().is_ok_and(|about| about.len() <= LARGEST) {
        return Config::default();
    }
    let bytes = files::read_if_there(&path).ok().flatten();
    parse(&bytes.unwrap_or_default())
}

/// Never fails: like Python, skips what it does not understand.
pub(crate) fn parse(bytes: &[u8]) -> Config {
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let mut config = Config::default();
    for line in bytes.split(|byte| matches!(byte, b'\n' | b'\r')) {
        let Some(equals) = memchr::memchr(b'=', line) else {
            continue;
        };
        let key = line[..equals].trim_ascii();
        let value = line[equals + 1..].trim_ascii();
        if key.eq_ignore_ascii_case(b"home") {
            config.home = Some(PathBuf::from(OsStr::from_bytes(value)))
                .filter(|home| home.is_absolute() && !value.contains(&0));
        } else if key.eq_ignore_ascii_case(b"include-system-site-packages") {
            config.system_packages = value.eq_ignore_ascii_case(b"true");
        }
    }
    config
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn config(home: &str, system_packages: bool) -> Config {
        Config {
            home: Some(home.into()),
            system_packages,
        }
    }

    #[test]
    fn as_the_standard_library_uv_and_virtualenv_write_it() {
        let by_venv = "home = /usr/bin\ninclude-system-site-packages = false\nversion = 3.11.7\n\
            executable = /usr/bin/python3.11\ncommand = /usr/bin/python3 -m venv --x=y /tmp/v\n";
        assert_eq!(parse(by_venv.as_bytes()), config("/usr/bin", false));
        let by_uv = "home = /opt/py/bin\nimplementation = CPython\nuv = 0.13.8\n\
            version_info = 3.11.7\ninclude-system-site-packages = true\n";
        assert_eq!(parse(by_uv.as_bytes()), config("/opt/py/bin", true));
    }

    #[test]
    fn as_nobody_should_write_it() {
        for (text, expected) in [
            (
                "\u{feff}HOME=/a b/bin\r\n INCLUDE-system-site-packages\t=  True \r\n",
                config("/a b/bin", true),
            ),
            ("home = /one\nhome = /two=2", config("/two=2", false)),
            ("home = relative", Config::default()),
            (
                "home\ninclude-system-site-packages = yes",
                Config::default(),
            ),
            ("", Config::default()),
        ] {
            assert_eq!(parse(text.as_bytes()), expected, "{text:?}");
        }
        let latin = parse(b"home = /gr\xf6\xdfe/bin\n").home;
        assert_eq!(latin, Some(OsStr::from_bytes(b"/gr\xf6\xdfe/bin").into()));
    }

    #[test]
    fn a_file_of_gigabytes_and_a_folder_are_not_read() {
        let folder = tempfile::tempdir().expect("a folder");
        assert_eq!(of(folder.path()), Config::default());
        let huge = std::fs::File::create(folder.path().join(NAME)).expect("a file");
        huge.set_len(8 << 30).expect("a sparse file");
        assert_eq!(of(folder.path()), Config::default());
    }

    proptest! {
        #[test]
        fn any_bytes_are_survived(bytes in prop::collection::vec(any::<u8>(), 0..500)) {
            let config = parse(&bytes);
            prop_assert!(config.home.is_none_or(|home| home.is_absolute()));
        }

        #[test]
        fn what_was_written_is_read(home in "/[ -<>-~]{0,30}[!-<>-~]", system: bool, crlf: bool) {
            let end = if crlf { "\r\n" } else { "\n" };
            let text = format!("home = {home}{end}include-system-site-packages = {system}{end}");
            prop_assert_eq!(parse(text.as_bytes()), config(&home, system));
        }
    }
}
