//! The endpoint for access tokens beside Azurite, in the same process. Azurite is useful without
//! it, so any problem here is reported but is not a failure.

use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

use crate::azurite::AzuriteOptions;
use crate::failure::Failure;
use crate::identity::{self, Forward, HandedOn, Service, Started};
use crate::machine::Machine;
use crate::output::Output;
use crate::server::Server;

/// How often to retry the port of another azup, which may end first.
const RETRY: Duration = Duration::from_secs(1);

/// What is known about the endpoint.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Identity {
    /// The value of `IDENTITY_ENDPOINT`; `None` if no endpoint answers.
    pub endpoint: Option<String>,
    /// The logins that are asked for tokens of real services. The header that the endpoint requires
    /// is in no file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub forward: Option<String>,
    /// The resources for which a token was forwarded.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub forwarded: Vec<String>,
    /// The audiences, beside Azure Storage, for which local tokens are given.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub audiences: Vec<String>,
    /// Why no endpoint answers although one was requested.
    trouble: Option<String>,
    /// The command that fixes it.
    hint: Option<String>,
}

impl Identity {
    /// Why no endpoint answers, as a failure.
    pub fn failure(&self) -> Option<Failure> {
        let failure = Failure::new(format!("no local credential: {}", self.trouble.as_ref()?));
        Some(match &self.hint {
            Some(hint) => failure.hint(hint),
            None => failure,
        })
    }

    /// Warns that no endpoint answers, if one was requested.
    pub fn warn(&self, asked: bool, output: Output) {
        if let Some(trouble) = &self.trouble {
            output.warning(&format!("no local credential: {trouble}"));
            if let Some(hint) = &self.hint {
                output.hint(hint);
            }
        } else if asked && self.endpoint.is_none() {
            output.warning("no local credential: this Azurite was started with --no-identity");
            output.hint("azup down && azup up -d");
        }
    }
}

/// An endpoint that is served for as long as this value lives, here or by another azup.
#[derive(Debug, Default)]
pub struct Credential {
    here: Option<Server>,
    /// What is needed to take over from another azup.
    elsewhere: Option<(u16, Service)>,
    tried: Option<Instant>,
    /// The header of clients that get more than local tokens, to be printed once.
    pub drawn: Option<String>,
    handed_on: HandedOn,
}

impl Credential {
    /// Serves as `wish` says, if an endpoint is wanted at all.
    pub fn start(wish: &AzuriteOptions, machine: &Machine, output: Output) -> (Self, Identity) {
        let Some(port) = wish.identity else {
            return Default::default();
        };
        let trouble = |what: String, hint: Option<&str>| {
            let identity = Identity {
                trouble: Some(what),
                hint: hint.map(str::to_owned),
                ..Identity::default()
            };
            (Self::default(), identity)
        };
        let header = match identity::ensure_header(machine) {
            Ok(header) => header,
            Err(error) => return trouble(format!("{error:#}"), Failure::hint_of(&error)),
        };
        let listen = identity::loopback(port);
        let handed_on = HandedOn::default();
        let mut service = Service {
            audiences: wish.audiences.clone(),
            forward: wish.forward.clone().map(|login| Forward {
                header: identity::draw(),
                login,
                output,
                handed_on: handed_on.clone(),
            }),
            ..Service::local(&header, machine.clock())
        };
        let mut identity = Identity {
            // If the port is still to be found, the endpoint itself reports it.
            endpoint: Some(identity::url(listen)),
            ..Identity::default()
        };
        let this = match identity::start(listen, &service) {
            Ok(Started::Here(endpoint)) => {
                identity.endpoint = Some(identity::url(endpoint.address()));
                let forward = service.forward.take();
                identity.forward = forward.as_ref().map(|forward| forward.login.names());
                identity.audiences = service.audiences;
                Self {
                    here: Some(endpoint),
                    drawn: forward.map(|forward| forward.header),
                    handed_on,
                    ..Self::default()
                }
            }
            Ok(Started::Elsewhere) => {
                if service.forward.is_some() || !service.audiences.is_empty() {
                    let what = format!(
                        "another azup already answers on port {port}, and serves only the tokens \
                         that it was started for"
                    );
                    let other = identity::other_port(port);
                    return trouble(what, Some(&format!("azup up --identity-port {other}")));
                }
                Self {
                    elsewhere: Some((port, service)),
                    ..Self::default()
                }
            }
            Err(failure) => {
                let other = identity::other_port(port);
                let hint = format!("azup up --identity-port {other}");
                return trouble(failure.to_string(), Some(&hint));
            }
        };
        (this, identity)
    }

    /// The resources for which a token was forwarded, if there are more than `known`.
    pub fn handed_on_since(&self, known: &[String]) -> Option<Vec<String>> {
        let all = self.handed_on.resources();
        (all.len() > known.len()).then_some(all)
    }

    /// Takes over when another azup has ended. Call it now and then.
    pub fn keep(&mut self) {
        let Some((port, service)) = &self.elsewhere else {
            return;
        };
        if self.tried.is_some_and(|tried| tried.elapsed() < RETRY) {
            return;
        }
        self.tried = Some(Instant::now());
        if let Ok(endpoint) = identity::serve(identity::loopback(*port), service) {
            self.here = Some(endpoint);
            self.elsewhere = None;
        }
    }
}
