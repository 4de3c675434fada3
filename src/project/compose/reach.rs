//! How the dev container reaches an existing Azurite. Its network is left alone if anything else
//! may rely on it: then its URLs have its name instead of 127.0.0.1.

use super::read::Services;
use super::service::{Namespace, Service};

/// Options that the engine refuses in a container that joins another's network, or that show that
/// other services look for it where it is.
const OF_THE_NETWORK: [&str; 13] = [
    "ports",
    "networks",
    "network_mode",
    "hostname",
    "domainname",
    "links",
    "external_links",
    "extra_hosts",
    "dns",
    "dns_search",
    "dns_opt",
    "expose",
    "mac_address",
];

/// How the app reaches it.
pub(super) struct Reach {
    pub(super) host: String,
    /// The overlay gives it this `network_mode`.
    pub(super) join: Option<String>,
    /// The overlay also adds it to this network.
    pub(super) network: Option<String>,
    /// It has to listen on every address, not only on its own loopback.
    pub(super) open: bool,
    /// The app is in the host's network, so it only reaches published ports.
    pub(super) publish: bool,
}

pub(super) fn reach(services: &Services, app: &str, name: &str) -> Result<Reach, String> {
    let service = services.get(name).ok_or("it is not there")?;
    let (own, of_app) = (services.namespace(name)?, services.namespace(app)?);
    let local = Reach {
        host: "127.0.0.1".to_owned(),
        join: None,
        network: None,
        open: false,
        publish: false,
    };
    if own == of_app {
        return Ok(local);
    }
    let owner = match &own {
        Namespace::Service(owner) => owner,
        Namespace::Host => {
            return Ok(Reach {
                host: "host.docker.internal".to_owned(),
                open: true,
                ..local
            });
        }
        _ => {
            return Err(format!(
                "its network_mode is {}, where {app} does not reach it",
                service.network_mode().unwrap_or_default()
            ));
        }
    };
    let mode = joined(services, app)?;
    let alone = !OF_THE_NETWORK.iter().any(|key| service.has(key));
    if alone && services.dependents(name).is_empty() {
        return Ok(Reach {
            join: Some(mode),
            ..local
        });
    }
    let Namespace::Service(of_app) = of_app else {
        return Ok(Reach {
            open: true,
            publish: true,
            ..local
        });
    };
    let networks = |name: &str| {
        services
            .get(name)
            .map(Service::networks)
            .unwrap_or_default()
    };
    let (theirs, ours) = (networks(owner), networks(&of_app));
    let network = match ours.first() {
        Some(_) if ours.iter().any(|at| theirs.contains(at)) => None,
        Some(first) if owner == name && !theirs.is_empty() => Some(first.clone()),
        _ => {
            let bridge = |name: &str| {
                let service = services.get(name);
                service.and_then(Service::network_mode) == Some("bridge")
            };
            if bridge(&of_app) && bridge(owner) {
                return Err(format!(
                    "{app} and {owner} are in the engine's own bridge (network_mode: bridge), which \
                     no other service can join: leave that out, and compose makes a network for both"
                ));
            }
            return Err(format!("{app} and {owner} have no network in common"));
        }
    };
    Ok(Reach {
        host: owner.clone(),
        join: None,
        network,
        open: true,
        publish: false,
    })
}

/// The `network_mode` with which a service shares the network of `app`.
pub(super) fn joined(services: &Services, app: &str) -> Result<String, String> {
    match services.namespace(app)? {
        Namespace::Service(owner) => Ok(format!("service:{owner}")),
        Namespace::Host => Ok("host".to_owned()),
        Namespace::Container(name) => Err(format!(
            "{app} is in the network of the container {name}, which compose does not start"
        )),
        Namespace::None => Err(format!(
            "{app} has `network_mode: none`, so no network at all"
        )),
    }
}
