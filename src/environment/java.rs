//! A trust store for Java. `javax.net.ssl.trustStore` replaces every other store (measured), so it
//! also contains the public CAs: those of the store used so far.
//!
//! `JDK_JAVA_OPTIONS` reaches everything that the program `java` starts: programs, Maven, Gradle
//! and their forks. javac, keytool and scripts that read `java -version` do not see it, so it is
//! set wherever Java is found. `JAVA_TOOL_OPTIONS` reaches every JVM and makes each report it on
//! standard error, so it is set only on request. If both name a store, the first variable's counts
//! (measured).

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};

use anyhow::Result;
use java_keystore::pkcs12::{self, NewCertificate};

use super::{Environment, Variable, merged};
use crate::certificates::TrustAnchor;
use crate::failure::{Failure, command_line};
use crate::machine::Machine;
use crate::trust::java;
use crate::workspace::Workspace;

/// The options of the program `java`, version 9 and newer.
const LAUNCHER: &str = "JDK_JAVA_OPTIONS";

/// The options that every JVM reads at its start.
const EVERY: &str = "JAVA_TOOL_OPTIONS";

/// The option that names the file of CAs.
const STORE: &str = "-Djavax.net.ssl.trustStore=";

/// Its value is `PKCS12` after azup's own store.
const TYPE: &str = "-Djavax.net.ssl.trustStoreType=";

/// The password of the user's own store.
const PASSWORD: &str = "-Djavax.net.ssl.trustStorePassword=";

/// Commands that are written in Java, or start it.
const COMMANDS: [&str; 10] = [
    "java", "mvn", "mvnw", "mvnd", "gradle", "gradlew", "sbt", "kotlin", "scala", "jbang",
];

/// Files that show that a project is built with such a command.
const BUILDS: [&str; 5] = [
    "pom.xml",
    "build.gradle",
    "build.gradle.kts",
    "settings.gradle",
    "settings.gradle.kts",
];

/// Which Java programs get a trust store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Java {
    /// None.
    No,
    /// Those that the program `java` starts.
    Launcher,
    /// Every JVM.
    Every,
}

impl Java {
    /// What is needed if `--java` was given (`asked`), or if `command` runs in this folder.
    pub fn of(asked: bool, command: Option<&OsStr>, machine: &Machine) -> Self {
        if asked {
            return Self::Every;
        }
        let name = command.and_then(|command| Path::new(command).file_name());
        let is_java = name.is_some_and(|name| COMMANDS.iter().any(|known| name == *known));
        let is_built = || {
            let folders = Workspace::of(machine).project;
            let mut files = folders
                .iter()
                .flat_map(|folder| BUILDS.map(|name| folder.join(name)));
            files.any(|file| file.is_file())
        };
        if is_java || is_built() {
            Self::Launcher
        } else {
            Self::No
        }
    }
}

/// Adds the variables, if the store that Java uses lacks the CA.
pub(super) fn plan(
    java: Java,
    ca: &TrustAnchor,
    machine: &Machine,
    environment: &mut Environment,
) -> Result<()> {
    if java == Java::No {
        return Ok(());
    }
    let launcher = Options::read(LAUNCHER, machine)?;
    let every = Options::read(EVERY, machine)?;
    if java == Java::Every {
        every.plan(every.store(), ca, machine, environment)?;
        // The user's own store there would win over the one above.
        if launcher.store().is_none() {
            return Ok(());
        }
    } else if java::roots(machine).is_err() {
        // Java was not requested, and there is none.
        return Ok(());
    }
    launcher.plan(launcher.store().or(every.store()), ca, machine, environment)
}

/// A trust store without the CA that `command` itself names: it wins over azup's. Named by the
/// variable instead, it is merged with the CA.
pub fn overriding(command: &[OsString], ca: &TrustAnchor, machine: &Machine) -> Option<Failure> {
    let is_named = |word: &&OsString| {
        let word = word.to_string_lossy();
        [STORE, TYPE, PASSWORD].iter().any(|option| word.starts_with(option))
    };
    let value = |option| {
        let mut words = command.iter().rev().filter_map(|word| word.to_str());
        words.find_map(|word| word.strip_prefix(option))
    };
    let store = value(STORE)?;
    let roots = java::certificates(&machine.absolute(Path::new(store)), value(PASSWORD), machine);
    if roots.is_ok_and(|roots| roots.iter().any(|(_, der)| *der == ca.der)) {
        return None;
    }
    let what = format!(
        "{STORE}{store} on the command line wins over azup's trust store, so Java will not trust Azurite"
    );
    // A hint is printed, and ends up in logs.
    if value(PASSWORD).is_some() {
        return Some(Failure::new(what).hint(format!("move these options to {LAUNCHER}")));
    }
    let words = machine.var(LAUNCHER).into_iter().chain(command.iter().filter(is_named).map(OsString::as_os_str));
    let words: Vec<String> = words.map(|word| word.to_string_lossy().into_owned()).collect();
    let start = ["env", &format!("{LAUNCHER}={}", words.join(" ")), "azup", "run", "--"].map(OsString::from);
    let rest = command.iter().filter(|word| !is_named(word));
    Some(Failure::new(what).hint(command_line(start.iter().chain(rest))))
}

/// The options in one of the variables.
struct Options<'a> {
    name: &'static str,
    /// The options that are not azup's.
    kept: Vec<Word<'a>>,
    /// Whether there were some of azup's.
    had_ours: bool,
}

