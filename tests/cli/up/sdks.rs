//! What runs against it: Azure's SDKs, curl, and the snippet that `azup up` prints.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use insta::assert_snapshot;
use rustix::process::Signal;
use serde_json::json;

use super::site::Site;
use crate::sandbox::{Done, azup, part};

/// The public roots and azup's CA in one file, as on a company's machine.
pub(super) fn merged_bundle(site: &Site) -> PathBuf {
    let certifi = site
        .sandbox
        .run(
            part("venv/bin/python"),
            ["-c", "import certifi; print(certifi.where())"],
        )
        .ok();
    let mut bundle = fs::read(certifi.stdout.trim()).unwrap();
    bundle.extend(fs::read(site.ca()).unwrap());
    let path = site.sandbox.root().join("bundle.pem");
    fs::write(&path, bundle).unwrap();
    path
}

pub(super) fn script(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/cli/up")
        .join(name)
}

/// The Python code in the answer, as a person would copy it.
fn snippet(answer: &str) -> &str {
    let start = answer.find("# Python").unwrap();
    let end = answer.rfind("\nCtrl-C").unwrap();
    &answer[start..end]
}

#[test]
fn python_uses_blobs_queues_and_tables_and_the_printed_snippet() {
    let mut site = Site::new();
    let up = site.up(&[]);
    site.sandbox.set("REQUESTS_CA_BUNDLE", merged_bundle(&site));
    let python = part("venv/bin/python");

    let mut words = vec![script("storage.py").into_os_string(), azup().into()];
    words.extend(
        site.ports
            .map(|port| format!("https://127.0.0.1:{port}/devstoreaccount1").into()),
    );
    let done = site.sandbox.run(&python, words).ok();
    assert_eq!(done.stdout, "a blob\na message\nan entity\n");

    // Saved as a file, and pasted at the prompt, which reads statement by statement.
    let snippet = snippet(&up.answer);
    let saved = site.sandbox.write("hello.py", snippet);
    let run = |word: &OsStr| {
        let words = ["run", "--"].map(OsStr::new);
        let words = words.into_iter().chain([python.as_os_str(), word]);
        site.sandbox.azup_command(words)
    };
    let done = Done::from(run(saved.as_os_str()).output().unwrap()).ok();
    assert_eq!(done.stdout, "Hello, Azurite\n");
    let mut prompt = run(OsStr::new("-i"));
    prompt.stdin(fs::File::open(&saved).unwrap());
    let done = Done::from(prompt.output().unwrap()).ok();
    assert_eq!(done.stdout, "Hello, Azurite\n");
    assert!(!done.stderr.contains("Error"), "{done}");

    let done = up.end_with(Signal::INT);
    assert_snapshot!(site.shown(&done), @r#"
    exit: 0
    --- stdout
    blob   https://127.0.0.1:[BLOB]/devstoreaccount1
    queue  https://127.0.0.1:[QUEUE]/devstoreaccount1
    table  https://127.0.0.1:[TABLE]/devstoreaccount1
    identity http://127.0.0.1:[IDENTITY]/msi/token

    verified: certificate signed by azup local CA [ID], valid until [DATE]; TLS 1.3; Azurite 3.37.0 on Node.js [NODE]; round trip ok

    # Python: pip install azure-identity azure-storage-blob; save this as hello.py; then [AZUP] run -- python hello.py
    import os
    from azure.identity import DefaultAzureCredential
    from azure.storage.blob import ContainerClient

    url = os.environ["AZURE_STORAGE_BLOB_ENDPOINT"]
    hello = ContainerClient(url, "hello", DefaultAzureCredential())
    created = hello.exists() or hello.create_container()
    stored = hello.upload_blob("hello.txt", b"Hello, Azurite", overwrite=True)
    print(hello.download_blob("hello.txt").readall().decode())

    Ctrl-C stops it
    --- stderr
    made certificates in [HOME]/.local/share/azup/certs
    stopping Azurite
    stopped
    "#);
}

#[test]
fn javascript_uses_blobs_with_the_oldest_and_a_newer_node() {
    let mut site = Site::new();
    let newer = part("node22/node_modules/node/bin/node");
    for node in [PathBuf::from("node"), newer.clone()] {
        if node == newer {
            site.only(std::slice::from_ref(&newer));
        }
        // In memory, so that the same container can be made twice.
        let up = site.up(&["--in-memory"]);
        site.sandbox.set("NODE_EXTRA_CA_CERTS", site.ca());
        let words = [
            script("storage.mjs").into_os_string(),
            part("npm/node_modules").into(),
            azup().into(),
            site.url("").into(),
            super::serve::KEY.into(),
        ];
        let done = site.sandbox.run(&node, words).ok();
        assert_eq!(done.stdout, "a blob\na blob\n");
        let said = site.sandbox.run(&node, ["--version"]).ok().stdout;
        let version = format!("on Node.js {};", said.trim().trim_start_matches('v'));
        assert!(up.answer.contains(&version), "{version} in {}", up.answer);
        assert_eq!(up.end_with(Signal::TERM).code, 0);
    }
    assert!(
        !site.sandbox.own().join("data").exists(),
        "nothing was written for an Azurite in memory"
    );
}

#[test]
fn a_token_opens_it_and_one_of_another_issuer_or_audience_does_not() {
    let site = Site::new();
    let _up = site.up(&[]);
    let forged = |issuer: &str, audience: &str| {
        let now = time::OffsetDateTime::now_utc().unix_timestamp();
        let claims = json!({
            "iss": issuer, "aud": audience, "iat": now - 300, "nbf": now - 300, "exp": now + 300
        });
        let part = |text: &str| URL_SAFE_NO_PAD.encode(text);
        format!(
            "{}.{}.",
            part(r#"{"alg":"none","typ":"JWT"}"#),
            part(&claims.to_string())
        )
    };
    let list = |token: &str| site.curl("GET", "?comp=list", token, None);
    let (issuer, audience) = ("https://sts.windows.net/x/", "https://storage.azure.com");
    assert!(list(&site.token()).ends_with(" 200"));
    assert!(list(&forged(issuer, audience)).ends_with(" 200"));
    let refused = list(&forged(
        "https://login.microsoftonline.com/x/v2.0",
        audience,
    ));
    assert!(
        refused.contains("Invalid token issuer") && refused.ends_with(" 403"),
        "{refused}"
    );
    let refused = list(&forged(issuer, "https://vault.azure.net"));
    assert!(
        refused.contains("Invalid token audience") && refused.ends_with(" 403"),
        "{refused}"
    );
    let account = site
        .sandbox
        .azup([
            "token",
            "--resource",
            "https://devstoreaccount1.blob.core.windows.net/",
        ])
        .ok()
        .stdout;
    assert!(list(account.trim()).ends_with(" 200"));
}

#[test]
fn in_a_node_project_the_printed_program_is_javascript_and_runs() {
    let site = Site::new();
    site.sandbox.write("package.json", "{}");
    let modules = site.sandbox.project().join("node_modules");
    std::os::unix::fs::symlink(part("npm-sdks/node_modules"), modules).unwrap();
    let up = site.up(&["--in-memory"]);
    let start = up.answer.find("// Node.js: npm install").unwrap();
    let end = up.answer.rfind("\nCtrl-C").unwrap();
    site.sandbox.write("hello.mjs", &up.answer[start..end]);
    let done = site.sandbox.azup(["run", "--", "node", "hello.mjs"]).ok();
    assert_eq!(done.stdout, "Hello, Azurite\n");
}

/// In the other languages, too: tests/walks runs what is printed for them. For .NET it is the two lines
/// of the page alone.
#[test]
fn in_projects_of_other_languages_the_printed_code_has_the_lines_of_the_docs() {
    let page = include_str!("../../../docs/variables.md");
    for (file, name, end) in [
        ("app.csproj", ".NET", "then azup run -- dotnet run\n"),
        (
            "pom.xml",
            "Java",
            "then azup run -- mvn -q compile exec:java -Dexec.mainClass=Hello\n",
        ),
        (
            "go.mod",
            "Go",
            "; save this as main.go; then azup run -- go run .\n",
        ),
        (
            "Cargo.toml",
            "Rust",
            "; save this as src/main.rs; then azup run -- cargo run\n",
        ),
    ] {
        let mut site = Site::new();
        site.only(&[azup().to_owned(), real("node")]);
        site.sandbox.write(file, "");
        let up = site.up(&["--in-memory"]);
        let start = up.answer.find(&format!("// {name}: ")).expect(&up.answer);
        let (how, program) = up.answer[start..].split_once('\n').unwrap();
        assert!(format!("{how}\n").ends_with(end), "{how}");
        let mut row = page
            .lines()
            .filter(|line| line.starts_with(&format!("| {name} ")));
        let row = row.next().unwrap().split('|').nth(2).unwrap();
        let lines: Vec<&str> = row.split('`').skip(1).step_by(2).collect();
        assert_eq!(lines.len(), 2, "{lines:?}");
        for line in lines {
            assert!(program.contains(line), "{line} is not in {program}");
        }
        assert!(!up.answer.contains("Python"), "{}", up.answer);
    }
}

/// The versions of a pom.xml are those that the tests have.
#[test]
fn the_printed_java_names_the_tested_versions() {
    let pom = include_str!("../../java-client/pom.xml");
    let printed = include_str!("../../../src/supervisor/snippet.rs");
    for name in ["azure-identity", "azure-storage-blob"] {
        let version = pom
            .split_once(&format!("<artifactId>{name}</artifactId>"))
            .unwrap()
            .1;
        let version = version
            .split_once("<version>")
            .unwrap()
            .1
            .split_once('<')
            .unwrap()
            .0;
        assert!(
            printed.contains(&format!("com.azure:{name}:{version} ")),
            "{name} {version}"
        );
    }
}

#[test]
fn the_snippet_calls_azup_by_name_where_path_leads_to_it() {
    let mut site = Site::new();
    site.only(&[azup().to_owned(), real("node")]);
    let up = site.up(&["--in-memory"]);
    assert!(
        up.answer
            .contains("; save this as hello.py; then azup run -- python hello.py\n"),
        "{}",
        up.answer
    );
}

/// npm's package puts its launcher on PATH, which starts the program beside it.
#[test]
fn the_snippet_calls_azup_by_name_where_path_leads_to_npms_launcher() {
    for (folder, by_name) in [("bin", true), ("node_modules/.bin", false)] {
        let mut site = Site::new();
        let root = site.sandbox.root().to_owned();
        let launcher = root.join("azup.cjs");
        fs::copy("npm/bin/azup.cjs", &launcher).unwrap();
        fs::create_dir_all(root.join(folder)).unwrap();
        std::os::unix::fs::symlink(&launcher, root.join(folder).join("azup")).unwrap();
        site.only(&[real("node")]);
        let path = std::env::join_paths([root.join(folder), root.join("only")]);
        site.sandbox.set("PATH", path.unwrap());
        site.sandbox.set("AZUP_LAUNCHER", &launcher);
        let up = site.up(&["--in-memory"]);
        let named = up.answer.contains("; then azup run -- python hello.py\n");
        assert_eq!(named, by_name, "{}", up.answer);
    }
}

#[test]
fn variables_of_azurite_and_node_do_not_change_what_runs() {
    let mut site = Site::new();
    site.sandbox.set("AZURITE_ACCOUNTS", "other:a2V5");
    site.sandbox.set("NODE_OPTIONS", "--require /nowhere.js");
    // `node --version` does not load it, but everything else would fail.
    let up = site.up(&["--in-memory"]);
    let done = up.end_with(Signal::INT);
    assert!(
        done.stderr.contains("warning: AZURITE_ACCOUNTS is ignored"),
        "{done}"
    );
}

/// The path of a program of the operating system.
pub(super) fn real(program: &str) -> PathBuf {
    ["/usr/local/bin", "/usr/bin", "/bin"]
        .iter()
        .map(|folder| Path::new(folder).join(program))
        .find(|path| path.exists())
        .unwrap_or_else(|| panic!("no {program}"))
}
