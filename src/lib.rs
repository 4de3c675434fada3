//! Code written for Azure Storage runs against the Azurite emulator unchanged.
//!
//! Every command is the same walk through these modules:
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
//! | `cli` | the words of the command line and their help; nothing else knows clap |
//! | `advice` | a command to paste, with the options that were given |
//! | `commands` | one file per command: the walk above in a dozen lines |
//! | `os` | what is not the same on Unix and on Windows |
//! | `machine` | the only seam to the outside: environment, clock, processes |
//! | `sudo` | `sudo azup` works as the user who typed it |
//! | `certificates` | make, load and judge the certificate set |
//! | `trust` | one file per kind of trust store; each *returns* changes |
//! | `project` | the files of a dev container and VS Code, new or edited, and the way back; they too are returned as changes |
//! | `azurite` | install Azurite, start its process, prove that it works |
//! | `supervisor` | who runs an Azurite, who uses it, and when it ends |
//! | `interrupt` | Ctrl-C, SIGTERM and the end of the program that started azup |
//! | `workspace` | which folders are the project's |
//! | `git` | what git tracks, read from its index |
//! | `client` | the one HTTP client for this machine |
//! | `server` | the one HTTP server, of tokens and of what clients are tried with |
//! | `identity` | local access tokens, and the endpoint at which SDKs ask for them |
//! | `background` | `-d`: the same azup once more, which stays behind |
//! | `environment` | the variables with which unchanged code finds Azurite and trusts it |
//! | `dotnet` | the files that .NET reads beside the environment, and the command that makes it |
//! | `doctor` | every link of the chain as a check of its own |
//! | `change` | the only place that changes the machine: preview, apply, roll back |
//! | `files` | files that are never torn, by exchange and compare |
//! | `output` | the only place that prints |
//! | `failure` | what, where, why, and the one command that mends it |
//!
//! The formats of other programs' files are crates of their own, which know nothing of azup:
//! `jsonc-edit` for JSON with comments, `nss-cert-db` for the databases of browsers, `java-keystore` for those of Java.

// The calls of Windows are in src/os/windows: api.rs, access.rs and roots.rs.
#![cfg_attr(not(windows), forbid(unsafe_code))]

// `#[test]` and `needs!`: a test that lacks a program is left out.
#[cfg(test)]
#[macro_use]
extern crate azup_left_out;

/// The modules are nobody's but azup's. The feature `internals` opens them for its own tests and
/// fuzz targets, and promises nothing.
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

/// Runs the command line of this process and gives the exit code. clap itself prints
/// help and usage errors.
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
