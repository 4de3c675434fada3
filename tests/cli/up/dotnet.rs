//! A real .NET program with Azure's SDK: `tests/dotnet-client`, or the one that `AZUP_TEST_DOTNET`
//! names. With neither .NET nor that, `tests/run` says so and these tests are left out.

use std::ffi::OsString;
use std::path::PathBuf;

use rustix::process::Signal;

use super::site::Site;
use crate::sandbox::{Done, Sandbox, is_left_out, part};
use crate::tls::Server;

/// The program; `None` if `tests/run` has said that it is left out.
#[track_caller]
pub(super) fn program() -> Option<PathBuf> {
    if let Some(named) = std::env::var_os("AZUP_TEST_DOTNET") {
        return Some(named.into());
    }
    (!is_left_out("dotnet")).then(|| part("dotnet-client/azure-dotnet-client"))
}

fn words(program: &PathBuf, mode: &str) -> [OsString; 2] {
    [program.into(), mode.into()]
}

#[track_caller]
fn succeeded(done: &Done, mode: &str) {
    let last = done.stdout.lines().last().unwrap_or_default();
    assert!(last.starts_with(&format!("OK {mode} ")), "{done}");
}

#[test]
fn the_sdk_works_under_run_as_it_is() {
    let Some(program) = program() else { return };
    let mut site = Site::new();
    for mode in [
        "default",
        "managed-identity",
        "connection-string",
        "user-delegation",
    ] {
        succeeded(&site.run(&[], &words(&program, mode)), mode);
    }
    // As `dotnet dev-certs` tells people to do.
    let folder = site.sandbox.home().join(".aspnet/dev-certs/trust");
    std::fs::create_dir_all(&folder).unwrap();
    let value = format!("{}:/usr/lib/ssl/certs", folder.display());
    site.sandbox.set("SSL_CERT_DIR", value);
    succeeded(&site.run(&[], &words(&program, "default")), "default");
}

/// What F5 starts: no variable says what to trust, and the user is not an administrator.
#[test]
fn outside_of_run_the_store_alone_is_enough() {
    let Some(program) = program() else { return };
    let mut site = Site::new();
    let up = site.up(&["--in-memory"]);
    let get = |site: &Site| site.sandbox.run(&program, ["get", &site.url("?comp=list")]);
    let refused = get(&site);
    assert!(refused.stdout.contains("PartialChain"), "{refused}");
    site.sandbox.azup(["trust", "--stores", "dotnet"]).ok();
    succeeded(&get(&site), "get");

    let document = site.sandbox.azup(["env", "--json"]).ok().json();
    let value = |name: &str| document["variables"][name].as_str().unwrap().to_owned();
    let string = "AZURE_STORAGE_CONNECTION_STRING";
    site.sandbox.set(string, value(string));
    succeeded(
        &site.sandbox.run(&program, ["connection-string"]),
        "connection-string",
    );
    site.sandbox.unset(string);
    for name in [
        "AZURE_STORAGE_BLOB_ENDPOINT",
        "AZURE_STORAGE_QUEUE_ENDPOINT",
        "AZURE_STORAGE_TABLE_ENDPOINT",
        "IDENTITY_ENDPOINT",
        "IDENTITY_HEADER",
    ] {
        site.sandbox.set(name, value(name));
    }
    succeeded(&site.sandbox.run(&program, ["default"]), "default");

    // Whatever the value of these.
    for name in ["SSL_CERT_FILE", "SSL_CERT_DIR"] {
        site.sandbox.set(name, "/dev/null");
    }
    succeeded(&get(&site), "get");
    site.sandbox.azup(["untrust", "--stores", "dotnet"]).ok();
    let refused = get(&site);
    assert!(refused.stdout.contains("PartialChain"), "{refused}");
    assert_eq!(up.end_with(Signal::INT).code, 0);
}

/// Its own list of roots, before and after; a broken file next to it and one under another name.
#[test]
fn net_itself_lists_the_ca_and_no_more() {
    let Some(program) = program() else { return };
    let sandbox = Sandbox::new();
    let roots = |sandbox: &Sandbox| {
        let done = sandbox.run(&program, ["roots", "azup local CA"]).ok();
        let lines = done.stdout.lines();
        lines
            .filter(|line| !line.starts_with("OK "))
            .map(str::to_owned)
            .collect::<Vec<_>>()
    };
    let before = roots(&sandbox);
    sandbox.azup(["trust", "--stores", "dotnet"]).ok();
    let root = sandbox
        .home()
        .join(".dotnet/corefx/cryptography/x509stores/root");
    let (path, _) = Sandbox::files(&root).remove(0);
    let thumbprint = path.file_stem().unwrap().to_str().unwrap().to_owned();
    let after = roots(&sandbox);
    assert_eq!(after[0], before[0], "the machine's");
    assert_eq!(after[1], "CurrentUser 1");
    assert!(after[2].trim().starts_with(&thumbprint), "{after:?}");
    std::fs::write(root.join("broken.pfx"), "no certificate").unwrap();
    assert_eq!(roots(&sandbox), after);
    sandbox.azup(["untrust", "--stores", "dotnet"]).ok();
    assert_eq!(roots(&sandbox), before);
}

