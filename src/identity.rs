//! The local credential: access tokens for the emulator, and the endpoint from which every Azure
//! SDK requests them when it believes that it runs in Azure App Service.
//!
//! ```text
//! IDENTITY_ENDPOINT, IDENTITY_HEADER ─▶ server ─▶ request ─▶ token
//!                            header ───────────────┤
//!                            drawn header ─────────┴▶ forward ─▶ login (az, azd)
//! ```
//!
//! [`start`] serves, or finds that another azup with the same header already does.

mod audience;
mod forward;
mod header;
mod login;
mod probe;
mod program;
mod refusal;
mod reply;
mod request;
mod token;

use std::io::ErrorKind;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

pub use audience::is_audience;
pub use forward::{Forward, HandedOn};
pub use header::{FIXED, draw, ensure_header, header, is_drawn};
pub use login::Login;
pub use probe::{Probed, find, is_ours};
pub use token::{Token, is_account, storage_token, token};

use crate::failure::{Failure, reason};
use crate::machine::{Clock, listener};
use crate::server::Server;

/// The port on which the endpoint listens unless another is named.
pub const PORT: u16 = 10003;

/// The path of the App Service dialect.
pub const PATH: &str = "/msi/token";

/// Where the endpoint listens unless other machines should reach it.
pub fn loopback(port: u16) -> SocketAddr {
    SocketAddr::from((Ipv4Addr::LOCALHOST, port))
}

/// The value of `IDENTITY_ENDPOINT` for an endpoint at `address`.
pub fn url(address: SocketAddr) -> String {
    // An endpoint that listens on all addresses is reached here.
    let reached = match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => loopback(address.port()),
        IpAddr::V6(ip) if ip.is_unspecified() => loopback(address.port()),
        _ => address,
    };
    format!("http://{reached}{PATH}")
}

/// What an endpoint gives, and to which clients.
#[derive(Clone, Debug)]
pub struct Service {
    /// The header of clients that get local tokens.
    pub header: String,
    /// The audiences of local tokens, in addition to Azure Storage and this machine's own.
    pub audiences: Vec<String>,
    /// Which clients get tokens of the user's own login, and from where.
    pub forward: Option<Forward>,
    /// The clock for the start and expiry of tokens.
    pub clock: Clock,
}

impl Service {
    /// Local tokens only.
    pub fn local(header: &str, clock: Clock) -> Self {
        Self {
            header: header.to_owned(),
            audiences: Vec::new(),
            forward: None,
            clock,
        }
    }
}

/// The whole answer to the request in `bytes` of a client on this machine; `None` while the
/// request's head is incomplete. Only for the fuzz target: [`start`] serves.
#[cfg(feature = "internals")]
pub fn answer(header: &str, clock: Clock, bytes: &[u8]) -> Option<Vec<u8>> {
    let rules = request::Rules::new(&Service::local(header, clock), true, None);
    match rules.answer(bytes)? {
        crate::server::Answer::Now(bytes) => Some(bytes),
        crate::server::Answer::Later(_) => None,
    }
}

/// The result of [`start`].
#[derive(Debug)]
pub enum Started {
    /// This process serves, until the value is dropped.
    Here(Server),
    /// Another azup serves there with the same header.
    Elsewhere,
}

/// Serves at `listen`, unless another azup with the same lasting header does already.
pub fn start(listen: SocketAddr, service: &Service) -> Result<Started, Failure> {
    let error = match serve(listen, service) {
        Ok(server) => return Ok(Started::Here(server)),
        Err(error) => error,
    };
    let port = listen.port();
    if error.kind() != ErrorKind::AddrInUse {
        let why = reason(&error);
        return Err(Failure::new(format!(
            "cannot listen on {listen} for access tokens: {why}"
        )));
    }
    let start = format!("port {port} for access tokens is in use");
    Err(match find(listen, &service.header) {
        Probed::Ours => return Ok(Started::Elsewhere),
        Probed::OtherHeader => Failure::new(format!(
            "{start} by an azup that expects another IDENTITY_HEADER, {}",
            listener(port)
        )),
        Probed::Stranger => Failure::new(format!("{start} {}", listener(port))),
    })
}

/// Answers clients that know a header of `service`. On a loopback address, only those that use one
/// of this machine's own names.
pub fn serve(listen: SocketAddr, service: &Service) -> std::io::Result<Server> {
    Server::start(listen, None, |wake| {
        let rules = request::Rules::new(service, listen.ip().is_loopback(), wake);
        Box::new(move |request| rules.answer(request))
    })
}

/// A port to propose if `port` is taken.
pub fn other_port(port: u16) -> u16 {
    // Far enough away from the usual one, and never out of range.
    if port < 50_000 { port + 10_000 } else { 20_003 }
}
