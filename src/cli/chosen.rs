//! The options that all commands share, as given to the command that was named.

use super::shared::{Certs, DryRun, Stores};
use super::{Cli, Command};
use crate::options::{Global, Typed};

impl Cli {
    /// The options that several commands share, as they were given.
    pub fn global(&self) -> Global {
        let always = &self.always;
        let (dry_run, certs, stores) = self.command.shared();
        let stores = stores.cloned().unwrap_or_default();
        Global {
            json: always.json || matches!(&self.command, Command::Run(run) if run.json),
            quiet: always.quiet,
            verbose: always.verbose,
            color: always.color,
            no_input: always.no_input,
            dry_run: dry_run.is_some_and(|given| given.dry_run),
            certs: certs.and_then(|given| given.certs.clone()),
            stores: stores.stores,
            bundles: stores.bundles,
            scope: stores.scope,
            typed: Typed::default(),
        }
    }
}

impl Command {
    fn shared(&self) -> (Option<&DryRun>, Option<&Certs>, Option<&Stores>) {
        let changes = match self {
            Self::Init(it) => &it.shared,
            Self::Trust(it) => &it.shared,
            Self::Untrust(it) => &it.shared,
            Self::Renew(it) => &it.shared,
            Self::Doctor(it) => &it.shared,
            Self::Restart(it) => return (Some(&it.up.dry_run), Some(&it.up.certs), None),
            Self::Up(it) => return (Some(&it.dry_run), Some(&it.certs), None),
            Self::Run(it) => return (Some(&it.dry_run), Some(&it.certs), None),
            Self::Env(it) => return (Some(&it.dry_run), Some(&it.certs), None),
            Self::Remove(it) => return (Some(&it.dry_run), None, None),
            Self::Reset(it) => return (Some(&it.dry_run), None, None),
            Self::Down(it) => return (Some(&it.dry_run), None, None),
            Self::Identity(it) => return (Some(&it.dry_run), None, None),
            Self::Man(it) => return (Some(&it.dry_run), None, None),
            Self::Status(it) => return (None, None, Some(&it.stores)),
            Self::Logs(_)
            | Self::Token(_)
            | Self::Completions(_)
            | Self::Help(_)
            | Self::Version => return (None, None, None),
        };
        (Some(&changes.dry_run), Some(&changes.certs), Some(&changes.stores))
    }
}
