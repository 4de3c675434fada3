//! A second service next to Azurite: a stand-in for a Key Vault (`tests/matrix/vault.py`, not an
//! emulator) with azup's certificate, and the real SDKs, which verify TLS and, except for .NET's
//! program, check that the challenge belongs to the vault that they asked. One credential for both.

use std::ffi::OsString;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::sync::mpsc;

use super::{TOKEN, VAULT};
use crate::sandbox::{Done, azup, is_left_out, part};
use crate::up::site::Site;

/// What a program prints that has stored a blob and a secret.
const BOTH: &str = "a blob\na secret\n";

/// The name of the vault, below its audience's, as clients demand.
const HOST: &str = "primary.localhost";

struct StandIn {
    child: Child,
    port: u16,
    /// Its requests and answers, one a line.
    asked: mpsc::Receiver<String>,
}

impl StandIn {
    /// Serves with this machine's set; its challenge names `audience`.
    fn start(site: &Site, audience: &str) -> Self {
        let mut command = site.sandbox.command(part("venv/bin/python"));
        command.arg(file("vault.py")).arg(site.sandbox.certs());
        let mut child = command
            .arg(audience)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let port = lines.next().unwrap().unwrap().parse().unwrap();
        let (sender, asked) = mpsc::channel();
        std::thread::spawn(move || {
            for line in lines {
                let _ = sender.send(line.unwrap());
            }
        });
        Self { child, port, asked }
    }

    fn asked(&self) -> Vec<String> {
        // It prints before it answers, so only the pipe delays the lines.
        let mut lines = Vec::new();
        while let Ok(line) = self
            .asked
            .recv_timeout(std::time::Duration::from_millis(300))
        {
            lines.push(line);
        }
        lines
    }

    fn url(&self) -> String {
        format!("https://{HOST}:{}", self.port)
    }
}

impl Drop for StandIn {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn file(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/matrix")
        .join(name)
}

/// A site whose certificate has the vault's name, and with an `az` that would log a call.
fn site() -> Site {
    let mut site = Site::new();
    site.fake("az", TOKEN);
    site.sandbox
        .azup(["renew", "--stores=none", "--san", HOST])
        .ok();
    site
}

/// `azup run` with the vault's name in the hosts file, as the page on emulators says.
fn run(site: &Site, options: &[&str], words: &[OsString]) -> Done {
    let known = std::fs::read_to_string("/etc/hosts").unwrap_or_default();
    let hosts = site.sandbox.root().join("hosts");
    std::fs::write(&hosts, format!("{known}\n127.0.0.1 {HOST}\n")).unwrap();
    let mut command = site.sandbox.command("unshare");
    command
        .args(["--mount", "--map-root-user", "sh", "-c"])
        .arg(r#"mount --bind "$1" /etc/hosts && shift && exec "$@""#)
        .arg("sh")
        .arg(hosts)
        .arg(azup())
        .args(site.run_words(options))
        .args(["--in-memory", "--"])
        .args(words);
    Done::from(command.output().unwrap())
}

/// Stores and reads both: with a loopback audience, and with the same one if it is named.
fn stores_both(words: &[OsString]) {
    let mut site = site();
    let vault = StandIn::start(&site, "https://localhost:{port}");
    site.sandbox.set("VAULT_URL", vault.url());
    let named = format!("--audience=https://localhost:{}", vault.port);
    for options in [&[][..], &[named.as_str()]] {
        let done = run(&site, options, words).ok();
        assert_eq!(done.stdout, BOTH, "{done}");
        assert!(!done.stderr.contains("forwarded"), "{done}");
        let asked = vault.asked();
        assert_eq!(
            asked,
            ["PUT 401 no token", "PUT 200 set", "GET 200 read"],
            "{options:?}"
        );
    }
    // A vault with the cloud's audience gets az's token, which the stand-in does not accept; and a
    // name that is not above its own is not a valid challenge.
    let cloud = StandIn::start(&site, VAULT);
    site.sandbox.set("VAULT_URL", cloud.url());
    let done = run(&site, &[], words);
    assert_ne!(done.code, 0, "{done}");
    let asked = cloud.asked();
    assert!(asked.iter().all(|line| line.contains(" 401 ")), "{asked:?}");
    assert_eq!(site.calls("az"), "", "the challenge was not followed");
}

#[test]
fn python_stores_a_blob_and_a_secret_with_one_credential() {
    let program = file("programs/azure_sdk.py");
    stores_both(&[part("venv/bin/python").into(), program.into()]);
}

#[test]
fn javascript_stores_a_blob_and_a_secret_with_one_credential() {
    stores_both(&[
        part("node22/node_modules/node/bin/node").into(),
        file("programs/azure_sdk.mjs").into(),
        part("npm-sdks/node_modules").into(),
    ]);
}

#[test]
fn go_stores_a_blob_and_a_secret_with_one_credential() {
    if !is_left_out("go") {
        stores_both(&[part("go-sdk/client").into()]);
    }
}

#[test]
fn java_stores_a_blob_and_a_secret_with_one_credential() {
    if is_left_out("java") {
        return;
    }
    let jars = part("java-client").join("*");
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/java-client/AzureSdk.java");
    stores_both(&["java".into(), "-cp".into(), jars.into(), source.into()]);
}

/// Its program does not check the challenge, so the vault may have the cloud's audience, as with
/// azure-keyvault-emulator.
#[test]
fn dotnet_stores_a_secret_where_the_audience_is_the_clouds() {
    let Some(program) = crate::up::dotnet::program() else {
        return;
    };
    let site = site();
    for (audience, options) in [
        ("https://localhost:{port}", &[][..]),
        (VAULT, &["--audience=https://vault.azure.net"]),
    ] {
        let vault = StandIn::start(&site, audience);
        let words = [
            program.clone().into(),
            "secret".into(),
            OsString::from(vault.url()),
        ];
        let done = run(&site, options, &words).ok();
        assert!(done.stdout.starts_with("OK secret "), "{done}");
        let asked = vault.asked();
        assert!(asked.contains(&"GET 200 read".to_owned()), "{asked:?}");
    }
    assert_eq!(site.calls("az"), "");
}

/// The stand-in is worth something only if it refuses.
#[test]
fn the_stand_in_refuses_every_other_audience() {
    let site = site();
    let vault = StandIn::start(&site, "https://localhost:{port}");
    let own = format!("https://localhost:{}", vault.port);
    let other = format!("https://localhost:{}", vault.port - 1);
    for (resource, status) in [
        (own.as_str(), "404"),
        (&other, "401"),
        ("https://storage.azure.com", "401"),
    ] {
        let token = site
            .sandbox
            .azup(["token", "--resource", resource])
            .ok()
            .stdout;
        let url = format!("https://localhost:{}/secrets/none", vault.port);
        let header = format!("Authorization: Bearer {}", token.trim());
        let mut curl = site.sandbox.command("curl");
        curl.args([
            "--silent",
            "--output",
            "/dev/null",
            "--write-out",
            "%{http_code}",
        ])
        .args(["--header", &header, &url, "--cacert"])
        .arg(site.ca());
        let done = Done::from(curl.output().unwrap()).ok();
        assert_eq!(done.stdout, status, "{resource}");
    }
}
