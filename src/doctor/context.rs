//! What checks share: the certificate set, the ports, the server for clients. Each is determined
//! once, when the first check asks for it.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use anyhow::Result;
use zeroize::Zeroizing;

use super::server::Server;
use crate::azurite::{self, Listener, Ports, Service};
use crate::certificates::{FILES, SetLocation, TrustAnchor};
use crate::failure::{Failure, shown};
use crate::files;
use crate::machine::{self, Finished, Machine};
use crate::options::{DoctorOptions, Global, Kind};
use crate::project::notices::ProjectNotices;
use crate::supervisor;
use crate::workspace::marked_project;

/// What answers at the port of each service.
pub(super) type Listeners = [(Service, u16, Listener); 3];

/// The input of every check.
#[derive(Debug)]
pub struct Context {
    pub machine: Machine,
    /// The options that every command takes.
    pub global: Global,
    /// Where Azurite should be.
    pub ports: Ports,
    /// How long one check may take.
    pub limit: Duration,
    place: SetLocation,
    set: OnceLock<Set>,
    server: OnceLock<Result<Server, String>>,
    listeners: OnceLock<Result<Listeners, String>>,
    told: OnceLock<ProjectNotices>,
}

/// The error for something that took too long: it proves nothing either way.
#[derive(Debug)]
pub(super) struct TimedOut(pub(super) String);

impl std::fmt::Display for TimedOut {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for TimedOut {}

/// A time limit in words.
pub(super) fn seconds(limit: Duration) -> String {
    match limit.as_secs() {
        1 => "a second".to_owned(),
        count => format!("{count} seconds"),
    }
}

/// The files of a certificate set as they are, good or not.
#[derive(Debug)]
pub struct Set {
    /// The bytes of each of [`FILES`]; `None` if the file does not exist. A key that this user may
    /// not read is empty.
    pub files: [Option<Zeroizing<Vec<u8>>>; 3],
    /// Whether the key belongs to another user.
    pub closed: bool,
    /// The CA, if that file holds one certificate.
    pub ca: Option<TrustAnchor>,
    /// The leaf, if that file holds one certificate.
    pub leaf: Option<TrustAnchor>,
}

impl Context {
    /// Parses the command line. If it names no ports, those of the Azurite that azup runs count,
    /// else the usual ones.
    pub fn new(doctor: &DoctorOptions, global: &Global, machine: &Machine) -> Result<Self> {
        let running = supervisor::running(machine);
        let project = marked_project(machine);
        let ours = running.iter().filter(|one| one.project == project);
        let ours = ours.max_by_key(|one| (one.ports == Ports::USUAL, one.is_shared()));
        let usual = match (ours, running.as_slice()) {
            (Some(one), _) | (None, [one]) => one.ports,
            _ => Ports::USUAL,
        };
        Ok(Self {
            machine: machine.clone(),
            global: global.clone(),
            ports: Ports {
                blob: doctor.blob_port.unwrap_or(usual.blob),
                queue: doctor.queue_port.unwrap_or(usual.queue),
                table: doctor.table_port.unwrap_or(usual.table),
            },
            limit: Duration::from_secs(doctor.limit),
            place: SetLocation::find(machine, global)?,
            set: OnceLock::new(),
            server: OnceLock::new(),
            listeners: OnceLock::new(),
            told: OnceLock::new(),
        })
    }

    /// Whether the current folder may belong to a project: a home folder does not, whatever it
    /// contains.
    pub fn is_project(&self) -> bool {
        self.machine.home().ok() != Some(self.machine.cwd())
    }

    /// Notices about the files of the current folder's project; none for a home folder.
    pub fn told(&self) -> &ProjectNotices {
        let look = || ProjectNotices::of(self.machine.cwd());
        self.told.get_or_init(|| if self.is_project() { look() } else { ProjectNotices::default() })
    }

    /// The place of the certificate set.
    pub fn place(&self) -> &SetLocation {
        &self.place
    }

