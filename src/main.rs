//! `azup`: see the library for the whole story.

#![forbid(unsafe_code)]

fn main() -> std::process::ExitCode {
    azurite_up::run()
}
