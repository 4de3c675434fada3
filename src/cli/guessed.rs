//! Unknown commands: common guesses are answered here. A word that merely looks similar never leads
//! to a command that changes something else.

use clap::error::{ContextKind, ContextValue, ErrorKind};

/// Other tools' words for the same thing, with azup's.
const WORDS: &[(&[&str], &str)] = &[
    (
        &["install", "setup", "new", "create", "configure", "bootstrap"],
        "azup init sets up a project; azup trust adds the CA to trust stores",
    ),
    (
        &["uninstall", "undo", "revert"],
        "azup remove undoes azup init; azup untrust removes the CA from trust stores",
    ),
    (
        &["ls", "list", "ps", "info", "show", "url", "urls", "accounts"],
        "azup status lists every Azurite that azup runs, and its URLs",
    ),
    (
        &["clean", "clear", "delete", "purge", "wipe"],
        "azup reset deletes what this project's Azurite has stored",
    ),
    (
        &["exec", "shell"],
        "azup run -- COMMAND runs one command with Azurite; azup env prints its variables",
    ),
    (
        &["connection-string", "config", "variables", "vars"],
        "azup env prints every variable, azup env NAME the value of one",
    ),
    (
        &["ca", "cert", "certs", "certificates", "check"],
        "azup doctor checks the certificates; azup renew makes new ones",
    ),
    (
        &["self", "update", "upgrade"],
        "what installed azup updates it: pipx, npm, cargo or another",
    ),
];

/// Commands that delete something: no typo leads there.
const DELETE: [&str; 3] = ["remove", "reset", "untrust"];

/// The same error with azup's own tip if it is about a command.
pub(super) fn with_tip(mut error: clap::Error) -> clap::Error {
    if error.kind() != ErrorKind::InvalidSubcommand {
        return error;
    }
    error.remove(ContextKind::SuggestedSubcommand);
    let Some(ContextValue::String(word)) = error.get(ContextKind::InvalidSubcommand) else {
        return error;
    };
    let known = WORDS.iter().find(|(words, _)| words.contains(&word.as_str()));
    let tip = known.map(|(_, tip)| (*tip).to_owned()).or_else(|| {
        let name = meant(word)?;
        Some(format!("a similar subcommand exists: '{name}'"))
    });
    if let Some(tip) = tip {
        let tips = ContextValue::StyledStrs(vec![tip.into()]);
        error.insert(ContextKind::Suggested, tips);
    }
    error
}

/// The one command that differs from a word by a single typing error.
fn meant(word: &str) -> Option<String> {
    let command = <super::Cli as clap::CommandFactory>::command();
    let visible = command.get_subcommands().filter(|command| !command.is_hide_set());
    let mut near = visible
        .map(|command| command.get_name().to_owned())
        .filter(|name| strsim::damerau_levenshtein(name, word) == 1);
    let first = near.next().filter(|_| near.next().is_none())?;
    (!DELETE.contains(&first.as_str())).then_some(first)
}
