//! The rules that every kind of store keeps to, tested once for all of them. A new kind adds a
//! [`Fixture`].

use std::cell::RefCell;
use std::collections::HashMap;
use std::path::{Path, PathBuf};

use crate::java::{hidden, home_with};
use crate::sandbox::{Done, Sandbox, azup, public_roots};

/// One kind of store, with something foreign in it.
struct Fixture {
    kind: &'static str,
    /// Makes the store and returns the folder that it is in.
    make: fn(&mut Sandbox) -> PathBuf,
    /// The words that select it on the command line.
    words: &'static [&'static str],
    /// Its entries, as another program lists them, compared before, between and after. Empty: only
    /// the bytes of its files are compared.
    entries: fn(&Sandbox, &Path) -> Vec<String>,
    /// Whether the bytes come back, and not only the entries (a database counts its changes).
    bytes: bool,
    /// Whether it is made if it is asked for by name and missing.
    is_made: bool,
}

const FIXTURES: [Fixture; 6] = [
    Fixture {
        kind: "bundle",
        make: |sandbox| {
            let path = sandbox.write("bundle/bundle.pem", public_roots());
            path.parent().unwrap().to_owned()
        },
        words: &["--stores", "none", "--bundle", "bundle/bundle.pem"],
        entries: |_, folder| {
            let text = std::fs::read_to_string(folder.join("bundle.pem")).unwrap();
            let pieces = text.split("-----END CERTIFICATE-----").map(|piece| {
                let begin = piece.find("-----BEGIN").unwrap_or(piece.len());
                piece[begin..].to_owned()
            });
            pieces.filter(|piece| !piece.is_empty()).collect()
        },
        bytes: true,
        is_made: false,
    },
    Fixture {
        kind: "java",
        make: |sandbox| keystore(sandbox, &["-storetype", "JKS"]),
        words: &["--stores", "java"],
        entries: |sandbox, folder| keytool(sandbox, folder),
        bytes: true,
        is_made: false,
    },
    Fixture {
        kind: "java",
        make: |sandbox| {
            let plain = [
                "-storetype",
                "PKCS12",
                "-J-Dkeystore.pkcs12.certProtectionAlgorithm=NONE",
                "-J-Dkeystore.pkcs12.macAlgorithm=NONE",
            ];
            keystore(sandbox, &plain)
        },
        words: &["--stores", "java"],
        entries: |sandbox, folder| keytool(sandbox, folder),
        bytes: true,
        is_made: false,
    },
    Fixture {
        kind: "dotnet",
        make: |sandbox| {
            let root = sandbox
                .home()
                .join(".dotnet/corefx/cryptography/x509stores/root");
            std::fs::create_dir_all(&root).unwrap();
            let ca = sandbox.root().join("foreign.pem");
            sandbox.foreign_ca_at("Foreign", &ca);
            let mut openssl = sandbox.command("openssl");
            openssl
                .args(["pkcs12", "-export", "-nokeys", "-passout", "pass:", "-in"])
                .arg(ca)
                .arg("-out")
                .arg(root.join("0000000000000000000000000000000000000000.pfx"));
            Done::from(openssl.output().unwrap()).ok();
            root
        },
        words: &["--stores", "dotnet"],
        entries: |sandbox, folder| {
            let read = |path: &Path| {
                let mut openssl = sandbox.command("openssl");
                openssl
                    .args(["pkcs12", "-nokeys", "-passin", "pass:", "-in"])
                    .arg(path);
                Done::from(openssl.output().unwrap()).ok().stdout
            };
            // .NET reads only files with such a name.
            let files = Sandbox::files(folder).into_iter();
            let files = files.filter(|(path, _)| path.extension().is_some_and(|end| end == "pfx"));
            files.map(|(path, _)| read(&path)).collect()
        },
        bytes: true,
        is_made: true,
    },
    Fixture {
        kind: "storage-explorer",
        make: |sandbox| {
            let certs = sandbox.home().join(".config/StorageExplorer/certs");
            std::fs::create_dir_all(&certs).unwrap();
            sandbox.foreign_ca_at("Foreign", &certs.join("foreign.pem"));
            certs
        },
        words: &["--stores", "storage-explorer"],
        entries: |_, folder| {
            let files = Sandbox::files(folder).into_iter();
            // What a killed azup leaves behind does not have a certificate's name.
            let hidden = |path: &Path| path.file_name().unwrap().to_string_lossy().starts_with('.');
            files
                .filter(|(path, _)| !hidden(path))
                .map(|(_, bytes)| String::from_utf8(bytes).unwrap())
                .collect()
        },
        bytes: true,
        is_made: false,
    },
    Fixture {
        kind: "nss",
        make: |sandbox| {
            let folder = sandbox.home().join(".pki/nssdb");
            std::fs::create_dir_all(&folder).unwrap();
            let ca = sandbox.root().join("foreign.pem");
            sandbox.foreign_ca_at("Foreign", &ca);
            let database = format!("sql:{}", folder.display());
            let new = ["-N", "--empty-password", "-d", &database];
            sandbox.run("certutil", new).ok();
            let add = ["-A", "-d", &database, "-n", "Foreign", "-t", "C,,", "-i"];
            let words = add.into_iter().chain([ca.to_str().unwrap()]);
            sandbox.run("certutil", words).ok();
            folder
        },
        words: &["--stores", "nss"],
        entries: |sandbox, folder| {
            let database = format!("sql:{}", folder.display());
            let list = sandbox.run("certutil", ["-L", "-d", &database]).ok().stdout;
            let lines = list.lines().map(str::to_owned);
            lines
                .filter(|line| line.ends_with("C,,  ") || line.ends_with("C,,"))
                .collect()
        },
        bytes: false,
        is_made: false,
    },
];

