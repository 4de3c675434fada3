//! The local credential: unchanged programs with `DefaultAzureCredential`, and what Azurite makes
//! of tokens.

use std::ffi::OsString;
use std::fs;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use rustix::process::Signal;
use serde_json::{Value, json};

use super::sdks::{merged_bundle, script};
use super::site::Site;
use crate::sandbox::{Done, Sandbox, part, until};

/// The secret of this machine.
fn header(site: &Site) -> String {
    let path = site.sandbox.own().join("identity-header");
    fs::read_to_string(path).unwrap().trim().to_owned()
}

impl Site {
    /// Sets what makes an SDK believe that it runs in App Service, and trusts the CA.
    fn use_credential(&mut self) {
        let endpoint = format!("http://127.0.0.1:{}/msi/token", self.identity);
        self.sandbox.set("IDENTITY_ENDPOINT", endpoint);
        self.sandbox.set("IDENTITY_HEADER", header(self));
        self.sandbox.set("NODE_EXTRA_CA_CERTS", self.ca());
        self.sandbox.set("REQUESTS_CA_BUNDLE", merged_bundle(self));
    }

    /// The script, with the three URLs.
    fn script(&self, name: &str) -> Vec<OsString> {
        let urls = self
            .ports
            .map(|port| format!("https://127.0.0.1:{port}/devstoreaccount1").into());
        [vec![script(name).into_os_string()], urls.to_vec()].concat()
    }

    fn python(&self, name: &str) -> Done {
        self.sandbox.run(part("venv/bin/python"), self.script(name))
    }

    fn javascript(&self, name: &str) -> Done {
        let mut words = self.script(name);
        words.insert(1, part("npm-sdks/node_modules").into());
        self.sandbox.run("node", words)
    }

    /// Lists containers, queues and tables with a token, and returns the three answers.
    fn lists(&self, token: &str) -> [String; 3] {
        let [blob, queue, table] = self.ports;
        [
            (blob, "?comp=list", "2021-12-02"),
            (queue, "?comp=list", "2021-12-02"),
            (table, "/Tables", "2019-02-02"),
        ]
        .map(|(port, path, version)| {
            let words: Vec<OsString> = vec![
                "--silent".into(),
                "--show-error".into(),
                "--cacert".into(),
                self.ca().into(),
                "--header".into(),
                format!("Authorization: Bearer {token}").into(),
                "--header".into(),
                "Accept: application/json".into(),
                "--header".into(),
                format!("x-ms-version: {version}").into(),
                "--write-out".into(),
                " %{http_code}".into(),
                format!("https://127.0.0.1:{port}/devstoreaccount1{path}").into(),
            ];
            self.sandbox.run("curl", words).ok().stdout
        })
    }
}

/// A token with these claims instead of those of a good one.
fn forged(changed: &Value) -> String {
    let now = time::OffsetDateTime::now_utc().unix_timestamp();
    let mut claims = json!({
        "iss": "https://sts.windows.net/x/",
        "aud": "https://storage.azure.com",
        "iat": now - 300,
        "nbf": now - 300,
        "exp": now + 300
    });
    for (name, value) in changed.as_object().unwrap() {
        claims[name] = value.clone();
    }
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let header = json!({ "alg": "none", "typ": "JWT" });
    format!("{}.{}.", part(&header), part(&claims))
}

