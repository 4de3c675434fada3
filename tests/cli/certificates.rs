//! The certificate set, judged by programs that azup has nothing to do with.

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use azurite_up::certificates::{Names, ca_parameters, leaf_parameters};
use time::OffsetDateTime;

use crate::sandbox::{Done, Sandbox, part};
use crate::tls::{BODY, Server, get_by_rustls};

/// Every way in which a program on this machine names Azurite.
const HOSTS: [&str; 3] = ["127.0.0.1", "[::1]", "localhost"];

/// A sandbox with the machine's certificate set and nothing else.
fn with_set() -> Sandbox {
    let sandbox = Sandbox::new();
    sandbox.azup(["trust", "--stores", "none"]).ok();
    sandbox
}

/// A leaf for example.com under a CA with azup's own constraint: what anyone could make who got
/// hold of a CA key, if there were one.
fn forged(folder: &Path) -> (PathBuf, PathBuf, PathBuf) {
    let now = OffsetDateTime::now_utc();
    let names = Names::with(&[]).unwrap();
    let ca_key = rcgen::KeyPair::generate().unwrap();
    let ca = ca_parameters(&names, &ca_key, now);
    let leaf_key = rcgen::KeyPair::generate().unwrap();
    let mut leaf = leaf_parameters(&names, now);
    leaf.subject_alt_names = vec![
        rcgen::SanType::DnsName("example.com".try_into().unwrap()),
        rcgen::SanType::IpAddress("127.0.0.1".parse().unwrap()),
    ];
    let certificate = leaf
        .signed_by(&leaf_key, &rcgen::Issuer::from_params(&ca, &ca_key))
        .unwrap();
    let paths = ["ca.pem", "cert.pem", "key.pem"].map(|name| folder.join(name));
    std::fs::write(&paths[0], ca.self_signed(&ca_key).unwrap().pem()).unwrap();
    std::fs::write(&paths[1], certificate.pem()).unwrap();
    std::fs::write(&paths[2], leaf_key.serialize_pem()).unwrap();
    let [ca, cert, key] = paths;
    (ca, cert, key)
}

fn openssl_verify(sandbox: &Sandbox, ca: &Path, cert: &Path) -> Done {
    let mut command = sandbox.command("openssl");
    command.args(["verify", "-x509_strict", "-purpose", "sslserver"]);
    command
        .args(["-no-CApath", "-no-CAstore", "-CAfile"])
        .arg(ca)
        .arg(cert);
    command.output().unwrap().into()
}

const NODE: &str = "
const https = require('https');
https.get(process.argv[1], answer => {
  answer.on('data', data => process.stdout.write(data));
}).on('error', error => { console.error(error.code, error.message); process.exitCode = 1; });
";

fn get_by_node(sandbox: &Sandbox, ca: &Path, url: &str) -> Done {
    let mut command = sandbox.command("node");
    command
        .env("NODE_EXTRA_CA_CERTS", ca)
        .args(["-e", NODE, url]);
    command.output().unwrap().into()
}

const PYTHON: &str = "
import ssl, sys, urllib.request
context = ssl.create_default_context(cafile=sys.argv[1])
context.verify_flags |= ssl.VERIFY_X509_STRICT
print(urllib.request.urlopen(sys.argv[2], context=context, timeout=20).read().decode(), end='')
";

const JAVA: &str = r"
import java.net.URI;
import java.net.http.*;
public class Get {
    public static void main(String[] words) throws Exception {
        var request = HttpRequest.newBuilder(URI.create(words[0])).build();
        System.out.print(HttpClient.newHttpClient().send(request, HttpResponse.BodyHandlers.ofString()).body());
    }
}
";

#[test]
fn openssl_verifies_the_leaf_strictly() {
    let sandbox = with_set();
    let certs = sandbox.certs();
    openssl_verify(&sandbox, &certs.join("ca.pem"), &certs.join("cert.pem")).ok();
}

#[test]
fn strict_python_accepts_every_name() {
    let sandbox = with_set();
    let server = Server::of(&sandbox.certs());
    for host in HOSTS {
        let python = part("venv/bin/python");
        let ca = sandbox.certs().join("ca.pem");
        let done = sandbox.run(
            python,
            ["-c".into(), PYTHON.into(), ca, server.url(host).into()],
        );
        assert_eq!(done.ok().stdout, BODY, "{host}");
    }
}

#[test]
fn node_accepts_every_name() {
    let sandbox = with_set();
    let server = Server::of(&sandbox.certs());
    for host in HOSTS {
        let done = get_by_node(&sandbox, &sandbox.certs().join("ca.pem"), &server.url(host));
        assert_eq!(done.ok().stdout, BODY, "{host}");
    }
}

#[test]
fn rustls_accepts_every_name() {
    let sandbox = with_set();
    let server = Server::of(&sandbox.certs());
    for host in HOSTS {
        let answer = get_by_rustls(&sandbox.certs().join("ca.pem"), host, server.port).unwrap();
        assert!(answer.ends_with(BODY), "{host}: {answer}");
    }
}

