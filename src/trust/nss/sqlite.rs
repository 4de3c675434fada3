//! Reads the tables of an `SQLite` database from memory, and nothing else: no indexes, no
//! SQL, no writing. `SQLite` itself would add two megabytes to azup for four columns.
//!
//! The rules are those of the "Database File Format" document
//! (<https://sqlite.org/fileformat2.html>, sections named below). The bytes are taken as
//! hostile: each page counts once, so that no loop survives and no more memory is used
//! than a small multiple of the file; what is not understood is an error, never a guess.

use std::borrow::Cow;
use std::fmt;
use std::ops::Range;

/// Why a database gives no answer. Asking certutil instead is the way on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotRead {
    /// The database keeps a write-ahead log, a second file that may hold the newest rows.
    WriteAheadLog,
    /// Valid perhaps, but not what this reader knows; the text says what it is.
    Unknown(&'static str),
    /// Torn or corrupt; the text says where.
    Damaged(&'static str),
}

impl fmt::Display for NotRead {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::WriteAheadLog => f.write_str("the database uses a write-ahead log"),
            Self::Unknown(what) => write!(f, "the database is of an unknown kind: {what}"),
            Self::Damaged(what) => write!(f, "the database is damaged: {what}"),
        }
    }
}

impl std::error::Error for NotRead {}

/// A result of this module.
pub(super) type Result<T> = std::result::Result<T, NotRead>;

/// The header string, with its terminating zero (1.3.1).
const MAGIC: &[u8] = b"SQLite format 3\0";

/// The size of the database header on page 1 (1.3).
const HEADER: usize = 100;

/// The first byte of a table b-tree page (1.6).
const INTERIOR: u8 = 5;
/// As [`INTERIOR`].
const LEAF: u8 = 13;

/// A database, its header checked.
#[derive(Debug)]
pub(super) struct Database<'a> {
    bytes: &'a [u8],
    page_size: usize,
    /// The page without the bytes reserved at its end for extensions.
    usable: usize,
    /// Pages of the file are numbered from 1 to this.
    pages: usize,
}

/// A table: where it begins, and the statement that made it.
#[derive(Debug)]
pub(super) struct Table<'a> {
    root: usize,
    sql: Cow<'a, str>,
}

impl<'a> Database<'a> {
    /// Checks the header (1.3).
    pub(super) fn open(bytes: &'a [u8]) -> Result<Self> {
        if bytes.is_empty() {
            return Err(NotRead::Unknown("it is empty"));
        }
        if !bytes.starts_with(MAGIC) {
            return Err(NotRead::Unknown("it is no SQLite 3 database"));
        }
        let header = bytes
            .first_chunk::<HEADER>()
            .ok_or(NotRead::Damaged("it ends within its header"))?;
        let [write_version, read_version] = [header[18], header[19]];
        if write_version == 2 || read_version == 2 {
            return Err(NotRead::WriteAheadLog);
        }
        if read_version != 1 {
            return Err(NotRead::Unknown("a newer version of SQLite made it"));
        }
        // 1 stands for 65536, which does not fit.
        let page_size = match u16::from_be_bytes([header[16], header[17]]) {
            1 => 65536,
            size if size >= 512 && size.is_power_of_two() => usize::from(size),
            _ => return Err(NotRead::Damaged("the page size is impossible")),
        };
        let usable = page_size - usize::from(header[20]);
        if usable < 480 {
            return Err(NotRead::Damaged("its pages have no room"));
        }
        if header[21..24] != [64, 32, 32] {
            return Err(NotRead::Unknown("its payload fractions are not 64, 32, 32"));
        }
        if !matches!(header[44..48], [0, 0, 0, 0..=4]) {
            return Err(NotRead::Unknown("its schema format is newer than 4"));
        }
        if !matches!(header[56..60], [0, 0, 0, 0 | 1]) {
            return Err(NotRead::Unknown("its text is not UTF-8"));
        }
        let mut pages = bytes.len() / page_size;
        // The page count in the header holds if the same program wrote both (1.3.7).
        let claimed = number(header, 28).unwrap_or_default();
        if claimed != 0 && header[24..28] == header[92..96] {
            if claimed > pages {
                return Err(NotRead::Damaged("it is shorter than its header says"));
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
    pub(super) fn table(&self, name: &str) -> Result<Option<Table<'a>>> {
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
                .ok_or(NotRead::Damaged("a table has no root page"))?;
            let sql = match row.bytes(sql)? {
                Some(Cow::Borrowed(sql)) => std::str::from_utf8(sql).ok().map(Cow::Borrowed),
                Some(Cow::Owned(sql)) => String::from_utf8(sql).ok().map(Cow::Owned),
                None => None,
            };
            let sql = sql.ok_or(NotRead::Damaged("a table has no statement"))?;
            found = Some(Table { root, sql });
            Ok(())
        })?;
        Ok(found)
    }