#[test]
fn unchanged_programs_store_and_read_through_the_credential() {
    let mut site = Site::new();
    let up = site.up(&["--in-memory"]);
    site.use_credential();
    let wanted = "a blob\na message\nan entity\n";
    let done = site.python("credential.py").ok();
    assert_eq!(done.stdout, wanted);
    let done = site.javascript("credential.mjs").ok();
    assert_eq!(done.stdout, wanted);

    // Leftovers of other work do not win if a single credential is named.
    for name in ["AZURE_CLIENT_ID", "AZURE_TENANT_ID", "AZURE_CLIENT_SECRET"] {
        site.sandbox
            .set(name, "11111111-1111-1111-1111-111111111111");
    }
    // Nor does a dead proxy, if this machine is exempt.
    for name in ["HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy"] {
        site.sandbox.set(name, "http://127.0.0.1:9");
    }
    for name in ["NO_PROXY", "no_proxy"] {
        site.sandbox.set(name, "127.0.0.1,localhost");
    }
    site.sandbox
        .set("AZURE_TOKEN_CREDENTIALS", "ManagedIdentityCredential");
    let done = site.python("credential.py").ok();
    assert_eq!(done.stdout, wanted);
    let done = site.javascript("credential.mjs").ok();
    assert_eq!(done.stdout, wanted);
    site.sandbox.unset("IDENTITY_HEADER");
    up.end_with(Signal::INT).ok();
}

#[test]
fn a_token_for_a_real_service_is_asked_of_az() {
    let mut site = Site::new();
    let _up = site.up(&["--in-memory"]);
    site.use_credential();
    let record = site.sandbox.root().join("az-was-asked");
    let token = forged(&json!({ "aud": "https://vault.azure.net" }));
    let answer = json!({
        "accessToken": token,
        "expiresOn": "2100-01-01 00:00:00.000000",
        "expires_on": 4_102_444_800_i64,
        "subscription": "s",
        "tenant": "t",
        "tokenType": "Bearer"
    });
    let az = format!(
        "echo \"$@\" >> '{}'\ncat << 'END'\n{answer}\nEND",
        record.display()
    );
    site.stand_ins(&[("az", &az)]);
    let done = site.python("vault.py").ok();
    assert_eq!(done.stdout, format!("{token}\n"));
    let done = site.javascript("vault.mjs").ok();
    assert_eq!(done.stdout, format!("{token}\n"));
    let asked = fs::read_to_string(record).unwrap();
    assert!(asked.lines().count() >= 2, "{asked}");
    assert!(
        asked
            .lines()
            .all(|line| line.contains("https://vault.azure.net")),
        "{asked}"
    );
}

#[test]
fn only_the_right_tokens_open_the_three_services() {
    let mut site = Site::new();
    let _up = site.up(&["--in-memory"]);
    for token in [site.token(), forged(&json!({}))] {
        let lists = site.lists(&token);
        assert!(lists.iter().all(|list| list.ends_with(" 200")), "{lists:?}");
    }
    // Azurite itself allows no skew, so azup's tokens do.
    let now = time::OffsetDateTime::now_utc().unix_timestamp();
    for minutes in [-4, 4] {
        site.sandbox
            .set("AZUP_NOW", (now + minutes * 60).to_string());
        let lists = site.lists(&site.token());
        assert!(
            lists.iter().all(|list| list.ends_with(" 200")),
            "{minutes}: {lists:?}"
        );
    }
    let two_parts = forged(&json!({}));
    let two_parts = two_parts.trim_end_matches('.').to_owned();
    let wrong = [
        (
            forged(&json!({ "iss": "https://login.microsoftonline.com/x/v2.0" })),
            "Invalid token issuer",
        ),
        (
            forged(&json!({ "aud": "https://vault.azure.net" })),
            "Invalid token audience",
        ),
        (
            forged(&json!({ "aud": "https://storage.azure.com/.default" })),
            "Invalid token audience",
        ),
        (
            forged(&json!({ "aud": ["https://storage.azure.com"] })),
            "Invalid token audience",
        ),
        (forged(&json!({ "exp": now - 60 })), "expired"),
        (
            forged(&json!({ "nbf": now + 240 })),
            "Lifetime validation failed",
        ),
        (two_parts, "not supported"),
    ];
    for (token, why) in wrong {
        for list in site.lists(&token) {
            assert!(
                list.ends_with(" 403") && list.contains(why),
                "{why}: {list}"
            );
        }
    }
}

