//! The command line as types, and its help. No logic: what the words mean is decided
//! in [`crate::commands`].

use std::ffi::OsString;
use std::net::IpAddr;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::azurite::Named;

/// Code written for Azure Storage, running unchanged against Azurite over HTTPS.
#[derive(Debug, Parser)]
#[command(
    name = "azup",
    version,
    disable_help_flag = true,
    disable_help_subcommand = true,
    // Without it, clap lists commands that are for azup itself alone.
    arg_required_else_help = true,
    about = "Azure Storage code runs against the Azurite emulator unchanged: HTTPS, OAuth, trusted",
    help_template = "\
{about}

{before-help}{usage-heading} {usage}

{all-args}{after-help}",
    before_help = "\
Examples:
  azup init            set up this folder: certificates, dev container, VS Code, trust
  azup up              run Azurite here over HTTPS with OAuth, until Ctrl-C
  azup run -- pytest   run tests against Azurite, started for them if need be
  azup doctor          what does not work, and the one command that mends it
  azup remove          undo azup init; azup untrust takes the CA out of every store",
    after_help = "\
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
    /// Print only what is wrong, and one line
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
    /// Undo `azup init` in a project, byte for byte
    Remove(Remove),
    /// Run Azurite here over HTTPS with OAuth, until Ctrl-C
    Up(Up),
    /// Run a command that uses Azurite, which is started for it if need be
    Run(Run),
    /// Stop an Azurite that `azup up` started
    Down(Down),
    /// Put the CA into every trust store where it is missing
    Trust(Trust),
    /// Take every azup CA out of every trust store
    Untrust(Untrust),
    /// Make a new CA and certificate, and trust it
    Renew(Renew),
    /// Print the variables by which code finds and trusts Azurite
    Env(Env),
    /// Check every link, and name for each fault the one command that mends it
    Doctor(Doctor),
    /// Print a local access token
    Token(Token),
    /// Answer SDKs that ask for access tokens, without an Azurite, until Ctrl-C
    Identity(Identity),
    /// Print the completions of a shell
    Completions(Completions),
    /// Print the manual page, or write all of them
    Man(Man),
}

/// `azup init`
#[derive(Debug, Args)]
#[allow(
    clippy::struct_excessive_bools,
    reason = "each is a flag of the command line"
)]
pub struct Init {
    /// The project's folder
    #[arg(default_value = ".")]
    pub dir: PathBuf,
    /// Do not ask before changing files
    #[arg(short, long)]
    pub yes: bool,
    /// The azup for the container (default: this one, where it runs on Linux)
    #[arg(long, value_name = "FILE")]
    pub linux_binary: Option<PathBuf>,
    /// Let git keep the azup for the container, so that a clone has it
    #[arg(long)]
    pub vendor: bool,
    /// The dev container configuration to set up, where there are several
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// The language of a new dev container (default: what the project's files say)
    #[arg(long, value_name = "NAME")]
    pub language: Option<Language>,
    /// The image of a new dev container
    #[arg(long, value_name = "IMAGE")]
    pub image: Option<String>,
    /// Run Azurite beside an image- or Dockerfile-based dev container, by compose
    #[arg(long)]
    pub compose: bool,
    /// Do not add the Feature that brings Node.js, which Azurite runs on
    #[arg(long)]
    pub no_node_feature: bool,
    /// Put "azup: trust" in the place of tasks that write a CA into certifi
    #[arg(long)]
    pub replace_scripts: bool,
    /// Who gives access tokens in the dev container: azup (`local`), or `az` login
    #[arg(long, value_name = "WHO")]
    pub credential: Option<Credential>,
}

/// What a project is written in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Language {
    /// Python.
    Python,
    /// JavaScript or TypeScript.
    Node,
    /// C#, F# or Visual Basic.
    Dotnet,
    /// Java or Kotlin.
    Java,
    /// Go.
    Go,
    /// PowerShell.
    Powershell,
}

impl Language {
    /// Its name, for people.
    pub fn title(self) -> &'static str {
        match self {
            Self::Python => "Python",
            Self::Node => "Node.js",
            Self::Dotnet => ".NET",
            Self::Java => "Java",
            Self::Go => "Go",
            Self::Powershell => "PowerShell",
        }
    }
}

/// `azup remove`
#[derive(Debug, Args)]
pub struct Remove {
    /// The project's folder
    #[arg(default_value = ".")]
    pub dir: PathBuf,
    /// Do not ask before changing files
    #[arg(short, long)]
    pub yes: bool,
    /// Leave the project's certificates where they are
    #[arg(long)]
    pub keep_certs: bool,
    /// Leave this file as it is now (repeatable)
    #[arg(long = "keep", value_name = "FILE")]
    pub keep: Vec<PathBuf>,
}

/// `azup up`
#[derive(Debug, Args)]
#[allow(
    clippy::struct_excessive_bools,
    reason = "each is a flag of the command line"
)]
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
    /// Port on which SDKs ask for access tokens
    #[arg(long, value_name = "PORT", default_value_t = crate::identity::PORT)]
    pub identity_port: u16,
    /// Do not answer SDKs that ask for access tokens
    #[arg(long, conflicts_with = "identity_port")]
    pub no_identity: bool,
    /// Another storage account; without KEY a random one is made and kept (repeatable). It keeps
    /// nobody out: Azurite also takes any token of the right form, for every account
    #[arg(long = "account", value_name = "NAME[:KEY]")]
    pub accounts: Vec<Named>,
    /// End when no `azup run` needs it any more
    #[arg(long, hide = true)]
    pub while_used: bool,
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

