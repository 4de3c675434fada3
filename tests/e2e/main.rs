//! What `azup init` writes, brought up with a real engine and the real devcontainer CLI, from clone
//! to blob, through restarts, rebuilds and a renewal.
//!
//! `tests/run` prepares what these tests need, and passes it in variables:
//!
//! | variable | what it names |
//! |---|---|
//! | `AZUP_TEST_PARTS` | the folder of real parts: the devcontainer CLI, Node.js, wheels |
//! | `AZUP_TEST_STATIC` | the statically linked azup, as it is released |
//! | `AZUP_TEST_PLUGINS` | the folder of Docker's compose and buildx plugins, if it is not Docker's own |
//! | `AZUP_TEST_ENGINE` | the file with the ID of the engine's process, if `tests/run` started it |
//! | `AZUP_TEST_ROUNDS` | how often each is ended under load: once if it is not set |
//! | `AZUP_TEST_SLOWNESS` | how many times longer a restart may take than on an idle machine |
//!
//! Everything that a test makes in the engine has the test's own project name, and is removed when
//! the test ends, however it ends. Times are written to `e2e-times.txt` in Cargo's folder for
//! tests' files: they are reported, not asserted.

#![allow(
    clippy::print_stderr,
    clippy::unwrap_used,
    missing_docs,
    unreachable_pub,
    reason = "a test that cannot go on should say where, one that is left out should say so, and \
              nothing here is a library"
)]

mod engine;
#[path = "../editor/hand.rs"]
mod hand;
mod site;

mod binary;
mod f5;
mod kinds;
mod languages;
mod rounds;
mod story;
mod testcontainers;
