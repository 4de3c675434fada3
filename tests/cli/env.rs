//! `azup env`: the shells and libraries themselves read back what it prints, and TLS clients use
//! the bundles that it makes.

use std::ffi::OsString;
use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use insta::assert_snapshot;

use crate::java;
use crate::sandbox::{Done, Sandbox, azup, part, public_roots};
use crate::tls::{BODY, Server};

/// Values that every quoting gets wrong at first. azup appends to `NO_PROXY`, so they come back
/// with that.
const VALUES: [&str; 9] = [
    "two words",
    "it's",
    r#"say "hello""#,
    r"back\slash and \\two",
    "$HOME and `id` and !x",
    "#no comment #at all",
    "a\nline end",
    r#"it's "all" of \it $HERE"#,
    "größe ‘typographic’",
];

const ADDED: &str = ",127.0.0.1,localhost";

fn env(sandbox: &Sandbox, words: &[&str]) -> Done {
    sandbox.azup(["env"].iter().chain(words))
}

fn variable(sandbox: &Sandbox, name: &str) -> Option<String> {
    let document = env(sandbox, &["--json"]).ok().json();
    document["variables"][name].as_str().map(str::to_owned)
}

/// What a bundle was made from, without azup's CA and the line on top.
fn source_of(bundle: &Path) -> Vec<u8> {
    let bytes = fs::read(bundle).unwrap();
    let start = bytes.iter().position(|byte| *byte == b'\n').unwrap() + 1;
    let text = String::from_utf8(bytes[start..].to_vec()).unwrap();
    let end = text.rfind("\n# azup local CA ").unwrap();
    text.as_bytes()[..end].to_vec()
}

