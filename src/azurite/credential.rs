//! The endpoint for access tokens beside Azurite, in the same process. Azurite is worth
//! running without it, so whatever is in its way is told and no failure.

use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

use crate::failure::Failure;
use crate::identity::{self, Endpoint, Started};
use crate::machine::{Clock, Machine};
use crate::output::Output;

/// How often the place of another azup, which may end first, is tried.
const RETRY: Duration = Duration::from_secs(1);

/// What there is to tell about it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Identity {
    /// The value of `IDENTITY_ENDPOINT`; none where nobody answers.
    pub endpoint: Option<String>,
    /// Why nobody answers although it was asked for.
    trouble: Option<String>,
    /// The command that mends it.
    hint: Option<String>,
}

impl Identity {
    /// Says why nobody answers where that was asked for.
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

/// An endpoint that is served for as long as this lives, here or by another azup.
#[derive(Debug, Default)]
pub(super) struct Credential {
    here: Option<Endpoint>,
    /// What is needed to take over from another azup.
    elsewhere: Option<(u16, String, Clock)>,
    tried: Option<Instant>,
}

impl Credential {
    /// Serves on `port`, where one is asked for.
    pub(super) fn start(port: Option<u16>, machine: &Machine) -> (Self, Identity) {
        let Some(port) = port else {
            return Default::default();
        };
        let trouble = |what: String, hint: Option<&str>| {
            let identity = Identity {
                endpoint: None,
                trouble: Some(what),
                hint: hint.map(str::to_owned),
            };
            (Self::default(), identity)
        };
        let header = match identity::ensure_header(machine) {
            Ok(header) => header,
            Err(error) => return trouble(format!("{error:#}"), Failure::hint_of(&error)),
        };
        let listen = identity::loopback(port);
        let clock = machine.clock();
        let this = match identity::start(listen, &header, clock) {
            Ok(Started::Here(endpoint)) => Self {
                here: Some(endpoint),
                ..Self::default()
            },
            Ok(Started::Elsewhere) => Self {
                elsewhere: Some((port, header, clock)),
                ..Self::default()
            },
            Err(failure) => {
                let other = identity::other_port(port);
                let hint = format!("azup up --identity-port {other}");
                return trouble(failure.to_string(), Some(&hint));
            }
        };
        let identity = Identity {
            endpoint: Some(identity::url(listen)),
            ..Identity::default()
        };
        (this, identity)
    }

    /// Takes over where another azup has ended. To be called now and then.
    pub(super) fn keep(&mut self) {
        let Some((port, header, clock)) = &self.elsewhere else {
            return;
        };
        if self.tried.is_some_and(|tried| tried.elapsed() < RETRY) {
            return;
        }
        self.tried = Some(Instant::now());
        if let Ok(endpoint) = Endpoint::start(identity::loopback(*port), header, *clock) {
            self.here = Some(endpoint);
            self.elsewhere = None;
        }
    }
}
