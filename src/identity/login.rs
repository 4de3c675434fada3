//! The user's own login to Azure: `az` or `azd`, asked for a token of a real service.
//!
//! Their token opens that service, so nothing in a repository may influence them. They are found
//! only through absolute PATH entries outside the project, and run in `/`, without variables that
//! load code into Python (pip's `az` is `python -m azure.cli`) or name settings in the project, and
//! without azup's own variables, which would make them ask azup.

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use anyhow::Result;
use serde_json::Value;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::audience::may_be_handed_on;
use super::program::{self, End};
use super::token::{Token, expiry};
use crate::failure::{Failure, in_one_line, shown};
use crate::machine::Machine;
use crate::options::Forward;

/// How long all of them together may take.
const LIMIT: Duration = Duration::from_secs(15);

/// How long (seconds) a token without a stated expiry is treated as valid.
const SHORT: i64 = 300;

/// How much of a program's error message is passed on (characters).
const WORDS: usize = 600;

/// Folders with settings, with extensions that are code, and for logs.
const FOLDERS: [&str; 5] = [
    "AZD_CONFIG_DIR",
    "AZURE_CONFIG_DIR",
    "AZURE_EXTENSION_DIR",
    "AZURE_EXTENSION_SYS_DIR",
    "AZURE_LOGGING_LOG_DIR",
];

/// Variables that say which CAs they trust. They send the login itself, and a party that can plant
/// a CA may also be able to plant a proxy.
const TRUST: [&str; 5] = [
    "CURL_CA_BUNDLE",
    "NODE_EXTRA_CA_CERTS",
    "REQUESTS_CA_BUNDLE",
    "SSL_CERT_DIR",
    "SSL_CERT_FILE",
];

/// The programs that can give a token.
#[derive(Clone, Debug)]
pub struct Login {
    programs: Vec<(Forward, PathBuf)>,
    machine: Machine,
}

impl Login {
    /// The programs that `wish` names or, if it is `None`, those that are installed, `az` first;
    /// none if `CI` is set, since CI has no login, or one that everyone shares. `machine` is
    /// without azup's variables.
    pub fn find(wish: Option<Forward>, machine: &Machine) -> Result<Option<Self>> {
        let wanted: &[Forward] = match wish {
            Some(Forward::None) => &[],
            Some(Forward::Az) => &[Forward::Az],
            Some(Forward::Azd) => &[Forward::Azd],
            None if machine.var("CI").is_some() => &[],
            None => &[Forward::Az, Forward::Azd],
        };
        let programs: Vec<(Forward, PathBuf)> = wanted
            .iter()
            .filter_map(|&one| Some((one, found(one.name(), machine)?)))
            .collect();
        if let (Some(wish), true) = (wish.filter(|_| !wanted.is_empty()), programs.is_empty()) {
            let name = wish.name();
            return Err(Failure::new(format!(
                "cannot ask {name} for tokens: it is not on PATH outside of the project"
            ))
            .hint(format!("command -v {name}"))
            .into());
        }
        Ok((!programs.is_empty()).then(|| Self {
            programs,
            machine: neutral(machine),
        }))
    }

    /// The names of these programs, such as `az`.
    pub fn names(&self) -> String {
        let names = self.programs.iter().map(|(one, _)| one.name());
        names.collect::<Vec<_>>().join(", ")
    }

    /// A token for `resource` and the program that gave it, or why there is none. Takes at most
    /// [`LIMIT`], and ends early if `stop` is set.
    pub(super) fn ask(
        &self,
        resource: &str,
        now: OffsetDateTime,
        stop: &AtomicBool,
    ) -> Result<(Token, String), String> {
        if !may_be_handed_on(resource) {
            return Err("not a name that can be passed to az".to_owned());
        }
        let until = std::time::Instant::now() + LIMIT;
        let mut why = None;
        for (one, path) in &self.programs {
            let left = until.saturating_duration_since(std::time::Instant::now());
            let name = one.name();
            let end = program::run(path, &words(*one, resource), &self.machine, left, stop);
            match answered(*one, end, resource, now) {
                Ok(token) => return Ok((token, format!("{name} ({})", shown(path)))),
                // The first program's reason: that is the one the user means.
                Err(reason) => why = why.or(Some(format!("{name}: {reason}"))),
            }
        }
        Err(why.unwrap_or_default())
    }
}

