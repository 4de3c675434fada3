//! One request in, one answer out, without any socket.
//!
//! A bad request gets 400 or 401; 404 or 500 would cost an SDK up to 20 seconds of retries
//! (measured). The table for refusing other resources is in `refusal`.

use std::net::Ipv4Addr;

use httparse::{EMPTY_HEADER, Status};
use ring::hmac;
use super::audience::{bare, may_be_handed_on};
use super::forward::Forwarder;
use super::header::FIXED;
use super::refusal::Form;
use super::reply::{Reply, bad, granted, refusal, unavailable};
use super::Service;
use super::token::{Token, token};
use crate::failure::quoted;
use crate::files::random;
use crate::machine::Clock;
use crate::os::Socket;
use crate::server::{Answer, LONGEST};

/// The address of Azure's own endpoint for virtual machines: clients that use another address
/// instead may still send this one as `Host`. It is link-local, so no web page can be there.
const IMDS: Ipv4Addr = Ipv4Addr::new(169, 254, 169, 254);

/// The most header fields that a request may have.
const FIELDS: usize = 100;

/// The rules by which a request is answered.
#[derive(Debug)]
pub(super) struct Rules {
    // The secrets themselves are not kept; comparing two tags takes the same time for every wrong
    // one.
    key: hmac::Key,
    lasting: hmac::Tag,
    /// The header of the clients that get more than local tokens, and the forwarder that gets
    /// these.
    drawn: Option<(hmac::Tag, Forwarder)>,
    audiences: Vec<String>,
    /// Whether to serve only clients that used one of this machine's own names.
    loopback_only: bool,
    clock: Clock,
}

/// A decision that can be made at once.
enum Decision {
    Grant(Token),
    Forward(String, Form),
}

/// What a secret gives access to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum SecretKind {
    Local,
    Forward,
}

/// How a client identifies itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Dialect {
    /// App Service (and Azure Machine Learning): a secret.
    AppService,
    /// Virtual machines: `Metadata: true`, which no browser sends on its own.
    Imds,
}

impl Rules {
    /// For clients that know a header of `service`. A byte to `wake` announces an answer to clients
    /// that wait.
    pub(super) fn new(service: &Service, loopback_only: bool, wake: Option<Socket>) -> Self {
        let key = hmac::Key::new(hmac::HMAC_SHA256, &random::<32>());
        let tag = |header: &str| hmac::sign(&key, header.as_bytes());
        // An endpoint that can be reached from the network never forwards the user's tokens.
        let forward = service.forward.as_ref().filter(|_| loopback_only);
        let drawn = forward.zip(wake).map(|(forward, wake)| {
            let forwarder = Forwarder::new(forward, service.clock, wake);
            (tag(&forward.header), forwarder)
        });
        Self {
            lasting: tag(&service.header),
            drawn,
            key,
            audiences: service.audiences.clone(),
            loopback_only,
            clock: service.clock,
        }
    }

    /// The answer to the request in `bytes`; `None` while its head is incomplete.
    pub(super) fn answer(&self, bytes: &[u8]) -> Option<Answer> {
        let mut fields = [EMPTY_HEADER; FIELDS];
        let mut request = httparse::Request::new(&mut fields);
        let reply = match request.parse(bytes) {
            Ok(Status::Partial) if bytes.len() < LONGEST => return None,
            Ok(Status::Partial) => bad("the request is too long"),
            Ok(Status::Complete(_)) => match self.decide(&request) {
                Ok(Decision::Grant(token)) => granted(&token, self.clock),
                Ok(Decision::Forward(resource, form)) => {
                    return Some(self.forward(resource, form));
                }
                Err(refused) => refused,
            },
            Err(_) => bad("this is not an HTTP request"),
        };
        Some(Answer::Now(reply.written(request.method == Some("HEAD"))))
    }

    fn forward(&self, resource: String, form: Form) -> Answer {
        let Some((_, forwarder)) = &self.drawn else {
            return Answer::Now(unavailable(form, "nothing is forwarded").written(false));
        };
        let (asked, clock) = (forwarder.ask(&resource), self.clock);
        let answer = move || {
            let reply = match asked.get()? {
                Ok(token) => granted(token, clock),
                Err(why) => {
                    unavailable(form, &format!("no token for {resource} to forward: {why}"))
                }
            };
            Some(reply.written(false))
        };
        match answer() {
            Some(answer) => Answer::Now(answer),
            None => Answer::Later(Box::new(answer)),
        }
    }

