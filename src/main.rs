//! `azup`: everything is in the library.

#![forbid(unsafe_code)]

fn main() -> std::process::ExitCode {
    azurite_up::run()
}