#[test]
fn the_variables_are_these_and_the_secrets_are_their_owners() {
    let sandbox = Sandbox::new();
    let done = env(&sandbox, &[]).ok();
    let shown = sandbox.shown(&done);
    let bundle = regex_lite::Regex::new("bundles/[0-9a-f]{16}").unwrap();
    assert_snapshot!(bundle.replace_all(&shown, "bundles/[HASH]"), @r"
    exit: 0
    --- stdout
    export AZURE_STORAGE_BLOB_ENDPOINT='https://127.0.0.1:10000/devstoreaccount1'
    export AZURE_STORAGE_QUEUE_ENDPOINT='https://127.0.0.1:10001/devstoreaccount1'
    export AZURE_STORAGE_TABLE_ENDPOINT='https://127.0.0.1:10002/devstoreaccount1'
    export AZURE_STORAGE_ENDPOINT='https://127.0.0.1:10000/devstoreaccount1'
    export AZURE_STORAGE_ACCOUNT_NAME='devstoreaccount1'
    export RCLONE_AZUREBLOB_ENDPOINT='https://127.0.0.1:10000/devstoreaccount1'
    export AZURE_STORAGE_CONNECTION_STRING='DefaultEndpointsProtocol=https;AccountName=devstoreaccount1;AccountKey=Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==;BlobEndpoint=https://127.0.0.1:10000/devstoreaccount1;QueueEndpoint=https://127.0.0.1:10001/devstoreaccount1;TableEndpoint=https://127.0.0.1:10002/devstoreaccount1;FileEndpoint=https://127.0.0.1:10000/devstoreaccount1;'
    export AzureWebJobsStorage='DefaultEndpointsProtocol=https;AccountName=devstoreaccount1;AccountKey=Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==;BlobEndpoint=https://127.0.0.1:10000/devstoreaccount1;QueueEndpoint=https://127.0.0.1:10001/devstoreaccount1;TableEndpoint=https://127.0.0.1:10002/devstoreaccount1;FileEndpoint=https://127.0.0.1:10000/devstoreaccount1;'
    export IDENTITY_ENDPOINT='http://127.0.0.1:10003/msi/token'
    export IDENTITY_HEADER='[SHA256]'
    export AZURE_MSI_ENDPOINT='http://127.0.0.1:10003/msi/token'
    export AZURE_IMDS_ENDPOINT='http://127.0.0.1:10003/msi/token'
    export AZURE_MSI_SECRET='[SHA256]'
    export NO_PROXY='127.0.0.1,localhost'
    export no_proxy='127.0.0.1,localhost'
    export NODE_EXTRA_CA_CERTS='[HOME]/.local/share/azup/certs/ca.pem'
    export SSL_CERT_FILE='[HOME]/.local/share/azup/bundles/[HASH].pem'
    export REQUESTS_CA_BUNDLE='[HOME]/.local/share/azup/bundles/[HASH].pem'
    export CURL_CA_BUNDLE='[HOME]/.local/share/azup/bundles/[HASH].pem'
    --- stderr
    warning: nothing listens on 127.0.0.1:10000: Azurite is not running
    hint: azup up -d
    ");
    let header = fs::metadata(sandbox.own().join("identity-header")).unwrap();
    assert_eq!(header.mode() & 0o7777, 0o600);
    let before = Sandbox::files(&sandbox.own());
    assert_eq!(env(&sandbox, &["--quiet"]).ok().stdout, done.stdout);
    assert_eq!(
        Sandbox::files(&sandbox.own()),
        before,
        "nothing is written twice"
    );
}

#[test]
fn a_dry_run_writes_nothing() {
    let sandbox = Sandbox::new();
    let done = env(&sandbox, &["--dry-run"]).ok();
    assert!(
        done.stdout.contains("write ") && done.stdout.contains("/bundles/"),
        "{done}"
    );
    assert!(!sandbox.own().exists());
}

#[test]
fn shells_read_every_value_back() {
    let mut sandbox = Sandbox::new();
    for value in VALUES {
        sandbox.set("NO_PROXY", value);
        let azup = azup().display();
        let shell = format!(r#"eval "$({azup} env)"; printf %s "$NO_PROXY""#);
        for program in ["sh", "bash", "dash"] {
            let done = sandbox.run(program, ["-c", &shell]).ok();
            assert_eq!(done.stdout, format!("{value}{ADDED}"), "{program}");
        }
        let fish = format!("{azup} env --format fish | source; printf %s \"$NO_PROXY\"");
        let done = sandbox.run("fish", ["--no-config", "-c", &fish]).ok();
        assert_eq!(done.stdout, format!("{value}{ADDED}"), "fish");
    }
}

#[test]
fn readers_of_env_files_agree_or_a_warning_says_that_they_do_not() {
    let mut sandbox = Sandbox::new();
    let python = part("venv/bin/python");
    let newer = part("node22/node_modules/node/bin/node");
    let modules = part("npm-sdks/node_modules");
    let mut told = 0;
    for value in VALUES.into_iter().chain(["${HOME}"]) {
        sandbox.set("NO_PROXY", value);
        let done = env(&sandbox, &["--format", "dotenv"]).ok();
        sandbox.unset("NO_PROXY");
        let file = sandbox.write("settings.env", &done.stdout);
        let expected = format!("{value}{ADDED}");
        let code = "import dotenv; print(dotenv.dotenv_values('settings.env')['NO_PROXY'], end='')";
        let mut read = vec![sandbox.run(&python, ["-c", code]).ok().stdout];
        let code = "process.stdout.write(process.env.NO_PROXY)";
        for node in [Path::new("node"), &newer] {
            let words = ["--env-file", file.to_str().unwrap(), "-e", code];
            read.push(sandbox.run(node, words).ok().stdout);
        }
        let code = format!(
            "const dotenv = require({:?}); \
             process.stdout.write(dotenv.parse(fs.readFileSync('settings.env')).NO_PROXY)",
            modules.join("dotenv")
        );
        read.push(sandbox.run("node", ["-e", &code]).ok().stdout);
        let warned = done.stderr.contains("warning: NO_PROXY has characters");
        let agree = read.iter().all(|read| *read == expected);
        assert_eq!(agree, !warned, "{value:?} {read:?}\n{done}");
        told += usize::from(warned);
        if !value.contains("${") {
            assert_eq!(read[0], expected, "python-dotenv always reads it");
        }
    }
    assert!(told <= 2, "{told} values have no form that all read alike");
}

#[test]
fn json_and_functions_are_json() {
    let sandbox = Sandbox::new();
    let flat = env(&sandbox, &["--format", "json"]).ok().json();
    assert_eq!(
        flat["IDENTITY_ENDPOINT"],
        "http://127.0.0.1:10003/msi/token"
    );
    sandbox.write(
        "local.settings.json",
        r#"{ "Values": { // a comment
            "AzureWebJobsStorage": "UseDevelopmentStorage=true", "AzureWebJobsStorage__accountName": "x" } }"#,
    );
    let words = ["--format", "functions", "--blob-port", "20000"];
    let done = env(&sandbox, &words).ok();
    assert!(
        done.stderr.contains(
            "warning: AzureWebJobsStorage__accountName in local.settings.json conflicts with these: delete it"
        ),
        "{done}"
    );
    let settings = done.json();
    let values = &settings["Values"];
    assert_eq!(settings["IsEncrypted"], false);
    let connection = values["AzureWebJobsStorage"].as_str().unwrap();
    assert!(
        connection.contains("BlobEndpoint=https://127.0.0.1:20000/"),
        "{connection}"
    );
    assert_eq!(
        values["IDENTITY_ENDPOINT"],
        "http://127.0.0.1:10003/msi/token"
    );
    assert_eq!(
        values.get("FUNCTIONS_WORKER_RUNTIME"),
        None,
        "nothing says which"
    );

    // Pasted unchanged, it is recognised.
    sandbox.write("host.json", "{}");
    for (file, text, runtime) in [
        ("function_app.py", "", "python"),
        ("package.json", "{}", "node"),
        (
            "Orders.csproj",
            "<Project Sdk=\"Microsoft.NET.Sdk\" />",
            "dotnet-isolated",
        ),
    ] {
        sandbox.write(file, text);
        sandbox.write("local.settings.json", "{}");
        let done = env(&sandbox, &words).ok();
        assert_eq!(done.json()["Values"]["FUNCTIONS_WORKER_RUNTIME"], runtime);
        sandbox.write("local.settings.json", &done.stdout);
        assert_eq!(env(&sandbox, &words).ok().stdout, done.stdout);
    }
}