/// `azup run`
#[derive(Debug, Args)]
pub struct Run {
    /// What the command is told.
    #[command(flatten)]
    pub told: Told,
    /// Folder for the data of an Azurite that is started (default: in azup's data folder)
    #[arg(long, value_name = "DIR", conflicts_with = "in_memory")]
    pub location: Option<PathBuf>,
    /// Keep the data of an Azurite that is started in memory only
    #[arg(long)]
    pub in_memory: bool,
    /// The command and its arguments
    #[arg(required = true, trailing_var_arg = true, value_name = "COMMAND")]
    pub command: Vec<OsString>,
}

/// `azup env`
#[derive(Debug, Args)]
pub struct Env {
    /// How to print them
    #[arg(long, value_name = "FORMAT", default_value = "shell")]
    pub format: Format,
    /// What they tell.
    #[command(flatten)]
    pub told: Told,
    /// Port on which SDKs ask for access tokens (default: the running Azurite's, or 10003)
    #[arg(long, value_name = "PORT")]
    pub identity_port: Option<u16>,
}

/// What code is told about Azurite: the options that `azup env` and `azup run` share.
#[derive(Debug, Args)]
pub struct Told {
    /// Who gives access tokens: azup, or `az login`
    #[arg(long, value_name = "WHO", default_value = "local")]
    pub credential: Credential,
    /// The storage account (default: devstoreaccount1)
    #[arg(long, value_name = "NAME[:KEY]")]
    pub account: Option<Named>,
    /// Leave the other credentials of `DefaultAzureCredential` on
    #[arg(long)]
    pub no_token_credentials: bool,
    /// Also a trust store for Java, in `JAVA_TOOL_OPTIONS`
    #[arg(long)]
    pub java: bool,
    /// Port of the blob service (default: the running Azurite's, or 10000)
    #[arg(long, value_name = "PORT")]
    pub blob_port: Option<u16>,
    /// Port of the queue service (default: the running Azurite's, or 10001)
    #[arg(long, value_name = "PORT")]
    pub queue_port: Option<u16>,
    /// Port of the table service (default: the running Azurite's, or 10002)
    #[arg(long, value_name = "PORT")]
    pub table_port: Option<u16>,
}

/// How `azup env` prints variables.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// For sh, bash, dash and zsh: `eval "$(azup env)"`.
    Shell,
    /// For fish: `azup env --format fish | source`.
    Fish,
    /// For PowerShell: `azup env --format powershell | Out-String | Invoke-Expression`.
    Powershell,
    /// For a `.env` file.
    Dotenv,
    /// One JSON object.
    Json,
    /// For the Functions host: a `local.settings.json`.
    Functions,
}

/// Who gives access tokens.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Credential {
    /// azup's own endpoint.
    Local,
    /// Azure CLI, after `az login`.
    Az,
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

/// `azup doctor`
#[derive(Debug, Args)]
pub struct Doctor {
    /// Only these checks (default: all; --list names them)
    #[arg(value_name = "ID")]
    pub ids: Vec<String>,
    /// Mend what is safe to mend (renew, trust), then check again
    #[arg(long)]
    pub fix: bool,
    /// Name every check, and do none
    #[arg(long, conflicts_with_all = ["ids", "fix"])]
    pub list: bool,
    /// Port of the blob service (default: where azup runs it, else 10000)
    #[arg(long, value_name = "PORT")]
    pub blob_port: Option<u16>,
    /// Port of the queue service (default: where azup runs it, else 10001)
    #[arg(long, value_name = "PORT")]
    pub queue_port: Option<u16>,
    /// Port of the table service (default: where azup runs it, else 10002)
    #[arg(long, value_name = "PORT")]
    pub table_port: Option<u16>,
    /// Seconds that one check may take
    #[arg(long, value_name = "SECONDS", default_value_t = 2,
        value_parser = clap::value_parser!(u64).range(1..=600))]
    pub limit: u64,
}

/// `azup token`
#[derive(Debug, Args)]
pub struct Token {
    /// What the token is for
    #[arg(long, value_name = "URL", default_value = "https://storage.azure.com")]
    pub resource: String,
}

/// `azup completions`
#[derive(Debug, Args)]
pub struct Completions {
    /// The shell
    pub shell: clap_complete::Shell,
}

/// `azup man`
#[derive(Debug, Args)]
pub struct Man {
    /// Write the page of every command to this folder
    #[arg(short, long, value_name = "DIR")]
    pub output: Option<PathBuf>,
}

/// `azup identity`
#[derive(Debug, Args)]
pub struct Identity {
    /// Run in the background
    #[arg(short, long)]
    pub detach: bool,
    /// Port to listen on
    #[arg(long, value_name = "PORT", default_value_t = crate::identity::PORT,
        value_parser = clap::value_parser!(u16).range(1..))]
    pub port: u16,
    /// Address to listen on; any but a loopback one lets others in (default: 127.0.0.1)
    #[arg(long, value_name = "ADDRESS")]
    pub listen: Option<IpAddr>,
    /// The process that `--detach` leaves behind: serves, and answers in JSON
    #[arg(long, hide = true)]
    pub detached_child: bool,
}
