//! Reads the tables of an `SQLite` database from memory, and nothing else: no indexes, no SQL, no
//! writing. `SQLite` itself would add a megabyte of C to a program (1.04 MB measured, optimized for
//! size), just to read four columns; opened read-only it fails on a hot journal, and opened as
//! immutable it reads half of a change.
//!
//! The rules are those of the "Database File Format" document
//! (<https://sqlite.org/fileformat2.html>, sections named below). The bytes are treated as hostile:
//! each page counts once, so that loops end and memory use is limited to a small multiple of the
//! file; anything that is not understood is an error, never a guess.

mod columns;
mod pages;
mod rows;

use std::borrow::Cow;

use self::pages::{INTERIOR, LEAF, Page, VisitedPages, number, varint};
use self::rows::Row;
use crate::{Error, Result};

/// The header string, with its terminating zero (1.3.1).
const MAGIC: &[u8] = b"SQLite format 3\0";

/// The size of the database header on page 1 (1.3).
const HEADER: usize = 100;

/// A database, its header checked.
#[derive(Debug)]
pub(crate) struct Database<'a> {
    bytes: &'a [u8],
    page_size: usize,
    /// The size of a page without the bytes reserved at its end for extensions.
    usable: usize,
    /// The number of pages, which are numbered from 1.
    pages: usize,
}

/// A table: its first page, and the statement that created it.
#[derive(Debug)]
pub(crate) struct Table<'a> {
    root: usize,
    sql: Cow<'a, str>,
}

impl<'a> Database<'a> {
    /// Checks the header (1.3).
    pub(crate) fn open(bytes: &'a [u8]) -> Result<Self> {
        if bytes.is_empty() {
            return Err(Error::Unsupported("it is empty"));
        }
        if !bytes.starts_with(MAGIC) {
            return Err(Error::Unsupported("it is not an SQLite 3 database"));
        }
        let header = bytes
            .first_chunk::<HEADER>()
            .ok_or(Error::Damaged("it ends within its header"))?;
        let [write_version, read_version] = [header[18], header[19]];
        if write_version == 2 || read_version == 2 {
            return Err(Error::WriteAheadLog);
        }
        if read_version != 1 {
            return Err(Error::Unsupported("a newer version of SQLite made it"));
        }
        // 1 stands for 65536, which does not fit.
        let page_size = match u16::from_be_bytes([header[16], header[17]]) {
            1 => 65536,
            size if size >= 512 && size.is_power_of_two() => usize::from(size),
            _ => return Err(Error::Damaged("the page size is impossible")),
        };
        let usable = page_size - usize::from(header[20]);
        if usable < 480 {
            return Err(Error::Damaged("its pages have no room"));
        }
        if header[21..24] != [64, 32, 32] {
            return Err(Error::Unsupported(
                "its payload fractions are not 64, 32, 32",
            ));
        }
        if !matches!(header[44..48], [0, 0, 0, 0..=4]) {
            return Err(Error::Unsupported("its schema format is newer than 4"));
        }
        if !matches!(header[56..60], [0, 0, 0, 0 | 1]) {
            return Err(Error::Unsupported("its text is not UTF-8"));
        }
        let mut pages = bytes.len() / page_size;
        // The page count in the header is valid if the same program wrote both (1.3.7).
        let claimed = number(header, 28).unwrap_or_default();
        if claimed != 0 && header[24..28] == header[92..96] {
            if claimed > pages {
                return Err(Error::Damaged("it is shorter than its header says"));
            }
            pages = claimed;
        }
        Ok(Self {
            bytes,
            page_size,
            usable,
            pages,
        })
    }

