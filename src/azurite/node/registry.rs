//! A registry, and how it is reached. Which npm registry the user has is in npm's own configuration: variables
//! `npm_config_…`, and the user's `.npmrc`. Never the project's, which comes with a repository.

use std::path::{Path, PathBuf};

use anyhow::Result;
use ureq::Proxy;
use ureq::http::Uri;

use crate::failure::{Failure, in_editor};
use crate::files;
use crate::machine::Machine;

/// The one that npm uses by default.
const USUAL: &str = "https://registry.npmjs.org";

pub(super) struct Registry {
    /// Its address, without a trailing slash.
    pub(super) url: String,
    /// Whether the user has named it.
    pub(super) is_named: bool,
    /// Through what it is reached.
    pub(super) proxy: Option<Proxy>,
    /// A file with additional CAs.
    pub(super) roots: Option<PathBuf>,
    /// What proves to it who asks.
    authorization: Option<String>,
    host: String,
}

impl Registry {
    /// The one at this address, if it is one.
    pub(super) fn new(url: String) -> Option<Self> {
        let uri: Uri = url.parse().ok()?;
        let host = uri.host()?.to_owned();
        matches!(uri.scheme_str()?, "http" | "https").then_some(Self {
            url,
            is_named: true,
            proxy: None,
            roots: None,
            authorization: None,
            host,
        })
    }

    /// npm's.
    pub(super) fn of_npm(machine: &Machine) -> Result<Self> {
        let settings = Settings::read(machine);
        let named = settings.get("registry");
        let is_named = named.is_some();
        let url = named.unwrap_or_else(|| USUAL.to_owned());
        let url = url.trim_end_matches('/').to_owned();
        let Some(mut registry) = Self::new(url.clone()) else {
            let what = format!("npm's setting registry is not an address: {url}");
            return Err(Failure::new(what).hint(in_editor([&settings.file])).into());
        };
        registry.is_named = is_named;
        registry.proxy = settings.proxy(registry.is_secure(), machine);
        registry.roots = settings.get("cafile").map(|file| machine.absolute(Path::new(&file)));
        Ok(registry.with(settings.authorization(&url)))
    }

    /// With a secret, which goes over the network in no clear text.
    pub(super) fn with(mut self, authorization: Option<String>) -> Self {
        let is_safe = self.is_secure() || is_this_machine(&self.host);
        self.authorization = authorization.filter(|_| is_safe);
        self
    }

    pub(super) fn is_secure(&self) -> bool {
        self.url.starts_with("https:")
    }

    /// What proves to this address who asks: nothing, where that is another server.
    pub(super) fn authorization(&self, address: &str) -> Option<&str> {
        let server = |url: &str| {
            let uri: Uri = url.parse().ok()?;
            Some((uri.scheme()?.clone(), uri.authority()?.clone()))
        };
        let secret = self.authorization.as_deref();
        secret.filter(|_| server(address) == server(&self.url))
    }

    /// For messages, without the parts of an address that may be secret.
    pub(super) fn host(&self) -> &str {
        &self.host
    }
}

fn is_this_machine(host: &str) -> bool {
    matches!(host, "localhost" | "127.0.0.1" | "[::1]")
}

/// npm's settings; if a name appears more than once, the last one counts.
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
            lines: parsed(&String::from_utf8_lossy(&content))
                .into_iter()
                .map(|(name, value)| (name, expanded(&value, &text)))
                .collect(),
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

    /// The credentials in `.npmrc` for this registry, and for no other: `//HOST/PATH/:_authToken`.
    fn authorization(&self, url: &str) -> Option<String> {
        let (_, mut place) = url.split_once(':')?;
        loop {
            for (name, scheme) in [("_authToken", "Bearer"), ("_auth", "Basic")] {
                let found = self.get(&format!("{place}/:{name}")).or_else(|| self.get(&format!("{place}:{name}")));
                if let Some(secret) = found {
                    return Some(format!("{scheme} {secret}"));
                }
            }
            // They apply to everything below that path.
            place = place.rsplit_once('/').map(|(above, _)| above).filter(|above| above.len() > 2)?;
        }
    }

    /// npm's rules: its own setting, then the variables that all programs read.
    fn proxy(&self, secure: bool, machine: &Machine) -> Option<Proxy> {
        let own = self.get("https-proxy").filter(|_| secure).or_else(|| self.get("proxy"));
        proxy(secure, own, self.get("noproxy"), machine)
    }
}

/// The proxy of a program's own settings, or else that of all programs, and the hosts without it.
pub(super) fn proxy(
    secure: bool,
    own: Option<String>,
    excepted: Option<String>,
    machine: &Machine,
) -> Option<Proxy> {
    let variable = |names: [&str; 2]| {
        let value = names.iter().find_map(|name| machine.var(name))?;
        Some(value.to_string_lossy().into_owned())
    };
    let of_https = || variable(["HTTPS_PROXY", "https_proxy"]).filter(|_| secure);
    let of_http = || variable(["HTTP_PROXY", "http_proxy"]);
    let all = || variable(["ALL_PROXY", "all_proxy"]);
    let value = own.or_else(of_https).or_else(of_http).or_else(all)?;
    let parsed = Proxy::new(&value).ok()?;
    let mut proxy = Proxy::builder(parsed.protocol()).host(parsed.host()).port(parsed.port());
    if let Some(name) = parsed.username() {
        proxy = proxy.username(name);
    }
    if let Some(password) = parsed.password() {
        proxy = proxy.password(password);
    }
    let excepted = excepted.or_else(|| variable(["NO_PROXY", "no_proxy"])).unwrap_or_default();
    for host in excepted.split([',', ' ']).map(str::trim).filter(|host| !host.is_empty()) {
        proxy = proxy.no_proxy(host);
        // Everybody else takes a domain for all that is in it.
        if !host.starts_with(['.', '*']) {
            proxy = proxy.no_proxy(&format!(".{host}"));
        }
    }
    proxy.build().ok()
}

/// The lines `name = value` of an `.npmrc` or a `pip.conf`.
pub(super) fn parsed(text: &str) -> Vec<(String, String)> {
    let lines = text.lines().map(str::trim);
    let lines = lines.filter(|line| !line.starts_with(['#', ';', '[']));
    let pair = |line: &str| {
        let (name, value) = line.split_once('=')?;
        let value = value.trim().trim_matches(['"', '\'']);
        Some((name.trim().to_owned(), value.to_owned()))
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
        Registry::of_npm(&Machine::for_test(home.path(), &variables))
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
            of(&file, &[("TOKEN", "mine")]).expect("one").authorization(url).map(str::to_owned)
        };
        let mine = Some("Bearer mine".to_owned());
        assert_eq!(with("https://npm.example/a/"), mine);
        assert_eq!(with("https://npm.example/a/b"), mine);
        assert_eq!(with("https://npm.example/"), None);
        assert_eq!(with("https://npm.example.evil/a"), None);
        assert_eq!(with("http://npm.example/a"), None, "in clear text");
        let file = format!("registry=https://npm.example/a/\n{secret}");
        let registry = of(&file, &[("TOKEN", "mine")]).expect("one");
        assert_eq!(registry.authorization("https://npm.example/b.tgz"), Some("Bearer mine"));
        assert_eq!(registry.authorization("https://files.example/a/b.tgz"), None);
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
