//! The main job from end to end: an empty machine, Azurite, the Azure SDKs, verified TLS and OAuth,
//! with no code that production would not have.

use std::path::Path;

use crate::python::Environment;
use crate::sandbox::{Done, Sandbox, part};

/// The three services as the Azure SDK sees them. The token is azup's own; the SDK
/// verifies the certificate with certifi, as it always does.
const SERVICES: &str = r#"
import subprocess, sys, time
from azure.core.credentials import AccessToken
from azure.data.tables import TableServiceClient
from azure.storage.blob import BlobServiceClient
from azure.storage.queue import QueueServiceClient

azup, service, url = sys.argv[1:]

class Local:
    def get_token(self, *scopes, **options):
        token = subprocess.run([azup, "token"], check=True, capture_output=True, text=True)
        return AccessToken(token.stdout.strip(), int(time.time()) + 3600)

# One attempt: the SDK repeats a refused handshake for more than a minute.
once = {"credential": Local(), "retry_total": 0}
if service == "blob":
    container = BlobServiceClient(url, **once).create_container("story")
    container.upload_blob("hello.txt", "stored as a blob")
    print(container.download_blob("hello.txt").readall().decode())
elif service == "queue":
    queue = QueueServiceClient(url, **once).create_queue("story")
    queue.send_message("sent through a queue")
    print(queue.receive_message().content)
else:
    table = TableServiceClient(url, **once).create_table("story")
    table.create_entity({"PartitionKey": "a", "RowKey": "b", "text": "kept in a table"})
    print(table.get_entity("a", "b")["text"])
"#;

const SDKS: [&str; 3] = [
    "azure-storage-blob",
    "azure-storage-queue",
    "azure-data-tables",
];

/// An Azurite that is stopped when the test ends, however it ends.
struct Running<'a>(&'a Sandbox);

impl Drop for Running<'_> {
    fn drop(&mut self) {
        self.0.azup(["down"]);
    }
}

/// Starts Azurite on free ports, with its data in memory, and returns the URLs.
fn start(sandbox: &Sandbox) -> (Running<'_>, [String; 3]) {
    share_azurite(sandbox);
    let ports = crate::sandbox::free_ports();
    let mut azup = sandbox.azup_command(["up", "-d", "--in-memory", "--no-identity", "--json"]);
    for (name, port) in ["--blob-port", "--queue-port", "--table-port"]
        .iter()
        .zip(ports)
    {
        azup.arg(name).arg(port.to_string());
    }
    let running = Running(sandbox);
    let answer = Done::from(azup.output().unwrap()).ok().json();
    let url = |name: &str| answer[name].as_str().unwrap().to_owned();
    (running, ["blob", "queue", "table"].map(url))
}

/// Makes the Azurite that `tests/run` installed available where azup would install it.
fn share_azurite(sandbox: &Sandbox) {
    std::fs::create_dir_all(sandbox.own()).unwrap();
    let place = sandbox.own().join("azurite-3.37.0");
    std::os::unix::fs::symlink(part("azurite-3.37.0"), place).unwrap();
}

fn use_service(sandbox: &Sandbox, environment: &Environment, service: &str, url: &str) -> Done {
    let azup = crate::sandbox::azup().to_str().unwrap();
    environment.run(sandbox, SERVICES, &[azup, service, url])
}

#[test]
fn the_python_sdks_work_after_trust_and_fail_before_and_after_it() {
    let sandbox = Sandbox::new();
    let packages = [
        "azure-storage-blob",
        "azure-storage-queue",
        "azure-data-tables",
    ];
    let environment = Environment::by_uv(&sandbox, ".venv", "hardlink", &packages);
    let first = environment.bytes();
    let (_running, [blob, queue, table]) = start(&sandbox);
    let services = [("blob", &blob), ("queue", &queue), ("table", &table)];
    let refused = |when: &str| {
        for (service, url) in services {
            let done = use_service(&sandbox, &environment, service, url);
            assert!(
                done.stderr.contains("CERTIFICATE_VERIFY_FAILED"),
                "{when}, {service}: {done}"
            );
        }
    };
    refused("before trust");
    sandbox.azup(["trust", "--stores", "certifi"]).ok();
    let answers = services.map(|(service, url)| {
        use_service(&sandbox, &environment, service, url)
            .ok()
            .stdout
    });
    assert_eq!(
        answers,
        [
            "stored as a blob\n",
            "sent through a queue\n",
            "kept in a table\n"
        ]
    );
    sandbox.azup(["untrust", "--stores", "certifi"]).ok();
    assert_eq!(environment.bytes(), first);
    refused("after untrust");
}

/// The program that `azup up -d` prints, when it is started with `more`.
fn printed(sandbox: &Sandbox, more: &[String]) -> String {
    share_azurite(sandbox);
    let ports = crate::sandbox::free_ports();
    let ports = ["blob", "queue", "table"].iter().zip(ports);
    let ports = ports.map(|(name, port)| format!("--{name}-port={port}"));
    let words = ["up", "-d"].map(str::to_owned).into_iter();
    let answer = sandbox.azup(words.chain(ports).chain(more.iter().cloned()));
    let answer = answer.ok().stdout;
    let program = answer.find("# Python").unwrap()..answer.find("azup down stops it").unwrap();
    let program = answer[program].to_owned();
    let statements = program
        .lines()
        .filter(|line| !line.is_empty() && !line.starts_with('#'));
    assert!(statements.count() <= 10, "{program}");
    program
}

