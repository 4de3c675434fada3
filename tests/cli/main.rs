//! The user's story, told with the real `azup` in a temporary home.
//!
//! A test makes a [`sandbox::Sandbox`] (its own HOME, project folder, PATH and clock), runs
//! commands in it and compares standard output, standard error and the exit code with a snapshot.
//! Other programs are real, and `tests/run` installs them. Under `tests/run` a missing one fails
//! the test. `cargo test` alone leaves the test out, and says so: `test` and `needs!` are those of
//! `tests/left-out`.

#![allow(
    clippy::unwrap_used,
    missing_docs,
    unreachable_pub,
    reason = "a test that cannot go on should say where, and nothing here is a library"
)]

// `#[test]` and `needs!`.
#[macro_use]
extern crate azup_left_out;

mod documents;
mod python;
mod sandbox;
mod tls;

mod brought;
mod browser;
mod certificates;
mod contract;
mod corpora;
mod doctor;
mod dotnet;
mod env;
mod firefox;
mod identity;
mod init;
mod java;
mod merge;
mod nss;
mod origin;
mod overlays;
mod overrides;
mod pasted;
mod python_envs;
mod python_packages;
mod readme;
mod renewal;
mod shell;
mod storage_explorer;
mod story;
mod system;
mod terminal;
mod token;
mod trust;
mod trust_input;
mod unbreakable;
mod up;
