//! Which process runs an Azurite, and until when: this one or one that stays behind, for every
//! program or for one test run, until it is stopped or no longer in use.
//!
//! ```text
//! choose ─▶ connect ─▶ background ─▶ serve ─▶ Running ─▶ down
//! ports     is it up?  azup -d       InstanceLock, Leases
//! ```
//!
//! One lock says which process has which data (`instance_lock`), another which processes still use
//! it (`leases`). Both end with the process that holds them, however it ends.

mod background;
mod choose;
mod connect;
mod credential;
mod down;
mod fixture;
mod instance_lock;
mod leases;
mod listed;
mod ports;
mod reset;
mod running;
mod serve;
mod snippet;

pub use background::{already_running, start as start_in_background, warn_of_other_certificate};
pub use choose::for_run;
pub use connect::{Reached, ca_of, connect_or_start, find_running, warn_of_other_project};
pub use credential::Identity;
pub use down::{Which, stop, would_stop};
pub use fixture::with_ports;
pub use leases::Leases;
pub use listed::{Listed, listed, log, running};
pub use ports::taken as port_taken;
pub use reset::{Reset, reset};
pub use running::{Running, forwarding};
pub use serve::{RunningAzurite, serve};
pub use snippet::Code;
