//! The command line as types, and its help. No logic: what the words mean is decided
//! in [`crate::commands`].

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

/// Code written for Azure Storage, running unchanged against Azurite over HTTPS.
#[derive(Debug, Parser)]
#[command(
    name = "azup",
    version,
    disable_help_flag = true,
    disable_help_subcommand = true,
    about = "Azure Storage code runs against the Azurite emulator unchanged: HTTPS, OAuth, trusted",
    after_help = "\
Examples:
  azup init            set up this folder: certificates, dev container, VS Code, trust
  azup up              run Azurite here over HTTPS with OAuth, until Ctrl-C
  azup trust           put the CA back after an update (VS Code runs this before debugging)
  azup untrust         take the CA out of every store again

Exit codes: 0 done or nothing to do, 1 failed, 2 usage, 3 partly done, 4 refused, 130 interrupted"
)]
pub struct Cli {
    /// Options that every command takes.
    #[command(flatten)]
    pub global: Global,
    /// Print help
    // One form for -h and --help: the long one does not fit a screen.
    #[arg(short, long, global = true, action = clap::ArgAction::HelpShort)]
    pub help: Option<bool>,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// Options that every command takes.
#[derive(Clone, Debug, Args)]
#[allow(
    clippy::struct_excessive_bools,
    reason = "each is a flag of the command line"
)]
pub struct Global {
    /// Print one JSON document instead of text, also on failure
    #[arg(long, global = true)]
    pub json: bool,
    /// Print nothing but warnings and errors
    #[arg(short, long, global = true)]
    pub quiet: bool,
    /// Print what was looked at
    #[arg(short, long, global = true, conflicts_with = "quiet")]
    pub verbose: bool,
    /// When to use colour
    #[arg(long, global = true, value_name = "WHEN", default_value = "auto")]
    pub color: Color,
    /// Never ask; fail where a question would be needed
    #[arg(long, global = true)]
    pub no_input: bool,
    /// Show the changes and commands, change nothing
    #[arg(long, global = true)]
    pub dry_run: bool,
    /// Folder of the certificate set (default: the project's, then this machine's)
    #[arg(
        long,
        global = true,
        value_name = "DIR",
        env = "AZUP_CERTS",
        hide_env = true
    )]
    pub certs: Option<PathBuf>,
    /// Trust stores to use, by commas: certifi, nss, system, java, storage-explorer, or none
    #[arg(
        long,
        global = true,
        value_name = "LIST",
        env = "AZUP_STORES",
        hide_env = true,
        value_delimiter = ',',
        hide_possible_values = true
    )]
    pub stores: Option<Vec<Kind>>,
    /// Another PEM bundle to trust the CA in (repeatable)
    #[arg(long = "bundle", global = true, value_name = "FILE")]
    pub bundles: Vec<PathBuf>,
    /// How far to look for stores (default: user; untrust: all)
    #[arg(long, global = true, value_name = "SCOPE")]
    pub scope: Option<Scope>,
}

/// How far to look for stores.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Scope {
    /// The project's and the active Python environments.
    Project,
    /// Also the stores that all of this user's programs share.
    User,
    /// Also every Python environment that can be found.
    All,
}

/// When to use colour.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Color {
    /// On a terminal, unless `NO_COLOR` is set.
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

/// A kind of trust store.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, ValueEnum)]
pub enum Kind {
    /// The bundle of a Python environment.
    Certifi,
    /// Chromium's and Firefox's databases.
    Nss,
    /// The operating system's own store.
    System,
    /// The keystores of every JDK.
    Java,
    /// The folder of Azure Storage Explorer.
    StorageExplorer,
    /// A PEM bundle that was named.
    #[value(skip)]
    Bundle,
    /// No store at all.
    None,
}

impl Kind {
    /// The kind of this name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        [
            Self::Certifi,
            Self::Nss,
            Self::System,
            Self::Java,
            Self::StorageExplorer,
            Self::Bundle,
            Self::None,
        ]
        .into_iter()
        .find(|kind| kind.name() == name)
    }

    /// The word used in `--stores` and in JSON.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Certifi => "certifi",
            Self::Nss => "nss",
            Self::System => "system",
            Self::Java => "java",
            Self::StorageExplorer => "storage-explorer",
            Self::Bundle => "bundle",
            Self::None => "none",
        }
    }
}

