//! One request in, one answer out, without any socket.
//!
//! A request that is wrong gets 400 or 401; 404 or 500 would cost an SDK up to 20 seconds of
//! attempts (measured). How another resource is refused is a table of its own.

use std::net::Ipv4Addr;

use httparse::{EMPTY_HEADER, Status};
use ring::hmac;
use serde_json::{Value, json};

use super::refusal::{self, Form};
use super::token::{NOBODY, Token, token};
use crate::files::random;
use crate::machine::Clock;

/// The name in the `Server` header, by which azup knows its own.
pub(super) const SERVER: &str = "azup";

/// The longest head of a request that is read (bytes).
pub(super) const LONGEST: usize = 16 << 10;

/// The address of Azure's own endpoint for virtual machines: clients that take another
/// address for it may go on naming this one. It is link-local, so no page can be there.
const IMDS: Ipv4Addr = Ipv4Addr::new(169, 254, 169, 254);

/// The most header fields that a request may have.
const FIELDS: usize = 100;

/// What decides about a request.
#[derive(Debug)]
pub(super) struct Rules {
    // The secret itself is not kept; comparing two of these takes the same time for every
    // wrong one.
    key: hmac::Key,
    expected: hmac::Tag,
    /// Whether only clients are served that came here by a name of this machine itself.
    loopback_only: bool,
    clock: Clock,
}

/// A status and what it is said with.
#[derive(Debug)]
struct Reply {
    status: &'static str,
    body: Body,
}

#[derive(Debug)]
enum Body {
    Json(Value),
    Text(String),
}

/// How a client says who it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Dialect {
    /// App Service (and Azure Machine Learning): a secret.
    AppService,
    /// Virtual machines: `Metadata: true`, which no browser sends unasked.
    Imds,
}

impl Rules {
    /// For clients that know `header`.
    pub(super) fn new(header: &str, loopback_only: bool, clock: Clock) -> Self {
        let key = hmac::Key::new(hmac::HMAC_SHA256, &random::<32>());
        Self {
            expected: hmac::sign(&key, header.as_bytes()),
            key,
            loopback_only,
            clock,
        }
    }

    /// The whole answer to the request in `bytes`; `None` while its head is not whole.
    pub(super) fn answer(&self, bytes: &[u8]) -> Option<Vec<u8>> {
        let mut fields = [EMPTY_HEADER; FIELDS];
        let mut request = httparse::Request::new(&mut fields);
        let reply = match request.parse(bytes) {
            Ok(Status::Partial) if bytes.len() < LONGEST => return None,
            Ok(Status::Partial) => bad("the request is too long"),
            Ok(Status::Complete(_)) => match self.decide(&request) {
                Ok(token) => granted(&token, self.clock),
                Err(refused) => refused,
            },
            Err(_) => bad("this is no HTTP request"),
        };
        Some(reply.written(request.method == Some("HEAD")))
    }

    fn decide(&self, request: &httparse::Request<'_, '_>) -> Result<Token, Reply> {
        let target = request.path.unwrap_or_default();
        let (authority, target) = split_absolute(target);
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        // Some clients end an address with a slash and some begin a path with one.
        let segments: Vec<&str> = path.split('/').filter(|part| !part.is_empty()).collect();
        let dialect = match segments[..] {
            ["msi", "token"] => Dialect::AppService,
            ["metadata", "identity", "oauth2", "token"] => Dialect::Imds,
            _ => return Err(bad("no such path; tokens are at /msi/token")),
        };
        if request.method != Some("GET") {
            return Err(bad("tokens are for GET only"));
        }
        let field = |name: &str| {
            let mut fields = request.headers.iter();
            let field = fields.find(|field| field.name.eq_ignore_ascii_case(name))?;
            Some(field.value.trim_ascii())
        };
        check_sender(request.headers)?;
        let host = the_host(request.headers)?;
        if self.loopback_only {
            let mut hosts = authority.map(str::as_bytes).into_iter().chain([host]);
            if !hosts.all(is_this_machine) {
                return Err(bad("the host is not this machine"));
            }
        }
        let may = match dialect {
            Dialect::AppService => ["X-IDENTITY-HEADER", "secret"]
                .into_iter()
                .filter_map(field)
                .any(|given| hmac::verify(&self.key, given, self.expected.as_ref()).is_ok()),
            Dialect::Imds => {
                field("Metadata").is_some_and(|value| value.eq_ignore_ascii_case(b"true"))
            }
        };
        if !may {
            return Err(refusal(
                "401 Unauthorized",
                match dialect {
                    Dialect::AppService => "X-IDENTITY-HEADER is missing or wrong",
                    Dialect::Imds => "the header Metadata: true is missing",
                },
            ));
        }
        let resource = form_urlencoded::parse(query.as_bytes())
            .find(|(name, _)| name == "resource")
            .map(|(_, value)| value)
            .ok_or_else(|| bad("the resource is missing"))?;
        token(&resource, self.clock.now())
            .map_err(|error| unavailable(Form::of(field("User-Agent")), &error.to_string()))
    }
}

