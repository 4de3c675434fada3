//! Which npm registry the user has, and how it is reached, from npm's own configuration: variables
//! `npm_config_…`, and the user's `.npmrc`. Never the project's, which comes with a repository.

use std::path::{Path, PathBuf};

use anyhow::Result;
use ureq::Proxy;
use ureq::http::Uri;

use crate::failure::{Failure, in_editor};
use crate::files;
use crate::machine::Machine;

/// The one that npm uses where nobody says otherwise.
const USUAL: &str = "https://registry.npmjs.org";

/// A registry.
pub(super) struct Registry {
    /// Its address, without a slash at the end.
    pub(super) url: String,
    /// What proves to it who asks.
    pub(super) authorization: Option<String>,
    /// Through what it is reached.
    pub(super) proxy: Option<Proxy>,
    /// A file with more CAs.
    pub(super) roots: Option<PathBuf>,
    host: String,
}

impl Registry {
    /// The user's.
    pub(super) fn of(machine: &Machine) -> Result<Self> {
        let settings = Settings::read(machine);
        let url = settings.get("registry").unwrap_or_else(|| USUAL.to_owned());
        let url = url.trim_end_matches('/').to_owned();
        let uri: Option<Uri> = url.parse().ok();
        let parts = uri.as_ref().and_then(|uri| Some((uri.scheme_str()?, uri.host()?)));
        let Some((scheme @ ("http" | "https"), host)) = parts else {
            let what = format!("npm's setting registry is not an address: {url}");
            return Err(Failure::new(what).hint(in_editor([&settings.file])).into());
        };
        // A secret goes over the network in no clear text.
        let is_safe = scheme == "https" || is_this_machine(host);
        Ok(Self {
            authorization: settings.authorization(&url).filter(|_| is_safe),
            proxy: settings.proxy(scheme == "https", machine),
            roots: settings.get("cafile").map(|file| machine.absolute(Path::new(&file))),
            host: host.to_owned(),
            url,
        })
    }

    /// For messages, without what may be secret in an address.
    pub(super) fn host(&self) -> &str {
        &self.host
    }
}

fn is_this_machine(host: &str) -> bool {
    matches!(host, "localhost" | "127.0.0.1" | "[::1]")
}

/// npm's settings; of a name that is there more than once the last one counts.
struct Settings {
    variables: Vec<(String, String)>,
    lines: Vec<(String, String)>,
    file: PathBuf,
}

impl Settings {
    fn read(machine: &Machine) -> Self {
        let text = |name: &str| machine.var(name).map(|value| value.to_string_lossy().into_owned());
        let own = |name: &str| {
            let lower = name.to_ascii_lowercase();
            let name = lower.strip_prefix("npm_config_")?.replace('_', "-");
            (!name.starts_with('-')).then_some(name)
        };
        let variables: Vec<(String, String)> = machine
            .variables()
            .filter_map(|name| Some((own(name)?, text(name)?)))
            .collect();
        let named = variables.iter().find(|(name, _)| name == "userconfig");
        let named = named.map(|(_, path)| PathBuf::from(path));
        let named = named.filter(|path| machine.is_outside(path));
        let home = || machine.home().ok().map(|home| home.join(".npmrc"));
        let file = named.or_else(home).unwrap_or_default();
        let content = files::read_if_there(&file).ok().flatten().unwrap_or_default();
        Self {
            lines: parsed(&String::from_utf8_lossy(&content), text),
            variables,
            file,
        }
    }

    fn get(&self, name: &str) -> Option<String> {
        let of = |all: &[(String, String)]| {
            let found = all.iter().rev().find(|(known, _)| known == name);
            found.map(|(_, value)| value.clone()).filter(|value| !value.is_empty())
        };
        of(&self.variables).or_else(|| of(&self.lines))
    }

    /// What `.npmrc` has for this registry, and for no other: `//HOST/PATH/:_authToken`.
    fn authorization(&self, url: &str) -> Option<String> {
        let (_, mut place) = url.split_once(':')?;
        loop {
            for (name, scheme) in [("_authToken", "Bearer"), ("_auth", "Basic")] {
                let found = self.get(&format!("{place}/:{name}")).or_else(|| self.get(&format!("{place}:{name}")));
                if let Some(secret) = found {
                    return Some(format!("{scheme} {secret}"));
                }
            }
            // The same for all below it.
            place = place.rsplit_once('/').map(|(above, _)| above).filter(|above| above.len() > 2)?;
        }
    }

