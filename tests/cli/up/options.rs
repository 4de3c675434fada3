//! Other requests to Azurite: web pages, its own options, the other form of URL.

use std::ffi::OsString;

use super::site::Site;
use crate::sandbox::{is_left_out, part};

impl Site {
    /// What a browser asks before a page of this origin may store a blob.
    fn preflight(&self, service: usize, origin: &str) -> String {
        let port = self.ports[service];
        let url = format!("https://127.0.0.1:{port}/devstoreaccount1/pages");
        let origin = format!("Origin: {origin}");
        let ca = self.ca();
        let words = [
            "--silent",
            "--include",
            "--request",
            "OPTIONS",
            "--cacert",
            ca.to_str().unwrap(),
        ];
        let headers = [
            "--header",
            &origin,
            "--header",
            "Access-Control-Request-Method: PUT",
            &url,
        ];
        self.sandbox
            .run("curl", [&words[..], &headers[..]].concat())
            .ok()
            .stdout
            .to_lowercase()
    }
}

#[test]
fn pages_of_the_origins_that_were_named_may_call_every_service() {
    let site = Site::new();
    site.azup_up(&["-d", "--cors", "http://localhost:3000"])
        .ok();
    for service in 0..3 {
        let answer = site.preflight(service, "http://localhost:3000");
        assert!(
            answer.contains("access-control-allow-origin: http://localhost:3000"),
            "{answer}"
        );
        let answer = site.preflight(service, "http://elsewhere.example");
        assert!(!answer.contains("access-control-allow-origin"), "{answer}");
    }
    // A running one accepts another origin, and keeps it with its data.
    site.azup_up(&["-d", "--cors", "https://other.example"])
        .ok();
    site.sandbox.azup(["down"]).ok();
    site.azup_up(&["-d"]).ok();
    let answer = site.preflight(0, "https://other.example");
    assert!(
        answer.contains("access-control-allow-origin: https://other.example"),
        "{answer}"
    );
    site.sandbox.azup(["down"]).ok();
    let done = site.azup_up(&["--cors", "localhost:3000/page"]);
    assert_eq!(done.code, 2, "{done}");
    assert!(done.stderr.contains("is not an origin"), "{done}");
}

#[test]
fn options_of_azurites_own_are_passed_on_but_none_that_azup_says_itself() {
    let site = Site::new();
    let log = site.sandbox.root().join("debug.log");
    let mut words = site.words(&["-d"]);
    words.extend(["--".into(), "--debug".into(), log.clone().into()]);
    site.sandbox.azup(words.clone()).ok();
    site.store("told");
    assert!(std::fs::read_to_string(&log).unwrap().contains("PUT"));
    // The same options again reuse the running one; other options need a restart, which is said.
    site.sandbox.azup(words.clone()).ok();
    *words.last_mut().unwrap() = "elsewhere.log".into();
    let done = site.sandbox.azup(words);
    assert!(
        done.stderr
            .contains("was started without --debug elsewhere.log"),
        "{done}"
    );
    let hint = done
        .stderr
        .lines()
        .find_map(|line| line.strip_prefix("hint: "))
        .unwrap();
    assert_eq!(hint, "azup down && azup up -d -- --debug elsewhere.log");
    site.sandbox.azup(["down"]).ok();
    for option in ["--blobPort=1", "--cert", "-l"] {
        let done = site.sandbox.azup(["up", "--", option]);
        assert_eq!(done.code, 2, "{done}");
        assert!(
            done.stderr.contains("cannot be passed on to Azurite"),
            "{done}"
        );
    }
}

