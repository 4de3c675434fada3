//! Local access tokens: unsigned, and useless outside an emulator.
//!
//! Azurite's `--oauth basic` reads a token's times, issuer and audience and never its signature,
//! key, tenant or roles (measured, and read in its three token authenticators). So anyone can make
//! one, and no Azure service accepts it.

use anyhow::Result;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};
use time::OffsetDateTime;

use super::audience::{bare, is_loopback, is_named};
use crate::failure::{Failure, command_line, quoted};

/// How far a token's start is backdated (seconds). Azurite allows no clock skew, and the clocks of
/// virtual machines and containers drift.
const BACKDATE: i64 = 300;

/// How long a token is valid from now on (seconds): a day's work without a new one.
const LIFETIME: i64 = 86_400;

/// A tenant and an identity that do not exist.
pub(super) const NOBODY: &str = "00000000-0000-0000-0000-000000000000";

/// The resource that every Azure SDK asks for: all of Azure Storage.
const STORAGE: &str = "https://storage.azure.com";

/// The same, as an application's identifier.
const STORAGE_ID: &str = "e406a681-f3d4-42a8-90b6-c2b029497af1";

/// The services of an account, as in its host names.
const SERVICES: [&str; 3] = ["blob", "queue", "table"];

/// The clouds whose host names Azurite knows.
const CLOUDS: [&str; 4] = [
    "windows.net",
    "chinacloudapi.cn",
    "usgovcloudapi.net",
    "cloudapi.de",
];

/// An access token and its metadata.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Token {
    /// The token: three parts in base64url, the last one empty.
    pub text: String,
    /// Its audience: the `aud` claim.
    pub resource: String,
    /// When it expires (seconds since 1970).
    pub expires_on: i64,
}

impl Token {
    /// The answer of `azup token --json`.
    pub fn document(&self) -> Value {
        json!({
            "access_token": self.text,
            "expires_on": self.expires_on,
            "resource": self.resource,
            "token_type": "Bearer"
        })
    }
}

/// A token for `resource`, which may also be a scope (`…/.default`), valid from five minutes before
/// `now` until a day after. `named` are further audiences that the user declared to be emulators.
pub fn token(resource: &str, named: &[String], now: OffsetDateTime) -> Result<Token> {
    let audience = bare(resource);
    if !is_storage(audience) && !is_loopback(audience) && !is_named(audience, named) {
        return Err(Failure::new(format!(
            "no local token for {}: azup answers for Azure Storage ({STORAGE}) and for this machine",
            quoted(resource)
        ))
        .hint(command_line([
            "az",
            "account",
            "get-access-token",
            "--resource",
            audience,
        ]))
        .into());
    }
    Ok(mint(audience, now))
}

/// A token for all of Azure Storage.
pub fn storage_token(now: OffsetDateTime) -> Token {
    mint(STORAGE, now)
}

fn mint(audience: &str, now: OffsetDateTime) -> Token {
    let now = now.unix_timestamp();
    let expires_on = now + LIFETIME;
    let header = json!({ "alg": "none", "typ": "JWT" });
    // The issuer has the form of version 1 tokens: Azurite refuses those of version 2.
    let claims = json!({
        "aud": audience,
        "iss": format!("https://sts.windows.net/{NOBODY}/"),
        "iat": now - BACKDATE,
        "nbf": now - BACKDATE,
        "exp": expires_on,
        "oid": NOBODY,
        "sub": NOBODY,
        "tid": NOBODY,
        "ver": "1.0"
    });
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    Token {
        text: format!("{}.{}.", part(&header), part(&claims)),
        resource: audience.to_owned(),
        expires_on,
    }
}

/// When a token expires, according to its own claims (seconds since 1970).
pub(super) fn expiry(token: &str) -> Option<i64> {
    let claims = URL_SAFE_NO_PAD.decode(token.split('.').nth(1)?).ok()?;
    serde_json::from_slice::<Value>(&claims).ok()?["exp"].as_i64()
}

