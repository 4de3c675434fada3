//! Who made a certificate set, checked before anything trusts or serves it. Every command that
//! reads a set comes through here.
//!
//! The owner of a repository can commit a set and keep its CA key; once that CA is trusted, they
//! could impersonate any server. So a project's set counts only if azup issued its CA on this
//! machine ([`IssuedList`]) or the user explicitly vouched for it. In a dev container, where the
//! list is empty and only the container's own stores are at stake, the project's set is taken as it
//! is.

use std::fs::Metadata;
use std::path::{Path, PathBuf};

use anyhow::Result;

use super::issued::IssuedList;
use super::{CertificateSet, FILES, PROJECT_FOLDER, STAGED, SetLocation, TrustAnchor};
use crate::failure::{Exit, Failure, command_line, shown};
use crate::files;
use crate::git;
use crate::machine::Machine;
use crate::os::{self, MetadataExt as _};
use crate::workspace::{self, Workspace};

/// Decides for one place.
pub(super) struct Origin<'a> {
    machine: &'a Machine,
    place: &'a SetLocation,
    list: IssuedList,
    /// The folder of the project that the set belongs to, if any.
    project: Option<PathBuf>,
    /// Whether only the stores of this dev container are at stake.
    container: bool,
}

impl<'a> Origin<'a> {
    /// Checks the place itself, before any of its files is trusted.
    pub(super) fn of(machine: &'a Machine, place: &'a SetLocation) -> Result<Self> {
        let this = Self {
            machine,
            place,
            list: IssuedList::load(machine)?,
            project: project_of(machine, place),
            container: machine.is_dev_container(),
        };
        if matches!(place, SetLocation::Machine(_)) {
            // `Machine::own_folder` has made sure that only this user can write it.
            return Ok(this);
        }
        if let Some(project) = &this.project {
            this.refuse_links(project)?;
            this.refuse_other_kinds()?;
        }
        if !this.container {
            this.refuse_other_owners()?;
            if let Some(project) = &this.project {
                this.refuse_tracked(project)?;
            }
        }
        Ok(this)
    }

    /// Whether the set with this CA may be trusted and served.
    pub(super) fn accepts(&self, ca: &TrustAnchor) -> bool {
        let sha256 = ca.sha256();
        let holds = |list: &IssuedList| list.issued(&sha256) || list.vouched(&sha256);
        // A renewal lists its CA and then writes the set. It may have done both since the list was
        // read, so if a set is not listed, the list is read again.
        if holds(&self.list) || IssuedList::load(self.machine).is_ok_and(|now| holds(&now)) {
            return true;
        }
        match self.place {
            // The user's own choice, unless it names a folder that came with a repository.
            SetLocation::Named(_) => self.project.is_none() || self.container,
            SetLocation::Project(_) => self.container,
            SetLocation::Machine(_) => false,
        }
    }

    /// Like [`Origin::accepts`], but returns the error with which a command ends.
    pub(super) fn require(&self, ca: &TrustAnchor) -> Result<()> {
        if self.accepts(ca) {
            return Ok(());
        }
        let folder = self.place.folder();
        Err(self
            .refusal(&format!(
                "the certificate set in {} was not made by azup on this machine",
                shown(folder)
            ))
            .hint(self.renew_command())
            .into())
    }

    /// Whether this is the machine set of an azup that did not keep a list yet. It may have been
    /// planted, so a new one replaces it.
    pub(super) fn is_of_older_azup(&self, ca: &TrustAnchor) -> bool {
        matches!(self.place, SetLocation::Machine(_)) && !self.list.was_there() && !self.accepts(ca)
    }

    /// Whether a renewal may overwrite a set with this CA or leaf without keeping it: azup made it,
    /// or it is an older azup's machine set.
    pub(super) fn may_overwrite(&self, certificate: &TrustAnchor) -> bool {
        let sha256 = certificate.sha256();
        let by_name = self.container || matches!(self.place, SetLocation::Machine(_));
        self.list.issued(&sha256)
            || self.list.issued_leaf(&sha256)
            || (by_name && certificate.is_ours())
    }

    /// The command that makes azup's own set in this place.
    fn renew_command(&self) -> String {
        match self.place {
            SetLocation::Named(folder) => super::renew_command(folder),
            SetLocation::Project(_) | SetLocation::Machine(_) => "azup renew".to_owned(),
        }
    }

    /// A refusal that names the CA and the two ways forward. The caller adds the hint.
    fn refusal(&self, why: &str) -> Failure {
        let file = self.place.folder().join(FILES[0]);
        let ca = files::read_if_there(&file).ok().flatten();
        let ca = ca.and_then(|bytes| TrustAnchor::any(&bytes, &file).ok());
        let fingerprint = ca.map_or_else(
            || "its CA cannot be read".to_owned(),
            |ca| format!("its CA has the SHA-256 fingerprint {}", ca.fingerprint()),
        );
        Failure::new(format!(
            "{why}, so it is not used: whoever made it could impersonate any server ({fingerprint}). \
             Nothing was changed. azup renew makes a set of your own; \
             {} accepts this one, if you know who made it",
            command_line([
                "azup".as_ref(),
                "trust".as_ref(),
                "--ca".as_ref(),
                file.as_os_str()
            ])
        ))
        .exit(Exit::Refused)
    }

