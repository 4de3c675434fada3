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
    /// Fail if a store needs an administrator
    #[arg(long)]
    pub strict: bool,
    #[command(flatten)]
    pub(super) shared: Changes,
}

/// `azup untrust`
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  azup untrust                  remove azup's CAs from every store
  azup untrust --stores nss     only from the databases of browsers
  azup untrust --ca proxy.pem   remove only this CA")]
pub struct Untrust {
    /// Remove only this CA, whoever put it there
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
  azup renew --san storage.example  the same, with one more name")]
pub struct Renew {
    /// Additional name or address for the certificate (repeatable)
    #[arg(long = "san", value_name = "NAME")]
    pub sans: Vec<String>,
    #[command(flatten)]
    pub(super) shared: Changes,
}
