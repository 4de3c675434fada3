//! F5 in a dev container that the devcontainer CLI brought up: VS Code's workbench runs in it, and
//! the hand of `tests/editor` presses the key from outside. The container has no network.

use std::fs::Permissions;
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use crate::engine::{docker, note, part, run, timed, wait};
use crate::hand::{self, Hand, Pressed};
use crate::site::{Compose, DevContainer, PATIENCE, Site, User};

/// Where the parts are in the container.
const MOUNTS: [(&str, &str); 3] = [
    ("editor", "/opt/editor"),
    ("node22/node_modules/node/bin", "/opt/node"),
    ("wheels", "/opt/wheels"),
];

/// pip's index in hooks.
const WHEELS: &str = "PIP_FIND_LINKS=/opt/wheels";

const PORT: u16 = 38_080;

const REQUIREMENTS: &str = "azure-identity\nazure-storage-blob\n";

/// `ran.txt` of a program that has stored its blob, without any dialog or message.
#[track_caller]
fn it_works(site: &Site, pressed: &Pressed, when: &str) {
    assert!(pressed.ran, "{when}: {pressed:#?}");
    let told = std::fs::read(site.folder().join("ran.txt")).unwrap();
    let told: serde_json::Value = serde_json::from_slice(&told).unwrap();
    assert_eq!(
        told["text"], "hello from F5",
        "{when}: {told:#} {pressed:#?}"
    );
    let python = told["python"].as_str().unwrap();
    assert!(python.ends_with("/.venv/bin/python"), "{when}: {python}");
    let took = told["started"].as_f64().unwrap() - pressed.at;
    let took = Duration::from_secs_f64(took.max(0.0));
    note(&format!("f5: the program runs, {when}"), took);
    assert_eq!(pressed.said, [""; 0], "{when}: {pressed:#?}");
}

fn project(site: &Site) {
    site.write("app.py", include_str!("../editor/app.py"));
    site.write("requirements.txt", REQUIREMENTS);
    let shared = site.root().join("shared");
    for (name, text) in hand::files() {
        let path = shared.join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }
    pip(site, "no-index = true\nfind-links = /opt/wheels\n");
}

/// pip's settings in the editor.
fn pip(site: &Site, settings: &str) {
    let shared = site.root().join("shared");
    std::fs::write(shared.join("pip.conf"), format!("[global]\n{settings}")).unwrap();
    site.own(&shared);
}

/// `devcontainer up`, with the parts and a folder that both sides see.
fn up<'a>(site: &'a Site, more: &[&str]) -> DevContainer<'a> {
    let shared = site.root().join("shared");
    let mut words: Vec<String> = Vec::new();
    let sources = MOUNTS.map(|(name, target)| (part(name), target));
    for (source, target) in sources.into_iter().chain([(shared, "/shared")]) {
        let mount = format!("type=bind,source={},target={target}", source.display());
        words.extend(["--mount".into(), mount]);
    }
    for variable in [WHEELS, "PIP_NO_INDEX=1"] {
        words.extend(["--remote-env".into(), variable.into()]);
    }
    words.extend(more.iter().map(|&word| word.to_owned()));
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let container = timed("f5: up", || site.up(&words));
    let pid = inspect(&container, "{{.State.Pid}}");
    let mut cut = Command::new("nsenter");
    run(cut.args(["-t", &pid, "-n", "ip", "route", "del", "default"])).ok();
    container
}

fn inspect(container: &DevContainer<'_>, what: &str) -> String {
    let done = docker(["inspect", "-f", what, &container.id]).ok();
    done.stdout.trim().to_owned()
}

/// The workbench in the container, and the hand outside.
struct Workbench<'a> {
    site: &'a Site,
    hand: Hand,
}

impl<'a> Workbench<'a> {
    fn open(site: &'a Site, container: &DevContainer<'_>) -> Self {
        let shared = site.root().join("shared");
        std::fs::remove_file(shared.join("ready")).ok();
        let bind = format!("0.0.0.0:{PORT}");
        let mut words = vec!["exec", "-d", "-u", &container.user, "-w", &container.folder];
        for variable in [
            "PIP_CONFIG_FILE=/shared/pip.conf",
            "AZUP_EDITOR_DEBUGPY=/opt/editor/debugpy",
            "AZUP_EDITOR_READY=/shared/ready",
            "PIP_LOG=/shared/pip.log",
        ] {
            words.extend(["-e", variable]);
        }
        words.extend([&*container.id, "sh", "-c"]);
        let script = format!(
            "exec /opt/node/node /opt/editor/node_modules/code-server/out/node/entry.js --auth none \
             --disable-telemetry --disable-update-check --bind-addr {bind} --config /shared/config.yaml \
             --user-data-dir /shared/editor --extensions-dir /shared/extensions > /shared/code-server.log 2>&1"
        );
        docker(words.into_iter().chain([&*script])).ok();
        let address = inspect(
            container,
            "{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}",
        );
        wait(
            PATIENCE,
            || TcpStream::connect((&*address, PORT)).is_ok(),
            || std::fs::read_to_string(shared.join("code-server.log")).unwrap_or_default(),
        );
        // Only this machine may control a browser.
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        std::thread::spawn(move || {
            for from in listener.incoming().flatten() {
                let Ok(to) = TcpStream::connect((&*address, PORT)) else {
                    return;
                };
                let back = (to.try_clone().unwrap(), from.try_clone().unwrap());
                std::thread::spawn(move || copy(from, to));
                std::thread::spawn(move || copy(back.0, back.1));
            }
        });
        let node = site.seen(&part("node22/node_modules/node/bin/node"));
        let mut hand = site.command(
            node,
            [
                shared.join("editor/hand.cjs").as_os_str(),
                format!("http://127.0.0.1:{port}").as_ref(),
                container.folder.as_ref(),
                "app.py".as_ref(),
            ],
        );
        hand.env("NODE_PATH", site.seen(&part("editor/node_modules")))
            .env("AZUP_EDITOR_READY", shared.join("ready"));
        let hand = Hand::start(hand);
        Self { site, hand }
    }