    /// Whether git tracks one of the files that a renewal stages, or might.
    pub(super) fn stage_is_tracked(&self) -> bool {
        self.project.is_some()
            && !git::tracked_among(self.place.folder(), &STAGED).is_ok_and(|names| names.is_empty())
    }

    /// The folder and the files, or where they would be.
    fn parts(&self) -> impl Iterator<Item = PathBuf> {
        let folder = self.place.folder();
        let files = FILES.into_iter().chain(STAGED);
        let files = files.map(move |name| folder.join(name));
        std::iter::once(folder.to_owned()).chain(files)
    }

    /// A link inside the project may stay; one that leads out could make azup read, and a renewal
    /// overwrite, files outside the project.
    fn refuse_links(&self, project: &Path) -> Result<()> {
        let folder = self.place.folder();
        let between = folder
            .ancestors()
            .skip(1)
            .take_while(|each| *each != project && each.starts_with(project))
            .map(Path::to_owned);
        for path in between.chain(self.parts()) {
            if !path.is_symlink() {
                continue;
            }
            let why = match (path.canonicalize(), project.canonicalize()) {
                (Ok(real), Ok(project)) if real.starts_with(&project) => continue,
                (Ok(_), _) => "leads out of the project",
                (Err(_), _) => "leads nowhere",
            };
            let words = ["rm".as_ref(), path.as_os_str()];
            return Err(self
                .refusal(&format!("{} is a link that {why}", shown(&path)))
                .hint(format!(
                    "{} && {}",
                    command_line(words),
                    self.renew_command()
                ))
                .into());
        }
        // Every link stayed inside the project when checked; one may have been added since.
        if !files::is_and_stays_within(folder, project) {
            let what = format!("{} is being replaced by another program", shown(folder));
            return Err(self.refusal(&what).hint(self.renew_command()).into());
        }
        Ok(())
    }

    /// A folder or a device cannot be read or written as a file.
    fn refuse_other_kinds(&self) -> Result<()> {
        for path in self.parts().skip(1) {
            let Ok(about) = path.metadata() else { continue };
            if about.is_file() {
                continue;
            }
            let kind = if about.is_dir() { "a folder" } else { "not a regular file" };
            let mut aside = path.clone().into_os_string();
            aside.push(".before");
            let words = ["mv".as_ref(), "-n".as_ref(), path.as_os_str(), &aside];
            return Err(self
                .refusal(&format!("{} is {kind}", shown(&path)))
                .hint(format!("{} && {}", command_line(words), self.renew_command()))
                .into());
        }
        Ok(())
    }

    fn refuse_other_owners(&self) -> Result<()> {
        let around = self.project.as_deref().and_then(|at| at.metadata().ok());
        for path in self.parts() {
            let Ok(about) = path.symlink_metadata() else {
                continue;
            };
            let folder = self.place.folder();
            let Some(why) = other_owner(&path, &about, around.as_ref()) else {
                continue;
            };
            let hint = match why {
                Other::Owns(_) => {
                    let aside = folder.with_file_name("azurite-certs.other-owner");
                    let words = ["mv".as_ref(), folder.as_os_str(), aside.as_os_str()];
                    format!("{} && {}", command_line(words), self.renew_command())
                }
                Other::Writes => {
                    let words = ["chmod".as_ref(), "go-w".as_ref(), path.as_os_str()];
                    command_line(words)
                }
            };
            let why = match why {
                Other::Owns(uid) => format!("{} belongs to another user (uid {uid})", shown(&path)),
                Other::Writes => format!("other users may write to {}", shown(&path)),
            };
            return Err(self.refusal(&why).hint(hint).into());
        }
        Ok(())
    }

    /// Anyone who has the repository has the key, even that of a set that azup made.
    fn refuse_tracked(&self, project: &Path) -> Result<()> {
        let folder = self.place.folder();
        let tracked = git::tracked_among(folder, &FILES).map_err(|why| {
            self.refusal(&format!(
                "azup cannot tell whether git tracks the certificate set in {} ({why})",
                shown(folder)
            ))
            .hint(why.fix)
        })?;
        if tracked.is_empty() {
            return Ok(());
        }
        let ca = folder.join(FILES[0]);
        let ca = files::read_if_there(&ca)
            .ok()
            .flatten()
            .and_then(|bytes| TrustAnchor::any(&bytes, &ca).ok());
        if ca.is_some_and(|ca| self.list.vouched(&ca.sha256())) {
            return Ok(());
        }
        let mut words = vec!["git".into(), "-C".into(), project.as_os_str().to_owned()];
        words.extend(["rm", "--quiet", "--cached", "--"].map(Into::into));
        words.extend(
            tracked
                .iter()
                .map(|name| folder.join(name).into_os_string()),
        );
        Err(self
            .refusal(&format!(
                "git tracks the certificate set in {}",
                shown(folder)
            ))
            .hint(format!(
                "{} && {}",
                command_line(words),
                self.renew_command()
            ))
            .into())
    }
}

