use super::*;
use crate::machine::Machine;
use serde_json::Value;

fn rules() -> Rules {
    let machine = Machine::for_test(std::path::Path::new("/"), &[]);
    local(true, &machine)
}

fn local(loopback_only: bool, machine: &Machine) -> Rules {
    let service = Service::local("secret-of-the-test", machine.clock());
    Rules::new(&service, loopback_only, None)
}

/// The answer of rules that ask nobody else.
fn at_once(rules: &Rules, bytes: &[u8]) -> Option<Vec<u8>> {
    match rules.answer(bytes)? {
        Answer::Now(bytes) => Some(bytes),
        Answer::Later(_) => panic!("it asks somebody else"),
    }
}

fn answered(request: &str) -> (u16, Value) {
    let answer = at_once(&rules(), request.as_bytes()).expect("a whole request");
    let text = String::from_utf8(answer).expect("text");
    let (head, body) = text.split_once("\r\n\r\n").expect("a head");
    let status = head
        .split(' ')
        .nth(1)
        .and_then(|status| status.parse().ok());
    let body = serde_json::from_str(body).expect("JSON");
    (status.expect("a status"), body)
}

/// Asks with these fields, and with a `Host` where they have none.
fn get(target: &str, fields: &str) -> (u16, Value) {
    let host = if fields.to_lowercase().contains("host:") {
        ""
    } else {
        HOST
    };
    answered(&format!("GET {target} HTTP/1.1\r\n{host}{fields}\r\n"))
}

const HOST: &str = "Host: 127.0.0.1:10003\r\n";

const HEADER: &str = "X-IDENTITY-HEADER: secret-of-the-test\r\n";
const HERE: &str = "/msi/token?resource=https://storage.azure.com";

#[test]
fn every_form_in_which_an_sdk_asks_is_answered() {
    for target in [
        HERE,
        "/msi/token?api-version=2019-08-01&resource=https%3A%2F%2Fstorage.azure.com",
        "/msi/token/?resource=https%3a%2f%2fstorage.azure.com%2F&client_id=x",
        "//msi//token//?client_id=a&object_id=b&principal_id=c&mi_res_id=d&msi_res_id=e&resource=https://storage.azure.com/.default",
        "/msi/token?resource=e406a681-f3d4-42a8-90b6-c2b029497af1",
        "/msi/token?resource=https://devstoreaccount1.table.core.usgovcloudapi.net",
        "http://127.0.0.1:10003/msi/token?resource=https://storage.azure.com",
        "HTTP://localhost/msi/token?resource=https://storage.azure.com",
    ] {
        let (status, body) = get(target, HEADER);
        assert_eq!(status, 200, "{target}: {body}");
        assert_eq!(body["token_type"], "Bearer");
        assert_eq!(body["expires_in"], "86400");
        assert!(
            body["expires_on"]
                .as_str()
                .is_some_and(|text| text.parse::<i64>().is_ok())
        );
    }
    for fields in [
        "x-identity-header:secret-of-the-test\r\n",
        "Secret: secret-of-the-test  \r\n",
        "Host: 127.0.0.1:10003\r\nx-IDENTITY-header: secret-of-the-test\r\n",
        "Host: [::1]:10003\r\nx-identity-header: secret-of-the-test\r\n",
        "Host: host.docker.internal:10003\r\nx-identity-header: secret-of-the-test\r\n",
        "Host: 169.254.169.254\r\nx-identity-header: secret-of-the-test\r\n",
        "Host: LOCALHOST.\r\nx-identity-header: secret-of-the-test\r\n",
    ] {
        assert_eq!(get(HERE, fields).0, 200, "{fields}");
    }
    let old = format!("GET {HERE} HTTP/1.0\r\n{HOST}{HEADER}\r\n");
    assert_eq!(answered(&old).0, 200);
    let imds = "//metadata/identity/oauth2/token/?api-version=2018-02-01&resource=https://storage.azure.com/";
    assert_eq!(get(imds, "Metadata: True\r\n").0, 200);
}

#[test]
fn who_does_not_know_the_header_gets_401() {
    for fields in [
        "",
        "X-IDENTITY-HEADER:\r\n",
        "X-IDENTITY-HEADER: secret-of-the-tes\r\n",
        "X-IDENTITY-HEADER: secret-of-the-test2\r\n",
        "X-IDENTITY-HEADER: SECRET-OF-THE-TEST\r\n",
        "Metadata: true\r\n",
    ] {
        let (status, body) = get(HERE, fields);
        assert_eq!(status, 401, "{fields}");
        assert_eq!(body["statusCode"], 401);
        assert!(!body.to_string().contains("secret-of-the-test"));
    }
    let imds = "/metadata/identity/oauth2/token?resource=https://storage.azure.com";
    for fields in ["", HEADER, "Metadata: false\r\n"] {
        assert_eq!(get(imds, fields).0, 401, "{fields}");
    }
}

