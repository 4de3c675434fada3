//! The pages of a database file, and the numbers on them (`SQLite` file format, 1.6).

use crate::{Error, Result};

/// The first byte of an interior page of a table (1.6).
pub(super) const INTERIOR: u8 = 5;
/// The first byte of a leaf page (1.6).
pub(super) const LEAF: u8 = 13;

/// The pages that a walk has visited. In a sound table each page occurs once.
pub(super) struct VisitedPages(Vec<bool>);

impl VisitedPages {
    pub(super) fn none_of(pages: usize) -> Self {
        Self(vec![false; pages])
    }

    /// Fails if the page was visited before.
    pub(super) fn visit(&mut self, number: usize) -> Result<()> {
        let visited = number.checked_sub(1).and_then(|at| self.0.get_mut(at));
        let visited = visited.ok_or(Error::Damaged("it refers to a page outside of the file"))?;
        if std::mem::replace(visited, true) {
            return Err(Error::Damaged("its pages form a loop"));
        }
        Ok(())
    }
}

/// A page of a table.
pub(super) struct Page<'a> {
    pub(super) bytes: &'a [u8],
    header: usize,
}

impl<'a> Page<'a> {
    const CUT: Error = Error::Damaged("a page is cut off");

    /// A page whose header begins at this byte.
    pub(super) fn new(bytes: &'a [u8], header: usize) -> Self {
        Self { bytes, header }
    }

    pub(super) fn kind(&self) -> Result<u8> {
        self.bytes.get(self.header).copied().ok_or(Self::CUT)
    }

    pub(super) fn cells(&self) -> Result<usize> {
        half(self.bytes, self.header + 3).ok_or(Self::CUT)
    }

    pub(super) fn right_child(&self) -> Result<usize> {
        number(self.bytes, self.header + 8).ok_or(Self::CUT)
    }

    /// The offset of a cell: the pointers follow the header, which is four bytes longer if there is
    /// a right child.
    pub(super) fn cell(&self, index: usize) -> Result<usize> {
        let header = if self.kind()? == LEAF { 8 } else { 12 };
        half(self.bytes, self.header + header + 2 * index).ok_or(Self::CUT)
    }

    pub(super) fn child(&self, index: usize) -> Result<usize> {
        number(self.bytes, self.cell(index)?).ok_or(Self::CUT)
    }
}

/// A big-endian 16-bit number.
fn half(bytes: &[u8], at: usize) -> Option<usize> {
    let bytes = bytes.get(at..at.checked_add(2)?)?.first_chunk()?;
    Some(usize::from(u16::from_be_bytes(*bytes)))
}

/// A big-endian 32-bit number.
pub(super) fn number(bytes: &[u8], at: usize) -> Option<usize> {
    let bytes = bytes.get(at..at.checked_add(4)?)?.first_chunk()?;
    usize::try_from(u32::from_be_bytes(*bytes)).ok()
}

/// A variable-length number (1.6): seven bits in each byte, with the high bit set if more follow,
/// and all eight bits of the ninth byte.
pub(super) fn varint(bytes: &[u8], at: &mut usize) -> Option<u64> {
    let mut number = 0;
    for index in 0..9 {
        let byte = *bytes.get(*at)?;
        *at += 1;
        if index == 8 {
            return Some(number << 8 | u64::from(byte));
        }
        number = number << 7 | u64::from(byte & 0x7f);
        if byte < 0x80 {
            break;
        }
    }
    Some(number)
}