/// What doctor concludes from files is what .NET does.
#[test]
fn doctor_predicts_what_net_does() {
    let Some(program) = program() else { return };
    let mut sandbox = Sandbox::new();
    sandbox.azup(["trust", "--stores", "none"]).ok();
    std::fs::create_dir(sandbox.home().join(".dotnet")).unwrap();
    let server = Server::of(&sandbox.certs());
    let url = server.url("localhost");
    let agree = |sandbox: &Sandbox, works: bool, why: &str| {
        let words = ["doctor", "client-dotnet", "--json", "--stores", "dotnet"];
        let check = sandbox.azup(words).json()["checks"][0].clone();
        let done = sandbox.run(&program, ["get", &url]);
        assert_eq!(done.code == 0, works, "{why}: {done}");
        assert_eq!(
            check["status"],
            if works { "ok" } else { "fail" },
            "{why}: {check}"
        );
    };
    agree(&sandbox, false, "nothing");
    let bundle = sandbox.azup(["env", "SSL_CERT_FILE"]).ok().stdout;
    sandbox.set("SSL_CERT_FILE", bundle.trim());
    agree(&sandbox, true, "SSL_CERT_FILE");
    sandbox.set("SSL_CERT_FILE", "/dev/null");
    agree(&sandbox, false, "another file");
    let folder = sandbox.project().join("certs");
    std::fs::create_dir(&folder).unwrap();
    std::fs::copy(sandbox.certs().join("ca.pem"), folder.join("ca.pem")).unwrap();
    sandbox.set("SSL_CERT_DIR", &folder);
    sandbox.run("openssl", ["rehash", "certs"]).ok();
    agree(&sandbox, true, "SSL_CERT_DIR");
    sandbox.unset("SSL_CERT_DIR");
    sandbox.azup(["trust", "--stores", "dotnet"]).ok();
    agree(&sandbox, true, "the store");
}

/// The header of a launch profile is not secret: it gets only the tokens that open Azurite.
#[test]
fn the_header_of_a_launch_profile_gets_local_tokens_and_no_others() {
    let site = Site::new();
    let up = site.up(&["--in-memory"]);
    let ask = |resource: &str| {
        let url = format!(
            "http://127.0.0.1:{}/msi/token?api-version=2019-08-01&resource={resource}",
            site.identity
        );
        let words = [
            "--silent",
            "--header",
            "X-IDENTITY-HEADER: azup",
            "--write-out",
            " %{http_code}",
            &url,
        ];
        site.sandbox.run("curl", words).ok().stdout
    };
    let local = ask("https://storage.azure.com");
    assert!(
        local.contains("\"access_token\":\"eyJ") && local.ends_with(" 200"),
        "{local}"
    );
    let refused = ask("https://vault.azure.net");
    assert!(refused.ends_with(" 400"), "{refused}");
    assert_eq!(up.end_with(Signal::INT).code, 0);
}

/// With a stand-in for dotnet, which reads no file.
#[test]
fn a_line_that_wins_is_named_before_a_stand_in_for_dotnet_starts() {
    let mut site = Site::new();
    site.stand_ins(&[(
        "dotnet",
        "echo \"$AZURE_STORAGE_BLOB_ENDPOINT\"; echo started >&2",
    )]);
    site.sandbox.write(
        "Properties/launchSettings.json",
        "{\"profiles\": {\"a\": {\"commandName\": \"Project\", \"environmentVariables\": {\n\"AZURE_STORAGE_BLOB_ENDPOINT\": \"http://127.0.0.1:10000/devstoreaccount1\"}}}}",
    );
    let done = site.run(&[], &["dotnet".into(), "run".into()]).ok();
    assert!(done.stdout.starts_with("https://127.0.0.1:"), "{done}");
    let place = |text: &str| {
        done.stderr
            .find(text)
            .unwrap_or_else(|| panic!("{text}: {done}"))
    };
    let warning = "warning: Properties/launchSettings.json:2 sets AZURE_STORAGE_BLOB_ENDPOINT and overrides azup\nhint: azup run -- dotnet run --no-launch-profile\n";
    assert!(place(warning) < place("started"), "{done}");
}