#[test]
fn urls_have_the_account_in_the_host_name_where_that_is_asked_for() {
    let site = Site::new();
    let code = "import os; from azure.identity import DefaultAzureCredential as C; \
        from azure.storage.blob import BlobServiceClient as B; \
        url = os.environ['AZURE_STORAGE_BLOB_ENDPOINT']; B(url, C()).create_container('by-host'); \
        s = B.from_connection_string(os.environ['AZURE_STORAGE_CONNECTION_STRING']); \
        print(url.split(':')[1], s.account_name, *(c.name for c in s.list_containers()))";
    let python = part("venv/bin/python");
    let hosts = site.sandbox.write(
        "hosts",
        "127.0.0.1 localhost devstoreaccount1.blob.localhost\n",
    );
    let line = format!(
        "mount --bind '{}' /etc/hosts && exec \"$@\"",
        hosts.display()
    );
    let azup = crate::sandbox::azup();
    let mut words: Vec<std::ffi::OsString> = [
        "--user",
        "--map-root-user",
        "--mount",
        "sh",
        "-c",
        &line,
        "sh",
    ]
    .map(Into::into)
    .to_vec();
    words.push(azup.into());
    words.extend(site.run_words(&["--in-memory", "--host-style"]));
    words.extend(["--".into(), python.into(), "-c".into(), code.into()]);
    let done = site.sandbox.run("/usr/bin/unshare", words).ok();
    assert_eq!(
        done.stdout, "//devstoreaccount1.blob.localhost devstoreaccount1 by-host\n",
        "{done}"
    );
    // If the system does not resolve the names, the line for it is printed.
    let names = "devstoreaccount1.queue.localhost devstoreaccount1.table.localhost";
    if done.stderr.contains("is not known") {
        assert!(
            done.stderr.contains(&format!(
                "hint: echo '127.0.0.1 {names}' | sudo tee -a /etc/hosts"
            )),
            "{done}"
        );
    }
}

/// One that runs already is not what was asked for, and says so.
#[test]
fn an_option_that_a_running_azurite_cannot_heed_is_refused_with_the_way_to_it() {
    let site = Site::new();
    site.azup_up(&["-d", "--in-memory"]).ok();
    let other = format!("--identity-port={}", site.identity + 100);
    for (option, why) in [
        ("--https-only", "also serves plain HTTP"),
        (&other, "does not answer for tokens on port"),
    ] {
        let mut words = site.words(&["-d", "--in-memory", option]);
        let own = OsString::from(format!("--identity-port={}", site.identity));
        words.retain(|word| option == "--https-only" || *word != own);
        let done = site.sandbox.azup(words);
        assert_eq!(done.code, 1, "{done}");
        assert!(done.stderr.contains(why), "{done}");
        let hint = format!("hint: azup down && azup up -d {}", option.replace('=', " "));
        assert!(done.stderr.contains(&hint), "{done}");
    }
    site.sandbox.azup(["down"]).ok();
    site.azup_up(&["-d", "--in-memory", "--https-only"]).ok();
    site.azup_up(&["-d", "--in-memory", "--https-only"]).ok();
    site.sandbox.azup(["down"]).ok();
    for option in ["--audience=https://vault.azure.net", "--forward=az"] {
        let done = site.run(&["--credential=az", option], &["true".into()]);
        assert_eq!(done.code, 2, "{done}");
        assert!(
            done.stderr.contains("has no effect with --credential az"),
            "{done}"
        );
        assert!(
            done.stderr
                .contains("hint: azup run --credential az -- true"),
            "{done}"
        );
    }
}

/// Go's SDK takes the account from the host name. The program connects to 127.0.0.1 by itself, so no
/// name has to resolve.
#[test]
fn go_reads_and_copies_by_a_user_delegation_sas_also_after_a_renewal() {
    if is_left_out("go") {
        return;
    }
    let mut site = Site::new();
    let _up = site.up(&[]);
    site.sandbox.set("WITH_SAS", "1");
    let go: [OsString; 1] = [part("go-sdk/client").into()];
    let both = "a blob\nby its URL: a blob\ncopied: a blob\n";
    assert_eq!(site.run_there(&["--host-style"], &go).ok().stdout, both);
    site.sandbox.azup(["renew", "--stores", "none"]).ok();
    assert_eq!(site.run_there(&["--host-style"], &go).ok().stdout, both);
    // The form that does not need the option is refused, as docs/clients/go.md says.
    let refused = site.run_there(&[], &go);
    assert!(
        refused.code == 1 && refused.stderr.contains("403"),
        "{refused}"
    );
}
