//! What runs in Azurite's container, run without one: the loop with busybox and a
//! stand-in for Azurite, the healthcheck with the real Azurite.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use super::{initialised, program, readers::yaml};
use crate::sandbox::{Sandbox, part};

/// How long anything may take before the test gives up. No test waits for it to pass.
const LIMIT: Duration = Duration::from_secs(60);

#[track_caller]
fn wait_for(what: &str, mut condition: impl FnMut() -> bool) {
    let until = Instant::now() + LIMIT;
    while !condition() {
        assert!(Instant::now() < until, "still waiting for {what}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

#[test]
fn scripts_are_read_by_every_shell_of_a_container() {
    let sandbox = initialised();
    let feature = sandbox.project().join(".devcontainer/azurite");
    let path = sandbox.write("loop.sh", azurite_loop(&sandbox));
    let scripts = ["install.sh", "start.sh", "entrypoint.sh"].map(|name| feature.join(name));
    for script in scripts.into_iter().chain([path]) {
        for shell in [&["dash"][..], &["bash", "--posix"], &["busybox", "sh"]] {
            let words = shell[1..].iter().map(Path::new);
            let words = words.chain([Path::new("-n"), &script]);
            let done = sandbox.run(shell[0], words).ok();
            assert_eq!(done.stderr, "", "{shell:?} {}", script.display());
        }
    }
}

/// The script in the overlay as the container's shell gets it.
fn azurite_loop(sandbox: &Sandbox) -> String {
    let overlay = yaml(sandbox, ".devcontainer/azurite/docker-compose.yml");
    let command = &overlay["services"]["azurite"]["command"];
    assert_eq!(command[0], "sh");
    assert_eq!(command[1], "-c");
    command[2].as_str().unwrap().replace("$$", "$")
}

/// Azurite's container: the overlay's loop with only busybox and a stand-in for Azurite.
struct Loop {
    sandbox: Sandbox,
    certs: PathBuf,
    script: String,
    child: Option<Child>,
}

impl Loop {
    fn new() -> Self {
        let mut sandbox = initialised();
        let certs = sandbox.root().join("certs");
        std::fs::create_dir(&certs).unwrap();
        let log = sandbox.root().join("log");
        let script = azurite_loop(&sandbox).replace("/certs", &certs.to_string_lossy());
        let programs = sandbox.root().join("programs");
        std::fs::create_dir(&programs).unwrap();
        let busybox = ["/bin/busybox", "/usr/bin/busybox"].map(Path::new);
        let busybox = busybox.into_iter().find(|path| path.exists());
        let busybox = busybox.expect("busybox is missing: the shell of Azurite's image");
        for applet in ["sh", "grep", "md5sum", "sleep"] {
            std::os::unix::fs::symlink(busybox, programs.join(applet)).unwrap();
        }
        program(
            &programs,
            "azurite",
            &format!(
                "PATH=/usr/bin:/bin\nlog() {{ echo \"$*\" >>'{log}'; }}\n\
                 log start \"$(cat '{certs}/cert.pem')\" \"$*\"\necho $$ >'{log}.pid'\n\
                 trap 'log stop; exit 0' TERM\nwhile :; do sleep 0.1; done",
                log = log.display(),
                certs = certs.display()
            ),
        );
        sandbox.set("PATH", &programs);
        Self {
            sandbox,
            certs,
            script,
            child: None,
        }
    }

    fn command(&self) -> Command {
        let shell = self.sandbox.root().join("programs/sh");
        let mut command = self.sandbox.command(shell);
        command.args(["-c", &self.script]);
        command
    }

    fn start(&mut self) {
        let mut command = self.command();
        command.stdout(Stdio::null()).stderr(Stdio::null());
        self.child = Some(command.spawn().unwrap());
    }

    /// By rename, as azup does.
    fn write(&self, name: &str, content: &str) {
        let new = self.certs.join(format!(".{name}.new"));
        std::fs::write(&new, content).unwrap();
        std::fs::rename(new, self.certs.join(name)).unwrap();
    }

    /// `start CERTIFICATE` and `stop`, in order.
    fn log(&self) -> Vec<String> {
        std::fs::read_to_string(self.sandbox.root().join("log"))
            .unwrap_or_default()
            .lines()
            .map(|line| line.split(" -l ").next().unwrap().trim().to_owned())
            .collect()
    }

    #[track_caller]
    fn wait_for_log(&self, expected: &[&str]) {
        wait_for(&format!("{expected:?}"), || self.log() == expected);
    }

    fn end(&mut self) -> Option<i32> {
        let mut child = self.child.take().unwrap();
        wait_for("the loop's end", || child.try_wait().unwrap().is_some());
        child.wait().unwrap().code()
    }
}

fn terminate(id: u32) {
    let done = Command::new("/bin/kill").arg(id.to_string()).status();
    assert!(done.unwrap().success());
}

impl Drop for Loop {
    fn drop(&mut self) {
        if let Some(mut child) = self.child.take() {
            let _ = Command::new("/bin/kill")
                .arg(child.id().to_string())
                .status();
            let _ = child.wait();
        }
    }
}

#[test]
fn the_loop_waits_starts_restarts_and_stops_azurite() {
    let mut azurite = Loop::new();
    azurite.start();
    azurite.write("key.pem", "key 1");
    std::thread::sleep(Duration::from_secs(2));
    assert_eq!(azurite.log(), [""; 0], "half a pair is none");
    azurite.write("cert.pem", "first");
    azurite.wait_for_log(&["start first"]);
    let command = std::fs::read_to_string(azurite.sandbox.root().join("log")).unwrap();
    for words in [
        "-l /data --cert ",
        "cert.pem --key ",
        "key.pem --oauth basic --skipApiVersionCheck --disableProductStyleUrl --disableTelemetry",
    ] {
        assert!(command.contains(words), "{words} in {command}");
    }

    azurite.write("cert.pem", "second");
    azurite.wait_for_log(&["start first", "stop", "start second"]);

    // Gone, as with `git clean`: nothing is served until there is a pair again.
    std::fs::remove_file(azurite.certs.join("cert.pem")).unwrap();
    azurite.wait_for_log(&["start first", "stop", "start second", "stop"]);
    azurite.write("cert.pem", "third");
    let until_third = ["start first", "stop", "start second", "stop", "start third"];
    azurite.wait_for_log(&until_third);

    let id = azurite.child.as_ref().unwrap().id();
    terminate(id);
    assert_eq!(azurite.end(), Some(0));
    assert_eq!(
        azurite.log().last().unwrap(),
        "stop",
        "SIGTERM is passed on"
    );
}

#[test]
fn the_loop_starts_an_azurite_that_died() {
    let mut azurite = Loop::new();
    azurite.write("key.pem", "key");
    azurite.write("cert.pem", "one");
    azurite.start();
    azurite.wait_for_log(&["start one"]);
    let id = std::fs::read_to_string(azurite.sandbox.root().join("log.pid")).unwrap();
    terminate(id.trim().parse().unwrap());
    azurite.wait_for_log(&["start one", "stop", "start one"]);
}

/// What is left when the dev container was restarted: a network namespace with `lo` alone.
#[test]
fn the_loop_ends_in_a_network_namespace_without_a_network() {
    let azurite = Loop::new();
    azurite.write("key.pem", "key");
    azurite.write("cert.pem", "one");
    let shell = azurite.sandbox.root().join("programs/sh");
    let words = ["--user", "--map-root-user", "--net"].map(Path::new);
    let words =
        words
            .into_iter()
            .chain([shell.as_path(), Path::new("-c"), Path::new(&azurite.script)]);
    let done = azurite.sandbox.run("/usr/bin/unshare", words);
    assert_eq!(done.code, 1, "{done}");
    assert_eq!(azurite.log(), [""; 0]);
}

#[test]
fn the_loop_stops_azurite_and_ends_when_the_network_goes() {
    let mut azurite = Loop::new();
    azurite.write("key.pem", "key");
    azurite.write("cert.pem", "one");
    // The loop reads addresses and routes; here the network goes with this file.
    let network = azurite.sandbox.root().join("network");
    std::fs::write(&network, "eth0\n").unwrap();
    azurite.script = azurite
        .script
        .replace("/proc/net/route", &network.to_string_lossy());
    azurite.script = azurite.script.replace(" /proc/net/if_inet6", "");
    azurite.start();
    azurite.wait_for_log(&["start one"]);
    std::fs::write(&network, "Iface\nlo\n").unwrap();
    assert_eq!(azurite.end(), Some(1));
    assert_eq!(azurite.log(), ["start one", "stop"]);
}

struct Azurite(Child);

impl Azurite {
    fn start(sandbox: &Sandbox, ports: [u16; 3], rest: &[&str]) -> Self {
        let data = sandbox.root().join("data");
        let mut command = sandbox.command(part("node22/node_modules/.bin/node"));
        command.arg(part("azurite-3.37.0/node_modules/.bin/azurite"));
        for (service, port) in ["blob", "queue", "table"].into_iter().zip(ports) {
            command
                .arg(format!("--{service}Port"))
                .arg(port.to_string());
        }
        command.arg("-l").arg(data).args(rest);
        command.stdout(Stdio::null()).stderr(Stdio::null());
        Self(command.spawn().unwrap())
    }
}

impl Drop for Azurite {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn the_healthcheck_tells_a_verified_azurite_from_everything_else() {
    let sandbox = initialised();
    let ports = crate::sandbox::free_ports();
    let overlay = yaml(&sandbox, ".devcontainer/azurite/docker-compose.yml");
    let test = &overlay["services"]["azurite"]["healthcheck"]["test"];
    assert_eq!(
        (&test[0], &test[1], &test[2]),
        (&"CMD".into(), &"node".into(), &"-e".into())
    );
    let certs = sandbox.project().join(".devcontainer/azurite-certs");
    let script = |certs: &Path| {
        let mut script = test[3].as_str().unwrap().replace("$$", "$");
        assert!(script.contains("/certs/ca.pem"), "{script}");
        script = script.replace("/certs", &certs.to_string_lossy());
        for (known, free) in ["10000", "10001", "10002"].into_iter().zip(ports) {
            script = script.replace(known, &free.to_string());
        }
        script
    };
    let check = |certs: &Path| {
        let node = part("node22/node_modules/.bin/node");
        sandbox.run(node, ["-e", &script(certs)])
    };

    let done = check(&certs);
    assert_eq!(done.code, 1, "{done}");
    assert!(done.stderr.contains("ECONNREFUSED"), "{done}");

    let cert = certs.join("cert.pem");
    let key = certs.join("key.pem");
    let secure = [
        "--cert",
        &*cert.to_string_lossy(),
        "--key",
        &*key.to_string_lossy(),
        "--oauth",
        "basic",
    ];
    let azurite = Azurite::start(&sandbox, ports, &secure);
    wait_for("a healthy Azurite", || check(&certs).code == 0);

    // Another CA.
    let other = sandbox.root().join("other");
    std::fs::create_dir(&other).unwrap();
    std::fs::remove_dir_all(sandbox.certs()).unwrap();
    sandbox.azup([Path::new("init"), &other]).ok();
    let done = check(&other.join(".devcontainer/azurite-certs"));
    assert_eq!(done.code, 1, "{done}");
    assert!(
        done.stderr.contains("unable to verify")
            || done.stderr.contains("self-signed")
            || done.stderr.contains("issuer"),
        "{done}"
    );
    drop(azurite);

    // Plain HTTP, as Azurite serves it without a word when its key is missing.
    let _azurite = Azurite::start(&sandbox, ports, &[]);
    wait_for("Azurite on plain HTTP", || {
        std::net::TcpStream::connect(("127.0.0.1", ports[2])).is_ok()
    });
    let done = check(&certs);
    assert_eq!(done.code, 1, "{done}");
}
