//! The commands that inspect, print, and serve tokens.

use std::net::IpAddr;
use std::path::PathBuf;

use clap::Args;

use super::shared::{Audience, Changes, DryRun, Stores, Tokens};
use crate::options::{DoctorOptions, TokenOptions};

/// `azup doctor`
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  azup doctor                   check everything
  azup doctor --fix             fix what is safe to fix, then check again
  azup doctor store-certifi -v  one check, with what was looked at")]
pub struct Doctor {
    /// Run only these checks (default: all; --list lists them)
    #[arg(value_name = "ID")]
    pub ids: Vec<String>,
    /// Fix what is safe to fix (renew, trust), then check again
    #[arg(long)]
    pub fix: bool,
    /// List all checks and exit
    #[arg(long, conflicts_with_all = ["ids", "fix"])]
    pub list: bool,
    /// Port of the blob service (default: where azup runs it, else 10000)
    #[arg(long, value_name = "PORT")]
    blob_port: Option<u16>,
    /// Port of the queue service (default: where azup runs it, else 10001)
    #[arg(long, value_name = "PORT")]
    queue_port: Option<u16>,
    /// Port of the table service (default: where azup runs it, else 10002)
    #[arg(long, value_name = "PORT")]
    table_port: Option<u16>,
    /// Seconds that one check may take
    #[arg(long, value_name = "SECONDS", default_value_t = 2,
        value_parser = clap::value_parser!(u64).range(1..=600))]
    limit: u64,
    #[command(flatten)]
    pub(super) shared: Changes,
}

impl Doctor {
    /// Where the checks look, and for how long.
    pub fn options(&self) -> DoctorOptions {
        DoctorOptions {
            blob_port: self.blob_port,
            queue_port: self.queue_port,
            table_port: self.table_port,
            limit: self.limit,
        }
    }
}

/// `azup status`
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  azup status          addresses, data, log, certificate of each, and which stores trust it
  azup status --json   the same for a program")]
pub struct Status {
    #[command(flatten)]
    pub(super) stores: Stores,
}

/// `azup token`
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  azup token
  curl -H \"Authorization: Bearer $(azup token)\" -H \"x-ms-version: 2021-12-02\" URL")]
pub struct Token {
    /// What the token is for (default: all of Azure Storage, or what --audience says)
    #[arg(long, value_name = "URL")]
    resource: Option<String>,
    #[command(flatten)]
    audience: Audience,
}

impl Token {
    /// What the token is for.
    pub fn resource(&self) -> &str {
        let named = self.resource.as_ref().or(self.audiences().first());
        named.map_or("https://storage.azure.com", String::as_str)
    }

    /// The audiences of local tokens in addition to Azure Storage.
    pub fn audiences(&self) -> &[String] {
        &self.audience.audiences
    }
}

/// `azup identity`
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  azup identity                 serve tokens on 127.0.0.1 until Ctrl-C
  azup identity -d              answer in the background")]
pub struct Identity {
    /// Run in the background
    #[arg(short, long)]
    pub detach: bool,
    /// Port to listen on
    #[arg(long, value_name = "PORT", default_value_t = crate::identity::PORT,
        value_parser = clap::value_parser!(u16).range(1..))]
    pub port: u16,
    /// Address to listen on; other machines can reach one that is not loopback (default: 127.0.0.1)
    #[arg(long, value_name = "ADDRESS")]
    pub listen: Option<IpAddr>,
    #[command(flatten)]
    tokens: Tokens,
    #[command(flatten)]
    pub(super) dry_run: DryRun,
    /// The process that `--detach` leaves behind: serves, and answers in JSON.
    #[arg(skip)]
    pub detached_child: bool,
}

impl Identity {
    /// What tokens are for.
    pub fn tokens(&self) -> TokenOptions {
        self.tokens.options()
    }
}

/// `azup completions`
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  azup completions fish > ~/.config/fish/completions/azup.fish
  azup completions bash > ~/.local/share/bash-completion/completions/azup")]
pub struct Completions {
    /// The shell
    pub shell: clap_complete::Shell,
}

/// `azup man`
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  azup man | man -l -                    read the page of azup
  azup man -o ~/.local/share/man/man1    write the page of every command")]
pub struct Man {
    /// Write the page of every command to this folder
    #[arg(short, long, value_name = "DIR")]
    pub output: Option<PathBuf>,
    #[command(flatten)]
    pub(super) dry_run: DryRun,
}

/// `azup help`
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  azup help
  azup help trust")]
pub struct Help {
    /// The command to explain
    #[arg(value_name = "COMMAND")]
    pub command: Option<String>,
}
