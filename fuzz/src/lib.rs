//! What has to hold for any bytes whatever, one function per fuzz target. The fuzzer calls
//! them with bytes of its own making; the ordinary tests call them with the corpora.

use std::ffi::OsString;
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::path::{Path, PathBuf};

use azurite_up::certificates::TrustAnchor;
use azurite_up::fuzzed;
use azurite_up::project::compose;
use azurite_up::trust::RemovalFilter;
use azurite_up::trust::bundle;
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject as _;
use time::OffsetDateTime;

const NOW: OffsetDateTime = time::macros::datetime!(2026-11-21 06:00:00 UTC);

/// A CA that is always the same, and has no key any more.
fn ca() -> TrustAnchor {
    let pem = include_bytes!("../ca.pem");
    TrustAnchor::any(pem, Path::new("ca.pem")).expect("a CA")
}

/// A PEM bundle takes the CA in and gives back its old bytes, and no other certificate
/// comes or goes, as another reader sees it.
pub fn bundle(data: &[u8]) {
    let ca = ca();
    let removal = RemovalFilter {
        ca: Some(ca.clone()),
        ..RemovalFilter::default()
    };
    let all = |bytes: &[u8]| -> Option<Vec<Vec<u8>>> {
        let certificates = CertificateDer::pem_slice_iter(bytes);
        certificates.map(|der| Some(der.ok()?.to_vec())).collect()
    };
    let (less, _) = bundle::without(data, &removal);
    assert!(!bundle::contains(&less, &ca), "it stays");
    assert_eq!(bundle::without(&less, &removal).0, less, "gone is gone");
    if bundle::contains(data, &ca) {
        return;
    }
    assert_eq!(less, data, "something else was taken out");
    let more = bundle::with(data, &ca, None, NOW);
    assert!(more.starts_with(data), "old bytes come first");
    assert!(bundle::contains(&more, &ca), "it is there");
    assert_eq!(
        bundle::without(&more, &removal).0,
        data,
        "old bytes are back"
    );
    if let (Some(mut before), Some(after)) = (all(data), all(&more)) {
        before.push(ca.der.clone());
        assert_eq!(after, before, "another reader sees one certificate more");
    }
    // As a link, whose target has any name.
    let target: Vec<u8> = data.iter().copied().filter(|byte| *byte != 0).collect();
    let target = PathBuf::from(OsString::from_vec(target));
    let linked = bundle::with(data, &ca, Some(&target), NOW);
    assert_eq!(
        bundle::without(&linked, &removal),
        (data.to_vec(), Some(target)),
        "bytes and link are back"
    );
}

/// `pyvenv.cfg`, `profiles.ini` and `.env`: paths that can be opened, or nothing.
pub fn settings(data: &[u8]) {
    let (home, _) = fuzzed::pyvenv(data);
    assert!(
        home.is_none_or(|home| home.is_absolute() && !home.as_os_str().as_bytes().contains(&0))
    );
    for path in fuzzed::profiles_ini(data) {
        let bytes = path.as_os_str().as_bytes();
        assert!(
            !bytes.is_empty() && !bytes.contains(&0),
            "{}",
            path.display()
        );
    }
    for (name, value) in fuzzed::dotenv(data) {
        assert!(
            name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_'),
            "{name:?}"
        );
        let value = value.as_bytes();
        assert!(!name.is_empty() && !value.is_empty() && !value.contains(&0));
    }
}

/// A compose file is read or refused, and the overlay for it is a compose file.
pub fn compose(data: &[u8]) {
    let project = Path::new("/nowhere/project");
    let file = project.join(".devcontainer/docker-compose.yml");
    let Ok(services) = compose::parse(&[(file.clone(), data.to_vec())]) else {
        return;
    };
    for (name, service) in services.services.iter().take(4) {
        let _ = (service.image(), service.dockerfile(), service.networks());
        let _ = (service.depends_on(), service.profiles(), service.ports());
        let _ = (
            service.volumes(),
            service.environment("A"),
            services.namespace(name),
        );
        if let Ok(overlay) = compose::overlay(&services, name, project) {
            let _ = overlay.forward_ports();
            let files = [(file.clone(), overlay.text.into_bytes())];
            let read = compose::parse(&files).expect("the overlay can be read");
            assert!(read.get(&overlay.service).is_some(), "its service is in it");
        }
    }
}

/// The token endpoint answers whatever is sent, and gives a token to nobody who has
/// neither the secret nor the header that no browser sends.
pub fn token(data: &[u8]) {
    const SECRET: &str = "0123456789abcdef";
    let machine = azurite_up::machine::Machine::here().expect("a machine");
    let Some(answer) = azurite_up::identity::answer(SECRET, machine.clock(), data) else {
        assert!(data.len() < 16 << 10, "it waits for ever");
        return;
    };
    let answer = String::from_utf8(answer).expect("UTF-8");
    let (head, _) = answer.split_once("\r\n\r\n").expect("a head");
    let status = head.split(' ').nth(1).expect("a status");
    assert!(["200", "400", "401"].contains(&status), "{head}");
    if status == "200" {
        let text = String::from_utf8_lossy(data);
        // A line may also end with LF alone; what follows the empty one is not looked at.
        let text = text.replace("\r\n", "\n");
        let (text, _) = text.trim_start().split_once("\n\n").expect("a head");
        let asked = text.to_ascii_lowercase();
        assert!(
            text.contains(SECRET) || asked.contains("\nmetadata:"),
            "{head}"
        );
        for name in ["origin:", "referer:", "sec-fetch-site:", "x-forwarded-for:"] {
            assert!(!asked.contains(&format!("\n{name}")), "{name} got a token");
        }
        assert_eq!(asked.matches("\nhost:").count(), 1, "not one host");
    }
}
