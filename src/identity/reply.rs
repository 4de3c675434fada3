//! A reply as the bytes to send.

use serde_json::{Value, json};

use super::refusal::{self, Form};
use super::token::{NOBODY, Token};
use crate::machine::Clock;

/// The name in the `Server` header, by which azup recognises its own endpoint.
pub(super) const SERVER: &str = "azup";

/// A status and its body.
#[derive(Debug)]
pub(super) struct Reply {
    status: &'static str,
    body: Body,
}

#[derive(Debug)]
enum Body {
    Json(Value),
    Text(String),
}

/// A reply that suits every SDK: some read `expires_on`, some `expires_in`, and all accept digits
/// in a string.
pub(super) fn granted(token: &Token, clock: Clock) -> Reply {
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

pub(super) fn bad(why: &str) -> Reply {
    refusal("400 Bad Request", why)
}

/// Says in `form` that there is no token for this resource.
pub(super) fn unavailable(form: Form, why: &str) -> Reply {
    let why = refusal::message(why);
    match form {
        Form::Document => bad(&why),
        Form::Text => Reply {
            status: "200 OK",
            body: Body::Text(why),
        },
    }
}

/// In both dialects: `message` is App Service's, the rest IMDS's.
pub(super) fn refusal(status: &'static str, why: &str) -> Reply {
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
    pub(super) fn written(&self, head_only: bool) -> Vec<u8> {
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
