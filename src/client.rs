//! Just enough HTTP/1.1 to talk to Azurite over TLS, and to the token endpoint without TLS: one
//! request per connection, a single CA, and a limit on time and size of everything.

use std::io::{ErrorKind, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Result;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::CryptoProvider;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{
    CertificateError, ClientConfig, ClientConnection, DigitallySignedStruct, ProtocolVersion,
    RootCertStore, SignatureScheme,
};


/// The only address for TLS: this machine.
const ADDRESS: Ipv4Addr = Ipv4Addr::LOCALHOST;

/// How long one request may take, on a machine under load.
const LIMIT: Duration = Duration::from_secs(10);

/// The largest response that is read (bytes). The responses to azup's requests are a fraction of
/// that.
const LARGEST: usize = 1 << 20;

/// The most header fields that a response may have.
const FIELDS: usize = 100;

/// Talks to 127.0.0.1 and trusts one CA, nothing else.
#[derive(Clone, Debug)]
pub struct Client {
    config: Arc<ClientConfig>,
    limit: Duration,
}

#[derive(Clone, Copy, Debug)]
pub struct Request<'a> {
    /// Such as `GET`.
    pub method: &'a str,
    /// Path and query, such as `/devstoreaccount1/c?restype=container`.
    pub target: &'a str,
    /// Additional headers; host, length and connection are added.
    pub headers: &'a [(&'a str, &'a str)],
    /// The body; may be empty.
    pub body: &'a [u8],
}

#[derive(Debug)]
pub struct Response {
    /// Such as 201.
    pub status: u16,
    headers: Vec<(String, String)>,
    /// The whole body.
    pub body: Vec<u8>,
    /// The TLS version, such as `TLS 1.3`; empty without TLS.
    pub tls: &'static str,
    /// The server's certificate in DER.
    pub certificate: Option<Vec<u8>>,
}

impl Response {
    /// A header's value; case does not matter in its name.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(known, _)| known.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.as_str())
    }
}

/// Why there is no response.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// Nothing listens there (yet).
    Closed,
    /// It does not speak TLS.
    NotTls,
    /// Its certificate is not the one that was expected, in words.
    Certificate(String),
    /// It took too long.
    Slow,
    /// Anything else, in words.
    Other(String),
}

impl std::fmt::Display for Refusal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Closed => f.write_str("nothing listens there"),
            Self::NotTls => f.write_str("it does not speak TLS"),
            Self::Certificate(why) => write!(f, "its certificate does not verify: {why}"),
            Self::Slow => write!(f, "no answer within {} seconds", LIMIT.as_secs()),
            Self::Other(why) => f.write_str(why),
        }
    }
}

impl Client {
    /// A client that trusts only the CA `der`.
    pub fn trusting(der: &[u8]) -> Result<Self> {
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from(der.to_vec()))?;
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_root_certificates(roots)
            .with_no_client_auth();
        Ok(Self {
            config: Arc::new(config),
            limit: LIMIT,
        })
    }

    /// The same with another limit for each request.
    pub fn within(self, limit: Duration) -> Self {
        Self { limit, ..self }
    }

    /// A client that takes any certificate, to see which one it is. What it sends must be
    /// worth nothing to whoever answers.
    pub fn insecure(limit: Duration) -> Result<Self> {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ClientConfig::builder_with_provider(Arc::clone(&provider))
            .with_safe_default_protocol_versions()?
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(AnyCertificate(provider)))
            .with_no_client_auth();
        Ok(Self {
            config: Arc::new(config),
            limit,
        })
    }

    /// Sends a request to 127.0.0.1 and reads the whole response.
    pub fn send(&self, port: u16, request: &Request<'_>) -> Result<Response, Refusal> {
        let until = Instant::now() + self.limit;
        let address = SocketAddr::from((ADDRESS, port));
        let tcp = TcpStream::connect_timeout(&address, self.limit).map_err(|e| refusal(&e))?;
        tcp.set_nodelay(true).map_err(|e| refusal(&e))?;
        let name = ServerName::IpAddress(std::net::IpAddr::from(ADDRESS).into());
        let tls = ClientConnection::new(Arc::clone(&self.config), name)
            .map_err(|error| Refusal::Other(error.to_string()))?;
        let mut stream = rustls::StreamOwned::new(tls, tcp);
        let bytes = written(&format!("{ADDRESS}:{port}"), request);
        let mut response = converse(&mut stream, |stream| &stream.sock, &bytes, until)?;
        response.tls = match stream.conn.protocol_version() {
            Some(ProtocolVersion::TLSv1_2) => "TLS 1.2",
            _ => "TLS 1.3",
        };
        let chain = stream.conn.peer_certificates().unwrap_or_default();
        response.certificate = chain.first().map(|leaf| leaf.to_vec());
        Ok(response)
    }
}

