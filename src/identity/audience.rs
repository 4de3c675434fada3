//! Which audiences are this machine's own: emulators of other services, for which a local
//! token does, since no cloud takes it.

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
    // What readers of URLs disagree about is nobody's name.
    let plain = |byte: u8| byte.is_ascii_graphic() && !matches!(byte, b'\\' | b'@' | b'%');
    if !rest.bytes().all(plain) {
        return false;
    }
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    host(&rest[..end]).is_some_and(is_own)
}

/// The host of an authority without user info, if its port is one.
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

#[cfg(test)]
mod tests {
    use super::*;

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
