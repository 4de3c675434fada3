//! What answers at the endpoint's address.

use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use super::reply::SERVER;
use super::{PATH, loopback};
use crate::client::{Request, send_over};
use crate::machine::is_another_users;

/// How long the whole probe may take.
const LIMIT: Duration = Duration::from_secs(1);

/// What was found at an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Probed {
    /// An azup endpoint that takes this header.
    Ours,
    /// An azup endpoint that expects another header.
    OtherHeader,
    /// Nothing, something else, or something that takes too long.
    Stranger,
}

/// Whether an azup endpoint answers at `address` and accepts `header`. Takes at most a second.
pub fn is_ours(address: SocketAddr, header: &str) -> bool {
    find(address, header) == Probed::Ours
}

/// Asks at `address` for a token. Takes little more than a second.
pub fn find(address: SocketAddr, header: &str) -> Probed {
    let reached = if address.ip().is_unspecified() {
        loopback(address.port())
    } else {
        address
    };
    let request = Request {
        method: "GET",
        target: &format!("{PATH}?api-version=2019-08-01&resource=https://storage.azure.com"),
        headers: &[("X-IDENTITY-HEADER", header)],
        body: &[],
    };
    let Ok(stream) = TcpStream::connect_timeout(&reached, LIMIT) else {
        return Probed::Stranger;
    };
    // A process that receives the header could then pose as the endpoint.
    if is_another_users(&stream) {
        return Probed::Stranger;
    }
    let Ok(response) = send_over(stream, &reached.to_string(), &request, LIMIT) else {
        return Probed::Stranger;
    };
    let server = response.header("Server").unwrap_or_default();
    if !server.starts_with(&format!("{SERVER}/")) {
        return Probed::Stranger;
    }
    let has_token = memchr::memmem::find(&response.body, b"\"access_token\"").is_some();
    if response.status == 200 && has_token {
        Probed::Ours
    } else {
        Probed::OtherHeader
    }
}
