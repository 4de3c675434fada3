//! What an audience's name alone tells: whether it is this machine's own (an emulator of another
//! service, for which a local token is fine, since no cloud accepts it), and whether it may go on
//! another program's command line.

use std::net::{Ipv4Addr, Ipv6Addr};

/// Whether `audience` is an http or https URL whose host can only be this machine:
/// `localhost`, `*.localhost`, 127.0.0.0/8 or `::1`.
pub(super) fn is_loopback(audience: &str) -> bool {
    let Some((scheme, rest)) = audience.split_once("://") else {
        return false;
    };
    if !["http", "https"]
        .iter()
        .any(|known| scheme.eq_ignore_ascii_case(known))
    {
        return false;
    }
    // Nothing that URL parsers disagree about.
    let plain = |byte: u8| byte.is_ascii_graphic() && !matches!(byte, b'\\' | b'@' | b'%');
    if !rest.bytes().all(plain) {
        return false;
    }
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    host(&rest[..end]).is_some_and(is_own)
}

/// The host of an authority without user info, if its port is valid.
fn host(authority: &str) -> Option<&str> {
    let port_at = authority.rfind(':').filter(|_| !authority.ends_with(']'));
    let Some(at) = port_at else {
        return Some(authority);
    };
    authority[at + 1..].parse::<u16>().ok()?;
    Some(&authority[..at])
}

fn is_own(host: &str) -> bool {
    if let Some(inner) = host
        .strip_prefix('[')
        .and_then(|rest| rest.strip_suffix(']'))
    {
        return inner
            .parse::<Ipv6Addr>()
            .is_ok_and(|address| address.is_loopback());
    }
    if let Ok(address) = host.parse::<Ipv4Addr>() {
        return address.is_loopback();
    }
    let label = |label: &str| {
        !label.is_empty()
            && label
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
    };
    let host = host.to_ascii_lowercase();
    host.split('.').all(label) && host.rsplit('.').next() == Some("localhost")
}

/// An audience without the suffix that makes it a scope.
pub(super) fn bare(resource: &str) -> &str {
    resource.strip_suffix("/.default").unwrap_or(resource)
}

/// Whether `audience` is one of those that the user named, ignoring a trailing slash and the case
/// of letters.
pub(super) fn is_named(audience: &str, named: &[String]) -> bool {
    let plain = |text: &str| bare(text).trim_end_matches('/').to_ascii_lowercase();
    named.iter().any(|name| plain(name) == plain(audience))
}

/// Whether `text` can be an audience at all: a URL, or an application's identifier.
pub fn is_audience(text: &str) -> bool {
    let named = text.split_once("://").is_some_and(|(scheme, rest)| {
        !scheme.is_empty() && rest.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '[')
    });
    text.len() <= LONGEST && (is_id(text) || named) && text.bytes().all(|byte| byte.is_ascii_graphic())
}

/// The longest audience that is handed on (bytes).
const LONGEST: usize = 512;

/// Whether `audience` may go on another program's command line: an https URL or an application's
/// identifier, without anything that a program would read as more than a name.
pub(super) fn may_be_handed_on(audience: &str) -> bool {
    let plain = |byte: u8| {
        byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b':' | b'/' | b'_' | b'-')
    };
    let is_url = audience
        .strip_prefix("https://")
        .is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_alphanumeric()));
    audience.len() <= LONGEST && audience.bytes().all(plain) && (is_url || is_id(audience))
}

/// Whether this has the form of an application's identifier.
fn is_id(text: &str) -> bool {
    let lengths = [8, 4, 4, 4, 12];
    text.split('-').count() == lengths.len()
        && text.split('-').zip(lengths).all(|(part, length)| {
            part.len() == length && part.bytes().all(|byte| byte.is_ascii_hexdigit())
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_plain_name_becomes_a_word_of_a_command() {
        for audience in [
            "https://vault.azure.net",
            "https://management.core.windows.net/",
            "https://shop.example/api/v1_2",
            "https://localhost.evil.example:8443",
            "00000003-0000-0000-c000-000000000000",
        ] {
            assert!(may_be_handed_on(audience), "{audience}");
        }
        for audience in [
            "",
            "@file",
            "@/etc/passwd",
            "--debug",
            "-",
            "https://",
            "https:///x",
            "https://-x",
            "https://@file",
            "https://vault.azure.net --debug",
            "https://vault.azure.net\n--debug",
            "https://vault.azure.net;id",
            "https://vault.azure.net?x=1",
            "https://user@vault.azure.net",
            "https://vault.azure.net%20",
            "https://v\u{e4}ult.azure.net",
            "http://vault.azure.net",
            "HTTPS://vault.azure.net",
            "api://shop",
            "vault.azure.net",
            "00000003-0000-0000-c000-00000000000",
            "00000003-0000-0000-c000-00000000000g",
        ] {
            assert!(!may_be_handed_on(audience), "{audience}");
        }
        let long = format!("https://{}", "x".repeat(LONGEST));
        assert!(!may_be_handed_on(&long));
    }

    #[test]
    fn a_named_audience_is_known_with_and_without_what_sdks_add() {
        let named = ["https://vault.azure.net".to_owned()];
        for audience in [
            "https://vault.azure.net",
            "https://vault.azure.net/",
            "https://Vault.Azure.net/.default",
        ] {
            assert!(is_named(audience, &named), "{audience}");
        }
        for audience in ["", "https://vault.azure.net.evil", "https://vault.azure.net/x"] {
            assert!(!is_named(audience, &named), "{audience}");
        }
        assert!(!is_named("https://vault.azure.net", &[]));
        for (text, can) in [
            ("https://vault.azure.net", true),
            ("api://shop", true),
            ("https://[::1]:8443", true),
            ("00000003-0000-0000-c000-000000000000", true),
            ("vault.azure.net", false),
            ("https://a b", false),
            ("https://", false),
            ("", false),
        ] {
            assert_eq!(is_audience(text), can, "{text}");
        }
    }

    #[test]
    fn only_what_can_be_nobody_elses_is_this_machine() {
        for audience in [
            "http://localhost",
            "HTTPS://LOCALHOST/",
            "https://localhost:8443",
            "https://primary.localhost:8443/secrets",
            "https://127.0.0.1:4997",
            "http://127.8.9.10/",
            "https://[::1]:8443",
            "https://[::1]",
        ] {
            assert!(is_loopback(audience), "{audience}");
        }
        for audience in [
            "",
            "localhost",
            "https://",
            "https://:80",
            "ftp://localhost",
            "https://localhost@evil.example",
            "https://evil.example@localhost",
            "https://localhost:80@evil.example",
            "https://localhost\\@evil.example",
            "https://evil.example\\.localhost",
            "https://evil.example#.localhost",
            "https://evil.example/.localhost",
            "https://evil.example?.localhost",
            "https://evil.example%2F.localhost",
            "https://localhost.evil.example",
            "https://evil-localhost",
            "https://.localhost",
            "https://localhost:",
            "https://localhost:http",
            "https://localhost:99999",
            "https://localhost ",
            "https://127.0.0.1.evil.example",
            "https://127.1",
            "https://0x7f000001",
            "https://128.0.0.1",
            "https://10.0.0.1",
            "https://[::2]",
            "https://[::1",
            "https://[::1].localhost",
            "https://::1",
            "https://host.docker.internal",
            "https://vault.azure.net",
        ] {
            assert!(!is_loopback(audience), "{audience}");
        }
    }
}
