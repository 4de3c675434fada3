//! The certificate set, part by part, so that each fault has a name.

use anyhow::Result;
use time::Duration;
use x509_parser::prelude::{FromDer as _, ParsedExtension, X509Certificate};

use super::{AutoFix, Check, Context, Finding, Run};
use crate::certificates::{
    CertificateSet, FILES, Names, SetLocation, TrustAnchor, check_origin, day, names_of, renew_command,
};
use crate::failure::shown;

/// `azup trust` renews a set that has fewer days left than this.
const DAYS_LEFT: i64 = 30;

pub(super) const CHECKS: &[Check] = &[
    Check {
        id: "certificate-origin",
        title: "azup made the certificate set on this machine",
        explained_by: &[],
        starts_program: false,
        run: Run::Check(origin),
    },
    Check {
        id: "certificate-set",
        title: "the certificate set exists and is complete",
        explained_by: &[],
        starts_program: false,
        run: Run::Check(set),
    },
    Check {
        id: "certificate-dates",
        title: "CA and certificate are valid for at least a month",
        explained_by: &["clock", "certificate-set"],
        starts_program: false,
        run: Run::Check(dates),
    },
    Check {
        id: "certificate-key",
        title: "the key belongs to the certificate",
        explained_by: &["certificate-set"],
        starts_program: false,
        run: Run::Check(key),
    },
    Check {
        id: "certificate-names",
        title: "the certificate is valid for this machine's names",
        explained_by: &["certificate-set"],
        starts_program: false,
        run: Run::Check(names),
    },
    Check {
        id: "certificate-identifiers",
        title: "the certificate names its CA's key (Python 3.13 insists)",
        explained_by: &["certificate-set"],
        starts_program: false,
        run: Run::Check(identifiers),
    },
    Check {
        id: "certificate-chain",
        title: "the CA signed the certificate",
        explained_by: &[
            "certificate-set",
            "certificate-key",
            "certificate-names",
            "certificate-identifiers",
        ],
        starts_program: false,
        run: Run::Check(chain),
    },
];

/// The command that makes a new set, and whether azup may run it unasked: never if it would replace
/// what another tool made, or what the user named.
fn renewal(context: &Context, finding: Finding) -> Finding {
    let foreign = context.ca().is_some_and(|ca| !ca.is_ours());
    match context.place() {
        SetLocation::Named(folder) => finding.fix(renew_command(folder)),
        _ if foreign => finding.fix("azup renew"),
        _ => finding.fix("azup renew").mend(AutoFix::Renew),
    }
}

fn origin(context: &Context) -> Result<Finding> {
    let Some(ca) = context.ca() else {
        return Ok(Finding::skip("there is no CA to ask about"));
    };
    check_origin(&context.machine, context.place(), ca)?;
    Ok(Finding::ok(format!("SHA-256 {}", ca.fingerprint())))
}

fn set(context: &Context) -> Result<Finding> {
    let folder = shown(context.folder());
    let set = context.set();
    let missing: Vec<&str> = FILES
        .into_iter()
        .zip(&set.files)
        .filter(|(_, bytes)| bytes.is_none())
        .map(|(name, _)| name)
        .collect();
    if missing.len() == FILES.len() {
        let finding = Finding::fail(format!("there is none in {folder}"));
        return Ok(match context.place() {
            SetLocation::Named(folder) => finding.fix(renew_command(folder)),
            _ => finding.fix("azup trust").mend(AutoFix::Trust),
        });
    }
    if !missing.is_empty() {
        let what = format!("{} is missing in {folder}", missing.join(" and "));
        return Ok(renewal(context, Finding::fail(what)));
    }
    for at in [0, 2] {
        let bytes = set.files[at].as_deref().map_or(&[][..], Vec::as_slice);
        if let Err(error) = TrustAnchor::any(bytes, &context.file(at)) {
            let finding = Finding::of_error(&error);
            return Ok(if finding.fix.is_some() {
                finding
            } else {
                renewal(context, finding)
            });
        }
    }
    Ok(Finding::ok(folder))
}

fn both(context: &Context) -> Option<(&TrustAnchor, &TrustAnchor)> {
    Some((context.set().ca.as_ref()?, context.set().leaf.as_ref()?))
}

fn unread() -> Finding {
    Finding::fail("the set cannot be read")
}

fn dates(context: &Context) -> Result<Finding> {
    let Some((ca, leaf)) = both(context) else {
        return Ok(unread());
    };
    let now = context.machine.now();
    let end = ca.not_after.min(leaf.not_after);
    let start = ca.not_before.max(leaf.not_before);
    let trust = |finding: Finding| match context.place() {
        SetLocation::Named(folder) => finding.fix(renew_command(folder)),
        // It renews what azup made.
        _ if ca.is_ours() => finding.fix("azup trust").mend(AutoFix::Trust),
        _ => finding.fix("azup renew"),
    };
    if now < start {
        let what = format!(
            "not valid before {}: it was made while the clock was wrong",
            day(start)
        );
        return Ok(renewal(context, Finding::fail(what)));
    }
    if now > end {
        return Ok(trust(Finding::fail(format!("expired on {}", day(end)))));
    }
    if end - now < Duration::days(DAYS_LEFT) {
        return Ok(trust(Finding::warn(format!("expires on {}", day(end)))));
    }
    Ok(Finding::ok(format!("valid until {}", day(end))))
}

