//! Whether a database may hold half of a change, judging by the rollback journal beside it.

/// The first bytes of a rollback journal (`SQLite` file format, 3).
const MAGIC: [u8; 8] = [0xd9, 0xd5, 0x05, 0xf9, 0x20, 0xa1, 0x63, 0xd7];

/// How many bytes of a journal [`is_hot_journal`] needs.
pub const JOURNAL_HEADER_LENGTH: usize = 12;

/// Whether this is the beginning of a hot journal: the file `cert9.db-journal` (or
/// `key4.db-journal`) of a transaction that is in progress, or that a killed program never
/// finished. While there is one, the database may hold half of a change and must not be read: wait
/// a moment, and if it stays, open the database with NSS, which rolls the change back.
///
/// The number of pages in the journal is written before the first page of the database is, and is 0
/// until then, so that a journal without pages is not hot.
#[must_use]
pub fn is_hot_journal(journal: &[u8]) -> bool {
    journal
        .first_chunk::<JOURNAL_HEADER_LENGTH>()
        .is_some_and(|header| header[..8] == MAGIC && header[8..] != [0; 4])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_journal_is_hot_once_it_has_pages() {
        let journal = |pages: u8| [&MAGIC[..], &[0, 0, 0, pages], &[0; 500]].concat();
        assert!(is_hot_journal(&journal(1)));
        assert!(!is_hot_journal(&journal(0)));
        assert!(!is_hot_journal(&journal(1)[..11]));
        assert!(!is_hot_journal(b""));
        assert!(!is_hot_journal(&[0; 512]));
    }
}
