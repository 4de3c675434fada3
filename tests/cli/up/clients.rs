//! Production code, run by `azup run`: real SDKs with `DefaultAzureCredential`, over verified TLS,
//! which are given only the URLs.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};

use super::site::Site;
use crate::sandbox::{Done, azup, part, public_roots};
use crate::tls::{BODY, Server};

/// What every client prints that stores something in each service and reads it back.
const ALL: &str = "a blob\na message\nan entity\n";

pub(super) fn script(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/cli/up")
        .join(name)
}

impl Site {
    /// `run`, the options, and the ports of Azurite: the endpoint has its own.
    pub(super) fn run_words(&self, options: &[&str]) -> Vec<OsString> {
        let more = [options, &["--no-identity"]].concat();
        let mut words = self.words(&more);
        words.retain(|word| word != "--no-identity");
        words[0] = "run".into();
        words
    }

    /// `azup run` with the Azurite that already runs on this site's ports.
    pub(super) fn run_there(&self, options: &[&str], command: &[OsString]) -> Done {
        let mut words = self.run_words(options);
        words.push("--".into());
        words.extend(command.iter().cloned());
        self.sandbox.azup(words)
    }

    /// `azup run` on this site's ports, with the data in memory.
    pub(super) fn run(&self, options: &[&str], command: &[OsString]) -> Done {
        let mut words = self.run_words(options);
        words.extend(["--in-memory".into(), "--".into()]);
        words.extend(command.iter().cloned());
        self.sandbox.azup(words)
    }
}

/// What may clutter a developer's shell: half of an old service principal, and a proxy that does
/// not exist.
fn litter(site: &mut Site) {
    for (name, value) in [
        ("AZURE_CLIENT_ID", "11111111-1111-1111-1111-111111111111"),
        ("AZURE_TENANT_ID", "22222222-2222-2222-2222-222222222222"),
        ("HTTP_PROXY", "http://127.0.0.1:9"),
        ("http_proxy", "http://127.0.0.1:9"),
        ("HTTPS_PROXY", "http://127.0.0.1:9"),
        ("https_proxy", "http://127.0.0.1:9"),
    ] {
        site.sandbox.set(name, value);
    }
}

#[test]
fn python_with_default_azure_credential_whatever_the_shell_is_full_of() {
    let mut site = Site::new();
    litter(&mut site);
    let python = part("venv/bin/python");
    for name in ["production.py", "production_async.py"] {
        let done = site.run(&[], &[python.clone().into(), script(name).into()]);
        assert_eq!(done.ok().stdout, ALL, "{name}");
    }
}

#[test]
fn javascript_with_default_azure_credential_whatever_the_shell_is_full_of() {
    let mut site = Site::new();
    litter(&mut site);
    let command = [
        part("node22/node_modules/node/bin/node").into(),
        script("production.mjs").into(),
        part("npm-sdks/node_modules").into(),
    ];
    assert_eq!(site.run(&[], &command).ok().stdout, ALL);
}

#[test]
fn rust_with_managed_identity_credential() {
    let site = Site::new();
    let client = part("rust-client/debug/rust-client");
    assert_eq!(site.run(&[], &[client.into()]).ok().stdout, "a blob\n");
}

#[test]
fn curl_with_a_token() {
    let site = Site::new();
    let script = r#"curl --silent --show-error --output /dev/null --write-out %{http_code} \
        --header "Authorization: Bearer $("$0" token)" --header "x-ms-version: 2021-12-02" \
        "$AZURE_STORAGE_BLOB_ENDPOINT?comp=list""#;
    let done = site.run(
        &[],
        &["sh".into(), "-c".into(), script.into(), azup().into()],
    );
    assert_eq!(done.ok().stdout, "200");
}

#[test]
fn a_companys_own_bundle_goes_on_working_beside_azurite() {
    let mut site = Site::new();
    // Another set stands in for a company's CA and one of its servers.
    let company = site.sandbox.root().join("company");
    let mut renew: Vec<OsString> = ["renew", "--stores", "none", "--certs"]
        .map(Into::into)
        .into();
    renew.push(company.clone().into());
    site.sandbox.azup(renew).ok();
    let server = Server::of(&company);
    let bundle = [public_roots(), fs::read(company.join("ca.pem")).unwrap()].concat();
    let bundle = site.sandbox.write("company.pem", bundle);
    let python = part("venv/bin/python");
    let both = "import os, requests\n\
        print(requests.get(os.environ['COMPANY']).text)\n\
        print(requests.get(os.environ['AZURE_STORAGE_BLOB_ENDPOINT']).status_code)\n";
    let before = fs::read(&bundle).unwrap();
    site.sandbox.set("COMPANY", server.url("localhost"));
    for name in ["REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"] {
        site.sandbox.set(name, &bundle);
        let done = site.run(&[], &[python.clone().into(), "-c".into(), both.into()]);
        assert_eq!(done.ok().stdout, format!("{BODY}\n400\n"), "{name}");
        site.sandbox.unset(name);
    }
    let curl = r#"curl --silent --show-error "$COMPANY" &&
        curl --silent --show-error --output /dev/null --write-out %{http_code} "$AZURE_STORAGE_BLOB_ENDPOINT""#;
    site.sandbox.set("SSL_CERT_FILE", &bundle);
    let done = site.run(&[], &["sh".into(), "-c".into(), curl.into()]);
    assert_eq!(done.ok().stdout, format!("{BODY}400"));
    assert_eq!(
        fs::read(&bundle).unwrap(),
        before,
        "the company's file stays as it is"
    );
}

