//! What a user can request, as plain types. They are below everything else, so that no part of azup
//! needs to know how a command line is parsed.

use std::ffi::OsString;
use std::path::PathBuf;

/// The options that several commands share.
#[derive(Clone, Debug, Default)]
#[allow(
    clippy::struct_excessive_bools,
    reason = "each is a flag of the command line"
)]
pub struct Global {
    /// One JSON document instead of text.
    pub json: bool,
    /// Only problems and a summary.
    pub quiet: bool,
    /// Also what was searched.
    pub verbose: bool,
    /// When to use colour.
    pub color: Color,
    /// Fail if a question would be needed.
    pub no_input: bool,
    /// Show the changes, make none.
    pub dry_run: bool,
    /// The folder of the certificate set.
    pub certs: Option<PathBuf>,
    /// The kinds of trust stores to use.
    pub stores: Option<Vec<Kind>>,
    /// More PEM bundles.
    pub bundles: Vec<PathBuf>,
    /// Which trust stores to search.
    pub scope: Option<Scope>,
    /// Which of them were typed, not set by a variable.
    pub typed: Typed,
}

/// Options that a variable can also set: whether they were typed.
#[derive(Clone, Copy, Debug, Default)]
pub struct Typed {
    /// `--certs`.
    pub certs: bool,
    /// `--stores`.
    pub stores: bool,
}

/// Which trust stores to search.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// The project's and the active Python environments.
    Project,
    /// Also the stores that all of this user's programs share.
    User,
    /// Also every Python environment that can be found.
    All,
}

impl Scope {
    /// Each, the narrowest first.
    pub const EVERY: &[Self] = &[Self::Project, Self::User, Self::All];

    /// The word for `--scope`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Project => "project",
            Self::User => "user",
            Self::All => "all",
        }
    }
}

/// When to use colour.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Color {
    /// On a terminal, unless `NO_COLOR` is set.
    #[default]
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

impl Color {
    /// Each, the default first.
    pub const EVERY: &[Self] = &[Self::Auto, Self::Always, Self::Never];

    /// The word for `--color`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Always => "always",
            Self::Never => "never",
        }
    }
}

/// A kind of trust store, by its name. `trust/registry.rs` lists them all.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Kind(&'static str);

impl Kind {
    /// A PEM bundle of a Python environment.
    pub const CERTIFI: Self = Self::new("certifi");
    /// A PEM bundle that was named.
    pub const BUNDLE: Self = Self::new("bundle");
    /// No store at all.
    pub const NONE: Self = Self::new("none");

    /// The kind of this name.
    pub const fn new(name: &'static str) -> Self {
        Self(name)
    }

    /// The word used in `--stores` and in JSON.
    pub fn name(self) -> &'static str {
        self.0
    }
}

/// Where code gets access tokens from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Credential {
    /// azup's own endpoint.
    Local,
    /// Azure CLI, after `az login`.
    Az,
}

/// The program that is asked for tokens of a real service.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Forward {
    /// None of them.
    None,
    /// Azure CLI.
    Az,
    /// Azure Developer CLI.
    Azd,
}

impl Forward {
    /// Each.
    pub const EVERY: &[Self] = &[Self::None, Self::Az, Self::Azd];

    /// The word for `--forward`, and the name of the program.
    pub fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Az => "az",
            Self::Azd => "azd",
        }
    }
}

/// What a project is written in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
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
    /// Each.
    pub const EVERY: &[Self] = &[
        Self::Python,
        Self::Node,
        Self::Dotnet,
        Self::Java,
        Self::Go,
        Self::Powershell,
    ];

    /// The word for `--language`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Python => "python",
            Self::Node => "node",
            Self::Dotnet => "dotnet",
            Self::Java => "java",
            Self::Go => "go",
            Self::Powershell => "powershell",
        }
    }

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

impl Credential {
    /// Each.
    pub const EVERY: &[Self] = &[Self::Local, Self::Az];

    /// The word for `--credential`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Local => "local",
            Self::Az => "az",
        }
    }
}

