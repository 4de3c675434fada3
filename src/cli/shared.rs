//! Options that several commands share. Each exists only on the commands that use it.

use std::path::PathBuf;

use clap::Args;

use crate::options::{Color, Forward, Kind, Scope, TokenOptions};

/// Options that every command takes.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Global options")]
#[allow(
    clippy::struct_excessive_bools,
    reason = "each is a flag of the command line"
)]
pub(super) struct Always {
    /// Print one JSON document instead of text, also on failure
    #[arg(long, global = true)]
    pub(super) json: bool,
    /// Print only problems and a one-line summary
    #[arg(short, long, global = true)]
    pub(super) quiet: bool,
    /// Also print what was looked at
    #[arg(short, long, global = true, conflicts_with = "quiet")]
    pub(super) verbose: bool,
    /// When to use colour
    #[arg(long, global = true, value_name = "WHEN", default_value = "auto")]
    pub(super) color: Color,
    /// Never ask; fail if a question would be needed
    #[arg(long, global = true)]
    pub(super) no_input: bool,
    /// Print help
    // One form for -h and --help: the long one does not fit a screen.
    #[arg(short, long, global = true, action = clap::ArgAction::HelpShort)]
    pub(super) help: Option<bool>,
}

/// Of commands that change something.
#[derive(Clone, Debug, Default, Args)]
pub struct DryRun {
    /// Show the changes and commands, and change nothing
    #[arg(long)]
    pub(super) dry_run: bool,
}

/// Of commands that use a certificate set.
#[derive(Clone, Debug, Default, Args)]
pub struct Certs {
    /// Folder of the certificate set (default: the project's, then this machine's)
    #[arg(long, value_name = "DIR", env = "AZUP_CERTS", hide_env = true)]
    pub(super) certs: Option<PathBuf>,
}

/// Of commands that look for trust stores.
#[derive(Clone, Debug, Default, Args)]
pub struct Stores {
    #[arg(
        long,
        help = super::values::stores_help(),
        value_name = "LIST",
        env = "AZUP_STORES",
        hide_env = true,
        value_delimiter = ',',
        hide_possible_values = true
    )]
    pub(super) stores: Option<Vec<Kind>>,
    /// Another PEM bundle to trust the CA in (repeatable)
    #[arg(long = "bundle", value_name = "FILE")]
    pub(super) bundles: Vec<PathBuf>,
    #[arg(long, help = super::values::SCOPES, value_name = "SCOPE", hide_possible_values = true)]
    pub(super) scope: Option<Scope>,
}

/// Of commands that change trust stores.
#[derive(Clone, Debug, Default, Args)]
pub struct Changes {
    #[command(flatten)]
    pub(super) dry_run: DryRun,
    #[command(flatten)]
    pub(super) certs: Certs,
    #[command(flatten)]
    pub(super) stores: Stores,
}

/// Of commands that give tokens for more than Azure Storage.
#[derive(Clone, Debug, Default, Args)]
pub struct Audience {
    /// Also give local tokens for this resource, such as an emulator's that has the cloud's name (repeatable)
    #[arg(long = "audience", value_name = "URL", value_parser = audience)]
    pub(super) audiences: Vec<String>,
}

/// Of commands that answer SDKs.
#[derive(Clone, Debug, Default, Args)]
pub struct Tokens {
    #[command(flatten)]
    audience: Audience,
    /// Hand on tokens of real services from this program's login, to whoever has the secret header
    /// of this start (default: none; azup run: az or azd if installed, unless CI is set)
    #[arg(long, value_name = "WHO")]
    forward: Option<Forward>,
}

impl Tokens {
    /// What tokens are for.
    pub(super) fn options(&self) -> TokenOptions {
        TokenOptions {
            audiences: self.audience.audiences.clone(),
            forward: self.forward,
        }
    }
}

fn audience(text: &str) -> Result<String, String> {
    if crate::identity::is_audience(text) {
        return Ok(text.to_owned());
    }
    Err("it is neither a URL nor the identifier of an application".to_owned())
}
