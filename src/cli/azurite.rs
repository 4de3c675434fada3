//! The commands that run Azurite, and those that tell code where it is.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::Args;

use super::shared::{Certs, DryRun, Tokens};
use crate::azurite::Ports;
use crate::options::{
    ConnectionOptions, Credential, Format, Named, RunOptions, TokenOptions, UpOptions,
};

/// `azup up`
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  azup up                   run Azurite until Ctrl-C
  azup up -d                run it in the background; azup down stops it
  azup up --in-memory       keep nothing when it stops
  azup up --yes             where no Node.js is found, download one without asking
  azup up --cors '*'        let web pages of every origin call it
  azup up -- --loose        pass an option to Azurite
  azup up --json --until-eof  for a test fixture: free ports, one document when ready
  azup up --port 10010      blob, queue, table and tokens on 10010 to 10013")]
#[allow(
    clippy::struct_excessive_bools,
    reason = "each is a flag of the command line"
)]
pub struct Up {
    /// Run in the background; `azup down` stops it
    #[arg(short, long)]
    pub detach: bool,
    /// Port of the blob service; the queue, table and identity ports follow it (default: 10000)
    #[arg(long, value_name = "PORT", value_parser = clap::value_parser!(u16).range(1..=65532))]
    port: Option<u16>,
    /// Port of the blob service alone
    #[arg(long, value_name = "PORT")]
    blob_port: Option<u16>,
    /// Port of the queue service alone
    #[arg(long, value_name = "PORT")]
    queue_port: Option<u16>,
    /// Port of the table service alone
    #[arg(long, value_name = "PORT")]
    table_port: Option<u16>,
    /// Folder for Azurite's data (default: one for each project, in azup's data folder)
    #[arg(long, value_name = "DIR", conflicts_with = "in_memory")]
    location: Option<PathBuf>,
    /// Keep the data in memory only
    #[arg(long)]
    in_memory: bool,
    /// Additional name or address for a new certificate (repeatable)
    #[arg(long = "san", value_name = "NAME")]
    sans: Vec<String>,
    /// Port of the endpoint that gives SDKs access tokens (default: 10003)
    #[arg(long, value_name = "PORT")]
    identity_port: Option<u16>,
    /// Do not run the endpoint that gives SDKs access tokens
    #[arg(long, conflicts_with_all = ["identity_port", "audiences", "forward"])]
    no_identity: bool,
    #[command(flatten)]
    tokens: Tokens,
    /// Add a storage account; without KEY, a random key is made and kept (repeatable). The key
    /// protects nothing: Azurite accepts any well-formed token, for every account
    #[arg(long = "account", value_name = "NAME[:KEY]")]
    accounts: Vec<Named>,
    /// For test fixtures: exit when standard input or the parent process ends, keep data in
    /// memory unless --location is given, use free ports unless some are given
    #[arg(long, conflicts_with = "detach")]
    pub until_eof: bool,
    /// With --until-eof --json: also make a trust store for Java and name it in `JAVA_TOOL_OPTIONS`
    #[arg(long, requires = "until_eof")]
    pub java: bool,
    /// Refuse plain HTTP, which is served beside HTTPS on the same ports
    #[arg(long)]
    https_only: bool,
    /// Let web pages of this origin (* for every one) call Azurite; stored with the data (repeatable)
    #[arg(long, value_name = "ORIGIN")]
    cors: Vec<String>,
    /// Where no Node.js is found: download one into azup's data folder without asking
    #[arg(short, long)]
    yes: bool,
    /// Options for Azurite itself, such as --loose or --debug FILE
    #[arg(last = true, value_name = "AZURITE_OPTION", allow_hyphen_values = true)]
    azurite: Vec<OsString>,
    #[command(flatten)]
    pub(super) dry_run: DryRun,
    #[command(flatten)]
    pub(super) certs: Certs,
    /// The process that `--detach` leaves behind: serves, and answers in JSON.
    #[arg(skip)]
    pub detached_child: bool,
    /// Whether it ends when no `azup run` needs it any more.
    #[arg(skip)]
    pub(super) while_used: bool,
}

