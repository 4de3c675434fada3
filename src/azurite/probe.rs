//! Is it Azurite, is it this version, does the chain verify, does a token open it?

use std::time::{Duration, Instant};

use anyhow::Result;

use super::process::Azurite;
use super::{ACCOUNT, ADDRESS, AzuriteOptions, Ports, Service, VERSION};
use crate::client::{Client, Refusal, Request, Response};
use crate::failure::{Failure, shown};
use crate::files::{hex, random};
use crate::identity::Token;
use crate::interrupt::Interrupt;

/// How long Azurite may take to answer. It needs 1 to 4 s (measured).
const LIMIT: Duration = Duration::from_secs(60);

/// The same for a test run, of which there may be dozens at once. The caller can end the wait
/// earlier.
const AT_ONCE: Duration = Duration::from_secs(600);

/// How long a server may take to serve a renewed certificate. It checks once a second.
const RENEWING: Duration = Duration::from_secs(5);

/// How often to try.
const POLL: Duration = Duration::from_millis(50);

/// A version of the storage API that every Azurite of recent years supports.
pub const API: &str = "2021-12-02";

/// What is stored and read back.
const CONTENT: &[u8] = b"azup was here\n";

/// Waits until all three services answer, each over verified TLS and with Azurite's own `Server`
/// header. Returns the TLS version.
pub fn wait_until_ready(
    client: &Client,
    azurite: &mut Azurite,
    wish: &AzuriteOptions,
    interrupt: &Interrupt,
) -> Result<&'static str> {
    let limit = if wish.until_eof { AT_ONCE } else { LIMIT };
    let until = Instant::now() + limit;
    let mut tls = "";
    for (service, port) in wish.ports.services() {
        loop {
            interrupt.check()?;
            if let Some(status) = azurite.ended()? {
                return Err(azurite.death(status, &wish.data).into());
            }
            match greet(client, service, port) {
                Ok(version) => {
                    tls = version;
                    break;
                }
                // Not listening yet, or kept from answering by a busy machine.
                Err(Greeting::Refused(Refusal::Closed | Refusal::Slow))
                    if Instant::now() < until => {}
                Err(why) => return Err(why.failure(service, port).into()),
            }
            std::thread::sleep(POLL);
        }
    }
    Ok(tls)
}

/// Checks once that all three services answer as they should. `client` makes a client with the
/// current CA, and is called again while a renewal is under way; the last client is returned.
pub fn check(at: Ports, client: impl FnMut() -> Result<Client>) -> Result<Client> {
    let (client, failure) = patiently(client, |client| {
        let mut services = at.services().into_iter();
        let failure = services
            .find_map(|(service, port)| Some((service, port, greet(client, service, port).err()?)));
        let renewed = matches!(&failure, Some((.., why)) if why.is_certificate());
        (failure, renewed)
    })?;
    match failure {
        None => Ok(client),
        Some((service, port, why)) => Err(why.failure(service, port).into()),
    }
}

/// Retries for as long as the certificate is the reason for the failure: a server picks up a
/// renewed one a moment after it was written.
fn patiently<T>(
    mut client: impl FnMut() -> Result<Client>,
    mut ask: impl FnMut(&Client) -> (T, bool),
) -> Result<(Client, T)> {
    let until = Instant::now() + RENEWING;
    loop {
        let client = client()?;
        let (answer, by_certificate) = ask(&client);
        if !by_certificate || Instant::now() >= until {
            return Ok((client, answer));
        }
        std::thread::sleep(POLL);
    }
}

/// What is on the three ports.
#[derive(Debug)]
pub enum Seen {
    /// Azurite, in any version.
    Azurite,
    /// Azurite on some; the failure of the first that is missing.
    Partly(Failure),
    /// Nothing.
    Nobody,
}

/// What answers on the three ports; `client` as for [`check`].
pub fn look(at: Ports, client: impl FnMut() -> Result<Client>) -> Result<Seen> {
    let (_, seen) = patiently(client, |client| {
        let (mut up, mut down) = (0, None);
        for (service, port) in at.services() {
            match greet(client, service, port) {
                Ok(_) | Err(Greeting::Version(_)) => up += 1,
                Err(why @ Greeting::Refused(Refusal::Closed)) => {
                    down.get_or_insert(why.failure(service, port));
                }
                Err(why) => {
                    let renewed = why.is_certificate();
                    return (Err(why.failure(service, port).into()), renewed);
                }
            }
        }
        let seen = match down {
            None => Seen::Azurite,
            Some(failure) if up > 0 => Seen::Partly(failure),
            Some(_) => Seen::Nobody,
        };
        (Ok(seen), false)
    })?;
    seen
}

