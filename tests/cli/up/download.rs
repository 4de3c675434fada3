//! The Node.js that `azup up` downloads if there is none: the registry's real package, from a
//! stand-in for a registry on this machine.

mod python;

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::path::PathBuf;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use super::sdks::real;
use super::site::{Site, ended, signal};
use crate::sandbox::{Done, Sandbox, part};

/// The pinned version.
const VERSION: &str = "22.23.2";

/// The stand-in. It ends when its standard input closes.
struct Registry {
    child: Child,
    log: PathBuf,
    port: u16,
    proxy: u16,
}

impl Registry {
    fn start(site: &Site, certificate: &[PathBuf]) -> Self {
        Self::of(site, "node-registry", certificate)
    }

    fn of(site: &Site, folder: &str, certificate: &[PathBuf]) -> Self {
        let log = site.sandbox.root().join("registry.log");
        fs::write(&log, "").unwrap();
        let mut child = site
            .sandbox
            .command("/usr/bin/python3")
            .arg(concat!(
                env!("CARGO_MANIFEST_DIR"),
                "/tests/cli/up/registry.py"
            ))
            .arg(part(folder))
            .arg(&log)
            .args(certificate)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap())
            .read_line(&mut line)
            .unwrap();
        let ports: Vec<u16> = line
            .split_whitespace()
            .map(|port| port.parse().unwrap())
            .collect();
        let (port, proxy) = (ports[0], ports[1]);
        Self {
            child,
            log,
            port,
            proxy,
        }
    }

    fn url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}/{path}", self.port)
    }

    fn log(&self) -> String {
        fs::read_to_string(&self.log).unwrap()
    }
}

impl Drop for Registry {
    fn drop(&mut self) {
        drop(self.child.stdin.take());
        self.child.wait().unwrap();
    }
}

/// A machine without Node.js.
fn without_node() -> Site {
    let brought = format!("\nPINNED_NODE={VERSION}\n");
    assert!(include_str!("../../../tests/run").contains(&brought));
    let mut site = Site::new();
    site.only(&[real("script"), real("true")]);
    site
}

fn own_node(site: &Site) -> PathBuf {
    site.sandbox.own().join(format!("node-{VERSION}/bin/node"))
}

/// The command of the running Azurite.
fn command(site: &Site) -> String {
    let pid = site.state()["azurite_pid"].as_u64().unwrap();
    fs::read_to_string(format!("/proc/{pid}/cmdline")).unwrap()
}

/// Nothing of a Node.js in azup's folder.
#[track_caller]
fn nothing_is_kept(site: &Site) {
    let names = fs::read_dir(site.sandbox.own()).unwrap();
    let names = names.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let kept: Vec<String> = names
        .filter(|name| name.starts_with("node-") && name.strip_suffix(".lock").is_none())
        .collect();
    assert!(kept.is_empty(), "{kept:?}");
}

#[track_caller]
fn fails_with(done: &Done, words: &[&str]) {
    assert_eq!(done.code, 1, "{done}");
    for words in words {
        assert!(done.stderr.contains(words), "{words}: {done}");
    }
}

#[test]
fn yes_downloads_a_node_by_the_users_npm_settings_and_the_next_start_needs_no_network() {
    let mut site = without_node();
    let registry = Registry::start(&site, &[]);
    let token = "//127.0.0.1/:_authToken=elsewhere\n";
    let own = format!("//127.0.0.1:{}/:_authToken=${{TOKEN}}\n", registry.port);
    let npmrc = format!("registry={}\n{token}{own}", registry.url(""));
    fs::write(site.sandbox.home().join(".npmrc"), npmrc).unwrap();
    site.sandbox.set("TOKEN", "secret");
    // A repository does not influence it.
    site.sandbox.write(
        ".npmrc",
        "registry=http://127.0.0.1:1/\nproxy=http://127.0.0.1:1/\n",
    );
    let others = |site: &Site| {
        let mut found = Sandbox::files(site.sandbox.root());
        found.retain(|(path, _)| {
            !path.starts_with(site.sandbox.own()) && !path.ends_with("registry.log")
        });
        found
    };
    let before = others(&site);

    let done = site.azup_up(&["--dry-run", "--yes"]).ok();
    let address = registry.url("node-linux-");
    assert!(
        done.stdout
            .contains(&format!("download Node.js {VERSION} from {address}")),
        "{done}"
    );
    assert_eq!(registry.log(), "");

    let done = site.azup_up(&["-d", "--yes"]).ok();
    for words in [
        "downloading Node.js 22.23.2 (52 MB) from 127.0.0.1 into ",
        "installed Node.js 22.23.2 in ",
    ] {
        assert!(done.stderr.contains(words), "{done}");
    }
    let log = registry.log();
    assert!(
        log.starts_with("GET /node-linux-") && log.ends_with("-22.23.2.tgz Bearer secret\n"),
        "{log}"
    );
    assert_eq!(log.lines().count(), 1, "{log}");
    assert!(
        command(&site).starts_with(&*own_node(&site).to_string_lossy()),
        "{}",
        command(&site)
    );
    site.sandbox.azup(["down"]).ok();
    assert!(
        own_node(&site)
            .parent()
            .unwrap()
            .with_file_name("LICENSE")
            .exists()
    );

    // Nothing listens there any more, and there is no consent.
    drop(registry);
    site.azup_up(&["-d"]).ok();
    site.sandbox.azup(["down"]).ok();
    site.sandbox.azup(["run", "--", "true"]).ok();
    let named = format!("Node.js {VERSION} ({})", own_node(&site).display());
    let done = site.sandbox.azup(["version", "-v"]).ok();
    assert!(done.stdout.ends_with(&format!("{named}\n")), "{done}");
    let done = site.sandbox.azup(["doctor", "azurite-node", "--json"]);
    assert_eq!(done.json()["checks"][0]["detail"], named, "{done}");
    // As README says, `rm -r` of azup's folder removes all of it.
    assert!(
        others(&site) == before,
        "only azup's own folder has changed"
    );
}