#[test]
fn all_else_gets_400_which_no_sdk_tries_again() {
    for target in [
        "/",
        "*",
        "/msi",
        "/msi/token/more?resource=https://storage.azure.com",
        "/MSI/TOKEN?resource=https://storage.azure.com",
        "/metadata/instance?api-version=2021-02-01",
        "/msi/token",
        "/msi/token?resource=",
        "/msi/token?resource=https%3A%2F%2Fvault.azure.net",
        "/msi/token?resource=https://management.azure.com/",
        "/msi/token?resource=https+storage.azure.com",
        "/msi/token?resource=%ff%fe%",
        "http://evil.example/msi/token?resource=https://storage.azure.com",
    ] {
        let (status, body) = get(target, HEADER);
        assert_eq!(status, 400, "{target}: {body}");
        assert!(body["message"].is_string());
    }
    for fields in [
        "Host: evil.example\r\n",
        "Host: 127.0.0.1.evil.example:10003\r\n",
        "Host: 10.0.0.1\r\n",
        "Host: 169.254.169.253\r\n",
    ] {
        assert_eq!(get(HERE, &format!("{HEADER}{fields}")).0, 400, "{fields}");
    }
    for method in ["POST", "PUT", "OPTIONS", "TRACE", "BREW"] {
        assert_eq!(
            answered(&format!("{method} {HERE} HTTP/1.1\r\n{HOST}{HEADER}\r\n")).0,
            400
        );
    }
    let many = "a: b\r\n".repeat(FIELDS + 1);
    assert_eq!(get(HERE, &many).0, 400);
    let long = format!("GET {HERE} HTTP/1.1\r\na: {}", "x".repeat(LONGEST));
    assert_eq!(answered(&long).0, 400);
    assert_eq!(answered("GET /msi/token\r\n\r\n").0, 400, "HTTP/0.9");
    // TLS, on the port that has none, is told at its first bytes.
    let hello = at_once(&rules(), b"\x16\x03\x01\x02\x00\x01\x00")
        .expect("an answer");
    assert!(hello.starts_with(b"HTTP/1.1 400 "));
    let head = at_once(&rules(), format!("HEAD {HERE} HTTP/1.1\r\n\r\n").as_bytes());
    assert!(head.is_some_and(|head| head.ends_with(b"\r\n\r\n")));
}

#[test]
fn another_resource_is_refused_so_that_the_chain_of_that_sdk_goes_on() {
    let vault = "/msi/token?resource=https://vault.azure.net";
    let (status, body) = get(vault, HEADER);
    assert_eq!(status, 400);
    for name in ["message", "error_description"] {
        let text = body[name].as_str().expect("a text");
        assert!(text.starts_with("Authentication unavailable: no local token for "), "{text}");
    }
    let ask = |fields: &str| {
        let request = format!("GET {vault} HTTP/1.1\r\n{HOST}{fields}User-Agent: azsdk-net-Core/1.64.0\r\n\r\n");
        let answer = at_once(&rules(), request.as_bytes()).expect("a whole request");
        String::from_utf8(answer).expect("text")
    };
    let text = ask(HEADER);
    assert!(text.starts_with("HTTP/1.1 200 OK\r\n"), "{text}");
    assert!(text.contains("\r\nContent-Type: text/plain"), "{text}");
    let (_, body) = text.split_once("\r\n\r\n").expect("a head");
    assert!(body.starts_with("Authentication unavailable: no local token for "), "{body}");
    serde_json::from_str::<Value>(body).expect_err("no JSON");
    // Who does not know the header is told so, by whatever name it goes.
    assert!(ask("").starts_with("HTTP/1.1 401 "));
}

#[test]
fn web_pages_and_proxies_are_told_by_what_they_cannot_help_sending() {
    let imds = "/metadata/identity/oauth2/token?resource=https://storage.azure.com";
    for field in [
        "Origin: http://localhost:3000",
        "Origin: null",
        "Referer: http://localhost:3000/",
        "Sec-Fetch-Site: cross-site",
        "sec-fetch-site: same-site",
        "SEC-FETCH-SITE: same-origin",
        "Sec-Fetch-Site: none",
        "Sec-Fetch-Site:",
        "Sec-Fetch-Dest: empty",
        "Sec-CH-UA: \"Chromium\"",
    ] {
        for (target, header) in [(HERE, HEADER), (imds, "Metadata: true\r\n")] {
            let (status, body) = get(target, &format!("{header}{field}\r\n"));
            let name = field.split(':').next().unwrap_or_default();
            assert_eq!(status, 400, "{field}");
            let message = format!("web pages get no token ({name} is set)");
            assert_eq!(body["message"], message);
        }
    }
    for field in [
        "X-Forwarded-For: 127.0.0.1",
        "x-forwarded-for:",
        "X-Forwarded-Host: localhost",
        "Forwarded: for=127.0.0.1",
        "Via: 1.1 proxy",
        "X-Real-IP: 127.0.0.1",
    ] {
        for (target, header) in [(HERE, HEADER), (imds, "Metadata: true\r\n")] {
            let (status, body) = get(target, &format!("{header}{field}\r\n"));
            let name = field.split(':').next().unwrap_or_default();
            assert_eq!(status, 400, "{field}");
            let message = format!("forwarded requests get no token ({name} is set)");
            assert_eq!(body["message"], message);
        }
    }
    // What `fetch` of Node.js sends, which is not a browser.
    let fetch = "accept: */*\r\naccept-language: *\r\nsec-fetch-mode: cors\r\nuser-agent: node\r\n";
    assert_eq!(get(HERE, &format!("{HEADER}{fetch}")).0, 200);
}

