//! Variables that make programs read another bundle, set in the environment or in `.env`.

use std::path::{Path, PathBuf};

use crate::python::Environment;
use crate::sandbox::{Done, Sandbox, public_roots};
use crate::system::inside;
use crate::tls::{BODY, Server};

const SYSTEM: &str = "/etc/ssl/certs/ca-certificates.crt";

const HTTPX: &str = "
import httpx, sys
print(httpx.get(sys.argv[1], timeout=20).text, end='')
";

/// The transport of `azure.storage.blob.aio`.
const AZURE_AIO: &str = "
import asyncio, sys
from azure.core import AsyncPipelineClient
from azure.core.rest import HttpRequest

async def main():
    async with AsyncPipelineClient(sys.argv[1], policies=[]) as client:
        response = await client.send_request(HttpRequest('GET', sys.argv[1]))
        await response.read()
        print(response.text(), end='')

asyncio.run(main())
";

/// A copy of the system's bundle that belongs to the user.
fn users_bundle(sandbox: &Sandbox, name: &str) -> PathBuf {
    sandbox.write(name, public_roots())
}

fn trust(sandbox: &Sandbox) -> Done {
    sandbox.azup(["trust", "--stores", "certifi"])
}

fn project() -> Sandbox {
    let sandbox = Sandbox::new();
    Environment::by_uv(&sandbox, ".venv", "copy", &["certifi"]);
    sandbox.azup(["trust", "--stores", "certifi"]).ok();
    sandbox
}

#[track_caller]
fn has_ca(sandbox: &Sandbox, bundle: &Path) {
    let cert = sandbox.certs().join("cert.pem");
    let mut openssl = sandbox.command("openssl");
    openssl
        .args(["verify", "-no-CApath", "-no-CAstore", "-CAfile"])
        .args([bundle, &cert]);
    Done::from(openssl.output().unwrap()).ok();
}

/// Both read OpenSSL's variable and nothing of certifi's.
#[test]
fn httpx_and_the_async_azure_sdk_accept_through_a_users_own_bundle() {
    let mut sandbox = Sandbox::new();
    let packages = ["httpx", "aiohttp", "azure-core", "requests"];
    let environment = Environment::by_uv(&sandbox, ".venv", "copy", &packages);
    sandbox.azup(["trust", "--stores", "none"]).ok();
    let server = Server::of(&sandbox.certs());
    let url = server.url("127.0.0.1");
    let bundle = users_bundle(&sandbox, "company.pem");
    let before = std::fs::read(&bundle).unwrap();
    sandbox.set("SSL_CERT_FILE", &bundle);
    let get = |program: &str| environment.run(&sandbox, program, &[&url]);
    let refused = |when: &str| {
        for program in [HTTPX, AZURE_AIO] {
            let done = get(program);
            assert!(
                done.stderr.contains("CERTIFICATE_VERIFY_FAILED"),
                "{when}: {done}"
            );
        }
    };
    refused("before");
    let done = trust(&sandbox).ok();
    assert!(done.stdout.contains("bundle   added"), "{done}");
    for program in [HTTPX, AZURE_AIO] {
        assert_eq!(get(program).ok().stdout, BODY);
    }
    sandbox.azup(["untrust", "--stores", "certifi"]).ok();
    assert_eq!(std::fs::read(&bundle).unwrap(), before);
    refused("after");
}

#[test]
fn every_variable_is_read_and_a_file_named_twice_is_one_bundle() {
    let mut sandbox = project();
    for variable in [
        "REQUESTS_CA_BUNDLE",
        "CURL_CA_BUNDLE",
        "SSL_CERT_FILE",
        "NODE_EXTRA_CA_CERTS",
        "GRPC_DEFAULT_SSL_ROOTS_FILE_PATH",
        "AWS_CA_BUNDLE",
    ] {
        let bundle = users_bundle(&sandbox, variable);
        sandbox.set(variable, &bundle);
        let done = trust(&sandbox).ok();
        assert!(
            done.stdout
                .contains(&format!("bundle   added    {}\n", bundle.display())),
            "{done}"
        );
        has_ca(&sandbox, &bundle);
        // The same file by another path.
        sandbox.set("SSL_CERT_FILE", sandbox.project().join(".").join(variable));
        let done = trust(&sandbox).ok();
        assert_eq!(done.stdout.matches("bundle  ").count(), 1, "{done}");
        sandbox.unset(variable);
        sandbox.unset("SSL_CERT_FILE");
    }
}

