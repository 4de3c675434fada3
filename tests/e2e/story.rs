//! A new project, from clone to blob, and everything that happens to a dev container afterwards: in
//! a folder with spaces in its name, by a user who is not root.

use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Instant, SystemTime};

use crate::engine::{docker, note, part, run, timed, wait};
use crate::rounds::a_stop_loses_nothing;
use crate::site::{Compose, DevContainer, PATIENCE, Site, URL, User, back, fingerprint};

/// curl's exit code for a certificate that it does not trust.
const NOT_TRUSTED: i32 = 60;

#[test]
fn a_new_project_from_clone_to_blob_and_through_what_happens_to_it() {
    let site = Site::new("story", User::Other, Compose::Two);
    example(&site);
    site.azup(&["init"], None).ok();
    let container = timed("story: up, cold (nothing in the build cache)", || {
        site.up(&["--build-no-cache"])
    });
    assert_eq!(container.user, "vscode");
    container.is_healthy();
    container.install();
    assert_eq!(container.python("store kept 'before it all'"), "");
    assert_eq!(container.python("load kept"), "before it all\n");

    the_example_runs(&container);
    programs_accept_the_certificate(&container);
    a_forwarded_port_has_the_same_certificate(&site, &container);
    the_key_is_in_no_layer(&site, &container);

    // Whatever is restarted, and by whom: nothing has to be done by hand.
    let azurite = site.azurite();
    docker(["restart", &azurite]).ok();
    survived(&site, &container, "docker restart of Azurite");
    a_stop_loses_nothing(&site, &container, "docker stop under load");
    docker(["restart", &container.id]).ok();
    survived(&site, &container, "docker restart of the dev container");
    site.compose("restart").ok();
    survived(&site, &container, "compose restart");
    site.compose("stop").ok();
    let started = timed("story: up, stopped before", || site.up(&[]));
    assert_eq!(started.id, container.id, "the same container");
    survived(&site, &started, "stop and start");
    let rebuilt = timed("story: up --remove-existing-container, warm", || {
        site.up(&["--remove-existing-container"])
    });
    assert_ne!(rebuilt.id, container.id, "another container");
    survived(&site, &rebuilt, "a rebuild");

    it_is_renewed(&site, &rebuilt);
    the_host_takes_nothing_from_the_container(&site, &rebuilt);
    let again = timed("story: up, while it is up", || site.up(&[]));
    assert_eq!(again.id, rebuilt.id);
}

/// Puts the example's own files into the project.
fn example(site: &Site) {
    let from = Path::new(env!("CARGO_MANIFEST_DIR")).join("devcontainer-example");
    for entry in from.read_dir().unwrap() {
        let entry = entry.unwrap();
        if entry.file_type().unwrap().is_file() {
            let name = entry.file_name().into_string().unwrap();
            site.write(&name, std::fs::read(entry.path()).unwrap());
        }
    }
}

/// As its README says, with its own test.
fn the_example_runs(container: &DevContainer<'_>) {
    container
        .terminal(".venv/bin/pip install -q --disable-pip-version-check -r requirements.txt")
        .ok();
    container.copy(
        Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/e2e/storage.py")),
        "/tmp/storage.py",
    );
    let tested = container
        .terminal(".venv/bin/python /tmp/storage.py test test_app")
        .ok();
    assert!(tested.stderr.contains("OK"), "{tested}");
}

fn programs_accept_the_certificate(container: &DevContainer<'_>) {
    assert_eq!(container.curl(), 0);
    container.copy(
        &part("node22/node_modules/node/bin/node"),
        "/usr/local/bin/node",
    );
    let fetch =
        format!("node -e 'fetch(\"{URL}\").then(a => console.log(a.headers.get(\"server\")))'");
    let answer = container.terminal(&fetch).ok();
    assert!(answer.stdout.starts_with("Azurite-Blob/"), "{answer}");
    // It does not work because nothing is verified.
    let other = container.terminal(&format!("NODE_EXTRA_CA_CERTS= {fetch}"));
    assert!(other.stderr.contains("UNABLE_TO_VERIFY"), "{other}");
}

/// An editor forwards a port with a program in the container that connects to 127.0.0.1 there.
/// `forwardPorts` asks for that; the devcontainer CLI ignores it.
fn a_forwarded_port_has_the_same_certificate(site: &Site, container: &DevContainer<'_>) {
    container.copy(
        Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/e2e/relay.py")),
        "/tmp/relay.py",
    );
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let id = container.id.clone();
    std::thread::spawn(move || {
        for connection in listener.incoming() {
            forward(connection.unwrap(), &id);
        }
    });
    let mut curl = Command::new("curl");
    curl.args([
        "-sS",
        "-m",
        "20",
        "-o",
        "/dev/null",
        "-w",
        "%{http_code} %{ssl_verify_result}",
    ])
    .arg("--cacert")
    .arg(site.certificates().join("ca.pem"))
    .arg(format!("https://127.0.0.1:{port}/"));
    assert_eq!(run(&curl).ok().stdout, "400 0");
    let mut openssl = Command::new("sh");
    openssl.args(["-c", "openssl s_client -connect 127.0.0.1:$1 </dev/null 2>/dev/null | openssl x509 -noout -fingerprint -sha256", "sh"]);
    let served = run(openssl.arg(port.to_string())).ok().stdout;
    assert_eq!(
        served.trim(),
        fingerprint(&site.certificates().join("cert.pem"))
    );
}