/// What azup can do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Set up a project: certificates, dev container, VS Code files, trust
    Init(Init),
    /// Run Azurite here over HTTPS with OAuth, until Ctrl-C
    Up(Up),
    /// Stop an Azurite that `azup up` started
    Down(Down),
    /// Put the CA into every trust store where it is missing
    Trust(Trust),
    /// Take every azup CA out of every trust store
    Untrust(Untrust),
    /// Make a new CA and certificate, and trust it
    Renew(Renew),
    /// Print a local access token
    Token(Token),
    /// The process in which NSS is loaded: changes one database
    #[command(name = NSS_HELPER, hide = true)]
    NssHelper(NssHelper),
}

/// The name of [`Command::NssHelper`].
pub const NSS_HELPER: &str = "nss-helper";

/// `azup init`
#[derive(Debug, Args)]
pub struct Init {
    /// The project's folder
    #[arg(default_value = ".")]
    pub dir: PathBuf,
    /// Do not ask before changing files
    #[arg(short, long)]
    pub yes: bool,
}

/// `azup up`
#[derive(Debug, Args)]
pub struct Up {
    /// Run in the background; `azup down` stops it
    #[arg(short, long)]
    pub detach: bool,
    /// Port of the blob service
    #[arg(long, value_name = "PORT", default_value_t = 10000)]
    pub blob_port: u16,
    /// Port of the queue service
    #[arg(long, value_name = "PORT", default_value_t = 10001)]
    pub queue_port: u16,
    /// Port of the table service
    #[arg(long, value_name = "PORT", default_value_t = 10002)]
    pub table_port: u16,
    /// Folder for Azurite's data (default: in azup's data folder)
    #[arg(long, value_name = "DIR", conflicts_with = "in_memory")]
    pub location: Option<PathBuf>,
    /// Keep the data in memory only
    #[arg(long)]
    pub in_memory: bool,
    /// More names or addresses for a new certificate (repeatable)
    #[arg(long = "san", value_name = "NAME")]
    pub sans: Vec<String>,
    /// The process that `--detach` leaves behind: serves, and answers in JSON
    #[arg(long, hide = true)]
    pub detached_child: bool,
}

/// `azup down`
#[derive(Debug, Args)]
pub struct Down {
    /// Only the Azurite with its data in this folder (default: all)
    #[arg(long, value_name = "DIR")]
    pub location: Option<PathBuf>,
}

/// `azup trust`
#[derive(Debug, Default, Args)]
pub struct Trust {
    /// Trust this CA instead: a company proxy's, mkcert's, minica's
    #[arg(long, value_name = "FILE")]
    pub ca: Option<PathBuf>,
}

/// `azup untrust`
#[derive(Debug, Args)]
pub struct Untrust {
    /// Take out this CA and no other, whoever put it there
    #[arg(long, value_name = "FILE")]
    pub ca: Option<PathBuf>,
}

/// `azup renew`
#[derive(Debug, Args)]
pub struct Renew {
    /// More names or addresses for the certificate (repeatable)
    #[arg(long = "san", value_name = "NAME")]
    pub sans: Vec<String>,
}

/// `azup token`
#[derive(Debug, Args)]
pub struct Token {
    /// What the token is for
    #[arg(long, value_name = "URL", default_value = "https://storage.azure.com")]
    pub resource: String,
}

/// `azup nss-helper`
#[derive(Debug, Args)]
pub struct NssHelper {
    /// What to do with the certificate that is read from standard input
    pub action: NssAction,
    /// The folder of the database
    pub folder: PathBuf,
    /// What to call a certificate that is added
    #[arg(long, default_value = "")]
    pub nickname: String,
    /// Prefer the newest library to the operating system's
    #[arg(long)]
    pub newest: bool,
}

/// What `azup nss-helper` can do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum NssAction {
    /// Make an empty database.
    Create,
    /// Add a certificate and trust it.
    Add,
    /// Delete a certificate.
    Delete,
}

impl NssAction {
    /// The word on the command line.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Create => "create",
            Self::Add => "add",
            Self::Delete => "delete",
        }
    }
}
