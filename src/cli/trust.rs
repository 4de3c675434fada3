//! The commands that change trust stores.

use std::path::PathBuf;

use clap::Args;

use super::shared::Changes;

/// `azup trust`
#[derive(Debug, Default, Args)]
#[command(after_help = "\
Examples:
  azup trust                    trust azup's CA in every store of this user
  azup trust --stores certifi   only in Python's bundle
  azup trust --ca proxy.pem     trust another CA in the same stores")]
pub struct Trust {
    /// Trust this CA instead: a company proxy's, mkcert's, minica's
    #[arg(long, value_name = "FILE")]
    pub ca: Option<PathBuf>,
    /// Fail where a store takes an administrator
    #[arg(long)]
    pub strict: bool,
    #[command(flatten)]
    pub(super) shared: Changes,
}

/// `azup untrust`
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  azup untrust                  take azup's CAs out of every store
  azup untrust --stores nss     only out of the databases of browsers
  azup untrust --ca proxy.pem   take out this CA alone")]
pub struct Untrust {
    /// Take out this CA and no other, whoever put it there
    #[arg(long, value_name = "FILE")]
    pub ca: Option<PathBuf>,
    #[command(flatten)]
    pub(super) shared: Changes,
}

/// `azup renew`
#[derive(Debug, Default, Args)]
#[command(after_help = "\
Examples:
  azup renew                        make a new CA and certificate, and trust it
  azup renew --san storage.example  for one more name")]
pub struct Renew {
    /// More names or addresses for the certificate (repeatable)
    #[arg(long = "san", value_name = "NAME")]
    pub sans: Vec<String>,
    #[command(flatten)]
    pub(super) shared: Changes,
}