#[test]
fn a_variable_that_names_an_environments_bundle_adds_none() {
    let mut sandbox = project();
    let environment = Environment {
        folder: sandbox.project().join(".venv"),
    };
    sandbox.set("SSL_CERT_FILE", environment.bundle());
    let done = sandbox.azup(["trust", "--stores", "certifi", "-v"]).ok();
    assert!(!done.stdout.contains("bundle "), "{done}");
    assert!(done.stderr.contains("as above"), "{done}");
}

#[test]
fn the_nearest_dotenv_of_the_project_is_read() {
    let sandbox = project();
    sandbox.write(".git/HEAD", "");
    let bundle = users_bundle(&sandbox, "our certs/company.pem");
    sandbox.write(
        ".env",
        "# for the proxy\nAWS_CA_BUNDLE=\nexport REQUESTS_CA_BUNDLE=\"our certs/company.pem\" # ours\n",
    );
    let below = sandbox.project().join("src/app");
    std::fs::create_dir_all(&below).unwrap();
    let mut azup = sandbox.azup_command(["trust", "--stores", "certifi"]);
    let done = Done::from(azup.current_dir(&below).output().unwrap()).ok();
    has_ca(&sandbox, &bundle);
    assert!(done.stdout.contains("bundle   added"), "{done}");
}

/// A `.env` comes with a clone: a file elsewhere that it names may be anybody's.
#[test]
fn what_a_dotenv_names_outside_of_the_project_is_only_reported() {
    let mut sandbox = project();
    sandbox.write(".git/HEAD", "");
    let corporate = sandbox.home().join("corp.pem");
    std::fs::write(&corporate, public_roots()).unwrap();
    let link = sandbox.project().join("certs.pem");
    std::os::unix::fs::symlink(&corporate, &link).unwrap();
    let folder = sandbox.project().join("certs");
    std::os::unix::fs::symlink(sandbox.home(), &folder).unwrap();
    let unchanged = || {
        assert!(std::fs::read(&corporate).unwrap() == public_roots());
        assert!(link.is_symlink() && folder.is_symlink());
    };
    let corp = corporate.display();
    let up = format!(
        "../{}",
        corporate.strip_prefix(sandbox.root()).unwrap().display()
    );
    let forms = [
        corp.to_string(),
        up,
        "certs.pem".to_owned(),
        "certs/corp.pem".to_owned(),
    ];
    for named in &forms {
        sandbox.write(".env", format!("SSL_CERT_FILE={named}\n"));
        for scope in ["project", "user", "all"] {
            let words = ["trust", "--stores", "certifi", "--scope", scope];
            let done = sandbox.azup(words).ok();
            unchanged();
            assert!(done.stdout.contains("bundle   skipped"), "{done}");
            let why = "is outside of the project, to which only a file or link of the project leads; \
                named by SSL_CERT_FILE in";
            assert!(done.stderr.contains(why), "{done}");
            let hint = format!("hint: azup trust --bundle {corp}\n");
            assert!(done.stderr.contains(&hint), "{named}: {done}");
            let done = sandbox.azup(words.into_iter().chain(["--dry-run"])).ok();
            assert!(!done.stdout.contains("would be"), "{done}");
        }
        sandbox.azup(["untrust", "--stores", "certifi"]).ok();
        unchanged();
        trust(&sandbox).ok();
    }
    // Programs that read these files do not expand `~` and `$HOME`, so no path here is outside.
    for named in ["~/corp.pem", "$HOME/corp.pem", "\"${HOME}/corp.pem\""] {
        sandbox.write(".env", format!("SSL_CERT_FILE={named}\n"));
        trust(&sandbox).ok();
        unchanged();
    }
    // The hint is a command, after which `untrust` finds the file by itself, from the record.
    sandbox.write(".env", format!("SSL_CERT_FILE={corp}\n"));
    sandbox
        .azup(["trust", "--stores", "none", "--bundle", &forms[0]])
        .ok();
    has_ca(&sandbox, &corporate);
    assert!(trust(&sandbox).ok().stdout.contains("bundle   trusted"));
    sandbox.azup(["untrust", "--stores", "certifi"]).ok();
    unchanged();
    // What the user's own environment names is the user's, whatever else names it.
    sandbox.set("REQUESTS_CA_BUNDLE", &corporate);
    trust(&sandbox).ok();
    has_ca(&sandbox, &corporate);
}

