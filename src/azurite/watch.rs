//! Notices a renewed certificate: Azurite reads its own only once, at its start
//! (measured), so it has to be started anew when the files have changed.

use std::os::unix::fs::MetadataExt as _;
use std::time::{Duration, Instant};

use crate::certificates::{self, CertificateSet, Place};
use crate::machine::Machine;

/// How often the files are looked at.
const EVERY: Duration = Duration::from_secs(1);

/// What tells one state of a file from another: its number, size, and last change
/// (seconds, nanoseconds).
type Stamp = [Option<(u64, u64, i64, i64)>; 2];

/// The certificate files of a running Azurite.
#[derive(Debug)]
pub(super) struct Watch {
    place: Place,
    cert: Vec<u8>,
    stamp: Stamp,
    looked: Instant,
}

impl Watch {
    /// Watches the set that Azurite was started with.
    pub(super) fn of(place: Place, set: &CertificateSet) -> Self {
        Self {
            place,
            cert: set.cert.clone(),
            stamp: stamp(set),
            looked: Instant::now(),
        }
    }

    /// The set that has taken its place. Looks no more often than once a second, and not
    /// into a set that is no whole one yet. One that somebody else put there is not served.
    pub(super) fn renewed(
        &mut self,
        set: &CertificateSet,
        machine: &Machine,
    ) -> Option<CertificateSet> {
        if self.looked.elapsed() < EVERY {
            return None;
        }
        self.looked = Instant::now();
        let stamp = stamp(set);
        if stamp == self.stamp {
            return None;
        }
        let now = machine.clock().now();
        let new = certificates::accepted(machine, &self.place, now).ok()??;
        self.stamp = stamp;
        if new.cert == self.cert || new.key.is_none() {
            return None;
        }
        self.cert.clone_from(&new.cert);
        Some(new)
    }
}

fn stamp(set: &CertificateSet) -> Stamp {
    [set.cert_file(), set.key_file()].map(|path| {
        let about = path.metadata().ok()?;
        Some((about.ino(), about.size(), about.mtime(), about.mtime_nsec()))
    })
}