/// Sends a request without TLS and reads the whole response.
pub fn send_plain(
    address: SocketAddr,
    host: &str,
    request: &Request<'_>,
    limit: Duration,
) -> Result<Response, Refusal> {
    let tcp = TcpStream::connect_timeout(&address, limit).map_err(|e| refusal(&e))?;
    send_over(tcp, host, request, limit)
}

/// The same over an existing connection.
pub fn send_over(
    mut tcp: TcpStream,
    host: &str,
    request: &Request<'_>,
    limit: Duration,
) -> Result<Response, Refusal> {
    let until = Instant::now() + limit;
    converse(&mut tcp, |tcp| tcp, &written(host, request), until)
}

fn converse<S: Read + Write>(
    stream: &mut S,
    tcp: impl Fn(&S) -> &TcpStream,
    bytes: &[u8],
    until: Instant,
) -> Result<Response, Refusal> {
    limit(tcp(stream), until)?;
    stream
        .write_all(bytes)
        .and_then(|()| stream.flush())
        .map_err(|e| refusal(&e))?;
    let mut answer = Vec::new();
    let mut chunk = vec![0; 16 << 10];
    loop {
        limit(tcp(stream), until)?;
        let (count, ended) = match stream.read(&mut chunk) {
            Ok(count) => (count, count == 0),
            // Closed without a TLS close_notify; whether the response is complete is checked below.
            Err(error) if error.kind() == ErrorKind::UnexpectedEof => (0, true),
            Err(error) => return Err(refusal(&error)),
        };
        answer.extend_from_slice(&chunk[..count]);
        if let Some(response) = parsed(&answer, ended)? {
            return Ok(response);
        }
        if ended {
            return Err(Refusal::Other("it closed the connection".to_owned()));
        }
        if answer.len() > LARGEST {
            return Err(Refusal::Other("its answer is too long".to_owned()));
        }
    }
}

/// Accepts every certificate. The handshake itself is still checked.
#[derive(Debug)]
struct AnyCertificate(Arc<CryptoProvider>);

impl ServerCertVerifier for AnyCertificate {
    fn verify_server_cert(
        &self,
        _end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let known = &self.0.signature_verification_algorithms;
        rustls::crypto::verify_tls12_signature(message, cert, dss, known)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let known = &self.0.signature_verification_algorithms;
        rustls::crypto::verify_tls13_signature(message, cert, dss, known)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}

/// Sets the remaining time as the limit for the next step.
fn limit(tcp: &TcpStream, until: Instant) -> Result<(), Refusal> {
    let left = until.saturating_duration_since(Instant::now());
    if left.is_zero() {
        return Err(Refusal::Slow);
    }
    tcp.set_read_timeout(Some(left))
        .and_then(|()| tcp.set_write_timeout(Some(left)))
        .map_err(|error| refusal(&error))
}

fn refusal(error: &std::io::Error) -> Refusal {
    let tls = error
        .get_ref()
        .and_then(|inner| inner.downcast_ref::<rustls::Error>());
    match (tls, error.kind()) {
        (Some(rustls::Error::InvalidMessage(_)), _) => Refusal::NotTls,
        (Some(rustls::Error::InvalidCertificate(why)), _) => Refusal::Certificate(match why {
            CertificateError::UnknownIssuer | CertificateError::BadSignature => {
                "it was signed by another CA".to_owned()
            }
            CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
                format!("it is not valid for {ADDRESS}")
            }
            CertificateError::Expired | CertificateError::ExpiredContext { .. } => {
                "it has expired".to_owned()
            }
            why => why.to_string(),
        }),
        (Some(error), _) => Refusal::Other(error.to_string()),
        (None, ErrorKind::ConnectionRefused) => Refusal::Closed,
        (None, ErrorKind::WouldBlock | ErrorKind::TimedOut) => Refusal::Slow,
        (None, ErrorKind::UnexpectedEof | ErrorKind::ConnectionReset | ErrorKind::BrokenPipe) => {
            Refusal::Other("it closed the connection".to_owned())
        }
        (None, _) => Refusal::Other(crate::failure::reason(error)),
    }
}

