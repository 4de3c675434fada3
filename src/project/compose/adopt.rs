//! Completes an Azurite that the project already has; azup never adds a second one. The user's own
//! flags, mounts, ports and certificate stay as they are.

mod remarks;

use std::path::Path;

use super::command::Line;
use super::outcome::{Adopted, DEFAULT_PORTS, Overlay};
use super::parts::{Command, Parts, Serve, is_within};
use super::reach::{Reach, reach};
use super::read::Services;
use super::recognise::{Start, start, version};
use super::service::Service;
use super::text::expand;
use crate::certificates::PROJECT_FOLDER;

const CERT: &[&str] = &["--cert"];
const KEY: &[&str] = &["--key"];
const OAUTH: &[&str] = &["--oauth"];
const LOCATION: &[&str] = &["-l", "--location"];

/// The overlay that completes the service `name`.
pub(super) fn complete(
    services: &Services,
    app: &str,
    name: &str,
    project: &Path,
) -> Result<Overlay, String> {
    let service = services.get(name).ok_or("it is not there")?;
    if version(service).is_some_and(|version| version < (3, 7)) {
        return Err(
            "it is older than 3.7.0, so it knows no --oauth: give it a newer tag".to_owned(),
        );
    }
    let reach = reach(services, app, name)?;
    let mut work = Work {
        services,
        service,
        project,
        parts: Parts::default(),
        added: Vec::new(),
        notes: Vec::new(),
    };
    work.network(&reach);
    let start = start(services, service)?;
    let ports = work.ports(&start);
    let own = work.command(start, &reach);
    work.published(ports, &reach);
    work.supervise(ports, own);
    work.remarks(&reach);
    let (url_host, added, mut notes) = (reach.host, work.added, work.notes);
    let mut sans = Vec::new();
    if !["127.0.0.1", "azurite", "host.docker.internal"].contains(&url_host.as_str()) {
        sans.push(url_host.clone());
    }
    let run_services = (!service.profiles().is_empty()).then(|| {
        notes.push(format!(
            "{name} starts only with a profile ({}): runServices names it",
            service.profiles().join(", ")
        ));
        let others = services.services.iter();
        let others = others.filter(|(at, other)| at == name || other.profiles().is_empty());
        others.map(|(at, _)| at.clone()).collect()
    });
    let published = service
        .ports()
        .iter()
        .filter_map(same_number)
        .flatten()
        .collect::<Vec<u16>>();
    let published = published.into_iter().chain(
        work.parts
            .ports
            .iter()
            .filter_map(|port| port.rsplit(':').next()?.parse().ok()),
    );
    Ok(Overlay {
        text: work.parts.render(services, name, project),
        service: name.to_owned(),
        host: url_host.clone(),
        ports,
        sans: sans.clone(),
        published: published.collect(),
        adopted: Some(Adopted {
            service: name.to_owned(),
            added,
            notes,
            url_host,
            sans,
            run_services,
        }),
    })
}

/// The ports that have the same number inside and outside.
fn same_number(port: &super::Port) -> Option<std::ops::RangeInclusive<u16>> {
    let target = port.target?;
    (port.published? == target).then_some(target.0..=target.1)
}

/// A service that is being completed.
struct Work<'a> {
    services: &'a Services,
    service: &'a Service,
    project: &'a Path,
    parts: Parts,
    added: Vec<String>,
    notes: Vec<String>,
}

