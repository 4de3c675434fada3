//! The command line from which completions and manual pages are generated: without hidden options.

use clap::builder::StyledStr;
use clap::{Arg, Command, CommandFactory as _};

use super::Cli;

/// Hidden options are left out altogether: some generators include them anyway.
pub fn published() -> Command {
    let mut whole = Cli::command();
    whole.build();
    let mut root = shown(&whole);
    for command in whole.get_subcommands() {
        root = root.subcommand(shown(command));
    }
    root
}

fn shown(command: &Command) -> Command {
    let shown = Command::new(command.get_name().to_owned())
        .about(plain(command.get_about()))
        .visible_aliases(command.get_visible_aliases().map(str::to_owned).collect::<Vec<_>>())
        .disable_help_flag(true)
        .disable_version_flag(true)
        .disable_help_subcommand(true)
        .args(command.get_arguments().filter(|arg| !arg.is_hide_set()).map(|arg| explained(arg.clone())));
    let shown = match command.get_version() {
        Some(version) => shown.version(version.to_owned()),
        None => shown,
    };
    match command.get_after_help() {
        Some(text) => shown.after_help(text.clone()),
        None => shown,
    }
}

fn explained(arg: Arg) -> Arg {
    let help = plain(arg.get_help());
    // Every command already has its own.
    arg.help(help).global(false)
}

/// Text in which no shell sees anything special, wherever a generator puts it.
fn plain(text: Option<&StyledStr>) -> String {
    let text = text.map(ToString::to_string).unwrap_or_default();
    text.replace('\n', " ").replace(['`', '$', '"', '\\'], "")
}
