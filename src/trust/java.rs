//! Java: the `cacerts` of every JDK and JRE on the machine.
//!
//! Distributions link all of theirs to one file. That is their design, so here the link
//! is followed, and each file is edited once. JKS and password-less PKCS12 are edited
//! natively; what is encrypted, or belongs to an administrator, through keytool. An
//! encrypted PKCS12 is the one store whose status a program has to tell (`keytool -list`):
//! its content cannot be read otherwise. No JDK is delivered with one.

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
use keytool::Keytool;

/// Folders of JDKs, beside those in the user's home.
const FOLDERS: [&str; 6] = [
    "/usr/lib/jvm",
    "/usr/lib64/jvm",
    // The SDKMAN of dev container images.
    "/usr/local/sdkman/candidates/java",
    // Temurin's images.
    "/opt/java",
    "/Library/Java/JavaVirtualMachines",
    "/System/Library/Java/JavaVirtualMachines",
];

/// The folders that the installers for Windows offer, in that of all programs.
const ON_WINDOWS: [&str; 6] =
    ["Java", "Eclipse Adoptium", "Microsoft", "Amazon Corretto", "Zulu", "BellSoft"];

/// The program of a JDK that changes keystores.
const KEYTOOL: [&str; 2] = if cfg!(windows) {
    ["bin/keytool.exe", "jre/bin/keytool.exe"]
} else {
    ["bin/keytool", "jre/bin/keytool"]
};

/// Where a keystore may be in a JDK: since Java 9, and up to Java 8. Java reads
/// `jssecacerts` *instead of* `cacerts` where it exists; the CA goes into both, so that
/// it stays trusted when that file comes or goes.
const PLACES: [&str; 4] = [
    "lib/security/jssecacerts",
    "lib/security/cacerts",
    "jre/lib/security/jssecacerts",
    "jre/lib/security/cacerts",
];

/// The CA's name in a keystore, unless another one has it.
const ALIAS: &str = "azup-local-ca";

/// Its word.
pub const KIND: Kind = Kind::new("java");

/// This kind of store.
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

/// The keystore of a record. Its JDK may be gone: keytool is then the one on PATH.
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

/// Every folder that may be a JDK: that of the `java` on PATH, and whatever package and
/// version managers installed, in order.
fn homes(machine: &Machine) -> Vec<PathBuf> {
    let mut folders: Vec<PathBuf> = FOLDERS.map(PathBuf::from).into();
    let from_variable = |name: &str, below: &str| {
        let folder = machine.var(name).map(Path::new);
        folder.map(|folder| machine.absolute(folder).join(below))
    };
    folders.extend(from_variable("SDKMAN_DIR", "candidates/java"));
    folders.extend(from_variable("ASDF_DATA_DIR", "installs/java"));
    folders.extend(from_variable("MISE_DATA_DIR", "installs/java"));
    if let Ok(home) = machine.home() {
        let below = [
            ".sdkman/candidates/java",
            ".asdf/installs/java",
            // IntelliJ's and Gradle's own.
            ".jdks",
            ".gradle/jdks",
            "Library/Java/JavaVirtualMachines",
        ];
        folders.extend(below.map(|folder| home.join(folder)));
    }
    if let Ok(data) = machine.data_home() {
        folders.push(data.join("mise/installs/java"));
    }
    if cfg!(windows) && let Some(programs) = machine.var("PROGRAMFILES") {
        folders.extend(ON_WINDOWS.map(|maker| Path::new(programs).join(maker)));
    }
    let mut homes: Vec<PathBuf> = machine
        .find("java")
        .and_then(|java| java.canonicalize().ok())
        .and_then(|java| Some(java.parent()?.parent()?.to_owned()))
        .into_iter()
        .collect();
    for folder in folders {
        let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
        let mut children: Vec<PathBuf> = entries.map(|entry| entry.path()).collect();
        children.sort();
        homes.extend(children);
    }
    homes
}

/// The keystores of a JDK whose real paths were not `seen` yet.
fn keystores(home: &Path, machine: &Machine, seen: &mut Vec<PathBuf>) -> Vec<Keystore> {
    let mut keystores = Vec::new();
    // macOS keeps a JDK inside a bundle.
    for home in [home.to_owned(), home.join("Contents/Home")] {
        for place in PLACES {
            let Ok(path) = home.join(place).canonicalize() else {
                continue;
            };
            if !path.is_file() || seen.contains(&path) {
                continue;
            }
            seen.push(path.clone());
            let keytool = KEYTOOL
                .map(|program| home.join(program))
                .into_iter()
                .find(|program| program.is_file() && !machine.is_in_project(program));
            keystores.push(Keystore { path, keytool });
        }
    }
    keystores
}

/// The certificates in the keystore of the Java that is used here, each with its name.
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

/// The certificates in a keystore, each with its name. What is encrypted is read by keytool, with
/// the password that stands beside it or else the usual one.
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
    /// Only by keytool, which also had to read it.
    Encrypted,
}

impl Keystore {
    /// What is in it, and how it can be written.
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

    /// Sets the file to `after` where azup may and can; `None` leaves it to keytool.
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

    /// Holds on to the bytes before keytool writes over them.
    fn guard(&self, bytes: Vec<u8>) -> Change {
        Change::Snapshot {
            path: self.path.clone(),
            bytes,
        }
    }

    /// Runs keytool, as an administrator where it has to be.
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
            // keytool can where this cannot.
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
        // Whatever its alias: Debian's hook leaves its own entry behind (measured).
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

/// A name that no entry has; Java does not tell upper case from lower.
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

/// Whether only an administrator may write in this folder or file. A read-only file
/// system is something else: nobody may, and the attempt says so.
fn is_closed(path: &Path, machine: &Machine) -> bool {
    !machine.is_root()
        && os::may_write(path).is_err_and(|error| error.kind() == ErrorKind::PermissionDenied)
}