    /// What the given secret gives access to.
    fn rank(&self, given: &[u8]) -> Option<SecretKind> {
        let is = |tag: &hmac::Tag| hmac::verify(&self.key, given, tag.as_ref()).is_ok();
        if self.drawn.as_ref().is_some_and(|(tag, _)| is(tag)) {
            return Some(SecretKind::Forward);
        }
        let is_fixed = self.loopback_only && given == FIXED.as_bytes();
        (is_fixed || is(&self.lasting)).then_some(SecretKind::Local)
    }

    fn decide(&self, request: &httparse::Request<'_, '_>) -> Result<Decision, Reply> {
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
            return Err(bad("only GET is allowed"));
        }
        let field = |name: &str| {
            let mut fields = request.headers.iter();
            let field = fields.find(|field| field.name.eq_ignore_ascii_case(name))?;
            Some(field.value.trim_ascii())
        };
        check_sender(request.headers)?;
        let host = the_host(request.headers)?;
        let hosts = || authority.map(str::as_bytes).into_iter().chain([host]);
        if self.loopback_only && !hosts().all(is_this_machine) {
            return Err(bad("the host is not this machine"));
        }
        let secrets = ["X-IDENTITY-HEADER", "secret"].into_iter().filter_map(field);
        let rank = secrets.filter_map(|given| self.rank(given)).max();
        let may = match dialect {
            Dialect::AppService => rank.is_some(),
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
        let form = Form::of(field("User-Agent"));
        let refused = match token(&resource, &self.audiences, self.clock.now()) {
            Ok(token) => return Ok(Decision::Grant(token)),
            Err(error) => unavailable(form, &error.to_string()),
        };
        // A container may know the header of its host's process, but gains nothing from it.
        if rank == Some(SecretKind::Forward) && hosts().all(is_loopback) {
            let audience = bare(&resource);
            if !may_be_handed_on(audience) {
                let why = format!("{} is not a resource that az can be asked for", quoted(audience));
                return Err(unavailable(form, &why));
            }
            return Ok(Decision::Forward(audience.to_owned(), form));
        }
        Err(refused)
    }
}

/// Refuses requests that a browser sends on behalf of a page, which may ask this machine for
/// anything and under any name, and requests through a proxy, which may come from anywhere: the
/// real endpoint of Azure's virtual machines refuses `X-Forwarded-For` for that reason.
///
/// Pages cannot remove these fields. `Sec-Fetch-Mode` is not one of them, since Node.js's `fetch`
/// sends it as well.
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

/// The only `Host`. If there are two, a proxy in between may have checked the other.
fn the_host<'a>(fields: &[httparse::Header<'a>]) -> Result<&'a [u8], Reply> {
    let fields = fields.iter();
    let mut hosts = fields.filter(|field| field.name.eq_ignore_ascii_case("Host"));
    match (hosts.next(), hosts.next()) {
        (Some(host), None) if !host.value.trim_ascii().is_empty() => Ok(host.value.trim_ascii()),
        (Some(_), Some(_)) => Err(bad("there is more than one Host")),
        _ => Err(bad("the Host is missing")),
    }
}

/// The authority of a target in absolute form, which is meant for proxies, and the rest of it.
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

/// Whether a `Host` is one of this machine's own names, with or without a port. A page whose name
/// was rebound to 127.0.0.1 sends another.
fn is_this_machine(host: &[u8]) -> bool {
    // Docker's name for the machine that its containers run on, which no other party can own.
    is_loopback(host)
        || name(host).is_some_and(|name| {
            name.eq_ignore_ascii_case("host.docker.internal")
                || name.parse() == Ok(IMDS)
        })
}

/// Whether a `Host` is a name by which only this machine reaches itself.
fn is_loopback(host: &[u8]) -> bool {
    let Some(name) = name(host) else {
        return false;
    };
    if let Some(address) = name
        .strip_prefix('[')
        .and_then(|name| name.strip_suffix(']'))
    {
        let address = address.parse::<std::net::Ipv6Addr>();
        return address.is_ok_and(|address| address.to_canonical().is_loopback());
    }
    name.eq_ignore_ascii_case("localhost")
        || name
            .parse::<Ipv4Addr>()
            .is_ok_and(|address| address.is_loopback())
}

/// A `Host` without its port.
fn name(host: &[u8]) -> Option<&str> {
    let host = std::str::from_utf8(host).ok()?;
    let name = match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => host,
    };
    Some(name.strip_suffix('.').unwrap_or(name))
}

#[cfg(test)]
mod tests;