#[test]
fn java_accepts_every_name() {
    let sandbox = with_set();
    let server = Server::of(&sandbox.certs());
    let store = sandbox.root().join("trust.p12");
    let mut keytool = sandbox.command("keytool");
    keytool
        .args([
            "-importcert",
            "-noprompt",
            "-alias",
            "azup",
            "-storetype",
            "PKCS12",
        ])
        .args(["-storepass", "changeit", "-keystore"])
        .arg(&store)
        .arg("-file")
        .arg(sandbox.certs().join("ca.pem"));
    Done::from(keytool.output().unwrap()).ok();
    let source = sandbox.write("Get.java", JAVA);
    for host in HOSTS {
        let mut java = sandbox.command("java");
        java.arg(format!("-Djavax.net.ssl.trustStore={}", store.display()))
            .arg("-Djavax.net.ssl.trustStorePassword=changeit")
            .arg(&source)
            .arg(server.url(host));
        let done = Done::from(java.output().unwrap()).ok();
        assert_eq!(done.stdout, BODY, "{host}");
    }
}

#[test]
fn openssl_node_and_rustls_refuse_a_leaf_for_another_domain() {
    let sandbox = Sandbox::new();
    let (ca, cert, key) = forged(&sandbox.project());
    let done = openssl_verify(&sandbox, &ca, &cert);
    assert_ne!(done.code, 0);
    assert!(
        done.stderr.contains("permitted subtree violation"),
        "{done}"
    );

    let server = Server::with(&cert, &key);
    let done = get_by_node(&sandbox, &ca, &server.url("127.0.0.1"));
    assert_eq!(done.code, 1, "{done}");
    assert!(
        done.stderr.contains("permitted subtree violation") || done.stderr.contains("UNSPECIFIED"),
        "{done}"
    );

    let error = get_by_rustls(&ca, "127.0.0.1", server.port).unwrap_err();
    assert!(error.contains("NameConstraintViolation"), "{error}");
}

/// The control for the test above: the same CA and clients accept the leaf that azup would have
/// made.
#[test]
fn the_same_clients_accept_the_permitted_names() {
    let sandbox = with_set();
    let server = Server::of(&sandbox.certs());
    let ca = sandbox.certs().join("ca.pem");
    get_by_node(&sandbox, &ca, &server.url("127.0.0.1")).ok();
    get_by_rustls(&ca, "127.0.0.1", server.port).unwrap();
}

#[test]
fn the_profile_is_the_documented_one() {
    let sandbox = with_set();
    let text = |file: &str| {
        let path = sandbox.certs().join(file);
        let mut command = sandbox.command("openssl");
        command
            .args(["x509", "-noout", "-text", "-nameopt", "oneline", "-in"])
            .arg(path);
        let text = Done::from(command.output().unwrap()).ok().stdout;
        // What differs between sets.
        let hidden = regex_lite::Regex::new(
            r"(?m)(\b[0-9a-fA-F]{2}(:[0-9a-fA-F]{2})+:?|azup local CA [0-9a-f]{8}|[A-Z][a-z]{2} +\d+ [\d:]{8} \d{4} GMT|^ +[\n])",
        )
        .unwrap();
        let text = hidden.replace_all(&text, "[…]").into_owned();
        let lines: Vec<&str> = text
            .lines()
            .map(str::trim_end)
            .filter(|line| line.trim() != "[…]")
            .collect();
        lines.join("\n")
    };
    insta::assert_snapshot!(text("ca.pem"));
    insta::assert_snapshot!(text("cert.pem"));
}

#[test]
fn both_certificates_live_for_397_days_from_yesterday() {
    let mut sandbox = Sandbox::new();
    sandbox.set("AZUP_NOW", "1800000000");
    sandbox.azup(["trust", "--stores", "none"]).ok();
    for file in ["ca.pem", "cert.pem"] {
        let mut command = sandbox.command("openssl");
        command
            .args(["x509", "-noout", "-dates", "-in"])
            .arg(sandbox.certs().join(file));
        let dates = Done::from(command.output().unwrap()).ok().stdout;
        assert_eq!(
            dates, "notBefore=Jan 14 08:00:00 2027 GMT\nnotAfter=Feb 15 08:00:00 2028 GMT\n",
            "{file}"
        );
    }
}