/// The arguments. The resource is part of an argument, so it cannot be taken for an option.
fn words(one: Forward, resource: &str) -> Vec<OsString> {
    let all: Vec<String> = match one {
        Forward::Azd => vec![
            "auth".into(),
            "token".into(),
            format!("--scope={resource}/.default"),
            "--output=json".into(),
            "--no-prompt".into(),
        ],
        _ => vec![
            "account".into(),
            "get-access-token".into(),
            format!("--resource={resource}"),
            "--output=json".into(),
        ],
    };
    all.into_iter().map(OsString::from).collect()
}

/// A program from an absolute PATH entry that is not in the project, not even through a link.
fn found(name: &str, machine: &Machine) -> Option<PathBuf> {
    std::env::split_paths(machine.var("PATH")?)
        .filter(|folder| machine.is_outside(folder))
        .filter_map(|folder| which::which_in(name, Some(folder), "/").ok())
        .find(|path| machine.is_outside(path))
}

/// The machine as these programs see it.
fn neutral(machine: &Machine) -> Machine {
    machine.with_variables(|name, value| {
        let text = name.to_string_lossy();
        if text.starts_with("PYTHON") || text == "AZURE_EXTENSION_DEV_SOURCES" {
            return None;
        }
        if text == "PATH" {
            let folders = std::env::split_paths(value);
            let outside = folders.filter(|folder| machine.is_outside(folder));
            return std::env::join_paths(outside).ok();
        }
        let is_folder = FOLDERS.contains(&&*text);
        if is_folder && !machine.is_outside(Path::new(value)) {
            return None;
        }
        let mut trusted = std::env::split_paths(value).map(|path| machine.absolute(&path));
        if TRUST.contains(&&*text) && !trusted.all(|path| machine.is_outside(&path)) {
            return None;
        }
        Some(OsStr::to_owned(value))
    })
}

/// The result of a program that has ended.
fn answered(
    one: Forward,
    end: Result<End, String>,
    resource: &str,
    now: OffsetDateTime,
) -> Result<Token, String> {
    let end = end?;
    if !end.status.success() {
        return Err(reason(&end));
    }
    let document: Value = serde_json::from_slice(end.stdout.trim_ascii())
        .map_err(|_| "it printed no JSON document".to_owned())?;
    let (token, until) = match one {
        Forward::Azd => (&document["token"], &document["expiresOn"]),
        _ => (&document["accessToken"], &document["expires_on"]),
    };
    let text = token
        .as_str()
        .filter(|text| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic()))
        .ok_or("it printed no token")?;
    let seconds = until
        .as_i64()
        .or_else(|| until.as_str()?.parse().ok())
        .or_else(|| Some(OffsetDateTime::parse(until.as_str()?, &Rfc3339).ok()?.unix_timestamp()))
        // Before version 2.54, az gave the expiry only in local time.
        .or_else(|| expiry(text));
    let expires_on = seconds.unwrap_or(now.unix_timestamp() + SHORT);
    if expires_on <= now.unix_timestamp() {
        return Err("the token that it printed has expired".to_owned());
    }
    Ok(Token {
        text: text.to_owned(),
        resource: resource.to_owned(),
        expires_on,
    })
}

/// Its error message: from the first error on, without warnings, in one line.
fn reason(end: &End) -> String {
    let text = String::from_utf8_lossy(&end.stderr);
    let lines = text.lines().map(str::trim);
    let lines: Vec<&str> = lines
        .filter(|line| !line.is_empty() && !line.starts_with("WARNING"))
        .collect();
    let first = lines.iter().position(|line| line.starts_with("ERROR"));
    let words = lines[first.unwrap_or(0)..].join(" ");
    let words = words.strip_prefix("ERROR:").unwrap_or(&words).trim();
    if words.is_empty() {
        return format!("it gave no reason ({})", end.status);
    }
    in_one_line(&words.chars().take(WORDS).collect::<String>())
}

#[cfg(test)]
mod tests;
