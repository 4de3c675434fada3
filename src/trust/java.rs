//! Java: the `cacerts` of every JDK and JRE on the machine.
//!
//! Distributions link all of theirs to one file by design, so links are followed here and each file
//! is edited once. JKS and password-less PKCS12 are edited natively; encrypted keystores and those
//! that belong to an administrator, through keytool. An encrypted PKCS12 is the one store whose
//! status needs a program (`keytool -list`): its contents cannot be read otherwise. No JDK ships
//! with one.

mod homes;
pub mod keytool;

use std::ffi::OsString;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use anyhow::Result;
use java_keystore::jks::Jks;
use java_keystore::pkcs12::Pkcs12;
use java_keystore::{DEFAULT_PASSWORD as PASSWORD, Entry, Format};

use super::definition::Definition;
use super::{Candidate, Operation, RemovalFilter, Status, Store, StoreReport};
use crate::certificates::TrustAnchor;
use crate::change::{Change, Input};
use crate::failure::{Failure, shown};
use crate::files::{self, Content};
use crate::machine::Machine;
use crate::options::Kind;
use crate::os;
use homes::{FOLDERS, homes, keystores};
use keytool::Keytool;

/// The CA's alias in a keystore, unless another entry has it.
const ALIAS: &str = "azup-local-ca";

pub const KIND: Kind = Kind::new("java");

pub(super) static STORE: Definition = Definition {
    kind: KIND,
    asked_by: &[KIND],
    of_project: false,
    check: "store-java",
    title: "Java's keystores have the CA",
    read_by_program: true,
    find: |search| find(search.machine),
    reopen: Some(|path| Box::new(recorded(path))),
};

/// One keystore of CAs.
#[derive(Debug)]
pub struct Keystore {
    path: PathBuf,
    /// The keytool of the JDK that it was found in.
    keytool: Option<PathBuf>,
}

/// A keystore from the record. If its JDK is gone, keytool is the one on PATH.
fn recorded(path: PathBuf) -> Keystore {
    Keystore {
        path,
        keytool: None,
    }
}

/// Every keystore of every JDK, or rows that say why there is none.
fn find(machine: &Machine) -> Vec<Candidate> {
    let mut found = Vec::new();
    let mut seen: Vec<PathBuf> = Vec::new();
    if let Some(home) = machine.var("JAVA_HOME") {
        let home = machine.absolute(Path::new(home));
        let keystores = keystores(&home, machine, &mut seen);
        if keystores.is_empty() {
            let why = if home.is_dir() {
                "which is not a JDK: it has no lib/security/cacerts"
            } else {
                "which is not a folder"
            };
            let why = format!("JAVA_HOME names {}, {why}", shown(&home));
            let mend = Some("unset JAVA_HOME".to_owned());
            found.push(Candidate::StoreReport(StoreReport::absent(KIND, &home, why, mend)));
        }
        found.extend(
            keystores
                .into_iter()
                .map(|store| Candidate::Store(Box::new(store) as _)),
        );
    }
    for home in homes(machine) {
        let keystores = keystores(&home, machine, &mut seen);
        found.extend(
            keystores
                .into_iter()
                .map(|store| Candidate::Store(Box::new(store) as _)),
        );
    }
    if found.is_empty() {
        found.push(Candidate::StoreReport(StoreReport::absent(
            KIND,
            Path::new(FOLDERS[0]),
            "no JDK was found".to_owned(),
            Some("export JAVA_HOME=/path/to/jdk".to_owned()),
        )));
    }
    found
}
/// The certificates, with their aliases, in the keystore of the Java that is used here.
pub fn roots(machine: &Machine) -> Result<Vec<(String, Vec<u8>)>> {
    let first = find(machine).into_iter().find_map(|found| match found {
        Candidate::Store(store) => Some(store.path().to_owned()),
        Candidate::StoreReport(_) | Candidate::Searched(_) => None,
    });
    let path = first.ok_or_else(|| {
        Failure::new("no JDK was found, from which to copy the public CAs for Java's trust store")
            .hint("export JAVA_HOME=/path/to/jdk")
    })?;
    certificates(&path, None, machine)
}