#[test]
fn az_gets_no_identity_and_what_was_set_before_goes() {
    let mut sandbox = Sandbox::new();
    let done = env(&sandbox, &["--credential", "az"]).ok();
    assert!(!done.stdout.contains("IDENTITY_") && !done.stdout.contains("AZURE_MSI_"));
    // An option of 0.1.0.
    let done = env(&sandbox, &["--no-token-credentials"]).ok();
    assert!(done.stdout.contains("IDENTITY_"));
    let header = variable(&sandbox, "IDENTITY_HEADER").unwrap();
    sandbox.set("IDENTITY_HEADER", header);
    sandbox.set("IDENTITY_ENDPOINT", "http://127.0.0.1:12345/msi/token");
    sandbox.set(
        "AZURE_MSI_SECRET",
        variable(&sandbox, "AZURE_MSI_SECRET").unwrap(),
    );
    // As in a dev container.
    assert!(
        env(&sandbox, &[])
            .ok()
            .stdout
            .contains("http://127.0.0.1:12345/msi/token")
    );
    let done = env(&sandbox, &["--credential", "az"]).ok();
    for name in [
        "IDENTITY_ENDPOINT",
        "IDENTITY_HEADER",
        "AZURE_MSI_SECRET",
        "AZURE_IMDS_ENDPOINT",
    ] {
        assert!(done.stdout.contains(&format!("unset {name}\n")), "{done}");
    }
}