/// What the README promises: ten lines as in production, with no word about certificates, run as
/// the line above them says.
#[test]
fn the_program_that_up_prints_stores_and_reads_a_blob_as_it_would_in_production() {
    let sandbox = Sandbox::new();
    let sdks = ["azure-identity", "azure-storage-blob"];
    let environment = Environment::by_uv(&sandbox, ".venv", "hardlink", &sdks);
    let _running = Running(&sandbox);
    let [identity, _, _] = crate::sandbox::free_ports();
    let program = printed(&sandbox, &[format!("--identity-port={identity}")]);
    sandbox.write("hello.py", &program);
    let (_, run) = program.lines().next().unwrap().split_once("then ").unwrap();
    let run = run.replace(" python ", " \"$1\" ");
    let python = environment.python();
    let words = ["-c", &run, "sh", python.to_str().unwrap()];
    let done = sandbox.run("/bin/sh", words).ok();
    assert_eq!(done.stdout, "Hello, Azurite\n");
}

/// If no endpoint answers for the credential, the program brings one; the CA is trusted first.
#[test]
fn the_program_that_up_without_identity_prints_stores_and_reads_a_blob() {
    let sandbox = Sandbox::new();
    let environment = Environment::by_uv(&sandbox, ".venv", "hardlink", &["azure-storage-blob"]);
    let _running = Running(&sandbox);
    let program = printed(&sandbox, &["--no-identity".to_owned()]);
    sandbox.azup(["trust", "--stores", "certifi"]).ok();
    let done = environment.run(&sandbox, &program, &[]).ok();
    assert_eq!(done.stdout, "Hello, Azurite\n");
}

/// `azup init`, then `azup up` in the project: both use the project's one CA.
#[test]
fn init_up_and_trust_agree_on_the_ca() {
    let sandbox = Sandbox::new();
    let environment = Environment::by_uv(&sandbox, ".venv", "copy", &SDKS);
    let mut azup = sandbox.azup_command(["init", "--yes", "--stores", "certifi"]);
    Done::from(azup.output().unwrap()).ok();
    let (_running, [blob, _, _]) = start(&sandbox);
    let done = use_service(&sandbox, &environment, "blob", &blob);
    assert_eq!(done.ok().stdout, "stored as a blob\n");
    let project = sandbox.project().join(".devcontainer/azurite-certs");
    let same = |path: &Path| std::fs::read(path.join("ca.pem")).unwrap();
    assert_eq!(same(&project), same(&sandbox.certs()));
}

/// The example in this repository is exactly what `azup init` writes for its app.
#[test]
fn the_example_is_what_init_writes() {
    let sandbox = Sandbox::named("devcontainer-example");
    let example = Path::new(env!("CARGO_MANIFEST_DIR")).join("devcontainer-example");
    let own = ["app.py", "requirements.txt", "README.md", "test_app.py"];
    for name in own {
        std::fs::copy(example.join(name), sandbox.project().join(name)).unwrap();
    }
    sandbox.azup(["init", "--yes", "--stores", "none"]).ok();
    // Files that git would not commit are in no clone.
    sandbox.run("git", ["init", "-q"]).ok();
    sandbox.run("git", ["add", "-A"]).ok();
    let committed = sandbox.run("git", ["ls-files", "-z"]).ok().stdout;
    let written: Vec<(String, Vec<u8>)> = committed
        .split_terminator('\0')
        .map(|path| {
            (
                path.to_owned(),
                std::fs::read(sandbox.project().join(path)).unwrap(),
            )
        })
        .collect();
    let mut kept: Vec<(String, Vec<u8>)> = Sandbox::files(&example)
        .into_iter()
        .map(|(path, bytes)| {
            let path = path.strip_prefix(&example).unwrap();
            (path.to_str().unwrap().to_owned(), bytes)
        })
        .filter(|(path, _)| !path.contains("__pycache__"))
        .collect();
    kept.sort();
    let names = |files: &[(String, Vec<u8>)]| {
        files
            .iter()
            .map(|(path, _)| path.clone())
            .collect::<Vec<_>>()
    };
    assert_eq!(names(&kept), names(&written));
    for (kept, written) in kept.iter().zip(&written) {
        let text = |file: &(String, Vec<u8>)| String::from_utf8_lossy(&file.1).into_owned();
        assert_eq!(
            text(kept),
            text(written),
            "{}: run azup init in devcontainer-example",
            kept.0
        );
    }
}

/// The example's app, with azup's token in place of the credential that it finds in production.
const APP: &str = r#"
import subprocess, sys, time
from azure.core.credentials import AccessToken
import app

class Local:
    def get_token(self, *scopes, **options):
        token = subprocess.run([sys.argv[1], "token"], check=True, capture_output=True, text=True)
        return AccessToken(token.stdout.strip(), int(time.time()) + 3600)

for words in (["upload", "app.py"], ["list"], ["download", "app.py"]):
    app.main(words, Local())
    sys.stdout.flush()
"#;

#[test]
fn the_examples_app_stores_lists_and_reads() {
    let sandbox = Sandbox::new();
    let packages = ["azure-storage-blob", "azure-identity"];
    let environment = Environment::by_uv(&sandbox, ".venv", "hardlink", &packages);
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("devcontainer-example/app.py");
    let source = std::fs::read_to_string(source).unwrap();
    sandbox.write("app.py", &source);
    let (_running, [blob, _, _]) = start(&sandbox);
    sandbox.azup(["trust", "--stores", "certifi"]).ok();
    let azup = crate::sandbox::azup().to_str().unwrap();
    let mut python = sandbox.command(environment.python());
    python
        .env("AZURE_STORAGE_BLOB_ENDPOINT", &blob)
        .args(["-c", APP, azup]);
    let done = Done::from(python.output().unwrap()).ok();
    assert_eq!(done.stdout, format!("app.py\n{source}"));
}