#[test]
fn more_names_go_into_leaf_and_constraint() {
    let sandbox = Sandbox::new();
    let arguments = [
        "renew",
        "--stores",
        "none",
        "--san",
        "storage.example",
        "--san",
        "192.0.2.7",
    ];
    sandbox.azup(arguments).ok();
    let (ca, cert) = (
        sandbox.certs().join("ca.pem"),
        sandbox.certs().join("cert.pem"),
    );
    openssl_verify(&sandbox, &ca, &cert).ok();
    let mut command = sandbox.command("openssl");
    command
        .args(["x509", "-noout", "-ext", "subjectAltName", "-in"])
        .arg(&cert);
    let names = Done::from(command.output().unwrap()).ok().stdout;
    assert!(names.contains("DNS:storage.example"), "{names}");
    assert!(names.contains("IP Address:192.0.2.7"), "{names}");

    let done = sandbox.azup(["renew", "--stores", "none", "--san", "not a name"]);
    insta::assert_snapshot!(sandbox.shown(&done), @r"
    exit: 1
    --- stdout
    --- stderr
    error: 'not a name' is neither an IP address nor a DNS name
    hint: azup renew --stores none --san storage.example --san 192.0.2.1
    ");
}

/// Of everything that azup wrote anywhere, the only private key is the leaf's, and only its owner
/// can read it.
#[test]
fn the_only_private_key_on_the_machine_is_the_leafs() {
    let sandbox = Sandbox::new();
    sandbox.azup(["init", "--yes", "--stores", "none"]).ok();
    let mut keys: Vec<PathBuf> = Vec::new();
    for (path, bytes) in Sandbox::files(sandbox.root()) {
        // Except the program itself, which names such lines in its messages.
        let program = path
            .file_name()
            .unwrap()
            .to_string_lossy()
            .starts_with("azup-linux-");
        if !program && String::from_utf8_lossy(&bytes).contains("PRIVATE KEY") {
            keys.push(path);
        }
    }
    let expected = [
        sandbox.certs().join("key.pem"),
        sandbox
            .project()
            .join(".devcontainer/azurite-certs/key.pem"),
    ];
    assert_eq!(
        keys, expected,
        "the machine's set and the project's copy of it"
    );
    let leaf_key = |path: &Path| {
        let mut command = sandbox.command("openssl");
        command.args(["x509", "-noout", "-pubkey", "-in"]).arg(path);
        Done::from(command.output().unwrap()).ok().stdout
    };
    let wanted = leaf_key(&sandbox.certs().join("cert.pem"));
    for key in &keys {
        let mode = key.metadata().unwrap().permissions().mode() & 0o7777;
        assert_eq!(mode, 0o600, "{}", key.display());
        let mut command = sandbox.command("openssl");
        command.args(["pkey", "-pubout", "-in"]).arg(key);
        assert_eq!(Done::from(command.output().unwrap()).ok().stdout, wanted);
    }
}

#[test]
fn a_set_is_made_once_and_kept() {
    let sandbox = with_set();
    let before = Sandbox::files(&sandbox.certs());
    sandbox.azup(["trust", "--stores", "none"]).ok();
    assert_eq!(Sandbox::files(&sandbox.certs()), before);
}

#[test]
fn a_project_folder_is_filled_from_the_machines_set() {
    let sandbox = with_set();
    let folder = sandbox.project().join(".devcontainer/azurite-certs");
    std::fs::create_dir_all(&folder).unwrap();
    sandbox.azup(["trust", "--stores", "none"]).ok();
    for name in ["ca.pem", "cert.pem", "key.pem"] {
        let both = [folder.join(name), sandbox.certs().join(name)]
            .map(|path| std::fs::read(path).unwrap());
        assert_eq!(both[0], both[1], "{name}");
    }
    let mode = folder
        .join("key.pem")
        .metadata()
        .unwrap()
        .permissions()
        .mode()
        & 0o7777;
    assert_eq!(mode, 0o600);
}

/// Azurite also takes the account from the host name: `https://ACCOUNT.blob.localhost:PORT`.
#[test]
fn accounts_in_host_names_verify_and_make_no_set_due() {
    let sandbox = Sandbox::new();
    sandbox.azup(["trust", "--stores", "none"]).ok();
    let server = crate::tls::Server::of(&sandbox.certs());
    let ca = sandbox.certs().join("ca.pem");
    let get = |host: &str| {
        let url = server.url(host);
        let words = ["-sS", "--cacert", ca.to_str().unwrap(), &url];
        sandbox.run("curl", words)
    };
    for service in ["blob", "queue", "table"] {
        let host = format!("devstoreaccount1.{service}.localhost");
        assert_eq!(get(&host).ok().stdout, crate::tls::BODY, "{host}");
    }
    assert_ne!(get("devstoreaccount1.file.localhost").code, 0);
    // Renewing keeps the requested names, and these are not among them.
    let before = std::fs::read(&ca).unwrap();
    sandbox.azup(["trust", "--stores", "none"]).ok();
    assert_eq!(std::fs::read(&ca).unwrap(), before);
    sandbox
        .azup(["renew", "--stores", "none", "--san", "mine.example"])
        .ok();
    sandbox.azup(["renew", "--stores", "none"]).ok();
    let words = ["x509", "-noout", "-ext", "subjectAltName", "-in"];
    let cert = sandbox.certs().join("cert.pem");
    let text = sandbox
        .run("openssl", words.into_iter().chain([cert.to_str().unwrap()]))
        .ok();
    for name in ["DNS:mine.example", "DNS:*.blob.localhost"] {
        assert_eq!(text.stdout.matches(name).count(), 1, "{text}");
    }
}