#[test]
fn without_a_yes_nothing_is_downloaded() {
    let mut site = without_node();
    let registry = Registry::start(&site, &[]);
    site.sandbox.set("npm_config_registry", registry.url(""));
    fails_with(
        &site.azup_up(&[]),
        &["error: no Node.js on PATH", "hint: azup up --yes\n"],
    );
    fails_with(
        &site.sandbox.azup(["run", "--", "true"]),
        &["hint: azup up -d --yes\n"],
    );
    let done = site.sandbox.azup(["doctor", "azurite-node", "--json"]);
    assert_eq!(
        done.json()["checks"][0]["fix"],
        "azup up -d --yes",
        "{done}"
    );
    let on_terminal = |more: &str, answer: &str| {
        let words = site.words(&["-d"]);
        let words: Vec<&str> = words.iter().map(|word| word.to_str().unwrap()).collect();
        crate::merge::asking::on_a_terminal(
            &site.sandbox,
            &format!("{}{more}", words.join(" ")),
            answer,
        )
    };
    let question = "Download Node.js 22.23.2 (52 MB) from 127.0.0.1 into ";
    let done = on_terminal("", "n\n");
    assert!(done.stdout.contains(question), "{done}");
    assert!(
        done.stdout.contains("nothing was downloaded, as you said"),
        "{done}"
    );
    let done = on_terminal(" --no-input", "y\n");
    assert!(!done.stdout.contains(question), "{done}");
    assert_eq!(registry.log(), "");
    nothing_is_kept(&site);

    let done = on_terminal("", "y\n");
    assert!(done.stdout.contains("installed Node.js 22.23.2"), "{done}");
    site.sandbox.azup(["down"]).ok();
}

#[test]
fn any_other_package_is_refused_and_nothing_is_kept() {
    let mut site = without_node();
    let registry = Registry::start(&site, &[]);
    for (path, why) in [
        (
            "wrong/",
            "what came has another hash than azup expects, and was not kept",
        ),
        ("none/", "it does not have node-linux-"),
    ] {
        site.sandbox.set("NPM_CONFIG_REGISTRY", registry.url(path));
        let done = site.azup_up(&["--yes"]);
        fails_with(
            &done,
            &[
                "error: cannot download Node.js 22.23.2 from 127.0.0.1: ",
                why,
            ],
        );
        nothing_is_kept(&site);
    }
}