/// A hard link is one of the project's own files: it is replaced, and the other name keeps its
/// contents.
#[test]
fn a_hard_link_in_the_project_does_not_lead_out() {
    let sandbox = project();
    let corporate = sandbox.home().join("corp.pem");
    std::fs::write(&corporate, public_roots()).unwrap();
    let inside = sandbox.project().join("certs.pem");
    std::fs::hard_link(&corporate, &inside).unwrap();
    sandbox.write(".env", "SSL_CERT_FILE=certs.pem\n");
    trust(&sandbox).ok();
    has_ca(&sandbox, &inside);
    assert!(std::fs::read(&corporate).unwrap() == public_roots());
}

/// The files for which azup only prints a warning.
#[test]
fn a_file_of_the_systems_is_reported_with_what_it_bypasses() {
    let mut sandbox = project();
    sandbox.set("REQUESTS_CA_BUNDLE", SYSTEM);
    sandbox.set("SSL_CERT_FILE", SYSTEM);
    sandbox.write(".env", format!("CURL_CA_BUNDLE={SYSTEM}\n"));
    let before = public_roots();
    let done = trust(&sandbox);
    assert_eq!(public_roots(), before);
    insta::assert_snapshot!(sandbox.shown(&done), @r"
    exit: 0
    --- stdout
    certifi  trusted  [PROJECT]/.venv/lib/python3.11/site-packages/certifi/cacert.pem
    bundle   skipped  /etc/ssl/certs/ca-certificates.crt
    azup local CA [ID] (valid until [DATE]): trusted
    --- stderr
    warning: bundle, /etc/ssl/certs/ca-certificates.crt: does not trust the CA, and is read instead of the bundles that do; named by REQUESTS_CA_BUNDLE (requests, Azure SDK, Azure CLI, pip), SSL_CERT_FILE (OpenSSL, httpx, aiohttp, Go, Bun), CURL_CA_BUNDLE in [PROJECT]/.env (curl, requests, Azure SDK)
    hint: azup trust --stores system
    ");
}

/// The system's store and the variable that names it are fixed in one go, and a dev container's
/// `NODE_EXTRA_CA_CERTS` names a file that the first run makes.
#[test]
fn a_file_of_the_systems_is_trusted_once_the_systems_store_is() {
    let sandbox = project();
    let program = format!(
        r#"
        export REQUESTS_CA_BUNDLE={SYSTEM}
        export NODE_EXTRA_CA_CERTS=/usr/local/share/ca-certificates/azup-local-ca.crt
        "$AZUP" trust --stores certifi,system
        "$AZUP" trust --stores certifi
        "#
    );
    let done = inside(&sandbox, &program).ok();
    assert_eq!(done.stderr, "", "{done}");
    assert_eq!(done.stdout.matches("bundle   trusted").count(), 3, "{done}");
    assert!(!done.stdout.contains("skipped"), "{done}");
}

#[test]
fn what_is_not_a_bundle_at_all_has_its_own_message() {
    let mut sandbox = project();
    sandbox.set("REQUESTS_CA_BUNDLE", "gone.pem");
    sandbox.set("SSL_CERT_FILE", "/etc/ssl/certs");
    sandbox.write(".env", "NODE_EXTRA_CA_CERTS=~/ca.pem\n");
    let done = trust(&sandbox);
    insta::assert_snapshot!(sandbox.shown(&done), @r"
    exit: 0
    --- stdout
    certifi  trusted  [PROJECT]/.venv/lib/python3.11/site-packages/certifi/cacert.pem
    bundle   skipped  [PROJECT]/gone.pem
    bundle   skipped  /etc/ssl/certs
    bundle   skipped  [HOME]/ca.pem
    azup local CA [ID] (valid until [DATE]): trusted
    --- stderr
    warning: bundle, [PROJECT]/gone.pem: does not exist; named by REQUESTS_CA_BUNDLE (requests, Azure SDK, Azure CLI, pip)
    hint: unset REQUESTS_CA_BUNDLE
    warning: bundle, /etc/ssl/certs: is a folder, not a bundle; named by SSL_CERT_FILE (OpenSSL, httpx, aiohttp, Go, Bun)
    hint: unset SSL_CERT_FILE
    warning: bundle, [HOME]/ca.pem: does not exist; named by NODE_EXTRA_CA_CERTS in [PROJECT]/.env (Node, beside its own)
    hint: sed -i '/^[^#]*NODE_EXTRA_CA_CERTS *=/d' [PROJECT]/.env
    ");
    // The command in the last hint removes the variable.
    let hint = done.stderr.lines().last().unwrap();
    sandbox
        .run("sh", ["-c", hint.trim_start_matches("hint: ")])
        .ok();
    assert_eq!(std::fs::read(sandbox.project().join(".env")).unwrap(), b"");
}

#[test]
fn a_file_that_is_no_pem_is_a_failure_like_any_other_bundle() {
    let mut sandbox = project();
    let bundle = sandbox.write("text.pem", "hello\n");
    sandbox.set("SSL_CERT_FILE", &bundle);
    let done = trust(&sandbox);
    assert_eq!(done.code, 3, "{done}");
    assert!(done.stderr.contains("is not a PEM bundle"), "{done}");
}

/// Node adds what this variable names, so people name azup's own file; a renewal writes it.
#[test]
fn the_file_of_the_ca_itself_is_trusted_and_never_written() {
    let mut sandbox = project();
    let ca = sandbox.certs().join("ca.pem");
    sandbox.set("NODE_EXTRA_CA_CERTS", &ca);
    let before = std::fs::read(&ca).unwrap();
    let done = trust(&sandbox).ok();
    assert!(
        done.stdout
            .contains(&format!("bundle   trusted  {}\n", ca.display())),
        "{done}"
    );
    assert_eq!(std::fs::read(&ca).unwrap(), before);
    sandbox.azup(["renew", "--stores", "certifi"]).ok();
    let renewed = std::fs::read_to_string(&ca).unwrap();
    assert_ne!(renewed.as_bytes(), before);
    assert_eq!(renewed.matches("BEGIN CERTIFICATE").count(), 1);
    sandbox.azup(["untrust", "--stores", "certifi"]).ok();
    assert_eq!(std::fs::read_to_string(&ca).unwrap(), renewed);

    // Nor is another set's.
    let other = sandbox.project().join("set");
    let named = ["renew", "--stores", "none", "--certs", "set"];
    sandbox.azup(named).ok();
    sandbox.set("NODE_EXTRA_CA_CERTS", other.join("ca.pem"));
    let before = Sandbox::files(&other);
    let done = trust(&sandbox).ok();
    assert!(
        done.stderr.contains("hint: unset NODE_EXTRA_CA_CERTS\n"),
        "{done}"
    );
    assert_eq!(Sandbox::files(&other), before);
}

#[test]
fn a_users_link_to_the_systems_file_is_the_systems() {
    let mut sandbox = project();
    let link = sandbox.home().join("ca.pem");
    std::os::unix::fs::symlink(SYSTEM, &link).unwrap();
    sandbox.set("SSL_CERT_FILE", &link);
    let done = trust(&sandbox).ok();
    assert!(
        done.stderr.contains("hint: azup trust --stores system\n"),
        "{done}"
    );
    assert_eq!(std::fs::read_link(&link).unwrap(), Path::new(SYSTEM));
}

#[test]
fn a_file_that_this_user_may_not_write_is_left_alone() {
    let mut sandbox = project();
    let bundle = users_bundle(&sandbox, "company.pem");
    sandbox.set("SSL_CERT_FILE", &bundle);
    let before = std::fs::read(&bundle).unwrap();
    let folder = sandbox.project();
    let done = sandbox.read_only(&folder, ["trust", "--stores", "certifi"]);
    assert_eq!(done.code, 0, "{done}");
    assert!(
        done.stderr.contains("hint: unset SSL_CERT_FILE\n"),
        "{done}"
    );
    assert_eq!(std::fs::read(&bundle).unwrap(), before);
}

#[test]
fn no_store_means_no_variable_either() {
    let mut sandbox = project();
    let bundle = users_bundle(&sandbox, "company.pem");
    sandbox.set("SSL_CERT_FILE", &bundle);
    let before = std::fs::read(&bundle).unwrap();
    sandbox.azup(["trust", "--stores", "none"]).ok();
    assert_eq!(std::fs::read(&bundle).unwrap(), before);
}