/// The project that a place belongs to: a folder that `--certs` or `AZUP_CERTS` names may also come
/// with the repository.
fn project_of(machine: &Machine, place: &SetLocation) -> Option<PathBuf> {
    let named = match place {
        SetLocation::Machine(_) => return None,
        SetLocation::Project(folder) => {
            let depth = Path::new(PROJECT_FOLDER).components().count();
            return folder.ancestors().nth(depth).map(Path::to_owned);
        }
        SetLocation::Named(folder) => folder,
    };
    let real = |path: &Path| path.canonicalize().unwrap_or_else(|_| path.to_owned());
    let folder = real(named);
    let top = Workspace::of(machine).project.pop()?;
    if folder.starts_with(real(&top)) {
        return Some(top);
    }
    // Another project's, by its name or because it lies in a repository.
    let depth = Path::new(PROJECT_FOLDER).components().count();
    for folder in [&folder, named] {
        if folder.ends_with(PROJECT_FOLDER) {
            return folder.ancestors().nth(depth).map(Path::to_owned);
        }
    }
    // If home is itself a repository, it is the user's.
    let home = machine.home().map(real);
    let is_above_home = |at: &Path| home.as_ref().is_ok_and(|home| home.starts_with(at));
    folder
        .ancestors()
        .take_while(|at| !is_above_home(at))
        .find(|at| workspace::marks::is_mark(&at.join(".git")))
        .map(Path::to_owned)
}

/// Replaces the file of a project's CA on the host, since the container could replace that file: by
/// the machine's own, if its contents (`own`) are the same, else by none.
pub(super) fn lead_away(
    ca: &mut TrustAnchor,
    own: Option<&[u8]>,
    machine: &Machine,
    place: &SetLocation,
) -> Result<()> {
    if machine.is_dev_container() || project_of(machine, place).is_none() {
        return Ok(());
    }
    let same = own == Some(ca.pem.as_bytes());
    let file = super::machine_folder(machine)?.join(FILES[0]);
    ca.file = same.then_some(file);
    Ok(())
}

/// How another user controls a file.
enum Other {
    Owns(u32),
    Writes,
}

/// `around` is the project's folder: a container job may run as root in a checkout that belongs to
/// the runner's user, who could change everything there anyway.
fn other_owner(path: &Path, about: &Metadata, around: Option<&Metadata>) -> Option<Other> {
    const GROUP: u32 = 0o020;
    const OTHERS: u32 = 0o002;
    let ours = [os::user(), 0];
    let uid = about.uid();
    if !ours.contains(&uid) && around.is_none_or(|around| around.uid() != uid) {
        return Some(Other::Owns(uid));
    }
    if about.is_symlink() {
        return None;
    }
    // A umask of 002 is used where each user has a group of their own.
    let group = about.gid() != os::group();
    let writable = about.mode() & OTHERS != 0 || (group && about.mode() & GROUP != 0);
    (writable && files::keeps_permissions(path)).then_some(Other::Writes)
}

/// The set of `place` as of `at`, if its maker is accepted.
pub fn accepted(
    machine: &Machine,
    place: &SetLocation,
    at: time::OffsetDateTime,
) -> Result<Option<CertificateSet>> {
    let origin = Origin::of(machine, place)?;
    let mut set = CertificateSet::load_unchecked(place.folder(), at)?;
    if let Some(set) = &mut set {
        origin.require(&set.ca)?;
        let own = super::machine_folder(machine)?.join(FILES[0]);
        let own = files::read_if_there(&own).ok().flatten();
        lead_away(&mut set.ca, own.as_deref(), machine, place)?;
    }
    Ok(set)
}

/// Who made the CA in `place`, for `azup doctor`.
pub fn check_origin(machine: &Machine, place: &SetLocation, ca: &TrustAnchor) -> Result<()> {
    Origin::of(machine, place)?.require(ca)
}

/// Refuses a CA that a running Azurite serves but that azup is not known to have made here: an
/// older azup started it with an unchecked set.
pub fn check_running(machine: &Machine, place: &SetLocation, ca: &TrustAnchor) -> Result<()> {
    let list = IssuedList::load(machine)?;
    let sha256 = ca.sha256();
    let known = list.issued(&sha256) || list.vouched(&sha256);
    if known || machine.is_dev_container() || matches!(place, SetLocation::Named(_)) {
        return Ok(());
    }
    Err(Failure::new(
        "the running Azurite serves a certificate that azup did not make on this machine",
    )
    .hint("azup down && azup up -d")
    .exit(Exit::Refused)
    .into())
}
