//! What may sit on a port instead of azup's Azurite, each as a real server.

use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::sync::Arc;

use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use time::OffsetDateTime;

use super::*;
use crate::certificates::{Issued, issue};

const AZURITE: &str =
    "HTTP/1.1 400 Bad Request\r\nServer: Azurite-Blob/3.37.0\r\nContent-Length: 0\r\n\r\n";

fn issued() -> Issued {
    issue(&[], OffsetDateTime::now_utc()).expect("certificates")
}

fn client(issued: &Issued) -> Client {
    let ca = CertificateDer::from_pem_slice(issued.ca.as_bytes()).expect("a CA");
    Client::trusting(&ca).expect("a client")
}

/// Answers one connection with `answer`; over TLS where it is given certificates.
fn server(tls: Option<&Issued>, answer: &'static str) -> u16 {
    let listener = TcpListener::bind((ADDRESS, 0)).expect("a port");
    let port = listener.local_addr().expect("an address").port();
    let config = tls.map(|issued| {
        let cert = CertificateDer::from_pem_slice(issued.cert.as_bytes()).expect("a leaf");
        let key = PrivateKeyDer::from_pem_slice(issued.key.as_bytes()).expect("a key");
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = rustls::ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .expect("versions")
            .with_no_client_auth()
            .with_single_cert(vec![cert], key);
        Arc::new(config.expect("a server"))
    });
    std::thread::spawn(move || {
        let (mut tcp, _) = listener.accept().expect("a client");
        let mut request = [0; 1024];
        // What a client that has already turned away makes of it is its own affair.
        if let Some(config) = config {
            let connection = rustls::ServerConnection::new(config).expect("a connection");
            let mut stream = rustls::StreamOwned::new(connection, tcp);
            let _ = stream.read(&mut request);
            let _ = stream.write_all(answer.as_bytes());
        } else {
            let _ = tcp.read(&mut request);
            let _ = tcp.write_all(answer.as_bytes());
        }
    });
    port
}

fn greeting(client: &Client, port: u16) -> Result<&'static str, String> {
    greet(client, Service::Blob, port).map_err(|why| {
        let failure = why.failure(Service::Blob, port).to_string();
        let (_, why) = failure.split_once(": ").expect("a reason");
        why.to_owned()
    })
}

#[test]
fn azurite_under_our_ca_is_greeted() {
    let ours = issued();
    let port = server(Some(&ours), AZURITE);
    assert_eq!(greeting(&client(&ours), port), Ok("TLS 1.3"));
}

#[test]
fn a_stranger_is_told_from_azurite() {
    let ours = issued();
    let client = client(&ours);
    let refused = |port| greeting(&client, port).expect_err("no Azurite");
    assert_eq!(
        refused(server(Some(&issued()), AZURITE)),
        "its certificate does not verify: it was signed by another CA"
    );
    assert_eq!(refused(server(None, AZURITE)), "it does not speak TLS");
    assert_eq!(
        refused(server(
            Some(&ours),
            "HTTP/1.1 200 OK\r\nServer: nginx\u{9b}0m\r\nContent-Length: 0\r\n\r\n"
        )),
        r"another server answers there ($'nginx\xc2\x9b0m')"
    );
    assert_eq!(
        refused(server(
            Some(&ours),
            "HTTP/1.1 200 OK\r\nServer: nginx\x1b[0m\r\nContent-Length: 0\r\n\r\n"
        )),
        "its answer is not HTTP"
    );
    assert_eq!(
        refused(server(
            Some(&ours),
            "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"
        )),
        "another server answers there"
    );
    assert_eq!(
        refused(server(
            Some(&ours),
            "HTTP/1.1 400 Bad\r\nServer: Azurite-Blob/3.35.0\r\nContent-Length: 0\r\n\r\n"
        )),
        "it is Azurite-Blob/3.35.0, not Azurite-Blob/3.37.0"
    );
    assert_eq!(refused(server(Some(&ours), "")), "it closed the connection");
    assert_eq!(
        refused(server(Some(&ours), "220 ftp\r\n")),
        "its answer is not HTTP"
    );
    let free = TcpListener::bind((ADDRESS, 0)).expect("a port");
    let port = free.local_addr().expect("an address").port();
    drop(free);
    assert_eq!(refused(port), "nothing listens there");
}

#[test]
fn the_reason_of_a_refusal_is_the_servers_own() {
    let ours = issued();
    let port = server(
        Some(&ours),
        "HTTP/1.1 403 No\r\nx-ms-error-code: AuthenticationFailed\r\n\r\n\
         <Error><AuthenticationErrorDetail>Invalid token issuer.</AuthenticationErrorDetail></Error>",
    );
    let token = crate::identity::storage_token(OffsetDateTime::now_utc());
    let failure = round_trip(&client(&ours), port, &token).expect_err("refused");
    assert_eq!(
        failure.to_string(),
        "Azurite is up, but creating a container over HTTPS with a token failed: \
         403 AuthenticationFailed Invalid token issuer."
    );
}
