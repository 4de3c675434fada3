//! One row of a table, including its part on overflow pages (`SQLite` file format, 1.6 and 2.1).

use std::borrow::Cow;
use std::ops::Range;

use super::Database;
use super::pages::{VisitedPages, number, varint};
use crate::{Error, Result};

/// The position of a row's value, and its serial type (2.1, "Record Format").
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Value {
    kind: u64,
    place: Range<usize>,
}

impl Value {
    /// The number of bytes of a blob or text; `None` for NULL and numbers.
    pub(crate) fn len(&self) -> Option<usize> {
        (self.kind >= 12).then_some(self.place.len())
    }
}

/// One row. Nothing of it is read before it is requested.
pub(crate) struct Row<'a, 'walk> {
    pub(super) database: &'walk Database<'a>,
    pub(super) visited: &'walk mut VisitedPages,
    pub(super) local: &'a [u8],
    pub(super) total: usize,
    pub(super) overflow: usize,
    /// The whole payload, once a part beyond the first page was requested.
    pub(super) whole: Option<Vec<u8>>,
}

impl<'a> Row<'a, '_> {
    /// The positions of the values of these columns. A row may be shorter than its table is wide
    /// (`ALTER TABLE ADD COLUMN` changes no row): missing values are NULL.
    pub(crate) fn values<const N: usize>(
        &mut self,
        positions: [Option<usize>; N],
    ) -> Result<[Value; N]> {
        const CUT: Error = Error::Damaged("a row is cut off");
        let last = positions.iter().flatten().max().copied();
        let total = self.total;
        let mut at = 0;
        let mut payload = self.local;
        let mut size = varint(payload, &mut at);
        if self.local.len() < self.total
            && size.is_none_or(|size| size > self.local.len().try_into().unwrap_or(u64::MAX))
        {
            payload = self.whole()?;
            at = 0;
            size = varint(payload, &mut at);
        }
        let size = size.and_then(|size| usize::try_from(size).ok());
        let header = size.and_then(|size| payload.get(..size)).ok_or(CUT)?;
        let mut start = header.len();
        let mut values = std::array::from_fn(|_| Value::default());
        let Some(last) = last else { return Ok(values) };
        for position in 0..=last {
            if at >= header.len() {
                break;
            }
            // Most columns of most rows are NULL, type 0, which takes no space.
            if header.get(at) == Some(&0) {
                at += 1;
                continue;
            }
            let kind = varint(header, &mut at).ok_or(CUT)?;
            let end = start.checked_add(size_of(kind)?).ok_or(CUT)?;
            if end > total {
                return Err(CUT);
            }
            for (value, wanted) in values.iter_mut().zip(positions) {
                if wanted == Some(position) {
                    *value = Value {
                        kind,
                        place: start..end,
                    };
                }
            }
            start = end;
        }
        Ok(values)
    }

    /// The bytes of a blob or text; `None` for NULL and numbers.
    pub(crate) fn bytes(&mut self, value: Value) -> Result<Option<Cow<'a, [u8]>>> {
        match value.len() {
            Some(_) => self.part(value.place).map(Some),
            None => Ok(None),
        }
    }

    /// A number; `None` for any other type.
    pub(crate) fn integer(&mut self, value: Value) -> Result<Option<i64>> {
        Ok(match value.kind {
            8 => Some(0),
            9 => Some(1),
            1..=6 => {
                let bytes = self.part(value.place)?;
                let sign = if bytes.first().is_some_and(|first| *first >= 0x80) {
                    -1
                } else {
                    0
                };
                Some(
                    bytes
                        .iter()
                        .fold(sign, |sum, byte| sum << 8 | i64::from(*byte)),
                )
            }
            _ => None,
        })
    }

    fn part(&mut self, place: Range<usize>) -> Result<Cow<'a, [u8]>> {
        const CUT: Error = Error::Damaged("a row is cut off");
        if let Some(part) = self.local.get(place.clone()) {
            return Ok(Cow::Borrowed(part));
        }
        let part = self.whole()?.get(place).ok_or(CUT)?;
        Ok(Cow::Owned(part.to_vec()))
    }

    /// The payload with its overflow pages (1.6): each begins with the number of the next
    /// one, 0 in the last.
    fn whole(&mut self) -> Result<&[u8]> {
        let whole = if let Some(whole) = self.whole.take() {
            whole
        } else {
            let mut whole = Vec::with_capacity(self.total);
            whole.extend_from_slice(self.local);
            let mut next = self.overflow;
            while whole.len() < self.total {
                self.visited.visit(next)?;
                let page = self.database.page_bytes(next)?;
                let (link, content) = page
                    .split_first_chunk::<4>()
                    .ok_or(Error::Damaged("a page is cut off"))?;
                let size = content.len().min(self.total - whole.len());
                whole.extend_from_slice(content.get(..size).unwrap_or(content));
                next = number(link, 0).unwrap_or_default();
            }
            if next != 0 {
                return Err(Error::Damaged("a row is longer than it says"));
            }
            whole
        };
        Ok(self.whole.insert(whole))
    }
}

/// The bytes that a value of this serial type takes (2.1).
fn size_of(kind: u64) -> Result<usize> {
    Ok(match kind {
        0 | 8 | 9 => 0,
        1..=4 => usize::try_from(kind).unwrap_or_default(),
        5 => 6,
        6 | 7 => 8,
        10 | 11 => return Err(Error::Damaged("a value is of a reserved type")),
        // A size that does not fit is larger than any file.
        _ => usize::try_from((kind - 12) / 2).unwrap_or(usize::MAX),
    })
}