#[test]
fn a_request_has_one_host() {
    let message = |fields: &str| {
        let (status, body) = answered(&format!("GET {HERE} HTTP/1.1\r\n{fields}{HEADER}\r\n"));
        assert_eq!(status, 400, "{fields}");
        body["message"].clone()
    };
    assert_eq!(message(""), "the Host is missing");
    assert_eq!(message("Host:\r\n"), "the Host is missing");
    let two = "there is more than one Host";
    assert_eq!(message(&format!("{HOST}{HOST}")), two);
    assert_eq!(message(&format!("{HOST}host: evil.example\r\n")), two);
    assert_eq!(message(&format!("Host: evil.example\r\n{HOST}")), two);
    assert_eq!(message(&format!("Host:\r\n{HOST}")), two);
    let absolute = "GET http://127.0.0.1/msi/token?resource=https://storage.azure.com";
    let (status, _) = answered(&format!("{absolute} HTTP/1.1\r\n{HEADER}\r\n"));
    assert_eq!(status, 400);
    let machine = Machine::for_test(std::path::Path::new("/"), &[]);
    let open = local(false, &machine);
    for hosts in ["", "Host: a\r\nHost: a\r\n"] {
        let request = format!("GET {HERE} HTTP/1.1\r\n{hosts}{HEADER}\r\n");
        let answer = at_once(&open, request.as_bytes()).expect("an answer");
        assert!(answer.starts_with(b"HTTP/1.1 400 "), "{hosts}");
    }
}

#[test]
fn behind_an_address_that_others_reach_any_host_is_served() {
    let machine = Machine::for_test(std::path::Path::new("/"), &[]);
    let rules = local(false, &machine);
    let request = format!("GET {HERE} HTTP/1.1\r\nHost: azurite:10003\r\n{HEADER}\r\n");
    let answer = at_once(&rules, request.as_bytes()).expect("an answer");
    assert!(answer.starts_with(b"HTTP/1.1 200 "));
}

/// A generator whose numbers are the same every time (splitmix64).
struct Seeded(u64);

impl Seeded {
    fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((z ^ (z >> 31)) >> 33).expect("31 bits") % end
    }
}

#[test]
fn whatever_the_bytes_are_the_answer_is_one_of_three() {
    let rules = rules();
    let good =
        format!("GET {HERE}&api-version=2019-08-01 HTTP/1.1\r\nHost: localhost\r\n{HEADER}\r\n");
    let pieces: [&[u8]; 14] = [
        b"\r\n",
        b"\r\n\r\n",
        b"%",
        b"%2",
        b"%00",
        b"//",
        b"http://",
        b"?",
        b"&resource=",
        b"\0",
        b"\xff\xfe",
        b":",
        b" HTTP/1.1\r\n",
        "é".as_bytes(),
    ];
    let mut seeded = Seeded(5);
    let mut seen = std::collections::BTreeMap::<String, usize>::new();
    for _ in 0..100_000 {
        let mut bytes = good.clone().into_bytes();
        for _ in 0..=seeded.below(4) {
            let at = seeded.below(bytes.len().max(1));
            if bytes.is_empty() {
                break;
            }
            match seeded.below(5) {
                0 => bytes[at] = u8::try_from(seeded.below(256)).expect("a byte"),
                1 => drop(bytes.remove(at)),
                2 => bytes.truncate(at + 1),
                3 => drop(bytes.splice(at..at, pieces[seeded.below(pieces.len())].iter().copied())),
                _ => {
                    let copy = bytes[at..].to_vec();
                    bytes.extend(copy);
                }
            }
        }
        let answer = at_once(&rules, &bytes);
        let start = answer.map_or("more".to_owned(), |answer| {
            String::from_utf8_lossy(&answer[..12]).into_owned()
        });
        *seen.entry(start).or_default() += 1;
    }
    let kinds: Vec<&str> = seen.keys().map(String::as_str).collect();
    assert_eq!(
        kinds,
        ["HTTP/1.1 200", "HTTP/1.1 400", "HTTP/1.1 401", "more"],
        "{seen:?}"
    );
}
