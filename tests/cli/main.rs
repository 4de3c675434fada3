//! The user's story, told with the real `azup` in a temporary home.
//!
//! A test makes a [`sandbox::Sandbox`] (its own HOME, project folder, PATH and clock),
//! runs commands in it and compares standard output, standard error and the exit code
//! with a snapshot. Other programs are the real ones; `tests/run` installs them and says
//! where in `AZUP_TEST_PARTS`. A part that is missing fails the test, it never skips it.

#![allow(
    clippy::unwrap_used,
    missing_docs,
    unreachable_pub,
    reason = "a test that cannot go on should say where, and nothing here is a library"
)]

mod python;
mod sandbox;
mod tls;

mod browser;
mod certificates;
mod contract;
mod corpora;
mod doctor;
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
mod python_envs;
mod python_packages;
mod readme;
mod renewal;
mod shell;
mod storage_explorer;
mod story;
mod system;
mod token;
mod trust;
mod trust_input;
mod unbreakable;
mod up;
