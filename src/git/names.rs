//! Names as case-insensitive file systems compare them (macOS, Windows' drives, ext4 with
//! casefold): there, a repository that tracks `.VENV` brings a `.venv`. Everywhere else, treating
//! two names as the same only causes a needless refusal.

pub(super) fn is_same(one: &[u8], other: &[u8]) -> bool {
    if one.is_ascii() && other.is_ascii() {
        return one.eq_ignore_ascii_case(other);
    }
    folded(one) == folded(other)
}

/// Whether `path` is `folder` or below it; everything is below the empty path.
pub(super) fn is_within(path: &[u8], folder: &[u8]) -> bool {
    let folder = folder.strip_suffix(b"/").unwrap_or(folder);
    if folder.is_empty() {
        return true;
    }
    if path.is_ascii() && folder.is_ascii() {
        let Some((start, rest)) = path.split_at_checked(folder.len()) else {
            return false;
        };
        return start.eq_ignore_ascii_case(folder) && rest.first().is_none_or(|next| *next == b'/');
    }
    let (path, folder) = (folded(path), folded(folder));
    let rest = path.strip_prefix(folder.as_str());
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// Upper case first: some lower-case letters have two capital forms and vice versa, such as the
/// long s.
fn folded(path: &[u8]) -> String {
    String::from_utf8_lossy(path).to_uppercase().to_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_the_same_in_any_case() {
        for (one, other, same) in [
            (".venv", ".VENV", true),
            (
                ".devcontainer/azurite-certs",
                ".DevContainer/Azurite-cert\u{17f}",
                true,
            ),
            ("\u{fc}ber/x", "\u{dc}BER/X", true),
            (".venv", ".venw", false),
        ] {
            assert_eq!(
                is_same(one.as_bytes(), other.as_bytes()),
                same,
                "{one} {other}"
            );
        }
        for (path, folder, within) in [
            ("a/B/c", "A/b", true),
            ("a/b", "a/b", true),
            ("a/bc", "a/b", false),
            ("a", "a/b", false),
            ("a/b", "A/", true),
            ("a", "", true),
            ("\u{fc}/b", "\u{dc}", true),
            ("\u{fc}b", "\u{dc}", false),
        ] {
            assert_eq!(
                is_within(path.as_bytes(), folder.as_bytes()),
                within,
                "{path} {folder}"
            );
        }
    }
}
