//! Downloads one file over HTTPS, as the user's network requires: through their proxy, and with the
//! CAs of their system and their variables, since a company's proxy may re-sign what passes through
//! it with its own CA. The client for Azurite (`client.rs`) only handles 127.0.0.1.

use std::io::Read as _;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use anyhow::Result;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use ureq::tls::{Certificate, RootCerts, TlsConfig};

use super::registry::Registry;
use crate::failure::reason;
use crate::interrupt::Interrupt;
use crate::machine::{self, Machine};

/// How long a DNS lookup, a connection or the start of an answer may take.
const CONNECT: Duration = Duration::from_secs(10);
const ANSWER: Duration = Duration::from_secs(30);

/// How often to check whether the user wants to stop.
const POLL: Duration = Duration::from_millis(50);

/// A registry may redirect to a file store, and that to another.
const REDIRECTS: u32 = 5;

/// The message if there is no network at all.
const UNKNOWN: &str = "its name cannot be resolved";

/// Why nothing came.
pub(super) enum Failed {
    /// The answer's status.
    Status(u16),
    /// In words.
    Other(String),
}

/// Gets a file of at most `most` bytes.
pub(super) fn get(
    url: &str,
    registry: &Registry,
    most: u64,
    machine: &Machine,
    mut tell: impl FnMut(u64),
    interrupt: &Interrupt,
) -> Result<Result<Vec<u8>, Failed>> {
    let agent = agent(registry, machine);
    let mut request = agent.get(url);
    if let Some(value) = registry.authorization(url) {
        request = request.header("Authorization", value);
    }
    let there = Arc::new(AtomicU64::new(0));
    let seen = Arc::clone(&there);
    let work = machine::thread(move || -> Result<Vec<u8>, ureq::Error> {
        let answer = request.call()?;
        let body = answer.into_body().into_with_config().limit(most + 1);
        let (mut reader, mut bytes) = (body.reader(), Vec::new());
        let mut chunk = vec![0; 64 << 10];
        loop {
            match reader.read(&mut chunk)? {
                0 => return Ok(bytes),
                count => bytes.extend_from_slice(&chunk[..count]),
            }
            seen.store(bytes.len() as u64, Ordering::Relaxed);
        }
    })?;
    while !work.is_finished() {
        interrupt.check()?;
        tell(there.load(Ordering::Relaxed));
        std::thread::sleep(POLL);
    }
    let Ok(done) = work.join() else {
        return Ok(Err(Failed::Other("azup failed while it read the answer".to_owned())));
    };
    Ok(done.map_err(|error| failed(&error)))
}

fn agent(registry: &Registry, machine: &Machine) -> ureq::Agent {
    let roots = roots(registry, machine);
    let tls = TlsConfig::builder()
        .unversioned_rustls_crypto_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .root_certs(RootCerts::from(roots.iter().map(|root| Certificate::from_der(root).to_owned())))
        .build();
    ureq::Agent::config_builder()
        .tls_config(tls)
        .proxy(registry.proxy.clone())
        // Nobody is led from https to http; ureq takes credentials to no other host.
        .https_only(registry.is_secure())
        .max_redirects(REDIRECTS)
        .timeout_resolve(Some(CONNECT))
        .timeout_connect(Some(CONNECT))
        .timeout_recv_response(Some(ANSWER))
        .timeout_per_read(Some(ANSWER))
        .user_agent(concat!("azup/", env!("CARGO_PKG_VERSION")))
        .build()
        .new_agent()
}

/// The system's CAs, or those of the variables that replace them; plus those that Node.js would
/// add.
fn roots(registry: &Registry, machine: &Machine) -> Vec<CertificateDer<'static>> {
    let path = |name| machine.var(name).map(|value| machine.absolute(value.as_ref()));
    let (file, folder) = (path("SSL_CERT_FILE"), path("SSL_CERT_DIR"));
    let mut roots = system_roots(file.as_deref(), folder.as_deref());
    for file in path("NODE_EXTRA_CA_CERTS").iter().chain(&registry.roots) {
        let more = CertificateDer::pem_file_iter(file).into_iter().flatten();
        roots.extend(more.flatten());
    }
    roots
}

#[cfg(not(target_os = "macos"))]
fn system_roots(file: Option<&Path>, folder: Option<&Path>) -> Vec<CertificateDer<'static>> {
    let found = if file.is_some() || folder.is_some() {
        rustls_native_certs::load_certs_from_paths(file, folder)
    } else {
        rustls_native_certs::load_native_certs()
    };
    found.certs
}

/// From the file that macOS keeps for its curl. The keychain's frameworks can only be linked with
/// Apple's SDK, which azup is not built with.
#[cfg(target_os = "macos")]
fn system_roots(file: Option<&Path>, _: Option<&Path>) -> Vec<CertificateDer<'static>> {
    let file = file.unwrap_or(Path::new("/etc/ssl/cert.pem"));
    let found = CertificateDer::pem_file_iter(file).into_iter().flatten();
    found.flatten().collect()
}

fn failed(error: &ureq::Error) -> Failed {
    Failed::Other(match error {
        ureq::Error::StatusCode(status) => return Failed::Status(*status),
        ureq::Error::HostNotFound => UNKNOWN.to_owned(),
        ureq::Error::Timeout(_) => "it did not answer in time".to_owned(),
        ureq::Error::BodyExceedsLimit(_) => "its answer is too long".to_owned(),
        ureq::Error::RequireHttpsOnly(_) => "it leads to an address without HTTPS".to_owned(),
        ureq::Error::Rustls(rustls::Error::InvalidCertificate(why)) => untrusted(why),
        ureq::Error::Io(error) => reason_of(error),
        error => error.to_string(),
    })
}

fn untrusted(why: &rustls::CertificateError) -> String {
    format!("its certificate is not trusted here: {why}")
}

/// TLS errors, too, arrive as I/O errors.
fn reason_of(error: &std::io::Error) -> String {
    let tls = error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>());
    match tls {
        Some(rustls::Error::InvalidCertificate(why)) => untrusted(why),
        _ if error.kind() == std::io::ErrorKind::ConnectionRefused => "nobody answers there".to_owned(),
        // The standard library's wording; the resolver's own text follows.
        _ if error.to_string().starts_with("failed to lookup address") => UNKNOWN.to_owned(),
        _ => reason(error).to_lowercase(),
    }
}
