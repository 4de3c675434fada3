//! With `AZURITE_DB` Azurite keeps its blob metadata in a database of the user's: here in a real
//! `MariaDB`, since Azurite only speaks to `MySQL` and SQL Server.

use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use rustix::process::Signal;

use super::serve::{listed, lost};
use super::site::{PATIENCE, Site, signal};
use crate::sandbox::free_ports;

const NAME: &str = "blobs";

/// A database server for this test, without passwords.
struct Server {
    child: Child,
    port: u16,
}

impl Server {
    fn start(site: &Site) -> Self {
        let folder = site.sandbox.root().join("mariadb");
        std::fs::create_dir(&folder).unwrap();
        let first = folder.join("first.sql");
        std::fs::write(&first, format!("CREATE DATABASE {NAME};\n")).unwrap();
        let [port, ..] = free_ports();
        let mut command = site.sandbox.command("mariadbd");
        let at = |option: &str, name: &str| format!("--{option}={}", folder.join(name).display());
        command
            .args([
                "--no-defaults",
                "--skip-grant-tables",
                "--bind-address=127.0.0.1",
            ])
            // The machine itself must not be what fails here.
            .args([
                "--innodb-flush-log-at-trx-commit=2",
                "--innodb-buffer-pool-size=16M",
            ])
            .arg(format!("--port={port}"))
            .args([
                at("datadir", "."),
                at("socket", "s"),
                at("pid-file", "pid"),
                at("init-file", "first.sql"),
            ])
            .stdout(Stdio::null())
            .stderr(std::fs::File::create(folder.join("log")).unwrap());
        if rustix::process::geteuid().is_root() {
            command.arg("--user=root");
        }
        let mut this = Self {
            child: command.spawn().unwrap(),
            port,
        };
        let until = Instant::now() + PATIENCE;
        while std::net::TcpStream::connect(("127.0.0.1", port)).is_err() {
            let has_ended = this.child.try_wait().unwrap().is_some();
            let log = || std::fs::read_to_string(folder.join("log")).unwrap();
            assert!(!has_ended && Instant::now() < until, "{}", log());
            std::thread::sleep(Duration::from_millis(50));
        }
        this
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn with_a_database_nothing_acknowledged_is_lost_even_when_node_is_killed() {
    let mut site = Site::new();
    let server = Server::start(&site);
    let host = format!("127.0.0.1:{}/{NAME}", server.port);
    site.sandbox
        .set("AZURITE_DB", format!("mysql://azup:a-password@{host}"));
    let up = site.up(&[]);
    let azurite = up.azurite();

    // Both protocols on one port, as without a database.
    let writers =
        [("https", 5), ("http", 5)].map(|(scheme, per)| site.writers(scheme, per, &["stopping"]));
    std::thread::sleep(Duration::from_secs(2));
    signal(azurite, Signal::KILL);
    let stored: Vec<String> = writers
        .into_iter()
        .flat_map(super::serve::Writers::stored)
        .collect();
    assert!(stored.len() > 8, "{stored:?}");
    let until = Instant::now() + PATIENCE;
    while site.state()["azurite_pid"] == azurite {
        assert!(Instant::now() < until, "it was not started again");
        std::thread::sleep(Duration::from_millis(50));
    }
    assert_eq!(lost(&stored, &listed(&site)), [""; 0]);

    // `status` says which database, and never the password.
    let said = site.sandbox.azup(["status"]).ok().stdout;
    assert!(
        said.contains(&format!("\ndatabase    mysql://{host}, of blobs\n")),
        "{said}"
    );
    let record = std::fs::read_to_string(&site.run_files("json")[0]).unwrap();
    let log = std::fs::read_to_string(&site.run_files("log")[0]).unwrap();
    assert!(!(said + &record + &log).contains("a-password"));
    up.end_with(Signal::TERM).ok();

    // The next Azurite finds the data there, and without the database nothing of it.
    let up = site.up(&[]);
    assert_eq!(lost(&stored, &listed(&site)), [""; 0]);
    up.ctrl_c().ok();
    let done = site.up(&["--in-memory"]).ctrl_c().ok();
    assert!(
        done.stderr
            .contains("warning: AZURITE_DB is ignored: the data is in memory\n"),
        "{done}"
    );

    let done = site.sandbox.azup(["reset", "--yes"]).ok();
    let warning = format!("warning: AZURITE_DB is set: mysql://{host} still lists the blobs");
    assert!(done.stderr.contains(&warning), "{done}");
}

#[test]
fn a_database_that_does_not_answer_is_named_as_the_reason() {
    let mut site = Site::new();
    let [free, ..] = free_ports();
    site.sandbox
        .set("AZURITE_DB", format!("mysql://127.0.0.1:{free}/{NAME}"));
    let done = site.azup_up(&["-d"]);
    assert_eq!(done.code, 1, "{done}");
    assert!(
        done.stderr
            .contains(&format!("connect ECONNREFUSED 127.0.0.1:{free}")),
        "{done}"
    );
}
