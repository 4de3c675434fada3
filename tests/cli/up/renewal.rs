//! A certificate is renewed while a real Azurite serves: the same process loads the new one, and a
//! client with azup's CAs loses no request. `up` and `run` renew by themselves.

use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Instant;

use super::site::{PATIENCE, Site};

#[test]
fn azurite_serves_a_renewed_certificate_by_itself() {
    let site = Site::new();
    let bundle = site
        .sandbox
        .write("bundle.pem", crate::sandbox::public_roots());
    let trust = ["--stores", "none", "--bundle", "bundle.pem"];
    site.sandbox.azup([&["trust"], &trust[..]].concat()).ok();

    let up = site.up(&[]);
    site.store("kept");

    // A program that makes a new connection for each request, with the bundle in which azup trusts.
    let (stop, answers) = (
        Arc::new(AtomicBool::new(false)),
        Arc::new(AtomicUsize::new(0)),
    );
    let client = {
        let (stop, answers) = (stop.clone(), answers.clone());
        let (url, bundle) = (site.url("/"), bundle.clone());
        std::thread::spawn(move || {
            let mut refused = Vec::new();
            while !stop.load(Ordering::Relaxed) {
                let mut curl = Command::new("curl");
                curl.env_clear()
                    .args(["-sS", "-m", "5", "-o", "/dev/null", "--cacert"]);
                let done = curl.arg(&bundle).arg(&url).output().unwrap();
                match done.status.code() {
                    Some(0) => {
                        answers.fetch_add(1, Ordering::Relaxed);
                    }
                    _ => refused.push(String::from_utf8_lossy(&done.stderr).into_owned()),
                }
            }
            refused
        })
    };
    let answered = |more: usize| {
        let (wanted, started) = (answers.load(Ordering::Relaxed) + more, Instant::now());
        while answers.load(Ordering::Relaxed) < wanted {
            assert!(started.elapsed() < PATIENCE, "Azurite does not answer");
            std::thread::sleep(std::time::Duration::from_millis(20));
        }
    };
    answered(3);
    site.sandbox.azup([&["renew"], &trust[..]].concat()).ok();
    // It waits until the new one is served.
    site.azup_up(&["-d"]).ok();
    answered(3);
    stop.store(true, Ordering::Relaxed);
    assert_eq!(
        client.join().unwrap(),
        [] as [String; 0],
        "no request was refused"
    );
    assert_eq!(site.state()["azurite_pid"], up.azurite(), "no restart");

    // The CA on disk is the new one, and only that verifies what is served.
    assert_eq!(site.stored(), "kept 200");
    up.ctrl_c().ok();
}

#[test]
fn up_and_run_renew_a_set_that_is_due() {
    let mut site = Site::new();
    let now = time::OffsetDateTime::now_utc().unix_timestamp();
    for days in [380, 400] {
        site.sandbox
            .set("AZUP_NOW", (now - days * 86_400).to_string());
        site.sandbox.azup(["renew", "--stores", "none"]).ok();
        site.sandbox.unset("AZUP_NOW");
        let before = std::fs::read(site.ca()).unwrap();
        let done = if days == 380 {
            let done = site.azup_up(&["-d"]).ok();
            site.store("with the new one");
            site.sandbox.azup(["down"]).ok();
            done
        } else {
            site.run(&[], &["true".into()]).ok()
        };
        assert!(done.stderr.contains("renewed the certificate"), "{done}");
        assert_ne!(std::fs::read(site.ca()).unwrap(), before);
    }
}

/// `--san` with an existing set: earlier, the name was silently ignored.
#[test]
fn a_name_that_the_set_lacks_renews_it_once() {
    let site = Site::new();
    let names = || {
        let leaf = site.sandbox.certs().join("cert.pem");
        let words = ["x509", "-noout", "-ext", "subjectAltName", "-in"].map(Into::into);
        let words: Vec<std::ffi::OsString> = words.into_iter().chain([leaf.into()]).collect();
        site.sandbox.run("openssl", words).ok().stdout
    };
    let end = |up: super::site::Up| up.end_with(rustix::process::Signal::INT);
    end(site.up(&["--in-memory"]));
    assert!(!names().contains("vault.localhost"));
    let words = ["--in-memory", "--san=primary.vault.localhost"];
    let up = site.up(&words);
    let name = "primary.vault.localhost";
    assert!(names().contains(name));
    let url = format!(
        "https://{name}:{}/devstoreaccount1?comp=list",
        site.ports[0]
    );
    let resolve = format!("{name}:{}:127.0.0.1", site.ports[0]);
    let ca = site.ca();
    let curl = [
        "-sS",
        "--resolve",
        &resolve,
        "--cacert",
        ca.to_str().unwrap(),
        &url,
    ];
    site.sandbox.run("curl", curl).ok();
    let done = end(up);
    assert!(done.stderr.contains("renewed the certificate"), "{done}");
    // It has the name now, and keeps it.
    let made = names();
    for words in [&words[..], &words[..1]] {
        let done = end(site.up(words));
        assert!(!done.stderr.contains("renewed"), "{done}");
        assert_eq!(names(), made);
    }
    let done = site.azup_up(&["--in-memory", "--san=no name"]);
    assert_eq!(done.code, 1, "{done}");
}