#[test]
fn a_clock_behind_azurites_still_gets_tokens_that_work() {
    let mut site = Site::new();
    let now = time::OffsetDateTime::now_utc().unix_timestamp();
    site.sandbox.set("AZUP_NOW", (now - 240).to_string());
    let _up = site.up(&["--in-memory"]);
    site.use_credential();
    let done = site.python("credential.py").ok();
    assert_eq!(done.stdout, "a blob\na message\nan entity\n");
}

#[test]
fn keys_connection_strings_and_every_kind_of_sas_go_on_working() {
    let mut site = Site::new();
    let _up = site.up(&["--in-memory"]);
    site.use_credential();
    let done = site.python("keys.py").ok();
    insta::assert_snapshot!(done.stdout, @r"
    shared key: a blob
    connection string: a blob, a message, an entity
    account SAS: a blob
    service SAS of a blob: a blob
    service SAS of a container: its properties are refused, a blob
    account SAS of containers: exists
    user delegation SAS r: a blob
    user delegation SAS rwl: a blob, written, listed
    user delegation SAS rwdlac: a blob, written, listed
    without any: refused
    ");
}

#[test]
fn azurite_is_up_without_the_credential_where_its_port_is_taken() {
    let site = Site::new();
    let stranger = std::net::TcpListener::bind(("127.0.0.1", site.identity)).unwrap();
    let done = site.azup_up(&["-d", "--in-memory", "--json"]).ok();
    assert_eq!(done.json()["identity"], Value::Null);
    let start = format!(
        "warning: no local credential: port {} for access tokens is in use by process {}: ",
        site.identity,
        std::process::id()
    );
    assert!(done.stderr.contains(&start), "{done}");
    let hint = format!("hint: azup up --identity-port {}\n", site.identity + 10_000);
    assert!(done.stderr.ends_with(&hint), "{done}");
    drop(stranger);
    // A second call is told again.
    let again = site.azup_up(&["-d", "--in-memory"]).ok();
    assert!(
        again.stderr.contains("warning: no local credential: "),
        "{again}"
    );
    site.sandbox.azup(["down"]).ok();
    let done = site
        .azup_up(&["-d", "--in-memory", "--no-identity", "--json"])
        .ok();
    assert_eq!(done.json()["identity"], Value::Null);
    assert!(!done.stderr.contains("warning"), "{done}");
    site.sandbox.azup(["down"]).ok();
}

#[test]
fn two_azurites_of_one_machine_share_the_endpoint_until_the_last_one_ends() {
    let site = Site::new();
    let first = site.up(&["--in-memory"]);
    let ports = crate::sandbox::free_ports().map(|port| port.to_string());
    let identity = format!("--identity-port={}", site.identity);
    let words = ["up", "-d", "--in-memory", "--json", &identity];
    let more = ["--blob-port", "--queue-port", "--table-port"]
        .iter()
        .zip(&ports);
    let mut second = site.sandbox.azup_command(words);
    for (name, port) in more {
        second.args([name, port.as_str()]);
    }
    let second = Done::from(second.output().unwrap()).ok();
    let endpoint = format!("http://127.0.0.1:{}/msi/token", site.identity);
    assert_eq!(second.json()["identity"]["endpoint"], endpoint);
    assert!(!second.stderr.contains("warning"), "{second}");
    assert!(answers(&site.sandbox, &endpoint, &header(&site)));
    first.end_with(Signal::INT).ok();
    // The second one takes over.
    until(|| answers(&site.sandbox, &endpoint, &header(&site)));
    site.sandbox.azup(["down"]).ok();
    assert!(!answers(&site.sandbox, &endpoint, &header(&site)));
}

fn answers(sandbox: &Sandbox, endpoint: &str, header: &str) -> bool {
    let url = format!("{endpoint}?resource=https://storage.azure.com");
    let field = format!("X-IDENTITY-HEADER: {header}");
    let done = sandbox.run("curl", ["--silent", "--header", &field, &url]);
    done.stdout.contains("access_token")
}
