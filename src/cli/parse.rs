//! From the words of this process to a command.

use std::ffi::OsString;

use clap::parser::ValueSource;
use clap::{ArgMatches, CommandFactory as _, FromArgMatches as _, Parser};

use super::shared::Stores;
use super::{Cli, Command, guessed};
use crate::options::{Global, Typed};

/// The words with which azup starts itself: they are in no help, completion or suggestion.
const DETACHED_CHILD: &str = "--detached-child";
const WHILE_USED: &str = "--while-used";

/// Options of single commands that may also precede the command, and whether a value follows.
const EARLY: [(&str, bool); 5] = [
    ("--dry-run", false),
    ("--certs", true),
    ("--stores", true),
    ("--bundle", true),
    ("--scope", true),
];

/// The variable that chooses stores, as `--stores` does.
#[derive(Parser)]
struct Environment {
    #[command(flatten)]
    stores: Stores,
}

/// Parses the command line.
pub fn parse(words: impl IntoIterator<Item = OsString>) -> Result<(Cli, Global), clap::Error> {
    let mut words = command_first(words.into_iter().collect());
    let internal = take_internal(&mut words);
    let matches = Cli::command().try_get_matches_from(words).map_err(guessed::with_tip)?;
    let mut cli = Cli::from_arg_matches(&matches)?;
    match &mut cli.command {
        Command::Help(help) => {
            let named = help.command.take().map(OsString::from);
            let words = [Some("azup".into()), named, Some("--help".into())];
            return parse(words.into_iter().flatten());
        }
        // With -v, as for programs, it also reports which Azurite it includes.
        Command::Version if !cli.always.verbose && !cli.always.json => {
            return parse(["azup", "--version"].map(OsString::from));
        }
        Command::Restart(restart) => restart.up.detach = true,
        Command::Up(up) => (up.detached_child, up.while_used) = internal,
        Command::Identity(identity) => identity.detached_child = internal.0,
        _ => {}
    }
    let mut global = cli.global();
    if !internal.0 {
        global.typed = typed(&matches);
    }
    // They take no `--stores`; but on an upgrade from 0.1.0 they remove a CA from stores.
    if matches!(
        cli.command,
        Command::Up(_) | Command::Restart(_) | Command::Run(_) | Command::Env(_)
    ) {
        global.stores = Environment::try_parse_from(["azup"])?.stores.stores;
    }
    Ok((cli, global))
}

fn typed(matches: &ArgMatches) -> Typed {
    let given = matches.subcommand().map(|(_, given)| given);
    let typed = |id: &str| {
        // clap would panic if asked for an option that the command does not have.
        let given = given.filter(|given| given.ids().any(|known| known == id));
        given.and_then(|given| given.value_source(id)) == Some(ValueSource::CommandLine)
    };
    Typed {
        certs: typed("certs"),
        stores: typed("stores"),
    }
}

/// Removes the words that azup only passes to itself.
fn take_internal(words: &mut Vec<OsString>) -> (bool, bool) {
    if words.get(2).is_none_or(|word| word != DETACHED_CHILD) {
        return (false, false);
    }
    let before = words.len();
    words.retain(|word| word != WHILE_USED);
    let while_used = words.len() < before;
    words.remove(2);
    (true, while_used)
}

/// `azup --certs DIR trust` means the same as `azup trust --certs DIR`.
fn command_first(words: Vec<OsString>) -> Vec<OsString> {
    let mut words = words.into_iter();
    let (mut first, mut early): (Vec<_>, Vec<_>) = (words.next().into_iter().collect(), vec![]);
    while let Some(word) = words.next() {
        let text = word.to_str().unwrap_or_default();
        let (name, joined) = match text.split_once('=') {
            Some((name, _)) => (name, true),
            None => (text, false),
        };
        if let Some((_, has_value)) = EARLY.iter().find(|(early, _)| *early == name) {
            early.push(word.clone());
            if *has_value && !joined {
                early.extend(words.next());
            }
            continue;
        }
        let is_command = !text.starts_with('-');
        first.push(word.clone());
        if name == "--color" && !joined {
            first.extend(words.next());
        } else if is_command {
            break;
        }
    }
    first.extend(early);
    first.extend(words);
    first
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(line: &str) -> Vec<OsString> {
        line.split(' ').map(Into::into).collect()
    }

    #[test]
    fn clap_has_no_objection_to_any_command() {
        Cli::command().debug_assert();
        super::super::published().debug_assert();
    }

    #[test]
    fn options_before_the_command_are_the_commands() {
        for (line, expected) in [
            ("azup --certs a=b trust x", "azup trust --certs a=b x"),
            ("azup --certs=a -q trust", "azup -q trust --certs=a"),
            ("azup --color never --dry-run up -d", "azup --color never up --dry-run -d"),
            ("azup run -- x --certs", "azup run -- x --certs"),
            ("azup --stores", "azup --stores"),
        ] {
            assert_eq!(command_first(words(line)), words(expected), "{line}");
        }
    }

    #[test]
    fn only_azup_itself_says_that_it_is_the_detached_child() {
        let (cli, _) = parse(words("azup up --detached-child --json --while-used")).expect("up");
        assert!(matches!(cli.command, Command::Up(up) if up.detached_child && up.while_used));
        for line in ["azup up --while-used", "azup up -d --detached-child", "azup up --detached"] {
            let error = parse(words(line)).expect_err("an error").to_string();
            assert!(error.contains("unexpected argument"), "{error}");
            assert!(!error.contains("exists: '--detached-child'"), "{error}");
        }
    }
}
