//! Settings that do not lead to Azurite over HTTPS: plain HTTP, the legacy emulator, and an account
//! without a URL, from which the cloud's host name is built.

use std::path::Path;

use super::compose::is_compose;
use super::comments::is_comment;
use super::Notice;
use crate::environment::ACCOUNT_NAME;
use crate::project::located::{Located, strings};

const DEVELOPMENT: &str = "usedevelopmentstorage=true";
const PLAIN: &str = "defaultendpointsprotocol=http;";

/// The extensions of files that contain settings and no code.
const SETTINGS: [&str; 10] = [
    "config", "env", "ini", "json", "jsonc", "properties", "toml", "xml", "yaml", "yml",
];

/// The extensions of .NET sources: a literal there is a setting that cannot be changed from
/// outside.
const SOURCES: [&str; 3] = ["cs", "fs", "vb"];

/// The files in which .NET, Functions and VS Code keep variables and connection strings.
const NAMED: [&str; 3] = ["launch.json", "launchSettings.json", "devcontainer.json"];

/// One file, with the names of its settings where those are nested.
pub(super) struct Settings<'p> {
    path: &'p Path,
    located: Vec<Located>,
}

/// doctor's notices about a file.
pub(super) fn look(path: &Path, text: &str) -> Vec<Notice> {
    let kind = path.extension().unwrap_or_default().to_string_lossy();
    let is_source = SOURCES.contains(&&*kind);
    let is_local = is_local(path);
    if !is_source && !is_local && !SETTINGS.contains(&&*kind) {
        return Vec::new();
    }
    if !is_of_interest(&text.to_ascii_lowercase()) {
        return Vec::new();
    }
    let settings = Settings::of(path, text);
    let lines = (1..).zip(text.lines()).filter(|(_, line)| line.len() <= 4096 && !is_comment(path, line));
    let found = lines.filter_map(|(number, line)| {
        let line = if is_source { code(line) } else { line };
        let said = |what: &str| {
            let at = line.to_ascii_lowercase().find(what)?;
            (!is_source || line[..at].matches('"').count() % 2 == 1).then_some(())
        };
        let is_told = if is_source {
            said(DEVELOPMENT).or_else(|| said("http://")).is_some()
        } else {
            is_local || said(DEVELOPMENT).is_some()
        };
        let what = settings.in_line(number, line).filter(|_| is_told)?;
        Some(Notice::at(path, number, what))
    });
    found.collect()
}

/// A line of source without the trailing comment.
fn code(line: &str) -> &str {
    let mut comments = line.match_indices("//");
    let comment = comments.find(|(at, _)| line[..*at].matches('"').count().is_multiple_of(2));
    comment.map_or(line, |(at, _)| &line[..at])
}

/// Whether a text, in lower case, may contain anything relevant. Most do not.
pub(super) fn is_of_interest(lower: &str) -> bool {
    ["developmentstorage", PLAIN, ":1000", "accountname"]
        .iter()
        .any(|word| lower.contains(word))
}

/// Whether a file configures a program on this machine.
fn is_local(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let begins = |start: &str| name.starts_with(start) && name.ends_with(".json");
    begins("appsettings")
        || begins("local.settings")
        || NAMED.contains(&&*name)
        || name.ends_with(".runsettings")
        || name.starts_with(".env")
        || name.ends_with(".env")
}

impl<'p> Settings<'p> {
    pub(super) fn of(path: &'p Path, text: &str) -> Self {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let is_nested = name.starts_with("appsettings") && name.ends_with(".json");
        let located = is_nested.then(|| strings(text.as_bytes())).flatten();
        Self {
            path,
            located: located.unwrap_or_default(),
        }
    }

    /// What in a line does not lead to Azurite over HTTPS.
    pub(super) fn in_line(&self, number: usize, line: &str) -> Option<String> {
        self.plain(number, line).or_else(|| self.account_alone(number, line))
    }

    /// A setting that means plain HTTP to Azurite.
    fn plain(&self, number: usize, line: &str) -> Option<String> {
        let lower = line.to_ascii_lowercase();
        let url = || {
            let (at, end) = http_url(&lower)?;
            Some((at, line[at..end].to_owned(), lower[at..end].replacen("http://", "https://", 1)))
        };
        let word = |word: &str, shown: &str| {
            let at = lower.find(word)?;
            Some((at, shown.to_owned(), String::new()))
        };
        let found = word(DEVELOPMENT, "UseDevelopmentStorage=true")
            .or_else(|| word(PLAIN, "DefaultEndpointsProtocol=http"))
            .or_else(url)?;
        let (at, says, mut https) = found;
        // A complete connection string names its host as well.
        if https.is_empty()
            && let Some((from, to)) = http_url(&lower)
        {
            https = lower[from..to].replacen("http://", "https://", 1);
        }
        let nested = self.nested(number);
        let name = nested.as_ref().map_or_else(|| name_before(&line[..at]), |names| names.join(":"));
        let name = if name.is_empty() { String::new() } else { format!("{name} ") };
        let instead = self.instead(nested.as_deref(), &https);
        Some(format!(
            "{name}says {says}: plain HTTP keeps working with the account's key, since one port serves \
             both; tokens (DefaultAzureCredential) need https: {instead}"
        ))
    }

