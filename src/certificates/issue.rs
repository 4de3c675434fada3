//! Makes a CA and the one leaf that it will ever sign.
//!
//! The CA's key exists in memory for the milliseconds between its creation and its only signature,
//! and is never written: nothing that could sign another certificate exists afterwards. Renewal
//! makes a new CA, which is cheap because trusting is cheap.

use std::net::IpAddr;

use anyhow::Result;
use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose,
    GeneralSubtree, IsCa, Issuer, KeyPair, KeyUsagePurpose, NameConstraints, PublicKeyData,
    SanType, SerialNumber,
};
use time::{Duration, OffsetDateTime};
use zeroize::{Zeroize as _, Zeroizing};

use crate::failure::{Failure, quoted};
use crate::files::{hex, random};

/// DNS names in every leaf: the loopback name, the compose service, and Docker's name
/// for the host.
pub(super) const DNS_NAMES: [&str; 3] = ["localhost", "azurite", "host.docker.internal"];

/// What to type instead of a name that no certificate can have.
const EXAMPLE: &str = "azup renew --san storage.example --san 192.0.2.1";

/// Azurite's accounts as host names. Every new leaf has them; a set of 0.1.0 without them is not
/// renewed for their sake, so [`Names`] does not require them.
pub(super) const ACCOUNTS: [&str; 3] = ["*.blob.localhost", "*.queue.localhost", "*.table.localhost"];

/// Addresses in every leaf.
pub(super) const ADDRESSES: [IpAddr; 2] = [
    IpAddr::V4(std::net::Ipv4Addr::LOCALHOST),
    IpAddr::V6(std::net::Ipv6Addr::LOCALHOST),
];

/// The beginning of every azup CA's common name; eight hexadecimal digits follow.
pub(super) const CA_NAME: &str = "azup local CA ";

/// From notBefore to notAfter (days). Apple refuses leaves of more than 825 days, even under a CA
/// that the user added (Apple support article 103769); less is enough here because renewal is
/// automatic.
pub const LIFETIME_DAYS: i64 = 397;

/// notBefore lies this far back (days): clocks in virtual machines and containers drift.
pub(super) const BACKDATE_DAYS: i64 = 1;

/// A certificate set as PEM, not yet written anywhere.
#[derive(Debug)]
pub struct Issued {
    /// The CA's certificate.
    pub ca: String,
    /// The leaf.
    pub cert: String,
    /// The leaf's private key (PKCS#8).
    pub key: Zeroizing<String>,
}

/// Makes a CA and its leaf for the fixed names and `sans` (DNS names, `*.name` or
/// addresses), valid from a day before `now` for 397 days.
pub fn issue(sans: &[String], now: OffsetDateTime) -> Result<Issued> {
    let names = Names::with(sans)?;
    let mut ca_key = KeyPair::generate()?;
    let leaf_key = KeyPair::generate()?;
    let ca = ca_parameters(&names, &ca_key, now);
    let ca_certificate = ca.self_signed(&ca_key)?;
    let leaf = leaf_parameters(&names, now);
    let leaf_certificate = leaf.signed_by(&leaf_key, &Issuer::from_params(&ca, &ca_key))?;
    ca_key.zeroize();
    Ok(Issued {
        ca: unix_lines(ca_certificate.pem()),
        cert: unix_lines(leaf_certificate.pem()),
        key: Zeroizing::new(unix_lines(leaf_key.serialize_pem())),
    })
}

/// rcgen ends lines as its platform does; a project's certificates are read on the host and in the
/// container, so they must be the same everywhere.
fn unix_lines(pem: String) -> String {
    if cfg!(windows) { pem.replace('\r', "") } else { pem }
}

/// What a leaf is valid for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Names {
    /// DNS names, the fixed ones first.
    pub dns: Vec<String>,
    /// Addresses, the fixed ones first.
    pub addresses: Vec<IpAddr>,
}

/// How many names a certificate may have in addition to the fixed ones. Clients compare each with
/// each of the CA's constraint, and give up at some number (rustls before 3,000 names: measured).
const MOST: usize = 100;