#[test]
fn a_users_bundle_is_merged_and_its_updates_are_seen() {
    let mut sandbox = Sandbox::new();
    let users = sandbox.write("company.pem", public_roots());
    for name in [
        "SSL_CERT_FILE",
        "REQUESTS_CA_BUNDLE",
        "CURL_CA_BUNDLE",
        "NODE_EXTRA_CA_CERTS",
    ] {
        sandbox.set(name, &users);
        let merged = variable(&sandbox, name).unwrap();
        assert_eq!(source_of(Path::new(&merged)), public_roots(), "{name}");
        // In the shell that has it, again: the same.
        sandbox.set(name, &merged);
        assert_eq!(variable(&sandbox, name).as_ref(), Some(&merged), "{name}");
        // The company renews its CAs.
        sandbox.foreign_ca_at("Newer", &users);
        let remade = variable(&sandbox, name).unwrap();
        assert_ne!(remade, merged);
        assert_eq!(source_of(Path::new(&remade)), fs::read(&users).unwrap());
        // It already has azup's CA: nothing needs merging.
        let words = ["trust", "--stores", "none", "--bundle"].map(OsString::from);
        let words = words.into_iter().chain([users.clone().into()]);
        sandbox.azup(words).ok();
        assert_eq!(
            variable(&sandbox, name),
            Some(users.to_str().unwrap().to_owned())
        );
        sandbox.set(name, &users);
        assert_eq!(variable(&sandbox, name), None, "{name} stays as it is");
        sandbox.unset(name);
        fs::write(&users, public_roots()).unwrap();
    }
}

#[test]
fn what_is_not_a_bundle_is_reported_and_the_public_roots_are_used() {
    let mut sandbox = Sandbox::new();
    let key = sandbox.write(
        "key.pem",
        "-----BEGIN PRIVATE KEY-----\n-----BEGIN CERTIFICATE-----\n",
    );
    let empty = sandbox.write("empty.pem", "");
    let folder = sandbox.project().join("certs");
    fs::create_dir(&folder).unwrap();
    sandbox.foreign_ca_at("In a folder", &folder.join("0123abcd.0"));
    fs::write(folder.join("other.pem"), "not read").unwrap();
    for (path, why) in [
        (&key, "which holds a private key"),
        (&empty, "which contains no PEM certificate"),
        (
            &sandbox.project().join("nowhere.pem"),
            "which does not exist",
        ),
    ] {
        sandbox.set("REQUESTS_CA_BUNDLE", path);
        let done = env(&sandbox, &["--format", "json"]).ok();
        assert!(done.stderr.contains(why), "{done}");
        let merged = done.json()["REQUESTS_CA_BUNDLE"]
            .as_str()
            .unwrap()
            .to_owned();
        let system = fs::read("/etc/ssl/certs/ca-certificates.crt").unwrap();
        assert_eq!(source_of(Path::new(&merged)), system);
    }
    sandbox.set("REQUESTS_CA_BUNDLE", &folder);
    let merged = variable(&sandbox, "REQUESTS_CA_BUNDLE").unwrap();
    let only = fs::read(folder.join("0123abcd.0")).unwrap();
    assert_eq!(source_of(Path::new(&merged)), only);
}

/// Which certifi a program reads is unknown: that `azup trust` has seen one is no reason to leave
/// out the others.
#[test]
fn requests_always_gets_a_bundle_even_if_every_known_certifi_has_the_ca() {
    let mut sandbox = Sandbox::new();
    let environment = sandbox.project().join(".venv");
    sandbox
        .run("python3", ["-m", "venv", "--without-pip", ".venv"])
        .ok();
    let lib = fs::read_dir(environment.join("lib"))
        .unwrap()
        .next()
        .unwrap()
        .unwrap()
        .path();
    let certifi = lib.join("site-packages/certifi");
    fs::create_dir_all(&certifi).unwrap();
    fs::write(certifi.join("cacert.pem"), public_roots()).unwrap();
    fs::write(certifi.join("__init__.py"), "").unwrap();
    sandbox.set("VIRTUAL_ENV", &environment);
    sandbox.azup(["trust", "--stores", "certifi"]).ok();
    let system = fs::read("/etc/ssl/certs/ca-certificates.crt").unwrap();
    for name in ["REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE"] {
        let merged = variable(&sandbox, name).unwrap();
        assert_eq!(source_of(Path::new(&merged)), system, "{name}");
    }
}

