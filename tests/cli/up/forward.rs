//! Tokens of other services: from the user's own `az`, only for the command of `azup run`. The `az`
//! here is a fake, and is called one.

mod audiences;
mod hostile;
mod lasting;
mod sdks;
mod vault;

use std::ffi::OsString;
use std::fs;
use std::path::PathBuf;

use super::site::Site;
use crate::sandbox::{Done, write_program};

/// What Key Vault's clients ask for.
const VAULT: &str = "https://vault.azure.net";

/// Asks as SDKs do, for the resource `$1`, and prints the answer.
const ASK: &str = r#"ask() { curl --silent --get --data-urlencode "resource=$1" \
    --header "X-IDENTITY-HEADER: ${2-$IDENTITY_HEADER}" "$IDENTITY_ENDPOINT?api-version=2019-08-01"; echo; }
"#;

/// What a fake az does when it is asked for a token.
const TOKEN: &str = r#"echo '{"accessToken":"token-of-the-fake-az","expiresOn":"2099-01-01 00:00:00.000000","expires_on":4070908800,"tokenType":"Bearer"}'"#;

impl Site {
    /// The folder of the fake programs, outside the project.
    fn bin(&self) -> PathBuf {
        self.sandbox.root().join("bin-of-fakes")
    }

    /// Puts a fake `az` (or `azd`) first on PATH, which logs its arguments, folder and environment,
    /// and then does `what`.
    fn fake(&mut self, name: &str, what: &str) {
        let bin = self.bin();
        fs::create_dir_all(&bin).unwrap();
        let root = self.sandbox.root().display();
        let script = format!(
            "#!/bin/sh\n# A fake {name} of azup's tests.\n\
             echo \"$*\" >> {root}/{name}-calls\n\
             {{ pwd; env; }} > {root}/{name}-saw\n{what}\n"
        );
        write_program(&bin.join(name), &script);
        let path = format!("{}:/usr/local/bin:/usr/bin:/bin", bin.display());
        self.sandbox.set("PATH", path);
    }

    /// The calls of the fake, one a line.
    fn calls(&self, name: &str) -> String {
        fs::read_to_string(self.sandbox.root().join(format!("{name}-calls"))).unwrap_or_default()
    }

    /// `azup run` of a shell script that may use `ask`.
    fn ask(&self, options: &[&str], script: &str) -> Done {
        let script = format!("{ASK}{script}");
        let command = ["sh".into(), "-c".into(), OsString::from(script)];
        self.run(options, &command)
    }
}

