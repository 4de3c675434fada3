//! azup itself for the container, and whether git keeps it.
//!
//! Containers run Linux on every host: on Linux the running azup is copied, elsewhere those that
//! its package has put beside it, and `--linux-binary` names another file. `install.sh` picks one
//! by architecture, so the file name must be right: it is derived from the ELF header.

use std::path::Path;

use anyhow::Result;
use memchr::memmem;

use super::{OWN_FOLDER, ProjectFile};
use crate::failure::{Failure, reason, shown};
use crate::files;
use crate::machine::Machine;

/// The rule in the own folder's `.gitignore`: each machine puts its own azup there.
const IGNORED: &str = "azup-linux-*\n";

/// The same after `--vendor`, which also overrides a rule further up that ignores programs.
const VENDORED: &str = "!azup-linux-*\n";

/// The possible contents of the own folder's `.gitignore`.
pub(super) const IGNORING: [&str; 2] = [IGNORED, VENDORED];

/// How the program's file name begins, for every architecture.
pub const PREFIX: &str = "azup-linux-";

/// A word that every azup contains and hardly any other program does: a variable that it reads.
const MARK: &[u8] = b"AZUP_CERTS";

/// The azup for a project's dev container.
#[derive(Clone, Debug)]
pub struct Binary {
    /// The `.gitignore` of azup's own folder.
    pub ignoring: ProjectFile,
    /// The programs, one for each architecture; empty if an existing one stays, or none is
    /// available.
    pub programs: Vec<ProjectFile>,
}

impl Binary {
    /// For looking at the project in `folder` without its program: the running azup, several
    /// megabytes, is not read.
    pub fn without_program(folder: &Path) -> Self {
        Self {
            ignoring: ignoring(is_vendored(folder)),
            programs: Vec::new(),
        }
    }

    /// Chooses it for the project in `folder`: the one `named` on the command line, else the
    /// running one if it runs in containers. `vendor`: git should keep it, now and from then on.
    pub fn choose(
        folder: &Path,
        named: Option<&Path>,
        vendor: bool,
        machine: &Machine,
    ) -> Result<Self> {
        let own = Path::new(OWN_FOLDER);
        let was_vendored = is_vendored(folder);
        let found = match named {
            Some(file) => vec![read_named(&machine.absolute(file))?],
            None if cfg!(target_os = "linux") => vec![read_running(machine)?],
            None => read_beside(&machine.azup()?)?,
        };
        let programs = found.into_iter().map(|(architecture, bytes)| ProjectFile {
            path: own.join(format!("{PREFIX}{architecture}")),
            bytes,
            mode: 0o755,
        });
        // A program that was committed is replaced only on request, not in passing.
        let asked = vendor || named.is_some() || !was_vendored;
        let programs = programs.filter(|program| asked || !folder.join(&program.path).is_file());
        Ok(Self {
            ignoring: ignoring(vendor || was_vendored),
            programs: programs.collect(),
        })
    }
}

/// The `.gitignore` of azup's own folder.
fn ignoring(vendored: bool) -> ProjectFile {
    let text = if vendored { VENDORED } else { IGNORED };
    ProjectFile::text(Path::new(OWN_FOLDER).join(".gitignore"), text)
}

/// Whether `--vendor` was given before; it stays in effect.
fn is_vendored(folder: &Path) -> bool {
    let there = files::read_if_there(&folder.join(OWN_FOLDER).join(".gitignore"));
    there.is_ok_and(|there| there.as_deref() == Some(VENDORED.as_bytes()))
}

/// The running azup, with this machine's architecture as container images name it
/// (`GOARCH`); `install.sh` derives the same from `uname -m`.
fn read_running(machine: &Machine) -> Result<(&'static str, Vec<u8>)> {
    let architecture = match std::env::consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        other => other,
    };
    Ok((architecture, read(&machine.azup()?)?))
}