/// `dotnet dev-certs` tells people to set `SSL_CERT_DIR`: what that made trusted stays trusted.
#[test]
fn a_folder_with_the_ca_stands_in_front_of_the_users_folder_of_certificates() {
    let mut sandbox = Sandbox::new();
    sandbox.azup(["trust", "--stores", "none"]).ok();
    assert_eq!(
        variable(&sandbox, "SSL_CERT_DIR"),
        None,
        "not set, so left unset"
    );
    let folder = sandbox.project().join("company");
    fs::create_dir(&folder).unwrap();
    sandbox.foreign_ca_at("Company", &folder.join("company.pem"));
    sandbox.run("openssl", ["rehash", "company"]).ok();
    sandbox.set("SSL_CERT_DIR", &folder);
    let value = variable(&sandbox, "SSL_CERT_DIR").unwrap();
    let (ours, theirs) = value.split_once(':').unwrap();
    assert_eq!(Path::new(theirs), folder);
    // The name is the one that OpenSSL itself would use.
    let made: Vec<_> = fs::read_dir(ours)
        .unwrap()
        .map(|entry| entry.unwrap().file_name())
        .collect();
    let ca = sandbox.certs().join("ca.pem");
    let hash = sandbox
        .run(
            "openssl",
            ["x509", "-noout", "-hash", "-in", ca.to_str().unwrap()],
        )
        .ok();
    assert_eq!(made, [OsString::from(format!("{}.0", hash.stdout.trim()))]);
    // httpx reads the file instead of the folder, so the folder's certificates are in it.
    let file = fs::read_to_string(variable(&sandbox, "SSL_CERT_FILE").unwrap()).unwrap();
    let company = fs::read_to_string(folder.join("company.pem")).unwrap();
    assert!(file.contains(company.trim()));

    let server = Server::of(&sandbox.certs());
    let url = server.url("127.0.0.1");
    sandbox.set("SSL_CERT_DIR", &value);
    assert_eq!(
        variable(&sandbox, "SSL_CERT_DIR"),
        Some(value),
        "again: the same"
    );
    let python = part("venv/bin/python");
    let urllib =
        "import sys, urllib.request as r; print(r.urlopen(sys.argv[1]).read().decode(), end='')";
    assert_eq!(sandbox.run(&python, ["-c", urllib, &url]).ok().stdout, BODY);
    assert_eq!(sandbox.run("curl", ["-sS", &url]).ok().stdout, BODY);
    sandbox.set("SSL_CERT_DIR", &folder);
    assert_ne!(sandbox.run(&python, ["-c", urllib, &url]).code, 0);
    let httpx = "import sys, httpx; print(httpx.get(sys.argv[1]).text, end='')";
    let file = variable(&sandbox, "SSL_CERT_FILE").unwrap();
    sandbox.set("SSL_CERT_FILE", file);
    assert_eq!(sandbox.run(&python, ["-c", httpx, &url]).ok().stdout, BODY);
}

#[test]
fn what_makes_sdks_take_this_machine_for_service_fabric_is_unset() {
    let mut sandbox = Sandbox::new();
    assert!(!env(&sandbox, &[]).ok().stdout.contains("THUMBPRINT"));
    sandbox.set("IDENTITY_SERVER_THUMBPRINT", "00");
    let done = env(&sandbox, &[]).ok();
    assert!(
        done.stdout.contains("unset IDENTITY_SERVER_THUMBPRINT\n"),
        "{done}"
    );
}

#[test]
fn one_variable_can_be_asked_for() {
    let sandbox = Sandbox::new();
    let done = env(&sandbox, &["AZURE_STORAGE_BLOB_ENDPOINT"]).ok();
    assert_eq!(done.stdout, "https://127.0.0.1:10000/devstoreaccount1\n");
    let done = env(&sandbox, &["AZURE_STORAGE_ACCOUNT"]);
    assert_eq!(done.code, 2);
    assert!(
        done.stderr.contains("does not set AZURE_STORAGE_ACCOUNT;"),
        "{done}"
    );
}