/// Why a service is not what it should be.
#[derive(Debug)]
enum Greeting {
    Refused(Refusal),
    /// Azurite, but not the version that azup runs.
    Version(String),
    Stranger(String),
}

impl Greeting {
    fn is_certificate(&self) -> bool {
        matches!(self, Self::Refused(Refusal::Certificate(_)))
    }

    fn failure(self, service: Service, port: u16) -> Failure {
        let start = format!("{ADDRESS}:{port} is not azup's {} service", service.name());
        let why = match self {
            Self::Refused(why) => why.to_string(),
            Self::Version(why) | Self::Stranger(why) => why,
        };
        Failure::new(format!("{start}: {why}")).hint("azup down")
    }
}

/// Sends one anonymous request. Azurite answers 400, with its name and version.
fn greet(client: &Client, service: Service, port: u16) -> Result<&'static str, Greeting> {
    let request = Request {
        method: "GET",
        target: "/",
        headers: &[],
        body: &[],
    };
    let response = client.send(port, &request).map_err(Greeting::Refused)?;
    match response.header("Server") {
        Some(server) if server == format!("{}{VERSION}", service.server()) => Ok(response.tls),
        Some(server) if server.starts_with(service.server()) => Err(Greeting::Version(format!(
            "it is {}, not {}{VERSION}",
            safe(server),
            service.server()
        ))),
        Some(server) => Err(Greeting::Stranger(format!(
            "another server answers there ({})",
            safe(server)
        ))),
        None => Err(Greeting::Stranger(
            "another server answers there".to_owned(),
        )),
    }
}

/// Stores a blob in a new container with a token, reads it back and deletes it.
pub fn round_trip(client: &Client, port: u16, token: &Token) -> Result<()> {
    let container = format!("/{ACCOUNT}/azup-check-{}", hex(&random::<8>()));
    let blob = format!("{container}/blob");
    let whole = format!("{container}?restype=container");
    let bearer = format!("Bearer {}", token.text);
    let send = |what: &str, method: &str, target: &str, body: &[u8], expected: u16| {
        let request = Request {
            method,
            target,
            headers: &[
                ("Authorization", &bearer),
                ("x-ms-version", API),
                ("x-ms-blob-type", "BlockBlob"),
            ],
            body,
        };
        match client.send(port, &request) {
            Ok(response) if response.status == expected => Ok(response),
            Ok(response) => Err(failed(what, &words(&response))),
            Err(why) => Err(failed(what, &why.to_string())),
        }
    };
    send("creating a container", "PUT", &whole, b"", 201)?;
    let stored = send("storing a blob", "PUT", &blob, CONTENT, 201)
        .and_then(|_| send("reading a blob", "GET", &blob, b"", 200));
    // Deleted whatever happened before, but the first failure is the one to report.
    let deleted = send("deleting a container", "DELETE", &whole, b"", 202);
    let read = stored?;
    if read.body != CONTENT {
        return Err(failed("reading a blob", "it is not what was stored").into());
    }
    deleted?;
    Ok(())
}

fn failed(what: &str, why: &str) -> Failure {
    Failure::new(format!(
        "Azurite is up, but {what} over HTTPS with a token failed: {why}"
    ))
    .hint("azup up -v")
}

/// The server's reason: its status, its code and the first line of its message.
pub fn words(response: &Response) -> String {
    let text = String::from_utf8_lossy(&response.body);
    let between = |start: &str, end: &str| {
        let (_, rest) = text.split_once(start)?;
        Some(rest.split_once(end)?.0.lines().next()?.to_owned())
    };
    let message = between("<AuthenticationErrorDetail>", "<")
        .or_else(|| between("<Message>", "<"))
        .unwrap_or_default();
    let code = response.header("x-ms-error-code").unwrap_or_default();
    let all = [
        response.status.to_string().as_str(),
        &safe(code),
        &safe(&message),
    ]
    .join(" ");
    all.trim().to_owned()
}

/// What an unknown server sent, made safe for a terminal.
pub fn safe(text: &str) -> String {
    let short: String = text.chars().take(100).collect();
    if short.chars().any(char::is_control) {
        shown(short.as_ref())
    } else {
        short
    }
}

#[cfg(test)]
mod tests;
