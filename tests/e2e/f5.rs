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
use crate::languages::node_project;
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

/// Whether each part of a story is told without that which it is about, and so has to fail.
fn without() -> bool {
    std::env::var_os("AZUP_EDITOR_WITHOUT").is_some()
}

/// How a part of a story ended: as it should, or for this reason not.
type Told = Result<(), String>;

#[track_caller]
fn expect(when: &str, told: Told) {
    match told {
        Ok(()) => assert!(!without(), "{when}: it does not see what is missing"),
        Err(why) => assert!(without(), "{when}: {why}"),
    }
}

fn ensure(so: bool, why: impl FnOnce() -> String) -> Told {
    if so { Ok(()) } else { Err(why()) }
}

/// Whether the program has stored its blob, with nobody asked or told anything.
fn works(site: &Site, pressed: &Pressed, when: &str) -> Told {
    ensure(pressed.ran, || format!("{pressed:#?}"))?;
    let told = std::fs::read(site.folder().join("ran.txt")).unwrap();
    let told: serde_json::Value = serde_json::from_slice(&told).unwrap();
    ensure(told["text"] == "hello from F5", || {
        format!("{told:#} {pressed:#?}")
    })?;
    if let Some(python) = told["python"].as_str() {
        ensure(python.ends_with("/.venv/bin/python"), || python.to_owned())?;
    }
    let took = told["started"].as_f64().unwrap() - pressed.at;
    let took = Duration::from_secs_f64(took.max(0.0));
    note(&format!("f5: the program runs, {when}"), took);
    ensure(pressed.said.is_empty(), || format!("{pressed:#?}"))
}

/// Changes a JSON file of the project, and gives the bytes that it had.
fn edit(site: &Site, path: &str, edit: impl FnOnce(&mut serde_json::Value)) -> Vec<u8> {
    let before = std::fs::read(site.folder().join(path)).unwrap();
    let mut value = serde_json::from_slice(&before).unwrap();
    edit(&mut value);
    site.write(path, value.to_string());
    before
}

const TASKS: &str = ".vscode/tasks.json";
const TRUST: &str = "azup: trust";
const INSTALL: &str = "install dependencies";

/// How long the editor may take to see that a file has changed.
const SEEING: Duration = Duration::from_secs(2);