    fn instead(&self, nested: Option<&[String]>, https: &str) -> String {
        let url = format!("{https}, with the local CA trusted");
        let name = self.path.file_name().unwrap_or_default();
        match nested {
            // Environment variables override every appsettings.json (the default host).
            Some(names) => {
                let variable = names.join("__");
                let value = if https.is_empty() { "the connection string that azup env prints" } else { &url };
                format!("the variable {variable} overrides it, so that no file has to change: {value}")
            }
            None if self.path.ends_with("local.settings.json") => {
                "azup env --format functions prints the https settings".to_owned()
            }
            None if name == "launchSettings.json" => {
                let value = if https.is_empty() { "the connection string that azup env prints" } else { &url };
                format!("{value}; this file overrides the environment, so azup run cannot change it")
            }
            None if https.is_empty() => "azup env prints the https connection string".to_owned(),
            None => url,
        }
    }

    /// The names of the setting in a line that means plain HTTP.
    fn nested(&self, number: usize) -> Option<Vec<String>> {
        let mut in_line = self.located.iter().filter(|one| one.line == number);
        let fits = |one: &&Located| {
            let value = one.value.to_ascii_lowercase();
            value.contains(DEVELOPMENT) || value.contains(PLAIN) || http_url(&value).is_some()
        };
        Some(in_line.find(fits)?.path.clone())
    }

    /// An account without a URL.
    fn account_alone(&self, number: usize, line: &str) -> Option<String> {
        if !is_local(self.path) && !is_compose(self.path) {
            return None;
        }
        let name = named_account(line).or_else(|| self.nested_account(number))?;
        let end = name.len() - ACCOUNT_NAME.len();
        Some(format!(
            "{name} is an account without a URL: programs that read it send requests to ACCOUNT.blob.core.windows.net, off this machine: {}__blobServiceUri, __queueServiceUri and __tableServiceUri, with the endpoints that azup \
             env prints, stay here",
            &name[..end]
        ))
    }

    fn nested_account(&self, number: usize) -> Option<String> {
        let mut in_line = self.located.iter().filter(|one| one.line == number);
        let found = in_line.find(|one| {
            let [.., parent, last] = one.path.as_slice() else {
                return false;
            };
            let is_storage = || {
                let above = &one.path[..one.path.len() - 1];
                parent.eq_ignore_ascii_case("AzureWebJobsStorage")
                    || self.located.iter().any(|other| {
                        other.path.len() == one.path.len()
                            && other.path.starts_with(above)
                            && other.path.last().is_some_and(|name| name.eq_ignore_ascii_case("credential"))
                    })
            };
            last.eq_ignore_ascii_case("accountName") && is_storage()
        })?;
        Some(found.path.join("__"))
    }
}

/// A name that ends in `__accountName` and is assigned in this line.
fn named_account(line: &str) -> Option<String> {
    let lower = line.to_ascii_lowercase();
    let end = lower.find(ACCOUNT_NAME)? + ACCOUNT_NAME.len();
    let is_word = |c: char| c.is_alphanumeric() || "_.-:".contains(c);
    let start = line[..end].rfind(|c| !is_word(c)).map_or(0, |at| {
        at + line[at..].chars().next().map_or(1, char::len_utf8)
    });
    let after = line[end..].trim_start_matches(['"', '\'', ' ']);
    let name = &line[start..end];
    (after.starts_with(['=', ':', '>']) && name.len() > ACCOUNT_NAME.len() && name.len() < 100)
        .then(|| name.to_owned())
}

/// The start and end of `http://host:1000x` in a line.
fn http_url(lower: &str) -> Option<(usize, usize)> {
    let mut from = 0;
    while let Some(at) = lower[from..].find("http://").map(|at| at + from) {
        let rest = &lower[at + "http://".len()..];
        let is_host = |c: char| c.is_ascii_alphanumeric() || "._-[]".contains(c);
        // An IPv6 address has colons in brackets.
        let host = match rest.strip_prefix("[::1]") {
            Some(_) => "[::1]".len(),
            None => rest.find(|c| !is_host(c)).unwrap_or(rest.len()),
        };
        let port = &rest[host..];
        let known = [":10000", ":10001", ":10002"].iter().any(|port_| {
            port.strip_prefix(port_).is_some_and(|rest| !rest.starts_with(|c: char| c.is_ascii_digit()))
        });
        if host > 0 && known {
            return Some((at, at + "http://".len() + host + ":10000".len()));
        }
        from = at + "http://".len();
    }
    None
}

/// The name to which a line assigns what follows: the last word before `=` or `:`.
fn name_before(line: &str) -> String {
    let is_word = |c: char| c.is_alphanumeric() || "_.-".contains(c);
    // An XML element.
    if let Some(tag) = line.trim_end().strip_suffix('>')
        && let Some(open) = tag.rfind('<')
        && tag[open + 1..].chars().all(is_word)
    {
        return tag[open + 1..].chars().take(60).collect();
    }
    let line = line.trim_end_matches(|c: char| !is_word(c) && c != ':' && c != '=');
    let Some(line) = line.strip_suffix([':', '=']) else {
        return String::new();
    };
    let line = line.trim_end_matches(|c: char| !is_word(c));
    let start = line.rfind(|c| !is_word(c)).map_or(0, |at| {
        at + line[at..].chars().next().map_or(1, char::len_utf8)
    });
    let name: String = line[start..].chars().take(60).collect();
    // In a connection string of several parts the name is further left.
    if name.ends_with("Endpoint") || name == "DefaultEndpointsProtocol" {
        String::new()
    } else {
        name
    }
}
