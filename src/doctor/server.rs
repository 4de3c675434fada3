//! A loopback HTTPS server with the set's own leaf, for the clients of this machine. What arrives
//! shows whether a client trusts it: a client that refuses the certificate never sends its request.
//! So no program's messages have to be parsed.

use std::sync::{Arc, Mutex, PoisonError};

use anyhow::{Context as _, Result};
use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

use crate::identity::loopback;
use crate::server::{self, Answer, LONGEST};

const OK: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 3\r\n\
    Connection: close\r\n\r\nok\n";

/// Serves until it is dropped.
#[derive(Debug)]
pub struct Server {
    /// Its port on 127.0.0.1.
    pub port: u16,
    paths: Arc<Mutex<Vec<String>>>,
    _server: server::Server,
}

impl Server {
    /// Serves this leaf.
    pub(super) fn start(cert: &[u8], key: &[u8]) -> Result<Self> {
        let chain = vec![CertificateDer::from_pem_slice(cert).context("the certificate")?];
        let key = PrivateKeyDer::from_pem_slice(key).context("the key")?;
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_no_client_auth()
            .with_single_cert(chain, key)?;
        let paths = Arc::new(Mutex::new(Vec::new()));
        let seen = Arc::clone(&paths);
        let answers = move |request: &[u8]| answer(request, &seen);
        let server = server::Server::start(loopback(0), Some(Arc::new(config)), |_| {
            Box::new(answers)
        })?;
        Ok(Self {
            port: server.address().port(),
            paths,
            _server: server,
        })
    }

    /// The URL for a client to request, by which it is recognised.
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

/// Records the path that a client has requested. One that refuses the certificate never does.
fn answer(bytes: &[u8], seen: &Mutex<Vec<String>>) -> Option<Answer> {
    let mut fields = [httparse::EMPTY_HEADER; 100];
    let mut request = httparse::Request::new(&mut fields);
    let whole = request.parse(bytes).is_ok_and(|status| status.is_complete());
    if !whole && bytes.len() < LONGEST {
        return None;
    }
    if let Some(path) = request.path {
        let mut seen = seen.lock().unwrap_or_else(PoisonError::into_inner);
        seen.push(path.to_owned());
    }
    Some(Answer::Now(OK.to_vec()))
}
