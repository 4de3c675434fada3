//! Reads `cert8.db`, which NSS wrote before 2018 and still does for certutil's `dbm:`.
//! It is a hash table of Berkeley DB 1.85, as NSS carries it along
//! (<https://hg.mozilla.org/projects/nss/file/tip/lib/dbm/src>): pages on which pairs of key
//! and value grow from the end, found by a list of offsets that grows from the beginning.

use super::cert9::Entry;

/// `HASHMAGIC` in `hash.h`, in the byte order of the header, which is the network's.
const MAGIC: [u8; 4] = [0x00, 0x06, 0x15, 0x61];

/// `OVFLPAGE` to `FULL_KEY_DATA` in `page.h`: no offset, but a sign that the pair continues
/// on another page. No CA of azup's is that large.
const LARGEST_SIGN: usize = 3;

/// `certDBEntryTypeCert` in `pcertt.h`.
const CERTIFICATE: u8 = 1;

/// `CERTDB_TRUSTED_CA` in `certdb.h`, the `C` of certutil's `C,,`.
const TRUSTED_CA: u8 = 1 << 4;

/// Version, type, flags, three kinds of trust, and the lengths of certificate and nickname.
const HEADER: usize = 13;

/// All certificates of a database; `None` where it is none of the known kind.
pub(super) fn entries(database: &[u8]) -> Option<Vec<Entry>> {
    if !database.starts_with(&MAGIC) {
        return None;
    }
    // Magic, version and byte order come before the size of a page.
    let size = u32::from_be_bytes(database.get(12..16)?.try_into().ok()?);
    let size = usize::try_from(size).ok()?;
    if !size.is_power_of_two() || !(256..=65536).contains(&size) {
        return None;
    }
    let mut found = Vec::new();
    // The first page is the header.
    for page in database.chunks_exact(size).skip(1) {
        values(page, |value| found.extend(certificate(value)));
    }
    Some(found)
}

/// The values on one page. A page of another kind has none: its offsets do not fit.
fn values<'a>(page: &'a [u8], mut with: impl FnMut(&'a [u8])) {
    let number = |index: usize| -> Option<usize> {
        let bytes = page.get(2 * index..2 * index + 2)?;
        // The machine's own byte order, and every machine that azup runs on has this one.
        Some(u16::from_le_bytes(bytes.try_into().ok()?).into())
    };
    let mut end = page.len();
    let count = number(0).unwrap_or(0);
    for pair in (1..count).step_by(2) {
        let (Some(key), Some(value)) = (number(pair), number(pair + 1)) else {
            return;
        };
        if value <= LARGEST_SIGN {
            continue;
        }
        let (true, Some(bytes)) = (key <= end, page.get(value..key)) else {
            return;
        };
        with(bytes);
        end = value;
    }
}

fn certificate(value: &[u8]) -> Option<Entry> {
    let (header, rest) = value.split_at_checked(HEADER)?;
    if header[1] != CERTIFICATE {
        return None;
    }
    let length = |at: usize| usize::from(u16::from_be_bytes([header[at], header[at + 1]]));
    let der = rest.get(..length(9))?;
    let nickname = rest.get(der.len()..der.len() + length(11))?;
    // With its final zero byte.
    let nickname = nickname.strip_suffix(&[0]).unwrap_or(nickname);
    Some(Entry {
        der: der.to_vec(),
        nickname: String::from_utf8_lossy(nickname).replace('\u{fffd}', "?"),
        server_ca: header[4] & TRUSTED_CA != 0,
        trust_rows: 1,
        standard_rows: 0,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;
    use std::process::Command;

    fn certutil(folder: &Path, words: &[&str]) {
        needs!(which::which("certutil").is_ok(), "libnss3-tools");
        let done = Command::new("certutil")
            .args(words)
            .arg("-d")
            .arg(format!("dbm:{}", folder.display()))
            .output()
            .expect("certutil runs");
        assert!(done.status.success(), "{done:?}");
    }

    /// Enough certificates for several pages, and deleted ones whose bytes are still there.
    #[test]
    fn a_database_of_certutils_is_read_as_it_was_written() {
        let folder = tempfile::tempdir().expect("a folder");
        let folder = folder.path();
        certutil(folder, &["-N", "--empty-password"]);
        let key = rcgen::KeyPair::generate().expect("a key");
        let mut expected = Vec::new();
        for number in 0..60_usize {
            let names = vec![format!("{}.example", "x".repeat(1 + number)); 1 + number / 4];
            let mut parameters = rcgen::CertificateParams::new(names).expect("names");
            let name = format!("CA {number}");
            parameters
                .distinguished_name
                .push(rcgen::DnType::CommonName, &name);
            let certificate = parameters.self_signed(&key).expect("a certificate");
            let file = folder.join("ca.der");
            std::fs::write(&file, certificate.der()).expect("is written");
            let file = file.to_str().expect("UTF-8");
            let trust = if number % 3 == 0 { ",," } else { "C,," };
            certutil(folder, &["-A", "-n", &name, "-t", trust, "-i", file]);
            expected.push((name, certificate.der().to_vec(), number % 3 != 0));
        }
        for (name, ..) in expected.extract_if(.., |(name, ..)| name.ends_with('7')) {
            certutil(folder, &["-D", "-n", &name]);
        }
        let bytes = std::fs::read(folder.join("cert8.db")).expect("reads");
        let mut found: Vec<_> = entries(&bytes)
            .expect("a known kind")
            .into_iter()
            .map(|entry| (entry.nickname, entry.der, entry.server_ca))
            .collect();
        found.sort();
        expected.sort();
        assert_eq!(found, expected);
    }

    proptest::proptest! {
        #[test]
        fn any_bytes_are_read(bytes: Vec<u8>, size in 8_u32..17) {
            entries(&bytes);
            let mut database = MAGIC.to_vec();
            database.extend([0; 8]);
            database.extend((1_u32 << size).to_be_bytes());
            database.resize(1 << size, 0);
            database.extend(bytes.iter().cycle().take((2 << size) * usize::from(!bytes.is_empty())));
            proptest::prop_assert!(entries(&database).is_some());
        }
    }
}