    /// Visits every row of a table in order of rowid.
    pub(super) fn rows_of(
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
        let mut seen = Seen(vec![false; self.pages]);
        seen.first_visit(root)?;
        let mut open = vec![root];
        while let Some(number) = open.pop() {
            let page = self.page(number)?;
            match page.kind()? {
                INTERIOR => {
                    // Last child first, so that the first one is taken from the stack first.
                    let right = page.right_child()?;
                    seen.first_visit(right)?;
                    open.push(right);
                    for cell in (0..page.cells()?).rev() {
                        let child = page.child(cell)?;
                        seen.first_visit(child)?;
                        open.push(child);
                    }
                }
                LEAF => self.leaf(&page, &mut seen, &mut visit)?,
                _ => return Err(NotRead::Damaged("a page is no page of a table")),
            }
        }
        Ok(())
    }

    /// Visits the cells of a leaf (1.6, "Table B-Tree Leaf Cell").
    fn leaf(
        &self,
        page: &Page<'a>,
        seen: &mut Seen,
        visit: &mut impl FnMut(&mut Row<'a, '_>) -> Result<()>,
    ) -> Result<()> {
        const CUT: NotRead = NotRead::Damaged("a row ends outside of its page");
        // Cells may not overlap. Without this sum, a small file could hold a large row
        // in thousands of places at once.
        let mut room = self.usable;
        for cell in 0..page.cells()? {
            let start = page.cell(cell)?;
            let mut at = start;
            let total = varint(page.bytes, &mut at).ok_or(CUT)?;
            varint(page.bytes, &mut at).ok_or(CUT)?; // the rowid, which nobody asks for
            let total = usize::try_from(total)
                .ok()
                .filter(|total| *total <= self.bytes.len())
                .ok_or(NotRead::Damaged("a row is larger than the file"))?;
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
                .ok_or(NotRead::Damaged("the rows of a page overlap"))?;
            visit(&mut Row {
                database: self,
                seen,
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
        Ok(Page { bytes, header })
    }

    fn page_bytes(&self, number: usize) -> Result<&'a [u8]> {
        const OUTSIDE: NotRead = NotRead::Damaged("it refers to a page outside of the file");
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

impl Table<'_> {
    /// The position of each of these columns within a row; `None` for a column that the
    /// table does not have.
    ///
    /// Only plain tables are understood: a virtual generated column or an `INTEGER PRIMARY
    /// KEY` is not stored where it is listed, and a default stands for values that are not
    /// stored at all.
    pub(super) fn positions<const N: usize>(
        &self,
        wanted: [&str; N],
    ) -> Result<[Option<usize>; N]> {
        const STATEMENT: NotRead = NotRead::Unknown("a table was made by an unusual statement");
        let mut words = Words(&self.sql);
        for keyword in ["CREATE", "TABLE"] {
            if !words.next()?.is_some_and(|word| word.is(keyword)) {
                return Err(STATEMENT);
            }
        }
        if !matches!(words.next()?, Some(Word::Bare(_) | Word::Quoted(_)))
            || words.next()? != Some(Word::Sign('('))
        {
            return Err(STATEMENT);
        }
        let mut positions = [None; N];
        let mut position = 0;
        let mut more = true;
        while more {
            let name = match words.next()?.ok_or(STATEMENT)? {
                Word::Bare(word) if CONSTRAINTS.iter().any(|c| word.eq_ignore_ascii_case(c)) => {
                    None
                }
                Word::Bare(name) | Word::Quoted(name) => Some(name),
                Word::Sign(_) => return Err(STATEMENT),
            };
            // Whatever else stands in the definition, up to its comma.
            let (mut depth, mut integer, mut primary) = (0_u32, false, false);
            loop {
                let word = words.next()?.ok_or(STATEMENT)?;
                match word {
                    Word::Sign('(') => depth += 1,
                    Word::Sign(',') if depth == 0 => break,
                    Word::Sign(')') if depth == 0 => {
                        more = false;
                        break;
                    }
                    Word::Sign(')') => depth -= 1,
                    _ => {}
                }
                integer |= word.is("INTEGER");
                primary |= word.is("PRIMARY");
                if ["AS", "GENERATED", "DEFAULT"].iter().any(|w| word.is(w)) {
                    return Err(STATEMENT);
                }
            }
            let Some(name) = name else { continue };
            if integer && primary {
                return Err(STATEMENT);
            }
            for (slot, wanted) in positions.iter_mut().zip(wanted) {
                if wanted.eq_ignore_ascii_case(name) {
                    *slot = Some(position);
                }
            }
            position += 1;
        }
        // WITHOUT ROWID, for one, is another kind of tree.
        match words.next()? {
            None => Ok(positions),
            Some(_) => Err(STATEMENT),
        }
    }
}

/// The words that begin a constraint of the whole table and are no column
/// (<https://sqlite.org/lang_createtable.html>).
const CONSTRAINTS: [&str; 5] = ["CONSTRAINT", "PRIMARY", "UNIQUE", "CHECK", "FOREIGN"];

/// One token of a `CREATE TABLE` statement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Word<'a> {
    Bare(&'a str),
    /// Without the quotes. Doubled quotes inside stay doubled: no name asked for has any.
    Quoted(&'a str),
    Sign(char),
}

impl Word<'_> {
    fn is(&self, keyword: &str) -> bool {
        matches!(self, Word::Bare(word) if word.eq_ignore_ascii_case(keyword))
    }
}

struct Words<'a>(&'a str);

impl<'a> Words<'a> {
    fn next(&mut self) -> Result<Option<Word<'a>>> {
        const OPEN: NotRead = NotRead::Damaged("a quotation in a statement never ends");
        let text = self.0.trim_ascii_start();
        let Some(first) = text.chars().next() else {
            return Ok(None);
        };
        let quote = match first {
            '"' | '\'' | '`' => Some(first),
            '[' => Some(']'),
            _ => None,
        };
        if let Some(quote) = quote {
            let inside = &text[1..];
            let mut end = 0;
            loop {
                end += inside
                    .get(end..)
                    .and_then(|rest| rest.find(quote))
                    .ok_or(OPEN)?;
                // A doubled quote is part of the name, except in brackets.
                if quote == ']' || !inside[end + 1..].starts_with(quote) {
                    break;
                }
                end += 2;
            }
            self.0 = &inside[end + 1..];
            return Ok(Some(Word::Quoted(&inside[..end])));
        }
        if text.starts_with("--") || text.starts_with("/*") {
            return Err(NotRead::Unknown("a statement has comments"));
        }
        let end = text
            .find(|c: char| c.is_ascii() && !c.is_ascii_alphanumeric() && c != '_' && c != '$')
            .unwrap_or(text.len());
        if end == 0 {
            self.0 = &text[first.len_utf8()..];
            return Ok(Some(Word::Sign(first)));
        }
        let (word, rest) = text.split_at(end);
        self.0 = rest;
        Ok(Some(Word::Bare(word)))
    }
}

/// The pages that a walk came by. A page has one place in a sound table.
struct Seen(Vec<bool>);

impl Seen {
    fn first_visit(&mut self, number: usize) -> Result<()> {
        let seen = number.checked_sub(1).and_then(|at| self.0.get_mut(at));
        let seen = seen.ok_or(NotRead::Damaged("it refers to a page outside of the file"))?;
        if std::mem::replace(seen, true) {
            return Err(NotRead::Damaged("its pages form a loop"));
        }
        Ok(())
    }
}

/// A page of a table (1.6).
struct Page<'a> {
    bytes: &'a [u8],
    header: usize,
}

