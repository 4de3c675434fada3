//! Automatic renewal: for years, `azup trust` before a debug session is the only command that
//! anybody runs. The tests set the clock.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::time::Duration;

use azurite_up::certificates::{CertificateSet, Issued, Names, ca_parameters, leaf_parameters};
use insta::assert_snapshot;
use time::OffsetDateTime;

use crate::python::Environment;
use crate::sandbox::{Done, Sandbox, public_roots};

/// When the story begins (seconds since 1970), and a day.
const START: i64 = 1_800_000_000;
const DAY: i64 = 86_400;

/// A project with a bundle that trusts a CA of day 0.
struct Life {
    sandbox: Sandbox,
    bundle: PathBuf,
}

impl Life {
    fn begin() -> Self {
        let sandbox = Sandbox::new();
        let bundle = sandbox.write("bundle.pem", public_roots());
        let mut life = Self { sandbox, bundle };
        life.on(0).ok();
        life
    }

    /// `azup trust` this many days later.
    fn on(&mut self, day: i64) -> Done {
        self.on_with(day, &[])
    }

    fn on_with(&mut self, day: i64, more: &[&str]) -> Done {
        self.at(day);
        let words = ["trust", "--stores", "none", "--bundle", "bundle.pem"];
        self.sandbox.azup(words.iter().chain(more))
    }

    fn at(&mut self, day: i64) {
        self.sandbox
            .set("AZUP_NOW", (START + day * DAY).to_string());
    }

    /// The names of azup's CAs that the bundle trusts.
    fn trusted(&self) -> BTreeSet<String> {
        let text = std::fs::read_to_string(&self.bundle).unwrap();
        let labels: Vec<String> = text
            .lines()
            .filter_map(|line| line.strip_prefix("# Subject: CN=azup local CA "))
            .map(str::to_owned)
            .collect();
        let once: BTreeSet<String> = labels.iter().cloned().collect();
        assert_eq!(once.len(), labels.len(), "each CA stands there once");
        once
    }

    /// The current set, which passes every check on that day.
    fn set(&self, day: i64) -> CertificateSet {
        let now = OffsetDateTime::from_unix_timestamp(START + day * DAY).unwrap();
        CertificateSet::load_unchecked(&self.sandbox.certs(), now)
            .unwrap()
            .expect("a set is there")
    }

    /// The last part of the name of the set's CA.
    fn ca(&self, day: i64) -> String {
        self.set(day)
            .ca
            .label
            .rsplit(' ')
            .next()
            .unwrap()
            .to_owned()
    }

    fn staged(&self) -> Vec<PathBuf> {
        let files = Sandbox::files(&self.sandbox.certs());
        let names = files.into_iter().map(|(path, _)| path);
        names
            .filter(|path| {
                path.file_name()
                    .unwrap()
                    .to_string_lossy()
                    .starts_with("next-")
            })
            .collect()
    }
}

