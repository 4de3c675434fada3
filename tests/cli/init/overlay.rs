//! What runs in Azurite's container, run without one: the overlay's own command line, variables and
//! health check, with the real Azurite.

use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::time::{Duration, Instant};

use super::{initialised, readers::yaml};
use crate::sandbox::{Sandbox, part};

/// How long anything may take before the test fails. No test waits for it to pass.
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
    let scripts = ["install.sh", "start.sh", "entrypoint.sh"].map(|name| feature.join(name));
    for script in scripts {
        for shell in [&["dash"][..], &["bash", "--posix"], &["busybox", "sh"]] {
            let words = shell[1..].iter().map(Path::new);
            let words = words.chain([Path::new("-n"), &script]);
            let done = sandbox.run(shell[0], words).ok();
            assert_eq!(done.stderr, "", "{shell:?} {}", script.display());
        }
    }
}

/// Azurite as in its container, except for the paths and ports of this test.
struct Container {
    sandbox: Sandbox,
    ports: [u16; 3],
    certs: PathBuf,
    child: Option<Child>,
}

impl Container {
    /// Nothing runs yet, and the folder of the certificates is empty.
    fn new() -> Self {
        let sandbox = initialised();
        let certs = sandbox.root().join("certs");
        std::fs::create_dir(&certs).unwrap();
        Self {
            sandbox,
            ports: crate::sandbox::free_ports(),
            certs,
            child: None,
        }
    }

    fn service(&self) -> serde_json::Value {
        yaml(&self.sandbox, ".devcontainer/azurite/docker-compose.yml")["services"]["azurite"]
            .clone()
    }

    /// A path in the container, mapped to one of this test.
    fn here(&self, text: &str) -> String {
        let own = self.sandbox.project().join(".devcontainer/azurite");
        text.replace("/certs/", &format!("{}/", self.certs.display()))
            .replace("/azup/", &format!("{}/", own.display()))
            .replace("/data", &self.sandbox.root().join("data").to_string_lossy())
    }

    /// The overlay's command with its variables, started by `wrapper`.
    fn command(&self, wrapper: &[&str]) -> Command {
        let service = self.service();
        let line = self.here(service["command"].as_str().unwrap());
        let mut words: Vec<String> = wrapper.iter().map(|word| (*word).to_owned()).collect();
        words.push(
            part("node22/node_modules/node/bin/node")
                .to_string_lossy()
                .into_owned(),
        );
        let program = part("azurite-3.37.0/node_modules/azurite/dist/src/azurite.js");
        words.push(program.to_string_lossy().into_owned());
        words.extend(line.split(' ').skip(1).map(str::to_owned));
        for (name, port) in ["blob", "queue", "table"].iter().zip(self.ports) {
            words.extend([format!("--{name}Port"), port.to_string()]);
        }
        let mut command = self.sandbox.command(&words[0]);
        command.args(&words[1..]);
        for (name, value) in service["environment"].as_object().unwrap() {
            command.env(name, self.here(value.as_str().unwrap()));
        }
        command
    }

    fn start(&mut self, without_network: bool) {
        let mut command = self.command(&[]);
        if without_network {
            // This machine's network must not decide the test.
            command.env("AZUP_SERVE", "");
        }
        let log = std::fs::File::create(self.sandbox.root().join("log")).unwrap();
        command.stdout(log.try_clone().unwrap()).stderr(log);
        self.child = Some(command.spawn().unwrap());
    }

    fn log(&self) -> String {
        std::fs::read_to_string(self.sandbox.root().join("log")).unwrap_or_default()
    }

    /// Takes the files of another set, by rename and the key first, as azup writes them.
    fn take(&self, from: &Path, names: &[&str]) {
        for name in names {
            let new = self.certs.join(format!(".{name}.new"));
            std::fs::copy(from.join(name), &new).unwrap();
            std::fs::rename(new, self.certs.join(name)).unwrap();
        }
    }

    /// A set in a folder of its own, made by azup.
    fn set(&self, name: &str) -> PathBuf {
        let folder = self.sandbox.root().join(name);
        let words = [Path::new("renew"), Path::new("--certs"), &folder];
        self.sandbox.azup(words).ok();
        folder
    }

    /// The overlay's own health check.
    fn check(&self) -> crate::sandbox::Done {
        let service = self.service();
        let test = service["healthcheck"]["test"].as_array().unwrap();
        let words: Vec<&str> = test.iter().map(|word| word.as_str().unwrap()).collect();
        assert_eq!(&words[..2], ["CMD", "node"]);
        assert_eq!(&words[4..], ["10000", "10001", "10002"]);
        let mut node = self
            .sandbox
            .command(part("node22/node_modules/node/bin/node"));
        node.args(words[2..4].iter().map(|word| self.here(word)));
        node.args(self.ports.map(|port| port.to_string()));
        // A container's check has the variables of its service.
        for (name, value) in service["environment"].as_object().unwrap() {
            node.env(name, self.here(value.as_str().unwrap()));
        }
        node.output().unwrap().into()
    }