/// The certificates in a keystore, with their aliases. An encrypted keystore is read by keytool,
/// with the given password or else the usual one.
pub fn certificates(
    path: &Path,
    password: Option<&str>,
    machine: &Machine,
) -> Result<Vec<(String, Vec<u8>)>> {
    let bytes = files::read(path)?;
    let entries = match Format::detect(&bytes) {
        Some(Format::Jks) => Jks::parse(&bytes).map(|jks| jks.entries()).ok(),
        Some(Format::Pkcs12) => Pkcs12::parse(&bytes).map(|pkcs12| pkcs12.entries()).ok(),
        None => {
            let why = format!("{} is neither JKS nor PKCS12", shown(path));
            let hint = format!("keytool -list -keystore {}", shown(path));
            return Err(Failure::new(why).hint(hint).into());
        }
    };
    let entries = if let Some(entries) = entries {
        entries
    } else {
        let keystore = recorded(path.to_owned());
        let listed = keystore.keytool(machine)?.list(password, machine)?;
        listed.ok_or_else(|| {
            let why = match password {
                Some(_) => "the password beside it does not open it",
                None => "no javax.net.ssl.trustStorePassword is set beside it",
            };
            Failure::new(format!("{} cannot be read: {why}", shown(path)))
                .hint(format!("keytool -list -keystore {}", shown(path)))
        })?
    };
    Ok(entries
        .into_iter()
        .filter_map(|entry| Some((entry.alias.into_owned(), entry.certificate?.into_owned())))
        .collect())
}

/// How a keystore can be written.
enum Form<'a> {
    Jks(Jks<'a>),
    Pkcs12(Pkcs12<'a>),
    /// Only by keytool, which was also needed to read it.
    Encrypted,
}

impl Keystore {
    /// Its contents, and how it can be written.
    fn read<'a>(
        &self,
        bytes: &'a [u8],
        goal: &Operation<'_>,
        machine: &Machine,
    ) -> Result<(Vec<Entry<'a>>, Form<'a>)> {
        let refuse = |why: &str| {
            Failure::new(format!("{} {why}", shown(&self.path)))
                .hint(format!("keytool -list -keystore {}", shown(&self.path)))
        };
        if bytes.is_empty() {
            return Err(refuse("is empty, so it is not a keystore").into());
        }
        match Format::detect(bytes) {
            Some(Format::Jks) => {
                let jks =
                    Jks::parse(bytes).map_err(|why| refuse(&format!("cannot be read: {why}")))?;
                return Ok((jks.entries(), Form::Jks(jks)));
            }
            Some(Format::Pkcs12) => {}
            None => return Err(refuse("is neither JKS nor PKCS12, so it is not a cacerts file").into()),
        }
        if let Ok(pkcs12) = Pkcs12::parse(bytes) {
            return Ok((pkcs12.entries(), Form::Pkcs12(pkcs12)));
        }
        let keytool = self.keytool(machine)?;
        match keytool.list(None, machine)? {
            Some(entries) => Ok((entries, Form::Encrypted)),
            None => Err(keytool.other_password(ALIAS, goal).into()),
        }
    }

    fn keytool(&self, machine: &Machine) -> Result<Keytool<'_>> {
        let found = self.keytool.clone().or_else(|| machine.find("keytool"));
        let program = found.ok_or_else(|| {
            Failure::new(format!(
                "only keytool can write {}, and there is none",
                shown(&self.path)
            ))
            .hint("sudo apt-get install default-jre-headless")
        })?;
        Ok(Keytool {
            program,
            keystore: &self.path,
        })
    }

    /// Sets the file to `after` if azup may and can; `None` leaves it to keytool.
    fn natively(&self, before: &[u8], after: Option<Vec<u8>>, machine: &Machine) -> Option<Change> {
        let folder = self.path.parent()?;
        if is_closed(folder, machine) {
            return None;
        }
        Some(Change::Write {
            path: self.path.clone(),
            expect: Some(before.to_vec()),
            content: Content::File {
                bytes: after?,
                mode: 0o644,
            },
        })
    }

    /// Keeps the bytes before keytool overwrites them.
    fn guard(&self, bytes: Vec<u8>) -> Change {
        Change::Snapshot {
            path: self.path.clone(),
            bytes,
        }
    }

    /// Runs keytool, as an administrator if necessary.
    fn run(
        &self,
        argv: Vec<OsString>,
        input: Option<Input>,
        undo: Option<Vec<OsString>>,
        machine: &Machine,
    ) -> Change {
        Change::Run {
            argv,
            input,
            undo,
            admin: is_closed(&self.path, machine),
        }
    }
}