/// Those for containers that lie beside the running azup, as its package puts them. If there are
/// none, the container installs the package of the same version.
fn read_beside(running: &Path) -> Result<Vec<(&'static str, Vec<u8>)>> {
    let beside = ["amd64", "arm64"].map(|name| running.with_file_name(format!("{PREFIX}{name}")));
    let there = beside.iter().filter(|file| file.is_file());
    there.map(|file| read_named(file)).collect()
}

/// The named azup, with its architecture.
fn read_named(file: &Path) -> Result<(&'static str, Vec<u8>)> {
    let bytes = read(file)?;
    let architecture = architecture(&bytes).map_err(|why| refused(file, &why))?;
    if memmem::find(&bytes, MARK).is_none() {
        return Err(refused(file, "it is another program").into());
    }
    Ok((architecture, bytes))
}

fn read(file: &Path) -> Result<Vec<u8>> {
    // A device has no end, and a FIFO may never get a writer.
    if file.metadata().is_ok_and(|about| !about.is_file()) {
        return Err(refused(file, "it is not a regular file").into());
    }
    std::fs::read(file).map_err(|error| {
        let failure = Failure::new(format!(
            "cannot copy {} for the dev container: {}",
            shown(file),
            reason(&error)
        ));
        failure.hint(OWN_PROGRAM).into()
    })
}

fn refused(file: &Path, why: &str) -> Failure {
    Failure::new(format!("{} is not an azup for a container: {why}", shown(file)))
        .hint(OWN_PROGRAM)
}

/// Uses the running azup if it is one for Linux, and otherwise leaves it to a package.
const OWN_PROGRAM: &str = "azup init";

/// The architecture of an ELF program, from its header's class, byte order, type and machine
/// (`elf.h`).
fn architecture(bytes: &[u8]) -> Result<&'static str, String> {
    let Some(header) = bytes
        .get(..20)
        .filter(|header| header.starts_with(b"\x7fELF"))
    else {
        return Err("it is not a Linux program (ELF)".into());
    };
    let word = |at: usize| u16::from_le_bytes([header[at], header[at + 1]]);
    // ET_EXEC or ET_DYN: an object file is not a program.
    if header[4..6] != [2, 1] || ![2, 3].contains(&word(16)) {
        return Err("it is not a 64-bit little-endian program".into());
    }
    match word(18) {
        62 => Ok("amd64"),
        183 => Ok("arm64"),
        other => Err(format!(
            "it is for a machine other than amd64 and arm64 (ELF number {other})"
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::architecture;

    fn header(class: u8, order: u8, kind: u16, machine: u16) -> Vec<u8> {
        let mut bytes = vec![0x7f, b'E', b'L', b'F', class, order];
        bytes.resize(16, 0);
        bytes.extend(kind.to_le_bytes());
        bytes.extend(machine.to_le_bytes());
        bytes
    }

    #[test]
    fn the_header_says_what_a_program_is_for() {
        assert_eq!(architecture(&header(2, 1, 2, 62)), Ok("amd64"));
        assert_eq!(architecture(&header(2, 1, 3, 183)), Ok("arm64"));
    }

    #[test]
    fn what_no_container_could_run_is_refused() {
        let others = [
            (header(1, 1, 2, 3), "32 bits"),
            (header(2, 2, 2, 22), "the other byte order"),
            (header(2, 1, 1, 62), "an object file"),
            (header(2, 1, 3, 243), "RISC-V"),
            (header(2, 1, 3, 62)[..19].to_vec(), "cut off"),
            (
                b"\xcf\xfa\xed\xfe\x0c\x00\x00\x01\x00\x00\x00\x00\x02\x00\x00\x00\x11\x00\x00\x00"
                    .to_vec(),
                "macOS",
            ),
            (
                b"MZ\x90\x00\x03\x00\x00\x00\x04\x00\x00\x00\xff\xff\x00\x00\xb8\x00\x00\x00"
                    .to_vec(),
                "Windows",
            ),
            (Vec::new(), "empty"),
        ];
        for (bytes, what) in others {
            assert!(architecture(&bytes).is_err(), "{what}");
        }
    }
}