    /// The table of this name, from the schema table (2.6).
    pub(crate) fn table(&self, name: &str) -> Result<Option<Table<'a>>> {
        // CREATE TABLE sqlite_schema(type, name, tbl_name, rootpage, sql)
        const WANTED: [Option<usize>; 4] = [Some(0), Some(1), Some(3), Some(4)];
        let mut found = None;
        self.rows(1, |row| {
            let [kind, its_name, root, sql] = row.values(WANTED)?;
            if row.bytes(kind)?.as_deref() != Some(b"table")
                || !row
                    .bytes(its_name)?
                    .is_some_and(|its| its.eq_ignore_ascii_case(name.as_bytes()))
            {
                return Ok(());
            }
            let root = row
                .integer(root)?
                .and_then(|root| usize::try_from(root).ok())
                .ok_or(Error::Damaged("a table has no root page"))?;
            let sql = match row.bytes(sql)? {
                Some(Cow::Borrowed(sql)) => std::str::from_utf8(sql).ok().map(Cow::Borrowed),
                Some(Cow::Owned(sql)) => String::from_utf8(sql).ok().map(Cow::Owned),
                None => None,
            };
            let sql = sql.ok_or(Error::Damaged("a table has no statement"))?;
            found = Some(Table { root, sql });
            Ok(())
        })?;
        Ok(found)
    }

    /// Visits every row of a table in order of rowid.
    pub(crate) fn rows_of(
        &self,
        table: &Table<'_>,
        visit: impl FnMut(&mut Row<'a, '_>) -> Result<()>,
    ) -> Result<()> {
        self.rows(table.root, visit)
    }

    fn rows(
        &self,
        root: usize,
        mut visit: impl FnMut(&mut Row<'a, '_>) -> Result<()>,
    ) -> Result<()> {
        let mut visited = VisitedPages::none_of(self.pages);
        visited.visit(root)?;
        let mut open = vec![root];
        while let Some(number) = open.pop() {
            let page = self.page(number)?;
            match page.kind()? {
                INTERIOR => {
                    // Last child first, so that the first one is taken from the stack first.
                    let right = page.right_child()?;
                    visited.visit(right)?;
                    open.push(right);
                    for cell in (0..page.cells()?).rev() {
                        let child = page.child(cell)?;
                        visited.visit(child)?;
                        open.push(child);
                    }
                }
                LEAF => self.leaf(&page, &mut visited, &mut visit)?,
                _ => return Err(Error::Damaged("a page does not belong to a table")),
            }
        }
        Ok(())
    }

    /// Visits the cells of a leaf (1.6, "Table B-Tree Leaf Cell").
    fn leaf(
        &self,
        page: &Page<'a>,
        visited: &mut VisitedPages,
        visit: &mut impl FnMut(&mut Row<'a, '_>) -> Result<()>,
    ) -> Result<()> {
        const CUT: Error = Error::Damaged("a row ends outside of its page");
        // Cells must not overlap. Without this sum, a small file could hold a large row in
        // thousands of places at once.
        let mut room = self.usable;
        for cell in 0..page.cells()? {
            let start = page.cell(cell)?;
            let mut at = start;
            let total = varint(page.bytes, &mut at).ok_or(CUT)?;
            varint(page.bytes, &mut at).ok_or(CUT)?; // the rowid, which is not used
            let total = usize::try_from(total)
                .ok()
                .filter(|total| *total <= self.bytes.len())
                .ok_or(Error::Damaged("a row is larger than the file"))?;
            let size = self.local_size(total);
            let local = page.bytes.get(at..at + size).ok_or(CUT)?;
            let mut end = at + size;
            let mut overflow = 0;
            if size < total {
                overflow = number(page.bytes, end).ok_or(CUT)?;
                end += 4;
            }
            room = room
                .checked_sub(end - start)
                .ok_or(Error::Damaged("the rows of a page overlap"))?;
            visit(&mut Row {
                database: self,
                visited,
                local,
                total,
                overflow,
                whole: None,
            })?;
        }
        Ok(())
    }

    /// How much of a row's payload is on its own page (1.6, "Cell Payload Overflow Pages").
    fn local_size(&self, total: usize) -> usize {
        let largest = self.usable - 35;
        if total <= largest {
            return total;
        }
        let smallest = (self.usable - 12) * 32 / 255 - 23;
        let filling = smallest + (total - smallest) % (self.usable - 4);
        if filling <= largest {
            filling
        } else {
            smallest
        }
    }

    fn page(&self, number: usize) -> Result<Page<'a>> {
        let bytes = self.page_bytes(number)?;
        let header = if number == 1 { HEADER } else { 0 };
        Ok(Page::new(bytes, header))
    }

    fn page_bytes(&self, number: usize) -> Result<&'a [u8]> {
        const OUTSIDE: Error = Error::Damaged("it refers to a page outside of the file");
        if number > self.pages {
            return Err(OUTSIDE);
        }
        let start = number
            .checked_sub(1)
            .map(|index| index * self.page_size)
            .ok_or(OUTSIDE)?;
        self.bytes.get(start..start + self.usable).ok_or(OUTSIDE)
    }
}

#[cfg(test)]
mod tests;