impl Up {
    /// The Azurite to run.
    pub fn options(&self) -> UpOptions {
        let usual = |port| if self.until_eof { 0 } else { port };
        let port = |named: Option<u16>, place: u16, otherwise| {
            named.or(self.port.map(|first| first + place)).unwrap_or_else(|| usual(otherwise))
        };
        let identity = || port(self.identity_port, 3, crate::identity::PORT);
        UpOptions {
            blob_port: port(self.blob_port, 0, Ports::USUAL.blob),
            queue_port: port(self.queue_port, 1, Ports::USUAL.queue),
            table_port: port(self.table_port, 2, Ports::USUAL.table),
            location: self.location.clone(),
            in_memory: self.in_memory || (self.until_eof && self.location.is_none()),
            sans: self.sans.clone(),
            identity_port: (!self.no_identity).then(identity),
            tokens: self.tokens.options(),
            accounts: self.accounts.clone(),
            https_only: self.https_only,
            cors: self.cors.clone(),
            azurite: self.azurite.clone(),
            yes: self.yes,
            until_eof: self.until_eof,
            while_used: self.while_used,
        }
    }
}

/// `azup down`
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  azup down                 stop this project's Azurite; outside of projects, every one
  azup down --all           stop every Azurite that azup runs
  azup down --location DIR  stop the one with its data in DIR")]
pub struct Down {
    /// Stop every Azurite that azup runs, in any project
    #[arg(long, conflicts_with = "location")]
    pub all: bool,
    /// Stop only the Azurite with its data in this folder
    #[arg(long, value_name = "DIR")]
    pub location: Option<PathBuf>,
    #[command(flatten)]
    pub(super) dry_run: DryRun,
}

impl Down {
    /// The Azurite of this project.
    pub fn of_project() -> Self {
        Self {
            all: false,
            location: None,
            dry_run: DryRun::default(),
        }
    }
}

/// `azup restart`
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  azup restart              azup down && azup up -d
  azup restart --port 10010 with the options of azup up")]
pub struct Restart {
    #[command(flatten)]
    pub up: Up,
}

/// `azup reset`
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  azup reset                 ask, then delete all that this project's Azurite has stored
  azup reset --dry-run       print which folder that is
  azup down && azup reset --yes && azup up -d")]
pub struct Reset {
    /// The data folder to empty (default: this project's)
    #[arg(long, value_name = "DIR")]
    pub location: Option<PathBuf>,
    /// Do not ask before deleting
    #[arg(short, long)]
    pub yes: bool,
    #[command(flatten)]
    pub(super) dry_run: DryRun,
}

/// `azup logs`
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  azup logs      print the log so far
  azup logs -f   and keep printing until Ctrl-C")]
pub struct Logs {
    /// Keep printing new lines until Ctrl-C
    #[arg(short, long)]
    pub follow: bool,
}

/// `azup run`
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  azup run -- pytest                     run tests against Azurite
  azup run --in-memory -- dotnet test    with an Azurite of its own, in memory")]
pub struct Run {
    /// What the command is told.
    #[command(flatten)]
    connection: Connection,
    /// Start an Azurite with its data in this folder (default: this project's, which is shared)
    #[arg(long, value_name = "DIR", conflicts_with = "in_memory")]
    location: Option<PathBuf>,
    /// Start an Azurite that keeps its data in memory only
    #[arg(long)]
    in_memory: bool,
    #[command(flatten)]
    tokens: Tokens,
    #[command(flatten)]
    pub(super) dry_run: DryRun,
    #[command(flatten)]
    pub(super) certs: Certs,
    /// Refused but with `--dry-run`: standard output belongs to the command.
    #[arg(long, hide = true)]
    pub(super) json: bool,
    /// The command and its arguments
    #[arg(required = true, trailing_var_arg = true, value_name = "COMMAND")]
    pub command: Vec<OsString>,
}

