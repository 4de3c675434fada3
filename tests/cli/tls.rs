//! A small HTTPS server on both loopback addresses (one port), for all kinds of clients.

use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, Ipv6Addr, TcpListener, TcpStream};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

/// A server that answers every request with `served by azup's leaf`, until the process ends.
pub struct Server {
    /// The port, the same for both addresses.
    pub port: u16,
}

/// What the server answers.
pub const BODY: &str = "served by azup's leaf";

impl Server {
    /// Serves with the certificate set in `folder`.
    pub fn of(folder: &Path) -> Self {
        Self::with(&folder.join("cert.pem"), &folder.join("key.pem"))
    }

    /// Serves with this certificate.
    pub fn with(cert: &Path, key: &Path) -> Self {
        let chain = vec![CertificateDer::from_pem_file(cert).unwrap()];
        let key = PrivateKeyDer::from_pem_file(key).unwrap();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = rustls::ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(chain, key)
            .unwrap();
        let config = Arc::new(config);
        let (v4, v6) = listeners();
        let port = v4.local_addr().unwrap().port();
        for listener in [v4, v6] {
            let config = config.clone();
            std::thread::spawn(move || {
                for stream in listener.incoming().flatten() {
                    let config = config.clone();
                    std::thread::spawn(move || answer(stream, config));
                }
            });
        }
        Self { port }
    }

    /// The URL for a host name or address.
    pub fn url(&self, host: &str) -> String {
        format!("https://{host}:{}/", self.port)
    }
}

/// Two listeners on one port; another process may use it on one of the addresses.
fn listeners() -> (TcpListener, TcpListener) {
    for _ in 0..50 {
        let v4 = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = v4.local_addr().unwrap().port();
        if let Ok(v6) = TcpListener::bind((Ipv6Addr::LOCALHOST, port)) {
            return (v4, v6);
        }
    }
    panic!("no port is free on both 127.0.0.1 and ::1");
}

/// A client that refuses the certificate ends the connection; that is its answer.
fn answer(mut stream: TcpStream, config: Arc<rustls::ServerConfig>) {
    let _ = stream.set_read_timeout(Some(Duration::from_secs(10)));
    let Ok(mut connection) = rustls::ServerConnection::new(config) else {
        return;
    };
    let mut tls = rustls::Stream::new(&mut connection, &mut stream);
    let mut request = Vec::new();
    let mut buffer = [0; 1024];
    while !request.windows(4).any(|end| end == b"\r\n\r\n") {
        match tls.read(&mut buffer) {
            Ok(count) if count > 0 => request.extend_from_slice(&buffer[..count]),
            _ => return,
        }
    }
    let _ = write!(
        tls,
        "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{BODY}",
        BODY.len()
    );
    let _ = tls.flush();
    connection.send_close_notify();
    let _ = connection.complete_io(&mut stream);
}

/// One request by rustls, which trusts nothing but `ca`.
pub fn get_by_rustls(ca: &Path, host: &str, port: u16) -> Result<String, String> {
    let mut roots = rustls::RootCertStore::empty();
    roots
        .add(CertificateDer::from_pem_file(ca).unwrap())
        .unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let name = host.trim_matches(['[', ']']).to_owned().try_into().unwrap();
    let mut connection = rustls::ClientConnection::new(Arc::new(config), name).unwrap();
    let address = if host.starts_with('[') {
        "::1"
    } else {
        "127.0.0.1"
    };
    let mut stream = TcpStream::connect((address, port)).unwrap();
    let mut tls = rustls::Stream::new(&mut connection, &mut stream);
    tls.write_all(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        .map_err(|error| error.to_string())?;
    let mut answer = String::new();
    tls.read_to_string(&mut answer)
        .map_err(|error| error.to_string())?;
    Ok(answer)
}