impl Store for Keystore {
    fn kind(&self) -> Kind {
        KIND
    }

    fn path(&self) -> &Path {
        &self.path
    }

    fn status(&self, ca: &TrustAnchor, machine: &Machine) -> Result<Status> {
        let bytes = files::read(&self.path)?;
        let (entries, _) = self.read(&bytes, &Operation::Add(ca), machine)?;
        Ok(Status::from(trusts(&entries, ca)))
    }

    fn add(&self, ca: &TrustAnchor, machine: &Machine) -> Result<Vec<Change>> {
        let goal = Operation::Add(ca);
        let before = files::read(&self.path)?;
        let (entries, form) = self.read(&before, &goal, machine)?;
        if trusts(&entries, ca) {
            return Ok(Vec::new());
        }
        let alias = free_alias(&entries, ca);
        let after = match &form {
            Form::Jks(jks) if jks.verify_password(PASSWORD) => {
                Some(jks.add_certificate(&alias, &ca.der, machine.now().into(), PASSWORD)?)
            }
            Form::Jks(_) => {
                return Err(self.keytool(machine)?.other_password(&alias, &goal).into());
            }
            // keytool handles what this cannot.
            Form::Pkcs12(pkcs12) => pkcs12.add_certificate(&alias, &ca.der).ok(),
            Form::Encrypted => None,
        };
        if let Some(change) = self.natively(&before, after, machine) {
            return Ok(vec![change]);
        }
        let keytool = self.keytool(machine)?;
        let undo = Some(keytool.delete(&alias));
        let import = self.run(keytool.import(&alias), Some(ca.as_input()), undo, machine);
        Ok(vec![self.guard(before), import])
    }

    fn remove(&self, removal: &RemovalFilter, machine: &Machine) -> Result<Vec<Change>> {
        let goal = Operation::Remove(removal);
        let Some(before) = files::read_if_there(&self.path)? else {
            return Ok(Vec::new());
        };
        let (entries, form) = self.read(&before, &goal, machine)?;
        let goes = |der: &[u8]| removal.names(der);
        // Under any alias: Debian's hook leaves its own entry behind (measured).
        let gone: Vec<&str> = entries
            .iter()
            .filter(|entry| entry.certificate.as_deref().is_some_and(goes))
            .map(|entry| &*entry.alias)
            .collect();
        let Some(first) = gone.first() else {
            return Ok(Vec::new());
        };
        let after = match &form {
            Form::Jks(jks) if jks.verify_password(PASSWORD) => {
                jks.remove_certificates(goes, PASSWORD)
            }
            Form::Jks(_) => {
                return Err(self.keytool(machine)?.other_password(first, &goal).into());
            }
            Form::Pkcs12(pkcs12) => pkcs12.remove_certificates(goes).ok().flatten(),
            Form::Encrypted => None,
        };
        if let Some(change) = self.natively(&before, after, machine) {
            return Ok(vec![change]);
        }
        let keytool = self.keytool(machine)?;
        let deletions = gone
            .iter()
            .map(|alias| self.run(keytool.delete(alias), None, None, machine));
        Ok(std::iter::once(self.guard(before.clone()))
            .chain(deletions)
            .collect())
    }
}

fn trusts(entries: &[Entry<'_>], ca: &TrustAnchor) -> bool {
    entries
        .iter()
        .any(|entry| entry.certificate.as_deref() == Some(&ca.der))
}

/// An alias that no entry has; Java ignores case in aliases.
fn free_alias(entries: &[Entry<'_>], ca: &TrustAnchor) -> String {
    let sha256 = ca.sha256();
    let is_free = |alias: &String| {
        !entries
            .iter()
            .any(|entry| entry.alias.eq_ignore_ascii_case(alias))
    };
    [ALIAS.to_owned(), format!("azup-{}", &sha256[..8])]
        .into_iter()
        .find(is_free)
        .unwrap_or_else(|| format!("azup-{sha256}"))
}

/// Whether only an administrator may write in this folder or file. A read-only file system is
/// different: no user may, and the attempt says so.
fn is_closed(path: &Path, machine: &Machine) -> bool {
    !machine.is_root()
        && os::may_write(path).is_err_and(|error| error.kind() == ErrorKind::PermissionDenied)
}
