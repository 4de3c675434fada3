//! Nothing in an environment in the project is run: a dev container that mounts the project may
//! change it at any moment, even if the user made it.

use std::os::unix::fs::symlink;
use std::path::PathBuf;

use super::hostile::pythons_are;
use super::patient::Patient;
use crate::python::Environment;
use crate::sandbox::write_program;

fn packages(patient: &Patient) -> PathBuf {
    let environment = Environment {
        folder: patient.sandbox.project().join(".venv"),
    };
    let bundle = environment.bundle();
    bundle.parent().unwrap().parent().unwrap().to_owned()
}

#[test]
fn an_environment_of_the_project_is_read_and_nothing_of_it_is_run() {
    let mut patient = Patient::healthy();
    let marker = patient.sandbox.root().join("marker");
    let site = packages(&patient);
    let code = format!("import sys; open({marker:?}, 'a').write('run ')\n");
    std::fs::write(site.join("evil.pth"), &code).unwrap();
    std::fs::write(site.join("sitecustomize.py"), &code).unwrap();
    for package in ["requests", "aiohttp", "certifi", "urllib3"] {
        std::fs::write(site.join(package).join("__init__.py"), &code).unwrap();
    }
    pythons_are(&patient, "ok", ".venv/bin/python (read by ");
    let active = patient.sandbox.project().join(".venv");
    patient.sandbox.set("VIRTUAL_ENV", &active);
    let path = format!(
        "{}:{}",
        active.join("bin").display(),
        patient.program("").display()
    );
    patient.sandbox.set("PATH", path);
    pythons_are(&patient, "ok", ".venv/bin/python (read by ");

    // Without another Python, the one that made the environment is run, unless others can write it.
    patient.replace("python3", None);
    pythons_are(&patient, "ok", ".venv/bin/python (read by ");
    let home = patient.sandbox.home().join("shared");
    std::fs::create_dir(&home).unwrap();
    write_program(
        &home.join("python3"),
        &format!("#!/bin/sh\necho run >> {marker:?}\n"),
    );
    patient
        .sandbox
        .write(".venv/pyvenv.cfg", format!("home = {}\n", home.display()));
    pythons_are(&patient, "skip", "there is no Python elsewhere to read it");
    assert!(!marker.exists(), "code of the project was run");
}

#[test]
fn what_is_read_is_what_the_clients_would_read() {
    let mut patient = Patient::healthy();
    let bundle = packages(&patient).join("certifi/cacert.pem");
    let with = std::fs::read(&bundle).unwrap();
    std::fs::write(&bundle, crate::sandbox::public_roots()).unwrap();
    let requests = |patient: &Patient| {
        let found = patient.doctor(&["client-python", "--json"]).json();
        super::patient::check(&found, "client-python")["status"]
            .as_str()
            .unwrap()
            .to_owned()
    };
    assert_eq!(requests(&patient), "fail");
    // A bundle that a variable names takes its place.
    let other = patient.sandbox.root().join("other.pem");
    std::fs::write(&other, &with).unwrap();
    for name in ["CURL_CA_BUNDLE", "REQUESTS_CA_BUNDLE"] {
        patient.sandbox.set(name, &other);
        assert_eq!(requests(&patient), "ok", "{name}");
        patient.sandbox.unset(name);
    }
    std::fs::write(&bundle, &with).unwrap();
    assert_eq!(requests(&patient), "ok");
    // A proxy that does not exist.
    patient.sandbox.set("HTTPS_PROXY", "http://127.0.0.1:9");
    assert_eq!(requests(&patient), "fail");
    for direct in ["127.0.0.1", "127.0.0.0/8"] {
        patient.sandbox.set("NO_PROXY", direct);
        assert_eq!(requests(&patient), "ok", "{direct}");
    }
}

#[test]
fn what_git_tracks_in_another_case_came_with_the_repository() {
    let patient = Patient::healthy();
    let sandbox = &patient.sandbox;
    sandbox.run("/usr/bin/git", ["init", "-q"]).ok();
    pythons_are(&patient, "ok", ".venv/bin/python");
    let link = sandbox.project().join(".VENV");
    symlink("elsewhere", &link).unwrap();
    sandbox.run("/usr/bin/git", ["add", "-f", ".VENV"]).ok();
    std::fs::remove_file(&link).unwrap();
    pythons_are(&patient, "skip", "is tracked by git");
}
