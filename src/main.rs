//! `azup`: see the library for the whole story.

fn main() -> std::process::ExitCode {
    azurite_up::run()
}
