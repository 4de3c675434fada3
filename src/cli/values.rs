//! The words that options take.

use clap::ValueEnum;
use clap::builder::PossibleValue;

use crate::options::{Color, Credential, Format, Forward, Kind, Language, Scope};

/// The plain types know their words; clap learns them here. They have no help of their own:
/// it would end up in the scripts that shells load.
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
    Kind: SELECTABLE,
    Language: EVERY,
    Scope: EVERY,
}
