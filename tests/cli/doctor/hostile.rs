//! No file in the folder decides what azup runs, or how.

use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use super::patient::{Patient, check, wrong};
use crate::python::Environment;
use crate::sandbox::{Done, Sandbox, write_program};

/// A file that is created by anything that runs by mistake.
struct Marker(PathBuf);

impl Marker {
    fn new(sandbox: &Sandbox) -> Self {
        Self(sandbox.root().join("marker"))
    }

    /// A module that records that it was imported.
    fn module(&self) -> String {
        let path = self.0.display();
        format!(
            "open({:?}, 'a').write(__name__ + '\\n')\n",
            path.to_string()
        )
    }

    /// A program that records that it was run.
    fn program(&self) -> String {
        format!("#!/bin/sh\necho \"$0\" >> '{}'\nexit 1\n", self.0.display())
    }

    #[track_caller]
    fn is_missing(&self) {
        let seen = std::fs::read_to_string(&self.0).unwrap_or_default();
        assert_eq!(seen, "", "code of the folder was run");
    }
}

/// Both Python clients have this status and these words.
#[track_caller]
pub(super) fn pythons_are(patient: &Patient, status: &str, words: &str) {
    let done = patient.doctor(&["client-python", "client-python-async", "--json"]);
    let document = done.json();
    for id in ["client-python", "client-python-async"] {
        let found = check(&document, id);
        assert_eq!(found["status"], status, "{found}");
        assert!(found["detail"].as_str().unwrap().contains(words), "{found}");
    }
}

fn git(sandbox: &Sandbox, words: &[&str]) {
    sandbox.run("/usr/bin/git", words).ok();
}

#[test]
fn modules_of_the_project_are_neither_run_nor_mistaken_for_installed_ones() {
    let mut patient = Patient::healthy();
    let marker = Marker::new(&patient.sandbox);
    let environment = Environment {
        folder: patient.sandbox.project().join(".venv"),
    };
    for module in [
        "requests.py",
        "ssl.py",
        "asyncio.py",
        "aiohttp/__init__.py",
        "urllib3/__init__.py",
        "certifi.py",
        "simplejson.py",
        "brotli.py",
        "sitecustomize.py",
        "usercustomize.py",
        "startup.py",
    ] {
        patient.sandbox.write(module, marker.module());
    }
    // As an editable installation of the project leaves it.
    let site = environment.bundle();
    let site = site.parent().unwrap().parent().unwrap();
    let project = patient.sandbox.project();
    std::fs::write(site.join("shop.pth"), project.to_str().unwrap()).unwrap();
    patient.only(&[]);
    pythons_are(&patient, "ok", ".venv/bin/python");

    let whole = project.to_str().unwrap().to_owned();
    for (name, values) in [
        ("PYTHONPATH", [".", ":/nowhere", &*whole]),
        ("PYTHONSTARTUP", ["startup.py", "./startup.py", "/nowhere"]),
        ("PYTHONHOME", [".", "lib", &*whole]),
        ("PYTHONUSERBASE", [".", "lib", &*whole]),
    ] {
        for value in values {
            patient.sandbox.set(name, value);
            pythons_are(&patient, "ok", ".venv/bin/python");
        }
        patient.sandbox.unset(name);
    }
    marker.is_missing();
    // Python itself does import these modules when it is run in the ordinary way.
    let done = environment
        .run(&patient.sandbox, "import requests", &[])
        .ok();
    assert_eq!(done.stderr, "");
    assert!(marker.0.exists());
}

