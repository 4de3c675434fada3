//! Starting, asking, finding it again, stopping.

use std::net::TcpListener;
use std::os::unix::fs::MetadataExt as _;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use insta::assert_snapshot;
use rustix::process::Signal;
use serde_json::Value;

use super::{Served, connect, curl, signal};
use crate::sandbox::{Done, Sandbox, free_ports};

const STORAGE: &str = "?api-version=2019-08-01&resource=https%3A%2F%2Fstorage.azure.com";

#[test]
fn curl_gets_a_token_in_both_dialects_and_nothing_without_the_header() {
    let mut sandbox = Sandbox::new();
    sandbox.set("AZUP_NOW", "1795168800");
    let served = Served::start(sandbox, &[]);
    let field = format!("X-IDENTITY-HEADER: {}", served.header());
    let (body, status) = served.curl(&["--header", &field], &format!("/msi/token{STORAGE}"));
    assert_eq!(status, "200", "{body}");
    let mut body: Value = serde_json::from_str(&body).unwrap();
    let token = body["access_token"].take();
    // The clock is the machine's and keeps running.
    let expires: i64 = body["expires_on"].as_str().unwrap().parse().unwrap();
    assert!(
        (1_795_255_200..1_795_256_200).contains(&expires),
        "{expires}"
    );
    body["expires_on"] = Value::Null;
    assert_snapshot!(body, @r#"{"access_token":null,"token_type":"Bearer","resource":"https://storage.azure.com","client_id":"00000000-0000-0000-0000-000000000000","expires_on":null,"expires_in":"86400"}"#);
    let claims = token.as_str().unwrap().split('.').nth(1).unwrap();
    let claims: Value = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(claims).unwrap()).unwrap();
    assert_eq!(claims["aud"], "https://storage.azure.com");
    assert_eq!(claims["exp"], expires);

    let imds = "//metadata/identity/oauth2/token/?api-version=2018-02-01&resource=https://storage.azure.com";
    let (body, status) = served.curl(&["--header", "Metadata: true"], imds);
    assert_eq!(status, "200", "{body}");
    let (body, status) = served.curl(&[], imds);
    assert_eq!(status, "401", "{body}");

    let (body, status) = served.curl(&[], &format!("/msi/token{STORAGE}"));
    assert_eq!(status, "401");
    assert_snapshot!(body, @r#"{"statusCode":401,"message":"X-IDENTITY-HEADER is missing or wrong","error":"invalid_request","error_description":"X-IDENTITY-HEADER is missing or wrong"}"#);
    let vault = "/msi/token?resource=https://vault.azure.net";
    let (body, status) = served.curl(&["--header", &field], vault);
    assert_eq!(status, "400");
    assert!(
        body.contains(
            "azup answers for Azure Storage (https://storage.azure.com) and for this machine"
        ),
        "{body}"
    );
    for (words, path) in [
        (&["--header", &*field][..], "/"),
        (
            &["--request", "POST", "--data", "x", "--header", &*field],
            "/msi/token",
        ),
        (&["--head"], "/msi/token"),
        (
            &["--header", "Host: evil.example", "--header", &*field],
            "/msi/token",
        ),
    ] {
        assert_eq!(served.curl(words, path).1, "400", "{words:?} {path}");
    }
    // As a proxy would be asked, in an older version of HTTP, and keeping the connection.
    let url = format!("http://127.0.0.1:{}/msi/token{STORAGE}", served.port);
    let proxy = [
        "--proxy",
        &url[..url.find("/msi").unwrap()],
        "--noproxy",
        "",
        "--header",
        &field,
    ];
    assert_eq!(
        served.curl(&proxy, &format!("/msi/token{STORAGE}")).1,
        "200"
    );
    let old = ["--http1.0", "--header", &*field];
    assert_eq!(served.curl(&old, &format!("/msi/token{STORAGE}")).1, "200");
    let twice = ["--header", &*field, &*url];
    let (body, _) = served.curl(&twice, &format!("/msi/token{STORAGE}"));
    assert_eq!(body.matches("access_token").count(), 2, "{body}");

    let port = served.port;
    let done = served.end_with(Signal::INT).ok();
    assert_eq!(done.stderr, "stopped\n");
    TcpListener::bind(("127.0.0.1", port)).expect("the port is free again");
}

#[test]
fn in_the_background_it_is_started_once() {
    let sandbox = Sandbox::new();
    let port = free_ports()[0].to_string();
    let words = ["identity", "-d", "--json", "--port", &port];
    let first = sandbox.azup(words).ok().json();
    let pid = u32::try_from(first["pid"].as_u64().unwrap()).unwrap();
    let end = crate::sandbox::OnDrop(|| signal(pid, Signal::TERM));
    assert_eq!(
        first["endpoint"],
        format!("http://127.0.0.1:{port}/msi/token")
    );
    // It survives the end of the terminal.
    signal(pid, Signal::HUP);
    for more in [&["-d"][..], &[]] {
        let again = sandbox
            .azup(["identity", "--port", &port].iter().chain(more))
            .ok();
        assert_eq!(
            again.stdout,
            format!(
                "identity http://127.0.0.1:{port}/msi/token\n\nanother azup already answers there\n"
            )
        );
    }
    let again = sandbox.azup(words).ok().json();
    assert_eq!(again["pid"], Value::Null);
    let log = sandbox.own().join(format!("run/identity-{port}.log"));
    assert_eq!(std::fs::read_to_string(&log).unwrap(), "");
    assert_eq!(log.metadata().unwrap().mode() & 0o7777, 0o600);

    // Another machine's set has another header.
    let other = Sandbox::new();
    for more in [&["-d"][..], &[]] {
        let refused = other.azup(["identity", "--port", &port].iter().chain(more));
        assert_eq!(refused.code, 1);
        let start = format!(
            "error: port {port} for access tokens is in use by an azup that expects another IDENTITY_HEADER, by process {pid}: "
        );
        assert!(refused.stderr.starts_with(&start), "{refused}");
    }
    drop(end);
    crate::sandbox::until(|| TcpListener::bind(format!("127.0.0.1:{port}")).is_ok());
    let text = sandbox
        .azup(["identity", "-d", "--port", &port])
        .ok()
        .stdout;
    let line = text.lines().last().unwrap();
    let pid = line
        .strip_prefix("kill ")
        .and_then(|rest| rest.strip_suffix(" stops it"));
    signal(pid.unwrap().parse().unwrap(), Signal::TERM);
}

#[test]
fn two_started_at_once_are_one() {
    let sandbox = Sandbox::new();
    let port = format!("--port={}", free_ports()[0]);
    let start = || {
        let mut azup = sandbox.azup_command(["identity", "-d", "--json", &port]);
        azup.stdout(std::process::Stdio::piped())
            .stderr(std::process::Stdio::piped());
        azup.spawn().unwrap()
    };
    let answers = [start(), start(), start()]
        .map(|child| Done::from(child.wait_with_output().unwrap()).ok().json());
    let pids: Vec<u64> = answers
        .iter()
        .filter_map(|answer| answer["pid"].as_u64())
        .collect();
    for pid in &pids {
        signal(u32::try_from(*pid).unwrap(), Signal::TERM);
    }
    assert_eq!(pids.len(), 1, "{answers:?}");
}

#[test]
fn a_port_in_use_is_refused_with_the_name_of_the_process() {
    let sandbox = Sandbox::new();
    let [port, ..] = free_ports();
    let _stranger = TcpListener::bind(("127.0.0.1", port)).unwrap();
    let done = sandbox.azup(["identity", "--port", &port.to_string()]);
    assert_eq!(done.code, 1);
    let start = format!(
        "error: port {port} for access tokens is in use by process {}: ",
        std::process::id()
    );
    assert!(done.stderr.starts_with(&start), "{done}");
    let hint = format!("hint: azup identity --port {}\n", port + 10_000);
    assert!(done.stderr.ends_with(&hint), "{done}");
    let none = sandbox.azup(["identity", "--port", "0"]);
    assert_eq!(none.code, 2, "{none}");
}

#[test]
fn a_dev_container_sets_the_header_and_may_let_others_in() {
    let mut sandbox = Sandbox::new();
    sandbox.set("IDENTITY_HEADER", "of-the-dev-container");
    let served = Served::start(sandbox, &["--listen", "0.0.0.0"]);
    let field = "X-IDENTITY-HEADER: of-the-dev-container";
    let host = "Host: workspace:10003";
    let path = format!("/msi/token{STORAGE}");
    let (body, status) = served.curl(&["--header", field, "--header", host], &path);
    assert_eq!(status, "200", "{body}");
    let url = format!("http://127.0.0.2:{}{path}", served.port);
    assert_eq!(curl(&served.sandbox, &["--header", field], &url).1, "200");
    assert!(!served.header_file().exists(), "nothing is kept for it");
    let port = served.port;
    let done = served.end_with(Signal::TERM).ok();
    assert_eq!(
        done.stderr,
        format!(
            "warning: anyone who can reach 0.0.0.0:{port} can get tokens that every Azurite accepts; Azure accepts none of them\nstopped\n"
        )
    );
}

#[test]
fn by_default_it_listens_on_this_machine_only() {
    let served = Served::start(Sandbox::new(), &[]);
    drop(connect(served.port));
    let other = std::net::TcpStream::connect(("127.0.0.2", served.port));
    assert_eq!(
        other.unwrap_err().kind(),
        std::io::ErrorKind::ConnectionRefused
    );
}

#[test]
fn a_dry_run_makes_no_header_and_does_not_listen() {
    let sandbox = Sandbox::new();
    let port = free_ports()[0].to_string();
    let done = sandbox
        .azup(["identity", "--dry-run", "--port", &port])
        .ok();
    let shown = sandbox.shown(&done).replace(&port, "[PORT]");
    assert_snapshot!(shown, @r"
    exit: 0
    --- stdout
    new folder [HOME]/.local/share/azup
    [HOME]/.local/share/azup/identity-header (secret, not shown, mode 0600)
    would answer at http://127.0.0.1:[PORT]/msi/token
    --- stderr
    ");
    assert_eq!(std::fs::read_dir(sandbox.home()).unwrap().count(), 0);
}
