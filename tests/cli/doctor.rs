//! `azup doctor`: on a healthy machine it finds nothing, and each planted fault is reported by its
//! own check and by no other.

mod azurite;
mod clients;
mod hostile;
mod limits;
mod patient;
mod read;
mod set;
mod stores;
mod surroundings;
mod task;

use insta::assert_snapshot;

use crate::sandbox::Sandbox;
use patient::{Patient, shape};

#[test]
fn a_fault_has_a_line_a_reason_and_a_command_and_fix_repairs_it() {
    let patient = Patient::healthy();
    patient.only(&[]);
    patient.reinstall_certifi();
    let done = patient.doctor(&["store-certifi", "client-python", "certificate-dates"]);
    assert_eq!(done.code, 1);
    let version = regex_lite::Regex::new(r"python3\.[0-9]+").unwrap();
    let shown = patient.sandbox.shown(&done);
    assert_snapshot!(version.replace_all(&shown, "[PYTHON]"), @r"
    exit: 1
    --- stdout
    ok    certificate-dates  CA and certificate are valid for at least a month
    fail  store-certifi      Python's bundles have the CA (requests, Azure SDK)
          [PROJECT]/.venv/lib/[PYTHON]/site-packages/certifi/cacert.pem: the CA is missing
          fix: azup trust
    skip  client-python      Python with requests accepts the certificate (see store-certifi)
    1 ok, 1 failed, 1 skipped
    --- stderr
    ");
    // Asked for alone, the check reports what the other one explained.
    let alone = patient.doctor(&["client-python", "--json"]);
    assert_eq!(
        patient::wrong(&alone),
        [("client-python", "fail")].map(patient::owned)
    );

    let dry = patient.doctor(&["store-certifi", "--fix", "--dry-run"]);
    assert_eq!(dry.code, 1, "nothing was mended: {dry}");
    let fixed = patient.doctor(&["--fix", "--json"]).ok();
    assert!(fixed.stderr.contains("azup trust"), "{fixed}");
    assert_eq!(fixed.json()["fixed"], serde_json::json!(["azup trust"]));
    patient.only(&[]);
}

/// Half of the checks are about tools that no machine has all of.
#[test]
fn what_this_machine_lacks_is_counted_and_listed_on_request() {
    let patient = Patient::healthy();
    let skipped = |more: &[&str]| {
        let done = patient.doctor(more).ok();
        let skipped = done.stdout.lines().filter(|line| line.starts_with("skip"));
        (
            skipped.count(),
            done.stdout.lines().last().unwrap().to_owned(),
        )
    };
    let (shown, last) = skipped(&[]);
    assert_eq!(shown, 0);
    let (count, end) = last.rsplit_once(" skipped ").unwrap();
    assert_eq!(end, "(azup doctor -v lists them)");
    let count: usize = count.rsplit_once(' ').unwrap().1.parse().unwrap();
    let (listed, last) = skipped(&["-v"]);
    assert_eq!(listed, count);
    assert!(last.ends_with(&format!("{count} skipped")), "{last}");
    // A check that is asked for by name is answered.
    assert_eq!(skipped(&["store-storage-explorer"]).0, 1);
}

#[test]
fn a_machine_that_was_never_set_up_has_one_fault_and_fix_repairs_it() {
    let mut sandbox = Sandbox::new();
    sandbox.set("AZUP_STORES", "none");
    let patient = Patient::of(sandbox);
    patient.only(&[("certificate-set", "fail")]);
    patient.doctor(&["--fix"]).ok();
    patient.only(&[]);
}

#[test]
fn every_check_is_listed_and_can_be_asked_for_alone() {
    let patient = Patient::of(Sandbox::new());
    let list = patient.sandbox.azup(["doctor", "--list"]).ok();
    let ids: Vec<&str> = list
        .stdout
        .lines()
        .filter_map(|line| line.split_whitespace().next())
        .collect();
    assert!(ids.len() > 30, "{list}");
    let as_json = patient.sandbox.azup(["doctor", "--list", "--json"]).ok();
    let as_json = as_json.json();
    let in_json = as_json["checks"].as_array().unwrap();
    assert_eq!(in_json.len(), ids.len());

    let done = patient.doctor(&["proxy", "clock", "--json"]).ok();
    let document = done.json();
    shape(&document);
    let names: Vec<&str> = document["checks"]
        .as_array()
        .unwrap()
        .iter()
        .map(|check| check["id"].as_str().unwrap())
        .collect();
    assert_eq!(names, ["clock", "proxy"], "in the order of the list");

    let unknown = patient.sandbox.azup(["doctor", "no-such-check"]);
    assert_snapshot!(patient.sandbox.shown(&unknown), @r"
    exit: 2
    --- stdout
    --- stderr
    error: there is no check no-such-check
    hint: azup doctor --list
    ");
}

#[test]
fn quiet_says_what_is_wrong_and_verbose_says_all() {
    let mut patient = Patient::of(Sandbox::new());
    patient
        .sandbox
        .set("HTTPS_PROXY", "http://proxy.example:3128");
    let quiet = patient.doctor(&["proxy", "clock", "-q"]);
    assert_snapshot!(patient.sandbox.shown(&quiet), @r#"
    exit: 1
    --- stdout
    fail  proxy  no proxy stands between programs and 127.0.0.1
          HTTPS_PROXY is set, and NO_PROXY does not include 127.0.0.1
          fix: export NO_PROXY="127.0.0.1,localhost,$NO_PROXY" no_proxy="127.0.0.1,localhost,$no_proxy"
    1 ok, 1 failed
    --- stderr
    "#);
    patient.sandbox.unset("HTTPS_PROXY");
    let verbose = patient.doctor(&["proxy", "-v"]).ok();
    assert_snapshot!(patient.sandbox.shown(&verbose), @r"
    exit: 0
    --- stdout
    ok    proxy  no proxy stands between programs and 127.0.0.1
          none is set
    1 ok
    --- stderr
    ");
}