/// Refuses what a browser sends on behalf of a page, which may ask this machine for
/// anything and under any name, and what a proxy passes on, which may come from anywhere:
/// the real endpoint of Azure's virtual machines refuses `X-Forwarded-For` for that.
///
/// Pages cannot take these fields away. Node.js's `fetch` sends `Sec-Fetch-Mode` as well, so
/// that one says nothing.
fn check_sender(fields: &[httparse::Header<'_>]) -> Result<(), Reply> {
    for field in fields {
        let name = field.name.to_ascii_lowercase();
        let of_browser = matches!(&*name, "origin" | "referer")
            || name.starts_with("sec-") && name != "sec-fetch-mode";
        if of_browser {
            return Err(bad(&format!(
                "web pages get no token ({} is set)",
                field.name
            )));
        }
        let of_proxy =
            matches!(&*name, "forwarded" | "via" | "x-real-ip") || name.starts_with("x-forwarded-");
        if of_proxy {
            let why = format!("forwarded requests get no token ({} is set)", field.name);
            return Err(bad(&why));
        }
    }
    Ok(())
}

/// The one `Host`. With two of them, what stands in between may have looked at the other.
fn the_host<'a>(fields: &[httparse::Header<'a>]) -> Result<&'a [u8], Reply> {
    let fields = fields.iter();
    let mut hosts = fields.filter(|field| field.name.eq_ignore_ascii_case("Host"));
    match (hosts.next(), hosts.next()) {
        (Some(host), None) if !host.value.trim_ascii().is_empty() => Ok(host.value.trim_ascii()),
        (Some(_), Some(_)) => Err(bad("there is more than one Host")),
        _ => Err(bad("the Host is missing")),
    }
}

/// The answer that suits every SDK: some read `expires_on`, some `expires_in`, and all
/// take digits in a string.
fn granted(token: &Token, clock: Clock) -> Reply {
    let left = token.expires_on - clock.now().unix_timestamp();
    Reply {
        status: "200 OK",
        body: Body::Json(json!({
            "access_token": token.text,
            "token_type": "Bearer",
            "resource": token.resource,
            "client_id": NOBODY,
            "expires_on": token.expires_on.to_string(),
            "expires_in": left.to_string()
        })),
    }
}

fn bad(why: &str) -> Reply {
    refusal("400 Bad Request", why)
}

/// Says in `form` that there is no token for this resource.
fn unavailable(form: Form, why: &str) -> Reply {
    let why = refusal::message(why);
    match form {
        Form::Document => bad(&why),
        Form::Text => Reply {
            status: "200 OK",
            body: Body::Text(why),
        },
    }
}

/// In the words of both dialects: `message` is App Service's, the rest IMDS's.
fn refusal(status: &'static str, why: &str) -> Reply {
    let code: Option<u16> = status.split(' ').next().and_then(|code| code.parse().ok());
    Reply {
        status,
        body: Body::Json(json!({
            "statusCode": code,
            "message": why,
            "error": "invalid_request",
            "error_description": why
        })),
    }
}

impl Reply {
    fn written(&self, head_only: bool) -> Vec<u8> {
        let (kind, body) = match &self.body {
            Body::Json(value) => ("application/json", value.to_string()),
            Body::Text(text) => ("text/plain; charset=utf-8", text.clone()),
        };
        let mut bytes = format!(
            "HTTP/1.1 {}\r\nServer: {SERVER}/{}\r\nContent-Type: {kind}\r\n\
             Content-Length: {}\r\nCache-Control: no-store\r\nConnection: close\r\n\r\n",
            self.status,
            env!("CARGO_PKG_VERSION"),
            body.len()
        )
        .into_bytes();
        if !head_only {
            bytes.extend_from_slice(body.as_bytes());
        }
        bytes
    }
}

/// The authority of a target in the form that is meant for proxies, and the rest of it.
fn split_absolute(target: &str) -> (Option<&str>, &str) {
    let scheme = b"http://";
    let absolute = target
        .as_bytes()
        .get(..scheme.len())
        .is_some_and(|start| start.eq_ignore_ascii_case(scheme));
    if !absolute {
        return (None, target);
    }
    let rest = &target[scheme.len()..];
    let end = rest.find(['/', '?']).unwrap_or(rest.len());
    (Some(&rest[..end]), &rest[end..])
}

/// Whether a `Host` is one of this machine's own names, with or without a port. A page
/// whose name was turned to 127.0.0.1 has another one.
fn is_this_machine(host: &[u8]) -> bool {
    let Ok(host) = std::str::from_utf8(host) else {
        return false;
    };
    let name = match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => host,
    };
    let name = name.strip_suffix('.').unwrap_or(name);
    if let Some(address) = name
        .strip_prefix('[')
        .and_then(|name| name.strip_suffix(']'))
    {
        let address = address.parse::<std::net::Ipv6Addr>();
        return address.is_ok_and(|address| address.to_canonical().is_loopback());
    }
    // Docker's name for the machine that its containers run on, which nobody else can own.
    ["localhost", "host.docker.internal"]
        .iter()
        .any(|own| name.eq_ignore_ascii_case(own))
        || name
            .parse::<Ipv4Addr>()
            .is_ok_and(|address| address.is_loopback() || address == IMDS)
}

#[cfg(test)]
mod tests;
