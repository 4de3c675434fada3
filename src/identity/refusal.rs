//! How to refuse a token for a resource that azup does not serve, depending on the SDK that asks:
//! its credential chain must go on to `az login`, which has that token.
//!
//! No one answer suits all of them (measured): .NET ends its chain at every 400 and continues at
//! once if the answer is not JSON, while newer Python ends its chain then. Java from 1.18 on needs
//! the text in [`WORDS`]. Go ends in any case.

/// The text at which Java's chain continues.
const WORDS: &str = "Authentication unavailable";

/// A part of .NET's `User-Agent`: it requests managed identities in the name of Azure.Core
/// (measured), possibly after an application's own name.
const DOTNET: &[u8] = b"azsdk-net-";

/// The format of a refusal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// 200 with plain text, from which no token can be parsed.
    Text,
    /// 400 with a JSON document.
    Document,
}

const FORMS: [(&[u8], Form); 1] = [(DOTNET, Form::Text)];

impl Form {
    /// The form for the client with this `User-Agent`.
    pub(super) fn of(agent: Option<&[u8]>) -> Self {
        let agent = agent.unwrap_or_default().to_ascii_lowercase();
        FORMS
            .into_iter()
            .find(|(name, _)| agent.windows(name.len()).any(|part| part == *name))
            .map_or(Self::Document, |(_, form)| form)
    }
}

/// The text: the words that SDKs look for, and azup's own reason.
pub(super) fn message(why: &str) -> String {
    format!("{WORDS}: {why}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn net_is_known_by_its_name_and_everybody_else_gets_a_document() {
        for agent in [
            "azsdk-net-Core/1.64.0 (.NET 10.0.12; Debian GNU/Linux 12 (bookworm))",
            "shop azsdk-net-Identity/1.14.0",
        ] {
            assert_eq!(Form::of(Some(agent.as_bytes())), Form::Text, "{agent}");
        }
        for agent in [
            "",
            "curl/8.0",
            "azsdk-python-identity/1.27.0 Python/3.11.2",
            "azsdk-java-azure-identity/1.18.0",
            "azsdk-go-azidentity/v1.13.1",
            "azsdk-js-identity/4.14.1",
        ] {
            assert_eq!(Form::of(Some(agent.as_bytes())), Form::Document, "{agent}");
        }
        assert_eq!(Form::of(None), Form::Document);
    }
}