    /// The folder of the certificate set.
    pub fn folder(&self) -> &Path {
        self.place.folder()
    }

    /// One of the set's files.
    pub fn file(&self, at: usize) -> PathBuf {
        self.folder().join(FILES[at])
    }

    /// The certificate set as it is.
    pub fn set(&self) -> &Set {
        self.set.get_or_init(|| Set::read(self.folder()))
    }

    /// The CA, whatever its age.
    pub fn ca(&self) -> Option<&TrustAnchor> {
        self.set().ca.as_ref()
    }

    /// Whether to look at stores of this kind.
    pub fn wants(&self, kind: Kind) -> bool {
        let stores = self.global.stores.as_deref();
        stores.is_none_or(|stores| stores.contains(&kind))
    }

    /// The server that shows the set's leaf to clients.
    pub fn server(&self) -> Result<&Server> {
        let started = self
            .server
            .get_or_init(|| match (self.set().closed, &self.set().files) {
                (true, _) => Err("the key belongs to another user".to_owned()),
                (_, [_, Some(key), Some(cert)]) => {
                    Server::start(cert, key).map_err(|error| format!("{error:#}"))
                }
                _ => Err("there is no certificate set".to_owned()),
            });
        started
            .as_ref()
            .map_err(|why| Failure::new(why.clone()).into())
    }

    /// What answers at each of Azurite's ports.
    pub fn listeners(&self) -> Result<&Listeners> {
        let seen = self.listeners.get_or_init(|| {
            // A listener without TLS is recognised at once, and then has nearly as long again.
            let limit = self.limit * 9 / 10;
            let look = |(service, port)| {
                machine::thread(move || (service, port, azurite::look(service, port, limit)))
            };
            let [first, second, third] = self.ports.services().map(look);
            let join = |looking: Result<JoinHandle<(Service, u16, Result<Listener>)>>| {
                let (service, port, listener) = looking
                    .map_err(|error| format!("{error:#}"))?
                    .join()
                    .map_err(|_| "looking at a port failed".to_owned())?;
                let listener = listener.map_err(|error| format!("{error:#}"))?;
                Ok::<_, String>((service, port, listener))
            };
            Ok([join(first)?, join(second)?, join(third)?])
        });
        seen.as_ref()
            .map_err(|why| Failure::new(why.clone()).into())
    }

    /// Runs a program for no longer than a check may take.
    pub fn program(&self, argv: &[OsString], input: Option<&[u8]>) -> Result<Finished> {
        let until = Instant::now() + self.limit;
        self.machine.run(argv, input, self.limit).map_err(|error| {
            if Instant::now() < until {
                return error;
            }
            let program = argv.first().map(|program| shown(program.as_ref()));
            let program = program.unwrap_or_default();
            TimedOut(format!(
                "{program} did not end within {}",
                seconds(self.limit)
            ))
            .into()
        })
    }

    /// The command that starts Azurite on the ports that are checked.
    pub fn up(&self) -> String {
        let mut command = "azup up -d".to_owned();
        for ((service, port), usual) in self.ports.services().into_iter().zip(10000..) {
            if port != usual {
                command += &format!(" --{}-port {port}", service.name());
            }
        }
        command
    }
}

impl Set {
    fn read(folder: &Path) -> Self {
        let paths = FILES.map(|name| folder.join(name));
        let closed = files::is_closed_to_us(&paths[1]);
        let read = |at: usize| {
            if at == 1 && closed {
                return Some(Zeroizing::default());
            }
            let bytes = files::read_if_there(&paths[at]).ok().flatten();
            bytes.map(Zeroizing::new)
        };
        let files = [0, 1, 2].map(read);
        let certificate = |at: usize| {
            let bytes = files[at].as_deref()?;
            TrustAnchor::any(bytes, &paths[at]).ok()
        };
        Self {
            ca: certificate(0),
            leaf: certificate(2),
            closed,
            files,
        }
    }
}