impl Names {
    /// The fixed names and `more`, without duplicates.
    pub fn with(more: &[String]) -> Result<Self> {
        let mut names = Self {
            dns: DNS_NAMES.map(str::to_owned).to_vec(),
            addresses: ADDRESSES.to_vec(),
        };
        for name in more {
            if let Ok(address) = name.parse() {
                if !names.addresses.contains(&address) {
                    names.addresses.push(address);
                }
                continue;
            }
            if name.starts_with("*.") {
                let what = format!("{} is a wildcard: --san takes one host name at a time", quoted(name));
                return Err(Failure::new(what).hint(EXAMPLE).into());
            }
            // DNS allows a trailing dot, but no client accepts one in a certificate.
            if name.ends_with('.') || rustls_pki_types::DnsName::try_from(name.as_str()).is_err() {
                let what = format!("{} is neither an IP address nor a DNS name", quoted(name));
                return Err(Failure::new(what).hint(EXAMPLE).into());
            }
            let name = name.to_ascii_lowercase();
            if !names.dns.contains(&name) {
                names.dns.push(name);
            }
        }
        let count = names.further().len();
        if count > MOST {
            let what = format!("a certificate can have {MOST} additional names, not {count}");
            return Err(Failure::new(what).into());
        }
        Ok(names)
    }

    /// Whether each of `wanted` is among them.
    pub fn cover(&self, wanted: &Self) -> bool {
        let all = |name: &String| self.dns.contains(name);
        wanted.dns.iter().all(all)
            && wanted
                .addresses
                .iter()
                .all(|one| self.addresses.contains(one))
    }

    /// Those in addition to the fixed ones, as `--san` takes them: without the wildcards that azup
    /// 0.1.0 took.
    pub fn further(&self) -> Vec<String> {
        let names = self
            .dns
            .iter()
            .filter(|name| !DNS_NAMES.contains(&name.as_str()))
            .filter(|name| !name.starts_with("*."));
        let addresses = self.addresses.iter().filter(|one| !ADDRESSES.contains(one));
        names
            .cloned()
            .chain(addresses.map(ToString::to_string))
            .collect()
    }
}

/// The CA's profile. Public so that tests can show what a CA with this constraint cannot do.
///
/// The critical name constraint lists DNS names only: one IP subtree makes every `BoringSSL` client
/// (gRPC, Bun, Electron) refuse the leaf (measured).
pub fn ca_parameters(
    names: &Names,
    key: &impl PublicKeyData,
    now: OffsetDateTime,
) -> CertificateParams {
    let mut ca = profile(now);
    let digest = ring::digest::digest(&ring::digest::SHA256, &key.subject_public_key_info());
    ca.distinguished_name = common_name(&format!("{CA_NAME}{}", hex(&digest.as_ref()[..4])));
    ca.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    ca.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    ca.name_constraints = Some(NameConstraints {
        permitted_subtrees: names
            .dns
            .iter()
            .map(|name| name.strip_prefix("*.").unwrap_or(name).to_owned())
            .map(GeneralSubtree::DnsName)
            .collect(),
        excluded_subtrees: Vec::new(),
    });
    ca
}

/// The leaf's profile. AKI and SKI are there because Python 3.13 verifies with `VERIFY_X509_STRICT`
/// and refuses a leaf without them.
///
/// # Panics
/// Never for [`Names::with`], which accepts only ASCII names.
pub fn leaf_parameters(names: &Names, now: OffsetDateTime) -> CertificateParams {
    let mut leaf = profile(now);
    leaf.distinguished_name = common_name("Azurite on this machine");
    leaf.is_ca = IsCa::ExplicitNoCa;
    leaf.use_authority_key_identifier_extension = true;
    leaf.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    leaf.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    let accounts = ACCOUNTS.into_iter();
    let accounts = accounts.filter(|name| !names.dns.iter().any(|known| known == name));
    let dns = names.dns.iter().map(String::as_str).chain(accounts);
    leaf.subject_alt_names = names
        .addresses
        .iter()
        .map(|address| SanType::IpAddress(*address))
        .chain(dns.map(|name| {
            let name = name.try_into().expect("a DNS name is ASCII");
            SanType::DnsName(name)
        }))
        .collect();
    leaf
}

fn profile(now: OffsetDateTime) -> CertificateParams {
    let mut parameters = CertificateParams::default();
    // Whole seconds: X.509 has no fractions.
    let now = now.replace_nanosecond(0).unwrap_or(now);
    // Parsers expect no date before 1970, where a machine without a clock battery starts.
    let backdated = now - Duration::days(BACKDATE_DAYS);
    parameters.not_before = backdated.max(OffsetDateTime::UNIX_EPOCH);
    parameters.not_after = parameters.not_before + Duration::days(LIFETIME_DAYS);
    // rcgen's own serial is a hash of the key, and NSS refuses a repeated issuer + serial.
    parameters.serial_number = Some(SerialNumber::from_slice(&random::<16>()));
    parameters
}

fn common_name(name: &str) -> DistinguishedName {
    let mut distinguished = DistinguishedName::new();
    distinguished.push(DnType::CommonName, name);
    distinguished
}