fn forward(connection: TcpStream, container: &str) {
    let mut relay = Command::new("docker")
        .args(["exec", "-i", container, "python3", "/tmp/relay.py", "10000"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let (mut there, mut back) = (relay.stdin.take().unwrap(), relay.stdout.take().unwrap());
    let (mut from, mut to) = (connection.try_clone().unwrap(), connection);
    std::thread::spawn(move || copy(&mut from, &mut there));
    std::thread::spawn(move || {
        copy(&mut back, &mut to);
        to.shutdown(std::net::Shutdown::Both).ok();
        relay.wait().ok();
    });
}

/// Copies the bytes as they come; the end of one is the end of the other.
fn copy(from: &mut impl std::io::Read, to: &mut impl std::io::Write) {
    let mut buffer = vec![0; 65536];
    while let Ok(read @ 1..) = from.read(&mut buffer) {
        if to
            .write_all(&buffer[..read])
            .and_then(|()| to.flush())
            .is_err()
        {
            return;
        }
    }
}

/// Every layer of the image is unpacked and searched for the key itself.
fn the_key_is_in_no_layer(site: &Site, container: &DevContainer<'_>) {
    let image = docker(["inspect", "-f", "{{.Image}}", &container.id])
        .ok()
        .stdout;
    let key = std::fs::read_to_string(site.certificates().join("key.pem")).unwrap();
    let secret = key.lines().nth(1).unwrap();
    // Something that certainly is in a layer, so that a broken search fails.
    let control = "azup: not in this container";
    let script = r#"set -eu
        mkdir "$1"
        docker save "$2" | tar -C "$1" -x
        find "$1" -type f ! -name '*.json' | while read -r layer; do
            tar -tf "$layer" >"$1.names" 2>/dev/null || continue
            tar -xOf "$layer" >"$1.bytes"
            echo "layer $(grep -c -a -F -e "$3" "$1.bytes") $(grep -c -a -F -e "$4" "$1.bytes") $(grep -c 'key\.pem$' "$1.names")"
        done"#;
    let mut sh = Command::new("sh");
    sh.args(["-c", script, "sh"])
        .arg(site.root().join("layers"))
        .args([image.trim(), secret, control]);
    let done = run(&sh).ok();
    let layers: Vec<Vec<u32>> = done
        .stdout
        .lines()
        .map(|line| {
            line.split(' ')
                .skip(1)
                .map(|word| word.parse().unwrap())
                .collect()
        })
        .collect();
    assert!(layers.len() > 2, "{done}");
    assert!(layers.iter().any(|found| found[1] > 0), "{done}");
    assert!(
        layers.iter().all(|found| found[0] == 0 && found[2] == 0),
        "{done}"
    );
    std::fs::remove_dir_all(site.root().join("layers")).unwrap();
}

/// Azurite answers again by itself, data and certificate are unchanged, and every program still
/// trusts it.
#[track_caller]
fn survived(site: &Site, container: &DevContainer<'_>, what: &str) {
    container.answers_after(what, back());
    let own = fingerprint(&site.certificates().join("cert.pem"));
    assert_eq!(container.served(), own, "after {what}");
    assert_eq!(
        container.python("load kept"),
        "before it all\n",
        "after {what}"
    );
}

/// `azup trust` in the container replaces a certificate that is about to expire, while Azurite
/// serves.
fn it_is_renewed(site: &Site, container: &DevContainer<'_>) {
    let now = SystemTime::now()
        .duration_since(SystemTime::UNIX_EPOCH)
        .unwrap();
    let then = i64::try_from(now.as_secs()).unwrap() - 380 * 86_400;
    let due = site.root().join("due");
    let words = [
        "renew",
        "--certs",
        due.to_str().unwrap(),
        "--stores",
        "none",
    ];
    site.azup(&words, Some(then)).ok();
    // As azup writes them: the key before the certificate, each by a rename.
    for name in ["ca.pem", "key.pem", "cert.pem"] {
        std::fs::rename(due.join(name), site.certificates().join(name)).unwrap();
    }
    let certificate = site.certificates().join("cert.pem");
    let old = fingerprint(&certificate);
    wait(
        PATIENCE,
        || container.served() == old,
        || "the old one is not served".into(),
    );

    // As it had been for a year.
    container
        .terminal("azup trust --ca .devcontainer/azurite-certs/ca.pem")
        .ok();
    let trusted = container.terminal("azup trust").ok();
    assert!(
        trusted.stderr.contains("renewed the certificate"),
        "{trusted}"
    );
    let new = fingerprint(&certificate);
    assert_ne!(new, old);
    let started = Instant::now();
    while container.served() != new {
        assert!(started.elapsed() < PATIENCE, "the new one is not served");
        assert_ne!(container.curl(), NOT_TRUSTED, "from here on all is trusted");
    }
    note(
        "story: the renewed certificate is served",
        started.elapsed(),
    );
    container.answers_after("renewal", back());
    assert_eq!(container.python("load kept"), "before it all\n");
    container.is_healthy();
}

/// The folder is mounted from the host, so a process in the container may write anything into it.
/// On the host only azup's own sets count; the container follows a renewal there.
fn the_host_takes_nothing_from_the_container(site: &Site, container: &DevContainer<'_>) {
    let machines = site.home().join(".local/share/azup/certs/ca.pem");
    let before = std::fs::read(&machines).unwrap();
    let refused = site.azup(&["trust", "--stores", "none"], None);
    assert_eq!(refused.code, 4, "{refused}");
    assert!(refused.stderr.contains("hint: azup renew"), "{refused}");
    assert_eq!(std::fs::read(&machines).unwrap(), before);
    site.azup(&["renew", "--stores", "none"], None).ok();
    site.azup(&["trust", "--stores", "none"], None).ok();
    container.terminal("azup trust").ok();
    let new = fingerprint(&site.certificates().join("cert.pem"));
    wait(
        PATIENCE,
        || container.served() == new,
        || "what the host renewed is not served".into(),
    );
    container.answers_after("a renewal on the host", back());
}