fn key(context: &Context) -> Result<Finding> {
    let set = context.set();
    let (Some(key), Some(leaf)) = (&set.files[1], &set.leaf) else {
        return Ok(unread());
    };
    if set.closed {
        return Ok(Finding::skip("the key belongs to another user"));
    }
    let pair = std::str::from_utf8(key).ok();
    let pair = pair.and_then(|pem| rcgen::KeyPair::from_pem(pem).ok());
    let (key, cert) = (shown(&context.file(1)), shown(&context.file(2)));
    let Some(pair) = pair else {
        let what = format!("{key} holds no private key that azup can read");
        return Ok(renewal(context, Finding::fail(what)));
    };
    let (_, leaf) = X509Certificate::from_der(&leaf.der)?;
    if rcgen::PublicKeyData::subject_public_key_info(&pair) != leaf.public_key().raw {
        let what = format!("{key} is not the key of {cert}");
        return Ok(renewal(context, Finding::fail(what)));
    }
    Ok(Finding::ok(format!("{key} is the key of {cert}")))
}

fn names(context: &Context) -> Result<Finding> {
    let Some(leaf) = &context.set().leaf else {
        return Ok(unread());
    };
    let (_, leaf) = X509Certificate::from_der(&leaf.der)?;
    let (names, wanted) = (names_of(&leaf), Names::with(&[])?);
    if names.cover(&wanted) {
        let all = names.dns.iter().cloned();
        let all = all.chain(names.addresses.iter().map(ToString::to_string));
        return Ok(Finding::ok(all.collect::<Vec<_>>().join(", ")));
    }
    let dns = wanted.dns.iter().filter(|name| !names.dns.contains(name));
    let addresses = wanted.addresses.iter();
    let addresses = addresses.filter(|address| !names.addresses.contains(address));
    let addresses: Vec<String> = addresses.map(ToString::to_string).collect();
    let dns: Vec<String> = dns.cloned().collect();
    // The names through which SDKs reach Azurite; the others are for containers.
    let needed = !addresses.is_empty() || dns.iter().any(|name| name == "localhost");
    let missing = [dns, addresses].concat().join(", ");
    let what = format!("it is not valid for {missing}");
    let finding = if needed {
        Finding::fail(what)
    } else {
        Finding::warn(what)
    };
    Ok(renewal(context, finding))
}

fn identifiers(context: &Context) -> Result<Finding> {
    let Some((ca, leaf)) = both(context) else {
        return Ok(unread());
    };
    let (_, ca) = X509Certificate::from_der(&ca.der)?;
    let (_, leaf) = X509Certificate::from_der(&leaf.der)?;
    let of_ca = ca
        .extensions()
        .iter()
        .find_map(|extension| match extension.parsed_extension() {
            ParsedExtension::SubjectKeyIdentifier(id) => Some(id.0),
            _ => None,
        });
    let named = leaf
        .extensions()
        .iter()
        .find_map(|extension| match extension.parsed_extension() {
            ParsedExtension::AuthorityKeyIdentifier(id) => {
                id.key_identifier.as_ref().map(|id| id.0)
            }
            _ => None,
        });
    let what = match (of_ca, named) {
        (Some(of_ca), Some(named)) if of_ca == named => {
            return Ok(Finding::ok(
                "authority and subject key identifier are present",
            ));
        }
        (Some(_), Some(_)) => "the certificate names the key of another CA",
        (Some(_), None) => "the certificate has no authority key identifier: another tool made it",
        (None, _) => "the CA has no subject key identifier: another tool made it",
    };
    Ok(renewal(context, Finding::fail(what)))
}

/// At a moment when both are valid: dates have a separate check.
fn chain(context: &Context) -> Result<Finding> {
    let Some((ca, leaf)) = both(context) else {
        return Ok(unread());
    };
    let start = ca.not_before.max(leaf.not_before);
    let end = ca.not_after.min(leaf.not_after);
    if start > end {
        let what = "CA and certificate are never valid at the same time";
        return Ok(renewal(context, Finding::fail(what)));
    }
    let at = context.machine.now().clamp(start, end);
    match CertificateSet::load_unchecked(context.folder(), at) {
        Ok(_) => Ok(Finding::ok(format!("{} signed it", ca.label))),
        Err(error) => {
            let finding = Finding::of_error(&error);
            // A hint that is not about a new set is the better one.
            let is_renewal = |fix: &String| fix.starts_with("azup renew");
            Ok(match &finding.fix {
                Some(fix) if !is_renewal(fix) => finding,
                _ => renewal(context, finding),
            })
        }
    }
}