    fn press_f5(&mut self) -> Pressed {
        let until = self.site.folder().join("ran.txt");
        std::fs::remove_file(&until).ok();
        self.hand.press("F5", &until)
    }
}

impl Drop for Workbench<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let shared = self.site.root().join("shared");
            let place = Path::new(env!("CARGO_TARGET_TMPDIR"));
            self.hand.picture(&shared.join("seen.png"));
            std::fs::copy(shared.join("seen.png"), place.join("f5.png")).ok();
            std::fs::copy(shared.join("code-server.log"), place.join("f5.log")).ok();
        }
    }
}

fn copy(mut from: TcpStream, mut to: TcpStream) {
    std::io::copy(&mut from, &mut to).ok();
    to.shutdown(std::net::Shutdown::Both).ok();
}

/// Makes a `.venv` as on a machine whose Python is elsewhere.
fn environment_of_the_host(site: &Site) {
    let python = site.root().join("python3");
    std::fs::copy("/usr/bin/python3", &python).unwrap();
    std::fs::set_permissions(&python, Permissions::from_mode(0o755)).unwrap();
    std::fs::remove_dir_all(site.folder().join(".venv")).unwrap();
    run(&site.command(python, ["-m", "venv", "--without-pip", ".venv"])).ok();
}

#[test]
fn f5_in_the_dev_container_works_the_first_time_and_after_all_that_happens_to_it() {
    let site = Site::new("f5", User::Other, Compose::Two);
    project(&site);
    site.azup(&["init", "--yes"], None).ok();
    let container = up(&site, &[]);
    container.is_healthy();
    let mut workbench = Workbench::open(&site, &container);
    it_works(&site, &workbench.press_f5(), "the first");

    let log = site.root().join("shared/pip.log");
    assert!(
        !log.exists(),
        "all was installed when the container was made"
    );
    it_works(&site, &workbench.press_f5(), "the second");
    assert!(!log.exists(), "nothing was to be installed");

    // The container's entry point has started it, as root.
    let kill = "kill $(ps -eo pid,args | awk '$2 ~ /azup$/ && $3 == \"identity\" {print $1}')";
    docker(["exec", "-u", "root", &container.id, "sh", "-c", kill]).ok();
    it_works(
        &site,
        &workbench.press_f5(),
        "without the endpoint for tokens",
    );

    site.azup(&["renew", "--stores", "none"], None).ok();
    it_works(&site, &workbench.press_f5(), "renewed on the host");
    container.terminal("azup renew").ok();
    it_works(&site, &workbench.press_f5(), "renewed in the container");

    environment_of_the_host(&site);
    it_works(&site, &workbench.press_f5(), "with the host's environment");

    site.write("requirements.txt", format!("{REQUIREMENTS}rather-new\n"));
    // As usual there is an index, but it cannot be reached.
    pip(&site, "");
    let mut pressed = None;
    let took = crate::engine::took(|| pressed = Some(workbench.press_f5()));
    let pressed = pressed.unwrap();
    assert!(!pressed.ran, "{pressed:#?}");
    assert!(took < PATIENCE, "{took:?}");
    assert!(pressed.shows("NewConnectionError"), "{pressed:#?}");
    // The reason is in the last line of the terminal that is then open.
    let last = "No matching distribution found for rather-new";
    let is_last = |text: &String| text.trim_end().ends_with(last);
    assert!(pressed.terminals.iter().any(is_last), "{pressed:#?}");
    site.write("requirements.txt", REQUIREMENTS);
    pip(&site, "no-index = true\nfind-links = /opt/wheels\n");
    drop(workbench);

    let rebuilt = up(&site, &["--remove-existing-container"]);
    assert_ne!(rebuilt.id, container.id, "another container");
    rebuilt.is_healthy();
    let mut workbench = Workbench::open(&site, &rebuilt);
    it_works(&site, &workbench.press_f5(), "rebuilt");
}

/// Git has neither the program nor the certificates, and no registry has the package.
#[test]
fn in_a_clone_without_the_program_f5_starts_the_program_and_the_log_says_what_to_do() {
    let site = Site::new("f5 clone", User::Other, Compose::Two);
    project(&site);
    site.azup(&["init", "--yes"], None).ok();
    for name in ["ca.pem", "cert.pem", "key.pem"] {
        std::fs::remove_file(site.certificates().join(name)).unwrap();
    }
    let own = site.folder().join(".devcontainer/azurite");
    for entry in own.read_dir().unwrap().flatten() {
        if entry
            .file_name()
            .to_string_lossy()
            .starts_with("azup-linux-")
        {
            std::fs::remove_file(entry.path()).unwrap();
        }
    }
    std::fs::remove_file(site.folder().join(".env")).unwrap();
    let container = up(&site, &["--build-no-cache"]);
    assert!(
        container
            .log
            .contains("run 'azup init' in the project's folder"),
        "{}",
        container.log
    );
    let mut workbench = Workbench::open(&site, &container);
    let pressed = workbench.press_f5();
    assert!(pressed.ran, "{pressed:#?}");
    assert_eq!(pressed.said, [""; 0], "{pressed:#?}");
    assert_ne!(container.curl(), 0, "nothing serves without certificates");
    assert!(!Path::new(&site.certificates()).join("ca.pem").exists());
}
