//! The Azurite that a release of azup carries: the single file that `bundle.cjs` makes of the
//! pinned packages, with their licences at the end, compressed. So a fresh machine needs Node.js
//! and nothing else: no npm, no network. `tests/release.sh` makes it; a build from source has none.

use std::path::Path;

use anyhow::Result;

#[cfg(feature = "bundled")]
mod packed {
    //! `AZUP_BUNDLED_AZURITE` names the folder with both files during azup's build.
    pub(super) const FILE: &[u8] =
        include_bytes!(concat!(env!("AZUP_BUNDLED_AZURITE"), "/azurite.cjs.xz"));
    pub(super) const RECORD: &str =
        include_str!(concat!(env!("AZUP_BUNDLED_AZURITE"), "/bundle.json"));
}

/// The JSON record about it: the version and its SHA-256.
#[cfg(feature = "bundled")]
pub const RECORD: Option<&str> = Some(packed::RECORD);
#[cfg(not(feature = "bundled"))]
pub const RECORD: Option<&str> = None;

/// Writes it into `folder`.
#[cfg(feature = "bundled")]
pub(super) fn unpack(folder: &Path) -> Result<()> {
    use anyhow::ensure;

    use super::{BUNDLE, CONTENTS};
    use crate::certificates::sha256;
    use crate::files::{self, Content};

    let mut bytes = Vec::new();
    lzma_rs::xz_decompress(&mut &*packed::FILE, &mut bytes)?;
    let record: serde_json::Value = serde_json::from_str(packed::RECORD)?;
    let expected = record["sha256"].as_str().unwrap_or_default();
    ensure!(sha256(&bytes) == expected, "this program is damaged: the Azurite inside it does not have the expected hash");
    for (name, bytes) in [(BUNDLE, bytes), (CONTENTS, packed::RECORD.into())] {
        let content = Content::File { bytes, mode: 0o644 };
        files::replace(&folder.join(name), None, &content)?;
    }
    Ok(())
}

/// A build from source has none to write.
#[cfg(not(feature = "bundled"))]
pub(super) fn unpack(_: &Path) -> Result<()> {
    anyhow::bail!("this azup was built without Azurite")
}