#[test]
fn thirteen_months_pass_and_nobody_renews_by_hand() {
    let mut life = Life::begin();
    let first = life.ca(0);

    let (before, bundle) = (life.set(0), std::fs::read(&life.bundle).unwrap());
    let quiet = life.on(365).ok();
    assert_eq!(quiet.stderr, "", "31 days are left");
    assert_eq!(life.set(365).cert, before.cert);
    assert_eq!(std::fs::read(&life.bundle).unwrap(), bundle);

    let renewed = life.on(367).ok();
    assert_snapshot!(life.sandbox.shown(&renewed), @r"
    exit: 0
    --- stdout
    bundle   added  [PROJECT]/bundle.pem
    azup local CA [ID] (valid until [DATE]): trusted
    --- stderr
    renewed the certificate: it is signed by azup local CA [ID] and valid until [DATE]
    ");
    let second = life.ca(367);
    assert_ne!(second, first);
    // Clients that still meet the old leaf trust it to its last day.
    assert_eq!(
        life.trusted(),
        BTreeSet::from([first.clone(), second.clone()])
    );
    assert_eq!(life.staged(), [] as [PathBuf; 0]);
    assert_eq!(life.on(368).ok().stderr, "");

    let pruned = life.on(400).ok();
    assert!(pruned.stdout.contains("removed"), "{pruned}");
    assert_eq!(life.trusted(), BTreeSet::from([second.clone()]));
    assert_eq!(life.on(401).ok().stderr, "");

    // After a long break even the renewed one has expired.
    life.on(900).ok();
    let third = life.ca(900);
    assert_eq!(life.trusted(), BTreeSet::from([third]));

    life.sandbox
        .azup(["untrust", "--stores", "none", "--bundle", "bundle.pem"])
        .ok();
    assert_eq!(std::fs::read(&life.bundle).unwrap(), public_roots());
}

#[test]
fn further_names_survive_a_renewal() {
    let mut life = Life::begin();
    life.sandbox
        .azup([
            "renew",
            "--stores",
            "none",
            "--san",
            "storage.example",
            "--san",
            "192.0.2.7",
        ])
        .ok();
    life.on(380).ok();
    assert_eq!(
        life.set(380).names.further(),
        ["storage.example", "192.0.2.7"]
    );
    life.sandbox.azup(["renew", "--stores", "none"]).ok();
    assert_eq!(
        life.set(380).names.further(),
        ["storage.example", "192.0.2.7"]
    );
}

#[test]
fn a_set_without_one_of_the_names_is_renewed() {
    let mut life = Life::begin();
    let now = OffsetDateTime::from_unix_timestamp(START).unwrap();
    let mut names = Names::with(&[]).unwrap();
    names.dns.retain(|name| name != "host.docker.internal");
    let (ca_key, leaf_key) = (
        rcgen::KeyPair::generate().unwrap(),
        rcgen::KeyPair::generate().unwrap(),
    );
    let ca = ca_parameters(&names, &ca_key, now);
    let signer = rcgen::Issuer::from_params(&ca, &ca_key);
    let issued = Issued {
        ca: ca.self_signed(&ca_key).unwrap().pem(),
        cert: leaf_parameters(&names, now)
            .signed_by(&leaf_key, &signer)
            .unwrap()
            .pem(),
        key: leaf_key.serialize_pem().into(),
    };
    let certs = life.sandbox.certs();
    life.sandbox.note_as_issued(&issued.ca, &issued.cert);
    std::fs::write(certs.join("ca.pem"), &issued.ca).unwrap();
    std::fs::write(certs.join("cert.pem"), &issued.cert).unwrap();
    std::fs::write(certs.join("key.pem"), &*issued.key).unwrap();
    life.on(1).ok();
    let all = life.set(1).names.dns;
    assert!(all.contains(&"host.docker.internal".to_owned()), "{all:?}");
}

/// A project that has not been opened for a year gets the new CA along with this one.
#[test]
fn a_renewal_reaches_every_environment_that_ever_got_a_ca() {
    let mut life = Life::begin();
    let elsewhere = life.sandbox.root().join("elsewhere");
    std::fs::create_dir(&elsewhere).unwrap();
    let here = Environment::by_pip(&life.sandbox, ".venv", &["certifi"]);
    let there = Environment::by_pip(&life.sandbox, "../elsewhere/.venv", &["certifi"]);
    let mut command = life.sandbox.azup_command(["trust", "--stores", "certifi"]);
    Done::from(command.current_dir(&elsewhere).output().unwrap()).ok();

    life.at(380);
    life.sandbox.azup(["trust", "--stores", "certifi"]).ok();
    let ca = life.ca(380);
    for bundle in [here.bundle(), there.bundle()] {
        assert!(
            std::fs::read_to_string(&bundle).unwrap().contains(&ca),
            "{}",
            bundle.display()
        );
    }
}

#[test]
fn eight_at_once_renew_once() {
    let mut life = Life::begin();
    let first = life.ca(0);
    life.at(380);
    let children: Vec<_> = (0..8)
        .map(|_| {
            let words = ["trust", "--stores", "none", "--bundle", "bundle.pem"];
            life.sandbox.azup_command(words).spawn().unwrap()
        })
        .collect();
    for child in children {
        Done::from(child.wait_with_output().unwrap()).ok();
    }
    let second = life.ca(380);
    assert_eq!(life.trusted(), BTreeSet::from([first, second]));
    assert_eq!(life.staged(), [] as [PathBuf; 0]);
}

/// Killed at 40 moments from its start to after its end.
#[test]
fn killed_at_any_moment_the_next_run_finishes() {
    let mut cut_short = 0;
    for round in 0..40 {
        let mut life = Life::begin();
        let first = life.ca(0);
        life.at(380);
        let words = ["trust", "--stores", "none", "--bundle", "bundle.pem"];
        let mut child = life.sandbox.azup_command(words).spawn().unwrap();
        std::thread::sleep(Duration::from_micros(round * 400));
        let _ = child.kill();
        let done = Done::from(child.wait_with_output().unwrap());
        cut_short += u32::from(done.code != 0);
        // The next run finishes what a crash leaves, without one CA too many.
        let staged = life.staged();
        life.on(380).ok();
        let second = life.ca(380);
        assert_ne!(second, first);
        assert_eq!(
            life.trusted(),
            BTreeSet::from([first, second]),
            "{staged:?}"
        );
        assert_eq!(life.staged(), [] as [PathBuf; 0]);
    }
    assert!(cut_short > 0, "no run was cut short");
}

/// The three files are replaced one after the other: between any two of them the set is
/// inconsistent, and the staged one says how to go on.
#[test]
fn a_crash_between_the_files_of_a_set_is_taken_up() {
    for exchanged in 0..=3 {
        let mut life = Life::begin();
        let first = life.ca(0);
        let certs = life.sandbox.certs();
        let now = OffsetDateTime::from_unix_timestamp(START + 380 * DAY).unwrap();
        let issued = azurite_up::certificates::issue(&[], now).unwrap();
        let files = [
            ("ca.pem", &issued.ca),
            ("key.pem", &*issued.key),
            ("cert.pem", &issued.cert),
        ];
        life.sandbox.note_as_issued(&issued.ca, &issued.cert);
        for (name, text) in files {
            std::fs::write(certs.join(format!("next-{name}")), text).unwrap();
        }
        for (name, text) in files.iter().take(exchanged) {
            std::fs::write(certs.join(name), text).unwrap();
        }
        life.on(380).ok();
        assert_eq!(life.set(380).cert, issued.cert.as_bytes());
        assert_eq!(life.staged(), [] as [PathBuf; 0]);
        assert_eq!(life.trusted(), BTreeSet::from([first, life.ca(380)]));
    }
}

/// In the project first, then in a second project on the same machine.
#[test]
fn a_project_takes_over_what_another_has_renewed() {
    let mut life = Life::begin();
    life.sandbox
        .azup(["init", "--yes", "--stores", "none"])
        .ok();
    let second = life.sandbox.root().join("second");
    std::fs::create_dir(&second).unwrap();
    life.sandbox
        .azup([
            "init",
            "--yes",
            "--stores",
            "none",
            second.to_str().unwrap(),
        ])
        .ok();
    life.on(380).ok();
    let machines = life.ca(380);
    let mut command = life.sandbox.azup_command(["trust", "--stores", "none"]);
    Done::from(command.current_dir(&second).output().unwrap()).ok();
    for folder in [life.sandbox.project(), second] {
        let ca = std::fs::read(folder.join(".devcontainer/azurite-certs/ca.pem")).unwrap();
        assert_eq!(
            ca,
            std::fs::read(life.sandbox.certs().join("ca.pem")).unwrap()
        );
    }
    assert_eq!(life.ca(380), machines);
}

#[test]
fn an_expired_machine_set_does_not_keep_a_project_from_being_set_up() {
    let mut life = Life::begin();
    life.at(500);
    life.sandbox
        .azup(["init", "--yes", "--stores", "none"])
        .ok();
    life.set(500);
    let project = life.sandbox.project().join(".devcontainer/azurite-certs");
    let now = OffsetDateTime::from_unix_timestamp(START + 500 * DAY).unwrap();
    assert!(
        CertificateSet::load_unchecked(&project, now)
            .unwrap()
            .is_some()
    );
}

#[test]
fn what_azup_did_not_make_or_may_not_write_is_left_and_reported() {
    let mut life = Life::begin();
    let mine = life.sandbox.root().join("mine");
    std::fs::create_dir(&mine).unwrap();
    let now = OffsetDateTime::from_unix_timestamp(START).unwrap();
    let names = Names::with(&[]).unwrap();
    let (ca_key, leaf_key) = (
        rcgen::KeyPair::generate().unwrap(),
        rcgen::KeyPair::generate().unwrap(),
    );
    let mut ca = ca_parameters(&names, &ca_key, now);
    ca.distinguished_name = rcgen::DistinguishedName::new();
    ca.distinguished_name
        .push(rcgen::DnType::CommonName, "a CA of the company's");
    let signer = rcgen::Issuer::from_params(&ca, &ca_key);
    let leaf = leaf_parameters(&names, now)
        .signed_by(&leaf_key, &signer)
        .unwrap();
    std::fs::write(mine.join("ca.pem"), ca.self_signed(&ca_key).unwrap().pem()).unwrap();
    std::fs::write(mine.join("cert.pem"), leaf.pem()).unwrap();
    std::fs::write(mine.join("key.pem"), leaf_key.serialize_pem()).unwrap();
    let before = Sandbox::files(&mine);
    let done = life.on_with(380, &["--certs", mine.to_str().unwrap()]).ok();
    assert_snapshot!(life.sandbox.shown(&done), @r"
    exit: 0
    --- stdout
    bundle   added  [PROJECT]/bundle.pem
    a CA of the company's (valid until [DATE]): trusted
    --- stderr
    warning: the certificate in [ROOT]/mine should be renewed (it is valid until [DATE]), but azup did not make it
    hint: azup renew --stores none --bundle bundle.pem --certs [ROOT]/mine/azup
    ");
    assert_eq!(Sandbox::files(&mine), before);

    life.at(380);
    let certs = life.sandbox.certs();
    let done = life.sandbox.read_only(
        &certs,
        ["trust", "--stores", "none", "--bundle", "bundle.pem"],
    );
    assert!(
        done.stderr
            .contains("it belongs to another user: run this as that user"),
        "{done}"
    );
    life.set(380);
}