impl Page<'_> {
    const CUT: NotRead = NotRead::Damaged("a page is cut off");

    fn kind(&self) -> Result<u8> {
        self.bytes.get(self.header).copied().ok_or(Self::CUT)
    }

    fn cells(&self) -> Result<usize> {
        half(self.bytes, self.header + 3).ok_or(Self::CUT)
    }

    fn right_child(&self) -> Result<usize> {
        number(self.bytes, self.header + 8).ok_or(Self::CUT)
    }

    /// Where a cell begins: the pointers stand behind the header, which is four bytes
    /// longer where there is a right child.
    fn cell(&self, index: usize) -> Result<usize> {
        let header = if self.kind()? == LEAF { 8 } else { 12 };
        half(self.bytes, self.header + header + 2 * index).ok_or(Self::CUT)
    }

    fn child(&self, index: usize) -> Result<usize> {
        number(self.bytes, self.cell(index)?).ok_or(Self::CUT)
    }
}

/// Where a value of a row stands, and its serial type (2.1, "Record Format").
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Value {
    kind: u64,
    place: Range<usize>,
}

impl Value {
    /// The number of bytes of a blob or text; `None` for NULL and numbers.
    pub(super) fn len(&self) -> Option<usize> {
        (self.kind >= 12).then_some(self.place.len())
    }
}

