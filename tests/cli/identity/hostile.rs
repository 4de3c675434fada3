//! Whatever is sent, and however: no panic, no leak, and the next client is answered.

use std::io::{ErrorKind, Read as _, Write as _};
use std::net::{Shutdown, TcpStream};
use std::time::Duration;

use super::{Served, ask};
use crate::sandbox::{Sandbox, until};

/// How many fuzzed requests are sent.
const REQUESTS: u64 = 100_000;

/// How many threads send them at the same time.
const SENDERS: u64 = 8;

/// The threads and open files of a process.
fn used(pid: u32) -> (usize, usize) {
    let count = |folder: &str| {
        let entries = std::fs::read_dir(format!("/proc/{pid}/{folder}"));
        entries.unwrap().count()
    };
    (count("task"), count("fd"))
}

impl Served {
    #[track_caller]
    fn still_answers(&self) {
        let answer = ask(self.connect(), &self.good());
        assert!(answer.starts_with(b"HTTP/1.1 200 OK\r\n"));
    }

    /// Waits until all clients are forgotten.
    #[track_caller]
    fn is_back_to(&self, before: (usize, usize)) {
        let pid = self.pid();
        until(|| used(pid) == before);
    }
}

/// A generator that always gives the same numbers (splitmix64).
struct Seeded(u64);

impl Seeded {
    fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((z ^ (z >> 31)) >> 33).unwrap() % end
    }

    fn bytes(&mut self, most: usize) -> Vec<u8> {
        let count = self.below(most);
        let mut byte = || u8::try_from(self.below(256)).unwrap();
        (0..count).map(|_| byte()).collect()
    }

    /// Noise, or a good request with some damage.
    fn request(&mut self, good: &[u8]) -> Vec<u8> {
        let mut bytes = good.to_vec();
        match self.below(8) {
            0 => return self.bytes(200),
            1 => {
                let noise = self.bytes(40);
                let at = self.below(bytes.len());
                bytes.splice(at..at, noise);
            }
            2 => bytes.truncate(self.below(good.len())),
            3 => {
                let at = self.below(bytes.len());
                let copy = bytes[at..].repeat(1 + self.below(5));
                bytes.extend(copy);
            }
            4 => {
                let at = self.below(bytes.len());
                let long = vec![b'a'; self.below(40_000)];
                bytes.splice(at..at, long);
            }
            _ => {
                for _ in 0..=self.below(3) {
                    let at = self.below(bytes.len());
                    bytes[at] = u8::try_from(self.below(256)).unwrap();
                }
            }
        }
        bytes
    }
}

/// Sends `request` and returns the start of the answer; empty if there is none.
fn send(served: &Served, request: &[u8]) -> String {
    let mut stream = served.connect();
    let mut answer = Vec::new();
    // The endpoint may stop reading and close at any time, which is not a failure.
    let _ = stream.write_all(request);
    let _ = stream.shutdown(Shutdown::Write);
    let _ = stream.read_to_end(&mut answer);
    answer.truncate(12);
    String::from_utf8(answer).unwrap()
}

#[test]
fn a_hundred_thousand_damaged_requests_get_an_answer_or_none() {
    let served = Served::start(Sandbox::new(), &[]);
    let before = used(served.pid());
    served.still_answers();
    let good = served.good();
    let seen = std::thread::scope(|scope| {
        let senders: Vec<_> = (0..SENDERS)
            .map(|sender| {
                let (served, good) = (&served, &good);
                scope.spawn(move || {
                    let mut seeded = Seeded(sender);
                    let sent = (0..REQUESTS / SENDERS).map(|_| {
                        let request = seeded.request(good);
                        send(served, &request)
                    });
                    sent.collect::<std::collections::BTreeSet<String>>()
                })
            })
            .collect();
        let each = senders.into_iter().map(|sender| sender.join().unwrap());
        each.flatten()
            .collect::<std::collections::BTreeSet<String>>()
    });
    let seen: Vec<String> = seen.into_iter().collect();
    assert_eq!(seen, ["", "HTTP/1.1 200", "HTTP/1.1 400", "HTTP/1.1 401"]);
    served.still_answers();
    served.is_back_to(before);
}

#[test]
fn a_thousand_silent_clients_delay_no_other() {
    let served = Served::start(Sandbox::new(), &[]);
    let before = used(served.pid());
    served.still_answers();
    let idle: Vec<TcpStream> = (0..1_000).map(|_| served.connect()).collect();
    let (threads, files) = used(served.pid());
    assert_eq!(threads, before.0, "no thread for each of them");
    assert!(files < 1_024, "{files} open files");
    served.still_answers();
    drop(idle);
    served.is_back_to(before);

    // All at once, and each with a good request.
    let good = served.good();
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                let all: Vec<TcpStream> = (0..32).map(|_| served.connect()).collect();
                for stream in all {
                    let answer = ask(stream, &good);
                    assert!(answer.starts_with(b"HTTP/1.1 200 "));
                }
            });
        }
    });
    served.is_back_to(before);
}

