//! What `DefaultAzureCredential` will find: azup's endpoint, a leftover that takes precedence, or
//! `az`.

use std::ffi::OsString;

use anyhow::Result;
use serde_json::Value;

use super::azurite::{blob, none, takes};
use super::{Check, Context, Finding, Run};
use crate::azurite;

/// The command that gives a shell the current variables.
const ENV: &str = "eval \"$(azup env)\"";

/// The variables of `EnvironmentCredential` that hold a secret. It comes first in the chain and
/// ends the chain when it fails (measured).
const SECRETS: [&str; 5] = [
    "AZURE_CLIENT_SECRET",
    "AZURE_CLIENT_CERTIFICATE_PATH",
    "AZURE_USERNAME",
    "AZURE_PASSWORD",
    "AZURE_FEDERATED_TOKEN_FILE",
];

/// Set only in Service Fabric.
const THUMBPRINT: &str = "IDENTITY_SERVER_THUMBPRINT";

/// Where programs look for the blob service.
const BLOB: &str = "AZURE_STORAGE_BLOB_ENDPOINT";

pub(super) const CHECKS: &[Check] = &[
    Check {
        id: "credential-variables",
        title: "no variable of another login overrides the local credential",
        explained_by: &[],
        starts_program: false,
        run: Run::Check(variables),
    },
    Check {
        id: "credential-endpoint",
        title: "the endpoint of IDENTITY_ENDPOINT gives tokens",
        explained_by: &[],
        starts_program: false,
        run: Run::Check(endpoint),
    },
    Check {
        id: "credential-token",
        title: "Azurite accepts the endpoint's token",
        explained_by: &[
            "clock",
            "azurite-ports",
            "azurite-running",
            "azurite-https",
            "azurite-oauth",
            "credential-endpoint",
        ],
        starts_program: false,
        run: Run::Check(token),
    },
    Check {
        id: "credential-az",
        title: "az gives a token if nothing else does",
        explained_by: &[],
        starts_program: true,
        run: Run::Check(az),
    },
];

fn variables(context: &Context) -> Result<Finding> {
    let set = |name: &&str| context.machine.var(name).is_some();
    let found: Vec<&str> = SECRETS.into_iter().filter(|name| set(name)).collect();
    if found.is_empty() {
        return Ok(Finding::ok("none is set"));
    }
    let names = found.join(", ");
    let only = context.machine.var("AZURE_TOKEN_CREDENTIALS");
    if only.is_some_and(|value| value == "ManagedIdentityCredential") {
        return Ok(Finding::ok(format!(
            "{names}: passed over because of AZURE_TOKEN_CREDENTIALS"
        )));
    }
    let fix = format!("unset {}", found.join(" "));
    let whole = ["AZURE_CLIENT_ID", "AZURE_TENANT_ID"].iter().all(set);
    let what = format!("DefaultAzureCredential tries this first: {names}");
    Ok(if whole {
        Finding::fail(what).fix(fix)
    } else {
        Finding::warn(format!("{what} (incomplete)")).fix(fix)
    })
}

/// A token from the endpoint that the variables name, or the finding that there is none.
fn fetch(context: &Context) -> Result<String, Finding> {
    let text = |name: &str| {
        let value = context.machine.var(name)?;
        Some(value.to_string_lossy().into_owned())
    };
    let Some(url) = text("IDENTITY_ENDPOINT") else {
        return Err(Finding::skip(
            "IDENTITY_ENDPOINT is not set in this shell: azup run and azup env set it",
        ));
    };
    // SDKs then use the protocol of Service Fabric, over HTTPS.
    if context.machine.var(THUMBPRINT).is_some() {
        let what = format!("{THUMBPRINT} makes SDKs treat azup's endpoint as Service Fabric's");
        return Err(Finding::fail(what).fix(format!("unset {THUMBPRINT}")));
    }
    let Some(header) = text("IDENTITY_HEADER") else {
        let what = "IDENTITY_ENDPOINT is set and IDENTITY_HEADER is not";
        return Err(Finding::fail(what).fix(ENV));
    };
    let plain = url.strip_prefix("http://");
    let Some((host, path)) = plain.map(|rest| rest.split_once('/').unwrap_or((rest, ""))) else {
        return Err(Finding::skip(format!(
            "IDENTITY_ENDPOINT is {url}, which is not azup's"
        )));
    };
    let target = format!("/{path}?api-version=2019-08-01&resource=https%3A%2F%2Fstorage.azure.com");
    let headers = [("X-IDENTITY-HEADER", header.as_str()), ("Metadata", "true")];
    let reply = match azurite::get_plain(host, &target, &headers, context.limit) {
        Ok(reply) => reply,
        Err(why) => {
            let what = format!(
                "azup is not running: IDENTITY_ENDPOINT is {url}, but {why:#}; .NET retries for \
                 23 seconds, and its message does not say why"
            );
            return Err(Finding::fail(what).fix(context.up()));
        }
    };
    if matches!(reply.status, 401 | 403) {
        let what = format!(
            "{url} does not accept this IDENTITY_HEADER ({})",
            reply.status
        );
        return Err(Finding::fail(what).fix(ENV));
    }
    let answer: Value = serde_json::from_slice(&reply.body).unwrap_or_default();
    match answer["access_token"].as_str() {
        Some(token) if reply.status == 200 => Ok(token.to_owned()),
        _ => {
            let what = format!("{url} gives no token for Azure Storage ({})", reply.status);
            Err(Finding::fail(what).fix(ENV))
        }
    }
}

fn endpoint(context: &Context) -> Result<Finding> {
    Ok(match fetch(context) {
        Ok(_) if context.machine.var(BLOB).is_none() => {
            let what = format!(
                "it gives a token for Azure Storage, but {BLOB} is not set: programs do not find Azurite"
            );
            Finding::warn(what).fix(ENV)
        }
        Ok(_) => Finding::ok("it gives a token for Azure Storage"),
        Err(finding) => finding,
    })
}

fn token(context: &Context) -> Result<Finding> {
    let token = match fetch(context) {
        Ok(token) => token,
        Err(finding) => return Ok(finding),
    };
    if blob(context)?.is_none() {
        return Ok(none());
    }
    Ok(match takes(context, &token)? {
        Ok(()) => Finding::ok("a request with it succeeds"),
        Err(why) => Finding::fail(format!("Azurite refuses it: {why}")).fix(ENV),
    })
}

fn az(context: &Context) -> Result<Finding> {
    if context.machine.var("IDENTITY_ENDPOINT").is_some() {
        return Ok(Finding::skip("IDENTITY_ENDPOINT is set and comes first"));
    }
    let Some(az) = context.machine.find("az") else {
        return Ok(Finding::skip("az is not installed"));
    };
    let words: Vec<OsString> = [
        az.into_os_string(),
        "account".into(),
        "get-access-token".into(),
        "--resource".into(),
        "https://storage.azure.com".into(),
        "--query".into(),
        "tokenType".into(),
        "--output".into(),
        "tsv".into(),
    ]
    .into();
    let why = match context.program(&words, None) {
        Ok(done) if done.status.success() => return Ok(Finding::ok("it does")),
        Ok(done) => done.last_words(),
        Err(error) => format!("{error:#}"),
    };
    Ok(Finding::warn(format!(
        "IDENTITY_ENDPOINT is not set in this shell, and az gives no token: {why}"
    ))
    .fix(ENV))
}
