//! A client in some language sends a request to azup's own server, with its own TLS stack: it
//! accepts the certificate or it does not, and only the client itself can tell.

use std::ffi::OsString;

use anyhow::Result;

use super::{AutoFix, Context, Finding};
use crate::failure::shown;
use crate::options::Kind;

/// The exit code with which azup's scripts say that a package is not installed.
pub(super) const NOT_INSTALLED: i32 = 77;

/// Makes a client request its own path. `store` is where it takes its CAs from.
pub(super) fn ask(
    context: &Context,
    client: &str,
    store: Kind,
    argv: impl FnOnce(&str) -> Vec<OsString>,
    input: Option<&str>,
) -> Result<Finding> {
    ask_as(context, client, store, argv, input, None)
}

/// The same for a program that has another name for people.
pub(super) fn ask_as(
    context: &Context,
    client: &str,
    store: Kind,
    argv: impl FnOnce(&str) -> Vec<OsString>,
    input: Option<&str>,
    name: Option<String>,
) -> Result<Finding> {
    let server = context.server()?;
    let argv = argv(&server.url(client));
    let program = name.unwrap_or_else(|| shown(argv[0].as_ref()));
    let done = context.program(&argv, input.map(str::as_bytes))?;
    if server.saw(client) {
        return Ok(Finding::ok(program));
    }
    if done.status.code() == Some(NOT_INSTALLED) {
        return Ok(Finding::skip(format!("{program} does not have it")));
    }
    let what = format!("{program}: {}", shortened(&done.last_words()));
    if !context.wants(store) {
        let of = store.name();
        let what = format!("it reads the store {of}, which was not asked for; {what}");
        return Ok(Finding::skip(what));
    }
    Ok(Finding::fail(what).fix("azup trust").mend(AutoFix::Trust))
}

/// Python's requests wraps OpenSSL's message in its own, three times.
fn shortened(words: &str) -> &str {
    match words.rfind("[SSL: ") {
        Some(start) => words[start..].trim_end_matches(['\'', '"', ')', ',']),
        None => words,
    }
}