/// Whether Azurite accepts `audience` as its own (read in its source): all of Azure Storage, or one
/// service of one account in one of Azure's clouds. A trailing slash is allowed.
fn is_storage(audience: &str) -> bool {
    if audience == STORAGE_ID {
        return true;
    }
    let bare = audience.strip_suffix('/').unwrap_or(audience);
    if bare == STORAGE {
        return true;
    }
    let Some((account, rest)) = bare
        .strip_prefix("https://")
        .and_then(|host| host.split_once('.'))
    else {
        return false;
    };
    let Some((service, cloud)) = rest.split_once(".core.") else {
        return false;
    };
    is_account(account) && SERVICES.contains(&service) && CLOUDS.contains(&cloud)
}

/// Azure's rule for the name of a storage account.
pub fn is_account(name: &str) -> bool {
    (3..=24).contains(&name.len())
        && name
            .bytes()
            .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn at(seconds: i64) -> OffsetDateTime {
        OffsetDateTime::from_unix_timestamp(seconds).expect("a time")
    }

    fn decoded(part: &str) -> Value {
        let bytes = URL_SAFE_NO_PAD.decode(part).expect("base64url");
        serde_json::from_slice(&bytes).expect("JSON")
    }

    proptest! {
        /// What `jsonwebtoken.decode` in Azurite insists on.
        #[test]
        fn a_token_has_three_parts_without_padding(
            account in "[a-z0-9]{3,24}",
            service in 0_usize..3,
            cloud in 0_usize..4,
            end in prop::sample::select(vec!["", "/", "/.default", "//.default"]),
            seconds in 0_i64..4_000_000_000,
        ) {
            let (service, cloud) = (SERVICES[service], CLOUDS[cloud]);
            let resource = format!("https://{account}.{service}.core.{cloud}{end}");
            let token = token(&resource, &[], at(seconds)).expect("a token");
            let parts: Vec<&str> = token.text.split('.').collect();
            prop_assert_eq!(parts.len(), 3);
            prop_assert_eq!(parts[2], "");
            let plain = |part: &str| part.bytes().all(|byte| {
                byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_')
            });
            prop_assert!(parts.iter().all(|part| plain(part)));
            let header = decoded(parts[0]);
            prop_assert_eq!(header["alg"].as_str(), Some("none"));
            let claims = decoded(parts[1]);
            let (nbf, exp) = (claims["nbf"].as_i64(), claims["exp"].as_i64());
            prop_assert!(nbf < Some(seconds) && Some(seconds) < exp);
            prop_assert_eq!(claims["aud"].as_str(), Some(token.resource.as_str()));
            prop_assert!(!token.resource.ends_with("/.default"));
        }

        /// Whatever is asked for, the answer is a token or a refusal with a hint.
        #[test]
        fn anything_else_is_refused_with_a_hint(resource in "\\PC*") {
            prop_assume!(!resource.contains("storage.azure.com"));
            if let Err(error) = token(&resource, &[], at(0)) {
                prop_assert!(Failure::hint_of(&error).is_some());
            }
        }
    }

    #[test]
    fn only_the_audiences_of_azurite_and_of_this_machine_are_answered() {
        for resource in [
            "https://storage.azure.com",
            "https://storage.azure.com/",
            "https://storage.azure.com/.default",
            "https://storage.azure.com//.default",
            "e406a681-f3d4-42a8-90b6-c2b029497af1",
            "https://devstoreaccount1.queue.core.windows.net/",
            "https://127.0.0.1:10000",
            "https://primary.localhost:8443/.default",
        ] {
            token(resource, &[], at(0)).expect(resource);
        }
        for resource in [
            "",
            "storage.azure.com",
            "http://storage.azure.com",
            "https://storage.azure.com//",
            "https://vault.azure.net",
            "https://management.azure.com/.default",
            "https://cosmos.azure.com",
            "https://localhost.evil.example",
            "E406A681-F3D4-42A8-90B6-C2B029497AF1",
            "https://devstoreaccount1.file.core.windows.net",
            "https://a.b.blob.core.windows.net",
            "https://devstoreaccount1.blob.core.windows.net.example",
        ] {
            token(resource, &[], at(0)).expect_err(resource);
        }
        let named = ["https://vault.azure.net".to_owned()];
        token("https://vault.azure.net/.default", &named, at(0)).expect("a token");
    }
}
