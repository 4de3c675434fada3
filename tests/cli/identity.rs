//! `azup identity`: the endpoint that SDKs ask for access tokens, on its own.

mod endpoint;
mod hostile;

use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::os::unix::fs::MetadataExt as _;
use std::path::PathBuf;
use std::process::{Child, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};

use crate::sandbox::{Done, Sandbox, free_ports};

/// How long anything may take before the test fails, on a machine under load.
const PATIENCE: Duration = Duration::from_secs(120);

/// An `azup identity` that has answered, in a sandbox of its own.
struct Served {
    sandbox: Sandbox,
    port: u16,
    child: Option<Child>,
}

impl Served {
    fn start(sandbox: Sandbox, more: &[&str]) -> Self {
        let [port, ..] = free_ports();
        let mut child = sandbox
            .azup_command(["identity", &format!("--port={port}")])
            .args(more)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut answer = String::new();
        let stdout = child.stdout.as_mut().unwrap();
        while !answer.ends_with("stops it\n") {
            let mut byte = [0];
            assert_eq!(stdout.read(&mut byte).unwrap(), 1, "it ended: {answer}");
            answer.push(byte[0].into());
        }
        assert_eq!(
            answer,
            format!("identity http://127.0.0.1:{port}/msi/token\n\nCtrl-C stops it\n")
        );
        Self {
            sandbox,
            port,
            child: Some(child),
        }
    }

    fn pid(&self) -> u32 {
        self.child.as_ref().unwrap().id()
    }

    fn header_file(&self) -> PathBuf {
        self.sandbox.own().join("identity-header")
    }

    /// The secret of this machine.
    fn header(&self) -> String {
        let path = self.header_file();
        assert_eq!(path.metadata().unwrap().mode() & 0o7777, 0o600);
        std::fs::read_to_string(path).unwrap().trim().to_owned()
    }

    /// A request that gets a token.
    fn good(&self) -> Vec<u8> {
        format!(
            "GET /msi/token?api-version=2019-08-01&resource=https://storage.azure.com HTTP/1.1\r\n\
             Host: 127.0.0.1:{}\r\nX-IDENTITY-HEADER: {}\r\n\r\n",
            self.port,
            self.header()
        )
        .into_bytes()
    }

    fn connect(&self) -> TcpStream {
        connect(self.port)
    }

    /// Asks with curl, and returns the body and the status.
    fn curl(&self, words: &[&str], path: &str) -> (String, String) {
        curl(
            &self.sandbox,
            words,
            &format!("http://127.0.0.1:{}{path}", self.port),
        )
    }

    fn end_with(mut self, how: Signal) -> Done {
        let child = self.child.take().unwrap();
        signal(child.id(), how);
        Done::from(child.wait_with_output().unwrap())
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        if let Some(mut child) = self.child.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

fn connect(port: u16) -> TcpStream {
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let stream = TcpStream::connect_timeout(&address, PATIENCE).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream.set_write_timeout(Some(PATIENCE)).unwrap();
    stream
}

/// Sends a request and reads until the end of the answer.
fn ask(mut stream: TcpStream, request: &[u8]) -> Vec<u8> {
    stream.write_all(request).unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).unwrap();
    answer
}

fn curl(sandbox: &Sandbox, words: &[&str], url: &str) -> (String, String) {
    let mut command = sandbox.command("curl");
    command
        .args(["--silent", "--show-error", "--write-out", "\n%{http_code}"])
        .args(words)
        .arg(url);
    let done = Done::from(command.output().unwrap()).ok();
    let (body, status) = done.stdout.rsplit_once('\n').unwrap();
    (body.to_owned(), status.to_owned())
}

fn signal(pid: u32, how: Signal) {
    let pid = Pid::from_raw(i32::try_from(pid).unwrap()).unwrap();
    let _ = kill_process(pid, how);
}
