//! What `azup up` needs and cannot have: each in its own words, before anything runs.

use std::ffi::OsStr;
use std::fs;
use std::io::Read as _;
use std::net::TcpListener;
use std::path::PathBuf;
use std::process::Stdio;
use std::time::{Duration, Instant};

use azurite_up::certificates;
use insta::assert_snapshot;
use rustix::process::Signal;
use time::OffsetDateTime;

use super::sdks::real;
use super::site::{PATIENCE, Site, ended, gone, signal};
use crate::sandbox::{Done, part};

/// Writes the machine's set as it would have been made `days` ago.
fn certificates(site: &Site, days: i64) {
    let then = OffsetDateTime::now_utc() - time::Duration::days(days);
    let issued = certificates::issue(&[], then).unwrap();
    fs::create_dir_all(site.sandbox.certs()).unwrap();
    site.sandbox.note_as_issued(&issued.ca, &issued.cert);
    fs::write(site.sandbox.certs().join("ca.pem"), &issued.ca).unwrap();
    fs::write(site.sandbox.certs().join("cert.pem"), &issued.cert).unwrap();
    let key = site.sandbox.certs().join("key.pem");
    fs::write(&key, &*issued.key).unwrap();
    fs::set_permissions(&key, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
}

fn nothing_ran(site: &Site) {
    assert!(site.run_files("log").is_empty(), "Azurite was not started");
}

#[test]
fn a_port_that_is_in_use_names_the_process() {
    let mut site = Site::new();
    let ports = site.ports;
    // The first port is free, so that the second one is the problem.
    let python = site
        .sandbox
        .command("python3")
        .args([
            "-m",
            "http.server",
            &ports[1].to_string(),
            "--bind",
            "127.0.0.1",
        ])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn();
    let mut python = python.unwrap();
    let until = Instant::now() + PATIENCE;
    while std::net::TcpStream::connect(("127.0.0.1", ports[1])).is_err() {
        assert!(Instant::now() < until, "it listens");
        std::thread::sleep(Duration::from_millis(20));
    }
    let done = site.azup_up(&[]);
    python.kill().unwrap();
    python.wait().unwrap();
    assert_eq!(done.code, 1);
    let named = format!(
        "error: port {} for the queue service is in use by process {}: ",
        ports[1],
        python.id()
    );
    assert!(done.stderr.contains(&named), "{done}");
    assert!(done.stderr.contains("-m http.server"), "{done}");
    assert!(done.stderr.contains("\nhint: azup up --port "), "{done}");
    nothing_ran(&site);

    // All addresses include this one; and IPv6 has its own table.
    for address in ["0.0.0.0", "::"] {
        let listener = TcpListener::bind((address, site.ports[2])).unwrap();
        let done = site.azup_up(&["-d"]);
        drop(listener);
        assert!(
            done.stderr
                .contains("for the table service is in use by process"),
            "{done}"
        );
        assert!(
            done.stderr.contains(&std::process::id().to_string()),
            "{done}"
        );
    }
    site.ports[0] = site.ports[1];
    let done = site.azup_up(&[]);
    assert_eq!(done.code, 2);
    assert!(
        done.stderr
            .contains("--blob-port and --queue-port are both"),
        "{done}"
    );
    let done = site.sandbox.azup(["up", "--table-port", "0"]);
    assert_eq!(done.code, 2);
}

#[test]
fn without_node_or_with_an_old_one_it_says_so() {
    let mut site = Site::new();
    site.only(&[]);
    let done = site.azup_up(&[]);
    assert_snapshot!(site.shown(&done), @r"
    exit: 1
    --- stdout
    --- stderr
    made certificates in [HOME]/.local/share/azup/certs
    error: no Node.js on PATH: Azurite needs Node.js 20 or newer
    hint: azup up --yes
    ");
    // A stand-in, as there is no real Node.js 18 here; and no other Node.js comes after it.
    let alone = |site: &mut Site, script: &str| {
        site.stand_ins(&[("node", script)]);
        let folder = site.sandbox.root().join("stand-ins");
        site.sandbox.set("PATH", folder);
    };
    alone(&mut site, "echo v18.20.8");
    let done = site.azup_up(&[]);
    assert_eq!(done.code, 1);
    assert!(
        done.stderr
            .contains("is Node.js 18.20.8: Azurite needs Node.js 20 or newer"),
        "{done}"
    );
    alone(&mut site, "echo no such thing >&2; exit 3");
    let done = site.azup_up(&[]);
    assert!(
        done.stderr
            .contains("does not print a Node.js version: no such thing"),
        "{done}"
    );
    nothing_ran(&site);
}

#[test]
fn without_npm_or_with_a_failing_one_it_says_so_and_leaves_nothing_half_done() {
    let mut site = Site::bare();
    site.only(&[real("node")]);
    let done = site.azup_up(&[]);
    assert_snapshot!(site.shown(&done), @r"
    exit: 1
    --- stdout
    --- stderr
    made certificates in [HOME]/.local/share/azup/certs
    error: npm is not on PATH: azup needs it to install Azurite 3.37.0 on first use
    hint: install Node.js with npm from https://nodejs.org/en/download
    ");

    // A stand-in that fails as npm does on a full disk.
    let full = "echo 'npm error code ENOSPC' >&2\n\
        echo 'npm error nospc ENOSPC: no space left on device, write' >&2\n\
        echo 'npm error A complete log of this run can be found in: /x' >&2\nexit 228";
    site.stand_ins(&[("npm", full)]);
    let done = site.azup_up(&[]);
    assert_eq!(done.code, 1);
    let why =
        "error: npm cannot install Azurite 3.37.0: nospc ENOSPC: no space left on device, write\n";
    assert!(done.stderr.contains(why), "{done}");

    // A stand-in that installs another version than the requested one.
    let other = "mkdir -p node_modules/azurite\n\
        echo '{\"version\":\"3.35.0\",\"bin\":{\"azurite\":\"x\"}}' >node_modules/azurite/package.json";
    site.stand_ins(&[("npm", other)]);
    let done = site.azup_up(&[]);
    assert!(done.stderr.contains("it is Azurite 3.35.0"), "{done}");

    // The real npm, and a registry that does not answer.
    site.sandbox.set("PATH", "/usr/local/bin:/usr/bin:/bin");
    site.sandbox
        .set("npm_config_registry", "http://127.0.0.1:1/");
    site.sandbox.set("npm_config_fetch_retries", "0");
    let done = site.azup_up(&[]);
    assert_eq!(done.code, 1);
    assert!(
        done.stderr.contains("error: npm cannot reach its registry"),
        "{done}"
    );
    assert!(done.stderr.contains("ECONNREFUSED"), "{done}");
    assert!(done.stderr.ends_with("hint: npm ping\n"), "{done}");
    assert_eq!(installs(&site), Vec::<String>::new());
    nothing_ran(&site);
}

/// The names of npm's leftovers in azup's own folder.
fn installs(site: &Site) -> Vec<String> {
    fs::read_dir(site.sandbox.own())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned())
        .filter(|name| name.starts_with("azurite-") && name != "azurite-3.37.0.lock")
        .collect()
}

#[test]
fn an_interrupted_install_leaves_neither_process_nor_folder() {
    let mut site = Site::bare();
    // A stand-in that never ends and prints its process ID.
    site.stand_ins(&[(
        "npm",
        "echo $$ >../npm.pid; mkdir node_modules; exec sleep 600",
    )]);
    for how in [Signal::INT, Signal::KILL] {
        let pid_file = site.sandbox.own().join("npm.pid");
        let mut azup = site
            .sandbox
            .azup_command(site.words(&["--in-memory"]))
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let until = Instant::now() + PATIENCE;
        let npm: u32 = loop {
            let text = fs::read_to_string(&pid_file).unwrap_or_default();
            if let Ok(pid) = text.trim().parse() {
                break pid;
            }
            assert!(Instant::now() < until, "npm was started");
            std::thread::sleep(Duration::from_millis(20));
        };
        fs::remove_file(pid_file).unwrap();
        signal(azup.id(), how);
        let status = ended(&mut azup);
        if how == Signal::INT {
            assert_eq!(status.code(), Some(130));
            let mut stderr = String::new();
            azup.stderr
                .take()
                .unwrap()
                .read_to_string(&mut stderr)
                .unwrap();
            assert!(stderr.ends_with("error: interrupted\n"), "{stderr}");
            assert!(gone(npm), "npm was ended");
            assert!(installs(&site).is_empty(), "{:?}", installs(&site));
        } else {
            signal(npm, Signal::KILL);
            assert_eq!(installs(&site).len(), 1, "a killed azup cannot clean up");
        }
    }
    // The next one cleans up.
    site.stand_ins(&[("npm", "exit 1")]);
    let done = site.azup_up(&[]);
    assert!(done.stderr.contains("it gave no reason"), "{done}");
    assert!(installs(&site).is_empty(), "{:?}", installs(&site));
}

#[test]
fn something_else_in_the_place_of_azurite_is_named() {
    let site = Site::bare();
    let place = site.sandbox.own().join("azurite-3.37.0");
    fs::create_dir_all(&place).unwrap();
    let done = site.azup_up(&[]);
    assert_snapshot!(site.shown(&done), @r"
    exit: 1
    --- stdout
    --- stderr
    made certificates in [HOME]/.local/share/azup/certs
    error: no Azurite 3.37.0 in [HOME]/.local/share/azup/azurite-3.37.0: [HOME]/.local/share/azup/azurite-3.37.0/node_modules/azurite/package.json does not exist
    hint: rm -r [HOME]/.local/share/azup/azurite-3.37.0
    ");
}

#[test]
fn certificates_that_clients_would_refuse_never_get_as_far_as_azurite() {
    let site = Site::new();
    certificates(&site, 0);
    let key = site.sandbox.certs().join("key.pem");
    let first = fs::read(&key).unwrap();
    certificates(&site, 0);
    fs::write(&key, first).unwrap();
    let done = site.azup_up(&["-d"]);
    assert!(done.stderr.contains("key.pem is not the key of "), "{done}");

    fs::remove_file(&key).unwrap();
    let done = site.azup_up(&["-d"]);
    assert!(done.stderr.contains("key.pem is missing"), "{done}");

    certificates(&site, 0);
    fs::set_permissions(&key, std::os::unix::fs::PermissionsExt::from_mode(0o644)).unwrap();
    let done = site.azup_up(&["-d"]);
    assert!(done.stderr.contains("can be read by other users"), "{done}");
    nothing_ran(&site);
}

#[test]
fn data_that_cannot_be_written_are_refused() {
    let site = Site::new();
    let file = site.sandbox.write("file", "");
    // Nobody can create a folder in /proc or below a file, not even root.
    for location in [
        PathBuf::from("/proc/azup"),
        file.clone(),
        file.join("below"),
        "/proc".into(),
    ] {
        let words = format!("--location={}", location.display());
        let done = site.azup_up(&[&words]);
        assert_eq!(done.code, 1);
        assert!(
            done.stderr
                .contains("error: cannot write Azurite's data in "),
            "{done}"
        );
        assert!(done.stderr.contains(&*location.to_string_lossy()), "{done}");
        assert!(
            done.stderr
                .ends_with("hint: azup up --location ~/azurite-data\n"),
            "{done}"
        );
    }
    nothing_ran(&site);
}

#[test]
fn a_dry_run_says_what_it_would_do_and_does_nothing() {
    let site = Site::bare();
    let done = site.azup_up(&["--dry-run", "--json"]).ok().json();
    let commands = done["commands"].as_array().unwrap();
    let install = commands[0].as_str().unwrap();
    assert!(install.contains("azurite-3.37.0 && /"), "{done}");
    assert!(
        install.contains("npm ci --ignore-scripts --omit=dev "),
        "{done}"
    );
    assert!(
        commands[1].as_str().unwrap().contains(" --oauth basic "),
        "{done}"
    );
    let text = site.azup_up(&["--dry-run"]).ok().stdout;
    assert!(
        text.contains("key.pem (secret, not shown, mode 0600)"),
        "{text}"
    );
    assert!(!text.contains("PRIVATE KEY"), "{text}");
    assert_eq!(fs::read_dir(site.sandbox.home()).unwrap().count(), 0);
}

#[test]
fn the_first_use_installs_azurite_from_npm_once() {
    // Only tests/run uses a registry.
    needs!(
        std::env::var_os("AZUP_TEST_ALL").is_some(),
        "npm's registry"
    );
    let mut site = Site::bare();
    // The caller's access to npm's registry, whatever it is.
    let settings = dirs::home_dir().unwrap().join(".npmrc");
    if settings.exists() {
        site.sandbox.set("npm_config_userconfig", settings);
    }
    for (name, value) in std::env::vars_os() {
        let name = name.to_string_lossy().into_owned();
        let lower = name.to_lowercase();
        if lower.starts_with("npm_config_")
            || [
                "node_extra_ca_certs",
                "http_proxy",
                "https_proxy",
                "no_proxy",
            ]
            .contains(&&*lower)
        {
            site.sandbox.set(&name, value);
        }
    }
    // Two at once, on their own ports and data: one installs, the other waits.
    let other = Site::bare();
    let words = [
        site.words(&["-d"]),
        [other.words(&["-d"]), vec!["--in-memory".into()]].concat(),
    ];
    let both = words.map(|words| {
        let mut azup = site.sandbox.azup_command(words);
        azup.stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap()
    });
    let both = both.map(|child| Done::from(child.wait_with_output().unwrap()).ok());
    let said = format!("{}{}", both[0].stderr, both[1].stderr);
    assert_eq!(
        said.matches("installing Azurite 3.37.0 into ").count(),
        1,
        "{said}"
    );
    assert_eq!(
        said.matches("installed Azurite 3.37.0 in ").count(),
        1,
        "{said}"
    );
    assert!(said.contains(" of 454 packages ("), "{said}");
    assert_eq!(installs(&site), ["azurite-3.37.0"]);
    let lock = site.sandbox.own().join("azurite-3.37.0/package-lock.json");
    let pinned = include_str!("../../../templates/azurite/package-lock.json");
    assert_eq!(
        fs::read_to_string(lock).unwrap(),
        pinned,
        "as it was pinned"
    );
    // One small file of it remains, and works.
    let place = site.sandbox.own().join("azurite-3.37.0");
    let names = fs::read_dir(&place).unwrap().map(|entry| entry.unwrap());
    let sizes = names.map(|entry| (entry.file_name(), entry.metadata().unwrap().len()));
    let sizes: std::collections::BTreeMap<_, _> = sizes.collect();
    assert!(sizes.contains_key(OsStr::new("azurite.cjs")), "{sizes:?}");
    assert!(!sizes.contains_key(OsStr::new("node_modules")), "{sizes:?}");
    assert!(sizes.values().sum::<u64>() < 30_000_000, "{sizes:?}");
    site.store("in the one file");
    assert_eq!(site.stored(), "in the one file 200");
    let down = site.sandbox.azup(["down"]).ok();
    assert_eq!(down.stdout.lines().count(), 2, "{down}");
    // A second start needs neither npm nor a network.
    site.only(&[real("node")]);
    let up = site.up(&[]);
    let done = up.end_with(Signal::INT).ok();
    assert!(!done.stderr.contains("install"), "{done}");
    super::install::a_cache_of_ci_serves_the_next_machine(&site);
}

#[test]
fn its_packages_serve_if_they_cannot_be_made_into_one_file() {
    let mut site = Site::bare();
    // An Azurite without the package that makes one file of it.
    let packages = part("azurite-3.37.0").join("node_modules/azurite");
    let npm = format!(
        "mkdir node_modules && ln -s '{}' node_modules/azurite",
        packages.display()
    );
    site.stand_ins(&[("npm", &npm)]);
    site.azup_up(&["-d"]).ok();
    site.store("by its packages");
    assert_eq!(site.stored(), "by its packages 200");
    let pid = site.state()["azurite_pid"].as_u64().unwrap();
    let line = fs::read_to_string(format!("/proc/{pid}/cmdline")).unwrap();
    assert!(
        line.contains("/node_modules/azurite/dist/src/azurite.js\0"),
        "{line}"
    );
    site.sandbox.azup(["down"]).ok();
}

/// Copied to a machine without a registry, or restored by a CI cache.
#[test]
fn azup_azurite_names_an_install_that_was_made_elsewhere() {
    let mut site = Site::bare();
    let place = site.sandbox.root().join("copied");
    fs::create_dir(&place).unwrap();
    for name in ["azurite.cjs", "bundle.json"] {
        fs::copy(part("azurite-3.37.0").join(name), place.join(name)).unwrap();
    }
    site.only(&[real("node")]);
    site.sandbox.set("AZUP_AZURITE", &place);
    site.azup_up(&["-d"]).ok();
    let pid = site.state()["azurite_pid"].as_u64().unwrap();
    let line = fs::read_to_string(format!("/proc/{pid}/cmdline")).unwrap();
    assert!(
        line.contains(&*place.join("azurite.cjs").to_string_lossy()),
        "{line}"
    );
    site.sandbox.azup(["down"]).ok();
    assert_eq!(installs(&site), [""; 0]);
    site.sandbox
        .set("AZUP_AZURITE", site.sandbox.root().join("missing"));
    let done = site.azup_up(&["-d"]);
    assert_eq!(done.code, 1, "{done}");
    assert!(
        done.stderr.ends_with("hint: unset AZUP_AZURITE\n"),
        "{done}"
    );
}

#[test]
fn doctor_finds_a_damaged_install_and_one_command_fixes_it() {
    let site = Site::bare();
    let place = site.sandbox.own().join("azurite-3.37.0");
    let doctor = || site.sandbox.azup(["doctor", "azurite-install"]);
    assert_eq!(doctor().code, 0, "nothing is installed");
    fs::create_dir_all(&place).unwrap();
    for name in ["azurite.cjs", "bundle.json"] {
        fs::copy(part("azurite-3.37.0").join(name), place.join(name)).unwrap();
    }
    doctor().ok();
    let mut bytes = fs::read(place.join("azurite.cjs")).unwrap();
    bytes.truncate(1 << 20);
    fs::write(place.join("azurite.cjs"), bytes).unwrap();
    let done = doctor();
    assert_eq!(done.code, 1, "{done}");
    let fix = format!("rm -r {}", place.display());
    assert!(done.stdout.contains(&fix), "{done}");
    site.sandbox.run("sh", ["-c", &fix]).ok();
    doctor().ok();
    assert!(!place.exists());
}
