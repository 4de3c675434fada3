//! The values that options take.

use std::sync::LazyLock;

use clap::ValueEnum;
use clap::builder::PossibleValue;

use crate::options::{Color, Credential, Format, Forward, Kind, Language, Scope};
use crate::trust::registry;

/// The plain types know their words; here clap learns them. They have no help of their own: it
/// would end up in the scripts that shells load.
macro_rules! words {
    ($($type:ident: $every:ident),* $(,)?) => {$(
        impl ValueEnum for $type {
            fn value_variants<'a>() -> &'a [Self] {
                Self::$every
            }

            fn to_possible_value(&self) -> Option<PossibleValue> {
                Some(PossibleValue::new(self.name()))
            }
        }
    )*};
}

words! {
    Color: EVERY,
    Credential: EVERY,
    Format: EVERY,
    Forward: EVERY,
    Language: EVERY,
    Scope: EVERY,
}

/// Those for which the table of stores has a word, and `none`.
impl ValueEnum for Kind {
    fn value_variants<'a>() -> &'a [Self] {
        static KINDS: LazyLock<Vec<Kind>> =
            LazyLock::new(|| registry::selectable().chain([Kind::NONE]).collect());
        &KINDS
    }

    fn to_possible_value(&self) -> Option<PossibleValue> {
        Some(PossibleValue::new(self.name()))
    }
}

/// The help of `--scope`: the same words mean the same to every command that takes them.
pub const SCOPES: &str = "\
Which trust stores to search (default: user; untrust: all):
project: those of this project, and the active Python environment
user: also those that all programs of this user share
all: also every Python environment that can be found";

/// The help of `--stores`.
pub fn stores_help() -> String {
    let names: Vec<&str> = registry::selectable().map(Kind::name).collect();
    let names = names.join(", ");
    format!("Comma-separated list of trust stores: {names}, or none")
}
