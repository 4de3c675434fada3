//! The Node.js that azup downloads where a machine has none that is new enough: one version of each
//! kind of registry, known by its hash, into azup's own folder. Nobody's PATH changes.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::Result;

use super::super::partial::{self, Partial};
use super::registry::Registry;
use super::{Node, by_hand, download};
use crate::failure::{Failure, in_one_line, shown};
use crate::files::{self, Content};
use crate::interrupt::Interrupt;
use crate::machine::Machine;
use crate::output::Output;

/// What one kind of registry has.
pub(super) struct Release {
    pub(super) version: &'static str,
    pub(super) packages: &'static [Package],
    /// The hash of an archive, in the words of that registry.
    pub(super) hash: fn(&[u8]) -> String,
    /// What the archive is called there.
    pub(super) file: fn(&Package) -> String,
    /// The archive's address, or that of the page that links to it.
    pub(super) start: fn(&Package, &Registry) -> String,
    /// Finds the archive's address in that page.
    pub(super) link: Option<Link>,
    /// Writes what is kept of an archive, which is what it is by its hash, into a folder.
    pub(super) unpack: fn(&[u8], &Path) -> Result<()>,
}

/// Text and address of a page, and the name of the file that it is to link to.
type Link = fn(&str, &str, &str) -> Option<String>;

/// The archive for one system and processor.
pub(super) struct Package {
    /// As Rust calls them.
    pub(super) target: (&'static str, &'static str),
    pub(super) name: &'static str,
    /// Length of the archive (bytes).
    pub(super) length: u64,
    pub(super) hash: &'static str,
    /// What loads the program, without which it does not run (musl has another one).
    pub(super) loader: Option<&'static str>,
}

/// Larger than the program on any system, which is 126 MB on Linux (bytes).
pub(super) const LARGEST: u64 = 256 << 20;

/// Larger than a page of links, which is 100 kB on Python's own registry (bytes).
const PAGE: u64 = 16 << 20;

/// How long `node --version` may take the first time.
const LIMIT: Duration = Duration::from_secs(60);

/// After how long to show progress.
const PROGRESS: Duration = Duration::from_secs(2);

/// The Node.js for this machine, and where it is or will be.
pub(super) struct Pinned {
    release: &'static Release,
    package: &'static Package,
    folder: PathBuf,
}

/// How a download ended that was not interrupted.
enum Ended {
    Installed,
    /// The registry cannot be reached, or does not give it: another may.
    Unavailable(Failure),
}

impl Pinned {
    /// `None` where there is none that would run here.
    pub(super) fn of(release: &'static Release, machine: &Machine) -> Option<Self> {
        let here = (std::env::consts::OS, std::env::consts::ARCH);
        let package = package_for(here, release, Path::exists)?;
        let folder = machine.own_folder().ok()?.join(format!("node-{}", release.version));
        Some(Self { release, package, folder })
    }

    pub(super) fn program(&self) -> PathBuf {
        program_in(&self.folder)
    }

    /// Its version, how much is downloaded, and from whom.
    pub(super) fn named(&self, registry: &Registry) -> String {
        let (version, all) = (self.release.version, megabytes(self.package.length));
        format!("Node.js {version} ({all} MB) from {}", registry.host())
    }

    /// In the words of a message.
    pub(super) fn place(&self) -> String {
        shown(&self.folder)
    }

    /// What a dry run shows.
    pub(super) fn preview(&self, registry: &Registry) -> String {
        let from = (self.release.start)(self.package, registry);
        format!("download Node.js {} from {from} into {}", self.release.version, self.place())
    }

    /// Downloads it unless another azup has done so in the meantime. `Ok(Err(…))` where the registry does
    /// not give it.
    pub(super) fn ensure(
        &self,
        registry: &Registry,
        machine: &Machine,
        output: Output,
        interrupt: &Interrupt,
    ) -> Result<Result<Node, Failure>> {
        let _lock = partial::lock(&self.folder, "Node.js", interrupt)?;
        if !self.program().is_file()
            && let Ended::Unavailable(why) = self.install(registry, machine, output, interrupt)?
        {
            return Ok(Err(why));
        }
        Node::at(self.program(), machine, LIMIT).map(Ok)
    }