/// With this name in the environment gocloud and tusd connect to other machines; with the other,
/// some versions of .NET, Go and Java stop before the first request.
#[test]
fn variables_that_lead_away_are_never_set() {
    let sandbox = Sandbox::new();
    let done = env(&sandbox, &["--json"]).ok().json();
    let variables = done["variables"].as_object().unwrap();
    for name in ["AZURE_STORAGE_ACCOUNT", "AZURE_TOKEN_CREDENTIALS"] {
        assert!(!variables.contains_key(name), "{name}");
    }
    for (name, value) in variables {
        let value = value.as_str().unwrap_or_default();
        for url in value.match_indices("://").map(|(at, _)| &value[at + 3..]) {
            assert!(url.starts_with("127.0.0.1:"), "{name}={value}");
        }
    }
}

#[test]
fn without_any_roots_the_ca_is_never_alone() {
    let sandbox = Sandbox::new();
    let system = [PathBuf::from("/etc/ssl/certs/ca-certificates.crt")];
    let done = sandbox.without(&system, ["env"]).ok();
    assert!(
        done.stderr
            .contains("warning: SSL_CERT_FILE and REQUESTS_CA_BUNDLE are left unset"),
        "{done}"
    );
    assert!(!done.stdout.contains("SSL_CERT_FILE") && !done.stdout.contains("REQUESTS_CA"));
}

#[test]
fn java_trusts_azurite_and_the_public_roots() {
    let mut sandbox = Sandbox::new();
    sandbox.azup(["trust", "--stores", "none"]).ok();
    let server = Server::of(&sandbox.certs());
    java::client(&sandbox);
    let get = |sandbox: &Sandbox| {
        let words = ["-cp", ".", "Get", &server.url("127.0.0.1")];
        sandbox.run("java", words)
    };
    assert_ne!(get(&sandbox).code, 0);
    sandbox.set("JAVA_TOOL_OPTIONS", "-Dusers='own value'");
    let options = |sandbox: &Sandbox| {
        let document = env(sandbox, &["--java", "--json"]).ok().json();
        document["variables"]["JAVA_TOOL_OPTIONS"]
            .as_str()
            .map(str::to_owned)
    };
    let first = options(&sandbox).unwrap();
    assert!(
        first.starts_with("-Dusers='own value' -Djavax.net.ssl.trustStore="),
        "{first}"
    );
    sandbox.set("JAVA_TOOL_OPTIONS", &first);
    assert_eq!(get(&sandbox).ok().stdout, BODY);
    assert_eq!(options(&sandbox).as_ref(), Some(&first), "again: the same");
    let store = Sandbox::files(&sandbox.own().join("bundles"))
        .into_iter()
        .find(|(path, _)| path.extension().is_some_and(|end| end == "p12"))
        .unwrap();
    let list = |keystore: &Path| {
        let words = ["-list", "-storepass", "changeit", "-keystore"].map(OsString::from);
        let words = words.into_iter().chain([keystore.into()]);
        let listed = sandbox.run("keytool", words).ok().stdout;
        listed.matches("trustedCertEntry").count()
    };
    let machines = fs::canonicalize("/etc/ssl/certs/java/cacerts").unwrap();
    assert_eq!(list(&store.0), list(&machines) + 1);
}

/// A project that Maven or Gradle builds, and a command that is Java: no option is needed.
#[test]
fn java_is_seen_by_the_projects_files() {
    let sandbox = Sandbox::new();
    sandbox.azup(["trust", "--stores", "none"]).ok();
    let server = Server::of(&sandbox.certs());
    java::client(&sandbox);
    assert_eq!(variable(&sandbox, "JDK_JAVA_OPTIONS"), None);
    sandbox.write("pom.xml", "<project/>");
    let options = variable(&sandbox, "JDK_JAVA_OPTIONS").unwrap();
    assert_eq!(variable(&sandbox, "JAVA_TOOL_OPTIONS"), None);
    let mut java = sandbox.command("java");
    java.args(["-cp", ".", "Get", &server.url("127.0.0.1")]);
    java.env("JDK_JAVA_OPTIONS", options);
    assert_eq!(Done::from(java.output().unwrap()).ok().stdout, BODY);
}

