//! The position of each column of a table within a row: determined from the statement that created
//! the table (`SQLite`, "CREATE TABLE"), of which only the plain form is understood.

use super::Table;
use crate::{Error, Result};

impl Table<'_> {
    /// The position of each of these columns within a row; `None` for a column that the
    /// table does not have.
    ///
    /// Only plain tables are understood: a virtual generated column or an `INTEGER PRIMARY
    /// KEY` is not stored where it is listed, and a default stands for values that are not
    /// stored at all.
    pub(crate) fn positions<const N: usize>(
        &self,
        wanted: [&str; N],
    ) -> Result<[Option<usize>; N]> {
        const STATEMENT: Error = Error::Unsupported("a table was made by an unusual statement");
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
            // The rest of the definition, up to its comma.
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
        // WITHOUT ROWID, for one, is a different kind of tree.
        match words.next()? {
            None => Ok(positions),
            Some(_) => Err(STATEMENT),
        }
    }
}

/// The words that begin a constraint on the whole table, not a column
/// (<https://sqlite.org/lang_createtable.html>).
const CONSTRAINTS: [&str; 5] = ["CONSTRAINT", "PRIMARY", "UNIQUE", "CHECK", "FOREIGN"];

/// One token of a `CREATE TABLE` statement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Word<'a> {
    Bare(&'a str),
    /// Without the quotes. Doubled quotes inside stay doubled: no requested name has any.
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
        const OPEN: Error = Error::Damaged("a quotation in a statement never ends");
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
            return Err(Error::Unsupported("a statement has comments"));
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
