//! How a token for a resource that azup does not answer for is refused, by the SDK that
//! asks: so that its chain goes on to `az login`, which has that token.
//!
//! No one answer suits all of them (measured): .NET ends its chain at every 400 and goes
//! on at once where the answer is no JSON, at which the newer Python ends. Java from 1.18 on
//! wants the words of [`WORDS`]. Go ends whatever it is told.

/// The words at which Java's chain goes on.
const WORDS: &str = "Authentication unavailable";

/// What the `User-Agent` of .NET holds: managed identity is asked for in the name of
/// Azure.Core (measured), and an application's own name may stand in front of it.
const DOTNET: &[u8] = b"azsdk-net-";

/// The form in which a refusal is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// 200 with a text: no token can be read out of it.
    Text,
    /// 400 with a JSON document.
    Document,
}

/// The rows of the table.
const FORMS: [(&[u8], Form); 1] = [(DOTNET, Form::Text)];

impl Form {
    /// The one for the client with this `User-Agent`.
    pub(super) fn of(agent: Option<&[u8]>) -> Self {
        let agent = agent.unwrap_or_default().to_ascii_lowercase();
        FORMS
            .into_iter()
            .find(|(name, _)| agent.windows(name.len()).any(|part| part == *name))
            .map_or(Self::Document, |(_, form)| form)
    }
}

/// What is said: the words that SDKs look for, and azup's own reason.
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