fn written(host: &str, request: &Request<'_>) -> Vec<u8> {
    let mut head = format!(
        "{} {} HTTP/1.1\r\nHost: {host}\r\nContent-Length: {}\r\nConnection: close\r\n",
        request.method,
        request.target,
        request.body.len()
    );
    for (name, value) in request.headers {
        head.push_str(name);
        head.push_str(": ");
        head.push_str(value);
        head.push_str("\r\n");
    }
    head.push_str("\r\n");
    let mut bytes = head.into_bytes();
    bytes.extend_from_slice(request.body);
    bytes
}

/// The response in `bytes`, once it is complete. `ended`: nothing more will come.
fn parsed(bytes: &[u8], ended: bool) -> Result<Option<Response>, Refusal> {
    let bad = || Refusal::Other("its answer is not HTTP".to_owned());
    let mut fields = [httparse::EMPTY_HEADER; FIELDS];
    let mut head = httparse::Response::new(&mut fields);
    let httparse::Status::Complete(end) = head.parse(bytes).map_err(|_| bad())? else {
        return Ok(None);
    };
    let status = head.code.ok_or_else(bad)?;
    let text = |field: &httparse::Header<'_>| {
        let value = String::from_utf8_lossy(field.value).into_owned();
        (field.name.to_owned(), value)
    };
    let headers = head.headers.iter().map(text).collect();
    let mut response = Response {
        status,
        headers,
        body: Vec::new(),
        tls: "",
        certificate: None,
    };
    let rest = &bytes[end..];
    let chunked = response
        .header("Transfer-Encoding")
        .is_some_and(|coding| coding.eq_ignore_ascii_case("chunked"));
    let length = match response.header("Content-Length") {
        Some(length) => Some(length.parse::<usize>().map_err(|_| bad())?),
        None => None,
    };
    let body = if matches!(status, 204 | 304) {
        Some(Vec::new())
    } else if chunked {
        unchunked(rest).map_err(|()| bad())?
    } else if let Some(length) = length {
        rest.get(..length).map(<[u8]>::to_vec)
    } else {
        ended.then(|| rest.to_vec())
    };
    Ok(body.map(|body| {
        response.body = body;
        response
    }))
}

/// The body of a chunked response (RFC 9112, section 7.1), once its last chunk is there.
fn unchunked(mut rest: &[u8]) -> Result<Option<Vec<u8>>, ()> {
    let mut body = Vec::new();
    loop {
        let size = httparse::parse_chunk_size(rest).map_err(|_| ())?;
        let httparse::Status::Complete((start, length)) = size else {
            return Ok(None);
        };
        let length = usize::try_from(length).map_err(|_| ())?;
        rest = &rest[start..];
        if length == 0 {
            return Ok(Some(body));
        }
        if length > LARGEST {
            return Err(());
        }
        let Some(chunk) = rest.get(..length + 2) else {
            return Ok(None);
        };
        if &chunk[length..] != b"\r\n" {
            return Err(());
        }
        body.extend_from_slice(&chunk[..length]);
        rest = &rest[length + 2..];
    }
}

#[cfg(test)]
mod tests;
