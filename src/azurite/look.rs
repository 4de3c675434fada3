//! What is really listening at a port, seen from outside: for `azup doctor`, which must not assume
//! anything, least of all that it is an Azurite that azup started.

use std::net::{SocketAddr, ToSocketAddrs as _};
use std::path::PathBuf;
use std::time::Duration;

use anyhow::Result;
use time::{Date, Month, OffsetDateTime, Time};

use super::install::Install;
use super::probe::words;
use super::{ADDRESS, Service};
use crate::client::{self, Client, Refusal, Request, Response};
use crate::failure::Failure;
use crate::machine::Machine;

/// What answers at a port.
#[derive(Clone, Debug)]
pub enum Listener {
    /// Nothing.
    Nobody,
    /// The service that belongs there.
    Azurite(Seen),
    /// Something else, in words.
    Stranger(String),
    /// Something that accepts a connection but does not answer in time.
    Silent,
}

/// What an Azurite reveals about itself.
#[derive(Clone, Debug)]
pub struct Seen {
    pub version: String,
    /// The certificate that it serves, in DER; `None`: it speaks plain HTTP.
    pub certificate: Option<Vec<u8>>,
    /// Its clock, from the `Date` header.
    pub date: Option<OffsetDateTime>,
}

/// A request to a service of Azurite's.
#[derive(Clone, Copy, Debug)]
pub struct Ask<'a> {
    pub port: u16,
    /// Path and query.
    pub target: &'a str,
    /// Additional headers.
    pub headers: &'a [(&'a str, &'a str)],
}

#[derive(Clone, Debug)]
pub struct Reply {
    /// Such as 200.
    pub status: u16,
    /// Status, code and message on one line.
    pub words: String,
    pub body: Vec<u8>,
}

/// Looks at what answers at `port`, within `limit`, or twice that if it is not TLS.
pub fn look(service: Service, port: u16, limit: Duration) -> Result<Listener> {
    let request = Request {
        method: "GET",
        target: "/",
        headers: &[],
        body: &[],
    };
    let answer = match Client::insecure(limit)?.send(port, &request) {
        Err(Refusal::NotTls) => {
            let address = SocketAddr::from((ADDRESS, port));
            client::send_plain(address, &address.to_string(), &request, limit)
        }
        answer => answer,
    };
    Ok(match answer {
        Ok(response) => recognised(service, response),
        Err(Refusal::Closed) => Listener::Nobody,
        Err(Refusal::Slow) => Listener::Silent,
        Err(why) => Listener::Stranger(why.to_string()),
    })
}

fn recognised(service: Service, response: Response) -> Listener {
    let server = response.header("Server").unwrap_or_default();
    match server.strip_prefix(service.server()) {
        Some(version) => Listener::Azurite(Seen {
            version: super::probe::safe(version),
            date: response.header("Date").and_then(moment),
            certificate: response.certificate,
        }),
        None if server.is_empty() => Listener::Stranger("it is not Azurite".to_owned()),
        None => Listener::Stranger(format!("it is {}", super::probe::safe(server))),
    }
}

/// Sends a request to a service of Azurite's over TLS, whatever its certificate.
pub fn ask(ask: &Ask<'_>, limit: Duration) -> Result<Reply> {
    let request = Request {
        method: "GET",
        target: ask.target,
        headers: ask.headers,
        body: &[],
    };
    let response = Client::insecure(limit)?.send(ask.port, &request);
    let response = response.map_err(|why| Failure::new(why.to_string()))?;
    Ok(reply(response))
}

/// Gets `http://HOST/TARGET` with these headers.
pub fn get_plain(
    host: &str,
    target: &str,
    headers: &[(&str, &str)],
    limit: Duration,
) -> Result<Reply> {
    let request = Request {
        method: "GET",
        target,
        headers,
        body: &[],
    };
    let with_port = if host.contains(':') {
        host.to_owned()
    } else {
        format!("{host}:80")
    };
    let address = with_port.to_socket_addrs().ok();
    let address = address
        .and_then(|mut all| all.next())
        .ok_or_else(|| Failure::new("its host has no address"))?;
    let response = client::send_plain(address, host, &request, limit);
    let response = response.map_err(|why| Failure::new(why.to_string()))?;
    Ok(reply(response))
}

fn reply(response: Response) -> Reply {
    Reply {
        status: response.status,
        words: words(&response),
        body: response.body,
    }
}

/// The Azurite that is installed and complete; `None` if none is installed yet.
pub fn installed(machine: &Machine) -> Result<Option<PathBuf>> {
    Install::of(machine)?.check()
}

/// An HTTP date (RFC 9110, section 5.6.7): `Sun, 06 Nov 1994 08:49:37 GMT`.
fn moment(text: &str) -> Option<OffsetDateTime> {
    const MONTHS: [&str; 12] = [
        "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
    ];
    let (_, rest) = text.split_once(", ")?;
    let words: Vec<&str> = rest.split(' ').collect();
    let [day, month, year, time, "GMT"] = words[..] else {
        return None;
    };
    let month = MONTHS.iter().position(|name| *name == month)? + 1;
    let month = Month::try_from(u8::try_from(month).ok()?).ok()?;
    let date = Date::from_calendar_date(year.parse().ok()?, month, day.parse().ok()?).ok()?;
    let mut parts = time.split(':').map(|part| part.parse().ok());
    let (hour, minute, second) = (parts.next()??, parts.next()??, parts.next()??);
    let time = Time::from_hms(hour, minute, second).ok()?;
    Some(date.with_time(time).assume_utc())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_of_http_are_read() {
        let example = moment("Sun, 06 Nov 1994 08:49:37 GMT").map(OffsetDateTime::unix_timestamp);
        assert_eq!(example, Some(784_111_777));
        for text in [
            "",
            "Sun, 06 Nov 1994",
            "Sun, 06 Nov 1994 08:49:37 CET",
            "x, 1 2 3 4 GMT",
        ] {
            assert_eq!(moment(text), None, "{text:?}");
        }
    }
}