    fn end(&mut self) -> Option<i32> {
        let mut child = self.child.take().unwrap();
        wait_for("its end", || child.try_wait().unwrap().is_some());
        child.wait().unwrap().code()
    }
}

impl Drop for Container {
    fn drop(&mut self) {
        if let Some(mut child) = self.child.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

#[test]
fn azurite_waits_for_its_certificate_takes_another_and_keeps_the_old_one_of_a_bad_pair() {
    let mut azurite = Container::new();
    let (first, second, third) = (
        azurite.set("first"),
        azurite.set("second"),
        azurite.set("third"),
    );
    azurite.start(true);
    azurite.take(&first, &["key.pem", "ca.pem"]);
    wait_for("that it waits", || {
        azurite.log().contains("azup: waiting for a certificate")
    });
    let done = azurite.check();
    assert_eq!(done.code, 1, "{done}");
    assert!(done.stderr.contains("ECONNREFUSED"), "{done}");
    azurite.take(&first, &["cert.pem"]);
    wait_for("a healthy Azurite", || azurite.check().code == 0);

    // Another CA does not verify it.
    azurite.take(&second, &["ca.pem"]);
    assert_eq!(azurite.check().code, 1);
    // Half of a pair, as after an interrupted renewal: the old one is served.
    azurite.take(&second, &["key.pem"]);
    std::thread::sleep(Duration::from_millis(2500));
    azurite.take(&first, &["ca.pem"]);
    assert_eq!(azurite.check().code, 0);
    azurite.take(&second, &["cert.pem", "ca.pem"]);
    wait_for("the second one", || azurite.check().code == 0);
    // Gone, as after `git clean`: the loaded one is served until there is a pair again.
    for name in ["cert.pem", "key.pem"] {
        std::fs::remove_file(azurite.certs.join(name)).unwrap();
    }
    std::thread::sleep(Duration::from_millis(1500));
    assert_eq!(azurite.check().code, 0);
    azurite.take(&third, &["key.pem", "cert.pem", "ca.pem"]);
    wait_for("the third one", || azurite.check().code == 0);

    let id = azurite.child.as_ref().unwrap().id();
    terminate(id);
    assert_eq!(azurite.end(), Some(0));
    assert_eq!(
        azurite.log().matches("service successfully closed").count(),
        3
    );
}

/// What is left when the dev container was restarted: a network namespace with `lo` alone.
#[test]
fn azurite_ends_in_a_network_namespace_without_a_network() {
    let azurite = Container::new();
    // Before it serves, while there is no certificate, and after.
    for with_certificate in [false, true] {
        if with_certificate {
            azurite.take(&azurite.set("set"), &["ca.pem", "key.pem", "cert.pem"]);
        }
        let wrapper = ["/usr/bin/unshare", "--user", "--map-root-user", "--net"];
        let wrapper = [
            &wrapper[..],
            &["sh", "-c", "ip link set lo up; exec \"$@\"", "sh"],
        ]
        .concat();
        let done = azurite.command(&wrapper).output().unwrap();
        let said = String::from_utf8_lossy(&done.stdout);
        assert_eq!(done.status.code(), Some(1), "{said}");
        assert!(said.contains("azup: the network is gone"), "{said}");
        let closed = said.matches("service successfully closed").count();
        assert_eq!(closed, if with_certificate { 3 } else { 0 }, "{said}");
    }
}

#[test]
fn the_healthcheck_tells_azurite_from_another_server() {
    let azurite = Container::new();
    let set = azurite.set("set");
    azurite.take(&set, &["ca.pem", "key.pem", "cert.pem"]);
    let server = "require('https').createServer({cert: fs.readFileSync('cert.pem'), \
        key: fs.readFileSync('key.pem')}, (q, r) => r.end()).listen(process.argv[1], '127.0.0.1')";
    let servers: Vec<Child> = azurite
        .ports
        .iter()
        .map(|port| {
            let mut node = azurite
                .sandbox
                .command(part("node22/node_modules/node/bin/node"));
            let node = node.args(["-e", server, &port.to_string()]);
            node.current_dir(&set).spawn().unwrap()
        })
        .collect();
    wait_for("another server", || {
        azurite.check().stderr.contains("is not Azurite's")
    });
    for mut server in servers {
        server.kill().unwrap();
        server.wait().unwrap();
    }
}

fn terminate(id: u32) {
    let done = Command::new("/bin/kill").arg(id.to_string()).status();
    assert!(done.unwrap().success());
}
