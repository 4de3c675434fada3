//! The command line: its words, its help, and their values as the plain types of
//! [`crate::options`]. What the words mean is decided in [`crate::commands`].

mod azurite;
mod chosen;
mod guessed;
mod parse;
mod project;
mod published;
mod shared;
mod tools;
mod trust;
mod values;

use clap::{Parser, Subcommand};

pub use azurite::{Down, Env, Logs, Reset, Restart, Run, Up};
pub use parse::parse;
pub use project::{Init, Remove};
pub use published::published;
use shared::Always;
pub use tools::{Completions, Doctor, Help, Identity, Man, Status, Token};
pub use trust::{Renew, Trust, Untrust};
#[cfg(test)]
pub use values::stores_help;

/// Code written for Azure Storage, running unchanged against Azurite over HTTPS.
#[derive(Debug, Parser)]
#[command(
    name = "azup",
    version,
    disable_help_flag = true,
    disable_version_flag = true,
    disable_help_subcommand = true,
    // Without it, clap prints an error although help is more useful.
    arg_required_else_help = true,
    about = "Run Azure Storage code unchanged against the Azurite emulator: HTTPS, OAuth, trusted",
    help_template = "\
{about}

{before-help}{usage-heading} {usage}

{all-args}{after-help}",
    before_help = "\
Examples:
  azup init            set up this folder: certificates, dev container, VS Code, trust
  azup up              run Azurite here over HTTPS with OAuth, until Ctrl-C
  azup run -- pytest   run tests against Azurite, starting it if it is not running
  azup doctor          diagnose problems and print the command that fixes each
  azup remove          undo azup init; azup untrust removes the CA from every store",
    after_help = "\
Exit codes: 0 done or nothing to do, 1 failed, 2 usage, 3 partly done, 4 refused, 130 interrupted"
)]
pub struct Cli {
    #[command(flatten)]
    always: Always,
    /// Print the version
    #[arg(short = 'V', long, action = clap::ArgAction::Version, help_heading = "Global options")]
    version: Option<bool>,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// What azup can do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Set up a project: certificates, dev container, VS Code files, trust
    Init(Init),
    /// Undo `azup init` in a project, byte for byte
    Remove(Remove),
    /// Run Azurite here over HTTPS with OAuth, until Ctrl-C
    #[command(visible_alias = "start")]
    Up(Up),
    /// Run a command against Azurite, starting Azurite if it is not running
    Run(Run),
    /// Stop an Azurite that `azup up` started
    #[command(visible_alias = "stop")]
    Down(Down),
    /// Stop this project's Azurite and start it in the background
    Restart(Restart),
    /// List every Azurite that azup runs
    Status(Status),
    /// Print the log of the Azurite that runs in the background
    Logs(Logs),
    /// Delete what this project's Azurite has stored
    Reset(Reset),
    /// Put the CA into every trust store where it is missing
    Trust(Trust),
    /// Remove every azup CA from every trust store
    Untrust(Untrust),
    /// Make a new CA and certificate, and trust it
    Renew(Renew),
    /// Print the environment variables that point code at Azurite
    Env(Env),
    /// Diagnose problems and print the command that fixes each
    Doctor(Doctor),
    /// Print a local access token
    Token(Token),
    /// Serve local access tokens to Azure SDKs without starting Azurite
    Identity(Identity),
    /// Print the completion script for a shell
    Completions(Completions),
    /// Print the manual page, or write all of them
    Man(Man),
    /// Print the help of azup, or of a command
    Help(Help),
    /// Print the version
    Version,
}