    fn install(
        &self,
        registry: &Registry,
        machine: &Machine,
        output: Output,
        interrupt: &Interrupt,
    ) -> Result<Ended> {
        let version = self.release.version;
        output.progress(&format!(
            "downloading {} into {}, once",
            self.named(registry),
            self.place()
        ));
        let failed = |why: &str| {
            let (host, why) = (registry.host(), in_one_line(why));
            let what = format!("cannot download Node.js {version} from {host}: {why}");
            Failure::new(what).hint(by_hand::command(machine))
        };
        let started = Instant::now();
        let archive = match self.fetch(registry, machine, output, interrupt)? {
            Ok(archive) => archive,
            Err(why) => return Ok(Ended::Unavailable(failed(&self.words_for(why)))),
        };
        if (self.release.hash)(&archive) != self.package.hash {
            return Err(failed("what came has another hash than azup expects, and was not kept").into());
        }
        let partial = Partial::new(&self.folder)?;
        files::make_folder(&partial.folder.join("bin"), 0o755)?;
        (self.release.unpack)(&archive, &partial.folder).map_err(|why| failed(&format!("{why:#}")))?;
        drop(archive);
        interrupt.check()?;
        // The system's libraries may be too old for it.
        Node::at(program_in(&partial.folder), machine, LIMIT).map_err(|why| {
            let what = format!("Node.js {version} does not run on this machine: {why:#}");
            Failure::new(what).hint(by_hand::command(machine))
        })?;
        files::move_folder(&partial.folder, &self.folder)?;
        let seconds = started.elapsed().as_secs();
        output.progress(&format!("installed Node.js {version} in {seconds} seconds"));
        Ok(Ended::Installed)
    }

    /// The archive, whatever is in it.
    fn fetch(
        &self,
        registry: &Registry,
        machine: &Machine,
        output: Output,
        interrupt: &Interrupt,
    ) -> Result<Result<Vec<u8>, download::Failed>> {
        let mut address = (self.release.start)(self.package, registry);
        if let Some(link) = self.release.link {
            let page = match download::get(&address, registry, PAGE, machine, |_| {}, interrupt)? {
                Ok(page) => page,
                Err(why) => return Ok(Err(why)),
            };
            let file = (self.release.file)(self.package);
            match link(&String::from_utf8_lossy(&page), &address, &file) {
                Some(found) => address = found,
                None => return Ok(Err(download::Failed::Status(404))),
            }
        }
        let (started, all) = (Instant::now(), megabytes(self.package.length));
        let mut told = started;
        let tell = |bytes: u64| {
            if told.elapsed() >= PROGRESS {
                told = Instant::now();
                let (there, seconds) = (megabytes(bytes), started.elapsed().as_secs());
                output.progress(&format!("downloaded {there} of {all} MB ({seconds} s)"));
            }
        };
        download::get(&address, registry, self.package.length, machine, tell, interrupt)
    }

    /// An answer that the registry gave has a meaning of its own here.
    fn words_for(&self, why: download::Failed) -> String {
        match why {
            download::Failed::Status(404) => {
                format!("it does not have {}", (self.release.file)(self.package))
            }
            download::Failed::Status(status @ (401 | 403)) => {
                format!("it refuses access (HTTP {status})")
            }
            download::Failed::Status(status) => format!("it answers with HTTP {status}"),
            download::Failed::Other(why) => why,
        }
    }
}

/// The one that runs on this system, where these files exist.
fn package_for(
    here: (&str, &str),
    release: &'static Release,
    exists: impl Fn(&Path) -> bool,
) -> Option<&'static Package> {
    let package = release.packages.iter().find(|package| package.target == here)?;
    let loads = package.loader.is_none_or(|loader| exists(Path::new(loader)));
    loads.then_some(package)
}

fn program_in(folder: &Path) -> PathBuf {
    folder.join(if cfg!(windows) { "bin/node.exe" } else { "bin/node" })
}

/// Writes one file of an archive.
pub(super) fn write(bytes: Vec<u8>, mode: u32, path: &Path) -> Result<()> {
    files::replace(path, None, &Content::File { bytes, mode })?;
    Ok(())
}

/// Rounded up.
fn megabytes(bytes: u64) -> u64 {
    bytes.div_ceil(1_000_000)
}

#[cfg(test)]
mod tests {
    use super::super::{npm, python};
    use super::*;

    #[test]
    fn where_another_c_library_is_there_is_none() {
        let linux = ("linux", "x86_64");
        let musl = |path: &Path| path == Path::new("/lib/ld-musl-x86_64.so.1");
        for release in [&npm::RELEASE, &python::RELEASE] {
            assert!(package_for(linux, release, musl).is_none());
            assert!(package_for(linux, release, |path| path.starts_with("/lib64")).is_some());
            assert!(package_for(("macos", "aarch64"), release, |_| false).is_some());
            assert!(package_for(("freebsd", "x86_64"), release, |_| true).is_none());
        }
    }

    #[test]
    fn each_has_a_whole_hash() {
        for release in [&npm::RELEASE, &python::RELEASE] {
            let length = (release.hash)(b"").len();
            for package in release.packages {
                assert_eq!(package.hash.len(), length, "{}", package.name);
            }
        }
    }
}