/// One row. Nothing of it is looked at before it is asked for.
pub(super) struct Row<'a, 'walk> {
    database: &'walk Database<'a>,
    seen: &'walk mut Seen,
    local: &'a [u8],
    total: usize,
    overflow: usize,
    /// All of the payload, once a part beyond the first page was asked for.
    whole: Option<Vec<u8>>,
}

impl<'a> Row<'a, '_> {
    /// Where the values at these positions stand. A row may be shorter than its table is
    /// wide (`ALTER TABLE ADD COLUMN` touches no row): what is missing is NULL.
    pub(super) fn values<const N: usize>(
        &mut self,
        positions: [Option<usize>; N],
    ) -> Result<[Value; N]> {
        const CUT: NotRead = NotRead::Damaged("a row is cut off");
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
    pub(super) fn bytes(&mut self, value: Value) -> Result<Option<Cow<'a, [u8]>>> {
        match value.len() {
            Some(_) => self.part(value.place).map(Some),
            None => Ok(None),
        }
    }

    /// A number; `None` for everything else.
    pub(super) fn integer(&mut self, value: Value) -> Result<Option<i64>> {
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
        const CUT: NotRead = NotRead::Damaged("a row is cut off");
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
                self.seen.first_visit(next)?;
                let page = self.database.page_bytes(next)?;
                let (link, content) = page
                    .split_first_chunk::<4>()
                    .ok_or(NotRead::Damaged("a page is cut off"))?;
                let size = content.len().min(self.total - whole.len());
                whole.extend_from_slice(content.get(..size).unwrap_or(content));
                next = number(link, 0).unwrap_or_default();
            }
            if next != 0 {
                return Err(NotRead::Damaged("a row is longer than it says"));
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
        10 | 11 => return Err(NotRead::Damaged("a value is of a reserved type")),
        // What does not fit is larger than any file.
        _ => usize::try_from((kind - 12) / 2).unwrap_or(usize::MAX),
    })
}

/// A big-endian 16-bit number.
fn half(bytes: &[u8], at: usize) -> Option<usize> {
    let bytes = bytes.get(at..at.checked_add(2)?)?.first_chunk()?;
    Some(usize::from(u16::from_be_bytes(*bytes)))
}

/// A big-endian 32-bit number.
fn number(bytes: &[u8], at: usize) -> Option<usize> {
    let bytes = bytes.get(at..at.checked_add(4)?)?.first_chunk()?;
    usize::try_from(u32::from_be_bytes(*bytes)).ok()
}

/// A variable-length number (1.6): seven bits in each byte, the high bit where more
/// follow, all eight bits in the ninth byte.
fn varint(bytes: &[u8], at: &mut usize) -> Option<u64> {
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

#[cfg(test)]
mod tests;