impl Work<'_> {
    fn network(&mut self, reach: &Reach) {
        if let Some(mode) = &reach.join {
            self.added
                .push(format!("the network of the dev container ({mode})"));
            self.parts.network_mode = Some(mode.clone());
        }
        if let Some(network) = &reach.network {
            self.added
                .push(format!("the network {network}, where the dev container is"));
            // A list replaces `default`, the network of a service without one.
            let mut networks = vec![network.clone()];
            if !self.service.has("networks") && network != "default" {
                networks.insert(0, "default".to_owned());
            }
            self.parts.networks = networks;
        }
    }

    /// The ports of blob, queue and table in its own network.
    fn ports(&mut self, start: &Start) -> [Option<u16>; 3] {
        let Start::Line(line, _) = start else {
            return DEFAULT_PORTS.map(Some);
        };
        let mut ports = [None; 3];
        for (index, flag) in ["--blobPort", "--queuePort", "--tablePort"]
            .into_iter()
            .enumerate()
        {
            if !line.runs[index] {
                continue;
            }
            let named = line.value(&[flag]);
            let port = named.and_then(expand).and_then(|port| port.parse().ok());
            if let Some(named) = named.filter(|_| port.is_none()) {
                self.notes.push(format!(
                    "its {flag} is {named}: {} is taken for it",
                    DEFAULT_PORTS[index]
                ));
            }
            ports[index] = Some(port.unwrap_or(DEFAULT_PORTS[index]));
        }
        ports
    }

    /// The command line, with the volumes that it needs. Returns whether the user named the
    /// certificate.
    fn command(&mut self, start: Start, reach: &Reach) -> bool {
        let Start::Line(mut line, entrypoint) = start else {
            self.notes.push(OWN_CERTIFICATE.to_owned());
            return true;
        };
        let before = line.clone();
        let has =
            |line: &Line, names: &[&str]| line.value(names).is_some_and(|value| !value.is_empty());
        let own = has(&line, CERT) && (has(&line, KEY) || has(&line, &["--pwd"]));
        if reach.open || line.has(&["--blobHost", "--queueHost", "--tableHost"]) {
            self.hosts(&mut line, reach);
        }
        self.data(&mut line);
        if own {
            self.flags(&mut line, None);
            if !self.is_ours(&line) {
                self.notes.push(OWN_CERTIFICATE.to_owned());
            }
            if line != before {
                let words = line.words().map(str::to_owned).collect();
                self.parts.command = Command::Words(words, entrypoint);
            }
            return true;
        }
        if line.has(CERT) || line.has(KEY) {
            let half = if line.has(CERT) {
                "--cert without --key"
            } else {
                "--key without --cert"
            };
            self.notes.push(format!("it had {half}, with which Azurite serves no HTTPS: azup's certificate takes its place"));
        }
        for names in [CERT, KEY, &["--pwd"]] {
            line.remove(names);
        }
        let taken = |target: &str| self.service.volumes().iter().any(|at| at.target == target);
        let certs = ["/certs", "/azup-certs"]
            .into_iter()
            .find(|target| !taken(target));
        let certs = certs.unwrap_or("/azup-certs-2").to_owned();
        self.flags(&mut line, Some(&certs));
        self.added
            .push("the certificate, and HTTPS beside HTTP".to_owned());
        let mode = self.service.field("network_mode");
        let mode = mode.and_then(|mode| mode.as_str().map(str::to_owned));
        let mode = self.parts.network_mode.clone().or(mode);
        let theirs = self.service.environment("NODE_OPTIONS");
        self.parts.serve = Some(Serve {
            certs,
            leaves: mode.is_some_and(|mode| mode.starts_with("service:")),
            // One without a value comes from the host.
            node_options: theirs.map(|value| value.unwrap_or("${NODE_OPTIONS-}".to_owned())),
        });
        self.parts.command = Command::Line(line.for_shell(), entrypoint);
        false
    }

    /// Whether the certificate that it names is the project's own from azup.
    fn is_ours(&self, line: &Line) -> bool {
        let ours = self.project.join(PROJECT_FOLDER);
        let cert = line.value(CERT).and_then(expand).unwrap_or_default();
        self.service.volumes().iter().any(|volume| {
            let source = volume.source.as_deref().unwrap_or_default();
            Path::new(&cert).starts_with(&volume.target)
                && source.starts_with(['.', '/'])
                && is_within(self.services, source, &ours)
        })
    }

    fn hosts(&mut self, line: &mut Line, reach: &Reach) {
        for (index, flag) in ["--blobHost", "--queueHost", "--tableHost"]
            .into_iter()
            .enumerate()
        {
            if !line.runs[index] {
                continue;
            }
            let good = match line.value(&[flag]) {
                None => !reach.open,
                // The machine's variables are unknown here.
                Some(value) => expand(value).is_none_or(|value| {
                    ["0.0.0.0", "::"].contains(&value.as_str())
                        || (!reach.open && ["127.0.0.1", "localhost"].contains(&value.as_str()))
                }),
            };
            if !good {
                line.set(&[flag], "0.0.0.0");
                self.added.push(format!("the flag {flag} 0.0.0.0"));
            }
        }
    }

    fn data(&mut self, line: &mut Line) {
        if line.has(&["--inMemoryPersistence"]) {
            return;
        }
        let volumes = self.service.volumes();
        let folder = self
            .service
            .field("working_dir")
            .and_then(|dir| dir.as_str());
        let folder = folder.unwrap_or("/opt/azurite");
        let mounted = |at: &Path| volumes.iter().any(|volume| at.starts_with(&volume.target));
        let location = match line.value(LOCATION) {
            Some(value) if !value.is_empty() => value.to_owned(),
            _ if mounted(Path::new(folder)) => folder.to_owned(),
            _ => {
                line.remove(LOCATION);
                line.push(&["-l", "/data"]);
                self.added.push("the flag -l /data".to_owned());
                "/data".to_owned()
            }
        };
        let Some(location) = expand(&location) else {
            return;
        };
        let location = Path::new(folder).join(location);
        let location: std::path::PathBuf = location.components().collect();
        let tmpfs = self.service.has("tmpfs");
        if mounted(&location) || tmpfs {
            return;
        }
        let mut volume = "azurite-data".to_owned();
        while self.services.volumes.contains(&volume) {
            volume.push_str("-https");
        }
        let target = location.to_string_lossy().into_owned();
        self.added.push(format!("the volume {volume} at {target}"));
        self.parts.data = Some((volume, target));
    }

    /// The article's flags, if they are missing and its version supports them.
    fn flags(&mut self, line: &mut Line, certs: Option<&str>) {
        let basic = line
            .value(OAUTH)
            .is_some_and(|value| value == "basic" || value.contains('$'));
        if let Some(certs) = certs {
            line.push(&["--cert", &format!("{certs}/cert.pem")]);
            line.push(&["--key", &format!("{certs}/key.pem")]);
        }
        if !basic {
            line.remove(OAUTH);
            line.push(&["--oauth", "basic"]);
            self.added.push("the flag --oauth basic".to_owned());
        }
        let version = version(self.service).unwrap_or((u32::MAX, 0));
        let flags = [
            ("--skipApiVersionCheck", (3, 8)),
            ("--disableTelemetry", (3, 34)),
        ];
        for (flag, since) in flags {
            if !line.has(&[flag]) && version >= since {
                line.push(&[flag]);
                self.added.push(format!("the flag {flag}"));
            }
        }
    }

    /// If it publishes some of its ports, publishes the others as well, only on loopback.
    fn published(&mut self, ports: [Option<u16>; 3], reach: &Reach) {
        let there = self.service.ports();
        let unknown = there.iter().any(|port| port.target.is_none());
        if unknown || (there.is_empty() && !reach.publish) {
            return;
        }
        for port in ports.into_iter().flatten() {
            let has = there.iter().any(|at| {
                at.target
                    .is_some_and(|(first, last)| (first..=last).contains(&port))
            });
            let busy = there.iter().any(|at| {
                at.published
                    .is_some_and(|(first, last)| (first..=last).contains(&port))
            });
            if !has && !busy {
                self.parts.ports.push(format!("127.0.0.1:{port}:{port}"));
                self.added
                    .push(format!("the port {port} on the host's 127.0.0.1"));
            }
        }
    }

    fn supervise(&mut self, ports: [Option<u16>; 3], own: bool) {
        let service = self.service;
        if !service.has("init") && self.parts.command != Command::Kept {
            self.parts.plain.push("init");
            self.added.push("init".to_owned());
        }
        let restart = service.field("restart").and_then(|value| value.as_str());
        // It ends when the network that it has joined disappears, and must restart in the new one.
        if restart.is_none() || (restart == Some("no") && self.parts.network_mode.is_some()) {
            self.parts.plain.push("restart");
            self.added.push("restart: unless-stopped".to_owned());
        }
        if own {
            return;
        }
        if !service.has("healthcheck") {
            self.parts.healthcheck = Some(ports.into_iter().flatten().collect());
            self.added.push("a healthcheck".to_owned());
        }
    }
}

const OWN_CERTIFICATE: &str = "it keeps the certificate that its command names: trust the CA that \
    signed it, or take --cert and --key out of its command and run azup init again";
