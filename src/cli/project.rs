//! The commands that set up a project.

use std::path::PathBuf;

use clap::Args;

use super::shared::{Changes, DryRun};
use crate::options::{Credential, Language};

/// `azup init`
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  azup init               set up this folder; asks before it edits an existing file
  azup init app --yes     set up the folder app without asking
  azup init --dry-run     show every change and make none")]
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
    /// The azup program for the container (default: this one, if it is for Linux)
    #[arg(long, value_name = "FILE")]
    pub linux_binary: Option<PathBuf>,
    /// Commit the container's azup binary so that clones include it
    #[arg(long)]
    pub vendor: bool,
    /// The dev container configuration to set up, if there are several
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// The language of a new dev container (default: detected from the project's files)
    #[arg(long, value_name = "NAME")]
    pub language: Option<Language>,
    /// The image of a new dev container
    #[arg(long, value_name = "IMAGE")]
    pub image: Option<String>,
    /// Convert a dev container with an image or a Dockerfile to compose, and run Azurite beside it
    #[arg(long)]
    pub compose: bool,
    /// Do not add the Feature that installs Node.js, which Azurite runs on
    #[arg(long)]
    pub no_node_feature: bool,
    /// Replace tasks that write a CA into certifi with "azup: trust"
    #[arg(long)]
    pub replace_scripts: bool,
    /// Add a launch profile "azurite" to the launchSettings.json of .NET projects
    #[arg(long)]
    pub launch_profile: bool,
    /// Where the dev container gets access tokens from: azup (`local`), or your `az login` (`az`)
    #[arg(long, value_name = "WHO")]
    pub credential: Option<Credential>,
    /// Set up even a project that .NET Aspire starts, which has an Azurite of its own
    #[arg(long)]
    pub force: bool,
    #[command(flatten)]
    pub(super) shared: Changes,
}

/// `azup remove`
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  azup remove             undo azup init in this folder
  azup remove --dry-run   show what would be removed")]
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
    #[command(flatten)]
    pub(super) dry_run: DryRun,
}