/// uv, tox, pipx and pex make environments for one run after azup has looked, so it must not matter
/// whether `azup trust` has been in the existing ones.
#[test]
fn an_environment_that_azup_has_never_seen_works_beside_one_that_it_trusts() {
    let site = Site::new();
    let parts = part("venv/lib")
        .join(python_folder())
        .join("site-packages/certifi");
    site.sandbox
        .run("python3", ["-m", "venv", "--without-pip", ".venv"])
        .ok();
    let packages = format!(".venv/lib/{}/site-packages", python_folder());
    let copy = ["-r", parts.to_str().unwrap(), &packages];
    site.sandbox.run("cp", copy).ok();
    let trusted = site.sandbox.azup(["trust", "--stores", "certifi"]).ok();
    assert!(trusted.stdout.contains(".venv"), "{trusted}");
    let python = part("venv/bin/python");
    let words = [python.into_os_string(), script("production.py").into()];
    let done = site.run(&[], &words).ok();
    assert_eq!(done.stdout, ALL);
    let uv = part("venv/bin/uv").into_os_string();
    let wheels = part("wheels").into_os_string();
    let mut words = vec![uv, "run".into(), "--no-project".into(), "--isolated".into()];
    words.extend([
        "--offline".into(),
        "--no-index".into(),
        "--find-links".into(),
        wheels,
    ]);
    for package in [
        "azure-identity",
        "azure-storage-blob",
        "azure-storage-queue",
        "azure-data-tables",
    ] {
        words.extend(["--with".into(), package.into()]);
    }
    words.extend(["python".into(), script("production.py").into()]);
    let done = site.run(&[], &words).ok();
    assert_eq!(done.stdout, ALL);
}

#[test]
fn what_the_user_has_set_that_leads_to_the_cloud_is_named() {
    let mut site = Site::new();
    for name in ["Orders__accountName", "AZURE_STORAGE_ACCOUNT"] {
        site.sandbox.set(name, "shop");
        let done = site.run(&[], &["true".into()]).ok();
        let expected = format!(
            "warning: {name} is set: programs that read it send requests to ACCOUNT.blob.core.windows.net, not to Azurite\n\
             hint: unset {name}\n"
        );
        assert!(done.stderr.contains(&expected), "{done}");
        site.sandbox.unset(name);
    }
}

/// A complete service principal is somebody's decision: it is left alone, and named.
#[test]
fn a_service_principal_in_the_environment_is_named_since_it_wins() {
    let mut site = Site::new();
    let python = part("venv/bin/python").into_os_string();
    for name in ["AZURE_CLIENT_ID", "AZURE_TENANT_ID", "AZURE_CLIENT_SECRET"] {
        site.sandbox
            .set(name, "11111111-1111-1111-1111-111111111111");
    }
    let words = [python, script("production.py").into()];
    let azup = azup().to_str().unwrap().to_owned();
    let done = site.run(&[], &["true".into()]).ok();
    assert!(
        done.stderr
            .contains("warning: AZURE_CLIENT_SECRET is set, so DefaultAzureCredential signs in"),
        "{done}"
    );
    // The hint, pasted.
    let hint = done
        .stderr
        .lines()
        .find_map(|line| line.strip_prefix("hint: "))
        .unwrap();
    let mut run = vec![azup.into()];
    run.extend(site.run_words(&["--in-memory"]));
    run.push("--".into());
    run.extend(words);
    let script = format!("{hint} && exec \"$@\"");
    let shell = ["-c".into(), script.into(), "sh".into()]
        .into_iter()
        .chain(run);
    assert_eq!(site.sandbox.run("sh", shell).ok().stdout, ALL);
}

fn python_folder() -> String {
    let lib = part("venv/lib");
    let mut entries = std::fs::read_dir(lib).unwrap();
    entries
        .next()
        .unwrap()
        .unwrap()
        .file_name()
        .into_string()
        .unwrap()
}
