//! Surroundings that break the chain: the clock, proxies, settings for the legacy emulator.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use anyhow::Result;
use time::Duration;

use super::azurite::services;
use super::{Check, Context, Finding, Run};
use crate::certificates::{day, moment};
use crate::environment;
use crate::files;
use crate::project::notices::{self, Notice};

/// How far apart two clocks may be. Azurite itself tolerates no difference; azup's tokens are
/// backdated by five minutes.
const SKEW: Duration = Duration::seconds(60);

/// The variables that send requests to a proxy, each also in lower case.
const PROXIES: [&str; 3] = ["HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"];

/// Before the certificates, whose dates mean nothing if the clock is wrong.
pub(super) const CLOCK: &[Check] = &[Check {
    id: "clock",
    title: "this machine's clock is right",
    explained_by: &[],
    starts_program: false,
    run: Run::Check(clock),
}];

pub(super) const CHECKS: &[Check] = &[
    Check {
        id: "proxy",
        title: "no proxy stands between programs and 127.0.0.1",
        explained_by: &[],
        starts_program: false,
        run: Run::Check(proxy),
    },
    Check {
        id: "settings",
        title: "settings that name Azurite use https",
        explained_by: &[],
        starts_program: false,
        run: Run::Check(settings),
    },
];

/// The title if a setting is reported.
const ELSEWHERE: &str = "some settings use plain http, over which tokens do not work, or leave this machine";

/// Only an administrator, or the host of a virtual machine, can do it.
const SET_CLOCK: &str = "set this machine's clock; azup cannot";

fn clock(context: &Context) -> Result<Finding> {
    let now = context.machine.now().replace_nanosecond(0)?;
    let seen = services(context)?;
    let theirs = seen.iter().find_map(|(_, _, seen)| seen.date);
    if let Some(theirs) = theirs {
        let apart = (theirs - now).abs();
        let (now, then) = (moment(now), moment(theirs));
        if apart > SKEW {
            let what = format!("it is {now} here, and {then} for Azurite");
            return Ok(Finding::fail(what).by_hand(SET_CLOCK));
        }
        return Ok(Finding::ok(format!("{then}, as for Azurite")));
    }
    if let Some(ca) = context.ca()
        && ca.is_ours()
        && now < ca.not_before
    {
        let what = format!(
            "it is {} here, and the CA was made after {}",
            moment(now),
            day(ca.not_before)
        );
        return Ok(Finding::fail(what).by_hand(SET_CLOCK));
    }
    Ok(Finding::ok(moment(now)))
}

fn proxy(context: &Context) -> Result<Finding> {
    let either = |name: &str| {
        let lower = name.to_ascii_lowercase();
        let found = [name, lower.as_str()].map(|name| context.machine.var(name));
        found.into_iter().flatten().next().map(OsStr::to_os_string)
    };
    let set: Vec<&str> = PROXIES
        .into_iter()
        .filter(|name| either(name).is_some())
        .collect();
    if set.is_empty() {
        return Ok(Finding::ok("none is set"));
    }
    // Programs differ in which of the two they read.
    let goes_round = |name: &str| {
        let value = context
            .machine
            .var(name)
            .unwrap_or_default()
            .to_string_lossy();
        value.split(',').map(str::trim).any(|entry| {
            matches!(entry, "*" | "127.0.0.1" | "127.0.0.0/8") || entry.starts_with("127.0.0.1:")
        })
    };
    let names = ["NO_PROXY", "no_proxy"];
    let there: Vec<&str> = names
        .into_iter()
        .filter(|name| context.machine.var(name).is_some())
        .collect();
    if !there.is_empty() && there.iter().all(|name| goes_round(name)) {
        return Ok(Finding::ok(format!(
            "{} leaves 127.0.0.1 out",
            there.join(", ")
        )));
    }
    Ok(Finding::fail(format!(
        "{} is set, and NO_PROXY does not include 127.0.0.1",
        set.join(", ")
    ))
    .fix(
        "export NO_PROXY=\"127.0.0.1,localhost,$NO_PROXY\" no_proxy=\"127.0.0.1,localhost,$no_proxy\"",
    ))
}

/// The files in which Functions and VS Code look for settings.
fn files_of(folder: &Path) -> Vec<PathBuf> {
    let mut folders = vec![folder.to_owned()];
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    folders.extend(
        entries
            .map(|entry| entry.path())
            .filter(|path| path.join("host.json").is_file()),
    );
    let names = ["local.settings.json", ".env"];
    folders
        .iter()
        .flat_map(|folder| names.map(|name| folder.join(name)))
        .collect()
}

fn settings(context: &Context) -> Result<Finding> {
    let (mut found, mut unread) = (Vec::new(), Vec::new());
    let cwd = context.machine.cwd();
    for file in files_of(cwd) {
        let bytes = match files::read_if_there(&file) {
            Ok(bytes) => bytes.unwrap_or_default(),
            // Password managers provide a `.env` that is a FIFO: reading it prompts the user.
            Err(error) => {
                unread.push(format!("{error:#}"));
                continue;
            }
        };
        let path = file.strip_prefix(cwd).unwrap_or(&file);
        found.extend(notices::settings_in(path, &String::from_utf8_lossy(&bytes)));
    }
    let more = context.told().settings.iter();
    let more: Vec<Notice> = more.filter(|one| !found.contains(one)).cloned().collect();
    found.extend(more);
    let away = environment::leading_away(&context.machine);
    let Some(first) = found.first() else {
        if let Some(away) = away {
            let fix = away.own_hint().unwrap_or_default().to_owned();
            return Ok(Finding::warn(away.to_string()).titled(ELSEWHERE).fix(fix));
        }
        if !unread.is_empty() {
            return Ok(Finding::skip(unread.join("\n")));
        }
        return Ok(Finding::ok("all of them do"));
    };
    let mut lines: Vec<String> = found.iter().map(Notice::text).collect();
    lines.extend(away.map(|away| away.to_string()));
    let format = if first.path.ends_with("local.settings.json") {
        "functions"
    } else {
        "dotenv"
    };
    Ok(Finding::warn(lines.join("\n"))
        .titled(ELSEWHERE)
        .fix(format!("azup env --format {format}")))
}