impl Run {
    /// The connection options of the command.
    pub fn connection(&self) -> ConnectionOptions {
        self.connection.options()
    }

    /// What the command gets tokens for.
    pub fn tokens(&self) -> TokenOptions {
        self.tokens.options()
    }

    /// The Azurite to start if none runs.
    pub fn options(&self) -> RunOptions {
        RunOptions {
            location: self.location.clone(),
            in_memory: self.in_memory,
            account: self.connection.account.clone(),
        }
    }
}

/// `azup env`
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  eval \"$(azup env)\"                     in sh, bash, dash and zsh
  azup env --format fish | source        in fish
  azup env --format dotenv > .env        for programs that read a .env file
  azup env --format powershell | Out-String | Invoke-Expression")]
pub struct Env {
    /// Print only the value of this variable
    #[arg(value_name = "NAME")]
    pub name: Option<String>,
    /// How to print them
    #[arg(long, value_name = "FORMAT", default_value = "shell")]
    pub format: Format,
    #[command(flatten)]
    connection: Connection,
    /// Port on which SDKs ask for access tokens (default: the running Azurite's, or 10003)
    #[arg(long, value_name = "PORT")]
    pub identity_port: Option<u16>,
    #[command(flatten)]
    pub(super) dry_run: DryRun,
    #[command(flatten)]
    pub(super) certs: Certs,
}

impl Env {
    /// The connection options for code.
    pub fn connection(&self) -> ConnectionOptions {
        self.connection.options()
    }
}

/// What code is told about Azurite: the options that `azup env` and `azup run` share.
#[derive(Debug, Args)]
#[allow(
    clippy::struct_excessive_bools,
    reason = "each is a flag of the command line"
)]
pub struct Connection {
    /// Where code gets access tokens from: azup (`local`), or your `az login` (`az`)
    #[arg(long, value_name = "WHO", default_value = "local")]
    credential: Credential,
    /// The storage account (default: devstoreaccount1)
    #[arg(long, value_name = "NAME[:KEY]")]
    account: Option<Named>,
    /// Accepted for scripts of 0.1.0; has no effect
    #[arg(long, hide = true)]
    no_token_credentials: bool,
    /// Also make a trust store for Java and name it in `JAVA_TOOL_OPTIONS`
    #[arg(long)]
    java: bool,
    /// Also use the certificate for the HTTPS of ASP.NET Core (Kestrel)
    #[arg(long)]
    kestrel: bool,
    /// Use URLs with the account in the host name, as in the cloud: https://ACCOUNT.blob.localhost:PORT
    #[arg(long)]
    host_style: bool,
    /// Port of the blob service; the queue and table ports follow it
    #[arg(long, value_name = "PORT", value_parser = clap::value_parser!(u16).range(1..=65532))]
    port: Option<u16>,
    /// Port of the blob service (default: the running Azurite's, or 10000)
    #[arg(long, value_name = "PORT")]
    blob_port: Option<u16>,
    /// Port of the queue service (default: the running Azurite's, or 10001)
    #[arg(long, value_name = "PORT")]
    queue_port: Option<u16>,
    /// Port of the table service (default: the running Azurite's, or 10002)
    #[arg(long, value_name = "PORT")]
    table_port: Option<u16>,
}

impl Connection {
    fn options(&self) -> ConnectionOptions {
        ConnectionOptions {
            credential: self.credential,
            account: self.account.clone(),
            java: self.java,
            kestrel: self.kestrel,
            host_style: self.host_style,
            blob_port: self.blob_port.or(self.port),
            queue_port: self.queue_port.or(self.port.map(|first| first + 1)),
            table_port: self.table_port.or(self.port.map(|first| first + 2)),
        }
    }
}
