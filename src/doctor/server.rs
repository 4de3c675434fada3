//! A loopback HTTPS server with the set's own leaf, for the clients of this machine. Whether
//! one trusts it is told by what arrives: a client that refuses the certificate never sends
//! its request. So no program's words have to be understood.

use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Context as _, Result};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};

use super::context::Set;
use crate::failure::Failure;
use crate::machine::no_thread;

/// How long a client may take to say what it wants.
const LIMIT: Duration = Duration::from_secs(10);

/// The longest request that is read (bytes).
const LONGEST: usize = 64 << 10;

/// Serves until the process ends.
#[derive(Debug)]
pub struct Server {
    /// Its port on 127.0.0.1.
    pub port: u16,
    paths: Arc<Mutex<Vec<String>>>,
}

impl Server {
    /// Serves the leaf of this set.
    pub(super) fn start(set: &Set) -> Result<Self> {
        if set.closed {
            return Err(Failure::new("the key belongs to another user").into());
        }
        let [_, Some(key), Some(cert)] = &set.files else {
            return Err(Failure::new("there is no certificate set").into());
        };
        let chain = vec![CertificateDer::from_pem_slice(cert).context("the certificate")?];
        let key = PrivateKeyDer::from_pem_slice(key).context("the key")?;
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_no_client_auth()
            .with_single_cert(chain, key)?;
        let config = Arc::new(config);
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let port = listener.local_addr()?.port();
        let paths = Arc::new(Mutex::new(Vec::new()));
        let seen = Arc::clone(&paths);
        let serving = std::thread::Builder::new().spawn(move || {
            for stream in listener.incoming().flatten() {
                let (config, seen) = (Arc::clone(&config), Arc::clone(&seen));
                // A client that gets no thread is one that gets no answer.
                let _ = std::thread::Builder::new().spawn(move || answer(stream, config, &seen));
            }
        });
        serving.map_err(|error| no_thread(&error))?;
        Ok(Self { port, paths })
    }

    /// The URL that a client is to ask for, so that it is known again.
    pub fn url(&self, client: &str) -> String {
        format!("https://127.0.0.1:{}/{client}", self.port)
    }

    /// Whether this client's request has arrived.
    pub fn saw(&self, client: &str) -> bool {
        let paths = self.paths.lock().unwrap_or_else(PoisonError::into_inner);
        paths
            .iter()
            .any(|path| path.strip_prefix('/') == Some(client))
    }
}

/// A client that refuses the certificate ends the connection; that is its answer.
fn answer(tcp: TcpStream, config: Arc<ServerConfig>, seen: &Mutex<Vec<String>>) {
    let _ = tcp.set_read_timeout(Some(LIMIT));
    let _ = tcp.set_write_timeout(Some(LIMIT));
    let Ok(connection) = ServerConnection::new(config) else {
        return;
    };
    let mut tls = StreamOwned::new(connection, tcp);
    let mut request = Vec::new();
    let mut chunk = [0; 1024];
    while memchr::memmem::find(&request, b"\r\n\r\n").is_none() && request.len() < LONGEST {
        match tls.read(&mut chunk) {
            Ok(count) if count > 0 => request.extend_from_slice(&chunk[..count]),
            _ => break,
        }
    }
    let text = String::from_utf8_lossy(&request);
    if let Some(path) = text.split(' ').nth(1) {
        let mut seen = seen.lock().unwrap_or_else(PoisonError::into_inner);
        seen.push(path.to_owned());
    }
    let _ = tls.write_all(
        b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 3\r\nConnection: close\r\n\r\nok\n",
    );
    let _ = tls.flush();
    tls.conn.send_close_notify();
    let _ = tls.conn.complete_io(&mut tls.sock);
}