/// How `azup env` prints variables.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// For sh, bash, dash and zsh.
    Shell,
    /// For fish.
    Fish,
    /// For `PowerShell`.
    Powershell,
    /// For a `.env` file.
    Dotenv,
    /// One JSON object.
    Json,
    /// For the Functions host: a `local.settings.json`.
    Functions,
}

impl Format {
    /// Each.
    pub const EVERY: &[Self] = &[
        Self::Shell,
        Self::Fish,
        Self::Powershell,
        Self::Dotenv,
        Self::Json,
        Self::Functions,
    ];

    /// The word for `--format`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Shell => "shell",
            Self::Fish => "fish",
            Self::Powershell => "powershell",
            Self::Dotenv => "dotenv",
            Self::Json => "json",
            Self::Functions => "functions",
        }
    }
}

/// A storage account that was named, with its key if that was given too.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Named {
    /// Its name.
    pub name: String,
    /// Its key, in base64.
    pub key: Option<String>,
}

/// The Azurite to run.
#[derive(Clone, Debug)]
#[allow(
    clippy::struct_excessive_bools,
    reason = "each is a flag of the command line"
)]
pub struct UpOptions {
    /// Port of the blob service; 0: any free one, as for the other ports.
    pub blob_port: u16,
    /// Port of the queue service.
    pub queue_port: u16,
    /// Port of the table service.
    pub table_port: u16,
    /// The folder of its data.
    pub location: Option<PathBuf>,
    /// Whether its data stays in memory.
    pub in_memory: bool,
    /// Additional names or addresses for a new certificate.
    pub sans: Vec<String>,
    /// The port on which SDKs request access tokens; `None`: no endpoint.
    pub identity_port: Option<u16>,
    /// What tokens are for.
    pub tokens: TokenOptions,
    /// Additional storage accounts.
    pub accounts: Vec<Named>,
    /// Whether plain HTTP is refused.
    pub https_only: bool,
    /// The origins whose web pages may call it.
    pub cors: Vec<String>,
    /// Options of Azurite's own.
    pub azurite: Vec<OsString>,
    /// Whether a Node.js is downloaded without asking if there is none.
    pub yes: bool,
    /// Whether it ends with the program that started it.
    pub until_eof: bool,
    /// Whether it ends when no `azup run` needs it any more.
    pub while_used: bool,
}

/// What an endpoint gives tokens for, in addition to Azure Storage.
#[derive(Clone, Debug, Default)]
pub struct TokenOptions {
    /// Audiences that get local tokens.
    pub audiences: Vec<String>,
    /// The program that is asked for the rest; `None`: not specified.
    pub forward: Option<Forward>,
}

/// The Azurite that `azup run` starts if none runs.
#[derive(Clone, Debug)]
pub struct RunOptions {
    /// The folder of its data.
    pub location: Option<PathBuf>,
    /// Whether its data stays in memory.
    pub in_memory: bool,
    /// An additional storage account.
    pub account: Option<Named>,
}

/// How code connects to Azurite.
#[derive(Clone, Debug)]
pub struct ConnectionOptions {
    /// Where it gets access tokens from.
    pub credential: Credential,
    /// The storage account.
    pub account: Option<Named>,
    /// Also make a trust store for Java.
    pub java: bool,
    /// Also use the certificate for Kestrel.
    pub kestrel: bool,
    /// URLs with the account in the host name.
    pub host_style: bool,
    /// Port of the blob service.
    pub blob_port: Option<u16>,
    /// Port of the queue service.
    pub queue_port: Option<u16>,
    /// Port of the table service.
    pub table_port: Option<u16>,
}

/// Where the checks look, and for how long.
#[derive(Clone, Debug)]
pub struct DoctorOptions {
    /// Port of the blob service.
    pub blob_port: Option<u16>,
    /// Port of the queue service.
    pub queue_port: Option<u16>,
    /// Port of the table service.
    pub table_port: Option<u16>,
    /// How long one check may take (seconds).
    pub limit: u64,
}
