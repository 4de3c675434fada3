//! `azup`: see the library for the whole story.

use std::process::ExitCode;

fn main() -> ExitCode {
    ExitCode::from(azurite_up::run().code())
}
