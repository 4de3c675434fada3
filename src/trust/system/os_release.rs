//! `/etc/os-release`, in which every Linux distribution says what it is and what it derives from
//! (os-release(5)). Only `ID` and `ID_LIKE` matter here: they decide where to look for anchors
//! first, and which command installs what is missing.

/// The words of `ID`, then of `ID_LIKE`: the distribution itself first, then its ancestors, closest
/// first. Empty if the text names none.
pub(super) fn ids(text: &str) -> Vec<String> {
    ["ID", "ID_LIKE"]
        .iter()
        .filter_map(|key| value(text, key))
        .flat_map(|value| {
            value
                .split_whitespace()
                .map(str::to_ascii_lowercase)
                .collect::<Vec<_>>()
        })
        .collect()
}

/// The value of the last line `key=…`, as a shell would read it.
fn value(text: &str, key: &str) -> Option<String> {
    text.lines()
        .filter_map(|line| line.trim().strip_prefix(key)?.strip_prefix('='))
        .next_back()
        .map(unquoted)
}

/// A shell word without its quotes and escapes.
fn unquoted(word: &str) -> String {
    let mut text = String::new();
    let mut quote = None;
    let mut characters = word.chars();
    while let Some(c) = characters.next() {
        match (quote, c) {
            (Some('\''), c) if c != '\'' => text.push(c),
            (_, '\\') => text.extend(characters.next()),
            (None, '"' | '\'') => quote = Some(c),
            (Some(open), c) if c == open => quote = None,
            (None, c) if c.is_whitespace() => break,
            (_, c) => text.push(c),
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distributions_and_their_ancestors() {
        let table = [
            ("ID=debian\n", vec!["debian"]),
            (
                "NAME=x\nID=ubuntu\nID_LIKE=debian\n",
                vec!["ubuntu", "debian"],
            ),
            (
                "ID=\"rocky\"\nID_LIKE=\"rhel centos fedora\"\n",
                vec!["rocky", "rhel", "centos", "fedora"],
            ),
            (
                "ID=\"opensuse-tumbleweed\"\r\nID_LIKE=\"opensuse suse\"\r\n",
                vec!["opensuse-tumbleweed", "opensuse", "suse"],
            ),
            ("ID='arch' # comment\n", vec!["arch"]),
            ("  ID=Alpine\n", vec!["alpine"]),
            ("VERSION_ID=12\nBUILD_ID=x\n", vec![]),
            ("ID=first\nID=second", vec!["second"]),
            ("ID=\n", vec![]),
            ("", vec![]),
        ];
        for (text, expected) in table {
            assert_eq!(ids(text), expected, "{text:?}");
        }
    }

    proptest::proptest! {
        /// Whatever is in the file, a program that must not fail reads it.
        #[test]
        fn any_text_gives_words(text in "\\PC*(\nID=\\PC*)?(\nID_LIKE=\\PC*)?") {
            for word in ids(&text) {
                proptest::prop_assert!(!word.is_empty());
                proptest::prop_assert!(!word.contains(char::is_whitespace));
            }
        }

        /// A shell reads it the same way.
        #[test]
        fn quoted_words_come_back(words in proptest::collection::vec("[a-z0-9._-]{1,12}", 1..4)) {
            for quote in ["\"", "'"] {
                let text = format!("NAME=n\nID_LIKE={quote}{}{quote}\n", words.join(" "));
                proptest::prop_assert_eq!(ids(&text), words.clone());
            }
        }
    }
}
