//! Code written for Azure Storage runs against the Azurite emulator unchanged.
//!
//! Every command goes through these modules in the same way:
//!
//! ```text
//! argv, env ─▶ cli ─▶ commands::X ─▶ observe ─────────▶ plan ──────▶ show ─▶ apply ──▶ report
//!                                    machine            trust/*      output  change    output
//!                                    certificates       project/*            files
//! ```
//!
//! | module | what it knows |
//! |---|---|
//! | `options` | what a user can ask for, as plain types below everything |
//! | `cli` | the words of the command line and their help; no other module uses clap |
//! | `advice` | a command to paste, with the options that were given |
//! | `commands` | one file per command: the steps above in a dozen lines |
//! | `os` | what differs between Unix and Windows |
//! | `machine` | the only seam to the outside: environment, clock, processes |
//! | `sudo` | `sudo azup` works as the user who typed it |
//! | `certificates` | make, load and check the certificate set |
//! | `trust` | one file per kind of trust store; each *returns* changes |
//! | `project` | the files of a dev container and VS Code, new or edited, and undo, as changes |
//! | `azurite` | install Azurite, start its process, prove that it works |
//! | `supervisor` | which process runs an Azurite, which ones use it, and when it ends |
//! | `interrupt` | Ctrl-C, SIGTERM and the end of the program that started azup |
//! | `workspace` | which folders are the project's |
//! | `git` | what git tracks, read from its index |
//! | `client` | the one HTTP client for this machine |
//! | `server` | the one HTTP server, for tokens and for doctor's checks of clients |
//! | `identity` | local access tokens, and the endpoint from which SDKs request them |
//! | `background` | `-d`: starts azup once more to stay behind |
//! | `environment` | the variables with which unchanged code finds Azurite and trusts it |
//! | `dotnet` | the files that .NET reads besides the environment, and the command that makes it |
//! | `doctor` | a separate check for every link of the chain |
//! | `change` | the only place that changes the machine: preview, apply, roll back |
//! | `files` | files that are never torn, by exchange and compare |
//! | `output` | the only place that prints |
//! | `failure` | what, where, why, and the one command that fixes it |
//!
//! The formats of other programs' files are separate crates, which know nothing about azup:
//! `jsonc-edit` for JSON with comments, `nss-cert-db` for the databases of browsers,
//! `java-keystore` for those of Java.

// The Windows API calls are in src/os/windows: api.rs, access.rs and roots.rs.
#![cfg_attr(not(windows), forbid(unsafe_code))]

// `#[test]` and `needs!`: skips a test if it lacks a program.
#[cfg(test)]
#[macro_use]
extern crate azup_left_out;

/// The modules are private to azup. The feature `internals` opens them for its own tests and fuzz
/// targets, without any stability.
macro_rules! modules {
    ($($name:ident)*) => {$(
        #[cfg(feature = "internals")]
        pub mod $name;
        #[cfg(not(feature = "internals"))]
        mod $name;
    )*};
}

modules! {
    advice
    azurite
    background
    certificates
    change
    cli
    client
    commands
    doctor
    dotnet
    environment
    failure
    files
    git
    identity
    interrupt
    machine
    options
    os
    output
    project
    server
    sudo
    supervisor
    trust
    workspace
}
#[cfg(feature = "internals")]
pub mod fuzzed;

use machine::Machine;
use output::Output;

/// Runs the command line of this process and returns the exit code. clap itself prints help and
/// usage errors.
pub fn run() -> std::process::ExitCode {
    os::outlive_size_limit();
    let (command, global) = match cli::parse(std::env::args_os()) {
        Ok((cli, global)) => (cli.command, global),
        Err(error) => {
            let text = error.render();
            let (styled, plain) = (text.ansi().to_string(), text.to_string());
            return if error.use_stderr() {
                output::usage(&styled, &plain).into()
            } else {
                output::help(&styled).into()
            };
        }
    };
    let output = Output::new(&global);
    let done =
        Machine::here().and_then(|machine| commands::run(&command, &global, &machine, output));
    done.unwrap_or_else(|error| output.failure(&error)).into()
}
