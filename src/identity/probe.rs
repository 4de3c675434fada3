//! Who answers at the place where the endpoint should be.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use super::reply::SERVER;
use super::{PATH, loopback};
use crate::machine::is_another_users;

/// How long the whole question may take.
const LIMIT: Duration = Duration::from_secs(1);

/// More than the endpoint ever answers (bytes).
const LONGEST: usize = 64 << 10;

/// What was found at an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Found {
    /// Nothing listens there.
    Nobody,
    /// An azup endpoint that takes this header.
    Ours,
    /// An azup endpoint that expects another header.
    OtherHeader,
    /// Something else, or something that takes too long.
    Stranger,
}

/// Whether an azup endpoint answers at `address` and takes `header`. Takes at most a
/// second.
pub fn is_ours(address: SocketAddr, header: &str) -> bool {
    find(address, header) == Found::Ours
}

/// Asks at `address` for a token. Takes little more than a second.
pub fn find(address: SocketAddr, header: &str) -> Found {
    let reached = if address.ip().is_unspecified() {
        loopback(address.port())
    } else {
        address
    };
    let Ok(stream) = TcpStream::connect_timeout(&reached, LIMIT) else {
        return Found::Nobody;
    };
    // Who gets the header could answer in its place, also with it.
    if is_another_users(&stream) {
        return Found::Stranger;
    }
    let until = Instant::now() + LIMIT;
    let answer = ask(stream, reached, header, until).unwrap_or_default();
    let text = String::from_utf8_lossy(&answer);
    let Some((head, body)) = text.split_once("\r\n\r\n") else {
        return Found::Stranger;
    };
    if !head.contains(&format!("\r\nServer: {SERVER}/")) {
        return Found::Stranger;
    }
    if head.starts_with("HTTP/1.1 200 ") && body.contains("\"access_token\"") {
        Found::Ours
    } else {
        Found::OtherHeader
    }
}

fn ask(
    mut stream: TcpStream,
    address: SocketAddr,
    header: &str,
    until: Instant,
) -> std::io::Result<Vec<u8>> {
    let left = |stream: &TcpStream| {
        let left = until.saturating_duration_since(Instant::now());
        let left = left.max(Duration::from_millis(1));
        stream.set_read_timeout(Some(left))?;
        stream.set_write_timeout(Some(left))
    };
    left(&stream)?;
    let request = format!(
        "GET {PATH}?api-version=2019-08-01&resource=https://storage.azure.com HTTP/1.1\r\n\
         Host: {address}\r\nX-IDENTITY-HEADER: {header}\r\nConnection: close\r\n\r\n"
    );
    stream.write_all(request.as_bytes())?;
    let mut answer = Vec::new();
    let mut chunk = [0; 4096];
    while answer.len() < LONGEST && Instant::now() < until {
        left(&stream)?;
        match stream.read(&mut chunk)? {
            0 => break,
            count => answer.extend_from_slice(&chunk[..count]),
        }
    }
    Ok(answer)
}