/// A JDK whose keystore holds a foreign CA.
fn keystore(sandbox: &mut Sandbox, options: &[&str]) -> PathBuf {
    let (ca, made) = (
        sandbox.root().join("foreign.pem"),
        sandbox.root().join("made"),
    );
    sandbox.foreign_ca_at("Foreign", &ca);
    let mut keytool = sandbox.command("keytool");
    keytool
        .args([
            "-importcert",
            "-noprompt",
            "-alias",
            "foreign",
            "-storepass",
            "changeit",
        ])
        .args(options)
        .arg("-file")
        .arg(ca)
        .arg("-keystore")
        .arg(&made);
    Done::from(keytool.output().unwrap()).ok();
    home_with(sandbox, &made).parent().unwrap().to_owned()
}

/// The fingerprints in a keystore.
fn keytool(sandbox: &Sandbox, folder: &Path) -> Vec<String> {
    let mut keytool = sandbox.command("keytool");
    keytool
        .args(["-list", "-storepass", "changeit", "-keystore"])
        .arg(folder.join("cacerts"));
    let list = Done::from(keytool.output().unwrap()).ok().stdout;
    let lines = list.lines().map(str::to_owned);
    lines
        .filter(|line| line.starts_with("Certificate fingerprint"))
        .collect()
}

/// Files with their bytes.
type Files = Vec<(PathBuf, Vec<u8>)>;

/// One fixture in a sandbox of its own.
pub struct Stage {
    pub sandbox: Sandbox,
    fixture: &'static Fixture,
    folder: PathBuf,
    /// What other programs said about the same bytes before: they are slow.
    known: RefCell<HashMap<Files, Vec<String>>>,
}

impl Stage {
    pub fn all() -> impl DoubleEndedIterator<Item = Self> + Send {
        FIXTURES.iter().map(|fixture| {
            let mut sandbox = Sandbox::new();
            sandbox.azup(["trust", "--stores", "none"]).ok();
            let folder = (fixture.make)(&mut sandbox);
            Self {
                sandbox,
                fixture,
                folder,
                known: RefCell::default(),
            }
        })
    }

    /// Runs `azup trust` or `azup untrust` on its store, with `--json`.
    pub fn azup(&self, verb: &str, read_only: Option<&Path>) -> Done {
        let words = [azup().to_str().unwrap(), verb, "--json"];
        let words = words.iter().chain(self.fixture.words);
        hidden(&self.sandbox, read_only, words)
    }

    /// The status of the only store.
    #[track_caller]
    fn status(&self, done: &Done) -> String {
        let json = done.json();
        let stores = json["stores"].as_array().unwrap();
        assert_eq!(stores.len(), 1, "{done}");
        assert_eq!(stores[0]["kind"], self.fixture.kind);
        stores[0]["status"].as_str().unwrap().to_owned()
    }

    /// The entries of its store, in order.
    pub fn entries(&self) -> Vec<String> {
        let mut known = self.known.borrow_mut();
        let read = known.entry(self.files()).or_insert_with(|| {
            let mut entries = (self.fixture.entries)(&self.sandbox, &self.folder);
            entries.sort();
            entries
        });
        read.clone()
    }

    /// The bytes of its store.
    pub fn files(&self) -> Files {
        Sandbox::files(&self.folder)
    }
}

impl Stage {
    /// The kind of store.
    pub fn kind(&self) -> &'static str {
        self.fixture.kind
    }

    /// The words that select it on the command line.
    pub fn words(&self) -> &'static [&'static str] {
        self.fixture.words
    }

    /// Whether removal gives the bytes back, and not only the entries.
    pub fn gives_bytes_back(&self) -> bool {
        self.fixture.bytes
    }
}