fn forwarded(text: &str) -> bool {
    text.contains(r#""access_token":"token-of-the-fake-az""#)
}

/// A local token: three parts, the last one empty.
fn local(text: &str) -> bool {
    text.contains(r#""access_token":"eyJ"#) && text.contains(r#".","token_type""#)
}

fn refused(text: &str) -> bool {
    text.contains("Authentication unavailable: ")
}

#[test]
fn the_command_gets_tokens_of_other_services_from_az_and_storage_stays_local() {
    let mut site = Site::new();
    site.fake("az", TOKEN);
    let done = site
        .ask(
            &[],
            &format!("ask {VAULT}; ask {VAULT}/; ask {VAULT}; ask https://storage.azure.com"),
        )
        .ok();
    let lines: Vec<&str> = done.stdout.lines().collect();
    assert!(lines[..3].iter().all(|line| forwarded(line)), "{done}");
    assert!(lines[0].contains(r#""expires_on":"4070908800""#), "{done}");
    assert!(local(lines[3]), "{done}");
    // Each resource once, as it was asked for; the second time it comes from memory.
    assert_eq!(
        site.calls("az"),
        format!(
            "account get-access-token --resource={VAULT} --output=json\n\
             account get-access-token --resource={VAULT}/ --output=json\n"
        )
    );
    let said = format!(
        "forwarded a token for {VAULT} from az ({}/az)\n",
        site.bin().display()
    );
    assert_eq!(done.stderr.matches(&said).count(), 1, "{done}");
}

#[test]
fn az_sees_nothing_of_azup_and_nothing_that_loads_code() {
    let mut site = Site::new();
    site.fake("az", TOKEN);
    let own = site.sandbox.own().join("bundles");
    fs::create_dir_all(&own).unwrap();
    let bundle = own.join("merged.pem");
    let company = site.sandbox.root().join("company.pem");
    fs::write(&company, crate::sandbox::public_roots()).unwrap();
    let made = format!("# azup: made from {}\n", company.display());
    fs::write(&bundle, made.into_bytes()).unwrap();
    let inside = site.sandbox.project().join("azure");
    for (name, value) in [
        ("IDENTITY_ENDPOINT", "http://127.0.0.1:1/msi/token"),
        ("IDENTITY_HEADER", "of-a-dev-container"),
        ("MSI_ENDPOINT", "http://127.0.0.1:1/msi/token"),
        ("AZURE_STORAGE_CONNECTION_STRING", "x"),
        ("PYTHONPATH", "/opt/python"),
        ("PYTHONSTARTUP", "/opt/python/startup.py"),
        ("AZURE_CONFIG_DIR", inside.to_str().unwrap()),
        ("AZURE_EXTENSION_DIR", "extensions"),
        ("AZURE_EXTENSION_DEV_SOURCES", "/opt/python"),
        ("REQUESTS_CA_BUNDLE", bundle.to_str().unwrap()),
        // The login is not sent to hosts that only the project trusts.
        ("SSL_CERT_FILE", "project.pem"),
        ("SSL_CERT_DIR", inside.to_str().unwrap()),
        ("CURL_CA_BUNDLE", inside.to_str().unwrap()),
        ("SSLKEYLOGFILE", inside.to_str().unwrap()),
        ("NO_PROXY", "internal.example"),
    ] {
        site.sandbox.set(name, value);
    }
    let done = site.ask(&[], &format!("ask {VAULT}")).ok();
    assert!(forwarded(&done.stdout), "{done}");
    let saw = fs::read_to_string(site.sandbox.root().join("az-saw")).unwrap();
    assert!(saw.starts_with("/\n"), "{saw}");
    for name in [
        "IDENTITY_",
        "MSI_",
        "AZURE_",
        "AZUP_",
        "PYTHON",
        "SSL",
        "CURL_",
        "azup-forward-",
    ] {
        assert!(!saw.contains(name), "{name} in {saw}");
    }
    // The user's own bundle is restored.
    let bundle = format!("\nREQUESTS_CA_BUNDLE={}\n", company.display());
    assert!(saw.contains(&bundle), "{saw}");
    assert!(saw.contains("\nNO_PROXY=internal.example\n"), "{saw}");
}

#[test]
fn what_az_says_when_it_fails_is_passed_on() {
    let mut site = Site::new();
    site.fake(
        "az",
        "echo 'WARNING: a new version is there' >&2\n\
         echo \"ERROR: Please run 'az login' to setup account.\" >&2; exit 1",
    );
    let done = site
        .ask(&[], &format!("ask {VAULT}; ask https://storage.azure.com"))
        .ok();
    let lines: Vec<&str> = done.stdout.lines().collect();
    let why = "az: Please run 'az login' to setup account.";
    assert!(refused(lines[0]) && lines[0].contains(why), "{done}");
    assert!(local(lines[1]), "{done}");
    let said = format!("warning: no token for {VAULT} to forward: {why}\n");
    assert!(done.stderr.contains(&said), "{done}");

    for (what, why) in [
        ("echo welcome", "az: it printed no JSON document"),
        ("echo '{}'", "az: it printed no token"),
        (
            "echo '{\"accessToken\":\"a b\"}'",
            "az: it printed no token",
        ),
        (
            "echo '{\"accessToken\":\"a\",\"expires_on\":1}'",
            "az: the token that it printed has expired",
        ),
        ("exit 3", "az: it gave no reason (exit status: 3)"),
        (
            "head -c 9000000 /dev/zero",
            "az: it printed no JSON document",
        ),
        // A process that it leaves behind holds nothing up.
        (
            "sleep 600 & exit 4",
            "az: it gave no reason (exit status: 4)",
        ),
    ] {
        site.fake("az", what);
        let done = site.ask(&[], &format!("ask {VAULT}")).ok();
        assert!(
            refused(&done.stdout) && done.stdout.contains(why),
            "{what}: {done}"
        );
    }
}

#[test]
fn azd_is_asked_if_az_is_missing_or_not_logged_in() {
    let mut site = Site::new();
    site.fake(
        "azd",
        r#"echo '{"token":"token-of-the-fake-az","expiresOn":"2099-01-01T00:00:00Z"}'"#,
    );
    let done = site.ask(&[], &format!("ask {VAULT}")).ok();
    assert!(forwarded(&done.stdout), "{done}");
    assert!(
        done.stdout.contains(r#""expires_on":"4070908800""#),
        "{done}"
    );
    let words = format!("auth token --scope={VAULT}/.default --output=json --no-prompt\n");
    assert_eq!(site.calls("azd"), words);
    site.fake("az", "echo 'ERROR: not logged in' >&2; exit 1");
    let done = site.ask(&[], &format!("ask {VAULT}")).ok();
    assert!(forwarded(&done.stdout), "{done}");
    let done = site.ask(&["--forward=az"], &format!("ask {VAULT}")).ok();
    assert!(done.stdout.contains("az: not logged in"), "{done}");
}

#[test]
fn a_hanging_az_delays_no_local_token() {
    let mut site = Site::new();
    site.fake("az", "echo $$ > \"$0-pid\"; exec sleep 600");
    // Ten tokens while it hangs, and the answer in the end.
    let script = format!(
        "ask {VAULT} > late & \
         until [ -s {0}/az-pid ]; do sleep 0.05; done; \
         for i in 1 2 3 4 5 6 7 8 9 10; do ask https://storage.azure.com; done; \
         [ -s late ] && echo too early; wait; cat late",
        site.bin().display()
    );
    let done = site.ask(&[], &script).ok();
    let lines: Vec<&str> = done.stdout.lines().collect();
    assert!(lines[..10].iter().all(|line| local(line)), "{done}");
    assert_eq!(lines.len(), 11, "{done}");
    assert!(
        refused(lines[10]) && lines[10].contains("az: it did not answer within 15 seconds"),
        "{done}"
    );
    // It ends at its time limit, and with the command.
    let pid = || {
        fs::read_to_string(site.bin().join("az-pid"))
            .unwrap()
            .trim()
            .parse()
            .unwrap()
    };
    assert!(super::site::gone(pid()));
    fs::remove_file(site.bin().join("az-pid")).unwrap();
    let script = format!(
        "ask {VAULT} & until [ -s {}/az-pid ]; do sleep 0.05; done",
        site.bin().display()
    );
    site.ask(&[], &script).ok();
    assert!(super::site::gone(pid()));
}

#[test]
fn many_at_once_make_one_process() {
    let mut site = Site::new();
    site.fake("az", &format!("sleep 1; {TOKEN}"));
    let script = format!("for i in 1 2 3 4 5 6 7 8; do ask {VAULT} & done; wait");
    let done = site.ask(&[], &script).ok();
    assert_eq!(
        done.stdout.matches("token-of-the-fake-az").count(),
        8,
        "{done}"
    );
    assert_eq!(site.calls("az").lines().count(), 1);
}

#[test]
fn a_token_that_expires_soon_is_requested_again() {
    let mut site = Site::new();
    site.fake(
        "az",
        r#"echo '{"accessToken":"token-of-the-fake-az","expires_on":'$(($(date +%s) + 100))'}'"#,
    );
    let done = site.ask(&[], &format!("ask {VAULT}; ask {VAULT}")).ok();
    assert_eq!(
        done.stdout.lines().filter(|line| forwarded(line)).count(),
        2,
        "{done}"
    );
    assert_eq!(site.calls("az").lines().count(), 2);
}

#[test]
fn it_is_off_without_a_login_and_if_the_user_says_so() {
    let mut site = Site::new();
    let ask = format!("ask {VAULT}");
    site.sandbox.set("PATH", "/usr/local/bin:/usr/bin:/bin");
    if site
        .sandbox
        .run("sh", ["-c", "command -v az || command -v azd"])
        .code
        != 0
    {
        assert!(refused(&site.ask(&[], &ask).ok().stdout));
        let done = site.ask(&["--forward=az"], &ask);
        assert_eq!(done.code, 1, "{done}");
        assert!(done.stderr.contains("cannot ask az for tokens"), "{done}");
    }
    site.fake("az", TOKEN);
    assert!(refused(&site.ask(&["--forward=none"], &ask).ok().stdout));
    site.sandbox.set("CI", "true");
    assert!(refused(&site.ask(&[], &ask).ok().stdout));
    assert_eq!(site.calls("az"), "");
    assert!(forwarded(&site.ask(&["--forward=az"], &ask).ok().stdout));
}