    /// As npm reads it: its own setting, then what all programs read.
    fn proxy(&self, secure: bool, machine: &Machine) -> Option<Proxy> {
        let variable = |names: [&str; 2]| {
            let value = names.iter().find_map(|name| machine.var(name))?;
            Some(value.to_string_lossy().into_owned())
        };
        let of_https = || {
            let own = self.get("https-proxy");
            own.or_else(|| variable(["HTTPS_PROXY", "https_proxy"])).filter(|_| secure)
        };
        let of_http = || self.get("proxy").or_else(|| variable(["HTTP_PROXY", "http_proxy"]));
        let all = || variable(["ALL_PROXY", "all_proxy"]);
        let value = of_https().or_else(of_http).or_else(all)?;
        let parsed = Proxy::new(&value).ok()?;
        let mut proxy = Proxy::builder(parsed.protocol()).host(parsed.host()).port(parsed.port());
        if let Some(name) = parsed.username() {
            proxy = proxy.username(name);
        }
        if let Some(password) = parsed.password() {
            proxy = proxy.password(password);
        }
        let excepted = self.get("noproxy").or_else(|| variable(["NO_PROXY", "no_proxy"])).unwrap_or_default();
        for host in excepted.split([',', ' ']).map(str::trim).filter(|host| !host.is_empty()) {
            proxy = proxy.no_proxy(host);
            // Everybody else takes a domain for all that is in it.
            if !host.starts_with(['.', '*']) {
                proxy = proxy.no_proxy(&format!(".{host}"));
            }
        }
        proxy.build().ok()
    }
}

/// The lines `name = value` of an `.npmrc`, with `${NAME}` replaced by variables.
fn parsed(text: &str, variable: impl Fn(&str) -> Option<String>) -> Vec<(String, String)> {
    let lines = text.lines().map(str::trim);
    let lines = lines.filter(|line| !line.starts_with(['#', ';', '[']));
    let pair = |line: &str| {
        let (name, value) = line.split_once('=')?;
        let value = value.trim().trim_matches(['"', '\'']);
        Some((name.trim().to_owned(), expanded(value, &variable)))
    };
    lines.filter_map(pair).collect()
}

fn expanded(value: &str, variable: &impl Fn(&str) -> Option<String>) -> String {
    let mut out = String::new();
    let mut rest = value;
    while let Some((before, from)) = rest.split_once("${") {
        let Some((name, after)) = from.split_once('}') else {
            break;
        };
        out += before;
        out += &variable(name).unwrap_or_default();
        rest = after;
    }
    out + rest
}

#[cfg(test)]
mod tests {
    use std::ffi::OsStr;

    use super::*;

    fn of(npmrc: &str, variables: &[(&str, &str)]) -> Result<Registry> {
        let home = tempfile::tempdir().expect("a folder");
        std::fs::write(home.path().join(".npmrc"), npmrc).expect("written");
        let variables: Vec<(&str, &OsStr)> =
            variables.iter().map(|(name, value)| (*name, OsStr::new(*value))).collect();
        Registry::of(&Machine::for_test(home.path(), &variables))
    }

    #[test]
    fn the_registry_is_the_users() {
        let file = "; of the company\nregistry = \"https://npm.example/a/b/\"\n";
        assert_eq!(of("", &[]).expect("one").url, USUAL);
        assert_eq!(of(file, &[]).expect("one").url, "https://npm.example/a/b");
        let named = [("NPM_CONFIG_REGISTRY", "http://127.0.0.1:4873/")];
        assert_eq!(of(file, &named).expect("one").url, "http://127.0.0.1:4873");
        assert!(of("registry=file:///etc\n", &[]).is_err());
    }

    #[test]
    fn a_secret_is_for_its_own_registry() {
        let secret = "//npm.example/a/:_authToken=${TOKEN}\n//other.example/:_authToken=other\n";
        let with = |url: &str| {
            let file = format!("registry={url}\n{secret}");
            of(&file, &[("TOKEN", "mine")]).expect("one").authorization
        };
        let mine = Some("Bearer mine".to_owned());
        assert_eq!(with("https://npm.example/a/"), mine);
        assert_eq!(with("https://npm.example/a/b"), mine);
        assert_eq!(with("https://npm.example/"), None);
        assert_eq!(with("https://npm.example.evil/a"), None);
        assert_eq!(with("http://npm.example/a"), None, "in clear text");
    }

    #[test]
    fn the_proxy_is_npms_or_that_of_all_programs() {
        let host = |file: &str, variables: &[(&str, &str)]| {
            let proxy = of(file, variables).expect("one").proxy;
            proxy.map(|proxy| format!("{}:{}", proxy.host(), proxy.port()))
        };
        let all = [("HTTPS_PROXY", "http://all:3128")];
        assert_eq!(host("", &[]), None);
        assert_eq!(host("", &all).as_deref(), Some("all:3128"));
        assert_eq!(host("https-proxy=http://own\n", &all).as_deref(), Some("own:80"));
        let excepted = [all[0], ("no_proxy", "npmjs.org")];
        let proxy = of("", &excepted).expect("one").proxy.expect("one");
        assert!(proxy.is_no_proxy(&"https://registry.npmjs.org/x".parse().expect("a URL")));
        assert!(!proxy.is_no_proxy(&"https://other.example/x".parse().expect("a URL")));
    }
}