#[test]
fn settings_of_the_project_do_not_reach_the_clients() {
    let mut patient = Patient::healthy();
    let marker = Marker::new(&patient.sandbox);
    let project = patient.sandbox.project();
    let js = format!("require('fs').writeFileSync({:?}, 'node')", marker.0);
    patient.sandbox.write("evil.cjs", js);
    patient
        .sandbox
        .write("package.json", r#"{"type": "module"}"#);
    let other = patient.sandbox.foreign_ca("other");
    let rc = format!("cacert = {}\n", other.display());
    patient.sandbox.write(".curlrc", &rc);
    patient
        .sandbox
        .write("openssl.cnf", "openssl_conf = none\n");
    let whole = |name: &str| project.join(name).to_str().unwrap().to_owned();
    for (name, value) in [
        ("NODE_OPTIONS", "--require ./evil.cjs".to_owned()),
        ("NODE_OPTIONS", format!("--require={}", whole("evil.cjs"))),
        ("NODE_PATH", ".".to_owned()),
        ("CURL_HOME", whole("")),
        ("CURL_HOME", ".".to_owned()),
        ("OPENSSL_CONF", "openssl.cnf".to_owned()),
        ("OPENSSL_CONF", whole("openssl.cnf")),
        ("OPENSSL_MODULES", ".".to_owned()),
        ("BASH_ENV", "./evil".to_owned()),
        ("LD_LIBRARY_PATH", format!(".:{}", whole(""))),
    ] {
        patient.sandbox.set(name, &value);
        let document = patient.only(&[]);
        for client in ["node", "curl", "openssl", "python"] {
            let found = check(&document, &format!("client-{client}"));
            assert_eq!(found["status"], "ok", "{name}={value}: {found}");
        }
        patient.sandbox.unset(name);
    }
    marker.is_missing();

    // The variable that names the CAs is the user's, wherever the file is.
    patient.sandbox.set("SSL_CERT_FILE", "company.pem");
    patient.sandbox.set("NODE_EXTRA_CA_CERTS", "./company.pem");
    let document = patient.only(&[]);
    for client in ["node", "curl", "openssl", "python-async"] {
        let found = check(&document, &format!("client-{client}"));
        assert_eq!(found["status"], "ok", "{found}");
    }
    // The user's own settings still count.
    let own = patient.sandbox.root().join("own");
    std::fs::create_dir(&own).unwrap();
    std::fs::write(own.join(".curlrc"), rc).unwrap();
    patient.sandbox.set("CURL_HOME", &own);
    let done = patient.doctor(&["--stores=certifi,system", "client-curl", "--json"]);
    assert_eq!(
        wrong(&done),
        [("client-curl", "fail")].map(super::patient::owned)
    );
}

#[test]
fn a_python_that_came_with_the_repository_is_not_run() {
    let patient = Patient::of(Sandbox::new());
    let sandbox = &patient.sandbox;
    sandbox.azup(["trust", "--stores=none"]).ok();
    let marker = Marker::new(sandbox);
    let project = sandbox.project();
    sandbox.write(".venv/pyvenv.cfg", "home = /usr/bin\n");
    let bin = sandbox.project().join(".venv/bin");
    std::fs::create_dir(&bin).unwrap();
    let python = bin.join("python");
    let skipped = |why: &str| {
        pythons_are(&patient, "skip", why);
        marker.is_missing();
    };

    write_program(&python, &marker.program());
    skipped("is a script: it is not run");
    git(sandbox, &["init", "-q"]);
    skipped("is a script: it is not run");
    git(sandbox, &["add", "-f", ".venv/bin/python"]);
    skipped("is tracked by git, so the repository brought it: it is not run");

    // The real Python, with code in its packages.
    std::fs::remove_file(&python).unwrap();
    symlink("/usr/bin/python3", &python).unwrap();
    git(sandbox, &["rm", "-q", "-r", "-f", "--cached", "."]);
    let version = sandbox.run(
        "/usr/bin/python3",
        ["-c", "import sys; print('%d.%d' % sys.version_info[:2])"],
    );
    let site = format!(".venv/lib/python{}/site-packages", version.stdout.trim());
    let line = format!("import sys; open({:?}, 'a').write('pth')\n", marker.0);
    sandbox.write(format!("{site}/evil.pth"), &line);
    // As unpacked from an archive, and as cloned.
    skipped("does not say that it was made in this folder: it is not run");
    sandbox.write(
        ".venv/bin/activate",
        "VIRTUAL_ENV=/home/somebody/else/.venv\n",
    );
    skipped("does not say that it was made in this folder: it is not run");
    let own = format!("VIRTUAL_ENV='{}/.venv'\n", project.display());
    sandbox.write(".venv/bin/activate", own);
    git(sandbox, &["add", "-f", site.as_str()]);
    skipped("is tracked by git");
    // So is a split index, whose entries are not in the file of that name.
    git(sandbox, &["update-index", "--split-index"]);
    skipped("is tracked by git");
    git(sandbox, &["update-index", "--no-split-index"]);

    // A link to an environment elsewhere in the repository.
    git(sandbox, &["rm", "-q", "-r", "-f", "--cached", "."]);
    std::fs::rename(project.join(".venv"), project.join("tools")).unwrap();
    symlink("tools", project.join(".venv")).unwrap();
    git(sandbox, &["add", "-f", ".venv"]);
    skipped("is tracked by git");
    // An unreadable index hides nothing.
    std::fs::write(project.join(".git/index"), "DIRC").unwrap();
    skipped("may be tracked by git");

    for name in [".venv", "tools"] {
        let path = project.join(name);
        let _ = std::fs::remove_file(&path);
        let _ = std::fs::remove_dir_all(&path);
    }
    std::fs::remove_file(project.join(".git/index")).unwrap();

    // A program on PATH that is in the repository is skipped.
    let mut patient = patient;
    let path = format!(
        "{}:{}",
        project.join("bin").display(),
        patient.program("").display()
    );
    for name in [
        "python3", "node", "curl", "openssl", "certutil", "az", "setsid",
    ] {
        let program = patient.sandbox.write(format!("bin/{name}"), "");
        std::fs::remove_file(&program).unwrap();
        write_program(&program, &marker.program());
    }
    git(&patient.sandbox, &["add", "bin"]);
    patient.sandbox.set("PATH", path);
    patient.doctor(&["--stores=none"]);
    marker.is_missing();
}

/// The project folder is a repository of its own, so that the environment is above the project.
#[test]
fn an_archive_brings_no_python_either() {
    let patient = Patient::of(Sandbox::named("archive/app"));
    let sandbox = &patient.sandbox;
    sandbox.azup(["trust", "--stores=none"]).ok();
    git(sandbox, &["init", "-q"]);
    let environment = sandbox.root().join("archive/.venv");
    std::fs::create_dir_all(environment.join("bin")).unwrap();
    std::fs::write(environment.join("pyvenv.cfg"), "home = /usr/bin\n").unwrap();
    symlink("/usr/bin/python3", environment.join("bin/python")).unwrap();
    let why = "does not say that it was made in this folder: it is not run";
    pythons_are(&patient, "skip", why);
    std::fs::remove_dir_all(&environment).unwrap();
    let mut venv = sandbox.command("/usr/bin/python3");
    venv.args(["-m", "venv", "--without-pip"]).arg(&environment);
    Done::from(venv.output().unwrap()).ok();
    pythons_are(&patient, "skip", ".venv/bin/python does not have it");
}

#[test]
fn a_keytool_of_the_project_is_not_run() {
    let mut patient = Patient::of(Sandbox::new());
    patient.sandbox.azup(["trust", "--stores=none"]).ok();
    let marker = Marker::new(&patient.sandbox);
    let jdk = patient.sandbox.project().join("jdk");
    std::fs::create_dir_all(jdk.join("bin")).unwrap();
    write_program(&jdk.join("bin/keytool"), &marker.program());
    for home in [jdk.as_path(), Path::new("jdk"), Path::new("./jdk")] {
        patient.sandbox.set("JAVA_HOME", home);
        let done = patient.doctor(&["client-java", "--json"]).ok();
        let found = check(&done.json(), "client-java");
        assert_eq!(found["status"], "skip", "{found}");
        assert!(
            found["detail"]
                .to_string()
                .contains("is in the project: it is not run"),
            "{found}"
        );
    }
    marker.is_missing();
}

#[test]
fn an_environment_that_the_user_made_is_asked_however_it_was_made() {
    let patient = Patient::healthy();
    let sandbox = &patient.sandbox;
    // As in most projects, git does not track it.
    sandbox.write(".gitignore", ".venv/\n.copies/\n");
    sandbox.write("main.py", "");
    git(sandbox, &["init", "-q"]);
    git(sandbox, &["add", "."]);
    pythons_are(&patient, "ok", ".venv/bin/python");
    git(sandbox, &["update-index", "--split-index"]);
    pythons_are(&patient, "ok", ".venv/bin/python");

    let copies = sandbox.project().join(".venv");
    std::fs::remove_dir_all(&copies).unwrap();
    let mut venv = sandbox.command("/usr/bin/python3");
    venv.args(["-m", "venv", "--copies"]).arg(&copies);
    Done::from(venv.output().unwrap()).ok();
    let environment = Environment { folder: copies };
    assert!(!environment.python().is_symlink());
    environment
        .pip(sandbox, &["install"], &["requests", "aiohttp"])
        .ok();
    sandbox.azup(["trust"]).ok();
    pythons_are(&patient, "ok", ".venv/bin/python");
    std::fs::remove_dir_all(sandbox.project().join(".git")).unwrap();
    pythons_are(&patient, "ok", ".venv/bin/python");
}

/// Programs that azup starts somewhere, and those that their scripts start.
const PROGRAMS: [&str; 24] = [
    "az",
    "azup",
    "bash",
    "certutil",
    "curl",
    "docker",
    "dirname",
    "env",
    "firefox",
    "git",
    "java",
    "keytool",
    "node",
    "npm",
    "npx",
    "openssl",
    "podman",
    "python",
    "python3",
    "rm",
    "setsid",
    "sh",
    "sudo",
    "update-ca-certificates",
];

#[test]
fn a_relative_entry_of_path_is_never_used() {
    let mut patient = Patient::healthy();
    let marker = Marker::new(&patient.sandbox);
    let project = patient.sandbox.project();
    std::fs::create_dir(project.join("bin")).unwrap();
    for name in PROGRAMS {
        write_program(&project.join(name), &marker.program());
        write_program(&project.join("bin").join(name), &marker.program());
    }
    let database = patient.sandbox.home().join(".pki/nssdb");
    std::fs::create_dir_all(&database).unwrap();
    let made = ["-N", "--empty-password", "-d"].map(Path::new);
    let words = made.iter().copied().chain([&*database]);
    patient.sandbox.run("/usr/bin/certutil", words).ok();
    let programs = patient.program("");
    let azup = |sandbox: &Sandbox, words: &[&str]| sandbox.azup(words);
    for path in [
        format!(".:bin:./bin::{}", programs.display()),
        format!("{}::bin:.", programs.display()),
        // Not even if there is no other.
        ".:bin".to_owned(),
    ] {
        patient.sandbox.set("PATH", &path);
        let sandbox = &patient.sandbox;
        azup(sandbox, &["trust", "--stores=certifi,nss"]);
        azup(sandbox, &["doctor", "--stores=certifi,nss", "--limit=60"]);
        azup(sandbox, &["init", "--dry-run"]);
        azup(sandbox, &["env"]);
        let up = azup(sandbox, &["up"]);
        assert_eq!(up.code, 1, "there is no npm: {up}");
        azup(sandbox, &["untrust", "--stores=certifi,nss"]);
        marker.is_missing();
    }
}