#[test]
fn a_slow_download_says_how_far_it_is_and_ctrl_c_leaves_nothing_of_it() {
    let mut site = without_node();
    let registry = Registry::start(&site, &[]);
    site.sandbox
        .set("npm_config_registry", registry.url("slow/"));
    let mut command = site.sandbox.azup_command(site.words(&["--yes"]));
    let mut child = command.stderr(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
    let far = regex_lite::Regex::new("^downloaded [0-9]+ of 52 MB \\([0-9]+ s\\)$").unwrap();
    assert!(lines.any(|line| far.is_match(&line.unwrap())));
    signal(child.id(), rustix::process::Signal::INT);
    assert_eq!(ended(&mut child).code(), Some(130));
    nothing_is_kept(&site);
}

#[test]
fn of_two_at_once_one_downloads() {
    let mut site = without_node();
    let registry = Registry::start(&site, &[]);
    site.sandbox.set("npm_config_registry", registry.url(""));
    let start = || {
        let mut command = site.sandbox.azup_command(site.words(&["-d", "--yes"]));
        let command = command.stdout(Stdio::null()).stderr(Stdio::null());
        command.spawn().unwrap()
    };
    for mut child in [start(), start()] {
        assert!(ended(&mut child).success());
    }
    assert_eq!(registry.log().lines().count(), 1, "{}", registry.log());
    site.sandbox.azup(["down"]).ok();
}

#[test]
fn a_proxy_with_a_ca_of_its_own_is_in_between() {
    let mut site = without_node();
    // It makes the certificates that the stand-in serves, and fails for lack of Node.js.
    assert_eq!(site.azup_up(&[]).code, 1);
    let certificate = ["cert.pem", "key.pem"].map(|name| site.sandbox.certs().join(name));
    let registry = Registry::start(&site, &certificate);
    // A name in the certificate that does not resolve here.
    let url = |path: &str| format!("https://host.docker.internal:{}/{path}", registry.port);
    site.sandbox.set("npm_config_registry", url(""));
    site.sandbox.set(
        "HTTPS_PROXY",
        format!("http://127.0.0.1:{}", registry.proxy),
    );
    fails_with(
        &site.azup_up(&["--yes"]),
        &["its certificate is not trusted here"],
    );
    site.sandbox.set("NODE_EXTRA_CA_CERTS", site.ca());
    site.sandbox.set("npm_config_registry", url("moved/"));
    fails_with(
        &site.azup_up(&["--yes"]),
        &["it leads to an address without HTTPS"],
    );
    nothing_is_kept(&site);
    site.sandbox.set("npm_config_registry", url(""));
    site.sandbox.set("NO_PROXY", "docker.internal");
    fails_with(&site.azup_up(&["--yes"]), &["from host.docker.internal: "]);
    site.sandbox.unset("NO_PROXY");
    site.azup_up(&["-d", "--yes"]).ok();
    site.sandbox.azup(["down"]).ok();
    let connect = format!("CONNECT host.docker.internal:{}\n", registry.port);
    assert_eq!(
        registry.log().matches(&connect).count(),
        3,
        "{}",
        registry.log()
    );
}

/// Stand-ins for tools that may install a Node.js: each prints what azup asks it, and does nothing.
#[test]
fn without_a_network_it_says_within_seconds_the_one_command_for_this_machine() {
    let mut site = without_node();
    let apt = |version: &str| format!("echo 'nodejs:'; echo '  Candidate: {version}'");
    let nvm = site.sandbox.home().join(".nvm/nvm.sh");
    let begun = Instant::now();
    let mut says = |stand_ins: &[(&str, &str)], hint: &str| {
        let folder = site.sandbox.root().join("stand-ins");
        let _ = fs::remove_dir_all(&folder);
        site.stand_ins(stand_ins);
        site.sandbox.set("PATH", &folder);
        let words = ["--user", "--map-root-user", "--net"].map(Into::into);
        let up = site.words(&["--yes"]);
        let azup = crate::sandbox::azup().as_os_str().to_owned();
        let words = words.into_iter().chain([azup]).chain(up);
        let done = site.sandbox.run("/usr/bin/unshare", words);
        let why = "error: cannot download Node.js 22.23.2 from registry.npmjs.org: its name cannot be resolved\n";
        fails_with(&done, &[why, &format!("hint: {hint}\n")]);
    };
    says(&[], "install Node.js from https://nodejs.org/en/download");
    // In that namespace the user is root, who does not need sudo.
    says(
        &[("apt-cache", &apt("20.19.2+dfsg-1"))],
        "apt-get install nodejs",
    );
    says(
        &[("apt-cache", &apt("18.20.4+dfsg-1")), ("snap", "")],
        "snap install node --classic",
    );
    says(&[("apk", "")], "apk add nodejs");
    says(&[("apk", ""), ("mise", "")], "mise use --global node@22");
    fs::create_dir_all(nvm.parent().unwrap()).unwrap();
    fs::write(&nvm, "").unwrap();
    says(&[("apk", "")], ". ~/.nvm/nvm.sh && nvm install 22");
    assert!(
        begun.elapsed() < Duration::from_secs(60),
        "each says so within seconds"
    );
    nothing_is_kept(&site);
}

/// In a Python environment, the extra of azup's own package installs one.
#[test]
fn in_a_python_environment_it_names_the_extra_of_its_package() {
    let mut site = without_node();
    site.sandbox
        .set("npm_config_registry", "http://127.0.0.1:1");
    let environment = site.sandbox.root().join("environment");
    let azup = environment.join("bin/azup");
    fs::create_dir_all(azup.parent().unwrap()).unwrap();
    crate::sandbox::copy_program(crate::sandbox::azup(), &azup);
    let python = environment.join("bin/python");
    let pip = format!("{} -m pip install 'azurite-up[node]'", python.display());
    for (file, hint) in [
        ("pyvenv.cfg", pip.as_str()),
        (
            "pipx_metadata.json",
            "pipx install --force 'azurite-up[node]'",
        ),
        ("uv-receipt.toml", "uv tool install 'azurite-up[node]'"),
    ] {
        fs::write(environment.join(file), "").unwrap();
        let done = site.sandbox.run(&azup, site.words(&["--yes"]));
        fails_with(&done, &["nobody answers there", &format!("hint: {hint}\n")]);
    }
}