/// A trust store of the user's.
struct Store {
    path: PathBuf,
    password: Option<String>,
}

impl<'a> Options<'a> {
    fn read(name: &'static str, machine: &'a Machine) -> Result<Self> {
        let value = machine.var(name).unwrap_or_default();
        let value = value.to_str().ok_or_else(|| bad(name, "is not UTF-8"))?;
        let words =
            words(value).ok_or_else(|| bad(name, "has a quotation mark that is never closed"))?;
        let folder = merged::folder(machine)?;
        let is_ours = |path: &str| Path::new(path).parent() == Some(&folder);
        let mut this = Self {
            name,
            kept: Vec::new(),
            had_ours: false,
        };
        let mut after_ours = false;
        for word in words {
            let store = word.text.strip_prefix(STORE);
            // The type that was added after azup's store is removed with it.
            let goes = store.is_some_and(is_ours) || after_ours && word.text.starts_with(TYPE);
            after_ours = goes && store.is_some();
            if goes {
                this.had_ours = true;
            } else {
                this.kept.push(word);
            }
        }
        Ok(this)
    }

    /// The last value of an option.
    fn last(&self, option: &str) -> Option<&str> {
        let mut values = self.kept.iter().rev();
        values.find_map(|word| word.text.strip_prefix(option))
    }

    fn store(&self) -> Option<Store> {
        Some(Store {
            path: self.last(STORE)?.into(),
            password: self.last(PASSWORD).map(str::to_owned),
        })
    }

    fn plan(
        &self,
        users: Option<Store>,
        ca: &TrustAnchor,
        machine: &Machine,
        environment: &mut Environment,
    ) -> Result<()> {
        let roots = match users {
            Some(Store { path, password }) => {
                java::certificates(&machine.absolute(&path), password.as_deref(), machine)?
            }
            None => java::roots(machine)?,
        };
        let mut all: Vec<String> = self.kept.iter().map(|word| word.raw.to_owned()).collect();
        if roots.iter().any(|(_, der)| *der == ca.der) {
            if !self.had_ours {
                return Ok(());
            }
        } else {
            let alias = format!("azup-{}", &ca.sha256()[..8]);
            let theirs = roots
                .iter()
                .map(|(alias, der)| NewCertificate::trusted(alias, der));
            let certificates = theirs.chain([NewCertificate::trusted(&alias, &ca.der)]);
            let (path, changes) = merged::put(pkcs12::encode(certificates), "p12", machine)?;
            for change in changes {
                // Both variables may name the same store.
                if !environment.changes.contains(&change) {
                    environment.changes.push(change);
                }
            }
            all.push(option(self.name, &path)?);
            all.push(format!("{TYPE}PKCS12"));
        }
        environment.variables.push(Variable {
            name: self.name,
            value: (!all.is_empty()).then(|| OsString::from(all.join(" "))),
        });
        Ok(())
    }
}

/// The option that names a store, quoted as Java reads it.
fn option(name: &str, path: &Path) -> Result<String> {
    let path = path
        .to_str()
        .ok_or_else(|| bad(name, "cannot name a file whose path is not UTF-8"))?;
    let plain = !path.contains(|c: char| c.is_whitespace() || matches!(c, '"' | '\''));
    match (plain, path.contains('"'), path.contains('\'')) {
        (true, _, _) => Ok(format!("{STORE}{path}")),
        (_, false, _) => Ok(format!("\"{STORE}{path}\"")),
        (_, _, false) => Ok(format!("'{STORE}{path}'")),
        _ => Err(bad(name, "cannot name a file with both kinds of quotation marks").into()),
    }
}

fn bad(name: &str, why: &str) -> Failure {
    Failure::new(format!("{name} {why}")).hint(format!("unset {name}"))
}

/// One option, as written and as Java understands it.
#[derive(Debug, PartialEq, Eq)]
struct Word<'a> {
    raw: &'a str,
    text: String,
}

/// The options in a value, by Java's own rule: white space ends one, unless either kind of
/// quotation mark encloses it. `None` if a quote is never closed.
fn words(value: &str) -> Option<Vec<Word<'_>>> {
    let mut words = Vec::new();
    let mut rest = value.trim_start();
    while !rest.is_empty() {
        let (mut text, mut open, mut end) = (String::new(), None, rest.len());
        for (at, c) in rest.char_indices() {
            match (open, c) {
                (Some(mark), c) if c == mark => open = None,
                (None, '"' | '\'') => open = Some(c),
                (None, c) if c.is_ascii_whitespace() => {
                    end = at;
                    break;
                }
                (_, c) => text.push(c),
            }
        }
        if open.is_some() {
            return None;
        }
        let raw = &rest[..end];
        words.push(Word { raw, text });
        rest = rest[end..].trim_start();
    }
    Some(words)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_are_taken_apart_as_java_does() {
        let all = words("  -Da=1 '-Db=two words' -Dc=\"it's\"x\t-Dd ").expect("words");
        let texts: Vec<&str> = all.iter().map(|word| word.text.as_str()).collect();
        assert_eq!(texts, ["-Da=1", "-Db=two words", "-Dc=it'sx", "-Dd"]);
        assert_eq!(all[1].raw, "'-Db=two words'");
        assert_eq!(words("-Da='open"), None);
    }
}