/// A company's store, with its password next to it, in either of the two variables.
#[test]
fn a_trust_store_on_javas_command_line_is_named_and_the_hint_merges_it() {
    let mut sandbox = Sandbox::new();
    sandbox.azup(["trust", "--stores", "none"]).ok();
    sandbox.foreign_ca_at("Company", &sandbox.project().join("company.pem"));
    let import = "-importcert -noprompt -alias company -file company.pem -keystore own.p12 \
                  -storetype PKCS12 -storepass changeit";
    sandbox.run("keytool", import.split_whitespace()).ok();
    let run = [
        "run",
        "--dry-run",
        "--",
        "java",
        "-Djavax.net.ssl.trustStore=own.p12",
    ];
    let named = sandbox.azup(run.into_iter().chain(["Get"])).ok();
    assert!(
        named
            .stderr
            .contains("trustStore=own.p12 on the command line wins over azup's trust store"),
        "{named}"
    );
    let hint = "hint: env JDK_JAVA_OPTIONS=-Djavax.net.ssl.trustStore=own.p12 azup run -- java Get";
    assert!(named.stderr.contains(hint), "{named}");
    sandbox.set("JDK_JAVA_OPTIONS", "-Djavax.net.ssl.trustStore=own.p12");
    let merged = sandbox.azup(["run", "--dry-run", "--", "java", "Get"]).ok();
    assert!(
        !merged.stderr.contains("command line") && merged.stdout.contains(".p12"),
        "{merged}"
    );
    sandbox.unset("JDK_JAVA_OPTIONS");
    // A password is in no message.
    let secret = "-Djavax.net.ssl.trustStorePassword=secret";
    let named = sandbox.azup(run.into_iter().chain([secret, "Get"])).ok();
    assert!(
        named
            .stderr
            .contains("hint: move these options to JDK_JAVA_OPTIONS"),
        "{named}"
    );
    assert!(!named.stderr.contains("secret"), "{named}");
    // A store that has the CA already is as good as azup's.
    let ca = sandbox.certs().join("ca.pem");
    let import = "-importcert -noprompt -alias azurite -keystore own.p12 -storepass changeit -file";
    let words = import
        .split_whitespace()
        .map(OsString::from)
        .chain([ca.into()]);
    sandbox.run("keytool", words).ok();
    let silent = sandbox.azup(run.into_iter().chain(["Get"])).ok();
    assert!(!silent.stderr.contains("command line"), "{silent}");
}

#[test]
fn a_store_with_a_password_is_read_with_it() {
    let mut sandbox = Sandbox::new();
    sandbox.azup(["trust", "--stores", "none"]).ok();
    let server = Server::of(&sandbox.certs());
    java::client(&sandbox);
    sandbox.foreign_ca_at("Company", &sandbox.project().join("company.pem"));
    let words = "-importcert -noprompt -alias company -file company.pem -keystore own.p12 \
                 -storetype PKCS12 -storepass";
    let import = words.split_whitespace().chain(["sec ret99"]);
    sandbox.run("keytool", import).ok();
    let users = |password: &str| {
        format!(
            "-Djavax.net.ssl.trustStore=own.p12 '-Djavax.net.ssl.trustStorePassword={password}'"
        )
    };
    for name in ["JAVA_TOOL_OPTIONS", "JDK_JAVA_OPTIONS"] {
        sandbox.set(name, users("sec ret99"));
        let document = env(&sandbox, &["--java", "--json"]).ok().json();
        let options = document["variables"][name].as_str().unwrap().to_owned();
        let mut java = sandbox.command("java");
        java.args(["-cp", ".", "Get", &server.url("127.0.0.1")]);
        java.env(name, &options);
        assert_eq!(
            Done::from(java.output().unwrap()).ok().stdout,
            BODY,
            "{options}"
        );
        sandbox.set(name, users("wrong"));
        let done = env(&sandbox, &["--java"]);
        assert!(
            done.code == 1
                && done
                    .stderr
                    .contains("the password beside it does not open it"),
            "{done}"
        );
        assert!(!done.stderr.contains("wrong"), "{done}");
        sandbox.unset(name);
    }
}