#[test]
fn slow_clients_are_dropped_and_delay_no_other() {
    let served = Served::start(Sandbox::new(), &[]);
    let before = used(served.pid());
    served.still_answers();
    let good = served.good();
    let mut slow: Vec<TcpStream> = (0..100).map(|_| served.connect()).collect();
    // A byte now and then, until the last connection was dropped.
    let mut at = 0;
    while !slow.is_empty() {
        slow.retain_mut(|stream| {
            let sent = stream.write_all(&good[at..=at]).is_ok();
            stream.set_nonblocking(true).unwrap();
            let answer = stream.read(&mut [0]);
            stream.set_nonblocking(false).unwrap();
            let waits = answer.is_err_and(|error| error.kind() == ErrorKind::WouldBlock);
            sent && waits
        });
        served.still_answers();
        std::thread::sleep(Duration::from_millis(200));
        at += 1;
        assert!(at + 4 < good.len(), "they are let go before they are done");
    }
    served.is_back_to(before);
}

#[test]
fn a_head_without_an_end_is_refused_and_what_follows_is_not_kept() {
    let served = Served::start(Sandbox::new(), &[]);
    let before = used(served.pid());
    served.still_answers();
    let mut long = b"GET /msi/token HTTP/1.1\r\nX-Long: ".to_vec();
    long.resize(17_000, b'x');
    assert!(ask(served.connect(), &long).starts_with(b"HTTP/1.1 400 "));
    // With more after it than the operating system's buffers hold.
    let mut stream = served.connect();
    let sent = stream.write_all(&vec![b'x'; 64 << 20]);
    assert!(sent.is_err(), "it does not read for ever");
    // A body does not hold up the answer.
    let mut body = served.good();
    body.extend(vec![b'x'; 100_000]);
    assert!(ask(served.connect(), &body).starts_with(b"HTTP/1.1 200 "));
    served.still_answers();
    served.is_back_to(before);
}

/// Requests from a web page in a browser, from a proxy, or from a client that wants two parsers of
/// its request to see two hosts.
#[test]
fn web_pages_proxies_and_ambiguous_hosts_get_no_token() {
    let served = Served::start(Sandbox::new(), &[]);
    let host = format!("Host: 127.0.0.1:{}", served.port);
    let secret = format!("X-IDENTITY-HEADER: {}", served.header());
    let resource = "?api-version=2018-02-01&resource=https://storage.azure.com";
    let dialects = [
        ("/msi/token", secret.as_str()),
        ("/metadata/identity/oauth2/token", "Metadata: true"),
    ];
    let request = |path: &str, fields: &[&str]| {
        let head = format!("GET {path}{resource} HTTP/1.1\r\n");
        let answer = ask(
            served.connect(),
            format!("{head}{}\r\n\r\n", fields.join("\r\n")).as_bytes(),
        );
        String::from_utf8(answer).unwrap()
    };
    let page = "web pages get no token";
    let proxy = "forwarded requests get no token";
    let two = "there is more than one Host";
    for (path, who) in dialects {
        assert!(request(path, &[&host, who]).starts_with("HTTP/1.1 200 OK\r\n"));
        for (fields, why) in [
            (&[&*host, "Sec-Fetch-Site: cross-site"][..], page),
            (&[&*host, "Sec-Fetch-Site: same-site"], page),
            (&[&*host, "Sec-Fetch-Site: same-origin"], page),
            (&[&*host, "Sec-Fetch-Site: none"], page),
            (&[&*host, "Sec-Fetch-Dest: image"], page),
            (&[&*host, "Origin: null"], page),
            (&[&*host, "Referer: http://127.0.0.1/"], page),
            (&[&*host, "X-Forwarded-For: 127.0.0.1"], proxy),
            (&[&*host, "x-forwarded-for:"], proxy),
            (&[&*host, "X-Forwarded-Host: 127.0.0.1"], proxy),
            (&[&*host, "Forwarded: for=127.0.0.1"], proxy),
            (&[&*host, "Via: 1.1 squid"], proxy),
            (&[&*host, &*host], two),
            (&[&*host, "hOST: evil.example"], two),
            (&["Host: evil.example", &*host], two),
            (&["Host: evil.example"], "the host is not this machine"),
            (&["Host:"], "the Host is missing"),
            (&["Accept: */*"], "the Host is missing"),
        ] {
            let answer = request(path, &[fields, &[who]].concat());
            assert!(answer.starts_with("HTTP/1.1 400 "), "{fields:?}: {answer}");
            assert!(answer.contains(why), "{fields:?}: {answer}");
            assert!(!answer.contains("access_token"), "{fields:?}: {answer}");
        }
    }
    let old = format!("GET /msi/token{resource} HTTP/1.0\r\n{secret}\r\n\r\n");
    assert!(ask(served.connect(), old.as_bytes()).starts_with(b"HTTP/1.1 400 "));
    // Node.js's own `fetch`, which sends less than a browser.
    let fetch = ["sec-fetch-mode: cors", "accept-language: *"];
    let answer = request("/msi/token", &[&[&*host, &*secret], &fetch[..]].concat());
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
}