/// Gives a task another command, where its work is to be missing, for as long as `act` lasts.
fn with_task<T>(site: &Site, label: &str, command: &str, act: impl FnOnce() -> T) -> T {
    let before = without().then(|| {
        edit(site, TASKS, |tasks| {
            let mut all = tasks["tasks"].as_array_mut().unwrap().iter_mut();
            let task = all.find(|task| task["label"] == label).unwrap();
            task["command"] = command.into();
        })
    });
    if before.is_some() {
        std::thread::sleep(SEEING);
    }
    let told = act();
    if let Some(before) = before {
        site.write(TASKS, before);
    }
    told
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
    fn open(site: &'a Site, container: &DevContainer<'_>, file: &str) -> Self {
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
                file.as_ref(),
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

/// What is missing with the switch stands beside each part.
#[test]
fn f5_in_the_dev_container_works_the_first_time_and_after_all_that_happens_to_it() {
    const CONFIGURATION: &str = ".devcontainer/devcontainer.json";
    let site = Site::new("f5", User::Other, Compose::Two);
    project(&site);
    site.azup(&["init", "--yes"], None).ok();
    if without() {
        edit(&site, CONFIGURATION, |all| {
            all.as_object_mut()
                .unwrap()
                .remove("postCreateCommand")
                .unwrap();
        });
    }
    let container = up(&site, &[]);
    container.is_healthy();
    let mut workbench = Workbench::open(&site, &container, "app.py");
    let log = site.root().join("shared/pip.log");
    let nothing_installed = || ensure(!log.exists(), || "pip was run".to_owned());
    let when = "the first";
    let pressed = workbench.press_f5();
    expect(
        when,
        works(&site, &pressed, when).and_then(|()| nothing_installed()),
    );

    let when = "the second";
    std::fs::remove_file(&log).ok();
    let always = ".venv/bin/python -m pip install --quiet -r requirements.txt";
    let pressed = with_task(&site, INSTALL, always, || workbench.press_f5());
    expect(
        when,
        works(&site, &pressed, when).and_then(|()| nothing_installed()),
    );

    // The container's entry point has started it, as root.
    let kill = "kill $(ps -eo pid,args | awk '$2 ~ /azup$/ && $3 == \"identity\" {print $1}')";
    docker(["exec", "-u", "root", &container.id, "sh", "-c", kill]).ok();
    let when = "without the endpoint for tokens";
    let pressed = with_task(&site, TRUST, "true", || workbench.press_f5());
    expect(when, works(&site, &pressed, when));

    site.azup(&["renew", "--stores", "none"], None).ok();
    let when = "renewed on the host";
    let pressed = with_task(&site, TRUST, "true", || workbench.press_f5());
    expect(when, works(&site, &pressed, when));

    let stores = ["", " --stores none"][usize::from(without())];
    container.terminal(&format!("azup renew{stores}")).ok();
    let when = "renewed in the container";
    let pressed = with_task(&site, TRUST, "true", || workbench.press_f5());
    expect(when, works(&site, &pressed, when));

    environment_of_the_host(&site);
    let when = "with the host's environment";
    let once = "[ -d .venv ] || python3 -m venv .venv";
    let pressed = with_task(&site, INSTALL, once, || workbench.press_f5());
    expect(when, works(&site, &pressed, when));

    // As everywhere, there is an index; and no way to it.
    let when = "without a way to what is new";
    site.write("requirements.txt", format!("{REQUIREMENTS}rather-new\n"));
    pip(&site, "");
    let patient = "python3 -m venv --clear .venv; .venv/bin/python -m pip install --quiet -r requirements.txt";
    let mut pressed = None;
    let took = crate::engine::took(|| {
        pressed = Some(with_task(&site, INSTALL, patient, || workbench.press_f5()));
    });
    expect(when, says_why(&pressed.unwrap(), took));
    site.write("requirements.txt", REQUIREMENTS);
    pip(&site, "no-index = true\nfind-links = /opt/wheels\n");
    drop(workbench);

    if without() {
        edit(&site, CONFIGURATION, |all| {
            all.as_object_mut().unwrap().remove("features").unwrap();
        });
    }
    let rebuilt = up(&site, &["--remove-existing-container"]);
    assert_ne!(rebuilt.id, container.id, "another container");
    rebuilt.is_healthy();
    let mut workbench = Workbench::open(&site, &rebuilt, "app.py");
    expect("rebuilt", works(&site, &workbench.press_f5(), "rebuilt"));
}

/// Whether F5 stopped within seconds, and said why in the last line of the terminal that is open
/// then.
fn says_why(pressed: &Pressed, took: Duration) -> Told {
    ensure(!pressed.ran && took < PATIENCE, || {
        format!("{took:?} {pressed:#?}")
    })?;
    let last = "No matching distribution found for rather-new";
    let is_last = |text: &String| text.trim_end().ends_with(last);
    let said = pressed.shows("NewConnectionError") && pressed.terminals.iter().any(is_last);
    ensure(said, || format!("{pressed:#?}"))
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
    if without() {
        // As it was before: the program itself is the task.
        edit(&site, TASKS, |tasks| {
            let mut all = tasks["tasks"].as_array_mut().unwrap().iter_mut();
            let task = all.find(|task| task["label"] == TRUST).unwrap();
            *task = serde_json::json!({"label": TRUST, "type": "process", "command": "azup", "args": ["trust"]});
        });
    }
    let container = up(&site, &["--build-no-cache"]);
    assert!(
        container
            .log
            .contains("run 'azup init' in the project's folder"),
        "{}",
        container.log
    );
    let mut workbench = Workbench::open(&site, &container, "app.py");
    let pressed = workbench.press_f5();
    let quiet = ensure(pressed.ran && pressed.said.is_empty(), || {
        format!("{pressed:#?}")
    });
    expect("a clone", quiet);
    assert_ne!(container.curl(), 0, "nothing serves without certificates");
    assert!(!Path::new(&site.certificates()).join("ca.pem").exists());
}

/// `init` has added azup's script to it, which has nothing to do in here.
#[test]
fn f5_runs_node_js_by_a_launch_json_that_was_there_before_azup() {
    let site = Site::new("f5 Node", User::Other, Compose::Two);
    project(&site);
    std::fs::remove_file(site.folder().join("requirements.txt")).unwrap();
    site.write("app.js", include_str!("../editor/app.js"));
    let launch = r#"{ "configurations": [
      { "name": "shop", "type": "node", "request": "launch", "program": "${workspaceFolder}/app.js" } ] }"#;
    site.write(".vscode/launch.json", launch);
    node_project(&site);
    if without() {
        std::fs::remove_file(site.folder().join(".devcontainer/azurite/node.cjs")).unwrap();
    }
    let container = up(&site, &[]);
    container.is_healthy();
    let mut workbench = Workbench::open(&site, &container, "app.js");
    expect("Node.js", works(&site, &workbench.press_f5(), "in Node.js"));
}
