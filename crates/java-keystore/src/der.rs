//! DER (X.690), as far as PKCS#12 needs it: elements by their position, spliced so that every other
//! byte stays as it was.

use std::ops::Range;

use crate::Error;

pub(crate) const INTEGER: u8 = 0x02;
pub(crate) const OCTET_STRING: u8 = 0x04;
pub(crate) const OBJECT_IDENTIFIER: u8 = 0x06;
pub(crate) const BMP_STRING: u8 = 0x1e;
pub(crate) const SEQUENCE: u8 = 0x30;
pub(crate) const SET: u8 = 0x31;
/// `[0]`, constructed.
pub(crate) const CONTEXT_0: u8 = 0xa0;

type Result<T> = std::result::Result<T, Error>;

/// One element by its position.
#[derive(Clone, Debug)]
pub(crate) struct Element {
    pub(crate) tag: u8,
    start: usize,
    pub(crate) content: Range<usize>,
}

impl Element {
    /// The first element in a range. Lengths must be definite and as short as possible, as
    /// [`encode`] writes them, so that an edit leaves every other byte as it was.
    fn first(bytes: &[u8], range: Range<usize>) -> Result<Self> {
        const CUT: Error = Error::NotStrictDer;
        let within = bytes.get(range.clone()).ok_or(CUT)?;
        let (&[tag, first], rest) = within.split_first_chunk::<2>().ok_or(CUT)?;
        let (header, length) = if first < 0x80 {
            (2, usize::from(first))
        } else {
            let digits = rest.get(..usize::from(first - 0x80)).ok_or(CUT)?;
            // No digits at all is the indefinite length of BER.
            if !(1..=4).contains(&digits.len()) {
                return Err(CUT);
            }
            let length = digits
                .iter()
                .fold(0, |all, byte| all << 8 | usize::from(*byte));
            (2 + digits.len(), length)
        };
        let start = range.start + header;
        let content = start..start.checked_add(length).ok_or(CUT)?;
        if content.end > range.end || header != 2 + extra_digits(length) {
            return Err(CUT);
        }
        Ok(Self {
            tag,
            start: range.start,
            content,
        })
    }

    /// The element that fills the range.
    pub(crate) fn only(bytes: &[u8], range: Range<usize>, tag: u8) -> Result<Self> {
        let element = Self::first(bytes, range.clone())?;
        if element.tag != tag || element.content.end != range.end {
            return Err(Error::NotStrictDer);
        }
        Ok(element)
    }

    /// The elements that fill this one's content.
    pub(crate) fn children(&self, bytes: &[u8]) -> Result<Vec<Self>> {
        let mut at = self.content.start;
        let mut all = Vec::new();
        while at < self.content.end {
            let child = Self::first(bytes, at..self.content.end)?;
            at = child.content.end;
            all.push(child);
        }
        Ok(all)
    }

    /// The two elements that fill this one's content.
    pub(crate) fn pair(&self, bytes: &[u8]) -> Result<[Self; 2]> {
        let children = self.children(bytes)?;
        children.try_into().map_err(|_| Error::NotStrictDer)
    }

    pub(crate) fn content<'a>(&self, bytes: &'a [u8]) -> &'a [u8] {
        &bytes[self.content.clone()]
    }

    /// The range of the element with its tag and length.
    pub(crate) fn whole(&self) -> Range<usize> {
        self.start..self.content.end
    }
}

/// How many bytes a length takes beyond its first.
fn extra_digits(length: usize) -> usize {
    match length {
        0..0x80 => 0,
        _ => (length.ilog2() / 8 + 1) as usize,
    }
}

pub(crate) fn encode(tag: u8, content: impl AsRef<[u8]>) -> Vec<u8> {
    let content = content.as_ref();
    let length = content.len().to_be_bytes();
    let digits = &length[length.len() - extra_digits(content.len()).max(1)..];
    let mut all = vec![tag];
    if content.len() >= 0x80 {
        all.push(0x80 | u8::try_from(digits.len()).unwrap_or_default());
    }
    all.extend(digits);
    all.extend(content);
    all
}

/// `bytes` with `place` replaced, and the lengths of all elements around it (outermost first)
/// updated.
pub(crate) fn splice(
    bytes: &[u8],
    nested: &[Element],
    mut place: Range<usize>,
    mut with: Vec<u8>,
) -> Vec<u8> {
    for parent in nested.iter().rev() {
        let before = &bytes[parent.content.start..place.start];
        let after = &bytes[place.end..parent.content.end];
        with = encode(parent.tag, [before, &with, after].concat());
        place = parent.whole();
    }
    with
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_shortest_definite_length_is_accepted() {
        let element = |bytes: &[u8]| Element::first(bytes, 0..bytes.len()).map(|it| it.content);
        assert_eq!(element(b"\x04\x01a"), Ok(2..3));
        assert_eq!(element(b"\x04\x00"), Ok(2..2));
        for bytes in [
            &b"\x04\x81\x01a"[..],
            b"\x04\x80a\0\0",
            b"\x04\x02a",
            b"\x04",
            b"\x04\x85\0\0\0\0\x01a",
            b"",
        ] {
            assert_eq!(element(bytes), Err(Error::NotStrictDer), "{bytes:x?}");
        }
    }

    #[test]
    fn lengths_of_every_size_are_read_as_they_were_written() {
        for length in [0, 1, 0x7f, 0x80, 0xff, 0x100, 0xffff, 0x1_0000] {
            let bytes = encode(OCTET_STRING, vec![7; length]);
            let element = Element::only(&bytes, 0..bytes.len(), OCTET_STRING).expect("read");
            assert_eq!(element.content(&bytes), vec![7; length]);
        }
    }

    #[test]
    fn a_length_that_gains_a_digit_moves_what_it_is_nested_in() {
        let nested = |content: Vec<u8>| encode(SEQUENCE, encode(SEQUENCE, content));
        let before = nested(vec![5; 0x70]);
        let outer = Element::only(&before, 0..before.len(), SEQUENCE).expect("read");
        let [inner] = &outer.children(&before).expect("read")[..] else {
            panic!("one child")
        };
        let end = inner.content.end;
        let chain = [outer.clone(), inner.clone()];
        let after = splice(&before, &chain, end..end, vec![5; 0x20]);
        assert_eq!(after, nested(vec![5; 0x90]));
    }
}
