//! Text as Java's `DataOutput.writeUTF` stores it: UTF-8, except for the NUL character, which takes
//! two bytes, and for characters beyond U+FFFF, whose two surrogates take three bytes each.

use std::borrow::Cow;

/// Encodes text. Text with neither a NUL nor a character beyond U+FFFF is already UTF-8.
pub(crate) fn encode(text: &str) -> Cow<'_, [u8]> {
    if !text.contains(|c| c == '\0' || c > '\u{ffff}') {
        return Cow::Borrowed(text.as_bytes());
    }
    let mut bytes = Vec::with_capacity(text.len());
    for unit in text.encode_utf16() {
        let [high, middle, low] = [unit >> 12, unit >> 6 & 0x3f, unit & 0x3f];
        let [high, middle, low] = [high, middle, low].map(|bits| u8::try_from(bits).unwrap_or(0));
        match unit {
            1..0x80 => bytes.push(middle << 6 | low),
            0 | 0x80..0x800 => bytes.extend([0xc0 | high << 6 | middle, 0x80 | low]),
            _ => bytes.extend([0xe0 | high, 0x80 | middle, 0x80 | low]),
        }
    }
    Cow::Owned(bytes)
}

/// Decodes text; every invalid byte becomes a replacement character.
pub(crate) fn decode(bytes: &[u8]) -> Cow<'_, str> {
    if let Ok(text) = std::str::from_utf8(bytes) {
        return Cow::Borrowed(text);
    }
    let mut units = Vec::with_capacity(bytes.len());
    let mut rest = bytes;
    while let [first, after @ ..] = rest {
        let (unit, after) = match (*first, after) {
            (0..0x80, _) => (u16::from(*first), after),
            (0xc0..0xe0, [low @ 0x80..0xc0, after @ ..]) => {
                (u16::from(first & 0x1f) << 6 | u16::from(low & 0x3f), after)
            }
            (0xe0..0xf0, [middle @ 0x80..0xc0, low @ 0x80..0xc0, after @ ..]) => {
                let high = u16::from(first & 0x0f) << 12;
                (
                    high | u16::from(middle & 0x3f) << 6 | u16::from(low & 0x3f),
                    after,
                )
            }
            _ => (0xfffd, after),
        };
        units.push(unit);
        rest = after;
    }
    Cow::Owned(String::from_utf16_lossy(&units))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bytes_are_those_of_java() {
        // As DataOutputStream.writeUTF of JDK 17 writes them.
        for (text, bytes) in [
            ("azup", &b"azup"[..]),
            ("größe \u{20ac}", "größe \u{20ac}".as_bytes()),
            ("a\0b", b"a\xc0\x80b"),
            ("\u{1f512}!", b"\xed\xa0\xbd\xed\xb4\x92!"),
        ] {
            assert_eq!(&*encode(text), bytes, "{text}");
            assert_eq!(decode(bytes), text);
        }
    }

    #[test]
    fn bytes_that_do_not_belong_there_are_replaced() {
        assert_eq!(decode(b"a\xffb"), "a\u{fffd}b");
        assert_eq!(decode(b"\xe2\x82"), "\u{fffd}\u{fffd}");
        // Half of a pair.
        assert_eq!(decode(b"\xed\xa0\xbd"), "\u{fffd}");
    }

    proptest::proptest! {
        #[test]
        fn any_text_comes_back(text: String) {
            let bytes = encode(&text);
            proptest::prop_assert_eq!(decode(&bytes), text.as_str());
        }

        #[test]
        fn any_bytes_are_survived(bytes: Vec<u8>) {
            decode(&bytes);
        }
    }
}