#[test]
fn add_twice_is_once_and_remove_gives_back_what_was_there() {
    for stage in Stage::all() {
        let kind = stage.fixture.kind;
        let (entries, files) = (stage.entries(), stage.files());
        assert!(!entries.is_empty(), "{kind} has something foreign");

        let done = stage.azup("trust", None).ok();
        assert_eq!(stage.status(&done), "added", "{kind}");
        let mut more = stage.entries();
        assert_eq!(more.len(), entries.len() + 1, "{kind}");
        let once = stage.files();

        let done = stage.azup("trust", None).ok();
        assert_eq!(stage.status(&done), "trusted", "{kind}");
        assert!(stage.files() == once, "{kind}: not a byte is written");

        more.retain(|entry| entries.contains(entry));
        assert_eq!(more, entries, "{kind}: what is foreign stays");

        let done = stage.azup("untrust", None).ok();
        assert_eq!(stage.status(&done), "removed", "{kind}");
        assert_eq!(stage.entries(), entries, "{kind}");
        if stage.fixture.bytes {
            assert!(stage.files() == files, "{kind}: the bytes before");
        }
        let before = stage.files();
        let done = stage.azup("untrust", None).ok();
        assert_eq!(stage.status(&done), "absent", "{kind}");
        assert!(stage.files() == before, "{kind}");
    }
}

#[test]
fn an_unwritable_store_stays_as_it_is_and_azup_says_so() {
    for stage in Stage::all() {
        let kind = stage.fixture.kind;
        let (entries, files) = (stage.entries(), stage.files());
        let done = stage.azup("trust", Some(&stage.folder));
        assert_eq!(done.code, 1, "{kind}: {done}");
        assert_eq!(stage.status(&done), "failed", "{kind}");
        assert!(stage.files() == files, "{kind}");

        stage.azup("trust", None).ok();
        let trusted = stage.files();
        let done = stage.azup("trust", Some(&stage.folder)).ok();
        assert_eq!(stage.status(&done), "trusted", "{kind}: nothing to write");
        let done = stage.azup("untrust", Some(&stage.folder));
        assert_eq!(done.code, 1, "{kind}: {done}");
        assert!(stage.files() == trusted, "{kind}");
        stage.azup("untrust", None).ok();
        assert_eq!(stage.entries(), entries, "{kind}");
    }
}

/// A store that was asked for by name and is missing is named, and not made.
#[test]
fn a_missing_store_is_reported() {
    for mut stage in Stage::all().filter(|stage| !stage.fixture.is_made) {
        let kind = stage.fixture.kind;
        // If Storage Explorer was never started, its own folder is missing too.
        let own = stage
            .folder
            .parent()
            .filter(|own| own.ends_with("StorageExplorer"));
        std::fs::remove_dir_all(own.unwrap_or(&stage.folder)).unwrap();
        // No browser that would need a database.
        let empty = stage.sandbox.root().join("no-programs");
        std::fs::create_dir(&empty).unwrap();
        stage.sandbox.set("PATH", empty);
        let done = stage.azup("trust", None);
        assert_eq!(done.code, 1, "{kind}: {done}");
        assert_eq!(stage.status(&done), "failed", "{kind}");
        assert!(!stage.folder.exists(), "{kind}");
        stage.azup("untrust", None).ok();
        assert!(!stage.folder.exists(), "{kind}");
    }
}

/// Killed at any moment, azup leaves the old store or the new one, and the next run recovers.
#[test]
fn killed_at_any_moment_the_store_is_the_old_or_the_new_one() {
    for stage in Stage::all() {
        let kind = stage.fixture.kind;
        let before = stage.entries();
        for step in 0..8_u64 {
            let words = ["timeout", "-s", "KILL"].map(str::to_owned);
            let limit = format!("0.{:03}", 1 + step * 3);
            let azup = [
                limit,
                azup().to_str().unwrap().to_owned(),
                "trust".to_owned(),
            ];
            let store = stage.fixture.words.iter().map(|word| (*word).to_owned());
            hidden(
                &stage.sandbox,
                None,
                words.into_iter().chain(azup).chain(store),
            );
            let now = stage.entries();
            assert!(
                now == before || now.len() == before.len() + 1,
                "{kind}: {} entries became {}",
                before.len(),
                now.len()
            );
            stage.azup("trust", None).ok();
            assert_eq!(stage.entries().len(), before.len() + 1, "{kind}");
            stage.azup("untrust", None).ok();
            assert_eq!(stage.entries(), before, "{kind}");
        }
    }
}
