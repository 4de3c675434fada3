//! Repositories whose author kept the key of the CA in them, and what that author can sign with it.

use std::path::{Path, PathBuf};

use crate::sandbox::{Done, Sandbox};

/// Makes `ca.pem`, `cert.pem`, `key.pem` and `forged.pem` in the current folder; the
/// arguments are the CA's common name and further options of its certificate.
const MAKE: &str = r#"
name=$1; shift
new_key() { openssl genpkey -quiet -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out "$1"; }
new_key kept.key
openssl req -x509 -new -key kept.key -subj "/CN=$name" -days 390 -out ca.pem \
    -addext basicConstraints=critical,CA:TRUE,pathlen:0 -addext keyUsage=critical,keyCertSign,cRLSign "$@"
sign() {
    printf 'subjectAltName=%s\nextendedKeyUsage=serverAuth\nbasicConstraints=CA:FALSE\nkeyUsage=critical,digitalSignature\nauthorityKeyIdentifier=keyid\nsubjectKeyIdentifier=hash\n' "$2" > ext
    openssl req -new -key key.pem -subj /CN=leaf -out leaf.csr
    openssl x509 -req -in leaf.csr -CA ca.pem -CAkey kept.key -CAcreateserial -days 90 -extfile ext -out "$1"
}
new_key key.pem
sign cert.pem IP:127.0.0.1,IP:::1,DNS:localhost,DNS:azurite,DNS:host.docker.internal
sign forged.pem IP:192.0.2.7,DNS:localhost
"#;

/// The names that a set in a repository has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// As the current set.
    Current,
    /// As one that a renewal has staged.
    Staged,
}

/// An author who kept a CA's key.
pub struct Author {
    folder: PathBuf,
}

impl Author {
    /// With a CA of this common name, and further `openssl req` options for it.
    pub fn new(sandbox: &Sandbox, name: &str, options: &[&str]) -> Self {
        let folder = sandbox.root().join("author");
        std::fs::create_dir_all(&folder).unwrap();
        let mut make = sandbox.command("sh");
        make.args(["-euc", MAKE, "make", name])
            .args(options)
            .current_dir(&folder);
        Done::from(make.output().unwrap()).ok();
        Self { folder }
    }

    /// Puts the set into `folder`, which may be the project's folder of certificates or any other.
    pub fn plant(&self, folder: &Path, shape: Shape) {
        std::fs::create_dir_all(folder).unwrap();
        for name in ["ca.pem", "cert.pem", "key.pem"] {
            let to = match shape {
                Shape::Current => folder.join(name),
                Shape::Staged => folder.join(format!("next-{name}")),
            };
            std::fs::copy(self.folder.join(name), to).unwrap();
        }
    }

    /// The CA's certificate.
    pub fn ca(&self) -> PathBuf {
        self.folder.join("ca.pem")
    }

    /// SHA-256 of the CA, as OpenSSL prints it.
    pub fn fingerprint(&self, sandbox: &Sandbox) -> String {
        let mut openssl = sandbox.command("openssl");
        openssl
            .args(["x509", "-noout", "-fingerprint", "-sha256", "-in"])
            .arg(self.ca());
        let done = Done::from(openssl.output().unwrap()).ok();
        done.stdout.trim().rsplit('=').next().unwrap().to_owned()
    }

    /// Whether OpenSSL accepts the author's forgery, with the CAs of this bundle.
    pub fn is_believed(&self, sandbox: &Sandbox, bundle: &Path) -> bool {
        let mut openssl = sandbox.command("openssl");
        openssl
            .args(["verify", "-no-CApath", "-CAfile"])
            .arg(bundle)
            .arg(self.folder.join("forged.pem"));
        openssl.output().unwrap().status.success()
    }

    /// Fails if OpenSSL accepts the forgery with any file of certificates below HOME, or with one
    /// of `more`.
    pub fn believed_nowhere(&self, sandbox: &Sandbox, more: &[&Path]) {
        let mut bundles: Vec<PathBuf> = more.iter().map(|path| (*path).to_owned()).collect();
        for (path, bytes) in Sandbox::files(&sandbox.home()) {
            let text = String::from_utf8_lossy(&bytes);
            if text.contains("BEGIN CERTIFICATE") {
                bundles.push(path);
            }
        }
        for bundle in bundles {
            assert!(!self.is_believed(sandbox, &bundle), "{}", bundle.display());
        }
    }
}

/// The folder of the project set.
pub fn folder(sandbox: &Sandbox) -> PathBuf {
    sandbox.project().join(".devcontainer/azurite-certs")
}

/// Makes the project a repository, with `add` one that tracks all its files.
pub fn repository(sandbox: &Sandbox, add: bool) {
    let git = |words: &[&str]| sandbox.run("git", words).ok();
    git(&["init", "-q"]);
    if add {
        git(&["add", "-Af", "."]);
    }
}
