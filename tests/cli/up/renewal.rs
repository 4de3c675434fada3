//! A certificate is renewed while real Azurite serves: it is started anew by itself, its
//! data stay, and a client that trusts what azup trusts never meets a leaf that it refuses.

use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Instant;

use super::site::{PATIENCE, Site};

/// curl's exit codes for a server that is being started anew: refused, no answer, closed
/// during the handshake or while it was asked.
const AWAY: [i32; 6] = [7, 28, 35, 52, 55, 56];

#[test]
fn azurite_serves_a_renewed_certificate_by_itself() {
    let mut site = Site::new();
    let now = time::OffsetDateTime::now_utc().unix_timestamp();
    site.sandbox
        .set("AZUP_NOW", (now - 380 * 86_400).to_string());
    let bundle = site
        .sandbox
        .write("bundle.pem", crate::sandbox::public_roots());
    let trust = ["trust", "--stores", "none", "--bundle", "bundle.pem"];
    site.sandbox.azup(trust).ok();
    site.sandbox.unset("AZUP_NOW");

    let up = site.up(&[]);
    site.store("kept");
    let before = site.state()["certificate"]["ca_sha256"].clone();

    // A program that connects anew for each request, with the bundle that azup trusts in.
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
                    Some(code) if AWAY.contains(&code) => {}
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
    let done = site.sandbox.azup(trust).ok();
    assert!(done.stderr.contains("renewed the certificate"), "{done}");
    let started = Instant::now();
    while site.state()["certificate"]["ca_sha256"] == before {
        assert!(
            started.elapsed() < PATIENCE,
            "the new certificate is not served"
        );
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
    answered(3);
    stop.store(true, Ordering::Relaxed);
    assert_eq!(
        client.join().unwrap(),
        [] as [String; 0],
        "no certificate was refused"
    );

    // The CA on disk is the new one, and it alone verifies what is served.
    assert_eq!(site.stored(), "kept 200");
    let stopped = up.ctrl_c().ok();
    assert!(
        stopped.stderr.contains("the certificate was renewed"),
        "{stopped}"
    );
}
